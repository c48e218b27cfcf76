"""IRIs of records, cases and the graphs that hold them; the same id gives the same IRI."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class AnswerPlace:
    """Where the answers of a guideline on a case stand.

    Attributes
    ----------
    case : URIRef
        The case.
    nodes : str
        What the IRIs of answers begin with: the case for the default guideline, longer for another one.
    """

    case: URIRef
    nodes: str

    @staticmethod
    def of(case: URIRef, guideline: str | None = None) -> AnswerPlace:
        """Return the place of the answers of a guideline, by its id; of the default one when it is None."""
        return AnswerPlace(case, str(case) if guideline is None else f"{case}/by/{quote(guideline, safe='')}")

    @property
    def graph(self) -> URIRef:
        """The name of the graph that holds the conclusions."""
        return URIRef(f"{self.nodes}/conclusions")
