"""Why a conclusion holds, fails or stays open: proofs from the exact plan.

* *true* or *false*: every set of facts that entails it, from which no fact can be dropped, and the
  smallest change of facts that would make it the opposite;
* *open*: the smallest sets of missing facts that would settle it whatever they turn out to be,
  and what each single answer would settle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or, Plan, atoms
from kg_service.values import Interval, Knowledge

LARGEST_CHANGE = 3
"""Changes and questions of more facts than this are not searched for; the answer says so."""

MOST_PROOFS = 8
"""Most justifications that are told of one conclusion; the answer says when there are more."""


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
    in_proof : bool
        Whether it lies on the way from the conclusion to the facts of a justification.
    """

    operator: str
    value: bool | None
    criterion: str | None = None
    atom: Atom | None = None
    children: tuple[State, ...] = ()
    in_proof: bool = False


def justification(plan: Plan, tree: Node, possible: Mapping[str, int]) -> tuple[bool | None, list[str]]:
    """Return the value of a tree, and features whose facts entail it, none of them superfluous.

    Parameters
    ----------
    plan : Plan
        The plan that the tree belongs to.
    tree : Node
        The conclusion.
    possible : mapping of str to int
        The cells that the facts of the case leave possible.

    Returns
    -------
    value : bool or None
        None when the facts entail neither; the list is then empty.
    features : list of str
        Sorted IRIs of the features whose facts are needed.
    """
    tested = _tested(plan, tree, possible)
    value = plan.decide(tree, tested)
    if value is None:
        return None, []
    return value, sorted(_shrunk(plan, tree, tested, value))


def _tested(plan: Plan, tree: Node, possible: Mapping[str, int]) -> dict[str, int]:
    """Return what is known of the features that a tree tests."""
    return {f: possible[f] for f in plan.features_of(tree) if f in possible}


def _shrunk(plan: Plan, tree: Node, possible: Mapping[str, int], value: bool) -> dict[str, int]:
    """Return facts that entail a value, none superfluous, out of facts that do."""
    kept = dict(possible)
    for feature in possible:
        without = {f: cells for f, cells in kept.items() if f != feature}
        if plan.decide(tree, without) is value:
            kept = without
    return kept


def justifications(
    plan: Plan, tree: Node, possible: Mapping[str, int], most: int = MOST_PROOFS
) -> tuple[list[tuple[str, ...]], bool]:
    """Return the sets of facts that entail the value of a tree, none with a superfluous fact.

    Every justification misses at least one fact of each other one. So the search leaves out, of each
    that it finds, one fact at a time, and finds all of them (Reiter's tree of hitting sets).

    Parameters
    ----------
    plan : Plan
        The plan that the tree belongs to.
    tree : Node
        The conclusion.
    possible : mapping of str to int
        The cells that the facts of the case leave possible.
    most : int
        How many to return at most.

    Returns
    -------
    found : list of tuple of str
        The one that `justification` returns, then the others, those with the fewest facts first;
        sorted IRIs of features. Empty when the facts entail neither value.
    complete : bool
        Whether there are no others.
    """
    value, first = justification(plan, tree, possible)
    if value is None:
        return [], True
    tested = _tested(plan, tree, possible)
    found = [tuple(first)]
    waiting: list[frozenset[str]] = [frozenset({f}) for f in first]
    seen = set(waiting)
    while waiting:
        left_out = waiting.pop(0)
        proof = next((p for p in found if not left_out & set(p)), None)
        if proof is None:
            rest = {f: cells for f, cells in tested.items() if f not in left_out}
            if plan.decide(tree, rest) is not value:
                continue
            if len(found) == most:
                return _fewest_first(found), False
            proof = tuple(sorted(_shrunk(plan, tree, rest, value)))
            found.append(proof)
        further = [more for f in proof if (more := left_out | {f}) not in seen]
        seen.update(further)
        waiting += further
    return _fewest_first(found), True


def _fewest_first(found: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    first, *others = found
    return [first, *sorted(others, key=lambda proof: (len(proof), proof))]


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


def nearest_change(
    plan: Plan,
    tree: Node,
    possible: Mapping[str, int],
    *,
    target: bool = True,
    impossible: Sequence[Node] = (),
    last: Callable[[str], bool] = lambda _: False,
    within: Collection[str] | None = None,
) -> tuple[Change, ...]:
    """Return the fewest facts to change or supply so that a tree becomes true, or false.

    Parameters
    ----------
    plan : Plan
        The plan that the tree belongs to.
    tree : Node
        The conclusion.
    possible : mapping of str to int
        The cells that the facts leave possible.
    target : bool
        What it is to become.
    impossible : sequence of Node
        What no case may be: a change after which one of them holds is none.
    last : callable
        Features to change only where no others do as well, such as derived ones.
    within : collection of str, optional
        The features that can be changed; every one otherwise.

    Returns
    -------
    tuple of Change
        Empty when the tree is so already, or when more than `LARGEST_CHANGE` would be needed.
    """
    changeable = (f for f in plan.features_of(tree) if within is None or f in within)
    candidates = sorted(changeable, key=lambda f: (last(f), f))
    if plan.decide(tree, possible) is target:
        return ()
    parts = {feature: _parts(plan, tree, {}, feature) for feature in candidates}
    for size in range(1, min(LARGEST_CHANGE, len(candidates)) + 1):
        for chosen in combinations(candidates, size):
            if plan.decide(tree, {f: c for f, c in possible.items() if f not in chosen}) is (not target):
                continue
            for cells in product(*(parts[feature] for feature in chosen)):
                changed = {**possible, **dict(zip(chosen, cells, strict=True))}
                if plan.decide(tree, changed) is target and not any(
                    plan.decide(t, changed) for t in impossible
                ):
                    return tuple(
                        Change(feature, tuple(plan.cells[feature].values(c)))
                        for feature, c in zip(chosen, cells, strict=True)
                    )
    return ()


def states(
    plan: Plan,
    tree: Node,
    possible: Mapping[str, int],
    proof: Iterable[str] = (),
    criterion: str | None = None,
) -> State:
    """Return a tree with the exact value of each of its nodes in a case.

    Parameters
    ----------
    plan : Plan
        The plan that the tree belongs to.
    tree : Node
        The conclusion.
    possible : mapping of str to int
        The cells that the facts leave possible.
    proof : iterable of str
        The features of one justification; the nodes that it decides are marked.
    criterion : str, optional
        IRI of the criterion that the tree defines.
    """
    facts = {f: possible[f] for f in proof}
    return _State(plan, possible, facts).of(tree, criterion, bool(facts))


class _State:
    """Tells the nodes of one tree in one case."""

    def __init__(self, plan: Plan, possible: Mapping[str, int], proof: Mapping[str, int]) -> None:
        self.plan, self.possible, self.proof = plan, possible, proof

    def of(self, tree: Node, criterion: str | None, in_proof: bool) -> State:
        value = self.plan.decide(tree, self.possible)
        match tree:
            case Named(iri, child):
                return self.of(child, iri, in_proof)
            case Atom():
                return State("atom", value, criterion, tree, in_proof=in_proof)
            case Not(child):
                return State("not", value, criterion, None, (self.of(child, None, in_proof),), in_proof)
            case And(children) | Or(children):
                told = set(self._deciding(children, absorbing=isinstance(tree, Or), value=value))
                below = (self.of(c, None, in_proof and i in told) for i, c in enumerate(children))
                operator = "and" if isinstance(tree, And) else "or"
                return State(operator, value, criterion, None, tuple(below), in_proof)
            case Constant():
                return State("constant", value, criterion, in_proof=in_proof)

    def _deciding(self, children: Sequence[Node], *, absorbing: bool, value: bool | None) -> Iterator[int]:
        """Yield the places of the children that decide their parent by the facts of the proof.

        One child is enough where it alone decides. Where only a split on a repeated feature does, the
        children that test a feature of the proof are meant.
        """
        decided = {i: self.plan.decide(c, self.proof) for i, c in enumerate(children)}
        if value is absorbing:
            alone = next((i for i, answer in decided.items() if answer is absorbing), None)
            if alone is not None:
                yield alone
                return
        yield from (i for i, c in enumerate(children) if self.proof.keys() & self.plan.features_of(c))


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
