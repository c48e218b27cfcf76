"""The bindings are sound data: no wrong code, no ambiguity, every term declared; Python holds no code."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from fhir_support import bindings
from rdflib import RDF, RDFS, SKOS, URIRef

from kg_service.importers import fhir
from kg_service.importers.fhir_bindings import Code
from kg_service.knowledge import DATA_ROOT, load_file, read_module
from kg_service.namespaces import FB

TURTLE = DATA_ROOT / "ontology" / "bindings" / "fhir.ttl"
SCT, LOINC = "http://snomed.info/sct", "http://loinc.org"


def test_every_bound_code_carries_a_right_check_digit() -> None:
    known = bindings().known_codes()
    assert Counter(code.system for code in known)[SCT] > 150
    assert [str(code) for code in known if bindings().defect(code)] == []


def test_check_digits_catch_a_changed_digit_and_leave_other_systems_alone() -> None:
    wrong = [(SCT, "18603003"), (SCT, "91611006"), (LOINC, "39638-7")]
    assert all(bindings().defect(Code(system, code)) for system, code in wrong)
    right = [
        (SCT, "24700007"),
        (LOINC, "89247-1"),
        (LOINC, "LA9622-7"),
        ("http://hl7.org/fhir/sid/icd-10", "C79.5"),
    ]
    assert not any(bindings().defect(Code(system, code)) for system, code in right)


def test_no_code_stands_for_two_terms() -> None:
    doubtful = [
        str(code) for code in bindings().known_codes() if len({m.term for m in bindings().meanings(code)}) > 1
    ]
    assert doubtful == []


def test_every_bound_term_is_declared_in_the_knowledge_base() -> None:
    graph, whole = load_file(TURTLE), bindings().schema.graph
    subjects = set(graph.subjects(FB.codedBy)) | set(graph.subjects(FB.gradedBy))
    assert len(subjects) > 60
    assert [s for s in subjects if (s, RDF.type, None) not in whole] == []


def test_every_code_states_how_it_was_verified() -> None:
    graph = load_file(TURTLE)
    nodes = [*graph.objects(None, FB.codedBy), *graph.objects(None, FB.gradedBy)]
    assert {str(graph.value(node, FB.verifiedAs)) for node in nodes} == {"V1", "V2", "V3"}


def test_every_term_of_the_module_is_labelled_and_defined_in_both_languages() -> None:
    graph = load_file(TURTLE)
    terms = {s for s in graph.subjects(RDFS.label) if isinstance(s, URIRef)}
    assert len(terms) > 60
    for term in terms:
        assert str(term).startswith(str(FB))
        for prop in (RDFS.label, SKOS.definition):
            assert {o.language for o in graph.objects(term, prop)} == {"en", "fr"}
        assert graph.value(term, RDFS.isDefinedBy) == read_module(TURTLE).iri
    used = {p for _, p, _ in graph if str(p).startswith(str(FB))}
    assert used <= terms


def test_the_importer_holds_no_clinical_code() -> None:
    modules = sorted(Path(fhir.__file__).parent.glob("fhir*.py"))
    assert len(modules) == 17
    for module in modules:
        text = re.sub(r'"[0-9]{10}", ?', "", module.read_text(encoding="utf-8"))
        assert not re.search(
            r"\b\d{6,18}\b|\b\d{4,6}-\d\b|\b[CG]\d\d\.\d|snomed|loinc", text, re.IGNORECASE
        ), module
