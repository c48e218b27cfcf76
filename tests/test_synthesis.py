"""Synthetic cohorts: what the marginals declare is what is drawn, and the three forms are the same patients."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from kg_service.cli import app
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_run import decide_table
from kg_service.errors import InputError, KgServiceError
from kg_service.feature_table import TableSchema
from kg_service.knowledge import DATA_ROOT
from kg_service.service import AssessedRecord, Batch, KnowledgeBase
from kg_service.synthesis import Synthesiser, read_marginals
from kg_service.synthesis_files import synthesise

MARGINALS = DATA_ROOT / "examples" / "synthetic-cohort.toml"
ROWS = 20_000
HEAD = 'title = "t"\nnote = "n"\n'


def synthesiser(base: KnowledgeBase, path: Path = MARGINALS) -> Synthesiser:
    compiled = base.compiled()
    return Synthesiser(read_marginals(path), TableSchema(compiled), compiled.schema, base.limits, path.name)


@pytest.fixture(scope="module")
def table(base: KnowledgeBase) -> pa.Table:
    return pa.Table.from_batches(synthesiser(base).batches(ROWS, seed=5))


def test_the_seed_decides_and_more_rows_begin_alike(base: KnowledgeBase, table: pa.Table) -> None:
    drawn = synthesiser(base)
    assert pa.Table.from_batches(drawn.batches(700, seed=5)).equals(table.slice(0, 700))
    assert not pa.Table.from_batches(drawn.batches(700, seed=6)).equals(table.slice(0, 700))


def test_shares_are_those_declared(table: pa.Table) -> None:
    """Declared: sex missing in 1 %, else 47 % female; centre North 40 %; 16 of 105 at the pelvis, 2 % without site."""
    sex = Counter(table.column("sex").to_pylist())
    assert sex[None] / ROWS == pytest.approx(0.01, abs=0.003)
    assert sex["FemaleSex"] / (ROWS - sex[None]) == pytest.approx(0.47, abs=0.012)
    centre = Counter(table.column("centre").to_pylist())
    assert centre["North"] / ROWS == pytest.approx(0.4, abs=0.012)
    site = Counter(table.column("site").to_pylist())
    assert site["Pelvis"] / (ROWS - site[None]) == pytest.approx(16 / 105, abs=0.01)


def test_what_goes_together_stays_together(table: pa.Table) -> None:
    schedules = Counter(
        zip(
            *(table.column(c).to_pylist() for c in ("technique", "totalDose [Gy]", "fractionCount")),
            strict=True,
        )
    )
    assert len(schedules) == 8  # nine choices, two of them the same schedule
    assert (
        schedules["ThreeDimensionalConformal", 30.0, 10.0] > schedules["ThreeDimensionalConformal", 20.0, 5.0]
    )


def test_a_rule_holds_only_where_it_is_declared_to(table: pa.Table) -> None:
    """No compression at the femur; days since surgery only after one; whole numbers of days within 3 to 90."""
    femur = table.filter(pc.equal(table.column("site"), "Femur"))
    assert pc.any(femur.column("cordCompression")).as_py() is False
    operated = table.filter(pc.equal(table.column("operated"), False))
    assert operated.column("daysSinceSurgery [d]").null_count == operated.num_rows
    days = table.column("daysSinceSurgery [d]").drop_null().to_pylist()
    assert len(days) > 500
    assert all(3 <= day <= 90 and day == int(day) for day in days)


def test_no_row_contradicts_itself(base: KnowledgeBase, table: pa.Table, tmp_path: Path) -> None:
    pq.write_table(table, tmp_path / "t.parquet")
    found = decide_table(
        tmp_path / "t.parquet", tmp_path / "out", base, base.compiled(), carried=["centre", "year"]
    )
    assert (found.decided, found.set_aside) == (ROWS, 0)


FORMS = 120


def test_the_forms_are_the_same_patients(base: KnowledgeBase, tmp_path: Path) -> None:
    """Every conclusion, verdict and check on a row is that on its RDF record and on its FHIR resources."""
    for name in ("t.parquet", "t.nt", "t"):
        synthesise(MARGINALS, tmp_path / name, base, rows=FORMS, seed=3)
    compiled = base.compiled()
    decide_table(tmp_path / "t.parquet", tmp_path / "out", base, compiled, carried=["centre", "year"])
    folder = CohortFolder(tmp_path / "out", base)
    rows = {name: answers(folder.assess(name)) for name in (f"s-{i}" for i in range(FORMS))}
    batch = Batch()
    base.read_text((tmp_path / "t.nt").read_text(), "t.nt", batch, suffix=".nt")
    assert not batch.problems
    triples = base.assess_batch(batch, compiled)
    assert {one.record.root.id: answers(one) for one in triples} == rows
    by_patient: dict[str, list[Any]] = {}
    for file in ("Patient", "Condition", "Observation"):
        for line in (tmp_path / "t" / f"{file}.ndjson").read_text().splitlines():
            resource = json.loads(line)
            subject = resource.get("subject", {}).get("reference", f"Patient/{resource['id']}")
            by_patient.setdefault(subject.removeprefix("Patient/"), []).append(resource)
    for name, resources in by_patient.items():
        [record] = base.read_document(resources, name)
        harmless = ("taken, though undated: check that it still holds", "site left unknown")
        assert {note.why for note in record.notes} <= set(harmless)
        assert answers(base.assess(record, compiled)) == rows[name]
    assert len(by_patient) == FORMS


def answers(assessed: AssessedRecord) -> dict[str, Any]:
    [found] = assessed.assessments
    told: dict[str, Any] = {c.recommendation.id: (c.status, c.fulfilled) for c in found.conclusions}
    told |= {str(v.option): v.verdict for v in found.options}
    check = found.prescription
    return told | {"prescription": check and (check.concordance, check.best, check.worst)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "features: "),
        ("[features.sight]\n[[features.sight.rules]]\nvalues = {T8 = 1}", "sight: 'sight'"),
        ("[features.site]\n[[features.site.rules]]\nvalues = {T13 = 1}", "'T13'"),
        ("[features.site]\n[[features.site.rules]]\nvalues = {T8 = 0}", "add up to nothing"),
        ("[features.site]\n[[features.site.rules]]\nvalues = {T8 = -1}", "greater than or equal to 0"),
        (
            "[features.site]\nmissing = 1.5\n[[features.site.rules]]\nvalues = {T8 = 1}",
            "less than or equal to 1",
        ),
        ("[features.operated]\n[[features.operated.rules]]\nvalues = {yes = 1}", "true or false"),
        (
            "[features.operated]\n[[features.operated.rules]]\nwhen = {site = ['T8']}\nvalues = {true = 1}",
            "drawn before",
        ),
        (
            "[features.lifeExpectancy]\n[[features.lifeExpectancy.rules]]\n"
            "numbers = {median = 3.0, spread = 1.0, low = -2.0, high = 9.0}",
            "-2.0",
        ),
        ("[features.site]\n[[features.site.rules]]\nvalue = {T8 = 1}", "rules.0.value"),
        ("[features.site", "TOML"),
    ],
)
def test_what_records_do_not_have_is_refused(
    base: KnowledgeBase, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "m.toml"
    path.write_text(HEAD + text)
    with pytest.raises(InputError, match=r"m\.toml") as refused:
        synthesiser(base, path)
    assert told in str(refused.value)


def test_the_command_writes_the_whole_cohort_or_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    command = ["synthesise", str(MARGINALS), "--rows", "25", "--out", str(target)]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stdout.strip()) == (0, f"{target}: 25 rows")
    assert len(target.read_text().splitlines()) == 26
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, KgServiceError)
    assert "exists" in str(again.exception)

    def stop(_done: int, _all: int | None) -> None:
        raise KeyboardInterrupt

    for name in ("cut.parquet", "cut.nt", "cut"):
        with pytest.raises(KeyboardInterrupt):
            synthesise(MARGINALS, tmp_path / name, base, rows=10, seed=1, progress=stop)
    with pytest.raises(KgServiceError, match="no suffix for a folder"):
        synthesise(MARGINALS, tmp_path / "cut.xlsx", base, rows=10, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
