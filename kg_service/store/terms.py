"""RDF terms as the engine has them, and as rdflib has them."""

from __future__ import annotations

from collections.abc import Callable

import pyoxigraph as ox
from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

from kg_service.errors import CatalogError, QueryError
from kg_service.functions import Function, Functions
from kg_service.namespaces import XSD
from kg_service.values import decimal_text

_DECIMALS = 18
"""Decimals of the numbers that the engine computes with."""
_LARGEST = 10**20
"""What numbers of the engine stay below."""
StoreTerm = ox.NamedNode | ox.BlankNode | ox.Literal
QueryFunction = Callable[..., ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None]


def iri_node(iri: Node) -> ox.NamedNode:
    """Return an IRI of the store.

    Raises
    ------
    ValueError
        When it is not an absolute IRI.
    """
    if not isinstance(iri, URIRef):
        raise ValueError(f"{iri!r} is not an IRI")
    return ox.NamedNode(str(iri))


def graph_name(iri: URIRef) -> ox.NamedNode:
    """Return the name of a graph."""
    try:
        return iri_node(iri)
    except ValueError as error:
        raise CatalogError(f"{iri!r} cannot name a graph: {error}; give an absolute IRI") from error


def subject_node(term: Node) -> ox.NamedNode | ox.BlankNode:
    """Return a term that can be a subject."""
    return ox.BlankNode(str(term)) if isinstance(term, BNode) else iri_node(term)


def to_store(term: Node) -> StoreTerm:
    """Return a term as the engine has it."""
    if isinstance(term, Literal):
        if term.language:
            return ox.Literal(str(term), language=term.language)
        return ox.Literal(str(term), datatype=iri_node(term.datatype) if term.datatype else None)
    return subject_node(term)


def to_rdflib(term: object) -> Node | None:
    """Return a term as rdflib has it; None where there is none."""
    convert = _CONVERSIONS.get(type(term))
    if convert is None:
        raise QueryError(f"the value {term} is a triple; ask for its parts, or take the JSON form")
    return convert(term)


def _literal(term: ox.Literal) -> Literal:
    if term.language:
        return Literal(term.value, lang=term.language)
    datatype = URIRef(term.datatype.value)
    return Literal(term.value, datatype=None if datatype == XSD.string else datatype, normalize=False)


_CONVERSIONS: dict[type, Callable[..., Node | None]] = {
    type(None): lambda _: None,
    ox.NamedNode: lambda term: URIRef(term.value),
    ox.BlankNode: lambda term: BNode(term.value),
    ox.Literal: _literal,
}


def query_function(functions: Functions, function: Function) -> QueryFunction:
    """Return a function as the engine calls it: on its own terms; None is an error in the query."""

    def call(*terms: object) -> ox.Literal | None:
        arguments = [(t.value, t.datatype.value) for t in terms if isinstance(t, ox.Literal)]
        value = functions.literal(function, arguments) if len(arguments) == len(terms) else None
        if value is None or value >= _LARGEST:
            return None
        # A number with more decimals could be shown, but the engine would not go on computing with it.
        return ox.Literal(decimal_text(round(value, _DECIMALS)), datatype=iri_node(XSD.decimal))

    return call
