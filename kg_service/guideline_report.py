"""The guidelines that can decide, as JSON and as text."""

from __future__ import annotations

from typing_extensions import TypedDict

from kg_service.service import KnowledgeBase
from kg_service.wording import Language


class GuidelineJson(TypedDict):
    """One guideline: how it is named, its version, and how much of its source is there."""

    id: str
    iri: str
    label: str
    version: str
    default: bool
    recommendations: int
    coverage: str


def guidelines_json(base: KnowledgeBase, language: Language) -> list[GuidelineJson]:
    """Return the guidelines of a knowledge base, the default one first."""
    return [_json(base.of(name), language) for name in base.guidelines]


def _json(base: KnowledgeBase, language: Language) -> GuidelineJson:
    compiled = base.compiled()
    guideline, wording = compiled.guideline, base.wording(compiled, language)
    return {
        "id": guideline.id,
        "iri": str(guideline.iri),
        "label": wording.label(guideline.iri),
        "version": wording.guideline_version,
        "default": guideline.is_default,
        "recommendations": len(guideline.recommendations),
        "coverage": wording.coverage,
    }


def guidelines_text(base: KnowledgeBase, language: Language) -> str:
    """Return the guidelines of a knowledge base, one a line, the default one first."""
    found = guidelines_json(base, language)
    width = max(len(item["id"]) for item in found)
    return "\n".join(f"{item['id']:<{width}}  {item['label']}, {item['version']}" for item in found)
