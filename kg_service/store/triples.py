"""RDF files read one triple after another, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox

from kg_service.errors import InputError, Problem
from kg_service.rdf_terms import BLANK, LITERAL, RdfTerm, iri_term

_STREAMED = {
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".ttl": ox.RdfFormat.TURTLE,
    ".nq": ox.RdfFormat.N_QUADS,
    ".trig": ox.RdfFormat.TRIG,
    ".rdf": ox.RdfFormat.RDF_XML,
}


def stream_triples(path: Path, prefix: str = "") -> Iterator[tuple[RdfTerm, RdfTerm, RdfTerm]]:
    """Yield the triples of a file one after another, in any named graph, as the file is read.

    Parameters
    ----------
    path : Path
        An RDF file; its suffix tells its syntax.
    prefix : str
        Put before the labels of blank nodes, so that those of two files stay apart.

    Raises
    ------
    InputError
        When the file cannot be opened, or is no RDF of its syntax; says where.
    """
    syntax = _STREAMED.get(path.suffix.lower())
    if syntax is None:
        found, expected = f"the suffix {path.suffix or 'none'}", f"RDF: {', '.join(_STREAMED)}"
        raise InputError([Problem(path.name, found, expected)])
    try:
        for quad in ox.parse(path=str(path), format=syntax):
            yield (_plain(quad.subject, prefix), _plain(quad.predicate, prefix), _plain(quad.object, prefix))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError([Problem(path.name, str(error), f"a whole file of {syntax.name}")]) from error


def _plain(term: object, prefix: str) -> RdfTerm:
    if isinstance(term, ox.NamedNode):
        return iri_term(term.value)
    if isinstance(term, ox.Literal):
        return RdfTerm(LITERAL, term.value, term.datatype.value, (term.language or "").lower() or None)
    if isinstance(term, ox.BlankNode):
        return RdfTerm(BLANK, f"{prefix}{term.value}")
    raise ValueError(f"{term} is a triple; expected an IRI, a blank node or a literal")
