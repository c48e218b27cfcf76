"""Triples on disk, more than memory could hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyoxigraph as ox

from kg_service.rdf_parse import ParsedTriple

StoredNode = ox.NamedNode | ox.BlankNode | ox.Triple
"""A node as the engine holds it; its text is that of N-Triples."""
_LOADED = 200_000
"""Triples that are loaded at once: many more would take a gigabyte."""


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

    def add(self, triples: Iterable[ParsedTriple]) -> None:
        """Add many triples."""
        quads = (ox.Quad(t.subject, t.predicate, t.object) for t in triples)
        while together := list(islice(quads, _LOADED)):
            self._store.bulk_extend(together)

    def subjects(self, prop: str, value: str) -> Iterator[StoredNode]:
        """Yield what has a value of a property, both IRIs."""
        found = self._store.quads_for_pattern(None, ox.NamedNode(prop), ox.NamedNode(value))
        return (quad.subject for quad in found)

    def about(self, subject: StoredNode) -> list[ParsedTriple]:
        """Return what is said of a thing."""
        return [quad.triple for quad in self._store.quads_for_pattern(subject, None, None)]

    def leading_to(self, value: StoredNode) -> list[ParsedTriple]:
        """Return what is said with a thing as its value."""
        return [quad.triple for quad in self._store.quads_for_pattern(None, None, value)]

    def all(self) -> Iterator[ParsedTriple]:
        """Yield every triple, those about one thing together."""
        return (quad.triple for quad in self._store)


def written(triples: Iterable[ParsedTriple]) -> bytes:
    """Return triples as N-Triples."""
    return "".join(f"{triple} .\n" for triple in triples).encode()


def node_of(term: object) -> StoredNode | None:
    """Return a term of the engine where it is a node, None where it is a literal."""
    return term if isinstance(term, ox.NamedNode | ox.BlankNode | ox.Triple) else None
