"""Decides cohorts: the same three-valued conclusions as for one case, for many rows at once.

The trees of the plan and the rules for options and prescriptions become one program of steps; a
batch of rows is decided by running it on planes of one bit a row. A row that contradicts itself or
the record shapes is set aside with its reason; it stops no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rdflib import URIRef

from kg_service.bit_planes import Plane, PlaneRunner, rows_of
from kg_service.cohort_fragility import FragilitySteps
from kg_service.cohort_outcomes import BEST, PRESCRIBED, PRESCRIPTION, WORST, Outcomes, conclusion_words
from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OFFERS
from kg_service.derivation import refuse_impossible
from kg_service.entailment import EntailmentProgram
from kg_service.errors import InputError, Problem
from kg_service.feature_masks import (
    Encoded,
    FeatureMasks,
    ReadRow,
    cell_groups,
    read_from,
    recorded,
)
from kg_service.feature_table import Column
from kg_service.limits import Limits
from kg_service.namespaces import CORE, local_name
from kg_service.plan_sql import PlanSql
from kg_service.record import SetAssumption
from kg_service.robustness import ReadingSpace

SAYS_PRESCRIPTION = "prescribed"
MASK = "m_"
"""What the names of the columns of masks begin with; the key of a feature follows."""


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
    masks : dict of str to pyarrow array of int64
        By name (``m_site``), the groups of cells that each row leaves possible, and whether it says
        anything of a prescription; empty unless they were asked for.
    fragile : dict of str to pyarrow array of bool
        By answer (``S074``), whether it is another under other readings; by ambiguity (``A04``), whether
        some answer is another under another reading of it; empty unless they were asked for.
    """

    rows: npt.NDArray[np.int64]
    columns: dict[str, pa.Array]
    flawed: dict[int, list[Problem]]
    masks: dict[str, pa.Array]
    fragile: dict[str, pa.Array]


class CaseDecider:
    """The plan and the rules of a guideline, as one program over what cases leave possible.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline under its readings.
    space : ReadingSpace, optional
        All readings of the guideline, to tell what hangs on one.

    Attributes
    ----------
    impossible : dict of URIRef to int
        By class that nothing can belong to, the step that says a case belongs to it.
    groups : dict of str to CellGroups
        The groups of cells that masks hold apart, by feature.
    """

    def __init__(self, compiled: CompiledGuideline, space: ReadingSpace | None = None) -> None:
        self.compiled = compiled
        self.program = program = EntailmentProgram(compiled.plan)
        self._outcomes = Outcomes(compiled, program, compiled.options)
        self._fragility = FragilitySteps(space, compiled, program, self._outcomes) if space else None
        trees = compiled.plan.trees
        self.impossible = {cls: program.entailed(trees[str(cls)]) for cls in compiled.schema.impossible}
        self.groups = cell_groups(compiled.plan, program.tested)

    def runner(self, told: set[str]) -> PlaneRunner:
        """Return what computes the planes of all steps, for cases that may say something of some features."""
        return PlaneRunner(self.program, self.groups, told)

    def columns(self, planes: list[Plane], prescribed: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
        """Return the columns of conclusions, from the planes of all steps.

        Parameters
        ----------
        planes : list of array of uint8
            As the runner makes them.
        prescribed : array of bool, shape (rows,)
            Whether a case says anything of a prescription.
        """
        return self._outcomes.columns(planes, prescribed)

    def fragile(self, planes: list[Plane], prescribed: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
        """Return the columns that say what hangs on a reading; none without the space of readings."""
        return self._fragility.columns(planes, prescribed) if self._fragility else {}

    def sql(self, kept: Sequence[str]) -> str:
        """Return the query that draws the conclusions from a table of masks, for any SQL engine."""
        sql = PlanSql(self.program, self.groups, self._mask_columns)
        where = dict.fromkeys(PRESCRIBED, SAYS_PRESCRIPTION)
        return sql.select(kept, self._outcomes.words, where)

    def written(self, encoded: Encoded) -> dict[str, pa.Array]:
        """Return the columns of a table of masks."""
        rows = len(encoded.watched)
        found = {SAYS_PRESCRIPTION: pa.array(encoded.watched)}
        for feature, name in self._mask_columns.items():
            mask = encoded.masks.get(feature)
            if mask is None:
                mask = np.full(rows, self.groups[feature].full, dtype=np.uint64)
            found[name] = pa.array(mask.view(np.int64))
        return found

    @cached_property
    def _mask_columns(self) -> dict[str, str]:
        features = self.compiled.schema.features
        return {feature: f"{MASK}{features[URIRef(feature)].key}" for feature in self.groups}

    def described(self) -> list[dict[str, str]]:
        """Return what each column of conclusions is about: its kind, labels and statements."""
        rows = []
        for recommendation in self.compiled.guideline.recommendations:
            names = list(conclusion_words(self.compiled, self.program, recommendation))
            ids = [statement.id for statement in recommendation.statements]
            rows += [self._described(name, recommendation.kind, recommendation.iri, ids) for name in names]
        for option in self.compiled.options:
            offering = self.compiled.recommendations_on(option, OFFERS)
            ids = sorted({s.id for r in offering for s in r.statements})
            rows.append(self._described(local_name(option), "Option", option, ids))
        rows += [
            self._described(name, "Concordance", CORE.Concordance, []) for name in (PRESCRIPTION, BEST, WORST)
        ]
        return rows

    def _described(self, name: str, kind: str, about: URIRef, statements: Sequence[str]) -> dict[str, str]:
        label = self.compiled.guideline.label
        return {
            "column": name,
            "kind": kind,
            "label": label(about, "en"),
            "libelle": label(about, "fr"),
            "statements": " ".join(statements),
        }


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
    space : ReadingSpace, optional
        All readings of the guideline, to tell what hangs on one.
    """

    def __init__(
        self,
        compiled: CompiledGuideline,
        columns: Sequence[Column],
        limits: Limits,
        read: ReadRow,
        assumptions: Sequence[SetAssumption] = (),
        space: ReadingSpace | None = None,
    ) -> None:
        self.cases = CaseDecider(compiled, space)
        linked = [(a.fixes, a.from_feature) for a in assumptions]
        self._contradictions = [
            _Contradiction(cls, step, compiled, columns, read, linked)
            for cls, step in self.cases.impossible.items()
        ]
        self._masks = FeatureMasks(
            self.cases.groups,
            columns,
            compiled.schema,
            limits,
            read,
            linked=linked,
            watched=compiled.prescriptions.deciding,
        )
        self._runner = self.cases.runner(self._masks.features)

    def decide(self, batch: pa.RecordBatch, *, masks: bool = False) -> Conclusions:
        """Return what is concluded on the rows of a batch, with their masks if they are asked for."""
        encoded = self._masks.of(batch)
        planes = self._runner.run(encoded.masks, batch.num_rows)
        self._refuse(batch, encoded, planes)
        found = [
            self.cases.columns(planes, encoded.watched),
            self.cases.written(encoded) if masks else {},
            self.cases.fragile(planes, encoded.watched),
        ]
        kept = np.arange(batch.num_rows)
        if encoded.flawed:
            kept = np.setdiff1d(kept, np.array(sorted(encoded.flawed)))
            chosen = pa.array(kept)
            found = [{name: array.take(chosen) for name, array in arrays.items()} for arrays in found]
        columns, written, fragile = found
        return Conclusions(kept, columns, encoded.flawed, written, fragile)

    def _refuse(self, batch: pa.RecordBatch, encoded: Encoded, planes: list[Plane]) -> None:
        """Set the rows aside whose facts contradict each other."""
        for contradiction in self._contradictions:
            rows = np.flatnonzero(rows_of(planes[contradiction.step], batch.num_rows)).tolist()
            columns = [batch.column(column.name) for column in contradiction.columns]
            for row in rows:
                values = tuple(array[row].as_py() for array in columns)
                encoded.flawed.setdefault(row, []).append(contradiction.problem(values))


class _Contradiction:
    """A class that nothing can belong to, and the columns that say what belongs to it.

    Parameters
    ----------
    cls : URIRef
        The class, marked ``core:impossible``.
    step : int
        The step that says a row belongs to it.
    linked : sequence of pairs of URIRef
        Features of which one is read from the other by a local assumption.
    """

    def __init__(
        self,
        cls: URIRef,
        step: int,
        compiled: CompiledGuideline,
        columns: Sequence[Column],
        read: ReadRow,
        linked: Sequence[tuple[URIRef, URIRef]],
    ) -> None:
        tested = compiled.plan.features_of(compiled.plan.trees[str(cls)])
        self.step = step
        told = read_from(tested, compiled.schema, linked)
        self.columns = [column for column in columns if str(column.feature.iri) in told]
        self._compiled = compiled
        self._read = read
        self._problems: dict[tuple[Any, ...], Problem] = {}

    def problem(self, values: tuple[Any, ...]) -> Problem:
        """Return the problem with some values of its columns."""
        if values not in self._problems:
            self._problems[values] = self._told(values)
        return self._problems[values]

    def _told(self, values: tuple[Any, ...]) -> Problem:
        compiled = self._compiled
        given = recorded(self.columns, values)
        case = self._read(given)
        try:
            refuse_impossible(
                case,
                compiled.plan,
                compiled.schema,
                "",
                lambda iri: compiled.guideline.label(URIRef(iri), "en"),
            )
        except InputError as error:
            names = ", ".join(column.name for column in given)
            return replace(error.problems[0], where=names)
        raise AssertionError(f"{given} contradicts itself in a cohort, and not alone")
