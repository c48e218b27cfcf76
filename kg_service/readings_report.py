"""Ambiguities, readings and profiles for programs: the JSON form of what can be selected."""

from __future__ import annotations

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.namespaces import SKOS
from kg_service.readings import Profile, Reading
from kg_service.wording import Wording


class ReadingJson(TypedDict):
    """One reading; ``selectable`` when the graph says what it changes, or when it is adopted."""

    id: str
    iri: str
    label: str
    definition: str
    adopted: bool
    changesAnswers: bool
    selectable: bool
    profiles: list[str]


class AmbiguityJson(TypedDict):
    """One ambiguity of the source; ``changesAnswers`` when its readings give different answers."""

    id: str
    iri: str
    label: str
    definition: str
    adopted: str | None
    changesAnswers: bool
    readings: list[ReadingJson]


class ProfileJson(TypedDict):
    """Readings selected together: ambiguity id to letter; ``note`` says why each was chosen."""

    id: str
    iri: str
    label: str
    definition: str
    note: str
    readings: dict[str, str]


class ReadingsJson(TypedDict):
    """Everything that can be selected."""

    ambiguities: list[AmbiguityJson]
    profiles: list[ProfileJson]


def readings_json(wording: Wording) -> ReadingsJson:
    """Return the ambiguities of a guideline with their readings, and the profiles."""
    readings = wording.compiled.guideline.readings
    return {
        "ambiguities": [_ambiguity(a, found, wording) for a, found in readings.ambiguities.items()],
        "profiles": [_profile(profile, wording) for profile in readings.profiles.values()],
    }


def _ambiguity(identifier: str, found: list[Reading], wording: Wording) -> AmbiguityJson:
    iri = wording.ambiguity(identifier)
    return {
        "id": identifier,
        "iri": str(iri),
        "label": wording.label(iri),
        "definition": _text(iri, SKOS.definition, wording),
        "adopted": next((r.id for r in found if r.adopted), None),
        "changesAnswers": any(r.changes_answers for r in found),
        "readings": [_reading(reading, wording) for reading in found],
    }


def _reading(reading: Reading, wording: Wording) -> ReadingJson:
    profiles = wording.compiled.guideline.readings.profiles.values()
    return {
        "id": reading.id,
        "iri": str(reading.iri),
        "label": wording.label(reading.iri),
        "definition": _text(reading.iri, SKOS.definition, wording),
        "adopted": reading.adopted,
        "changesAnswers": reading.changes_answers,
        "selectable": reading.is_computed,
        "profiles": [p.id for p in profiles if p.readings.get(reading.ambiguity) == reading.letter],
    }


def _profile(profile: Profile, wording: Wording) -> ProfileJson:
    return {
        "id": profile.id,
        "iri": str(profile.iri),
        "label": wording.label(profile.iri),
        "definition": _text(profile.iri, SKOS.definition, wording),
        "note": _text(profile.iri, SKOS.editorialNote, wording),
        "readings": dict(profile.readings),
    }


def _text(iri: URIRef, prop: URIRef, wording: Wording) -> str:
    return wording.compiled.guideline.text(iri, prop, wording.language) or ""
