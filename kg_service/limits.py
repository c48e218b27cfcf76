"""The values that the record shapes allow, for readers that cannot wait for a SHACL engine.

The home of these numbers is ``shapes/record.ttl``; a test compares this reading of them with
what pySHACL says of the same records.
"""

from __future__ import annotations

from fractions import Fraction

from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.namespace import SH
from rdflib.term import Node

from kg_service.namespaces import QTY
from kg_service.values import Interval


class Limits:
    """Bounds on ``qty:value`` per feature, read from property shapes.

    Parameters
    ----------
    shapes : rdflib.Graph
        The record shapes.
    """

    def __init__(self, shapes: Graph) -> None:
        self._bounds: dict[URIRef, Interval] = {}
        self._whole: set[URIRef] = set()
        for shape, path in shapes.subject_objects(SH.path):
            feature = _feature(shapes, path)
            if feature is not None:
                self._bounds[feature] = self.of(feature) & _interval(shapes, shape)
                if (shape, QTY.wholeNumber, Literal(True)) in shapes:
                    self._whole.add(feature)

    def of(self, feature: URIRef) -> Interval:
        """Return the values a feature may be recorded with, in its canonical unit."""
        return self._bounds.get(feature, Interval())

    def is_whole(self, feature: URIRef) -> bool:
        """Return whether a feature takes whole numbers only."""
        return feature in self._whole


def _feature(shapes: Graph, path: Node) -> URIRef | None:
    """Return the feature of a path ``( feature qty:value )``, or None for any other path.

    The second step may be an alternative path of which qty:value is one.
    """
    if isinstance(path, URIRef):
        return None
    match list(Collection(shapes, path)):
        case [feature, step]:
            alternatives = shapes.value(step, SH.alternativePath)
            steps = [step] if alternatives is None else list(Collection(shapes, alternatives))
            return URIRef(str(feature)) if QTY.value in steps else None
    return None


def _interval(shapes: Graph, shape: Node) -> Interval:
    def bound(facet: URIRef) -> Fraction | None:
        value = shapes.value(shape, facet)
        return None if value is None else Fraction(str(value))

    low, high = bound(SH.minInclusive), bound(SH.maxInclusive)
    low_open, high_open = bound(SH.minExclusive), bound(SH.maxExclusive)
    return Interval(
        low if low_open is None else low_open,
        high if high_open is None else high_open,
        low_open is not None,
        high_open is not None,
    )
