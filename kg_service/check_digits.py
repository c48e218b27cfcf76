"""Check digits of codes: an invented or mistyped code is caught before it is read or published."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rdflib import Graph

from kg_service.namespaces import FB, RDF

_VERHOEFF_PRODUCT = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_SHIFT = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


@dataclass(frozen=True)
class CheckDigit:
    """The check digit of a code system, and the codes that carry it."""

    name: str
    pattern: str

    def fails(self, code: str) -> bool:
        """Return whether a code that must carry the digit carries a wrong one."""
        if not re.fullmatch(self.pattern, code):
            return False
        digits = code.replace("-", "")
        return not (_verhoeff(digits) if self.name == "Verhoeff" else _luhn(digits))


def check_digits(graph: Graph) -> dict[str, CheckDigit]:
    """Return the check digit of each code system that a graph declares, by its FHIR URI."""
    return {
        str(graph.value(node, FB.inSystem)): CheckDigit(
            str(graph.value(node, FB.checkDigit)), str(graph.value(node, FB.codePattern))
        )
        for node in graph.subjects(RDF.type, FB.CodeSystem)
    }


def _verhoeff(digits: str) -> bool:
    """Return whether the last digit checks the others (Verhoeff, dihedral group D5)."""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        shifted = int(_VERHOEFF_SHIFT[place % len(_VERHOEFF_SHIFT)][int(digit)])
        state = int(_VERHOEFF_PRODUCT[state][shifted])
    return state == 0


def _luhn(digits: str) -> bool:
    """Return whether the last digit checks the others (Luhn, modulo 10)."""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return str(sum(int(digit) for number in doubled for digit in str(number))).endswith("0")
