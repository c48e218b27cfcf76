"""How guidelines stand to each other, as RDF: one graph for all of them, each pair told both ways."""

from __future__ import annotations

from collections.abc import Iterable

from rdflib import Graph, Literal, URIRef

from kg_service.namespaces import BASE, CORE, PROV, RDF, local_name
from kg_service.population import PopulationRelation, opposite_populations
from kg_service.relations import GuidelineRelation, RelatedGuidelines, opposite

RELATIONS = URIRef(f"{BASE}relations")
"""Name of the graph."""
RELATIONS_TITLE = "Relations between guidelines"


def relations_graph(pairs: Iterable[RelatedGuidelines]) -> Graph:
    """Return how guidelines stand to each other, the same triples for the same guidelines."""
    graph = Graph()
    for pair in pairs:
        one, other = pair.one.guideline, pair.other.guideline
        for guideline in (one, other):
            graph.add((RELATIONS, PROV.wasDerivedFrom, guideline.iri))
        place = f"{RELATIONS}/{{}}/{{}}/{{}}"
        for option in pair.options:
            _add_both(
                graph,
                (one.iri, other.iri),
                [place.format(a, b, local_name(option.option)) for a, b in _ways(one.id, other.id)],
                (CORE.GuidelineRelation, option.option, option.relation, option.offered),
            )
        for related in pair.recommendations:
            ids = (f"{one.id}/{related.one.id}", f"{other.id}/{related.other.id}")
            _add_both(
                graph,
                (related.one.iri, related.other.iri),
                [f"{RELATIONS}/{a}/{b}" for a, b in _ways(*ids)],
                (CORE.RecommendationRelation, related.option, related.relation, related.populations),
            )
    return graph


def relations_turtle(pairs: Iterable[RelatedGuidelines]) -> str:
    """Return how guidelines stand to each other as a Turtle document."""
    graph = Graph(bind_namespaces="none")
    for prefix, namespace in (("core", CORE), ("prov", PROV)):
        graph.bind(prefix, namespace)
    graph += relations_graph(pairs)
    return graph.serialize(format="turtle")


def _ways(one: str, other: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (one, other), (other, one)


def _add_both(
    graph: Graph,
    ends: tuple[URIRef, URIRef],
    nodes: list[str],
    said: tuple[URIRef, URIRef, GuidelineRelation, PopulationRelation],
) -> None:
    """Add how the first end stands to the second, and the second to the first."""
    kind, option, relation, populations = said
    one, other = ends
    ways = (
        (one, other, relation, populations),
        (other, one, opposite(relation), opposite_populations(populations)),
    )
    for name, (first, second, how, cases) in zip(nodes, ways, strict=True):
        node = URIRef(name)
        graph.add((node, RDF.type, kind))
        graph.add((node, CORE.relating, first))
        graph.add((node, CORE.relatedTo, second))
        graph.add((node, CORE.option, option))
        graph.add((node, CORE.relation, Literal(how)))
        graph.add((node, CORE.populations, Literal(cases)))
