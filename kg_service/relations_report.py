"""How guidelines stand to each other, whatever the case, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.guideline import Recommendation
from kg_service.layout import wrap
from kg_service.namespaces import local_name
from kg_service.population import Cube, PopulationRelation
from kg_service.relations import (
    GUIDELINE_RELATIONS,
    GuidelineRelation,
    RelatedGuidelines,
    RelatedOption,
    RelatedRecommendations,
)
from kg_service.service import KnowledgeBase
from kg_service.wording import Language, Wording

SAID_IN_FULL: tuple[GuidelineRelation, ...] = ("contradicts", "stricter", "laxer", "same")
"""Relations of recommendations that the text tells one by one; the others are counted."""


class NamedJson(TypedDict):
    """Something by its name, its IRI and its label."""

    id: str
    iri: str
    label: str


class RelatedOptionJson(TypedDict):
    """One option that both guidelines offer to somebody.

    ``examples`` holds, by guideline, facts that make that one alone offer it; null where there are none.
    """

    option: NamedJson
    relation: GuidelineRelation
    relationLabel: str
    populations: PopulationRelation
    examples: dict[str, list[str] | None]


class RelatedSideJson(TypedDict):
    """One of two recommendations."""

    recommendation: NamedJson
    population: NamedJson
    strength: str | None
    statements: list[str]


class RelatedRecommendationsJson(TypedDict):
    """Two recommendations on one option; how the first stands to the second."""

    option: NamedJson
    relation: GuidelineRelation
    relationLabel: str
    populations: PopulationRelation
    one: RelatedSideJson
    other: RelatedSideJson


class RelatedGuidelinesJson(TypedDict):
    """Two guidelines; how the first stands to the second.

    ``alone`` holds, by guideline, the options that it alone offers to somebody.
    """

    one: str
    other: str
    options: list[RelatedOptionJson]
    recommendations: list[RelatedRecommendationsJson]
    alone: dict[str, list[NamedJson]]


def related_json(pair: RelatedGuidelines, base: KnowledgeBase, language: Language) -> RelatedGuidelinesJson:
    """Return the JSON form of how two guidelines stand to each other."""
    names = pair.one.guideline.id, pair.other.guideline.id
    wordings = base.wording(pair.one, language), base.wording(pair.other, language)
    return {
        "one": names[0],
        "other": names[1],
        "options": [_option(o, pair, wordings[0]) for o in sorted(pair.options, key=_place)],
        "recommendations": [_recommendations(r, wordings) for r in sorted(pair.recommendations, key=_place)],
        "alone": {
            name: [_named(option, wordings[0]) for option in options]
            for name, options in zip(names, pair.alone, strict=True)
        },
    }


def _place(related: RelatedOption | RelatedRecommendations) -> tuple[int, URIRef]:
    return GUIDELINE_RELATIONS.index(related.relation), related.option


def _named(iri: URIRef, wording: Wording) -> NamedJson:
    return {"id": local_name(iri), "iri": str(iri), "label": wording.label(iri)}


def _option(related: RelatedOption, pair: RelatedGuidelines, wording: Wording) -> RelatedOptionJson:
    names = pair.one.guideline.id, pair.other.guideline.id
    return {
        "option": _named(related.option, wording),
        "relation": related.relation,
        "relationLabel": _relation(related.relation, names, wording),
        "populations": related.offered,
        "examples": {
            name: None if cube is None else list(_facts(cube, wording))
            for name, cube in zip(names, pair.examples(related.option), strict=True)
        },
    }


def _facts(cube: Cube, wording: Wording) -> Iterator[str]:
    for iri, values in cube.items():
        feature = wording.feature(iri)
        yield wording.told(wording.label(feature.iri), wording.values(feature, values))


def _relation(relation: GuidelineRelation, names: tuple[str, str], wording: Wording) -> str:
    return wording.word("guideline_relation", relation).format(one=names[0], other=names[1])


def _recommendations(
    related: RelatedRecommendations, wordings: tuple[Wording, Wording]
) -> RelatedRecommendationsJson:
    one, other = wordings
    names = one.compiled.guideline.id, other.compiled.guideline.id
    return {
        "option": _named(related.option, one),
        "relation": related.relation,
        "relationLabel": _relation(related.relation, names, one),
        "populations": related.populations,
        "one": _side(related.one, one),
        "other": _side(related.other, other),
    }


def _side(recommendation: Recommendation, wording: Wording) -> RelatedSideJson:
    return {
        "recommendation": {**_named(recommendation.iri, wording), "id": recommendation.id},
        "population": _named(recommendation.population, wording),
        "strength": wording.label(recommendation.strength) if recommendation.strength else None,
        "statements": [statement.id for statement in recommendation.statements],
    }


def related_text(found: RelatedGuidelinesJson, wording: Wording) -> str:
    """Return how two guidelines stand to each other as text, what they contradict each other on first."""
    return "\n".join(_lines(found, wording))


def _lines(found: RelatedGuidelinesJson, wording: Wording) -> Iterator[str]:
    words = wording.words("guideline_relations")
    title = words["title"].format(one=found["one"], other=found["other"])
    yield from (title, "═" * len(title), words["options"])
    for option in found["options"]:
        yield wrap(wording.told(option["option"]["label"], option["relationLabel"]), "  ")
        for name, facts in option["examples"].items():
            if facts is not None:
                example = wording.phrase("also").join(facts)
                yield wrap(words["alone_in"].format(guideline=name, facts=example), "    ")
    counts = Counter((r["relation"], r["relationLabel"]) for r in found["recommendations"])
    told = wording.phrase("also").join(f"{number} {label}" for (_, label), number in counts.most_common())
    yield from ("", wrap(wording.told(words["recommendations"], told), ""))
    for related in found["recommendations"]:
        if related["relation"] in SAID_IN_FULL:
            yield from _pair(related, wording)
    for name, options in found["alone"].items():
        labels = wording.phrase("also").join(option["label"] for option in options)
        if labels:
            yield from ("", wrap(wording.told(words["alone"].format(guideline=name), labels), ""))


def _pair(related: RelatedRecommendationsJson, wording: Wording) -> Iterator[str]:
    yield wrap(wording.told(related["option"]["label"], related["relationLabel"]), "  ")
    for side in (related["one"], related["other"]):
        parts = (side["population"]["label"], side["strength"], ", ".join(side["statements"]))
        said = wording.phrase("also").join(part for part in parts if part)
        yield wrap(wording.told(side["recommendation"]["id"], said), "    ")
