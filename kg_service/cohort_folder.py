"""Reads what a cohort run left: any row of it can be decided again alone, and explained."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg_service.cohort_run import CONCLUSIONS, MANIFEST, ROW_NUMBER, SET_ASIDE, RowReader
from kg_service.compiler import CompiledGuideline
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.feature_masks import recorded_row
from kg_service.feature_table import ROW_ID
from kg_service.record import SetAssumption
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
        Decides its rows again, under the readings and assumptions of the run.

    Raises
    ------
    KgServiceError
        When it is no such folder, or of another guideline.
    """

    def __init__(self, path: Path, base: KnowledgeBase) -> None:
        self.path = path
        self._base = base
        try:
            self._manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise KgServiceError(f"{path} is no folder that bonemet cohort made: no {MANIFEST}") from error
        if self._manifest["guideline"] != str(self.compiled.guideline.iri):
            raise KgServiceError(f"{path} was decided by another guideline: {self._manifest['guideline']}")

    @property
    def carried(self) -> list[str]:
        """The columns that were carried along."""
        return list(self._manifest["carried"])

    @property
    def counts(self) -> tuple[int, int]:
        """How many rows were decided, and how many set aside."""
        return self._manifest["decided"], self._manifest["setAside"]

    @property
    def settings(self) -> list[str]:
        """The readings and assumptions that were selected, as they are written on the command line."""
        readings = [f"{ambiguity}={letter}" for ambiguity, letter in self._manifest["readings"].items()]
        return [*readings, *self._manifest["assumptions"]]

    @cached_property
    def compiled(self) -> CompiledGuideline:
        """The guideline under the readings of the run."""
        return self._base.compiled(self._manifest["readings"], self._manifest["profile"])

    @cached_property
    def assumptions(self) -> tuple[SetAssumption, ...]:
        """The local assumptions of the run."""
        return self._base.set_assumptions(self._manifest["assumptions"], MANIFEST)

    def assess(self, row: str) -> AssessedRecord:
        """Return what is concluded of one row, decided alone.

        Parameters
        ----------
        row : str
            The id of the row where the table has ids, or else its number.

        Raises
        ------
        KgServiceError
            When there is no such row, or the table is not where it was or not what it was.
        """
        rows = RowReader(self._base, self.compiled, self.assumptions)
        number = self._number(row)
        source = Path(self._manifest["source"])
        if not source.exists() or source.stat().st_size != self._manifest["sourceBytes"]:
            raise KgServiceError(
                f"{source} is not the table that {self.path} was decided from; put that back to explain a row"
            )
        table = open_table(source)
        columns = rows.schema.read(table.names, source.name, carried=self._manifest["carried"])
        for numbers, batch in table.batches():
            if len(numbers) and numbers[0] <= number <= numbers[-1]:
                values = recorded_row(columns, batch, int(np.searchsorted(numbers, number)))
                return self._base.assess(rows.record(row, values), self.compiled, self.assumptions)
        raise InputError([Problem(source.name, f"no row {number}", "a row of the table")])

    def _number(self, row: str) -> int:
        """Return the number of a row that was decided."""
        conclusions = self.path / CONCLUSIONS
        key = ROW_ID if ROW_ID in pq.read_schema(conclusions).names else ROW_NUMBER
        table = pq.read_table(conclusions, columns=sorted({ROW_NUMBER, key}))
        names = pc.cast(table.column(key), "string")
        found = table.column(ROW_NUMBER).filter(pc.equal(names, row)).to_pylist()
        if len(found) == 1:
            return int(found[0])
        if found:
            shown = ", ".join(str(number) for number in found[:SHOWN])
            raise KgServiceError(f"{len(found)} rows have the {key} {row!r}: {shown}")
        raise KgServiceError(f"no row with the {key} {row!r} was decided; rows set aside are in {SET_ASIDE}")
