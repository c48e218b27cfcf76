"""Cohorts of records: FHIR bulk data against DuckDB's reading of the same files, RDF against a bare parse.

Run ``.venv/bin/python benchmarks/cohort_inputs.py``; it writes ``benchmarks/cohort_inputs.md``. The FHIR patients
are the two of ``examples/fhir``, with fresh ids; the RDF records are random ones of the tests, with fresh ids,
without contradiction, all their triples in the order of their subjects.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from random_records import RandomRecords  # noqa: E402 - it stands beside the tests

from kg_service.errors import InputError  # noqa: E402
from kg_service.knowledge import DATA_ROOT  # noqa: E402
from kg_service.rdf_bulk import RdfFile  # noqa: E402
from kg_service.rdf_parse import parse  # noqa: E402
from kg_service.record_rdf import record_graph  # noqa: E402
from kg_service.service import KnowledgeBase  # noqa: E402

BONEMET = Path(sys.executable).parent / "bonemet"
PATIENTS = (500, 5_000)
RECORDS = (1_000, 4_000)
MODELS = 100
DAY = "2026-11-02"


def write_fhir(folder: Path, patients: int) -> None:
    """Write a bulk export, one file a type, each patient with ids of its own."""
    folder.mkdir()
    files: dict[str, list[str]] = {}
    for i in range(patients):
        name = ("synthetic-spine.json", "TrialMatching_Patient01.json")[i % 2]
        bundle = json.loads((DATA_ROOT / "examples" / "fhir" / name).read_text(encoding="utf-8"))
        resources = [entry["resource"] for entry in bundle["entry"]]
        text = json.dumps(resources)
        for resource in resources:
            kind, identity = resource["resourceType"], resource["id"]
            text = text.replace(f'"{kind}/{identity}"', f'"{kind}/{identity}-{i}"')
            text = text.replace(f'"id": "{identity}"', f'"id": "{identity}-{i}"')
        for resource in json.loads(text):
            files.setdefault(resource["resourceType"], []).append(json.dumps(resource))
    for kind, lines in files.items():
        (folder / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


def models(base: KnowledgeBase) -> Iterator[list[str]]:
    """Yield records as lines of N-Triples, with `@` where each copy has its number."""
    schema = base.compiled().schema
    source = RandomRecords(schema, base.limits, 20261123)
    made = 0
    while made < MODELS:
        [record] = base.read_document(source.document(), "random")
        try:
            if not base.assess(record, base.compiled()).assessments:
                continue
        except InputError:
            continue
        made += 1
        text = record_graph(record, [], schema).serialize(format="nt")
        marked = re.sub(r"(bonemet-kg/data/)[^/>]*", rf"\g<1>m{made}-@", text)
        yield sorted(line for line in marked.splitlines() if line)


def write_rdf(path: Path, base: KnowledgeBase, records: int) -> int:
    """Write records as N-Triples; return how many triples they are."""
    made = list(models(base))
    triples = 0
    with path.open("w", encoding="utf-8") as file:
        for i in range(records):
            lines = made[i % MODELS]
            file.write("\n".join(lines).replace("@", str(i)) + "\n")
            triples += len(lines)
    return triples


def measured(command: list[str]) -> tuple[float, float]:
    """Return how long a command takes [s] and its peak memory, children included [GB]."""
    code = (
        "import resource, subprocess, sys; d = subprocess.run(sys.argv[1:], check=False, stdout=subprocess.DEVNULL);"
        " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(d.returncode)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start, int(done.stdout) / 1e6


def by_runs(path: Path) -> tuple[float, int]:
    """Return how long it takes to cut a file into runs of linked triples [s], and how many runs there are."""
    start = time.perf_counter()
    runs, nodes = 0, set[str]()
    seen: set[int] = set()
    with path.open("rb") as stream:
        for triple in parse(stream, ".nt", "http://example.org/"):
            subject, value = str(triple.subject), str(triple.object)
            if subject not in nodes:
                runs += 1
                seen.update(hash(node) for node in nodes)
                nodes = {subject}
            if value.startswith(("<https://w3id.org/bonemet-kg/data/", "_:")):
                nodes.add(value)
    return time.perf_counter() - start, runs


def in_store(path: Path, base: KnowledgeBase) -> tuple[float, int]:
    """Return how long it takes to take the records out of a store on disk [s], and how many there are."""
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        source = RdfFile(path, base.compiled().schema)
        found = sum(1 for _ in source.records(Path(scratch), lambda *_: None))
        return time.perf_counter() - start, found


def fhir_lines(folder: Path) -> Iterator[str]:
    """Yield what was measured on FHIR."""
    for patients in PATIENTS:
        bulk, out = folder / f"bulk{patients}", folder / f"out{patients}"
        write_fhir(bulk, patients)
        size = sum(f.stat().st_size for f in bulk.iterdir()) / 1e6
        reads = ";".join(
            f"duckdb.sql(\"create table t{i} as from read_json('{f}', maximum_object_size=100000000)\")"
            for i, f in enumerate(sorted(bulk.iterdir()))
        )
        plain, _ = measured([sys.executable, "-c", f"import duckdb;{reads}"])
        took, memory = measured(
            [str(BONEMET), "cohort", str(bulk), "--out", str(out), "--reference-date", DAY]
        )
        yield (
            f"| {patients:,} | {size:,.0f} | {took:.1f} | {patients / took:,.0f} | {size / took:.1f} "
            f"| {plain:.1f} | {took / plain:.0f} | {memory:.2f} |"
        )


def rdf_lines(folder: Path, base: KnowledgeBase) -> Iterator[str]:
    """Yield what was measured on RDF."""
    for records in RECORDS:
        path, out = folder / f"r{records}.nt", folder / f"rout{records}"
        triples = write_rdf(path, base, records)
        code = f"import pyoxigraph as o; sum(1 for _ in o.parse(path='{path}', format=o.RdfFormat.N_TRIPLES))"
        plain, _ = measured([sys.executable, "-c", code])
        took, memory = measured([str(BONEMET), "cohort", str(path), "--out", str(out)])
        yield (
            f"| {records:,} | {triples:,} | {took:.1f} | {records / took:,.0f} | {triples / took:,.0f} "
            f"| {plain:.1f} | {took / plain:.0f} | {memory:.2f} |"
        )


def grouping_lines(folder: Path, base: KnowledgeBase) -> Iterator[str]:
    """Yield what was measured of two ways to find the records of a file."""
    path, other = folder / f"r{RECORDS[0]}.nt", folder / "by-subject.nt"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    # As a store writes them: things of one kind together, patients here and lesions there.
    other.write_text("".join(sorted(lines, key=lambda line: line.split(" ")[0][::-1])), encoding="utf-8")
    for name, file in (("record by record", path), ("by subject", other)):
        runs, cut = by_runs(file)
        store, found = in_store(file, base)
        yield f"| {name} | {runs:.1f} | {cut:,} | {store:.1f} | {found:,} |"


def main() -> None:
    """Measure, and write the page of results."""
    base = KnowledgeBase()
    with tempfile.TemporaryDirectory() as folder:
        page = [
            "# Cohorts of records",
            "",
            "`.venv/bin/python benchmarks/cohort_inputs.py`; `bonemet cohort` as a process of its own, start included.",
            "",
            f"Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, "
            f"Python {platform.python_version()}.",
            "",
            "FHIR bulk data, against DuckDB reading the same files into tables with `read_json`:",
            "",
            "| patients | MB | cohort [s] | patients/s | MB/s | DuckDB [s] | ratio | peak memory of a process [GB] |",
            "|---|---|---|---|---|---|---|---|",
            *fhir_lines(Path(folder)),
            "",
            "RDF, N-Triples, against parsing the same file with pyoxigraph and keeping nothing:",
            "",
            "| records | triples | cohort [s] | records/s | triples/s | parse [s] | ratio | peak memory of a process [GB] |",
            "|---|---|---|---|---|---|---|---|",
            *rdf_lines(Path(folder), base),
            "",
            f"How records are found in a file of {RECORDS[0]:,}, nothing read yet: cut where a subject is linked to nothing before it, "
            "or taken out of a store on disk:",
            "",
            "| order of the file | runs [s] | runs found | store [s] | records found |",
            "|---|---|---|---|---|",
            *grouping_lines(Path(folder), base),
        ]
    print("\n".join(page))
    (ROOT / "benchmarks" / "cohort_inputs.md").write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
