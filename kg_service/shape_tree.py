"""Compiled shapes: a neutral tree of paths, constraints and targets, that any engine can run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rdflib import URIRef
from rdflib.term import Node

from kg_service.rdf_terms import RdfTerm


@dataclass(frozen=True)
class Step:
    """A predicate, followed from subject to object or, inverse, from object to subject."""

    predicate: str
    inverse: bool = False

    def __str__(self) -> str:
        return f"{'^' if self.inverse else ''}<{self.predicate}>"


@dataclass(frozen=True)
class Sequence:
    """One path after another."""

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return "/".join(map(_grouped, self.paths))


@dataclass(frozen=True)
class Alternative:
    """Any of some paths."""

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return "|".join(map(_grouped, self.paths))


@dataclass(frozen=True)
class Repeated:
    """A path taken ``*``, ``+`` or ``?`` times."""

    path: Path
    times: str

    def __str__(self) -> str:
        return f"({self.path}){self.times}"


Path = Step | Sequence | Alternative | Repeated


def _grouped(path: Path) -> str:
    return f"({path})" if isinstance(path, Sequence | Alternative) else str(path)


@dataclass(frozen=True)
class Target:
    """Where focus nodes come from.

    Attributes
    ----------
    kind : str
        ``node``, ``class``, ``subjectsOf`` or ``objectsOf``.
    term : RdfTerm
        The node, class or property.
    """

    kind: str
    term: RdfTerm


@dataclass(frozen=True)
class Constraint:
    """What a shape asks for; `component` is the local name that a report gives it."""

    component: str


@dataclass(frozen=True)
class Count(Constraint):
    """At least (``>=``) or at most (``<=``) so many values."""

    comparison: str
    number: int


@dataclass(frozen=True)
class OfDatatype(Constraint):
    """Values are well-typed literals of a datatype."""

    datatype: str


@dataclass(frozen=True)
class OfClass(Constraint):
    """Values are instances of a class."""

    cls: RdfTerm


@dataclass(frozen=True)
class OfKind(Constraint):
    """Values are of some kinds of terms."""

    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Bound(Constraint):
    """Values compare with a constant; one that cannot be compared does not."""

    comparison: str
    family: str | None
    order: str | None


@dataclass(frozen=True)
class Length(Constraint):
    """Lexical forms have at least or at most so many characters."""

    comparison: str
    number: int


@dataclass(frozen=True)
class Pattern(Constraint):
    """Lexical forms match a regular expression, in the syntax of RE2."""

    regex: str


@dataclass(frozen=True)
class LanguageIn(Constraint):
    """Values have a language tag in one of some ranges."""

    ranges: tuple[str, ...]


@dataclass(frozen=True)
class UniqueLanguage(Constraint):
    """No two values have the same language tag."""


@dataclass(frozen=True)
class OneOf(Constraint):
    """Values are among some terms."""

    terms: tuple[RdfTerm, ...]


@dataclass(frozen=True)
class HasValue(Constraint):
    """One value is this term."""

    term: RdfTerm


@dataclass(frozen=True)
class Compared(Constraint):
    """Values against those of another property of the focus node.

    Attributes
    ----------
    relation : str
        ``equals``, ``disjoint``, ``<``, ``<=``; or ``notEarlier``, which compares lexical forms of
        dates as far as both are known.
    """

    relation: str
    predicate: RdfTerm


@dataclass(frozen=True)
class Closed(Constraint):
    """Value nodes have no other properties than these."""

    predicates: tuple[RdfTerm, ...]


@dataclass(frozen=True)
class Logical(Constraint):
    """Values conform to ``all``, ``any``, ``none`` or exactly ``one`` of some shapes."""

    quantity: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Qualified(Constraint):
    """At least or at most so many values conform to a shape, and to none of its siblings."""

    comparison: str
    number: int
    shape: Shape
    siblings: tuple[Shape, ...]


@dataclass(frozen=True)
class Shape:
    """One shape.

    Attributes
    ----------
    node : rdflib Node
        Its name in the shapes graph.
    path : Path or None
        The path of a property shape.
    constraints : tuple of Constraint
        In an order that does not depend on the names of blank nodes.
    properties : tuple of Shape
        Property shapes that its value nodes are held to, each reporting for itself.
    severity : str
        IRI.
    messages : mapping of str to str
        By language; empty key for none.
    deactivated : bool
        Whether everything conforms to it.
    """

    node: Node = field(repr=False, compare=False)
    path: Path | None
    constraints: tuple[Constraint, ...]
    properties: tuple[Shape, ...]
    severity: str
    messages: Mapping[str, str] = field(hash=False)
    deactivated: bool


@dataclass(frozen=True)
class ShapePlan:
    """The shapes that have targets, with everything they lead to.

    Attributes
    ----------
    roots : tuple of (Shape, tuple of Target)
        In a stable order.
    names : mapping of rdflib Node to str
        A stable name of each shape: its IRI, or its place below one.
    """

    roots: tuple[tuple[Shape, tuple[Target, ...]], ...]
    names: Mapping[Node, str]
    shapes: Mapping[str, Shape]

    def terms(self) -> Iterator[RdfTerm]:
        """Yield the focus nodes that the shapes name."""
        for _, targets in self.roots:
            yield from (target.term for target in targets if target.kind == "node")


def children(shape: Shape) -> Iterator[Shape]:
    """Yield the shapes that a shape refers to, directly, in a stable order."""
    yield from shape.properties
    for constraint in shape.constraints:
        if isinstance(constraint, Logical):
            yield from constraint.shapes
        elif isinstance(constraint, Qualified):
            yield constraint.shape


def is_named(shape: Shape) -> bool:
    """Return whether a shape has an IRI."""
    return isinstance(shape.node, URIRef)
