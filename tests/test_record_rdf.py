"""One record in every form: JSON, Turtle, N-Triples and JSON-LD say the same facts."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kg_service.exchange import CONTEXT_IRI, json_schema
from kg_service.knowledge import DATA_ROOT
from kg_service.record_rdf import record_graph
from kg_service.service import Batch, KnowledgeBase
from kg_service.values import Knowledge

CASE = json.loads((DATA_ROOT / "examples" / "case-thoracic-reirradiation.json").read_text(encoding="utf-8"))
DOCUMENTED = json.loads(
    (DATA_ROOT / "docs" / "record-format.md").read_text(encoding="utf-8").split("```json")[1].split("```")[0]
)
PREFIX = "@prefix rec: <https://w3id.org/bonemet-kg/record/> . @prefix anat: <https://w3id.org/bonemet-kg/anatomy/> . @prefix qty: <https://w3id.org/bonemet-kg/quantity/> .\n"


def read(base: KnowledgeBase, text: str, suffix: str) -> Batch:
    batch = Batch()
    base.read_text(text, f"record{suffix}", batch, suffix)
    return batch


def facts(base: KnowledgeBase, batch: Batch) -> list[tuple[str, dict[str, Knowledge]]]:
    assert batch.problems == []
    cases = [case for record in batch.records for case in base.cases(record)]
    return sorted(((c.id, c.known) for c in cases), key=lambda pair: pair[0])


@pytest.mark.parametrize("document", [CASE, DOCUMENTED], ids=["example", "documented"])
def test_every_form_says_the_same(base: KnowledgeBase, document: dict[str, Any]) -> None:
    batch = read(base, json.dumps(document), ".json")
    stated = facts(base, batch)
    record = batch.records[0]
    graph = record_graph(record, base.cases(record), base.compiled().schema)
    for form, suffix in (("turtle", ".ttl"), ("nt", ".nt")):
        assert facts(base, read(base, graph.serialize(format=form), suffix)) == stated
    linked = {"@context": CONTEXT_IRI, "type": "Patient", **document}
    assert facts(base, read(base, json.dumps(linked), ".jsonld")) == stated
    assert facts(base, read(base, json.dumps(linked), ".json")) == stated


def test_the_same_record_gives_the_same_triples(base: KnowledgeBase) -> None:
    graphs = []
    for _ in range(2):
        (record,) = base.read_document(CASE, "x")
        graphs.append(record_graph(record, base.cases(record), base.compiled().schema))
    assert set(graphs[0]) == set(graphs[1])
    assert len(graphs[0]) > 100


@pytest.mark.parametrize("document", [CASE, DOCUMENTED], ids=["example", "documented"])
def test_the_shipped_records_fit_the_json_schema(base: KnowledgeBase, document: dict[str, Any]) -> None:
    schema = json_schema(base.compiled().schema, base.limits)
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(document)) == []


MUTATIONS: list[dict[str, Any]] = [
    {"lifeExpectency": 3},
    {"lifeExpectancy": 3},
    {"lifeExpectancy": {"value": 3}},
    {"lifeExpectancy": {"value": "3", "unit": "mo"}},
    {"lifeExpectancy": {"value": 3, "unit": "months"}},
    {"lifeExpectancy": {"value": 3, "minInclusive": 1, "unit": "mo"}},
    {"lifeExpectancy": {"unit": "mo"}},
    {"primaryControlled": "yes"},
    {"lesions": {}},
    {"lesions": [{"site": "T13"}]},
    {"lesions": [3]},
    {"referenceDate": "yesterday"},
    {"metastasisCount": {"value": 2.5}},
    {"metastasisCount": {"value": 0}},
    {"mriContraindication": 1},
    {"id": ""},
]


@pytest.mark.parametrize("change", MUTATIONS, ids=lambda c: json.dumps(c)[:40])
def test_the_json_schema_and_the_reader_refuse_the_same_defects(
    base: KnowledgeBase, change: dict[str, Any]
) -> None:
    document = {**CASE, **change}
    schema = json_schema(base.compiled().schema, base.limits)
    assert list(Draft202012Validator(schema).iter_errors(document))
    assert read(base, json.dumps(document), ".json").problems


REFUSED = [
    ("<urn:p> a rec:Patient ; rec:primaryControlled true , false .", "2 values (false and true)"),
    ("<urn:p> a rec:Patient ; rec:lifeExpectency 3 .", "Did you mean 'lifeExpectancy'?"),
    ("<urn:p> a rec:Patient ; rec:lifeExpectancy 3 .", "the literal 3; expected a quantity"),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ qty:value 3 ; qty:unit "Gy" ] .', "the unit 'Gy'"),
    (
        '<urn:p> a rec:Patient ; rec:lifeExpectancy [ qty:value "three" ; qty:unit "mo" ] .',
        "'three'; expected a number",
    ),
    ('<urn:p> a rec:Patient ; rec:lifeExpectancy [ qty:value 3 , 4 ; qty:unit "mo" ] .', "2 times qty:value"),
    ('<urn:p> a rec:Patient ; rec:primaryControlled "yes" .', "'yes'; expected true or false"),
    ("<urn:p> a rec:Patient ; rec:hasLesion [ rec:site anat:T13 ] .", "expected a class under"),
    ("<urn:p> a rec:Patient ; rec:hasLesion true .", "expected a node that describes one Lesion"),
    ("<urn:p> a rec:Patient ; rec:hasLesion <urn:p> .", "expected a node that describes one Lesion"),
    ("<urn:x> a <urn:y> .", "no record; expected a subject of type"),
    ("<urn:p> a rec:Patient ;;; oops", "not valid turtle"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_rdf_that_is_no_record_is_refused_with_its_place(
    base: KnowledgeBase, text: str, message: str
) -> None:
    problems = read(base, PREFIX + text, ".ttl").problems
    assert problems
    assert message in "\n".join(map(str, problems))


def test_a_coarse_or_unnamed_site_is_read(base: KnowledgeBase) -> None:
    text = "<urn:p> a rec:Patient ; rec:hasLesion [ rec:site [ a anat:T8 ] ] , [ rec:site anat:Spine ] ."
    batch = read(base, PREFIX + text, ".ttl")
    sizes = sorted(
        len(case.known[str(site)])
        for r in batch.records
        for case in base.cases(r)
        for site in case.facts
        if site.endswith("/site")
    )
    assert sizes == [1, 29]


@pytest.mark.parametrize(
    "context",
    [
        "https://example.org/context.jsonld",
        "file:///etc/passwd",
        ["https://example.org/c"],
        {"x": {"@id": "urn:x", "@context": "http://e.org/"}},
    ],
)
def test_a_context_from_elsewhere_is_never_fetched(base: KnowledgeBase, context: Any) -> None:
    problems = read(base, json.dumps({"@context": context, "id": "urn:p"}), ".jsonld").problems
    assert "Nothing is fetched" in str(problems[0])
