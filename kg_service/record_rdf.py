"""Records as RDF and back: the facts of the JSON form, values in canonical units, derived facts too."""

from __future__ import annotations

import json
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from rdflib import BNode, Dataset, Graph, Literal, URIRef
from rdflib.term import Node

from kg_service.dates import PartialDate
from kg_service.errors import InputError, Problem, nearest
from kg_service.exchange import BOUNDS, CONTEXT_IRI, json_ld_context
from kg_service.iris import document_base, member_iri
from kg_service.namespaces import CORE, DCTERMS, QTY, RDF, XSD, local_name
from kg_service.record import Case, Fact, Member, Record
from kg_service.schema import Entity, Feature, Kind, RecordSchema
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
    derived = {(fact.feature, fact.where): fact for case in cases for fact in case.facts.values()}
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


def parse_rdf(text: str, form: str, source: str, schema: RecordSchema) -> Graph:
    """Return the graph of a text; nothing is fetched, whatever the text names.

    Parameters
    ----------
    text : str
        The RDF.
    form : str
        ``turtle``, ``nt``, ``nquads``, ``trig`` or ``json-ld``.
    source : str
        Name of the text, for messages.
    schema : RecordSchema
        Gives the context of JSON-LD records.

    Raises
    ------
    InputError
        When it cannot be parsed, or names a JSON-LD context that would have to be fetched.
    """
    if form == "json-ld":
        text = _with_local_context(text, source, schema)
    target = Graph() if form in ("turtle", "nt") else Dataset(default_union=True)
    try:
        target.parse(data=text, format=form, publicID=document_base("document"))
    except Exception as error:
        found = " ".join(str(error).split())[:SHOWN]
        raise InputError([Problem(source, f"not valid {form} ({found})", f"RDF in {form}")]) from error
    graph = Graph()
    for triple in target.triples((None, None, None)):
        graph.add(triple)
    return graph


def _with_local_context(text: str, source: str, schema: RecordSchema) -> str:
    """Return JSON-LD with our context in place of its IRI; any other from elsewhere is refused."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError([Problem(source, f"not JSON ({error})", "one JSON-LD document")]) from error
    own = json_ld_context(schema)["@context"]

    def local(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: context(value) if key == "@context" else local(value) for key, value in node.items()}
        return [local(item) for item in node] if isinstance(node, list) else node

    def context(value: Any) -> Any:
        if isinstance(value, list):
            return [context(item) for item in value]
        if isinstance(value, str):
            if value != CONTEXT_IRI:
                problem = Problem(
                    f"{source}: @context",
                    repr(value),
                    f"{CONTEXT_IRI} or an inline context",
                    "Nothing is fetched.",
                )
                raise InputError([problem])
            return own
        return local(value)

    return json.dumps(local(document))


def documents_from_graph(graph: Graph, schema: RecordSchema, source: str) -> list[tuple[dict[str, Any], str]]:
    """Return the JSON documents that a graph of records says, with the IRI each is about.

    Raises
    ------
    InputError
        With every problem found, or when the graph describes no record.
    """
    reader = _Reader(graph, schema, source)
    roots = sorted({s for entity in schema.roots() for s in graph.subjects(RDF.type, entity.iri)}, key=str)
    if not roots:
        names = ", ".join(str(entity.iri) for entity in schema.roots())
        raise InputError([Problem(source, "no record", f"a subject of type {names}")])
    documents = [(reader.member(root, schema.roots()[0], ()), str(root)) for root in roots]
    if reader.problems:
        raise InputError(reader.problems)
    return documents


class _Reader:
    """Reads the members of one graph; problems are collected."""

    def __init__(self, graph: Graph, schema: RecordSchema, source: str) -> None:
        self.graph = graph
        self.schema = schema
        self.source = source
        self.problems: list[Problem] = []

    def member(self, node: Node, entity: Entity, above: tuple[Node, ...]) -> dict[str, Any]:
        document: dict[str, Any] = {}
        if isinstance(node, URIRef):
            document["id"] = _identifier(node)
        known = self._known(entity)
        for prop in sorted(set(self.graph.predicates(node)), key=str):
            values = sorted(self.graph.objects(node, prop), key=str)
            if URIRef(str(prop)) in known:
                self._property(document, node, entity, URIRef(str(prop)), values, (*above, node))
            elif str(prop).startswith(self._namespaces(known)):
                self._problem(node, prop, "an unknown property", self._hint(prop, known))
        return document

    @staticmethod
    def _namespaces(known: dict[URIRef, str]) -> tuple[str, ...]:
        """Return the namespaces in which a property that is not known is a mistake."""
        return tuple({str(iri).rpartition("/")[0] + "/" for iri in known})

    @staticmethod
    def _hint(prop: Node, known: dict[URIRef, str]) -> str:
        near = nearest(local_name(str(prop)), [local_name(iri) for iri in known])
        return f"Did you mean {near!r}?" if near else ""

    @staticmethod
    def _known(entity: Entity) -> dict[URIRef, str]:
        """Return the key of every property that an entity may bear."""
        known = {feature.iri: key for key, feature in entity.features.items()}
        known |= {iri: key for key, iri in (*entity.dates.items(), *entity.references.items())}
        known |= {item.iri: key for key, item in entity.lists.items()}
        known |= {item.complete: item.complete_key for item in entity.lists.values()}
        return known | {link.iri: key for key, link in entity.links.items()}

    def _property(
        self,
        document: dict[str, Any],
        node: Node,
        entity: Entity,
        prop: URIRef,
        values: list[Node],
        above: tuple[Node, ...],
    ) -> None:
        key = self._known(entity)[prop]
        if key in entity.lists:
            member = self.schema.entities[entity.lists[key].member]
            document[key] = [self._child(value, member, prop, above) for value in values]
        elif key in entity.references:
            document[key] = [_identifier(value) for value in values]
        elif key in entity.links and entity.links[key].inverse_of is not None:
            return
        elif len(values) > 1:
            shown = " and ".join(str(value) for value in values)
            self._problem(node, prop, f"{len(values)} values ({shown})", "Keep the right one.", "one value")
        elif key in entity.links:
            document[key] = self._child(
                values[0], self.schema.entities[entity.links[key].target], prop, above
            )
        else:
            document[key] = self._plain(entity, key, values[0], node, prop)

    def _child(self, value: Node, entity: Entity, prop: URIRef, above: tuple[Node, ...]) -> dict[str, Any]:
        if isinstance(value, Literal) or value in above:
            self._problem(above[-1], prop, f"{value}", "", f"a node that describes one {entity.name}")
            return {}
        return self.member(value, entity, above)

    def _plain(self, entity: Entity, key: str, value: Node, node: Node, prop: URIRef) -> Any:
        feature = entity.features.get(key)
        if feature is None or feature.kind is Kind.BOOLEAN:
            return self._literal(value, node, prop)
        if feature.kind is Kind.CODE:
            return self._code(feature, value, node, prop)
        return self._amount(value, node, prop)

    def _literal(self, value: Node, node: Node, prop: URIRef) -> Any:
        if not isinstance(value, Literal) or value.ill_typed:
            self._problem(node, prop, f"{value}", "", "a literal of the right datatype")
            return None
        if value.datatype == XSD.boolean:
            return bool(value)
        return str(value) if value.datatype in (None, *_DATE_DATATYPES) else value.toPython()

    def _code(self, feature: Feature, value: Node, node: Node, prop: URIRef) -> str | None:
        if isinstance(value, BNode):  # an unnamed instance of the class
            value = next(iter(self.graph.objects(value, RDF.type)), value)
        partition = feature.partition
        if isinstance(value, Literal):
            return str(value)
        if partition is None or value not in set(self.schema.classes_under(partition)):
            self._problem(node, prop, f"{value}", "", f"a class under {partition}")
            return None
        return local_name(str(value))

    def _amount(self, value: Node, node: Node, prop: URIRef) -> dict[str, Any] | None:
        if isinstance(value, Literal):
            self._problem(
                node, prop, f"the literal {value}", 'Write [ qty:value 3.0 ; qty:unit "…" ].', "a quantity"
            )
            return None
        amount: dict[str, Any] = {}
        for facet in ("value", *BOUNDS, "unit"):
            found = list(self.graph.objects(value, QTY[facet]))
            if len(found) > 1:
                self._problem(node, prop, f"{len(found)} times qty:{facet}", "Keep the right one.", "one")
            elif found and facet == "unit":
                amount["unit"] = str(found[0])
            elif found:
                amount[facet] = _number(found[0])
        return amount

    def _problem(
        self, node: Node, prop: Node, found: str, remedy: str, expected: str = "a property of the record"
    ) -> None:
        self.problems.append(
            Problem(f"{self.source}: {node} {local_name(str(prop))}", found, expected, remedy)
        )


def _number(value: Node) -> Any:
    """Return a literal as an exact number where it is one; the reader refuses what is none."""
    if isinstance(value, Literal) and not value.ill_typed:
        python = value.toPython()
        if isinstance(python, int | float | Decimal) and not isinstance(python, bool):
            return Decimal(str(value)) if not isinstance(python, float) else python
    return str(value)


def _identifier(node: Node) -> str:
    return unquote(str(node).rstrip("/").rpartition("/")[2] or str(node))


def _date_literal(day: PartialDate) -> Literal:
    text = str(day)
    return Literal(text, datatype=_DATE_TYPES.get(len(text), XSD.date))


def _decimal(number: Fraction, rounding: str = ROUND_FLOOR) -> Literal:
    return Literal(decimal_text(number, rounding), datatype=XSD.decimal)
