"""One query over this service and another: a graph of somebody else, aligned to ours, stays where it is."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sparql_support import BEARER, TOKEN, assert_problem, served, wait_for

from kg_service.api import create_app
from kg_service.endpoint import ServiceSettings
from kg_service.service import KnowledgeBase

FOREIGN = """
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix rt: <https://w3id.org/bonemet-kg/radiotherapy/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix ward: <https://ward.example/protocol/> .

ward:single rdfs:label "one large dose" ; skos:exactMatch rt:RT-8Gy-1fx ; ward:courses 41 .
ward:ten rdfs:label "two weeks" ; skos:exactMatch rt:RT-30Gy-10fx ; ward:courses 260 .
ward:split rdfs:label "split course" ; ward:courses 3 .
"""
"""What another ward keeps of its protocols, in its own words: two are aligned with ours, one is not."""
QUERY = """
PREFIX aura: <https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/>
PREFIX core: <https://w3id.org/bonemet-kg/core/>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX ward: <https://ward.example/protocol/>
SELECT ?protocol ?courses (GROUP_CONCAT(?statement; SEPARATOR=" ") AS ?reserved) WHERE {
  SERVICE <%s> { ?node rdfs:label ?protocol ; ward:courses ?courses ; skos:exactMatch ?option }
  OPTIONAL { ?rule a core:Reservation ; core:ofGuideline aura:guideline ; core:option ?option ; dcterms:identifier ?statement }
}
GROUP BY ?protocol ?courses ORDER BY ?courses
"""
"""How many courses of each aligned protocol, and the rules by which AURA keeps the schedule for some."""
EXPECTED = [("one large dose", "41", ["S163"]), ("two weeks", "260", [])]
NOTHING = {"value": ""}
OXIGRAPH = shutil.which("oxigraph", path=str(Path(sys.executable).parent))


def rows(base: KnowledgeBase, other: str, *allowed: str) -> httpx.Response:
    """Ask a service of ours that may ask some others."""
    app = create_app(base, settings=ServiceSettings(services=frozenset(allowed)))
    with served(app) as url:
        return httpx.get(f"{url}/sparql", params={"query": QUERY % other}, timeout=60)


def told(response: httpx.Response) -> list[tuple[str, str, list[str]]]:
    assert response.status_code == 200, response.text
    bindings = response.json()["results"]["bindings"]
    return [
        (b["protocol"]["value"], b["courses"]["value"], sorted(b.get("reserved", NOTHING)["value"].split()))
        for b in bindings
    ]


@pytest.fixture(scope="module")
def ours(base: KnowledgeBase) -> Iterator[str]:
    """Another instance of this service, which holds the foreign graph under its own name."""
    with served(create_app(base, settings=ServiceSettings(token=TOKEN))) as url:
        graph = {"graph": "https://ward.example/protocols"}
        headers = {**BEARER, "content-type": "text/turtle"}
        put = httpx.put(f"{url}/rdf-graph-store", params=graph, content=FOREIGN, headers=headers, timeout=60)
        assert put.status_code == 201, put.text
        yield f"{url}/sparql"


@pytest.fixture(scope="module")
def oxigraph() -> Iterator[str]:
    """A server that is not ours."""
    if OXIGRAPH is None:
        pytest.skip("the oxigraph server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen([OXIGRAPH, "serve", "--bind", address], stderr=subprocess.DEVNULL)

    def answers() -> bool:
        try:
            return httpx.get(f"http://{address}/query", params={"query": "ASK {}"}).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(answers)
        headers = {"content-type": "text/turtle"}
        assert httpx.post(f"http://{address}/store?default", content=FOREIGN, headers=headers).is_success
        yield f"http://{address}/query"
    finally:
        process.kill()
        process.wait()


def test_a_query_over_two_instances_of_ours(base: KnowledgeBase, ours: str) -> None:
    """Of the aligned schedules AURA keeps one for some (S163); of the split course nothing can be said."""
    assert told(rows(base, ours, ours)) == EXPECTED


def test_a_query_over_a_server_that_is_not_ours(base: KnowledgeBase, oxigraph: str) -> None:
    assert told(rows(base, oxigraph, oxigraph)) == EXPECTED


def test_a_server_that_is_not_allowed_is_not_asked(base: KnowledgeBase, ours: str) -> None:
    assert_problem(rows(base, ours), 400, "SERVICE")
    assert_problem(rows(base, ours, f"{ours}/another"), 400, "SERVICE")
