"""Reads OWL 2 class expressions and refuses what lies outside the supported fragment.

The fragment is documented in ``docs/fragment.md``. Its point is that what is known of a case is
then a product of independent possibilities, one a feature, so that a plan can decide it exactly.
"""

from __future__ import annotations

from fractions import Fraction

from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node as Term

from kg_service.errors import CompileError
from kg_service.namespaces import OWL, QTY, RDF, RDFS, XSD, local_name
from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or
from kg_service.schema import Entity, Feature, Kind, RecordSchema
from kg_service.values import Interval, truth

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

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology, with readings already applied.
    schema : RecordSchema
        Its record model.
    """

    def __init__(self, graph: Graph, schema: RecordSchema) -> None:
        self.graph = graph
        self.schema = schema
        self._read: dict[tuple[URIRef, URIRef], Node] = {}
        self._reading: list[URIRef] = []

    def criterion(self, cls: URIRef, entity: Entity) -> Node:
        """Return the plan node of a named class, as a condition on an entity.

        Raises
        ------
        CompileError
            When its definition is missing, circular, or outside the fragment.
        """
        if cls == entity.iri:
            return Constant(True)
        if (cls, entity.iri) not in self._read:
            if cls in self._reading:
                raise CompileError(str(cls), "is defined by itself")
            self._reading.append(cls)
            self._read[cls, entity.iri] = Named(
                str(cls), self._expression(self._definition(cls), entity, cls)
            )
            self._reading.pop()
        return self._read[cls, entity.iri]

    def _definition(self, cls: URIRef) -> Term:
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
                return self._atom(feature, filler, value, where)
        raise CompileError(
            str(where),
            f"restricts {local_name(str(prop))}, no feature or link of {entity.name}, or not by some/value",
        )

    def _atom(self, feature: Feature, filler: Term | None, value: Term | None, where: URIRef) -> Node:
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
