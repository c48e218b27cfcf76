"""The complete answer to a query, and the formats it can be written in."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyoxigraph as ox
from rdflib import Graph
from rdflib.term import Node

from kg_service.errors import UnknownNameError
from kg_service.namespaces import BASE, OWL, XSD
from kg_service.store.terms import to_rdflib

_RESULTS = {
    "json": ox.QueryResultsFormat.JSON,
    "xml": ox.QueryResultsFormat.XML,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
}
_GRAPHS = {"turtle": ox.RdfFormat.TURTLE, "nt": ox.RdfFormat.N_TRIPLES}
MEDIA_TYPES = {
    **{name: form.media_type.partition(";")[0] for name, form in _RESULTS.items()},
    **{name: form.media_type.partition(";")[0] for name, form in _GRAPHS.items()},
}
"""Media type of each format that results can be written in."""
PREFIXES = {"core": f"{BASE}core/", "owl": str(OWL), "xsd": str(XSD)}
"""Prefixes that graphs are written with."""


class QueryResult:
    """The complete answer to a query.

    Attributes
    ----------
    variables : tuple of str
        The columns of a SELECT; empty for the other forms.
    boolean : bool or None
        The answer to an ASK; None for the other forms.
    is_graph : bool
        Whether the answer is a graph, from CONSTRUCT or DESCRIBE.
    """

    def __init__(
        self, variables: tuple[str, ...], boolean: bool | None, is_graph: bool, content: bytes
    ) -> None:
        self.variables = variables
        self.boolean = boolean
        self.is_graph = is_graph
        self._content = content

    @classmethod
    def read(cls, media_type: str, content: bytes) -> QueryResult:
        """Return the answer that was written as SPARQL JSON or as N-Triples."""
        if media_type == MEDIA_TYPES["nt"]:
            return cls((), None, True, content)
        head = json.loads(content)
        return cls(tuple(head["head"].get("vars", ())), head.get("boolean"), False, content)

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats this answer can be written in."""
        if self.is_graph:
            return tuple(_GRAPHS)
        return ("json", "xml") if self.boolean is not None else tuple(_RESULTS)

    def rows(self) -> list[dict[str, Node | None]]:
        """Return the rows of a SELECT, as rdflib terms; None where a column is unbound.

        Raises
        ------
        QueryError
            When a value is a triple, which rdflib has no term for.
        """
        if self.is_graph or self.boolean is not None:
            return []
        solutions = ox.parse_query_results(self._content, format=ox.QueryResultsFormat.JSON)
        assert isinstance(solutions, ox.QuerySolutions)  # noqa: S101 - written from solutions
        return [{name: to_rdflib(solution[name]) for name in self.variables} for solution in solutions]

    def graph(self) -> Graph:
        """Return the graph of a CONSTRUCT or DESCRIBE; an empty one for the other forms."""
        graph = Graph()
        return graph.parse(data=self._content, format="nt") if self.is_graph else graph

    def serialize(self, format: str) -> bytes:  # noqa: A002 - the word rdflib uses
        """Return the answer in a format: ``json``, ``xml``, ``csv``, ``tsv``; ``turtle``, ``nt`` for graphs.

        Raises
        ------
        UnknownNameError
            When this answer cannot be written in that format.
        """
        if format not in self.formats:
            raise UnknownNameError("format for this answer", format, list(self.formats))
        if format in ("json", "nt"):
            return self._content
        if self.is_graph:
            triples = (quad.triple for quad in ox.parse(self._content, format=ox.RdfFormat.N_TRIPLES))
            return written(triples, _GRAPHS[format])
        content = ox.parse_query_results(self._content, format=ox.QueryResultsFormat.JSON).serialize(
            format=_RESULTS[format]
        )
        return _bytes(content)


def complete(answer: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples) -> QueryResult:
    """Return an answer read to its end: what fails half way gives no answer at all."""
    if isinstance(answer, ox.QueryBoolean):
        return QueryResult(
            (), bool(answer), False, _bytes(answer.serialize(format=ox.QueryResultsFormat.JSON))
        )
    if isinstance(answer, ox.QueryTriples):
        triples = sorted({str(triple): triple for triple in answer}.items())
        return QueryResult((), None, True, written((triple for _, triple in triples), ox.RdfFormat.N_TRIPLES))
    variables = tuple(variable.value for variable in answer.variables)
    return QueryResult(variables, None, False, _bytes(answer.serialize(format=ox.QueryResultsFormat.JSON)))


def _bytes(written: bytes | None) -> bytes:
    assert written is not None  # noqa: S101 - None only when a file is given
    return written


def written(triples: Iterable[ox.Triple], form: ox.RdfFormat) -> bytes:
    """Return triples in a syntax."""
    prefixes = PREFIXES if form == ox.RdfFormat.TURTLE else None
    return _bytes(ox.serialize(triples, format=form, prefixes=prefixes))
