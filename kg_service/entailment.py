"""When a tree of the plan is entailed, as a formula over what is still possible: for whole cohorts.

A case is known by the cells that are possible for each feature. A tree is entailed when no
completion makes it false; here this becomes, once for all cases, a formula that asks of features
only whether *none* of some cells is possible. It says exactly what `Plan.decide` says: conjunctions
are entailed part by part, disjunctions only where their parts share no feature; where they do,
the formula distinguishes the cells of that feature that the parts tell apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or, Plan


@dataclass(frozen=True)
class Excluded:
    """None of these cells of a feature is possible; one bit each, as in the plan."""

    feature: str
    cells: int


@dataclass(frozen=True)
class Every:
    """All of some earlier steps hold; with none, it holds."""

    steps: tuple[int, ...]


@dataclass(frozen=True)
class Some:
    """At least one of some earlier steps holds; with none, it does not."""

    steps: tuple[int, ...]


@dataclass(frozen=True)
class Opposite:
    """An earlier step does not hold."""

    step: int


Step = Excluded | Every | Some | Opposite


class EntailmentProgram:
    """Steps that decide trees, each once however many trees need it.

    Parameters
    ----------
    plan : Plan
        The plan that the trees belong to.

    Attributes
    ----------
    steps : list of Step
        What to compute, each from those before it. Methods return the number of a step.
    """

    def __init__(self, plan: Plan) -> None:
        self.steps: list[Step] = []
        self._numbers: dict[Step, int] = {}
        self._forms = _NormalForms(plan)
        self._known: dict[int, int] = {}

    def entailed(self, tree: Node) -> int:
        """Return the step that says a tree is true, whatever the unknowns are."""
        return self._entailing(self._forms.of(tree, positive=True))

    def denied(self, tree: Node) -> int:
        """Return the step that says a tree is false, whatever the unknowns are."""
        return self._entailing(self._forms.of(tree, positive=False))

    def every(self, *steps: int) -> int:
        """Return the step that says all of some steps hold."""
        return self._joined(steps, Every, Some)

    def some(self, *steps: int) -> int:
        """Return the step that says one of some steps holds."""
        return self._joined(steps, Some, Every)

    def opposite(self, step: int) -> int:
        """Return the step that says another does not hold."""
        match self.steps[step]:
            case Opposite(other):
                return other
            case Every(()):
                return self.some()
            case Some(()):
                return self.every()
        return self._add(Opposite(step))

    @property
    def tested(self) -> dict[str, list[int]]:
        """The sets of cells that steps ask of each feature."""
        found: dict[str, list[int]] = {}
        for step in self.steps:
            if isinstance(step, Excluded):
                found.setdefault(step.feature, []).append(step.cells)
        return found

    def _entailing(self, form: int) -> int:
        """Return the step that says a form is entailed."""
        if form not in self._known:
            self._known[form] = self._step(form)
        return self._known[form]

    def _step(self, form: int) -> int:
        match self._forms.table[form]:
            case _Test(feature, cells):
                return self._add(Excluded(feature, self._forms.full(feature) & ~cells))
            case _All(forms):
                return self.every(*(self._entailing(f) for f in forms))
            case _Any(forms):
                return self.some(*(self._of_component(c) for c in self._forms.components(forms)))

    def _of_component(self, forms: tuple[int, ...]) -> int:
        """Return the step that says a disjunction is entailed whose parts hang together by features."""
        if len(forms) == 1:
            return self._entailing(forms[0])
        feature = self._forms.most_shared(forms)
        parts = self._forms.expansion(forms, feature)
        return self.every(
            *(
                self.some(self._add(Excluded(feature, cells)), self._entailing(rest))
                for rest, cells in parts.items()
            )
        )

    def _joined(self, steps: Iterable[int], kind: type[Every | Some], other: type[Every | Some]) -> int:
        """Return the step that joins others; nested ones of its kind are taken apart."""
        flat: set[int] = set()
        for number in steps:
            step = self.steps[number]
            flat |= set(step.steps) if isinstance(step, kind) else {number}
        absorbing = self._numbers.get(other(()))
        if absorbing in flat:
            return absorbing
        return flat.pop() if len(flat) == 1 else self._add(kind(tuple(sorted(flat))))

    def _add(self, step: Step) -> int:
        if step not in self._numbers:
            self._numbers[step] = len(self.steps)
            self.steps.append(step)
        return self._numbers[step]


@dataclass(frozen=True)
class _Test:
    feature: str
    cells: int


@dataclass(frozen=True)
class _All:
    forms: frozenset[int]


@dataclass(frozen=True)
class _Any:
    forms: frozenset[int]


_Form = _Test | _All | _Any
_TRUE, _FALSE = _All(frozenset()), _Any(frozenset())


class _NormalForms:
    """Trees without negation, names or repeated parts, each form once, by its number."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.table: list[_Form] = []
        self._numbers: dict[_Form, int] = {}
        self._features: dict[int, frozenset[str]] = {}
        self._restricted: dict[tuple[int, str, int], int] = {}
        self.true, self.false = self._add(_TRUE), self._add(_FALSE)

    def full(self, feature: str) -> int:
        return self._plan.cells[feature].full

    def of(self, node: Node, *, positive: bool) -> int:
        """Return the form of a tree, or of its opposite."""
        match node:
            case Constant(value):
                return self.true if value is positive else self.false
            case Atom(feature, _):
                mask = self._plan.mask(node)
                return self._test(feature, mask if positive else self.full(feature) & ~mask)
            case Not(child):
                return self.of(child, positive=not positive)
            case Named(_, child):
                return self.of(child, positive=positive)
            case And(children) | Or(children):
                forms = [self.of(child, positive=positive) for child in children]
                return self._all(forms) if isinstance(node, And) is positive else self._any(forms)

    def components(self, forms: frozenset[int]) -> Iterator[tuple[int, ...]]:
        """Yield the groups of forms that share features, directly or through others."""
        groups: list[tuple[set[int], set[str]]] = []
        for form in sorted(forms):
            together, features = {form}, set(self.features(form))
            apart = []
            for group in groups:
                if group[1] & features:
                    together |= group[0]
                    features |= group[1]
                else:
                    apart.append(group)
            groups = [*apart, (together, features)]
        for together, _ in groups:
            yield tuple(sorted(together))

    def features(self, form: int) -> frozenset[str]:
        if form not in self._features:
            match self.table[form]:
                case _Test(feature, _):
                    self._features[form] = frozenset({feature})
                case _All(forms) | _Any(forms):
                    self._features[form] = frozenset().union(*(self.features(f) for f in forms))
        return self._features[form]

    def most_shared(self, forms: tuple[int, ...]) -> str:
        """Return the feature that most of some forms test."""
        counts = Counter(feature for form in forms for feature in self.features(form))
        return min(counts, key=lambda feature: (-counts[feature], feature))

    def expansion(self, forms: tuple[int, ...], feature: str) -> dict[int, int]:
        """Return what is left of a disjunction in each cell of a feature: the rest, and the cells."""
        tested = {mask for form in forms for mask in self._masks(form, feature)}
        groups: dict[tuple[bool, ...], int] = {}
        full = self.full(feature)
        for i in range(full.bit_length()):
            signature = tuple(bool(mask >> i & 1) for mask in sorted(tested))
            groups[signature] = groups.get(signature, 0) | 1 << i
        parts: dict[int, int] = {}
        for cells in groups.values():
            rest = self._any([self._restrict(form, feature, cells) for form in forms])
            parts[rest] = parts.get(rest, 0) | cells
        return parts

    def _masks(self, form: int, feature: str) -> Iterator[int]:
        match self.table[form]:
            case _Test(tested, cells):
                if tested == feature:
                    yield cells
            case _All(forms) | _Any(forms):
                for f in forms:
                    if feature in self.features(f):
                        yield from self._masks(f, feature)

    def _restrict(self, form: int, feature: str, cells: int) -> int:
        """Return what is left of a form when a feature has one of some cells that it does not tell apart."""
        if feature not in self.features(form):
            return form
        key = form, feature, cells
        if key not in self._restricted:
            match self.table[form]:
                case _Test(_, tested):
                    self._restricted[key] = self.true if tested & cells else self.false
                case _All(forms):
                    self._restricted[key] = self._all([self._restrict(f, feature, cells) for f in forms])
                case _Any(forms):
                    self._restricted[key] = self._any([self._restrict(f, feature, cells) for f in forms])
        return self._restricted[key]

    def _test(self, feature: str, cells: int) -> int:
        if not cells:
            return self.false
        return self.true if cells == self.full(feature) else self._add(_Test(feature, cells))

    def _all(self, forms: list[int]) -> int:
        return self._joined(forms, conjunction=True)

    def _any(self, forms: list[int]) -> int:
        return self._joined(forms, conjunction=False)

    def _joined(self, forms: list[int], *, conjunction: bool) -> int:
        """Return the join of forms: nested ones taken apart, tests of one feature made one."""
        neutral, absorbing = (self.true, self.false) if conjunction else (self.false, self.true)
        kind = _All if conjunction else _Any
        tests: dict[str, int] = {}
        kept: set[int] = set()
        pending = list(forms)
        while pending:
            number = pending.pop()
            form = self.table[number]
            if isinstance(form, kind):
                pending.extend(form.forms)
            elif isinstance(form, _Test):
                before = tests.get(form.feature, form.cells)
                tests[form.feature] = before & form.cells if conjunction else before | form.cells
            else:
                kept.add(number)
        kept |= {self._test(feature, cells) for feature, cells in tests.items()}
        kept.discard(neutral)
        if absorbing in kept:
            return absorbing
        return kept.pop() if len(kept) == 1 else self._add(kind(frozenset(kept)))

    def _add(self, form: _Form) -> int:
        if form not in self._numbers:
            self._numbers[form] = len(self.table)
            self.table.append(form)
        return self._numbers[form]
