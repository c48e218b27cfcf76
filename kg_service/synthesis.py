"""Synthetic cohorts: rows drawn from marginals that a file declares; the same seed gives the same rows.

No row is a patient. Features are drawn in the order of the file, each by the first of its rules that
holds of what was drawn before, so that what depends on each other can be declared so. What a row
does not record is left out last: a thing can be so and not be known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kg_service.errors import InputError, Problem
from kg_service.feature_table import ROW_ID, TableSchema
from kg_service.limits import Limits
from kg_service.schema import Feature, Kind, RecordSchema

ROWS = 50_000
"""Rows that are drawn at once. Part of what a seed means."""
DIGITS = 9
"""Digits that a number is rounded to, so that a multiple of 0.1 reads as one."""
SHOWN = 60
"""Characters of a value that a message repeats."""
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
_SECTIONS = ("features", "together", "after")
Scalar = bool | int | float | str
Drawn = npt.NDArray[np.object_]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Numbers(_Declared):
    """A normal or log-normal distribution, cut off at both ends and rounded.

    Attributes
    ----------
    median : float
        In the unit of the feature.
    spread : float
        Standard deviation; of the logarithm where `shape` is ``lognormal``.
    step : float
        What numbers are multiples of.
    """

    shape: Literal["normal", "lognormal"] = "normal"
    median: float
    spread: Annotated[float, Field(gt=0)]
    low: float
    high: float
    step: Annotated[float, Field(gt=0)] = 1.0

    def draw(self, rng: np.random.Generator, rows: int) -> npt.NDArray[np.float64]:
        """Return random numbers, shape (rows,)."""
        standard = rng.standard_normal(rows) * self.spread
        values = self.median * np.exp(standard) if self.shape == "lognormal" else self.median + standard
        places = np.clip(np.round(values / self.step), np.ceil(self.low / self.step), self.high // self.step)
        return np.asarray(np.round(places * self.step, DIGITS))


class Rule(_Declared):
    """How one feature is drawn where some others have some values.

    Attributes
    ----------
    when : dict of str to list
        By feature drawn before, the values of which it must have one; a code holds the finer ones too.
    values : dict of str to float, optional
        Weights by value; ``true`` and ``false`` for truth values. With `numbers`, none.
    """

    when: dict[str, list[Scalar]] = {}
    values: dict[str, Weight] | None = None
    numbers: Numbers | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Rule:
        if (self.values is None) is (self.numbers is None):
            raise ValueError("give either values or numbers")
        if self.values is not None and not sum(self.values.values()):
            raise ValueError("the weights add up to nothing")
        return self


class Marginal(_Declared):
    """How one feature is drawn: the first rule that holds; nothing is drawn where none does."""

    missing: Share = 0.0
    rules: Annotated[list[Rule], Field(min_length=1)]


class Choice(_Declared):
    """Values of several features that go together, and how often."""

    weight: Weight
    when: dict[str, list[Scalar]] = {}
    values: dict[str, Scalar]


class Together(_Declared):
    """Features drawn together, such as those of a prescription; known together or not at all."""

    missing: Share = 0.0
    choices: Annotated[list[Choice], Field(min_length=1)]


class Marginals(_Declared):
    """What a synthetic cohort is drawn from.

    Attributes
    ----------
    note : str
        Where the figures come from.
    carried : dict
        Columns that are not read, such as the centre, with weights by value.
    features, together, after : dict
        By key of the feature, or by any name; drawn in this order.
    """

    title: str
    note: str
    carried: dict[str, dict[str, Weight]] = {}
    features: dict[str, Marginal]
    together: dict[str, Together] = {}
    after: dict[str, Marginal] = {}


def read_marginals(path: Path) -> Marginals:
    """Return the marginals that a TOML file declares.

    Raises
    ------
    InputError
        With everything that is wrong with the file.
    """
    try:
        return Marginals.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        found = (error.strerror or "cannot be read").lower()
        raise InputError([Problem(str(path), found, "a file that can be read")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError([Problem(path.name, str(error), "TOML")]) from error
    except ValidationError as error:
        raise InputError([_problem(path, one) for one in error.errors()]) from error


def _problem(path: Path, error: Any) -> Problem:
    where = ".".join(str(part) for part in error["loc"])
    return Problem(f"{path.name}: {where}", repr(error["input"])[:SHOWN], str(error["msg"]))


@dataclass(frozen=True)
class _Column:
    feature: Feature
    name: str


@dataclass(frozen=True)
class _Part:
    """What is drawn at once: one feature, or some together."""

    where: str
    name: str
    how: Marginal | Together

    @property
    def keys(self) -> set[str]:
        if isinstance(self.how, Together):
            return {key for choice in self.how.choices for key in choice.values}
        return {self.name}

    @property
    def missing(self) -> float:
        return self.how.missing


class Synthesiser:
    """Draws the rows of a synthetic cohort.

    Parameters
    ----------
    marginals : Marginals
        What to draw from.
    table : TableSchema
        The columns that a feature table may have.
    schema : RecordSchema
        The record model.
    limits : Limits
        The values that the record shapes allow.
    source : str
        Name of the file of marginals, for messages.

    Raises
    ------
    InputError
        With every feature, value or number that records do not have.
    """

    def __init__(
        self, marginals: Marginals, table: TableSchema, schema: RecordSchema, limits: Limits, source: str
    ) -> None:
        self._marginals = marginals
        self._schema = schema
        self._limits = limits
        self._source = source
        self._problems: list[Problem] = []
        self._features = table.features
        keys = dict.fromkeys(key for part in self._parts() for key in sorted(part.keys))
        self._columns = {key: self._column(key) for key in keys if self._is_known(key)}
        self._check()
        if self._problems:
            raise InputError(self._problems)

    @property
    def carried(self) -> list[str]:
        """The columns that are not read."""
        return list(self._marginals.carried)

    def batches(self, rows: int, seed: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a feature table: the same for the same seed, however many follow."""
        for number, start in enumerate(range(0, rows, ROWS)):
            rng = np.random.default_rng([seed, number])
            batch = self._batch(rng, start)
            yield batch.slice(0, min(ROWS, rows - start))

    def _batch(self, rng: np.random.Generator, start: int) -> pa.RecordBatch:
        arrays = {ROW_ID: pa.array([f"s-{i}" for i in range(start, start + ROWS)])}
        for name, weights in self._marginals.carried.items():
            arrays[name] = pa.array(_drawn(weights, rng, ROWS), pa.string())
        drawn: dict[str, Drawn] = {}
        absent: dict[str, npt.NDArray[np.bool_]] = {}
        for part in self._parts():
            missing = rng.random(ROWS) < part.missing
            for key, values in self._of(part, drawn, rng).items():
                drawn[key], absent[key] = values, missing
        for key, values in drawn.items():
            column = self._columns[key]
            known = pa.array(values, _type(column.feature))
            arrays[column.name] = pc.if_else(pa.array(absent[key]), None, known)
        return pa.record_batch(arrays)

    def _of(self, part: _Part, drawn: Mapping[str, Drawn], rng: np.random.Generator) -> dict[str, Drawn]:
        if isinstance(part.how, Together):
            return self._of_choices(part.how.choices, drawn, rng)
        return {part.name: self._of_rules(part.how.rules, self._columns[part.name].feature, drawn, rng)}

    def _of_rules(
        self, rules: list[Rule], feature: Feature, drawn: Mapping[str, Drawn], rng: np.random.Generator
    ) -> Drawn:
        found: Drawn = np.full(ROWS, None, dtype=object)
        left = np.ones(ROWS, dtype=np.bool_)
        for rule in rules:
            here = left & self._holds(rule.when, drawn)
            if rule.numbers is not None:
                values: Drawn = rule.numbers.draw(rng, ROWS).astype(object)
            else:
                values = _typed(_drawn(rule.values or {}, rng, ROWS), feature)
            found[here] = values[here]
            left &= ~here
        return found

    def _of_choices(
        self, choices: list[Choice], drawn: Mapping[str, Drawn], rng: np.random.Generator
    ) -> dict[str, Drawn]:
        """Return the values of features drawn together; none where no choice is open."""
        weights = np.array([np.where(self._holds(c.when, drawn), c.weight, 0.0) for c in choices])
        edges = np.cumsum(weights, axis=0)
        chosen = (edges < rng.random(ROWS) * edges[-1]).sum(axis=0)
        keys = {key for choice in choices for key in choice.values}
        found: dict[str, Drawn] = {key: np.full(ROWS, None, dtype=object) for key in sorted(keys)}
        for number, choice in enumerate(choices):
            here = (chosen == number) & (edges[-1] > 0)
            for key, value in choice.values.items():
                found[key][here] = value
        return found

    def _holds(self, when: Mapping[str, list[Scalar]], drawn: Mapping[str, Drawn]) -> npt.NDArray[np.bool_]:
        holds = np.ones(ROWS, dtype=np.bool_)
        for key, values in when.items():
            wanted = self._finer(self._columns[key].feature, values)
            holds &= np.fromiter((value in wanted for value in drawn[key]), np.bool_, ROWS)
        return holds

    def _finer(self, feature: Feature, values: list[Scalar]) -> set[Scalar]:
        """Return values of a feature, codes with the finer ones that they hold."""
        if feature.kind is not Kind.CODE or feature.partition is None:
            return set(values)
        codes = self._schema.codes[feature.partition]
        under = {cls for value in values for cls in self._schema.classes_under(codes[str(value)])}
        return {code for code, cls in codes.items() if cls in under}

    def _parts(self) -> list[_Part]:
        """Return what is drawn, in order."""
        declared = self._marginals
        groups: tuple[Mapping[str, Marginal | Together], ...] = (
            declared.features,
            declared.together,
            declared.after,
        )
        return [
            _Part(f"{section}.{name}", name, how)
            for section, group in zip(_SECTIONS, groups, strict=True)
            for name, how in group.items()
        ]

    def _is_known(self, key: str) -> bool:
        if key not in self._features:
            self._problem(key, repr(key), "the key of a feature of a case")
        return key in self._features

    def _column(self, key: str) -> _Column:
        feature = self._features[key]
        plain = feature.kind is not Kind.QUANTITY or feature.unit == "1"
        return _Column(feature, key if plain else f"{key} [{feature.unit}]")

    def _check(self) -> None:
        before: set[str] = set()
        for part in self._parts():
            for key in sorted(before & part.keys):
                self._problem(part.where, key, "a feature that is drawn once")
            if isinstance(part.how, Together):
                for i, choice in enumerate(part.how.choices):
                    where = f"{part.where}.choices[{i}]"
                    self._check_when(choice.when, before, where)
                    for key, value in choice.values.items():
                        self._check_value(key, value, f"{where}.values.{key}")
            else:
                for i, rule in enumerate(part.how.rules):
                    where = f"{part.where}.rules[{i}]"
                    self._check_when(rule.when, before, where)
                    self._check_rule(part.name, rule, where)
            before |= part.keys

    def _check_when(self, when: Mapping[str, list[Scalar]], before: set[str], where: str) -> None:
        for key, values in when.items():
            if key not in before:
                self._problem(f"{where}.when", key, "a feature that is drawn before")
            for value in values:
                self._check_value(key, value, f"{where}.when.{key}")

    def _check_rule(self, key: str, rule: Rule, where: str) -> None:
        for value in rule.values or ():
            self._check_value(key, _parsed(value, self._features.get(key)), f"{where}.values")
        if rule.numbers is not None:
            for bound in (rule.numbers.low, rule.numbers.high):
                self._check_value(key, bound, f"{where}.numbers")

    def _check_value(self, key: str, value: Scalar, where: str) -> None:
        column = self._columns.get(key)
        expected = self._expected(column.feature, value) if column else None
        if expected is not None:
            self._problem(where, repr(value), expected)

    def _expected(self, feature: Feature, value: Scalar) -> str | None:
        """Return what a value of a feature has to be, where it is not."""
        if feature.kind is Kind.BOOLEAN:
            return None if isinstance(value, bool) else "true or false"
        if feature.kind is Kind.CODE:
            codes = self._schema.codes[feature.partition] if feature.partition else {}
            return None if value in codes else f"a code of {feature.key}"
        if isinstance(value, bool | str):
            return "a number"
        return (
            None
            if Fraction(value) in self._limits.of(feature.iri)
            else "a number that the record shapes allow"
        )

    def _problem(self, where: str, found: str, expected: str) -> None:
        self._problems.append(Problem(f"{self._source}: {where}", found, expected))


def _drawn(weights: Mapping[str, float], rng: np.random.Generator, rows: int) -> Drawn:
    values = np.array(list(weights), dtype=object)
    shares = np.array(list(weights.values()))
    return np.asarray(values[rng.choice(len(values), rows, p=shares / shares.sum())])


def _typed(values: Drawn, feature: Feature) -> Drawn:
    known = {value: _parsed(value, feature) for value in set(values)}
    return np.array([known[value] for value in values], dtype=object)


def _parsed(value: str, feature: Feature | None) -> Scalar:
    """Return a value that is the key of a weight as what it stands for."""
    if feature is None or feature.kind is Kind.CODE:
        return value
    if feature.kind is Kind.BOOLEAN:
        return {"true": True, "false": False}.get(value, value)
    try:
        return float(value)
    except ValueError:
        return value


def _type(feature: Feature) -> pa.DataType:
    types = {Kind.BOOLEAN: pa.bool_(), Kind.CODE: pa.string(), Kind.QUANTITY: pa.float64()}
    return types[feature.kind]
