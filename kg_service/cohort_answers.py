"""Writes what a cohort run concludes into its folder: conclusions, what was set aside, what was asked.

Nothing stands under the name of the folder before all of it is done: it is written beside and
renamed. A run that was cut short leaves no half of an answer; a later run starts afresh.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from kg_service.cohort import CaseDecider
from kg_service.compiler import CompiledGuideline
from kg_service.errors import KgServiceError, Problem
from kg_service.feature_table import ROW_ID
from kg_service.record import SetAssumption

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


def conclusions_in(folder: Path) -> ds.Dataset:
    """Return the conclusions of a finished run: one file, or the parts that Spark wrote.

    Raises
    ------
    KgServiceError
        When no row was decided; says why the first was set aside.
    """
    path = folder / CONCLUSIONS
    if path.exists():
        return ds.dataset(path)
    texts = pa_csv.ConvertOptions(column_types=dict.fromkeys(_ASIDE.names, pa.string()))
    aside = pa_csv.read_csv(folder / SET_ASIDE, convert_options=texts).to_pylist()
    reasons = (Problem(*(one[key] for key in ("where", "found", "expected", "remedy"))) for one in aside)
    first = next((f": {reason}" for reason in reasons), "")
    raise KgServiceError(f"no row was decided; {len(aside)} reasons in {SET_ASIDE}{first}")


@dataclass(frozen=True)
class Refusal:
    """Something that was set aside, and why.

    Attributes
    ----------
    row : int or None
        Its number, where it has one.
    id : str or None
        What the source calls it, as far as that could be read.
    """

    row: int | None
    id: str | None
    problems: Sequence[Problem]


@dataclass(frozen=True)
class CohortSummary:
    """What became of a cohort.

    Attributes
    ----------
    decided : int
        Rows of the conclusions.
    set_aside : int
        Rows, records and lines that could not be used.
    records : int or None
        Records that were read; None for a table, whose rows are the cases.
    without_case : int
        Records among them that have no case.
    """

    decided: int
    set_aside: int
    records: int | None = None
    without_case: int = 0

    def __str__(self) -> str:
        what = "rows" if self.records is None else "cases"
        told = f"{self.decided:,} {what} decided, {self.set_aside:,} set aside ({SET_ASIDE})"
        if self.records is None:
            return told
        return f"{told}; {self.records:,} records read, {self.without_case:,} of them without a case"


@contextmanager
def made_folder(out: Path) -> Iterator[Path]:
    """Yield a folder to write to, which takes its name when all is done, and is gone otherwise.

    Raises
    ------
    KgServiceError
        When the folder exists already, or cannot be written.
    """
    if out.exists():
        raise KgServiceError(f"{out} exists; give another folder, or remove it")
    partial = out.with_name(out.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        partial.rename(out)
    except OSError as error:
        raise KgServiceError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class CohortAnswers:
    """Writes conclusions and what was set aside; one batch is written while the next is decided.

    Parameters
    ----------
    folder : Path
        Where to write.
    """

    def __init__(self, folder: Path) -> None:
        self.decided = self.set_aside = 0
        self._folder = folder
        self._aside = pa_csv.CSVWriter(folder / SET_ASIDE, _ASIDE)
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._writing = ThreadPoolExecutor(max_workers=1)
        self._pending: Future[None] | None = None

    def __enter__(self) -> CohortAnswers:
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
        self,
        named: Mapping[str, pa.Array],
        columns: Mapping[str, pa.Array],
        masks: Mapping[str, pa.Array],
        fragile: Mapping[str, pa.Array],
    ) -> None:
        """Write decided rows.

        Parameters
        ----------
        named : mapping of str to pyarrow array
            What names the rows, and what is carried along; the number of the row is among it.
        columns, masks, fragile : mapping of str to pyarrow array
            The conclusions; the masks and what hangs on a reading, if they are asked for.
        """
        results = {CONCLUSIONS: pa.record_batch(dict(named) | dict(columns))}
        for name, beside in ((MASKS, masks), (FRAGILE, fragile)):
            if beside:
                results[name] = pa.record_batch({ROW_NUMBER: named[ROW_NUMBER]} | dict(beside))
        for name, result in results.items():
            if name not in self._writers:
                self._writers[name] = pq.ParquetWriter(self._folder / name, result.schema)
        self._settle()
        self._pending = self._writing.submit(self._write, results)
        self.decided += results[CONCLUSIONS].num_rows

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Write what was set aside, a line for each problem."""
        told = []
        for refusal in refusals:
            self.set_aside += 1
            told += [
                (refusal.row, refusal.id, p.where, p.found, p.expected, p.remedy) for p in refusal.problems
            ]
        if told:
            columns = [
                pa.array(cells, f.type) for cells, f in zip(zip(*told, strict=True), _ASIDE, strict=True)
            ]
            self._aside.write(pa.record_batch(columns, schema=_ASIDE))

    def _write(self, results: Mapping[str, pa.RecordBatch]) -> None:
        for name, result in results.items():
            self._writers[name].write_batch(result)

    def _settle(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()


def describe_run(
    folder: Path,
    decider: CaseDecider,
    assumptions: Sequence[SetAssumption],
    summary: CohortSummary,
    more: Mapping[str, Any],
    *,
    masks: bool,
) -> None:
    """Write what the columns are about, what was asked, and the SQL over the masks if there are any.

    Parameters
    ----------
    more : mapping of str to object
        What the manifest says of the source.
    """
    if masks:
        (folder / SQL).write_text(decider.sql([ROW_NUMBER]), encoding="utf-8")
    pa_csv.write_csv(pa.Table.from_pylist(decider.described()), folder / COLUMNS)
    manifest = _settings(decider.compiled, assumptions) | dict(more)
    manifest |= {"decided": summary.decided, "setAside": summary.set_aside}
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _settings(compiled: CompiledGuideline, assumptions: Sequence[SetAssumption]) -> dict[str, Any]:
    guideline = compiled.guideline
    return {
        "guideline": str(guideline.iri),
        "profile": guideline.profile.id if guideline.profile else None,
        "readings": guideline.letters,
        "assumptions": [a.given for a in assumptions],
    }
