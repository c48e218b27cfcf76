"""Linked data: every IRI of the project is found on the service, as a page or as RDF; VoID counts what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from rdflib import RDF, RDFS, SKOS, Graph, Literal, URIRef
from rdflib.namespace import VOID

from kg_service.alignments import mapping_sets
from kg_service.api import create_app
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import BASE, CORE
from kg_service.service import Batch, KnowledgeBase

SBRT = URIRef(f"{BASE}radiotherapy/SBRT")


@pytest.fixture(scope="module")
def client(base: KnowledgeBase) -> Iterator[TestClient]:
    batch = Batch()
    base.read_file(DATA_ROOT / "examples" / "case-thoracic-reirradiation.json", batch)
    records = base.assess_batch(batch, base.compiled())
    with TestClient(create_app(base, records), follow_redirects=False) as opened:
        yield opened


def get(client: TestClient, path: str, accept: str = "text/turtle", **headers: str) -> Any:
    return client.get(path, headers={"accept": accept, **headers})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/turtle", "turtle"),
        ("application/ld+json", "json-ld"),
        ("application/rdf+xml", "xml"),
        ("application/n-triples", "nt"),
    ],
)
def test_a_term_is_described_in_rdf_with_what_speaks_of_it(
    client: TestClient, accept: str, form: str
) -> None:
    answer = get(client, "/id/radiotherapy/SBRT", accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(accept)
    found = Graph().parse(data=answer.text, format=form)
    assert Literal("stereotactic body radiotherapy", "en") in set(found.objects(SBRT, RDFS.label))
    speaking = {str(s).rsplit("/", 1)[-1] for s in found.subjects(CORE.option, SBRT)}
    assert {"rec-S071", "rec-S075"} <= speaking


def test_people_are_sent_to_the_page_that_tells_the_term_in_their_language(client: TestClient) -> None:
    browser = "text/html,application/xhtml+xml,*/*;q=0.8"
    sent = get(client, "/id/radiotherapy/SBRT", browser, **{"accept-language": "fr-FR,fr;q=0.9,en;q=0.5"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/id/docs/fr/radiotherapy.html#SBRT")
    page = client.get(sent.headers["location"].partition("#")[0])
    assert page.status_code == 200
    assert 'id="SBRT"' in page.text
    assert "Radiothérapie stéréotaxique".lower() in page.text.lower()
    statement = get(client, "/id/guideline/aura-bone-metastases/S071", "text/html")
    assert statement.headers["location"] == "/id/docs/en/guideline/aura-bone-metastases.html#S071"
    start = get(client, "/id/", "text/html")
    assert (start.status_code, start.headers["location"]) == (303, "/id/docs/en/index.html")


def test_every_term_of_the_ontology_has_a_page_that_bears_it(client: TestClient, base: KnowledgeBase) -> None:
    linked = client.app.state.linked  # type: ignore[attr-defined]
    terms = {s for s in base.graph.subjects(RDF.type, None) if isinstance(s, URIRef) and s.startswith(BASE)}
    assert len(terms) > 1400
    missing = []
    for term in terms:
        path, _, anchor = linked.href(term, "en").removeprefix("/id/docs/").partition("#")
        page = linked.page(path)
        if page is None or f'id="{anchor}"' not in page:
            missing.append(term)
    assert missing == []


def test_a_conclusion_is_told_as_a_page_and_in_rdf(client: TestClient) -> None:
    path = "/id/data/case-1/T11/conclusion/S077"
    page = get(client, path, "text/html", **{"accept-language": "fr"})
    assert page.status_code == 200
    assert "Ce qui en est dit" in page.text
    assert '<a href="/id/guideline/aura-bone-metastases/rec-S077">' in page.text
    found = Graph().parse(data=get(client, path).text, format="turtle")
    assert (URIRef(f"{BASE}data/case-1/T11/conclusion/S077"), CORE.status, CORE["True"]) in found


def test_a_named_graph_is_given_whole(client: TestClient, base: KnowledgeBase) -> None:
    [stored] = [g for g in client.app.state.shared.graphs.store.graphs() if "/radiotherapy/" in g.iri]  # type: ignore[attr-defined]
    answer = get(client, f"/id/{stored.iri.removeprefix(BASE)}", "application/n-triples")
    found = Graph().parse(data=answer.text, format="nt")
    assert len(found) == stored.triples


@pytest.mark.parametrize(
    "path",
    [
        "/id/radiotherapy/Nothing",
        "/id/docs/en/nothing.html",
        "/id/a%3E%20%7D%20DROP",
        "/id/docs/../../etc/passwd",
    ],
)
def test_what_is_not_known_is_not_found(client: TestClient, path: str) -> None:
    answer = get(client, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_media_type_that_nothing_is_written_in_is_refused(client: TestClient) -> None:
    assert get(client, "/id/radiotherapy/SBRT", "image/png").status_code == 406
    assert get(client, "/.well-known/void", "text/html").status_code == 406


def test_void_counts_graphs_and_links_as_they_are(client: TestClient) -> None:
    found = Graph().parse(data=get(client, "/.well-known/void").text, format="turtle")
    linksets = set(found.subjects(RDF.type, VOID.Linkset))
    told = Counter()
    for linkset in linksets:
        told[found.value(linkset, VOID.linkPredicate)] += int(found.value(linkset, VOID.triples))  # type: ignore[arg-type]
    held = Counter()
    for alignment in mapping_sets():
        for predicate in (
            SKOS.exactMatch,
            SKOS.closeMatch,
            SKOS.relatedMatch,
            SKOS.broadMatch,
            SKOS.narrowMatch,
        ):
            held[predicate] += len(list(alignment.graph().subject_objects(predicate)))
    assert told == +held
    assert sum(told.values()) == 493  # 520 rows, 27 of which record an absence
    asked = "SELECT (COUNT(*) AS ?n) WHERE { GRAPH <%s> { ?s ?p ?o } }"
    graphs = set(found.objects(URIRef(BASE), VOID.subset)) - linksets
    assert len(graphs) > 20
    for graph in sorted(graphs)[:5]:
        count = client.get("/sparql", params={"query": asked % graph}, headers={"accept": "text/csv"}).text
        assert count.split()[1] == str(found.value(graph, VOID.triples))
        dump = str(found.value(graph, VOID.dataDump))
        assert dump.startswith("http://testserver/id/")
        assert get(client, dump.removeprefix("http://testserver")).status_code == 200
