"""The plan: criteria as small expression trees over features, decided exactly.

A node is a constant, an atom (a feature whose value lies in a set), a negation, a conjunction,
a disjunction, or a named criterion around one of these. A case gives, per feature, the values
still possible. A node is *true* when every completion of what is unknown makes it so, *false*
when every completion makes it false, and *open* otherwise.

Kleene's tables are exact as long as no feature stands in two atoms of a tree. Where one does,
the plan splits on that feature: the same answer on every part is the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kg_service.values import Interval, Knowledge, exactly


@dataclass(frozen=True)
class Constant:
    """A node that is always true or always false."""

    value: bool


@dataclass(frozen=True)
class Atom:
    """The value of a feature lies in a set.

    Attributes
    ----------
    feature : str
        IRI of the feature.
    values : Knowledge
        The interval, in the canonical unit, or the leaves or truth values.
    """

    feature: str
    values: Knowledge


@dataclass(frozen=True)
class Not:
    """The opposite of a node."""

    child: Node


@dataclass(frozen=True)
class And:
    """All of some nodes."""

    children: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """At least one of some nodes."""

    children: tuple[Node, ...]


@dataclass(frozen=True)
class Named:
    """A node that carries the IRI of the criterion it defines."""

    iri: str
    child: Node


Node = Constant | Atom | Not | And | Or | Named
Possible = Mapping[str, int]
"""Per feature IRI, the cells still possible, one bit each. A missing key is every cell."""
Decider = Callable[[Possible], bool | None]
"""Decides one node in a case."""


def atoms(node: Node) -> Iterator[Atom]:
    """Yield the atoms of a tree, left to right, repeats included."""
    match node:
        case Atom():
            yield node
        case Not(child) | Named(_, child):
            yield from atoms(child)
        case And(children) | Or(children):
            for child in children:
                yield from atoms(child)


def criteria_in(node: Node) -> Iterator[str]:
    """Yield the IRIs of the criteria that a tree names, at every depth, repeats included."""
    match node:
        case Named(iri, child):
            yield iri
            yield from criteria_in(child)
        case Not(child):
            yield from criteria_in(child)
        case And(children) | Or(children):
            for child in children:
                yield from criteria_in(child)


class Cells:
    """The values of one feature, cut into the cells that no atom of a plan tells apart further.

    Parameters
    ----------
    domain : Knowledge
        Every value the feature can have.
    tested : iterable of Knowledge
        The sets that atoms test.
    """

    def __init__(self, domain: Knowledge, tested: Iterable[Knowledge]) -> None:
        tested = list(tested)
        self.parts: list[Knowledge]
        if isinstance(domain, Interval):
            self.parts = list(_cut(t for t in tested if isinstance(t, Interval)))
        else:
            self.parts = [frozenset({name}) for name in sorted(domain)]
        self.full = (1 << len(self.parts)) - 1

    def mask(self, known: Knowledge) -> int:
        """Return the cells that share a value with what is known."""
        if isinstance(known, frozenset):
            return sum(
                1 << i for i, part in enumerate(self.parts) if isinstance(part, frozenset) and part & known
            )
        return sum(
            1 << i
            for i, part in enumerate(self.parts)
            if isinstance(part, Interval) and not (part & known).is_empty
        )

    def values(self, mask: int) -> list[Knowledge]:
        """Return the parts that a set of cells stands for."""
        return [part for i, part in enumerate(self.parts) if mask >> i & 1]


def _cut(tested: Iterable[Interval]) -> Iterator[Interval]:
    """Yield points and open intervals between all bounds, in order."""
    bounds = sorted({b for t in tested for b in (t.low, t.high) if b is not None})
    low = None
    for bound in bounds:
        yield Interval(low, bound, low_open=True, high_open=True)
        yield exactly(bound)
        low = bound
    yield Interval(low, None, low_open=low is not None)


@dataclass(frozen=True)
class Split:
    """A feature that stands in several atoms of a tree, and the cells these treat alike."""

    feature: str
    groups: tuple[int, ...]


class Plan:
    """Trees by name, over cells common to all of them.

    Parameters
    ----------
    trees : mapping of str to Node
        What can be decided, by name.
    domains : mapping of str to Knowledge
        Per feature IRI, every value it can have.
    """

    def __init__(self, trees: Mapping[str, Node], domains: Mapping[str, Knowledge]) -> None:
        self._build: Callable[[], Mapping[str, Node]] = lambda: trees
        tested: dict[str, list[Knowledge]] = {feature: [] for feature in domains}
        for tree in self.trees.values():
            for atom in atoms(tree):
                tested[atom.feature].append(atom.values)
        self.cells = {feature: Cells(domains[feature], sets) for feature, sets in tested.items()}
        # Keyed by identity: hashing an atom costs more than deciding it, and trees share their atoms.
        self._masks = {
            id(atom): self.cells[atom.feature].mask(atom.values)
            for tree in self.trees.values()
            for atom in atoms(tree)
        }
        self._prepared: dict[int, _Prepared] = {}
        self._shared = self._prepared

    def sharing(self, build: Callable[[], Mapping[str, Node]]) -> Plan:
        """Return a plan of other trees over the same cells.

        Parameters
        ----------
        build : callable
            Makes the trees when they are first asked for. Their atoms are atoms of this plan.
        """
        other = Plan.__new__(Plan)
        other._build, other.cells, other._masks = build, self.cells, self._masks
        other._prepared, other._shared = {}, self._shared
        return other

    @cached_property
    def trees(self) -> dict[str, Node]:
        """What can be decided, by name."""
        return dict(self._build())

    @cached_property
    def features(self) -> list[str]:
        """The features that at least one tree tests."""
        return sorted({atom.feature for tree in self.trees.values() for atom in atoms(tree)})

    def features_of(self, node: Node) -> tuple[str, ...]:
        """Return the features that a tree tests, sorted."""
        return self._of(node).features

    def possible(self, known: Mapping[str, Knowledge]) -> dict[str, int]:
        """Return the cells that what is known leaves possible, for the features known."""
        return {
            feature: self.cells[feature].mask(knowledge)
            for feature, knowledge in known.items()
            if feature in self.cells
        }

    def decide(self, node: Node, possible: Possible) -> bool | None:
        """Return True, False, or None when some completions say one and some the other."""
        answer = self.kleene(node, possible)
        if answer is not None:
            return answer
        return self._split(node, dict(possible), self.splits(node))

    def kleene(self, node: Node, possible: Possible) -> bool | None:
        """Return the value of a node by Kleene's tables: sound, and exact where no feature repeats."""
        return self._of(node).kleene(possible)

    def mask(self, atom: Atom) -> int:
        """Return the cells in which an atom of this plan holds."""
        return self._masks[id(atom)]

    def splits(self, node: Node) -> tuple[Split, ...]:
        """Return the features a node tests in several atoms."""
        return self._of(node).splits

    def _split(self, node: Node, possible: dict[str, int], splits: tuple[Split, ...]) -> bool | None:
        """Decide an open node on each part of its repeated features."""
        if not splits:
            return None
        first, *rest = splits
        cells = possible.get(first.feature, self.cells[first.feature].full)
        answers = set()
        for group in first.groups:
            if not cells & group:
                continue
            part = {**possible, first.feature: cells & group}
            answer = self.kleene(node, part)
            answers.add(answer if answer is not None else self._split(node, part, tuple(rest)))
            if len(answers) > 1 or None in answers:
                return None
        return answers.pop()

    def _of(self, node: Node) -> _Prepared:
        # The trees of criteria are shared by the plans of all readings; others belong to one plan.
        known = self._shared if isinstance(node, Named) else self._prepared
        found = known.get(id(node))
        if found is None:
            found = known[id(node)] = _Prepared(node, self._decider(node), self._masks, self.cells)
        return found

    def _decider(self, node: Node) -> Decider:
        """Return what decides a node by Kleene's tables."""
        match node:
            case Atom(feature, _):
                return _tested(feature, self._masks[id(node)], self.cells[feature].full)
            case And(children):
                return _conjunction([self._of(child).kleene for child in children], absorbing=False)
            case Or(children):
                return _conjunction([self._of(child).kleene for child in children], absorbing=True)
            case Not(child):
                return _negation(self._of(child).kleene)
            case Named(_, child):
                return self._of(child).kleene
            case Constant(value):
                return lambda _: value


class _Prepared:
    """One node of a plan, taken apart once for all cases.

    Parameters
    ----------
    node : Node
        The node; kept, so that nothing else takes its identity.
    kleene : callable
        Decides it by Kleene's tables.
    masks, cells
        Those of the plan.
    """

    def __init__(
        self, node: Node, kleene: Decider, masks: Mapping[int, int], cells: Mapping[str, Cells]
    ) -> None:
        self.node, self.kleene = node, kleene
        self._masks, self._cells = masks, cells

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The features it tests, sorted."""
        return tuple(sorted({atom.feature for atom in atoms(self.node)}))

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        """The features it tests in several atoms."""
        distinct = list(atoms(self.node))
        counts = Counter(atom.feature for atom in distinct)
        masks = {
            feature: [self._masks[id(atom)] for atom in distinct if atom.feature == feature]
            for feature, count in sorted(counts.items())
            if count > 1
        }
        return tuple(Split(feature, tuple(_alike(m, self._cells[feature]))) for feature, m in masks.items())


def _tested(feature: str, mask: int, full: int) -> Decider:
    """Return what decides an atom that holds in the cells of a mask."""
    outside = full & ~mask

    def decide(possible: Possible) -> bool | None:
        cells = possible.get(feature, full)
        if not cells & outside:
            return True
        return None if cells & mask else False

    return decide


def _negation(child: Decider) -> Decider:
    """Return what decides the opposite of a node."""

    def decide(possible: Possible) -> bool | None:
        answer = child(possible)
        return None if answer is None else not answer

    return decide


def _conjunction(children: list[Decider], *, absorbing: bool) -> Decider:
    """Return what decides the conjunction (`absorbing` False) or the disjunction (True) of some nodes."""

    def decide(possible: Possible) -> bool | None:
        answer: bool | None = not absorbing
        for child in children:
            found = child(possible)
            if found is absorbing:
                return absorbing
            if found is None:
                answer = None
        return answer

    return decide


def _alike(masks: list[int], cells: Cells) -> list[int]:
    """Group the cells of a feature that belong to the same of these masks."""
    groups: dict[tuple[int, ...], int] = {}
    for i in range(len(cells.parts)):
        signature = tuple(mask >> i & 1 for mask in masks)
        groups[signature] = groups.get(signature, 0) | 1 << i
    return list(groups.values())
