"""How populations of two guidelines stand to each other: which cases are of both, and one to look at.

Both are decided over one plan of all their criteria, in cases of which everything is known. No case
is of a class that the record model marks as impossible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from kg_service.compiler import CompiledGuideline
from kg_service.entailment import EntailmentProgram, Every, Excluded, Opposite, Some, Step
from kg_service.plan import And, Node, Not, Or, Plan
from kg_service.values import Knowledge

PopulationRelation = Literal["equal", "narrower", "wider", "overlapping", "disjoint"]
"""How the cases of one population stand to those of another. *narrower*: they are some of those.
*overlapping*: some cases are of both, and each has cases that the other has not."""
POPULATION_RELATIONS: tuple[PopulationRelation, ...] = get_args(PopulationRelation)
_BY_PARTS: dict[tuple[bool, bool, bool], PopulationRelation] = {
    (True, False, False): "equal",
    (True, False, True): "narrower",
    (True, True, False): "wider",
    (True, True, True): "overlapping",
}
"""By whether some case is of both, of the first alone, of the second alone."""
_OPPOSITE: dict[PopulationRelation, PopulationRelation] = {"narrower": "wider", "wider": "narrower"}
DESCRIPTIONS = 4
"""How many descriptions of a common case are tried, about."""
Cube = dict[str, tuple[Knowledge, ...]]
"""Per feature IRI, the values of which any will do."""


def opposite_populations(relation: PopulationRelation) -> PopulationRelation:
    """Return how the second population stands to the first, when the first stands so to the second."""
    return _OPPOSITE.get(relation, relation)


class CommonCases:
    """The cases that two guidelines can both be asked about.

    Parameters
    ----------
    one, other : CompiledGuideline
        Guidelines over the same record model.
    """

    def __init__(self, one: CompiledGuideline, other: CompiledGuideline) -> None:
        trees = {
            f"{c.guideline.iri} {name}": tree for c in (one, other) for name, tree in c.plan.trees.items()
        }
        schema = one.schema
        self._plan = Plan(trees, {str(f.iri): schema.domain(f) for f in schema.features.values()})
        self._possible = Not(Or(tuple(one.criterion(cls) for cls in schema.impossible)))
        self._program = EntailmentProgram(self._plan)
        self._values: list[bool] = []

    def some(self, *nodes: Node) -> bool:
        """Return whether a case can be of all of some trees."""
        step = self._program.denied(And((*nodes, self._possible)))
        evaluate(self._program.steps, {}, self._values)
        return not self._values[step]

    def relation(self, one: Node, other: Node) -> PopulationRelation:
        """Return how the cases of one tree stand to those of another; a tree without cases is disjoint."""
        parts = self.some(one, other), self.some(one, Not(other)), self.some(Not(one), other)
        return _BY_PARTS.get(parts, "disjoint")

    def among(self, one: Node, other: Node, speaking: tuple[Node, Node]) -> PopulationRelation:
        """Return how the cases of one tree stand to those of another, where both of two further trees hold.

        Every case of the first is one of the first of those, every case of the second one of the second.
        """
        parts = (
            self.some(one, other),
            self.some(one, Not(other), speaking[1]),
            self.some(Not(one), other, speaking[0]),
        )
        return _BY_PARTS.get(parts, "disjoint")

    def example(self, *nodes: Node) -> Cube | None:
        """Return few facts that put every case they are true of in all of some trees; None if none can.

        No fact can be left out, and no value added. Of the few descriptions that are tried, the one with
        the fewest facts is told: there may be one with fewer.
        """
        tree = And((*nodes, self._possible))
        decided = _Decided(self._plan, tree)
        if decided.given({}) is False:
            return None
        features = list(self._plan.features_of(tree))
        starts = range(0, len(features), max(1, len(features) // DESCRIPTIONS))
        orders = (features[start:] + features[:start] for start in starts)
        found = min((self._settled(decided, order) for order in orders), key=len)
        found = self._widened(decided, found)
        return {
            feature: tuple(self._plan.cells[feature].values(cells))
            for feature, cells in sorted(found.items())
        }

    def _settled(self, decided: _Decided, order: list[str]) -> dict[str, int]:
        """Return a cell of each of a few features that are enough to make a tree true."""
        settled: dict[str, int] = {}
        for feature in order:
            if decided.given(settled) is True:
                break
            # That the tree is possible is known: one of the cells leaves it so.
            cells = ({**settled, feature: cell} for cell in self._cells(feature))
            settled = next(known for known in cells if decided.given(known) is not False)
        for feature in list(settled):
            without = {f: cells for f, cells in settled.items() if f != feature}
            if decided.given(without) is True:
                settled = without
        return settled

    def _widened(self, decided: _Decided, settled: dict[str, int]) -> dict[str, int]:
        """Return what is settled with every further cell that leaves a tree true."""
        for feature in settled:
            for cell in self._cells(feature):
                wider = {**settled, feature: settled[feature] | cell}
                if decided.given(wider) is True:
                    settled = wider
        return settled

    def _cells(self, feature: str) -> list[int]:
        return [1 << i for i in range(len(self._plan.cells[feature].parts))]


class _Decided:
    """One tree, decided exactly for whatever is settled of a case."""

    def __init__(self, plan: Plan, tree: Node) -> None:
        program = EntailmentProgram(plan)
        self._entailed, self._denied = program.entailed(tree), program.denied(tree)
        self._steps = program.steps

    def given(self, settled: Mapping[str, int]) -> bool | None:
        """Return whether the tree is true of every, of no, or (None) of some case in some cells."""
        values = evaluate(self._steps, settled, [])
        return True if values[self._entailed] else False if values[self._denied] else None


def evaluate(steps: Sequence[Step], settled: Mapping[str, int], values: list[bool]) -> list[bool]:
    """Return which steps hold when some features are settled to some of their cells.

    Parameters
    ----------
    steps : sequence of Step
        Each from those before it.
    settled : mapping of str to int
        The cells that are left, by feature; all are of a feature that is not there.
    values : list of bool
        Those of the first steps, if they are known; the others are added to it.
    """
    for step in steps[len(values) :]:
        match step:
            case Excluded(feature, cells):
                values.append(feature in settled and not settled[feature] & cells)
            case Every(parts):
                values.append(all(values[part] for part in parts))
            case Some(parts):
                values.append(any(values[part] for part in parts))
            case Opposite(part):
                values.append(not values[part])
    return values
