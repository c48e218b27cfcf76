"""IRIs of our vocabularies and of the standards. No clinical term stands here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rdflib import Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, OWL, PROV, RDF, RDFS, SKOS, XSD
from rdflib.term import Node

BASE = "https://w3id.org/bonemet-kg/"
CORE = Namespace(f"{BASE}core/")
QTY = Namespace(f"{BASE}quantity/")
REC = Namespace(f"{BASE}record/")
SHAPES = Namespace(f"{BASE}shapes/")
DATA = Namespace(f"{BASE}data/")
FB = Namespace(f"{BASE}bindings/fhir/")
CH = Namespace(f"{BASE}bindings/cds-hooks/")
CITO = Namespace("http://purl.org/spar/cito/")

__all__ = [
    "BASE",
    "CH",
    "CITO",
    "CORE",
    "DATA",
    "DCTERMS",
    "FB",
    "OWL",
    "PROV",
    "QTY",
    "RDF",
    "RDFS",
    "REC",
    "SHAPES",
    "SKOS",
    "XSD",
    "literal_in",
    "local_name",
]


def local_name(iri: URIRef | str) -> str:
    """Return the last segment of an IRI, after the last ``/`` or ``#``."""
    return str(iri).rstrip("/").replace("#", "/").rsplit("/", 1)[-1]


class HasObjects(Protocol):
    """What can tell the values of a property of a subject, as a graph can."""

    def objects(self, subject: Node, prop: URIRef, /) -> Iterable[Node]:
        """Return the values of a property of a subject."""


def literal_in(graph: HasObjects, node: Node, prop: URIRef, language: str) -> str | None:
    """Return the value of a property in a language, or None."""
    for value in graph.objects(node, prop):
        if isinstance(value, Literal) and value.language == language:
            return str(value)
    return None
