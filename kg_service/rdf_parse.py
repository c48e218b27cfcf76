"""RDF files read one triple after another, so that memory does not grow with the file.

This is the parser of Oxigraph, without its store: it reads Turtle some ten times as fast as that of rdflib.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import pyoxigraph as ox
from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

from kg_service.errors import CatalogError, InputError, Problem
from kg_service.namespaces import BASE, XSD
from kg_service.rdf_terms import BLANK, LITERAL, RdfTerm, iri_term

_SYNTAXES = {
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".ttl": ox.RdfFormat.TURTLE,
    ".nq": ox.RdfFormat.N_QUADS,
    ".trig": ox.RdfFormat.TRIG,
    ".rdf": ox.RdfFormat.RDF_XML,
}
ParsedTriple = ox.Triple
"""A triple as the parser gives it; its text is that of N-Triples."""
_TERMS_KEPT = 2**16
"""Terms of rdflib that are kept once made, of those that many triples share."""


def parse(
    source: Path | BinaryIO | bytes, suffix: str, base: str = BASE, *, rename: bool = False
) -> Iterator[ParsedTriple]:
    """Yield the triples of RDF, of all graphs, in the order in which they stand.

    Parameters
    ----------
    source : Path, file or bytes
        The RDF.
    suffix : str
        The suffix of files of its syntax: ``.nt``, ``.ttl``, ``.nq``, ``.trig`` or ``.rdf``.
    base : str
        What IRIs are relative to.
    rename : bool
        Give blank nodes new labels, so that those of two files stay apart.

    Raises
    ------
    CatalogError
        When it is not valid; says where.
    """
    text, path = (None, str(source)) if isinstance(source, Path) else (source, None)
    try:
        for quad in ox.parse(
            text, path=path, format=_SYNTAXES[suffix], base_iri=base, rename_blank_nodes=rename
        ):
            yield quad.triple
    except SyntaxError as error:
        raise CatalogError(error.msg) from error


def statements(
    source: Path | BinaryIO | bytes, suffix: str, base: str = BASE, *, rename: bool = False
) -> Iterator[tuple[Node, Node, Node]]:
    """Yield the triples of RDF in terms of rdflib, as its own parsers make them; see `parse`."""
    for triple in parse(source, suffix, base, rename=rename):
        yield _node(triple.subject), _node(triple.predicate), _node(triple.object)


def stream_triples(path: Path) -> Iterator[tuple[RdfTerm, RdfTerm, RdfTerm]]:
    """Yield the triples of a file as plain terms; blank nodes of two files stay apart.

    Parameters
    ----------
    path : Path
        An RDF file; its suffix tells its syntax.

    Raises
    ------
    InputError
        When the file cannot be opened, or is no RDF of its syntax; says where.
    """
    suffix = path.suffix.lower()
    if suffix not in _SYNTAXES:
        found, expected = f"the suffix {path.suffix or 'none'}", f"RDF: {', '.join(_SYNTAXES)}"
        raise InputError([Problem(path.name, found, expected)])
    try:
        for triple in parse(path, suffix, rename=True):
            yield _plain(triple.subject), _plain(triple.predicate), _plain(triple.object)
    except (OSError, CatalogError, ValueError) as error:
        expected = f"a whole file of {_SYNTAXES[suffix].name}"
        raise InputError([Problem(path.name, str(error), expected)]) from error


def _plain(term: object) -> RdfTerm:
    if isinstance(term, ox.NamedNode):
        return iri_term(term.value)
    if isinstance(term, ox.Literal):
        return RdfTerm(LITERAL, term.value, term.datatype.value, (term.language or "").lower() or None)
    if isinstance(term, ox.BlankNode):
        return RdfTerm(BLANK, term.value)
    raise ValueError(f"{term} is a triple; expected an IRI, a blank node or a literal")


def _node(term: object) -> Node:
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
