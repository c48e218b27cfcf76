"""Records as RDF: the facts of the JSON form, values in canonical units, derived facts too."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

from rdflib import Graph, Literal, URIRef
from rdflib.term import Node

from kg_service.dates import PartialDate
from kg_service.iris import member_iri
from kg_service.namespaces import CORE, DCTERMS, QTY, RDF, XSD
from kg_service.record import Case, Fact, Member, Record
from kg_service.schema import Feature, Kind, RecordSchema
from kg_service.values import TRUE, Interval, decimal_text

SHOWN = 200
"""Characters of a parser's message that ours repeats."""
_DATE_TYPES = {4: XSD.gYear, 7: XSD.gYearMonth}
_DATE_DATATYPES = (XSD.date, XSD.gYearMonth, XSD.gYear, XSD.dateTime, XSD.string)


def record_graph(record: Record, cases: list[Case], schema: RecordSchema) -> Graph:
    """Return a record as RDF, with what was derived for its cases.

    Parameters
    ----------
    record : Record
        The record as read.
    cases : list of Case
        Its cases, with derived facts.
    schema : RecordSchema
        The record model.

    Returns
    -------
    rdflib.Graph
        The same triples for the same record. Facts taken from elsewhere, or derived, bear their
        origin on an rdf:Statement.
    """
    writer = _Writer(record, schema)
    derived = {
        (fact.feature, fact.where): fact for case in cases for fact in (*case.facts.values(), *case.beside)
    }
    writer.member(record.root, derived)
    return writer.graph


class _Writer:
    """Writes one record."""

    def __init__(self, record: Record, schema: RecordSchema) -> None:
        self.graph = Graph()
        self.document = record.root.id
        self.schema = schema

    def member(self, member: Member, derived: dict[tuple[URIRef, str], Fact]) -> URIRef:
        node = member_iri(self.document, member.id)
        self.graph.add((node, RDF.type, member.entity.iri))
        for feature in member.entity.features.values():
            where = f"{member.where}.{feature.key}" if member.where else feature.key
            fact = derived.get((feature.iri, where)) or member.facts.get(feature.iri)
            if fact is not None:
                self._fact(node, feature, fact)
        for prop, day in member.dates.items():
            self.graph.add((node, prop, _date_literal(day)))
        for prop, pointers in member.references.items():
            for pointer in pointers:
                self.graph.add((node, prop, member_iri(self.document, pointer)))
        for listing in member.entity.lists.values():
            if listing.iri in member.closed:
                self.graph.add((node, listing.complete, Literal(True)))
            for child in member.lists.get(listing.iri, ()):
                self.graph.add((node, listing.iri, self.member(child, derived)))
        for prop, linked in member.links.items():
            self.graph.add((node, prop, self.member(linked, derived)))
        self._inverse(node, member)
        return node

    def _inverse(self, node: URIRef, member: Member) -> None:
        """Add the links of listed members back to this one."""
        for prop, children in member.lists.items():
            for child in children:
                for link in child.entity.links.values():
                    if link.inverse_of == prop:
                        self.graph.add((member_iri(self.document, child.id), link.iri, node))

    def _fact(self, node: URIRef, feature: Feature, fact: Fact) -> None:
        value = self._value(node, feature, fact)
        if value is None:
            return
        self.graph.add((node, feature.iri, value))
        if fact.origin or fact.basis:
            statement = URIRef(f"{node}/statement/{feature.name}")
            self.graph.add((statement, RDF.type, RDF.Statement))
            self.graph.add((statement, RDF.subject, node))
            self.graph.add((statement, RDF.predicate, feature.iri))
            self.graph.add((statement, RDF.object, value))
            self.graph.add((statement, CORE.place, Literal(fact.where)))
            if fact.origin:
                self.graph.add((statement, CORE.origin, Literal(fact.origin)))
            for place in fact.basis:
                self.graph.add((statement, DCTERMS.source, Literal(place)))

    def _value(self, node: URIRef, feature: Feature, fact: Fact) -> Node | None:
        if isinstance(fact.known, Interval):
            return self._quantity(URIRef(f"{node}/quantity/{feature.name}"), feature, fact.known)
        if feature.kind is Kind.BOOLEAN:
            return Literal(TRUE in fact.known) if len(fact.known) == 1 else None
        classes = self.schema.classes_under(feature.partition) if feature.partition else ()
        return next((cls for cls in classes if self.schema.leaves(cls) == fact.known), None)

    def _quantity(self, node: URIRef, feature: Feature, known: Interval) -> URIRef:
        self.graph.add((node, RDF.type, QTY.Quantity))
        self.graph.add((node, QTY.unit, Literal(feature.unit)))
        if (
            known.is_exact
            and known.low is not None
            and _decimal(known.low) == _decimal(known.low, ROUND_CEILING)
        ):
            self.graph.add((node, QTY.value, _decimal(known.low)))
            return node
        # A number without a finite decimal form is bounded by the two nearest ones: reading the graph
        # back then never contradicts what the same record derives again.
        for number, is_open, closed, opened, rounding in (
            (known.low, known.low_open, QTY.minInclusive, QTY.minExclusive, ROUND_FLOOR),
            (known.high, known.high_open, QTY.maxInclusive, QTY.maxExclusive, ROUND_CEILING),
        ):
            if number is not None:
                self.graph.add((node, opened if is_open else closed, _decimal(number, rounding)))
        return node


def _date_literal(day: PartialDate) -> Literal:
    text = str(day)
    return Literal(text, datatype=_DATE_TYPES.get(len(text), XSD.date))


def _decimal(number: Fraction, rounding: str = ROUND_FLOOR) -> Literal:
    return Literal(decimal_text(number, rounding), datatype=XSD.decimal)
