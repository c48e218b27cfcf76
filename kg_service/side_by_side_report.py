"""What several guidelines say of the same case, as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterator

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.layout import wrap
from kg_service.namespaces import local_name
from kg_service.option_decision import Verdict
from kg_service.prescription import PrescriptionCheck
from kg_service.robustness import PrescriptionAnswer
from kg_service.robustness_report import AnswerJson, answer_json
from kg_service.service import KnowledgeBase
from kg_service.side_by_side import Compared, ComparedCase, Relation, Saying, compared_verdict
from kg_service.values import Status
from kg_service.wording import Language, Wording


class SayingJson(TypedDict):
    """What one guideline says of an option; ``verdict`` is null when it does not speak of it."""

    guideline: str
    verdict: Verdict | None
    verdictLabel: str
    strength: str | None
    place: int | None
    leading: str | None
    statements: list[str]
    because: list[str]


class ComparedOptionJson(TypedDict):
    """One option under every guideline."""

    option: str
    iri: str
    label: str
    relation: Relation
    relationLabel: str
    guidelines: list[SayingJson]


class ComparedCaseJson(TypedDict):
    """One case under every guideline."""

    document: str
    case: str
    guidelines: dict[str, str]
    prescription: dict[str, AnswerJson | None]
    options: list[ComparedOptionJson]


def compared_json(found: ComparedCase, base: KnowledgeBase, language: Language) -> ComparedCaseJson:
    """Return the JSON form of a case under several guidelines."""
    wordings = {name: _wording(base, name, language) for name in found.assessments}
    return {
        "document": found.document,
        "case": found.case,
        "guidelines": {name: w.label(w.compiled.guideline.iri) for name, w in wordings.items()},
        "prescription": {
            name: _prescription(check, wordings[name]) for name, check in found.prescriptions.items()
        },
        "options": [_option(compared, wordings) for compared in found.options],
    }


def _wording(base: KnowledgeBase, guideline: str, language: Language) -> Wording:
    own = base.of(guideline)
    return own.wording(own.compiled(), language)


def _prescription(check: PrescriptionCheck | None, wording: Wording) -> AnswerJson | None:
    if check is None:
        return None
    return answer_json(PrescriptionAnswer(check.concordance, check.best, check.worst), wording)


def _option(compared: Compared, wordings: dict[str, Wording]) -> ComparedOptionJson:
    any_wording = next(iter(wordings.values()))
    return {
        "option": local_name(compared.option),
        "iri": str(compared.option),
        "label": any_wording.label(compared.option),
        "relation": compared.relation,
        "relationLabel": any_wording.word("relation", compared.relation),
        "guidelines": [_saying(saying, wordings[saying.guideline]) for saying in compared.sayings],
    }


def _saying(saying: Saying, wording: Wording) -> SayingJson:
    verdict = saying.verdict
    leading = verdict.leading if verdict else None
    told = (*verdict.indications, *verdict.contraindications, *verdict.qualifications) if verdict else ()
    holding = [c for c in (*told, *saying.beside) if c.status == "true"]
    features: list[URIRef] = sorted({fact.feature for c in holding for fact in c.facts})
    return {
        "guideline": saying.guideline,
        "verdict": verdict.verdict if verdict else None,
        "verdictLabel": verdict_label(
            verdict.verdict if verdict else None, saying.speaks, wording, speaks_of_option=bool(saying.beside)
        ),
        "strength": wording.label(leading.strength) if leading and leading.strength else None,
        "place": saying.place,
        "leading": leading.id if leading else None,
        "statements": sorted({s.id for c in holding for s in c.recommendation.statements}),
        "because": [wording.label(feature) for feature in features],
    }


def verdict_label(
    verdict: Verdict | None, speaks: Status, wording: Wording, *, speaks_of_option: bool
) -> str:
    """Return a verdict in words, or in what way a guideline has none."""
    if verdict is None:
        return wording.word("relation", "never-offered" if speaks_of_option else "silent")
    if compared_verdict(verdict, speaks) is None:
        return wording.word("relation", "silent-here")
    return wording.word("verdict", verdict)


def compared_text(found: ComparedCaseJson, wording: Wording) -> str:
    """Return a case under several guidelines as text, what they contradict each other on first."""
    return "\n".join(_lines(found, wording))


def _lines(found: ComparedCaseJson, wording: Wording) -> Iterator[str]:
    title = f"{wording.case_label} {found['case']} · {found['document']}"
    yield from (title, "═" * len(title))
    if any(found["prescription"].values()):
        yield wording.phrase("prescription")
        for name, answer in found["prescription"].items():
            if answer is not None:
                yield wrap(wording.told(name, answer["label"]), "  ")
    for option in found["options"]:
        yield ""
        yield wording.told(option["label"], option["relationLabel"])
        for saying in option["guidelines"]:
            parts = [saying["verdictLabel"], saying["strength"], ", ".join(saying["statements"])]
            because = ", ".join(saying["because"])
            told = wording.phrase("also").join(part for part in (*parts, because) if part)
            yield wrap(wording.told(saying["guideline"], told), "  ")
