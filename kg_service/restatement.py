"""A graph seen under restatements: what they replace is looked up first, nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rdflib import Graph, URIRef
from rdflib.term import Node as Term

Changes = Mapping[tuple[Term, URIRef], frozenset[Term]]
"""Per subject and property, the values that stand in place of those of the graph."""


class RestatedGraph:
    """A graph in which some properties of some subjects have other values.

    Parameters
    ----------
    source : rdflib.Graph
        The graph, which is not changed.
    changes : mapping
        What replaces its values.
    """

    def __init__(self, source: Graph, changes: Changes) -> None:
        self.source = source
        self.changes = changes
        self.subjects_changed = frozenset(subject for subject, _ in changes)

    def objects(self, subject: Term, prop: URIRef) -> Iterator[Term]:
        """Yield the values of a property of a subject."""
        replaced = self.changes.get((subject, prop))
        yield from self.source.objects(subject, prop) if replaced is None else replaced

    def value(self, subject: Term | None, prop: URIRef) -> Term | None:
        """Return one value of a property, or None."""
        return None if subject is None else next(self.objects(subject, prop), None)

    def subjects(self, prop: URIRef, value: Term) -> Iterator[Term]:
        """Yield the subjects of which a property has a value."""
        for subject in self.source.subjects(prop, value):
            if (subject, prop) not in self.changes:
                yield subject
        for (subject, changed), values in self.changes.items():
            if changed == prop and value in values:
                yield subject

    def subject_objects(self, prop: URIRef) -> Iterator[tuple[Term, Term]]:
        """Yield the subjects of a property, each with its values."""
        for subject, value in self.source.subject_objects(prop):
            if (subject, prop) not in self.changes:
                yield subject, value
        for (subject, changed), values in self.changes.items():
            if changed == prop:
                yield from ((subject, value) for value in values)

    def holds(self, subject: Term, prop: URIRef, value: Term) -> bool:
        """Return whether a property of a subject has a value."""
        return any(found == value for found in self.objects(subject, prop))

    def reached(self, subject: Term, prop: URIRef) -> set[Term]:
        """Return a subject and all that a property leads to from it, step by step."""
        found, left = {subject}, [subject]
        while left:
            new = set(self.objects(left.pop(), prop)) - found
            found |= new
            left += new
        return found

    def copied(self) -> Graph:
        """Return a graph of its own that says the same; for those who need every triple."""
        copy = Graph()
        for subject, prop, value in self.source:
            if (subject, prop) not in self.changes:
                copy.add((subject, prop, value))
        for (subject, prop), values in self.changes.items():
            for value in values:
                copy.add((subject, prop, value))
        return copy
