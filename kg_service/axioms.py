"""Reads OWL 2 class expressions and refuses what lies outside the supported fragment.

The fragment is documented in ``docs/fragment.md``. Its point is that what is known of a case is
then a product of independent possibilities, one a feature, so that a plan can decide it exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from threading import RLock

from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node as Term

from kg_service.errors import CompileError
from kg_service.namespaces import OWL, QTY, RDF, RDFS, XSD, local_name
from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or
from kg_service.schema import Entity, Feature, Kind, RecordSchema
from kg_service.values import Interval, truth

_Definitions = frozenset[tuple[URIRef, URIRef]]
"""Classes with the classes that define them under some readings."""

_ALWAYS = Constant(True)
_FACETS = {
    XSD.minInclusive: ("low", False),
    XSD.minExclusive: ("low", True),
    XSD.maxInclusive: ("high", False),
    XSD.maxExclusive: ("high", True),
}
_PROPERTY_TYPES = {OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty, OWL.FunctionalProperty}
_REFUSED = {
    OWL.disjointWith,
    OWL.propertyChainAxiom,
    OWL.propertyDisjointWith,
    OWL.equivalentProperty,
    OWL.hasKey,
    OWL.sameAs,
    OWL.differentFrom,
    OWL.allValuesFrom,
    OWL.hasSelf,
    OWL.cardinality,
    OWL.minCardinality,
    OWL.maxCardinality,
    OWL.qualifiedCardinality,
    OWL.minQualifiedCardinality,
    OWL.maxQualifiedCardinality,
    OWL.oneOf,
    OWL.datatypeComplementOf,
    RDFS.subPropertyOf,
}


class AxiomReader:
    """Turns the OWL definitions of a graph into plan nodes.

    Readings restate the definition of a few classes. Nodes of classes that do not reach one of
    them are the same objects under every reading, and so are the atoms of all of them.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology, under the adopted readings.
    schema : RecordSchema
        Its record model.
    """

    def __init__(self, graph: Graph, schema: RecordSchema) -> None:
        self.graph = graph
        self.schema = schema
        self._restated: Mapping[URIRef, URIRef] = {}
        self._read: dict[tuple[URIRef, URIRef, _Definitions], Node] = {}
        self._atoms: dict[tuple[Term, URIRef], Atom] = {}
        self._direct: dict[URIRef, frozenset[URIRef]] = {}
        self._within: dict[URIRef, _Definitions] = {}
        self._reading: list[URIRef] = []
        # Guidelines under several readings are read when first asked, which a service does at once.
        self._lock = RLock()

    def under(self, restated: Mapping[URIRef, URIRef]) -> AxiomReader:
        """Return a reader for which some classes are defined as others, and that shares all it can.

        Parameters
        ----------
        restated : mapping of rdflib.URIRef to rdflib.URIRef
            The class that stands as the definition of each.
        """
        other = AxiomReader(self.graph, self.schema)
        other._read, other._atoms, other._direct = self._read, self._atoms, self._direct
        other._lock = self._lock
        other._restated = dict(restated)
        return other

    def criterion(self, cls: URIRef, entity: Entity) -> Node:
        """Return the plan node of a named class, as a condition on an entity.

        Raises
        ------
        CompileError
            When its definition is missing, circular, or outside the fragment.
        """
        if cls == entity.iri:
            return _ALWAYS
        key = cls, entity.iri, self._restated_within(cls)
        if key not in self._read:
            with self._lock:
                self._read[key] = self._named(cls, entity)
        return self._read[key]

    def _named(self, cls: URIRef, entity: Entity) -> Node:
        if cls in self._reading:
            raise CompileError(str(cls), "is defined by itself")
        self._reading.append(cls)
        try:
            return Named(str(cls), self._expression(self._definition(cls), entity, cls))
        finally:
            self._reading.pop()

    def named_in(self, cls: URIRef) -> frozenset[URIRef]:
        """Return a class and the defined classes that its definition names, at every depth."""
        found, left = {cls}, [cls]
        while left:
            new = self.named_by(left.pop()) - found
            found |= new
            left += new
        return frozenset(found)

    def named_by(self, cls: URIRef) -> frozenset[URIRef]:
        """Return the defined classes that the definition of a class names itself."""
        if cls in self._restated:
            return frozenset({self._restated[cls]})
        if cls not in self._direct:
            self._direct[cls] = frozenset(self._names(self._definition(cls)))
        return self._direct[cls]

    def _names(self, node: Term) -> Iterator[URIRef]:
        if isinstance(node, URIRef):
            if (node, OWL.equivalentClass, None) in self.graph:
                yield node
            return
        for prop, value in self.graph.predicate_objects(node):
            if prop in (OWL.intersectionOf, OWL.unionOf):
                for member in Collection(self.graph, value):
                    yield from self._names(member)
            elif prop in (OWL.complementOf, OWL.someValuesFrom):
                yield from self._names(value)

    def _restated_within(self, cls: URIRef) -> _Definitions:
        """Return the restatements that bear on a class: readings that agree on them share its node."""
        if not self._restated:
            return frozenset()
        if cls not in self._within:
            reached = self.named_in(cls) & self._restated.keys()
            self._within[cls] = frozenset((c, self._restated[c]) for c in reached)
        return self._within[cls]

    def _definition(self, cls: URIRef) -> Term:
        if cls in self._restated:
            return self._restated[cls]
        definitions = list(self.graph.objects(cls, OWL.equivalentClass))
        if len(definitions) != 1:
            raise CompileError(
                str(cls), f"has {len(definitions)} owl:equivalentClass axioms where it needs one"
            )
        return definitions[0]

    def _expression(self, node: Term, entity: Entity, where: URIRef) -> Node:
        if isinstance(node, URIRef):
            return self.criterion(node, entity)
        for operator, build in ((OWL.intersectionOf, And), (OWL.unionOf, Or)):
            if (members := self.graph.value(node, operator)) is not None:
                return build(
                    tuple(self._expression(m, entity, where) for m in Collection(self.graph, members))
                )
        if (negated := self.graph.value(node, OWL.complementOf)) is not None:
            return Not(self._expression(negated, entity, where))
        if (node, RDF.type, OWL.Restriction) in self.graph:
            return self._restriction(node, entity, where)
        raise CompileError(
            str(where), "uses a class expression that is no intersection, union, complement or restriction"
        )

    def _restriction(self, node: Term, entity: Entity, where: URIRef) -> Node:
        prop = self.graph.value(node, OWL.onProperty)
        filler = self.graph.value(node, OWL.someValuesFrom)
        value = self.graph.value(node, OWL.hasValue)
        for link in entity.links.values():
            if link.iri == prop and filler is not None:
                return self._expression(filler, self.schema.entities[link.target], where)
        for feature in entity.features.values():
            if feature.iri == prop:
                if (node, feature.iri) not in self._atoms:
                    self._atoms[node, feature.iri] = self._atom(feature, filler, value, where)
                return self._atoms[node, feature.iri]
        raise CompileError(
            str(where),
            f"restricts {local_name(str(prop))}, no feature or link of {entity.name}, or not by some/value",
        )

    def _atom(self, feature: Feature, filler: Term | None, value: Term | None, where: URIRef) -> Atom:
        if feature.kind is Kind.BOOLEAN and isinstance(value, Literal) and isinstance(value.value, bool):
            return Atom(str(feature.iri), truth(value.value))
        if feature.kind is Kind.CODE and filler is not None:
            return Atom(str(feature.iri), self._leaves(filler, feature, where))
        if feature.kind is Kind.QUANTITY and filler is not None:
            return Atom(str(feature.iri), self._interval(filler, feature, where))
        raise CompileError(str(where), f"restricts {feature.name} in a way its values do not allow")

    def _leaves(self, filler: Term, feature: Feature, where: URIRef) -> frozenset[str]:
        domain = self.schema.domain(feature)
        if isinstance(filler, URIRef):
            leaves = self.schema.leaves(filler) if filler in self.schema.partition_classes else frozenset()
        elif (members := self.graph.value(filler, OWL.unionOf)) is not None:
            leaves = frozenset().union(
                *(self._leaves(m, feature, where) for m in Collection(self.graph, members))
            )
        else:
            leaves = frozenset()
        if not leaves or not isinstance(domain, frozenset) or not leaves <= domain:
            raise CompileError(
                str(where), f"restricts {feature.name} to something that is no value of its partition"
            )
        return leaves

    def _interval(self, filler: Term, feature: Feature, where: URIRef) -> Interval:
        datatype = self.graph.value(filler, OWL.someValuesFrom)
        on_value = self.graph.value(filler, OWL.onProperty) == QTY.value
        facets = self.graph.value(datatype, OWL.withRestrictions) if datatype is not None else None
        if not on_value or facets is None or self.graph.value(datatype, OWL.onDatatype) != XSD.decimal:
            raise CompileError(
                str(where),
                f"restricts {feature.name} by something else than facets of xsd:decimal on qty:value",
            )
        interval = Interval()
        for facet in Collection(self.graph, facets):
            for predicate, number in self.graph.predicate_objects(facet):
                interval &= self._bound(URIRef(str(predicate)), number, where)
        return interval

    def _bound(self, facet: URIRef, number: Term, where: URIRef) -> Interval:
        if facet not in _FACETS or not isinstance(number, Literal) or number.datatype != XSD.decimal:
            raise CompileError(
                str(where), f"uses the facet {local_name(facet)} or a number that is no xsd:decimal"
            )
        side, is_open = _FACETS[facet]
        if side == "low":
            return Interval(low=Fraction(str(number)), low_open=is_open)
        return Interval(high=Fraction(str(number)), high_open=is_open)


def check_fragment(graph: Graph, schema: RecordSchema) -> None:
    """Refuse a graph that says, by an axiom, more than the plan takes into account.

    Raises
    ------
    CompileError
        Names the first axiom outside the fragment.
    """
    for predicate in sorted(_REFUSED):
        for subject in graph.subjects(predicate, None):
            raise CompileError(str(subject), f"uses {local_name(predicate)}")
    for prop, kind in graph.subject_objects(RDF.type):
        if str(kind).startswith(str(OWL)) and str(kind).endswith("Property") and kind not in _PROPERTY_TYPES:
            raise CompileError(str(prop), f"is an {local_name(str(kind))}")
    for cls, parent in graph.subject_objects(RDFS.subClassOf):
        _check_parent(graph, schema, cls, parent)


def _check_parent(graph: Graph, schema: RecordSchema, cls: Term, parent: Term) -> None:
    """Allow parents that follow from definitions or partitions, and totality of features and links."""
    if cls in schema.entities:
        _check_total(graph, schema.entities[URIRef(str(cls))], parent)
    elif (cls, OWL.equivalentClass, None) in graph:
        if parent not in schema.entities:
            raise CompileError(
                str(cls), "is defined and has a further superclass that is no entity of the record"
            )
    elif cls in schema.partition_classes:
        if cls not in schema.children(URIRef(str(parent))):
            raise CompileError(str(cls), f"is under {local_name(str(parent))} but not in its disjoint union")
    elif not isinstance(parent, URIRef) and parent not in graph.objects(QTY.Quantity, RDFS.subClassOf):
        raise CompileError(str(cls), "has an anonymous superclass")


def _check_total(graph: Graph, entity: Entity, parent: Term) -> None:
    """Allow only "has some value": that a feature or link of the entity has one, in its range."""
    prop = graph.value(parent, OWL.onProperty)
    own = {f.iri for f in entity.features.values()} | {link.iri for link in entity.links.values()}
    if prop not in own or graph.value(parent, OWL.someValuesFrom) != graph.value(prop, RDFS.range):
        raise CompileError(str(entity.iri), "has a superclass that says more than that a feature has a value")
