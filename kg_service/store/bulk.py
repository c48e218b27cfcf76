"""Triples on disk, more than memory could hold, and the syntaxes that are read and written line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyoxigraph as ox
from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

from kg_service.errors import CatalogError
from kg_service.namespaces import BASE, XSD

_PARSED = {
    "nt": ox.RdfFormat.N_TRIPLES,
    "nquads": ox.RdfFormat.N_QUADS,
    "turtle": ox.RdfFormat.TURTLE,
    "trig": ox.RdfFormat.TRIG,
}
StoredNode = ox.NamedNode | ox.BlankNode | ox.Triple
"""A node as the engine holds it; its text is that of N-Triples."""
StoredTriple = ox.Triple
"""A triple as the engine holds it."""
_LOADED = 200_000
"""Triples that are loaded at once: many more would take a gigabyte."""
_TERMS_KEPT = 2**16
"""Terms that are kept once made, of those that many records share."""


class TripleStore:
    """Triples on disk, more than memory could hold, all in one graph.

    Terms are those of the engine: what `written` is for is to take them elsewhere.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._store = ox.Store(str(folder))

    def add(self, triples: Iterable[ox.Triple]) -> None:
        """Add many triples."""
        quads = (ox.Quad(t.subject, t.predicate, t.object) for t in triples)
        while together := list(islice(quads, _LOADED)):
            self._store.bulk_extend(together)

    def subjects(self, prop: str, value: str) -> Iterator[StoredNode]:
        """Yield what has a value of a property, both IRIs."""
        found = self._store.quads_for_pattern(None, ox.NamedNode(prop), ox.NamedNode(value))
        return (quad.subject for quad in found)

    def about(self, subject: StoredNode) -> list[StoredTriple]:
        """Return what is said of a thing."""
        return [quad.triple for quad in self._store.quads_for_pattern(subject, None, None)]

    def leading_to(self, value: StoredNode) -> list[StoredTriple]:
        """Return what is said with a thing as its value."""
        return [quad.triple for quad in self._store.quads_for_pattern(None, None, value)]

    def all(self) -> Iterator[StoredTriple]:
        """Yield every triple, those about one thing together."""
        return (quad.triple for quad in self._store)


def parsed(source: BinaryIO | bytes, form: str, base: str) -> Iterator[StoredTriple]:
    """Yield the triples of RDF, of all graphs, in the order in which they stand.

    Parameters
    ----------
    source : file or bytes
        The RDF.
    form : str
        One of ``nt``, ``nquads``, ``turtle``, ``trig``.
    base : str
        What IRIs are relative to.

    Raises
    ------
    CatalogError
        When it is not valid; says where.
    """
    try:
        for quad in ox.parse(source, format=_PARSED[form], base_iri=base):
            yield quad.triple
    except SyntaxError as error:
        raise CatalogError(error.msg) from error


def written(triples: Iterable[StoredTriple]) -> bytes:
    """Return triples as N-Triples."""
    return "".join(f"{triple} .\n" for triple in triples).encode()


def statements(ntriples: bytes) -> Iterator[tuple[Node, Node, Node]]:
    """Yield the triples of N-Triples in terms of rdflib, as its own parser makes them.

    Raises
    ------
    CatalogError
        When they are not valid.
    """
    for triple in parsed(ntriples, "nt", BASE):
        yield _term(triple.subject), _term(triple.predicate), _term(triple.object)


def _term(term: object) -> Node:
    if isinstance(term, ox.NamedNode):
        return _named(term.value)
    if isinstance(term, ox.Literal):
        return _valued(term.value, term.datatype.value, term.language)
    return BNode(str(term).removeprefix("_:"))


@lru_cache(maxsize=_TERMS_KEPT)
def _named(iri: str) -> URIRef:
    return URIRef(iri)


@lru_cache(maxsize=_TERMS_KEPT)
def _valued(value: str, datatype: str, language: str | None) -> Literal:
    if language:
        return Literal(value, lang=language)
    return Literal(value, datatype=None if datatype == str(XSD.string) else URIRef(datatype))


def node_of(term: object) -> StoredNode | None:
    """Return a term of the engine where it is a node, None where it is a literal."""
    return term if isinstance(term, ox.NamedNode | ox.BlankNode | ox.Triple) else None
