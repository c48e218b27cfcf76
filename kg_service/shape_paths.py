"""SHACL property paths, read from a shapes graph and written back."""

from __future__ import annotations

from rdflib import BNode, Graph, URIRef
from rdflib.namespace import SH
from rdflib.term import Node

from kg_service.errors import ShapeError
from kg_service.namespaces import RDF
from kg_service.shape_tree import Alternative, Path, Repeated, Sequence, Step

_REPEATED = {SH.zeroOrMorePath: "*", SH.oneOrMorePath: "+", SH.zeroOrOnePath: "?"}
_WRITTEN = {times: str(iri) for iri, times in _REPEATED.items()}
_KINDS = (RDF.first, SH.inversePath, SH.alternativePath, *_REPEATED)


def read_path(graph: Graph, node: Node, shape: str) -> Path:
    """Return the path that a node of a shapes graph stands for.

    Parameters
    ----------
    graph : rdflib.Graph
        The shapes graph.
    node : rdflib Node
        The value of ``sh:path``.
    shape : str
        The shape it belongs to, for messages.

    Raises
    ------
    ShapeError
        When it is none, or more than one.
    """
    if isinstance(node, URIRef):
        return Step(str(node))
    kinds = [kind for kind in _KINDS if (node, kind, None) in graph]
    if not isinstance(node, BNode) or len(kinds) != 1:
        found = " and ".join(kind.n3(graph.namespace_manager) for kind in kinds) or str(node)
        raise ShapeError(shape, f"its path is {found}; expected one path")
    kind = kinds[0]
    if kind == RDF.first:
        return Sequence(tuple(read_path(graph, item, shape) for item in read_list(graph, node, shape)))
    values = list(graph.objects(node, kind))
    if len(values) != 1:
        raise ShapeError(shape, f"its path gives {len(values)} values for {kind}; expected one")
    if kind == SH.alternativePath:
        return Alternative(tuple(read_path(graph, p, shape) for p in read_list(graph, values[0], shape)))
    inner = read_path(graph, values[0], shape)
    return inverse(inner) if kind == SH.inversePath else Repeated(inner, _REPEATED[kind])


def inverse(path: Path) -> Path:
    """Return the path that leads back."""
    if isinstance(path, Step):
        return Step(path.predicate, not path.inverse)
    if isinstance(path, Repeated):
        return Repeated(inverse(path.path), path.times)
    turned = tuple(inverse(part) for part in path.paths)
    return Sequence(turned[::-1]) if isinstance(path, Sequence) else Alternative(turned)


def read_list(graph: Graph, node: Node, shape: str) -> list[Node]:
    """Return the members of an RDF list.

    Raises
    ------
    ShapeError
        When it is no list with a beginning, one rest each and an end.
    """
    members: list[Node] = []
    seen: set[Node] = set()
    while node != RDF.nil:
        firsts, rests = list(graph.objects(node, RDF.first)), list(graph.objects(node, RDF.rest))
        if len(firsts) != 1 or len(rests) != 1 or node in seen:
            raise ShapeError(shape, "a value is no well-formed RDF list")
        seen.add(node)
        members.append(firsts[0])
        node = rests[0]
    return members


def path_turtle(path: Path) -> str:
    """Return a path as Turtle, in the form that ``sh:resultPath`` takes."""
    if isinstance(path, Step):
        return f"[ <{SH.inversePath}> <{path.predicate}> ]" if path.inverse else f"<{path.predicate}>"
    if isinstance(path, Repeated):
        return f"[ <{_WRITTEN[path.times]}> {path_turtle(path.path)} ]"
    members = f"( {' '.join(map(path_turtle, path.paths))} )"
    return members if isinstance(path, Sequence) else f"[ <{SH.alternativePath}> {members} ]"
