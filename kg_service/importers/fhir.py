"""FHIR R4 into records: what a Bundle surely says, where each value comes from, and all that was left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from rdflib import URIRef

from kg_service.dates import PartialDate, parse_date
from kg_service.errors import InputError, Problem
from kg_service.importers.fhir_bindings import Code, FhirBindings
from kg_service.importers.fhir_bundle import Index, open_document
from kg_service.importers.fhir_courses import find_courses, find_surgeries
from kg_service.importers.fhir_facts import Fact, settle
from kg_service.importers.fhir_findings import (
    condition_facts,
    lesion_facts,
    observation_facts,
    primary_conditions,
)
from kg_service.importers.fhir_lesions import Lesions, denials, find_lesions
from kg_service.importers.fhir_patients import PatientFile, by_patient
from kg_service.importers.fhir_reading import Reader
from kg_service.importers.fhir_treatments import Treatment
from kg_service.importers.fhir_values import date_text
from kg_service.namespaces import REC
from kg_service.record import Note
from kg_service.schema import Entity, RecordSchema

__all__ = ["FhirBindings", "FhirRecord", "Note", "is_fhir", "read_fhir"]

_DECEASED = "deceasedDateTime"
_NOT_ID = re.compile(r"[^A-Za-z0-9._-]+")
_READ = frozenset(
    {
        "BodyStructure",
        "Condition",
        "Medication",
        "MedicationAdministration",
        "Observation",
        "Patient",
        "Procedure",
        "ServiceRequest",
    }
)


@dataclass(frozen=True)
class FhirRecord:
    """A record read from FHIR.

    Attributes
    ----------
    document : dict
        The record in its JSON form.
    provenance : dict of str to str
        For each path in the document, such as ``lesions[0].site``, the resource and element it comes from.
    notes : tuple of Note
        What was seen and not taken, or taken coarsely.
    """

    document: dict[str, object]
    provenance: dict[str, str]
    notes: tuple[Note, ...]


def is_fhir(document: object) -> bool:
    """Return whether parsed JSON looks like FHIR: a resource, or a list of resources."""
    listed = document if isinstance(document, list) else [document]
    return bool(listed) and all(
        isinstance(one, dict) and isinstance(one.get("resourceType"), str) for one in listed
    )


def read_fhir(
    document: object, bindings: FhirBindings, source: str, reference_date: str | None = None
) -> list[FhirRecord]:
    """Return one record per patient of a FHIR document.

    Parameters
    ----------
    document : object
        Parsed JSON: a Bundle, a resource, or a list of them.
    bindings : FhirBindings
        The bindings of the ontology.
    source : str
        Name of the document, for messages.
    reference_date : str, optional
        The day the assessment speaks of. Nothing later is taken but a date of death, which decides nothing.

    Raises
    ------
    InputError
        When the document is not FHIR, is about no patient, or contradicts itself.
    """
    reference = _reference(reference_date, source)
    opened = open_document(document, source)
    index = Index(opened.resources)
    problems: list[Problem] = []
    records = []
    for file in by_patient(opened, index, source):
        reader = Reader(file, index, bindings, list(file.notes))
        records.append(_record(reader, reference, reference_date, source, problems))
    if problems:
        raise InputError(problems)
    return records


def _reference(text: str | None, source: str) -> PartialDate | None:
    try:
        return parse_date(text) if text is not None else None
    except ValueError:
        expected = "YYYY-MM-DD, YYYY-MM or YYYY"
        raise InputError([Problem(f"{source}: reference date", repr(text), expected)]) from None


def _record(
    reader: Reader,
    reference: PartialDate | None,
    reference_text: str | None,
    source: str,
    problems: list[Problem],
) -> FhirRecord:
    _note_the_unread(reader)
    lesions = find_lesions(reader)
    primaries = primary_conditions(reader)
    facts = lesion_facts(lesions, reader)
    facts += condition_facts(lesions, reader, primaries)
    facts += observation_facts(lesions, reader, primaries)
    settled = settle(facts, reference, reader.bindings, source)
    problems.extend([*settled.problems, *denials(lesions, reader, source)])
    reader.notes.extend(settled.notes)
    courses = find_courses(reader, lesions, reference)
    surgeries = find_surgeries(reader, lesions, reference)
    page = _Page(reader.bindings.schema, reader.file, lesions)
    page.write(reference_text, settled.facts, courses, surgeries)
    page.write_death(reader)
    return FhirRecord(page.document, page.provenance, tuple(dict.fromkeys(reader.notes)))


class _Page:
    """A record being written: the document, and where each of its values comes from.

    Parameters
    ----------
    schema : RecordSchema
        The record model.
    file : PatientFile
        The patient.
    lesions : Lesions
        The lesions of the record.
    """

    def __init__(self, schema: RecordSchema, file: PatientFile, lesions: Lesions) -> None:
        self.schema = schema
        self.patient = schema.entities[REC.Patient]
        self.document: dict[str, object] = {"id": file.name}
        self.provenance = {"id": file.patient.place if file.patient else f"references to Patient/{file.name}"}
        self._lesions = lesions
        self._ids: dict[str, str] = {}
        self._used = {file.name}

    def write(
        self, reference: str | None, facts: list[Fact], courses: list[Treatment], surgeries: list[Treatment]
    ) -> None:
        """Write everything, in the order of the record."""
        if reference is not None:
            self.document[_key(self.patient, REC.referenceDate)] = reference
            self.provenance[_key(self.patient, REC.referenceDate)] = "given with the request"
        self._put_facts("", self.patient, self.document, [f for f in facts if not f.owner])
        self._write_lesions(facts)
        self._write_treatments(REC.PreviousCourse, courses)
        self._write_treatments(REC.Surgery, surgeries)

    def write_death(self, reader: Reader) -> None:
        """Write the day the patient died, where the Patient tells one."""
        if reader.file.patient is None:
            return
        view = reader.file.patient.view(reader.notes)
        died = date_text(view, _DECEASED)
        if died is not None:
            self.document[_key(self.patient, REC.deathDate)] = died
            self.provenance[_key(self.patient, REC.deathDate)] = view.at(_DECEASED)

    def _write_lesions(self, facts: list[Fact]) -> None:
        entries = []
        for i, lesion in enumerate(self._lesions.taken):
            path = f"{self._list_key(REC.Lesion)}[{i}]"
            entry: dict[str, object] = {"id": self._identify(lesion.place)}
            self.provenance[f"{path}.id"] = lesion.place
            entity = self.schema.entities[REC.Lesion]
            self._put_facts(path, entity, entry, [f for f in facts if f.owner == lesion.place])
            entries.append(entry)
        self._put_list(REC.Lesion, entries)

    def _put_facts(self, path: str, entity: Entity, entry: dict[str, object], facts: list[Fact]) -> None:
        """Write facts into an entry, those of a linked entity one level deeper."""
        for fact in facts:
            own = any(fact.feature.iri == f.iri for f in entity.features.values())
            keys = [] if own else [_link_key(self.schema, entity, fact.feature.iri)]
            held: dict[str, object] = entry
            for key in keys:
                nested = held.setdefault(key, {})
                held = nested if isinstance(nested, dict) else {}
            held[fact.feature.key] = fact.reading.value
            self.provenance[".".join([*([path] if path else []), *keys, fact.feature.key])] = fact.place

    def _write_treatments(self, member: URIRef, treatments: list[Treatment]) -> None:
        entries = []
        for i, treatment in enumerate(treatments):
            path = f"{self._list_key(member)}[{i}]"
            entry: dict[str, object] = {"id": self._identify(treatment.resource.place)}
            self.provenance[f"{path}.id"] = treatment.resource.place
            for prop, value in treatment.values.items():
                key = _key(self.schema.entities[member], prop)
                entry[key] = [self._identify(one) for one in value] if isinstance(value, list) else value
                self.provenance[f"{path}.{key}"] = treatment.places[prop]
            entries.append(entry)
        self._put_list(member, entries)

    def _put_list(self, member: URIRef, entries: list[dict[str, object]]) -> None:
        if entries:
            self.document[self._list_key(member)] = entries

    def _list_key(self, member: URIRef) -> str:
        return next(listing.key for listing in self.patient.lists.values() if listing.member == member)

    def _identify(self, place: str) -> str:
        """Return the id of a resource in the record: its own, longer when another already has it."""
        if place not in self._ids:
            own = _NOT_ID.sub("-", place.split("/", 1)[-1]).strip("-")
            free = (name for name in _names(own, place) if name not in self._used)
            self._ids[place] = next(free)
            self._used.add(self._ids[place])
        return self._ids[place]


def _names(own: str, place: str) -> Iterator[str]:
    yield own
    base = _NOT_ID.sub("-", place).strip("-")
    yield base
    yield from (f"{base}-{i}" for i in count(2))


def _key(entity: Entity, prop: URIRef) -> str:
    features = {key: feature.iri for key, feature in entity.features.items()}
    return next(key for key, iri in {**features, **entity.dates, **entity.references}.items() if iri == prop)


def _link_key(schema: RecordSchema, entity: Entity, feature: URIRef) -> str:
    return next(
        link.key
        for link in entity.links.values()
        if any(feature == f.iri for f in schema.entities[link.target].features.values())
    )


def _note_the_unread(reader: Reader) -> None:
    """Note resources of types that are not read, codes with a wrong check digit, and a patient who died."""
    for resource in reader.file.resources:
        view = resource.view(reader.notes)
        if resource.kind not in _READ:
            view.note(resource.kind, "this importer does not read resources of this type")
        for path, code in _defective(view.body, reader.bindings):
            reader.notes.append(
                Note(f"{view.place} {path}".rstrip(), str(code), str(reader.bindings.defect(code)))
            )
        if resource.kind == "Patient" and (view.flag("deceasedBoolean") or view.body.get(_DECEASED)):
            view.note("deceased", "the patient has died; check whether an assessment makes sense")


def _defective(body: object, bindings: FhirBindings) -> Iterator[tuple[str, Code]]:
    """Yield the codes with a wrong check digit, anywhere in a resource, with their paths."""
    if any(bindings.defect(code) for _, code in _codes_in(body, _no_path)):
        yield from ((path, code) for path, code in _codes_in(body, _path) if bindings.defect(code))


def _codes_in(body: object, path_to: Callable[[str, str | int], str]) -> Iterator[tuple[str, Code]]:
    """Yield every code that has a system, anywhere in a resource."""
    pending: list[tuple[str, object]] = [("", body)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, list):
            pending += [(path_to(path, i), child) for i, child in reversed(list(enumerate(node)))]
        elif isinstance(node, dict):
            system, code = node.get("system"), node.get("code")
            if isinstance(system, str) and isinstance(code, str):
                yield path, Code(system, code)
            pending += [
                (path_to(path, key), child)
                for key, child in reversed(node.items())
                if isinstance(child, dict | list)
            ]


def _path(path: str, part: str | int) -> str:
    return f"{path}[{part}]" if isinstance(part, int) else f"{path}.{part}".lstrip(".")


def _no_path(_path: str, _part: str | int) -> str:
    return ""
