"""The JSON form of an assessment."""

from __future__ import annotations

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.assessment import Assessment, Conclusion, OptionVerdict, Question
from kg_service.assumption_report import AssumptionJson, assumption_json
from kg_service.bearing import Bearing
from kg_service.guideline import Recommendation
from kg_service.namespaces import local_name
from kg_service.option_decision import Verdict
from kg_service.prescription import Finding, PrescriptionCheck
from kg_service.record import Fact, Note
from kg_service.robustness import CaseRobustness, Robustness
from kg_service.robustness_report import (
    CaseRobustnessJson,
    RobustnessJson,
    case_robustness_json,
    robustness_json,
)
from kg_service.score_outcome import ScoreOutcome
from kg_service.values import Status
from kg_service.wording import Wording


class FactJson(TypedDict):
    """A fact: feature, value as read, place in the record, origin beyond it, basis when derived.

    ``assumption`` is the name of the local assumption that it was derived by, if it was.
    """

    feature: str
    label: str
    value: str
    stated: str
    where: str
    origin: str
    basis: list[str]
    assumption: str | None


class MissingJson(TypedDict):
    """A missing feature and the question that asks for it."""

    feature: str
    label: str
    question: str


class StatementJson(TypedDict):
    """A statement of the source, by id, with its place there."""

    id: str
    iri: str
    section: str
    lines: str
    paraphrase: str


class ConclusionJson(TypedDict):
    """Whether the case is of the population of one recommendation."""

    id: str
    iri: str
    kind: str
    label: str
    status: Status
    option: str | None
    strength: str | None
    statements: list[StatementJson]
    facts: list[FactJson]
    missing: list[MissingJson]
    fulfilled: Status | None
    ways: list[str]
    outcome: str | None
    excluded: bool
    robustness: RobustnessJson | None


class OptionJson(TypedDict):
    """The verdict on one option; the ids are those of conclusions."""

    option: str
    iri: str
    label: str
    position: int
    verdict: Verdict
    verdictLabel: str
    indicated: Status
    stopped: Status
    strength: str | None
    leading: str | None
    outranked: list[str]
    preferredBy: str | None
    yieldsTo: list[str]
    indications: list[str]
    contraindications: list[str]
    relativeContraindications: list[str]
    reservations: list[str]
    obligations: list[str]
    robustness: RobustnessJson | None


class FindingJson(TypedDict):
    """How one recommendation bears on the prescription, and what it makes of it."""

    id: str
    iri: str
    kind: str
    label: str
    bearing: Bearing
    effect: str | None
    effectLabel: str | None
    ways: list[str]
    statements: list[StatementJson]
    facts: list[FactJson]
    missing: list[MissingJson]


class PrescriptionJson(TypedDict):
    """What the guideline makes of the prescription; ``best`` and ``worst`` bound what is open."""

    concordance: str
    concordanceLabel: str
    best: str
    worst: str
    realises: dict[str, Status]
    findings: list[FindingJson]
    missing: list[MissingJson]
    robustness: RobustnessJson | None


class QuestionJson(TypedDict):
    """A question, with the number of open criteria it bears on and may settle alone."""

    feature: str
    question: str
    bearsOn: int
    maySettle: int


class BandJson(TypedDict):
    """A band of a score, and whether the case is in it."""

    iri: str
    label: str
    status: Status


class ScoreJson(TypedDict):
    """A score or a definition beside the guideline; no recommendation hangs on it."""

    id: str
    iri: str
    label: str
    value: FactJson | None
    bands: list[BandJson]
    missing: list[MissingJson]


class NoteJson(TypedDict):
    """Something read and not taken as it stands."""

    where: str
    what: str
    why: str


class AssessmentJson(TypedDict):
    """Everything a guideline says of one case."""

    document: str
    case: str
    guideline: str
    guidelineLabel: str
    guidelineVersion: str
    coverage: str
    profile: str | None
    readings: dict[str, str]
    assumptions: list[AssumptionJson]
    language: str
    robustness: CaseRobustnessJson | None
    prescription: PrescriptionJson | None
    options: list[OptionJson]
    conclusions: list[ConclusionJson]
    questions: list[QuestionJson]
    openLists: list[str]
    facts: list[FactJson]
    scores: list[ScoreJson]


def assessment_json(
    assessment: Assessment, wording: Wording, robustness: CaseRobustness | None = None
) -> AssessmentJson:
    """Return the JSON form of an assessment, with what hangs on a reading if that was examined."""
    guideline = wording.compiled.guideline
    case = assessment.case
    facts = sorted((*case.facts.values(), *case.beside), key=lambda f: f.where)
    lacking = tuple(feature for c in assessment.conclusions for feature in c.missing)
    return {
        "document": case.document,
        "case": case.id,
        "guideline": str(guideline.iri),
        "guidelineLabel": wording.label(guideline.iri),
        "guidelineVersion": wording.guideline_version,
        "coverage": wording.coverage,
        "profile": guideline.profile.id if guideline.profile else None,
        "readings": guideline.letters,
        "assumptions": [assumption_json(a, wording) for a in case.assumptions],
        "language": wording.language,
        "robustness": (
            case_robustness_json(robustness, [v.option for v in assessment.options], wording)
            if robustness
            else None
        ),
        "prescription": (
            prescription_json(assessment.prescription, wording, robustness)
            if assessment.prescription
            else None
        ),
        "options": [
            option_json(v, i, wording, robustness) for i, v in enumerate(assessment.options, start=1)
        ],
        "conclusions": [conclusion_json(c, wording, robustness) for c in assessment.conclusions],
        "questions": [question_json(q, wording) for q in assessment.questions],
        "openLists": wording.list_flags(lacking),
        "facts": [fact_json(f, wording) for f in facts],
        "scores": [score_json(score, wording) for score in assessment.scores],
    }


def option_json(
    verdict: OptionVerdict, position: int, wording: Wording, robustness: CaseRobustness | None = None
) -> OptionJson:
    """Return the JSON form of the verdict on an option."""

    def ids(conclusions: tuple[Conclusion, ...]) -> list[str]:
        return [c.recommendation.id for c in conclusions]

    return {
        "option": local_name(verdict.option),
        "iri": str(verdict.option),
        "label": wording.label(verdict.option),
        "position": position,
        "verdict": verdict.verdict,
        "verdictLabel": wording.word("verdict", verdict.verdict),
        "indicated": verdict.indicated,
        "stopped": verdict.stopped,
        "strength": _label(verdict.leading.strength if verdict.leading else None, wording),
        "leading": _id(verdict.leading),
        "outranked": [r.id for r in verdict.outranked],
        "preferredBy": _id(verdict.preferred),
        "yieldsTo": [wording.label(p) for p in verdict.yields_to],
        "indications": ids(verdict.indications),
        "contraindications": ids(verdict.contraindications),
        "relativeContraindications": ids(verdict.qualifications),
        "reservations": ids(verdict.reservations),
        "obligations": ids(verdict.obligations),
        "robustness": _robustness(robustness.options[verdict.option] if robustness else None, wording),
    }


def conclusion_json(
    conclusion: Conclusion, wording: Wording, robustness: CaseRobustness | None = None
) -> ConclusionJson:
    """Return the JSON form of a conclusion."""
    recommendation = conclusion.recommendation
    return {
        "id": recommendation.id,
        "iri": str(recommendation.iri),
        "kind": recommendation.kind,
        "label": wording.label(recommendation.iri),
        "status": conclusion.status,
        "option": local_name(recommendation.option) if recommendation.option else None,
        "strength": _label(recommendation.strength, wording),
        "statements": statements_json(recommendation, wording),
        "facts": [fact_json(fact, wording) for fact in conclusion.facts],
        "missing": [missing_json(feature, wording) for feature in conclusion.missing],
        "fulfilled": conclusion.fulfilled,
        "ways": [local_name(cls) for cls in conclusion.ways],
        "outcome": _label(recommendation.outcome, wording),
        "excluded": recommendation.excluded,
        "robustness": _robustness(
            robustness.conclusions[recommendation.iri] if robustness else None, wording
        ),
    }


def prescription_json(
    check: PrescriptionCheck, wording: Wording, robustness: CaseRobustness | None = None
) -> PrescriptionJson:
    """Return the JSON form of the check of a prescription."""
    return {
        "concordance": local_name(check.concordance),
        "concordanceLabel": wording.label(check.concordance),
        "best": local_name(check.best),
        "worst": local_name(check.worst),
        "realises": {local_name(option): status for option, status in check.realises.items()},
        "findings": [finding_json(finding, wording) for finding in check.findings],
        "missing": [missing_json(feature, wording) for feature in check.missing],
        "robustness": _robustness(robustness.prescription if robustness else None, wording),
    }


def finding_json(finding: Finding, wording: Wording) -> FindingJson:
    """Return the JSON form of how a recommendation bears on a prescription."""
    recommendation = finding.recommendation
    return {
        "id": recommendation.id,
        "iri": str(recommendation.iri),
        "kind": recommendation.kind,
        "label": wording.label(recommendation.iri),
        "bearing": finding.bearing,
        "effect": local_name(finding.effect) if finding.effect else None,
        "effectLabel": _label(finding.effect, wording),
        "ways": [wording.label(cls) for cls in finding.ways],
        "statements": statements_json(recommendation, wording),
        "facts": [fact_json(fact, wording) for fact in finding.facts],
        "missing": [missing_json(feature, wording) for feature in finding.missing],
    }


def statements_json(recommendation: Recommendation, wording: Wording) -> list[StatementJson]:
    """Return the statements that a recommendation rests on."""
    return [
        {
            "id": s.id,
            "iri": str(s.iri),
            "section": s.section,
            "lines": s.lines,
            "paraphrase": wording.statement(s.iri),
        }
        for s in recommendation.statements
    ]


def fact_json(fact: Fact, wording: Wording) -> FactJson:
    """Return the JSON form of a fact."""
    return {
        "feature": local_name(fact.feature),
        "label": wording.label(fact.feature),
        "value": wording.value(wording.feature(fact.feature), fact.known),
        "stated": fact.stated,
        "where": fact.where,
        "origin": fact.origin,
        "basis": wording.basis(fact),
        "assumption": fact.assumption.id if fact.assumption else None,
    }


def missing_json(feature: URIRef, wording: Wording) -> MissingJson:
    """Return a missing feature with its question."""
    return {
        "feature": local_name(feature),
        "label": wording.label(feature),
        "question": wording.question(feature),
    }


def score_json(outcome: ScoreOutcome, wording: Wording) -> ScoreJson:
    """Return the JSON form of what a case says of a score."""
    return {
        "id": outcome.score.id,
        "iri": str(outcome.score.iri),
        "label": wording.label(outcome.score.iri),
        "value": None if outcome.value is None else fact_json(outcome.value, wording),
        "bands": [
            {"iri": str(band), "label": wording.label(band), "status": status}
            for band, status in outcome.bands.items()
        ],
        "missing": [missing_json(feature, wording) for feature in outcome.missing],
    }


def question_json(question: Question, wording: Wording) -> QuestionJson:
    """Return the JSON form of a question."""
    return {
        "feature": local_name(question.feature),
        "question": wording.question(question.feature),
        "bearsOn": question.bears_on,
        "maySettle": question.may_settle,
    }


def note_json(note: Note) -> NoteJson:
    """Return the JSON form of a note."""
    return {"where": note.where, "what": note.what, "why": note.why}


def _robustness(found: Robustness | None, wording: Wording) -> RobustnessJson | None:
    return robustness_json(found, wording) if found else None


def _label(iri: URIRef | None, wording: Wording) -> str | None:
    return wording.label(iri) if iri else None


def _id(recommendation: Recommendation | None) -> str | None:
    return recommendation.id if recommendation else None
