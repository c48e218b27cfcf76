"""The answers of Observations, as values of features."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kg_service.importers.fhir_bindings import Meaning
from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_reading import Reader, extension_items, presence
from kg_service.importers.fhir_values import (
    Reading,
    class_of,
    class_reading,
    codes_of,
    count,
    describe,
    is_false,
    meanings_of,
    quantity,
    truth_reading,
    value_range,
)
from kg_service.namespaces import FB
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


def read_answer(finding: Finding, reader: Reader) -> Reading | None:
    """Return the value that an observation gives its feature, or None with a note."""
    seen = len(finding.part.notes)
    reading = _read(finding, reader)
    if reading is None and len(finding.part.notes) == seen:
        _note_unreadable(finding)
    return reading


def as_value(meaning: Meaning, feature: Feature, holds: bool, reader: Reader) -> Reading | None:
    """Return the value that a finding, present or absent, gives its feature; None when it gives none."""
    if meaning.term == feature.iri and feature.kind is Kind.BOOLEAN:
        return truth_reading(truth(holds))
    if meaning.term != feature.iri and holds:
        return class_reading(meaning.term, reader.bindings)
    return None


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
    reading = as_value(finding.meaning, feature, holds, reader)
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
