"""How texts for people are laid out: width, sections, marks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

MARKS = {"true": "●", "false": "○", "unknown": "?"}
"""Readable without colour: a full circle holds, an empty one does not, a question mark is open."""
WIDTH = 100


def wrap(text: str, indent: str) -> str:
    """Return a text in lines of the width, the first with one indent and the others two spaces further."""
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows in columns, the first one to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [f"  {row[0]:<{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def section(title: str, lines: Iterable[str], none: str) -> str:
    """Return lines under a title; `none` stands where there are none."""
    return "\n".join([title, "─" * len(title), *(list(lines) or [f"  {none}"])])
