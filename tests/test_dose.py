"""Dose arithmetic: declared once, the same in records, queries, on the command line and over HTTP.

The check values are worked out by hand from the linear-quadratic model: d = D / n,
BED = D (1 + d / (a/b)), EQD2 = BED / (1 + 2 / (a/b)); a tie such as 74.25 goes to the even digit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from kg_service.api import create_app
from kg_service.cli import app, main
from kg_service.errors import InputError
from kg_service.functions import Functions
from kg_service.record_rdf import record_graph
from kg_service.service import Batch, KnowledgeBase
from kg_service.sparql import Graphs
from kg_service.store import Store
from kg_service.values import Interval, exactly

SCHEMES = [
    # dose, fractions, d, BED (10), EQD2 (10), EQD2 (2), EQD2 (0.87)
    ("8", "1", "8.00", "14.4", "12.0", "20.0", "24.7"),
    ("6", "1", "6.00", "9.6", "8.0", "12.0", "14.4"),
    ("20", "4", "5.00", "30.0", "25.0", "35.0", "40.9"),
    ("20", "5", "4.00", "28.0", "23.3", "30.0", "33.9"),
    ("24", "6", "4.00", "33.6", "28.0", "36.0", "40.7"),
    ("30", "10", "3.00", "39.0", "32.5", "37.5", "40.5"),
    ("24", "1", "24.00", "81.6", "68.0", "156.0", "208.0"),
    ("24", "2", "12.00", "52.8", "44.0", "84.0", "107.6"),
    ("27", "3", "9.00", "51.3", "42.8", "74.2", "92.9"),
    ("30", "5", "6.00", "48.0", "40.0", "60.0", "71.8"),
    ("35", "5", "7.00", "59.5", "49.6", "78.8", "96.0"),
    ("35", "7", "5.00", "52.5", "43.8", "61.2", "71.6"),
]
CORD = [
    # maximum, fractions, EQD2 (2), EQD2 (0.87)
    ("12", "1", "42.0", "53.8"),
    ("12.4", "1", "44.6", "57.3"),
    ("14", "1", "56.0", "72.5"),
    ("17", "2", "44.6", "55.5"),
    ("20.3", "3", "44.5", "54.0"),
    ("23", "4", "44.6", "53.1"),
    ("25.3", "5", "44.7", "52.3"),
]
FRACTION, BED, EQD2 = "fractionDose", "bed", "eqd2"
COLUMNS = [(FRACTION, ""), (BED, "10"), (EQD2, "10"), (EQD2, "2"), (EQD2, "0.87")]
Cell = tuple[str, str, str, str, str]
CELLS: list[Cell] = [
    (name, dose, fractions, ratio, printed)
    for dose, fractions, *values in SCHEMES
    for (name, ratio), printed in zip(COLUMNS, values, strict=True)
] + [
    (EQD2, dose, fractions, ratio, printed)
    for dose, fractions, *values in CORD
    for ratio, printed in zip(("2", "0.87"), values, strict=True)
]
FEATURES = {
    (FRACTION, ""): "dosePerFraction",
    (BED, "10"): "bed10",
    (EQD2, "10"): "eqd2Tumour10",
    (EQD2, "2"): "cordEqd2Hytec",
    (EQD2, "0.87"): "cordEqd2",
}
PREFIXES = """PREFIX rt: <https://w3id.org/bonemet-kg/radiotherapy/> PREFIX cdt: <https://w3id.org/cdt/>
    PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>"""


@pytest.fixture(scope="module")
def functions(base: KnowledgeBase) -> Functions:
    return base.compiled().schema.functions


@pytest.fixture(scope="module")
def graphs(base: KnowledgeBase) -> Graphs:
    return Graphs(base)


@pytest.fixture(scope="module")
def client(base: KnowledgeBase) -> Iterator[TestClient]:
    with TestClient(create_app(base)) as found:
        yield found


def rounded(value: Fraction, printed: str) -> bool:
    """Return whether a value, rounded to the decimals printed, is what is printed."""
    return round(value, len(printed.partition(".")[2])) == Fraction(printed)


def facts_of(base: KnowledgeBase, lesion: dict[str, Any], **patient: Any) -> dict[str, Interval]:
    document = {"id": "p", "lesions": [{"id": "L1", **lesion}], **patient}
    (record,) = base.read_document(document, "test")
    (case,) = base.cases(record)
    facts = (*case.facts.values(), *case.beside)
    return {f.feature.rpartition("/")[2]: f.known for f in facts if isinstance(f.known, Interval)}


def gray(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "Gy"}


def derived(base: KnowledgeBase, **prescription: Any) -> dict[str, Interval]:
    return facts_of(base, {"prescription": prescription})


# The check values, through four doors


def test_the_table_is_whole() -> None:
    assert len(CELLS) == 12 * 5 + 7 * 2 == 74
    assert len(set(CELLS)) == 74


def test_records_derive_the_check_values(base: KnowledgeBase) -> None:
    """The dose stands for the prescription and for the cord; every column is a feature."""
    for name, dose, fractions, ratio, printed in CELLS:
        schedule = {"totalDose": gray(float(dose)), "cordMaximumDose": gray(float(dose))}
        found = derived(base, **schedule, fractionCount={"value": int(fractions)})
        value = found[FEATURES[name, ratio]]
        assert value.is_exact
        assert value.low is not None
        assert rounded(value.low, printed), (name, dose, fractions, ratio)


def test_previous_courses_derive_the_same(base: KnowledgeBase) -> None:
    for dose, fractions, *printed in CORD:
        course = {"cordMaximumDose": gray(float(dose)), "fractionCount": {"value": int(fractions)}}
        found = facts_of(base, {}, previousCourses=[course])
        for key, text in zip(("courseCordEqd2Hytec", "courseCordEqd2"), printed, strict=True):
            low = found[key].low
            assert found[key].is_exact
            assert low is not None
            assert rounded(low, text)


def test_queries_compute_the_check_values(graphs: Graphs) -> None:
    calls = [f"rt:{n}({d}, {f}{f', {r}' if r else ''})" for n, d, f, r, _ in CELLS]
    select = " ".join(f"({call} AS ?v{i})" for i, call in enumerate(calls))
    (row,) = graphs.query(f"{PREFIXES} SELECT {select} {{}}").rows()
    for i, (*_, printed) in enumerate(CELLS):
        assert rounded(Fraction(str(row[f"v{i}"])), printed), calls[i]


def check_schedules(found: list[dict[str, Any]]) -> None:
    by_schedule = {item["schedule"]: item for item in found}
    for name, dose, fractions, ratio, printed in CELLS:
        item = by_schedule[f"{dose}Gy/{fractions}"]
        values = item["values"] if not ratio else None
        for line in item["at"]:
            if ratio and Fraction(line["at"]["value"]) == Fraction(ratio):
                values = line["values"]
                assert line["source"]
                assert line["appliesTo"]
        assert values is not None
        assert values[name]["unit"] == "Gy"
        assert rounded(Fraction(values[name]["value"]), printed), (name, dose, fractions, ratio)


SCHEDULES = [f"{dose}Gy/{fractions}" for dose, fractions, *_ in [*SCHEMES, *CORD]]


def test_the_command_line_computes_the_check_values() -> None:
    done = CliRunner().invoke(app, ["dose", *SCHEDULES, "--format", "json"])
    assert done.exit_code == 0
    check_schedules(json.loads(done.output))


def test_the_api_computes_the_check_values(client: TestClient) -> None:
    answer = client.get("/dose", params={"schedule": SCHEDULES})
    assert answer.status_code == 200
    check_schedules(answer.json())


# Records


def test_bounds_follow_bounds(base: KnowledgeBase) -> None:
    """27 to 30 Gy in 3: BED10 from 27 * 1.9 to 30 * 2, d from 9 to 10; in 3 or more fractions, at most that."""
    dose = {"minInclusive": 27, "maxExclusive": 30, "unit": "Gy"}
    found = derived(base, totalDose=dose, fractionCount={"value": 3})
    assert found["bed10"] == Interval(Fraction("51.3"), Fraction(60), high_open=True)
    assert found["dosePerFraction"] == Interval(Fraction(9), Fraction(10), high_open=True)
    found = derived(base, totalDose=gray(30), fractionCount={"minInclusive": 3})
    assert found["bed10"] == Interval(Fraction(30), Fraction(60), low_open=True)


def test_what_is_not_known_bounds_nothing(base: KnowledgeBase) -> None:
    """Without fractions the effect exceeds the dose itself; without a dose nothing can be said."""
    assert derived(base, totalDose=gray(27))["bed10"] == Interval(low=Fraction(27), low_open=True)
    assert "dosePerFraction" not in derived(base, totalDose=gray(27))
    assert "bed10" not in derived(base, fractionCount={"value": 3})
    assert "bed10" not in derived(base, intent="PalliativeIntent")


@pytest.mark.parametrize(
    "count", [{"value": 3}, {"minExclusive": 2}, {"minInclusive": 1}, {"maxExclusive": 9}]
)
def test_no_dose_to_the_cord_is_no_dose_however_given(base: KnowledgeBase, count: dict[str, Any]) -> None:
    assert derived(base, cordMaximumDose=gray(0), fractionCount=count)["cordEqd2"] == exactly(0)


PLAN = {"prescription": {"cordMaximumDose": gray(17), "fractionCount": {"value": 2}}}
"""EQD2 (2 Gy) of the cord: 17 (1 + 8.5/2) / 2 = 44.625 Gy."""
COURSE = {
    "modality": "ExternalBeamRadiotherapy",
    "treatedLesions": ["L1"],
    "cordMaximumDose": gray(30),
    "fractionCount": {"value": 10},
}
"""EQD2 (2 Gy) of the cord: 30 (1 + 3/2) / 2 = 37.5 Gy."""
OTHER = {**COURSE, "cordMaximumDose": gray(20), "fractionCount": {"value": 5}}
"""EQD2 (2 Gy) of the cord: 20 (1 + 4/2) / 2 = 30 Gy."""


def without(course: dict[str, Any], *keys: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in course.items() if key not in keys} | more


CUMULATIVE: list[tuple[str, dict[str, Any], list[dict[str, Any]], bool, Interval | None]] = [
    ("every course listed", PLAN, [COURSE, OTHER], True, exactly(Fraction("112.125"))),
    ("there may be others", PLAN, [COURSE, OTHER], False, Interval(low=Fraction("112.125"))),
    ("no course at all", PLAN, [], True, exactly(Fraction("44.625"))),
    ("courses not told", PLAN, [], False, Interval(low=Fraction("44.625"))),
    ("a course elsewhere", PLAN, [without(COURSE, "treatedLesions", sparedLesions=["L1"])], True, exactly(Fraction("44.625"))),
    ("a course of another modality", PLAN, [{**COURSE, "modality": "RadionuclideTherapy"}], True, exactly(Fraction("44.625"))),
    ("a course of brachytherapy", PLAN, [{**COURSE, "modality": "Brachytherapy"}], True, exactly(Fraction("82.125"))),
    ("a course who knows where", PLAN, [without(COURSE, "treatedLesions")], True, Interval(Fraction("44.625"), Fraction("82.125"))),
    ("a course of unknown modality", PLAN, [without(COURSE, "modality"), OTHER], True, Interval(Fraction("74.625"), Fraction("112.125"))),
    ("a course without fractions", PLAN, [without(COURSE, "fractionCount")], True, Interval(low=Fraction("59.625"), low_open=True)),
    ("a course without a cord dose", PLAN, [without(COURSE, "cordMaximumDose"), OTHER], True, Interval(low=Fraction("74.625"))),
    ("a course of at most 30 Gy", PLAN, [{**COURSE, "cordMaximumDose": {"maxInclusive": 30, "unit": "Gy"}}], True, Interval(Fraction("44.625"), Fraction("82.125"))),
    ("no plan", {}, [COURSE], True, Interval(low=Fraction("37.5"))),
    ("no plan and no course", {}, [], True, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lesion", "courses", "complete", "expected"), [c[1:] for c in CUMULATIVE], ids=[c[0] for c in CUMULATIVE]
)
def test_the_cumulative_dose_of_the_cord(
    base: KnowledgeBase,
    lesion: dict[str, Any],
    courses: list[dict[str, Any]],
    complete: bool,
    expected: Interval | None,
) -> None:
    patient: dict[str, Any] = {"previousCourses": courses, "allCoursesListed": complete}
    assert facts_of(base, lesion, **patient).get("cumulativeCordEqd2Hytec") == expected


def test_sums_keep_to_one_alpha_beta_and_tell_what_they_are_of(base: KnowledgeBase) -> None:
    """With 0.87 Gy: 17 * 9.37/2.87 of the plan and 30 * 3.87/2.87 of the course; the ratio is in the label."""
    document = {
        "id": "p",
        "lesions": [{"id": "L1", **PLAN}],
        "previousCourses": [COURSE],
        "allCoursesListed": True,
    }
    (record,) = base.read_document(document, "test")
    (case,) = base.cases(record)
    fact = next(f for f in case.facts.values() if f.feature.endswith("/cumulativeCordEqd2"))
    assert fact.known == exactly((Fraction("159.29") + Fraction("116.1")) / Fraction("2.87"))
    assert fact.basis == ("lesions[0].prescription.cordEqd2", "previousCourses[0].cordEqd2")
    labels = [
        base.compiled().guideline.label(f.feature, "en")
        for f in (*case.facts.values(), *case.beside)
        if "qd2" in f.feature
    ]
    assert len(labels) == 6
    assert (
        sorted(label.partition("(")[2] for label in labels)
        == ["alpha/beta 0.87 Gy)"] * 3 + ["alpha/beta 2 Gy)"] * 3
    )


def test_courses_are_told_with_what_is_derived_of_them(base: KnowledgeBase, graphs: Graphs) -> None:
    document = {"id": "told", "lesions": [{"id": "L1"}], "previousCourses": [{"id": "C1", **COURSE}]}
    (record,) = base.read_document(document, "test")
    graphs.add(base.assess(record, base.compiled()))
    (row,) = graphs.query(
        "PREFIX a: <https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/> PREFIX q: <https://w3id.org/bonemet-kg/quantity/>"
        " SELECT ?v { ?course a:courseCordEqd2Hytec/q:value ?v }"
    ).rows()
    assert float(str(row["v"])) == 37.5
    written = record_graph(record, base.cases(record), base.compiled().schema).serialize(format="turtle")
    again = Batch()
    base.read_text(written, "again", again, ".ttl")
    assert again.problems == []
    assert [c.known for c in base.cases(again.records[0])] == [c.known for c in base.cases(record)]


ROUNDINGS = [
    ({"value": 3.33, "unit": "Gy"}, True),
    ({"value": 3.3, "unit": "Gy"}, True),
    ({"value": 3.333, "unit": "Gy"}, True),
    ({"value": 333, "unit": "cGy"}, True),
    ({"value": 3.34, "unit": "Gy"}, False),
    ({"value": 3.32, "unit": "Gy"}, False),
    ({"value": 330, "unit": "cGy"}, False),
    ({"value": 3, "unit": "Gy"}, False),
    ({"value": 10, "unit": "Gy"}, False),
]


@pytest.mark.parametrize(("stated", "accepted"), ROUNDINGS)
def test_a_dose_is_its_fractions_times_the_dose_per_fraction(
    base: KnowledgeBase, stated: dict[str, Any], accepted: bool
) -> None:
    """10 Gy in 3 fractions: 3.33 Gy is the quotient as people write it; 3.34 Gy contradicts it."""
    prescription = {"totalDose": gray(10), "fractionCount": {"value": 3}, "dosePerFraction": stated}
    if accepted:
        assert derived(base, **prescription)["dosePerFraction"] == exactly(Fraction(10, 3))
        return
    with pytest.raises(InputError) as caught:
        derived(base, **prescription)
    assert "lesions[0].prescription.dosePerFraction" in str(caught.value)
    assert "make it 3.33 Gy" in str(caught.value)
    assert "Correct one of them" in str(caught.value)


def test_a_zero_written_last_counts(base: KnowledgeBase) -> None:
    """3.30 Gy says that it is not 3.33 Gy."""
    text = '{"lesions": [{"prescription": {"totalDose": {"value": 10, "unit": "Gy"}, "fractionCount": {"value": 3}, "dosePerFraction": {"value": 3.30, "unit": "Gy"}}}]}'
    batch = Batch()
    base.read_text(text, "x", batch)
    with pytest.raises(InputError, match=r"stated as 3\.30 Gy"):
        base.cases(batch.records[0])


@pytest.mark.parametrize(("dose", "status"), [(26.9, "true"), (26.4, "false"), (None, "unknown")])
def test_the_favourable_dose_of_s116(base: KnowledgeBase, dose: float | None, status: str) -> None:
    """50 Gy with alpha/beta 10 in 3 fractions lies at 26.46 Gy."""
    prescription: dict[str, Any] = {"fractionCount": {"value": 3}}
    if dose is not None:
        prescription["totalDose"] = gray(dose)
    (record,) = base.read_document(
        {"id": "p", "lesions": [{"id": "l", "prescription": prescription}]}, "test"
    )
    answer = base.assess(record, base.compiled()).assessments[0]
    assert answer.by_id["S116-bed"].status == status


# Queries

CALLS = [
    ("rt:bed(30, 10, 10)", "39"),
    ("rt:biologicallyEffectiveDose(30, 10, 10)", "39"),
    ("rt:equivalentDoseIn2Gy(30, 10, 10)", "32.5"),
    ('rt:bed("3000 cGy"^^cdt:ucum, 10, 10)', "39"),
    ('rt:bed("3000cGy"^^cdt:ucum, 10, 10)', "39"),
    ('rt:bed("3.0E3 cGy"^^cdt:ucum, 10, "1000 cGy"^^cdt:ucum)', "39"),
    ("rt:bed(3.0e1, 10.0, 1.0e1)", "39"),
    ('rt:bed(30, "10"^^xsd:nonNegativeInteger, 10)', "39"),
    ("ROUND(100 * rt:eqd2(35, 5, 0.87)) / 100", "95.98"),  # a number to go on with: 35 * 7.87/2.87
    ("IF(rt:eqd2(35, 5, 0.87) > 95.9, 1, 0)", "1"),
    ('rt:bed("30"^^cdt:ucum, 10, 10)', None),  # a quantity without its unit
    ('rt:bed("30 mm"^^cdt:ucum, 10, 10)', None),
    ('rt:bed("30 gy"^^cdt:ucum, 10, 10)', None),
    ('rt:bed("30 Gy"^^xsd:string, 10, 10)', None),
    ('rt:bed("30"@en, 10, 10)', None),
    ("rt:bed(rt:bed, 10, 10)", None),
    ("rt:bed(30, 0, 10)", None),
    ("rt:bed(30, 2.5, 10)", None),
    ('rt:bed(30, "10 Gy"^^cdt:ucum, 10)', None),
    ("rt:bed(-30, 10, 10)", None),
    ("rt:bed(0, 10, 10)", None),
    ("rt:bed(30, 10, 0)", None),
    ("rt:bed(30, 10)", None),
    ("rt:bed(30, 10, 10, 10)", None),
    ("rt:bed(?nothing, 10, 10)", None),
    ('rt:bed("INF"^^xsd:double, 10, 10)', None),
    ('rt:bed("NaN"^^xsd:double, 10, 10)', None),
    ('rt:bed("1e999999999"^^xsd:integer, 10, 10)', None),  # would take for ever to write out
    ('rt:bed("1e999999999 Gy"^^cdt:ucum, 10, 10)', None),
    ('rt:bed("3/2"^^xsd:decimal, 10, 10)', None),
    ("rt:bed(1.0e19, 1, 1)", None),  # 10^38 is beyond the numbers of the engine
]


@pytest.mark.parametrize(("call", "expected"), CALLS)
def test_units_never_mix_in_queries(graphs: Graphs, call: str, expected: str | None) -> None:
    (row,) = graphs.query(f"{PREFIXES} SELECT ?value {{ BIND ({call} AS ?value) }}").rows()
    assert (None if row["value"] is None else Fraction(str(row["value"]))) == (
        None if expected is None else Fraction(expected)
    )


def test_values_are_decimals(graphs: Graphs) -> None:
    query = f"{PREFIXES} ASK {{ FILTER (DATATYPE(rt:eqd2(35, 5, 0.87)) = xsd:decimal) }}"
    assert graphs.query(query).boolean is True


def test_a_store_alone_knows_the_functions() -> None:
    store = Store()
    store.load_knowledge()
    (row,) = store.query(f"{PREFIXES} SELECT (rt:eqd2(30, 10, 10) AS ?v) {{}}").rows()
    assert str(row["v"]) == "32.5"


def test_queries_from_a_file_call_them_too(tmp_path: Any) -> None:
    path = tmp_path / "bed.rq"
    path.write_text(f"{PREFIXES} SELECT (rt:bed(8, 1, 10) AS ?v) {{}}", encoding="utf-8")
    done = CliRunner().invoke(app, ["query", str(path), "--format", "csv"])
    assert done.output.split() == ["v", "14.4"]


# The command line and the API


def test_the_command_line_tells_every_source() -> None:
    done = CliRunner().invoke(app, ["dose", "3000cGy/10", "8 Gy in 1", "20 Gy en 5 fractions"])
    lines = [line for line in done.output.splitlines() if line]
    assert [lines[0], lines[5], lines[10]] == [
        "30 Gy/10   dose of one fraction: 3 Gy",
        "8 Gy/1   dose of one fraction: 8 Gy",
        "20 Gy/5   dose of one fraction: 4 Gy",
    ]
    assert lines[1].split() == ["alpha/beta", "BED", "EQD2", "source"]
    assert [line.split()[:6:2] for line in lines[2:5]] == [
        ["0.87", "133.45", "40.45"],
        ["2", "75", "37.5"],
        ["10", "39", "32.5"],
    ]
    for line, words in zip(lines[2:5], ("S024", "HyTEC", "assumed"), strict=True):
        assert words in line


def test_a_given_alpha_beta_has_no_declared_source() -> None:
    done = CliRunner().invoke(
        app, ["dose", "30Gy/10", "--alpha-beta", "3", "--alpha-beta", "1000 cGy", "--lang", "fr"]
    )
    lines = done.output.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["3", "10"]
    assert all("donné, sans source déclarée" in line for line in lines[2:4])
    assert "dose d'une fraction : 3 Gy" in lines[0]


WRONG = [
    (["30/10"], ["'30/10': no unit", "Gy, cGy"]),
    (["30 in 10"], ["'30 in 10': no unit"]),
    (["30mm/10"], ["the unit 'mm'"]),
    (["30gy/10"], ["the unit 'gy'", "Did you mean Gy?"]),
    (["0Gy/10"], ["a total dose of 0", "above zero"]),
    (["--", "-30Gy/10"], ["a total dose of -30"]),
    (["30Gy/2.5"], ["2.5 fractions", "a whole number"]),
    (["30Gy/0"], ["0 fractions"]),
    (["20,3Gy/3"], ["no schedule", "Write a decimal point."]),
    (["30Gy"], ["no schedule", "such as 30Gy/10"]),
    (["30Gy/10", "--alpha-beta", "0"], ["alpha/beta '0'", "above zero"]),
    (["30Gy/10", "--alpha-beta", "3mm"], ["alpha/beta '3mm'"]),
    (["30Gy/10", "--format", "ttl"], ["no Turtle form"]),
    (["30/10", "0Gy/5"], ["'30/10'", "'0Gy/5'"]),
]


@pytest.mark.parametrize(("words", "told"), WRONG)
def test_a_schedule_that_cannot_be_used_is_told_and_nothing_is_computed(
    words: list[str], told: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bonemet", "dose", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    output = capsys.readouterr()
    assert caught.value.code == 2
    assert output.out == ""
    assert all(text in output.err for text in told)


def test_the_api_tells_what_cannot_be_used(client: TestClient) -> None:
    answer = client.get("/dose", params={"schedule": ["30/10", "0Gy/5"], "alpha-beta": "0"})
    assert answer.status_code == 422
    assert [p["where"] for p in answer.json()["problems"]] == ["'30/10'", "'0Gy/5'", "alpha/beta '0'"]
    assert client.get("/dose").status_code == 422
    assert client.get("/dose", params={"schedule": "30Gy/10", "alpha-beta": "10"}).json()[0]["at"][0][
        "values"
    ] == {
        "bed": {"value": "39.0", "unit": "Gy"},
        "eqd2": {"value": "32.5", "unit": "Gy"},
    }


def test_the_api_documents_doses(client: TestClient) -> None:
    parameters = client.get("/openapi.json").json()["paths"]["/dose"]["get"]["parameters"]
    assert {p["name"] for p in parameters} == {"schedule", "alpha-beta", "lang"}
    assert all(p["description"] for p in parameters)


def test_any_function_can_be_computed_by_name() -> None:
    found = CliRunner().invoke(app, ["compute", "bed", "dose=30Gy", "fractions=10"])
    assert found.exit_code == 0
    lines = found.output.strip().splitlines()
    assert [line.partition(": ")[2].partition(" Gy")[0] for line in lines] == ["133.45", "75", "39"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dose": "30", "fractions": "10"}, ["dose", "30", "unit"]),
        ({"dose": "30 mm", "fractions": "10"}, ["dose", "30 mm"]),
        ({"dose": "0 Gy", "fractions": "10"}, ["dose", "0 Gy", "above zero"]),
        ({"dose": "30 Gy", "fractions": "ten"}, ["fractions", "ten"]),
        ({"dose": "30 Gy", "fractions": "2.5"}, ["fractions", "2.5", "whole"]),
        ({"dose": "30 Gy"}, ["fractions", "nothing"]),
        ({"dose": "30 Gy", "fractions": "10", "days": "3"}, ["days", "does not have"]),
    ],
)
def test_arguments_that_cannot_be_used(
    functions: Functions, arguments: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        functions.values("biologicallyEffectiveDose", arguments)
    assert all(word in str(caught.value) for word in words)


def test_python_knows_no_formula(functions: Functions, edited: Callable[[str], Any]) -> None:
    """Another formula under the same name, in the graph alone, is what every door computes."""
    update = 'DELETE { ?f core:expression ?e } INSERT { ?f core:expression "dose + fractions * alphaBeta" } WHERE { ?f core:shortName "bed" ; core:expression ?e }'
    other = edited(update).functions
    arguments = {"dose": "30 Gy", "fractions": "10", "alphaBeta": "2 Gy"}
    assert other.call(other.named("bed"), arguments) == 50
    assert functions.call(functions.named("bed"), arguments) == 75
