"""The conclusions of a decided cohort in other forms: one row a conclusion, or RDF as for single records.

The RDF holds what `conclusions_graph` says of a case, without proofs: one named graph a case, the same
IRIs, so that queries on conclusions run on cohorts. A proof of any row is made by ``bonemet explain``.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from rdflib import Graph, URIRef

from kg_service.cohort_answers import COLUMNS, PARTIAL, ROW_NUMBER, conclusions_in
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_outcomes import BEST, FULFILLED, PRESCRIPTION, WORST
from kg_service.cohort_records import CASE
from kg_service.compiler import CompiledGuideline
from kg_service.conclusions import add_assessment, add_check, add_conclusion, add_verdict, place_at
from kg_service.errors import KgServiceError
from kg_service.feature_table import ROW_ID, TableSchema
from kg_service.guideline import Recommendation
from kg_service.iris import AnswerPlace, member_iri
from kg_service.namespaces import CORE, DATA, local_name
from kg_service.option_decision import Verdict
from kg_service.progress import Progress, untold
from kg_service.values import Status

ROWS = 16_384
"""Rows that are read at once."""
QUADS = (".nq", ".nq.gz")
LONG = (".parquet",)
_CASE = URIRef("urn:of-the-row:case")
"""Stands for the case until the row is known."""


def export(folder: CohortFolder, target: Path, progress: Progress = untold) -> int:
    """Write the conclusions of a cohort to a file, whole or not at all; return how many rows or quads.

    Parameters
    ----------
    folder : CohortFolder
        The decided cohort.
    target : Path
        ``.parquet``: one row a conclusion, with its statements. ``.nq`` or ``.nq.gz``: N-Quads, one named
        graph a case.
    progress : callable
        Told after each batch how many cases are done, of how many.

    Raises
    ------
    KgServiceError
        When the file exists, has another suffix, or cannot be written.
    """
    if target.exists():
        raise KgServiceError(f"{target} exists; give another name, or remove it")
    if not target.name.endswith(LONG + QUADS):
        raise KgServiceError(f"{target.name}: expected a name that ends in {', '.join(LONG + QUADS)}")
    write = _write_long if target.name.endswith(LONG) else _write_quads
    unfinished = target.with_name(target.name + PARTIAL)
    try:
        written = write(folder, unfinished, target.name.endswith(".gz"), progress)
        unfinished.rename(target)
    except OSError as error:
        raise KgServiceError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def _batches(folder: CohortFolder, progress: Progress) -> Iterator[pa.RecordBatch]:
    conclusions = conclusions_in(folder.path)
    done, rows = 0, conclusions.count_rows()
    for batch in conclusions.to_batches(batch_size=ROWS):
        yield batch
        done += batch.num_rows
        progress(done, rows)


def _write_long(folder: CohortFolder, target: Path, _zipped: bool, progress: Progress) -> int:
    about = pa_csv.read_csv(folder.path / COLUMNS).to_pylist()
    written = 0
    writer: pq.ParquetWriter | None = None
    try:
        for batch in _batches(folder, progress):
            table = pa.concat_tables([_of_column(batch, one) for one in about])
            writer = writer or pq.ParquetWriter(target, table.schema)
            writer.write_table(table)
            written += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return written


def _of_column(batch: pa.RecordBatch, about: dict[str, str]) -> pa.Table:
    """Return what one column says of some rows, where it says anything, one row a conclusion."""
    told = batch.filter(pc.is_valid(batch.column(about["column"])))
    kept = [name for name in (ROW_NUMBER, ROW_ID, CASE) if name in told.schema.names]
    columns = {name: told.column(name) for name in kept}
    for name, value in (("conclusion", "column"), ("kind", "kind"), ("statements", "statements")):
        columns[name] = _constant(about[value] or "", told.num_rows)
    columns["answer"] = told.column(about["column"]).cast(pa.string()).dictionary_encode()
    return pa.table(columns)


def _constant(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([value]))


def _write_quads(folder: CohortFolder, target: Path, zipped: bool, progress: Progress) -> int:
    place = place_at(_CASE, folder.compiled)
    parts = list(_parts(place, folder.compiled))
    case_id = TableSchema(folder.compiled).case_id
    assessment = Graph()
    add_assessment(assessment, place, folder.compiled)
    activity = _lines(assessment, place)
    written = 0
    with _text(target, zipped) as out:
        for batch in _batches(folder, progress):
            column = batch.column(ROW_ID if ROW_ID in batch.schema.names else ROW_NUMBER)
            names = [str(name) for name in column.to_pylist()]
            of_records = CASE in batch.schema.names
            cases = batch.column(CASE).to_pylist() if of_records else [case_id(name) for name in names]
            names = [_document(name) for name in names] if of_records else names
            answers = [part.of(batch) for part in parts]
            for name, case, *said in zip(names, cases, *answers, strict=True):
                text = (activity + "".join(said)).replace(_CASE, member_iri(name, case))
                out.write(text)
                written += text.count("\n")
    return written


def _document(name: str) -> str:
    """Return the id of a record that a cohort calls by its IRI, where the IRI is made from the id."""
    inside = name.removeprefix(str(DATA))
    return unquote(inside.partition("/")[0]) if inside != name else name


class _Part:
    """Columns that tell of one thing, and its quads for each answer; a placeholder stands for the case."""

    def __init__(self, place: AnswerPlace, columns: Sequence[str], add: Callable[..., object]) -> None:
        self._place = place
        self._columns = columns
        self._add = add
        self._known: dict[tuple[str | None, ...], str] = {}

    def of(self, batch: pa.RecordBatch) -> Iterator[str]:
        """Yield the quads of each row; none where nothing is said."""
        for said in zip(*(batch.column(name).to_pylist() for name in self._columns), strict=True):
            if said not in self._known:
                self._known[said] = "" if None in said else self._quads(said)
            yield self._known[said]

    def _quads(self, said: tuple[str | None, ...]) -> str:
        graph = Graph()
        self._add(graph, self._place, *said)
        return _lines(graph, self._place)


def _parts(place: AnswerPlace, compiled: CompiledGuideline) -> Iterator[_Part]:
    for recommendation in compiled.guideline.recommendations:
        columns = [recommendation.id]
        if recommendation.fulfilled_by is not None:
            columns.append(f"{recommendation.id}.{FULFILLED}")
        yield _Part(place, columns, partial(_conclusion, recommendation))
    for option in compiled.options:
        yield _Part(place, [local_name(option)], partial(_verdict, option))
    yield _Part(place, [PRESCRIPTION, BEST, WORST], _check)


def _conclusion(
    recommendation: Recommendation,
    graph: Graph,
    place: AnswerPlace,
    status: Status,
    fulfilled: Status | None = None,
) -> None:
    add_conclusion(graph, place, recommendation, status, fulfilled)


def _verdict(option: URIRef, graph: Graph, place: AnswerPlace, verdict: Verdict) -> None:
    add_verdict(graph, place, option, verdict)


def _check(graph: Graph, place: AnswerPlace, *concordances: str) -> None:
    concordance, best, worst = (CORE[name] for name in concordances)
    add_check(graph, place, concordance, best, worst)


def _lines(graph: Graph, place: AnswerPlace) -> str:
    """Return a graph as lines of N-Quads, in order."""
    lines = sorted(line for line in graph.serialize(format="nt").splitlines() if line)
    return "".join(f"{line.removesuffix(' .')} <{place.graph}> .\n" for line in lines)


@contextmanager
def _text(target: Path, zipped: bool) -> Iterator[IO[str]]:
    with gzip.open(target, "wt", encoding="utf-8") if zipped else target.open("w", encoding="utf-8") as out:
        yield out
