"""The W3C suites for SPARQL 1.1 Protocol, Service Description and Graph Store Protocol, over real HTTP.

They are not shipped: set BONEMET_W3C_TESTS to a folder that holds ``rdf-tests/`` of github.com/w3c/rdf-tests.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest
from rdflib import Graph, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.compare import isomorphic
from rdflib.namespace import RDF, RDFS
from rdflib.term import Node
from sparql_support import BEARER, TOKEN, served, update

from kg_service.api import create_app
from kg_service.endpoint import ServiceSettings
from kg_service.negotiation import GRAPH_TYPES, RESULT_TYPES
from kg_service.service import KnowledgeBase
from kg_service.service_description import SD

MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")
HT = Namespace("http://www.w3.org/2011/http#")
CNT = Namespace("http://www.w3.org/2011/content#")
SUITES = (
    "protocol/manifest.ttl",
    "graph-store-protocol/manifest-direct.ttl",
    "graph-store-protocol/manifest-indirect.ttl",
)
COUNTS = {"protocol": 34, "graph-store-protocol": 14, "service-description": 3}
"""Tests of each suite, all of which pass."""
STATUS = {"Created": 201, "OK": 200, "NoContent": 204, "NotFound": 404}
FORMATS = {"boolean": RESULT_TYPES[:2], "tabular": RESULT_TYPES, "RDF": GRAPH_TYPES}


def folder() -> Path | None:
    root = os.environ.get("BONEMET_W3C_TESTS")
    return Path(root) / "rdf-tests" / "sparql" / "sparql11" if root else None


pytestmark = pytest.mark.skipif(
    folder() is None, reason="BONEMET_W3C_TESTS names no folder with the W3C suites"
)


@cache
def manifest(name: str) -> Graph:
    root = folder()
    assert root is not None
    return Graph().parse(root / name, publicID="http://manifest.example/" + name)


def entries(name: str) -> list[URIRef]:
    """Every test that has requests, listed by the manifest or left out of its list by mistake."""
    return sorted(URIRef(str(test)) for test in manifest(name).subjects(MF.action, None))


def cases() -> list[pytest.ParameterSet]:
    root = folder()
    if root is None:
        return []
    found = [(name, test) for name in SUITES for test in entries(name)]
    return [
        pytest.param(name, test, id=f"{name.split('/')[0]}-{test.split('#')[-1]}") for name, test in found
    ]


@pytest.fixture(scope="module")
def client(base: KnowledgeBase) -> Iterator[httpx.Client]:
    """A service whose guideline may be dropped, as the suites do; redirects are followed."""
    settings = ServiceSettings(token=TOKEN, guideline_is_writable=True)
    with served(create_app(base, settings=settings)) as url, httpx.Client(base_url=url, timeout=30) as opened:
        yield opened


def test_the_suites_hold_what_is_expected() -> None:
    counts = {suite: sum(len(entries(n)) for n in SUITES if n.startswith(f"{suite}/")) for suite in COUNTS}
    counts["service-description"] = len(
        list(manifest("service-description/manifest.ttl").subjects(RDF.type, MF.ServiceDescriptionTest))
    )
    assert counts == COUNTS


@pytest.mark.parametrize(("name", "test"), cases())
def test_the_suite(client: httpx.Client, name: str, test: URIRef) -> None:
    graph = manifest(name)
    assert update(client, "DROP ALL").status_code == 204
    for entry in graph.objects(test, UT.graphData):
        load(client, name, str(graph.value(entry, RDFS.label)))
    action = graph.value(test, MF.action)
    assert action is not None
    location = ""
    for request in requests_of(graph, action):
        response = send(client, graph, request, location)
        expected = graph.value(request, HT.resp)
        assert expected is not None
        check_response(graph, expected, response)
        if graph.value(expected, MF.expectedLocation) is not None:
            location = response.headers["location"]


def load(client: httpx.Client, name: str, iri: str) -> None:
    """Put a graph in place; the manifest names it in its label and the file by its stem."""
    root = folder()
    assert root is not None
    data = (root / name).parent / f"{Path(iri).stem}.nt"
    headers = {**BEARER, "content-type": "application/n-triples"}
    assert client.put(
        "/rdf-graph-store", params={"graph": iri}, content=data.read_bytes(), headers=headers
    ).is_success


def requests_of(graph: Graph, action: Node) -> list[Node]:
    listed = graph.value(action, HT.requests)
    assert listed is not None
    found = list(Collection(graph, listed))
    assert found
    return found


def send(client: httpx.Client, graph: Graph, request: Node, location: str) -> httpx.Response:
    path = str(graph.value(request, HT.absolutePath)).replace("$LOCATION$", location)
    path = (
        path.replace("/sparql/", "/sparql", 1).replace("/gsp", "/rdf-graph-store", 1)
        if path.startswith(("/sparql", "/gsp"))
        else path
    )
    headers = {**BEARER, **fields(graph, graph.value(request, HT.headers))}
    body = graph.value(request, HT.body)
    content = b""
    if body is not None:
        content = str(graph.value(body, CNT.chars)).encode(str(graph.value(body, CNT.characterEncoding)))
    return client.request(str(graph.value(request, HT.methodName)), path, content=content, headers=headers)


def fields(graph: Graph, listed: Node | None) -> dict[str, str]:
    if listed is None:
        return {}
    return {
        str(graph.value(h, HT.fieldName)): str(graph.value(h, HT.fieldValue))
        for h in Collection(graph, listed)
    }


def check_response(graph: Graph, expected: Node, response: httpx.Response) -> None:
    statuses = [str(s).split("#")[-1] for s in graph.objects(expected, MF.expectedStatus)]
    assert statuses
    assert any(matches(status, response.status_code) for status in statuses), (statuses, response.text)
    boolean = graph.value(expected, MF.expectedBoolean)
    if boolean is not None:
        assert response.json()["boolean"] is boolean.toPython()  # type: ignore[attr-defined]
    kind = graph.value(expected, MF.expectedFormat)
    if kind is not None:
        assert response.headers["content-type"].split(";")[0] in FORMATS[str(kind)]
    for name, value in fields(graph, graph.value(expected, HT.headers)).items():
        assert response.headers[name].split(";")[0] == value.split(";")[0]
    body = graph.value(expected, HT.body)
    if body is not None:
        wanted = Graph().parse(data=str(graph.value(body, CNT.chars)), format="turtle")
        assert isomorphic(Graph().parse(data=response.text, format="turtle"), wanted)


def matches(expected: str, status: int) -> bool:
    if expected.startswith("StatusCode"):
        return status // 100 == int(expected.removeprefix("StatusCode")[0])
    return status == STATUS[expected]


def test_service_description_returns_rdf_with_its_endpoint_and_conforms_to_the_schema(
    client: httpx.Client,
) -> None:
    """The three tests of the suite are sentences: returns-rdf, has-endpoint-triple, conforms-to-schema."""
    response = client.get("/sparql", headers={"accept": "text/turtle"})
    graph = Graph().parse(data=response.text, format="turtle")
    (service,) = graph.subjects(RDF.type, SD.Service)
    assert list(graph.objects(service, SD.endpoint)) == [URIRef(str(response.url))]
    for dataset in graph.objects(service, SD.defaultDataset):
        assert (dataset, RDF.type, SD.Dataset) in graph
        assert len(list(graph.objects(dataset, SD.defaultGraph))) == 1
    for named in graph.subjects(RDF.type, SD.NamedGraph):
        assert len(list(graph.objects(named, SD.name))) == 1
        assert len(list(graph.objects(named, SD.graph))) == 1
