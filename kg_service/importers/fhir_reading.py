"""How one resource is read: whether it may be taken as a fact, its extensions, its site and side."""

from __future__ import annotations

from dataclasses import dataclass

from rdflib import URIRef

from kg_service.dates import PartialDate
from kg_service.importers.fhir_bindings import FhirBindings
from kg_service.importers.fhir_bundle import Index, Resource, View
from kg_service.importers.fhir_patients import PatientFile
from kg_service.importers.fhir_values import class_of, date_of, describe, meanings_of
from kg_service.namespaces import FB, REC
from kg_service.record import Note

_HELD = frozenset({"active", "recurrence", "relapse"})
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_FINAL = frozenset({"final", "amended", "corrected"})


@dataclass(frozen=True)
class Reader:
    """What reading one patient needs: the file, the index, the bindings and the notes to write to."""

    file: PatientFile
    index: Index
    bindings: FhirBindings
    notes: list[Note]

    def views(self, kind: str) -> list[tuple[Resource, View]]:
        """Return the resources of a type, each with its view."""
        return [(r, r.view(self.notes)) for r in self.file.resources if r.kind == kind]

    def resolve(self, reference: View | None, owner: Resource) -> Resource | None:
        """Return the resource that a reference means, or None."""
        return self.index.resolve(reference, owner)


def is_readable(view: View) -> bool:
    """Return whether a resource may be read by one who does not know its modifiers; notes why not."""
    for key in ("modifierExtension", "implicitRules"):
        if view.body.get(key):
            view.note(key, "may change the meaning of the resource; not read", key)
            return False
    return True


def is_held(view: View) -> bool:
    """Return whether a Condition is stated as true and present; notes why not."""
    if not is_readable(view):
        return False
    verification, clinical = (
        _status(view, "verificationStatus", _VERIFICATION),
        _status(view, "clinicalStatus", _CLINICAL),
    )
    what = describe(view.item("code"))
    if verification != {"confirmed"} and verification is not None:
        view.note(what, f"verificationStatus {_words(verification)}: not taken as a fact")
        return False
    if clinical is not None and not (clinical and clinical <= _HELD):
        view.note(what, f"clinicalStatus {_words(clinical)}: not taken as present")
        return False
    if view.choice("abatement"):
        view.note(what, "has an abatement: not taken as present")
        return False
    return True


def note_absent_status(view: View) -> None:
    """Note the status elements that a Condition taken as a fact does not have."""
    absent = [key for key in ("verificationStatus", "clinicalStatus") if view.body.get(key) is None]
    if absent:
        view.note(f"no {' and no '.join(absent)}", "taken as stated: confirmed and present")


def is_final(view: View) -> bool:
    """Return whether an Observation may be taken as a fact; notes why not."""
    status = view.text("status")
    if status in _FINAL:
        return is_readable(view)
    view.note(describe(view.item("code")), f"status {status or 'missing'}: not taken as a fact")
    return False


def extension_items(view: View, bindings: FhirBindings, element: URIRef) -> list[View]:
    """Return the extensions of an object that carry an element."""
    urls = bindings.urls(element)
    return [one for one in view.items("extension") if one.text("url") in urls]


def presence(view: View, bindings: FhirBindings) -> bool | None:
    """Return whether an Observation, or a component, says present or absent; None when it says neither."""
    flag = view.flag("valueBoolean") if view.choice("value") == "valueBoolean" else None
    terms = {m.term for m in meanings_of(view.item("valueCodeableConcept"), bindings)} & {
        FB.Presence,
        FB.Absence,
    }
    return flag if flag is not None else (FB.Presence in terms) if len(terms) == 1 else None


def profiles_of(view: View) -> list[str]:
    """Return the profiles that a resource declares."""
    meta = view.item("meta")
    listed = meta.body.get("profile") if meta else None
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def side_of(views: list[View], bindings: FhirBindings) -> tuple[URIRef | None, str]:
    """Return the side that CodeableConcepts state, and where; qualifiers of other kinds are passed over."""
    top = range_of(bindings, REC.laterality)
    sides = [
        (v, class_of(v, top, bindings))
        for v in views
        if any(bindings.schema.is_under(m.term, top) for m in meanings_of(v, bindings))
    ]
    stated = {side for _, side in sides if side}
    return (stated.pop(), sides[0][0].place) if len(stated) == 1 else (None, "")


def site_of(view: View, bindings: FhirBindings) -> URIRef | None:
    """Return the site that a CodeableConcept states, or None with a note."""
    return class_of(view, range_of(bindings, REC.site), bindings)


def range_of(bindings: FhirBindings, feature: URIRef) -> URIRef:
    """Return the value partition of a feature."""
    return bindings.schema.features[feature].partition or feature


def _status(view: View, key: str, system: str) -> set[str] | None:
    """Return the status codes of the FHIR system; None when there is none, empty when unreadable."""
    if view.body.get(key) is None:
        return None
    concept = view.item(key)
    coded = concept.items("coding") if concept else []
    return {code for c in coded if c.text("system") == system and (code := c.text("code"))}


def _words(status: set[str]) -> str:
    return ", ".join(sorted(status)) or "unreadable"


def effective(view: View) -> PartialDate | None:
    """Return when an Observation was true: its effective day, or the end of its effective period."""
    key = view.choice("effective")
    if key in ("effectiveDateTime", "effectiveInstant"):
        return date_of(view, key)
    period = view.item("effectivePeriod") if key == "effectivePeriod" else None
    return (date_of(period, "end") or date_of(period, "start")) if period else None
