"""Every threshold of the slice: below, at, above, missing, interval, imprecise.

Expected values come from the text: "less than 3 months", "more than 25 %", "less than 5 mm",
"less than 5 cm", "1 to 3 sites", "1 to 5 metastases", "at most 3 adjacent vertebrae".
"""

from collections.abc import Callable
from typing import Any

import pytest

from kg_service.assessment import Assessment

Decide = Callable[..., Assessment]
MO, CM = "mo", "cm"
OLIGOMETASTATIC: dict[str, Any] = {
    "involvedSiteCount": {"value": 2},
    "metastasisCount": {"value": 3},
    "largestMetastasisDiameter": {"value": 3, "unit": CM},
    "primaryControlled": True,
}


def unit(value: float, code: str) -> dict[str, Any]:
    return {"value": value, "unit": code}


def low(value: float, code: str) -> dict[str, Any]:
    return {"minInclusive": value, "unit": code}


def between(least: float, most: float, code: str) -> dict[str, Any]:
    return {"minInclusive": least, "maxInclusive": most, "unit": code}


PATIENT_CASES = [
    ("S075", "lifeExpectancy", unit(2.99, MO), "true"),
    ("S075", "lifeExpectancy", unit(3, MO), "false"),
    ("S075", "lifeExpectancy", unit(3.01, MO), "false"),
    ("S075", "lifeExpectancy", None, "unknown"),
    ("S075", "lifeExpectancy", low(3, MO), "false"),
    ("S075", "lifeExpectancy", between(2, 4, MO), "unknown"),
    ("S075", "lifeExpectancy", {"maxExclusive": 3, "unit": MO}, "true"),
    ("S075", "lifeExpectancy", {"maxInclusive": 3, "unit": MO}, "unknown"),
    ("S075", "lifeExpectancy", unit(13, "wk"), "true"),  # 13 weeks are 2.99 UCUM months
    ("S075", "lifeExpectancy", unit(14, "wk"), "false"),
    ("S075", "lifeExpectancy", unit(91, "d"), "true"),  # 91 days are 2.99 UCUM months
    ("S075", "lifeExpectancy", unit(92, "d"), "false"),
    ("S078", "mriContraindication", True, "true"),
    ("S078", "mriContraindication", False, "false"),
    ("S078", "mriContraindication", None, "unknown"),
    ("S073", "radionuclideTherapy", True, "true"),
    ("S073", "radionuclideTherapy", False, "false"),
    ("S073", "radionuclideTherapy", None, "unknown"),
]
LESION_CASES = [
    ("S076", "canalNarrowing", unit(24.9, "%"), "false"),
    ("S076", "canalNarrowing", unit(25, "%"), "false"),
    ("S076", "canalNarrowing", unit(25.1, "%"), "true"),
    ("S076", "canalNarrowing", None, "unknown"),
    ("S076", "canalNarrowing", low(25, "%"), "unknown"),
    ("S076", "canalNarrowing", {"minExclusive": 25, "unit": "%"}, "true"),
    ("S077", "tumourCordDistance", unit(4.9, "mm"), "true"),
    ("S077", "tumourCordDistance", unit(5, "mm"), "false"),
    ("S077", "tumourCordDistance", unit(5.1, "mm"), "false"),
    ("S077", "tumourCordDistance", unit(0.5, CM), "false"),
    ("S077", "tumourCordDistance", unit(0.49, CM), "true"),
    ("S077", "tumourCordDistance", None, "unknown"),
    ("S077", "tumourCordDistance", between(4, 6, "mm"), "unknown"),
    ("S072", "spinalStability", "UnstableSpine", "true"),
    ("S072", "spinalStability", "PotentiallyUnstableSpine", "false"),
    ("S072", "spinalStability", "StableSpine", "false"),
    ("S072", "spinalStability", None, "unknown"),
]
OLIGO_CASES = [
    ("involvedSiteCount", {"value": 0}, "false"),
    ("involvedSiteCount", {"value": 1}, "true"),
    ("involvedSiteCount", {"value": 3}, "true"),
    ("involvedSiteCount", {"value": 4}, "false"),
    ("involvedSiteCount", None, "unknown"),
    ("involvedSiteCount", {"minInclusive": 4}, "false"),
    ("involvedSiteCount", {"minInclusive": 3}, "unknown"),
    ("metastasisCount", {"value": 1}, "true"),
    ("metastasisCount", {"value": 5}, "true"),
    ("metastasisCount", {"value": 6}, "false"),
    ("metastasisCount", None, "unknown"),
    ("largestMetastasisDiameter", unit(4.99, CM), "true"),
    ("largestMetastasisDiameter", unit(5, CM), "false"),
    ("largestMetastasisDiameter", unit(50, "mm"), "false"),
    ("largestMetastasisDiameter", unit(49.9, "mm"), "true"),
    ("largestMetastasisDiameter", unit(5.01, CM), "false"),
    ("largestMetastasisDiameter", None, "unknown"),
    ("largestMetastasisDiameter", between(4, 6, CM), "unknown"),
    ("primaryControlled", False, "false"),
    ("primaryControlled", None, "unknown"),
]


def test_the_tables_hold_the_cases_they_say() -> None:
    assert (len(PATIENT_CASES), len(LESION_CASES), len(OLIGO_CASES)) == (18, 17, 20)


@pytest.mark.parametrize(("conclusion", "feature", "value", "status"), PATIENT_CASES)
def test_patient_criteria_at_their_boundaries(
    decide: Decide, conclusion: str, feature: str, value: Any, status: str
) -> None:
    assert decide({"site": "T8"}, **{feature: value}).by_id[conclusion].status == status


@pytest.mark.parametrize(("conclusion", "feature", "value", "status"), LESION_CASES)
def test_lesion_criteria_at_their_boundaries(
    decide: Decide, conclusion: str, feature: str, value: Any, status: str
) -> None:
    assert decide({"site": "T8", feature: value}).by_id[conclusion].status == status


@pytest.mark.parametrize(("feature", "value", "status"), OLIGO_CASES)
def test_oligometastatic_cancer_at_its_boundaries(
    decide: Decide, feature: str, value: Any, status: str
) -> None:
    patient = {**OLIGOMETASTATIC, feature: value}
    assert decide({"site": "T8"}, **patient).by_id["S165"].status == status


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("2026-08-01", "false"),
        ("2026-08-02", "false"),  # three months to the day: not less than three
        ("2026-08-03", "true"),
        ("2026-11-02", "true"),
        ("2026-08", "unknown"),  # from the 1st to the 31st: either side of three months
        ("2026-09", "true"),
        ("2026-07", "false"),
        ("2026", "unknown"),
        ("2025", "false"),
        (None, "unknown"),
    ],
)
def test_irradiation_of_the_territory_is_recent_below_three_calendar_months(
    decide: Decide, end: str | None, status: str
) -> None:
    course = {"modality": "ExternalBeamRadiotherapy", "endDate": end, "treatedLesions": ["L1"]}
    assessment = decide(
        {"site": "T8"}, referenceDate="2026-11-02", previousCourses=[course], allCoursesListed=True
    )
    assert assessment.by_id["S074"].status == status


def test_an_open_list_of_courses_leaves_the_interval_open(decide: Decide) -> None:
    course = {"modality": "ExternalBeamRadiotherapy", "endDate": "2025-01-10", "treatedLesions": ["L1"]}
    assessment = decide({"site": "T8"}, referenceDate="2026-11-02", previousCourses=[course])
    assert assessment.by_id["S074"].status == "unknown"
    assert assessment.by_id["S166"].status == "true"


@pytest.mark.parametrize(
    ("reading", "operated", "symptomatic", "status"),
    [
        ("a", False, True, "true"),
        ("a", False, False, "true"),
        ("a", True, True, "true"),
        ("a", True, False, "false"),
        ("a", None, True, "true"),
        ("a", None, False, "unknown"),
        ("a", False, None, "true"),
        ("a", True, None, "unknown"),
        ("b", False, False, "true"),
        ("b", True, True, "true"),
        ("b", True, False, "false"),
        ("c", False, True, "true"),
        ("c", False, False, "false"),
        ("c", True, True, "false"),
        ("c", None, True, "unknown"),
    ],
)
def test_cord_compression_bars_stereotaxy_by_the_reading_of_a27(
    decide: Decide, reading: str, operated: bool | None, symptomatic: bool | None, status: str
) -> None:
    lesion = {
        "site": "T8",
        "cordCompression": True,
        "cordCompressionOperated": operated,
        "cordCompressionSymptomatic": symptomatic,
    }
    assert decide(lesion, {"A27": reading}).by_id["S071"].status == status


@pytest.mark.parametrize(
    ("reading", "vertebrae", "residue", "status"),
    [
        ("a", 3, False, "true"),
        ("a", 4, False, "false"),
        ("a", 4, True, "true"),
        ("a", 4, None, "unknown"),
        ("a", None, True, "true"),
        ("b", 3, True, "true"),
        ("b", 4, True, "false"),
        ("b", None, True, "unknown"),
    ],
)
def test_the_stereotactic_target_is_limited_by_the_reading_of_a22(
    decide: Decide, reading: str, vertebrae: int | None, residue: bool | None, status: str
) -> None:
    lesion = {
        "site": "T8",
        "adjacentDiseasedVertebrae": None if vertebrae is None else {"value": vertebrae},
        "postoperativeResidue": residue,
        "prescription": {"intent": "AblativeIntent"},
    }
    assert decide(lesion, {"A22": reading}, **OLIGOMETASTATIC).by_id["S068"].status == status


@pytest.mark.parametrize(
    ("reading", "sites", "metastases", "status"),
    [
        ("a", 3, 6, "false"),
        ("a", 4, 5, "false"),
        ("b", 3, 6, "true"),
        ("b", 4, 5, "true"),
        ("b", 4, 6, "false"),
        ("b", 4, None, "unknown"),
        ("b", 3, None, "true"),
    ],
)
def test_sites_and_metastases_by_the_reading_of_a19(
    decide: Decide, reading: str, sites: int, metastases: int | None, status: str
) -> None:
    patient = {
        **OLIGOMETASTATIC,
        "involvedSiteCount": {"value": sites},
        "metastasisCount": None if metastases is None else {"value": metastases},
    }
    assert decide({"site": "T8"}, {"A19": reading}, **patient).by_id["S165"].status == status


@pytest.mark.parametrize(
    ("reading", "anywhere", "here", "status"),
    [
        ("c", 1, None, "unknown"),  # somewhere a month ago; not known whether here
        ("c", 1, 12, "false"),
        ("c", 1, 1, "true"),
        ("a", 1, 12, "true"),
        ("a", 3, 12, "false"),
        ("b", 1, 12, "true"),
    ],
)
def test_recent_irradiation_by_the_reading_of_a29(
    decide: Decide, reading: str, anywhere: float, here: float | None, status: str
) -> None:
    lesion: dict[str, Any] = {"site": "T8"}
    if here is not None:
        lesion |= {"previouslyIrradiated": True, "monthsSinceIrradiationHere": unit(here, MO)}
    patient = {"irradiated": True, "monthsSinceIrradiation": unit(anywhere, MO)}
    assert decide(lesion, {"A29": reading}, **patient).by_id["S074"].status == status


@pytest.mark.parametrize(
    ("reading", "months", "status"),
    [
        ("c", 24, "true"),
        ("a", 24, "true"),
        ("b", 24, "false"),
        ("b", 2.9, "true"),
        ("b", 3, "false"),
        ("b", None, "unknown"),
    ],
)
def test_radionuclide_therapy_by_the_reading_of_a29(
    decide: Decide, reading: str, months: float | None, status: str
) -> None:
    since = None if months is None else unit(months, MO)
    assessment = decide(
        {"site": "T8"}, {"A29": reading}, radionuclideTherapy=True, monthsSinceRadionuclideTherapy=since
    )
    assert assessment.by_id["S073"].status == status


@pytest.mark.parametrize(
    ("site", "a", "b"), [("T8", "true", "true"), ("Femur", "true", "false"), (None, "true", "unknown")]
)
def test_mri_contraindication_by_the_reading_of_a31(decide: Decide, site: str | None, a: str, b: str) -> None:
    for reading, status in (("a", a), ("b", b)):
        assert (
            decide({"site": site}, {"A31": reading}, mriContraindication=True).by_id["S078"].status == status
        )
