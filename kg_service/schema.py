"""The record model, read from the graph: entities, features, lists, links, units, partitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import cached_property
from itertools import chain

from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from kg_service.errors import GuidelineError
from kg_service.functions import Argument, Function, Functions
from kg_service.namespaces import CORE, OWL, QTY, RDF, RDFS, SKOS, XSD, literal_in, local_name
from kg_service.points import Item, read_items
from kg_service.units import UnitFactors
from kg_service.values import BOOLEAN, Interval, Knowledge


class Kind(Enum):
    """What the values of a feature are."""

    QUANTITY = "quantity"
    BOOLEAN = "boolean"
    CODE = "code"


OPERATIONS = (CORE.Count, CORE.Maximum, CORE.Existence, CORE.ElapsedTime, CORE.Application, CORE.SumOfPoints)
"""The ways in which a feature can follow from the rest of a record."""


@dataclass(frozen=True)
class Selection:
    """The members of a list of the document that a derivation runs over; see ``core.ttl``."""

    over: URIRef
    where_feature: URIRef | None = None
    where_value: URIRef | None = None
    concerns: URIRef | None = None
    spares: URIRef | None = None
    by_equal: URIRef | None = None


@dataclass(frozen=True)
class Operand:
    """What stands for an argument of a function.

    Attributes
    ----------
    constant : URIRef or None
        A declared constant; otherwise it is a feature.
    link : URIRef or None
        The link over which the feature is reached; it is of the same thing otherwise.
    selection : Selection or None
        The members over which the feature is summed.
    factor : Fraction
        Converts its unit to that of the argument.
    """

    name: str
    constant: URIRef | None
    feature: URIRef | None
    link: URIRef | None
    selection: Selection | None
    factor: Fraction


@dataclass(frozen=True)
class Derivation:
    """How a feature is bounded from the rest of the record, in its unit; see the classes in ``core.ttl``.

    Attributes
    ----------
    factor : Fraction
        Converts the unit of the function applied to that of the feature.
    items : tuple of Item
        What a sum of points adds up.
    own : frozenset of URIRef
        Features of those items that stand in the module of the sum; it says nothing before one is known.
    """

    operation: URIRef
    unit: str | None = None
    selection: Selection | None = None
    of_feature: URIRef | None = None
    on_date: URIRef | None = None
    until_date: URIRef | None = None
    function: URIRef | None = None
    operands: tuple[Operand, ...] = ()
    factor: Fraction = Fraction(1)
    items: tuple[Item, ...] = ()
    own: frozenset[URIRef] = frozenset()

    @property
    def inputs(self) -> tuple[URIRef, ...]:
        """The features that it is computed from, those of list members left out."""
        operands = (operand.feature for operand in self.operands if operand.feature is not None)
        return (*operands, *(feature for item in self.items for feature in item.worth))


@dataclass(frozen=True)
class Feature:
    """A functional property of an entity that criteria may test."""

    iri: URIRef
    key: str
    kind: Kind
    unit: str | None
    partition: URIRef | None
    judgement: bool
    derivation: Derivation | None

    @property
    def name(self) -> str:
        """Local name of the property."""
        return local_name(self.iri)


@dataclass(frozen=True)
class ListOf:
    """A property that lists members of another entity, and the flag that closes the list."""

    iri: URIRef
    key: str
    member: URIRef
    complete: URIRef
    complete_key: str


@dataclass(frozen=True)
class Link:
    """A functional property that leads to another entity."""

    iri: URIRef
    key: str
    target: URIRef
    inverse_of: URIRef | None


@dataclass(frozen=True)
class Entity:
    """A class of things a record describes, with the keys it may hold."""

    iri: URIRef
    features: dict[str, Feature] = field(default_factory=dict)
    lists: dict[str, ListOf] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    dates: dict[str, URIRef] = field(default_factory=dict)
    references: dict[str, URIRef] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Local name of the class."""
        return local_name(self.iri)


class RecordSchema:
    """The record model of a graph.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology, with the annotations of ``core.ttl``.

    Raises
    ------
    GuidelineError
        When a declaration is incomplete; names it.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.functions = Functions(graph)
        self._children: dict[URIRef, list[URIRef]] = {}
        self._under: dict[URIRef, tuple[URIRef, ...]] = {}
        self._within: dict[URIRef, frozenset[URIRef]] = {}
        self.entities = {iri: self._entity(iri) for iri in self._entity_iris()}
        for feature in self.features:
            self._check_one_constant(feature)

    def roots(self) -> list[Entity]:
        """Return the entities a record document may describe at its top."""
        return [self.entities[iri] for iri in sorted(self._flagged(CORE.documentRoot))]

    def case_entity(self, document: Entity) -> tuple[Entity, ListOf | None]:
        """Return the entity assessed as a case, and the list of the document that holds it."""
        cases = self._flagged(CORE.caseRoot)
        if document.iri in cases:
            return document, None
        for listing in document.lists.values():
            if listing.member in cases:
                return self.entities[listing.member], listing
        raise GuidelineError(f"{document.iri}: no list of it holds an entity marked core:caseRoot")

    def reference_date_keys(self) -> list[str]:
        """Return the keys of the dates of a document that derivations count time to."""
        until = {f.derivation.until_date for f in self.features.values() if f.derivation}
        return [key for root in self.roots() for key, iri in root.dates.items() if iri in until]

    @cached_property
    def features(self) -> dict[URIRef, Feature]:
        """Every feature by its IRI."""
        return {f.iri: f for entity in self.entities.values() for f in entity.features.values()}

    def lists_behind(self, iri: URIRef) -> set[URIRef]:
        """Return the lists that a feature is derived from."""
        derivations = list(self._derivations_behind(iri))
        selections = [d.selection for d in derivations]
        selections += [operand.selection for d in derivations for operand in d.operands]
        return {selection.over for selection in selections if selection is not None}

    def domain(self, feature: Feature) -> Knowledge:
        """Return every value a feature can have: what is known when nothing is."""
        if feature.kind is Kind.QUANTITY:
            return Interval()
        if feature.kind is Kind.BOOLEAN:
            return BOOLEAN
        return self.leaves(feature.partition) if feature.partition else frozenset()

    def leaves(self, cls: URIRef) -> frozenset[str]:
        """Return the IRIs of the finest values under a class of a value partition."""
        return self._leaves[cls]

    @cached_property
    def _leaves(self) -> dict[URIRef, frozenset[str]]:
        known: dict[URIRef, frozenset[str]] = {}
        for top in self.partitions:
            self._collect_leaves(top, known)
        return known

    def _collect_leaves(self, cls: URIRef, known: dict[URIRef, frozenset[str]]) -> frozenset[str]:
        children = self.children(cls)
        known[cls] = frozenset().union(*(self._collect_leaves(c, known) for c in children)) or frozenset(
            {str(cls)}
        )
        return known[cls]

    @cached_property
    def partitions(self) -> list[URIRef]:
        """The top classes of all value partitions."""
        return sorted(self._flagged(CORE.valuePartition))

    @cached_property
    def partition_classes(self) -> set[URIRef]:
        """Every class of every value partition."""
        return {cls for top in self.partitions for cls in self.classes_under(top)}

    def children(self, cls: URIRef) -> list[URIRef]:
        """Return the classes that a class of a partition is the disjoint union of."""
        if cls not in self._children:
            head = self.graph.value(cls, OWL.disjointUnionOf)
            self._children[cls] = (
                [URIRef(str(member)) for member in Collection(self.graph, head)] if head else []
            )
        return self._children[cls]

    @cached_property
    def codes(self) -> dict[URIRef, dict[str, URIRef]]:
        """Per partition, the class that each local name or notation stands for."""
        return {top: self._codes_of(top) for top in self.partitions}

    def _codes_of(self, top: URIRef) -> dict[str, URIRef]:
        names: dict[str, URIRef] = {}
        for cls in self.classes_under(top):
            names[local_name(cls)] = cls
            for notation in self.graph.objects(cls, SKOS.notation):
                names[str(notation)] = cls
        return names

    def classes_under(self, cls: URIRef) -> tuple[URIRef, ...]:
        """Return a class of a partition and all below it, coarse ones first."""
        if cls not in self._under:
            below = (self.classes_under(child) for child in self.children(cls))
            self._under[cls] = cls, *chain.from_iterable(below)
        return self._under[cls]

    def is_under(self, term: URIRef, cls: URIRef) -> bool:
        """Return whether a term is a class of a partition or one of those below it."""
        if cls not in self._within:
            self._within[cls] = frozenset(self.classes_under(cls))
        return term in self._within[cls]

    @cached_property
    def same_when_equal(self) -> set[URIRef]:
        """The values that two things at one place share, and only they."""
        return self._flagged(CORE.sameWhenEqual)

    @cached_property
    def impossible(self) -> list[URIRef]:
        """The classes that describe contradictory facts."""
        return sorted(self._flagged(CORE.impossible))

    @cached_property
    def date_order(self) -> list[tuple[URIRef, URIRef]]:
        """Pairs of date properties of which the first comes no later than the second."""
        pairs = self.graph.subject_objects(CORE.notAfter)
        return sorted((URIRef(str(first)), URIRef(str(second))) for first, second in pairs)

    @property
    def unit_factors(self) -> UnitFactors:
        """Factor from one UCUM code to another, for the pairs that convert."""
        return self.functions.unit_factors

    def label(self, node: Node, language: str) -> str:
        """Return the label of a term in a language, or its local name."""
        return literal_in(self.graph, node, RDFS.label, language) or local_name(str(node))

    def question(self, feature: Feature, language: str) -> str:
        """Return the question that asks for a feature."""
        return literal_in(self.graph, feature.iri, CORE.question, language) or self.label(
            feature.iri, language
        )

    def _flagged(self, flag: URIRef) -> set[URIRef]:
        return {URIRef(str(s)) for s in self.graph.subjects(flag, Literal(True))}

    def _entity_iris(self) -> list[URIRef]:
        found = self._flagged(CORE.documentRoot) | self._flagged(CORE.caseRoot)
        for prop in self._flagged(CORE.list) | self._flagged(CORE.link):
            found |= {URIRef(str(o)) for o in self.graph.objects(prop, RDFS.range)}
        return sorted(found)

    def _entity(self, iri: URIRef) -> Entity:
        entity = Entity(iri)
        for prop in sorted(self._properties_of(iri)):
            key = self._key(prop)
            if self._has(prop, CORE.feature):
                entity.features[key] = self._feature(prop, key)
            elif self._has(prop, CORE.list):
                entity.lists[key] = self._list(prop, key)
            elif self._has(prop, CORE.link):
                entity.links[key] = self._link(prop, key)
            elif self._has(prop, CORE.date):
                entity.dates[key] = prop
            elif self._has(prop, CORE.reference):
                entity.references[key] = prop
        return entity

    def _properties_of(self, iri: URIRef) -> set[URIRef]:
        """Return the properties whose domain is a class or a union that names it."""
        found = set()
        for prop, domain in self.graph.subject_objects(RDFS.domain):
            union = self.graph.value(domain, OWL.unionOf)
            members = set(Collection(self.graph, union)) if union else {domain}
            if iri in members:
                found.add(URIRef(str(prop)))
        return found

    def _has(self, prop: URIRef, flag: URIRef) -> bool:
        return (prop, flag, Literal(True)) in self.graph

    def _key(self, prop: URIRef) -> str:
        return str(self.graph.value(prop, CORE.jsonKey) or local_name(prop))

    def _feature(self, prop: URIRef, key: str) -> Feature:
        range_ = self._required(prop, RDFS.range)
        unit = self.graph.value(prop, CORE.canonicalUnit)
        kind = (
            Kind.BOOLEAN if range_ == XSD.boolean else Kind.QUANTITY if range_ == QTY.Quantity else Kind.CODE
        )
        if kind is Kind.QUANTITY and unit is None:
            raise GuidelineError(f"{prop}: a feature with quantities needs core:canonicalUnit")
        return Feature(
            prop,
            key,
            kind,
            str(unit) if unit else None,
            range_ if kind is Kind.CODE else None,
            self._has(prop, CORE.judgement),
            self._derivation(prop),
        )

    def _derivation(self, prop: URIRef) -> Derivation | None:
        node = self.graph.value(prop, CORE.derivedBy)
        if node is None:
            return None

        unit = self.graph.value(prop, CORE.canonicalUnit)
        function = self._optional(node, "function")
        operation = self._required(node, RDF.type)
        if operation not in OPERATIONS:
            known = ", ".join(local_name(known) for known in OPERATIONS)
            raise GuidelineError(f"{prop}: derived by {local_name(operation)}; the program knows {known}")
        return Derivation(
            operation,
            str(unit) if unit else None,
            self._selection(node),
            self._optional(node, "ofFeature"),
            self._optional(node, "onDate"),
            self._optional(node, "untilDate"),
            function,
            self._operands(prop, node, function) if function else (),
            self.functions.factor(self._function(function).unit, str(unit), prop)
            if function
            else Fraction(1),
            *(self._items(prop, node) if operation == CORE.SumOfPoints else ()),
        )

    def _items(self, prop: URIRef, node: Node) -> tuple[tuple[Item, ...], frozenset[URIRef]]:
        """Return the items of a sum of points, and their features that stand in its own module."""
        items = read_items(self.graph, prop, node, self.leaves)
        module = self.graph.value(prop, RDFS.isDefinedBy)
        features = (feature for item in items for feature in item.worth)
        return items, frozenset(f for f in features if (f, RDFS.isDefinedBy, module) in self.graph)

    def _function(self, iri: URIRef) -> Function:
        if iri not in self.functions.by_iri:
            raise GuidelineError(f"{iri}: no function is declared under this name")
        return self.functions.by_iri[iri]

    def _selection(self, node: Node) -> Selection | None:
        over = self._optional(node, "overList")
        names = ("whereFeature", "whereValue", "concerns", "spares", "byEqual")
        return None if over is None else Selection(over, *(self._optional(node, name) for name in names))

    def _operands(self, prop: URIRef, node: Node, function: URIRef) -> tuple[Operand, ...]:
        """Return the operands of an application, one for each argument."""
        nodes = list(self.graph.objects(node, CORE.operand))
        named = {str(self.graph.value(operand, CORE.argumentName)): operand for operand in nodes}
        arguments = self._function(function).arguments
        if len(nodes) != len(named) or set(named) != {argument.name for argument in arguments}:
            wanted = ", ".join(argument.name for argument in arguments)
            raise GuidelineError(f"{prop}: needs one operand for each of {wanted}")
        return tuple(self._operand(prop, named[a.name], a) for a in arguments)

    def _operand(self, prop: URIRef, node: Node, argument: Argument) -> Operand:
        feature, constant = self._optional(node, "ofFeature"), self._optional(node, "ofConstant")
        if (feature is None) is (constant is None):
            raise GuidelineError(f"{prop}: the operand {argument.name} needs ofFeature or ofConstant")
        if constant is not None and constant not in self.functions.constants:
            raise GuidelineError(f"{prop}: {constant} is no declared constant")
        unit = (
            self.functions.constants[constant].unit
            if constant is not None
            else str(self.graph.value(feature, CORE.canonicalUnit))
        )
        return Operand(
            argument.name,
            constant,
            feature,
            self._optional(node, "alongLink"),
            self._selection(node),
            self.functions.factor(unit, argument.unit, prop),
        )

    def _derivations_behind(self, iri: URIRef, above: tuple[URIRef, ...] = ()) -> Iterator[Derivation]:
        """Yield the derivation of a feature, and those of the features it is computed from.

        Raises
        ------
        GuidelineError
            When one is computed from itself.
        """
        if iri in above:
            raise GuidelineError(f"{iri}: is derived from itself")
        derivation = self.features[iri].derivation if iri in self.features else None
        if derivation is not None:
            yield derivation
            for feature in derivation.inputs:
                yield from self._derivations_behind(feature, (*above, iri))

    def _check_one_constant(self, iri: URIRef) -> None:
        """Refuse a feature that combines values computed with two constants for one argument."""
        found: dict[str, set[str]] = {}
        for derivation in self._derivations_behind(iri):
            for operand in derivation.operands:
                if operand.constant is not None:
                    found.setdefault(operand.name, set()).add(local_name(operand.constant))
        for name, constants in found.items():
            if len(constants) > 1:
                listed = " and ".join(sorted(constants))
                raise GuidelineError(f"{iri}: combines values computed with unlike {name}: {listed}")

    def _optional(self, node: Node, name: str) -> URIRef | None:
        value = self.graph.value(node, CORE[name])
        return URIRef(str(value)) if value else None

    def _list(self, prop: URIRef, key: str) -> ListOf:
        flag = self._required(prop, CORE.completenessFlag)
        return ListOf(prop, key, self._required(prop, RDFS.range), flag, self._key(flag))

    def _link(self, prop: URIRef, key: str) -> Link:
        inverse = self.graph.value(prop, OWL.inverseOf)
        return Link(prop, key, self._required(prop, RDFS.range), URIRef(str(inverse)) if inverse else None)

    def _required(self, node: Node, prop: URIRef) -> URIRef:
        value = self.graph.value(node, prop)
        if value is None:
            raise GuidelineError(f"{node}: needs {local_name(prop)}")
        return URIRef(str(value))
