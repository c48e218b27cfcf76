"""IRIs of records, cases and the graphs that hold them; the same id gives the same IRI."""

from __future__ import annotations

from urllib.parse import quote

from rdflib import URIRef

from kg_service.namespaces import DATA


def document_base(document: str) -> str:
    """Return the base that the ids of a document are relative to."""
    return f"{DATA}{quote(document, safe='')}/"


def member_iri(document: str, identifier: str) -> URIRef:
    """Return the IRI of something that a document describes: the patient, a lesion, a course."""
    return URIRef(f"{document_base(document)}{quote(identifier, safe='')}")


def record_graph_iri(document: str) -> URIRef:
    """Return the name of the graph that holds a record."""
    return DATA[quote(document, safe="")]


def conclusions_graph_iri(document: str, case: str) -> URIRef:
    """Return the name of the graph that holds the conclusions on a case."""
    return URIRef(f"{member_iri(document, case)}/conclusions")
