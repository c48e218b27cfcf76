"""Findings of Conditions and Observations, as facts about the patient and the lesions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rdflib import URIRef

from kg_service.dates import PartialDate
from kg_service.importers.fhir_bindings import FB, REC, Meaning
from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_facts import Fact
from kg_service.importers.fhir_lesions import Lesions, place_on
from kg_service.importers.fhir_reading import (
    Reader,
    extension_items,
    is_final,
    is_held,
    is_readable,
    note_absent_status,
    presence,
    profiles_of,
)
from kg_service.importers.fhir_values import (
    Reading,
    class_of,
    class_reading,
    codes_of,
    count,
    date_of,
    describe,
    is_false,
    meanings_of,
    quantity,
    truth_reading,
    value_range,
)
from kg_service.schema import Feature, Kind
from kg_service.values import Interval, truth


@dataclass(frozen=True)
class Finding:
    """An Observation, or a component of one, whose code stands for a feature or for a value of one.

    Attributes
    ----------
    resource : Resource
        The Observation.
    whole : View
        The Observation.
    part : View
        The object that holds the value: the Observation, or its component.
    meaning : Meaning
        What the code stands for.
    feature : Feature
        The feature.
    """

    resource: Resource
    whole: View
    part: View
    meaning: Meaning
    feature: Feature


def lesion_facts(lesions: Lesions, reader: Reader) -> list[Fact]:
    """Return the sites and sides of the lesions."""
    facts = []
    for lesion in lesions.taken:
        for term, value, place in (
            (REC.site, lesion.site, lesion.site_place),
            (REC.laterality, lesion.side, lesion.side_place),
        ):
            if value:
                feature = reader.bindings.schema.features[term]
                facts.append(
                    Fact(lesion.place, feature, class_reading(value, reader.bindings), None, place, True)
                )
    return facts


def condition_facts(lesions: Lesions, reader: Reader, primaries: set[str]) -> list[Fact]:
    """Return what the Conditions that are not lesions say about the lesions."""
    facts = []
    for resource, view in reader.views("Condition"):
        concept = view.item("code")
        meanings = meanings_of(concept, reader.bindings)
        if any(m.term == REC.Lesion for m in meanings):
            continue
        terms = {m.term: m for m in meanings if feature_of(m.term, reader)}
        if len(terms) != 1:
            _note_unread(view, concept, meanings, reader, is_primary=resource.place in primaries)
        elif is_held(view):
            fact = _condition_fact(resource, view, next(iter(terms.values())), lesions, reader)
            facts += [fact] if fact else []
    return facts


def observation_facts(lesions: Lesions, reader: Reader, primaries: set[str]) -> list[Fact]:
    """Return what the Observations say about the patient and the lesions."""
    facts = []
    for resource, view in reader.views("Observation"):
        if any(m.term == REC.Lesion for m in meanings_of(view.item("code"), reader.bindings)):
            continue
        findings = _findings(resource, view, reader)
        if findings and is_final(view):
            read = [_fact(finding, lesions, reader, primaries) for finding in findings]
            facts += [fact for fact in read if fact]
    return facts


def primary_conditions(reader: Reader) -> set[str]:
    """Return the places of the Conditions that the source declares to be the primary cancer."""
    found = set()
    for resource, view in reader.views("Condition"):
        profiles = profiles_of(view)
        if reader.bindings.has_profile(FB.PrimaryCancer, profiles):
            found.add(resource.place)
        lesion = any(m.term == REC.Lesion for m in meanings_of(view.item("code"), reader.bindings))
        if lesion or reader.bindings.has_profile(FB.SecondaryCancer, profiles):
            targets = _related(resource, view, reader, FB.RelatedPrimary)
            found |= {target.place for target in targets if target}
    return {r.place for r, v in reader.views("Condition") if r.place in found and is_held(v)}


def feature_of(term: URIRef, reader: Reader) -> Feature | None:
    """Return the feature that a term is, or that has the term as a value, if a finding can state it."""
    schema = reader.bindings.schema
    if term in schema.features:
        return schema.features[term] if _is_assessed(schema.features[term], reader) else None
    holders = [
        f for f in schema.features.values() if f.partition and term in schema.classes_under(f.partition)
    ]
    found = [f for f in holders if f.iri not in (REC.site, REC.laterality) and _is_assessed(f, reader)]
    return found[0] if len(found) == 1 else None


def _is_assessed(feature: Feature, reader: Reader) -> bool:
    """Return whether a feature belongs to the patient, a lesion or its prescription."""
    entities = reader.bindings.schema.entities
    assessed = {REC.Patient, REC.Lesion, *(link.target for link in entities[REC.Lesion].links.values())}
    return any(feature.iri == other.iri for iri in assessed for other in entities[iri].features.values())


def _note_unread(
    view: View, concept: View | None, meanings: list[Meaning], reader: Reader, *, is_primary: bool
) -> None:
    reason = next((r for m in meanings if (r := reader.bindings.reason(m.term))), None)
    if is_primary:
        reason = "the primary cancer: only tells what a disease status is about"
    several = (
        "the codes stand for different things; not taken" if len({m.term for m in meanings}) > 1 else None
    )
    view.note(
        describe(concept),
        reason or several or "unmapped: no code here stands for a term of the record",
        "code",
    )


def _condition_fact(
    resource: Resource, view: View, meaning: Meaning, lesions: Lesions, reader: Reader
) -> Fact | None:
    feature = feature_of(meaning.term, reader)
    if feature is None:
        return None
    linked = _related(resource, view, reader, FB.RelatedCondition)
    linked += [
        reader.resolve(d, resource) for evidence in view.items("evidence") for d in evidence.items("detail")
    ]
    linked = [one for one in linked if one is None or one.kind in ("Condition", "BodyStructure")]
    place = place_on(reader, lesions, view, feature, linked, holds=True)
    reading = _as_value(meaning, feature, True, reader)
    if place is None or reading is None:
        return None
    if linked:
        lesions.of[resource.place] = place
    if meaning.caution:
        view.note(describe(view.item("code")), meaning.caution, "code")
    note_absent_status(view)
    date = date_of(view, "recordedDate") or date_of(view, "onsetDateTime")
    return Fact(place, feature, reading, date, view.at("code"), standing=True)


def _related(resource: Resource, view: View, reader: Reader, element: URIRef) -> list[Resource | None]:
    links = extension_items(view, reader.bindings, element)
    return [reader.resolve(link.item("valueReference"), resource) for link in links]


def _as_value(meaning: Meaning, feature: Feature, holds: bool, reader: Reader) -> Reading | None:
    """Return the value that a finding, present or absent, gives its feature; None when it gives none."""
    if meaning.term == feature.iri and feature.kind is Kind.BOOLEAN:
        return truth_reading(truth(holds))
    if meaning.term != feature.iri and holds:
        return class_reading(meaning.term, reader.bindings)
    return None


def _findings(resource: Resource, view: View, reader: Reader) -> list[Finding]:
    """Return the findings of an Observation; codes that are no finding become notes."""
    found: list[Finding] = []
    for part in [view, *view.items("component")]:
        concept = part.item("code")
        meanings = meanings_of(concept, reader.bindings)
        known = [(m, f) for m in meanings if (f := feature_of(m.term, reader))]
        if len({m.term for m, _ in known}) == 1:
            found.append(Finding(resource, view, part, *known[0]))
        elif part is not view or not view.items("component") or meanings:
            _note_unread(part, concept, meanings, reader, is_primary=False)
    return found


def _fact(finding: Finding, lesions: Lesions, reader: Reader, primaries: set[str]) -> Fact | None:
    part = finding.part
    if part is not finding.whole and not is_readable(part):
        return None
    seen = len(part.notes)
    reading = _read(finding, reader)
    if reading is None and len(part.notes) == seen:
        _note_unreadable(finding)
    if reading is None or not _may_stand(finding, reader, primaries):
        return None
    place = _owner(finding, reading, lesions, reader)
    if place is None:
        return None
    if finding.meaning.caution:
        part.note(describe(part.item("code")), finding.meaning.caution, "code")
    return Fact(
        place, finding.feature, reading, _effective(finding.whole), part.at(part.choice("value") or "value")
    )


def _read(finding: Finding, reader: Reader) -> Reading | None:
    """Return the value of a finding, or None with a note."""
    part, feature, bindings = finding.part, finding.feature, reader.bindings
    key = part.choice("value")
    if key is None:
        part.note(describe(part.item("code")), "no value; not taken")
        return None
    if finding.meaning.term != feature.iri or feature.kind is Kind.BOOLEAN:
        return _read_presence(finding, key, reader)
    view = part.item(key) if key in ("valueQuantity", "valueRange", "valueCodeableConcept") else None
    if feature.kind is Kind.CODE and key == "valueCodeableConcept" and view and feature.partition:
        cls = class_of(view, feature.partition, bindings)
        return class_reading(cls, bindings) if cls else None
    if feature.kind is Kind.QUANTITY:
        return _agrees(finding, _read_quantity(finding, key, view, reader), reader)
    return None


def _read_quantity(finding: Finding, key: str, view: View | None, reader: Reader) -> Reading | None:
    part, feature, bindings = finding.part, finding.feature, reader.bindings
    if key == "valueInteger":
        return count(part, key, feature, bindings)
    if key == "valueQuantity" and view:
        return quantity(view, feature, bindings)
    if key == "valueRange" and view:
        return value_range(view, feature, bindings)
    if key == "valueCodeableConcept" and view:
        return _graded(view, feature, reader) or _bare_number(view, feature, reader)
    return None


def _read_presence(finding: Finding, key: str, reader: Reader) -> Reading | None:
    """Return the value of a finding that is there or not, or graded as true or false."""
    part, feature = finding.part, finding.feature
    concept = part.item("valueCodeableConcept") if key == "valueCodeableConcept" else None
    graded = _graded(concept, feature, reader) if concept else None
    if graded:
        return graded if _is_about_it(concept, graded, reader) else None
    holds = presence(part, reader.bindings)
    if holds is None:
        return None
    reading = _as_value(finding.meaning, feature, holds, reader)
    if reading is None:
        part.note(
            f"{describe(part.item('code'))} absent", f"leaves other values of {feature.key} open; not taken"
        )
    return reading


def _is_about_it(concept: View | None, graded: Reading, reader: Reader) -> bool:
    """Return whether a worsening is of the tumour itself, when the source qualifies it."""
    qualifiers = extension_items(concept, reader.bindings, FB.ProgressionQualifier) if concept else []
    terms = [meanings_of(q.item("valueCodeableConcept"), reader.bindings) for q in qualifiers]
    if concept is None or not qualifiers or not is_false(graded.known):
        return True
    if any(m.term == FB.LocalProgression for found in terms for m in found):
        return True
    words = "; ".join(describe(q.item("valueCodeableConcept")) for q in qualifiers)
    concept.note(
        words, "the worsening is qualified, and not as local: says nothing of the tumour itself; not taken"
    )
    return False


def _graded(concept: View, feature: Feature, reader: Reader) -> Reading | None:
    """Return the value that the codes of an answer stand for; None when for none or several."""
    sound = [code for code in codes_of(concept) if not reader.bindings.defect(code)]
    grades = {known for code in sound if (known := reader.bindings.grade(feature, code)) is not None}
    if len(grades) != 1:
        return None
    known = grades.pop()
    if reader.bindings.is_undetermined(feature, known):
        concept.note(describe(concept), "the source itself does not know; left unknown")
        return None
    return truth_reading(known) if isinstance(known, frozenset) else _exact(known)


def _exact(known: Interval) -> Reading:
    return Reading({"value": int(known.low or 0)}, known)


def _bare_number(concept: View, feature: Feature, reader: Reader) -> Reading | None:
    """Return the number that a code without system is, on a scale without unit."""
    bare = [c.code for c in codes_of(concept) if c.system is None]
    if len(bare) != 1 or feature.unit != "1" or not re.fullmatch(r"[0-9]", bare[0]):
        return None
    holder = View({"value": int(bare[0])}, concept.resource, concept.path, concept.notes)
    reading = count(holder, "value", feature, reader.bindings)
    if reading:
        concept.note(f"code {bare[0]!r} without system", f"taken as the number of {feature.key}")
    return reading


def _agrees(finding: Finding, reading: Reading | None, reader: Reader) -> Reading | None:
    """Return the reading, unless the interpretation beside it states another value."""
    for concept in finding.whole.items("interpretation") if reading else []:
        other = _graded(concept, finding.feature, reader)
        if other and reading and other.known != reading.known:
            concept.note(describe(concept), f"contradicts the value {reading.value}; neither is taken")
            return None
    return reading


def _note_unreadable(finding: Finding) -> None:
    part, key = finding.part, finding.part.choice("value") or "value"
    concept = part.item(key) if key == "valueCodeableConcept" else None
    what = describe(concept) if concept else f"{part.body.get(key)!r:.40}"
    part.note(what, f"cannot be read as {finding.feature.key}; not taken", key)


def _may_stand(finding: Finding, reader: Reader, primaries: set[str]) -> bool:
    """Return whether an observation points to what its code demands; notes why not."""
    whole, placing = finding.whole, finding.meaning.placing
    focus = [reader.resolve(one, finding.resource) for one in whole.items("focus")]
    if placing == FB.PrimaryFocus and not (
        focus and all(f is not None and f.place in primaries for f in focus)
    ):
        whole.note(describe(whole.item("code")), "its focus is not the primary cancer; not taken")
        return False
    specimen = whole.body.get("specimen") is not None
    if placing == FB.FocusAlone and bool(focus) == specimen:
        whole.note(
            describe(whole.item("code")),
            "needs either a focus or a specimen, not both nor neither; not taken",
        )
        return False
    if placing == FB.FocusAlone and specimen:
        whole.note(
            describe(whole.item("code")), "measured on a specimen, not on a lesion of the patient; not taken"
        )
        return False
    return True


def _owner(finding: Finding, reading: Reading, lesions: Lesions, reader: Reader) -> str | None:
    """Return whom a fact is about: the patient, as an empty string, or a lesion by its place."""
    if finding.feature in reader.bindings.schema.entities[REC.Patient].features.values():
        return ""
    focus = [reader.resolve(one, finding.resource) for one in finding.whole.items("focus")]
    holds = not (isinstance(reading.known, frozenset) and is_false(reading.known))
    return place_on(reader, lesions, finding.whole, finding.feature, focus, holds=holds)


def _effective(view: View) -> PartialDate | None:
    key = view.choice("effective")
    if key in ("effectiveDateTime", "effectiveInstant"):
        return date_of(view, key)
    period = view.item("effectivePeriod") if key == "effectivePeriod" else None
    return (date_of(period, "end") or date_of(period, "start")) if period else None
