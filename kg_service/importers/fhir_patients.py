"""The resources of a document, sorted by the patient they are about."""

from __future__ import annotations

from dataclasses import dataclass, field

from kg_service.errors import InputError, Problem
from kg_service.importers.fhir_bundle import UUID, Index, Opened, Resource, View
from kg_service.record import Note

ABOUT_A_PATIENT = frozenset(
    {"BodyStructure", "Condition", "MedicationAdministration", "Observation", "Procedure", "ServiceRequest"}
)


@dataclass
class PatientFile:
    """Everything about one patient.

    Attributes
    ----------
    patient : Resource or None
        The Patient resource, when the document holds it.
    name : str
        Id for the record.
    """

    name: str
    patient: Resource | None
    resources: list[Resource] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def by_patient(opened: Opened, index: Index, source: str) -> list[PatientFile]:
    """Return one file per patient, told apart by the subjects of the resources.

    Raises
    ------
    InputError
        When nothing in the document is about a patient.
    """
    patients = [r for r in opened.resources if r.kind == "Patient"]
    files = {p.place: PatientFile(p.id or tail_of(p.url) or "patient", p, [p]) for p in patients}
    homeless = [r for r in opened.resources if r.kind != "Patient" and not _file(r, index, files, opened)]
    if not files:
        remedy = "Give the Patient, or resources whose subject names one."
        raise InputError([Problem(source, "no patient", "at least one resource about a patient", remedy)])
    for resource in homeless:
        _house(resource, list(files.values()))
    for key, one in files.items():
        one.notes.extend(opened.notes)
        if [other.name for other in files.values()].count(one.name) > 1:
            one.name = key
    return list(files.values())


def _file(resource: Resource, index: Index, files: dict[str, PatientFile], opened: Opened) -> bool:
    """Put a resource into the file of the patient it names; return whether it names anything."""
    view = resource.view([])
    target = subject_of(view)
    if target is None:
        return False
    reference = _subject(view)
    found = index.resolve(reference, resource) or _with_uuid(target, files) or _lone_nameless(opened)
    if (found.kind if found else type_named(target)) != "Patient":
        opened.notes.append(Note(resource.place, f"subject {target}", "not about a patient; not read"))
        return True
    key = found.place if found else target.split("/_history/", 1)[0]
    if key not in files:
        files[key] = PatientFile(tail_of(key) or key, found)
        files[key].notes.append(Note(key, "no Patient resource", "the record stands on what refers to it"))
    files[key].resources.append(resource)
    return True


def subject_of(view: View) -> str | None:
    """Return the reference by which a resource names whom it is about, or None."""
    reference = _subject(view)
    return reference.text("reference") if reference else None


def _subject(view: View) -> View | None:
    return view.item("subject") or view.item("patient")


def type_named(target: str) -> str:
    """Return the resource type that an unresolved reference names; a bare URN or id may be a patient."""
    parts = target.split("/_history/", 1)[0].rsplit("/", 2)
    return parts[-2] if len(parts) > 1 and not target.startswith("urn:") else "Patient"


def _with_uuid(target: str, files: dict[str, PatientFile]) -> Resource | None:
    """Return the Patient whose id is a UUID, when nothing has a fullUrl and other types may share the id."""
    file = files.get(f"Patient/{target.removeprefix(UUID)}") if target.startswith(UUID) else None
    return file.patient if file and file.patient and file.patient.url is None else None


def _lone_nameless(opened: Opened) -> Resource | None:
    """Return the only Patient of a document when nothing could refer to it by name."""
    patients = [r for r in opened.resources if r.kind == "Patient"]
    return patients[0] if len(patients) == 1 and not patients[0].id and not patients[0].url else None


def _house(resource: Resource, files: list[PatientFile]) -> None:
    """Place a resource that names no patient: with the only one there is; with all when it is about none."""
    about = resource.kind in ABOUT_A_PATIENT
    for one in files:
        if about and len(files) > 1:
            one.notes.append(Note(resource.place, "no subject among the patients", "in no record; not read"))
            continue
        one.resources.append(resource)
        if about:
            why = "read as about the only patient of the document"
            one.notes.append(Note(resource.place, "no subject", why))


def tail_of(url: str | None) -> str | None:
    """Return the id at the end of a reference or a URN."""
    return url.replace(":", "/").rstrip("/").rsplit("/", 1)[-1] if url else None
