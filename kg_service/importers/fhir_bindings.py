"""The bindings of ``ontology/bindings/fhir.ttl``: what codes, profiles and extensions stand for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from rdflib import Graph, Literal, URIRef
from rdflib.term import Node

from kg_service.check_digits import check_digits
from kg_service.errors import GuidelineError
from kg_service.namespaces import FB, local_name
from kg_service.schema import Feature, RecordSchema
from kg_service.values import FALSE, TRUE, Interval, Knowledge, exactly

MOST_KEPT = 10**5
"""Codes of which it is kept whether their check digit holds; memory stays bounded."""


@dataclass(frozen=True)
class Code:
    """A code and its system, as a FHIR Coding holds them; the system may be missing."""

    system: str | None
    code: str

    def __str__(self) -> str:
        return f"{self.code} ({self.system or 'no system'})"


@dataclass(frozen=True)
class Meaning:
    """What a code stands for.

    Attributes
    ----------
    term : URIRef
        A term of the record model, or of the bindings themselves.
    site : URIRef or None
        The site the code implies.
    placing : URIRef or None
        The rule on what an observation with this code must point to.
    answers : frozenset of Code
        Coded answers, one of which an observation must hold; empty when any will do.
    caution : str
        What to tell the reader when the code is used; may be empty.
    """

    term: URIRef
    site: URIRef | None = None
    placing: URIRef | None = None
    answers: frozenset[Code] = frozenset()
    caution: str = ""


class FhirBindings:
    """The bindings of a graph, ready to look up.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology with the FHIR bindings.
    schema : RecordSchema
        The record model that the bindings speak of.

    Attributes
    ----------
    stated : dict of URIRef to Feature or None
        The feature that a finding with a term states, as far as it was asked for.
    """

    def __init__(self, graph: Graph, schema: RecordSchema) -> None:
        self.schema = schema
        self._graph = graph
        self._codes = self._read_codes()
        self._grades = self._read_grades()
        self._profiles = self._strings(FB.profileUrl)
        self._extensions = self._strings(FB.extensionUrl)
        self._check_digits = check_digits(graph)
        self._defects: dict[Code, str | None] = {}
        self.stated: dict[URIRef, Feature | None] = {}
        self._local = self._read_local()

    def meanings(self, code: Code) -> list[Meaning]:
        """Return what a code stands for: bound terms, and terms of the project under their own namespace."""
        return [*self._codes.get(code, []), *self._local.get(code, [])]

    def known_codes(self) -> set[Code]:
        """Return every code that is bound, values of features included."""
        return {*self._codes, *(code for _, code in self._grades)}

    def plain_code(self, term: URIRef) -> Code:
        """Return a code that stands for a term and for nothing beside it.

        Raises
        ------
        GuidelineError
            When no code is bound so.
        """
        plain = [c for c, meanings in self._codes.items() if meanings == [Meaning(term)]]
        if not plain:
            raise GuidelineError(f"{term}: no FHIR code is bound that stands for it alone")
        return min(plain, key=str)

    def grade(self, feature: Feature, code: Code) -> Knowledge | None:
        """Return the value of a feature that a code stands for, or None when it stands for none."""
        return self._grades.get((feature.iri, code))

    def is_undetermined(self, feature: Feature, known: Knowledge) -> bool:
        """Return whether a graded value says nothing: the source itself does not know."""
        return known == self.schema.domain(feature)

    def has_profile(self, term: URIRef, profiles: list[str]) -> bool:
        """Return whether one of the profiles of a resource, version cut off, stands for a term."""
        return any(profile.split("|", 1)[0] in self._profiles[term] for profile in profiles)

    def urls(self, element: URIRef) -> frozenset[str]:
        """Return the URLs and names of the extensions that carry an element."""
        return self._extensions[element]

    def defect(self, code: Code) -> str | None:
        """Return what is wrong with the form of a code, or None."""
        check = self._check_digits.get(code.system or "")
        if check is None:
            return None
        if code not in self._defects:
            if len(self._defects) >= MOST_KEPT:
                self._defects.clear()
            self._defects[code] = "check digit fails, code ignored" if check.fails(code.code) else None
        return self._defects[code]

    def reason(self, term: URIRef) -> str | None:
        """Return why a term is deliberately not read, or None when it is read."""
        return self._text(term, FB.refusalReason) or None

    def within(self, feature: Feature) -> URIRef | None:
        """Return the class of sites at which a feature can be true, when it is bound to one."""
        return _iri(self._graph.value(feature.iri, FB.onlyWithin))

    def scale(self, feature: Feature) -> Interval:
        """Return the numbers that the scale of a feature has; everything when it has no scale."""
        low, high = (self._graph.value(feature.iri, prop) for prop in (FB.scaleLowest, FB.scaleHighest))
        return Interval(Fraction(str(low)) if low else None, Fraction(str(high)) if high else None)

    def shows_age(self, feature: Feature) -> bool:
        """Return whether the date of a feature is always reported."""
        return (feature.iri, FB.showsAge, Literal(True)) in self._graph

    def is_same_place(self, site: URIRef) -> bool:
        """Return whether two things at this site are at the same place."""
        return site in self.schema.same_when_equal

    def _read_codes(self) -> dict[Code, list[Meaning]]:
        found: dict[Code, list[Meaning]] = defaultdict(list)
        for term, node in self._graph.subject_objects(FB.codedBy):
            for code in self._codes_of(node):
                found[code].append(self._meaning(URIRef(str(term)), node))
        return {code: sorted(meanings, key=lambda m: m.term) for code, meanings in found.items()}

    def _meaning(self, term: URIRef, node: Node) -> Meaning:
        answer = self._graph.value(node, FB.hasAnswer)
        return Meaning(
            term,
            _iri(self._graph.value(node, FB.impliedSite)),
            _iri(self._graph.value(node, FB.placingRule)),
            frozenset(self._codes_of(answer)) if answer else frozenset(),
            self._text(node, FB.readingCaution),
        )

    def _read_grades(self) -> dict[tuple[URIRef, Code], Knowledge]:
        found: dict[tuple[URIRef, Code], Knowledge] = {}
        for subject, node in self._graph.subject_objects(FB.gradedBy):
            feature = self.schema.features[URIRef(str(subject))]
            for code in self._codes_of(node):
                found[feature.iri, code] = self._graded(feature, node)
        return found

    def _graded(self, feature: Feature, node: Node) -> Knowledge:
        number, value = (
            self._graph.value(node, FB.standsForNumber),
            self._graph.value(node, FB.standsForTruth),
        )
        if number is not None:
            return exactly(Fraction(str(number)))
        return (
            self.schema.domain(feature)
            if value is None
            else frozenset({TRUE if value == Literal(True) else FALSE})
        )

    def _read_local(self) -> dict[Code, list[Meaning]]:
        found: dict[Code, list[Meaning]] = defaultdict(list)
        for iri in self.schema.features:
            found[_own_code(iri, local_name(iri))].append(Meaning(iri))
        for names in self.schema.codes.values():
            for name, cls in names.items():
                found[_own_code(cls, name)].append(Meaning(cls))
        return dict(found)

    def _codes_of(self, node: Node) -> list[Code]:
        system = str(self._graph.value(node, FB.inSystem))
        return [Code(system, str(code)) for code in self._graph.objects(node, FB.hasCode)]

    def _strings(self, prop: URIRef) -> dict[URIRef, frozenset[str]]:
        found: dict[URIRef, set[str]] = defaultdict(set)
        for subject, value in self._graph.subject_objects(prop):
            found[URIRef(str(subject))].add(str(value))
        return defaultdict(frozenset, {term: frozenset(values) for term, values in found.items()})

    def _text(self, node: Node, prop: URIRef) -> str:
        texts = self._graph.objects(node, prop)
        return next((str(t) for t in texts if isinstance(t, Literal) and t.language == "en"), "")


def _own_code(iri: URIRef, name: str) -> Code:
    return Code(str(iri)[: -len(local_name(iri))], name)


def _iri(node: Node | None) -> URIRef | None:
    return URIRef(str(node)) if node is not None else None
