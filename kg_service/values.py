"""What is known of a value: exactly which values it may still have.

A value is known as a set of possibilities: an interval of numbers, or a set of names (the
leaves of a value partition, or ``true`` and ``false``). Knowing nothing is the whole domain.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Literal

TRUE = "true"
FALSE = "false"
BOOLEAN = frozenset({TRUE, FALSE})


@dataclass(frozen=True)
class Interval:
    """Numbers between two bounds; None is no bound.

    Attributes
    ----------
    low, high : Fraction or None
        The bounds, in the canonical unit of the feature.
    low_open, high_open : bool
        Whether a bound is itself excluded.
    """

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no number lies within."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    @property
    def is_exact(self) -> bool:
        """Whether one number alone lies within."""
        return self.low is not None and self.low == self.high and not self.is_empty

    @property
    def is_everything(self) -> bool:
        """Whether every number lies within."""
        return self.low is None and self.high is None

    def __and__(self, other: Interval) -> Interval:
        low, low_open = _tighter(self.low, self.low_open, other.low, other.low_open, upper=False)
        high, high_open = _tighter(self.high, self.high_open, other.high, other.high_open, upper=True)
        return Interval(low, high, low_open, high_open)

    def __contains__(self, number: Fraction) -> bool:
        return not (self & exactly(number)).is_empty

    def __str__(self) -> str:
        if self.is_exact and self.low is not None:
            return number_text(self.low)
        parts = []
        if self.low is not None:
            parts.append(f"{'>' if self.low_open else '≥'} {number_text(self.low)}")
        if self.high is not None:
            parts.append(f"{'<' if self.high_open else '≤'} {number_text(self.high)}")
        return ", ".join(parts) or "?"


MOST_DECIMALS = 12
DECIMAL_DIGITS = 40

Knowledge = Interval | frozenset[str]
"""The values still possible: an interval, or the names of leaves or truth values."""


def exactly(number: Fraction | int) -> Interval:
    """Return the interval that holds one number."""
    return Interval(Fraction(number), Fraction(number))


Status = Literal["true", "false", "unknown"]


def status_of(value: bool | None) -> Status:
    """Return the word for a three-valued answer."""
    return "unknown" if value is None else "true" if value else "false"


def truth(value: bool) -> frozenset[str]:
    """Return the knowledge that a boolean has this value."""
    return frozenset({TRUE if value else FALSE})


def narrow(one: Knowledge, other: Knowledge) -> Knowledge:
    """Return what is known when both are known: their intersection, perhaps empty."""
    if isinstance(one, Interval) and isinstance(other, Interval):
        return one & other
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one & other
    raise TypeError("an interval and a set of names cannot be compared")


def is_contradiction(known: Knowledge) -> bool:
    """Return whether no value is left."""
    return known.is_empty if isinstance(known, Interval) else not known


def number_text(number: Fraction) -> str:
    """Return a number as a person writes it: two decimals, or as many as tell it from a rounder one.

    >>> number_text(Fraction(302, 30)), number_text(Fraction(2999, 1000)), number_text(Fraction(3))
    ('10.07', '2.999', '3')
    """
    if number.denominator == 1:
        return str(number.numerator)
    for decimals in range(2, MOST_DECIMALS):
        text = f"{float(number):.{decimals}f}".rstrip("0").rstrip(".")
        if "." in text:
            return text
    return f"{float(number):.{MOST_DECIMALS}g}"


def decimal_text(number: Fraction, rounding: str = ROUND_HALF_EVEN) -> str:
    """Return a number as xsd:decimal writes it; one without a finite form to forty digits.

    >>> decimal_text(Fraction(3)), decimal_text(Fraction(1, 8))
    ('3.0', '0.125')
    """
    with localcontext(prec=DECIMAL_DIGITS, rounding=rounding):
        text = f"{Decimal(number.numerator) / Decimal(number.denominator):f}"
    return text if "." in text else f"{text}.0"


def _tighter(
    one: Fraction | None, one_open: bool, other: Fraction | None, other_open: bool, *, upper: bool
) -> tuple[Fraction | None, bool]:
    """Return the bound that leaves fewer numbers, and whether it is excluded."""
    if one is None or other is None:
        return (other, other_open) if one is None else (one, one_open)
    if one == other:
        return one, one_open or other_open
    other_is_tighter = other < one if upper else other > one
    return (other, other_open) if other_is_tighter else (one, one_open)
