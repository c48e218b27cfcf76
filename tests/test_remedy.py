"""What to change in a prescription: by hand, against the check of the changed record, and as the fewest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rdflib import RDF, URIRef

from kg_service.conclusions import conclusions_graph
from kg_service.counterfactual import case_with
from kg_service.explanation_forms import ExplanationForm, explanations_in
from kg_service.namespaces import CORE, local_name
from kg_service.prescription import check_prescription
from kg_service.record import Record
from kg_service.reference_cases import reference_cases
from kg_service.remedy import Remedy
from kg_service.service import AssessedRecord, KnowledgeBase
from tests.test_toy import wind

EXPECTED_CASES = 173
"""Cases of the vignettes that have a prescription."""
LEAST_REMEDIED = 40
"""For so many of them, at least, a better prescription is looked for with success."""


def femur(**prescription: Any) -> dict[str, Any]:
    """Return a record of a painful femur at risk of fracture, never irradiated, with a palliative course."""
    lesion = {
        "id": "L",
        "site": "Femur",
        "laterality": "LeftSide",
        "painType": "NociceptivePain",
        "fractureRisk": True,
        "pathologicalFracture": False,
        "prescription": {
            "intent": "PalliativeIntent",
            "technique": "ThreeDimensionalConformal",
            **prescription,
        },
    }
    return {
        "id": "femur",
        "lifeExpectancyJudgedShort": False,
        "difficultToMobilise": False,
        "lesions": [lesion],
        "previousCourses": [],
        "allCoursesListed": True,
    }


def gray(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "Gy"}


def found_for(base: KnowledgeBase, document: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Return what each remedy makes of the prescription, and the values it changes."""
    (record,) = base.read_document(document, "test")
    compiled = base.compiled()
    (assessment,) = base.assess(record, compiled).assessments
    wording = base.wording(compiled, "en")
    return [
        (
            local_name(remedy.concordance),
            {
                local_name(URIRef(f.change.feature)): wording.values(
                    wording.feature(f.change.feature), f.change.values
                )
                for f in remedy.flips
            },
        )
        for remedy in base.remedies(record, assessment, compiled)
    ]


def test_a_single_8_gy_where_a_fracture_is_feared_becomes_30_gy_in_10(base: KnowledgeBase) -> None:
    """S141: 30 Gy in 10 is what row 2 of Table 5 recommends; S163 keeps a single 8 Gy for others."""
    found = found_for(base, femur(totalDose=gray(8), fractionCount={"value": 1}))
    assert found == [("Concordant", {"totalDose": "30 Gy", "fractionCount": "10"})]


def test_what_is_half_right_is_half_changed(base: KnowledgeBase) -> None:
    found = found_for(base, femur(totalDose=gray(30), fractionCount={"value": 12}))
    assert found == [("Concordant", {"fractionCount": "10"})]


def test_what_follows_from_the_old_values_does_not_stand_in_the_way(base: KnowledgeBase) -> None:
    """8 Gy a fraction was stated of the old schedule; 30 Gy in 10 are 3 Gy each."""
    old = femur(totalDose=gray(8), fractionCount={"value": 1}, dosePerFraction=gray(8))
    assert found_for(base, old) == [("Concordant", {"totalDose": "30 Gy", "fractionCount": "10"})]


@pytest.mark.parametrize(
    "document",
    [
        femur(totalDose=gray(30), fractionCount={"value": 10}),
        {"id": "femur", "lesions": [{"id": "L", "site": "Femur"}]},
    ],
    ids=["concordant", "nothing-prescribed"],
)
def test_where_nothing_is_to_be_changed_nothing_is_told(
    base: KnowledgeBase, document: dict[str, Any]
) -> None:
    assert found_for(base, document) == []


def test_the_umbrella_has_remedies_too(toy: KnowledgeBase) -> None:
    """In a breeze at most 120 cm: 150 cm departs from U9, and nothing else does."""
    walk = {
        "id": "w",
        "rainProbability": {"value": 60, "unit": "%"},
        "windSpeed": wind(30),
        "sky": "Dark",
        "taken": "BigTaken",
        "width": {"value": 150, "unit": "cm"},
        "takenBy": {"hatesRain": True, "hood": False},
    }
    assert found_for(toy, walk) == [("Concordant", {"width": "≤ 120 cm"})]


def test_a_case_with_the_values_it_has_is_what_it_was(toy: KnowledgeBase) -> None:
    (record,) = toy.read_document({"id": "w", "width": {"value": 150, "unit": "cm"}}, "toy")
    feature = next(f for f in toy.compiled().schema.features.values() if f.name == "width")
    narrow = record.root.facts[feature.iri].known
    same = case_with(record, "w", {feature.iri: narrow}, toy.compiled().schema)
    assert same is not None
    assert same.facts[feature.iri].known == narrow


@pytest.fixture(scope="module")
def remedied(base: KnowledgeBase) -> list[tuple[Record, str, tuple[Remedy, ...], Any]]:
    """What is found for every case of the vignettes that has a prescription."""
    found = []
    for case in reference_cases([Path(__file__).parent / "vignettes"]):
        compiled = base.compiled(case.readings)
        for record in case.read(base).records:
            for assessment in base.assess(record, compiled).assessments:
                if assessment.prescription is not None:
                    remedies = base.remedies(record, assessment, compiled)
                    found.append((record, assessment.case.id, remedies, compiled))
    return found


def test_remedies_do_what_they_say_and_none_of_their_changes_is_superfluous(
    remedied: list[tuple[Record, str, tuple[Remedy, ...], Any]],
) -> None:
    assert len(remedied) == EXPECTED_CASES
    assert sum(bool(found[2]) for found in remedied) >= LEAST_REMEDIED
    for record, case, remedies, compiled in remedied:
        assert len({len(remedy.flips) for remedy in remedies}) <= 1
        for remedy in remedies:
            values = {URIRef(f.change.feature): f.change.values[0] for f in remedy.flips}
            after = case_with(record, case, values, compiled.schema)
            assert after is not None
            check = check_prescription(after, compiled)
            assert check is not None
            assert (check.best, check.worst) == (remedy.best, remedy.worst)
            for left_out in values:
                fewer = {f: v for f, v in values.items() if f != left_out}
                without = case_with(record, case, fewer, compiled.schema)
                less = check_prescription(without, compiled) if without else None
                assert less is None or (less.best, less.worst) != (remedy.best, remedy.worst)


def test_remedies_are_told_in_every_form(base: KnowledgeBase) -> None:
    (record,) = base.read_document(femur(totalDose=gray(8), fractionCount={"value": 1}), "test")
    compiled = base.compiled()
    assessed: AssessedRecord = base.assess(record, compiled)
    (explanation,) = base.explain(assessed, "prescription", compiled)
    (remedy,) = explanation.remedies
    graph = conclusions_graph(assessed.assessments[0], compiled, remedies=explanation.remedies)
    (node,) = graph.subjects(RDF.type, CORE.Remedy)
    assert graph.value(node, CORE.concordance) == CORE.Concordant == remedy.concordance
    changes = {str(graph.value(c, CORE.changedTo)) for c in graph.objects(node, CORE.changedBy)}
    assert changes == {"30 Gy", "10"}
    told = {
        "en": "together, these make it concordant:",
        "fr": "ensemble, ils la rendent concordante :",
    }
    for language, words in told.items():
        text = explanations_in(ExplanationForm.TEXT, [explanation], base, language)
        assert words in text
