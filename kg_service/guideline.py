"""A read-only view of one guideline graph, under a choice of readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rdflib import Graph, Literal, URIRef
from rdflib.term import Node as Term

from kg_service.errors import GuidelineError, UncomputedReadingError, UnknownNameError
from kg_service.namespaces import CORE, DCTERMS, OWL, RDF, RDFS, SKOS, literal_in, local_name


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


@dataclass(frozen=True)
class Reading:
    """One way to read an ambiguity."""

    iri: URIRef
    id: str
    ambiguity: str
    adopted: bool
    changes_answers: bool


NO_RANK = 10**6
"""Rank of what has no strength or level: after everything that has one."""


class Guideline:
    """One guideline of a graph.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology, as loaded.
    iri : rdflib.URIRef, optional
        The guideline; may be left out when the graph holds one.
    readings : mapping of str to str, optional
        Readings to select instead of the adopted ones: ambiguity id to letter, as in ``{"A27": "c"}``.

    Raises
    ------
    UnknownNameError
        When a reading does not exist.
    UncomputedReadingError
        When it is recorded without a change that could be computed.
    """

    def __init__(
        self, graph: Graph, iri: URIRef | None = None, readings: Mapping[str, str] | None = None
    ) -> None:
        self.iri = iri or _only_guideline(graph)
        self._source = graph
        self.selected = self._check(readings or {})
        self.graph = self._restated() if self.selected else graph

    @cached_property
    def ambiguities(self) -> dict[str, list[Reading]]:
        """The readings of every ambiguity, by its id."""
        found: dict[str, list[Reading]] = {}
        for iri in sorted(URIRef(str(s)) for s in self._source.subjects(CORE.ofGuideline, self.iri)):
            if (iri, RDF.type, CORE.Ambiguity) in self._source:
                found[local_name(iri)] = self._readings_of(iri)
        return found

    @cached_property
    def recommendations(self) -> list[Recommendation]:
        """Every recommendation, in the order of its id."""
        iris = [
            URIRef(str(iri))
            for iri in self.graph.subjects(CORE.ofGuideline, self.iri)
            if self.graph.value(iri, CORE.population) is not None
        ]
        return sorted((self._recommendation(iri) for iri in iris), key=lambda r: r.id)

    @cached_property
    def statements(self) -> dict[str, Statement]:
        """Every statement by its id."""
        iris = [URIRef(str(s)) for s in self.graph.subjects(RDF.type, CORE.Statement)]
        found = [self._statement(iri) for iri in iris if (iri, CORE.ofGuideline, self.iri) in self.graph]
        return {statement.id: statement for statement in sorted(found, key=lambda s: s.id)}

    @cached_property
    def options(self) -> list[URIRef]:
        """Every option that an indication offers or a contraindication stops."""
        return sorted({r.option for r in self.recommendations if r.option and r.kind != "Preference"})

    def broader(self, option: URIRef) -> set[URIRef]:
        """Return an option and every broader one that it carries out."""
        return {URIRef(str(o)) for o in self.graph.transitive_objects(option, CORE.broaderOption)}

    @cached_property
    def questioning(self) -> set[str]:
        """The kinds of recommendation whose missing features are worth a question."""
        return {local_name(str(kind)) for kind in self.graph.subjects(CORE.raisesQuestions, Literal(True))}

    def is_in_full(self, option: URIRef) -> bool:
        """Return whether an option says all that a prescription needs."""
        return (option, CORE.inFull, Literal(True)) in self.graph

    def yields_to(self, population: URIRef) -> list[URIRef]:
        """Return the populations that come before one when a case is of both."""
        return self._all(population, CORE.yieldsTo)

    @cached_property
    def realisable(self) -> dict[URIRef, URIRef]:
        """The class that realises each option that has one."""
        found = {URIRef(str(o)): URIRef(str(c)) for o, c in self.graph.subject_objects(CORE.realisedBy)}
        return dict(sorted(found.items()))

    def rank(self, node: URIRef | None) -> int:
        """Return the rank of a strength, a level or a concordance; 1 comes first."""
        value = self.graph.value(node, CORE["rank"]) if node else None
        return int(str(value)) if value is not None else NO_RANK

    def criteria(self) -> list[URIRef]:
        """Return every criterion class of the guideline."""
        return sorted(URIRef(str(c)) for c in self.graph.subjects(CORE.criterionOf, self.iri))

    def text(self, node: Term, prop: URIRef, language: str) -> str | None:
        """Return the value of a property in a language, or None."""
        return literal_in(self.graph, node, prop, language)

    def label(self, node: Term, language: str) -> str:
        """Return the label of a term in a language, or its local name."""
        return self.text(node, RDFS.label, language) or local_name(str(node))

    def note(self, node: Term, language: str) -> str | None:
        """Return the scope note of a term in a language, or None."""
        return self.text(node, SKOS.scopeNote, language)

    def _check(self, readings: Mapping[str, str]) -> dict[str, Reading]:
        chosen = {}
        for ambiguity, letter in readings.items():
            if ambiguity not in self.ambiguities:
                raise UnknownNameError("ambiguity", ambiguity, list(self.ambiguities))
            by_letter = {r.id.rpartition("-")[2]: r for r in self.ambiguities[ambiguity]}
            if letter not in by_letter:
                raise UnknownNameError(f"reading of {ambiguity}", letter, list(by_letter))
            reading = by_letter[letter]
            if not reading.adopted and not reading.changes_answers:
                computed = [k for k, r in by_letter.items() if r.adopted or r.changes_answers]
                raise UncomputedReadingError(reading.id, computed)
            chosen[ambiguity] = reading
        return chosen

    def _restated(self) -> Graph:
        """Return a copy of the graph in which the selected readings replace what they restate."""
        copy = Graph()
        copy += self._source
        for reading in self.selected.values():
            for change in self._source.objects(reading.iri, CORE.restates):
                _apply(copy, change)
        return copy

    def _readings_of(self, ambiguity: URIRef) -> list[Reading]:
        adopted = self._source.value(ambiguity, CORE.adoptedReading)
        iris = sorted(URIRef(str(r)) for r in self._source.subjects(CORE.readingOf, ambiguity))
        changing = [iri for iri in iris if (iri, CORE.restates, None) in self._source]
        return [
            Reading(
                iri,
                local_name(iri),
                local_name(ambiguity),
                iri == adopted,
                len(changing) > 1 and iri in changing,
            )
            for iri in iris
        ]

    def _recommendation(self, iri: URIRef) -> Recommendation:
        statements = tuple(
            sorted((self._statement(s) for s in self._all(iri, CORE.restsOn)), key=lambda s: s.id)
        )
        strength = self._one(iri, CORE.strength)
        kind, population = self._one(iri, RDF.type, CORE), self._one(iri, CORE.population)
        identifier = self.graph.value(iri, DCTERMS.identifier)
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
            (iri, CORE.excludedFromChecking, Literal(True)) in self.graph,
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
            str(self.graph.value(iri, CORE.section) or ""),
            str(self.graph.value(iri, CORE.sourceLines) or ""),
            self.rank(level),
            level,
            tuple(sorted(local_name(a) for a in self._all(iri, CORE.ambiguity))),
        )

    def _all(self, node: Term, prop: URIRef) -> list[URIRef]:
        return sorted(URIRef(str(o)) for o in self.graph.objects(node, prop))

    def _one(self, node: Term, prop: URIRef, within: str = "") -> URIRef | None:
        found = [iri for iri in self._all(node, prop) if iri.startswith(str(within))]
        return found[0] if found else None


def _apply(graph: Graph, change: Term) -> None:
    """Replace, on the subject of a change, every property that the change gives."""
    subject = graph.value(change, CORE.subject)
    if subject is None:
        raise GuidelineError("a core:restates node needs a core:subject")
    for prop in set(graph.predicates(change)) - {CORE.subject}:
        target = OWL.equivalentClass if prop == CORE.definition else prop
        graph.remove((subject, target, None))
        for value in graph.objects(change, prop):
            graph.add((subject, target, value))


def _own(identifier: str, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Return the statement that an identifier such as ``S128-hard`` names, or all if it names none."""
    return tuple(s for s in statements if s.id == identifier.partition("-")[0]) or statements


def _only_guideline(graph: Graph) -> URIRef:
    found = sorted(URIRef(str(g)) for g in graph.subjects(RDF.type, CORE.Guideline))
    if len(found) != 1:
        raise GuidelineError(f"the graph holds {len(found)} guidelines; name the one to use")
    return found[0]
