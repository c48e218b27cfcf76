"""Decides cohorts of records, FHIR or RDF: one row a case, by the engine that decides tables.

Records are read in as many processes as the machine has cores, once there are enough of them;
what comes out does not depend on how many.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from kg_service.cohort import CaseDecider
from kg_service.cohort_answers import (
    ROW_NUMBER,
    CohortAnswers,
    CohortSummary,
    Refusal,
    describe_run,
    made_folder,
)
from kg_service.compiler import CompiledGuideline
from kg_service.dates import parse_date
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.feature_masks import Encoded
from kg_service.feature_table import ROW_ID
from kg_service.importers.fhir_bulk import SUFFIXES, FhirBulk
from kg_service.progress import PhasedProgress, untold
from kg_service.rdf_bulk import FORMS, RdfFile, suffix_of
from kg_service.record import SetAssumption
from kg_service.record_cases import CaseEncoder, EncodedRecords, RecordReading
from kg_service.record_source import RawRecord, RecordSource
from kg_service.service import KnowledgeBase

CASE = "case"
SCRATCH = "scratch"
ASSESSED_ON = "assessedOn"
"""Where the manifest holds the reference date."""
PARCEL = 2**19
"""Bytes of records that are read at once."""
ALONE = 2**23
"""Bytes of a source that are read before further processes would have started."""
AHEAD = 3
"""Parcels a process that are read ahead of the one that is decided."""
ROWS = 65_536
"""Rows that are decided at once."""


def is_record_source(path: Path) -> bool:
    """Return whether a path is a source of records, and no table."""
    return path.is_dir() or suffix_of(path) in FORMS or path.name.lower().endswith(SUFFIXES)


def open_records(path: Path, base: KnowledgeBase) -> RecordSource:
    """Return the records of a folder of FHIR bulk data, or of a file of RDF.

    Raises
    ------
    InputError
        When it holds none that can be read.
    """
    if path.is_dir():
        return FhirBulk(path)
    if not path.is_file():
        raise InputError([Problem(path.name, "no such file", "a file that can be read")])
    if path.name.lower().endswith(SUFFIXES):
        remedy = "The resources of a patient lie in several files: give the folder that holds them."
        raise InputError([Problem(path.name, "one file", "a folder of FHIR bulk data", remedy)])
    return RdfFile(path, base.compiled().schema)


def reading_of(source: RecordSource, base: KnowledgeBase, reference_date: str | None) -> RecordReading:
    """Return how the records of a source are read.

    Raises
    ------
    InputError
        When the reference date is none.
    """
    try:
        if reference_date:
            parse_date(reference_date)
    except ValueError as error:
        expected = "YYYY-MM-DD, YYYY-MM or YYYY"
        raise InputError([Problem("--reference-date", repr(reference_date), expected)]) from error
    return RecordReading(source.form, base.compiled().schema, base.limits, base.bindings, reference_date)


def decide_records(
    source: RecordSource,
    out: Path,
    base: KnowledgeBase,
    compiled: CompiledGuideline,
    assumptions: Sequence[SetAssumption] = (),
    *,
    reference_date: str | None = None,
    masks: bool = False,
    fragile: bool = False,
    workers: int | None = None,
    progress: PhasedProgress = untold,
) -> CohortSummary:
    """Decide every case of every record of a source.

    Parameters
    ----------
    source : RecordSource
        The records.
    out : Path
        A folder that does not exist yet.
    base, compiled, assumptions : KnowledgeBase, CompiledGuideline, sequence of SetAssumption
        What decides.
    reference_date : str, optional
        The day the assessment speaks of, for records that give none.
    masks : bool
        Whether to write the masks of the cases too, and the SQL that draws the conclusions from them.
    fragile : bool
        Whether to write too what is another under other readings of the source.
    workers : int, optional
        Processes that read; as many as there are cores otherwise, and none for a small source.
    progress : callable
        Told of the bytes that are sorted, then of the records that are decided.

    Raises
    ------
    InputError
        When the source as a whole cannot be read.
    KgServiceError
        When the folder exists, or cannot be written.
    """
    decider = CaseDecider(compiled, base.reading_space if fragile else None)
    reading = reading_of(source, base, reference_date)
    encoder = CaseEncoder(compiled, decider.groups, reading, base.assumptions, assumptions)
    with made_folder(out) as folder:
        scratch = folder / SCRATCH
        scratch.mkdir()
        with CohortAnswers(folder) as answers, _pool(encoder, _processes(source, workers)) as pool:
            run = _Run(decider, answers, masks=masks, progress=progress)
            found = source.records(
                scratch,
                lambda name, problems: answers.refuse([Refusal(None, name, problems)]),
                _Sorting(source.size, progress),
            )
            with closing(found) as raws:
                for encoded in pool.encoded(_parcels(raws)):
                    run.add(encoded)
            run.decide()
        shutil.rmtree(scratch)
        more = {
            "source": str(source.path.resolve()),
            "sourceBytes": source.size,
            "form": source.form,
            ASSESSED_ON: reference_date,
            "carried": [],
            "records": run.records,
            "recordsWithoutCase": run.without_case,
        }
        summary = CohortSummary(answers.decided, answers.set_aside, run.records, run.without_case)
        describe_run(folder, decider, assumptions, summary, more, masks=masks)
    return summary


class _Sorting:
    """Tells how much of a source is read before its first record."""

    def __init__(self, size: int, progress: PhasedProgress) -> None:
        self._done, self._size, self._progress = 0, size, progress

    def __call__(self, read: int) -> None:
        self._done += read
        self._progress(self._done, self._size, "bytes sorted")


def _parcels(raws: Iterable[RawRecord]) -> Iterator[list[RawRecord]]:
    """Yield records together that are read at once."""
    parcel: list[RawRecord] = []
    size = 0
    for raw in raws:
        parcel.append(raw)
        size += raw.size
        if size >= PARCEL:
            yield parcel
            parcel, size = [], 0
    if parcel:
        yield parcel


def _processes(source: RecordSource, workers: int | None) -> int:
    """Return how many processes read beside this one."""
    if workers is not None:
        return workers
    return 0 if source.size < ALONE else os.cpu_count() or 1


class _Pool(Protocol):
    """Encodes parcels, in their order."""

    def encoded(self, parcels: Iterable[list[RawRecord]]) -> Iterator[EncodedRecords]:
        """Yield what the cases of each parcel leave possible."""


class _Here:
    """Encodes in this process."""

    def __init__(self, encoder: CaseEncoder) -> None:
        self._encoder = encoder

    def encoded(self, parcels: Iterable[list[RawRecord]]) -> Iterator[EncodedRecords]:
        return map(self._encoder.encode, parcels)


class _Beside:
    """Encodes in other processes, a few parcels ahead."""

    def __init__(self, executor: ProcessPoolExecutor, processes: int) -> None:
        self._executor = executor
        self._ahead = processes * AHEAD

    def encoded(self, parcels: Iterable[list[RawRecord]]) -> Iterator[EncodedRecords]:
        pending: deque[Future[EncodedRecords]] = deque()
        try:
            for parcel in parcels:
                pending.append(self._executor.submit(_encode, parcel))
                if len(pending) > self._ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenExecutor as error:
            raise KgServiceError(
                "a process that read records was stopped, perhaps for want of memory"
            ) from error


@contextmanager
def _pool(encoder: CaseEncoder, processes: int) -> Iterator[_Pool]:
    if not processes:
        yield _Here(encoder)
        return
    executor = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_start, initargs=(encoder,))
    try:
        yield _Beside(executor, processes)
    finally:
        executor.shutdown(cancel_futures=True)


_ENCODER: list[CaseEncoder] = []
"""What a reading process encodes with."""


def _start(encoder: CaseEncoder) -> None:
    """Make a process ready to read; an interruption is for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _ENCODER.append(encoder)


def _encode(parcel: list[RawRecord]) -> EncodedRecords:
    return _ENCODER[0].encode(parcel)


class _Run:
    """Gathers encoded cases into batches, decides them and writes the answers."""

    def __init__(
        self, decider: CaseDecider, answers: CohortAnswers, *, masks: bool, progress: PhasedProgress
    ) -> None:
        self.records = self.without_case = 0
        self._decider = decider
        self._runner = decider.runner(set(decider.groups))
        self._answers = answers
        self._masks = masks
        self._progress = progress
        self._held: list[EncodedRecords] = []

    def add(self, encoded: EncodedRecords) -> None:
        """Take what was read, and decide it with what else there is once that is a batch."""
        self.records += encoded.records
        self.without_case += encoded.without_case
        self._answers.refuse(Refusal(None, name, problems) for name, problems in encoded.refused)
        self._held.append(encoded)
        if sum(len(one.ids) for one in self._held) >= ROWS:
            self.decide()
        self._progress(self.records, None)

    def decide(self) -> None:
        """Decide what is held; with nothing held, the columns are written nevertheless."""
        held, self._held = self._held, []
        rows = sum(len(one.ids) for one in held)
        full = {feature: np.zeros(0, dtype=np.uint64) for feature in self._decider.groups}
        masks = {
            feature: np.concatenate([none, *(one.masks[feature] for one in held)])
            for feature, none in full.items()
        }
        prescribed = np.concatenate([np.zeros(0, dtype=np.bool_), *(one.prescribed for one in held)])
        encoded = Encoded(masks, prescribed)
        planes = self._runner.run(masks, rows)
        columns = self._decider.columns(planes, prescribed)
        start = self._answers.decided
        named = {
            ROW_NUMBER: pa.array(np.arange(start, start + rows)),
            ROW_ID: pa.array(list(chain.from_iterable(one.ids for one in held)), pa.string()),
            CASE: pa.array(list(chain.from_iterable(one.cases for one in held)), pa.string()),
        }
        written = self._decider.written(encoded) if self._masks else {}
        self._answers.add(named, columns, written, self._decider.fragile(planes, prescribed))
