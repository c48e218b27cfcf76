"""Writes synthetic cohorts: the same rows as a feature table, as RDF records, or as FHIR NDJSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kg_service.cohort_answers import PARTIAL
from kg_service.cohort_run import RowReader
from kg_service.compiler import CompiledGuideline
from kg_service.errors import KgServiceError
from kg_service.feature_masks import recorded
from kg_service.feature_table import ROW_ID, Column
from kg_service.fhir_writer import FhirWriter
from kg_service.progress import Progress, untold
from kg_service.record_rdf import record_graph
from kg_service.service import KnowledgeBase
from kg_service.synthesis import Synthesiser, read_marginals

TABLES = (".parquet", ".csv")
TRIPLES = ".nt"
NDJSON = ".ndjson"

PART = 1_000
"""Rows between two reports of progress."""

Write = Callable[[pa.RecordBatch], None]


def synthesise(
    marginals: Path,
    target: Path,
    base: KnowledgeBase,
    *,
    rows: int,
    seed: int,
    progress: Progress = untold,
) -> None:
    """Write a synthetic cohort, whole or not at all.

    Parameters
    ----------
    marginals : Path
        What to draw from; see ``docs/cohorts.md``.
    target : Path
        ``.parquet`` or ``.csv``: a feature table; ``.nt``: records in RDF; without suffix: a folder of FHIR
        NDJSON files. RDF and FHIR hold what the table does, but for the columns that are not read.
    base : KnowledgeBase
        The record model.
    rows, seed : int
        How many rows; the same seed gives the same rows.
    progress : callable
        Told after each batch.

    Raises
    ------
    InputError
        When the marginals speak of what records do not have.
    KgServiceError
        When the target exists, has another suffix, or cannot be written.
    """
    if target.exists():
        raise KgServiceError(f"{target} exists; give another name, or remove it")
    if target.suffix not in (*TABLES, TRIPLES, ""):
        known = ", ".join((*TABLES, TRIPLES))
        raise KgServiceError(f"{target.name}: expected {known}, or no suffix for a folder of FHIR NDJSON")
    compiled = base.compiled()
    reader = RowReader(base, compiled)
    drawn = Synthesiser(
        read_marginals(marginals), reader.schema, compiled.schema, base.limits, marginals.name
    )
    unfinished = target.with_name(target.name + PARTIAL)
    done = 0
    try:
        with _writing(unfinished, target.suffix, base, reader, drawn.carried) as write:
            for batch in drawn.batches(rows, seed):
                for part in _parts(batch):
                    write(part)
                    done += part.num_rows
                    progress(done, rows)
        unfinished.rename(target)
    except OSError as error:
        raise KgServiceError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, PART):
        yield batch.slice(start, PART)


@contextmanager
def _writing(
    target: Path, suffix: str, base: KnowledgeBase, reader: RowReader, carried: list[str]
) -> Iterator[Write]:
    with ExitStack() as stack:
        if suffix in TABLES:
            yield _table_writer(target, suffix, stack)
        elif suffix == TRIPLES:
            out = stack.enter_context(target.open("w", encoding="utf-8"))
            yield _rows_writer(reader, carried, _Triples(out, reader, base.compiled()).write)
        else:
            target.mkdir(parents=True)
            yield _rows_writer(reader, carried, _Ndjson(target, stack, FhirWriter(base.bindings)).write)


def _table_writer(target: Path, suffix: str, stack: ExitStack) -> Write:
    opened: list[Any] = []

    def write(batch: pa.RecordBatch) -> None:
        if not opened:
            make = pq.ParquetWriter if suffix == ".parquet" else pa_csv.CSVWriter
            opened.append(stack.enter_context(make(target, batch.schema)))
        opened[0].write_batch(batch)

    return write


def _rows_writer(
    reader: RowReader, carried: list[str], write: Callable[[str, dict[Column, Any]], None]
) -> Write:
    def write_rows(batch: pa.RecordBatch) -> None:
        columns = reader.schema.read(batch.schema.names, "synthetic rows", carried=carried)
        cells = zip(*(batch.column(column.name).to_pylist() for column in columns), strict=True)
        for name, row in zip(batch.column(ROW_ID).to_pylist(), cells, strict=True):
            write(name, recorded(columns, row))

    return write_rows


class _Triples:
    def __init__(self, out: IO[str], reader: RowReader, compiled: CompiledGuideline) -> None:
        self._out = out
        self._reader = reader
        self._schema = compiled.schema

    def write(self, name: str, values: dict[Column, Any]) -> None:
        """Write a row as the triples of its record, in order."""
        graph = record_graph(self._reader.record(name, values), [], self._schema)
        lines = sorted(line for line in graph.serialize(format="nt").splitlines() if line)
        self._out.write("\n".join(lines) + "\n")


class _Ndjson:
    def __init__(self, folder: Path, stack: ExitStack, writer: FhirWriter) -> None:
        self._folder = folder
        self._stack = stack
        self._writer = writer
        self._files: dict[str, IO[str]] = {}

    def write(self, name: str, values: dict[Column, Any]) -> None:
        """Write the resources of a row, each into the file of its type."""
        for resource in self._writer.resources(name, values):
            kind = resource["resourceType"]
            if kind not in self._files:
                path = self._folder / f"{kind}{NDJSON}"
                self._files[kind] = self._stack.enter_context(path.open("w", encoding="utf-8"))
            self._files[kind].write(json.dumps(resource, separators=(",", ":")) + "\n")
