"""The explanation of one conclusion: its proof, what would change it, what would settle it."""

from __future__ import annotations

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.assessment import Assessment, Conclusion
from kg_service.assumption_report import AssumptionJson, assumption_json
from kg_service.compiler import CompiledGuideline
from kg_service.errors import UnknownNameError
from kg_service.explain import (
    Answer,
    Change,
    State,
    nearest_change,
    settling_alone,
    settling_sets,
    states,
)
from kg_service.namespaces import local_name
from kg_service.report import FactJson, StatementJson, fact_json, statements_json
from kg_service.values import Status, status_of
from kg_service.wording import Wording


class StateJson(TypedDict):
    """One node of a criterion with its value in the case."""

    operator: str
    criterion: str | None
    label: str
    status: Status
    children: list[StateJson]


class ChangeJson(TypedDict):
    """A feature and the values it would have to take."""

    feature: str
    label: str
    values: str


class AnswerJson(TypedDict):
    """What a single answer would make of the conclusion."""

    feature: str
    question: str
    values: str
    becomes: Status


class ExplanationJson(TypedDict):
    """Why a conclusion is true, false or unknown.

    ``proof`` holds facts that entail the status, none superfluous. ``change`` is the smallest
    change that would make a false conclusion true; ``settledBy`` the smallest sets of features
    that settle an unknown one. Either is empty when more than three features are needed.
    """

    id: str
    iri: str
    kind: str
    label: str
    document: str
    case: str
    status: Status
    strength: str | None
    statements: list[StatementJson]
    profile: str | None
    readings: dict[str, str]
    assumptions: list[AssumptionJson]
    proof: list[FactJson]
    tree: StateJson
    change: list[ChangeJson]
    settledBy: list[list[str]]
    answers: list[AnswerJson]
    ambiguities: dict[str, str]
    outranks: list[str]
    outrankedBy: list[str]


def explain(
    assessment: Assessment, identifier: str, compiled: CompiledGuideline, wording: Wording
) -> ExplanationJson:
    """Return the explanation of one conclusion of an assessment.

    Parameters
    ----------
    assessment : Assessment
        The assessment of the case.
    identifier : str
        Id of the conclusion, such as ``S071``.
    compiled : CompiledGuideline
        The guideline that was used.
    wording : Wording
        Words of the language to answer in.

    Raises
    ------
    UnknownNameError
        When the guideline holds no such conclusion.
    """
    if identifier not in assessment.by_id:
        raise UnknownNameError("conclusion", identifier, list(assessment.by_id))
    conclusion = assessment.by_id[identifier]
    recommendation = conclusion.recommendation
    plan = compiled.plan
    tree = compiled.criterion(recommendation.population)
    possible = plan.possible(assessment.case.known)
    is_open = conclusion.status == "unknown"
    change = nearest_change(plan, tree, possible) if conclusion.status == "false" else ()
    sets = settling_sets(plan, tree, possible) if is_open else []
    answers = (
        [a for f in conclusion.missing for a in settling_alone(plan, tree, possible, str(f))]
        if is_open
        else []
    )
    outranks, outranked_by = _ranking(assessment, conclusion)
    return {
        "id": recommendation.id,
        "iri": str(recommendation.iri),
        "kind": recommendation.kind,
        "label": wording.label(recommendation.iri),
        "document": assessment.case.document,
        "case": assessment.case.id,
        "status": conclusion.status,
        "strength": wording.label(recommendation.strength) if recommendation.strength else None,
        "statements": statements_json(recommendation, wording),
        "profile": compiled.guideline.profile.id if compiled.guideline.profile else None,
        "readings": compiled.guideline.letters,
        "assumptions": [assumption_json(a, wording) for a in assessment.case.assumptions],
        "proof": [fact_json(fact, wording) for fact in conclusion.facts],
        "tree": _state_json(states(plan, tree, possible), wording),
        "change": [_change_json(c, wording) for c in change],
        "settledBy": [[local_name(f) for f in chosen] for chosen in sets],
        "answers": [_answer_json(a, wording) for a in answers],
        "ambiguities": {a: wording.label(wording.ambiguity(a)) for a in _ambiguities(conclusion)},
        "outranks": outranks,
        "outrankedBy": outranked_by,
    }


def _ranking(assessment: Assessment, conclusion: Conclusion) -> tuple[list[str], list[str]]:
    """Return the ids this conclusion outranks on its option, and those that outrank it."""
    own = conclusion.recommendation
    for verdict in assessment.options:
        if verdict.option != own.option:
            continue
        losers = [r.id for r in verdict.outranked]
        if verdict.leading is not None and verdict.leading.iri == own.iri:
            return losers, []
        if verdict.leading is not None and own.id in losers:
            return [], [verdict.leading.id]
    return [], []


def _ambiguities(conclusion: Conclusion) -> list[str]:
    return sorted({a for s in conclusion.recommendation.statements for a in s.ambiguities})


def _state_json(state: State, wording: Wording) -> StateJson:
    if state.atom is not None:
        label = wording.test(state.atom)
    elif state.criterion is not None:
        label = wording.label(URIRef(state.criterion))
    else:
        label = wording.word("operator", state.operator)
    return {
        "operator": state.operator,
        "criterion": state.criterion,
        "label": label,
        "status": status_of(state.value),
        "children": [_state_json(child, wording) for child in state.children],
    }


def _change_json(change: Change, wording: Wording) -> ChangeJson:
    feature = wording.feature(change.feature)
    return {
        "feature": feature.name,
        "label": wording.label(feature.iri),
        "values": wording.values(feature, change.values),
    }


def _answer_json(answer: Answer, wording: Wording) -> AnswerJson:
    feature = wording.feature(answer.feature)
    return {
        "feature": feature.name,
        "question": wording.question(feature.iri),
        "values": wording.values(feature, answer.values),
        "becomes": status_of(answer.becomes),
    }
