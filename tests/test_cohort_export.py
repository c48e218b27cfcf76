"""Exports of cohorts: what is said of a case in RDF is what is said of its record alone; long tables miss nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rdflib import Dataset
from typer.testing import CliRunner

import kg_service.cohort_export as cohort_export
from kg_service.catalogue import knowledge_modules
from kg_service.cli import app
from kg_service.cohort_export import export
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_run import decide_table
from kg_service.conclusions import conclusions_graph
from kg_service.errors import KgServiceError
from kg_service.iris import AnswerPlace, member_iri
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import CORE, PROV, RDFS
from kg_service.service import KnowledgeBase

PROOFS = {
    *(PROV.wasDerivedFrom, RDFS.seeAlso, CORE.missingFeature, CORE.position, CORE.leading, CORE.strength),
    *(CORE.yieldsTo, CORE.outranked, CORE.realises, CORE.departsFrom, CORE.waitsOn, CORE.openOn),
    *(CORE.leavesUndocumented, CORE.follows),
}
"""What only an explanation of the row tells."""


@pytest.fixture(scope="module")
def folder(base: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> CohortFolder:
    out = tmp_path_factory.mktemp("cohort") / "out"
    compiled = base.compiled(profile="strict")
    decide_table(DATA_ROOT / "examples" / "cohort.csv", out, base, compiled, carried=["centre", "year"])
    return CohortFolder(out, base)


@pytest.mark.parametrize("name", ["cohort.nq", "cohort.nq.gz"])
def test_the_graph_of_a_case_is_that_of_its_record_without_proofs(
    folder: CohortFolder, tmp_path: Path, name: str
) -> None:
    written = export(folder, tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()
    assert text.count("\n") == written
    found = Dataset()
    found.parse(data=text, format="nquads")
    rows = pq.read_table(folder.path / "conclusions.parquet").column("id").to_pylist()
    assert len(rows) == 6
    for row in rows:
        [alone] = folder.assess(row).assessments
        graph = found.graph(AnswerPlace.of(member_iri(row, alone.case.id)).graph)
        expected = {
            t
            for t in conclusions_graph(alone, folder.compiled)
            if t[1] not in PROOFS
            and not str(t[0]).startswith(f"{graph.identifier}".removesuffix("conclusions") + "fact/")
            and t[1:] != (PROV.used, alone.case.document)
        }
        record = {t for t in expected if t[1] == PROV.used and str(t[2]).endswith(f"/data/{row}")}
        assert len(record) == 1  # the graph of the record: a cohort keeps none
        assert set(graph) == expected - record


def test_the_long_table_holds_every_answer_with_its_statements(folder: CohortFolder, tmp_path: Path) -> None:
    written = export(folder, tmp_path / "long.parquet")
    wide = pq.read_table(folder.path / "conclusions.parquet").to_pylist()
    long = pq.read_table(tmp_path / "long.parquet").to_pylist()
    left_out = {"row", "id", "centre", "year"}
    expected = {
        (line["id"], name, answer)
        for line in wide
        for name, answer in line.items()
        if name not in left_out and answer is not None
    }
    assert {(line["id"], line["conclusion"], line["answer"]) for line in long} == expected
    assert written == len(long) == len(expected)
    assert {line["statements"] for line in long if line["conclusion"] == "S128-hard"} == {"S128"}


def test_an_exported_cohort_answers_the_queries_on_records(folder: CohortFolder, tmp_path: Path) -> None:
    """p-1004 has 26 Gy to the cord in five sessions, more than the 25.3 Gy of S132: discordant."""
    export(folder, tmp_path / "cohort.nq")
    command = ["query", "prescription-concordance", "--load", str(tmp_path / "cohort.nq"), "--format", "csv"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    [line] = [line for line in done.stdout.splitlines() if "/p-1004-1," in line]
    assert line.split(",")[1:4] == ["discordant"] * 3
    assert len(done.stdout.split()) > 1 + 6


def test_a_file_that_speaks_in_a_graph_of_the_guideline_is_refused(tmp_path: Path) -> None:
    guideline = next(m for m in knowledge_modules() if m.path.stem == "recommendations").version
    (tmp_path / "bad.nq").write_text(f"<urn:a> <urn:b> <urn:c> <{guideline}> .\n")
    done = CliRunner().invoke(app, ["query", "regimens", "--load", str(tmp_path / "bad.nq")])
    assert isinstance(done.exception, KgServiceError)
    assert "no graph of the knowledge base" in str(done.exception)


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"<urn:a> <urn:b> .\n", "N-Quads"), (gzip.compress(b"x" * 99, mtime=0)[:20], "whole file")],
)
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / ("cut.nq.gz" if content.startswith(b"\x1f") else "bad.nq")
    path.write_bytes(content)
    done = CliRunner().invoke(app, ["query", "regimens", "--load", str(path)])
    assert isinstance(done.exception, KgServiceError)
    assert found in str(done.exception)


def test_an_export_is_whole_or_not_there(
    folder: CohortFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_done: int, _all: int | None) -> None:
        raise KeyboardInterrupt

    for name in ("cohort.nq", "long.parquet"):
        with pytest.raises(KeyboardInterrupt):
            export(folder, tmp_path / name, stop)
        assert not list(tmp_path.iterdir())
    monkeypatch.setattr(cohort_export, "_write_quads", _full_disk)
    with pytest.raises(KgServiceError, match="No space left"):
        export(folder, tmp_path / "cohort.nq")
    (tmp_path / "cohort.nq").write_text("mine")
    with pytest.raises(KgServiceError, match="exists"):
        export(folder, tmp_path / "cohort.nq")
    with pytest.raises(KgServiceError, match=r"ends in \.parquet, \.nq"):
        export(folder, tmp_path / "cohort.ttl")


def _full_disk(*_: object) -> int:
    raise OSError(28, "No space left on device")
