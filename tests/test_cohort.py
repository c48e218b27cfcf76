"""Cohorts: every cell equals what the record of its row is told alone; bad rows are set aside, never lost."""

from __future__ import annotations

import errno
import json
import random
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from cohort_support import conclusions, fragility_told, of_assessment, set_aside
from typer.testing import CliRunner

import kg_service.cohort_answers as cohort_answers
from kg_service.cli import FINDINGS, app
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_run import RowReader, decide_table
from kg_service.errors import InputError, KgServiceError
from kg_service.feature_masks import recorded_row
from kg_service.feature_table import TableSchema
from kg_service.knowledge import DATA_ROOT
from kg_service.plan_sql import sql_name
from kg_service.schema import Kind
from kg_service.service import KnowledgeBase
from kg_service.synthesis_files import synthesise

Decide = Callable[..., dict[str, list[Any]]]
ROWS = 500


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    table = pa.table(columns)
    if path.suffix == ".csv":
        pa_csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
    return path


@pytest.fixture
def decided(base: KnowledgeBase, tmp_path: Path) -> Decide:
    """Return a function that decides a table of columns and returns its conclusions."""

    def run(columns: dict[str, list[Any]], suffix: str = ".parquet", **options: Any) -> dict[str, list[Any]]:
        source = write(tmp_path / f"table{suffix}", columns)
        decide_table(source, tmp_path / "out", base, base.compiled(), **options)
        return conclusions(tmp_path / "out")

    return run


def random_table(base: KnowledgeBase, seed: int) -> dict[str, list[Any]]:
    """Return a table with most features: truth values, codes fine and coarse, numbers at thresholds, bounds."""
    rng = random.Random(seed)
    compiled = base.compiled()
    columns: dict[str, list[Any]] = {}
    for key, feature in TableSchema(compiled).features.items():
        share = rng.choice([0.2, 0.5, 0.9])
        if str(feature.iri) not in compiled.plan.features:
            continue
        if feature.kind is Kind.QUANTITY:
            bounds = [p.low for p in compiled.plan.cells[str(feature.iri)].parts if p.low is not None]
            near = sorted({float(b) + d for b in bounds for d in (-1, 0, 1) if b + d > 0})
            allowed = [n for n in near if n in base.limits.of(feature.iri)]
            if base.limits.is_whole(feature.iri):
                allowed = [n for n in allowed if n == int(n)]
            unit = "" if feature.unit == "1" else f" [{feature.unit}]"
            facet = rng.choice(["", "", ".minInclusive", ".maxExclusive"])
            columns[f"{key}{facet}{unit}"] = drawn(rng, allowed, share)
        elif feature.kind is Kind.BOOLEAN:
            columns[key] = drawn(rng, [True, False], share)
        else:
            columns[key] = drawn(rng, sorted(compiled.schema.codes[feature.partition]), share)
    return columns


def drawn(rng: random.Random, values: list[Any], share: float) -> list[Any]:
    return [rng.choice(values) if rng.random() < share else None for _ in range(ROWS)]


@pytest.mark.parametrize(
    ("seed", "profile", "assume", "suffix"),
    [
        (1, None, [], ".parquet"),
        (2, None, [], ".csv"),
        (3, "strict", [], ".parquet"),
        (4, "lenient", ["small-lesion=3 cm", "bulky-lesion=5 cm"], ".parquet"),
    ],
)
def test_every_cell_is_what_its_record_is_told_alone(
    base: KnowledgeBase, tmp_path: Path, seed: int, profile: str | None, assume: list[str], suffix: str
) -> None:
    compiled = base.compiled(profile=profile)
    settings = base.set_assumptions(assume, "test")
    columns = random_table(base, seed)
    source = write(tmp_path / f"t{suffix}", columns)
    summary = decide_table(source, tmp_path / "out", base, compiled, settings)
    found = conclusions(tmp_path / "out")
    place = {row: i for i, row in enumerate(found["row"])}
    reader = RowReader(base, compiled, settings)
    batch = pa.record_batch({name: pa.array(values) for name, values in columns.items()})
    header = reader.schema.read(columns, "t")
    refused = compared = 0
    for row in range(ROWS):
        try:
            record = reader.record("row", recorded_row(header, batch, row))
            [answer] = base.assess(record, compiled, settings).assessments
        except InputError:
            refused += 1
            assert row not in place
            continue
        expected = of_assessment(answer, compiled)
        assert {name: found[name][place[row]] for name in expected} == expected, row
        compared += 1
    assert (summary.decided, summary.set_aside) == (compared, refused)
    assert compared > 100
    assert len({row["row"] for row in set_aside(tmp_path / "out")}) == refused


def test_the_shipped_table(base: KnowledgeBase, tmp_path: Path) -> None:
    """By hand: 30 Gy in 10 in palliation follows the summary box; 20 Gy in 5 where a fracture is feared departs
    from a preference (S055); 26 Gy to the cord in 5 sessions passes 25.3 (S132); a femur compresses no cord.
    """
    table = DATA_ROOT / "examples" / "cohort.csv"
    decide_table(table, tmp_path / "out", base, base.compiled(), carried=["centre", "year"])
    found = conclusions(tmp_path / "out")
    told = dict(zip(found["id"], found["prescription"], strict=True))
    assert (told["p-1001"], told["p-1002"], told["p-1004"]) == ("Concordant", "Acceptable", "Discordant")
    assert found["S132.fulfilled"][found["id"].index("p-1004")] == "false"
    assert found["S075"] == ["false", "false", "unknown", "false", "true", "false"]
    assert [row["id"] for row in set_aside(tmp_path / "out")] == ["p-1007"]


def test_the_commands_of_the_readme_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DATA_ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Decide a cohort")[2].partition("```")[2].partition("```")[0]
    commands = [line.partition("#")[0].split()[1:] for line in section.strip().splitlines()]
    assert [command[0] for command in commands] == ["cohort", "explain", "audit", "export", "synthesise"]
    monkeypatch.chdir(tmp_path)
    for command in commands:
        words = [str(DATA_ROOT / w) if w.startswith("examples/") else w for w in command]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == (FINDINGS if command[0] == "cohort" else 0), (
            done.output
        )  # one row is set aside


def test_a_number_is_compared_as_it_is_written(decided: Decide) -> None:
    """S075, below three months: 2.999 is, 3 is not; an empty cell and NaN are unknown."""
    found = decided({"lifeExpectancy [mo]": [2.999, 3.0, 3.0000000000000004, None, float("nan")]})
    assert found["S075"] == ["true", "false", "false", "unknown", "unknown"]


@pytest.mark.parametrize("unit", ["Gy", "cGy"])
def test_a_number_is_converted_by_the_unit_of_its_column(decided: Decide, unit: str) -> None:
    """S132, cord maximum in 5 fractions: 25.3 Gy is kept, 25.4 Gy is not."""
    scale = {"Gy": 1, "cGy": 100}[unit]
    found = decided(
        {
            "site": ["T8", "T8"],
            "technique": ["StereotacticTechnique"] * 2,
            "previouslyIrradiated": [False, False],
            "fractionCount": [5, 5],
            f"cordMaximumDose [{unit}]": [25.3 * scale, 25.4 * scale],
        }
    )
    assert found["S132.fulfilled"] == ["true", "false"]


def test_bounds_and_coarse_codes_leave_open_what_they_do_not_settle(decided: Decide) -> None:
    """S118, from T10 to the sacrum: a lumbar vertebra is, a thoracic one may be. S075: at least 2 months may be 3."""
    found = decided(
        {
            "site": ["LumbarSpine", "ThoracicSpine", "T10", "T9", "Femur"],
            "lifeExpectancy.minInclusive [mo]": [2, 3, None, 4, None],
            "lifeExpectancy.maxExclusive [mo]": [None, None, 3, 6, 4],
        }
    )
    assert found["S118"] == ["true", "unknown", "true", "false", "false"]
    assert found["S075"] == ["unknown", "false", "true", "false", "unknown"]


def test_ids_and_carried_columns_stand_beside_the_answers(decided: Decide) -> None:
    found = decided({"id": ["a", "b"], "centre": ["X", None], "site": ["T8", "T9"]}, carried=["centre"])
    assert (found["row"], found["id"], found["centre"]) == ([0, 1], ["a", "b"], ["X", None])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lifeExpectancy", r"lifeExpectancy: no unit; expected .*lifeExpectancy \[mo\]"),
        ("lifeExpectancy [Gy]", "the unit 'Gy'; expected lifeExpectancy"),
        ("lifeExpectancy.min [mo]", "the bound 'min'; expected one of minInclusive"),
        ("lifeExpectansy [mo]", "no feature of a case.*Did you mean 'lifeExpectancy'"),
        ("site [Gy]", "site with a unit or a bound; expected site"),
        ("hospital", "Name columns to carry along unread with --carry"),
    ],
)
def test_a_column_that_means_nothing_is_refused_with_what_would(
    base: KnowledgeBase, tmp_path: Path, name: str, expected: str
) -> None:
    source = write(tmp_path / "t.parquet", {name: [1.0]})
    with pytest.raises(InputError, match=expected):
        decide_table(source, tmp_path / "out", base, base.compiled())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.parquet"]


def test_a_defective_row_is_set_aside_with_its_reason_and_stops_no_other(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    """Each row but the first and the last is wrong in one way, or in two."""
    text = "\n".join(
        [
            "id,site,lifeExpectancy [mo],fractionCount,totalDose [Gy],operated,cordCompression",
            "good,T8,2,,,,",
            "code,T88,2,,,,",
            "negative,T8,-1,,,,",
            "words,T8,three,,,,",
            "infinite,T8,inf,,,,",
            "short,T8",
            "half,T8,,2.5,,,",
            "truth,T8,,,,perhaps,",
            "remote,Femur,,,,,true",
            "two,T88,-1,,,,",
            "last,T8,4,,,,",
        ]
    )
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    summary = decide_table(tmp_path / "t.csv", tmp_path / "out", base, base.compiled())
    found = conclusions(tmp_path / "out")
    assert (found["id"], found["row"], found["S075"]) == (["good", "last"], [0, 10], ["true", "false"])
    assert (summary.decided, summary.set_aside) == (2, 9)
    aside = set_aside(tmp_path / "out")
    reasons = {(row["row"], row["id"]): row["found"] for row in aside if row["row"] != "9"}
    assert reasons == {
        ("1", "code"): "'T88'",
        ("2", "negative"): "-1 mo",
        ("3", "words"): "'three'",
        ("4", "infinite"): "'inf'",
        ("5", ""): "2 cells",
        ("6", "half"): "2.5",
        ("7", "truth"): "'perhaps'",
        ("8", "remote"): "lesions[0].site is Femur and lesions[0].cordCompression is true",
    }
    assert Counter(row["row"] for row in aside)["9"] == 2


def test_text_that_is_no_number_is_set_aside_from_parquet_too(base: KnowledgeBase, tmp_path: Path) -> None:
    source = write(tmp_path / "t.parquet", {"lifeExpectancy [mo]": ["2", "three", " 4 ", None]})
    decide_table(source, tmp_path / "out", base, base.compiled())
    assert conclusions(tmp_path / "out")["S075"] == ["true", "false", "unknown"]
    assert [(row["row"], row["found"]) for row in set_aside(tmp_path / "out")] == [("1", "'three'")]


def test_a_file_that_is_cut_off_leaves_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    source = write(tmp_path / "t.parquet", {"site": ["T8"] * 1000})
    source.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"t.parquet: cannot be read .*expected a whole file"):
        decide_table(source, tmp_path / "out", base, base.compiled())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "told"),
    [(KeyboardInterrupt(), None), (OSError(errno.ENOSPC, "No space left on device"), "No space")],
)
def test_an_interruption_or_a_full_disk_leaves_nothing_and_a_second_run_is_whole(
    base: KnowledgeBase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    told: str | None,
) -> None:
    source = write(tmp_path / "t.parquet", {"site": ["T8"]})
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise error

        patched.setattr(cohort_answers.CohortAnswers, "add", fail)
        with pytest.raises(KgServiceError if told else KeyboardInterrupt, match=told):
            decide_table(source, tmp_path / "out", base, base.compiled())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.parquet"]
    decide_table(source, tmp_path / "out", base, base.compiled())
    names = {"columns.csv", "conclusions.parquet", "manifest.json", "set-aside.csv"}
    assert {p.name for p in (tmp_path / "out").iterdir()} == names
    with pytest.raises(KgServiceError, match="out exists"):
        decide_table(source, tmp_path / "out", base, base.compiled())


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_any_cell_can_be_explained_and_the_proof_has_its_status(
    base: KnowledgeBase, tmp_path: Path, suffix: str
) -> None:
    columns = {"id": [f"p{i}" for i in range(ROWS)]} | random_table(base, 5)
    source = write(tmp_path / f"t{suffix}", columns)
    decide_table(source, tmp_path / "out", base, base.compiled(profile="strict"))
    found = conclusions(tmp_path / "out")
    folder = CohortFolder(tmp_path / "out", base)
    rng = random.Random(6)
    names = [c.id for c in base.compiled().guideline.recommendations]
    for _ in range(15):
        place, name = rng.randrange(len(found["row"])), rng.choice(names)
        assessed = folder.assess(found["id"][place])
        [explanation] = base.explain(assessed, name, folder.compiled)
        assert explanation.status == found[name][place]


def test_a_row_is_explained_from_the_table_it_was_decided_from_or_not_at_all(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    source = write(tmp_path / "t.parquet", {"id": ["a", "b", "b"], "site": ["T8", "T9", "T9"]})
    decide_table(source, tmp_path / "out", base, base.compiled())
    folder = CohortFolder(tmp_path / "out", base)
    with pytest.raises(KgServiceError, match="no row with the id 'c' was decided"):
        folder.assess("c")
    with pytest.raises(KgServiceError, match="2 rows have the id 'b'"):
        folder.assess("b")
    write(source, {"id": ["a"], "site": ["Femur"]})
    with pytest.raises(KgServiceError, match="is not what"):
        folder.assess("a")
    with pytest.raises(KgServiceError, match="no folder that bonemet cohort made"):
        CohortFolder(tmp_path, base)


def test_a_guideline_that_is_not_clinical_decides_cohorts_too(toy: KnowledgeBase, tmp_path: Path) -> None:
    """Rain is likely from 50 %; a breeze blows from 20 km/h, which is a little more than 5.55 m/s."""
    columns = {"rainProbability [%]": [49.9, 50.0, None], "windSpeed [m/s]": [5.55, 5.56, None]}
    decide_table(write(tmp_path / "t.parquet", columns), tmp_path / "out", toy, toy.compiled())
    found = conclusions(tmp_path / "out")
    assert (found["U1"], found["U10"]) == (["false", "true", "unknown"],) * 2


@pytest.mark.parametrize(("seed", "profile"), [(8, None), (9, "strict")])
def test_sql_draws_the_same_conclusions_from_the_masks(
    base: KnowledgeBase, tmp_path: Path, seed: int, profile: str | None
) -> None:
    source = write(tmp_path / "t.parquet", random_table(base, seed))
    decide_table(source, tmp_path / "out", base, base.compiled(profile=profile), masks=True)
    expected = conclusions(tmp_path / "out")
    assert len(expected["row"]) > 100
    with duckdb.connect() as engine:
        engine.sql(f"CREATE VIEW masks AS FROM '{tmp_path / 'out' / 'masks.parquet'}'")
        answer = engine.sql((tmp_path / "out" / "plan.sql").read_text(encoding="utf-8"))
        found = answer.order("row").to_arrow_table().to_pydict()
    assert len(found) == len(expected)
    for name, column in expected.items():
        assert found[sql_name(name)] == column, name


def test_the_sql_of_the_toy_is_as_committed(toy: KnowledgeBase, tmp_path: Path) -> None:
    columns = {"rainProbability [%]": [50.0], "sky": ["Dark"]}
    decide_table(write(tmp_path / "t.parquet", columns), tmp_path / "out", toy, toy.compiled(), masks=True)
    committed = Path(__file__).parent / "data" / "umbrella.sql"
    assert (tmp_path / "out" / "plan.sql").read_text(encoding="utf-8") == committed.read_text(
        encoding="utf-8"
    )


def test_the_manifest_says_how_it_was_decided(base: KnowledgeBase, tmp_path: Path) -> None:
    source = write(tmp_path / "t.parquet", {"site": ["T8"]})
    settings = base.set_assumptions(["small-lesion=3 cm"], "test")
    decide_table(source, tmp_path / "out", base, base.compiled({"A27": "c"}), settings)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["readings"] == {"A27": "c"}
    assert manifest["assumptions"] == ["small-lesion=3.0 cm"]
    assert (manifest["decided"], manifest["setAside"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,site\n", "no row was decided; 0 reasons in set-aside.csv"),
        ("id,site\na,b,c\n", "1 reasons in set-aside.csv: row: 3 cells; expected 2, as in the header"),
    ],
)
def test_a_cohort_of_which_no_row_was_decided_is_told_so(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    CliRunner().invoke(app, ["cohort", str(tmp_path / "t.csv"), "--out", str(out)])
    asked = (
        ["audit", str(out)],
        ["explain", str(out), "S074", "--row", "1"],
        ["export", str(out), f"{out}.nq"],
    )
    for command in asked:
        done = CliRunner().invoke(app, command)
        assert isinstance(done.exception, KgServiceError), command
        assert told in str(done.exception), command


FRAGILE_ROWS = 60


def test_what_hangs_on_a_reading_is_what_the_record_alone_says(base: KnowledgeBase, tmp_path: Path) -> None:
    """Conclusions are fragile exactly where they are alone; options and prescriptions only where they are."""
    compiled = base.compiled()
    columns = {name: values[:FRAGILE_ROWS] for name, values in random_table(base, 7).items()}
    source = write(tmp_path / "t.parquet", columns)
    decide_table(source, tmp_path / "out", base, compiled, fragile=True)
    found = pq.read_table(tmp_path / "out" / "fragile.parquet").to_pydict()
    reader = RowReader(base, compiled)
    batch = pa.record_batch({name: pa.array(values) for name, values in columns.items()})
    header = reader.schema.read(columns, "t")
    told: Counter[tuple[str, bool]] = Counter()
    for place, row in enumerate(found["row"]):
        record = reader.record("row", recorded_row(header, batch, row))
        assessed = base.examine(base.assess(record, compiled), compiled)
        [alone] = assessed.robustness.values()
        told += fragility_told({name: values[place] for name, values in found.items()}, alone, compiled)
    assert min(told.values()) > 30, told


def bonemet(*words: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from kg_service.cli import main; main()", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="module")
def big_table(base: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("big") / "t.parquet"
    marginals = DATA_ROOT / "examples" / "synthetic-cohort.toml"
    synthesise(marginals, path, base, rows=150_000, seed=1)
    return path


CARRY = ("--carry", "centre", "--carry", "year")


def test_a_process_that_may_write_no_more_says_so_and_leaves_nothing(big_table: Path, tmp_path: Path) -> None:
    """The operating system refuses to let any file grow beyond 20 kB, as it does when a disk is full."""
    limit = 20_000
    process = bonemet(
        "cohort",
        str(big_table),
        "--out",
        str(tmp_path / "out"),
        *CARRY,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    _, told = process.communicate()
    assert process.returncode == 2, told
    assert "out cannot be written" in told
    assert "File too large" in told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_nothing_and_a_second_run_is_whole(big_table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = bonemet("cohort", str(big_table), "--out", str(out), *CARRY)
    while process.poll() is None and not (tmp_path / "out.partial" / "conclusions.parquet").exists():
        pass
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert (process.returncode, told.strip()) == (130, "bonemet: interrupted; nothing was left half-written")
    assert not list(tmp_path.iterdir())
    again = bonemet("cohort", str(big_table), "--out", str(out), *CARRY)
    assert "150,000 rows decided, 0 set aside" in again.communicate()[0]
