"""Formulas: what is read, what is refused and where, bounds, and what a declaration must hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from kg_service.errors import GuidelineError
from kg_service.formula import Expression, evaluate, parse_formula
from kg_service.schema import RecordSchema
from kg_service.values import Interval, exactly

NAMES = frozenset({"a", "b"})
VALUES = {"a": exactly(3), "b": exactly(4)}
READ = [
    ("a + b", 7),
    ("a+b*2", 11),
    ("(a + b) * 2", 14),
    ("a * (1 + b / 2)", 9),
    ("b / a / 2", Fraction(2, 3)),
    ("b / (a / 2)", Fraction(8, 3)),
    ("a * 0.1234567890123456789 + b * 0", Fraction("0.3703703670370370367")),  # digits a float would lose
    ("((a)) + ((((b))))", 7),
]
REFUSED = [
    ("", "character 1: its end"),
    ("a + b +", "character 8: its end"),
    ("a - b", "character 3: '-'"),
    ("-a + b", "character 1: '-'"),
    ("a ** b", "character 4: '*'"),
    ("a b", "character 3: 'b'"),
    ("a + c + b", "character 5: 'c'"),
    ("2a + b", "character 2: 'a'"),
    ("(a + b", "character 7: its end"),
    ("a + b)", "character 6: ')'"),
    ("a + b % 2", "character 7: '%'"),
    ("__import__('os') + a + b", "character 1: '_'"),
    ("a if b else 1", "character 3: 'if'"),
    ("a + b + 1e9", "character 10: 'e9'"),
    ("a + b + 1_0", "character 10: '_'"),
    ("a + b + True", "character 9: 'True'"),
    ("a + b + ٣", "character 9: '٣'"),
    ("a + 1", "does not use b"),
    ("(" * 33 + "a + b" + ")" * 33, "at most 32 parentheses"),
    ("a + b" + " + 1" * 200, "403 parts; expected at most 200"),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_a_formula_is_computed_exactly(text: str, value: Fraction) -> None:
    assert evaluate(parse_formula(text, NAMES), VALUES) == exactly(value)


@pytest.mark.parametrize(("text", "told"), REFUSED)
def test_what_is_no_formula_is_refused_where_it_goes_wrong(text: str, told: str) -> None:
    with pytest.raises(GuidelineError) as caught:
        parse_formula(text, NAMES)
    assert told in str(caught.value)


def between(low: int | None, high: int | None, low_open: bool = False, high_open: bool = False) -> Interval:
    bounds = (None if bound is None else Fraction(bound) for bound in (low, high))
    return Interval(*bounds, low_open, high_open)


BOUNDS = [
    ("a * b", between(1, 3), between(2, 5), between(2, 15)),
    ("a * b", between(1, 3, True), between(2, 5, False, True), between(2, 15, True, True)),
    ("a * b", between(0, 3), between(2, 5, True), between(0, 15)),  # nothing times anything is nothing
    ("a * b", between(0, 3, True), between(2, 5), between(0, 15, True)),
    ("a * b", exactly(0), between(2, None, True), exactly(0)),
    ("a * b", exactly(0), between(1, 2, True, True), exactly(0)),
    ("a / b", between(6, 12), between(2, 3), between(2, 6)),
    ("a / b", between(6, 12), between(2, 3, True, True), between(2, 6, True, True)),
    ("a / b", between(6, 12), between(0, 3), between(2, None)),
    ("a / b", between(6, 12), between(2, None), between(0, 6, True)),
    ("a / b", exactly(0), between(2, None), exactly(0)),
    ("a / b", exactly(6), exactly(0), Interval()),
    ("a / b", exactly(0), exactly(0), Interval()),
    ("a + b", between(1, 3, True), between(2, None), between(3, None, True)),
    ("a + b", between(1, None), between(2, 5, True), between(3, None, True)),
    ("a + b", between(None, 5), between(1, 2), between(1, 7)),
    ("a + b", between(None, -1), between(1, 2), Interval()),  # no quantity is below zero
]


@pytest.mark.parametrize(("text", "a", "b", "expected"), BOUNDS)
def test_bounds_follow_from_bounds(text: str, a: Interval, b: Interval, expected: Interval) -> None:
    assert evaluate(parse_formula(text, NAMES), {"a": a, "b": b}) == expected


def test_an_operand_that_is_not_known_may_be_anything() -> None:
    assert evaluate(parse_formula("a * (1 + b)", NAMES), {"a": exactly(3)}) == between(3, None)
    assert evaluate(parse_formula("a / b", NAMES), {"b": exactly(3)}) == between(0, None)


def formula_of(source: random.Random, depth: int) -> str:
    if depth == 0 or source.random() < 0.2:
        return source.choice(["a", "b", "1", "0.5", "3"])
    left, right = formula_of(source, depth - 1), formula_of(source, depth - 1)
    return f"({left} {source.choice('+*/')} {right})"


def interval_of(source: random.Random) -> Interval:
    low = Fraction(source.choice([0, 0, 1, 2, 5]), source.choice([1, 2, 3]))
    high = source.choice([None, low, low + Fraction(source.randint(1, 9), 2)])
    is_open = high is None or high > low
    return Interval(
        low, high, is_open and source.random() < 0.3, high is not None and is_open and source.random() < 0.3
    )


def point_in(interval: Interval, source: random.Random) -> Fraction:
    assert interval.low is not None
    high = interval.high if interval.high is not None else interval.low + 20
    near = [
        Fraction(0),
        Fraction(1),
        Fraction(1, 1000),
        Fraction(999, 1000),
        Fraction(source.randint(0, 50), 50),
    ]
    points = [interval.low + (high - interval.low) * share for share in near]
    return source.choice([point for point in points if point in interval])


def test_bounds_hold_for_random_formulas() -> None:
    """2,000 formulas: a value for points within the operands lies within the value for the intervals."""
    source = random.Random(7)
    seen = {"defined": 0, "bounded": 0}
    for _ in range(2000):
        tree = parse_formula(f"{formula_of(source, 4)} + 0 * a + 0 * b", NAMES)
        known = {name: interval_of(source) for name in NAMES}
        value = evaluate(tree, known)
        assert not value.is_empty
        for _ in range(5):
            exact = evaluate(tree, {name: exactly(point_in(known[name], source)) for name in NAMES})
            if exact.low is not None:
                assert exact.is_exact
                assert exact.low in value, (tree, known, value, exact)
                seen["defined"] += 1
                seen["bounded"] += value.high is not None
    assert seen["defined"] > 8000
    assert seen["bounded"] > 1500


def test_bounds_are_reached_where_operands_only_raise_or_lower() -> None:
    """A dose raises its effect and fractions lower it: the bounds are the values at two corners."""
    names = frozenset({"dose", "fractions"})
    tree = parse_formula("dose * (1 + dose / (fractions * 3))", names)
    source = random.Random(8)
    for _ in range(200):
        dose, fractions = sorted(source.sample(range(1, 60), 2)), sorted(source.sample(range(1, 40), 2))
        found = evaluate(tree, {"dose": between(*dose), "fractions": between(*fractions)})
        least, most = corner(tree, dose[0], fractions[1]), corner(tree, dose[1], fractions[0])
        assert (found.low, found.high) == (least, most)


def corner(tree: Expression, dose: int, fractions: int) -> Fraction | None:
    return evaluate(tree, {"dose": exactly(dose), "fractions": exactly(fractions)}).low


DECLARATIONS = [
    ("an operand too few", "DELETE { ?d core:operand ?o } WHERE { aura:bed10 core:derivedBy ?d . ?d core:operand ?o . ?o core:argumentName 'fractions' }", "bed10: needs one operand for each of dose, fractions, alphaBeta"),
    ("an operand of nothing", "DELETE { ?o core:ofFeature ?f } WHERE { aura:bed10 core:derivedBy/core:operand ?o . ?o core:ofFeature ?f }", "needs ofFeature or ofConstant"),
    ("an operand of two things", "INSERT { ?o core:ofFeature rec:totalDose } WHERE { aura:bed10 core:derivedBy/core:operand ?o . ?o core:ofConstant ?c }", "needs ofFeature or ofConstant"),
    ("an operand in another dimension", "DELETE { ?o core:ofFeature ?f } INSERT { ?o core:ofFeature rec:diameter } WHERE { aura:bed10 core:derivedBy/core:operand ?o . ?o core:ofFeature ?f ; core:argumentName 'dose' }", "bed10: the unit cm does not convert to Gy"),
    ("a value in another dimension", "DELETE { aura:bed10 core:canonicalUnit ?u } INSERT { aura:bed10 core:canonicalUnit 'cm' } WHERE { aura:bed10 core:canonicalUnit ?u }", "bed10: the unit Gy does not convert to cm"),
    ("a constant in another dimension", "DELETE { ?c qty:unit ?u } INSERT { ?c qty:unit 'mo' } WHERE { VALUES ?c { aura:alpha-beta-cord } ?c qty:unit ?u }", "alpha-beta-cord: the unit mo does not convert to Gy"),
    ("a constant for nothing", "DELETE { ?c core:forArgument ?n } INSERT { ?c core:forArgument 'alpha' } WHERE { VALUES ?c { aura:alpha-beta-cord } ?c core:forArgument ?n }", "no function has an argument alpha"),
    ("a constant of zero", "DELETE { ?c qty:value ?n } INSERT { ?c qty:value 0.0 } WHERE { VALUES ?c { aura:alpha-beta-cord } ?c qty:value ?n }", "a constant is above zero"),
    ("a function nobody declares", "DELETE { ?d core:function ?f } INSERT { ?d core:function rt:other } WHERE { aura:bed10 core:derivedBy ?d . ?d core:function ?f }", "other: no function is declared"),
    ("a formula that is none", "DELETE { ?f core:expression ?e } INSERT { ?f core:expression 'dose - fractions' } WHERE { VALUES ?f { rt:fractionDose } ?f core:expression ?e }", "character 6: '-'"),
    ("two arguments of one name", "DELETE { ?a core:argumentName ?n } INSERT { ?a core:argumentName 'dose' } WHERE { VALUES ?a { rt:argument-fractions } ?a core:argumentName ?n }", "two arguments bear the same name"),
    ("a sum of unlike alpha/beta", "DELETE { ?o core:ofFeature ?f } INSERT { ?o core:ofFeature aura:cordEqd2Hytec } WHERE { aura:cumulativeCordEqd2 core:derivedBy/core:operand ?o . ?o core:ofFeature ?f ; core:argumentName 'plan' }", "cumulativeCordEqd2: combines values computed with unlike alphaBeta: alpha-beta-cord and alpha-beta-cord-hytec"),
    ("an operation of another version", "DELETE { ?d a core:Count } INSERT { ?d a core:Quotient } WHERE { rec:metastasisCount core:derivedBy ?d }", "derived by Quotient; the program knows Count, Maximum"),
    ("a feature computed from itself", "DELETE { ?o core:ofFeature ?f } INSERT { ?o core:ofFeature aura:bed10 } WHERE { aura:bed10 core:derivedBy/core:operand ?o . ?o core:ofFeature ?f ; core:argumentName 'dose' }", "bed10: is derived from itself"),
]  # fmt: skip


@pytest.mark.parametrize(("update", "told"), [d[1:] for d in DECLARATIONS], ids=[d[0] for d in DECLARATIONS])
def test_a_declaration_that_does_not_fit_is_refused(
    edited: Callable[[str], RecordSchema], update: str, told: str
) -> None:
    with pytest.raises(GuidelineError) as caught:
        edited(update)
    assert told in str(caught.value)


def test_units_of_constants_are_converted(edited: Callable[[str], RecordSchema]) -> None:
    """87 cGy is 0.87 Gy."""
    update = "DELETE { ?c qty:value ?n ; qty:unit ?u } INSERT { ?c qty:value 87.0 ; qty:unit 'cGy' } WHERE { VALUES ?c { aura:alpha-beta-cord } ?c qty:value ?n ; qty:unit ?u }"
    schema = edited(update)
    found: dict[str, Any] = {}
    for feature in schema.features.values():
        for operand in feature.derivation.operands if feature.derivation else ():
            if operand.constant is not None:
                found[operand.constant.rpartition("/")[2]] = (
                    schema.functions.constants[operand.constant].value * operand.factor
                )
    assert found["alpha-beta-cord"] == Fraction("0.87")
