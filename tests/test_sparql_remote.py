"""Another SPARQL server in place of the embedded store: everything else stays as it is.

The server is Oxigraph's own, a binary that the development dependency ``oxigraph`` brings.
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from sparql_support import BEARER, ENDLESS, HUGE, TOKEN, ask, assert_problem, served, update

from kg_service.api import create_app
from kg_service.endpoint import ServiceSettings, open_backend
from kg_service.errors import CatalogError
from kg_service.knowledge import DATA_ROOT
from kg_service.service import KnowledgeBase
from kg_service.sparql import Graphs
from kg_service.turns import QueryLimits

SECONDS = 2
OXIGRAPH = shutil.which("oxigraph", path=str(Path(sys.executable).parent))
CASE = (DATA_ROOT / "examples" / "case-thoracic-reirradiation.json").read_text(encoding="utf-8")
JSON = {"content-type": "application/json"}
CONCLUSIONS = "SELECT (COUNT(DISTINCT ?c) AS ?n) { ?c a <https://w3id.org/bonemet-kg/core/Conclusion> }"
pytestmark = pytest.mark.skipif(OXIGRAPH is None, reason="the oxigraph server is not installed")


@pytest.fixture(scope="module", params=["union", "separate"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server whose default graph is all graphs, and one whose default graph is apart."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    union = ["--union-default-graph"] if request.param == "union" else []
    process = subprocess.Popen([str(OXIGRAPH), "serve", "--bind", address, *union], stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://{address}/query")
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def wait_for(url: str) -> None:
    until = monotonic() + 30
    while monotonic() < until:
        try:
            httpx.get(url)
        except httpx.TransportError:
            sleep(0.05)
        else:
            return
    pytest.fail("the other server did not start")


def settings(server: str, *, update_url: bool = True, **others: bool) -> ServiceSettings:
    store = f"{server}/query,{server}/update" if update_url else f"{server}/query"
    return ServiceSettings(
        store=store, token=TOKEN, limits=QueryLimits(seconds=SECONDS, answer=4_000_000), **others
    )


@pytest.fixture(scope="module")
def own(base: KnowledgeBase) -> Graphs:
    """The embedded store."""
    graphs = Graphs(base)
    graphs.relate()
    return graphs


@pytest.fixture(scope="module")
def client(base: KnowledgeBase, server: str) -> Iterator[httpx.Client]:
    with (
        served(create_app(base, settings=settings(server))) as url,
        httpx.Client(base_url=url, timeout=20) as found,
    ):
        yield found


def test_a_server_without_the_knowledge_is_told_apart(server: str) -> None:
    """Runs first: nothing has been loaded there yet."""
    with pytest.raises(CatalogError, match="give the update URL after a comma"):
        open_backend(settings(server, update_url=False), [])
    with pytest.raises(CatalogError, match="cannot be used as a store"):
        open_backend(ServiceSettings(store="http://127.0.0.1:1/query"), [])


def test_the_library_is_answered_as_by_the_embedded_store(client: httpx.Client, own: Graphs) -> None:
    for name in ("contraindications-of-option", "loaded-graphs", "statements-without-reference"):
        parameters = {"option": "SBRT"} if name.startswith("contra") else {}
        response = client.get(f"/queries/{name}", params=parameters, headers={"accept": "text/csv"})
        assert response.status_code == 200, response.text
        expected = own.run(name, parameters).serialize("csv").decode()
        assert sorted(response.text.split("\r\n")) == sorted(expected.split("\r\n"))


def test_a_query_of_the_library_that_needs_our_functions_is_refused(client: httpx.Client) -> None:
    """Another server would leave the computed columns empty."""
    assert_problem(
        client.get("/queries/regimens"), 400, "rt:fractionDose is a function of the embedded store"
    )


def test_records_are_kept_there_and_forgotten(client: httpx.Client) -> None:
    def count() -> str:
        found = client.get("/sparql", params={"query": CONCLUSIONS}).json()["results"]["bindings"]
        return str(found[0]["n"]["value"])

    assert count() == "0"
    assert client.post("/records", content=CASE, headers={**JSON, **BEARER}).status_code == 201
    assert count() == "238"  # 119 recommendations, two lesions
    assert client.delete("/records/case-1", headers=BEARER).status_code == 204
    assert count() == "0"


@pytest.mark.parametrize(
    "accept", ["text/csv", "application/sparql-results+xml", "application/sparql-results+json"]
)
def test_formats_are_negotiated(client: httpx.Client, accept: str) -> None:
    response = client.get("/sparql", params={"query": "SELECT (1 AS ?x) {}"}, headers={"accept": accept})
    assert response.headers["content-type"].split(";")[0] == accept


def test_what_is_refused_is_refused_here_too(client: httpx.Client) -> None:
    service = "ASK { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }"
    assert_problem(client.get("/sparql", params={"query": service}), 400, "SERVICE")
    assert_problem(client.get("/sparql", params={"query": "ASK {"}), 400, "the other server says: 400")
    function = "SELECT (<https://w3id.org/bonemet-kg/radiotherapy/summedDose>(1, 2) AS ?x) {}"
    assert_problem(client.get("/sparql", params={"query": function}), 400, "a function of the embedded store")
    assert_problem(update(client, "INSERT DATA { <urn:a> <urn:b> 1 }"), 403, "--allow-guideline-updates")


def test_the_name_of_a_graph_cannot_carry_a_clause(client: httpx.Client) -> None:
    path = "/rdf-graph-store?graph=a:b%3E%20%7B%7D%20SERVICE%20%3Ca:c"
    assert_problem(client.get(path), 400, "no absolute IRI")


def test_graphs_are_put_read_and_removed(client: httpx.Client) -> None:
    path = "/rdf-graph-store?graph=urn:far"
    headers = {**BEARER, "content-type": "text/turtle"}
    assert (
        client.put(path, content="<urn:a> <urn:b> 'é', [ <urn:c> 1 ] .", headers=headers).status_code == 201
    )
    assert client.post(path, content="<urn:a> <urn:b> 2 .", headers=headers).status_code == 204
    response = client.get(path, headers={"accept": "application/n-triples"})
    assert len(response.text.strip().split("\n")) == 4
    assert ask(client, "ASK { <urn:a> <urn:b> 2 }")
    assert client.delete(path, headers=BEARER).status_code == 204
    assert_problem(client.get(path), 404, "urn:far")
    catalogue = "/rdf-graph-store?graph=https://w3id.org/bonemet-kg/catalogue"
    assert_problem(client.put(catalogue, content="", headers=headers), 403, "read only")


def test_a_query_that_takes_too_long_or_answers_too_much_is_no_answer(client: httpx.Client) -> None:
    assert_problem(client.get("/sparql", params={"query": ENDLESS}), 504, f"stopped after {SECONDS:g} s")
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        client.get("/sparql", params={"query": HUGE})


def test_updates_go_there_when_the_guideline_may_be_changed(base: KnowledgeBase, server: str) -> None:
    """A second service over the same server finds the knowledge there."""
    app = create_app(base, settings=settings(server, guideline_is_writable=True))
    with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        assert update(client, "INSERT DATA { GRAPH <urn:w> { <urn:w> <urn:w> 1 } }").status_code == 204
        assert ask(client, "ASK { <urn:w> <urn:w> 1 }")
