"""Guidelines beside the default one: what they decide, checked by hand; side by side; and each one left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from kg_service.api import create_app
from kg_service.cli import app
from kg_service.errors import UnknownNameError
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import local_name
from kg_service.service import KnowledgeBase
from kg_service.side_by_side import ComparedCase, compare_guidelines
from kg_service.side_by_side_report import compared_json
from kg_service.side_by_side_summary import summary_of

AURA, ACR = "aura-bone-metastases", "acr-2014"
ASTRO_2017, ASTRO_2024 = "astro-2017", "astro-2024"
SIZES = {ASTRO_2017: (8, 9), ASTRO_2024: (11, 21)}
"""Statements and recommendations: 8 key questions, of which the first offers four schedules and two offer
nothing; 11 rows, six of which offer one thing, and four of which offer 4, 4, 4 and 3 schedules."""
NEVER: dict[str, Any] = {"previousCourses": [], "allCoursesListed": True}


def lesion(site: str, **facts: Any) -> dict[str, Any]:
    return {"id": "r", "lesions": [{"id": "L", "site": site, **facts}]}


def irradiated(end: str, reference: str = "2026-11-02") -> dict[str, Any]:
    course = {"modality": "ExternalBeamRadiotherapy", "endDate": end, "treatedLesions": ["L"]}
    return {"referenceDate": reference, "previousCourses": [course], "allCoursesListed": True}


def verdicts(base: KnowledgeBase, guideline: str, document: dict[str, Any]) -> dict[str, str]:
    own = base.of(guideline)
    (record,) = own.read_document(document, "test")
    (assessment,) = own.assess(record, own.compiled()).assessments
    return {local_name(v.option): v.verdict for v in assessment.options}


def status(base: KnowledgeBase, guideline: str, document: dict[str, Any], identifier: str) -> str:
    own = base.of(guideline)
    (record,) = own.read_document(document, "test")
    (assessment,) = own.assess(record, own.compiled()).assessments
    return assessment.by_id[identifier].status


def offered(base: KnowledgeBase, guideline: str, document: dict[str, Any]) -> set[str]:
    found = verdicts(base, guideline, document)
    return {name.removeprefix("RT-") for name, verdict in found.items() if verdict == "applicable"}


def test_guidelines_are_listed_the_default_one_first(base: KnowledgeBase) -> None:
    assert list(base.guidelines) == [AURA, ACR, ASTRO_2017, ASTRO_2024]
    assert base.compiled().guideline.id == AURA
    assert base.of(None) is base
    assert base.of(AURA) is base
    with pytest.raises(UnknownNameError, match="astro-2024"):
        base.of("astro-2023")


@pytest.mark.parametrize("guideline", SIZES)
def test_a_guideline_holds_what_was_seen_of_it(base: KnowledgeBase, guideline: str) -> None:
    found = base.of(guideline).compiled().guideline
    assert (len(found.statements), len(found.recommendations)) == SIZES[guideline]
    assert not found.is_default


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {**lesion("Femur", painType="NociceptivePain"), **NEVER},
            {"8Gy-1fx", "20Gy-5fx", "24Gy-6fx", "30Gy-10fx", "Radiotherapy"},
        ),
        (
            {
                **lesion("T8", cordCompression=True, cordCompressionOperable=False, painType="Painless"),
                **NEVER,
            },
            {"8Gy-1fx", "16Gy-2fx", "20Gy-5fx", "30Gy-10fx", "Corticosteroids"},
        ),
        (
            {**lesion("T8", painType="NeuropathicPain"), **irradiated("2025-12-01")},
            {"8Gy-1fx", "20Gy-5fx", "24Gy-6fx", "20Gy-8fx", "Radiotherapy"},
        ),
        (
            {**lesion("Femur", painType="NociceptivePain"), **irradiated("2025-12-01")},
            {"8Gy-1fx", "20Gy-5fx", "24Gy-6fx", "Radiotherapy"},
        ),
        ({**lesion("Femur", painType="Painless", cordCompressionSymptomatic=False), **NEVER}, set()),
        (lesion("Femur"), set()),
    ],
    ids=["pain", "compression", "spine-again", "femur-again", "no-symptom", "nothing-known"],
)
def test_what_astro_2024_offers(base: KnowledgeBase, document: dict[str, Any], expected: set[str]) -> None:
    """Rows 1, 6 to 8, 10 and 11 of its digest; what is unknown is offered to nobody, nor refused."""
    assert offered(base, ASTRO_2024, document) == expected


def test_a_row_yields_to_the_one_made_for_the_case(base: KnowledgeBase) -> None:
    again = {**lesion("T8", painType="NeuropathicPain"), **irradiated("2025-12-01")}
    assert verdicts(base, ASTRO_2024, again)["RT-30Gy-10fx"] == "yielding"
    unknown = verdicts(base, ASTRO_2024, lesion("T8", painType="NeuropathicPain"))
    assert unknown["RT-20Gy-8fx"] == "open"


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        ({"value": 27, "unit": "d"}, "false"),
        ({"value": 4, "unit": "wk"}, "true"),
        ({"value": 29, "unit": "d"}, "true"),
        ({"minInclusive": 3, "maxInclusive": 5, "unit": "wk"}, "unknown"),
        (None, "unknown"),
    ],
)
def test_four_weeks_to_live(base: KnowledgeBase, life: dict[str, Any] | None, expected: str) -> None:
    document = {**lesion("Femur", painType="NociceptivePain"), "lifeExpectancy": life}
    assert status(base, ASTRO_2024, document, "A24_03") == expected


@pytest.mark.parametrize(
    ("end", "expected"),
    [("2026-10-03", "false"), ("2026-10-02", "false"), ("2026-10-01", "true"), ("2026-10", "unknown")],
    ids=["below", "a-month", "above", "imprecise"],
)
def test_more_than_a_month_after_radiotherapy(base: KnowledgeBase, end: str, expected: str) -> None:
    document = {**lesion("T8", painType="NociceptivePain"), **irradiated(end)}
    assert status(base, ASTRO_2017, document, "K17_5") == expected


def test_the_revision_of_2024_no_longer_keeps_stereotaxy_for_trials(base: KnowledgeBase) -> None:
    spine = {**lesion("T8", painType="NociceptivePain"), **NEVER}
    assert status(base, ASTRO_2017, spine, "K17_6") == "true"
    assert status(base, ASTRO_2017, spine, "K17_7") == "false"
    found = {r.kind for r in base.of(ASTRO_2024).compiled().guideline.recommendations}
    assert found == {"Indication", "Preference"}


def compared(base: KnowledgeBase, document: dict[str, Any], *guidelines: str) -> ComparedCase:
    (record,) = base.read_document(document, "test")
    (found,) = compare_guidelines(base, record, guidelines)
    return found


FEARED = {
    **lesion(
        "Femur",
        painType="NociceptivePain",
        fractureRisk=True,
        pathologicalFracture=False,
        prescription={
            "intent": "PalliativeIntent",
            "technique": "ThreeDimensionalConformal",
            "totalDose": {"value": 30, "unit": "Gy"},
            "fractionCount": {"value": 10},
        },
    ),
    **NEVER,
    "lifeExpectancyJudgedShort": False,
    "difficultToMobilise": False,
}
"""A painful femur at risk of fracture. AURA recommends 30 Gy in 10, allows 20 Gy in 5 and keeps 8 Gy once for
others (S141, S142, S163); ASTRO 2024 takes the three for equal (row 8)."""


def test_where_two_guidelines_agree_and_where_they_do_not(base: KnowledgeBase) -> None:
    found = compared(base, FEARED, AURA, ASTRO_2024)
    relations = {local_name(c.option): c.relation for c in found.options}
    assert relations["RT-30Gy-10fx"] == "same"
    assert relations["RT-20Gy-5fx"] == "graded"
    assert relations["RT-8Gy-1fx"] == "differs"
    assert relations["RT-24Gy-6fx"] == "not-comparable"  # AURA offers it to nobody
    assert relations["SBRT"] == "not-comparable"
    answers = {name: local_name(check.concordance) for name, check in found.prescriptions.items() if check}
    assert answers == {AURA: "Concordant", ASTRO_2024: "Concordant"}
    assert found.options[0].relation == "differs"


def test_what_is_unknown_is_not_compared(base: KnowledgeBase) -> None:
    found = compared(base, lesion("Femur"), AURA, ASTRO_2024)
    assert {c.relation for c in found.options} <= {"open", "not-comparable", "same"}
    assert {c.relation for c in found.options if local_name(c.option) == "RT-8Gy-1fx"} == {"open"}
    assert set(found.prescriptions.values()) == {None}


def test_many_cases_are_counted_the_largest_disagreements_first(base: KnowledgeBase) -> None:
    """Two such femurs and one of which nothing is known: they disagree on 8 Gy once in two of three."""
    documents = [FEARED, {**FEARED, "id": "again"}, {**lesion("Femur"), "id": "unknown"}]
    found = [compared_json(compared(base, d, AURA, ASTRO_2024), base, "en") for d in documents]
    counted = summary_of(found)
    assert (counted["cases"], counted["disagreeing"]) == (3, 2)
    assert counted["prescriptions"] == [
        {"answers": {AURA: "Concordant", ASTRO_2024: "Concordant"}, "cases": 2}
    ]
    first = counted["options"][0]
    assert (first["option"], [(r["relation"], r["cases"]) for r in first["relations"]]) == (
        "RT-8Gy-1fx",
        [("differs", 2), ("open", 1)],
    )
    (largest,) = counted["disagreements"]
    assert (largest["option"], largest["cases"], largest["example"]) == ("RT-8Gy-1fx", 2, "r/L")
    assert [g["statements"] for g in largest["guidelines"]] == [["S143"], ["A24_08"]]
    assert summary_of([])["cases"] == 0


def test_a_guideline_is_chosen_over_http(base: KnowledgeBase) -> None:
    with TestClient(create_app(base)) as client:
        listed = client.get("/guidelines?lang=fr").json()
        assert [(g["id"], g["default"], g["recommendations"]) for g in listed[1:]] == [
            (ACR, False, 69),
            (ASTRO_2017, False, 9),
            (ASTRO_2024, False, 21),
        ]
        (answer,) = client.post(f"/assess?guideline={ASTRO_2024}", json=FEARED).json()
        assert answer["assessments"][0]["guideline"].endswith("astro-2024/guideline")
        (proof,) = client.post(f"/explain/A24_08-8x1?guideline={ASTRO_2024}", json=FEARED).json()
        assert proof["status"] == "true"
        turtle = client.post(
            f"/assess?guideline={ASTRO_2024}", json=FEARED, headers={"accept": "text/turtle"}
        )
        assert "/r/L/by/astro-2024/conclusion/A24_01>" in turtle.text
        (case,) = client.post(f"/compare?guideline={AURA}&guideline={ASTRO_2024}", json=FEARED).json()
        by_option = {option["option"]: option for option in case["options"]}
        assert by_option["RT-8Gy-1fx"]["relation"] == "differs"
        assert [g["verdict"] for g in by_option["RT-8Gy-1fx"]["guidelines"]] == ["reserved", "applicable"]
        assert client.post("/assess?guideline=nobody", json=FEARED).status_code == 404


def test_guidelines_are_compared_on_the_command_line(tmp_path: Path) -> None:
    record = tmp_path / "r.json"
    record.write_text(json.dumps(FEARED), encoding="utf-8")
    told = CliRunner().invoke(app, ["compare", str(record), "--lang", "fr"])
    assert told.exit_code == 0, told.output
    assert "8 Gy en 1 séance : proposé par l'un, pas par l'autre" in told.output
    counted = CliRunner().invoke(app, ["compare", str(record), "--summary", "--format", "json"])
    assert json.loads(counted.output)["disagreeing"] == 1
    wrong = CliRunner().invoke(app, ["assess", str(record), "--guideline", "astro-2023"])
    assert wrong.exit_code != 0


@pytest.mark.parametrize("left_out", [AURA, ACR, ASTRO_2017, ASTRO_2024])
def test_a_guideline_can_be_left_out(tmp_path: Path, left_out: str) -> None:
    for name in ("ontology", "shapes"):
        shutil.copytree(DATA_ROOT / name, tmp_path / name)
    shutil.rmtree(tmp_path / "ontology" / "guidelines" / left_out)
    rest = [name for name in (AURA, ACR, ASTRO_2017, ASTRO_2024) if name != left_out]
    if left_out == AURA:
        with pytest.raises(Exception, match="name the one to use"):
            KnowledgeBase.of_root(tmp_path)
        return
    base = KnowledgeBase.of_root(tmp_path)
    assert list(base.guidelines) == rest
    found = compared(base, FEARED)
    assert list(found.assessments) == rest


def test_only_the_guideline_under_readings_of_its_own_changes(base: KnowledgeBase) -> None:
    """Strict reads S157 as 35 Gy in 5 (A04-a), so nothing offers 35 Gy in 7; the options of the others stay."""
    document = json.loads(
        (DATA_ROOT / "examples" / "case-thoracic-reirradiation.json").read_text(encoding="utf-8")
    )
    (record,) = base.read_document(document, "test")
    adopted, *_ = compare_guidelines(base, record)
    strict, *_ = compare_guidelines(base, record, (), base.compiled({}, "strict"))
    options = {
        name: [
            {local_name(v.option): v.verdict for v in case.assessments[name].options}
            for case in (adopted, strict)
        ]
        for name in (AURA, ASTRO_2017, ASTRO_2024)
    }
    assert set(options[AURA][0]) - set(options[AURA][1]) >= {"SBRT-35Gy-7fx"}
    for other in (ASTRO_2017, ASTRO_2024):
        assert options[other][0] == options[other][1]
