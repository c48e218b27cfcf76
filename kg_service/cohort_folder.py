"""Reads what a cohort run left: any row of it can be decided again alone, and explained."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.compute as pc

from kg_service.cohort_answers import MANIFEST, ROW_NUMBER, SET_ASIDE, conclusions_in
from kg_service.cohort_records import ASSESSED_ON, CASE, open_records, reading_of
from kg_service.cohort_run import RowReader
from kg_service.compiler import CompiledGuideline
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.feature_masks import recorded_row
from kg_service.feature_table import ROW_ID
from kg_service.record import SetAssumption
from kg_service.record_source import RecordSource
from kg_service.service import AssessedRecord, KnowledgeBase
from kg_service.table_files import open_table

SHOWN = 3
"""Rows that a message names."""


class CohortFolder:
    """The folder that a cohort run made.

    Parameters
    ----------
    path : Path
        The folder.
    base : KnowledgeBase
        Decides its rows again, by the guideline and under the readings and assumptions of the run.

    Raises
    ------
    KgServiceError
        When it is no such folder, or of a guideline that is not there.
    """

    def __init__(self, path: Path, base: KnowledgeBase) -> None:
        self.path = path
        try:
            self._manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise KgServiceError(f"{path} is no folder that bonemet cohort made: no {MANIFEST}") from error
        names = {str(iri): name for name, iri in base.guidelines.items()}
        if self._manifest["guideline"] not in names:
            raise KgServiceError(f"{path} was decided by another guideline: {self._manifest['guideline']}")
        self.base = base.of(names[self._manifest["guideline"]])

    @property
    def carried(self) -> list[str]:
        """The columns that were carried along."""
        return list(self._manifest["carried"])

    @property
    def counts(self) -> tuple[int, int]:
        """How many rows were decided, and how many set aside."""
        return self._manifest["decided"], self._manifest["setAside"]

    @property
    def decided_from(self) -> tuple[str, int]:
        """The source of the run, and its size [byte] then."""
        return self._manifest["source"], self._manifest["sourceBytes"]

    @property
    def settings(self) -> list[str]:
        """The readings and assumptions that were selected, as they are written on the command line."""
        readings = [f"{ambiguity}={letter}" for ambiguity, letter in self._manifest["readings"].items()]
        return [*readings, *self._manifest["assumptions"]]

    @cached_property
    def compiled(self) -> CompiledGuideline:
        """The guideline under the readings of the run."""
        return self.base.compiled(self._manifest["readings"], self._manifest["profile"])

    @cached_property
    def assumptions(self) -> tuple[SetAssumption, ...]:
        """The local assumptions of the run."""
        return self.base.set_assumptions(self._manifest["assumptions"], MANIFEST)

    def assess(self, row: str) -> AssessedRecord:
        """Return what is concluded of one row, decided alone.

        Parameters
        ----------
        row : str
            The id of the row where the cohort has ids; of a record with several cases, followed by
            a slash and the id of the case. The number of the row otherwise.

        Raises
        ------
        KgServiceError
            When there is no such row, or the source is not where it was or not what it was.
        """
        found = self._row(row)
        path = Path(self._manifest["source"])
        source = open_records(path, self.base) if self._is_of_records and path.exists() else None
        size = source.size if source else path.stat().st_size if path.exists() else None
        if size != self._manifest["sourceBytes"]:
            raise KgServiceError(
                f"{path} is not what {self.path} was decided from; put that back to explain a row"
            )
        if source is None:
            return self._of_table(path, row, found[ROW_NUMBER])
        return self._of_record(source, found[ROW_ID], found[CASE])

    @property
    def _is_of_records(self) -> bool:
        return "form" in self._manifest

    def _of_table(self, path: Path, row: str, number: int) -> AssessedRecord:
        rows = RowReader(self.base, self.compiled, self.assumptions)
        table = open_table(path)
        columns = rows.schema.read(table.names, path.name, carried=self._manifest["carried"])
        for numbers, batch in table.batches():
            if len(numbers) and numbers[0] <= number <= numbers[-1]:
                values = recorded_row(columns, batch, int(np.searchsorted(numbers, number)))
                return self.base.assess(rows.record(row, values), self.compiled, self.assumptions)
        raise InputError([Problem(path.name, f"no row {number}", "a row of the table")])

    def _of_record(self, source: RecordSource, identifier: str, case: str) -> AssessedRecord:
        """Return what is concluded of one case of a record, read from its source again."""
        reading = reading_of(source, self.base, self._manifest[ASSESSED_ON])
        with (
            TemporaryDirectory(dir=self.path.parent, prefix=f"{self.path.name}.") as scratch,
            closing(source.records(Path(scratch), lambda _name, _problems: None)) as raws,
        ):
            for raw in raws:
                if not source.may_be(raw, identifier):
                    continue
                for name, record in reading.records(raw):
                    if name == identifier:
                        assessed = self.base.assess(record, self.compiled, self.assumptions)
                        chosen = [a for a in assessed.assessments if a.case.id == case]
                        return replace(assessed, assessments=tuple(chosen))
        raise InputError([Problem(str(source.path), f"no record {identifier}", "a record of the source")])

    def _row(self, row: str) -> dict[str, Any]:
        """Return the names of a row that was decided."""
        conclusions = conclusions_in(self.path)
        named = [n for n in (ROW_NUMBER, ROW_ID, CASE) if n in conclusions.schema.names]
        named = named if self._is_of_records else [n for n in named if n != CASE]
        table = conclusions.to_table(columns=named)
        key = ROW_ID if ROW_ID in named else ROW_NUMBER
        found = table.filter(pc.equal(pc.cast(table.column(key), "string"), row))
        if self._is_of_records and not found.num_rows:
            names = pc.binary_join_element_wise(table.column(ROW_ID), table.column(CASE), "/")
            found = table.filter(pc.equal(names, row))
        if self._is_of_records and not found.num_rows:
            found = table.filter(pc.equal(pc.cast(table.column(ROW_NUMBER), "string"), row))
        rows = found.to_pylist()
        if len(rows) == 1:
            return dict(rows[0])
        if rows:
            shown = ", ".join(
                f"{one[ROW_ID]}/{one[CASE]}" if CASE in one else str(one[ROW_NUMBER]) for one in rows[:SHOWN]
            )
            raise KgServiceError(f"{len(rows)} rows have the {key} {row!r}: {shown}")
        raise KgServiceError(f"no row with the {key} {row!r} was decided; rows set aside are in {SET_ASIDE}")
