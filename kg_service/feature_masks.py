"""From the columns of a table to what is possible: for each feature one bit mask a row.

Most columns have few distinct values. These are read once each, by the reader and the derivations
that records go through, so that a row means what the same record means. Numbers that nothing is
derived from may differ in every row; they are compared with all thresholds at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rdflib import URIRef

from kg_service.errors import GuidelineError, InputError, Problem
from kg_service.feature_table import VALUE, Column
from kg_service.limits import Limits
from kg_service.plan import Cells, Plan
from kg_service.record import Case
from kg_service.schema import Derivation, Kind, RecordSchema
from kg_service.values import Interval, Knowledge, exactly

Masks = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
ReadRow = Callable[[Mapping[Column, Any]], Case]
"""Reads the values of a row as a record; raises `InputError` with what is wrong with them."""
MOST_KEPT = 10**6
"""Combinations of values of one part of a table that are kept once read; memory stays bounded."""
MOST_GROUPS = 63
"""Groups of cells of one feature that a mask can hold apart."""


class CellGroups:
    """The cells of a feature, as many together as the steps of a program never tell apart.

    Parameters
    ----------
    feature : str
        IRI of the feature, for messages.
    cells : Cells
        Its cells.
    tested : iterable of int
        The sets of cells that steps ask for.
    """

    def __init__(self, feature: str, cells: Cells, tested: Iterable[int]) -> None:
        self.cells = cells
        sets = sorted(set(tested))
        by_signature: dict[tuple[int, ...], int] = {}
        for i in range(cells.full.bit_length()):
            signature = tuple(mask >> i & 1 for mask in sets)
            by_signature[signature] = by_signature.get(signature, 0) | 1 << i
        self._groups = list(by_signature.values())
        if len(self._groups) > MOST_GROUPS:
            raise GuidelineError(f"{feature}: more than {MOST_GROUPS} kinds of value are told apart")
        self.full = (1 << len(self._groups)) - 1

    def of(self, cells: int) -> int:
        """Return the groups that share a cell with some cells."""
        return sum(1 << i for i, group in enumerate(self._groups) if group & cells)

    def of_known(self, known: Knowledge) -> int:
        """Return the groups that what is known leaves possible."""
        return self.of(self.cells.mask(known))


def cell_groups(plan: Plan, tested: Mapping[str, Sequence[int]]) -> dict[str, CellGroups]:
    """Return the groups of cells of each feature that steps ask of, by its IRI.

    Parameters
    ----------
    plan : Plan
        The plan that the cells belong to.
    tested : mapping of str to list of int
        The sets of cells that steps ask of each feature.
    """
    return {feature: CellGroups(feature, plan.cells[feature], sets) for feature, sets in tested.items()}


@dataclass
class Encoded:
    """What the rows of one batch leave possible.

    Attributes
    ----------
    masks : dict of str to array of uint64, shape (rows,)
        By feature IRI; a feature without an entry is unknown in every row.
    watched : array of bool, shape (rows,)
        Whether a row says anything of the features watched.
    flawed : dict of int to list of Problem
        By position of the row, what is wrong with it; its masks leave out what could not be read.
    """

    masks: dict[str, Masks]
    watched: npt.NDArray[np.bool_]
    flawed: dict[int, list[Problem]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Read:
    """What one combination of values says: masks by feature, or what is wrong with it."""

    masks: tuple[int, ...]
    watched: bool
    problems: tuple[Problem, ...] = ()


class FeatureMasks:
    """Turns batches of rows into masks.

    Parameters
    ----------
    groups : mapping of str to CellGroups
        The groups of cells that masks hold apart, by feature.
    columns : sequence of Column
        The columns of the table.
    schema : RecordSchema
        The record model.
    limits : Limits
        The values that the record shapes allow.
    read : callable
        Reads the values of a row.
    linked : iterable of pairs of URIRef
        Features of which one is read from the other, beside those that are derived.
    watched : set of str
        Features of which it is told whether a row says anything of them.
    """

    def __init__(
        self,
        groups: Mapping[str, CellGroups],
        columns: Sequence[Column],
        schema: RecordSchema,
        limits: Limits,
        read: ReadRow,
        *,
        linked: Iterable[tuple[URIRef, URIRef]] = (),
        watched: frozenset[str] = frozenset(),
    ) -> None:
        self.groups = groups
        self._watched = watched
        self._empty = read({})
        linked = list(linked)
        needed = {URIRef(f) for f in groups} | {c.feature.iri for c in columns}
        needed |= {number for _, number in linked}
        parts = list(_connected(columns, schema, needed, linked))
        self._numbers = [
            _Numbers(part.columns[0], self.groups.get(str(part.columns[0].feature.iri)), limits, read)
            for part in parts
            if part.is_number and not limits.is_whole(part.columns[0].feature.iri)
        ]
        apart = {number.column for number in self._numbers}
        self._combinations = [
            _Combinations(part, self.groups, read, watched, self._empty)
            for part in parts
            if part.columns[0] not in apart
        ]

    @property
    def features(self) -> set[str]:
        """The features that rows may say anything of; nothing is ever known of the others."""
        told = {str(f) for part in self._combinations for f in part.features}
        told |= {str(number.column.feature.iri) for number in self._numbers}
        return (told | {str(f) for f in self._empty.facts}) & set(self.groups)

    def of(self, batch: pa.RecordBatch) -> Encoded:
        """Return what the rows of a batch leave possible."""
        rows = batch.num_rows
        found = Encoded({}, np.zeros(rows, dtype=np.bool_))
        for feature, fact in self._empty.facts.items():
            if str(feature) in self.groups:
                mask = self.groups[str(feature)].of_known(fact.known)
                found.masks[str(feature)] = np.full(rows, mask, dtype=np.uint64)
        for number in self._numbers:
            number.add(batch, found, watched=str(number.column.feature.iri) in self._watched)
        for part in self._combinations:
            part.add(batch, found)
        return found


@dataclass
class _Part:
    """Columns that must be read together, and the features that follow from them."""

    columns: list[Column]
    features: set[URIRef]

    @property
    def is_number(self) -> bool:
        """Whether it is one column of plain numbers that nothing else follows from."""
        if len(self.columns) != 1 or len(self.features) != 1:
            return False
        [column] = self.columns
        return (
            column.feature.kind is Kind.QUANTITY and column.facet == VALUE and not column.feature.derivation
        )


def _connected(
    columns: Sequence[Column],
    schema: RecordSchema,
    needed: set[URIRef],
    linked: Iterable[tuple[URIRef, URIRef]],
) -> Iterator[_Part]:
    """Yield the columns in parts, so that what is derived in one depends on no other."""
    given = {c.feature.iri for c in columns}
    edges = [(feature, other) for feature in needed for other in _derived_from(feature, schema) & given]
    edges += [pair for pair in linked if ({*pair} | _derived_from(pair[1], schema)) & given]
    groups: list[set[URIRef]] = [{iri} for iri in given]
    for edge in edges:
        together = set(edge).union(*(g for g in groups if g & set(edge)))
        groups = [*(g for g in groups if not g & set(edge)), together]
    for group in sorted(groups, key=min):
        yield _Part([c for c in columns if c.feature.iri in group], group)


def read_from(
    features: Iterable[str], schema: RecordSchema, linked: Sequence[tuple[URIRef, URIRef]]
) -> set[str]:
    """Return features with all those that say anything of them, derived or read by an assumption."""
    found = {URIRef(feature) for feature in features}
    found |= {number for fixed, number in linked if fixed in found}
    return {str(f) for f in found.union(*(_derived_from(f, schema) for f in found))}


def _derived_from(feature: URIRef, schema: RecordSchema) -> set[URIRef]:
    """Return the features that a feature is derived from in a row, directly or through others."""
    found: set[URIRef] = set()
    pending = [feature]
    while pending:
        how = schema.features[pending.pop()].derivation
        behind = _operands(how) - found if how else set()
        found |= behind
        pending.extend(behind)
    return found


def _operands(how: Derivation) -> set[URIRef]:
    return {*how.inputs} | ({how.of_feature} if how.of_feature is not None else set())


class _Numbers:
    """One column of numbers: each row is compared with every threshold."""

    def __init__(self, column: Column, groups: CellGroups | None, limits: Limits, read: ReadRow) -> None:
        self.column = column
        self._read = read
        self._groups = groups
        allowed = limits.of(column.feature.iri)
        bounds = {b for b in (allowed.low, allowed.high) if b is not None}
        for part in groups.cells.parts if groups else ():
            if isinstance(part, Interval):
                bounds |= {b for b in (part.low, part.high) if b is not None}
        self._thresholds, representatives = _places(sorted(b / column.factor for b in bounds))
        values = [number * column.factor for number in representatives]
        self._allowed = np.array([value in allowed for value in values])
        masks = [groups.of_known(exactly(value)) if groups else 0 for value in values]
        self._masks = np.array(masks, dtype=np.uint64)

    def add(self, batch: pa.RecordBatch, found: Encoded, *, watched: bool) -> None:
        """Add what the column says to what is known of a batch."""
        given = batch.column(self.column.name)
        if pa.types.is_dictionary(given.type):
            given = given.dictionary_decode()  # text of a Parquet file
        numbers, known = _floats(given)
        below = np.searchsorted(self._thresholds, numbers)
        at = np.zeros(len(numbers), dtype=np.bool_)
        inside = below < len(self._thresholds)
        at[inside] = self._thresholds[below[inside]] == numbers[inside]
        place = 2 * below + at
        refused = known & ~(self._allowed[place] & np.isfinite(numbers))
        for row in np.flatnonzero(refused | _unread(given, known)):
            problems = _problems(self._read, recorded([self.column], [given[int(row)].as_py()]))
            if problems:
                found.flawed.setdefault(int(row), []).extend(problems)
        if self._groups is not None:
            masks = np.where(known, self._masks[place], np.uint64(self._groups.full))
            found.masks[str(self.column.feature.iri)] = masks
        if watched:
            found.watched |= known


def _places(thresholds: list[Fraction]) -> tuple[npt.NDArray[np.float64], list[Fraction]]:
    """Return thresholds as floats, and a number for each gap between them and each of them, in order.

    A float stands for the shortest decimal that reads as it. Of two such numbers with different
    floats the order is that of the floats; a number that has the float of a threshold may still lie
    beside it, which is why its own decimal is what represents that place.
    """
    by_float: dict[float, list[Fraction]] = {}
    for threshold in thresholds:
        by_float.setdefault(float(threshold), []).append(threshold)
    floats = sorted(by_float)
    numbers: list[Fraction] = []
    for i, place in enumerate(floats):
        before = max(by_float[floats[i - 1]]) if i else min(by_float[place]) - 2
        numbers += [(before + min(by_float[place])) / 2, Fraction(Decimal(repr(place)))]
    numbers.append(max(by_float[floats[-1]]) + 1 if floats else Fraction(0))
    return np.array(floats, dtype=np.float64), numbers


class _Combinations:
    """Columns whose values are read together, each combination of them once."""

    def __init__(
        self,
        part: _Part,
        groups: Mapping[str, CellGroups],
        read: ReadRow,
        watched: frozenset[str],
        empty: Case,
    ) -> None:
        self.columns = part.columns
        self.features = sorted(f for f in part.features if str(f) in groups)
        self._groups = [groups[str(f)] for f in self.features]
        self._own = part.features
        self._read_row = read
        self._watched = watched
        self._empty = empty
        self._known: dict[tuple[Any, ...], _Read] = {}

    def add(self, batch: pa.RecordBatch, found: Encoded) -> None:
        """Add what the columns say to what is known of a batch."""
        inverse, combinations = _distinct([batch.column(c.name) for c in self.columns])
        read = [self._of(values) for values in combinations]
        for i, feature in enumerate(self.features):
            table = np.array([one.masks[i] for one in read], dtype=np.uint64)
            found.masks[str(feature)] = table[inverse]
        found.watched |= np.array([one.watched for one in read])[inverse]
        wrong = np.array([bool(one.problems) for one in read])[inverse]
        for row in np.flatnonzero(wrong):
            found.flawed.setdefault(int(row), []).extend(read[inverse[row]].problems)

    def _of(self, values: tuple[Any, ...]) -> _Read:
        if values not in self._known:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[values] = self._read(values)
        return self._known[values]

    def _read(self, values: tuple[Any, ...]) -> _Read:
        given = recorded(self.columns, values)
        try:
            facts = self._read_row(given).facts if given else self._empty.facts
        except InputError as error:
            everything = tuple(groups.full for groups in self._groups)
            return _Read(everything, watched=False, problems=tuple(error.problems))
        masks = (
            groups.of_known(facts[f].known) if f in facts else groups.full
            for f, groups in zip(self.features, self._groups, strict=True)
        )
        told = {str(f) for f in facts if f in self._own}
        return _Read(tuple(masks), watched=bool(told & self._watched))


def _distinct(arrays: Sequence[pa.Array]) -> tuple[Indices, list[tuple[Any, ...]]]:
    """Return for each row the place of its combination of values, and the combinations."""
    inverse, values = _encoded(arrays[0])
    combinations: list[tuple[Any, ...]] = [(value,) for value in values]
    for array in arrays[1:]:
        indices, values = _encoded(array)
        again = pa.array(inverse * len(values) + indices).dictionary_encode()
        chosen = np.asarray(again.dictionary, dtype=np.int64)
        inverse = np.asarray(again.indices, dtype=np.int64)
        combinations = [(*combinations[c // len(values)], values[c % len(values)]) for c in chosen.tolist()]
    return inverse, combinations


def _encoded(array: pa.Array) -> tuple[Indices, list[Any]]:
    """Return for each row the place of its value, and the values."""
    if pa.types.is_boolean(array.type):
        codes = pc.fill_null(pc.cast(array, pa.int8()), 2)
        return np.asarray(codes, dtype=np.int64), [False, True, None]
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    values = [*encoded.dictionary.to_pylist(), None]
    return np.asarray(encoded.indices.fill_null(len(values) - 1), dtype=np.int64), values


def recorded_row(columns: Sequence[Column], batch: pa.RecordBatch, row: int) -> dict[Column, Any]:
    """Return the values of one row as records hold them, the empty ones left out."""
    return recorded(columns, [batch.column(c.name)[row].as_py() for c in columns])


def recorded(columns: Sequence[Column], cells: Sequence[Any]) -> dict[Column, Any]:
    """Return the cells of some columns as records hold them, the empty ones left out."""
    values = {c: _as_recorded(cell, c) for c, cell in zip(columns, cells, strict=True)}
    return {column: value for column, value in values.items() if value is not None}


def _as_recorded(value: Any, column: Column) -> Any:
    """Return a cell as records hold it; None when it is empty, or not a number where one is due."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if column.feature.kind is Kind.BOOLEAN:
            return {"true": True, "false": False}.get(value.lower(), value)
        if column.feature.kind is Kind.QUANTITY:
            try:
                number = Decimal(value)
            except InvalidOperation:
                return value
            value = value if number.is_infinite() else number
    if isinstance(value, float | Decimal) and value != value:
        return None
    return value


def _floats(array: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return a column as floats, and in which rows it holds a number; text that is none holds none."""
    try:
        numbers = pc.cast(array, pa.float64())
    except pa.ArrowInvalid:
        numbers = pa.array([_float(value) for value in array.to_pylist()], pa.float64())
    floats = np.asarray(numbers.fill_null(np.nan), dtype=np.float64)
    return floats, ~np.isnan(floats)


def _float(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _unread(array: pa.Array, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the rows in which a column of text holds something that is no number."""
    if not pa.types.is_string(array.type) and not pa.types.is_large_string(array.type):
        return np.zeros(len(known), dtype=np.bool_)
    filled = np.asarray(pc.utf8_length(pc.utf8_trim_whitespace(array)).fill_null(0)) > 0
    return filled & ~known


def _problems(read: ReadRow, values: Mapping[Column, Any]) -> list[Problem]:
    """Return what is wrong with some values; nothing where they turn out to say nothing."""
    try:
        read(values)
    except InputError as error:
        return list(error.problems)
    return []
