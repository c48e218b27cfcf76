"""Decides a table in a file into a folder: conclusions, rows set aside, and what was asked.

Nothing stands under the name of the folder before all of it is done: it is written beside and
renamed. A run that was cut short leaves no half of an answer; a later run starts afresh.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kg_service.cohort import CohortDecider, Conclusions
from kg_service.compiler import CompiledGuideline
from kg_service.derivation import cases_of
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.feature_masks import Indices
from kg_service.feature_table import ROW_ID, Column, TableSchema
from kg_service.reader import read_record
from kg_service.record import Case, Record, SetAssumption
from kg_service.service import KnowledgeBase
from kg_service.table_files import BrokenRow, TableFile, open_table
from kg_service.values import decimal_text

CONCLUSIONS = "conclusions.parquet"
SET_ASIDE = "set-aside.csv"
COLUMNS = "columns.csv"
MANIFEST = "manifest.json"
MASKS = "masks.parquet"
FRAGILE = "fragile.parquet"
SQL = "plan.sql"
ROW_NUMBER = "row"
PARTIAL = ".partial"
_ASIDE = pa.schema(
    [
        (ROW_NUMBER, pa.int64()),
        (ROW_ID, pa.string()),
        ("where", pa.string()),
        ("found", pa.string()),
        ("expected", pa.string()),
        ("remedy", pa.string()),
    ]
)
Progress = Callable[[int, int | None], None]
"""Takes the rows done so far, and all of them where that is known."""


@dataclass(frozen=True)
class CohortSummary:
    """How many rows were decided, and how many set aside."""

    decided: int
    set_aside: int


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
    progress: Progress = lambda _done, _all: None,
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
    if out.exists():
        raise KgServiceError(f"{out} exists; give another folder, or remove it")
    table = open_table(source)
    missing = [name for name in carried if name not in table.names]
    if missing:
        raise InputError(
            [Problem(f"{source.name}: column {n}", "not there", "a column of the table") for n in missing]
        )
    rows = RowReader(base, compiled, assumptions)
    columns = rows.schema.read(table.names, source.name, carried=carried)
    space = base.reading_space if fragile else None
    decider = CohortDecider(compiled, columns, base.limits, rows.case, assumptions, space)
    partial = out.with_name(out.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        kept = [name for name in (ROW_ID, *carried) if name in table.names]
        with _Answers(partial, kept) as answers:
            for numbers, batch in table.batches():
                answers.add(numbers, batch, decider.decide(batch, masks=masks), table.broken)
                progress(answers.decided + answers.set_aside, table.rows)
            answers.add_broken(table.broken)
        summary = CohortSummary(answers.decided, answers.set_aside)
        if masks:
            (partial / SQL).write_text(decider.sql([ROW_NUMBER]), encoding="utf-8")
        pa_csv.write_csv(pa.Table.from_pylist(decider.described()), partial / COLUMNS)
        manifest = json.dumps(
            _manifest(table, compiled, assumptions, carried, summary), indent=2, ensure_ascii=False
        )
        (partial / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
        partial.rename(out)
    except OSError as error:
        raise KgServiceError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


class _Answers:
    """Writes what was concluded, and what was set aside; one batch is written while the next is decided."""

    def __init__(self, folder: Path, kept: Sequence[str]) -> None:
        self.decided = self.set_aside = 0
        self._folder = folder
        self._kept = kept
        self._aside = pa_csv.CSVWriter(folder / SET_ASIDE, _ASIDE)
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._writing = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[None] | None = None
        self._broken = 0

    def __enter__(self) -> _Answers:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._settle()
        finally:
            self._writing.shutdown()
            for writer in self._writers.values():
                writer.close()
            self._aside.close()

    def add(
        self, numbers: Indices, batch: pa.RecordBatch, found: Conclusions, broken: Sequence[BrokenRow]
    ) -> None:
        """Write the rows of one batch, and the broken ones before them."""
        arrays = {ROW_NUMBER: pa.array(numbers[found.rows])}
        arrays |= {name: batch.column(name).take(pa.array(found.rows)) for name in self._kept}
        results = {CONCLUSIONS: pa.record_batch(arrays | found.columns)}
        for name, beside in ((MASKS, found.masks), (FRAGILE, found.fragile)):
            if beside:
                results[name] = pa.record_batch({ROW_NUMBER: arrays[ROW_NUMBER]} | beside)
        self._write(results)
        self.decided += len(found.rows)
        self.add_broken(broken)
        ids = batch.column(ROW_ID) if ROW_ID in self._kept else None
        self._refuse(
            (int(numbers[row]), None if ids is None else str(ids[row]), problems)
            for row, problems in sorted(found.flawed.items())
        )

    def add_broken(self, broken: Sequence[BrokenRow]) -> None:
        """Write the broken rows that were not written yet."""
        self._refuse((one.row, None, [one.problem]) for one in broken[self._broken :])
        self._broken = len(broken)

    def _refuse(self, rows: Iterable[tuple[int, str | None, Sequence[Problem]]]) -> None:
        refused = list(rows)
        self.set_aside += len(refused)
        told = [
            (number, identifier, p.where.removeprefix(f"{ROW_NUMBER}: "), p.found, p.expected, p.remedy)
            for number, identifier, problems in refused
            for p in problems
        ]
        if told:
            columns = [
                pa.array(cells, f.type) for cells, f in zip(zip(*told, strict=True), _ASIDE, strict=True)
            ]
            self._aside.write(pa.record_batch(columns, schema=_ASIDE))

    def _write(self, results: Mapping[str, pa.RecordBatch]) -> None:
        for name, result in results.items():
            if name not in self._writers:
                self._writers[name] = pq.ParquetWriter(self._folder / name, result.schema)
        self._settle()
        self._pending = self._writing.submit(self._write_all, results)

    def _write_all(self, results: Mapping[str, pa.RecordBatch]) -> None:
        for name, result in results.items():
            self._writers[name].write_batch(result)

    def _settle(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()


def _manifest(
    table: TableFile,
    compiled: CompiledGuideline,
    assumptions: Sequence[SetAssumption],
    carried: Sequence[str],
    summary: CohortSummary,
) -> dict[str, Any]:
    guideline = compiled.guideline
    return {
        "guideline": str(guideline.iri),
        "profile": guideline.profile.id if guideline.profile else None,
        "readings": guideline.letters,
        "assumptions": [f"{a.id}={decimal_text(a.number)} {a.unit}" for a in assumptions],
        "source": str(table.path.resolve()),
        "sourceBytes": table.path.stat().st_size,
        "carried": list(carried),
        "decided": summary.decided,
        "setAside": summary.set_aside,
    }
