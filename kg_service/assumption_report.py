"""Local assumptions for people and programs: those that were set, and those that can be."""

from __future__ import annotations

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.assumptions import LocalAssumption
from kg_service.namespaces import SKOS, local_name
from kg_service.record import AppliedAssumption, AssumptionUse
from kg_service.wording import Wording


class AssumptionFeaturesJson(TypedDict):
    """The judgement that a local assumption fixes, and the number that it reads."""

    fixes: str
    fromFeature: str


class AssumptionJson(TypedDict):
    """A local assumption that was set, with its value as given, and what became of it on this case.

    ``use`` is *used*; *stated* when the record states the judgement; *missing* when the number is
    not known; *undecided* when what is known of it lies on both sides of the value.
    """

    id: str
    iri: str
    label: str
    features: AssumptionFeaturesJson
    comparison: str
    value: int | float
    unit: str
    used: bool
    use: AssumptionUse
    meaning: str
    useLabel: str


class DeclaredFeatureJson(TypedDict):
    """A feature that a local assumption fixes or reads."""

    feature: str
    label: str


class DeclaredAssumptionJson(TypedDict):
    """A local assumption that can be set: it has no value until a user sets one."""

    id: str
    iri: str
    label: str
    definition: str
    fixes: DeclaredFeatureJson
    fromFeature: DeclaredFeatureJson
    comparison: str
    comparisonLabel: str
    unit: str
    units: list[str]
    statements: list[str]
    ambiguities: list[str]


def assumption_json(applied: AppliedAssumption, wording: Wording) -> AssumptionJson:
    """Return the JSON form of a local assumption that was set."""
    setting = applied.setting
    meaning = wording.phrase(
        "assumption_meaning",
        word=_word(setting.fixes, setting.names, wording),
        number=wording.label(setting.from_feature),
        threshold=wording.threshold(setting),
    )
    return {
        "id": setting.id,
        "iri": str(setting.iri),
        "label": wording.label(setting.iri),
        "features": {"fixes": local_name(setting.fixes), "fromFeature": local_name(setting.from_feature)},
        "comparison": local_name(setting.comparison),
        "value": int(setting.number) if setting.number.denominator == 1 else float(setting.number),
        "unit": setting.unit,
        "used": applied.use == "used",
        "use": applied.use,
        "meaning": meaning,
        "useLabel": wording.word("assumption_use", applied.use),
    }


def _word(feature: URIRef, value: URIRef | None, wording: Wording) -> str:
    """Return what an assumption fixes: a feature, with its value where it is no truth value."""
    label = wording.label(feature)
    return label if value is None else wording.told(label, wording.label(value))


def declared_json(assumption: LocalAssumption, wording: Wording) -> DeclaredAssumptionJson:
    """Return the JSON form of a local assumption that can be set."""
    unit = str(assumption.from_feature.unit)
    factors = wording.compiled.schema.unit_factors
    return {
        "id": assumption.id,
        "iri": str(assumption.iri),
        "label": wording.label(assumption.iri),
        "definition": wording.text(assumption.iri, SKOS.definition),
        "fixes": {
            "feature": assumption.fixes.name,
            "label": _word(assumption.fixes.iri, assumption.names, wording),
        },
        "fromFeature": {
            "feature": assumption.from_feature.name,
            "label": wording.label(assumption.from_feature.iri),
        },
        "comparison": local_name(assumption.comparison),
        "comparisonLabel": wording.label(assumption.comparison),
        "unit": unit,
        "units": sorted(start for start, end in factors if end == unit),
        "statements": list(assumption.statements),
        "ambiguities": list(assumption.ambiguities),
    }
