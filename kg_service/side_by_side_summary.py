"""Over many cases: how often guidelines agree, on which options they do not, and for what reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from typing_extensions import TypedDict

from kg_service.layout import columns, wrap
from kg_service.namespaces import CORE
from kg_service.side_by_side import DISAGREEING, Relation
from kg_service.side_by_side_report import ComparedCaseJson, ComparedOptionJson, SayingJson
from kg_service.wording import Wording

LARGEST = 10
"""Disagreements that are told."""


class RelationCountJson(TypedDict):
    """In how many cases the verdicts on one option stand to each other in one way."""

    relation: Relation
    label: str
    cases: int


class OptionCountJson(TypedDict):
    """One option over all cases, by how the verdicts on it stand to each other."""

    option: str
    label: str
    relations: list[RelationCountJson]


class DisagreementJson(TypedDict):
    """One way in which guidelines disagree on an option, with an example and what makes the difference."""

    option: str
    label: str
    cases: int
    share: float
    example: str
    relationLabel: str
    guidelines: list[SayingJson]


class PrescriptionCountJson(TypedDict):
    """In how many cases the guidelines make these things of the prescription."""

    answers: dict[str, str]
    cases: int


class SummaryJson(TypedDict):
    """Many cases under several guidelines; ``leftOut`` are those that not all of them decided."""

    guidelines: dict[str, str]
    cases: int
    leftOut: int
    disagreeing: int
    prescriptions: list[PrescriptionCountJson]
    options: list[OptionCountJson]
    disagreements: list[DisagreementJson]


def summary_of(found: Sequence[ComparedCaseJson]) -> SummaryJson:
    """Return what many compared cases come to; the options that most cases disagree on first."""
    pairs = [(case, option) for case in found for option in case["options"]]
    disagreeing = [(case, option) for case, option in pairs if option["relation"] in DISAGREEING]
    return {
        "guidelines": found[0]["guidelines"] if found else {},
        "cases": len(found),
        "leftOut": 0,
        "disagreeing": len({(case["document"], case["case"]) for case, _ in disagreeing}),
        "prescriptions": _prescriptions(found),
        "options": list(_options([option for _, option in pairs])),
        "disagreements": list(_largest(disagreeing, len(found))),
    }


def _prescriptions(found: Sequence[ComparedCaseJson]) -> list[PrescriptionCountJson]:
    told = [
        tuple((name, answer["value"]) for name, answer in case["prescription"].items() if answer is not None)
        for case in found
    ]
    counts = Counter(answers for answers in told if answers)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"answers": dict(answers), "cases": number} for answers, number in ordered]


def _options(options: Iterable[ComparedOptionJson]) -> Iterator[OptionCountJson]:
    by_option: dict[str, list[ComparedOptionJson]] = {}
    for option in options:
        by_option.setdefault(option["option"], []).append(option)

    def disagreements(told: list[ComparedOptionJson]) -> int:
        return sum(one["relation"] in DISAGREEING for one in told)

    for name, told in sorted(by_option.items(), key=lambda item: (-disagreements(item[1]), item[0])):
        counts = Counter((one["relation"], one["relationLabel"]) for one in told)
        relations: list[RelationCountJson] = [
            {"relation": relation, "label": label, "cases": number}
            for (relation, label), number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]
        yield {"option": name, "label": told[0]["label"], "relations": relations}


def _largest(
    disagreeing: Sequence[tuple[ComparedCaseJson, ComparedOptionJson]], cases: int
) -> Iterator[DisagreementJson]:
    groups: dict[tuple[object, ...], list[tuple[ComparedCaseJson, ComparedOptionJson]]] = {}
    for case, option in disagreeing:
        said = ((*saying["statements"], saying["verdict"]) for saying in option["guidelines"])
        groups.setdefault((option["option"], *said), []).append((case, option))
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))
    for _, members in ordered[:LARGEST]:
        case, option = members[0]
        yield {
            "option": option["option"],
            "label": option["label"],
            "cases": len(members),
            "share": len(members) / cases,
            "example": f"{case['document']}/{case['case']}",
            "relationLabel": option["relationLabel"],
            "guidelines": option["guidelines"],
        }


def summary_text(found: SummaryJson, wording: Wording) -> str:
    """Return what many compared cases come to, as text."""
    return "\n".join(_lines(found, wording))


def _matrix(found: SummaryJson, wording: Wording) -> Iterator[str]:
    """Yield a table of two guidelines; one line for each combination where there are more."""
    rank = wording.compiled.guideline.rank
    counts = {tuple(row["answers"].values()): row["cases"] for row in found["prescriptions"]}
    if len(found["guidelines"]) != 2 or any(len(answers) != 2 for answers in counts):
        for row in found["prescriptions"]:
            told = (wording.told(name, wording.label(CORE[a])) for name, a in row["answers"].items())
            yield wrap(f"{row['cases']:>6}  {wording.phrase('also').join(told)}", "")
        return
    one, other = found["guidelines"]
    down, across = (
        sorted({answers[i] for answers in counts}, key=lambda answer: (rank(CORE[answer]), answer))
        for i in (0, 1)
    )
    yield from columns(
        [
            [f"{one} ↓ {other} →", *(wording.label(CORE[answer]) for answer in across)],
            *([wording.label(CORE[a]), *(str(counts.get((a, b), 0)) for b in across)] for a in down),
        ]
    )


def _lines(found: SummaryJson, wording: Wording) -> Iterator[str]:
    words = wording.words("side_by_side")
    yield words["cases"].format(cases=found["cases"], disagreeing=found["disagreeing"])
    if found["leftOut"]:
        yield words["left_out"].format(cases=found["leftOut"])
    if found["prescriptions"]:
        yield from ("", words["prescriptions"], *_matrix(found, wording))
    yield from ("", words["options"])
    shared = [o for o in found["options"] if {r["relation"] for r in o["relations"]} != {"not-comparable"}]
    for option in shared:
        counts = wording.phrase("also").join(f"{r['cases']} {r['label']}" for r in option["relations"])
        yield wrap(wording.told(option["label"], counts), "  ")
    others = wording.phrase("also").join(o["label"] for o in found["options"] if o not in shared)
    if others:
        yield wrap(wording.told(wording.word("relation", "not-comparable"), others), "  ")
    if found["disagreements"]:
        yield from ("", words["largest"])
    for one in found["disagreements"]:
        yield words["largest_line"].format(cases=one["cases"], label=one["label"], example=one["example"])
        for saying in one["guidelines"]:
            parts = (saying["verdictLabel"], ", ".join(saying["statements"]), ", ".join(saying["because"]))
            told = wording.phrase("also").join(part for part in parts if part)
            yield wrap(wording.told(saying["guideline"], told), "    ")
