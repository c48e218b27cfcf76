"""Random cases that lean on what goes wrong: boundaries, intervals, coarse values, gaps."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.plan import And, Atom, Named, Node, Not, Or, Plan, atoms
from kg_service.schema import Feature, Kind, RecordSchema
from kg_service.values import BOOLEAN, Interval, Knowledge, exactly, truth

MISSING = [0.1, 0.45, 0.7]
"""Shares of features that random cases say nothing of, one drawn for each case."""
NEAR = Fraction(1, 100)
"""Distance of a value just beside a threshold."""
AIMED = 0.5
"""Share of cases that aim at one target, drawn at random: see `_targets`."""
HIT = 0.9
"""Share of the goals of that target which such a case meets."""
OPEN = 0.3
"""Share of bounds that are open."""
WIDTHS = [Fraction(1, 2), Fraction(1), Fraction(3)]
"""Widths of intervals."""


def random_cases(
    compiled: CompiledGuideline, number: int, seed: int, target: Node | None = None
) -> list[dict[str, Knowledge]]:
    """Return what is known of some random cases, the same for the same seed.

    Parameters
    ----------
    compiled : CompiledGuideline
        Its plan gives the features and their thresholds.
    number : int
        How many cases.
    seed : int
        Seed of the generator.
    target : Node, optional
        A tree of the plan that every case aims at; without it half of them aim at one drawn at random.

    Returns
    -------
    list of dict
        Per case, what is known by feature IRI. No case is of a class marked impossible.
    """
    source = random.Random(seed)  # noqa: S311 - sampling, not secrets
    cases: list[dict[str, Knowledge]] = []
    while len(cases) < number:
        case = _case(compiled, source, target)
        possible = compiled.plan.possible(case)
        if not any(
            compiled.plan.decide(compiled.plan.trees[str(c)], possible) for c in compiled.schema.impossible
        ):
            cases.append(case)
    return cases


def _case(compiled: CompiledGuideline, source: random.Random, target: Node | None) -> dict[str, Knowledge]:
    missing = source.choice(MISSING)
    case = {
        iri: _value(compiled.schema.features[URIRef(iri)], compiled.plan, compiled.schema, source)
        for iri in compiled.plan.features
        if source.random() > missing
    }
    if target is not None or source.random() < AIMED:
        aimed = target or source.choice(_targets(compiled))
        for atom, wanted in _goals(aimed, True, source):
            if source.random() < HIT:
                aim = _within if wanted else _outside
                case[atom.feature] = aim(atom, compiled.schema, source)
    return case


def _targets(compiled: CompiledGuideline) -> list[Node]:
    """Return what cases aim at: criteria, and prescriptions that follow or depart from something."""
    criteria = [compiled.criterion(c) for c in compiled.guideline.criteria()]
    trees = compiled.prescriptions
    return [*criteria, *trees.follows.values(), *trees.departs.values()]


def _goals(node: Node, wanted: bool, source: random.Random) -> Iterator[tuple[Atom, bool]]:
    """Yield the tests to pass, or to fail, so that a tree is as wanted; alternatives are drawn."""
    match node:
        case Atom():
            yield node, wanted
        case Named(_, child):
            yield from _goals(child, wanted, source)
        case Not(child):
            yield from _goals(child, not wanted, source)
        case And(children) | Or(children):
            testing = [child for child in children if any(atoms(child))]
            every = isinstance(node, And) is wanted
            for child in testing if every or not testing else [source.choice(testing)]:
                yield from _goals(child, wanted, source)


def _within(atom: Atom, schema: RecordSchema, source: random.Random) -> Knowledge:
    """Return what a record may state so that a test holds: its interval, or a class inside its set."""
    partition = schema.features[URIRef(atom.feature)].partition
    if partition is None or not isinstance(atom.values, frozenset):
        return atom.values
    inside = [c for c in schema.classes_under(partition) if schema.leaves(c) <= atom.values]
    return schema.leaves(source.choice(inside))


def _outside(atom: Atom, schema: RecordSchema, source: random.Random) -> Knowledge:
    """Return what a record may state so that a test fails: an interval beside its own, or another class."""
    partition = schema.features[URIRef(atom.feature)].partition
    if isinstance(atom.values, Interval):
        sides = []
        if atom.values.low is not None:
            sides.append(Interval(high=atom.values.low, high_open=not atom.values.low_open))
        if atom.values.high is not None:
            sides.append(Interval(low=atom.values.high, low_open=not atom.values.high_open))
        return source.choice(sides)
    if partition is None:
        return BOOLEAN - atom.values
    outside = [c for c in schema.classes_under(partition) if not schema.leaves(c) & atom.values]
    return schema.leaves(source.choice(outside))


def _value(feature: Feature, plan: Plan, schema: RecordSchema, source: random.Random) -> Knowledge:
    if feature.kind is Kind.BOOLEAN:
        return truth(source.choice([True, False]))
    if feature.kind is Kind.CODE and feature.partition is not None:
        return schema.leaves(source.choice(list(schema.classes_under(feature.partition))))
    return _number(_thresholds(feature, plan), source)


def _thresholds(feature: Feature, plan: Plan) -> list[Fraction]:
    parts = plan.cells[str(feature.iri)].parts
    found = {p.low for p in parts if isinstance(p, Interval) and p.low is not None}
    return sorted(found) or [Fraction(1)]


def _number(thresholds: list[Fraction], source: random.Random) -> Interval:
    """Return an exact value at, just below or just above a threshold, or an interval that ends there."""
    one = source.choice(thresholds) + source.choice([-NEAR, Fraction(0), Fraction(0), NEAR])
    other = one + source.choice(WIDTHS)
    is_open = source.random() < OPEN
    return source.choice(
        [
            exactly(one),
            exactly(one),
            Interval(low=one, low_open=is_open),
            Interval(high=one, high_open=is_open),
            Interval(one, other, low_open=is_open),
        ]
    )
