"""Cases told as a clinician would, with answers derived by hand from the text."""

from collections.abc import Callable
from typing import Any

import pytest

from kg_service.assessment import Assessment
from kg_service.namespaces import local_name
from kg_service.service import KnowledgeBase
from kg_service.text import assessment_text

Decide = Callable[..., Assessment]
SIMPLE = {"fractureRisk": False, "pathologicalFracture": False, "cordCompression": False, "operated": False}
CLEARED = {
    "lifeExpectancy": {"minInclusive": 12, "unit": "mo"},
    "radionuclideTherapy": False,
    "mriContraindication": False,
}
OLIGO = {
    "involvedSiteCount": {"value": 1},
    "metastasisCount": {"value": 2},
    "largestMetastasisDiameter": {"value": 3, "unit": "cm"},
    "primaryControlled": True,
}


def verdicts(assessment: Assessment) -> dict[str, str]:
    return {local_name(v.option): v.verdict for v in assessment.options}


def order(assessment: Assessment) -> list[str]:
    return [local_name(v.option) for v in assessment.options]


def leading(assessment: Assessment, option: str) -> str | None:
    found = {local_name(v.option): v for v in assessment.options}[option]
    return found.leading.id if found.leading else None


def test_uncomplicated_pain_in_a_femur_gets_30_in_10_first(decide: Decide) -> None:
    """Row 1 of Table 5 under A01-a: 30/10 recommended; 20/5, 8/1 and 6/1 possible; the box keeps 8/1."""
    answer = decide({"site": "Femur", "painType": "NociceptivePain", "previouslyIrradiated": False, **SIMPLE})
    assert {i: answer.by_id[i].status for i in ("S136", "S137", "S138", "S139")} == dict.fromkeys(
        ("S136", "S137", "S138", "S139"), "true"
    )
    assert order(answer)[0] == "RT-30Gy-10fx"
    assert verdicts(answer)["RT-20Gy-5fx"] == "applicable"
    assert verdicts(answer)["RT-8Gy-1fx"] == "conditional"  # S163 keeps it for a group; nobody said
    assert leading(answer, "RT-8Gy-1fx") == "S163"


def test_single_8_gy_is_applicable_when_life_expectancy_is_judged_short(decide: Decide) -> None:
    lesion = {"site": "Femur", "painType": "NociceptivePain", **SIMPLE}
    answer = decide(lesion, lifeExpectancyJudgedShort=True)
    assert verdicts(answer)["RT-8Gy-1fx"] == "applicable"
    assert leading(answer, "RT-8Gy-1fx") == "S138"


def test_single_8_gy_is_outside_its_group_when_neither_short_nor_difficult(decide: Decide) -> None:
    lesion = {"site": "Femur", "painType": "NociceptivePain", **SIMPLE}
    answer = decide(lesion, lifeExpectancyJudgedShort=False, difficultToMobilise=False)
    assert verdicts(answer)["RT-8Gy-1fx"] == "reserved"
    outranked = next(v.outranked for v in answer.options if local_name(v.option) == "RT-8Gy-1fx")
    assert [r.id for r in outranked] == ["S138"]  # the table says optional, the box outranks it


def test_a_short_life_expectancy_in_months_never_fires_the_unquantified_word(decide: Decide) -> None:
    """The source gives no number for low life expectancy; two months do not fire S163 by themselves."""
    lesion = {"site": "Femur", "painType": "NociceptivePain", **SIMPLE}
    answer = decide(lesion, lifeExpectancy={"value": 2, "unit": "mo"}, difficultToMobilise=False)
    assert answer.by_id["S163"].status == "unknown"


def test_neuropathic_pain_shares_the_row_even_with_fracture_risk(decide: Decide) -> None:
    answer = decide({"site": "L3", "painType": "NeuropathicPain", **SIMPLE, "fractureRisk": True})
    assert answer.by_id["S136"].status == "true"
    assert answer.by_id["S141"].status == "true"


def test_pain_with_fracture_risk_asks_for_surgery_first(decide: Decide) -> None:
    """Row 2: 30/10 recommended, 20/5 possible, 8/1 exceptional; rule out surgery."""
    answer = decide({"site": "Femur", "painType": "NociceptivePain", **SIMPLE, "fractureRisk": True})
    assert answer.by_id["S136"].status == "false"
    assert [answer.by_id[i].status for i in ("S141", "S142", "S143", "S144")] == ["true"] * 4
    assert answer.by_id["S144"].fulfilled == "unknown"
    documented = decide(
        {"site": "Femur", "fractureRisk": True, "prescription": {"surgicalIndicationRuledOut": True}}
    )
    assert documented.by_id["S144"].fulfilled == "true"


def test_inoperable_cord_compression_gets_30_in_10_and_no_stereotaxy(decide: Decide) -> None:
    lesion = {
        "site": "T6",
        "painType": "NociceptivePain",
        **SIMPLE,
        "cordCompression": True,
        "cordCompressionOperated": False,
        "cordCompressionOperable": False,
    }
    answer = decide(lesion)
    assert order(answer)[0] == "RT-30Gy-10fx"
    assert verdicts(answer)["SBRT"] == "contraindicated"
    assert verdicts(answer)["RT-20Gy-5fx"] == "applicable"
    assert answer.by_id["S136"].status == "false"


def test_a_post_operative_lesion_gets_both_schedules_with_the_box_first(decide: Decide) -> None:
    """A02-a: 30/10 and 20/5 both recommended; the box names 30/10 usual."""
    answer = decide({"site": "Humerus", **SIMPLE, "operated": True})
    assert order(answer)[:3] == ["AdjuvantIrradiation", "RT-30Gy-10fx", "RT-20Gy-5fx"]
    assert leading(answer, "RT-30Gy-10fx") == "S162"
    assert leading(answer, "RT-20Gy-5fx") == "S147"


@pytest.mark.parametrize(
    ("reading", "first", "strength"),
    [("a", "RT-30Gy-10fx", "strength-recommended"), ("c", "RT-30Gy-10fx", "strength-optional")],
)
def test_post_operative_20_in_5_by_the_reading_of_a02(
    decide: Decide, reading: str, first: str, strength: str
) -> None:
    answer = decide({"site": "Humerus", **SIMPLE, "operated": True}, {"A02": reading})
    assert order(answer)[:2] == ["AdjuvantIrradiation", first]
    assert local_name(answer.by_id["S147"].recommendation.strength or "") == strength


def test_reirradiation_of_a_cleared_vertebra_puts_stereotaxy_first(decide: Decide) -> None:
    """Row 5: SBRT 35/5 or 27/3 recommended, 20/5 possible, 8/1 exceptional."""
    lesion = {
        "site": "T11",
        **SIMPLE,
        "spinalStability": "StableSpine",
        "previouslyIrradiated": True,
        "monthsSinceIrradiationHere": {"value": 10, "unit": "mo"},
    }
    answer = decide(lesion, **CLEARED)
    assert verdicts(answer)["SBRT"] == "applicable"
    assert set(order(answer)[:2]) == {"SBRT-35Gy-5fx", "SBRT-27Gy-3fx"}
    assert verdicts(answer)["SBRT-35Gy-5fx"] == "applicable"
    assert answer.by_id["S156"].status == "true"
    assert answer.by_id["S153"].recommendation.excluded


def test_one_absolute_contraindication_stops_whatever_else_is_unknown(decide: Decide) -> None:
    answer = decide({"site": "T11", "spinalStability": "UnstableSpine"}, **OLIGO)
    assert verdicts(answer)["SBRT"] == "contraindicated"
    assert verdicts(answer)["SBRT-27Gy-3fx"] == "contraindicated"
    assert answer.by_id["S071"].status == "unknown"


def test_a_relative_contraindication_qualifies_and_does_not_stop(decide: Decide) -> None:
    lesion = {
        "site": "T11",
        **SIMPLE,
        "spinalStability": "StableSpine",
        "previouslyIrradiated": False,
        "tumourCordDistance": {"value": 3, "unit": "mm"},
    }
    answer = decide(lesion, **CLEARED, **OLIGO)
    assert answer.by_id["S077"].status == "true"
    assert verdicts(answer)["SBRT"] == "applicable"


def test_oligometastatic_disease_with_an_ablative_aim_keeps_35_in_7_as_printed(decide: Decide) -> None:
    lesion = {
        "site": "Ilium",
        "prescription": {"intent": "AblativeIntent"},
        **SIMPLE,
        "previouslyIrradiated": False,
    }
    answer = decide(lesion, **CLEARED, **OLIGO)
    assert verdicts(answer)["SBRT-35Gy-7fx"] == "applicable"
    assert verdicts(answer)["SBRT-35Gy-5fx"] == "not-indicated"
    other = decide(lesion, {"A04": "a"}, **CLEARED, **OLIGO)
    assert verdicts(other)["SBRT-35Gy-5fx"] == "applicable"
    assert "SBRT-35Gy-7fx" not in verdicts(other)


def test_a_femur_is_cleared_of_cord_and_spine_criteria_by_its_site_alone(decide: Decide) -> None:
    answer = decide({"site": "Femur"})
    assert [answer.by_id[i].status for i in ("S071", "S072", "S076", "S077")] == ["false"] * 4
    assert [f.where for f in answer.by_id["S071"].facts] == ["lesions[0].site"]


def test_a_coarse_site_leaves_open_only_what_hangs_on_the_level(decide: Decide) -> None:
    answer = decide({"site": "ThoracicSpine"})
    assert answer.by_id["S061"].status == "true"  # spinal at whatever level
    assert decide({"site": "BoneNearSpinalCanal"}).by_id["S061"].status == "unknown"  # a rib, or the spine
    assert decide({}).by_id["S061"].status == "unknown"


def test_extra_spinal_stereotaxy_needs_three_judgements(decide: Decide) -> None:
    judged = {"judgedSmall": True, "wellDelineated": True, "judgedFarFromOrgansAtRisk": True}
    assert decide({"site": "Rib", **judged}).by_id["S061"].status == "true"
    assert decide({"site": "Rib", **judged, "judgedSmall": False}).by_id["S061"].status == "false"
    assert decide({"site": "Rib", **judged, "judgedSmall": None}).by_id["S061"].status == "unknown"
    assert (
        decide({"site": "Sternum", **judged}).by_id["S061"].status == "false"
    )  # a site the bracket does not name


def test_case_1_needs_a_cord_dose_that_rules_out_conventional_treatment(decide: Decide) -> None:
    lesion = {"site": "T11", "previouslyIrradiated": True}
    assert decide(lesion).by_id["S067"].status == "unknown"
    assert decide({**lesion, "priorCordDosePrecludesConventional": True}).by_id["S067"].status == "true"
    assert decide({**lesion, "priorCordDosePrecludesConventional": False}).by_id["S067"].status == "false"


def test_the_palliative_aim_makes_30_in_10_usual(decide: Decide) -> None:
    answer = decide({"site": "L3", "prescription": {"intent": "PalliativeIntent"}})
    assert answer.by_id["S161"].status == "true"
    assert leading(answer, "RT-30Gy-10fx") == "S161"


def test_spinal_irradiation_prefers_fractionated_schedules(decide: Decide) -> None:
    lesion: dict[str, Any] = {"site": "L3", "painType": "NociceptivePain", **SIMPLE}
    answer = decide(lesion, lifeExpectancyJudgedShort=True)
    preferred = {local_name(v.option) for v in answer.options if v.preferred}
    assert answer.by_id["S140"].status == "true"
    assert "RT-8Gy-1fx" not in preferred
    assert order(answer).index("RT-20Gy-5fx") < order(answer).index("RT-8Gy-1fx")


@pytest.mark.parametrize(("reading", "status"), [("a", "unknown"), ("b", "true")])
def test_the_bone_oncology_board_by_the_reading_of_a25(decide: Decide, reading: str, status: str) -> None:
    assert decide({"site": "T8"}, {"A25": reading}).by_id["S066"].status == status


@pytest.mark.parametrize(("reading", "status"), [("a", "true"), ("b", "false")])
def test_the_attachment_of_the_box_by_the_reading_of_a08(decide: Decide, reading: str, status: str) -> None:
    assert decide({"site": "T8"}, {"A08": reading}, difficultToMobilise=True).by_id["S163"].status == status


@pytest.mark.parametrize(
    ("reading", "twenty", "eight"),
    [("a", "optional", "optional"), ("b", "recommended", "optional"), ("c", "recommended", "recommended")],
)
def test_row_1_of_table_5_by_the_reading_of_a01(
    decide: Decide, reading: str, twenty: str, eight: str
) -> None:
    answer = decide({"site": "Femur", "painType": "NociceptivePain", **SIMPLE}, {"A01": reading})
    assert str(answer.by_id["S137"].recommendation.strength).endswith(f"strength-{twenty}")
    assert str(answer.by_id["S138"].recommendation.strength).endswith(f"strength-{eight}")


def test_an_empty_lesion_is_unknown_and_says_what_to_ask(decide: Decide) -> None:
    answer = decide({})
    always = {"S016", "S022", "S066", "S079", "S080", "S095", "S099"}  # rules of a technique in every lesion
    assert {i for i, c in answer.by_id.items() if c.status != "unknown"} == always
    assert len(answer.questions) > 10
    assert answer.questions[0].may_settle >= answer.questions[-1].may_settle


def test_rows_on_pain_yield_to_reirradiation(decide: Decide) -> None:
    """N01: rows 1 and 5 both hold; 30/10 of row 1 stays visible and comes after row 5."""
    lesion = {"site": "T11", "painType": "NociceptivePain", **SIMPLE, "previouslyIrradiated": True}
    answer = decide(lesion)
    assert answer.by_id["S136"].status == "true"
    assert verdicts(answer)["RT-30Gy-10fx"] == "yielding"
    assert order(answer).index("RT-20Gy-5fx") < order(answer).index("RT-30Gy-10fx")
    assert leading(answer, "RT-20Gy-5fx") == "S154"


def test_an_option_indicated_by_one_row_or_another_yields_to_nothing(
    base: KnowledgeBase, decide: Decide
) -> None:
    """Pain, fracture risk not known: row 1 or row 2 holds, both offer 20 Gy in 5 fractions, as an option or not."""
    known = {key: value for key, value in SIMPLE.items() if key != "fractureRisk"}
    answer = decide({"site": "Femur", "painType": "NociceptivePain", **known})
    assert {answer.by_id[i].status for i in ("S137", "S142")} == {"unknown"}
    assert verdicts(answer)["RT-20Gy-5fx"] == "applicable"
    assert leading(answer, "RT-20Gy-5fx") is None
    text = assessment_text(answer, base.wording(base.compiled(), "en"))
    assert "at least one of these holds, S137 or S142" in text


def test_no_preference_is_told_of_an_option_that_is_not_indicated(decide: Decide) -> None:
    """S043 prefers several fractions in palliation; 27 Gy in 3 stereotactic fractions has no indication here."""
    lesion = {
        "site": "T8",
        **SIMPLE,
        "previouslyIrradiated": False,
        "prescription": {"intent": "PalliativeIntent"},
    }
    found = {local_name(v.option): v for v in decide(lesion).options}
    assert (found["SBRT-27Gy-3fx"].verdict, found["SBRT-27Gy-3fx"].preferred) == ("not-indicated", None)
    assert found["RT-30Gy-10fx"].preferred is not None


def test_the_usual_palliative_schedule_yields_to_reirradiation(decide: Decide) -> None:
    lesion = {"site": "T11", "previouslyIrradiated": True, "prescription": {"intent": "PalliativeIntent"}}
    answer = decide(lesion)
    assert answer.by_id["S161"].status == "true"
    assert verdicts(answer)["RT-30Gy-10fx"] == "yielding"
