"""A read-only view of one guideline graph, under a choice of readings.

Readings are an overlay: what they restate is looked up first, and what they leave alone is taken
over from the guideline as adopted. The graph is copied only for those who ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rdflib import Graph, Literal, URIRef
from rdflib.term import Node as Term

from kg_service.errors import GuidelineError
from kg_service.namespaces import CORE, DCTERMS, OWL, RDF, RDFS, SKOS, literal_in, local_name
from kg_service.readings import Profile, Reading, Readings
from kg_service.restatement import RestatedGraph


@dataclass(frozen=True)
class Statement:
    """An atomic assertion of the source, by its identifier."""

    iri: URIRef
    id: str
    section: str
    lines: str
    level_rank: int
    level: URIRef | None
    ambiguities: tuple[str, ...]


@dataclass(frozen=True)
class Recommendation:
    """What the guideline says of an option for a population.

    Attributes
    ----------
    kind : str
        Local name of its class: ``Indication``, ``AbsoluteContraindication`` and so on.
    strength_rank, level_rank : int
        Ranks read from the graph; 1 comes first.
    excluded : bool
        Shown, but fires nothing.
    concordance, departure : URIRef or None
        What following it, or departing from it, makes of a prescription; its strength's when it
        has none of its own.
    unmet_as : tuple of URIRef
        Classes that name the ways of not fulfilling it.
    waits_for : tuple of URIRef
        Recommendations to fulfil before it binds.
    completes : URIRef or None
        For a constraint, the option it specifies in full.
    outcome : URIRef or None
        For a risk factor, what it bears on.
    """

    iri: URIRef
    id: str
    kind: str
    population: URIRef
    option: URIRef | None
    strength: URIRef | None
    strength_rank: int
    level_rank: int
    statements: tuple[Statement, ...]
    fulfilled_by: URIRef | None
    excluded: bool
    concordance: URIRef | None
    departure: URIRef | None
    unmet_as: tuple[URIRef, ...]
    waits_for: tuple[URIRef, ...]
    completes: URIRef | None
    outcome: URIRef | None

    @property
    def level(self) -> URIRef | None:
        """Level of the source that it speaks from: that of its own statement."""
        return _own(self.id, self.statements)[0].level


NO_RANK = 10**6
"""Rank of what has no strength or level: after everything that has one."""


class Guideline:
    """One guideline of a graph.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology, as loaded.
    iri : rdflib.URIRef, optional
        The guideline; the default one of the graph otherwise.
    readings : mapping of str to str, optional
        Readings to select instead of the adopted ones: ambiguity id to letter, as in ``{"A27": "c"}``.
    profile : str, optional
        Id of a profile of readings; a reading given beside it wins over its own.

    Raises
    ------
    UnknownNameError
        When a reading or a profile does not exist.
    UncomputedReadingError
        When a reading is recorded without a change that could be computed.
    """

    def __init__(
        self,
        graph: Graph,
        iri: URIRef | None = None,
        readings: Mapping[str, str] | None = None,
        profile: str | None = None,
    ) -> None:
        self.iri = iri or default_guideline(graph)
        self._adopted: Guideline | None = None
        self._select(graph, Readings(graph, self.iri), readings or {}, profile)

    def _select(
        self, graph: Graph, readings: Readings, letters: Mapping[str, str], profile: str | None
    ) -> None:
        self.readings = readings
        self.profile: Profile | None = None if profile is None else readings.profile(profile)
        self.selected: dict[str, Reading] = readings.chosen(
            {**(self.profile.readings if self.profile else {}), **letters}
        )
        self.view = RestatedGraph(graph, readings.changes(self.selected))

    def under(self, readings: Mapping[str, str], profile: str | None = None) -> Guideline:
        """Return the same guideline under other readings; what they leave alone is shared.

        Raises
        ------
        UnknownNameError
            When a reading or a profile does not exist.
        UncomputedReadingError
            When a reading is recorded without a change that could be computed.
        """
        other = Guideline.__new__(Guideline)
        other.iri = self.iri
        other._adopted = self._adopted or (None if self.selected else self)
        other._select(self.source, self.readings, readings, profile)
        return other

    @cached_property
    def id(self) -> str:
        """The id of the guideline, as a person names it."""
        return guideline_id(self.iri)

    @cached_property
    def is_default(self) -> bool:
        """Whether it is the one that decides where none is named."""
        return len(guidelines_in(self.source)) == 1 or _is_default(self.source, self.iri)

    @property
    def source(self) -> Graph:
        """The ontology as loaded, under the adopted readings."""
        return self.view.source

    @cached_property
    def graph(self) -> Graph:
        """The whole ontology under the selected readings; a copy when there are any."""
        return self.view.copied() if self.view.changes else self.source

    @property
    def ambiguities(self) -> dict[str, list[Reading]]:
        """The readings of every ambiguity, by its id."""
        return self.readings.ambiguities

    @property
    def in_force(self) -> dict[str, str]:
        """The letter of the reading in force of every ambiguity: the selected one, or the adopted one."""
        return self.readings.adopted | self.letters

    @property
    def letters(self) -> dict[str, str]:
        """The letter of every reading selected, by ambiguity."""
        return {ambiguity: reading.letter for ambiguity, reading in self.selected.items()}

    @cached_property
    def recommendations(self) -> list[Recommendation]:
        """Every recommendation, in the order of its id."""
        if self._adopted is not None:
            found = [self._taken_over(r) for r in self._adopted.recommendations]
        else:
            iris = {URIRef(str(iri)) for iri in self.view.subjects(CORE.ofGuideline, self.iri)}
            found = [
                self._recommendation(iri) for iri in iris if self.view.value(iri, CORE.population) is not None
            ]
        return sorted(found, key=lambda r: r.id)

    @cached_property
    def by_iri(self) -> dict[URIRef, Recommendation]:
        """Every recommendation by its IRI."""
        return {r.iri: r for r in self.recommendations}

    def _taken_over(self, adopted: Recommendation) -> Recommendation:
        """Return a recommendation as adopted, or read again when something it is read from is restated."""
        read_from = {adopted.iri, adopted.strength, adopted.level}
        read_from |= {node for s in adopted.statements for node in (s.iri, s.level)}
        if read_from & self.view.subjects_changed:
            return self._recommendation(adopted.iri)
        return adopted

    @cached_property
    def statements(self) -> dict[str, Statement]:
        """Every statement by its id."""
        iris = [URIRef(str(s)) for s in self.view.subjects(RDF.type, CORE.Statement)]
        found = [self._statement(iri) for iri in iris if self.view.holds(iri, CORE.ofGuideline, self.iri)]
        return {statement.id: statement for statement in sorted(found, key=lambda s: s.id)}

    @cached_property
    def options(self) -> list[URIRef]:
        """Every option that an indication offers or a contraindication stops."""
        return sorted({r.option for r in self.recommendations if r.option and r.kind != "Preference"})

    def broader(self, option: URIRef) -> set[URIRef]:
        """Return an option and every broader one that it carries out."""
        return {URIRef(str(o)) for o in self.view.reached(option, CORE.broaderOption)}

    @cached_property
    def questioning(self) -> set[str]:
        """The kinds of recommendation whose missing features are worth a question."""
        return {local_name(str(kind)) for kind in self.view.subjects(CORE.raisesQuestions, Literal(True))}

    def is_in_full(self, option: URIRef) -> bool:
        """Return whether an option says all that a prescription needs."""
        return self.view.holds(option, CORE.inFull, Literal(True))

    def yields_to(self, population: URIRef) -> list[URIRef]:
        """Return the populations that come before one when a case is of both."""
        return self._all(population, CORE.yieldsTo)

    @cached_property
    def realisable(self) -> dict[URIRef, URIRef]:
        """The class that realises each option that the guideline speaks of, or one that these carry out.

        Options that no class realises are carried out by the narrower ones.
        """
        found = {URIRef(str(o)): URIRef(str(c)) for o, c in self.view.subject_objects(CORE.realisedBy)}
        spoken = {r.option for r in self.recommendations if r.option}
        wider = {option for o in spoken for option in self.broader(o)}
        abstract = spoken - found.keys()
        return {o: cls for o, cls in sorted(found.items()) if o in wider or abstract & self.broader(o)}

    def rank(self, node: URIRef | None) -> int:
        """Return the rank of a strength, a level or a concordance; 1 comes first."""
        value = self.view.value(node, CORE["rank"])
        return int(str(value)) if value is not None else NO_RANK

    def criteria(self) -> list[URIRef]:
        """Return every criterion class of the guideline."""
        return sorted(URIRef(str(c)) for c in self.view.subjects(CORE.criterionOf, self.iri))

    def rule_class(self, recommendation: Recommendation) -> URIRef | None:
        """Return the class that says, beside its kind, what a recommendation is a rule on."""
        types = self._all(recommendation.iri, RDF.type)
        return next((t for t in types if t not in OWL and t not in CORE), None)

    def text(self, node: Term, prop: URIRef, language: str) -> str | None:
        """Return the value of a property in a language, or None."""
        return literal_in(self.view, node, prop, language)

    def label(self, node: Term, language: str) -> str:
        """Return the label of a term in a language, or its local name."""
        return self.text(node, RDFS.label, language) or local_name(str(node))

    def note(self, node: Term, language: str) -> str | None:
        """Return the scope note of a term in a language, or None."""
        return self.text(node, SKOS.scopeNote, language)

    def _recommendation(self, iri: URIRef) -> Recommendation:
        statements = tuple(
            sorted((self._statement(s) for s in self._all(iri, CORE.restsOn)), key=lambda s: s.id)
        )
        strength = self._one(iri, CORE.strength)
        kind, population = self._one(iri, RDF.type, CORE), self._one(iri, CORE.population)
        identifier = self.view.value(iri, DCTERMS.identifier)
        if kind is None or population is None or identifier is None or not statements:
            raise GuidelineError(
                f"{iri}: a recommendation needs a kind, an identifier, a population and statements"
            )
        return Recommendation(
            iri,
            str(identifier),
            local_name(kind),
            population,
            self._one(iri, CORE.option),
            strength,
            self.rank(strength),
            min(s.level_rank for s in _own(str(identifier), statements)),
            statements,
            self._one(iri, CORE.fulfilledBy),
            self.view.holds(iri, CORE.excludedFromChecking, Literal(True)),
            self._of_strength(iri, strength, CORE.concordance),
            self._of_strength(iri, strength, CORE.departure),
            tuple(self._all(iri, CORE.unmetAs)),
            tuple(self._all(iri, CORE.waitsFor)),
            self._one(iri, CORE.completes),
            self._one(iri, CORE.ofOutcome),
        )

    def _of_strength(self, iri: URIRef, strength: URIRef | None, prop: URIRef) -> URIRef | None:
        return self._one(iri, prop) or (self._one(strength, prop) if strength else None)

    def _statement(self, iri: URIRef) -> Statement:
        level = self._one(iri, CORE.sourceLevel)
        return Statement(
            iri,
            local_name(iri),
            str(self.view.value(iri, CORE.section) or ""),
            str(self.view.value(iri, CORE.sourceLines) or ""),
            self.rank(level),
            level,
            tuple(sorted(local_name(a) for a in self._all(iri, CORE.ambiguity))),
        )

    def _all(self, node: Term, prop: URIRef) -> list[URIRef]:
        return sorted(URIRef(str(o)) for o in self.view.objects(node, prop))

    def _one(self, node: Term, prop: URIRef, within: str = "") -> URIRef | None:
        found = [iri for iri in self._all(node, prop) if iri.startswith(str(within))]
        return found[0] if found else None


def _own(identifier: str, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Return the statement that an identifier such as ``S128-hard`` names, or all if it names none."""
    return tuple(s for s in statements if s.id == identifier.partition("-")[0]) or statements


def guidelines_in(graph: Graph) -> dict[str, URIRef]:
    """Return the guidelines of a graph by their ids, the default one first."""
    found = {guideline_id(URIRef(str(g))): URIRef(str(g)) for g in graph.subjects(RDF.type, CORE.Guideline)}
    order = sorted(found, key=lambda name: (not _is_default(graph, found[name]), name))
    return {name: found[name] for name in order}


def guideline_id(iri: URIRef) -> str:
    """Return the id of a guideline: the name of the folder that its IRI lies in."""
    return local_name(str(iri).rpartition("/")[0])


def default_guideline(graph: Graph) -> URIRef:
    """Return the guideline that decides where none is named.

    Raises
    ------
    GuidelineError
        When the graph holds none, or several and not one of them is the default.
    """
    found = guidelines_in(graph)
    marked = [iri for iri in found.values() if _is_default(graph, iri)]
    if len(found) == 1:
        return next(iter(found.values()))
    if len(marked) != 1:
        named = ", ".join(found) or "none"
        raise GuidelineError(f"{len(marked)} default guidelines among {named}; name the one to use")
    return marked[0]


def _is_default(graph: Graph, iri: URIRef) -> bool:
    return (iri, CORE.default, Literal(True)) in graph
