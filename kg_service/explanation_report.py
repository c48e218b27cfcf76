"""Explanations as JSON, with the words of one language."""

from __future__ import annotations

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.argument import About, Argument, Flip, MissingFact
from kg_service.assumption_report import AssumptionJson, assumption_json
from kg_service.explain import Answer, State
from kg_service.explanation import Explanation, Precedence, Sort
from kg_service.namespaces import local_name
from kg_service.remedy import Remedy
from kg_service.report import (
    FactJson,
    FindingJson,
    StatementJson,
    fact_json,
    finding_json,
    statements_json,
)
from kg_service.robustness import PrescriptionAnswer
from kg_service.robustness_report import AnswerJson, RobustnessJson, answer_json, robustness_json
from kg_service.values import Status, status_of
from kg_service.wording import Wording


class StateJson(TypedDict):
    """One node of a criterion with its value in the case; ``inProof`` marks the way to the first proof."""

    operator: str
    criterion: str | None
    label: str
    status: Status
    inProof: bool
    children: list[StateJson]


class ChangeJson(TypedDict):
    """A feature and the values it would have to take, beside what is known now.

    ``derivedFrom`` holds the places of the record to correct when the fact is derived.
    """

    feature: str
    label: str
    values: str
    now: str | None
    where: str | None
    derivedFrom: list[str]


class SingleAnswerJson(TypedDict):
    """What a single answer would make of the conclusion."""

    feature: str
    label: str
    question: str
    values: str
    becomes: Status


class UsefulJson(TypedDict):
    """A missing feature, and how useful it would be: what it settles alone, with others, and elsewhere.

    ``openLists`` holds the flags that say a list is complete, where it derives from one.
    """

    feature: str
    label: str
    question: str
    settles: str
    inSmallestSets: int
    maySettleElsewhere: int
    openLists: list[str]


class ArgumentJson(TypedDict):
    """Why one tree is true, false or unknown.

    Each of ``proofs`` holds facts that entail the status, none superfluous; ``allProofs`` says whether
    there are no others. ``change`` is the smallest change that would make it the opposite;
    ``settledBy`` the smallest sets of features that settle an unknown one. Either is empty when more
    than three features are needed, or when nothing does it.
    """

    about: About
    aboutLabel: str
    subject: str
    label: str
    status: Status
    proofs: list[list[FactJson]]
    allProofs: bool
    tree: StateJson
    change: list[ChangeJson]
    settledBy: list[list[str]]
    answers: list[SingleAnswerJson]
    missing: list[UsefulJson]


class PrecedenceJson(TypedDict):
    """A recommendation that speaks before another, which holds too, and why."""

    winner: str
    loser: str
    reason: str
    label: str


class RemedyJson(TypedDict):
    """Facts of a prescription to change together, and what the guideline makes of it then."""

    changes: list[ChangeJson]
    answer: AnswerJson


class ExplanationJson(TypedDict):
    """Why an answer on a case is what it is: a recommendation, an option, or the prescription."""

    sort: Sort
    id: str
    iri: str
    kind: str | None
    label: str
    language: str
    document: str
    case: str
    guideline: str
    guidelineVersion: str
    coverage: str
    status: Status | None
    answer: AnswerJson
    strength: str | None
    statements: list[StatementJson]
    profile: str | None
    readings: dict[str, str]
    assumptions: list[AssumptionJson]
    arguments: list[ArgumentJson]
    findings: list[FindingJson]
    precedence: list[PrecedenceJson]
    yieldsTo: list[str]
    remedies: list[RemedyJson]
    ambiguities: dict[str, str]
    robustness: RobustnessJson | None


def explanation_json(explanation: Explanation, wording: Wording) -> ExplanationJson:
    """Return the JSON form of an explanation."""
    guideline = explanation.compiled.guideline
    case = explanation.assessment.case
    own = guideline.by_iri.get(explanation.iri)
    found = {s["id"]: s for r in explanation.recommendations for s in statements_json(r, wording)}
    label = wording.phrase("prescription") if explanation.sort == "prescription" else None
    return {
        "sort": explanation.sort,
        "id": explanation.id,
        "iri": str(explanation.iri),
        "kind": own.kind if own else None,
        "label": label or wording.label(explanation.iri),
        "language": wording.language,
        "document": case.document,
        "case": case.id,
        "guideline": wording.label(guideline.iri),
        "guidelineVersion": wording.guideline_version,
        "coverage": wording.coverage,
        "status": explanation.status,
        "answer": answer_json(explanation.answer, wording),
        "strength": wording.label(own.strength) if own and own.strength else None,
        "statements": [found[key] for key in sorted(found)],
        "profile": guideline.profile.id if guideline.profile else None,
        "readings": guideline.letters,
        "assumptions": [assumption_json(a, wording) for a in case.assumptions],
        "arguments": [_argument(a, explanation, wording) for a in explanation.arguments],
        "findings": [finding_json(f, wording) for f in explanation.findings],
        "precedence": [_precedence(p, wording) for p in explanation.precedence],
        "yieldsTo": [wording.label(p) for p in explanation.yields_to],
        "remedies": [_remedy(r, wording) for r in explanation.remedies],
        "ambiguities": {a: wording.label(wording.ambiguity(a)) for a in explanation.ambiguities},
        "robustness": robustness_json(explanation.robustness, wording) if explanation.robustness else None,
    }


def _argument(argument: Argument, explanation: Explanation, wording: Wording) -> ArgumentJson:
    subject = explanation.compiled.guideline.by_iri.get(argument.subject)
    return {
        "about": argument.about,
        "aboutLabel": wording.word("about", argument.about),
        "subject": subject.id if subject else local_name(argument.subject),
        "label": wording.identified(subject) if subject else wording.label(argument.subject),
        "status": argument.status,
        "proofs": [[fact_json(fact, wording) for fact in proof] for proof in argument.proofs],
        "allProofs": argument.all_proofs,
        "tree": _state(argument.state, wording),
        "change": [_change(flip, wording) for flip in argument.flips],
        "settledBy": [[local_name(f) for f in chosen] for chosen in argument.settled_by],
        "answers": [_answer(a, wording) for a in argument.answers],
        "missing": [_useful(m, wording) for m in argument.missing],
    }


def _state(state: State, wording: Wording) -> StateJson:
    if state.atom is not None:
        label = wording.test(state.atom)
    elif state.criterion is not None:
        label = wording.label(URIRef(state.criterion))
    else:
        empty = state.operator in ("and", "or") and not state.children
        label = wording.word("operator", "empty" if empty else state.operator)
    return {
        "operator": state.operator,
        "criterion": state.criterion,
        "label": label,
        "status": status_of(state.value),
        "inProof": state.in_proof,
        "children": [_state(child, wording) for child in state.children],
    }


def _change(flip: Flip, wording: Wording) -> ChangeJson:
    feature = wording.feature(flip.change.feature)
    fact = flip.fact
    return {
        "feature": feature.name,
        "label": wording.label(feature.iri),
        "values": wording.values(feature, flip.change.values),
        "now": wording.value(feature, fact.known) if fact else None,
        "where": fact.where if fact else None,
        "derivedFrom": wording.basis(fact) if fact else [],
    }


def _remedy(remedy: Remedy, wording: Wording) -> RemedyJson:
    answer = PrescriptionAnswer(remedy.concordance, remedy.best, remedy.worst)
    return {
        "changes": [_change(flip, wording) for flip in remedy.flips],
        "answer": answer_json(answer, wording),
    }


def _answer(answer: Answer, wording: Wording) -> SingleAnswerJson:
    feature = wording.feature(answer.feature)
    return {
        "feature": feature.name,
        "label": wording.label(feature.iri),
        "question": wording.question(feature.iri),
        "values": wording.values(feature, answer.values),
        "becomes": status_of(answer.becomes),
    }


def _useful(item: MissingFact, wording: Wording) -> UsefulJson:
    return {
        "feature": local_name(item.feature),
        "label": wording.label(item.feature),
        "question": wording.question(item.feature),
        "settles": item.settles,
        "inSmallestSets": item.in_sets,
        "maySettleElsewhere": item.elsewhere,
        "openLists": wording.list_flags((item.feature,)),
    }


def _precedence(item: Precedence, wording: Wording) -> PrecedenceJson:
    reason = wording.word("precedence", item.reason)
    if item.before:
        reason = f"{reason} ({', '.join(wording.label(p) for p in item.before)})"
    return {
        "winner": item.winner.id,
        "loser": item.loser.id,
        "reason": item.reason,
        "label": wording.phrase("precedence", winner=item.winner.id, loser=item.loser.id, reason=reason),
    }
