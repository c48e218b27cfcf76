"""What a graph says of a term, as text that is the same for the same statements.

Nodes without a name are told by what they say, so that two versions can be compared term by term.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from kg_service.expressions import is_expression, manchester, read_expression
from kg_service.namespaces import RDF

Namer = Callable[[URIRef], str]


def statements_of(graph: Graph, term: URIRef, name: Namer) -> dict[URIRef, frozenset[str]]:
    """Return the values of each property of a term, as text.

    Parameters
    ----------
    graph : rdflib.Graph
        The graph.
    term : rdflib.URIRef
        The term.
    name : callable
        How a term is named, as a prefixed name.
    """
    found: dict[URIRef, set[str]] = defaultdict(set)
    for prop, value in graph.predicate_objects(term):
        found[URIRef(str(prop))].add(node_text(graph, value, term, name))
    return {prop: frozenset(values) for prop, values in found.items()}


def node_text(graph: Graph, node: Node, where: URIRef, name: Namer) -> str:
    """Return a node as text: a class expression in Manchester syntax, a list, or what it says."""
    if isinstance(node, URIRef):
        return name(node)
    if isinstance(node, Literal):
        return f"{node}@{node.language}" if node.language else str(node)
    if is_expression(graph, node):
        return manchester(read_expression(graph, node, where), name)
    if (node, RDF.first, None) in graph:
        return f"({' '.join(node_text(graph, m, where, name) for m in Collection(graph, node))})"
    said = (
        f"{name(URIRef(str(p)))} {node_text(graph, v, where, name)}" for p, v in graph.predicate_objects(node)
    )
    return f"[{'; '.join(sorted(said))}]"
