"""OWL class expressions as values, and how Manchester syntax writes them.

Everything that a reader or a comparison needs to tell of a definition; nothing is decided here.
What is no class expression of `Expression` is refused by name, never left out of a page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from kg_service.errors import CompileError
from kg_service.namespaces import OWL, RDF, RDFS, XSD, local_name

FACETS = {XSD.minInclusive: ">=", XSD.minExclusive: ">", XSD.maxInclusive: "<=", XSD.maxExclusive: "<"}
"""Signs of Manchester syntax for the facets that criteria use."""


@dataclass(frozen=True)
class Name:
    """A named class or datatype."""

    iri: URIRef


@dataclass(frozen=True)
class Junction:
    """An intersection or a union, by its property of OWL."""

    operator: URIRef
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Complement:
    """What is outside an expression."""

    part: Expression


@dataclass(frozen=True)
class Some:
    """Having a value of a property in an expression."""

    prop: URIRef
    filler: Expression


@dataclass(frozen=True)
class HasValue:
    """Having one value of a property."""

    prop: URIRef
    value: URIRef | Literal


@dataclass(frozen=True)
class Facets:
    """Values of a datatype within bounds, each a facet and its number as written."""

    datatype: URIRef
    bounds: tuple[tuple[URIRef, str], ...]


Expression = Name | Junction | Complement | Some | HasValue | Facets


def is_expression(graph: Graph, node: Node) -> bool:
    """Return whether an unnamed node is an expression of OWL."""
    kinds = (OWL.Class, OWL.Restriction, RDFS.Datatype)
    return not isinstance(node, URIRef | Literal) and any((node, RDF.type, kind) in graph for kind in kinds)


def read_expression(graph: Graph, node: Node, where: URIRef) -> Expression:
    """Return the class expression or data range that a node stands for.

    Raises
    ------
    CompileError
        When it is another one than those of `Expression`; names the class it stands in.
    """
    if isinstance(node, URIRef):
        return Name(node)
    for operator in (OWL.intersectionOf, OWL.unionOf):
        if (members := graph.value(node, operator)) is not None:
            parts = (read_expression(graph, m, where) for m in Collection(graph, members))
            return Junction(operator, tuple(parts))
    if (negated := graph.value(node, OWL.complementOf)) is not None:
        return Complement(read_expression(graph, negated, where))
    if (datatype := graph.value(node, OWL.onDatatype)) is not None:
        return Facets(URIRef(str(datatype)), _bounds(graph, node))
    if (prop := graph.value(node, OWL.onProperty)) is not None:
        if (filler := graph.value(node, OWL.someValuesFrom)) is not None:
            return Some(URIRef(str(prop)), read_expression(graph, filler, where))
        value = graph.value(node, OWL.hasValue)
        if isinstance(value, URIRef | Literal):
            return HasValue(URIRef(str(prop)), value)
    raise CompileError(str(where), "uses a class expression that no page or comparison can write")


def _bounds(graph: Graph, node: Node) -> tuple[tuple[URIRef, str], ...]:
    facets = graph.value(node, OWL.withRestrictions)
    members = [] if facets is None else list(Collection(graph, facets))
    return tuple(
        (URIRef(str(facet)), str(number)) for m in members for facet, number in graph.predicate_objects(m)
    )


def mentioned(expression: Expression) -> set[URIRef]:
    """Return every term that an expression names."""
    match expression:
        case Name(iri):
            return {iri}
        case Junction(_, parts):
            return set().union(*(mentioned(part) for part in parts))
        case Complement(part):
            return mentioned(part)
        case Some(prop, filler):
            return {prop} | mentioned(filler)
        case HasValue(prop, value):
            return {prop} | ({value} if isinstance(value, URIRef) else set())
        case Facets(datatype, _):
            return {datatype}


def manchester(expression: Expression, name: Callable[[URIRef], str], *, nested: bool = False) -> str:
    """Return an expression in Manchester syntax.

    Parameters
    ----------
    expression : Expression
        What to write.
    name : callable
        How a term is named, as a prefixed name.
    nested : bool
        Whether it stands inside another, so that it needs brackets.
    """
    match expression:
        case Name(iri):
            return name(iri)
        case Facets(datatype, bounds):
            return f"{name(datatype)}[{', '.join(f'{_sign(facet)} {number}' for facet, number in bounds)}]"
        case Complement(part):
            text = f"not {manchester(part, name, nested=True)}"
        case Some(prop, filler):
            text = f"{name(prop)} some {manchester(filler, name, nested=True)}"
        case HasValue(prop, value):
            text = f"{name(prop)} value {name(value) if isinstance(value, URIRef) else value}"
        case Junction(operator, parts):
            word = " and " if operator == OWL.intersectionOf else " or "
            text = word.join(manchester(part, name, nested=True) for part in parts)
    return f"({text})" if nested else text


def _sign(facet: URIRef) -> str:
    return FACETS.get(facet, local_name(facet))
