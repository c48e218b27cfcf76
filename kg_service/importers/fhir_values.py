"""FHIR datatypes as values of the record: quantities, codes, dates, and what is known by them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from rdflib import URIRef

from kg_service.dates import PartialDate, parse_date
from kg_service.importers.fhir_bindings import Code, FhirBindings, Meaning
from kg_service.importers.fhir_bundle import View
from kg_service.namespaces import local_name
from kg_service.schema import Feature
from kg_service.values import FALSE, TRUE, Interval, Knowledge, truth

_LEAST = 1e-12
_LARGEST = 10**12
"""No quantity of a record comes near them, zero apart; infinity and not-a-number fall outside."""
_UCUM = "http://unitsofmeasure.org"
_BOUNDS = {"<": "maxExclusive", "<=": "maxInclusive", ">=": "minInclusive", ">": "minExclusive"}
_LEVEL = re.compile(r"(?<![A-Za-z0-9])([A-Z])\s?(\d{1,2})(?![\d.])")


@dataclass(frozen=True)
class Reading:
    """A value in the form of the record, and what is known by it.

    Attributes
    ----------
    value : object
        A JSON value of the record form.
    known : Interval or frozenset of str
        The values still possible, in the canonical unit.
    """

    value: object
    known: Knowledge


def codes_of(concept: View) -> list[Code]:
    """Return the codes of a CodeableConcept, in order."""
    texts = [(coding.text("system"), coding.text("code")) for coding in concept.items("coding")]
    return [Code(system, code) for system, code in texts if code]


def meanings_of(concept: View | None, bindings: FhirBindings) -> list[Meaning]:
    """Return what the sound codes of a CodeableConcept stand for."""
    codes = codes_of(concept) if concept else []
    return [m for code in codes if not bindings.defect(code) for m in bindings.meanings(code)]


def describe(concept: View | None) -> str:
    """Return a CodeableConcept in a few words."""
    if concept is None:
        return "nothing"
    shown = [f"{coding.text('display') or ''} {code}".strip() for coding, code in _coded(concept)]
    text = concept.text("text")
    return "; ".join([*shown, *([f"text {text!r}"] if text else [])]) or "an empty concept"


def class_of(concept: View, top: URIRef, bindings: FhirBindings) -> URIRef | None:
    """Return the finest class of a partition that a CodeableConcept states, or None with a note."""
    schema = bindings.schema
    found = [m for m in meanings_of(concept, bindings) if schema.is_under(m.term, top)]
    if not found:
        reasons = [bindings.reason(m.term) for m in meanings_of(concept, bindings)]
        why = next(
            (r for r in reasons if r), f"unmapped: no code here stands for a {schema.label(top, 'en')}"
        )
        concept.note(describe(concept), why)
        return None
    finest = narrowest([m.term for m in found], bindings)
    if finest is None:
        concept.note(describe(concept), "the codes contradict each other; none is taken")
        return None
    other = _other_level(concept, finest, top, bindings)
    if other:
        concept.note(
            describe(concept), f"the words name {other}, the code {local_name(finest)}; neither is taken"
        )
        return None
    return finest


def narrowest(classes: Iterable[URIRef], bindings: FhirBindings) -> URIRef | None:
    """Return the class that lies within all the others, or None when there is none."""
    leaves = bindings.schema.leaves
    listed = list(classes)
    return next((c for c in listed if all(leaves(c) <= leaves(other) for other in listed)), None)


def class_reading(cls: URIRef, bindings: FhirBindings) -> Reading:
    """Return a class of a partition as a value of the record."""
    return Reading(local_name(cls), bindings.schema.leaves(cls))


def quantity(view: View, feature: Feature, bindings: FhirBindings) -> Reading | None:
    """Return a Quantity as a value of a feature, or None with a note."""
    number = _number(view)
    unit = _unit(view, feature, bindings)
    if number is None or unit is None:
        return None
    comparator = view.text("comparator")
    if comparator and comparator not in _BOUNDS:
        view.note(f"comparator {comparator!r}", "not a comparator of R4; the value is not taken")
        return None
    facet = _BOUNDS[comparator] if comparator else "value"
    return _on_scale(view, _reading({facet: number}, unit, feature, bindings), feature, bindings)


def value_range(view: View, feature: Feature, bindings: FhirBindings) -> Reading | None:
    """Return a Range as a bounded value of a feature, or None with a note."""
    ends = {"minInclusive": view.item("low"), "maxInclusive": view.item("high")}
    read = {facet: quantity(end, feature, bindings) for facet, end in ends.items() if end}
    if not read or any(reading is None for reading in read.values()):
        view.note("a Range", "no end of it can be read, or not both that are given; not taken")
        return None
    units = {_field(reading, "unit") for reading in read.values()}
    if len(units) > 1 or any(_field(reading, "value") is None for reading in read.values()):
        view.note("a Range", "its ends have different units or comparators; not taken")
        return None
    facets = {facet: _field(reading, "value") for facet, reading in read.items()}
    result = _reading(facets, str(units.pop() or ""), feature, bindings)
    if isinstance(result.known, Interval) and result.known.is_empty:
        view.note("a Range", "its low end lies above its high end; not taken")
        return None
    return result


def count(view: View, key: str, feature: Feature, bindings: FhirBindings) -> Reading | None:
    """Return a whole number without unit as a value of a feature, or None with a note."""
    number = view.body[key]
    if feature.unit != "1":
        view.note(
            f"{number!r:.40}",
            f"a number without unit; {feature.key} needs one that converts to {feature.unit}",
            key,
        )
        return None
    if not isinstance(number, int) or isinstance(number, bool) or not _is_plausible(number):
        view.note(f"{number!r:.40}", "not a whole number of a plausible size", key)
        return None
    return _on_scale(view, _reading({"value": number}, "", feature, bindings), feature, bindings)


def number_reading(number: Fraction, feature: Feature, bindings: FhirBindings) -> Reading:
    """Return an exact number without unit as a value of a feature."""
    plain: object = int(number) if number.denominator == 1 else float(number)
    return _reading({"value": plain}, "", feature, bindings)


def truth_reading(known: Knowledge) -> Reading | None:
    """Return a settled truth as a value of the record; None when both are possible."""
    settled = known in (truth(True), truth(False))
    return Reading(known == truth(True), known) if settled else None


def date_of(view: View, key: str) -> PartialDate | None:
    """Return a date or dateTime member, or None with a note when it is none."""
    text = view.text(key)
    if text is None:
        return None
    try:
        if not text.isascii():
            raise ValueError(text)
        return parse_date(text)
    except ValueError:
        view.note(f"{text:.40}", "not a date; not read", key)
        return None


def date_text(view: View, key: str) -> str | None:
    """Return the day, month or year of a date member, as the record writes it."""
    text = view.text(key)
    return text.split("T", 1)[0] if text and date_of(view, key) else None


def is_true(known: Knowledge) -> bool:
    """Return whether a truth is settled as true."""
    return known == frozenset({TRUE})


def is_false(known: Knowledge) -> bool:
    """Return whether a truth is settled as false."""
    return known == frozenset({FALSE})


def _coded(concept: View) -> list[tuple[View, Code]]:
    pairs = [(coding, coding.text("system"), coding.text("code")) for coding in concept.items("coding")]
    return [(coding, Code(system, code)) for coding, system, code in pairs if code]


def _other_level(concept: View, cls: URIRef, top: URIRef, bindings: FhirBindings) -> str | None:
    """Return a level that the words of a concept name and its code excludes, or None."""
    names = bindings.schema.codes[top]
    series = {name[0] for name in names if _LEVEL.fullmatch(name)}
    words = [concept.text("text"), *(coding.text("display") for coding in concept.items("coding"))]
    tokens = [(m[1], f"{m[1]}{int(m[2])}") for word in words if word for m in _LEVEL.finditer(word)]
    for letter, token in tokens:
        if letter in series and not (token in names and _overlap(names[token], cls, bindings)):
            return token
    return None


def _overlap(one: URIRef, other: URIRef, bindings: FhirBindings) -> bool:
    return bool(bindings.schema.leaves(one) & bindings.schema.leaves(other))


def _number(view: View) -> int | float | Decimal | None:
    number = view.body.get("value")
    if isinstance(number, int | float | Decimal) and not isinstance(number, bool) and _is_plausible(number):
        return number
    what = "no number" if number is None else f"{number!r:.40}"
    view.note(what, "a quantity needs a finite number", "value")
    return None


def _is_plausible(number: float | Decimal) -> bool:
    """Return whether a number is finite and of a size that a record can hold."""
    return number == 0 or (-_LARGEST <= number <= _LARGEST and not -_LEAST < number < _LEAST)


def _unit(view: View, feature: Feature, bindings: FhirBindings) -> str | None:
    """Return the UCUM unit of a Quantity when it converts to the unit of the feature, or None with a note."""
    system, code, words = view.text("system"), view.text("code"), view.text("unit")
    if system not in (None, _UCUM):
        view.note(f"unit system {system}", "only UCUM units are read; the value is not taken")
        return None
    unit = code or words or ""
    if feature.unit == "1" and (unit in ("", "1") or re.fullmatch(r"\{[^}]*\}", unit)):
        return ""
    factors = bindings.schema.unit_factors
    if (unit, str(feature.unit)) not in factors:
        view.note(f"unit {unit!r}", f"does not convert to {feature.unit}; the value is not taken")
        return None
    if code and words and words != code and any(known == words for known, _ in factors):
        view.note(f"code {code!r} and unit {words!r}", "contradict each other; the value is not taken")
        return None
    if not (system and code):
        view.note(f"unit {unit!r} without UCUM system and code", "taken as the UCUM unit of that name")
    return unit


def _reading(facets: dict[str, object], unit: str, feature: Feature, bindings: FhirBindings) -> Reading:
    factor = bindings.schema.unit_factors[unit or "1", str(feature.unit)]
    known = Interval()
    for facet, number in facets.items():
        known &= _interval(facet, Fraction(str(number)) * factor)
    return Reading({**facets, **({"unit": unit} if unit else {})}, known)


def _interval(facet: str, number: Fraction) -> Interval:
    if facet == "value":
        return Interval(number, number)
    is_open = facet.endswith("Exclusive")
    return (
        Interval(number, None, is_open) if facet.startswith("min") else Interval(None, number, False, is_open)
    )


def _on_scale(view: View, reading: Reading, feature: Feature, bindings: FhirBindings) -> Reading | None:
    scale = bindings.scale(feature)
    if isinstance(reading.known, Interval) and (reading.known & scale).is_empty:
        view.note(f"{reading.value}", f"outside the scale of {feature.key}: {scale}; not taken")
        return None
    return reading


def _field(reading: Reading | None, key: str) -> object:
    return reading.value.get(key) if reading and isinstance(reading.value, dict) else None
