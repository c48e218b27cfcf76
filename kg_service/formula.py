"""Arithmetic declared in the ontology, on values known exactly, within bounds, or not at all.

A formula is a text such as ``a * (1 + b / c)`` over names and numbers, with ``+ * /`` and parentheses.
It speaks of quantities that are never negative, so that bounds follow from bounds. They are exact when
a formula grows, or shrinks, in each operand wherever it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from kg_service.errors import GuidelineError
from kg_service.values import Interval, exactly

_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Mult: "*", ast.Div: "/"}
_ZERO = Fraction(0)


@dataclass(frozen=True)
class Number:
    """A number that a formula holds."""

    value: Fraction


@dataclass(frozen=True)
class Name:
    """An operand, by its name."""

    name: str


@dataclass(frozen=True)
class Operation:
    """Two parts joined by ``+``, ``*`` or ``/``."""

    operator: str
    left: Expression
    right: Expression


Expression = Number | Name | Operation


def parse_formula(text: str, names: frozenset[str]) -> Expression:
    """Read a formula.

    Parameters
    ----------
    text : str
        The formula.
    names : frozenset of str
        The operands it may name.

    Raises
    ------
    GuidelineError
        When it is no formula, or names something else.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise GuidelineError(f"formula {text!r} cannot be read: {error.msg}") from error
    return _expression(tree, names, text)


def evaluate(expression: Expression, operands: Mapping[str, Interval]) -> Interval:
    """Return the values that a formula may have; an operand that is not given may be any of zero or more."""
    match expression:
        case Number(value):
            return exactly(value)
        case Name(name):
            return operands.get(name, Interval(low=_ZERO)) & Interval(low=_ZERO)
        case Operation(operator, left, right):
            return _apply(operator, evaluate(left, operands), evaluate(right, operands))


def _expression(node: ast.expr, names: frozenset[str], text: str) -> Expression:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _expression(node.left, names, text), _expression(node.right, names, text)
        return Operation(_OPERATORS[type(node.op)], left, right)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Number(Fraction(str(node.value)))
    if isinstance(node, ast.Name) and node.id in names:
        return Name(node.id)
    found = ast.unparse(node)
    raise GuidelineError(
        f"formula {text!r} holds {found!r}; expected + * / over numbers and {', '.join(sorted(names))}"
    )


def _apply(operator: str, left: Interval, right: Interval) -> Interval:
    """Return the values of an operation on values that are zero or more."""
    if operator == "/":
        return _product(left, _reciprocal(right))
    if operator == "*":
        return _product(left, right)
    low = left.low + right.low if left.low is not None and right.low is not None else None
    high = left.high + right.high if left.high is not None and right.high is not None else None
    return Interval(low, high, left.low_open or right.low_open, left.high_open or right.high_open)


def _product(left: Interval, right: Interval) -> Interval:
    low = (left.low or _ZERO) * (right.low or _ZERO)
    high = left.high * right.high if left.high is not None and right.high is not None else None
    # A product of zero is reached by any factor of zero, so an open bound does not exclude it.
    low_open = bool(low) and (left.low_open or right.low_open)
    return Interval(low, high, low_open, left.high_open or right.high_open)


def _reciprocal(interval: Interval) -> Interval:
    """Return the inverses of values that are zero or more; the inverse of zero may be anything."""
    low = 1 / interval.high if interval.high else _ZERO
    high = 1 / interval.low if interval.low else None
    return Interval(low, high, bool(low) and interval.high_open, high is not None and interval.low_open)
