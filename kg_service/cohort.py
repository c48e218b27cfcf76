"""Decides cohorts: the same three-valued conclusions as for one case, for many rows at once.

The trees of the plan and the rules for options and prescriptions become one program of steps; a
batch of rows is decided by running it on planes of one bit a row. A row that contradicts itself or
the record shapes is set aside with its reason; it stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rdflib import URIRef

from kg_service.bit_planes import Plane, PlaneRunner, rows_of
from kg_service.compiler import CompiledGuideline
from kg_service.derivation import refuse_impossible
from kg_service.entailment import EntailmentProgram
from kg_service.errors import InputError, Problem
from kg_service.feature_masks import Encoded, FeatureMasks
from kg_service.feature_table import ROW_ID, Column
from kg_service.limits import Limits
from kg_service.namespaces import CORE, local_name
from kg_service.option_decision import VERDICTS
from kg_service.plan import Node
from kg_service.record import Case, SetAssumption
from kg_service.verdict_steps import VerdictSteps

STATUSES = ("false", "unknown", "true")
PRESCRIPTION = "prescription"
BEST, WORST = f"{PRESCRIPTION}.best", f"{PRESCRIPTION}.worst"
FULFILLED = "fulfilled"
ReadCase = Callable[[Mapping[Column, Any]], Case]


@dataclass(frozen=True)
class Conclusions:
    """What was decided of the rows of a batch.

    Attributes
    ----------
    rows : array of int64
        The positions of the rows that were decided.
    columns : dict of str to pyarrow array
        By name: the status of each recommendation (``S071``), whether it is fulfilled
        (``S004.fulfilled``), the verdict on each option (by its name), and what the prescription is,
        at best and at worst; null where the row says nothing of a prescription.
    flawed : dict of int to list of Problem
        By position, the rows set aside and why.
    """

    rows: npt.NDArray[np.int64]
    columns: dict[str, pa.Array]
    flawed: dict[int, list[Problem]]


class CohortDecider:
    """Decides the rows of tables with the same columns.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline under its readings.
    columns : sequence of Column
        The columns of the tables.
    limits : Limits
        The values that the record shapes allow.
    read : callable
        Reads the values of a row as a case, under local assumptions if any are set.
    assumptions : sequence of SetAssumption
        The local assumptions that are set.
    """

    def __init__(
        self,
        compiled: CompiledGuideline,
        columns: Sequence[Column],
        limits: Limits,
        read: ReadCase,
        assumptions: Sequence[SetAssumption] = (),
    ) -> None:
        self.compiled = compiled
        self.columns = columns
        self._read = read
        program = EntailmentProgram(compiled.plan)
        self._outcomes = _Outcomes(compiled, program)
        self._impossible = [
            program.entailed(compiled.plan.trees[str(cls)]) for cls in compiled.schema.impossible
        ]
        self._masks = FeatureMasks(
            compiled.plan,
            program.tested,
            columns,
            compiled.schema,
            limits,
            read,
            linked=[(a.fixes, a.from_feature) for a in assumptions],
            watched=compiled.prescriptions.deciding,
        )
        self._runner = PlaneRunner(program, self._masks.groups, self._masks.features)

    @property
    def names(self) -> list[str]:
        """The names of the columns of conclusions, in order."""
        return self._outcomes.names

    def decide(self, batch: pa.RecordBatch) -> Conclusions:
        """Return what is concluded on the rows of a batch."""
        encoded = self._masks.of(batch)
        planes = self._runner.run(encoded.masks, batch.num_rows)
        self._refuse(batch, encoded, planes)
        columns = self._outcomes.columns(planes, encoded.watched)
        kept = np.arange(batch.num_rows)
        if encoded.flawed:
            kept = np.setdiff1d(kept, np.array(sorted(encoded.flawed)))
            columns = {name: array.take(pa.array(kept)) for name, array in columns.items()}
        return Conclusions(kept, columns, encoded.flawed)

    def values(self, batch: pa.RecordBatch, row: int) -> dict[Column, Any]:
        """Return the values of one row, the empty ones left out."""
        return self._masks.values(batch, row)

    def _refuse(self, batch: pa.RecordBatch, encoded: Encoded, planes: list[Plane]) -> None:
        """Set the rows aside whose facts contradict each other."""
        for step in self._impossible:
            for row in np.flatnonzero(rows_of(planes[step], batch.num_rows)).tolist():
                if row not in encoded.flawed:
                    encoded.flawed[row] = self._contradictions(self.values(batch, row))

    def _contradictions(self, values: Mapping[Column, Any]) -> list[Problem]:
        compiled = self.compiled
        try:
            case = self._read(values)
            refuse_impossible(
                case,
                compiled.plan,
                compiled.schema,
                ROW_ID,
                lambda iri: compiled.guideline.label(URIRef(iri), "en"),
            )
        except InputError as error:
            return error.problems
        raise AssertionError(f"{case.id} contradicts itself for a cohort, and not alone")


class _Outcomes:
    """The columns of conclusions, and the steps they are read from."""

    def __init__(self, compiled: CompiledGuideline, program: EntailmentProgram) -> None:
        self._program = program
        self._statuses: dict[str, tuple[int, int]] = {}
        for recommendation in compiled.guideline.recommendations:
            self._add(recommendation.id, compiled.criterion(recommendation.population))
            if recommendation.fulfilled_by is not None:
                self._add(f"{recommendation.id}.{FULFILLED}", compiled.criterion(recommendation.fulfilled_by))
        verdicts = VerdictSteps(compiled, program)
        self._choices: dict[str, tuple[tuple[str, int], ...]] = {}
        for option in compiled.options:
            steps = verdicts.option(option)
            self._choices[local_name(option)] = tuple((verdict, steps[verdict]) for verdict in VERDICTS)
        best, worst = verdicts.prescription(hoping=True), verdicts.prescription(hoping=False)
        self._prescription = {
            PRESCRIPTION: self._alike(best, worst),
            BEST: tuple((local_name(c), step) for c, step in best.items()),
            WORST: tuple((local_name(c), step) for c, step in worst.items()),
        }

    def _add(self, name: str, tree: Node) -> None:
        self._statuses[name] = self._program.entailed(tree), self._program.denied(tree)

    def _alike(self, best: dict[URIRef, int], worst: dict[URIRef, int]) -> tuple[tuple[str, int], ...]:
        """Return the steps of the concordances that are the same at best and at worst, and of none."""
        program = self._program
        same = {c: program.every(best[c], worst[c]) for c in best if c in worst}
        apart = program.opposite(program.some(*same.values()))
        return (*((local_name(c), step) for c, step in same.items()), (local_name(CORE.NotAssessable), apart))

    @property
    def names(self) -> list[str]:
        return [*self._statuses, *self._choices, *self._prescription]

    def columns(self, planes: list[Plane], prescribed: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
        rows = len(prescribed)
        found: dict[str, pa.Array] = {}
        for name, (entailed, denied) in self._statuses.items():
            codes = rows_of(planes[entailed], rows).view(np.int8) - rows_of(planes[denied], rows).view(
                np.int8
            )
            found[name] = _coded(codes + np.int8(1), STATUSES)
        for name, steps in self._choices.items():
            found[name] = _chosen(steps, planes, rows)
        for name, steps in self._prescription.items():
            found[name] = _chosen(steps, planes, rows, prescribed)
        return found


def _chosen(
    steps: tuple[tuple[str, int], ...],
    planes: list[Plane],
    rows: int,
    where: npt.NDArray[np.bool_] | None = None,
) -> pa.Array:
    """Return for each row the word whose step holds; null outside `where`."""
    codes = np.zeros(rows, dtype=np.int8)
    for code, (_, step) in enumerate(steps):
        codes += rows_of(planes[step], rows).view(np.int8) * np.int8(code)
    return _coded(codes, [word for word, _ in steps], None if where is None else ~where)


def _coded(
    codes: npt.NDArray[np.int8], words: Sequence[str], null: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8(), mask=null), pa.array(words))
