"""What must hold of the alignments: real terms and codes, one meaning each, and a pure ontology."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rdflib import BNode, Graph, Namespace, URIRef
from rdflib.term import Node

from kg_service.alignments import PREDICATES, MappingSet, TermMapping
from kg_service.check_digits import CheckDigit, check_digits
from kg_service.namespaces import BASE, DCTERMS, FB, OWL, PROV, RDF, RDFS, SKOS, XSD, literal_in, local_name

ALN = Namespace(f"{BASE}alignments/")
_DC = "http://purl.org/dc/elements/1.1/"
_OURS = (BASE, str(OWL), str(RDF), str(RDFS), str(XSD), str(SKOS), str(PROV), str(DCTERMS), _DC)
"""What an axiom may speak of: our terms, and the vocabularies of the W3C and of Dublin Core."""
_AXIOMS = {RDF.type, RDF.first, RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range}
_PROPERTIES = (OWL.ObjectProperty, OWL.DatatypeProperty)


@dataclass(frozen=True)
class Target:
    """An outside vocabulary: how its concept IRIs and codes are formed."""

    name: str
    stem: str
    pattern: str
    system: str
    check_digit: CheckDigit | None

    def code(self, concept: URIRef) -> str | None:
        """Return the code in the IRI of a concept, or None when the IRI is not formed as it should be."""
        code = concept.removeprefix(self.stem)
        return code if code != concept and re.fullmatch(self.pattern, code) else None


def targets(graph: Graph) -> dict[URIRef, Target]:
    """Return the outside vocabularies that a graph describes."""
    digits = check_digits(graph)
    found = {}
    for node, stem in graph.subject_objects(ALN.conceptStem):
        system = str(graph.value(node, ALN.fhirSystem) or "")
        name = literal_in(graph, node, RDFS.label, "en") or local_name(str(node))
        pattern = str(graph.value(node, ALN.codePattern))
        found[URIRef(str(node))] = Target(name, str(stem), pattern, system, digits.get(system))
    return found


def alignment_findings(sets: Sequence[MappingSet], graph: Graph) -> list[str]:
    """Return what is wrong with the alignments of a graph, or with the graph beside them."""
    known = targets(graph)
    found = [f"{s.path}: the vocabulary {s.target} is not described" for s in sets if s.target not in known]
    described = [s for s in sets if s.target in known]
    for one in described:
        for row in one.mappings:
            texts = _row_findings(row, known[one.target], graph)
            found += [f"{one.path}:{row.line}: {text}" for text in texts]
        found += [f"{one.path}: {text}" for text in _exact_twice(one)]
    return [*found, *_disagreements(described, known, graph), *_strays(graph), *outside_axioms(graph)]


def outside_axioms(graph: Graph) -> Iterator[str]:
    """Yield the logical statements that speak of something outside."""
    properties = {p for kind in _PROPERTIES for p in graph.subjects(RDF.type, kind)}
    for subject, predicate, value in graph:
        if predicate in _AXIOMS or predicate in properties or str(predicate).startswith(str(OWL)):
            for term in (subject, value):
                if isinstance(term, URIRef) and not str(term).startswith(_OURS):
                    axiom = f"{_shown(subject)} {local_name(str(predicate))} {_shown(value)}"
                    yield f"{axiom}: {term} is not ours"


def summary(sets: Sequence[MappingSet], graph: Graph) -> str:
    """Return how many mappings there are to each vocabulary, how close, and how many absences."""
    known = targets(graph)
    parts = []
    for one in sets:
        rows = Counter("absent" if row.is_absence else _level(row) for row in one.mappings)
        levels = [f"{rows[level]} {level}" for level in [*map(_word, PREDICATES), "absent"] if rows[level]]
        name = known[one.target].name if one.target in known else local_name(one.iri)
        parts.append(f"{name} {', '.join(levels)}")
    mapped = sum(not row.is_absence for one in sets for row in one.mappings)
    absent = sum(row.is_absence for one in sets for row in one.mappings)
    return f"{mapped} mappings, {absent} absences; {'; '.join(parts)}"


def _level(row: TermMapping) -> str:
    return _word(row.predicate)


def _word(predicate: URIRef) -> str:
    return local_name(predicate).removesuffix("Match")


def _row_findings(row: TermMapping, target: Target, graph: Graph) -> Iterator[str]:
    label = literal_in(graph, row.subject, RDFS.label, "en")
    verified = any(prop == FB.verifiedAs for prop, _ in row.extensions)
    if (row.subject, RDF.type, None) not in graph:
        yield f"{row.subject} is declared nowhere in the ontology"
    elif label != row.label:
        yield f"{row.subject} is labelled {row.label!r}; the ontology says {label!r}"
    if verified == row.is_absence:
        yield "an absence has no code to verify" if verified else "says not how the code was verified"
    if row.is_absence:
        return
    code = target.code(row.object)
    if code is None:
        yield f"{row.object} is not formed as a concept of {target.name}: {target.stem}{target.pattern}"
    elif target.check_digit and target.check_digit.fails(code):
        yield f"the check digit of {target.name} {code} fails; the code does not exist"


def _exact_twice(one: MappingSet) -> Iterator[str]:
    """Yield the terms with two exact matches, or one and a recorded absence; and the codes with two terms."""
    exact = [row for row in one.mappings if row.predicate == SKOS.exactMatch]
    for subject, count in Counter(row.subject for row in exact).items():
        if count > 1:
            yield f"{subject} has {count} exact matches, or one and an absence"
    for concept, count in Counter(row.object for row in exact if not row.is_absence).items():
        if count > 1:
            yield f"{concept} is the exact match of {count} terms"


def _strays(graph: Graph) -> Iterator[str]:
    """Yield the mappings to outside terms that stand in the ontology; the alignment sets are their home."""
    for predicate in PREDICATES:
        for subject, value in graph.subject_objects(predicate):
            if not str(value).startswith(BASE):
                yield f"{subject} {_word(predicate)} match {value}: move it to an alignment set"


def _disagreements(sets: Sequence[MappingSet], known: dict[URIRef, Target], graph: Graph) -> Iterator[str]:
    """Yield the codes that the FHIR bindings read against the alignments, or verified otherwise."""
    rows: dict[URIRef, list[TermMapping]] = defaultdict(list)
    for one in sets:
        for row in one.mappings:
            rows[row.object].append(row)
    stems = {target.system: target.stem for target in known.values() if target.system}
    for term, node, concept in _bound(graph, stems):
        for row in rows[concept]:
            marks = {value for prop, value in row.extensions if prop == FB.verifiedAs}
            bound = str(graph.value(node, FB.verifiedAs))
            if _contradict(term, row, graph):
                yield f"{concept}: read as {term} by the FHIR bindings, {_level(row)} match of {row.subject}"
            elif marks != {bound}:
                yield f"{concept}: {bound} in the FHIR bindings, {', '.join(marks)} in the alignments"


def _bound(graph: Graph, stems: dict[str, str]) -> Iterator[tuple[URIRef, Node, URIRef]]:
    """Yield the codes of the FHIR bindings as concept IRIs, with the term and the node that bind them."""
    for prop in (FB.codedBy, FB.gradedBy):
        for term, node in graph.subject_objects(prop):
            stem = stems.get(str(graph.value(node, FB.inSystem)))
            for code in graph.objects(node, FB.hasCode) if stem else ():
                yield URIRef(str(term)), node, URIRef(f"{stem}{code}")


def _contradict(term: URIRef, row: TermMapping, graph: Graph) -> bool:
    """Return whether a code cannot be read as a term, given what it is aligned with.

    A code that is not read must not be an exact match. Between two classes of one tree, the code may be
    read as the broader one. A code may stand for two features of different kinds: a technique is also
    a modality.
    """
    if row.predicate == SKOS.exactMatch and (term, RDF.type, FB.Refusal) in graph:
        return True
    if row.predicate not in (SKOS.exactMatch, SKOS.closeMatch, SKOS.narrowMatch):
        return False
    above = _ancestors(graph, row.subject)
    if row.predicate == SKOS.exactMatch and not {term, row.subject} - set(_features(graph)):
        return term != row.subject
    same_tree = bool((_ancestors(graph, term) & above) - {term, row.subject}) or term in above
    return same_tree and term not in above


def _features(graph: Graph) -> Iterator[Node]:
    for kind in _PROPERTIES:
        yield from graph.subjects(RDF.type, kind)


def _ancestors(graph: Graph, term: URIRef) -> set[Node]:
    """Return a class with the named classes above it."""
    return {node for node in graph.transitive_objects(term, RDFS.subClassOf) if isinstance(node, URIRef)}


def _shown(node: Node) -> str:
    return "[ ]" if isinstance(node, BNode) else local_name(str(node))
