"""The lesions of a patient, from Conditions, BodyStructures and Observations; and what a finding is about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rdflib import URIRef

from kg_service.dates import PartialDate
from kg_service.errors import Problem
from kg_service.importers.fhir_bindings import FhirBindings, Meaning
from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_reading import (
    Reader,
    effective,
    extension_items,
    is_final,
    is_held,
    is_readable,
    note_absent_status,
    presence,
    range_of,
    side_of,
    site_of,
)
from kg_service.importers.fhir_values import date_of, describe, meanings_of, narrowest
from kg_service.namespaces import FB, REC, local_name
from kg_service.record import Note


@dataclass(frozen=True)
class Lesion:
    """A lesion that goes into the record.

    Attributes
    ----------
    place : str
        The resource it comes from, which also tells it apart.
    site, side : URIRef or None
        Where it is, as far as the source says.
    site_place, side_place : str
        The element that says so.
    distinct : bool
        Whether the source shows it as one tumour of its own.
    """

    place: str
    site: URIRef | None = None
    side: URIRef | None = None
    site_place: str = ""
    side_place: str = ""
    distinct: bool = False


@dataclass
class Lesions:
    """The lesions of a record, and which resources stand for which.

    Attributes
    ----------
    taken : list of Lesion
        The lesions of the record, in the order of the source.
    of : dict of str to str
        Place of the lesion that a resource stands for, by its own place.
    unlisted : bool
        Whether something may be a further lesion, so that a lone one is not the only one.
    denied : dict of str to PartialDate or None
        The Observations that say there is no bone metastasis, with their dates.
    """

    taken: list[Lesion] = field(default_factory=list)
    of: dict[str, str] = field(default_factory=dict)
    unlisted: bool = False
    denied: dict[str, PartialDate | None] = field(default_factory=dict)

    def get(self, place: str) -> Lesion:
        """Return a lesion by its place."""
        return next(lesion for lesion in self.taken if lesion.place == place)


def find_lesions(reader: Reader) -> Lesions:
    """Return the lesions of a patient: each tumour once, as far as the source tells them apart."""
    lesions = Lesions()
    structures = _structures(reader)
    candidates: list[Lesion] = []
    for resource, view in reader.views("Condition"):
        meaning = _lesion_meaning(view, reader.bindings)
        if meaning and is_held(view):
            note_absent_status(view)
            candidates += _of_condition(
                resource, view, meaning, structures.get(resource.place, []), lesions, reader
            )
    candidates += _of_observations(lesions, reader)
    _keep_apart(candidates, lesions, reader)
    return lesions


def denials(lesions: Lesions, reader: Reader, source: str) -> list[Problem]:
    """Return a problem for each Condition taken as a lesion on the day an Observation says there is none."""
    problems = []
    for resource, view in reader.views("Condition"):
        day = date_of(view, "recordedDate") if resource.place in lesions.of else None
        for place, date in lesions.denied.items():
            if day and day == date and day.first == day.last:
                found = f"a bone metastasis, and none, on {day}"
                remedy = "Correct one of them, or mark it entered-in-error."
                where = f"{source}: {resource.place} and {place}"
                problems.append(Problem(where, found, "one statement on one day", remedy))
    return problems


def is_fine(site: URIRef | None, reader: Reader) -> bool:
    """Return whether two things at a site are surely at one place."""
    return site is not None and reader.bindings.is_same_place(site)


def _lesion_meaning(view: View, bindings: FhirBindings) -> Meaning | None:
    """Return the meaning of a Condition whose code is that of a lesion, and of nothing else."""
    found = meanings_of(view.item("code"), bindings)
    if not any(m.term == REC.Lesion and not m.answers for m in found):
        return None
    if {m.term for m in found} != {REC.Lesion}:
        view.note(describe(view.item("code")), "the codes stand for different things; not taken", "code")
        return None
    cautions = sorted({m.caution for m in found})
    site = next((m.site for m in found if m.site), None)
    return Meaning(REC.Lesion, site, caution="" if "" in cautions else "; ".join(cautions))


def _structures(reader: Reader) -> dict[str, list[tuple[Resource, View]]]:
    """Return the BodyStructures that belong to each Condition, by its place."""
    found: dict[str, list[tuple[Resource, View]]] = {}
    for resource, view in reader.views("BodyStructure"):
        if view.flag("active") is False or not is_readable(view):
            view.note("active false", "no longer in use; not read", "active")
            continue
        links = extension_items(view, reader.bindings, FB.RelatedCondition)
        for link in links:
            target = reader.resolve(link.item("valueReference"), resource)
            if target:
                found.setdefault(target.place, []).append((resource, view))
    return found


def _of_condition(
    resource: Resource,
    view: View,
    meaning: Meaning,
    structures: list[tuple[Resource, View]],
    lesions: Lesions,
    reader: Reader,
) -> list[Lesion]:
    if meaning.caution:
        view.note(describe(view.item("code")), meaning.caution, "code")
    stated = _stated_site(resource, view, meaning, reader)
    if len(structures) < 2:
        return [_with_structure(stated, structures, lesions, reader)]
    view.note(
        f"{len(structures)} body structures", "each is taken as a lesion of its own; the Condition as none"
    )
    return [_with_structure(Lesion(r.place), [(r, v)], lesions, reader) for r, v in structures]


def _stated_site(resource: Resource, view: View, meaning: Meaning, reader: Reader) -> Lesion:
    """Return the lesion of a Condition with the site and side its body sites state."""
    read = [(one, site_of(one, reader.bindings)) for one in view.items("bodySite")]
    sites = [(one.place, site) for one, site in read if site]
    if meaning.site:
        sites.append((view.at("code"), meaning.site))
    finest = narrowest([site for _, site in sites], reader.bindings) if sites else None
    if sites and (finest is None or (len(read) > 1 and any(site is None for _, site in read))):
        view.note(
            f"{len(sites)} of {len(read)} places mapped",
            "not one site of the record; site left unknown",
            "bodySite",
        )
        finest = None
    elif not sites:
        view.note("no site of the record", "site left unknown")
    side, side_place = side_of(_side_views(view, reader.bindings), reader.bindings)
    where = next((place for place, site in sites if site == finest), "")
    return Lesion(resource.place, finest, side, where, side_place)


def _side_views(view: View, bindings: FhirBindings) -> list[View]:
    found = [
        e for site in view.items("bodySite") for e in extension_items(site, bindings, FB.LateralityQualifier)
    ]
    return [concept for e in found if (concept := e.item("valueCodeableConcept"))]


def _with_structure(
    lesion: Lesion, structures: list[tuple[Resource, View]], lesions: Lesions, reader: Reader
) -> Lesion:
    """Return a lesion with what its BodyStructure adds: a finer site, a side, and that it is one tumour."""
    for resource, view in structures:
        lesions.of[resource.place] = lesion.place
        location = view.item("location")
        site = site_of(location, reader.bindings) if location else None
        lesion = _narrowed(lesion, site, location, view, reader)
        side, place = side_of(view.items("locationQualifier"), reader.bindings)
        if side and lesion.side and side != lesion.side:
            view.note(
                local_name(side),
                f"{lesion.side_place} says another side; side left unknown",
                "locationQualifier",
            )
            lesion = replace(lesion, side=None)
        elif side and not lesion.side:
            lesion = replace(lesion, side=side, side_place=place)
        lesion = replace(lesion, distinct=True)
    lesions.of[lesion.place] = lesion.place
    return lesion


def _narrowed(
    lesion: Lesion, site: URIRef | None, location: View | None, view: View, reader: Reader
) -> Lesion:
    if site is None or location is None:
        return lesion
    if lesion.site is None:
        return replace(lesion, site=site, site_place=location.place)
    finest = narrowest([lesion.site, site], reader.bindings)
    if finest is None:
        view.note(local_name(site), f"{lesion.site_place} says another site; site left unknown", "location")
        return replace(lesion, site=None, site_place="")
    return lesion if finest == lesion.site else replace(lesion, site=site, site_place=location.place)


def _of_observations(lesions: Lesions, reader: Reader) -> list[Lesion]:
    """Return a lesion for each Observation that says bone metastasis present."""
    found = []
    for resource, view in reader.views("Observation"):
        meanings = [m for m in meanings_of(view.item("code"), reader.bindings) if m.term == REC.Lesion]
        if not meanings or not is_final(view):
            continue
        stated = _answered(meanings[0], view, reader.bindings)
        if stated is True:
            found.append(_of_observation(resource, view, meanings[0], reader))
            continue
        if stated is False:
            lesions.denied[resource.place] = effective(view)
        why = (
            "a lesion stated absent is no lesion of the record"
            if stated is False
            else "states no bone lesion"
        )
        what = f"{describe(view.item('code'))}: {_answer(view, view.item('valueCodeableConcept'))}"
        view.note(what, f"{why}; not taken")
    return found


def _of_observation(resource: Resource, view: View, meaning: Meaning, reader: Reader) -> Lesion:
    place = view.item("bodySite")
    site = site_of(place, reader.bindings) if place else meaning.site
    side, side_place = side_of(_side_views(view, reader.bindings), reader.bindings)
    view.note(describe(view.item("code")), meaning.caution or "present: taken as one lesion")
    return Lesion(resource.place, site, side, place.place if place else view.at("code"), side_place)


def _answered(meaning: Meaning, view: View, bindings: FhirBindings) -> bool | None:
    if not meaning.answers:
        return presence(view, bindings)
    concept = view.item("valueCodeableConcept")
    held = {(c.text("system"), c.text("code")) for c in concept.items("coding")} if concept else set()
    return True if any((a.system, a.code) in held for a in meaning.answers) else None


def _answer(view: View, answer: View | None) -> str:
    key = view.choice("value")
    return describe(answer) if answer else f"{view.body[key]!r:.40}" if key else "no value"


def _keep_apart(candidates: list[Lesion], lesions: Lesions, reader: Reader) -> None:
    """Take the candidates that surely differ; one that may be another's double is not listed twice."""
    finest_first = sorted(candidates, key=lambda c: (not c.distinct, _width(c, reader.bindings)))
    taken: list[Lesion] = []
    for one in finest_first:
        double = next((other for other in taken if not _differ(one, other, reader.bindings)), None)
        if double is None:
            taken.append(one)
        else:
            _note_double(one, double, lesions, reader)
    lesions.taken = [one for one in candidates if one in taken]
    for one in lesions.taken:
        lesions.of.setdefault(one.place, one.place)


def _width(lesion: Lesion, bindings: FhirBindings) -> int:
    return len(bindings.schema.leaves(lesion.site or range_of(bindings, REC.site)))


def _differ(one: Lesion, other: Lesion, bindings: FhirBindings) -> bool:
    leaves = bindings.schema.leaves
    if one.distinct and other.distinct:
        return True
    if one.site and other.site and not leaves(one.site) & leaves(other.site):
        return True
    return bool(one.side and other.side and not leaves(one.side) & leaves(other.side))


def _note_double(one: Lesion, other: Lesion, lesions: Lesions, reader: Reader) -> None:
    what = f"lesion at {local_name(one.site) if one.site else 'no stated site'}"
    lesions.of = {place: key for place, key in lesions.of.items() if key != one.place}
    if one.site == other.site and is_fine(one.site, reader):
        reader.notes.append(Note(one.place, what, f"at the same site as {other.place}: listed once"))
        lesions.of[one.place] = other.place
        return
    lesions.unlisted = True
    reader.notes.append(
        Note(one.place, what, f"may be the same as {other.place}: not listed, lest it counts twice")
    )
