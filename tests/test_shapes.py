"""Record shapes and generated shapes: what they find, and that they say what the plan says."""

from fractions import Fraction
from typing import Any

import pytest
from rdflib import Graph, URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.concordance import QUALIFIES, STOPS
from kg_service.derivation import cases_of
from kg_service.knowledge import DATA_ROOT, load_file
from kg_service.limits import Limits
from kg_service.namespaces import QTY, RDF, REC, XSD
from kg_service.plan import Plan
from kg_service.record import Case, Fact, Member, Record
from kg_service.record_rdf import record_graph
from kg_service.sampling import random_cases
from kg_service.schema import Kind
from kg_service.service import KnowledgeBase
from kg_service.shape_writer import eligibility_path, generated_files
from kg_service.validation import Finding, validate
from kg_service.values import Knowledge

PREFIXES = """
@prefix anat: <https://w3id.org/bonemet-kg/anatomy/> .
@prefix qty: <https://w3id.org/bonemet-kg/quantity/> .
@prefix rec: <https://w3id.org/bonemet-kg/record/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
VALID = [
    "<urn:p> a rec:Patient .",
    '<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:value 3.0 ; qty:unit "mo" ] .',
    '<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:minInclusive 3.0 ; qty:maxExclusive 6.0 ; qty:unit "mo" ] .',
    "<urn:l> a rec:Lesion ; rec:site anat:ThoracicSpine ; rec:cordCompression false .",
    '<urn:p> a rec:Patient ; rec:referenceDate "2026-11-02"^^xsd:date ; rec:hadCourse <urn:c> . <urn:c> a rec:PreviousCourse ; rec:endDate "2026-11"^^xsd:gYearMonth .',
]
INVALID = [
    ("<urn:p> a rec:Patient ; rec:primaryControlled true , false .", "primaryControlled"),
    ('<urn:p> a rec:Patient ; rec:primaryControlled "yes" .', "primaryControlled"),
    ("<urn:p> a rec:Patient ; rec:lifeExpectency true .", "lifeExpectency"),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:value -1.0 ; qty:unit "mo" ] .', "lifeExpectancy/"),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:minInclusive 2000.0 ; qty:unit "mo" ] .', "lifeExpectancy/"),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:value 3.0 ; qty:unit "Gy" ] .', "lifeExpectancy/unit"),
    ("<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:value 3.0 ] .", "unit"),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:value 3.0 ; qty:minInclusive 2.0 ; qty:unit "mo" ] .', ""),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:unit "mo" ] .', ""),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ a qty:Quantity ; qty:minInclusive 4.0 ; qty:maxInclusive 2.0 ; qty:unit "mo" ] .', "minInclusive"),
    ('<urn:p> a rec:Patient ; rec:metastasisCount [ a qty:Quantity ; qty:value 2.5 ; qty:unit "1" ] .', ""),
    ("<urn:l> a rec:Lesion ; rec:site anat:T13 .", "site"),
    ("<urn:l> a rec:Lesion ; rec:site rec:Painful .", "site"),
    ('<urn:p> a rec:Patient ; rec:referenceDate "yesterday" .', "referenceDate"),
    ('<urn:c> a rec:PreviousCourse ; rec:startDate "2026-02-02"^^xsd:date ; rec:endDate "2026-02-01"^^xsd:date .', ""),
    ('<urn:p> a rec:Patient ; rec:referenceDate "2026-01-01"^^xsd:date ; rec:hadCourse <urn:c> . <urn:c> a rec:PreviousCourse ; rec:endDate "2026-02"^^xsd:gYearMonth .', ""),
    ("<urn:p> a rec:Patient ; rec:hasLesion <urn:p> .", "hasLesion"),
]  # fmt: skip


def findings(shapes: Graph, text: str) -> list[Finding]:
    return validate(Graph().parse(data=PREFIXES + text, format="turtle"), shapes)


def test_the_tables_hold_the_cases_they_say() -> None:
    assert (len(VALID), len(INVALID)) == (5, 17)


@pytest.mark.parametrize("text", VALID)
def test_a_sound_record_conforms(base: KnowledgeBase, text: str) -> None:
    assert findings(base.record_shapes, text) == []


@pytest.mark.parametrize(("text", "path"), INVALID)
def test_a_defect_is_found_at_its_path(base: KnowledgeBase, text: str, path: str) -> None:
    found = findings(base.record_shapes, text)
    assert any(f.path.startswith(path) and f.severity == "Violation" for f in found), found
    assert all(f.message["en"] and f.message["fr"] for f in found)


def test_the_fast_reader_refuses_what_the_shapes_refuse(base: KnowledgeBase) -> None:
    """Every quantity, at and beside both of its limits: Limits and pySHACL agree."""
    limits, tried = Limits(base.record_shapes), 0
    for feature in base.compiled().schema.features.values():
        if feature.kind is not Kind.QUANTITY:
            continue
        allowed = limits.of(feature.iri)
        assert allowed.low is not None, f"{feature.name} has no range"
        assert allowed.high is not None
        graph = Graph()
        expected = {}
        for bound in (allowed.low, allowed.high):
            for beside in (Fraction(-1), Fraction(0), Fraction(1)):
                node = URIRef(f"urn:{len(expected)}")
                expected[str(node)] = (bound + beside) in allowed
                quantity = URIRef(f"{node}/q")
                graph.add((node, feature.iri, quantity))
                graph.add((quantity, QTY.value, _decimal(bound + beside)))
                graph.add((quantity, QTY.unit, _string(feature.unit or "1")))
        refused = {f.focus for f in validate(graph, base.record_shapes)}
        assert {node for node, fine in expected.items() if not fine} == refused
        tried += len(expected)
    assert tried == 45 * 6  # three of them are values of scores


def _decimal(number: Fraction) -> Any:
    from rdflib import Literal

    return Literal(f"{float(number)}", datatype=XSD.decimal)


def _string(text: str) -> Any:
    from rdflib import Literal

    return Literal(text)


def test_generated_shapes_are_in_step_with_the_axioms(compiled: CompiledGuideline) -> None:
    """``bonemet check --write`` repairs this."""
    files = generated_files(compiled)
    assert len(files) == 3
    for path, text in files.items():
        assert (DATA_ROOT / path).read_text(encoding="utf-8") == text


def record_of(number: int, known: dict[str, Knowledge], compiled: CompiledGuideline) -> tuple[Record, Case]:
    """Return a record with one lesion that states what a random case knows."""
    schema = compiled.schema
    patient, lesion = compiled.document_entity, compiled.case_entity
    prescription = schema.entities[lesion.links["prescription"].target]

    def facts(entity: Any, where: str) -> dict[URIRef, Fact]:
        return {
            f.iri: Fact(f.iri, known[str(f.iri)], f"{where}{f.key}", "stated")
            for f in entity.features.values()
            if str(f.iri) in known
        }

    linked = Member(
        prescription,
        f"rx{number}",
        "lesions[0].prescription",
        facts(prescription, "lesions[0].prescription."),
    )
    member = Member(
        lesion,
        f"L{number}",
        "lesions[0]",
        facts(lesion, "lesions[0]."),
        links={lesion.links["prescription"].iri: linked},
    )
    root = Member(patient, f"p{number}", "", facts(patient, ""), lists={REC.hasLesion: (member,)})
    everything = {**facts(patient, ""), **member.facts, **linked.facts}
    return Record(root, "random"), Case(f"L{number}", f"p{number}", everything)


def test_eligibility_shapes_say_what_the_plan_says(compiled: CompiledGuideline) -> None:
    """True is a violation or warning, open is not assessable, false is neither; on random cases."""
    shapes = load_file(DATA_ROOT / eligibility_path(compiled))
    graph, expected = Graph(), {}
    cases = random_cases(compiled, 300, 11)
    against = [r for r in compiled.guideline.recommendations if r.kind in (STOPS, QUALIFIES)]
    assert len(against) == 8
    for number, known in enumerate(cases):
        record, case = record_of(number, known, compiled)
        graph += record_graph(record, [case], compiled.schema)
        expected |= {(f"L{number}", r.id): value_of(compiled.plan, str(r.population), known) for r in against}
    found: dict[tuple[str, str], set[str]] = {}
    for finding in validate(graph, shapes):
        for statement in finding.statements:
            found.setdefault((finding.focus.rsplit("/", 1)[-1], statement), set()).add(finding.severity)
    for (lesion, identifier), value in expected.items():
        severities = found.get((lesion, identifier), set())
        holds = "Violation" if identifier in ("S071", "S072", "S073", "S074", "S075") else "Warning"
        assert severities == ({holds} if value else {"NotAssessable"} if value is None else set()), (
            lesion,
            identifier,
        )
    assert len(expected) == 2400


def value_of(plan: Plan, name: str, known: dict[str, Knowledge]) -> bool | None:
    return plan.decide(plan.trees[name], plan.possible(known))


def test_contradiction_shapes_find_what_the_reader_refuses(base: KnowledgeBase) -> None:
    shapes = load_file(DATA_ROOT / "shapes" / "contradictions.ttl")
    schema = base.compiled().schema
    assert len(schema.impossible) == 6
    document = {"id": "p", "lesions": [{"id": "L1", "site": "Femur", "cordCompression": True}]}
    (record,) = base.read_document(document, "x")
    graph = record_graph(record, cases_of(record, schema), schema)
    assert [f.severity for f in validate(graph, shapes)] == ["Violation"]
    assert (None, RDF.type, REC.Lesion) in graph
