"""Reads records from RDF in our vocabulary, into the JSON form that the reader judges.

Nothing is fetched, whatever a text names, and nothing is left out in silence: a thing that no record
lists, a property we do not know, a pointer out of the record are all problems.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sys
from collections.abc import Iterable
from decimal import Decimal
from itertools import chain
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from rdflib import BNode, Dataset, Graph, Literal, URIRef
from rdflib.term import Node

from kg_service.errors import InputError, Problem, nearest
from kg_service.exchange import BOUNDS, CONTEXT_IRI, json_ld_context
from kg_service.iris import document_base
from kg_service.namespaces import BASE, DATA, OWL, QTY, RDF, XSD, local_name
from kg_service.reader import parse_json
from kg_service.schema import Entity, Feature, Kind, RecordSchema

Triple = tuple[Node, Node, Node]
FORMS = ("turtle", "nt", "nquads", "trig", "json-ld")
"""RDF syntaxes that are read; XML is not, since its parser can be made to fetch and to fill memory."""
SHOWN = 200
"""Characters of a parser's message that ours repeats."""
DEPTH = 3
"""How far below an unnamed node its description is compared: a quantity of a prescription of a lesion."""
_DATE_DATATYPES = (XSD.date, XSD.gYearMonth, XSD.gYear, XSD.dateTime, XSD.string)
_FACETS = ("value", *BOUNDS, "unit")
_SYNTAX_ERROR = re.compile(
    r"at line (?P<line>\d+) of <.*?>:\s*Bad syntax \((?P<why>.*?)\) at \^ in", re.DOTALL
)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_HEX = 16
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, which no file can hold."""
# It would write what it finds odd to the log, and with it the record: what is odd is told as a problem.
logging.getLogger("rdflib.term").setLevel(logging.CRITICAL)
_GIANT = re.compile(r"""["'][-+\s]*[\d._]+[eE][-+]?\d{3,}\s*["']""")
"""A number whose exponent rdflib would write out in full: thirty bytes that fill a gigabyte."""
_NOT_IN_AN_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`]')


def parse_rdf(text: str, form: str, source: str, schema: RecordSchema) -> Graph:
    """Return the graph of a text, its named graphs merged; nothing is fetched, whatever the text names.

    Parameters
    ----------
    text : str
        The RDF.
    form : str
        One of `FORMS`.
    source : str
        Name of the text, for messages.
    schema : RecordSchema
        Gives the context of JSON-LD records.

    Raises
    ------
    InputError
        When it cannot be parsed, is XML, or names a JSON-LD context that would have to be fetched.
    """
    if form not in FORMS or text.lstrip().startswith(("<?xml", "<rdf:RDF")):
        problem = Problem(source, "RDF in XML", f"RDF in one of {', '.join(FORMS)}", "Convert it to Turtle.")
        raise InputError([problem])
    if form == "json-ld":
        text = _with_local_context(text, source, schema)
    refuse_giants(text, source)
    refuse_halves(json.dumps(json.loads(text), ensure_ascii=False) if form == "json-ld" else text, source)
    target = Graph() if form in ("turtle", "nt") else Dataset(default_union=True)
    try:
        target.parse(data=text, format=form, publicID=document_base("document"))
    except Exception as error:
        raise InputError([_syntax_problem(str(error), form, source)]) from error
    graph = Graph()
    for triple in target.triples((None, None, None)):
        graph.add(triple)
    return graph


def refuse_giants(text: str, source: str) -> None:
    """Refuse RDF with a number that would fill memory once it is read.

    Raises
    ------
    InputError
        With the first such number.
    """
    giant = _GIANT.search(_ESCAPE.sub(_unescaped, text))
    if giant:
        raise InputError([Problem(source, f"the number {giant[0][:SHOWN]}", "a number of ordinary size")])


def refuse_halves(text: str, source: str) -> None:
    """Refuse RDF that writes half of a character, itself or as an escape.

    Raises
    ------
    InputError
        With its code.
    """
    half = _HALF.search(_ESCAPE.sub(_unescaped, text))
    if half:
        raise InputError([Problem(source, f"half of a character (U+{ord(half[0]):04X})", "whole characters")])


def _unescaped(match: re.Match[str]) -> str:
    """Return the character of an escape; one that is no character is left for the parser to refuse."""
    code = int(match[1] or match[2], _HEX)
    return chr(code) if code <= sys.maxunicode else match[0]


def _syntax_problem(message: str, form: str, source: str) -> Problem:
    """Return what a parser said, with the line where it said one."""
    match = _SYNTAX_ERROR.search(message)
    where = f"{source}: line {match['line']}" if match else source
    found = " ".join((match["why"] if match else message).split())[:SHOWN]
    return Problem(where, f"not valid {form} ({found})", f"RDF in {form}")


def _with_local_context(text: str, source: str, schema: RecordSchema) -> str:
    """Return JSON-LD with our context in place of its IRI; any other from elsewhere is refused."""
    document = parse_json(text, source)
    if not isinstance(document, dict | list):
        raise InputError([Problem(source, "no JSON object", "one JSON-LD document")])
    try:
        return json.dumps(_Localiser(source, schema).node(document))
    except RecursionError as error:
        raise InputError([Problem(source, "nested too deeply", "a JSON-LD document")]) from error


class _Localiser:
    """Rewrites one JSON-LD document so that parsing it needs nothing else and loses nothing."""

    def __init__(self, source: str, schema: RecordSchema) -> None:
        self.source = source
        self.own = json_ld_context(schema)["@context"]
        entities = schema.entities.values()
        self.pointers = {"id", "@id"}.union(*(entity.references for entity in entities))

    def node(self, value: Any, key: str = "") -> Any:
        """Return a part of the document, contexts put in, ids made IRIs, decimals kept exact."""
        if isinstance(value, dict):
            return {k: self._context(v) if k == "@context" else self.node(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.node(item, key) for item in value]
        if isinstance(value, str) and key in self.pointers:
            return _NOT_IN_AN_IRI.sub(lambda match: quote(match[0]), value)
        if isinstance(value, Decimal):
            # JSON numbers go through binary fractions in a JSON-LD processor; typed strings do not.
            return float(value) if key == "@value" else {"@value": str(value), "@type": str(XSD.decimal)}
        return value

    def _context(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._context(item) for item in value]
        if isinstance(value, str):
            return self.own if value == CONTEXT_IRI else self._refuse("@context", value)
        if not isinstance(value, dict):
            return float(value) if isinstance(value, Decimal) else value
        if "@import" in value:
            self._refuse("@import", value["@import"])
        return {k: self._term(k, v) for k, v in value.items()}

    def _term(self, key: str, value: Any) -> Any:
        """Return what a context says of one term; strings there are IRIs, but for nested contexts."""
        return value if isinstance(value, str) and key != "@context" else self._context(value)

    def _refuse(self, keyword: str, value: Any) -> NoReturn:
        where, expected = f"{self.source}: {keyword}", f"{CONTEXT_IRI} or an inline context"
        raise InputError([Problem(where, repr(value), expected, "Nothing is fetched.")])


class _Triples:
    """Triples by subject and by value: all that reading records asks for, without the rest of a graph."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self._about: dict[Node, dict[Node, dict[Node, None]]] = {}
        self._with: dict[Node, dict[Node, dict[Node, None]]] = {}
        for subject, prop, value in triples:
            self._about.setdefault(subject, {}).setdefault(prop, {})[value] = None
            self._with.setdefault(prop, {}).setdefault(value, {})[subject] = None

    def __contains__(self, triple: Triple) -> bool:
        subject, prop, value = triple
        return value in self._about.get(subject, {}).get(prop, {})

    def subjects(self, prop: Node, value: Node | None) -> Iterable[Node]:
        """Return what has a value of a property, or any."""
        values = self._with.get(prop, {})
        return values.get(value, {}) if value is not None else chain.from_iterable(values.values())

    def predicates(self, subject: Node) -> Iterable[Node]:
        """Return the properties of a subject."""
        return self._about.get(subject, {})

    def objects(self, subject: Node, prop: Node) -> Iterable[Node]:
        """Return the values of a property of a subject."""
        return self._about.get(subject, {}).get(prop, {})

    def predicate_objects(self, subject: Node) -> Iterable[tuple[Node, Node]]:
        """Return the properties of a subject with their values."""
        return ((prop, value) for prop, values in self._about.get(subject, {}).items() for value in values)


def documents_from_graph(
    graph: Iterable[Triple], schema: RecordSchema, source: str
) -> list[tuple[dict[str, Any], str]]:
    """Return the JSON documents that a graph of records says, with the IRI each is about.

    Parameters
    ----------
    graph : rdflib.Graph, or iterable of triples of rdflib terms
        One or more records. Properties of other vocabularies are left alone.
    schema : RecordSchema
        The record model.
    source : str
        Name of the graph, for messages.

    Raises
    ------
    InputError
        With every problem found, or when the graph describes no record.
    """
    reader = _Reader(_Triples(graph), schema, source)
    documents = reader.documents()
    if reader.problems:
        raise InputError(reader.problems)
    return documents


class _Reader:
    """Reads the records of one graph; problems are collected."""

    def __init__(self, graph: _Triples, schema: RecordSchema, source: str) -> None:
        self.graph = graph
        self.schema = schema
        self.source = source
        self.problems: list[Problem] = []
        self.names: dict[Node, str] = {}
        """How messages call a node that was reached; every node that belongs to a record is in here."""
        self._digests: dict[tuple[Node, int], str] = {}
        self._described: dict[Node, dict[str, Any]] = {}
        self._pointers: list[tuple[Node, URIRef, dict[str, Any], str, list[Node]]] = []
        self._known = {iri: properties_of(entity) for iri, entity in schema.entities.items()}
        homes = {str(prop).rpartition("/")[0] + "/" for known in self._known.values() for prop in known}
        self._ours = (BASE, *sorted(homes))

    def documents(self) -> list[tuple[dict[str, Any], str]]:
        """Return every document, and what it is about."""
        root = self.schema.roots()[0]
        nodes = self._ordered(set(self.graph.subjects(RDF.type, root.iri)))
        documents = [(self._document(node, root), str(node)) for node in nodes]
        if not documents:
            self.problems.append(Problem(self.source, "no record", f"a subject of type {root.iri}"))
        self._report_leftovers()
        return documents

    def _document(self, node: Node, root: Entity) -> dict[str, Any]:
        if node in self.names:  # a record within a record: told where it was met
            return {}
        self._described, self._pointers = {}, []
        self.names[node] = str(node) if isinstance(node, URIRef) else f"the {root.name}"
        document = self._member(node, root, None, "")
        for subject, prop, holder, key, targets in self._pointers:
            holder[key] = [
                pointer for target in targets if (pointer := self._pointer(target, subject, prop)) is not None
            ]
        for described in self._described.values():
            described.pop("@place")
        return document

    def _member(self, node: Node, entity: Entity, parent: Node | None, place: str) -> dict[str, Any]:
        """Return the description of a node as one entity, and remember it for pointers to it."""
        document: dict[str, Any] = {"@place": place}
        if isinstance(node, URIRef):
            document["id"] = self._identifier(node)
        self._described[node] = document
        self._check_types(node, entity)
        known = self._known[entity.iri]
        for prop in sorted(URIRef(str(p)) for p in set(self.graph.predicates(node))):
            if prop in known:
                values = self._ordered(set(self.graph.objects(node, prop)))
                self._property(document, node, entity, prop, values, parent)
            elif self._is_ours(prop):
                self._problem(node, prop, "an unknown property", _hint(prop, known))
        for key, listing in entity.lists.items():
            self._list(document, node, key, listing.iri, self.schema.entities[listing.member])
        return document

    def _check_types(self, node: Node, entity: Entity) -> None:
        """Tell of a type that contradicts the entity, and of one in our vocabulary that does not exist."""
        entities = self.schema.entities
        for cls in sorted(URIRef(str(t)) for t in self.graph.objects(node, RDF.type)):
            if cls in entities and cls != entity.iri:
                self._problem(node, RDF.type, str(cls), "", str(entity.iri))
            elif self._is_ours(cls) and (cls, RDF.type, OWL.Class) not in self.schema.graph:
                self._problem(node, RDF.type, str(cls), _hint(cls, entities), "a class of the vocabulary")

    def _is_ours(self, iri: URIRef) -> bool:
        return str(iri).startswith(self._ours)

    def _property(
        self,
        document: dict[str, Any],
        node: Node,
        entity: Entity,
        prop: URIRef,
        values: list[Node],
        parent: Node | None,
    ) -> None:
        key = self._known[entity.iri][prop]
        if key in entity.lists:
            return
        if key in entity.references:
            self._pointers.append((node, prop, document, key, values))
        elif key in entity.links and entity.links[key].inverse_of is not None:
            whole = "nothing" if parent is None else self.names[parent]
            for other in self._ordered(set(values) - {parent}):
                self._problem(node, prop, str(other), "Keep the right one.", whole)
        elif len(values) > 1:
            shown = " and ".join(str(value) for value in values)
            self._problem(node, prop, f"{len(values)} values ({shown})", "Keep the right one.", "one value")
        elif key in entity.links:
            target = self.schema.entities[entity.links[key].target]
            place = f"{document['@place']}-{key}" if document["@place"] else key
            document[key] = self._child(values[0], target, node, prop, place, self.names[node])
        else:
            document[key] = self._plain(entity, key, values[0], node, prop)

    def _list(self, document: dict[str, Any], node: Node, key: str, prop: URIRef, entity: Entity) -> None:
        """Add the members of a list, said from either end of the link."""
        inverse = [link.iri for link in entity.links.values() if link.inverse_of == prop]
        members = set(self.graph.objects(node, prop)).union(*(self.graph.subjects(i, node) for i in inverse))
        if members:
            document[key] = [
                self._child(member, entity, node, prop, f"{key}-{i}", f"{self.names[node]}, {key} {i + 1}")
                for i, member in enumerate(self._ordered(members))
            ]

    def _child(
        self, value: Node, entity: Entity, parent: Node, prop: URIRef, place: str, name: str
    ) -> dict[str, Any]:
        if isinstance(value, Literal) or value in self._described:
            self._problem(parent, prop, f"{value}", "", f"a node that describes one {entity.name}")
            return {}
        if value in self.names:
            self._problem(parent, prop, f"{value}, which is described in another record too", "", "its own")
            return {}
        self.names[value] = str(value) if isinstance(value, URIRef) else name
        return self._member(value, entity, parent, place)

    def _identifier(self, node: URIRef) -> str:
        """Return the last part of an IRI, or all of it when another thing of the record has that one."""
        own = node.removeprefix(str(DATA)).partition("/")[2] if node.startswith(str(DATA)) else ""
        short = unquote(own or node.rstrip("/").rpartition("/")[2])
        taken = {described.get("id") for described in self._described.values()}
        return short if short and short not in taken else str(node)

    def _pointer(self, target: Node, subject: Node, prop: URIRef) -> str | None:
        """Return the id of what a pointer leads to, which must be of the same record."""
        described = self._described.get(target)
        if described is None or isinstance(target, Literal):
            self._problem(subject, prop, f"{target}", "", "something that the same record describes")
            return None
        return str(described.setdefault("id", described["@place"] or "document"))

    def _plain(self, entity: Entity, key: str, value: Node, node: Node, prop: URIRef) -> Any:
        feature = entity.features.get(key)
        if feature is None or feature.kind is Kind.BOOLEAN:
            return self._literal(value, node, prop)
        if feature.kind is Kind.CODE:
            return self._code(feature, value, node, prop)
        return self._amount(value, node, prop)

    def _literal(self, value: Node, node: Node, prop: URIRef) -> Any:
        if not isinstance(value, Literal):
            self._problem(node, prop, f"{value}", "", "a literal")
            return None
        if value.ill_typed or value.language:
            kind = f"of datatype {local_name(value.datatype)}" if value.datatype else "without a language"
            self._problem(node, prop, f"{value.n3()}", "", f"a literal {kind} that is one")
            return None
        if value.datatype == XSD.boolean:
            return bool(value)
        return str(value) if value.datatype in (None, *_DATE_DATATYPES) else value.toPython()

    def _code(self, feature: Feature, value: Node, node: Node, prop: URIRef) -> str | None:
        """Return the local name of a class of the partition: the value itself, or what it is one of."""
        if isinstance(value, Literal):
            return str(value)
        classes = list(self.schema.classes_under(feature.partition)) if feature.partition else []
        if value in classes:
            return local_name(str(value))
        kinds = [cls for cls in classes if (value, RDF.type, cls) in self.graph]
        leaves = frozenset.intersection(*(self.schema.leaves(cls) for cls in kinds)) if kinds else frozenset()
        found = next((cls for cls in classes if self.schema.leaves(cls) == leaves), None)
        if found is None:
            nothing = "a node of no such class" if isinstance(value, BNode) else str(value)
            shown = " and ".join(kinds) or nothing
            self._problem(node, prop, shown, "", f"a class under {feature.partition}")
            return None
        return local_name(found)

    def _amount(self, value: Node, node: Node, prop: URIRef) -> dict[str, Any] | None:
        if isinstance(value, Literal):
            remedy = 'Write [ qty:value 3.0 ; qty:unit "…" ].'
            self._problem(node, prop, f"the literal {value}", remedy, "a quantity")
            return None
        self.names.setdefault(value, f"{self.names[node]} {local_name(prop)}")
        amount: dict[str, Any] = {}
        facets = {QTY[facet]: facet for facet in _FACETS}
        for facet in sorted(URIRef(str(p)) for p in set(self.graph.predicates(value))):
            found = list(self.graph.objects(value, facet))
            if facet not in facets and self._is_ours(facet):
                self._problem(value, facet, "an unknown property", _hint(facet, facets), "one of a quantity")
            elif facet in facets and len(found) > 1:
                shown = f"{len(found)} times qty:{facets[facet]}"
                self._problem(node, prop, shown, "Keep the right one.", "one")
            elif facet in facets:
                amount[facets[facet]] = str(found[0]) if facet == QTY.unit else _number(found[0])
        return amount

    def _report_leftovers(self) -> None:
        """Tell of every thing in our vocabulary that belongs to no record: it would be lost."""
        properties = {prop for known in self._known.values() for prop in known}
        found = {s for prop in properties for s in self.graph.subjects(prop, None)}
        found |= {s for facet in _FACETS for s in self.graph.subjects(QTY[facet], None)}
        found |= {s for cls in self.schema.entities for s in self.graph.subjects(RDF.type, cls)}
        for node in self._ordered(found - set(self.names)):
            name = f"{node}" if isinstance(node, URIRef) else "an unnamed node"
            remedy = "Link it, or leave it out."
            self.problems.append(
                Problem(f"{self.source}: {name}", "in no record", "something that a record leads to", remedy)
            )

    def _ordered(self, nodes: Iterable[Node]) -> list[Node]:
        """Return nodes in an order that is the same each time, unnamed ones by what is said of them."""
        return sorted(nodes, key=lambda node: (isinstance(node, BNode), self._digest(node, DEPTH), str(node)))

    def _digest(self, node: Node, depth: int) -> str:
        if not isinstance(node, BNode):
            return str(node)
        if (node, depth) not in self._digests:
            said = self.graph.predicate_objects(node) if depth else ()
            text = "\n".join(sorted(f"{prop} {self._digest(value, depth - 1)}" for prop, value in said))
            self._digests[node, depth] = hashlib.sha256(text.encode()).hexdigest()
        return self._digests[node, depth]

    def _problem(
        self, node: Node, prop: Node, found: str, remedy: str, expected: str = "a property of the record"
    ) -> None:
        place = f"{self.source}: {self.names.get(node, node)} {local_name(str(prop))}"
        self.problems.append(Problem(place, found, expected, remedy))


def properties_of(entity: Entity) -> dict[URIRef, str]:
    """Return the key of every property that an entity may bear."""
    known = {feature.iri: key for key, feature in entity.features.items()}
    known |= {iri: key for key, iri in (*entity.dates.items(), *entity.references.items())}
    known |= {item.iri: key for key, item in entity.lists.items()}
    known |= {item.complete: item.complete_key for item in entity.lists.values()}
    return known | {link.iri: key for key, link in entity.links.items()}


def _hint(name: URIRef, known: Iterable[URIRef]) -> str:
    near = nearest(local_name(name), [local_name(iri) for iri in known])
    return f"Did you mean {near!r}?" if near else ""


def _number(value: Node) -> Any:
    """Return a literal as an exact number where it is one; the reader refuses what is none."""
    if isinstance(value, Literal) and not value.ill_typed:
        python = value.toPython()
        if isinstance(python, int | float | Decimal) and not isinstance(python, bool):
            return Decimal(str(value)) if not isinstance(python, float) else python
    return str(value)
