"""Random cases that lean on what goes wrong: boundaries, intervals, coarse values, gaps."""

from __future__ import annotations

import random
from fractions import Fraction

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.plan import Plan
from kg_service.schema import Feature, Kind, RecordSchema
from kg_service.values import Interval, Knowledge, exactly, truth

MISSING = 0.45
"""Share of features a random case says nothing of."""
NEAR = Fraction(1, 100)
"""Distance of a value just beside a threshold."""
OPEN = 0.3
"""Share of bounds that are open."""
WIDTHS = [Fraction(1, 2), Fraction(1), Fraction(3)]
"""Widths of intervals."""


def random_cases(compiled: CompiledGuideline, number: int, seed: int) -> list[dict[str, Knowledge]]:
    """Return what is known of some random cases, the same for the same seed.

    Parameters
    ----------
    compiled : CompiledGuideline
        Its plan gives the features and their thresholds.
    number : int
        How many cases.
    seed : int
        Seed of the generator.

    Returns
    -------
    list of dict
        Per case, what is known by feature IRI. No case is of a class marked impossible.
    """
    source = random.Random(seed)  # noqa: S311 - sampling, not secrets
    cases: list[dict[str, Knowledge]] = []
    while len(cases) < number:
        case = _case(compiled, source)
        possible = compiled.plan.possible(case)
        if not any(
            compiled.plan.decide(compiled.plan.trees[str(c)], possible) for c in compiled.schema.impossible
        ):
            cases.append(case)
    return cases


def _case(compiled: CompiledGuideline, source: random.Random) -> dict[str, Knowledge]:
    return {
        iri: _value(compiled.schema.features[URIRef(iri)], compiled.plan, compiled.schema, source)
        for iri in compiled.plan.features
        if source.random() > MISSING
    }


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
