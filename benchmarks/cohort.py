"""Cohorts: rows a second against a plain copy of the same table, against HermiT and against one record at a time.

Run ``.venv/bin/python benchmarks/cohort.py``; it writes ``benchmarks/cohort.md``. Tables of two kinds,
seeded, one row in a hundred spoilt: synthetic patients, and, harder, every feature that the guideline
tests at random, each unknown in three of ten rows or more.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg_service.cohort_run import RowReader
from kg_service.feature_masks import recorded_row
from kg_service.feature_table import TableSchema
from kg_service.knowledge import DATA_ROOT
from kg_service.oracle import Oracle
from kg_service.schema import Feature, Kind
from kg_service.service import KnowledgeBase
from kg_service.synthesis import Synthesiser, read_marginals
from kg_service.table_files import open_table

ROOT = Path(__file__).parent.parent
BONEMET = Path(sys.executable).parent / "bonemet"
SIZES = {"patients": (10**4, 10**5, 10**6, 10**7), "random": (10**6, 10**7)}
SPARK_ON, MASTER = ("random", 10**6), "local[2]"
BATCH = 10**5
SPOILT = 0.01
ORACLE_CASES = 40
WALKER_CASES = 400


def column(
    feature: Feature, base: KnowledgeBase, rng: np.random.Generator, rows: int, unknown: float
) -> pa.Array:
    """Return random values of a feature."""
    missing = rng.random(rows) < unknown
    if feature.kind is Kind.BOOLEAN:
        return pa.array(rng.random(rows) < 0.5, mask=missing)
    if feature.kind is Kind.CODE:
        codes = np.array(sorted(base.compiled().schema.codes[feature.partition]))
        return pa.array(codes[rng.integers(0, len(codes), rows)], mask=missing)
    return pa.array(_numbers(feature, base, rng, rows), mask=missing)


def _numbers(
    feature: Feature, base: KnowledgeBase, rng: np.random.Generator, rows: int
) -> npt.NDArray[np.float64]:
    parts = base.compiled().plan.cells[str(feature.iri)].parts
    highest = float(max(p.low for p in parts if p.low is not None))
    whole = base.limits.is_whole(feature.iri) or feature.key == "totalDose"
    values = np.round(rng.random(rows) * 1.5 * highest + 1, 0 if whole else 1)
    return np.clip(values, 1, float(base.limits.of(feature.iri).high or 1e9))


def write_patients(path: Path, base: KnowledgeBase, rows: int) -> None:
    """Write a table of synthetic patients, some rows spoilt."""
    marginals = DATA_ROOT / "examples" / "synthetic-cohort.toml"
    compiled = base.compiled()
    drawn = Synthesiser(
        read_marginals(marginals), TableSchema(compiled), compiled.schema, base.limits, marginals.name
    )
    rng = np.random.default_rng(20261123)
    writer: pq.ParquetWriter | None = None
    for batch in drawn.batches(rows, seed=1):
        table = pa.table(batch).drop_columns(drawn.carried)
        place = table.schema.get_field_index("lifeExpectancy [mo]")
        spoilt = pa.array(rng.random(batch.num_rows) < SPOILT)
        table = table.set_column(place, "lifeExpectancy [mo]", pc.if_else(spoilt, -1.0, table.column(place)))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def write_random(path: Path, base: KnowledgeBase, rows: int) -> None:
    """Write a table of random rows in which no two values contradict each other, but in spoilt ones."""
    rng = np.random.default_rng(20261123)
    compiled = base.compiled()
    impossible = {
        f
        for cls in compiled.schema.impossible
        for f in compiled.plan.features_of(compiled.plan.trees[str(cls)])
    }
    features = {
        key: f
        for key, f in TableSchema(compiled).features.items()
        if str(f.iri) in compiled.plan.features and f.derivation is None
    }
    unknown = {key: rng.uniform(0.3, 0.9) for key in features}
    writer: pq.ParquetWriter | None = None
    for start in range(0, rows, BATCH):
        count = min(BATCH, rows - start)
        columns = {"id": pa.array([f"p{i}" for i in range(start, start + count)])}
        for key, feature in features.items():
            share = 1.0 if str(feature.iri) in impossible and key != "site" else unknown[key]
            unit = f" [{feature.unit}]" if feature.unit not in (None, "1") else ""
            columns[f"{key}{unit}"] = column(feature, base, rng, count, share)
        spoilt = rng.random(count) < SPOILT
        columns["lifeExpectancy [mo]"] = pa.array(np.where(spoilt, -1.0, 6.0))
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def measured(command: list[str]) -> tuple[float, float]:
    """Return how long a command takes [s] and its peak memory [GB]."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=False, stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, int(done.stdout) / 1e6


def seconds(run: Callable[[], object]) -> float:
    """Return how long something takes [s]."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def chart(title: str, rows: Sequence[int], speeds: Sequence[float]) -> list[str]:
    """Return a line chart in Mermaid, which renders where Markdown does."""
    labels = ", ".join(f'"{count:,}"' for count in rows)
    values = ", ".join(f"{speed:.0f}" for speed in speeds)
    axes = [f'  title "{title}"', f"  x-axis [{labels}]", '  y-axis "rows/s"', f"  line [{values}]"]
    return ["```mermaid", "xychart-beta", *axes, "```"]


def main() -> None:
    """Measure, and write the page of results."""
    base = KnowledgeBase()
    compiled = base.compiled()
    lines = [
        "# Cohorts",
        "",
        "`.venv/bin/python benchmarks/cohort.py`: `bonemet cohort` as a process of its own, start included, against DuckDB copying the",
        "same Parquet table. Patients: synthetic ones (`examples/synthetic-cohort.toml`). Random: every feature that the guideline tests,",
        "at random. One row in a hundred is spoilt, and set aside.",
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}.",
        "",
        "| table | rows | cohort [s] | rows/s | copy by DuckDB [s] | ratio | peak memory [GB] |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "table.parquet"
        speeds: dict[str, list[float]] = {kind: [] for kind in SIZES}
        for kind, rows in ((kind, rows) for kind, sizes in SIZES.items() for rows in sizes):
            (write_patients if kind == "patients" else write_random)(source, base, rows)
            out, copy = Path(folder) / f"{kind}{rows}", Path(folder) / "copy.parquet"
            copying = f"import duckdb; duckdb.sql(\"copy (from '{source}') to '{copy}'\")"
            copied, _ = measured([sys.executable, "-c", copying])
            took, memory = measured([str(BONEMET), "cohort", str(source), "--out", str(out)])
            lines.append(
                f"| {kind} | {rows:,} | {took:.1f} | {rows / took:,.0f} | {copied:.1f} | {took / copied:.1f} | {memory:.2f} |"
            )
            print(lines[-1], flush=True)
            speeds[kind].append(rows / took)
            if (kind, rows) == SPARK_ON and find_spec("pyspark"):
                on_spark = [
                    str(BONEMET),
                    "cohort",
                    str(source),
                    "--out",
                    str(Path(folder) / "spark"),
                    "--spark",
                    MASTER,
                ]
                took, _ = measured(on_spark)
                ratio = took / copied
                lines.append(
                    f"| {kind}, on Spark {MASTER} | {rows:,} | {took:.1f} | {rows / took:,.0f} | {copied:.1f} | {ratio:.1f} | |"
                )
                print(lines[-1], flush=True)
        write_random(source, base, WALKER_CASES)
        table, reader = open_table(source), RowReader(base, compiled)
        columns = reader.schema.read(table.names, source.name)
        [(_, batch)] = list(table.batches())
        values = [recorded_row(columns, batch, row) for row in range(WALKER_CASES)]
        good = [v for v in values if not any(x == -1 for x in v.values())]
        alone = seconds(lambda: [base.assess(reader.record("row", v), compiled) for v in good]) / len(good)
        cases = [reader.case(v).known for v in good[:ORACLE_CASES]]
        hermit = seconds(lambda: Oracle(compiled).decide(cases)) / ORACLE_CASES
    speed = speeds["random"][-1]
    lines += [
        "",
        *chart("Rows a second, synthetic patients", SIZES["patients"], speeds["patients"]),
        "",
        "| the same rows | cases/s | the cohort engine is |",
        "|---|---|---|",
        f"| one record at a time, with proofs | {1 / alone:,.0f} | {speed * alone:,.0f} times as fast |",
        f"| HermiT, cases as classes, {ORACLE_CASES} at once, Java start included | {1 / hermit:,.2f} | {speed * hermit:,.0f} times as fast |",
    ]
    (ROOT / "benchmarks" / "cohort.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines[-3:]))


if __name__ == "__main__":
    main()
