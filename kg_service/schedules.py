"""Schedules as people write them, and what the declared functions make of them.

A schedule is a total dose in so many fractions. Which functions are told, with which values of a
further argument and from which source, is read from the ontology.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction

from kg_service.errors import InputError, Problem, nearest
from kg_service.functions import Argument, Constant, Function, Functions
from kg_service.namespaces import DCTERMS, SKOS, local_name
from kg_service.values import decimal_text
from kg_service.wording import Wording

DECIMALS = 18
"""Most decimals of a number in JSON."""
_NUMBER = r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,12})?"
_SCHEDULE = re.compile(
    rf"(?P<amount>{_NUMBER})\s*(?P<unit>[A-Za-z%]*)\s*(?:/|\bin\b|\ben\b)\s*(?P<count>{_NUMBER})"
    r"(?:\s*(?:fractions?|fx))?"
)
_EXPECTED = "a total dose with its unit and a number of fractions, such as 30{unit}/10"


@dataclass(frozen=True)
class Schedule:
    """A total dose, in the unit that functions take it in, and its number of fractions.

    The fields bear the names of the arguments that functions take.
    """

    dose: Fraction
    fractions: Fraction


@dataclass(frozen=True)
class Amount:
    """A number with its unit, a UCUM code."""

    value: str
    unit: str


@dataclass(frozen=True)
class ValuesAt:
    """Values of a schedule for one value of a further argument.

    Attributes
    ----------
    constant : str or None
        IRI of the declared constant; None when the value was given.
    appliesTo, source : str
        What the constant is a property of, and where it comes from; empty when the value was given.
    """

    at: Amount
    constant: str | None
    label: str
    appliesTo: str  # noqa: N815 - a key of the JSON form
    source: str
    values: dict[str, Amount]


@dataclass(frozen=True)
class ScheduleValues:
    """What the declared functions make of a schedule.

    Attributes
    ----------
    schedule : str
        As it was given.
    values : dict of str to Amount
        Values that need nothing further, by the names of functions.
    at : list of ValuesAt
        Values that need a further argument, one entry for each value of it.
    """

    schedule: str
    dose: Amount
    fractions: int
    values: dict[str, Amount]
    at: list[ValuesAt]


class ScheduleCalculator:
    """Applies every function of schedules that the ontology declares.

    Parameters
    ----------
    functions : Functions
        The declared functions.
    wording : Wording
        The words of the answer.
    """

    def __init__(self, functions: Functions, wording: Wording) -> None:
        self.functions = functions
        self.wording = wording
        names = {field.name for field in fields(Schedule)}
        known = [
            (function, [a for a in function.arguments if a.name not in names])
            for function in functions.by_iri.values()
            if names <= {a.name for a in function.arguments}
        ]
        self.plain = [function for function, further in known if not further]
        self.further = [(function, further[0]) for function, further in known if len(further) == 1]

    def values(self, texts: Sequence[str], given: Sequence[str] = ()) -> list[ScheduleValues]:
        """Return the values of some schedules.

        Parameters
        ----------
        texts : sequence of str
            Schedules, such as ``30Gy/10`` or ``30 Gy in 10``.
        given : sequence of str
            Values of the further argument; every declared constant otherwise.

        Raises
        ------
        InputError
            With every schedule and value that cannot be used.
        """
        problems: list[Problem] = []
        schedules = [(text, self._schedule(text, problems)) for text in texts]
        numbers = [self._given(text, problems) for text in given]
        if problems:
            raise InputError(problems)
        chosen = [number for number in numbers if number is not None]
        return [self._told(text, schedule, chosen) for text, schedule in schedules if schedule is not None]

    def _schedule(self, text: str, problems: list[Problem]) -> Schedule | None:
        amount, count = (self._argument(field.name) for field in fields(Schedule))
        units = sorted(start for start, end in self.functions.unit_factors if end == amount.unit)
        match = _SCHEDULE.fullmatch(text.strip())
        if match is None:
            remedy = "Write a decimal point." if "," in text else ""
            problems.append(Problem(repr(text), "no schedule", _EXPECTED.format(unit=amount.unit), remedy))
            return None
        total = Fraction(match["amount"])
        number = Fraction(match["count"])
        found = len(problems)
        if match["unit"] not in units:
            what = f"the unit {match['unit']!r}" if match["unit"] else "no unit"
            near = nearest(match["unit"], units)
            remedy = f"Did you mean {near}?" if near else ""
            problems.append(
                Problem(repr(text), what, f"one of {', '.join(units)} after the total dose", remedy)
            )
        if total <= 0:
            problems.append(Problem(repr(text), f"a total dose of {match['amount']}", "a dose above zero"))
        if number <= 0 or (number.denominator != 1 and count.whole):
            problems.append(
                Problem(repr(text), f"{match['count']} fractions", "a whole number of fractions, one or more")
            )
        if len(problems) > found:
            return None
        return Schedule(total * self.functions.unit_factors[match["unit"], amount.unit], number)

    def _argument(self, name: str) -> Argument:
        """Return an argument that every function of schedules takes."""
        functions = [*self.plain, *(function for function, _ in self.further)]
        return next(a for function in functions for a in function.arguments if a.name == name)

    def _given(self, text: str, problems: list[Problem]) -> Fraction | None:
        """Return a value of the further argument; a plain number is in its unit."""
        argument = self.further[0][1]
        unit = argument.unit
        number = self.functions.written(text, unit) or self.functions.written(f"{text} {unit}", unit)
        if number is None or number <= 0:
            label = self.wording.label(argument.iri)
            problems.append(Problem(f"{label} {text!r}", "no such value", f"a number above zero, in {unit}"))
            return None
        return number

    def _told(self, text: str, schedule: Schedule, given: list[Fraction]) -> ScheduleValues:
        numbers = vars(schedule)
        amount = next(iter(fields(Schedule))).name
        return ScheduleValues(
            text,
            _amount(schedule.dose, self._argument(amount).unit),
            int(schedule.fractions),
            {_name(f): _amount(f.value(numbers), f.unit) for f in self.plain},
            list(self._at(numbers, given)),
        )

    def _at(self, numbers: dict[str, Fraction], given: list[Fraction]) -> Iterator[ValuesAt]:
        if not self.further:
            return
        argument = self.further[0][1]
        for number in given:
            yield self._values_at(numbers, argument, number, None)
        for constant in () if given else self.functions.constants_for(argument.name):
            factor = self.functions.factor(constant.unit, argument.unit, constant.iri)
            yield self._values_at(numbers, argument, constant.value * factor, constant)

    def _values_at(
        self, numbers: dict[str, Fraction], argument: Argument, number: Fraction, constant: Constant | None
    ) -> ValuesAt:
        applies_to = constant.applies_to if constant else None
        return ValuesAt(
            _amount(number, argument.unit),
            str(constant.iri) if constant else None,
            self.wording.label(constant.iri) if constant else self.wording.phrase("given"),
            self.wording.label(applies_to) if applies_to else "",
            self.wording.text(constant.iri, DCTERMS.source) if constant else "",
            {
                _name(f): _amount(f.value({**numbers, further.name: number}), f.unit)
                for f, further in self.further
                if further.name == argument.name
            },
        )

    def text(self, found: list[ScheduleValues]) -> str:
        """Return values as one table a schedule."""
        return "\n\n".join("\n".join(self._table(item)) for item in found)

    def _table(self, item: ScheduleValues) -> Iterator[str]:
        plain = [
            self.wording.told(self.wording.label(f.iri), self._shown(item.values[_name(f)]))
            for f in self.plain
        ]
        yield "   ".join([f"{self._shown(item.dose)}/{item.fractions}", *plain])
        if not item.at:
            return
        functions = [function for function, _ in self.further]
        head = [self.wording.label(self.further[0][1].iri), *map(self._heading, functions)]
        rows = [[*head, self.wording.phrase("source")]]
        for line in item.at:
            source = ", ".join(part for part in (line.appliesTo, line.source) if part) or line.label
            values = [self._shown(line.values[_name(function)]) for function in functions]
            rows.append([self._shown(line.at), *values, source])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            yield ("  " + "  ".join(cells)).rstrip()

    def _heading(self, function: Function) -> str:
        notation = self.wording.compiled.guideline.graph.value(function.iri, SKOS.notation)
        return str(notation) if notation else self.wording.label(function.iri)

    def _shown(self, amount: Amount) -> str:
        return f"{self.wording.number(Fraction(amount.value))} {amount.unit}"


def _name(function: Function) -> str:
    """Return the shortest name that queries may call a function by."""
    return local_name(function.iris[-1])


def _amount(number: Fraction, unit: str) -> Amount:
    return Amount(decimal_text(round(number, DECIMALS)), unit)
