"""Functions that the ontology declares, called with numbers and units: by queries and the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product

from rdflib import Literal, URIRef
from typing_extensions import TypedDict

from kg_service.errors import InputError, Problem, UnknownNameError
from kg_service.formula import evaluate
from kg_service.namespaces import XSD, local_name
from kg_service.schema import ConstantValue, Function, RecordSchema
from kg_service.values import Interval, decimal_text, exactly, number_text
from kg_service.wording import Wording

UCUM = URIRef("https://w3id.org/cdt/ucum")
"""Datatype of a number with its unit, such as ``"3000 cGy"^^cdt:ucum``."""
_NUMBERS = {XSD.integer, XSD.decimal, XSD.double, XSD.float}
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(\S*)")


class Functions:
    """The functions of a record model.

    Parameters
    ----------
    schema : RecordSchema
        Declares functions, constants and units.
    """

    def __init__(self, schema: RecordSchema) -> None:
        self.schema = schema

    def for_queries(self) -> dict[URIRef, Callable[[list[Literal]], Literal | None]]:
        """Return every function by its IRI, from literals to a decimal, or to nothing."""

        def made(function: URIRef) -> Callable[[list[Literal]], Literal | None]:
            def call(arguments: list[Literal]) -> Literal | None:
                value = self.literal(function, arguments)
                return None if value is None else Literal(decimal_text(value), datatype=XSD.decimal)

            return call

        return {function: made(function) for function in self.schema.functions}

    def literal(self, function: URIRef, arguments: Sequence[Literal]) -> Fraction | None:
        """Return the value for the arguments of a query, in their order; None when one is no use.

        A plain number is in the unit of its argument; one typed as `UCUM` is converted to it.
        """
        declared = self.schema.functions[function]
        if len(arguments) != len(declared.units):
            return None
        numbers: dict[str, Fraction] = {}
        for (name, unit), argument in zip(declared.units.items(), arguments, strict=True):
            number = self._number(argument, unit)
            if number is None or number <= 0:
                return None
            numbers[name] = number
        return self._value(declared, numbers)

    def call(self, function: URIRef, arguments: dict[str, str]) -> Fraction:
        """Return the value for arguments as a person writes them, a number and its unit.

        Raises
        ------
        InputError
            With every argument that is missing, unknown, without its unit, or not above zero.
        """
        declared = self.schema.functions[function]
        problems, numbers = [], {}
        where = local_name(function)
        for name in arguments:
            if name not in declared.units:
                expected = f"one of {', '.join(declared.units)}"
                problems.append(Problem(f"{where}: {name}", "an argument it does not have", expected))
        for name, unit in declared.units.items():
            found = arguments.get(name, "nothing")
            number = self._written(found, unit)
            if number is None or number <= 0:
                expected = (
                    f"a number above zero with its unit, such as 3 {unit}"
                    if unit != "1"
                    else "a number above zero"
                )
                problems.append(Problem(f"{where}: {name}", found, expected))
            else:
                numbers[name] = number
        if problems:
            raise InputError(problems)
        return self._value(declared, numbers)

    def _number(self, argument: Literal, unit: str) -> Fraction | None:
        if argument.datatype in _NUMBERS:
            try:
                return Fraction(str(argument))
            except ValueError:
                return None
        return self._written(str(argument), unit) if argument.datatype == UCUM else None

    def _written(self, text: str, unit: str) -> Fraction | None:
        """Return a number in a unit; None when the text has another form, or a unit that does not convert."""
        match = _QUANTITY.fullmatch(text.strip())
        if match is None:
            return None
        factor = self.schema.unit_factors.get((match[2] or "1", unit))
        return None if factor is None else Fraction(match[1]) * factor

    def named(self, name: str) -> URIRef:
        """Return the IRI of a function by its local name.

        Raises
        ------
        UnknownNameError
            When there is none.
        """
        by_name = {local_name(iri): iri for iri in self.schema.functions}
        if name not in by_name:
            raise UnknownNameError("function", name, list(by_name))
        return by_name[name]

    def values(self, name: str, arguments: dict[str, str]) -> list[tuple[Fraction, list[ConstantValue]]]:
        """Return the value of a function by its local name; an argument left out takes each constant for it.

        Returns
        -------
        list of tuple
            Per choice of constants, the value and the constants that were taken.

        Raises
        ------
        UnknownNameError
            When there is no such function.
        InputError
            With every argument that cannot be used.
        """
        function = self.named(name)
        open_names = [n for n in self.schema.functions[function].units if n not in arguments]
        choices = [[c for c in self.schema.constants.values() if c.argument == n] for n in open_names]
        found = []
        for chosen in product(*(choice for choice in choices if choice)):
            taken = {c.argument: f"{decimal_text(c.value)} {c.unit}" for c in chosen}
            found.append((self.call(function, {**arguments, **taken}), list(chosen)))
        return found

    @staticmethod
    def _value(function: Function, numbers: dict[str, Fraction]) -> Fraction:
        operands: dict[str, Interval] = {name: exactly(number) for name, number in numbers.items()}
        result = evaluate(function.expression, operands)
        assert result.low is not None  # noqa: S101 - exact operands above zero give an exact value
        return result.low


class ComputedJson(TypedDict):
    """A value with its unit, and the constants it was computed with."""

    function: str
    value: str
    unit: str
    constants: list[str]


def computed(
    functions: Functions, name: str, arguments: list[str], wording: Wording
) -> tuple[list[str], list[ComputedJson]]:
    """Return the values of a function for arguments written ``name=value``, as lines and as JSON.

    Raises
    ------
    InputError
        When an argument has another form or cannot be used.
    """
    given = {}
    for text in arguments:
        key, equals, value = text.partition("=")
        if not equals:
            raise InputError([Problem(name, text, "an argument as name=value, such as name=3")])
        given[key.strip()] = value.strip()
    values: list[ComputedJson] = [
        {
            "function": name,
            "value": number_text(value),
            "unit": functions.schema.functions[functions.named(name)].unit,
            "constants": [wording.label(c.iri) for c in chosen],
        }
        for value, chosen in functions.values(name, given)
    ]
    label = wording.label(functions.named(name))
    lines = [
        f"{label}: {v['value']} {v['unit']}" + (f" ({', '.join(v['constants'])})" if v["constants"] else "")
        for v in values
    ]
    return lines, values


def function_list(functions: Functions, wording: Wording) -> str:
    """Return every function with its arguments and units, one a line."""
    lines = []
    for iri, function in functions.schema.functions.items():
        arguments = ", ".join(f"{name} [{unit}]" for name, unit in function.units.items())
        lines.append(f"{local_name(iri)}({arguments}): {wording.label(iri)}")
    return "\n".join(lines)
