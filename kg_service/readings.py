"""Ambiguities, their readings, and profiles of readings, as a guideline graph declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rdflib import Graph, URIRef
from rdflib.term import Node as Term

from kg_service.errors import GuidelineError, UncomputedReadingError, UnknownNameError
from kg_service.namespaces import CORE, DCTERMS, OWL, RDF, RDFS, local_name
from kg_service.restatement import Changes

_FIXED = {CORE.ofGuideline, CORE.criterionOf, CORE.identifier, DCTERMS.identifier}
"""What a reading cannot restate: what belongs to the guideline, and by which name."""
_LOGICAL = (str(OWL), str(RDFS))
_PROPERTIES = (OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)


@dataclass(frozen=True)
class Reading:
    """One way to read an ambiguity.

    Attributes
    ----------
    changes_answers : bool
        Whether it restates something, as another reading of the ambiguity does.
    """

    iri: URIRef
    id: str
    ambiguity: str
    adopted: bool
    changes_answers: bool

    @property
    def letter(self) -> str:
        """What tells it from the other readings of its ambiguity, such as ``c`` of ``A27-c``."""
        return self.id.rpartition("-")[2]

    @property
    def is_computed(self) -> bool:
        """Whether it can be selected: it is in force already, or the graph says what it changes."""
        return self.adopted or self.changes_answers


@dataclass(frozen=True)
class Profile:
    """Readings selected together, under one name.

    Attributes
    ----------
    readings : mapping of str to str
        Ambiguity id to letter.
    """

    iri: URIRef
    id: str
    readings: Mapping[str, str]


class Readings:
    """The ambiguities and profiles of one guideline.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology.
    guideline : rdflib.URIRef
        The guideline.
    """

    def __init__(self, graph: Graph, guideline: URIRef) -> None:
        self._graph = graph
        self._guideline = guideline

    @cached_property
    def iris(self) -> dict[str, URIRef]:
        """The IRI of every ambiguity by its id."""
        return {local_name(iri): iri for iri in self._of_kind(CORE.Ambiguity)}

    @cached_property
    def ambiguities(self) -> dict[str, list[Reading]]:
        """The readings of every ambiguity, by its id."""
        return {identifier: self._readings_of(iri) for identifier, iri in self.iris.items()}

    @cached_property
    def computed(self) -> dict[str, tuple[Reading, ...]]:
        """The readings that can be selected, of every ambiguity that has more than one of them."""
        found = {a: tuple(r for r in rs if r.is_computed) for a, rs in self.ambiguities.items()}
        return {ambiguity: readings for ambiguity, readings in found.items() if len(readings) > 1}

    @cached_property
    def adopted(self) -> dict[str, str]:
        """The letter of the adopted reading of every ambiguity that has one."""
        return {a: r.letter for a, readings in self.ambiguities.items() for r in readings if r.adopted}

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        """The profiles by their id, the ones that select least first.

        Raises
        ------
        GuidelineError
            When one selects what is no reading of an ambiguity, or two readings of one.
        """
        found = [self._profile(iri) for iri in self._of_kind(CORE.ReadingProfile)]
        return {p.id: p for p in sorted(found, key=lambda p: (bool(p.readings), p.id))}

    def profile(self, name: str) -> Profile:
        """Return a profile by its id.

        Raises
        ------
        UnknownNameError
            When there is none; names the nearest.
        """
        if name not in self.profiles:
            raise UnknownNameError("reading profile", name, list(self.profiles))
        return self.profiles[name]

    def chosen(self, letters: Mapping[str, str]) -> dict[str, Reading]:
        """Return the readings that letters name, by ambiguity, in the order of the ids.

        Raises
        ------
        UnknownNameError
            When an ambiguity or a reading does not exist; names the nearest, or those that do.
        UncomputedReadingError
            When a reading is recorded without a change that could be computed.
        """
        chosen = {}
        for ambiguity, letter in sorted(letters.items()):
            if ambiguity not in self.ambiguities:
                raise UnknownNameError("ambiguity", ambiguity, list(self.ambiguities))
            by_letter = {r.letter: r for r in self.ambiguities[ambiguity]}
            if letter not in by_letter:
                raise UnknownNameError(f"reading of {ambiguity}", letter, list(by_letter))
            if not by_letter[letter].is_computed:
                computed = [k for k, r in by_letter.items() if r.is_computed]
                raise UncomputedReadingError(by_letter[letter].id, computed)
            chosen[ambiguity] = by_letter[letter]
        return chosen

    def changes(self, readings: Mapping[str, Reading]) -> Changes:
        """Return what some readings restate together; what stands in the graph already is left out.

        Raises
        ------
        GuidelineError
            When a restatement is malformed, or two readings restate one thing differently.
        """
        found: dict[tuple[Term, URIRef], frozenset[Term]] = {}
        for reading in readings.values():
            for key, values in self.changes_of(reading).items():
                if found.setdefault(key, values) != values:
                    raise GuidelineError(
                        f"{reading.id} and another reading selected both restate {local_name(key[1])} "
                        f"of {local_name(str(key[0]))}; two ambiguities cannot"
                    )
        return {key: values for key, values in found.items() if values != set(self._graph.objects(*key))}

    def changes_of(self, reading: Reading) -> Changes:
        """Return what one reading restates."""
        if reading not in self._changes:
            self._changes[reading] = dict(self._read_changes(reading))
        return self._changes[reading]

    @cached_property
    def classes(self) -> list[URIRef]:
        """Every defined class that some reading puts in place of another."""
        values = {
            value
            for readings in self.ambiguities.values()
            for reading in readings
            for found in self.changes_of(reading).values()
            for value in found
            if (value, OWL.equivalentClass, None) in self._graph
        }
        return sorted(URIRef(str(value)) for value in values)

    @cached_property
    def _changes(self) -> dict[Reading, Changes]:
        return {}

    def _read_changes(self, reading: Reading) -> Iterator[tuple[tuple[Term, URIRef], frozenset[Term]]]:
        for change in self._graph.objects(reading.iri, CORE.restates):
            subject = self._graph.value(change, CORE.subject)
            if subject is None:
                raise GuidelineError(f"{reading.id}: a core:restates node needs a core:subject")
            self._check_subject(reading, subject)
            for prop in set(self._graph.predicates(change)) - {CORE.subject}:
                values = frozenset(self._graph.objects(change, prop))
                yield (subject, self._target(reading, subject, URIRef(str(prop)), values)), values

    def _target(self, reading: Reading, subject: Term, prop: URIRef, values: frozenset[Term]) -> URIRef:
        """Return the property that a change replaces."""
        if prop == CORE.definition:
            if len(values) != 1 or not all(isinstance(v, URIRef) for v in values):
                raise GuidelineError(f"{reading.id}: core:definition of {subject} needs one named class")
            return OWL.equivalentClass
        if prop in _FIXED or (str(prop).startswith(_LOGICAL) and prop != RDFS.label):
            raise GuidelineError(f"{reading.id}: a reading cannot restate {local_name(prop)} of {subject}")
        return prop

    def _check_subject(self, reading: Reading, subject: Term) -> None:
        """Refuse to restate how records are described: the record model is one for all readings."""
        kinds = set(self._graph.objects(subject, RDF.type))
        is_defined = (subject, OWL.equivalentClass, None) in self._graph
        if kinds & set(_PROPERTIES) or (OWL.Class in kinds and not is_defined):
            raise GuidelineError(
                f"{reading.id}: {subject} describes records; a reading restates criteria and recommendations"
            )

    def _of_kind(self, kind: URIRef) -> list[URIRef]:
        found = {URIRef(str(s)) for s in self._graph.subjects(CORE.ofGuideline, self._guideline)}
        return sorted(iri for iri in found if (iri, RDF.type, kind) in self._graph)

    def _readings_of(self, ambiguity: URIRef) -> list[Reading]:
        adopted = self._graph.value(ambiguity, CORE.adoptedReading)
        iris = sorted(URIRef(str(r)) for r in self._graph.subjects(CORE.readingOf, ambiguity))
        changing = [iri for iri in iris if (iri, CORE.restates, None) in self._graph]
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

    def _profile(self, iri: URIRef) -> Profile:
        identifier = str(self._graph.value(iri, DCTERMS.identifier) or local_name(iri))
        by_iri = {r.iri: r for readings in self.ambiguities.values() for r in readings}
        letters: dict[str, str] = {}
        for selected in sorted(str(s) for s in self._graph.objects(iri, CORE.selects)):
            reading = by_iri.get(URIRef(selected))
            if reading is None or not reading.is_computed:
                raise GuidelineError(f"profile {identifier}: {selected} is no reading that can be selected")
            if reading.ambiguity in letters:
                raise GuidelineError(f"profile {identifier} selects two readings of {reading.ambiguity}")
            letters[reading.ambiguity] = reading.letter
        return Profile(iri, identifier, letters)
