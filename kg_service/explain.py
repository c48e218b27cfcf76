"""Why a conclusion holds, fails or stays open: proofs from the exact plan.

* *true* or *false*: a set of facts that entails it, from which no fact can be dropped;
* *false*: the smallest change of facts that would make it true;
* *open*: the smallest sets of missing facts that would settle it whatever they turn out to be,
  and what each single answer would settle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product

from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or, Plan, atoms
from kg_service.values import Interval, Knowledge

LARGEST_CHANGE = 3
"""Changes and questions of more facts than this are not searched for; the answer says so."""


@dataclass(frozen=True)
class Change:
    """One feature and the values it would have to take."""

    feature: str
    values: tuple[Knowledge, ...]


@dataclass(frozen=True)
class Answer:
    """What a conclusion becomes when a missing feature turns out to have one of some values."""

    feature: str
    values: tuple[Knowledge, ...]
    becomes: bool | None


@dataclass(frozen=True)
class State:
    """One node of a criterion with its value in a case, for showing.

    Attributes
    ----------
    operator : str
        ``and``, ``or``, ``not``, ``atom`` or ``constant``.
    criterion : str or None
        IRI of the criterion that the node defines.
    value : bool or None
        Its exact value in the case.
    atom : Atom or None
        The test, for an atom.
    """

    operator: str
    value: bool | None
    criterion: str | None = None
    atom: Atom | None = None
    children: tuple[State, ...] = ()


def justification(plan: Plan, tree: Node, known: Mapping[str, Knowledge]) -> tuple[bool | None, list[str]]:
    """Return the value of a tree, and features whose facts entail it, none of them superfluous.

    Parameters
    ----------
    plan : Plan
        The plan that the tree belongs to.
    tree : Node
        The conclusion.
    known : mapping of str to Knowledge
        What is known of the case.

    Returns
    -------
    value : bool or None
        None when the facts entail neither; the list is then empty.
    features : list of str
        Sorted IRIs of the features whose facts are needed.
    """
    possible = plan.possible({f: known[f] for f in sorted(plan.features_of(tree)) if f in known})
    value = plan.decide(tree, possible)
    if value is None:
        return None, []
    for feature in list(possible):
        without = {f: cells for f, cells in possible.items() if f != feature}
        if plan.decide(tree, without) is value:
            possible = without
    return value, sorted(possible)


def missing(plan: Plan, tree: Node, possible: Mapping[str, int]) -> set[str]:
    """Return the features that leave an open tree open: those of open tests in its open parts."""
    return {atom.feature for atom in _open_atoms(plan, tree, possible)}


def settling_alone(plan: Plan, tree: Node, possible: Mapping[str, int], feature: str) -> list[Answer]:
    """Return what each kind of value of one feature would make of an open tree."""
    return [
        Answer(
            feature, tuple(plan.cells[feature].values(cells)), plan.decide(tree, {**possible, feature: cells})
        )
        for cells in _parts(plan, tree, possible, feature)
    ]


def can_settle(plan: Plan, tree: Node, possible: Mapping[str, int], feature: str) -> bool:
    """Return whether some value of one feature would alone settle an open tree."""
    parts = _parts(plan, tree, possible, feature)
    return any(plan.decide(tree, {**possible, feature: cells}) is not None for cells in parts)


def settling_sets(plan: Plan, tree: Node, possible: Mapping[str, int]) -> list[tuple[str, ...]]:
    """Return the smallest sets of missing features that settle an open tree whatever their values.

    Returns
    -------
    list of tuple of str
        All sets of the smallest size that does; empty when that is more than `LARGEST_CHANGE`.
    """
    candidates = sorted(missing(plan, tree, possible))
    for size in range(1, min(LARGEST_CHANGE, len(candidates)) + 1):
        found = [
            chosen
            for chosen in combinations(candidates, size)
            if _always_settles(plan, tree, possible, chosen)
        ]
        if found:
            return found
    return []


def nearest_change(plan: Plan, tree: Node, possible: Mapping[str, int]) -> tuple[Change, ...]:
    """Return the fewest facts to change or supply so that a tree becomes true.

    Returns
    -------
    tuple of Change
        Empty when the tree is true already, or when more than `LARGEST_CHANGE` would be needed.
    """
    candidates = sorted(plan.features_of(tree))
    if plan.decide(tree, possible) is True:
        return ()
    for size in range(1, min(LARGEST_CHANGE, len(candidates)) + 1):
        for chosen in combinations(candidates, size):
            for cells in product(*(_parts(plan, tree, {}, feature) for feature in chosen)):
                changed = {**possible, **dict(zip(chosen, cells, strict=True))}
                if plan.decide(tree, changed) is True:
                    return tuple(
                        Change(feature, tuple(plan.cells[feature].values(c)))
                        for feature, c in zip(chosen, cells, strict=True)
                    )
    return ()


def states(plan: Plan, tree: Node, possible: Mapping[str, int], criterion: str | None = None) -> State:
    """Return a tree with the exact value of each of its nodes in a case."""
    value = plan.decide(tree, possible)
    match tree:
        case Named(iri, child):
            return states(plan, child, possible, iri)
        case Atom():
            return State("atom", value, criterion, tree)
        case Not(child):
            return State("not", value, criterion, children=(states(plan, child, possible),))
        case And(children) | Or(children):
            operator = "and" if isinstance(tree, And) else "or"
            return State(
                operator, value, criterion, children=tuple(states(plan, c, possible) for c in children)
            )
        case Constant():
            return State("constant", value, criterion)


def merged(values: tuple[Knowledge, ...]) -> list[Knowledge]:
    """Return neighbouring intervals, or sets of names, joined into as few as possible."""
    names = [v for v in values if isinstance(v, frozenset)]
    if names:
        return [frozenset().union(*names)]
    joined: list[Interval] = []
    for interval in (v for v in values if isinstance(v, Interval)):
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.high is not None
            and last.high == interval.low
            and not (last.high_open and interval.low_open)
        ):
            joined[-1] = Interval(last.low, interval.high, last.low_open, interval.high_open)
        else:
            joined.append(interval)
    return list(joined)


def _open_atoms(plan: Plan, node: Node, possible: Mapping[str, int]) -> Iterator[Atom]:
    if plan.decide(node, possible) is not None:
        return
    match node:
        case Atom():
            yield node
        case Not(child) | Named(_, child):
            yield from _open_atoms(plan, child, possible)
        case And(children) | Or(children):
            for child in children:
                yield from _open_atoms(plan, child, possible)


def _parts(plan: Plan, tree: Node, possible: Mapping[str, int], feature: str) -> list[int]:
    """Return the still possible cells of a feature, grouped as the tree tells them apart."""
    full = plan.cells[feature].full
    masks = [plan.mask(atom) for atom in atoms(tree) if atom.feature == feature]
    groups: dict[tuple[int, ...], int] = {}
    for i in range(full.bit_length()):
        if possible.get(feature, full) >> i & 1:
            signature = tuple(mask >> i & 1 for mask in masks)
            groups[signature] = groups.get(signature, 0) | 1 << i
    return list(groups.values())


def _always_settles(plan: Plan, tree: Node, possible: Mapping[str, int], chosen: tuple[str, ...]) -> bool:
    return all(
        plan.decide(tree, {**possible, **dict(zip(chosen, cells, strict=True))}) is not None
        for cells in product(*(_parts(plan, tree, possible, feature) for feature in chosen))
    )
