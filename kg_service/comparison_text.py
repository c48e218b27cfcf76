"""A comparison of two versions as Markdown, verdicts first: the form of ``ontology/CHANGELOG.md``."""

from __future__ import annotations

from collections.abc import Iterator

from kg_service.comparison import FATES, AnswerChange, Comparison, PropertyChange, TermChange
from kg_service.wording import Language, messages

IN_FULL = ("recommendations",)
"""Sections whose added and removed terms are told one by one; of the others, the names."""
NAMES_ONLY = ("shapes", "others")
"""Sections whose changes are read in their files; the text names them, the JSON form tells all."""


def comparison_text(comparison: Comparison, language: Language) -> str:
    """Return a comparison as Markdown."""
    words = messages(language)["diff"]
    lines = [f"## {words['title'].format(old=comparison.old, new=comparison.new)}", ""]
    lines += [*_verdicts(comparison, words), ""]
    for section, changes in comparison.terms.items():
        lines += [f"### {messages(language)['docs_section'][section]}", ""]
        lines += [*_terms(section, changes, words), ""]
    if not comparison.terms:
        lines += [words["same"], ""]
    return "\n".join(lines)


def _verdicts(comparison: Comparison, words: dict[str, str]) -> Iterator[str]:
    yield ("### " + words["verdicts"].format(changed=len(comparison.cases), compared=comparison.compared))
    yield ""
    if not comparison.cases:
        yield words["none"]
    for changed in comparison.cases:
        yield f"- {changed.case}"
        yield from (f"  - {_answer(change, words)}" for change in changed.changes)
    if comparison.first_said:
        yield from ("", words["first_said"].format(number=len(comparison.first_said)), "")
    for one in comparison.first_said:
        said = f"{_what(one.what, one.label, words)}{words['separator']}{one.told}"
        yield f"- {said} ({one.cases}/{comparison.compared})"
    if comparison.newly_open:
        yield from ("", words["newly_open"].format(number=comparison.newly_open))
    if comparison.unusable:
        yield from ("", words["unusable"].format(number=len(comparison.unusable)), "")
    for case in comparison.unusable:
        line = words["unusable_line"].format(case=case.case, version=case.version, reason=case.reason)
        yield f"- {line}"


def _answer(change: AnswerChange, words: dict[str, str]) -> str:
    new = words["absent"] if change.new is None else change.new
    return f"{_what(change.what, change.label, words)}{words['separator']}{change.old} → {new}"


def _what(what: str, label: str, words: dict[str, str]) -> str:
    return label if what == "prescription" else f"{words[what]} {label}"


def _terms(section: str, changes: tuple[TermChange, ...], words: dict[str, str]) -> Iterator[str]:
    for fate in FATES:
        found = [change for change in changes if change.fate == fate]
        if not found:
            continue
        head = f"{words[fate]} ({len(found)}){words['separator']}"
        if section in NAMES_ONLY or (fate != "changed" and section not in IN_FULL):
            yield f"- {head}{', '.join(_local(change) for change in found)}"
            continue
        yield f"- {head.rstrip()}"
        for change in found:
            yield f"  - {_local(change)}{words['separator']}{change.label}"
            yield from (f"    - {_property(one, words)}" for one in change.changes)


def _local(change: TermChange) -> str:
    return f"`{change.name}`"


def _property(change: PropertyChange, words: dict[str, str]) -> str:
    if not (change.gone or change.come):
        return words["reworded"].format(label=change.label)
    gone, come = (
        " ; ".join(f"`{v}`" for v in values) or words["nothing"] for values in (change.gone, change.come)
    )
    return words["values"].format(label=change.label, gone=gone, come=come)
