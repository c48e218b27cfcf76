"""Real FHIR written by others, and our own bundle: what each yields, worked out by hand."""

from __future__ import annotations

import json
import warnings

import pytest
from fhir_support import DATA, EXAMPLES, bindings, files, load, whys

from kg_service.importers.fhir import FhirRecord, is_fhir, read_fhir
from kg_service.service import KnowledgeBase

EXTERNAL = "ExternalBeamRadiotherapy"
BREAST, PROSTATE = "RadiotherapyCourseSummary-XRTS-04-22B-01-Breast-2P-3V", "RadiotherapyCourseSummary-XRTS-0"


def read_folder(folder: str, count: int) -> dict[object, FhirRecord]:
    """Read a folder of single resources as one list; return the records by patient."""
    paths = files(folder)
    assert len(paths) == count
    records = read_fhir([load(path) for path in paths], bindings(), folder)
    return {record.document["id"]: record for record in records}


def test_the_trial_matching_bundle_has_one_bone_lesion_without_site_and_an_old_ecog() -> None:
    (path,) = files("mcode-trial-matching")
    (record,) = read_fhir(load(path), bindings(), path.name)
    assert record.document == {
        "id": "mCODETrialMatchingPatientExample01",
        "ecogPerformanceStatus": {"value": 1},
        "lesions": [{"id": "mCODETrialMatchingSecondaryCancerCondition03PatientExample01"}],
    }
    assert "of 2019-04-01" in whys(record, "ECOG")
    assert "site left unknown" in whys(record, "SecondaryCancerCondition03")
    assert "unmapped" in whys(record, "SecondaryCancerCondition02")


def test_the_demonstration_bundle_is_the_real_file_byte_for_byte() -> None:
    (path,) = files("mcode-trial-matching")
    assert (EXAMPLES / path.name).read_bytes() == path.read_bytes()


def test_the_mcode_examples_yield_an_ecog_and_no_lesion() -> None:
    records = read_folder("mcode-ig", 18)
    assert {name: record.document for name, record in records.items()} == {
        "cancer-patient-john-anyperson": {
            "id": "cancer-patient-john-anyperson",
            "ecogPerformanceStatus": {"value": 0},
        },
        "cancer-patient-eve-anyperson": {"id": "cancer-patient-eve-anyperson"},
        "cancer-patient-adam-everyman": {"id": "cancer-patient-adam-everyman"},
    }
    john = records["cancer-patient-john-anyperson"]
    assert "not converted" in whys(john, "karnofsky")
    assert "turns the code round" in whys(john, "no-history")
    assert "not the primary cancer" in whys(john, "disease-status")
    assert "not known to be on a bone" in whys(john, "lobectomy")
    assert "not one lesion" in whys(records["cancer-patient-eve-anyperson"], "tumor-size")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("focus-and-specimen", "not both nor neither"),
        ("neither", "not both nor neither"),
        ("specimen-only", "a specimen"),
    ],
)
def test_the_sizes_of_the_invariant_tests_are_not_taken(name: str, why: str) -> None:
    (path,) = files("mcode-ig-invariant-tests", f"*invariant_{name}.json")
    (record,) = read_fhir(load(path), bindings(), path.name)
    assert record.document == {"id": "cancer-patient-eve-anyperson"}
    assert why in whys(record, "tumor-size-pathology")


def test_the_invariant_tests_are_three_files() -> None:
    assert len(files("mcode-ig-invariant-tests")) == 3


def test_the_radiotherapy_examples_yield_each_course_once() -> None:
    records = read_folder("codex-rt-ig", 48)
    found = {name: record.document.get("previousCourses") for name, record in records.items()}
    both = {"id": f"{PROSTATE}1-22B-01-Prostate-1P-1V", "modality": EXTERNAL, "startDate": "2021-09-06"}
    assert found == {
        "Patient-101": [
            {
                "id": "RadiotherapyCourseSummary-101-RTTD-BilateralBreast",
                "modality": EXTERNAL,
                "startDate": "2020-10-27",
                "endDate": "2020-10-28",
            }
        ],
        "Patient-6": None,
        "Patient-XRTS-01-22B": [
            {
                **both,
                "endDate": "2021-09-07",
                "totalDose": {"value": 400, "unit": "cGy"},
                "fractionCount": {"value": 2},
            }
        ],
        "Patient-XRTS-03-22B": [
            {
                "id": f"{PROSTATE}3-22B-01-Prostate-1P-3V",
                "modality": EXTERNAL,
                "startDate": "2021-09-06",
                "endDate": "2021-09-10",
                "fractionCount": {"value": 4},
            }
        ],
        "Patient-XRTS-04-22B": [
            {"id": BREAST, "modality": EXTERNAL, "startDate": "2021-09-06", "endDate": "2021-09-17"}
        ],
    }


def test_the_radiotherapy_examples_say_what_was_left_out() -> None:
    records = read_folder("codex-rt-ig", 48)
    assert "is the same course" in whys(records["Patient-XRTS-01-22B"], "1P-1V-1Fx")
    assert "neither summed nor picked" in whys(records["Patient-XRTS-03-22B"], "1P-3V")
    assert any("EQD2" in note.what for note in records["Patient-XRTS-03-22B"].notes)
    assert "status in-progress" in whys(records["Patient-6"], "CourseSummary-04")
    assert "not as local" in whys(records["Patient-6"], "disease-status")
    assert "primaryControlled" not in records["Patient-6"].document
    assert "has died" in whys(records["Patient-XRTS-03-22B"], "Patient/")


def test_the_german_examples_yield_an_ecog_from_a_bare_code_and_no_course_of_status_final() -> None:
    (record,) = read_folder("mii-onko", 8).values()
    assert record.document == {"id": "example", "ecogPerformanceStatus": {"value": 3}}
    assert "without system" in "".join(n.what for n in record.notes if "leistungszustand" in n.where)
    assert "status final is not one of R4" in whys(record, "strahlentherapie")
    assert "states no bone lesion" in whys(record, "fernmetastasen")


def test_the_german_course_is_read_once_its_status_is_one_of_r4() -> None:
    (path,) = files("mii-onko", "Procedure-mii-exa-onko-strahlentherapie.json")
    (record,) = read_fhir({**load(path), "status": "completed"}, bindings(), path.name)
    assert record.document["previousCourses"] == [
        {
            "id": "mii-exa-onko-strahlentherapie",
            "modality": EXTERNAL,
            "startDate": "2019-07-04",
            "endDate": "2019-09-14",
            "totalDose": {"value": 60, "unit": "Gy"},
            "fractionCount": {"value": 5},
        }
    ]
    assert "5 follows exactly" in whys(record)


def test_our_own_bundle_is_read_whole() -> None:
    (record,) = read_fhir(load(EXAMPLES / "synthetic-spine.json"), bindings(), "synthetic", "2026-11-02")
    assert record.document == {
        "id": "spine-1",
        "referenceDate": "2026-11-02",
        "ecogPerformanceStatus": {"value": 1},
        "primaryControlled": True,
        "lifeExpectancy": {"minInclusive": 12, "unit": "mo"},
        "mriContraindication": False,
        "involvedSiteCount": {"value": 1},
        "lesions": [
            {
                "id": "t11",
                "site": "T11",
                "painType": "NeuropathicPain",
                "cordCompression": False,
                "diameter": {"value": 32, "unit": "mm"},
                "spinalStability": "StableSpine",
                "canalNarrowing": {"value": 10, "unit": "%"},
                "tumourCordDistance": {"value": 6, "unit": "mm"},
                "wellDelineated": True,
                "fractureRisk": False,
                "prescription": {"boneOncologyBoardValidated": True},
            }
        ],
        "previousCourses": [
            {
                "id": "course-2025",
                "modality": EXTERNAL,
                "startDate": "2025-02-03",
                "endDate": "2025-02-14",
                "totalDose": {"value": 3000, "unit": "cGy"},
                "fractionCount": {"value": 10},
                "site": "L3",
            }
        ],
    }
    assert len(record.notes) == 3


def test_every_value_of_our_bundle_has_a_provenance() -> None:
    (record,) = read_fhir(load(EXAMPLES / "synthetic-spine.json"), bindings(), "synthetic", "2026-11-02")
    assert set(record.provenance) == set(_paths(record.document))


@pytest.mark.parametrize("path", [EXAMPLES / "synthetic-spine.json"])
def test_our_bundle_is_valid_r4b(path: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fhir.resources.R4B.bundle import Bundle
    bundle = Bundle.model_validate_json((EXAMPLES / "synthetic-spine.json").read_text(encoding="utf-8"))
    assert len(bundle.entry) == 20


def test_every_real_file_is_recognised_as_fhir_and_a_record_is_not() -> None:
    paths = sorted(DATA.rglob("*.json"))
    assert len(paths) == 78
    assert all(is_fhir(load(path)) for path in paths)
    assert not is_fhir({"id": "p", "lesions": []})
    assert not is_fhir([])


@pytest.mark.parametrize(("folder", "patients"), [("mcode-ig", 3), ("codex-rt-ig", 5), ("mii-onko", 1)])
def test_the_records_of_real_files_are_accepted_by_the_record_model(
    base: KnowledgeBase, folder: str, patients: int
) -> None:
    resources = [load(path) for path in files(folder)]
    assert len(base.read_document(resources, folder, "2026-11-02")) == patients


def test_the_records_of_the_demonstration_are_accepted_by_the_record_model(base: KnowledgeBase) -> None:
    paths = sorted(EXAMPLES.glob("*.json"))
    assert len(paths) == 2
    for path in paths:
        (record,) = base.read_document(load(path), path.name, "2026-11-02")
        assert record.notes


def test_the_order_of_the_resources_does_not_change_what_is_known() -> None:
    resources = [load(path) for path in files("codex-rt-ig")]
    found = [read_fhir(order, bindings(), "x") for order in (resources, resources[::-1])]
    documents = [sorted(json.dumps(r.document, sort_keys=True) for r in records) for records in found]
    assert documents[0] == documents[1]


def _paths(document: object, path: str = "") -> list[str]:
    """Return the paths of the values of a record, quantities and lists of ids as one value each."""
    if not isinstance(document, dict):
        return [path]
    found = []
    for key, value in document.items():
        place = f"{path}.{key}" if path else key
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            found += [p for i, one in enumerate(value) for p in _paths(one, f"{place}[{i}]")]
        elif key == "prescription":
            found += _paths(value, place)
        else:
            found.append(place)
    return found
