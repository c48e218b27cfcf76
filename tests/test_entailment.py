"""Entailment as formulas: the same three values as the plan, for every tree and every state of knowledge."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from rdflib import URIRef

from kg_service.bearing import bearings, outcome, standing
from kg_service.compiler import CompiledGuideline
from kg_service.entailment import EntailmentProgram, Every, Excluded, Opposite, Some
from kg_service.option_decision import decide_option
from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or, Plan
from kg_service.service import KnowledgeBase
from kg_service.values import Status, status_of
from kg_service.verdict_steps import VerdictSteps

NAMES = {"a": frozenset("xyz"), "b": frozenset("xyz"), "c": frozenset("uv"), "d": frozenset("uv")}


def run(program: EntailmentProgram, plan: Plan, possible: dict[str, int]) -> list[bool]:
    values: list[bool] = []
    for step in program.steps:
        match step:
            case Excluded(feature, cells):
                values.append(not possible.get(feature, plan.cells[feature].full) & cells)
            case Every(steps):
                values.append(all(values[s] for s in steps))
            case Some(steps):
                values.append(any(values[s] for s in steps))
            case Opposite(other):
                values.append(not values[other])
    return values


def decided(program: EntailmentProgram, plan: Plan, tree: Node, possible: dict[str, int]) -> bool | None:
    entailed, denied = program.entailed(tree), program.denied(tree)
    values = run(program, plan, possible)
    assert not (values[entailed] and values[denied])
    return True if values[entailed] else False if values[denied] else None


def random_tree(rng: random.Random, depth: int) -> Node:
    kind = rng.choice(["atom", "atom", "and", "or", "not", "named"] if depth else ["atom"])
    if kind == "atom":
        feature = rng.choice(sorted(NAMES))
        leaves = sorted(NAMES[feature])
        return Atom(feature, frozenset(rng.sample(leaves, rng.randint(1, len(leaves)))))
    if kind in ("not", "named"):
        child = random_tree(rng, depth - 1)
        return Not(child) if kind == "not" else Named("urn:x", child)
    children = tuple(random_tree(rng, depth - 1) for _ in range(rng.randint(1, 3)))
    return And(children) if kind == "and" else Or(children)


def random_knowledge(rng: random.Random, plan: Plan, share: float) -> dict[str, int]:
    found = {}
    for feature, cells in plan.cells.items():
        if rng.random() < share:
            count = cells.full.bit_length()
            chosen = range(count) if rng.random() < 0.2 else [rng.randrange(count)]
            mask = sum(1 << i for i in chosen if len(chosen) == 1 or rng.random() < 0.6)
            found[feature] = mask or cells.full
    return found


A_X = Atom("a", frozenset("x"))
A_Y = Atom("a", frozenset("y"))
A_Z = Atom("a", frozenset("z"))
C_U = Atom("c", frozenset("u"))


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (Constant(True), True),
        (Constant(False), False),
        (A_X, None),
        (Or((A_X, Not(A_X))), True),  # whatever a is
        (And((A_X, A_Y)), False),  # a has one value
        (Or((A_X, A_Y, A_Z)), True),  # these are all there are
        (Or((And((A_X, C_U)), And((Not(A_X), C_U)), Not(C_U))), True),  # by cases of a and of c
        (Or((And((A_X, C_U)), And((Not(A_X), C_U)))), None),  # comes down to c
        (And((Or((A_X, C_U)), Or((A_Y, C_U)), Not(C_U))), False),
    ],
)
def test_by_hand_with_nothing_known(tree: Node, expected: bool | None) -> None:
    plan = Plan({"t": tree, "all": And((A_X, A_Y, A_Z, C_U))}, NAMES)
    assert decided(EntailmentProgram(plan), plan, tree, {}) is expected


def test_random_trees_are_decided_as_the_plan_decides_them() -> None:
    rng = random.Random(11)
    seen: Counter[bool | None] = Counter()
    for _ in range(400):
        tree = random_tree(rng, 4)
        plan = Plan({"t": tree}, NAMES)
        program = EntailmentProgram(plan)
        for _ in range(8):
            possible = random_knowledge(rng, plan, 0.5)
            expected = plan.decide(tree, possible)
            assert decided(program, plan, tree, possible) is expected
            seen[expected] += 1
    assert sum(seen.values()) == 3200
    assert min(seen.values()) > 300


@pytest.mark.parametrize("profile", [None, "strict", "lenient"])
def test_every_tree_of_the_guideline_is_decided_as_the_plan_decides_it(
    base: KnowledgeBase, profile: str | None
) -> None:
    plan = base.compiled(profile=profile).plan
    program = EntailmentProgram(plan)
    steps = {name: (program.entailed(tree), program.denied(tree)) for name, tree in plan.trees.items()}
    rng = random.Random(12)
    for number in range(60):
        possible = random_knowledge(rng, plan, (0.3, 0.6, 0.9)[number % 3])
        values = run(program, plan, possible)
        for name, tree in plan.trees.items():
            entailed, denied = steps[name]
            found = True if values[entailed] else False if values[denied] else None
            assert found is plan.decide(tree, possible), name


@pytest.mark.parametrize("profile", [None, "strict", "lenient"])
def test_verdicts_are_those_of_one_case(base: KnowledgeBase, profile: str | None) -> None:
    """Options and prescriptions by steps, and by the rules that decide one case: one and only one verdict."""
    compiled = base.compiled(profile=profile)
    program = EntailmentProgram(compiled.plan)
    verdicts = VerdictSteps(compiled, program)
    options = {option: verdicts.option(option) for option in compiled.options}
    hoped = {hoping: verdicts.prescription(hoping=hoping) for hoping in (True, False)}
    rng = random.Random(13)
    seen: Counter[str] = Counter()
    for number in range(250):
        possible = random_knowledge(rng, compiled.plan, (0.3, 0.6, 0.85, 0.97)[number % 4])
        values = run(program, compiled.plan, possible)
        memo: dict[int, Status] = {}

        def status(tree: Node, possible: dict[str, int] = possible, memo: dict[int, Status] = memo) -> Status:
            if id(tree) not in memo:
                memo[id(tree)] = status_of(compiled.plan.decide(tree, possible))
            return memo[id(tree)]

        for option, steps in options.items():
            expected = decide_option(option, compiled, status).verdict
            assert [verdict for verdict, step in steps.items() if values[step]] == [expected], option
            seen[expected] += 1
        for hoping, found in hoped.items():
            assert [c for c, step in found.items() if values[step]] == [bearing(compiled, status, hoping)]
    assert len(seen) == 8


def bearing(compiled: CompiledGuideline, status: Callable[[Node], Status], hoping: bool) -> URIRef:
    standings = (standing(r, compiled.prescriptions, status) for r in compiled.guideline.recommendations)
    borne = list(bearings(one for one in standings if one is not None))
    return outcome(borne, compiled.guideline.rank, hoping=hoping)
