"""RDF from outside: nothing is lost in silence, nothing is fetched, nothing crashes."""

import json
from typing import Any

import pytest
from rdflib import Graph, URIRef

from kg_service.errors import InputError
from kg_service.exchange import CONTEXT_IRI
from kg_service.record_from_rdf import documents_from_graph, parse_rdf
from kg_service.service import Batch, KnowledgeBase

PREFIXES = """
@prefix anat: <https://w3id.org/bonemet-kg/anatomy/> .
@prefix core: <https://w3id.org/bonemet-kg/core/> .
@prefix qty: <https://w3id.org/bonemet-kg/quantity/> .
@prefix rec: <https://w3id.org/bonemet-kg/record/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
REFUSED = [
    ("a lesion that no record lists", "<urn:p> a rec:Patient . <urn:l> a rec:Lesion .", "urn:l: in no record"),
    ("a fact of nothing", "<urn:p> a rec:Patient . <urn:l> rec:site anat:T1 .", "urn:l: in no record"),
    ("a quantity of nothing", "<urn:p> a rec:Patient . <urn:q> qty:value 3 .", "urn:q: in no record"),
    ("a lesion of someone else", "<urn:p> a rec:Patient ; rec:hasLesion <urn:l> . <urn:l> rec:ofPatient <urn:q> .", "urn:l ofPatient: urn:q; expected urn:p"),
    ("a lesion of two patients", "<urn:p> a rec:Patient ; rec:hasLesion <urn:l> . <urn:q> a rec:Patient ; rec:hasLesion <urn:l> .", "described in another record too"),
    ("a lesion that is an operation", "<urn:p> a rec:Patient ; rec:hasLesion <urn:l> . <urn:l> a rec:Surgery .", "urn:l type"),
    ("a patient who is a lesion", "<urn:p> a rec:Patient , rec:Lesion .", "urn:p type"),
    ("a class that does not exist", "<urn:p> a rec:Patient , rec:Pateint .", "Did you mean 'Patient'?"),
    ("a pointer into another record", "<urn:a/p> a rec:Patient ; rec:hasLesion <urn:a/l> ; rec:hadCourse [ rec:treatedLesion <urn:b/l> ] . <urn:b/p> a rec:Patient ; rec:hasLesion <urn:b/l> .", "expected something that the same record describes"),
    ("a pointer that is a text", '<urn:p> a rec:Patient ; rec:hasLesion <urn:l> ; rec:hadCourse [ rec:treatedLesion "urn:l" ] .', "expected something that the same record describes"),
    ("a property of a quantity misspelt", '<urn:p> a rec:Patient ; rec:lifeExpectancy [ qty:minInclusive 3 ; qty:maxInclusve 5 ; qty:unit "mo" ] .', "Did you mean 'maxInclusive'?"),
    ("a value beside its quantity", "<urn:p> a rec:Patient ; qty:value 3 .", "an unknown property"),
    ("a property of another entity", "<urn:p> a rec:Patient ; rec:cordCompression true .", "an unknown property"),
    ("a property of another vocabulary of ours", "<urn:p> a rec:Patient ; core:place 3 .", "an unknown property"),
    ("a site of two vertebrae", "<urn:p> a rec:Patient ; rec:hasLesion [ rec:site [ a anat:T11 , anat:T12 ] ] .", "T11 and "),
    ("a site that is nothing", "<urn:p> a rec:Patient ; rec:hasLesion [ rec:site [] ] .", "a node of no such class"),
    ("a truth value that is none", "<urn:p> a rec:Patient ; rec:primaryControlled <urn:x> .", "expected a literal"),
    ("a text with a language", '<urn:p> a rec:Patient ; rec:referenceDate "2026-11-02"@fr .', "without a language"),
    ("a day that does not exist", '<urn:p> a rec:Patient ; rec:referenceDate "2026-02-30"^^xsd:date .', "of datatype date"),
    ("a number that is infinite", '<urn:p> a rec:Patient ; rec:lifeExpectancy [ qty:value "INF"^^xsd:double ; qty:unit "mo" ] .', "a number of ordinary size"),
    ("a number that fills memory", '<urn:p> a rec:Patient ; rec:lifeExpectancy [ qty:value "1E999999999"^^xsd:decimal ; qty:unit "mo" ] .', "a number of ordinary size"),
    ("the same, disguised", '<urn:p> a rec:Patient ; rec:lifeExpectancy [ qty:value "1\\u0045999999999"^^xsd:decimal ; qty:unit "mo" ] .', "a number of ordinary size"),
    ("a circle", "<urn:p> a rec:Patient ; rec:hasLesion <urn:l> . <urn:l> rec:hasPrescription <urn:l> .", "describes one Prescription"),
    ("nesting without end", "<urn:p> a rec:Patient ; rec:hasLesion " + "[ rec:hasLesion " * 3000 + "true" + " ]" * 3000 + " .", "not valid turtle"),
    ("a prefix not declared", "<urn:p> a recx:Patient .", "line 7: not valid turtle (Prefix \"recx:\" not bound)"),
    ("nothing", "", "no record"),
]  # fmt: skip
UNDERSTOOD = [
    ("a link said from the lesion", "<urn:p> a rec:Patient . <urn:l> a rec:Lesion ; rec:ofPatient <urn:p> .", {"id": "urn:p", "lesions": [{"id": "urn:l"}]}),
    ("a link said from both", "<urn:p> a rec:Patient ; rec:hasLesion <urn:l> . <urn:l> rec:ofPatient <urn:p> .", {"id": "urn:p", "lesions": [{"id": "urn:l"}]}),
    ("a pointer to an unnamed lesion", "<urn:p> a rec:Patient ; rec:hasLesion _:l ; rec:hadCourse [ rec:treatedLesion _:l ] .", {"id": "urn:p", "lesions": [{"id": "lesions-0"}], "previousCourses": [{"treatedLesions": ["lesions-0"]}]}),
    ("ends of IRIs that are the same", "<urn:h/patient/1> a rec:Patient ; rec:hasLesion <urn:h/lesion/1> ; rec:hadCourse [ rec:sparedLesion <urn:h/lesion/1> ] .", {"id": "1", "lesions": [{"id": "urn:h/lesion/1"}], "previousCourses": [{"sparedLesions": ["urn:h/lesion/1"]}]}),
    ("an instance of a class", "<urn:p> a rec:Patient ; rec:hasLesion [ rec:site <urn:v> ] . <urn:v> a anat:T11 .", {"id": "urn:p", "lesions": [{"site": "T11"}]}),
    ("an instance with its inferred types", "<urn:p> a rec:Patient ; rec:hasLesion [ rec:site [ a anat:Bone , anat:T11 , anat:Spine ] ] .", {"id": "urn:p", "lesions": [{"site": "T11"}]}),
    ("properties of others", "<urn:p> a rec:Patient , <urn:other/Class> ; <urn:other/prop> 3 .", {"id": "urn:p"}),
    ("nobody with a name", "[] a rec:Patient ; rec:primaryControlled true .", {"primaryControlled": True}),
]  # fmt: skip


def read(base: KnowledgeBase, text: str, form: str = "turtle") -> list[tuple[dict[str, Any], str]]:
    schema = base.compiled().schema
    return documents_from_graph(parse_rdf(text, form, "x", schema), schema, "x")


def refusal(base: KnowledgeBase, text: str, form: str = "turtle") -> str:
    batch = Batch()
    base.read_text(text, "x", batch, {"turtle": ".ttl", "json-ld": ".jsonld"}[form])
    assert not batch.records
    return "\n".join(map(str, batch.problems))


def test_the_tables_hold_the_cases_they_say() -> None:
    assert (len(REFUSED), len(UNDERSTOOD)) == (26, 8)


@pytest.mark.filterwarnings("ignore:Parsing weird boolean")
@pytest.mark.parametrize(
    ("text", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_would_be_lost_or_guessed_is_refused(base: KnowledgeBase, text: str, message: str) -> None:
    assert message in refusal(base, PREFIXES + text)


@pytest.mark.parametrize(("text", "document"), [c[1:] for c in UNDERSTOOD], ids=[c[0] for c in UNDERSTOOD])
def test_what_is_said_in_another_way_is_understood(
    base: KnowledgeBase, text: str, document: dict[str, Any]
) -> None:
    assert [found for found, _ in read(base, PREFIXES + text)] == [document]


def test_unnamed_lesions_come_in_the_same_order_each_time(base: KnowledgeBase) -> None:
    lesions = ", ".join(f"[ rec:site anat:{level} ]" for level in ("T1", "T2", "L3", "Rib"))
    found = [read(base, f"{PREFIXES} <urn:p> a rec:Patient ; rec:hasLesion {lesions} .") for _ in range(5)]
    assert all(documents == found[0] for documents in found)


def test_named_graphs_are_read_as_one(base: KnowledgeBase) -> None:
    text = "<urn:p> a rec:Patient . <urn:g> { <urn:p> rec:primaryControlled true . }"
    assert read(base, PREFIXES + text, "trig") == [({"id": "urn:p", "primaryControlled": True}, "urn:p")]


@pytest.mark.parametrize(("text", "form"), [("<rdf:RDF/>", "xml"), ("<?xml version='1.0'?>", "turtle")])
def test_xml_is_refused_by_its_name(base: KnowledgeBase, text: str, form: str) -> None:
    with pytest.raises(InputError, match="RDF in XML"):
        parse_rdf(text, form, "x", base.compiled().schema)
    batch = Batch()
    base.read_text(text, "x.rdf", batch, ".rdf")
    assert [p.found for p in batch.problems] == ["RDF in XML"]


def linked(**keys: Any) -> str:
    return json.dumps({"@context": CONTEXT_IRI, "type": "Patient", "id": "c", **keys})


LINKED = [
    ("a key that is not known", linked(lifeExpectency=3), "Did you mean 'lifeExpectancy'?"),
    ("a key of a quantity", linked(lifeExpectancy={"valu": 3, "unit": "mo"}), "Did you mean 'value'?"),
    ("a code that is not known", linked(lesions=[{"site": "T13"}]), "T13; expected a class under"),
    ("a key given twice", linked()[:-1] + ', "id": "d"}', "given twice"),
    ("no type", json.dumps({"@context": CONTEXT_IRI, "id": "c"}), "no record"),
    ("a number", "3", "no JSON object"),
    ("a number that fills memory", linked(lifeExpectancy=0).replace("0", '{"value": 1e999999999}'), "ordinary size"),
    ("a context to import", linked(**{"@context": {"@import": CONTEXT_IRI}}), "Nothing is fetched"),
    ("a context from a file", linked(**{"@context": [CONTEXT_IRI, "file:///etc/passwd"]}), "Nothing is fetched"),
    ("a context within a term", linked(**{"@context": {"x": {"@id": "urn:x", "@context": "urn:y"}}}), "Nothing is fetched"),
    ("a context within a node", linked(lesions=[{"@context": "urn:y"}]), "Nothing is fetched"),
    ("nesting without end", "[" * 5000 + "]" * 5000, "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), [case[1:] for case in LINKED], ids=[case[0] for case in LINKED])
def test_json_ld_that_would_lose_or_fetch_something_is_refused(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", no_network)
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    assert message in refusal(base, text, "json-ld")


def test_ids_that_are_no_iris_keep_their_things(base: KnowledgeBase) -> None:
    ids = ["lesion 1", "a/1", "b/1", "é ?<x>", "h#2"]
    text = linked(
        lesions=[{"id": i} for i in ids], previousCourses=[{"treatedLesions": ids}], type=["Patient"]
    )
    ((document, _),) = read(base, text, "json-ld")
    assert {lesion["id"] for lesion in document["lesions"]} == set(ids)
    assert set(document["previousCourses"][0]["treatedLesions"]) == set(ids)


def test_numbers_keep_every_digit(base: KnowledgeBase) -> None:
    text = linked(lifeExpectancy=0).replace("0", '{"value": 3.333333333333333333333333333333, "unit": "mo"}')
    ((document, _),) = read(base, text, "json-ld")
    assert str(document["lifeExpectancy"]["value"]) == "3.333333333333333333333333333333"


def test_inline_contexts_are_read(base: KnowledgeBase) -> None:
    own = "https://w3id.org/bonemet-kg/"
    terms = {
        "@version": 1.1,
        "le": f"{own}record/lifeExpectancy",
        "v": f"{own}quantity/value",
        "u": f"{own}quantity/unit",
    }
    text = json.dumps(
        {"@context": terms, "@type": f"{own}record/Patient", "@id": "urn:p", "le": {"v": 7.3, "u": "mo"}}
    )
    ((document, iri),) = read(base, text, "json-ld")
    assert (str(document["lifeExpectancy"]["value"]), iri) == ("7.3", "urn:p")


def test_a_long_chain_of_unnamed_nodes_is_no_trouble(base: KnowledgeBase) -> None:
    graph = Graph()
    rec, kind = "https://w3id.org/bonemet-kg/record/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
    chain = "\n".join(f"_:b{i} <urn:x> _:b{i + 1} .\n_:b{i} <urn:y> _:b{i + 1} ." for i in range(3000))
    graph.parse(
        data=f"<urn:p> <{kind}> <{rec}Patient> .\n<urn:p> <{rec}hasLesion> _:b0 .\n{chain}", format="nt"
    )
    assert (URIRef("urn:p"), URIRef(f"{rec}hasLesion"), None) in graph
    ((document, _),) = documents_from_graph(graph, base.compiled().schema, "x")
    assert document == {"id": "urn:p", "lesions": [{}]}
