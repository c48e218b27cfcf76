"""The HTTP API over a real client: answers, negotiation, problem documents."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph

from kg_service.api import create_app
from kg_service.knowledge import DATA_ROOT
from kg_service.queries import load_queries
from kg_service.service import KnowledgeBase
from kg_service.sparql_api import MAX_BODY

CASE = (DATA_ROOT / "examples" / "case-thoracic-reirradiation.json").read_text(encoding="utf-8")
BUNDLE = (DATA_ROOT / "examples" / "fhir" / "TrialMatching_Patient01.json").read_text(encoding="utf-8")
EXPECTED_QUERIES = 37
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(base: KnowledgeBase) -> Iterator[TestClient]:
    with TestClient(create_app(base)) as opened:
        yield opened


def assert_problem(response: Any, status: int, text: str) -> None:
    """One shape for every error: problem+json with a title, a status and a detail."""
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/problem+json")
    body = response.json()
    assert {"type", "title", "status", "detail"} <= body.keys()
    assert body["status"] == status
    assert text in json.dumps(body, ensure_ascii=False)


def test_a_record_is_assessed(client: TestClient) -> None:
    (answer,) = client.post("/assess", content=CASE, headers=JSON).json()
    first = answer["assessments"][0]
    verdicts = {o["option"]: o["verdict"] for o in first["options"]}
    assert (verdicts["SBRT"], verdicts["RT-30Gy-10fx"]) == ("applicable", "yielding")
    s077 = next(c for c in first["conclusions"] if c["id"] == "S077")
    assert s077["status"] == "true"
    assert {f["where"] for f in s077["facts"]} == {"lesions[0].site", "lesions[0].tumourCordDistance"}
    assert s077["statements"][0]["lines"] == "179-181"


def test_a_bundle_is_assessed_with_its_notes(client: TestClient) -> None:
    headers = {"content-type": "application/fhir+json"}
    (answer,) = client.post("/assess?reference_date=2020-05-01", content=BUNDLE, headers=headers).json()
    assert len(answer["assessments"]) == 1
    assert answer["notes"]


@pytest.mark.parametrize(
    ("accept", "media", "text"),
    [
        ("text/plain", "text/plain", "General options, best first"),
        ("text/turtle", "text/turtle", "core:Conclusion"),
        ("application/json", "application/json", '"conclusions"'),
        ("*/*", "application/json", '"conclusions"'),
        ("text/html, text/plain;q=0.5", "text/plain", "General options"),
        ("text/plain;q=0.2, text/turtle;q=0.9", "text/turtle", "core:Conclusion"),
        ("application/json;q=0, text/*;q=0.1", "text/plain", "General options"),
    ],
)
def test_the_answer_comes_in_the_form_asked_for(
    client: TestClient, accept: str, media: str, text: str
) -> None:
    response = client.post("/assess", content=CASE, headers={**JSON, "accept": accept})
    assert response.headers["content-type"].startswith(media)
    assert text in response.text


def test_an_answer_that_cannot_be_written_as_asked_is_not_written(client: TestClient) -> None:
    response = client.post("/assess", content=CASE, headers={**JSON, "accept": "image/png"})
    assert response.status_code == 406
    assert "text/turtle" in response.json()["detail"]


def test_language_and_readings_are_parameters(client: TestClient) -> None:
    response = client.post("/assess?lang=fr&reading=A04%3Da", content=CASE, headers=JSON)
    first = response.json()[0]["assessments"][0]
    assert first["readings"] == {"A04": "a"}
    assert "radiothérapie stéréotaxique" in {o["label"] for o in first["options"]}


def test_a_conclusion_is_explained(client: TestClient) -> None:
    (found,) = client.post("/explain/S074?lesion=T11", content=CASE, headers=JSON).json()
    assert (found["status"], found["arguments"][0]["change"][0]["values"]) == ("false", "< 3 months")
    assert [f["where"] for f in found["arguments"][0]["proofs"][0]] == [
        "lesions[0].monthsSinceIrradiationHere"
    ]


@pytest.mark.parametrize(
    ("accept", "media", "start"),
    [
        ("image/svg+xml", "image/svg+xml", "<?xml"),
        ("text/markdown", "text/markdown", "# S074"),
        ("application/n-quads", "application/n-quads", "<https://"),
        ("text/plain", "text/plain", "S074 for"),
        ("application/json", "application/json", "[{"),
    ],
)
def test_an_explanation_comes_in_the_form_asked_for(
    client: TestClient, accept: str, media: str, start: str
) -> None:
    response = client.post("/explain/S074?lesion=T11", content=CASE, headers={**JSON, "accept": accept})
    assert response.headers["content-type"].startswith(media)
    assert response.text.startswith(start)
    document = client.get("/openapi.json").json()["paths"]["/explain/{conclusion}"]["post"]
    assert media in document["responses"]["200"]["content"]


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "fr-FR, en;q=0.8", "fr"),
        ("", "fr;q=0.2, en;q=0.8", "en"),
        ("", "de, fr;q=0", "en"),
        ("&lang=en", "fr", "en"),
        ("", "fr;q=much", "en"),
    ],
)
def test_an_explanation_speaks_the_language_asked_for(
    client: TestClient, query: str, accepted: str, language: str
) -> None:
    headers = {**JSON, "accept-language": accepted}
    response = client.post(f"/explain/S074?lesion=T11{query}", content=CASE, headers=headers)
    assert (response.headers["content-language"], response.json()[0]["language"]) == (language, language)


def test_options_are_explained_and_a_prescription_that_is_not_there_is_told(client: TestClient) -> None:
    (found,) = client.post("/explain/SBRT-35Gy-5fx?lesion=T11", content=CASE, headers=JSON).json()
    assert (found["sort"], [a["about"] for a in found["arguments"]]) == ("option", ["indicated", "stopped"])
    response = client.post("/explain/prescription?lesion=T11", content=CASE, headers=JSON)
    assert_problem(response, 400, "nothing of a prescription")


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/assess", "{", 422, "not JSON"),
        ("/assess", "", 422, "not JSON"),
        ("/assess", '{"lesions": [{"site": "T13"}]}', 422, "lesions[0].site"),
        ("/assess", '{"lesions": [{"site": "Femur", "cordCompression": true}]}', 422, "no contradiction"),
        ("/assess?reading=A27", "{}", 400, "such as A27=c"),
        ("/assess?reading=A27%3Dz", "{}", 404, "no reading of A27"),
        ("/assess?lang=de", "{}", 422, "lang"),
        ("/assess?reference_date=yesterday", "{}", 422, "reference_date"),
        ("/explain/S999", CASE, 404, "no conclusion named 'S999'"),
        ("/explain/S071?lesion=T12", CASE, 404, "no lesion named 'T12'"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_document(
    client: TestClient, path: str, body: str, status: int, text: str
) -> None:
    assert_problem(client.post(path, content=body, headers=JSON), status, text)


def test_other_media_types_bodies_and_paths_are_refused(client: TestClient) -> None:
    assert_problem(
        client.post("/assess", content="x", headers={"content-type": "image/png"}), 415, "image/png"
    )
    assert_problem(client.post("/assess", content=b"\xff", headers=JSON), 422, "not UTF-8")
    assert_problem(client.post("/assess", content=b" " * (MAX_BODY + 1), headers=JSON), 413, "larger than")
    assert_problem(client.get("/nothing"), 404, "Not Found")
    assert_problem(client.get("/assess"), 405, "Method Not Allowed")


def test_a_record_conforms_or_is_told_why_not(client: TestClient) -> None:
    assert client.post("/validate", content=CASE, headers=JSON).json() == []
    findings = client.post("/validate?eligibility=true", content=CASE, headers=JSON).json()
    assert [(f["severity"], f["statements"]) for f in findings] == [("Warning", ["S077"])]
    empty = client.post("/validate?eligibility=true", content='{"lesions": [{}]}', headers=JSON).json()
    assert {f["severity"] for f in empty} == {"NotAssessable"}


def test_sparql_sees_guideline_records_and_conclusions(client: TestClient) -> None:
    ask = "PREFIX core: <https://w3id.org/bonemet-kg/core/> SELECT (COUNT(?c) AS ?n) WHERE { ?c a core:Conclusion }"
    assert client.get("/sparql", params={"query": ask}).json()["results"]["bindings"][0]["n"]["value"] == "0"
    graphs = client.post("/records", content=CASE, headers=JSON)
    assert graphs.status_code == 201
    count = client.get("/sparql", params={"query": ask}).json()["results"]["bindings"][0]["n"]["value"]
    assert count == "238"  # 119 recommendations, two lesions
    assert client.delete("/records/case-1").status_code == 204
    after = client.post("/sparql", content=ask, headers={"content-type": "application/sparql-query"})
    assert after.json()["results"]["bindings"][0]["n"]["value"] == "0"
    assert_problem(client.delete("/records/case-1"), 404, "case-1")


def test_sparql_refuses_what_it_must(client: TestClient) -> None:
    assert_problem(client.get("/sparql", params={"query": "SELECT * WHERE {"}), 400, "quer")
    service = "SELECT * WHERE { SERVICE <http://example.org/> { ?s ?p ?o } }"
    assert_problem(client.get("/sparql", params={"query": service}), 400, "SERVICE")
    update = "INSERT DATA { <urn:a> <urn:b> <urn:c> }"
    assert_problem(client.get("/sparql", params={"query": update}), 400, "")


def test_sparql_takes_its_dataset_from_the_request(client: TestClient) -> None:
    parameters = {"query": "ASK { ?s ?p ?o }", "default-graph-uri": "urn:none"}
    assert client.get("/sparql", params=parameters).json()["boolean"] is False
    assert client.post("/sparql", data=parameters).json()["boolean"] is False
    assert client.post("/sparql", data={"query": parameters["query"]}).json()["boolean"] is True


def test_nobody_writes_by_sparql_until_a_token_is_set(client: TestClient) -> None:
    update = client.post("/sparql", data={"update": "DROP ALL"}, headers={"authorization": "Bearer "})
    assert_problem(update, 403, "updates are off")
    put = client.put("/rdf-graph-store?default", content="", headers={"content-type": "text/turtle"})
    assert_problem(put, 403, "updates are off")


def test_sparql_constructs_graphs(client: TestClient) -> None:
    query = (
        "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t . FILTER(?t = <https://w3id.org/bonemet-kg/core/Guideline>) }"
    )
    response = client.get("/sparql", params={"query": query}, headers={"accept": "text/turtle"})
    assert len(Graph().parse(data=response.text, format="turtle")) == 4


def test_the_query_library_is_listed_and_run(client: TestClient) -> None:
    names = [q["name"] for q in client.get("/queries").json()]
    assert len(names) == EXPECTED_QUERIES
    assert client.get("/queries/contraindications-of-option").status_code == 200
    assert_problem(client.get("/queries/none-such"), 404, "none-such")


def test_the_description_of_the_api_names_its_answers_and_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"/assess", "/explain/{conclusion}", "/validate", "/sparql", "/queries", "/records"} <= set(
        document["paths"]
    )
    assert "ProblemDetails" in document["components"]["schemas"]
    assert document["paths"]["/assess"]["post"]["requestBody"]["content"].keys() >= {
        "application/json",
        "text/turtle",
    }


def test_each_query_of_the_library_is_described_with_its_parameters(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    paths = [path for path in document["paths"] if path.startswith("/queries/")]
    assert len(paths) == EXPECTED_QUERIES
    operation = document["paths"]["/queries/schedules-for-indication"]["get"]
    assert operation["summary"]
    for name, query in load_queries().items():
        described = document["paths"][f"/queries/{name}"]["get"]["parameters"]
        assert [p["name"] for p in described] == list(query.parameters)
        for one, parameter in zip(described, query.parameters.values(), strict=True):
            assert one["required"] is (parameter.default == "required")
            assert one["description"] == parameter.description
            assert one["schema"]["type"] == {"integer": "integer", "decimal": "number"}.get(
                parameter.type, "string"
            )


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ("options-of-case", 422, "options-of-case: case"),
        ("contraindications-of-option?option=SBRT&option=SBRT", 422, "given 2 times"),
        ("contraindications-of-option?optoin=SBRT", 404, "option"),
        ("contraindications-of-option?language=de", 404, "language"),
        ("contraindications-of-option?option=%3E%20%7D%20DROP%20ALL", 404, "DROP"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_told(
    client: TestClient, asked: str, status: int, text: str
) -> None:
    assert_problem(client.get(f"/queries/{asked}"), status, text)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_description_of_the_api_is_read_without_internet(client: TestClient, path: str) -> None:
    page = client.get(path).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 2
    assert [one for one in loaded if not one.startswith("/static-offline-docs/")] == []
    assert [client.get(one).status_code for one in loaded] == [200] * len(loaded)


def test_readings_schemas_and_health(client: TestClient) -> None:
    readings = {r["id"]: r["readings"] for r in client.get("/readings").json()["ambiguities"]}
    assert [r["id"] for r in readings["A27"] if r["adopted"]] == ["A27-a"]
    assert client.get("/schema/record").json()["$schema"].endswith("2020-12/schema")
    assert "@context" in client.get("/context/record.jsonld").json()
    assert client.get("/health").json()["status"] == "ok"
