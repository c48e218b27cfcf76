"""Compiles a guideline into a plan: what can be decided on a case, from its OWL axioms alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rdflib import URIRef

from kg_service.axioms import AxiomReader, check_fragment
from kg_service.concordance import OFFERS, RESERVES, STOPS, PrescriptionTrees
from kg_service.guideline import Guideline, Recommendation
from kg_service.namespaces import OWL
from kg_service.plan import And, Named, Node, Not, Or, Plan
from kg_service.schema import Entity, ListOf, RecordSchema
from kg_service.scores import Score, scores_of


@dataclass(frozen=True)
class OptionTrees:
    """The trees that decide one option: is it indicated, stopped, and so offered."""

    indicated: Node
    stopped: Node
    offered: Node


class CompiledGuideline:
    """A guideline, its record model, and the plan compiled from both.

    Parameters
    ----------
    guideline : Guideline
        The guideline, under a choice of readings.

    Raises
    ------
    CompileError
        When an axiom lies outside the supported fragment; names it.
    """

    def __init__(self, guideline: Guideline) -> None:
        if guideline.view.changes:
            self._share(CompiledGuideline(Guideline(guideline.source, guideline.iri)), guideline)
            return
        self._adopted = self
        self.guideline = guideline
        self.schema = RecordSchema(guideline.source)
        check_fragment(guideline.source, self.schema)
        self._reader = AxiomReader(guideline.source, self.schema)
        self._entailments: dict[tuple[int, int], bool] = {}

    def _share(self, adopted: CompiledGuideline, guideline: Guideline) -> None:
        """Take over from the compilation under the adopted readings what others leave alone."""
        self._adopted = adopted
        self.guideline = guideline
        self.schema, self._entailments = adopted.schema, adopted._entailments
        definitions = {
            URIRef(str(cls)): URIRef(str(next(iter(values))))
            for (cls, prop), values in guideline.view.changes.items()
            if prop == OWL.equivalentClass
        }
        self._reader = adopted._reader.under(definitions)

    def under(self, readings: Mapping[str, str], profile: str | None = None) -> CompiledGuideline:
        """Return the same guideline compiled under other readings; what they leave alone is shared.

        Raises
        ------
        UnknownNameError
            When a reading or a profile does not exist.
        UncomputedReadingError
            When a reading is recorded without a change that could be computed.
        """
        other = CompiledGuideline.__new__(CompiledGuideline)
        other._share(self._adopted, self.guideline.under(readings, profile))
        return other

    @cached_property
    def case_entity(self) -> Entity:
        """The entity whose instances are assessed."""
        return self._roots[1]

    @cached_property
    def document_entity(self) -> Entity:
        """The entity a record document describes at its top."""
        return self._roots[0]

    @cached_property
    def case_list(self) -> ListOf | None:
        """The list of the document that holds the cases, unless the document is the case."""
        return self._roots[2]

    @cached_property
    def _roots(self) -> tuple[Entity, Entity, ListOf | None]:
        document = self.schema.roots()[0]
        return document, *self.schema.case_entity(document)

    @cached_property
    def paths(self) -> dict[str, tuple[URIRef, ...]]:
        """The links that lead from a case to each feature it reaches, by feature IRI."""
        return dict(self._reached(self.case_entity, ()))

    def _reached(self, entity: Entity, links: tuple[URIRef, ...]) -> Iterator[tuple[str, tuple[URIRef, ...]]]:
        for feature in entity.features.values():
            yield str(feature.iri), links
        for link in entity.links.values():
            yield from self._reached(self.schema.entities[link.target], (*links, link.iri))

    @cached_property
    def plan(self) -> Plan:
        """The plan: criteria and contradictions by IRI, the trees of each option and of the prescription."""
        if self._adopted is not self:
            return self._adopted.plan.sharing(self._trees)
        domains = {str(f.iri): self.schema.domain(f) for f in self.schema.features.values()}
        # What only another reading says has its atoms here too: one set of cells serves them all.
        elsewhere = {str(cls): self.criterion(cls) for cls in self.guideline.readings.classes}
        return Plan(self._trees() | elsewhere, domains)

    @cached_property
    def scores(self) -> list[Score]:
        """The scores and definitions of the ontology, the same under all readings."""
        return scores_of(self.guideline.source, self.schema)

    @cached_property
    def bands(self) -> Plan:
        """The plan of what scores conclude: apart from that of the guideline, which no score bears on."""
        if self._adopted is not self:
            return self._adopted.bands
        trees = {str(band): self.criterion(band) for score in self.scores for band in score.bands}
        return Plan(trees, {str(f.iri): self.schema.domain(f) for f in self.schema.features.values()})

    def _trees(self) -> dict[str, Node]:
        classes = [*self.guideline.criteria(), *self.schema.impossible]
        trees: dict[str, Node] = {str(c): self.criterion(c) for c in classes}
        for recommendation in self.guideline.recommendations:
            for cls in (recommendation.population, recommendation.fulfilled_by, *recommendation.unmet_as):
                if cls is not None:
                    trees[str(cls)] = self.criterion(cls)
        trees |= {str(cls): self.criterion(cls) for cls in self.guideline.realisable.values()}
        trees |= self.prescriptions.named()
        for option, parts in self.options.items():
            trees |= {
                f"{option}#indicated": parts.indicated,
                f"{option}#stopped": parts.stopped,
                f"{option}#offered": parts.offered,
            }
        return trees

    @cached_property
    def options(self) -> dict[URIRef, OptionTrees]:
        """The trees of every option that can be offered or stopped."""
        return {
            option: self.option(option) for option in self.guideline.options if self._speaking(option, OFFERS)
        }

    @cached_property
    def prescriptions(self) -> PrescriptionTrees:
        """The trees that speak of the prescription of a case."""
        return PrescriptionTrees(self.guideline, self.criterion)

    def criterion(self, cls: URIRef) -> Node:
        """Return the tree of a named class, as a condition on a case."""
        return self._reader.criterion(cls, self.case_entity)

    def named_by(self, cls: URIRef) -> frozenset[URIRef]:
        """Return the defined classes that the definition of a class names itself."""
        return self._reader.named_by(cls)

    def recommendations_on(self, option: URIRef, kind: str) -> list[Recommendation]:
        """Return what bears on an option: an indication of it, or anything else on it or a broader one."""
        if (option, kind) not in self._bearing:
            targets = {option} if kind in (OFFERS, RESERVES) else self.guideline.broader(option)
            self._bearing[option, kind] = [
                r for r in self.guideline.recommendations if r.kind == kind and r.option in targets
            ]
        return self._bearing[option, kind]

    @cached_property
    def _bearing(self) -> dict[tuple[URIRef, str], list[Recommendation]]:
        return {}

    def _speaking(self, option: URIRef, kind: str) -> list[Recommendation]:
        return [r for r in self.recommendations_on(option, kind) if not r.excluded]

    def option(self, option: URIRef) -> OptionTrees:
        """Return the trees of one option, be it offered by an indication or not."""
        if option not in self._options:
            self._options[option] = self._read_option(option)
        return self._options[option]

    @cached_property
    def _options(self) -> dict[URIRef, OptionTrees]:
        return {}

    def _read_option(self, option: URIRef) -> OptionTrees:
        indicated = Or(tuple(self.criterion(r.population) for r in self._speaking(option, OFFERS)))
        stopped = Or(tuple(self.criterion(r.population) for r in self._speaking(option, STOPS)))
        return OptionTrees(indicated, stopped, And((indicated, Not(stopped))))

    def entails(self, narrower: URIRef, wider: URIRef) -> bool:
        """Return whether every case of one criterion is a case of the other."""
        # Keyed by the trees, which are the same objects under all readings that agree on them.
        inner, outer = self.criterion(narrower), self.criterion(wider)
        if (id(inner), id(outer)) not in self._entailments:
            both = And((inner, Not(outer)))
            self._entailments[id(inner), id(outer)] = self.plan.decide(both, {}) is False
        return self._entailments[id(inner), id(outer)]


def definition_of(node: Node) -> Node:
    """Return the tree under the names of a criterion."""
    while isinstance(node, Named):
        node = node.child
    return node
