"""Past treatments: courses of radiotherapy and operations, each once, with delivered doses alone."""

from __future__ import annotations

from rdflib import URIRef

from kg_service.dates import PartialDate
from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_lesions import Lesions
from kg_service.importers.fhir_reading import Reader, extension_items, is_readable, profiles_of
from kg_service.importers.fhir_treatments import (
    Treatment,
    coded_extensions,
    is_past,
    put_dates,
    put_lesions,
    put_site,
)
from kg_service.importers.fhir_values import class_reading, describe, meanings_of, narrowest
from kg_service.importers.fhir_volumes import put_doses, treated_volumes
from kg_service.namespaces import FB, REC

_DONE = frozenset({"completed", "stopped"})
_STATUSES = _DONE | {"preparation", "in-progress", "not-done", "on-hold", "entered-in-error", "unknown"}


def find_courses(reader: Reader, lesions: Lesions, reference: PartialDate | None) -> list[Treatment]:
    """Return the courses of radiotherapy that were given, each once."""
    given = []
    for resource, view in reader.views("Procedure"):
        if _is_course(view, reader) and _is_done(view, reader):
            given.append(_course(resource, view, reader, lesions))
    given = _each_once(given, reader)
    given += [
        _administration(r, v, reader)
        for r, v in reader.views("MedicationAdministration")
        if _is_nuclide(r, v, reader)
    ]
    _note_plans(reader)
    return [
        course
        for course in given
        if _was_given(course, reader)
        and is_past(course, REC.startDate, reference, reader)
        and is_past(course, REC.endDate, reference, reader)
    ]


def find_surgeries(reader: Reader, lesions: Lesions, reference: PartialDate | None) -> list[Treatment]:
    """Return the operations on bones that were done."""
    found = []
    for resource, view in reader.views("Procedure"):
        if not _is_course(view, reader) and not _is_part(view, reader):
            operation = _operation(resource, view, reader, lesions)
            found += [operation] if operation else []
    return [one for one in found if is_past(one, REC.operationDate, reference, reader)]


def _was_given(course: Treatment, reader: Reader) -> bool:
    """Return whether a course delivered anything, as far as it tells; notes that it did not."""
    amounts = [course.values.get(prop) for prop in (REC.courseDose, REC.courseFractions)]
    if not any(isinstance(amount, dict) and amount.get("value") == 0 for amount in amounts):
        return True
    course.resource.view(reader.notes).note(
        "nothing delivered", "cancelled before its start; not taken as past"
    )
    return False


def _terms(view: View, reader: Reader, key: str = "code") -> set[URIRef]:
    return {m.term for concept in view.items(key) for m in meanings_of(concept, reader.bindings)}


def _modalities(reader: Reader) -> set[URIRef]:
    schema = reader.bindings.schema
    return set(schema.classes_under(schema.features[REC.modality].partition or REC.modality))


def _is_course(view: View, reader: Reader) -> bool:
    if _is_part(view, reader):
        return False
    stated = _terms(view, reader) & (_modalities(reader) | {REC.PreviousCourse})
    return bool(stated) or reader.bindings.has_profile(REC.PreviousCourse, profiles_of(view))


def _is_part(view: View, reader: Reader) -> bool:
    """Return whether a Procedure is a phase or a fraction of a course; notes that it is."""
    for kind in (FB.RadiotherapyPhase, FB.RadiotherapyFraction):
        if kind in _terms(view, reader) or reader.bindings.has_profile(kind, profiles_of(view)):
            label = reader.bindings.schema.label(kind, "en")
            view.note(label, "a part of a course, which is read from its own Procedure; not a course")
            return True
    return False


def _is_done(view: View, reader: Reader) -> bool:
    """Return whether a treatment was given, wholly or in part; notes why not."""
    status = view.text("status")
    if status in _DONE:
        return is_readable(view)
    what = _named(view)
    if status not in _STATUSES:
        view.note(
            what,
            f"status {status or 'missing'} is not one of R4; whether it was given is unknown, not taken",
            "status",
        )
        return False
    twins = [
        r.place for r, v in reader.views("Procedure") if v.text("status") in _DONE and _same_course(view, v)
    ]
    twin = f"; {twins[0]} is the same course, given" if twins else ""
    view.note(what, f"status {status}: not taken as given{twin}", "status")
    return False


def _named(view: View) -> str:
    return describe(view.item("code"))


def _same_course(one: View, other: View) -> bool:
    return one.resource != other.resource and bool(_identifiers(one) & _identifiers(other))


def _course(resource: Resource, view: View, reader: Reader, lesions: Lesions) -> Treatment:
    course = Treatment(resource)
    _put_modality(course, view, reader)
    put_dates(course, view, "performed", REC.startDate, REC.endDate)
    volumes = treated_volumes(resource, view, reader)
    put_doses(course, view, volumes)
    put_site(
        course,
        view,
        [(v.view, v.structure.view(reader.notes) if v.structure else None) for v in volumes],
        reader,
    )
    linked = [v.structure for v in volumes if v.structure and v.structure.place in lesions.of]
    put_lesions(course, view, linked, reader, lesions)
    for metric in (
        e for v in volumes for e in extension_items(v.view, reader.bindings, FB.RadiobiologicMetric)
    ):
        metric.note(_amounts(metric), "stated beside the delivered dose; only the delivered dose is read")
    for sessions in extension_items(view, reader.bindings, FB.Sessions):
        sessions.note("a number of sessions", "sessions are not fractions; not read")
    return course


def _amounts(extension: View) -> str:
    """Return the quantities that an extension holds, as they stand."""
    held = [q for e in [extension, *extension.items("extension")] if (q := e.item("valueQuantity"))]
    words = [f"{q.body.get('value')} {q.text('unit') or q.text('code') or ''}".strip() for q in held]
    return f"radiobiologic dose {'; '.join(words)}".strip()


def _put_modality(course: Treatment, view: View, reader: Reader) -> None:
    bindings = reader.bindings
    concepts = view.items("code")
    groups = extension_items(view, bindings, FB.ModalityAndTechnique)
    concepts += [c for g in groups for c in coded_extensions(g, reader, FB.Modality, FB.Technique)]
    concepts += [
        c
        for d in extension_items(view, bindings, FB.DoseToVolume)
        for c in coded_extensions(d, reader, FB.ApplicationKind)
    ]
    stated = _stated_modalities(concepts, reader)
    if not stated:
        stated = _stated_modalities(
            [c for g in groups for c in coded_extensions(g, reader, FB.Isotope)], reader
        )
    finest = narrowest([cls for cls, _ in stated], bindings) if stated else None
    if finest is None:
        why = "modalities contradict each other" if stated else "no modality stated"
        view.note("; ".join(describe(c) for _, c in stated) or _named(view), f"{why}; modality left unknown")
        return
    place = next(concept.place for cls, concept in stated if cls == finest)
    course.put(REC.modality, class_reading(finest, bindings).value, place)


def _stated_modalities(concepts: list[View], reader: Reader) -> list[tuple[URIRef, View]]:
    known = _modalities(reader)
    found = []
    for concept in concepts:
        meanings = meanings_of(concept, reader.bindings)
        found += [(m.term, concept) for m in meanings if m.term in known]
        for caution in sorted({m.caution for m in meanings if m.caution}):
            concept.note(describe(concept), caution)
    return found


def _each_once(courses: list[Treatment], reader: Reader) -> list[Treatment]:
    """Return the courses, those that share an identifier and do not differ in start as one."""
    kept: list[Treatment] = []
    for course in courses:
        twin = next((other for other in kept if _are_one(other, course, reader)), None)
        if twin is None:
            kept.append(course)
            continue
        differing = [
            p for p in {**twin.values, **course.values} if twin.values.get(p) != course.values.get(p)
        ]
        for prop in differing:
            twin.values.pop(prop, None)
            twin.places.pop(prop, None)
        keys = ", ".join(sorted(str(prop).rsplit("/", 1)[-1] for prop in differing))
        why = f"same identifier as {twin.resource.place}: one course" + (
            f"; {keys} differ, left unknown" if keys else ""
        )
        course.resource.view(reader.notes).note("a course", why)
    return kept


def _are_one(one: Treatment, other: Treatment, reader: Reader) -> bool:
    shared = _identifiers(one.resource.view([])) & _identifiers(other.resource.view([]))
    starts = [t.values.get(REC.startDate, t.values.get(REC.endDate)) for t in (one, other)]
    if shared and None not in starts and starts[0] != starts[1]:
        note = f"shares an identifier with {one.resource.place} but not its date; kept as another course"
        other.resource.view(reader.notes).note("a course", note)
        return False
    return bool(shared)


def _is_nuclide(resource: Resource, view: View, reader: Reader) -> bool:
    """Return whether an administration gave a therapeutic radionuclide; notes what is not taken."""
    what = "; ".join(describe(c) for c in _medications(resource, view, reader)) or "no medication"
    if not _medication_terms(resource, view, reader) & _modalities(reader):
        view.note(what, "unmapped: not a radionuclide known here; not taken")
        return False
    if view.text("status") not in _DONE:
        view.note(what, f"status {view.text('status') or 'missing'}: not taken as given")
        return False
    return is_readable(view)


def _medications(resource: Resource, view: View, reader: Reader) -> list[View]:
    concepts = view.items("medicationCodeableConcept")
    medication = reader.resolve(view.item("medicationReference"), resource)
    held = medication.view(reader.notes) if medication else None
    concepts += held.items("code") if held else []
    return concepts + [
        c for i in (held.items("ingredient") if held else []) for c in i.items("itemCodeableConcept")
    ]


def _medication_terms(resource: Resource, view: View, reader: Reader) -> set[URIRef]:
    concepts = _medications(resource, view, reader)
    return {m.term for c in concepts for m in meanings_of(c, reader.bindings)}


def _administration(resource: Resource, view: View, reader: Reader) -> Treatment:
    """Return the administration of a radionuclide as a course; several may be one course in truth."""
    given = Treatment(resource)
    nuclide = next(
        cls for cls in sorted(_modalities(reader)) if cls in _medication_terms(resource, view, reader)
    )
    given.put(REC.modality, class_reading(nuclide, reader.bindings).value, view.place)
    put_dates(given, view, "effective", REC.startDate, REC.endDate)
    view.note("one administration", "listed as a course of its own; several may be one course")
    return given


def _operation(resource: Resource, view: View, reader: Reader, lesions: Lesions) -> Treatment | None:
    """Return an operation on a bone, or None with a note."""
    bound = REC.Surgery in _terms(view, reader)
    if not bound and not reader.bindings.has_profile(FB.CancerSurgery, profiles_of(view)):
        radiotherapy = REC.PreviousCourse in _terms(view, reader, "category")
        why = (
            "radiotherapy by its category alone"
            if radiotherapy
            else "neither radiotherapy nor an operation known here"
        )
        view.note(_named(view), f"unmapped: {why}; not taken")
        return None
    if view.text("status") != "completed" or not is_readable(view):
        view.note(_named(view), f"status {view.text('status') or 'missing'}: not taken as done", "status")
        return None
    operation = Treatment(resource)
    put_site(operation, view, [], reader)
    put_lesions(operation, view, [], reader, lesions)
    if not bound and not {REC.site, REC.treatedLesion} & set(operation.values):
        view.note(_named(view), "not known to be on a bone; not taken")
        return None
    for meaning in meanings_of(view.item("code"), reader.bindings):
        if meaning.caution:
            view.note(_named(view), meaning.caution, "code")
    put_dates(operation, view, "performed", None, REC.operationDate)
    return operation


def _identifiers(view: View) -> set[tuple[str, str]]:
    """Return the business identifiers of a resource that have both a system and a value."""
    pairs = [(one.text("system"), one.text("value")) for one in view.items("identifier")]
    return {(system, value) for system, value in pairs if system and value}


def _note_plans(reader: Reader) -> None:
    """Note the courses that are planned or prescribed: none of them is past."""
    for _, view in reader.views("ServiceRequest"):
        radiotherapy = _modalities(reader) | {
            REC.PreviousCourse,
            FB.RadiotherapyPhase,
            FB.RadiotherapyFraction,
        }
        planned = (_terms(view, reader) | _terms(view, reader, "category")) & radiotherapy
        why = (
            "radiotherapy planned or prescribed: not a past course"
            if planned
            else "a request: this importer reads none"
        )
        view.note(_named(view), f"{why}; not taken")
