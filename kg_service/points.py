"""Items of a score: how many points the values of features are worth, as the ontology declares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from rdflib import Graph, Literal, URIRef
from rdflib.term import Node

from kg_service.errors import GuidelineError
from kg_service.namespaces import CORE, RDFS, XSD
from kg_service.values import BOOLEAN, FALSE, TRUE, Knowledge

Points = frozenset[Fraction]
Worth = Mapping[str, Points]
"""The points that each value of a feature may be worth; a value that is not there is worth none at all."""


@dataclass(frozen=True, eq=False)
class Item:
    """One item of a score, told by one feature or by several that say the same in other words.

    Attributes
    ----------
    worth : mapping of URIRef to Worth
        By feature.
    domains : mapping of URIRef to frozenset of str
        Every value that each of these features can have.
    """

    worth: Mapping[URIRef, Worth]
    domains: Mapping[URIRef, frozenset[str]]

    def points(self, known: Mapping[URIRef, Knowledge]) -> Points | None:
        """Return the points the item may have, none at all when its features contradict each other.

        Parameters
        ----------
        known : mapping of URIRef to Knowledge
            What is known, by feature.

        Returns
        -------
        frozenset of Fraction or None
            None when a value that is still possible is worth no points: the score may not apply.
        """
        found: Points | None = None
        for feature, worth in self.worth.items():
            values = known.get(feature, self.domains[feature])
            if not isinstance(values, frozenset) or not values <= worth.keys():
                return None
            told: Points = frozenset().union(*(worth[value] for value in values))
            found = told if found is None else found & told
        return found


def read_items(
    graph: Graph, prop: URIRef, node: Node, leaves: Callable[[URIRef], frozenset[str]]
) -> tuple[Item, ...]:
    """Return the items that a sum of points adds up.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology.
    prop : URIRef
        The feature that is the sum, for messages.
    node : rdflib node
        Its derivation.
    leaves : callable
        Gives the finest values under a class of a value partition.

    Raises
    ------
    GuidelineError
        When there is none, or one names no points, or no value of its feature.
    """
    items = tuple(_item(graph, prop, item, leaves) for item in graph.objects(node, CORE.item))
    if not items:
        raise GuidelineError(f"{prop}: a sum of points needs core:item")
    return items


def _item(graph: Graph, prop: URIRef, node: Node, leaves: Callable[[URIRef], frozenset[str]]) -> Item:
    worth: dict[URIRef, dict[str, Points]] = {}
    domains: dict[URIRef, frozenset[str]] = {}
    for entry in graph.objects(node, CORE.worth):
        feature, points = graph.value(entry, CORE.ofFeature), graph.value(entry, CORE.points)
        values = list(graph.objects(entry, CORE.ofValue))
        if not isinstance(feature, URIRef) or not isinstance(points, Literal) or not values:
            raise GuidelineError(f"{prop}: points need a feature, its values and a number")
        domains[feature] = _domain(graph, feature, leaves)
        table = worth.setdefault(feature, {})
        for value in values:
            for leaf in _leaves(value, leaves):
                if leaf not in domains[feature]:
                    raise GuidelineError(f"{prop}: {value} is no value of {feature}")
                table[leaf] = table.get(leaf, frozenset()) | {Fraction(str(points))}
    if not worth:
        raise GuidelineError(f"{prop}: an item needs core:worth")
    return Item(worth, domains)


def _domain(graph: Graph, feature: URIRef, leaves: Callable[[URIRef], frozenset[str]]) -> frozenset[str]:
    range_ = graph.value(feature, RDFS.range)
    if range_ == XSD.boolean:
        return BOOLEAN
    try:
        return leaves(URIRef(str(range_)))
    except KeyError as error:
        raise GuidelineError(
            f"{feature}: points go to the values of a partition, or to yes and no"
        ) from error


def _leaves(value: Node, leaves: Callable[[URIRef], frozenset[str]]) -> frozenset[str]:
    if isinstance(value, Literal):
        return frozenset({TRUE if value.value else FALSE})
    try:
        return leaves(URIRef(str(value)))
    except KeyError:
        return frozenset({str(value)})
