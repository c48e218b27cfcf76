"""What the project publishes, in VoID and DCAT: its graphs, its links to other vocabularies, where to ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCAT, FOAF, VOID
from rdflib.term import Node

from kg_service.alignments import MappingSet
from kg_service.catalogue import StoredGraph
from kg_service.namespaces import BASE, CORE, DCTERMS, RDF, XSD

DATASET = URIRef(BASE)
_MEDIA_TYPES = ("text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml")


def void_description(
    service: str, graphs: Iterable[StoredGraph], links: Iterable[MappingSet], titles: Iterable[Node]
) -> Graph:
    """Return the description of what is published.

    Parameters
    ----------
    service : str
        URL of the service, ending in a slash.
    graphs : iterable of StoredGraph
        The named graphs to tell of.
    links : iterable of MappingSet
        The alignments, each a linkset for every predicate that it uses.
    titles : iterable of rdflib term
        What the guideline is called.
    """
    found = Graph(bind_namespaces="none")
    for prefix, namespace in (("void", VOID), ("dcat", DCAT), ("dcterms", DCTERMS), ("foaf", FOAF)):
        found.bind(prefix, namespace)
    endpoint = URIRef(f"{service}sparql")
    _say(
        found,
        DATASET,
        (RDF.type, VOID.Dataset),
        (RDF.type, DCAT.Dataset),
        (VOID.uriSpace, Literal(BASE)),
        (VOID.sparqlEndpoint, endpoint),
        (VOID.vocabulary, URIRef(str(CORE))),
        (FOAF.homepage, URIRef(f"{service}id/docs/index.html")),
        *((DCTERMS.title, title) for title in titles),
    )
    data_service = URIRef(f"{service}#service")
    _say(found, data_service, (RDF.type, DCAT.DataService), (DCAT.endpointURL, endpoint))
    found.add((data_service, DCAT.servesDataset, DATASET))
    for graph in graphs:
        _add_graph(found, graph, service)
    for alignment in links:
        _add_links(found, alignment)
    return found


def _add_graph(found: Graph, graph: StoredGraph, service: str) -> None:
    dump = URIRef(f"{service}id/{graph.iri.removeprefix(BASE)}")
    _say(
        found,
        graph.iri,
        (RDF.type, VOID.Dataset),
        (RDF.type, DCAT.Dataset),
        (DCTERMS.title, Literal(graph.title)),
        (DCTERMS.type, Literal(graph.kind)),
        (VOID.triples, Literal(graph.triples, datatype=XSD.integer)),
        (VOID.dataDump, dump),
    )
    found.add((DATASET, VOID.subset, graph.iri))
    distribution = URIRef(f"{graph.iri}#distribution")
    _say(found, distribution, (RDF.type, DCAT.Distribution), (DCAT.downloadURL, dump))
    for media_type in _MEDIA_TYPES:
        found.add((distribution, DCAT.mediaType, Literal(media_type)))
    found.add((graph.iri, DCAT.distribution, distribution))


def _add_links(found: Graph, alignment: MappingSet) -> None:
    """Add a linkset for each predicate of an alignment; rows that record an absence link nothing."""
    counts = Counter(row.predicate for row in alignment.mappings if not row.is_absence)
    for predicate, count in sorted(counts.items()):
        linkset = URIRef(f"{alignment.version}#{predicate.rpartition('#')[2]}")
        _say(
            found,
            linkset,
            (RDF.type, VOID.Linkset),
            (VOID.subjectsTarget, DATASET),
            (VOID.objectsTarget, alignment.target),
            (VOID.linkPredicate, predicate),
            (VOID.triples, Literal(count, datatype=XSD.integer)),
        )
        found.add((DATASET, VOID.subset, linkset))


def _say(graph: Graph, subject: URIRef, *statements: tuple[URIRef, Node]) -> None:
    for predicate, value in statements:
        graph.add((subject, predicate, value))
