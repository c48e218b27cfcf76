"""The columns of feature tables: one row a case, one column a feature or a bound on it.

A column is named by the key that records use for the feature, with its unit in brackets where it
has one: ``totalDose [Gy]``. Bounds carry a facet: ``lifeExpectancy.minInclusive [mo]``. An empty
cell is unknown, never "no".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.errors import GuidelineError, InputError, Problem, nearest
from kg_service.schema import Feature, Kind, Link

VALUE = "value"
FACETS = ("minInclusive", "minExclusive", "maxInclusive", "maxExclusive")
ROW_ID = "id"
"""The column that names a row; rows are named by their number without it."""
_HEADER = re.compile(r"(?P<key>[^.\[\]]+?)(?:\.(?P<facet>[^.\[\]]+?))?\s*(?:\[(?P<unit>[^\]]*)\])?\s*")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Its header.
    facet : str
        ``value``, or the bound it holds.
    unit : str or None
        UCUM code of its numbers; None for truth values and codes.
    factor : Fraction
        Converts its numbers to the unit of the feature.
    """

    name: str
    feature: Feature
    facet: str = VALUE
    unit: str | None = None
    factor: Fraction = Fraction(1)


class TableSchema:
    """What the columns of a table may be, for one guideline and its record model.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline.
    """

    def __init__(self, compiled: CompiledGuideline) -> None:
        self._factors = compiled.schema.unit_factors
        self._listing = compiled.case_list
        self._links = _links(compiled)
        self.paths = {URIRef(f): links for f, links in compiled.paths.items()}
        self.features: dict[str, Feature] = {}
        for iri in self.paths:
            feature = compiled.schema.features[iri]
            if self.features.setdefault(feature.key, feature) is not feature:
                raise GuidelineError(f"two features of a case have the key {feature.key}")

    def units(self, feature: Feature) -> list[str]:
        """Return the UCUM codes that the numbers of a feature may be given in."""
        canonical = feature.unit or "1"
        return sorted(start for start, end in self._factors if end == canonical)

    def read(self, names: Iterable[str], source: str, *, carried: Iterable[str] = ()) -> list[Column]:
        """Return the columns of a header; those that are carried along are left out.

        Raises
        ------
        InputError
            With every column that is not known, has no unit, one of another dimension, or comes twice.
        """
        problems: list[Problem] = []
        found: dict[tuple[str, str], Column] = {}
        for name in names:
            if name == ROW_ID or name in carried:
                continue
            column = self._column(name, f"{source}: column {name}", problems)
            if column is None:
                continue
            key = column.feature.key, column.facet
            if key in found:
                expected = "one column for a feature, or for one bound on it"
                problems.append(
                    Problem(f"{source}: column {name}", f"the same as {found[key].name}", expected)
                )
            found[key] = column
        if problems:
            raise InputError(problems)
        return list(found.values())

    def case_id(self, identifier: str) -> str:
        """Return the id of the case of a row, by the name of the row."""
        return identifier if self._listing is None else f"{identifier}-1"

    def document(self, identifier: str, values: Mapping[Column, Any]) -> dict[str, Any]:
        """Return a row as a record of one case, in the form that records are read in."""
        document: dict[str, Any] = {"id": identifier}
        case: dict[str, Any] = document
        if self._listing is not None:
            case = {"id": self.case_id(identifier)}
            document[self._listing.key] = [case]
        for column, value in values.items():
            target = case
            for iri in self.paths[column.feature.iri]:
                link = self._links[iri]
                target = document if link.inverse_of is not None else target.setdefault(link.key, {})
            if column.unit is None:
                target[column.feature.key] = value
            else:
                quantity = target.setdefault(column.feature.key, {"unit": column.unit})
                quantity[column.facet] = value
        return document

    def _column(self, name: str, place: str, problems: list[Problem]) -> Column | None:
        match = _HEADER.fullmatch(name)
        feature = self.features.get(match["key"]) if match else None
        if match is None or feature is None:
            near = nearest(match["key"] if match else name, list(self.features))
            remedy = f"Did you mean {near!r}? " if near else ""
            remedy += "Name columns to carry along unread with --carry."
            problems.append(Problem(place, "no feature of a case", "the key of a feature", remedy))
            return None
        facet, unit = match["facet"] or VALUE, match["unit"]
        if feature.kind is not Kind.QUANTITY:
            if unit is not None or facet != VALUE:
                problems.append(Problem(place, f"{feature.key} with a unit or a bound", feature.key))
                return None
            return Column(name, feature)
        if facet not in (VALUE, *FACETS):
            problems.append(Problem(place, f"the bound {facet!r}", f"one of {', '.join(FACETS)}"))
            return None
        canonical = feature.unit or "1"
        given = canonical if unit is None and canonical == "1" else unit
        factor = self._factors.get((given or "", canonical))
        if given is None or factor is None:
            wanted = " or ".join(f"{feature.key} [{u}]" for u in self.units(feature))
            told = "no unit" if unit is None else f"the unit {unit!r}"
            problems.append(Problem(place, told, wanted, "Write the unit, a UCUM code, in brackets."))
            return None
        return Column(name, feature, facet, given, factor)


def _links(compiled: CompiledGuideline) -> dict[URIRef, Link]:
    entities = compiled.schema.entities.values()
    return {link.iri: link for entity in entities for link in entity.links.values()}
