"""Findings of Conditions and Observations, as facts about the patient and the lesions."""

from __future__ import annotations

from rdflib import URIRef

from kg_service.importers.fhir_answers import Finding, as_value, read_answer
from kg_service.importers.fhir_bindings import Meaning
from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_facts import Fact
from kg_service.importers.fhir_lesions import Lesions
from kg_service.importers.fhir_placing import place_on
from kg_service.importers.fhir_reading import (
    Reader,
    effective,
    extension_items,
    is_final,
    is_held,
    is_readable,
    note_absent_status,
    profiles_of,
)
from kg_service.importers.fhir_values import Reading, class_reading, date_of, describe, is_false, meanings_of
from kg_service.namespaces import FB, REC
from kg_service.schema import Feature

_OF_PATIENT = frozenset({"BodyStructure", "Condition", "Procedure"})


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
    stated = reader.bindings.stated
    if term not in stated:
        stated[term] = _feature_of(term, reader)
    return stated[term]


def _feature_of(term: URIRef, reader: Reader) -> Feature | None:
    schema = reader.bindings.schema
    if term in schema.features:
        return schema.features[term] if _is_assessed(schema.features[term], reader) else None
    holders = [f for f in schema.features.values() if f.partition and schema.is_under(term, f.partition)]
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
    reading = as_value(meaning, feature, True, reader)
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
    reading = read_answer(finding, reader)
    if reading is None or not _may_stand(finding, reader, primaries):
        return None
    place = _owner(finding, reading, lesions, reader)
    if place is None:
        return None
    if finding.meaning.caution:
        part.note(describe(part.item("code")), finding.meaning.caution, "code")
    return Fact(
        place, finding.feature, reading, effective(finding.whole), part.at(part.choice("value") or "value")
    )


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
    focus = [reader.resolve(one, finding.resource) for one in finding.whole.items("focus")]
    if finding.feature in reader.bindings.schema.entities[REC.Patient].features.values():
        return "" if _is_about_the_patient(finding, focus, reader) else None
    holds = not (isinstance(reading.known, frozenset) and is_false(reading.known))
    return place_on(reader, lesions, finding.whole, finding.feature, focus, holds=holds)


def _is_about_the_patient(finding: Finding, focus: list[Resource | None], reader: Reader) -> bool:
    """Return whether the focus, if any, is the patient or a disease of the patient; notes that it is not."""
    if all(one is not None and (one is reader.file.patient or one.kind in _OF_PATIENT) for one in focus):
        return True
    finding.whole.note(finding.feature.key, "its focus may be someone or something else; not taken", "focus")
    return False
