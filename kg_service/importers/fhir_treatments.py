"""Past treatments in common: their dates, their site, and the lesions they treated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rdflib import URIRef

from kg_service.dates import PartialDate, parse_date
from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_lesions import Lesions
from kg_service.importers.fhir_reading import Reader, extension_items, side_of, site_of
from kg_service.importers.fhir_values import class_reading, date_of, date_text, narrowest
from kg_service.namespaces import FB, REC


@dataclass
class Treatment:
    """A past treatment, ready for the record.

    Attributes
    ----------
    resource : Resource
        Where it comes from.
    values : dict of URIRef to object
        Values of the record by property; lists of lesions by their places.
    places : dict of URIRef to str
        The element that each value comes from.
    """

    resource: Resource
    values: dict[URIRef, object] = field(default_factory=dict)
    places: dict[URIRef, str] = field(default_factory=dict)

    def put(self, prop: URIRef, value: object, place: str) -> None:
        """Set a value and where it comes from, unless there is none."""
        if value is not None:
            self.values[prop], self.places[prop] = value, place


def put_dates(treatment: Treatment, view: View, stem: str, start: URIRef | None, end: URIRef) -> None:
    """Set the dates of a treatment from ``performed[x]`` or ``effective[x]``."""
    key = view.choice(stem)
    if key == f"{stem}DateTime":
        treatment.put(end, date_text(view, key), view.at(key))
        return
    period = view.item(f"{stem}Period") if key == f"{stem}Period" else None
    if period is None:
        view.note(key or f"no {stem}[x]", "gives no date; dates left unknown")
    elif _is_in_order(period):
        treatment.put(end, date_text(period, "end"), period.at("end"))
        if start:
            treatment.put(start, date_text(period, "start"), period.at("start"))


def _is_in_order(period: View) -> bool:
    """Return whether a Period does not end before it starts; notes that it does, or that it has no end."""
    start, end = date_of(period, "start"), date_of(period, "end")
    if end is None:
        period.note("no end", "when it ended is left unknown")
    if start and end and end.last < start.first:
        period.note(f"{start} to {end}", "ends before it starts; both dates left unknown")
        return False
    return True


def is_past(treatment: Treatment, prop: URIRef, reference: PartialDate | None, reader: Reader) -> bool:
    """Return whether a date of a treatment is not after the reference date; notes that it is."""
    text = treatment.values.get(prop)
    if reference is None or not isinstance(text, str) or parse_date(text).first <= reference.last:
        return True
    treatment.resource.view(reader.notes).note(f"dated {text}", "after the reference date; not taken as past")
    return False


def coded_extensions(holder: View, reader: Reader, *elements: URIRef) -> list[View]:
    """Return the CodeableConcepts of the extensions that carry some elements."""
    found = [
        e.item("valueCodeableConcept")
        for kind in elements
        for e in extension_items(holder, reader.bindings, kind)
    ]
    return [concept for concept in found if concept]


def put_site(
    treatment: Treatment, view: View, places: Iterable[tuple[View, View | None]], reader: Reader
) -> None:
    """Set the site of a treatment when all it names is one site of the record.

    Parameters
    ----------
    places : iterable of (View, View or None)
        The volumes of a course: what they received, and their BodyStructures.
    """
    concepts = view.items("bodySite")
    sides = [c for site in concepts for c in coded_extensions(site, reader, FB.LateralityQualifier)]
    for volume, structure in places:
        concepts += structure.items("location") if structure else []
        sides += structure.items("locationQualifier") if structure else []
        concepts += coded_extensions(volume, reader, FB.TargetArea)
        sides += coded_extensions(volume, reader, FB.TargetAreaSide)
    sites = [(concept, site_of(concept, reader.bindings)) for concept in concepts]
    known = [site for _, site in sites if site]
    finest = narrowest(known, reader.bindings) if known and len(known) == len(sites) else None
    if finest is None:
        what = f"{len(sites)} places named" if sites else "no place named"
        view.note(what, "not one site of the record; site left unknown")
        return
    place = next(concept.place for concept, site in sites if site == finest)
    treatment.put(REC.site, class_reading(finest, reader.bindings).value, place)
    side, side_place = side_of(sides, reader.bindings)
    if side:
        treatment.put(REC.laterality, class_reading(side, reader.bindings).value, side_place)


def put_lesions(
    treatment: Treatment, view: View, linked: list[Resource], reader: Reader, lesions: Lesions
) -> None:
    """Set the lesions that the source says were treated: by reason, or by volume."""
    reasons = [(one, reader.resolve(one, treatment.resource)) for one in view.items("reasonReference")]
    stated = [(one.place, lesions.of[r.place]) for one, r in reasons if r and r.place in lesions.of]
    stated += [(view.place, lesions.of[r.place]) for r in linked]
    kept: dict[str, str] = {}
    for place, lesion in stated:
        if _is_elsewhere(treatment, lesions.get(lesion).site, reader):
            view.note(lesion, "given as treated, though at another site; not taken as treated")
        else:
            kept.setdefault(lesion, place)
    if kept:
        treatment.put(REC.treatedLesion, list(kept), next(iter(kept.values())))


def _is_elsewhere(treatment: Treatment, site: URIRef | None, reader: Reader) -> bool:
    stated = treatment.values.get(REC.site)
    feature = reader.bindings.schema.features[REC.site]
    if stated is None or site is None or feature.partition is None:
        return False
    leaves = reader.bindings.schema.leaves
    return not leaves(reader.bindings.schema.codes[feature.partition][str(stated)]) & leaves(site)
