"""What real FHIR data do that a careless importer gets wrong, one situation per test."""

from __future__ import annotations

import pytest
from fhir_support import (
    ABSENT,
    BONE_METASTASIS,
    COMPRESSION,
    COURSE,
    FEMUR,
    LOCAL,
    LOINC,
    MCODE,
    MII,
    PRESENT,
    SCT,
    T11,
    T12,
    bindings,
    bone,
    concept,
    condition,
    course,
    courses,
    focus,
    lesions,
    modality,
    observation,
    patient,
    quantity,
    read,
    verification,
    volume,
    whys,
)

from kg_service.errors import InputError
from kg_service.importers.fhir import read_fhir

NEUROPATHIC, BONE_PAIN, FRACTURE = (SCT, "247398009"), (SCT, "12584003"), (SCT, "268029009")
ECOG, STATUS, SIZE, LONGEST = (LOINC, "89247-1"), (LOINC, "97509-4"), (LOINC, "21889-1"), (LOINC, "33728-7")
STABLE, IMPROVED, WORSENED = (SCT, "359746009"), (SCT, "268910001"), (SCT, "271299001")
BRACHYTHERAPY, SEEDS, NUCLIDE = (SCT, "152198000"), (SCT, "169359004"), (SCT, "399315003")
OAR, L3, SPINE = (SCT, "1162586008"), (SCT, "55492004"), (SCT, "44300000")


def primary() -> dict:
    return condition("k", (SCT, "363346000"), meta={"profile": [MCODE + "mcode-primary-cancer-condition"]})


def size(**more: object) -> dict:
    held = [{"code": concept(LONGEST), "valueQuantity": quantity(3.2, "cm")}]
    return observation("size", SIZE, component=held, **more)


def local(name: str, **more: object) -> dict:
    return observation(name, (LOCAL, name), **more)


# Trap 1: ids and references


def test_a_bundle_id_with_an_underscore_and_urn_full_urls_is_read() -> None:
    bundle = {
        "resourceType": "Bundle",
        "id": "a_1",
        "type": "transaction",
        "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in (patient(), bone())],
    }
    assert lesions(read(*[bundle])) == [{"id": "l1", "site": "T11"}]


def test_a_reference_to_the_urn_of_an_entry_finds_it() -> None:
    lesion = bone(subject={"reference": "urn:uuid:x"})
    entries = [
        {"fullUrl": "urn:uuid:x", "resource": patient()},
        {"fullUrl": "urn:uuid:y", "resource": lesion},
    ]
    assert lesions(read({"resourceType": "Bundle", "entry": entries}))


def test_a_reference_to_the_same_id_on_another_server_is_another_patient() -> None:
    other = bone(subject={"reference": "https://other.example/Patient/p"})
    entries = [{"fullUrl": "https://here.example/Patient/p", "resource": patient()}, {"resource": other}]
    records = read_fhir({"resourceType": "Bundle", "entry": entries}, bindings(), "test")
    assert [("lesions" in record.document) for record in records] == [False, True]


def test_two_patients_make_two_records_that_share_nothing() -> None:
    other = bone("l2", FEMUR, subject={"reference": "Patient/q"})
    records = read_fhir([patient(), patient("q"), bone(), other], bindings(), "test")
    assert [(r.document["id"], lesions(r)[0]["site"]) for r in records] == [("p", "T11"), ("q", "Femur")]


def test_a_resource_without_subject_belongs_to_the_only_patient_and_to_none_of_two() -> None:
    orphan = {key: value for key, value in bone().items() if key != "subject"}
    assert lesions(read(patient(), orphan))
    records = read_fhir([patient(), patient("q"), orphan], bindings(), "test")
    assert all("lesions" not in r.document and "in no record" in whys(r, "Condition/l1") for r in records)


def test_an_observation_about_a_group_is_not_read() -> None:
    record = read(
        patient(), local("mriContraindication", valueBoolean=True, subject={"reference": "Group/g"})
    )
    assert record.document == {"id": "p"}
    assert "not about a patient" in whys(record, "Observation")


def test_two_different_resources_with_one_id_are_refused_with_both_places() -> None:
    with pytest.raises(InputError) as caught:
        read(patient(), bone(site=T11), bone(site=FEMUR))
    assert "[1] and [2]" in caught.value.problems[0].where
    assert caught.value.problems[0].remedy


def test_a_resource_repeated_word_for_word_is_read_once() -> None:
    assert len(lesions(read(patient(), bone(), bone()))) == 1


def test_ids_that_two_resource_types_share_stay_unique_in_the_record() -> None:
    record = read(
        patient("x"), *[{**r, "subject": {"reference": "Patient/x"}} for r in (bone("x"), course("x"))]
    )
    assert (record.document["id"], lesions(record)[0]["id"]) == ("x", "Condition-x")
    assert courses(record)[0]["id"] == "Procedure-x"


# Trap 2: two generations of one profile


def test_an_stu1_radiation_procedure_is_a_course_of_unknown_modality() -> None:
    old = course(
        code=concept((SCT, "108290001")), extension=[], performedPeriod=None, performedDateTime="2024-05"
    )
    record = read(patient(), old)
    assert courses(record) == [{"id": "c1", "endDate": "2024-05"}]
    assert "modality left unknown" in whys(record)


def test_an_stu1_radiation_profile_and_a_beam_code_are_an_external_course() -> None:
    profile = {"profile": [MCODE + "mcode-cancer-related-radiation-procedure"]}
    record = read(patient(), course(code=concept((SCT, "33195004")), extension=[], meta=profile))
    assert courses(record)[0]["modality"] == "ExternalBeamRadiotherapy"


@pytest.mark.parametrize("name", [
    "us/mcode/StructureDefinition/mcode-related-primary-cancer-condition",
    "StructureDefinition/condition-related",
])  # fmt: skip
def test_both_names_of_the_link_to_the_primary_cancer_are_known(name: str) -> None:
    link = {"url": f"http://hl7.org/fhir/{name}", "valueReference": {"reference": "Condition/k"}}
    plain = condition("k", (SCT, "254837009"))
    said = observation("s", STATUS, focus=focus("Condition/k"), valueCodeableConcept=concept(STABLE))
    assert read(patient(), bone(extension=[link]), plain, said).document["primaryControlled"] is True


# Trap 3: one course twice


def test_the_running_version_of_a_finished_course_is_not_added_to_it() -> None:
    shared = [{"system": "urn:x", "value": "C1"}]
    running = course("c0", volume(quantity(500, "cGy"), 1), status="in-progress", identifier=shared)
    record = read(patient(), running, course("c1", volume(quantity(2500, "cGy"), 5), identifier=shared))
    assert [c["totalDose"] for c in courses(record)] == [{"value": 2500, "unit": "cGy"}]
    assert "Procedure/c1 is the same course" in whys(record, "Procedure/c0")


def test_two_finished_versions_of_one_course_are_one_and_what_differs_is_unknown() -> None:
    shared = [{"system": "urn:x", "value": "C1"}]
    doses = [volume(quantity(dose, "Gy"), 10) for dose in (30, 28)]
    record = read(patient(), *[course(f"c{i}", d, identifier=shared) for i, d in enumerate(doses)])
    (only,) = courses(record)
    assert "totalDose" not in only
    assert only["fractionCount"] == {"value": 10}
    assert "courseDose differ, left unknown" in whys(record, "Procedure/c1")


def test_an_identifier_shared_by_courses_of_other_dates_does_not_merge_them() -> None:
    shared = [{"system": "urn:hospital", "value": "42"}]
    later = course("c2", identifier=shared, performedPeriod={"start": "2026-01-05", "end": "2026-01-09"})
    assert len(courses(read(patient(), course("c1", identifier=shared), later))) == 2


# Trap 4: sessions, units


def test_sessions_are_not_fractions() -> None:
    sessions = {"url": MCODE + "mcode-radiotherapy-sessions", "valueUnsignedInt": 6}
    record = read(patient(), course("c1", volume(quantity(20, "Gy"), 5), sessions))
    assert courses(record)[0]["fractionCount"] == {"value": 5}
    assert "sessions are not fractions" in whys(record)


def test_a_dose_in_centigray_keeps_its_unit_and_one_without_unit_text_is_read() -> None:
    dose = {"value": 3000, "system": "http://unitsofmeasure.org", "code": "cGy"}
    assert courses(read(patient(), course("c1", volume(dose, 10))))[0]["totalDose"] == {
        "value": 3000,
        "unit": "cGy",
    }


def test_a_gray_without_system_and_code_is_taken_with_a_note() -> None:
    record = read(patient(), course("c1", volume({"value": 30, "unit": "Gy"}, 10)))
    assert courses(record)[0]["totalDose"] == {"value": 30, "unit": "Gy"}
    assert "taken as the UCUM unit" in whys(record)


@pytest.mark.parametrize("dose", [
    {"value": 30},
    {"value": 30, "unit": "rad"},
    {"value": 30, "unit": "Gy", "system": "http://other.example", "code": "Gy"},
    {"value": 30, "unit": "Gy", "system": "http://unitsofmeasure.org", "code": "cGy"},
    {"value": "30", "unit": "Gy"},
    {"value": True, "unit": "Gy"},
    {"value": float("nan"), "unit": "Gy"},
    {"value": 30, "unit": "Gy", "comparator": "ad"},
])  # fmt: skip
def test_a_dose_that_cannot_be_read_for_sure_is_not_read(dose: dict) -> None:
    record = read(patient(), course("c1", volume(dose, 10)))
    assert "totalDose" not in courses(record)[0]
    assert record.notes


def test_fractions_follow_from_total_and_single_dose_only_when_exact() -> None:
    def mii(total: float, single: float) -> dict:
        parts = [
            {"url": "Applikationsart", "valueCodeableConcept": concept((APPLICATION, "P-ST"))},
            {"url": "Gesamtdosis", "valueQuantity": {"value": total, "unit": "Gy"}},
            {"url": "Einzeldosis", "valueQuantity": {"value": single, "unit": "Gy"}},
        ]
        held = {"url": MII + "mii-ex-onko-strahlentherapie-bestrahlung", "extension": parts}
        profile = {"profile": [MII + "mii-pr-onko-strahlentherapie"]}
        code = concept(("http://fhir.de/CodeSystem/bfarm/ops", "8-52"))
        return course(extension=[held], meta=profile, code=code)

    (exact,) = courses(read(patient(), mii(60, 12)))
    assert exact["fractionCount"] == {"value": 5}
    assert exact["modality"] == "ExternalBeamRadiotherapy"
    assert "fractionCount" not in courses(read(patient(), mii(60, 7)))[0]


APPLICATION = (
    "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/"
    "CodeSystem/mii-cs-onko-strahlentherapie-applikationsart"
)

# Traps 5 and 6: several volumes, and doses of another kind


def test_the_doses_of_several_volumes_are_neither_summed_nor_picked() -> None:
    volumes = [volume(quantity(8, "Gy"), 4), volume(quantity(7.2, "Gy"), 4, "BodyStructure/w")]
    record = read(patient(), course("c1", *volumes))
    assert "totalDose" not in courses(record)[0]
    assert any("8 Gy in 4; BodyStructure/w: 7.2 Gy in 4" in note.what for note in record.notes)


def test_the_dose_of_an_organ_at_risk_is_not_that_of_the_course() -> None:
    cord = {
        "resourceType": "BodyStructure",
        "id": "cord",
        "morphology": concept(OAR),
        "patient": {"reference": "Patient/p"},
    }
    given = course("c1", volume(quantity(30, "Gy"), 10), volume(quantity(26, "Gy"), 10, "BodyStructure/cord"))
    assert courses(read(patient(), cord, given))[0]["totalDose"] == {"value": 30, "unit": "Gy"}


def test_a_point_dose_is_not_that_of_the_course() -> None:
    point = volume(quantity(33, "Gy"), 10)
    url = "http://hl7.org/fhir/us/codex-radiation-therapy/StructureDefinition/codexrt-radiotherapy-point-dose"
    point["extension"].append({"url": url, "valueBoolean": True})
    record = read(patient(), course("c1", volume(quantity(30, "Gy"), 10), point))
    assert courses(record)[0]["totalDose"] == {"value": 30, "unit": "Gy"}


def test_a_radiobiologic_metric_is_reported_and_does_not_replace_the_dose() -> None:
    held = volume(quantity(7.2, "Gy"), 4)
    url = "http://hl7.org/fhir/us/codex-radiation-therapy/StructureDefinition/codexrt-radiobiologic-metric"
    held["extension"].append({"url": url, "valueQuantity": {"value": 52, "unit": "EQD2Gy(a/b = 2.5)"}})
    record = read(patient(), course("c1", held))
    assert courses(record)[0]["totalDose"] == {"value": 7.2, "unit": "Gy"}
    assert any("52 EQD2Gy(a/b = 2.5)" in note.what for note in record.notes)


# Trap 7: ECOG


def test_an_ecog_as_integer_as_component_and_as_answer_code_is_read() -> None:
    component = [{"code": concept((SCT, "423740007")), "valueCodeableConcept": concept((None, "3"))}]
    for resource, expected in (
        (observation("e", ECOG, valueInteger=1), 1),
        (observation("e", (SCT, "423690003"), component=component), 3),
        (observation("e", ECOG, valueCodeableConcept=concept((LOINC, "LA9624-3"))), 2),
        (observation("e", ECOG, valueCodeableConcept=concept((SCT, "425389002"))), 0),
    ):
        assert read(patient(), resource).document["ecogPerformanceStatus"] == {"value": expected}


def test_an_ecog_code_without_system_is_taken_with_a_note() -> None:
    record = read(patient(), observation("e", ECOG, valueCodeableConcept=concept((None, "3"))))
    assert "taken as the number" in whys(record)


@pytest.mark.parametrize("value", [
    {"valueInteger": 7},
    {"valueString": "1"},
    {"valueCodeableConcept": {"text": "1"}},
    {"valueInteger": 1, "interpretation": [{"coding": [{"system": LOINC, "code": "LA9625-0"}]}]},
    {"valueInteger": 1, "valueString": "2"},
    {"dataAbsentReason": {"text": "unknown"}},
])  # fmt: skip
def test_an_ecog_off_the_scale_in_words_or_in_contradiction_is_not_read(value: dict) -> None:
    record = read(patient(), observation("e", ECOG, **value))
    assert "ecogPerformanceStatus" not in record.document
    assert whys(record, "Observation/e")


def test_the_latest_ecog_before_the_reference_date_counts_and_its_age_is_told() -> None:
    stated = [("e1", "2025-01-10", 0), ("e2", "2026-05-02", 2), ("e3", "2026-12-01", 4)]
    resources = [observation(n, ECOG, valueInteger=v, effectiveDateTime=d) for n, d, v in stated]
    record = read(patient(), *resources, reference_date="2026-11-02")
    assert record.document == {
        "id": "p",
        "referenceDate": "2026-11-02",
        "ecogPerformanceStatus": {"value": 2},
    }
    assert "6 months before the reference date" in whys(record, "e2")
    assert "earlier value" in whys(record, "e1")
    assert "after the reference date" in whys(record, "e3")


def test_karnofsky_is_never_converted() -> None:
    record = read(patient(), observation("k", (LOINC, "89243-0"), valueInteger=90))
    assert record.document == {"id": "p"}
    assert "not converted" in whys(record)


# Trap 8: what is denied, doubted, withdrawn or over


@pytest.mark.parametrize(
    "code", ["refuted", "entered-in-error", "unconfirmed", "provisional", "differential"]
)
def test_a_metastasis_that_is_not_confirmed_is_no_lesion(code: str) -> None:
    record = read(patient(), bone(verificationStatus=verification(code)))
    assert lesions(record) == []
    assert code in whys(record, "Condition/l1")


@pytest.mark.parametrize("code", ["inactive", "remission", "resolved"])
def test_a_metastasis_that_is_over_is_no_lesion(code: str) -> None:
    status = concept(("http://terminology.hl7.org/CodeSystem/condition-clinical", code))
    assert lesions(read(patient(), bone(clinicalStatus=status))) == []


def test_a_condition_without_status_is_taken_as_stated_with_a_note() -> None:
    bare = {k: v for k, v in bone().items() if k not in ("clinicalStatus", "verificationStatus")}
    record = read(patient(), bare)
    assert len(lesions(record)) == 1
    assert "taken as stated" in whys(record)


def test_an_observation_of_metastasis_absent_is_no_lesion_and_present_is_one() -> None:
    absent = read(patient(), observation("m", BONE_METASTASIS, valueCodeableConcept=concept(ABSENT)))
    assert lesions(absent) == []
    assert "no lesion of the record" in whys(absent)
    assert (
        len(
            lesions(read(patient(), observation("m", BONE_METASTASIS, valueCodeableConcept=concept(PRESENT))))
        )
        == 1
    )


def test_an_organ_code_for_bone_is_one_lesion_without_site_and_another_organ_none() -> None:
    system = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-fernmetastasen"
    found = [
        lesions(
            read(
                patient(), observation("m", (SCT, "385421009"), valueCodeableConcept=concept((system, code)))
            )
        )
        for code in ("OSS", "PUL")
    ]
    assert found == [[{"id": "m"}], []]


def test_no_history_of_metastatic_cancer_is_no_fact() -> None:
    record = read(patient(), observation("h", (SCT, "1287652008"), valueBoolean=False))
    assert record.document == {"id": "p"}
    assert "turns the code round" in whys(record)


@pytest.mark.parametrize(
    "status", ["preliminary", "registered", "cancelled", "entered-in-error", "unknown", None]
)
def test_an_observation_that_is_not_final_is_no_fact(status: str | None) -> None:
    record = read(patient(), observation("e", ECOG, valueInteger=1, status=status))
    assert record.document == {"id": "p"}
    assert "not taken" in whys(record, "Observation/e")


def test_a_modifier_extension_stops_the_reading() -> None:
    modified = bone(modifierExtension=[{"url": "http://example.org/not", "valueBoolean": True}])
    assert lesions(read(patient(), modified)) == []


def test_compression_present_and_absent_on_one_day_is_refused_with_both_places() -> None:
    stated = [
        observation(
            n,
            COMPRESSION,
            valueCodeableConcept=concept(v),
            focus=focus("Condition/l1"),
            effectiveDateTime="2026-10-26",
        )
        for n, v in (("a", PRESENT), ("b", ABSENT))
    ]
    with pytest.raises(InputError) as caught:
        read(patient(), bone(), *stated)
    (problem,) = caught.value.problems
    assert "Observation/a" in problem.where
    assert "Observation/b" in problem.where
    assert problem.remedy


def test_the_later_of_two_findings_holds_and_undated_contradiction_is_unknown() -> None:
    def said(name: str, value: tuple[str, str], date: str | None) -> dict:
        more = {"effectiveDateTime": date} if date else {}
        return observation(
            name, COMPRESSION, valueCodeableConcept=concept(value), focus=focus("Condition/l1"), **more
        )

    later = read(patient(), bone(), said("a", PRESENT, "2026-01"), said("b", ABSENT, "2026-10-26"))
    assert lesions(later)[0]["cordCompression"] is False
    overlapping = read(patient(), bone(), said("a", PRESENT, "2026"), said("b", ABSENT, "2026-10-26"))
    assert "cordCompression" not in lesions(overlapping)[0]
    assert "left unknown" in whys(overlapping)


def test_an_active_compression_is_not_undone_by_a_later_observation() -> None:
    link = {
        "url": "http://hl7.org/fhir/StructureDefinition/condition-dueTo",
        "valueReference": {"reference": "Condition/l1"},
    }
    stands = condition("cc", COMPRESSION, extension=[link], recordedDate="2026-01-05")
    denied = observation(
        "o", COMPRESSION, valueBoolean=False, focus=focus("Condition/l1"), effectiveDateTime="2026-10-26"
    )
    assert lesions(read(patient(), bone(), stands))[0]["cordCompression"] is True
    assert "cordCompression" not in lesions(read(patient(), bone(), stands, denied))[0]


def test_a_metastasis_affirmed_and_denied_on_one_day_is_refused() -> None:
    denied = observation(
        "m", BONE_METASTASIS, valueCodeableConcept=concept(ABSENT), effectiveDateTime="2026-10-26"
    )
    with pytest.raises(InputError, match="Condition/l1 and Observation/m"):
        read(patient(), bone(recordedDate="2026-10-26"), denied)
    assert len(lesions(read(patient(), bone(recordedDate="2026-10-25"), denied))) == 1


def test_an_observation_whose_focus_is_someone_else_is_not_about_the_patient() -> None:
    for other in ("RelatedPerson/mother", "Patient/q"):
        record = read(patient(), observation("e", ECOG, valueInteger=1, focus=focus(other)))
        assert "ecogPerformanceStatus" not in record.document


# Trap 9: sites


@pytest.mark.parametrize(("site", "expected"), [
    ((SCT, "122496007"), "LumbarSpine"),
    ((SCT, "84667006"), "CervicalSpine"),
    ((SCT, "3572006"), "Spine"),
    ((SCT, "181839000"), "T11"),
    ((SCT, "29627003"), "Femur"),
    (("https://w3id.org/bonemet-kg/anatomy/", "D11"), "T11"),
])  # fmt: skip
def test_a_site_is_as_fine_as_its_code(site: tuple[str, str], expected: str) -> None:
    assert lesions(read(patient(), bone(site=site)))[0]["site"] == expected


@pytest.mark.parametrize("place", [
    concept(text="BWK 12"),
    concept(text="L6"),
    concept((SCT, "719537008")),
    concept((SCT, "118645006")),
    concept((SCT, "89546000")),
    concept(("https://w3id.org/bonemet-kg/anatomy/", "L6")),
    concept(T11, T12),
    concept(T11, display="T12 vertebra"),
    concept(T12, text="T13"),
])  # fmt: skip
def test_a_site_in_words_unmapped_or_in_contradiction_stays_unknown(place: dict) -> None:
    record = read(patient(), bone(bodySite=[place]))
    assert lesions(record) == [{"id": "l1"}]
    assert whys(record, "Condition/l1 bodySite[0]")


def test_a_region_code_beside_words_that_name_a_level_stays_a_region() -> None:
    place = concept((SCT, "35769007"), text="BWK 12 / T12")
    assert lesions(read(patient(), bone(bodySite=[place])))[0]["site"] == "ThoracicSpine"


def test_a_side_comes_from_the_qualifier_of_the_body_site() -> None:
    left = {"url": MCODE + "mcode-laterality-qualifier", "valueCodeableConcept": concept((SCT, "7771000"))}
    place = {**concept(FEMUR), "extension": [left]}
    assert lesions(read(patient(), bone(bodySite=[place]))) == [
        {"id": "l1", "site": "Femur", "laterality": "LeftSide"}
    ]


def test_a_body_structure_gives_site_and_side_to_its_condition() -> None:
    structure = tumour("b1", "l1", FEMUR, locationQualifier=[concept((SCT, "24028007"))])
    record = read(patient(), bone(site=None), structure)
    assert lesions(record) == [{"id": "l1", "site": "Femur", "laterality": "RightSide"}]
    assert record.provenance["lesions[0].site"] == "BodyStructure/b1 location"


def test_a_condition_with_two_tumours_is_two_lesions() -> None:
    record = read(patient(), bone(site=None), tumour("b1", "l1", T11), tumour("b2", "l1", FEMUR))
    assert [(one["id"], one["site"]) for one in lesions(record)] == [("b1", "T11"), ("b2", "Femur")]


def tumour(name: str, of: str, site: tuple[str, str], **more: object) -> dict:
    link = {"url": MCODE + "mcode-related-condition", "valueReference": {"reference": f"Condition/{of}"}}
    made = {"resourceType": "BodyStructure", "id": name, "extension": [link], "location": concept(site)}
    return {**made, "patient": {"reference": "Patient/p"}, **more}


def test_conditions_that_may_be_one_metastasis_are_not_counted_twice() -> None:
    same_level = read(patient(), bone("l1", T11), bone("l2", T11))
    assert [one["id"] for one in lesions(same_level)] == ["l1"]
    vague = read(patient(), bone("l1", None), bone("l2", T11), bone("l3", (SCT, "35769007")))
    assert [one["id"] for one in lesions(vague)] == ["l2"]
    assert "lest it counts twice" in whys(vague, "Condition/l1")
    assert len(lesions(read(patient(), bone("l1", T11), bone("l2", T12)))) == 2


# Trap 10: wrong codes


def test_a_code_whose_check_digit_fails_is_ignored_with_a_note() -> None:
    for system, code in ((SCT, "18603003"), (LOINC, "39638-7")):
        record = read(patient(), observation("x", (system, code), valueBoolean=True))
        assert "check digit fails" in whys(record)
    wrong, right = (SCT, "94222009"), BONE_METASTASIS
    assert len(lesions(read(patient(), {**bone(), "code": concept(wrong, right)}))) == 1
    assert lesions(read(patient(), {**bone(), "code": concept(wrong)})) == []


def test_the_reason_of_a_course_names_no_lesion_when_it_is_another_disease() -> None:
    brain = {"reasonCode": [concept(("http://hl7.org/fhir/sid/icd-10-cm", "C71.9"))]}
    assert "treatedLesions" not in courses(read(patient(), bone(), course(**brain)))[0]


# Trap 11: techniques


def test_a_modality_in_words_only_is_unknown() -> None:
    record = read(patient(), course(extension=[modality((SCT, "UNC"))], code=concept(COURSE, text="SBRT")))
    assert "modality" not in courses(record)[0]
    assert "no modality stated" in whys(record)


def test_modalities_that_contradict_each_other_are_unknown() -> None:
    record = read(patient(), course(code=concept((SCT, "33195004")), extension=[modality(BRACHYTHERAPY)]))
    assert "modality" not in courses(record)[0]
    assert "contradict" in whys(record)


@pytest.mark.parametrize(("code", "expected"), [
    (BRACHYTHERAPY, "Brachytherapy"),
    (SEEDS, "Brachytherapy"),
    (NUCLIDE, "RadionuclideTherapy"),
    ((SCT, "440252007"), "RadionuclideTherapy"),
    ((SCT, "395096001"), "ExternalBeamRadiotherapy"),
])  # fmt: skip
def test_sealed_sources_are_brachytherapy_and_unsealed_ones_radionuclide_therapy(
    code: tuple[str, str], expected: str
) -> None:
    assert courses(read(patient(), course(extension=[modality(code)])))[0]["modality"] == expected


def test_a_radium_course_called_brachytherapy_leaves_the_modality_open() -> None:
    record = read(patient(), course(code=concept((SCT, "700357007")), extension=[]))
    assert "modality" not in courses(record)[0]


def test_an_administration_of_a_radionuclide_is_a_past_course() -> None:
    given = {
        "resourceType": "MedicationAdministration",
        "id": "ra",
        "status": "completed",
        "medicationCodeableConcept": concept((SCT, "24853006")),
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-03-02",
    }
    expected = [{"id": "ra", "modality": "RadionuclideTherapy", "endDate": "2026-03-02"}]
    assert courses(read(patient(), given)) == expected
    assert courses(read(patient(), {**given, "status": "not-done"})) == []


# Trap 12: a code of secondary cancer used as a primary


def test_a_disease_status_needs_a_condition_declared_primary() -> None:
    wrong = condition("k", (SCT, "314994000"))
    said = observation("s", STATUS, focus=focus("Condition/k"), valueCodeableConcept=concept(STABLE))
    record = read(patient(), wrong, said)
    assert "primaryControlled" not in record.document
    assert "not the primary cancer" in whys(record)


@pytest.mark.parametrize(("code", "expected"), [(STABLE, True), (IMPROVED, True), (WORSENED, False)])
def test_the_status_of_the_primary_says_whether_it_is_controlled(
    code: tuple[str, str], expected: bool
) -> None:
    said = observation("s", STATUS, focus=focus("Condition/k"), valueCodeableConcept=concept(code))
    assert read(patient(), primary(), said).document["primaryControlled"] is expected


def test_an_undetermined_or_unfocused_status_leaves_control_unknown() -> None:
    unknown = observation(
        "s", STATUS, focus=focus("Condition/k"), valueCodeableConcept=concept((SCT, "709137006"))
    )
    loose = observation("s", STATUS, valueCodeableConcept=concept(STABLE))
    for said, why in ((unknown, "does not know"), (loose, "not the primary cancer")):
        record = read(patient(), primary(), said)
        assert "primaryControlled" not in record.document
        assert why in whys(record, "Observation/s")


# Trap 13: courses that were not given


@pytest.mark.parametrize("status", [
    "not-done", "in-progress", "preparation", "on-hold", "unknown", "entered-in-error", "final", None,
])  # fmt: skip
def test_a_course_that_is_not_known_to_be_given_is_not_past(status: str | None) -> None:
    record = read(patient(), course("c1", volume(quantity(30, "Gy"), 10), status=status))
    assert courses(record) == []
    assert "status" in whys(record, "Procedure/c1")


def test_a_stopped_course_is_past_with_the_dose_it_delivered() -> None:
    record = read(patient(), course("c1", volume(quantity(12, "Gy"), 4), status="stopped"))
    assert courses(record)[0]["totalDose"] == {"value": 12, "unit": "Gy"}


def test_a_course_that_delivered_nothing_was_not_given() -> None:
    record = read(patient(), course("c1", volume(quantity(0, "Gy"), 0), status="stopped"))
    assert courses(record) == []
    assert "cancelled before its start" in whys(record)


def test_a_course_after_the_reference_date_is_not_past() -> None:
    assert courses(read(patient(), course(), reference_date="2025-11-01")) == []
    assert len(courses(read(patient(), course(), reference_date="2025-11-14"))) == 1


def test_phases_are_parts_and_requests_are_plans() -> None:
    phase = course("ph", code=concept((SCT, "1222565005")), partOf=[{"reference": "Procedure/c1"}])
    plan = {"resourceType": "ServiceRequest", "id": "r", "status": "completed", "intent": "order"}
    record = read(
        patient(), course(), phase, {**plan, "code": concept(COURSE), "subject": {"reference": "Patient/p"}}
    )
    assert [c["id"] for c in courses(record)] == ["c1"]
    assert "part of a course" in whys(record, "Procedure/ph")
    assert "not a past course" in whys(record, "ServiceRequest/r")


def test_a_period_that_ends_before_it_starts_gives_no_dates() -> None:
    record = read(patient(), course(performedPeriod={"start": "2026-02-01", "end": "2026-01-01"}))
    assert not {"startDate", "endDate"} & set(courses(record)[0])


# What a treatment treated


def test_a_course_treated_the_lesion_it_was_given_for_unless_elsewhere() -> None:
    reason = {"reasonReference": focus("Condition/l1")}
    assert courses(read(patient(), bone(), course(**reason)))[0]["treatedLesions"] == ["l1"]
    elsewhere = read(patient(), bone(), course(**reason, bodySite=[concept(FEMUR)]))
    assert "treatedLesions" not in courses(elsewhere)[0]
    assert "at another site" in whys(elsewhere)


def test_a_decompression_is_a_surgery_and_a_lobectomy_is_none() -> None:
    def operation(code: tuple[str, str], **more: object) -> dict:
        profile = {"profile": [MCODE + "mcode-cancer-related-surgical-procedure"]}
        made = course("op", code=concept(code), extension=[], performedPeriod=None, meta=profile)
        return {**made, "performedDateTime": "2026-05-04T10:00:00Z", **more}

    record = read(patient(), bone(), operation((SCT, "5765005"), reasonReference=focus("Condition/l1")))
    assert record.document["surgeries"] == [
        {"id": "op", "treatedLesions": ["l1"], "operationDate": "2026-05-04"}
    ]
    lung = read(patient(), bone(), operation((SCT, "359615001"), bodySite=[concept((SCT, "31094006"))]))
    assert "surgeries" not in lung.document
    femur = read(patient(), operation((SCT, "359615001"), bodySite=[concept(FEMUR)]))
    assert femur.document["surgeries"] == [{"id": "op", "site": "Femur", "operationDate": "2026-05-04"}]


# What a finding is about


def test_pain_is_placed_on_the_only_lesion_and_on_none_of_two() -> None:
    pain = condition("pain", NEUROPATHIC)
    assert lesions(read(patient(), bone(), pain))[0]["painType"] == "NeuropathicPain"
    record = read(patient(), bone("l1", T11), bone("l2", FEMUR), pain)
    assert all("painType" not in one for one in lesions(record))
    assert "which lesion" in whys(record, "Condition/pain")


def test_pain_at_another_site_is_not_that_of_the_only_lesion() -> None:
    assert "painType" not in lesions(read(patient(), bone(), condition("pain", BONE_PAIN, FEMUR)))[0]
    assert (
        "painType" not in lesions(read(patient(), bone(), condition("pain", BONE_PAIN, (SCT, "39607008"))))[0]
    )


def test_bone_pain_is_pain_of_some_kind_and_a_neuropathic_part_refines_it() -> None:
    assert lesions(read(patient(), bone(), condition("a", BONE_PAIN)))[0]["painType"] == "Painful"
    both = read(patient(), bone(), condition("a", BONE_PAIN), condition("b", NEUROPATHIC))
    assert lesions(both)[0]["painType"] == "NeuropathicPain"


def test_neuropathic_pain_absent_is_not_the_absence_of_pain() -> None:
    record = read(patient(), bone(), observation("n", NEUROPATHIC, valueCodeableConcept=concept(ABSENT)))
    assert "painType" not in lesions(record)[0]
    assert "leaves other values" in whys(record)


def test_a_fracture_goes_to_the_lesion_at_its_site() -> None:
    record = read(patient(), bone("l1", T11), bone("l2", T12), condition("f", FRACTURE, T12))
    assert [one.get("pathologicalFracture") for one in lesions(record)] == [None, True]


def test_a_compression_is_not_placed_on_a_lesion_that_is_not_near_the_canal() -> None:
    compression = condition("cc", COMPRESSION)
    assert lesions(read(patient(), bone("l1", T11), compression))[0]["cordCompression"] is True
    for site in (FEMUR, None):
        assert "cordCompression" not in lesions(read(patient(), bone("l1", site), compression))[0]


def test_a_size_needs_a_focus_and_no_specimen() -> None:
    on = {"focus": focus("Condition/l1")}
    assert lesions(read(patient(), bone(), size(**on)))[0]["diameter"] == {"value": 3.2, "unit": "cm"}
    for wrong in ({}, {"specimen": {"display": "s"}}, {**on, "specimen": {"display": "s"}}):
        record = read(patient(), bone(), size(**wrong))
        assert "diameter" not in lesions(record)[0]
        assert whys(record, "Observation/size")


# Local observations


def test_a_local_observation_states_a_feature_of_the_patient_or_of_a_lesion() -> None:
    record = read(
        patient(),
        bone(),
        local("lifeExpectancy", valueRange={"low": quantity(6, "mo"), "high": quantity(12, "mo")}),
        local("mriContraindication", valueBoolean=False),
        local("canalNarrowing", valueQuantity=quantity(20, "%"), focus=focus("Condition/l1")),
        local(
            "spinalStability",
            valueCodeableConcept=concept((LOCAL, "StableSpine")),
            focus=focus("Condition/l1"),
        ),
        local(
            "intent",
            valueCodeableConcept=concept(("https://w3id.org/bonemet-kg/radiotherapy/", "AblativeIntent")),
        ),
    )
    assert record.document["lifeExpectancy"] == {"minInclusive": 6, "maxInclusive": 12, "unit": "mo"}
    assert record.document["mriContraindication"] is False
    assert lesions(record)[0]["canalNarrowing"] == {"value": 20, "unit": "%"}
    assert lesions(record)[0]["spinalStability"] == "StableSpine"
    assert lesions(record)[0]["prescription"] == {"intent": "AblativeIntent"}
    assert record.provenance["lesions[0].prescription.intent"] == "Observation/intent valueCodeableConcept"


@pytest.mark.parametrize(("comparator", "facet"), [
    ("<", "maxExclusive"), ("<=", "maxInclusive"), (">=", "minInclusive"), (">", "minExclusive"),
])  # fmt: skip
def test_a_comparator_is_a_bound(comparator: str, facet: str) -> None:
    record = read(patient(), local("lifeExpectancy", valueQuantity=quantity(3, "mo", comparator)))
    assert record.document["lifeExpectancy"] == {facet: 3, "unit": "mo"}


@pytest.mark.parametrize("value", [
    {"valueInteger": 6},
    {"valueQuantity": quantity(6, "cm")},
    {"valueRange": {"low": quantity(12, "mo"), "high": quantity(6, "mo")}},
    {"valueRange": {"low": quantity(6, "mo"), "high": quantity(1, "a")}},
    {"valueRange": {}},
    {"valueString": "six months"},
])  # fmt: skip
def test_a_local_value_that_cannot_be_read_for_sure_is_not_read(value: dict) -> None:
    record = read(patient(), local("lifeExpectancy", **value))
    assert "lifeExpectancy" not in record.document
    assert whys(record, "Observation/lifeExpectancy")


def test_no_list_is_ever_declared_complete() -> None:
    record = read(
        patient(),
        bone(),
        local("allMetastasesListed", valueBoolean=True),
        {"resourceType": "List", "id": "x", "mode": "snapshot"},
    )
    assert not [key for key in record.document if key.startswith("all")]
    assert "unmapped" in whys(record, "Observation/allMetastasesListed")


def test_the_reference_date_is_never_invented() -> None:
    assert "referenceDate" not in read(patient()).document
    with pytest.raises(InputError, match="reference date"):
        read(patient(), reference_date="tomorrow")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"deceasedDateTime": "2026-12-01T08:00:00+01:00"}, "2026-12-01"),
        ({"deceasedDateTime": "2026-12"}, "2026-12"),
        ({"deceasedBoolean": True}, None),
        ({"deceasedBoolean": False}, None),
        ({}, None),
    ],
)
def test_a_date_of_death_is_taken_and_a_death_without_one_is_noted(
    told: dict[str, object], expected: str | None
) -> None:
    record = read({**patient(), **told})
    assert record.document.get("deathDate") == expected
    assert ("has died" in whys(record, "Patient/")) is any(told.values())
