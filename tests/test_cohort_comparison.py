"""Cohorts held against each other: what is counted is what each record alone is told."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from kg_service import cohort_comparison, side_by_side_summary
from kg_service.cli import app
from kg_service.cohort_comparison import CohortsCompared, _combined
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_records import decide_records, open_records
from kg_service.cohort_run import decide_table
from kg_service.errors import KgServiceError
from kg_service.knowledge import DATA_ROOT
from kg_service.service import Batch, KnowledgeBase
from kg_service.side_by_side import compare_guidelines
from kg_service.side_by_side_report import compared_json
from kg_service.side_by_side_summary import SummaryJson, summary_of
from kg_service.wording import LANGUAGES

GUIDELINES = ("aura-bone-metastases", "astro-2017", "astro-2024")
RECORDS, SEED = 120, 5
CARRIED = ("centre", "year")
MADE = "examples/synthetic-cohort.toml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic records, and a folder of conclusions on them by each guideline."""
    folder = tmp_path_factory.mktemp("compared")
    for name in ("made.nt", "made.parquet"):
        arguments = ["synthesise", str(DATA_ROOT / MADE), "--rows", str(RECORDS), "--seed", str(SEED)]
        done = CliRunner().invoke(app, [*arguments, "--out", str(folder / name)])
        assert done.exit_code == 0, done.output
    base = KnowledgeBase()
    for guideline in GUIDELINES:
        own = base.of(guideline)
        source = open_records(folder / "made.nt", own)
        decide_records(source, folder / guideline, own, own.compiled())
        table = folder / f"{guideline}-table"
        decide_table(folder / "made.parquet", table, own, own.compiled(), carried=CARRIED)
    return folder


def compared(base: KnowledgeBase, *folders: Path) -> CohortsCompared:
    return CohortsCompared([CohortFolder(folder, base) for folder in folders])


def told(summary: SummaryJson) -> dict[str, Any]:
    """Return what both ways of counting tell; one of them knows no steps of strength."""
    options: dict[str, Counter[str]] = {}
    for option in summary["options"]:
        counts = options.setdefault(option["option"], Counter())
        for relation in option["relations"]:
            counts["same" if relation["relation"] == "graded" else relation["relation"]] += relation["cases"]
    return {
        "cases": (summary["cases"], summary["leftOut"], summary["disagreeing"]),
        "prescriptions": sorted((json.dumps(p["answers"]), p["cases"]) for p in summary["prescriptions"]),
        "options": options,
        "disagreements": sorted(
            (
                d["option"],
                d["cases"],
                [
                    (s["guideline"], s["verdict"] or "", s["verdictLabel"], s["statements"])
                    for s in d["guidelines"]
                ],
            )
            for d in summary["disagreements"]
        ),
    }


def test_it_counts_what_each_record_is_told(
    base: KnowledgeBase, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_comparison, "LARGEST", RECORDS * 20)
    monkeypatch.setattr(side_by_side_summary, "LARGEST", RECORDS * 20)
    batch = Batch()
    base.read_text((made / "made.nt").read_text(encoding="utf-8"), "made.nt", batch, ".nt")
    cases = [case for record in batch.records for case in compare_guidelines(base, record, GUIDELINES)]
    alone = summary_of([compared_json(case, base, "en") for case in cases])
    assert alone["cases"] == RECORDS
    assert alone["disagreeing"] > 5
    together = compared(base, *(made / name for name in GUIDELINES)).summary("en")
    assert told(together) == told(alone)


def test_a_table_and_records_of_the_same_patients_compare_alike(base: KnowledgeBase, made: Path) -> None:
    of_records = compared(base, *(made / name for name in GUIDELINES)).summary("fr")
    of_rows = compared(base, *(made / f"{name}-table" for name in GUIDELINES)).summary("fr")
    assert told(of_records) == told(of_rows)


def test_an_example_is_a_row_that_explain_takes(base: KnowledgeBase, made: Path) -> None:
    """The verdicts told of an example are those of the row when it is decided alone."""
    found = compared(base, *(made / f"{name}-table" for name in GUIDELINES)).summary("en")
    assert found["disagreements"]
    for disagreement in found["disagreements"]:
        for name, saying in zip(GUIDELINES, disagreement["guidelines"], strict=True):
            folder = CohortFolder(made / f"{name}-table", base)
            (assessment,) = folder.assess(disagreement["example"]).assessments
            verdicts = {str(v.option).rpartition("/")[2]: v.verdict for v in assessment.options}
            assert verdicts.get(disagreement["option"]) == saying["verdict"]


def test_one_guideline_under_two_readings(base: KnowledgeBase, made: Path, tmp_path: Path) -> None:
    """Lenient counts a prescription as kept where strict does not; two runs of a guideline go by their folders."""
    for profile in ("strict", "lenient"):
        compiled = base.compiled({}, profile)
        decide_table(made / "made.parquet", tmp_path / profile, base, compiled, carried=CARRIED)
    found = compared(base, tmp_path / "strict", tmp_path / "lenient").summary("en")
    assert list(found["guidelines"]) == [f"{GUIDELINES[0]} (strict)", f"{GUIDELINES[0]} (lenient)"]
    apart = [p for p in found["prescriptions"] if len(set(p["answers"].values())) > 1]
    assert apart, "some prescription hangs on a reading"


def test_rows_that_one_run_set_aside_are_left_out(base: KnowledgeBase, tmp_path: Path) -> None:
    """Three rows; what one run holds of two of them is compared, and the third is told."""
    source = tmp_path / "three.csv"
    source.write_text("id,site,painType\na,Femur,Painful\nb,T8,Painful\nc,T9,Painful\n", encoding="utf-8")
    for name in GUIDELINES[:2]:
        own = base.of(name)
        decide_table(source, tmp_path / name, own, own.compiled())
    path = tmp_path / GUIDELINES[1] / "conclusions.parquet"
    kept = pq.read_table(path).take([2, 0])
    pq.write_table(kept, path)
    found = compared(base, *(tmp_path / name for name in GUIDELINES[:2]))
    assert (found.rows, found.left_out) == (2, 1)
    assert [found.name_of(row) for row in range(2)] == ["a", "c"]
    assert "1 more are not compared" in _text(tmp_path, "en", GUIDELINES[:2])


def _text(folder: Path, language: str, names: tuple[str, ...]) -> str:
    folders = [str(folder / name) for name in names]
    done = CliRunner().invoke(app, ["compare", *folders, "--lang", language])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_guidelines_are_told_as_a_matrix(made: Path, language: str) -> None:
    text = _text(made, language, (GUIDELINES[0], GUIDELINES[2]))
    (head,) = [line for line in text.splitlines() if "↓" in line]
    start = text.splitlines().index(head)
    rows = [line.split() for line in text.splitlines()[start + 1 :]]
    numbers = [[int(cell) for cell in row if cell.isdecimal()] for row in rows[: rows.index([])]]
    assert sum(map(sum, numbers)) == RECORDS, "every patient of it has a prescription"
    assert len({len(row) for row in numbers}) == 1


@pytest.mark.parametrize(
    ("folders", "more", "message"),
    [
        (["aura-bone-metastases"], [], "needs two or more"),
        (["aura-bone-metastases", "astro-2017-table"], [], "different sources"),
        (["aura-bone-metastases", "astro-2017"], ["--guideline", "astro-2017"], "as they were decided"),
        (["aura-bone-metastases", "made.nt"], [], "no folder that bonemet cohort made"),
    ],
)
def test_what_cannot_be_compared_is_told(
    made: Path, folders: list[str], more: list[str], message: str
) -> None:
    done = CliRunner().invoke(app, ["compare", *(str(made / name) for name in folders), *more])
    assert isinstance(done.exception, KgServiceError)
    assert message in str(done.exception)


def test_many_columns_keep_their_rows_apart() -> None:
    """Twenty columns of eight words are more combinations than a number holds; rows are told apart all the same."""
    source = np.random.default_rng(1)
    columns = [source.integers(0, 8, 500) for _ in range(20)]
    twice = [np.concatenate([column, column[:40]]) for column in columns]
    codes = _combined(twice, [8] * 20, 540)
    rows = [tuple(int(column[i]) for column in twice) for i in range(540)]
    assert len(set(codes.tolist())) == len(set(rows))
    assert (codes[:40] == codes[500:]).all()


def test_the_toy_has_no_other_guideline_to_be_compared_with(toy: KnowledgeBase, tmp_path: Path) -> None:
    source = tmp_path / "walks.csv"
    source.write_text("id,sky\na,Dark\n", encoding="utf-8")
    decide_table(source, tmp_path / "out", toy, toy.compiled())
    with pytest.raises(KgServiceError, match="two or more"):
        CohortsCompared([CohortFolder(tmp_path / "out", toy)])
