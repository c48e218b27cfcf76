"""The volumes of a course of radiotherapy, and the dose they share, if any."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rdflib import URIRef

from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_reading import Reader, extension_items
from kg_service.importers.fhir_treatments import Treatment
from kg_service.importers.fhir_values import Reading, count, meanings_of, number_reading, quantity
from kg_service.namespaces import FB, REC
from kg_service.schema import Feature
from kg_service.values import Interval


@dataclass(frozen=True)
class Volume:
    """What one volume of a course received."""

    view: View
    name: str
    structure: Resource | None
    dose: Reading | None
    fractions: Reading | None


def treated_volumes(resource: Resource, view: View, reader: Reader) -> list[Volume]:
    """Return the volumes that were treated; organs at risk and point doses are noted and left out."""
    found = []
    for one in extension_items(view, reader.bindings, FB.DoseToVolume):
        references = [e.item("valueReference") for e in extension_items(one, reader.bindings, FB.Volume)]
        structure = next((s for r in references if (s := reader.resolve(r, resource))), None)
        name = next((r.text("display") or r.text("reference") or "" for r in references if r), "") or one.path
        if structure and _is_organ_at_risk(structure, reader):
            one.note(name, "an organ at risk, not a treated volume; its dose is not that of the course")
        elif any(e.flag("valueBoolean") for e in extension_items(one, reader.bindings, FB.PointDose)):
            one.note(name, "a dose at a point; not that of the course")
        else:
            found.append(_volume(one, name, structure, reader))
    return found


def _volume(one: View, name: str, structure: Resource | None, reader: Reader) -> Volume:
    features = reader.bindings.schema.features
    dose = _dose(one, FB.TotalDose, features[REC.courseDose], reader)
    fractions = _counted(one, features[REC.courseFractions], reader)
    single = _dose(one, FB.FractionDose, features[REC.courseDose], reader)
    if fractions is None and dose and single:
        fractions = _divided(one, dose, single, features[REC.courseFractions], reader)
    return Volume(one, name, structure, dose, fractions)


def _dose(one: View, element: URIRef, feature: Feature, reader: Reader) -> Reading | None:
    for extension in extension_items(one, reader.bindings, element):
        amount = extension.item("valueQuantity")
        if amount:
            return quantity(amount, feature, reader.bindings)
    return None


def _counted(one: View, feature: Feature, reader: Reader) -> Reading | None:
    for extension in extension_items(one, reader.bindings, FB.FractionsDelivered):
        key = extension.choice("value")
        if key:
            return count(extension, key, feature, reader.bindings)
    return None


def _divided(one: View, dose: Reading, single: Reading, feature: Feature, reader: Reader) -> Reading | None:
    """Return the number of fractions when the total is a whole number of single doses."""
    total, each = _exact(dose), _exact(single)
    if total is None or not each or (total / each).denominator != 1 or total <= 0:
        one.note("total and single dose", "do not give a whole number of fractions; left unknown")
        return None
    one.note("total and single dose", f"no number of fractions stated; {total / each} follows exactly")
    return number_reading(total / each, feature, reader.bindings)


def _exact(reading: Reading) -> Fraction | None:
    known = reading.known
    return known.low if isinstance(known, Interval) and known.is_exact else None


def put_doses(course: Treatment, view: View, volumes: list[Volume]) -> None:
    """Set the dose and the fractions of a course when all its volumes share them."""
    listed = "; ".join(f"{v.name}: {_shown(v.dose)} in {_shown(v.fractions)}" for v in volumes)
    for prop, what, read in (
        (REC.courseDose, "dose", [v.dose for v in volumes]),
        (REC.courseFractions, "count of fractions", [v.fractions for v in volumes]),
    ):
        agreed = _agreed(read)
        if agreed:
            course.put(prop, agreed.value, volumes[0].view.place)
        elif len(volumes) > 1:
            view.note(listed, f"the volumes do not share one {what}; neither summed nor picked, left unknown")
        else:
            view.note(listed or "no volume", f"no {what} delivered can be read; left unknown")
    if len(volumes) > 1 and _agreed([v.dose for v in volumes]):
        view.note(listed, "every volume received the same dose, taken as that of the course")


def _agreed(read: list[Reading | None]) -> Reading | None:
    first = read[0] if read else None
    return first if first and all(one and one.known == first.known for one in read) else None


def _shown(reading: Reading | None) -> str:
    if reading is None or not isinstance(reading.value, dict):
        return "unknown"
    return " ".join(f"{part}" for part in reading.value.values())


def _is_organ_at_risk(structure: Resource, reader: Reader) -> bool:
    concepts = structure.view(reader.notes).items("morphology")
    return any(m.term == FB.OrganAtRiskVolume for c in concepts for m in meanings_of(c, reader.bindings))
