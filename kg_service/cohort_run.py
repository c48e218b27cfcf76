"""Decides a table in a file into a folder: conclusions, rows set aside, and what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from kg_service.cohort import CohortDecider, Conclusions
from kg_service.cohort_answers import (
    ROW_NUMBER,
    CohortAnswers,
    CohortSummary,
    Refusal,
    describe_run,
    made_folder,
)
from kg_service.compiler import CompiledGuideline
from kg_service.derivation import cases_of
from kg_service.errors import InputError, Problem
from kg_service.feature_masks import Indices
from kg_service.feature_table import ROW_ID, Column, TableSchema
from kg_service.progress import Progress, untold
from kg_service.reader import read_record
from kg_service.record import Case, Record, SetAssumption
from kg_service.service import KnowledgeBase
from kg_service.table_files import BrokenRow, TableFile, open_table


class RowReader:
    """Reads the rows of tables as records.

    Parameters
    ----------
    base : KnowledgeBase
        The knowledge base.
    compiled : CompiledGuideline
        The guideline under its readings.
    assumptions : sequence of SetAssumption
        The local assumptions that are set.
    """

    def __init__(
        self, base: KnowledgeBase, compiled: CompiledGuideline, assumptions: Sequence[SetAssumption] = ()
    ) -> None:
        self.schema = TableSchema(compiled)
        self._base = base
        self._compiled = compiled
        self._assumptions = assumptions

    def columns(self, table: TableFile, carried: Sequence[str]) -> list[Column]:
        """Return the columns of a table that are read.

        Raises
        ------
        InputError
            When a column is not known, or one to carry along is not there.
        """
        source = table.path.name
        missing = [name for name in carried if name not in table.names]
        if missing:
            expected = "a column of the table"
            raise InputError([Problem(f"{source}: column {n}", "not there", expected) for n in missing])
        return self.schema.read(table.names, source, carried=carried)

    def record(self, identifier: str, values: Mapping[Column, Any]) -> Record:
        """Return a row as a record of one case.

        Raises
        ------
        InputError
            With what is wrong with its values.
        """
        document = self.schema.document(identifier, values)
        return read_record(document, self._compiled.schema, self._base.limits, identifier)

    def case(self, values: Mapping[Column, Any]) -> Case:
        """Return a row as a case; see `record`."""
        [case] = cases_of(self.record(ROW_NUMBER, values), self._compiled.schema)
        return self._base.assumptions.apply(case, self._assumptions)


def decide_table(
    source: Path,
    out: Path,
    base: KnowledgeBase,
    compiled: CompiledGuideline,
    assumptions: Sequence[SetAssumption] = (),
    *,
    carried: Sequence[str] = (),
    masks: bool = False,
    fragile: bool = False,
    progress: Progress = untold,
) -> CohortSummary:
    """Decide every row of a table.

    Parameters
    ----------
    source : Path
        The table; see ``docs/cohorts.md``.
    out : Path
        A folder that does not exist yet.
    base, compiled, assumptions : KnowledgeBase, CompiledGuideline, sequence of SetAssumption
        What decides.
    carried : sequence of str
        Columns that are not read, and copied beside the conclusions.
    masks : bool
        Whether to write the masks of the rows too, and the SQL that draws the conclusions from them.
    fragile : bool
        Whether to write too what is another under other readings of the source.
    progress : callable
        Told after each batch.

    Raises
    ------
    InputError
        When the table cannot be read, or a column of it is not known.
    KgServiceError
        When the folder exists, or cannot be written.
    """
    table = open_table(source)
    rows = RowReader(base, compiled, assumptions)
    columns = rows.columns(table, carried)
    space = base.reading_space if fragile else None
    decider = CohortDecider(compiled, columns, base.limits, rows.case, assumptions, space)
    kept = [name for name in (ROW_ID, *carried) if name in table.names]
    with made_folder(out) as folder:
        with CohortAnswers(folder) as answers:
            broken = 0
            for numbers, batch in table.batches():
                found = decider.decide(batch, masks=masks)
                named = _named(numbers, batch, found, kept)
                answers.add(named, found.columns, found.masks, found.fragile)
                answers.refuse(_broken(table.broken[broken:]))
                broken = len(table.broken)
                answers.refuse(_flawed(numbers, batch, found))
                progress(answers.decided + answers.set_aside, table.rows)
            answers.refuse(_broken(table.broken[broken:]))
        summary = CohortSummary(answers.decided, answers.set_aside)
        more = told_of_table(source, carried)
        describe_run(folder, decider.cases, assumptions, summary, more, masks=masks)
    return summary


def told_of_table(source: Path, carried: Sequence[str]) -> dict[str, Any]:
    """Return what the manifest says of the table that was decided."""
    size = source.stat().st_size
    return {"source": str(source.resolve()), "sourceBytes": size, "carried": list(carried)}


def _named(
    numbers: Indices, batch: pa.RecordBatch, found: Conclusions, kept: Sequence[str]
) -> dict[str, pa.Array]:
    taken = {name: batch.column(name).take(pa.array(found.rows)) for name in kept}
    return {ROW_NUMBER: pa.array(numbers[found.rows])} | taken


def _broken(rows: Sequence[BrokenRow]) -> Iterable[Refusal]:
    return (Refusal(one.row, None, [one.problem]) for one in rows)


def _flawed(numbers: Indices, batch: pa.RecordBatch, found: Conclusions) -> Iterable[Refusal]:
    ids = batch.column(ROW_ID) if ROW_ID in batch.schema.names else None
    for row, problems in sorted(found.flawed.items()):
        yield Refusal(int(numbers[row]), None if ids is None else str(ids[row]), in_row(problems))


def in_row(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems with a row, their places told within the row."""
    return [replace(p, where=p.where.removeprefix(f"{ROW_NUMBER}: ")) for p in problems]
