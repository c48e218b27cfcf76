from datetime import date
from fractions import Fraction

import pytest

from kg_service.dates import calendar_months, parse_date


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (date(2026, 8, 2), date(2026, 11, 2), Fraction(3)),
        (date(2026, 8, 3), date(2026, 11, 2), 2 + Fraction(30, 31)),
        (date(2026, 8, 1), date(2026, 11, 2), 3 + Fraction(1, 30)),
        (date(2025, 11, 30), date(2026, 2, 28), Fraction(3)),
        (date(2025, 11, 30), date(2026, 2, 27), 2 + Fraction(28, 29)),
        (date(2024, 2, 29), date(2025, 2, 28), Fraction(12)),
        (date(2026, 5, 5), date(2026, 5, 5), Fraction(0)),
        (date(2026, 11, 2), date(2026, 8, 2), Fraction(-3)),
    ],
)
def test_calendar_months_count_to_the_same_day_of_the_month(start: date, end: date, months: Fraction) -> None:
    assert calendar_months(start, end) == months


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026-11-02", date(2026, 11, 2), date(2026, 11, 2)),
        ("2026-11-02T10:30:00+01:00", date(2026, 11, 2), date(2026, 11, 2)),
    ],
)
def test_a_partial_date_is_an_interval_of_days(text: str, first: date, last: date) -> None:
    parsed = parse_date(text)
    assert (parsed.first, parsed.last) == (first, last)
    assert str(parsed) == text.split("T")[0]


@pytest.mark.parametrize(
    "text", ["", "2026-13", "2026-02-30", "02/11/2026", "0000-01-01", "2026-1-1", "hier", "20261102"]
)
def test_a_day_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_date(text)
