"""Readings, profiles and robustness as text that a clinician reads, in English or French."""

from __future__ import annotations

from collections.abc import Iterator

from kg_service.layout import section, wrap
from kg_service.readings_report import AmbiguityJson, ReadingJson, ReadingsJson
from kg_service.robustness import CaseRobustness, Robustness
from kg_service.robustness_report import CountJson, SummaryJson, answer_json, robustness_word
from kg_service.wording import Wording

ADOPTED, SELECTABLE, RECORDED = "●", "○", "·"


def selected_lines(wording: Wording) -> Iterator[str]:
    """Tell the profile and the readings that were selected, if any were."""
    guideline = wording.compiled.guideline
    if guideline.profile is not None:
        label = wording.label(guideline.profile.iri)
        yield wrap(wording.phrase("profile", id=guideline.profile.id, label=label), "")
    if guideline.selected:
        ids = ", ".join(r.id for r in guideline.selected.values())
        yield wrap(wording.phrase("readings", readings=ids), "")


def robustness_lines(found: CaseRobustness, wording: Wording) -> Iterator[str]:
    """Tell how many answers on a case are robust, and of the others what they hang on."""
    standing = [item.is_robust for item in found.all()]
    counts = {
        "robust": standing.count(True),
        "fragile": standing.count(False),
        "beyond": standing.count(None),
        "total": len(standing),
    }
    yield wrap(wording.phrase("robustness_counts", **counts), "  ")
    for item in found.all():
        if not item.is_robust:
            yield from _fragile(item, found, wording)


def _fragile(item: Robustness, found: CaseRobustness, wording: Wording) -> Iterator[str]:
    parts = {
        "word": robustness_word(item, wording),
        "subject": _subject(item, wording),
        "answer": answer_json(item.answer, wording)["label"],
    }
    yield wrap(wording.phrase("robustness_line", **parts), "  ")
    if not item.examined:
        yield wrap(
            wording.phrase("beyond_limit", limit=found.limit, combinations=item.combinations), "      "
        )
        return
    hanging = [f"{a} ({wording.label(wording.ambiguity(a))})" for a in item.hangs_on]
    yield wrap(wording.phrase("hangs_on", ambiguities=", ".join(hanging)), "      ")
    for other in item.elsewhere:
        if other.alone != item.answer:
            label = wording.label(other.reading.iri)
            answer = answer_json(other.alone, wording)["label"]
            text = wording.phrase("with_reading", id=other.reading.id, label=label, answer=answer)
            yield wrap(text, "      ")
    for together in item.others:
        if len(together.readings) > 1:
            ids = wording.phrase("and").join(r.id for r in together.readings)
            answer = answer_json(together.answer, wording)["label"]
            yield wrap(wording.phrase("with_readings", ids=ids, answer=answer), "      ")


def _subject(item: Robustness, wording: Wording) -> str:
    guideline = wording.compiled.guideline
    if item.subject == guideline.iri:
        return wording.phrase("prescription")
    recommendation = guideline.by_iri.get(item.subject)
    return wording.identified(recommendation) if recommendation else wording.label(item.subject)


def readings_text(found: ReadingsJson, wording: Wording) -> str:
    """Return the ambiguities with their readings, and the profiles, as text."""
    marks = {"adopted": ADOPTED, "selectable": SELECTABLE, "recorded": RECORDED}
    blocks = [wrap(wording.phrase("readings_list", **marks), "")]
    blocks += ["\n".join(_ambiguity(ambiguity, wording)) for ambiguity in found["ambiguities"]]
    lines: list[str] = []
    for profile in found["profiles"]:
        chosen = ", ".join(f"{a}-{letter}" for a, letter in profile["readings"].items())
        lines.append(wrap(wording.told(profile["id"], profile["definition"]), "  "))
        lines.append(wrap(chosen or wording.phrase("nothing_selected"), "      "))
    blocks.append(section(wording.phrase("profiles"), lines, wording.phrase("none")))
    return "\n\n".join(blocks) + "\n"


def _ambiguity(ambiguity: AmbiguityJson, wording: Wording) -> Iterator[str]:
    yield wrap(f"{ambiguity['id']}  {ambiguity['label']}", "")
    for reading in ambiguity["readings"]:
        words = [wording.phrase("reading_adopted")] if reading["adopted"] else []
        words += [wording.phrase("reading_changes")] if reading["changesAnswers"] else []
        words += [wording.phrase("reading_recorded")] if not reading["selectable"] else []
        text = f"{_mark(reading)} {reading['id']}  {reading['label']}"
        yield wrap(f"{text} ({', '.join(words)})" if words else text, "  ")


def _mark(reading: ReadingJson) -> str:
    if reading["adopted"]:
        return ADOPTED
    return SELECTABLE if reading["selectable"] else RECORDED


def summary_text(summary: SummaryJson, wording: Wording) -> str:
    """Return how robust the answers on many records are, as text."""
    blocks = ["\n".join([wording.phrase("summary", **_sizes(summary)), *selected_lines(wording)])]
    rows = [
        wording.phrase("summary_line", sort=wording.phrase(f"summary_{sort}"), **_counts(count))
        for sort, count in (
            ("conclusions", summary["conclusions"]),
            ("verdicts", summary["verdicts"]),
            ("prescriptions", summary["prescriptions"]),
        )
    ]
    if any(summary[sort]["notExamined"] for sort in ("conclusions", "verdicts", "prescriptions")):
        rows.append(wrap(wording.phrase("summary_limit", limit=summary["limit"]), "  "))
    blocks.append("\n".join(rows))
    hanging = [
        wrap(
            wording.phrase(
                "summary_ambiguity",
                id=row["id"],
                label=row["label"],
                total=row["total"],
                conclusions=row["conclusions"],
                verdicts=row["verdicts"],
                prescriptions=row["prescriptions"],
            ),
            "  ",
        )
        for row in summary["ambiguities"]
        if row["total"]
    ]
    blocks.append(section(wording.phrase("summary_ambiguities"), hanging, wording.phrase("none")))
    idle = [row["id"] for row in summary["ambiguities"] if not row["total"]]
    if idle:
        blocks.append(wrap(wording.phrase("summary_idle", ids=", ".join(idle)), ""))
    return "\n\n".join(blocks) + "\n"


def _sizes(summary: SummaryJson) -> dict[str, int]:
    return {"records": summary["records"], "cases": summary["cases"]}


def _counts(count: CountJson) -> dict[str, int]:
    return {
        "total": count["total"],
        "robust": count["robust"],
        "fragile": count["fragile"],
        "beyond": count["notExamined"],
    }
