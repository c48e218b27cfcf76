"""Binds variables of a query without pasting text: values are joined where its WHERE group begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rdflib import BNode
from rdflib.term import Node

from kg_service.errors import QueryError
from kg_service.sparql_guard import CheckedQuery
from kg_service.store.terms import to_store

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def bound(checked: CheckedQuery, bindings: Mapping[str, Node]) -> tuple[str, str]:
    """Return a query with values for some of its variables, and the block of values put into it.

    Raises
    ------
    QueryError
        When it has no such variable, no group to bind it in, or a value that cannot be written.
    """
    values = _values(checked, bindings)
    group = checked.group or 0
    return checked.text[:group] + values + checked.text[group:], values


def _values(checked: CheckedQuery, bindings: Mapping[str, Node]) -> str:
    """Return the VALUES block that binds variables, every term written by the engine."""
    if not bindings:
        return ""
    for name in bindings:
        if not _VARIABLE.fullmatch(name) or name not in checked.variables:
            raise QueryError(
                f"the query has no variable ?{name} to bind; it has {_listed(checked.variables)}"
            )
    if checked.group is None:
        raise QueryError("the query has no WHERE group in which to bind variables; add one")
    names = " ".join(f"?{name}" for name in bindings)
    terms = " ".join(_bindable(name, value) for name, value in bindings.items())
    return f" VALUES ({names}) {{ ({terms}) }} "


def _bindable(name: str, value: Node) -> str:
    if isinstance(value, BNode):
        raise QueryError(f"?{name} is a blank node; bind an IRI or a literal")
    try:
        return str(to_store(value))
    except ValueError as error:
        raise QueryError(f"?{name} cannot be bound to {value!r}: {error}") from error


def _listed(variables: Iterable[str]) -> str:
    return ", ".join(f"?{name}" for name in sorted(variables)) or "none"
