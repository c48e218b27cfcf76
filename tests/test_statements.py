"""The statements, ambiguities and readings of the AURA guideline are complete and hang together."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from rdflib import RDF, RDFS, SKOS, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, OWL

CORE = Namespace("https://w3id.org/bonemet-kg/core/")
AURA = Namespace("https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/")
ONTOLOGY = Path(__file__).parents[1] / "ontology"
MODULES = ("guideline", "statements", "ambiguities")
LEVELS = {"level-summary-box": 1, "level-table-5": 2, "level-body-directive": 3, "level-body-descriptive": 4}
STRENGTHS = {
    "strength-systematic": 1,
    "strength-required": 2,
    "strength-recommended": 3,
    "strength-usual": 3,
    "strength-advocated": 4,
    "strength-preferred": 5,
    "strength-optional": 6,
    "strength-exceptional": 7,
    "strength-reserved": 8,
    "strength-unstated": 9,
    "strength-contraindicated": 1,
    "strength-relatively-contraindicated": 2,
}
EXPECTED_STATEMENTS = {f"S{n:03d}" for n in range(1, 167)}
EXPECTED_AMBIGUITIES = {*(f"A{n:02d}" for n in range(1, 63)), "N01", "N02"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    found = Graph()
    for module in MODULES:
        found.parse(ONTOLOGY / "guidelines" / "aura-bone-metastases" / f"{module}.ttl")
    return found


@pytest.fixture(scope="module")
def core() -> Graph:
    return Graph().parse(ONTOLOGY / "core.ttl")


def local(term: object) -> str:
    return str(term).removeprefix(str(AURA))


def of_type(graph: Graph, name: str) -> list[URIRef]:
    return sorted(URIRef(str(s)) for s in graph.subjects(RDF.type, CORE[name]))


def languages(graph: Graph, node: URIRef, prop: URIRef) -> list[str]:
    return sorted(
        o.language or "" for o in graph.objects(node, prop) if isinstance(o, Literal) and str(o).strip()
    )


def test_counts(graph: Graph) -> None:
    assert {local(s) for s in of_type(graph, "Statement")} == EXPECTED_STATEMENTS
    assert len(EXPECTED_STATEMENTS) == 166
    assert {local(a) for a in of_type(graph, "Ambiguity")} == EXPECTED_AMBIGUITIES
    assert len(EXPECTED_AMBIGUITIES) == 64
    assert len(of_type(graph, "Reading")) == 94
    assert of_type(graph, "Guideline") == [AURA.guideline]


def test_identifiers_are_local_names(graph: Graph) -> None:
    for kind in ("Statement", "Ambiguity", "Reading"):
        for node in of_type(graph, kind):
            assert [str(o) for o in graph.objects(node, DCTERMS.identifier)] == [local(node)]


def test_every_individual_is_declared(graph: Graph) -> None:
    for kind in ("Guideline", "Statement", "Ambiguity", "Reading", "Strength", "SourceLevel"):
        for node in of_type(graph, kind):
            assert (node, RDF.type, OWL.NamedIndividual) in graph, node


def test_statements_are_complete(graph: Graph) -> None:
    for node in of_type(graph, "Statement"):
        assert languages(graph, node, RDFS.label) == ["en", "fr"], node
        assert languages(graph, node, CORE.paraphrase) == ["en", "fr"], node
        assert (node, CORE.ofGuideline, AURA.guideline) in graph
        for prop in (CORE.section, CORE.sourceLines, CORE.statementKind, CORE.sourceLevel, CORE.computable):
            assert len(list(graph.objects(node, prop))) == 1, (node, prop)
        assert len(list(graph.objects(node, CORE.strengthAsWorded))) <= 1
        assert local(graph.value(node, CORE.sourceLevel)) in LEVELS
        lines = re.fullmatch(r"(\d+)(?:-(\d+))?", str(graph.value(node, CORE.sourceLines)))
        assert lines, node
        assert int(lines[1]) <= int(lines[2] or lines[1])


def test_notes_are_in_both_languages(graph: Graph) -> None:
    for kind in ("Statement", "Ambiguity"):
        for node in of_type(graph, kind):
            assert languages(graph, node, SKOS.editorialNote) in ([], ["en", "fr"]), node


def test_levels_follow_sections(graph: Graph) -> None:
    for node in of_type(graph, "Statement"):
        section, level = str(graph.value(node, CORE.section)), local(graph.value(node, CORE.sourceLevel))
        if section == "Recommendations":
            assert level == "level-summary-box"
        elif section.startswith("Table 5"):
            assert level == "level-table-5"
        else:
            assert level.startswith("level-body-"), node


def test_every_ambiguity_has_an_adopted_reading_of_its_own(graph: Graph) -> None:
    for node in of_type(graph, "Ambiguity"):
        adopted = list(graph.objects(node, CORE.adoptedReading))
        assert len(adopted) == 1, node
        assert (adopted[0], RDF.type, CORE.Reading) in graph
        assert (adopted[0], CORE.readingOf, node) in graph
        for prop in (RDFS.label, SKOS.definition):
            assert languages(graph, node, prop) == ["en", "fr"], node


def test_readings_belong_to_their_ambiguity(graph: Graph) -> None:
    for node in of_type(graph, "Reading"):
        assert [local(o) for o in graph.objects(node, CORE.readingOf)] == [local(node).rpartition("-")[0]]
        for prop in (RDFS.label, SKOS.definition):
            assert languages(graph, node, prop) == ["en", "fr"], node


@pytest.mark.parametrize(
    ("ambiguity", "adopted", "letters"),
    [
        ("A01", "a", "abc"),
        ("A02", "a", "abc"),
        ("A04", "b", "ab"),
        ("A06", "a", "ab"),
        ("A08", "a", "ab"),
        ("A13", "a", "ab"),
        ("A19", "a", "abc"),
        ("A22", "a", "ab"),
        ("A25", "b", "ab"),
        ("A27", "a", "abc"),
        ("A29", "c", "abc"),
        ("A31", "a", "ab"),
        ("A32", "a", "ab"),
        ("A41", "a", "abc"),
        ("A53", "a", "ab"),
        ("N02", "a", "ab"),
    ],
)
def test_choices_between_readings(graph: Graph, ambiguity: str, adopted: str, letters: str) -> None:
    assert local(graph.value(AURA[ambiguity], CORE.adoptedReading)) == f"{ambiguity}-{adopted}"
    found = {local(r) for r in graph.subjects(CORE.readingOf, AURA[ambiguity])}
    assert found == {f"{ambiguity}-{letter}" for letter in letters}


def test_every_ambiguity_touches_something(graph: Graph) -> None:
    assert set(of_type(graph, "Ambiguity")) == set(graph.objects(None, CORE.ambiguity))


def test_what_cannot_be_computed_as_worded_is_excluded(graph: Graph) -> None:
    """Two biological equivalents of nothing named, and a boost whose figures do not agree."""
    excluded = set(graph.subjects(CORE.excludedFromChecking, Literal(True)))
    assert excluded == {AURA.S093, AURA.S153, AURA.S159}


def test_ranks(graph: Graph) -> None:
    for kind, expected in (("SourceLevel", LEVELS), ("Strength", STRENGTHS)):
        found = {local(n): int(str(graph.value(n, CORE["rank"]))) for n in of_type(graph, kind)}
        assert found == expected
        for node in of_type(graph, kind):
            assert (node, CORE.ofGuideline, AURA.guideline) in graph
            assert languages(graph, node, SKOS.definition) == ["en", "fr"]


def test_labels_are_unique_within_a_language(graph: Graph) -> None:
    labels = Counter((str(o), o.language) for o in graph.objects(None, RDFS.label) if isinstance(o, Literal))
    assert [label for label, count in labels.items() if count > 1] == []


def test_statement_labels_are_short(graph: Graph) -> None:
    for node in of_type(graph, "Statement"):
        assert all(len(str(o)) <= 70 for o in graph.objects(node, RDFS.label)), node


def test_every_resource_named_is_described(graph: Graph) -> None:
    named = {o for o in graph.objects() if isinstance(o, URIRef) and o.startswith(str(AURA))}
    versions = set(graph.objects(None, OWL.versionIRI))
    assert sorted(o for o in named - versions if (o, RDF.type, None) not in graph) == []


def test_every_core_term_used_is_declared(graph: Graph, core: Graph) -> None:
    used = {p for p in graph.predicates() if p.startswith(str(CORE))}
    assert sorted(p for p in used if (p, RDF.type, OWL.AnnotationProperty) not in core) == []
