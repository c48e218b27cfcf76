"""What the FHIR tests share: bindings, small resources, and one helper that reads them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from kg_service.importers.fhir import FhirBindings, FhirRecord, read_fhir
from kg_service.knowledge import DATA_ROOT, load_graph
from kg_service.namespaces import REC
from kg_service.schema import RecordSchema

DATA = Path(__file__).parent / "data" / "fhir"
EXAMPLES = DATA_ROOT / "examples" / "fhir"
SCT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/StructureDefinition/"
LOCAL = str(REC)

BONE_METASTASIS = (SCT, "94222008")
COMPRESSION = (SCT, "71286001")
PRESENT, ABSENT = (SCT, "52101004"), (SCT, "2667000")
COURSE = (SCT, "1217123003")
EXTERNAL = (SCT, "1156506007")
T11, T12, FEMUR = (SCT, "52120002"), (SCT, "280849005"), (SCT, "71341001")


@cache
def bindings() -> FhirBindings:
    graph = load_graph()
    return FhirBindings(graph, RecordSchema(graph))


def load(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8"))


def files(folder: str, pattern: str = "*.json") -> list[Path]:
    return sorted((DATA / folder).glob(pattern))


def read(*resources: object, reference_date: str | None = None) -> FhirRecord:
    """Read resources about one patient into one record."""
    records = read_fhir(list(resources), bindings(), "test", reference_date)
    assert len(records) == 1
    return records[0]


def whys(record: FhirRecord, where: str = "") -> str:
    """Return the reasons of the notes on a place, one per line."""
    return "\n".join(note.why for note in record.notes if where in note.where)


def lesions(record: FhirRecord) -> list[dict[str, object]]:
    return record.document.get("lesions", [])  # type: ignore[return-value]


def courses(record: FhirRecord) -> list[dict[str, object]]:
    return record.document.get("previousCourses", [])  # type: ignore[return-value]


def concept(*codings: tuple[str | None, str], text: str | None = None, display: str | None = None) -> dict:
    listed = [{k: v for k, v in (("system", s), ("code", c), ("display", display)) if v} for s, c in codings]
    return {**({"coding": listed} if listed else {}), **({"text": text} if text else {})}


def patient(name: str = "p") -> dict:
    return {"resourceType": "Patient", "id": name}


def condition(name: str, code: tuple[str, str], site: tuple[str, str] | None = None, **more: object) -> dict:
    made = {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": concept(("http://terminology.hl7.org/CodeSystem/condition-clinical", "active")),
        "verificationStatus": concept(
            ("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed")
        ),
        "code": concept(code),
        "subject": {"reference": "Patient/p"},
        **({"bodySite": [concept(site)]} if site else {}),
    }
    return {**made, **more}


def bone(name: str = "l1", site: tuple[str, str] | None = T11, **more: object) -> dict:
    return condition(name, BONE_METASTASIS, site, **more)


def verification(code: str) -> dict:
    return concept(("http://terminology.hl7.org/CodeSystem/condition-ver-status", code))


def observation(name: str, code: tuple[str | None, str], **more: object) -> dict:
    made = {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": concept(code),
        "subject": {"reference": "Patient/p"},
    }
    return {**made, **more}


def quantity(value: float, unit: str, comparator: str | None = None) -> dict:
    made = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return {**made, **({"comparator": comparator} if comparator else {})}


def focus(*references: str) -> list[dict]:
    return [{"reference": one} for one in references]


def volume(dose: dict, fractions: int | None = None, reference: str = "BodyStructure/v") -> dict:
    parts = [
        {"url": "volume", "valueReference": {"reference": reference}},
        {"url": "totalDoseDelivered", "valueQuantity": dose},
    ]
    if fractions is not None:
        parts.append({"url": "fractionsDelivered", "valueUnsignedInt": fractions})
    return {"url": MCODE + "mcode-radiotherapy-dose-delivered-to-volume", "extension": parts}


def modality(code: tuple[str, str]) -> dict:
    inner = {"url": MCODE + "mcode-radiotherapy-modality", "valueCodeableConcept": concept(code)}
    return {"url": MCODE + "mcode-radiotherapy-modality-and-technique", "extension": [inner]}


def course(name: str = "c1", *extensions: dict, **more: object) -> dict:
    made = {
        "resourceType": "Procedure",
        "id": name,
        "status": "completed",
        "code": concept(COURSE),
        "subject": {"reference": "Patient/p"},
        "performedPeriod": {"start": "2025-11-03", "end": "2025-11-14"},
        "extension": [modality(EXTERNAL), *extensions],
    }
    return {**made, **more}
