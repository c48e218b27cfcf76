"""Decides a table on Spark, for cohorts that one machine is too small for.

Each executor runs the engine of one machine on its share of the rows, so that a row cannot mean
anything else there. Executors need this package, as the driver does; Spark writes the answers.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kg_service import __version__
from kg_service.cohort import CohortDecider
from kg_service.cohort_answers import (
    CONCLUSIONS,
    ROW_NUMBER,
    CohortAnswers,
    CohortSummary,
    Refusal,
    describe_run,
    made_folder,
)
from kg_service.cohort_run import RowReader, in_row, told_of_table
from kg_service.compiler import CompiledGuideline
from kg_service.conclusions import guideline_versions
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.feature_table import ROW_ID
from kg_service.record import SetAssumption
from kg_service.service import KnowledgeBase
from kg_service.table_files import TableFile, open_table

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import DataFrame, SparkSession

ROWS = 65_536
"""Rows that an executor decides at once."""
PAUSE = 0.1
"""Seconds between two looks at whether a job that is cancelled has ended."""
PATIENCE = 100
"""Looks, at most."""
PARQUET = ".parquet"
PROBLEMS = "problems"
"""Column of what is wrong with a row, as JSON; null where nothing is."""
STAGE = "stage"
"""Folder of the answers before rows are told apart."""
_PATTERN = set("*?[]{}\\")
"""Characters that Spark matches files with."""
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(ROWS),
    "spark.sql.caseSensitive": "true",
}


@dataclass(frozen=True)
class Task:
    """What an executor must know to decide rows.

    Attributes
    ----------
    guideline : str
        Id of the guideline.
    readings : tuple of (str, str)
        The letter of each selected reading, by ambiguity.
    assumptions : tuple of str
        Local assumptions, as on the command line.
    names, carried : tuple of str
        The columns of the table, and those that are not read.
    versions : tuple of str
        Of the package and of every module of the guideline: an executor with others decides nothing.
    """

    guideline: str
    readings: tuple[tuple[str, str], ...]
    profile: str | None
    assumptions: tuple[str, ...]
    names: tuple[str, ...]
    carried: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def kept(self) -> list[str]:
        """The columns that stand beside the answers."""
        return [name for name in (ROW_ID, *self.carried) if name in self.names]


def decide_on_spark(
    source: Path,
    out: Path,
    base: KnowledgeBase,
    compiled: CompiledGuideline,
    assumptions: Sequence[SetAssumption] = (),
    *,
    master: str,
    carried: Sequence[str] = (),
) -> CohortSummary:
    """Decide every row of a Parquet table on Spark.

    Parameters
    ----------
    source : Path
        The table, where every executor can read it.
    out : Path
        A folder that does not exist yet, where every executor can write.
    base, compiled, assumptions : KnowledgeBase, CompiledGuideline, sequence of SetAssumption
        What decides; the shipped knowledge base.
    master : str
        The Spark master, such as ``spark://host:7077`` or ``local-cluster[2,1,1024]``.
    carried : sequence of str
        Columns that are not read, and copied beside the conclusions.

    Raises
    ------
    InputError
        When the table is not Parquet, cannot be read, or a column of it is not known.
    KgServiceError
        When Spark is not installed or fails, or the folder exists or cannot be written.
    """
    if source.suffix != PARQUET:
        remedy = "Write it as Parquet; CSV is read on one machine only."
        raise InputError([Problem(source.name, f"the suffix {source.suffix or 'none'}", PARQUET, remedy)])
    for path in (source, out):
        _location(path)
    table = open_table(source)
    task = _task(compiled, assumptions, table, carried)
    decider = _decider_of(task, base, compiled, assumptions)
    columns = [row["column"] for row in decider.cases.described()]
    with made_folder(out) as folder, session(master) as spark:
        stage = folder / STAGE
        _staged(spark, source, task, columns).write.parquet(_location(stage))
        staged = spark.read.parquet(_location(stage))
        good = staged.where(f"{PROBLEMS} IS NULL").drop(PROBLEMS)
        good.write.parquet(_location(folder / CONCLUSIONS))
        with CohortAnswers(folder) as answers:
            answers.refuse(_refusals(staged))
        summary = CohortSummary(good.count(), answers.set_aside)
        if summary.decided + summary.set_aside != table.rows:
            raise KgServiceError(
                f"{source} has {table.rows} rows, and Spark told of {summary}; nothing is kept"
            )
        shutil.rmtree(stage)
        more = told_of_table(source, carried)
        describe_run(folder, decider.cases, assumptions, summary, more, masks=False)
    return summary


def _task(
    compiled: CompiledGuideline,
    assumptions: Sequence[SetAssumption],
    table: TableFile,
    carried: Sequence[str],
) -> Task:
    guideline = compiled.guideline
    return Task(
        guideline.id,
        tuple(sorted(guideline.letters.items())),
        guideline.profile.id if guideline.profile else None,
        tuple(a.given for a in assumptions),
        tuple(table.names),
        tuple(carried),
        _versions(compiled),
    )


def _versions(compiled: CompiledGuideline) -> tuple[str, ...]:
    return (__version__, *map(str, guideline_versions(compiled)))


def _decider_of(
    task: Task, base: KnowledgeBase, compiled: CompiledGuideline, assumptions: Sequence[SetAssumption]
) -> CohortDecider:
    rows = RowReader(base, compiled, assumptions)
    columns = rows.schema.read(task.names, "the table", carried=task.carried)
    return CohortDecider(compiled, columns, base.limits, rows.case, assumptions)


@cache
def _decider(task: Task) -> CohortDecider:
    """Return what decides rows on an executor; made once for each of its processes."""
    base = KnowledgeBase(guideline=task.guideline)
    compiled = base.compiled(dict(task.readings), task.profile)
    if _versions(compiled) != task.versions:
        raise KgServiceError("this executor has another version of bonemet-kg; install the same everywhere")
    return _decider_of(task, base, compiled, base.set_assumptions(task.assumptions, "the run"))


def _decide(task: Task, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield what is concluded on batches of rows, those set aside with their problems."""
    decider = _decider(task)
    for plain in batches:
        batch = pa.record_batch(plain.columns, names=[*task.names, ROW_NUMBER])
        found = decider.decide(batch)
        rows = pa.array(found.rows)
        columns = {name: batch.column(name).take(rows) for name in (ROW_NUMBER, *task.kept)}
        columns |= {name: array.cast(pa.string()) for name, array in found.columns.items()}
        yield pa.record_batch(columns | {PROBLEMS: pa.nulls(len(rows), pa.string())})
        if found.flawed:
            yield _set_aside(batch, found.flawed, [ROW_NUMBER, *task.kept], list(found.columns))


def _set_aside(
    batch: pa.RecordBatch, flawed: dict[int, list[Problem]], kept: Sequence[str], columns: Sequence[str]
) -> pa.RecordBatch:
    rows = sorted(flawed)
    taken = {name: batch.column(name).take(pa.array(rows)) for name in kept}
    empty = {name: pa.nulls(len(rows), pa.string()) for name in columns}
    told = [json.dumps([asdict(problem) for problem in flawed[row]]) for row in rows]
    return pa.record_batch(taken | empty | {PROBLEMS: pa.array(told, pa.string())})


def _staged(spark: SparkSession, source: Path, task: Task, conclusions: Sequence[str]) -> DataFrame:
    """Return every row of a table with what is concluded on it, or what is wrong with it."""
    from pyspark.sql.functions import col
    from pyspark.sql.types import LongType, StringType, StructField, StructType

    table = spark.read.parquet(_location(source))
    # Spark takes a dot in the name of a column for a step into it: columns are named by their place.
    places = [f"c{i}" for i in range(len(task.names) + 1)]
    numbered = table.select("*", col("_metadata.row_index")).toDF(*places)
    types = dict(zip(task.names, (field.dataType for field in table.schema.fields), strict=True))
    kept = [StructField(name, types[name]) for name in task.kept]
    answers = [StructField(name, StringType()) for name in (*conclusions, PROBLEMS)]
    schema = StructType([StructField(ROW_NUMBER, LongType()), *kept, *answers])
    return numbered.mapInArrow(partial(_decide, task), schema)


def _location(path: Path) -> str:
    """Return a path as Spark takes it: as it is written, for Spark escapes nothing.

    Raises
    ------
    KgServiceError
        When Spark would take it for a pattern.
    """
    whole = str(path.resolve())
    found = sorted(set(whole) & _PATTERN)
    if found:
        raise KgServiceError(f"{path}: Spark takes {' '.join(found)} for a pattern; give a path without")
    return f"file://{whole}"


def _refusals(staged: DataFrame) -> Iterator[Refusal]:
    """Yield the rows that were set aside, in order."""
    flawed = staged.where(f"{PROBLEMS} IS NOT NULL").orderBy(ROW_NUMBER)
    for row in flawed.toLocalIterator():
        problems = [Problem(**problem) for problem in json.loads(row[PROBLEMS])]
        named = str(row[ROW_ID]) if ROW_ID in staged.columns and row[ROW_ID] is not None else None
        yield Refusal(row[ROW_NUMBER], named, in_row(problems))


@contextmanager
def session(master: str) -> Iterator[SparkSession]:
    """Yield the Spark session that runs, or one of our own; tell what fails in it as people can use it.

    Raises
    ------
    KgServiceError
        When Spark is not installed, does not start, or fails, or a session of another master runs.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise KgServiceError(
            f"Spark is not installed ({error.name}): pip install 'bonemet-kg[spark]'"
        ) from error
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    running = SparkSession.getActiveSession()
    if running is not None and running.sparkContext.master != master:
        other = running.sparkContext.master
        raise KgServiceError(f"a Spark session of {other} runs in this process; stop it, or give that master")
    started = None
    try:
        builder = SparkSession.builder.appName("bonemet cohort").master(master)
        for key, value in _SETTINGS.items():
            builder = builder.config(key, value)
        progress = builder.config("spark.ui.showConsoleProgress", sys.stderr.isatty())
        if running is None:
            own = signal.getsignal(signal.SIGINT)
            started = progress.getOrCreate()
            started.sparkContext.setLogLevel("ERROR")
            _be_quiet_when_interrupted(started.sparkContext, own)
        yield running or started
    except (PySparkException, Py4JError) as error:
        thrown = getattr(error, "java_exception", None)
        reason = str(thrown or error).strip().partition("\n")[0]
        raise KgServiceError(
            f"Spark at {master} failed: {reason}. It needs Java 17 or later (JAVA_HOME), and executors need "
            "bonemet-kg"
        ) from error
    finally:
        if started is not None:
            _apart(started.stop)
            logging.disable(logging.NOTSET)


def _be_quiet_when_interrupted(context: SparkContext, own: Any) -> None:
    """Have an interruption end the jobs without tracebacks of what it breaks off; then handle it as before.

    The handler that Spark sets calls Java from within a call to Java.
    """

    def ended() -> None:
        for _ in range(PATIENCE):
            if not context.statusTracker().getActiveJobsIds():
                return
            time.sleep(PAUSE)

    def interrupted(number: int, frame: FrameType | None) -> None:
        logging.disable()
        warnings.filterwarnings("ignore", module="pyspark")
        _apart(partial(context.setLogLevel, "OFF"), context.cancelAllJobs, ended)
        own(number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupted if callable(own) else own)


def _apart(*steps: Callable[[], object]) -> None:
    """Call Java over a connection of its own: that of this thread may still wait for an answer."""
    thread = threading.Thread(target=lambda: [step() for step in steps])
    thread.start()
    thread.join()
