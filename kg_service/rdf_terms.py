"""RDF terms as plain values, written one way only, so that equal terms are equal texts."""

from __future__ import annotations

from typing import NamedTuple

from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

from kg_service.namespaces import RDF, XSD

IRI, BLANK, LITERAL = "IRI", "BlankNode", "Literal"
_STRING, _LANG_STRING = str(XSD.string), str(RDF.langString)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


class RdfTerm(NamedTuple):
    """One term.

    Attributes
    ----------
    kind : str
        ``IRI``, ``BlankNode`` or ``Literal``.
    lexical : str
        The IRI, the label or the lexical form.
    datatype, language : str or None
        Of a literal; every literal has a datatype, and a language in lower case where it has one.
    """

    kind: str
    lexical: str
    datatype: str | None = None
    language: str | None = None

    @property
    def text(self) -> str:
        """The term in N-Triples: equal for equal terms, and for no others."""
        if self.kind == IRI:
            return f"<{self.lexical}>"
        if self.kind == BLANK:
            return f"_:{self.lexical}"
        written = f'"{self.lexical.translate(_ESCAPES)}"'
        if self.language:
            return f"{written}@{self.language}"
        return written if self.datatype == _STRING else f"{written}^^<{self.datatype}>"


def iri_term(iri: str) -> RdfTerm:
    """Return the term of an IRI."""
    return RdfTerm(IRI, str(iri))


def literal_term(lexical: str, datatype: str | None = None, language: str | None = None) -> RdfTerm:
    """Return the term of a literal; one without datatype and language is a string."""
    if language:
        return RdfTerm(LITERAL, lexical, _LANG_STRING, language.lower())
    return RdfTerm(LITERAL, lexical, datatype or _STRING)


def term_of(node: Node) -> RdfTerm:
    """Return the term that rdflib holds in a node."""
    if isinstance(node, Literal):
        return literal_term(str(node), str(node.datatype) if node.datatype else None, node.language)
    if isinstance(node, URIRef):
        return iri_term(node)
    assert isinstance(node, BNode), node  # noqa: S101 - RDF has no other kind
    return RdfTerm(BLANK, str(node))
