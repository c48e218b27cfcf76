"""Functions that the ontology declares: formulas with named arguments, and the constants for them.

A function is declared once. Derivations apply it to features, queries call it by its IRIs, people call
it with numbers and units; the arithmetic is the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import product

from rdflib import Graph, Literal, URIRef
from rdflib.term import Node

from kg_service.errors import GuidelineError, InputError, Problem, UnknownNameError
from kg_service.formula import Expression, evaluate, parse_formula
from kg_service.namespaces import CORE, QTY, RDF, XSD, local_name
from kg_service.units import number_of, unit_factors
from kg_service.values import decimal_text, exactly

UCUM = "https://w3id.org/cdt/ucum"
"""Datatype of a number with its unit, such as ``"3000 cGy"^^cdt:ucum``."""
MAX_EXPONENT = 30
"""Largest power of ten of a number in a query or a command: what is beyond is no quantity."""
_INTEGERS = ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger",
             "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte")  # fmt: skip
_NUMBERS = {str(XSD[name]) for name in (*_INTEGERS, "decimal", "double", "float")}
_NUMBER = r"[+-]?[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?"
_QUANTITY = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>\S*)")

Typed = tuple[str, str]
"""A literal: its text, and the IRI of its datatype."""


@dataclass(frozen=True)
class Argument:
    """An argument of a function.

    Attributes
    ----------
    unit : str
        UCUM code of the unit that the formula takes it in.
    whole : bool
        Whether it counts something.
    """

    iri: URIRef
    name: str
    unit: str
    whole: bool

    @property
    def expected(self) -> str:
        """What to give for it, for a message."""
        if self.unit != "1":
            return f"a number above zero with its unit, such as 3 {self.unit}"
        return "a whole number above zero" if self.whole else "a number above zero"


@dataclass(frozen=True)
class Function:
    """A formula with named arguments.

    Attributes
    ----------
    iris : tuple of URIRef
        What queries call it by: its IRI, and the one its short name makes in the same namespace.
    unit : str
        UCUM code of the unit of its value.
    """

    iris: tuple[URIRef, ...]
    arguments: tuple[Argument, ...]
    expression: Expression
    unit: str

    @property
    def iri(self) -> URIRef:
        """The IRI it is declared under."""
        return self.iris[0]

    def argument(self, name: str) -> Argument | None:
        """Return the argument of a name, or None."""
        return next((a for a in self.arguments if a.name == name), None)

    def value(self, numbers: Mapping[str, Fraction]) -> Fraction:
        """Return its value for numbers above zero, one for each argument, in the units of the arguments."""
        result = evaluate(self.expression, {name: exactly(number) for name, number in numbers.items()})
        assert result.low is not None  # noqa: S101 - exact operands above zero give an exact value
        return result.low


@dataclass(frozen=True)
class Constant:
    """A number with its unit, for one argument of functions, and what it is a property of."""

    iri: URIRef
    argument: str
    value: Fraction
    unit: str
    applies_to: URIRef | None


class Functions:
    """The functions and constants of a graph.

    Parameters
    ----------
    graph : rdflib.Graph
        The ontology.

    Raises
    ------
    GuidelineError
        When a declaration is incomplete or does not fit; names it.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.unit_factors = unit_factors(graph)
        found = [self._function(iri) for iri in self._of_type(CORE.Function)]
        self.by_iri = {function.iri: function for function in found}
        self.by_name = {local_name(iri): function for function in found for iri in function.iris}
        self.constants = {iri: self._constant(iri) for iri in self._of_type(CORE.Constant)}

    def factor(self, start: str, end: str, where: Node) -> Fraction:
        """Return the factor from one unit to another.

        Raises
        ------
        GuidelineError
            When they do not convert; names `where` they meet.
        """
        if start == end:
            return Fraction(1)
        if (start, end) not in self.unit_factors:
            raise GuidelineError(f"{where}: the unit {start} does not convert to {end}")
        return self.unit_factors[start, end]

    def constants_for(self, argument: str) -> list[Constant]:
        """Return the constants that may stand for an argument."""
        return [constant for constant in self.constants.values() if constant.argument == argument]

    def named(self, name: str) -> Function:
        """Return a function by its local or short name.

        Raises
        ------
        UnknownNameError
            When there is none.
        """
        if name not in self.by_name:
            raise UnknownNameError("function", name, list(self.by_name))
        return self.by_name[name]

    def literal(self, function: Function, arguments: Sequence[Typed]) -> Fraction | None:
        """Return the value for the arguments of a query, in their order; None when one is no use.

        A plain number is in the unit of its argument; one typed as `UCUM` is converted to it.
        """
        if len(arguments) != len(function.arguments):
            return None
        numbers: dict[str, Fraction] = {}
        for argument, (text, datatype) in zip(function.arguments, arguments, strict=True):
            number = None
            if datatype in _NUMBERS:
                number = _plain(text)
            elif datatype == UCUM:
                number = self.written(text, argument.unit)
            if number is None or not _fits(number, argument):
                return None
            numbers[argument.name] = number
        return function.value(numbers)

    def call(self, function: Function, arguments: Mapping[str, str]) -> Fraction:
        """Return the value for arguments as a person writes them, a number and its unit.

        Raises
        ------
        InputError
            With every argument that is missing, unknown, without its unit, or not above zero.
        """
        where = local_name(function.iri)
        names = [argument.name for argument in function.arguments]
        problems = [
            Problem(f"{where}: {name}", "an argument it does not have", f"one of {', '.join(names)}")
            for name in arguments
            if name not in names
        ]
        numbers: dict[str, Fraction] = {}
        for argument in function.arguments:
            found = arguments.get(argument.name, "nothing")
            number = self.written(found, argument.unit)
            if number is None or not _fits(number, argument):
                problems.append(Problem(f"{where}: {argument.name}", found, argument.expected))
            else:
                numbers[argument.name] = number
        if problems:
            raise InputError(problems)
        return function.value(numbers)

    def written(self, text: str, unit: str) -> Fraction | None:
        """Return a number in a unit; None when the text has another form, or a unit that does not convert."""
        match = _QUANTITY.fullmatch(text.strip())
        number = None if match is None else _plain(match["number"])
        if match is None or number is None:
            return None
        factor = self.unit_factors.get((match["unit"] or "1", unit))
        return None if factor is None else number * factor

    def values(self, name: str, arguments: Mapping[str, str]) -> list[tuple[Fraction, list[Constant]]]:
        """Return the value of a function by its name; an argument left out takes each constant for it.

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
        choices = [self.constants_for(a.name) for a in function.arguments if a.name not in arguments]
        found = []
        for chosen in product(*(choice for choice in choices if choice)):
            taken = {c.argument: f"{decimal_text(c.value)} {c.unit}" for c in chosen}
            found.append((self.call(function, {**arguments, **taken}), list(chosen)))
        return found

    def _of_type(self, kind: URIRef) -> list[URIRef]:
        return sorted(URIRef(str(s)) for s in self._graph.subjects(RDF.type, kind))

    def _function(self, iri: URIRef) -> Function:
        nodes = sorted(
            self._graph.objects(iri, CORE.argument), key=lambda a: int(self._text(a, CORE.position))
        )
        arguments = tuple(self._argument(node) for node in nodes)
        names = frozenset(argument.name for argument in arguments)
        if len(names) != len(arguments):
            raise GuidelineError(f"{iri}: two arguments bear the same name")
        expression = parse_formula(self._text(iri, CORE.expression), names)
        short = self._graph.value(iri, CORE.shortName)
        iris = (iri,) if short is None else (iri, URIRef(iri.removesuffix(local_name(iri)) + str(short)))
        return Function(iris, arguments, expression, self._text(iri, QTY.unit))

    def _argument(self, node: Node) -> Argument:
        return Argument(
            URIRef(str(node)),
            self._text(node, CORE.argumentName),
            self._text(node, QTY.unit),
            (node, QTY.wholeNumber, Literal(True)) in self._graph,
        )

    def _constant(self, iri: URIRef) -> Constant:
        name, unit = self._text(iri, CORE.forArgument), self._text(iri, QTY.unit)
        taking = [a for f in self.by_iri.values() for a in f.arguments if a.name == name]
        if not taking:
            raise GuidelineError(f"{iri}: no function has an argument {name}")
        for argument in taking:
            self.factor(unit, argument.unit, iri)
        value = number_of(self._graph, iri, QTY.value)
        if value <= 0:
            raise GuidelineError(f"{iri}: a constant is above zero")
        applies_to = self._graph.value(iri, CORE.appliesTo)
        return Constant(iri, name, value, unit, URIRef(str(applies_to)) if applies_to else None)

    def _text(self, node: Node, prop: URIRef) -> str:
        value = self._graph.value(node, prop)
        if value is None:
            raise GuidelineError(f"{node}: needs {local_name(prop)}")
        return str(value)


def _plain(text: str) -> Fraction | None:
    """Return the number a text writes; None when it writes none, or one that is no quantity."""
    if re.fullmatch(_NUMBER, text) is None:
        return None
    number = Decimal(text)
    return Fraction(number) if not number or abs(number.adjusted()) <= MAX_EXPONENT else None


def _fits(number: Fraction, argument: Argument) -> bool:
    return number > 0 and (number.denominator == 1 or not argument.whole)
