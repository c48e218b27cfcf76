"""Compiles SHACL Core shapes to a neutral tree; what lies outside the fragment stops it, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import SH
from rdflib.term import Node

from kg_service import shape_tree as tree
from kg_service.errors import ShapeError
from kg_service.namespaces import RDF, RDFS, SHAPES, XSD, local_name
from kg_service.rdf_terms import BLANK, IRI, LITERAL, RdfTerm, iri_term, term_of
from kg_service.shape_paths import read_list, read_path
from kg_service.shape_patterns import re2_pattern
from kg_service.xsd_values import typed_value

NOT_EARLIER = SHAPES.notEarlierThan
"""Parameter of the one constraint component that shapes/record.ttl declares beyond SHACL Core."""

_NS = str(SH)
_TARGETS = {
    SH.targetNode: "node",
    SH.targetClass: "class",
    SH.targetSubjectsOf: "subjectsOf",
    SH.targetObjectsOf: "objectsOf",
}
_SILENT = {SH.name, SH.description, SH.order, SH.group, SH.defaultValue}
"""What SHACL Core lets a shape say without constraining anything."""
_READ_WITH = {SH.flags: SH.pattern, SH.ignoredProperties: SH.closed} | dict.fromkeys(
    (SH.qualifiedMinCount, SH.qualifiedMaxCount, SH.qualifiedValueShapesDisjoint), SH.qualifiedValueShape
)
_OWN = {SH.path, SH.property, SH.severity, SH.message, SH.deactivated}
_KINDS: dict[Node, tuple[str, ...]] = {
    SH.IRI: (IRI,),
    SH.BlankNode: (BLANK,),
    SH.Literal: (LITERAL,),
    SH.BlankNodeOrIRI: (BLANK, IRI),
    SH.BlankNodeOrLiteral: (BLANK, LITERAL),
    SH.IRIOrLiteral: (IRI, LITERAL),
}
_TRUTH = {"true": True, "false": False}
"""Truth values as SHACL writes them; it does not say what "1" and "0" mean to a shape."""
_BOUNDS = {
    SH.minInclusive: ">=",
    SH.minExclusive: ">",
    SH.maxInclusive: "<=",
    SH.maxExclusive: "<",
}
_COUNTS = {SH.minCount: ">=", SH.maxCount: "<="}
_LENGTHS = {SH.minLength: ">=", SH.maxLength: "<="}
_COMPARED = {
    SH.equals: "equals",
    SH.disjoint: "disjoint",
    SH.lessThan: "<",
    SH.lessThanOrEquals: "<=",
    NOT_EARLIER: "notEarlier",
}
_LOGICAL = {SH["and"]: "all", SH["or"]: "any", SH.xone: "one"}
_NEED_PATH = {SH.uniqueLang, SH.lessThan, SH.lessThanOrEquals, SH.qualifiedValueShape, *_COUNTS, NOT_EARLIER}
_ONCE = {SH.path, SH.datatype, SH.nodeKind, SH["in"], SH.languageIn, SH.uniqueLang, SH.closed, SH.severity}
_ONCE |= {SH.deactivated, SH.qualifiedMinCount, SH.qualifiedMaxCount, SH.flags, *_COUNTS, *_LENGTHS, *_BOUNDS}


def compile_shapes(graph: Graph) -> tree.ShapePlan:
    """Return the shapes of a graph that have targets, compiled.

    Parameters
    ----------
    graph : rdflib.Graph
        A shapes graph, with everything it imports.

    Raises
    ------
    ShapeError
        When a shape that is reached from a target lies outside the fragment, or is ill-formed.
    """
    return _Compiler(graph).plan()


class _Compiler:
    """Compiles one shapes graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.done: dict[Node, tree.Shape] = {}
        self.open: list[Node] = []
        self.declared = {
            path for p in graph.objects(None, SH.parameter) for path in graph.objects(p, SH.path)
        }
        self.makers = self._makers()

    def plan(self) -> tree.ShapePlan:
        for _, regime in self.graph.subject_objects(SH.entailment):
            raise ShapeError("the shapes graph", f"sh:entailment {regime} is not supported")
        targets: dict[Node, set[tree.Target]] = {}
        for prop, kind in _TARGETS.items():
            for node, value in self.graph.subject_objects(prop):
                targets.setdefault(node, set()).add(tree.Target(kind, term_of(value)))
        for node in self._classes():
            targets.setdefault(node, set()).add(tree.Target("class", term_of(node)))
        found = [(self.shape(node), tuple(sorted(ts, key=repr))) for node, ts in targets.items()]
        live = [(shape, ts) for shape, ts in found if not shape.deactivated]
        roots = tuple(sorted(live, key=_root_order))
        names = _names([shape for shape, _ in roots])
        return tree.ShapePlan(roots, names, {names[node]: self.done[node] for node in names})

    def _classes(self) -> list[Node]:
        """Return the shapes that are classes, and so are targets of themselves."""
        kinds = set(self.graph.transitive_subjects(RDFS.subClassOf, RDFS.Class))
        return [
            node
            for shape_kind in (SH.NodeShape, SH.PropertyShape)
            for node in self.graph.subjects(RDF.type, shape_kind)
            if isinstance(node, URIRef) and kinds & set(self.graph.objects(node, RDF.type))
        ]

    def shape(self, node: Node) -> tree.Shape:
        """Return a shape, compiled once."""
        if node in self.open:
            raise ShapeError(self._name(node), "it refers to itself; recursive shapes are not supported")
        if node not in self.done:
            self.open.append(node)
            self.done[node] = self._compiled(node)
            self.open.pop()
        return self.done[node]

    def _compiled(self, node: Node) -> tree.Shape:
        if isinstance(node, Literal):
            raise ShapeError(self._name(node), "a literal is no shape")
        deactivated = self._flag(node, SH.deactivated)
        self._check(node)
        path = self.graph.value(node, SH.path)
        made: list[tree.Constraint] = []
        for prop, value in self.graph.predicate_objects(node):
            if prop in self.makers and not deactivated:
                made += self.makers[prop](node, value)
        properties = [] if deactivated else [self._property(p) for p in self.graph.objects(node, SH.property)]
        severity = self.graph.value(node, SH.severity) or SH.Violation
        messages = {m.language or "": str(m) for m in self._literals(node, SH.message)}
        return tree.Shape(
            node,
            None if path is None else read_path(self.graph, path, self._name(node)),
            tuple(sorted(made, key=repr)),
            tuple(sorted(properties, key=repr)),
            str(severity),
            dict(sorted(messages.items())),
            deactivated,
        )

    def _property(self, node: Node) -> tree.Shape:
        if (node, SH.path, None) not in self.graph:
            raise ShapeError(self._name(node), "it stands under sh:property and has no sh:path")
        return self.shape(node)

    def _check(self, node: Node) -> None:
        """Stop at the first thing that would otherwise be left out."""
        known = {*self.makers, *_TARGETS, *_SILENT, *_READ_WITH, *_OWN}
        for prop in sorted(set(self.graph.predicates(node)), key=str):
            ours = str(prop).startswith(_NS) or prop in self.declared
            if ours and prop not in known:
                raise ShapeError(self._name(node), f"{self._short(prop)} is not supported")
            if prop in _NEED_PATH and (node, SH.path, None) not in self.graph:
                raise ShapeError(self._name(node), f"{self._short(prop)} needs a property shape")
            if prop in _ONCE and len(set(self.graph.objects(node, prop))) > 1:
                raise ShapeError(self._name(node), f"{self._short(prop)} is given twice")

    # One function for each kind of constraint.

    def _makers(self) -> dict[Node, Callable[[Node, Node], Iterable[tree.Constraint]]]:
        makers: dict[Node, Callable[[Node, Node], Iterable[tree.Constraint]]] = {
            SH.datatype: lambda s, v: [tree.OfDatatype(_component(SH.datatype), self._iri(s, v))],
            SH["class"]: lambda s, v: [tree.OfClass(_component(SH["class"]), iri_term(self._iri(s, v)))],
            SH.nodeKind: self._kind,
            SH.pattern: self._pattern,
            SH.languageIn: self._languages,
            SH.uniqueLang: self._unique,
            SH["in"]: lambda s, v: [tree.OneOf(_component(SH["in"]), self._members(s, v))],
            SH.hasValue: lambda _s, v: [tree.HasValue(_component(SH.hasValue), term_of(v))],
            SH.closed: self._closed,
            SH["not"]: lambda _s, v: [tree.Logical(_component(SH["not"]), "none", (self.shape(v),))],
            SH.node: lambda _s, v: [tree.Logical(_component(SH.node), "all", (self.shape(v),))],
            SH.qualifiedValueShape: self._qualified,
        }
        for prop in _COUNTS:
            makers[prop] = self._numbered(tree.Count, prop, _COUNTS[prop])
        for prop in _LENGTHS:
            makers[prop] = self._numbered(tree.Length, prop, _LENGTHS[prop])
        for prop in _BOUNDS:
            makers[prop] = self._bound(prop)
        for prop in _COMPARED:
            makers[prop] = self._compared(prop)
        for prop in _LOGICAL:
            makers[prop] = self._logical(prop)
        return makers

    def _numbered(
        self, kind: type[tree.Count] | type[tree.Length], prop: URIRef, comparison: str
    ) -> Callable[[Node, Node], Iterable[tree.Constraint]]:
        return lambda s, v: [kind(_component(prop), comparison, self._integer(s, v))]

    def _bound(self, prop: URIRef) -> Callable[[Node, Node], Iterable[tree.Constraint]]:
        def make(shape: Node, value: Node) -> Iterable[tree.Constraint]:
            if not isinstance(value, Literal):
                raise ShapeError(self._name(shape), f"{self._short(prop)} is {value}; expected a literal")
            term = term_of(value)
            typed = typed_value(term.lexical, term.datatype)
            if typed.order is None:
                raise ShapeError(self._name(shape), f"{term.text} has no order; nothing compares with it")
            yield tree.Bound(_component(prop), _BOUNDS[prop], typed.family, typed.order)

        return make

    def _compared(self, prop: URIRef) -> Callable[[Node, Node], Iterable[tree.Constraint]]:
        def make(shape: Node, value: Node) -> Iterable[tree.Constraint]:
            yield tree.Compared(_component(prop), _COMPARED[prop], iri_term(self._iri(shape, value)))

        return make

    def _logical(self, prop: URIRef) -> Callable[[Node, Node], Iterable[tree.Constraint]]:
        def make(shape: Node, value: Node) -> Iterable[tree.Constraint]:
            members = read_list(self.graph, value, self._name(shape))
            shapes = tuple(self.shape(member) for member in members)
            yield tree.Logical(_component(prop), _LOGICAL[prop], shapes)

        return make

    def _kind(self, shape: Node, value: Node) -> Iterable[tree.Constraint]:
        if value not in _KINDS:
            raise ShapeError(self._name(shape), f"{value} is no node kind")
        yield tree.OfKind(_component(SH.nodeKind), _KINDS[value])

    def _pattern(self, shape: Node, value: Node) -> Iterable[tree.Constraint]:
        flags = str(self.graph.value(shape, SH.flags) or "")
        try:
            yield tree.Pattern(_component(SH.pattern), re2_pattern(str(value), flags))
        except ValueError as error:
            raise ShapeError(self._name(shape), f"sh:pattern uses {error}, which is not supported") from error

    def _languages(self, shape: Node, value: Node) -> Iterable[tree.Constraint]:
        members = read_list(self.graph, value, self._name(shape))
        yield tree.LanguageIn(_component(SH.languageIn), tuple(str(m).lower() for m in members))

    def _unique(self, shape: Node, value: Node) -> Iterable[tree.Constraint]:
        # The W3C suite has it that "1", though true, asks for nothing here.
        if value == Literal("1", datatype=XSD.boolean, normalize=False):
            return
        if self._flag(shape, SH.uniqueLang):
            yield tree.UniqueLanguage(_component(SH.uniqueLang))

    def _closed(self, shape: Node, _value: Node) -> Iterable[tree.Constraint]:
        if not self._flag(shape, SH.closed):
            return
        parts = [
            path for p in self.graph.objects(shape, SH.property) for path in self.graph.objects(p, SH.path)
        ]
        allowed = {term_of(path) for path in parts if isinstance(path, URIRef)}
        for ignored in self.graph.objects(shape, SH.ignoredProperties):
            allowed |= set(self._members(shape, ignored))
        yield tree.Closed(_component(SH.closed), tuple(sorted(allowed)))

    def _qualified(self, shape: Node, value: Node) -> Iterable[tree.Constraint]:
        siblings: tuple[tree.Shape, ...] = ()
        if self._flag(shape, SH.qualifiedValueShapesDisjoint):
            beside = {
                other
                for parent in self.graph.subjects(SH.property, shape)
                for prop in self.graph.objects(parent, SH.property)
                for other in self.graph.objects(prop, SH.qualifiedValueShape)
            }
            own = set(self.graph.objects(shape, SH.qualifiedValueShape))
            siblings = tuple(sorted((self.shape(other) for other in beside - own), key=repr))
        for prop, comparison in ((SH.qualifiedMinCount, ">="), (SH.qualifiedMaxCount, "<=")):
            for number in self.graph.objects(shape, prop):
                yield tree.Qualified(
                    _component(prop), comparison, self._integer(shape, number), self.shape(value), siblings
                )

    # Values

    def _flag(self, shape: Node, prop: URIRef) -> bool:
        value = self.graph.value(shape, prop)
        if value is None:
            return False
        if not isinstance(value, Literal) or value.datatype != XSD.boolean or str(value) not in _TRUTH:
            raise ShapeError(self._name(shape), f"{self._short(prop)} is {value}; expected true or false")
        return _TRUTH[str(value)]

    def _integer(self, shape: Node, value: Node) -> int:
        if not isinstance(value, Literal) or value.datatype != XSD.integer or not str(value).isdecimal():
            raise ShapeError(self._name(shape), f"{value} is no whole number of type xsd:integer")
        return int(str(value))

    def _iri(self, shape: Node, value: Node) -> str:
        if not isinstance(value, URIRef):
            raise ShapeError(self._name(shape), f"{value} stands where an IRI is expected")
        return str(value)

    def _members(self, shape: Node, value: Node) -> tuple[RdfTerm, ...]:
        return tuple(term_of(member) for member in read_list(self.graph, value, self._name(shape)))

    def _literals(self, node: Node, prop: URIRef) -> list[Literal]:
        return [value for value in self.graph.objects(node, prop) if isinstance(value, Literal)]

    def _name(self, node: Node) -> str:
        """Return the IRI of a shape, or of the nearest one above it."""
        seen: set[Node] = set()
        while not isinstance(node, URIRef):
            seen.add(node)
            above = next((s for s in self.graph.subjects(None, node) if s not in seen), None)
            if above is None or isinstance(node, Literal):
                return f"the shape {node}"
            node = above
        return str(node)

    def _short(self, prop: Node) -> str:
        return f"sh:{str(prop).removeprefix(_NS)}" if str(prop).startswith(_NS) else f"<{prop}>"


def _component(prop: URIRef) -> str:
    """Return the IRI of the constraint component that a parameter belongs to."""
    name = local_name(prop)
    space = str(prop).removesuffix(name)
    return f"{space}{name[0].upper()}{name[1:]}ConstraintComponent"


def _root_order(root: tuple[tree.Shape, tuple[tree.Target, ...]]) -> tuple[str, str]:
    shape, targets = root
    return (str(shape.node) if tree.is_named(shape) else "", repr((targets, shape)))


def _names(roots: Iterable[tree.Shape]) -> dict[Node, str]:
    """Return a name for each shape that does not depend on the names of blank nodes."""
    names: dict[Node, str] = {}
    taken: set[str] = set()

    def name(shape: tree.Shape, place: str) -> None:
        if shape.node in names:
            return
        wanted = str(shape.node) if tree.is_named(shape) else place
        number = 2
        chosen = wanted
        while chosen in taken:
            chosen, number = f"{wanted} ({number})", number + 1
        names[shape.node] = chosen
        taken.add(chosen)
        for child in tree.children(shape):
            step = _readable(child.path) if child.path else "shape"
            name(child, f"{chosen} {step}")

    for root in roots:
        name(root, "shape")
    return names


def _readable(path: tree.Path) -> str:
    if isinstance(path, tree.Step):
        return f"{'^' if path.inverse else ''}{local_name(path.predicate)}"
    if isinstance(path, tree.Repeated):
        return f"({_readable(path.path)}){path.times}"
    sign = "/" if isinstance(path, tree.Sequence) else "|"
    return f"({sign.join(map(_readable, path.paths))})"
