"""Derived features are bounds: exact only when the list is declared complete."""

from typing import Any

import pytest

from kg_service.derivation import describe
from kg_service.namespaces import REC
from kg_service.service import KnowledgeBase

EXTERNAL = {"modality": "ExternalBeamRadiotherapy"}


def derived(base: KnowledgeBase, feature: str, document: dict[str, Any]) -> str | None:
    (record,) = base.read_document({"lesions": [{"id": "L1", "site": "T8"}], **document}, "x")
    fact = base.cases(record)[0].facts.get(REC[feature])
    return None if fact is None else describe(fact.known, base.compiled().schema.features[REC[feature]])


def sized(*diameters: float | None) -> list[dict[str, Any]]:
    return [{} if d is None else {"diameter": {"value": d, "unit": "cm"}} for d in diameters]


COUNTS = [
    ({"lesions": sized(1, 2), "allMetastasesListed": True}, "2"),
    ({"lesions": sized(1, 2)}, "≥ 2"),
    ({"lesions": sized(1, 2), "metastasisCount": {"minInclusive": 3}}, "≥ 3"),
    ({"lesions": sized(1, 2), "metastasisCount": {"maxInclusive": 4}}, "≥ 2, ≤ 4"),
]
DIAMETERS = [
    ({"lesions": sized(1, 2), "allMetastasesListed": True}, "2 cm"),
    ({"lesions": sized(1, 2)}, "≥ 2 cm"),
    ({"lesions": sized(1, None), "allMetastasesListed": True}, "≥ 1 cm"),
    ({"lesions": sized(None), "allMetastasesListed": True}, None),
    (
        {
            "lesions": [{"diameter": {"minInclusive": 1, "maxExclusive": 3, "unit": "cm"}}],
            "allMetastasesListed": True,
        },
        "≥ 1, < 3 cm",
    ),
]
TERRITORY = [
    ({"previousCourses": [{**EXTERNAL, "treatedLesions": ["L1"]}]}, "true"),
    ({"previousCourses": [{**EXTERNAL, "site": "T8"}]}, "true"),  # the same vertebra is the same place
    ({"previousCourses": [{**EXTERNAL, "site": "T9"}]}, None),  # a field may reach its neighbours
    ({"previousCourses": [{**EXTERNAL, "site": "ThoracicSpine"}]}, None),  # a region is not a place
    (
        {"previousCourses": [{**EXTERNAL, "site": "T9", "sparedLesions": ["L1"]}], "allCoursesListed": True},
        "false",
    ),
    ({"previousCourses": [{**EXTERNAL, "site": "T9", "sparedLesions": ["L1"]}]}, None),
    ({"previousCourses": [], "allCoursesListed": True}, "false"),
    ({"previousCourses": []}, None),
    ({}, None),
    (
        {
            "previousCourses": [{"modality": "RadionuclideTherapy", "treatedLesions": ["L1"]}],
            "allCoursesListed": True,
        },
        "false",
    ),
    ({"previousCourses": [{"modality": "Brachytherapy", "treatedLesions": ["L1"]}]}, "true"),
    ({"previousCourses": [{"modality": "LocalRadiotherapy", "treatedLesions": ["L1"]}]}, "true"),
    ({"previousCourses": [{"treatedLesions": ["L1"]}], "allCoursesListed": True}, None),  # of what modality?
]
ELAPSED = [
    ([("2026-05-02", True)], True, "6 mo"),
    ([("2026-05-02", True)], False, "≥ 0, ≤ 6 mo"),
    ([("2025-05-02", True), ("2026-05-02", True)], True, "6 mo"),
    ([("2025-05-02", True), ("2026-05-02", None)], True, "≥ 6, ≤ 18 mo"),  # the later one may be elsewhere
    ([("2025-05-02", True), ("2026-05-02", False)], True, "18 mo"),
    ([("2026-05-02", None)], True, None),
    ([(None, True)], True, None),
    (
        [("2025", True)],
        True,
        "≥ 10.07, ≤ 22.03 mo",
    ),  # from 31 December (10 months and 2 of 30 days) back to 1 January
]


@pytest.mark.parametrize(("document", "expected"), COUNTS)
def test_metastases_are_counted_from_the_list(
    base: KnowledgeBase, document: dict[str, Any], expected: str
) -> None:
    assert derived(base, "metastasisCount", document) == expected


@pytest.mark.parametrize(("document", "expected"), DIAMETERS)
def test_the_largest_diameter_comes_from_the_list(
    base: KnowledgeBase, document: dict[str, Any], expected: str | None
) -> None:
    assert derived(base, "largestMetastasisDiameter", document) == expected


@pytest.mark.parametrize(("document", "expected"), TERRITORY)
def test_whether_a_lesion_was_irradiated_before(
    base: KnowledgeBase, document: dict[str, Any], expected: str | None
) -> None:
    assert derived(base, "previouslyIrradiated", document) == expected


@pytest.mark.parametrize(("courses", "complete", "expected"), ELAPSED)
def test_the_time_since_the_last_irradiation_of_a_territory(
    base: KnowledgeBase, courses: list[tuple[str | None, bool | None]], complete: bool, expected: str | None
) -> None:
    pointers = {True: {"treatedLesions": ["L1"]}, False: {"sparedLesions": ["L1"]}, None: {}}
    document = {
        "referenceDate": "2026-11-02",
        "previousCourses": [{**EXTERNAL, "endDate": end, **pointers[here]} for end, here in courses],
        "allCoursesListed": complete,
    }
    assert derived(base, "monthsSinceIrradiationHere", document) == expected


def test_without_a_reference_date_no_time_has_elapsed_that_could_be_told(base: KnowledgeBase) -> None:
    course = {**EXTERNAL, "endDate": "2026-05-02", "treatedLesions": ["L1"]}
    assert (
        derived(base, "monthsSinceIrradiationHere", {"previousCourses": [course], "allCoursesListed": True})
        is None
    )


def test_dose_per_fraction_is_dose_over_fractions(base: KnowledgeBase) -> None:
    prescription = {"totalDose": {"value": 3500, "unit": "cGy"}, "fractionCount": {"value": 5}}
    assert derived(base, "dosePerFraction", {"lesions": [{"prescription": prescription}]}) == "7 Gy"


def test_a_stated_dose_per_fraction_must_be_the_quotient(base: KnowledgeBase) -> None:
    from kg_service.errors import InputError

    prescription = {
        "totalDose": {"value": 35, "unit": "Gy"},
        "fractionCount": {"value": 5},
        "dosePerFraction": {"value": 5, "unit": "Gy"},
    }
    (record,) = base.read_document({"lesions": [{"prescription": prescription}]}, "x")
    with pytest.raises(InputError, match=r"dosePerFraction: stated as 5 Gy, but .* make it 7 Gy"):
        base.cases(record)


def test_an_operation_on_the_same_vertebra_makes_the_lesion_operated(base: KnowledgeBase) -> None:
    assert derived(base, "operated", {"surgeries": [{"site": "T8"}]}) == "true"
    assert derived(base, "operated", {"surgeries": [], "allSurgeriesListed": True}) == "false"
    assert derived(base, "operated", {"surgeries": []}) is None


def test_a_derived_fact_names_what_it_was_derived_from(base: KnowledgeBase) -> None:
    (record,) = base.read_document({"lesions": sized(1, 2)}, "x")
    fact = base.cases(record)[0].facts[REC.metastasisCount]
    assert fact.basis == ("lesions[0]", "lesions[1]")
