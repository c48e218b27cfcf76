"""Dates known to the day, the month or the year, and calendar time between them."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

_FORM = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


@dataclass(frozen=True)
class PartialDate:
    """A day somewhere between two days, both included.

    Attributes
    ----------
    first, last : datetime.date
        The earliest and the latest day it can be; equal when the day is known.
    """

    first: date
    last: date

    def __str__(self) -> str:
        if self.first == self.last:
            return self.first.isoformat()
        same_month = (self.first.year, self.first.month) == (self.last.year, self.last.month)
        return self.first.strftime("%Y-%m" if same_month else "%Y")


def parse_date(text: str) -> PartialDate:
    """Read ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; a time of day after it is ignored.

    Raises
    ------
    ValueError
        When the text has another form, or names a day that does not exist.
    """
    match = _FORM.fullmatch(text.split("T", 1)[0])
    if not match:
        raise ValueError(f"{text!r} is not a date")
    year, month, day = (int(part) if part else None for part in match.groups())
    if year is None:
        raise ValueError(f"{text!r} is not a date")
    if month is None:
        return PartialDate(date(year, 1, 1), date(year, 12, 31))
    if day is None:
        last = calendar.monthrange(year, month)[1]
        return PartialDate(date(year, month, 1), date(year, month, last))
    return PartialDate(date(year, month, day), date(year, month, day))


def calendar_months(start: date, end: date) -> Fraction:
    """Return the calendar months from `start` to `end`, negative when `end` comes first.

    Whole months are counted to the same day of the month, or to the last day of a shorter
    month; what remains counts as days over the length of the month that begins there.

    Returns
    -------
    fractions.Fraction
        Exact number of months [mo].

    >>> calendar_months(date(2026, 8, 2), date(2026, 11, 2))
    Fraction(3, 1)
    >>> calendar_months(date(2026, 8, 3), date(2026, 11, 2)) < 3
    True
    """
    if end < start:
        return -calendar_months(end, start)
    whole = (end.year - start.year) * 12 + end.month - start.month
    if _shift(start, whole) > end:
        whole -= 1
    begun = _shift(start, whole)
    return whole + Fraction((end - begun).days, (_shift(start, whole + 1) - begun).days)


def days(start: date, end: date) -> Fraction:
    """Return the days from `start` to `end`, negative when `end` comes first [d].

    >>> days(date(2026, 1, 1), date(2026, 1, 22))
    Fraction(21, 1)
    """
    return Fraction((end - start).days)


def _shift(day: date, months: int) -> date:
    """Return the day `months` later, clamped to the end of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
