"""The audit: counts that follow from the cohort, small ones hidden, one page that stands alone."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from kg_service.audit import Audit, Section, hidden_counts
from kg_service.audit_page import audit_page
from kg_service.cli import app
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_run import decide_table
from kg_service.errors import KgServiceError
from kg_service.service import KnowledgeBase

# Cord maximum in 5 stereotactic sessions (S132): 25.3 Gy is kept, 26 Gy is not; without a number it is not known.
ROWS = [("Lyon", 26.0)] * 6 + [("Lyon", 25.0)] * 12 + [("Grenoble", None)] * 9 + [("Annecy", 25.0)] * 2


@pytest.fixture(scope="module")
def folder(base: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> CohortFolder:
    path = tmp_path_factory.mktemp("audit")
    count = len(ROWS) + 7
    table = pa.table(
        {
            "site": ["T8"] * len(ROWS) + ["T88"] * 7,
            "centre": [centre for centre, _ in ROWS] + ["Lyon"] * 7,
            "technique": ["StereotacticTechnique"] * count,
            "fractionCount": [5] * count,
            "previouslyIrradiated": [False] * count,
            "totalDose [Gy]": [30.0] * count,
            "cordMaximumDose [Gy]": [dose for _, dose in ROWS] + [25.0] * 7,
        }
    )
    pq.write_table(table, path / "t.parquet")
    decide_table(path / "t.parquet", path / "out", base, base.compiled(), carried=["centre"], fragile=True)
    return CohortFolder(path / "out", base)


def audit(base: KnowledgeBase, folder: CohortFolder, *groups: str, smallest: int = 5) -> Audit:
    return Audit(folder, base.wording(folder.compiled, "en"), groups, smallest)


def section(found: Audit, key: str, group: str = "", about: str = "") -> Section:
    return next(s for s in found.sections if (s.key, s.group, s.about) == (key, group, about))


def counts(found: Section, line: str) -> dict[str, int | None]:
    [one] = [one for one in found.lines if one.id == line]
    return {part.word: part.count for part in one.parts}


def test_a_limit_is_counted_where_it_binds(base: KnowledgeBase, folder: CohortFolder) -> None:
    limits = section(audit(base, folder), "limits", about="organ-at-risk constraint")
    assert counts(limits, "S132") == {"true": 14, "false": 6, "unknown": 9}
    assert counts(limits, "S131") == {"true": 0, "false": 0, "unknown": 0}  # of four sessions


def test_prescriptions_are_counted_by_what_they_are(base: KnowledgeBase, folder: CohortFolder) -> None:
    """Six break the cord limit; of the others nothing says the intent, so that what is open leaves them open."""
    told = counts(section(audit(base, folder), "prescription"), "")
    assert (told["Discordant"], told["NotAssessable"]) == (6, 23)


def test_a_small_group_is_hidden_with_the_next_smallest(base: KnowledgeBase, folder: CohortFolder) -> None:
    """Annecy has two rows. Were it hidden alone, the total would give it away: Grenoble, with nine, goes too."""
    found = section(audit(base, folder, "centre"), "prescription", "centre")
    shown = {line.id: line.total for line in found.lines}
    assert shown == {"Annecy": None, "Grenoble": None, "Lyon": 18}
    assert {p.count for line in found.lines if line.id != "Lyon" for p in line.parts} == {None}
    open_to_all = section(audit(base, folder, "centre", smallest=1), "prescription", "centre")
    assert {line.id: line.total for line in open_to_all.lines} == {"Annecy": 2, "Grenoble": 9, "Lyon": 18}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], []),
        ([0, 0], [0, 0]),
        ([5, 5], [5, 5]),
        ([4, 100], [None, None]),
        ([4, 100, 7], [None, 100, None]),
        ([4, 3, 100], [None, None, 100]),
        ([4, 0, 0], [None, 0, 0]),
    ],
)
def test_no_hidden_count_follows_from_its_neighbours(given: list[int], told: list[int | None]) -> None:
    assert hidden_counts(given, 5) == told


def test_rows_set_aside_are_counted_by_reason(base: KnowledgeBase, folder: CohortFolder) -> None:
    [reason] = audit(base, folder).reasons
    assert (reason.where, reason.rows) == ("lesions[0].site", 7)
    assert audit(base, folder, smallest=8).reasons[0].rows is None


def test_what_is_most_often_unknown_comes_first(base: KnowledgeBase, folder: CohortFolder) -> None:
    lines = section(audit(base, folder), "missing").lines
    unknown = [next(p.count or 0 for p in line.parts if p.word == "unknown") for line in lines]
    assert unknown == sorted(unknown, reverse=True)
    assert unknown[0] == len(ROWS)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_stands_alone(base: KnowledgeBase, folder: CohortFolder, language: str) -> None:
    page = audit_page(Audit(folder, base.wording(folder.compiled, language), ["centre"]))
    assert not re.findall(r'(?:src|href)="(?!#)|<script|@import|url\(', page)
    assert (
        page.count("<h2>")
        == len(Audit(folder, base.wording(folder.compiled, language), ["centre"]).sections) + 1
    )
    assert {"en": "Practice against the guideline", "fr": "La pratique face au référentiel"}[language] in page


def test_the_command_writes_the_page_and_refuses_what_was_not_carried(
    folder: CohortFolder, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["audit", str(folder.path), "--by", "centre", "--html", str(page)])
    assert (done.exit_code, done.stdout.strip()) == (0, str(page))
    assert "Lyon" in page.read_text(encoding="utf-8")
    refused = CliRunner().invoke(app, ["audit", str(folder.path), "--by", "year"])
    assert isinstance(refused.exception, KgServiceError)
    assert str(refused.exception) == "year was not carried along; carried columns: centre"


def test_a_rule_on_an_option_is_counted_where_that_is_carried_out(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    """The board validates stereotactic decisions (S066): one of three is none, and one has no technique."""
    table = pa.table(
        {
            "technique": ["StereotacticTechnique", "ThreeDimensionalConformal", None],
            "boneOncologyBoardValidated": [True, False, False],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    decide_table(tmp_path / "t.parquet", tmp_path / "out", base, base.compiled())
    found = audit(base, CohortFolder(tmp_path / "out", base), smallest=1)
    assert counts(section(found, "duties"), "S066") == {"true": 1, "false": 0, "unknown": 0}


def test_what_hangs_on_a_reading_is_counted(base: KnowledgeBase, folder: CohortFolder) -> None:
    """A prescription of five stereotactic sessions, decided or not by the board (A25), in every row."""
    readings = section(audit(base, folder), "readings")
    assert counts(readings, "A25") == {"true": len(ROWS), "false": 0}
    assert counts(section(audit(base, folder), "fragile"), "S066") == {"true": len(ROWS), "false": 0}


def test_duties_stand_by_what_they_are_rules_on(base: KnowledgeBase, tmp_path: Path) -> None:
    """S004 and S005 are rules of timing. After an operation, irradiation starts from day 15 to day 21 (S004)."""
    table = pa.table(
        {
            "site": ["T8"] * 4,
            "operated": [True] * 4,
            "daysSinceSurgery [d]": [14, 15, 21, None],
            "centre": ["A", "A", "B", "B"],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    decide_table(tmp_path / "t.parquet", tmp_path / "out", base, base.compiled(), carried=["centre"])
    found = audit(base, CohortFolder(tmp_path / "out", base), "centre", smallest=1)
    timing = section(found, "duties", about="timing rule")
    assert {line.id for line in timing.lines} == {"S004", "S005"}
    assert counts(timing, "S004") == {"true": 2, "false": 1, "unknown": 1}
    by_centre = section(found, "duties", "centre", "timing rule S004")
    assert counts(by_centre, "A") == {"true": 1, "false": 1, "unknown": 0}
    assert counts(by_centre, "B") == {"true": 1, "false": 0, "unknown": 1}
