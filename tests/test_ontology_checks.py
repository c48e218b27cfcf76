"""The checks of the ontology as a publication find the defect they are for, and nothing in a sound graph."""

from pathlib import Path

import pytest
from rdflib import Graph

from kg_service.knowledge import DATA_ROOT, module_paths
from kg_service.ontology_checks import (
    ambiguous_labels,
    cycles,
    docs_findings,
    repeated_definitions,
    undescribed,
    unlike_in_xml,
    version_findings,
)

PREFIXES = """
@prefix core: <https://w3id.org/bonemet-kg/core/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix x: <https://w3id.org/bonemet-kg/x/> .
"""


def graph(turtle: str) -> Graph:
    return Graph().parse(data=PREFIXES + turtle, format="turtle")


def test_a_term_that_is_spoken_of_and_not_described_is_found() -> None:
    found = undescribed(graph("x:A rdfs:subClassOf x:B . x:C rdfs:subClassOf x:A ."))
    assert found == [
        "https://w3id.org/bonemet-kg/x/B is described nowhere; https://w3id.org/bonemet-kg/x/A speaks of it"
    ]


def test_versions_pages_and_terms_of_others_need_no_description() -> None:
    assert (
        undescribed(
            graph(
                "x:m owl:versionIRI <https://w3id.org/bonemet-kg/x/2026-01-01> ; rdfs:seeAlso rdfs:label , "
                "<https://w3id.org/bonemet-kg/docs/en/x.html> ; owl:priorVersion <https://w3id.org/bonemet-kg/x/2025-01-01> ."
            )
        )
        == []
    )


@pytest.mark.parametrize("prop", ["rdfs:subClassOf", "core:broaderOption", "core:waitsFor"])
def test_what_comes_under_itself_is_found(prop: str) -> None:
    assert len(cycles(graph(f"x:A {prop} x:B . x:B {prop} x:A . x:C {prop} x:A ."))) == 2
    assert len(cycles(graph(f"x:A {prop} x:A ."))) == 1
    assert cycles(graph(f"x:A {prop} x:B . x:B {prop} x:C . x:A {prop} x:C .")) == []


def test_one_label_of_two_terms_of_a_kind_is_found() -> None:
    two = 'x:A a owl:Class ; rdfs:label "a"@en . x:B a owl:Class ; rdfs:label "a"@{} .'
    assert ambiguous_labels(graph(two.format("en"))) == ['A, B bear the same label "a"@en']
    assert ambiguous_labels(graph(two.format("fr"))) == []
    assert len(ambiguous_labels(graph(two.format("en").replace("owl:Class", "core:Statement")))) == 1
    other_kind = 'x:A a owl:Class ; rdfs:label "a"@en . x:b a owl:AnnotationProperty ; rdfs:label "a"@en .'
    assert ambiguous_labels(graph(other_kind)) == []


def test_a_definition_said_twice_is_found_and_a_name_for_one_is_not() -> None:
    defined = (
        "x:A core:criterionOf x:g ; owl:equivalentClass [ owl:unionOf ( x:P x:Q ) ] . "
        "x:B core:criterionOf x:g ; owl:equivalentClass {} ."
    )
    assert repeated_definitions(graph(defined.format("[ owl:unionOf ( x:P x:Q ) ]"))) == [
        "A and B have one definition"
    ]
    assert repeated_definitions(graph(defined.format("x:A"))) == []
    assert repeated_definitions(graph(defined.format("[ owl:intersectionOf ( x:P x:Q ) ]"))) == []


def test_headers_package_and_changelog_name_one_version() -> None:
    header = graph('x:m a owl:Ontology ; owl:versionInfo "1.2.0" .')
    log = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-01-01\n\n## 1.1.0 - 2025-01-01\n"
    assert list(version_findings(header, "1.2.0", log)) == []
    [module, changelog] = version_findings(header, "1.3.0", log)
    assert "x/m says version 1.2.0; the package is 1.3.0" in module
    assert "tells 1.2.0 as the last version" in changelog
    assert len(list(version_findings(graph("x:m a owl:Ontology ."), "1.2.0", log))) == 1


def test_a_header_leads_to_pages_that_are_written() -> None:
    header = graph(
        "x:m a owl:Ontology ; rdfs:seeAlso <https://w3id.org/bonemet-kg/docs/en/x.html> , "
        "<https://w3id.org/bonemet-kg/docs/fr/y.html> ."
    )
    assert list(docs_findings(header, ["en/x.html", "fr/y.html"], ["en", "fr"])) == []
    assert len(list(docs_findings(header, ["en/x.html", "fr/x.html"], ["en", "fr"]))) == 1
    assert len(list(docs_findings(header, ["en/x.html", "fr/y.html"], ["en", "fr", "de"]))) == 1


def test_the_modules_say_as_much_in_xml(tmp_path: Path) -> None:
    paths = module_paths()
    assert len(paths) >= 14
    assert unlike_in_xml(paths) == []


def test_the_changelog_of_the_ontology_begins_with_verdicts() -> None:
    text = (DATA_ROOT / "ontology" / "CHANGELOG.md").read_text(encoding="utf-8")
    for entry in text.split("\n## ")[1:]:
        first = entry.split("\n### ")[1]
        assert first.startswith("Verdicts")
