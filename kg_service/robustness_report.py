"""Robust and fragile answers for programs: of one case as JSON, and of many counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rdflib import URIRef
from typing_extensions import TypedDict

from kg_service.namespaces import local_name
from kg_service.robustness import (
    Answer,
    CaseRobustness,
    ConclusionAnswer,
    OptionAnswer,
    OtherAnswer,
    OtherReading,
    Robustness,
)
from kg_service.wording import Wording


class AnswerJson(TypedDict):
    """One answer: of a conclusion its status, of an option its verdict, of a prescription its concordance.

    ``detail`` is whether a conclusion is fulfilled, the strength of an option where it counts, or
    the best and the worst that a prescription can be while it is open.
    """

    value: str
    detail: str | None
    label: str


class HangsOnJson(TypedDict):
    """An ambiguity that decides an answer."""

    id: str
    iri: str
    label: str


class OtherReadingJson(TypedDict):
    """What another reading gives: ``alone``, and every answer ``possible`` together with others."""

    id: str
    label: str
    alone: AnswerJson
    possible: list[AnswerJson]


class OtherAnswerJson(TypedDict):
    """Another answer, and the fewest readings to select for it."""

    answer: AnswerJson
    readings: list[str]


class RobustnessJson(TypedDict):
    """Whether an answer is the same under every reading.

    ``robust`` is null, and ``word`` says so, when the ``combinations`` of readings that can touch
    the answer were too many to examine.
    """

    robust: bool | None
    word: str
    answer: AnswerJson
    combinations: int
    hangsOn: list[HangsOnJson]
    otherReadings: list[OtherReadingJson]
    otherAnswers: list[OtherAnswerJson]


class UnlistedOptionJson(TypedDict):
    """An option that no indication offers under the readings in force, and that hangs on a reading."""

    option: str
    iri: str
    label: str
    robustness: RobustnessJson


class CaseRobustnessJson(TypedDict):
    """How many answers on a case are robust, fragile and not examined, and by which limit."""

    limit: int
    robust: int
    fragile: int
    notExamined: int
    unlistedOptions: list[UnlistedOptionJson]


class CountJson(TypedDict):
    """How many answers of one sort there are, and how they stand."""

    total: int
    robust: int
    fragile: int
    notExamined: int


class HangingJson(TypedDict):
    """How many answers hang on an ambiguity."""

    id: str
    label: str
    conclusions: int
    verdicts: int
    prescriptions: int
    total: int


class SummaryJson(TypedDict):
    """Robustness over many records; the ambiguities that most answers hang on come first."""

    records: int
    cases: int
    profile: str | None
    readings: dict[str, str]
    limit: int
    conclusions: CountJson
    verdicts: CountJson
    prescriptions: CountJson
    ambiguities: list[HangingJson]


def robustness_json(found: Robustness, wording: Wording) -> RobustnessJson:
    """Return the JSON form of the robustness of one answer."""
    return {
        "robust": found.is_robust,
        "word": robustness_word(found, wording),
        "answer": answer_json(found.answer, wording),
        "combinations": found.combinations,
        "hangsOn": [_ambiguity(a, wording) for a in found.hangs_on],
        "otherReadings": [_other_reading(other, wording) for other in found.elsewhere],
        "otherAnswers": [_other_answer(other, wording) for other in found.others],
    }


def case_robustness_json(
    found: CaseRobustness, listed: Iterable[URIRef], wording: Wording
) -> CaseRobustnessJson:
    """Return the JSON form of what is told once of a case; `listed` are the options with a verdict."""
    counts = _count(found.all())
    return {
        "limit": found.limit,
        "robust": counts["robust"],
        "fragile": counts["fragile"],
        "notExamined": counts["notExamined"],
        "unlistedOptions": [
            {
                "option": local_name(option),
                "iri": str(option),
                "label": wording.label(option),
                "robustness": robustness_json(item, wording),
            }
            for option, item in found.options.items()
            if option not in set(listed) and not item.is_robust
        ],
    }


def summary_json(records: Iterable[Iterable[CaseRobustness]], wording: Wording) -> SummaryJson:
    """Return how robust the answers on many records are."""
    by_record = [list(cases) for cases in records]
    cases = [case for found in by_record for case in found]
    sorts = {
        "conclusions": [item for case in cases for item in case.conclusions.values()],
        "verdicts": [item for case in cases for item in case.options.values()],
        "prescriptions": [case.prescription for case in cases if case.prescription is not None],
    }
    guideline = wording.compiled.guideline
    return {
        "records": len(by_record),
        "cases": len(cases),
        "profile": guideline.profile.id if guideline.profile else None,
        "readings": guideline.letters,
        "limit": max((case.limit for case in cases), default=0),
        "conclusions": _count(sorts["conclusions"]),
        "verdicts": _count(sorts["verdicts"]),
        "prescriptions": _count(sorts["prescriptions"]),
        "ambiguities": _ranked(sorts, wording),
    }


def answer_json(answer: Answer, wording: Wording) -> AnswerJson:
    """Return the JSON form of an answer, with its words."""
    match answer:
        case ConclusionAnswer(status, fulfilled):
            words = [wording.word("status", status)]
            if fulfilled is not None:
                words.append(wording.phrase("fulfilled_status", status=wording.word("status", fulfilled)))
            return {"value": status, "detail": fulfilled, "label": "; ".join(words)}
        case OptionAnswer(verdict, strength):
            label = wording.word("verdict", verdict)
            if strength is not None:
                label = f"{label} ({wording.label(strength)})"
            return {"value": verdict, "detail": local_name(strength) if strength else None, "label": label}
    label, detail = wording.label(answer.concordance), None
    if answer.best != answer.worst:
        best, worst = wording.label(answer.best), wording.label(answer.worst)
        label = f"{label} {wording.phrase('between', best=best, worst=worst)}"
        detail = f"{local_name(answer.best)}/{local_name(answer.worst)}"
    return {"value": local_name(answer.concordance), "detail": detail, "label": label}


def robustness_word(found: Robustness, wording: Wording) -> str:
    """Return *robust*, *fragile* or *not examined* in a language."""
    word = {True: "robust", False: "fragile", None: "not-examined"}[found.is_robust]
    return wording.word("robustness", word)


def _ranked(sorts: dict[str, list[Robustness]], wording: Wording) -> list[HangingJson]:
    hanging = {sort: Counter(a for item in found for a in item.hangs_on) for sort, found in sorts.items()}
    rows: list[HangingJson] = [
        {
            "id": ambiguity,
            "label": wording.label(wording.ambiguity(ambiguity)),
            "conclusions": hanging["conclusions"][ambiguity],
            "verdicts": hanging["verdicts"][ambiguity],
            "prescriptions": hanging["prescriptions"][ambiguity],
            "total": sum(counts[ambiguity] for counts in hanging.values()),
        }
        for ambiguity in wording.compiled.guideline.readings.computed
    ]
    return sorted(rows, key=lambda row: (-row["total"], -row["conclusions"], row["id"]))


def _count(items: Iterable[Robustness]) -> CountJson:
    words = Counter(item.is_robust for item in items)
    return {
        "total": words.total(),
        "robust": words[True],
        "fragile": words[False],
        "notExamined": words[None],
    }


def _ambiguity(identifier: str, wording: Wording) -> HangsOnJson:
    iri = wording.ambiguity(identifier)
    return {"id": identifier, "iri": str(iri), "label": wording.label(iri)}


def _other_reading(other: OtherReading, wording: Wording) -> OtherReadingJson:
    return {
        "id": other.reading.id,
        "label": wording.label(other.reading.iri),
        "alone": answer_json(other.alone, wording),
        "possible": [answer_json(answer, wording) for answer in other.possible],
    }


def _other_answer(other: OtherAnswer, wording: Wording) -> OtherAnswerJson:
    return {
        "answer": answer_json(other.answer, wording),
        "readings": [reading.id for reading in other.readings],
    }
