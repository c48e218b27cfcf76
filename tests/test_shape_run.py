"""A cohort of RDF records against the record shapes: files in, results out, and what can go wrong."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rdflib import Graph
from rdflib.namespace import SH
from typer.testing import CliRunner

from kg_service.cli import app
from kg_service.errors import InputError, KgServiceError
from kg_service.namespaces import CORE, REC
from kg_service.record_rdf import record_graph
from kg_service.service import KnowledgeBase
from kg_service.shape_run import Progress, ShapeSummary, record_plan, validate_files
from kg_service.shape_tree import ShapePlan
from kg_service.triple_table import TripleTable

GOOD = """
<urn:a> a rec:Patient ; rec:hasLesion <urn:a/l> ; rec:primaryControlled true .
<urn:a/l> a rec:Lesion ; rec:ofPatient <urn:a> ; rec:diameter _:q .
_:q a qty:Quantity ; qty:value 2.5 ; qty:unit "cm" .
"""
BAD = """
<urn:b> a rec:Patient ; rec:hasLesion <urn:b/l> ; rec:hadCourse <urn:b/c> ; rec:referenceDate "2026-01-01"^^xsd:date .
<urn:b/c> a rec:PreviousCourse ; rec:endDate "2026-02"^^xsd:gYearMonth .
<urn:b/l> a rec:Lesion ; rec:ofPatient <urn:b> ; rec:diameter _:q .
_:q a qty:Quantity ; qty:value 99.0 ; qty:unit "cm" .
"""
PREFIXES = """@prefix qty: <https://w3id.org/bonemet-kg/quantity/> .
@prefix rec: <https://w3id.org/bonemet-kg/record/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""


@pytest.fixture(scope="module")
def plan(base: KnowledgeBase) -> ShapePlan:
    return record_plan(base)


def written(path: Path, text: str) -> Path:
    path.write_text(PREFIXES + text, encoding="utf-8")
    return path


def run(plan: ShapePlan, out: Path, *paths: Path, turtle: Path | None = None) -> ShapeSummary:
    return validate_files(paths, plan, [REC.Patient], out, turtle)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_defect_is_told_with_its_record_and_in_both_languages(plan: ShapePlan, tmp_path: Path) -> None:
    good, bad = written(tmp_path / "a.ttl", GOOD), written(tmp_path / "b.ttl", BAD)
    summary = run(plan, tmp_path / "out.csv", good, bad, turtle=tmp_path / "out.ttl")
    assert summary == ShapeSummary(records=2, defective=1, results=2, undescribed=0)
    late, large = rows(tmp_path / "out.csv")
    assert late["record"] == large["record"] == "urn:b"
    assert (late["focus"], late["component"]) == ("urn:b/c", "NotEarlierThanConstraintComponent")
    assert late["message_en"] == "The end date comes no later than the reference date."
    assert late["message_fr"] == "La date de fin n'est pas postérieure à la date de référence."
    assert (large["focus"], large["component"]) == ("urn:b/l", "MaxInclusiveConstraintComponent")
    assert large["value"] == '"99.0"^^<http://www.w3.org/2001/XMLSchema#decimal>'
    assert large["severity"] == "Violation"
    report = Graph().parse(tmp_path / "out.ttl")
    assert [str(value) for value in report.objects(None, SH.conforms)] == ["false"]
    results = list(report.objects(None, SH.result))
    assert {str(report.value(r, SH.focusNode)) for r in results} == {"urn:b/c", "urn:b/l"}
    assert {len(list(report.objects(r, SH.resultMessage))) for r in results} == {2}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ttl", "b.ttl", "out.csv", "out.ttl"]


def test_blank_nodes_of_two_files_stay_apart(plan: ShapePlan, tmp_path: Path) -> None:
    """Both files call their quantity _:q; as one node it would have two values."""
    good, bad = written(tmp_path / "a.ttl", GOOD), written(tmp_path / "b.ttl", GOOD.replace("urn:a", "urn:c"))
    assert run(plan, tmp_path / "out.csv", good, bad).conforms
    assert rows(tmp_path / "out.csv") == []


def test_a_node_without_a_class_is_told(plan: ShapePlan, tmp_path: Path) -> None:
    file = written(tmp_path / "a.ttl", GOOD + "<urn:d> rec:primaryControlled true .")
    summary = run(plan, tmp_path / "out.csv", file)
    assert (summary.results, summary.undescribed, summary.conforms) == (0, 1, False)


def test_what_the_project_writes_of_a_record_conforms(
    base: KnowledgeBase, plan: ShapePlan, tmp_path: Path
) -> None:
    """With derived facts, and where they come from; the shipped records are sound."""
    graph, count = Graph(), 0
    from kg_service.service import Batch

    batch = Batch()
    for path in sorted((Path(__file__).parent.parent / "examples").glob("*.json")):
        base.read_file(path, batch)
    for record in batch.records:
        graph += record_graph(record, base.cases(record), base.compiled().schema)
        count += 1
    assert (None, CORE.origin, None) in graph or (None, CORE.place, None) in graph
    graph.serialize(tmp_path / "all.nt", format="nt", encoding="utf-8")
    summary = run(plan, tmp_path / "out.csv", tmp_path / "all.nt")
    assert (summary.records, summary.conforms) == (count, True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.ttl", GOOD + "<urn:e> a", "a.ttl"),
        ("a.txt", GOOD, "the suffix .txt"),
        ("a.ttl", "", "no record"),
        ("a.nt", GOOD, "a.nt"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_nothing_behind(
    plan: ShapePlan, tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(plan, tmp_path / "out.csv", written(tmp_path / name, text))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_missing_files_and_folders_are_told(plan: ShapePlan, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.ttl"):
        run(plan, tmp_path / "out.csv", tmp_path / "none.ttl")
    with pytest.raises(KgServiceError, match="cannot be written"):
        run(plan, tmp_path / "no" / "out.csv", written(tmp_path / "a.ttl", GOOD))


def test_an_interruption_leaves_nothing_behind(plan: ShapePlan, tmp_path: Path) -> None:
    @contextmanager
    def stop(what: str) -> Iterator[Progress]:
        if what == "constraints":
            raise KeyboardInterrupt
        yield lambda _done, _all: None

    file = written(tmp_path / "a.ttl", GOOD)
    with pytest.raises(KeyboardInterrupt):
        validate_files([file], plan, [REC.Patient], tmp_path / "out.csv", counting=stop)
    assert os.listdir(tmp_path) == ["a.ttl"]


def test_what_the_database_makes_of_an_interruption_is_one(tmp_path: Path) -> None:
    class Interrupted:
        def execute(self, _sql: str) -> None:
            raise RuntimeError("Query interrupted")

    with TripleTable(tmp_path) as table:
        connection, table._connection = table._connection, Interrupted()  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            table.execute("SELECT 1")
        table._connection = connection


def test_a_database_that_stops_is_told(tmp_path: Path) -> None:
    with TripleTable(tmp_path) as table, pytest.raises(KgServiceError, match="is the disk full"):
        table.execute("SELECT * FROM nothing")


def test_without_duckdb_the_extra_is_named(
    plan: ShapePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(KgServiceError, match=r"bonemet-kg\[shapes\]"):
        run(plan, tmp_path / "out.csv", written(tmp_path / "a.ttl", GOOD))


def test_the_command_counts_and_sets_its_exit_code(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "a.ttl", GOOD), written(tmp_path / "b.ttl", BAD)
    out = str(tmp_path / "out.csv")
    clean = CliRunner().invoke(app, ["validate", str(good), "--out", out])
    assert clean.exit_code == 0
    assert "1 records, 0 of them defective, 0 results" in clean.stdout
    found = CliRunner().invoke(app, ["validate", str(good), str(bad), "--out", out])
    assert found.exit_code == 1
    assert "2 records, 1 of them defective, 2 results" in found.stdout
    alone = CliRunner().invoke(app, ["validate", str(good), "--turtle", out])
    assert isinstance(alone.exception, KgServiceError)
