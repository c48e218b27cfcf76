"""XSD literals: whether they are well typed, and keys whose order as texts is that of their values.

No number becomes a binary fraction: a key holds every digit. Two values are comparable when they are
of one family: instants with and without a time zone are not.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from kg_service.namespaces import RDF, XSD

NUMBER = "number"
_KEPT = 65_536
"""Literals whose values are kept, so that repeated ones are read once."""
_EXPONENT = 10**9
"""Added to exponents, so that they are never negative: no literal in memory has as many digits."""
_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_TEXT = re.compile(r".*", re.DOTALL)
_ZONE = r"(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?"
_YEAR = r"(-?(?:[1-9]\d{3,}|0\d{3}))"
_MONTH, _DAY = r"(0[1-9]|1[0-2])", r"(0[1-9]|[12]\d|3[01])"
_TIME = r"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?|24:00:00(?:\.0+)?)"
_DURATION = re.compile(r"-?P(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.ASCII)
_DATE_TIME = re.compile(f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}", re.ASCII)
_DATE = re.compile(f"{_YEAR}-{_MONTH}-{_DAY}{_ZONE}", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_FLOAT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?INF|NaN", re.ASCII)
_BOOLEAN = {"false": "0", "0": "0", "true": "1", "1": "1"}
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2
_YEAR_DAYS = 365
_TEN = 10
_LEAP = 4
_CENTURY = 100
_LEAP_CENTURY = 400
_HOUR = 3600
_MINUTE = 60
_DAY_SECONDS = 86_400
_BITS = {"byte": 8, "Byte": 8, "short": 16, "Short": 16, "int": 32, "Int": 32, "long": 64, "Long": 64}


class TypedValue(NamedTuple):
    """What a literal stands for, as far as shapes ask.

    Attributes
    ----------
    ill_typed : bool
        Whether the lexical form is none of its datatype; never so for datatypes not known here.
    family : str or None
        What it can be compared with; None where SPARQL compares it with nothing.
    order : str or None
        Text whose order by code point is that of the values of the family; None for NaN.
    """

    ill_typed: bool
    family: str | None = None
    order: str | None = None


_ILL = TypedValue(True)
_PLAIN = TypedValue(False)


@lru_cache(maxsize=_KEPT)
def typed_value(lexical: str, datatype: str | None) -> TypedValue:
    """Return what a literal stands for.

    Parameters
    ----------
    lexical : str
        Its lexical form; white space around it is part of it.
    datatype : str or None
        IRI of its datatype; None for a term that is no literal.

    >>> typed_value("0.10", str(XSD.decimal)) == typed_value("+.1", str(XSD.decimal))
    True
    >>> typed_value("300", str(XSD.byte)).ill_typed
    True
    """
    if datatype in _RANGES:
        return _integer(lexical, *_RANGES[datatype])
    if datatype == str(XSD.decimal):
        fits = _DECIMAL.fullmatch(lexical)
        return TypedValue(False, NUMBER, number_key(Decimal(lexical))) if fits else _ILL
    if datatype in (str(XSD.double), str(XSD.float)):
        return _binary(lexical, datatype == str(XSD.float))
    if datatype == str(XSD.string):
        return TypedValue(False, "string", lexical)
    if datatype == str(XSD.boolean):
        key = _BOOLEAN.get(lexical)
        return _ILL if key is None else TypedValue(False, "boolean", key)
    if datatype == str(XSD.dateTime):
        return _instant(_DATE_TIME.fullmatch(lexical), "dateTime")
    if datatype == str(XSD.date):
        return _instant(_DATE.fullmatch(lexical), "date")
    form = _FORMS.get(datatype or "", _TEXT)
    return _PLAIN if form.fullmatch(lexical) else _ILL


def number_key(number: Decimal) -> str:
    """Return a text for a finite number: keys of two numbers are ordered as the numbers are.

    >>> number_key(Decimal("-2")) < number_key(Decimal("-1.5")) < number_key(Decimal(0))
    True
    """
    if not number:
        return "2"
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    magnitude = f"{number.adjusted() + _EXPONENT:010d}{digits}"
    return f"1{magnitude.translate(_COMPLEMENT)}~" if number < 0 else f"3{magnitude}"


def _integer(lexical: str, low: int | None, high: int | None) -> TypedValue:
    if not _INTEGER.fullmatch(lexical):
        return _ILL
    number = Decimal(lexical)
    if (low is not None and number < low) or (high is not None and number > high):
        return _ILL
    return TypedValue(False, NUMBER, number_key(number))


def _binary(lexical: str, single: bool) -> TypedValue:
    if not _FLOAT.fullmatch(lexical):
        return _ILL
    number = float(lexical)
    if single:
        with np.errstate(over="ignore"):
            number = float(np.float32(number))
    if number != number:  # only NaN is not equal to itself
        return TypedValue(False, NUMBER, None)
    if number in (float("inf"), float("-inf")):
        return TypedValue(False, NUMBER, "4" if number > 0 else "0")
    return TypedValue(False, NUMBER, number_key(Decimal(number)))


def _instant(match: re.Match[str] | None, family: str) -> TypedValue:
    """Return where a day or an instant begins on the time line; without a zone, on a line of its own."""
    if match is None:
        return _ILL
    year, month, day, *clock, zone = match.groups()
    if int(day) > _days_in(int(year), int(month)):
        return _ILL
    hours, minutes, seconds = (clock[0] if clock else "00:00:00").split(":")
    whole, _, fraction = seconds.partition(".")
    total = _days(int(year), int(month), int(day)) * _DAY_SECONDS - _offset(zone)
    total += int(hours) * _HOUR + int(minutes) * _MINUTE + int(whole)
    scaled = total * _TEN ** len(fraction) + int(fraction or 0)  # exact, however many digits
    number = Decimal((int(scaled < 0), tuple(map(int, str(abs(scaled)))), -len(fraction)))
    return TypedValue(False, f"{family} with zone" if zone else family, number_key(number))


def _offset(zone: str | None) -> int:
    """Return how far a zone is ahead of UTC, in seconds."""
    if zone in (None, "Z"):
        return 0
    assert zone is not None  # noqa: S101 - just excluded
    hours, minutes = zone[1:].split(":")
    seconds = int(hours) * _HOUR + int(minutes) * _MINUTE
    return -seconds if zone[0] == "-" else seconds


def _days_in(year: int, month: int) -> int:
    return _MONTH_LENGTHS[month - 1] + (1 if month == _FEBRUARY and _is_leap(year) else 0)


def _is_leap(year: int) -> bool:
    return year % _LEAP == 0 and (year % _CENTURY != 0 or year % _LEAP_CENTURY == 0)


def _days(year: int, month: int, day: int) -> int:
    """Return the number of a day in the proleptic Gregorian calendar, in years of any length."""
    before = year - 1
    days = _YEAR_DAYS * before + before // _LEAP - before // _CENTURY + before // _LEAP_CENTURY
    return days + sum(_days_in(year, earlier) for earlier in range(1, month)) + day


def _signed(name: str) -> tuple[int, int]:
    return -(2 ** (_BITS[name] - 1)), 2 ** (_BITS[name] - 1) - 1


_RANGES: dict[str | None, tuple[int | None, int | None]] = {
    str(XSD.integer): (None, None),
    str(XSD.nonNegativeInteger): (0, None),
    str(XSD.positiveInteger): (1, None),
    str(XSD.nonPositiveInteger): (None, 0),
    str(XSD.negativeInteger): (None, -1),
    **{str(XSD[name]): _signed(name) for name in ("byte", "short", "int", "long")},
    **{str(XSD[f"unsigned{name}"]): (0, 2 ** _BITS[name] - 1) for name in ("Byte", "Short", "Int", "Long")},
}
_FORMS = {
    str(XSD.time): re.compile(f"{_TIME}{_ZONE}", re.ASCII),
    str(XSD.gYear): re.compile(f"{_YEAR}{_ZONE}", re.ASCII),
    str(XSD.gYearMonth): re.compile(f"{_YEAR}-{_MONTH}{_ZONE}", re.ASCII),
    str(XSD.gMonth): re.compile(f"--{_MONTH}{_ZONE}", re.ASCII),
    str(XSD.gDay): re.compile(f"---{_DAY}{_ZONE}", re.ASCII),
    str(XSD.duration): _DURATION,
    str(XSD.hexBinary): re.compile(r"([0-9a-fA-F]{2})*", re.ASCII),
    str(XSD.language): re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*", re.ASCII),
    str(RDF.langString): _TEXT,
}
