"""Arithmetic declared in the ontology, on values known exactly, within bounds, or not at all.

A formula is a text such as ``a * (1 + b / c)``: names and numbers joined by ``+ * /`` and parentheses.
It speaks of quantities that are never negative, so that bounds follow from bounds. They are exact when
a formula grows, or shrinks, in each operand wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from kg_service.errors import GuidelineError
from kg_service.values import Interval, exactly

MAX_DEPTH = 32
"""Deepest nesting of parentheses."""
MAX_PARTS = 200
"""Most numbers, names and signs."""
_ZERO = Fraction(0)
_ANY = Interval(low=_ZERO)
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|[A-Za-z][A-Za-z0-9]*|\S")


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
        The operands it may name, and must.

    Raises
    ------
    GuidelineError
        When it is no formula, names something else, or leaves an operand out; says where.
    """
    parser = _Parser(text, names)
    tree = parser.parse()
    if parser.unused:
        raise GuidelineError(f"formula {text!r} does not use {', '.join(sorted(parser.unused))}")
    return tree


def evaluate(expression: Expression, operands: Mapping[str, Interval]) -> Interval:
    """Return the values that a formula may have.

    An operand that is not given may be any number of zero or more. Nothing is known of the value
    when an operand is below zero, or when what divides can only be zero.
    """
    value = _value(expression, operands)
    return Interval() if value is None else value


def add(left: Interval, right: Interval) -> Interval:
    """Return the sums of values that are zero or more."""
    high = None if left.high is None or right.high is None else left.high + right.high
    return Interval(
        (left.low or _ZERO) + (right.low or _ZERO),
        high,
        left.low_open or right.low_open,
        high is not None and (left.high_open or right.high_open),
    )


class _Parser:
    """Reads one formula from left to right: a sum of products of numbers, names and parentheses."""

    def __init__(self, text: str, names: frozenset[str]) -> None:
        self.text = text
        self.names = names
        self.unused = set(names)
        self._tokens = [(match[0], match.start()) for match in _TOKEN.finditer(text)]
        self._at = 0

    def parse(self) -> Expression:
        if len(self._tokens) > MAX_PARTS:
            raise GuidelineError(f"a formula of {len(self._tokens)} parts; expected at most {MAX_PARTS}")
        tree = self._sum(0)
        if self._next:
            raise self._refuse("+ * / or the end")
        return tree

    @property
    def _next(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._next
        self._at += 1
        return token

    def _sum(self, depth: int) -> Expression:
        tree = self._product(depth)
        while self._next == "+":
            tree = Operation(self._take(), tree, self._product(depth))
        return tree

    def _product(self, depth: int) -> Expression:
        tree = self._factor(depth)
        while self._next in ("*", "/"):
            tree = Operation(self._take(), tree, self._factor(depth))
        return tree

    def _factor(self, depth: int) -> Expression:
        if self._next == "(" and depth < MAX_DEPTH:
            self._take()
            tree = self._sum(depth + 1)
            if self._next != ")":
                raise self._refuse("+ * / or a closing parenthesis")
            self._take()
            return tree
        if self._next[:1].isdecimal() and self._next.isascii():
            return Number(Fraction(self._take()))
        if self._next in self.names:
            self.unused.discard(self._next)
            return Name(self._take())
        nesting = f"at most {MAX_DEPTH} parentheses in one another, " if self._next == "(" else ""
        raise self._refuse(f"{nesting}a number, a parenthesis or one of {', '.join(sorted(self.names))}")

    def _refuse(self, expected: str) -> GuidelineError:
        found = repr(self._next) if self._next else "its end"
        place = self._tokens[self._at][1] if self._next else len(self.text)
        return GuidelineError(f"formula {self.text!r}, character {place + 1}: {found}; expected {expected}")


def _value(expression: Expression, operands: Mapping[str, Interval]) -> Interval | None:
    """Return the values of a part of a formula; None when nothing can be said of them."""
    match expression:
        case Number(value):
            return exactly(value)
        case Name(name):
            known = operands.get(name, _ANY) & _ANY
            return None if known.is_empty else known
        case Operation(operator, left, right):
            one, other = _value(left, operands), _value(right, operands)
            return None if one is None or other is None else _apply(operator, one, other)


def _apply(operator: str, left: Interval, right: Interval) -> Interval | None:
    """Return the values of an operation on values that are zero or more."""
    if operator == "+":
        return add(left, right)
    if operator == "*":
        return _product(left, right)
    return None if right.high == 0 else _product(left, _inverse(right))


def _product(left: Interval, right: Interval) -> Interval:
    if 0 in (left.high, right.high):
        return exactly(0)
    low = (left.low or _ZERO) * (right.low or _ZERO)
    high = None if left.high is None or right.high is None else left.high * right.high
    without_zero = _ZERO not in left and _ZERO not in right
    return Interval(
        low,
        high,
        (left.low_open or right.low_open) if low else without_zero,
        high is not None and (left.high_open or right.high_open),
    )


def _inverse(interval: Interval) -> Interval:
    """Return the inverses of values of which one at least is above zero."""
    if interval.high is None:
        low, low_open = _ZERO, True
    else:
        low, low_open = 1 / interval.high, interval.high_open
    high = 1 / interval.low if interval.low else None
    return Interval(low, high, low_open, high is not None and interval.low_open)
