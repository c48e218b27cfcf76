"""The dataset of an update, as the SPARQL 1.1 Protocol names it: USING clauses for each operation.

``LOAD`` glued to what follows (``LOAD<x>``) is one word and a symbol, hence refused by the guard
like any other; so only ``USING`` and ``WITH``, which conflict with the request, are searched here.
"""

from __future__ import annotations

from collections.abc import Sequence

from kg_service.errors import QueryError
from kg_service.sparql_guard import Unit, check_iri, position


def with_dataset(text: str, units: Sequence[Unit], default: Sequence[str], named: Sequence[str]) -> str:
    """Return an update whose patterns are matched in some graphs.

    Parameters
    ----------
    text : str
        The update.
    units : sequence of Unit
        Its lexical units.
    default, named : sequence of str
        IRIs of the graphs of ``using-graph-uri`` and ``using-named-graph-uri``.

    Raises
    ------
    QueryError
        When the update itself names graphs to match in, or a graph is named by no IRI.
    """
    top = [unit for unit in units if unit.depth == 0]
    for unit in top:
        if "using" in unit.word or "with" in unit.word:
            raise QueryError(
                f"{position(text, unit.start)}: {unit.text.upper()}, and the request names graphs too; "
                "name them in one place"
            )
        if "where" in unit.word and unit.word != "where":
            raise QueryError(f"{position(text, unit.start)}: {unit.text}; put spaces around WHERE")
    using = [f"USING <{check_iri(iri)}>" for iri in default]
    clauses = " ".join([*using, *(f"USING NAMED <{check_iri(iri)}>" for iri in named)])
    parts, end = [], 0
    for before, where in zip([None, *top], top, strict=False):
        if where.word != "where":
            continue
        template = _group_after(text, units, where) if before and before.word == "delete" else ""
        parts += [text[end : where.start], template, f" {clauses} "]
        end = where.start
    return "".join([*parts, text[end:]])


def _group_after(text: str, units: Sequence[Unit], where: Unit) -> str:
    """Return the group of a DELETE WHERE, which is its template too."""
    after = [unit for unit in units if unit.start > where.start]
    closing = next((u for u in after if u.text == "}" and u.depth == 1), None)
    return text[after[0].start : closing.start + 1] if closing else ""
