"""One suite for every engine: the same hard rows, the same answers, cell by cell; and the traps engines fall into.

The reference is each row told alone as a record, by the plan that HermiT certifies. The engines are the
planes of ``bonemet cohort``, its SQL over masks in DuckDB and in Spark, and Spark running the planes
on executors of their own. Spark needs the extra of that name, and Java.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cohort_support import conclusions, of_assessment, set_aside
from rdflib import XSD, Literal
from typer.testing import CliRunner

from kg_service.audit import Audit
from kg_service.cli import app
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_run import RowReader, decide_table
from kg_service.errors import InputError, KgServiceError
from kg_service.feature_masks import recorded_row
from kg_service.feature_table import TableSchema
from kg_service.knowledge import DATA_ROOT
from kg_service.oracle import Oracle
from kg_service.plan_sql import sql_name
from kg_service.schema import Feature, Kind
from kg_service.service import KnowledgeBase
from kg_service.validation import validate

pytestmark = pytest.mark.xdist_group("engines")
MASTER = "local-cluster[2,1,1024]"
SCENARIOS: dict[str, tuple[str | None, list[str]]] = {
    "adopted": (None, []),
    "strict": ("strict", []),
    "assumed": ("lenient", ["small-lesion=3 cm", "bulky-lesion=5 cm"]),
}
EXPECTED_ROWS = 606
EXPECTED_DECIDED = 587
"""The other rows say what no lesion can be, or what the record shapes refuse."""
EXPECTED_COLUMNS = {"adopted": 200, "strict": 198, "assumed": 200}
HERMIT_ROWS = 8
LOGIC = {"AND", "OR", "NOT", "CASE", "WHEN", "THEN", "END"}
Rows = dict[int, dict[str, Any]]
"""By number of the row, its columns."""


class Scenario:
    """The hard rows under some readings and assumptions: decided by planes, and each told alone."""

    def __init__(self, base: KnowledgeBase, folder: Path, name: str) -> None:
        self.name = name
        profile, assume = SCENARIOS[name]
        self.compiled = base.compiled(profile=profile)
        self.settings = base.set_assumptions(assume, "test")
        self.folder, self.source = folder, folder / "table.parquet"
        table = hard_rows(base)
        pq.write_table(table, self.source, row_group_size=200)
        decide_table(self.source, folder / "out", base, self.compiled, self.settings, masks=True)
        self.planes = by_row(conclusions(folder / "out"))
        reader = RowReader(base, self.compiled, self.settings)
        columns = reader.schema.read(table.column_names, "t")
        [batch] = table.combine_chunks().to_batches()
        self.alone: Rows = {}
        for row in range(batch.num_rows):
            try:
                record = reader.record("row", recorded_row(columns, batch, row))
                [answer] = base.assess(record, self.compiled, self.settings).assessments
            except InputError:
                continue
            self.alone[row] = of_assessment(answer, self.compiled)

    def sql(self) -> str:
        return (self.folder / "out" / "plan.sql").read_text(encoding="utf-8")

    @property
    def masks(self) -> Path:
        return self.folder / "out" / "masks.parquet"


def by_row(columns: dict[str, list[Any]]) -> Rows:
    names = [name for name in columns if name != "row"]
    return {row: {name: columns[name][i] for name in names} for i, row in enumerate(columns["row"])}


def hard_rows(base: KnowledgeBase) -> pa.Table:
    """Return a table with a row at, beside and astride every threshold, for every code, and random ones."""
    rng = random.Random(20)
    compiled = base.compiled()
    features = {
        key: f for key, f in TableSchema(compiled).features.items() if str(f.iri) in compiled.plan.features
    }
    rows: list[dict[str, Any]] = [{}]
    for key, feature in features.items():
        rows += [{f"{key}{facet}": value} for facet, value in hard_values(base, feature)]
    every = {
        key: [(f, v) for f, v in hard_values(base, feature) if not f] for key, feature in features.items()
    }
    for _ in range(100):
        share = rng.choice([0.15, 0.4])
        rows.append({key: rng.choice(v)[1] for key, v in every.items() if v and rng.random() < share})
    names = sorted({name for row in rows for name in row})
    columns = {}
    for name in names:
        feature = features[name.partition(".")[0]]
        unit = f" [{feature.unit}]" if feature.kind is Kind.QUANTITY and feature.unit != "1" else ""
        columns[f"{name}{unit}"] = pa.array([row.get(name) for row in rows])
    return pa.table(columns)


def hard_values(base: KnowledgeBase, feature: Feature) -> list[tuple[str, Any]]:
    """Return values of a feature, each with the bound that it stands for; none for a value itself."""
    compiled = base.compiled()
    if feature.kind is Kind.BOOLEAN:
        return [("", True), ("", False)]
    if feature.kind is Kind.CODE:
        return [("", code) for code in sorted(compiled.schema.codes[feature.partition])]
    allowed, whole = base.limits.of(feature.iri), base.limits.is_whole(feature.iri)
    parts = compiled.plan.cells[str(feature.iri)].parts
    bounds = sorted({float(p.low) for p in parts if p.low is not None and p.low in allowed})
    step = 1.0 if whole else 0.01
    near = [v for b in bounds for v in (b - step, b, b + step) if v in allowed and (not whole or v == int(v))]
    found: list[tuple[str, Any]] = [("", v) for v in dict.fromkeys(near)]
    return [
        *found,
        ("", float("nan")),
        *((".minInclusive", b) for b in bounds),
        *((".maxExclusive", b) for b in bounds),
    ]


@pytest.fixture(scope="module", params=sorted(SCENARIOS))
def scenario(
    request: pytest.FixtureRequest, base: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> Scenario:
    return Scenario(base, tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Yield a Spark session whose two executors are processes of their own."""
    pytest.importorskip("pyspark", reason="Spark is an optional extra")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17 or later")
    from kg_service.spark_cohort import session

    with session(MASTER) as found:
        yield found


def same_as_alone(scenario: Scenario, found: Rows, *, sql: bool = False) -> None:
    """Every engine decides the same rows, and gives each of them the same cells."""
    assert set(found) == set(scenario.alone)
    for row, expected in scenario.alone.items():
        cells = {(sql_name(name) if sql else name): value for name, value in expected.items()}
        assert {name: found[row][name] for name in cells} == cells, row


def test_how_many_cases_the_suite_holds(base: KnowledgeBase, scenario: Scenario) -> None:
    assert hard_rows(base).num_rows == EXPECTED_ROWS
    assert len(scenario.alone) == EXPECTED_DECIDED
    columns = EXPECTED_COLUMNS[scenario.name]
    assert {len(row) for row in (*scenario.alone.values(), *scenario.planes.values())} == {columns}


def test_planes(scenario: Scenario) -> None:
    same_as_alone(scenario, scenario.planes)


def test_duckdb(scenario: Scenario) -> None:
    with duckdb.connect() as engine:
        engine.sql(f"CREATE VIEW masks AS FROM '{scenario.masks}'")
        same_as_alone(scenario, by_row(engine.sql(scenario.sql()).to_arrow_table().to_pydict()), sql=True)


def test_spark_sql(scenario: Scenario, spark: Any) -> None:
    spark.read.parquet(scenario.masks.as_uri()).createOrReplaceTempView("masks")
    answer = spark.sql(scenario.sql())
    rows = {row["row"]: {name: row[name] for name in answer.columns} for row in answer.collect()}
    same_as_alone(scenario, rows, sql=True)


@pytest.mark.parametrize("scenario", ["assumed"], indirect=True)
def test_spark_on_executors(base: KnowledgeBase, scenario: Scenario, spark: Any, tmp_path: Path) -> None:
    from kg_service.spark_cohort import decide_on_spark

    assert spark.sparkContext.master == MASTER  # the run takes up the session that there is
    out, source = tmp_path / "réponses d'ici", tmp_path / "données 100 %.parquet"
    shutil.copy(scenario.source, source)
    found = decide_on_spark(source, out, base, scenario.compiled, scenario.settings, master=MASTER)
    same_as_alone(scenario, by_row(conclusions(out)))
    own = set_aside(scenario.folder / "out")
    assert set_aside(out) == own
    assert (found.decided, found.set_aside) == (len(scenario.alone), len({line["row"] for line in own}))
    folder = CohortFolder(out, base)
    row = min(scenario.alone)
    [answer] = folder.assess(str(row)).assessments
    assert of_assessment(answer, scenario.compiled) == scenario.alone[row]
    counted = Audit(folder, base.wording(folder.compiled, "en")).sections
    assert (
        counted
        == Audit(CohortFolder(scenario.folder / "out", base), base.wording(folder.compiled, "en")).sections
    )


def test_a_session_of_another_master_is_not_taken_up(
    base: KnowledgeBase, scenario: Scenario, spark: Any, tmp_path: Path
) -> None:
    from kg_service.spark_cohort import decide_on_spark

    with pytest.raises(KgServiceError, match="a Spark session of local-cluster"):
        decide_on_spark(scenario.source, tmp_path / "out", base, scenario.compiled, master="local[1]")
    assert not list(tmp_path.iterdir())


def test_a_path_that_spark_takes_for_a_pattern_is_refused(
    base: KnowledgeBase, scenario: Scenario, tmp_path: Path
) -> None:
    from kg_service.spark_cohort import decide_on_spark

    for source, out in ((tmp_path / "t*.parquet", tmp_path / "out"), (scenario.source, tmp_path / "[out]")):
        with pytest.raises(KgServiceError, match="for a pattern"):
            decide_on_spark(source, out, base, scenario.compiled, master=MASTER)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scenario", ["assumed"], indirect=True)
def test_hermit(base: KnowledgeBase, scenario: Scenario) -> None:
    compiled = scenario.compiled
    reader = RowReader(base, compiled, scenario.settings)
    table = pq.read_table(scenario.source)
    columns = reader.schema.read(table.column_names, "t")
    [batch] = table.combine_chunks().to_batches()
    rows = random.Random(4).sample(sorted(scenario.alone), HERMIT_ROWS)
    cases = [reader.case(recorded_row(columns, batch, row)).known for row in rows]
    recommendations = compiled.guideline.recommendations
    answers = Oracle(compiled, [str(r.population) for r in recommendations]).decide(cases)
    words = {True: "true", False: "false", None: "unknown"}
    for row, answer in zip(rows, answers, strict=True):
        told = {r.id: words[answer[str(r.population)]] for r in recommendations}
        assert told == {r.id: scenario.planes[row][r.id] for r in recommendations}, row


class TestTraps:
    """What engines get wrong, each by its name; facts tried on engines are in the notes of each test."""

    def test_logic_with_null(self, scenario: Scenario) -> None:
        """SQL is Kleene's for plain logic, and no more: here nothing is ever NULL, neither in the masks nor on the way."""
        masks = pq.read_table(scenario.masks)
        assert sum(column.null_count for column in masks.columns) == 0
        logic = re.sub(r"'[^']*'|WHEN NOT prescribed THEN NULL|\bAS \w+", "", scenario.sql())
        words = {word for word in re.findall(r"[A-Za-z_]\w*", logic) if word.isupper()}
        assert words - {"TRUE", "FALSE"} <= {"WITH", "AS", "SELECT", "FROM", *LOGIC}

    def test_existence_over_a_list_with_an_unknown_member(self, base: KnowledgeBase) -> None:
        """bool_or of unknown and false is false in DuckDB; here a list in which one size is not known has no largest."""
        sizes = [{"value": 2, "unit": "cm"}, None]
        lesions = [{"id": f"L{i}", "diameter": size} for i, size in enumerate(sizes)]
        document = {"id": "p", "lesions": lesions, "allMetastasesListed": True}
        [record] = base.read_document(document, "test")
        largest = next(i for i in base.compiled().schema.features if i.endswith("largestMetastasisDiameter"))
        known = base.cases(record)[0].facts[largest].known
        assert (known.low, known.high) == (2, None)  # at least what is known, and no more is said

    def test_a_list_is_closed_only_when_it_says_so(self, base: KnowledgeBase) -> None:
        counts = {}
        for closed in (True, None):
            document = {"id": "p", "lesions": [{"id": "L1"}], "allMetastasesListed": closed}
            [record] = base.read_document(document, "test")
            count = next(i for i in base.compiled().schema.features if i.endswith("/metastasisCount"))
            known = base.cases(record)[0].facts[count].known
            counts[closed] = known.low, known.high
        assert counts == {True: (1, 1), None: (1, None)}

    def test_not_a_number_is_unknown(self, base: KnowledgeBase, tmp_path: Path) -> None:
        """NaN > 5 is true in DuckDB and Spark. It becomes unknown before any engine sees it: S075 asks for < 3 months."""
        table = pa.table({"lifeExpectancy [mo]": [float("nan"), None, 2.0, 3.0]})
        pq.write_table(table, tmp_path / "t.parquet")
        decide_table(tmp_path / "t.parquet", tmp_path / "out", base, base.compiled(), masks=True)
        with duckdb.connect() as engine:
            engine.sql(f"CREATE VIEW masks AS FROM '{tmp_path / 'out' / 'masks.parquet'}'")
            sql = (tmp_path / "out" / "plan.sql").read_text(encoding="utf-8")
            told = by_row(engine.sql(sql).to_arrow_table().to_pydict())
        assert [told[row]["S075"] for row in range(4)] == ["unknown", "unknown", "true", "false"]

    def test_a_value_that_is_not_in_a_set_with_an_unknown_member(
        self, base: KnowledgeBase, tmp_path: Path
    ) -> None:
        """'b' IN ('a', NULL) is unknown in SQL. A coarse code is a set of fine ones, all of them known: a limb is no vertebra."""
        table = pa.table({"site": ["LimbBone", "Bone", None], "spinalStability": [None] * 3})
        pq.write_table(table, tmp_path / "t.parquet")
        decide_table(tmp_path / "t.parquet", tmp_path / "out", base, base.compiled())
        assert conclusions(tmp_path / "out")["S072"] == ["false", "unknown", "unknown"]

    def test_the_complement_of_a_data_range_for_an_unknown_size(self, base: KnowledgeBase) -> None:
        """HermiT: 5 cm is in "not under 5"; an unknown size is in neither, and in "under 5 or not"."""
        compiled = base.compiled()
        name = next(
            str(c) for c in compiled.guideline.criteria() if c.endswith("/LifeExpectancyBelowThreeMonths")
        )
        [feature] = compiled.plan.features_of(compiled.plan.trees[name])
        from kg_service.values import exactly

        answers = Oracle(compiled, [name]).decide([{feature: exactly(3)}, {feature: exactly(2)}, {}])
        assert [answer[name] for answer in answers] == [False, True, None]

    def test_no_date_reaches_the_reasoner(self, base: KnowledgeBase) -> None:
        """HermiT refuses xsd:date: what is asked of it is told in days and months."""
        from kg_service.oracle import logical_part

        dates = {XSD.date, XSD.dateTime, XSD.gYear, XSD.gYearMonth}
        theory = logical_part(base.compiled().guideline.graph)
        assert not [o for o in theory.objects() if isinstance(o, Literal) and o.datatype in dates]
        assert not dates & set(theory.objects())

    def test_a_warning_is_told_and_is_no_violation(self, base: KnowledgeBase) -> None:
        """pySHACL takes a warning for non-conformance unless told otherwise; findings are told by their severity here."""
        from kg_service.record_rdf import record_graph

        document = {"id": "p", "lesions": [{"id": "L1", "site": "T8"}]}
        [record] = base.read_document(document, "test")
        graph = record_graph(record, base.cases(record), base.compiled().schema)
        findings = validate(graph, base.record_shapes)
        assert not [f for f in findings if f.severity == "Violation"]


def test_what_spark_does_not_take_is_refused(base: KnowledgeBase, tmp_path: Path) -> None:
    csv = DATA_ROOT / "examples" / "cohort.csv"
    command = ["cohort", str(csv), "--out", str(tmp_path / "out"), "--carry", "centre", "--carry", "year"]
    for more, told in (
        (["--spark", MASTER], "Write it as Parquet"),
        (["--spark", MASTER, "--masks"], "without --reference-date, --masks and --fragile"),
    ):
        done = CliRunner().invoke(app, [*command, *more])
        assert isinstance(done.exception, KgServiceError)
        assert told in str(done.exception)
    assert not list(tmp_path.iterdir())
