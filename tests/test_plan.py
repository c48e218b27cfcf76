"""The plan decides exactly: compared with the enumeration of every completion."""

from fractions import Fraction
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from kg_service.explain import justification, missing, nearest_change, settling_sets
from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or, Plan, atoms
from kg_service.values import BOOLEAN, Interval, exactly

NUMBER, FLAG, CODE = "number", "flag", "code"
DOMAINS = {NUMBER: Interval(), FLAG: BOOLEAN, CODE: frozenset("abcd")}

numbers = st.sampled_from([Fraction(1), Fraction(2), Fraction(3)])
intervals = st.one_of(
    numbers.map(lambda n: Interval(low=n)),
    numbers.map(lambda n: Interval(low=n, low_open=True)),
    numbers.map(lambda n: Interval(high=n)),
    numbers.map(lambda n: Interval(high=n, high_open=True)),
    numbers.map(exactly),
)
codes = st.sets(st.sampled_from("abcd"), min_size=1, max_size=3).map(frozenset)
flags = st.sampled_from(["true", "false"]).map(lambda v: frozenset({v}))
leaves = st.one_of(
    intervals.map(lambda v: Atom(NUMBER, v)),
    codes.map(lambda v: Atom(CODE, v)),
    flags.map(lambda v: Atom(FLAG, v)),
    st.booleans().map(Constant),
)
trees = st.recursive(
    leaves,
    lambda child: st.one_of(
        child.map(Not),
        child.map(lambda c: Named("x", c)),
        st.lists(child, max_size=3).map(lambda c: And(tuple(c))),
        st.lists(child, max_size=3).map(lambda c: Or(tuple(c))),
    ),
    max_leaves=8,
)
known = st.fixed_dictionaries({}, optional={NUMBER: intervals, CODE: codes, FLAG: flags})


def holds(node: Node, cells: dict[str, int], plan: Plan) -> bool:
    """Evaluate a tree on one completion, two-valued, independently of the plan's own walk."""
    match node:
        case Constant(value):
            return value
        case Atom(feature, _):
            return bool(cells[feature] & plan.mask(node))
        case Not(child):
            return not holds(child, cells, plan)
        case Named(_, child):
            return holds(child, cells, plan)
        case And(children):
            return all(holds(c, cells, plan) for c in children)
        case Or(children):
            return any(holds(c, cells, plan) for c in children)


def completions(plan: Plan, possible: dict[str, int]) -> list[dict[str, int]]:
    singles = [
        [1 << i for i in range(len(cells.parts)) if possible.get(feature, cells.full) >> i & 1]
        for feature, cells in plan.cells.items()
    ]
    return [dict(zip(plan.cells, chosen, strict=True)) for chosen in product(*singles)]


def enumerated(node: Node, plan: Plan, possible: dict[str, int]) -> bool | None:
    answers = {holds(node, cells, plan) for cells in completions(plan, possible)}
    return answers.pop() if len(answers) == 1 else None


@settings(max_examples=600, derandomize=True, deadline=None)
@given(trees, known)
def test_a_tree_is_decided_as_all_its_completions_are(tree: Node, facts: dict) -> None:
    plan = Plan({"t": tree}, DOMAINS)
    possible = plan.possible(facts)
    assert plan.decide(tree, possible) is enumerated(tree, plan, possible)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(trees, known, known)
def test_learning_more_never_turns_a_decided_answer(tree: Node, facts: dict, more: dict) -> None:
    plan = Plan({"t": tree}, DOMAINS)
    before = plan.decide(tree, plan.possible(facts))
    added = plan.possible({**more, **facts})
    if before is not None:
        assert plan.decide(tree, added) is before


@settings(max_examples=300, derandomize=True, deadline=None)
@given(trees, known)
def test_a_justification_entails_and_none_of_its_facts_can_be_left_out(tree: Node, facts: dict) -> None:
    plan = Plan({"t": tree}, DOMAINS)
    value, features = justification(plan, tree, plan.possible(facts))
    assert value is plan.decide(tree, plan.possible(facts))
    if value is not None:
        kept = {f: facts[f] for f in features}
        assert plan.decide(tree, plan.possible(kept)) is value
        for left_out in features:
            rest = {f: facts[f] for f in features if f != left_out}
            assert plan.decide(tree, plan.possible(rest)) is None


@settings(max_examples=300, derandomize=True, deadline=None)
@given(trees, known)
def test_a_change_makes_the_tree_true_and_no_smaller_one_does(tree: Node, facts: dict) -> None:
    plan = Plan({"t": tree}, DOMAINS)
    possible = plan.possible(facts)
    change = nearest_change(plan, tree, possible)
    changed = {
        **possible,
        **{c.feature: sum(plan.cells[c.feature].mask(v) for v in c.values) for c in change},
    }
    can_be_true = any(holds(tree, cells, plan) for cells in completions(plan, {}))
    if plan.decide(tree, possible) is not True:
        assert bool(change) == can_be_true
    if change:
        assert plan.decide(tree, changed) is True


@settings(max_examples=300, derandomize=True, deadline=None)
@given(trees, known)
def test_a_settling_set_settles_whatever_the_answers(tree: Node, facts: dict) -> None:
    plan = Plan({"t": tree}, DOMAINS)
    possible = plan.possible(facts)
    if plan.decide(tree, possible) is not None:
        return
    lacking = missing(plan, tree, possible)
    assert lacking <= {atom.feature for atom in atoms(tree)}
    sets = settling_sets(plan, tree, possible)
    assert sets
    for chosen in sets:
        for cells in completions(plan, possible):
            answered = {**possible, **{f: cells[f] for f in chosen}}
            assert plan.decide(tree, answered) is not None


def test_a_or_not_a_is_true_though_a_is_open() -> None:
    small = Atom(NUMBER, Interval(high=Fraction(5), high_open=True))
    tree = Or((small, Not(small)))
    plan = Plan({"t": tree}, DOMAINS)
    assert plan.kleene(tree, {}) is None
    assert plan.decide(tree, {}) is True
