"""What an explanation tells, block by block, before it is laid out as text or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kg_service.explanation_report import ArgumentJson, ChangeJson, ExplanationJson, StateJson, UsefulJson
from kg_service.layout import MARKS
from kg_service.robustness_report import RobustnessJson
from kg_service.wording import Wording


@dataclass(frozen=True)
class Line:
    """One line of a block, and how deep it stands under the others."""

    text: str
    depth: int = 0


@dataclass(frozen=True)
class Block:
    """A title and the lines under it; `rank` is 1 for a part of an explanation, 2 for what is under one."""

    title: str
    lines: tuple[Line, ...]
    rank: int = 1


def title_of(explanation: ExplanationJson, wording: Wording) -> str:
    """Return the one line that says what is explained, in which case, and the answer."""
    status = explanation["status"]
    said = wording.word("status", status) if status else explanation["answer"]["label"]
    return wording.phrase(
        "why_title",
        id=explanation["id"],
        kind=wording.case_label,
        case=explanation["case"],
        document=explanation["document"],
        status=said,
    )


def blocks_of(explanation: ExplanationJson, wording: Wording) -> Iterator[Block]:
    """Yield what an explanation tells, in the order in which it is read."""
    for statement in explanation["statements"]:
        place = wording.phrase(
            "statement", id=statement["id"], section=statement["section"], lines=statement["lines"]
        )
        yield Block(place, (Line(statement["paraphrase"]),))
    if explanation["findings"]:
        yield Block(wording.phrase("findings"), tuple(_findings(explanation, wording)))
    if explanation["sort"] == "prescription":
        yield Block(wording.phrase("remedies"), tuple(_remedies(explanation, wording)))
    several = len(explanation["arguments"]) > 1
    for argument in explanation["arguments"]:
        if several:
            said = wording.told(argument["aboutLabel"], wording.word("status", argument["status"]))
            yield Block(wording.told(argument["label"], said), ())
        yield from _argument(argument, wording, 2 if several else 1)
    if explanation["precedence"] or explanation["yieldsTo"]:
        yield Block(wording.phrase("losers"), tuple(_precedence(explanation, wording)))
    if explanation["robustness"]:
        lines = tuple(_robustness(explanation["robustness"], wording))
        yield Block(wording.phrase("robustness_of_one"), lines)
    if explanation["ambiguities"]:
        items = (Line(f"{key}  {label}") for key, label in explanation["ambiguities"].items())
        yield Block(wording.phrase("ambiguities"), tuple(items))


def _findings(explanation: ExplanationJson, wording: Wording) -> Iterator[Line]:
    for found in explanation["findings"]:
        bearing = wording.word("bearing", found["bearing"])
        text = wording.phrase("finding", bearing=bearing, id=found["id"], label=found["label"])
        shown = found["effectLabel"] and found["bearing"] != "undocumented"
        yield Line(f"{text} [{found['effectLabel']}]" if shown else text)


def _remedies(explanation: ExplanationJson, wording: Wording) -> Iterator[Line]:
    for remedy in explanation["remedies"]:
        yield Line(wording.phrase("remedy", answer=remedy["answer"]["label"]))
        for change in remedy["changes"]:
            yield Line(_change(change, wording), 1)
    if not explanation["remedies"]:
        yield Line(wording.phrase("remedy_none"))


def _argument(argument: ArgumentJson, wording: Wording, rank: int) -> Iterator[Block]:
    yield Block(wording.phrase("tree"), tuple(tree_lines(argument["tree"])), rank)
    if argument["status"] == "unknown":
        yield Block(wording.phrase("settle"), tuple(_settling(argument, wording)), rank)
        useful = (Line(_useful(item, wording)) for item in argument["missing"])
        yield Block(wording.phrase("useful"), tuple(useful), rank)
        yield Block(wording.phrase("single_answers"), tuple(_answers(argument, wording)), rank)
        return
    yield from _proofs(argument, wording, rank)
    opposite = wording.phrase("change" if argument["status"] == "false" else "change_to_false")
    yield Block(opposite, tuple(_changes(argument, wording)), rank)


def tree_lines(state: StateJson, depth: int = 0) -> Iterator[Line]:
    """Yield a criterion as one line a node, each with the mark of its value."""
    yield Line(f"{MARKS[state['status']]} {state['label']}", depth)
    for child in state["children"]:
        if child["operator"] != "constant":
            yield from tree_lines(child, depth + 1)


def _proofs(argument: ArgumentJson, wording: Wording, rank: int) -> Iterator[Block]:
    for position, proof in enumerate(argument["proofs"]):
        lines = []
        for fact in proof:
            origin = f" [{wording.phrase('origin', origin=fact['origin'])}]" if fact["origin"] else ""
            told = wording.phrase("fact_line", label=fact["label"], value=fact["value"], where=fact["where"])
            lines.append(Line(told + origin))
            if fact["basis"]:
                lines.append(Line(wording.phrase("derived", places=", ".join(fact["basis"])), 1))
        lines = lines or [Line(wording.phrase("no_facts_needed"))]
        if position == len(argument["proofs"]) - 1 and not argument["allProofs"]:
            lines.append(Line(wording.phrase("more_proofs")))
        yield Block(wording.phrase("proof" if not position else "other_proof"), tuple(lines), rank)


def _changes(argument: ArgumentJson, wording: Wording) -> Iterator[Line]:
    for change in argument["change"]:
        yield Line(_change(change, wording))
    if not argument["change"]:
        always = argument["proofs"] == [[]]
        yield Line(wording.phrase("change_none" if always else "change_too_large"))


def _change(change: ChangeJson, wording: Wording) -> str:
    told = wording.told(change["label"], change["values"])
    if change["now"] is None:
        return wording.phrase("change_supply", change=told)
    if not change["derivedFrom"]:
        return wording.phrase("change_now", change=told, now=change["now"], where=change["where"])
    places = ", ".join(change["derivedFrom"])
    return wording.phrase("change_derived", change=told, now=change["now"], places=places)


def _settling(argument: ArgumentJson, wording: Wording) -> Iterator[Line]:
    labels = {item["feature"]: item["label"] for item in argument["missing"]}
    for chosen in argument["settledBy"]:
        yield Line(wording.phrase("and").join(labels[name] for name in chosen))
    if not argument["settledBy"]:
        yield Line(wording.phrase("settle_too_large"))


def _useful(item: UsefulJson, wording: Wording) -> str:
    settles = wording.word("settles", item["settles"])
    parts = [wording.told(item["question"], settles)]
    if item["maySettleElsewhere"] > 1:
        parts.append(wording.phrase("useful_elsewhere", number=item["maySettleElsewhere"]))
    if item["openLists"]:
        parts.append(wording.phrase("useful_list", flags=", ".join(item["openLists"])))
    return wording.phrase("also").join(parts)


def _answers(argument: ArgumentJson, wording: Wording) -> Iterator[Line]:
    for answer in argument["answers"]:
        status = wording.word("status", answer["becomes"])
        yield Line(wording.phrase("answer", feature=answer["label"], values=answer["values"], status=status))


def _precedence(explanation: ExplanationJson, wording: Wording) -> Iterator[Line]:
    for item in explanation["precedence"]:
        yield Line(item["label"])
    if explanation["yieldsTo"]:
        yield Line(wording.phrase("yields_to", populations=", ".join(explanation["yieldsTo"])))


def _robustness(found: RobustnessJson, wording: Wording) -> Iterator[Line]:
    if found["robust"] is None:
        yield Line(wording.phrase("not_examined", combinations=found["combinations"]))
        return
    yield Line(wording.phrase("robust_line" if found["robust"] else "fragile_line", word=found["word"]))
    for item in found["hangsOn"]:
        yield Line(wording.phrase("hangs_on", ambiguities=f"{item['id']} ({item['label']})"))
    now = found["answer"]["label"]
    for other in found["otherReadings"]:
        if other["alone"]["label"] != now:
            yield Line(
                wording.phrase(
                    "with_reading", id=other["id"], label=other["label"], answer=other["alone"]["label"]
                ),
                1,
            )
    for together in found["otherAnswers"]:
        if len(together["readings"]) > 1:
            ids = wording.phrase("and").join(together["readings"])
            yield Line(wording.phrase("with_readings", ids=ids, answer=together["answer"]["label"]), 1)
