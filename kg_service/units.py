"""Conversions between units of one dimension, as the ontology declares them."""

from __future__ import annotations

from fractions import Fraction

from rdflib import Graph, URIRef
from rdflib.term import Node

from kg_service.errors import GuidelineError
from kg_service.namespaces import QTY, RDF, local_name

UnitFactors = dict[tuple[str, str], Fraction]
"""Factor from one UCUM code to another, for the pairs that convert."""


def unit_factors(graph: Graph) -> UnitFactors:
    """Return the factors that a graph declares.

    Raises
    ------
    GuidelineError
        When a conversion is incomplete; names it.
    """
    factors = {}
    for unit in graph.subjects(RDF.type, QTY.Unit):
        code = str(graph.value(unit, QTY.ucumCode))
        for conversion in graph.objects(unit, QTY.conversion):
            target = str(graph.value(conversion, QTY.convertsTo))
            factors[code, target] = number_of(graph, conversion, QTY.multiplyBy) / number_of(
                graph, conversion, QTY.divideBy
            )
    return factors


def number_of(graph: Graph, node: Node, prop: URIRef) -> Fraction:
    """Return the number that a property of a node holds, exactly.

    Raises
    ------
    GuidelineError
        When there is none.
    """
    value = graph.value(node, prop)
    if value is None:
        raise GuidelineError(f"{node}: needs {local_name(prop)}")
    return Fraction(str(value))
