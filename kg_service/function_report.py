"""Values of declared functions for people: as lines of text and as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from kg_service.errors import InputError, Problem
from kg_service.functions import Functions
from kg_service.namespaces import local_name
from kg_service.values import number_text
from kg_service.wording import Wording


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
    function = functions.named(name)
    values: list[ComputedJson] = []
    lines = []
    for number, chosen in functions.values(name, given):
        constants = [wording.label(c.iri) for c in chosen]
        values.append(
            {"function": name, "value": number_text(number), "unit": function.unit, "constants": constants}
        )
        said = wording.told(wording.label(function.iri), f"{wording.number(number)} {function.unit}")
        lines.append(f"{said} ({', '.join(constants)})" if constants else said)
    return lines, values


def function_list(functions: Functions, wording: Wording) -> str:
    """Return every function with its arguments and units, one a line."""
    lines = []
    for function in functions.by_iri.values():
        arguments = ", ".join(f"{a.name} [{a.unit}]" for a in function.arguments)
        names = wording.phrase("or").join(local_name(iri) for iri in function.iris)
        lines.append(wording.told(f"{names}({arguments})", wording.label(function.iri)))
    return "\n".join(lines)
