"""The SPARQL 1.1 service description: what the endpoint is, speaks, and holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import VOID
from rdflib.term import Node

from kg_service.catalogue import StoredGraph
from kg_service.namespaces import DCTERMS, RDF

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
_FORMATS = Namespace("http://www.w3.org/ns/formats/")
_SYNTAXES = {
    "text/turtle": "turtle",
    "application/n-triples": "nt",
    "application/ld+json": "json-ld",
    "application/rdf+xml": "xml",
    "application/trig": "turtle",
    "application/n-quads": "nt",
}
"""What rdflib calls the media types of graphs; Turtle is TriG, and N-Triples are N-Quads."""
_RESULT_FORMATS = (
    "SPARQL_Results_JSON",
    "SPARQL_Results_XML",
    "SPARQL_Results_CSV",
    "SPARQL_Results_TSV",
    "Turtle",
    "N-Triples",
    "JSON-LD",
    "RDF_XML",
    "TriG",
    "N-Quads",
)
_INPUT_FORMATS = ("Turtle", "N-Triples", "JSON-LD", "RDF_XML")


@dataclass(frozen=True)
class Abilities:
    """What an endpoint can do besides answering queries.

    Attributes
    ----------
    updates : bool
        Whether it takes updates from those who have the token.
    services : sequence of str
        Endpoints that SERVICE may call.
    functions : iterable of URIRef
        Functions that queries can call.
    """

    updates: bool
    services: Sequence[str]
    functions: Iterable[URIRef]


def describe(endpoint: str, graphs: Iterable[StoredGraph], abilities: Abilities) -> Graph:
    """Return the description of an endpoint.

    Parameters
    ----------
    endpoint : str
        Its URL, as the client called it.
    graphs : iterable of StoredGraph
        The named graphs to list; those of records are left to those who ask for them.
    abilities : Abilities
        What it can do.
    """
    description = Graph(bind_namespaces="none")
    for prefix, namespace in (("sd", SD), ("void", VOID), ("dcterms", DCTERMS)):
        description.bind(prefix, namespace)
    service, dataset = BNode(), BNode()
    statements: list[tuple[URIRef, Node]] = [
        (RDF.type, SD.Service),
        (SD.endpoint, URIRef(endpoint)),
        (SD.supportedLanguage, SD.SPARQL11Query),
        (SD.feature, SD.UnionDefaultGraph),
        (SD.defaultEntailmentRegime, URIRef("http://www.w3.org/ns/entailment/Simple")),
        (SD.defaultDataset, dataset),
        *((SD.resultFormat, _FORMATS[name]) for name in _RESULT_FORMATS),
        *((SD.extensionFunction, function) for function in abilities.functions),
    ]
    if abilities.updates:
        statements.append((SD.supportedLanguage, SD.SPARQL11Update))
        statements += [(SD.inputFormat, _FORMATS[name]) for name in _INPUT_FORMATS]
    if abilities.services:
        statements.append((SD.feature, SD.BasicFederatedQuery))
    for predicate, value in statements:
        description.add((service, predicate, value))
    for function in abilities.functions:
        description.add((function, RDF.type, SD.Function))
    _describe_dataset(description, dataset, graphs)
    return description


def written(description: Graph, media_type: str) -> bytes:
    """Return a description in a media type of graphs."""
    return description.serialize(format=_SYNTAXES[media_type], encoding="utf-8")


def _describe_dataset(description: Graph, dataset: BNode, graphs: Iterable[StoredGraph]) -> None:
    default = BNode()
    description.add((dataset, RDF.type, SD.Dataset))
    description.add((dataset, SD.defaultGraph, default))
    description.add((default, RDF.type, SD.Graph))
    for stored in graphs:
        named, graph = BNode(), BNode()
        description.add((dataset, SD.namedGraph, named))
        description.add((named, RDF.type, SD.NamedGraph))
        description.add((named, SD.name, stored.iri))
        description.add((named, DCTERMS.title, Literal(stored.title)))
        description.add((named, SD.graph, graph))
        description.add((graph, RDF.type, SD.Graph))
        description.add((graph, VOID.triples, Literal(stored.triples)))
