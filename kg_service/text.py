"""Assessments and explanations as text that a clinician reads, in English or French."""

from __future__ import annotations

from collections.abc import Iterator

from rdflib import URIRef

from kg_service.assessment import Assessment, Conclusion, OptionVerdict
from kg_service.assumption_report import AssumptionJson, DeclaredAssumptionJson, assumption_json
from kg_service.concordance import ACCEPTS, CONSTRAINS, FAVOURS, INFORMS, OBLIGES, RISKS
from kg_service.guideline import Recommendation
from kg_service.layout import MARKS, section, wrap
from kg_service.prescription import PrescriptionCheck
from kg_service.record import Note, Record
from kg_service.robustness import CaseRobustness
from kg_service.robustness_text import robustness_lines, selected_lines
from kg_service.wording import Wording

QUESTIONS_SHOWN = 8


def assessment_text(
    assessment: Assessment,
    wording: Wording,
    notes: tuple[Note, ...] = (),
    robustness: CaseRobustness | None = None,
) -> str:
    """Return an assessment as text, with what hangs on a reading if that was examined."""
    check = assessment.prescription
    sections = [
        _heading(assessment, wording),
        _section("facts", _facts(assessment, wording), wording),
        *([_section("prescription", _prescription(check, wording), wording)] if check else []),
        _section("options", _options(assessment, wording, general=True), wording),
        _section("particular", _options(assessment, wording, general=False), wording),
        _section("levels", _levels(assessment, wording), wording),
        _section("obligations", _duties(assessment, wording, OBLIGES), wording),
        _section("constraints", _duties(assessment, wording, CONSTRAINS), wording),
        _section("factors", _factors(assessment, wording), wording),
        _section("information", _information(assessment, wording), wording),
        _section("questions", _questions(assessment, wording), wording),
    ]
    if any(outcome.told for outcome in assessment.scores):
        sections.insert(2, _section("scores", _scores(assessment, wording), wording))
    if robustness is not None:
        sections.append(_section("robustness", robustness_lines(robustness, wording), wording))
    if notes:
        sections.append(_section("notes", _notes(notes, wording), wording))
    sections.append(wrap(wording.phrase("disclaimer", scope=wording.coverage), ""))
    return "\n\n".join(sections) + "\n"


def nothing_to_assess(record: Record, wording: Wording) -> str:
    """Return the text for a record that holds no case."""
    lines = [wording.phrase("no_case", document=record.root.id, kind=wording.case_label)]
    if record.notes:
        lines += ["", _section("notes", _notes(record.notes, wording), wording)]
    return "\n".join(lines) + "\n"


def assumptions_text(declared: list[DeclaredAssumptionJson], wording: Wording) -> str:
    """Return the local assumptions that can be set as text."""
    blocks = [wording.phrase("assumptions")]
    for item in declared:
        parts = {"word": item["fixes"]["label"], "number": item["fromFeature"]["label"]}
        about = ", ".join([*item["statements"], *item["ambiguities"]])
        lines = [
            wrap(wording.phrase("assumption_declared", **parts, comparison=item["comparisonLabel"]), "  "),
            wrap(item["definition"], "  "),
            wrap(wording.phrase("assumption_about", units=", ".join(item["units"]), about=about), "  "),
        ]
        blocks.append("\n".join([item["id"], *lines]))
    return "\n\n".join(blocks) + "\n"


def _heading(assessment: Assessment, wording: Wording) -> str:
    guideline = wording.compiled.guideline
    kind = wording.case_label
    title = wording.phrase(
        "title", kind=kind[:1].upper() + kind[1:], case=assessment.case.id, document=assessment.case.document
    )
    version = wording.phrase(
        "guideline", label=wording.label(guideline.iri), version=wording.guideline_version
    )
    lines = [title, "═" * len(title), version]
    lines += selected_lines(wording)
    lines += _assumptions([assumption_json(a, wording) for a in assessment.case.assumptions], wording)
    return "\n".join(lines)


def _assumptions(assumptions: list[AssumptionJson], wording: Wording) -> Iterator[str]:
    """Tell the local assumptions that were set, and which were used."""
    for item in assumptions:
        parts = {"id": item["id"], "meaning": item["meaning"], "use": item["useLabel"]}
        yield wrap(wording.phrase("assumption_line", **parts), "")


def _section(key: str, lines: Iterator[str], wording: Wording) -> str:
    return section(wording.phrase(key), lines, wording.phrase("none"))


def _facts(assessment: Assessment, wording: Wording) -> Iterator[str]:
    used, case = wording.compiled.plan.features, assessment.case
    for fact in sorted((*case.facts.values(), *case.beside), key=lambda f: f.where):
        if str(fact.feature) in used or fact.basis:
            text = wording.fact(fact)
            if fact.origin:
                text += f" [{wording.phrase('origin', origin=fact.origin)}]"
            yield wrap(text, "  ")


def _scores(assessment: Assessment, wording: Wording) -> Iterator[str]:
    """Tell the scores of which the record states an item: value, bands, what is missing."""
    for outcome in assessment.scores:
        if not outcome.told:
            continue
        score = outcome.score
        value = (
            None
            if outcome.value is None
            else wording.value(wording.feature(outcome.value.feature), outcome.value.known)
        )
        label = wording.label(score.iri)
        yield wrap(label if value is None else wording.told(label, value), "  ")
        for band, status in outcome.bands.items():
            if status != "false":
                yield wrap(
                    f"{MARKS[status]} {wording.told(wording.label(band), wording.word('status', status))}",
                    "      ",
                )
        if outcome.missing:
            items = "; ".join(wording.label(feature) for feature in outcome.missing)
            yield wrap(wording.phrase("lacking", items=items), "      ")
    yield wrap(wording.phrase("scores_note"), "  ")


def _options(assessment: Assessment, wording: Wording, *, general: bool) -> Iterator[str]:
    """Tell the options that others carry out (`general`), or those that carry out others."""
    broader = wording.compiled.guideline.broader
    chosen = [v for v in assessment.options if (broader(v.option) == {v.option}) is general]
    for position, verdict in enumerate(chosen, start=1):
        text = wording.word("verdict", verdict.verdict).upper()
        yield wording.phrase(
            "option_line", position=f"{position:>2}", label=wording.label(verdict.option), verdict=text
        )
        yield from _reasons(verdict, wording)


def _reasons(verdict: OptionVerdict, wording: Wording) -> Iterator[str]:
    if verdict.leading is not None:
        yield wrap(_leading(verdict.leading, wording), "      ")
    elif verdict.indicated == "true":
        able = [c.recommendation for c in verdict.indications if c.status == "unknown"]
        ids = wording.phrase("or").join(r.id for r in able if not r.excluded)
        yield wrap(wording.phrase("one_of_them", ids=ids), "      ")
    if verdict.yields_to:
        populations = ", ".join(wording.label(p) for p in verdict.yields_to)
        yield wrap(wording.phrase("yields_to", populations=populations), "      ")
    if verdict.preferred is not None:
        yield f"      {wording.phrase('preferred', id=verdict.preferred.id)}"
    if verdict.outranked:
        yield wrap(wording.phrase("outranked", items=_items(verdict, wording)), "      ")
    for conclusion in verdict.indications:
        if conclusion.status != "false":
            yield from _line(conclusion, wording)
    if verdict.verdict != "not-indicated":
        others = (*verdict.reservations, *verdict.contraindications, *verdict.qualifications)
        for conclusion in others:
            if conclusion.recommendation.option == verdict.option:
                yield from _line(conclusion, wording)
        yield from _inherited([c for c in others if c.recommendation.option != verdict.option], wording)


def _leading(leading: Recommendation, wording: Wording) -> str:
    level = wording.label(leading.level) if leading.level else ""
    strength = wording.label(leading.strength) if leading.strength else ""
    return wording.phrase("leading", level=level, strength=strength, id=leading.id)


def _inherited(conclusions: list[Conclusion], wording: Wording) -> Iterator[str]:
    """Tell in one line each what a broader option brings along; its own entry gives the reasons."""
    groups: dict[tuple[str, str, URIRef], list[str]] = {}
    for conclusion in conclusions:
        recommendation = conclusion.recommendation
        if conclusion.status != "false" and recommendation.option is not None:
            key = (conclusion.status, recommendation.kind, recommendation.option)
            groups.setdefault(key, []).append(recommendation.id)
    for (status, kind, option), ids in groups.items():
        text = wording.phrase(
            "inherited",
            mark=MARKS[status],
            kind=wording.word("kind", kind),
            option=wording.label(option),
            ids=", ".join(ids),
        )
        yield wrap(text, "    ")


def _items(verdict: OptionVerdict, wording: Wording) -> str:
    return ", ".join(
        f"{r.id} ({wording.label(r.strength)})" if r.strength else r.id for r in verdict.outranked
    )


def _line(conclusion: Conclusion, wording: Wording) -> Iterator[str]:
    recommendation = conclusion.recommendation
    kind = wording.word("kind", recommendation.kind)
    mark, label = MARKS[conclusion.status], wording.label(recommendation.iri)
    suffix = f" ({wording.phrase('excluded')})" if recommendation.excluded else ""
    text = wording.phrase("line", mark=mark, kind=kind, id=recommendation.id, label=f"{label}{suffix}")
    yield wrap(text, "    ")
    yield wrap(_reason(conclusion, wording), "        ")


def _reason(conclusion: Conclusion, wording: Wording) -> str:
    status = wording.word("status", conclusion.status)
    if conclusion.missing:
        features = ", ".join(wording.label(feature) for feature in conclusion.missing)
        return wording.phrase("unknown_reason", status=status, features=features)
    if not conclusion.facts:
        return wording.phrase("always_reason", status=status)
    return wording.phrase(
        "known_reason", status=status, facts="; ".join(wording.fact(f) for f in conclusion.facts)
    )


def _prescription(check: PrescriptionCheck, wording: Wording) -> Iterator[str]:
    """Tell what the guideline makes of the prescription, with what it departs from and what is open."""
    word = wording.label(check.concordance).upper()
    yield wrap(wording.phrase("concordance", word=word, range=_range(check, wording)), "  ")
    for finding in check.findings:
        recommendation = finding.recommendation
        effect = wording.label(finding.effect) if finding.effect else ""
        ways = f" ({', '.join(wording.label(cls) for cls in finding.ways)})" if finding.ways else ""
        text = wording.phrase(
            "finding",
            bearing=wording.word("bearing", finding.bearing),
            id=recommendation.id,
            label=f"{wording.label(recommendation.iri)}{ways}",
        )
        yield wrap(f"{text} [{effect}]" if effect and finding.bearing != "undocumented" else text, "  ")
        reasons = [wording.fact(f) for f in finding.facts] if finding.bearing == "departs" else []
        reasons += [wording.label(f) for f in finding.missing] if finding.bearing == "open" else []
        if reasons:
            key = "because" if finding.bearing == "departs" else "lacking"
            yield wrap(wording.phrase(key, items="; ".join(reasons)), "      ")


def _range(check: PrescriptionCheck, wording: Wording) -> str:
    if check.best == check.worst:
        return ""
    return " " + wording.phrase("between", best=wording.label(check.best), worst=wording.label(check.worst))


def _speaking(assessment: Assessment, *kinds: str) -> Iterator[Conclusion]:
    """Yield the conclusions of some kinds that hold or may hold, about options not ruled out here."""
    live = {
        v.option
        for v in assessment.options
        if v.verdict not in ("not-indicated", "excluded", "contraindicated")
    }
    offered = {v.option for v in assessment.options}
    for conclusion in assessment.conclusions:
        option = conclusion.recommendation.option
        moot = option in offered and option not in live
        if conclusion.recommendation.kind in kinds and conclusion.status != "false" and not moot:
            yield conclusion


def _levels(assessment: Assessment, wording: Wording) -> Iterator[str]:
    """Tell the levels at which an option is accepted, side by side."""
    for conclusion in assessment.conclusions:
        if conclusion.recommendation.kind == ACCEPTS:
            word = wording.word("level", conclusion.status)
            said = wording.told(wording.identified(conclusion.recommendation), word)
            yield wrap(f"{MARKS[conclusion.status]} {said}", "  ")


def _duties(assessment: Assessment, wording: Wording, kind: str) -> Iterator[str]:
    """Tell the rules of one kind that bind or may bind, and whether they are kept."""
    for conclusion in _speaking(assessment, kind):
        recommendation = conclusion.recommendation
        due = wording.phrase("due" if conclusion.status == "true" else "due_unknown")
        if recommendation.option is not None:
            due += " " + wording.phrase("with_option", option=wording.label(recommendation.option))
        done = wording.word(f"fulfilled_{kind}", conclusion.fulfilled or "unknown")
        ways = f" ({', '.join(wording.label(cls) for cls in conclusion.ways)})" if conclusion.ways else ""
        word, label = wording.word("kind", kind), wording.label(recommendation.iri)
        yield wrap(wording.phrase("obligation_line", kind=word, id=recommendation.id, label=label), "  ")
        yield f"      {due}; {done}{ways}"


def _factors(assessment: Assessment, wording: Wording) -> Iterator[str]:
    """Tell the risk factors and favourable factors that hold, then those not known."""
    unknown = []
    for conclusion in _speaking(assessment, RISKS, FAVOURS):
        recommendation = conclusion.recommendation
        if conclusion.status == "unknown":
            unknown.append(recommendation.id)
        else:
            kind, label = wording.word("kind", recommendation.kind), wording.label(recommendation.iri)
            yield wrap(wording.phrase("obligation_line", kind=kind, id=recommendation.id, label=label), "  ")
    if unknown:
        yield wrap(wording.phrase("not_known", items=", ".join(unknown)), "  ")


def _information(assessment: Assessment, wording: Wording) -> Iterator[str]:
    """Tell what is to know of this case; what would only hold of another one is left out."""
    for conclusion in _speaking(assessment, INFORMS):
        recommendation = conclusion.recommendation
        if conclusion.status == "true" and not recommendation.excluded:
            yield wrap(wording.identified(recommendation), "  ")


def _questions(assessment: Assessment, wording: Wording) -> Iterator[str]:
    for position, question in enumerate(assessment.questions[:QUESTIONS_SHOWN], start=1):
        bears = wording.phrase("bears", settles=question.may_settle, bears=question.bears_on)
        yield wrap(f"{position:>2}. {wording.question(question.feature)} ({bears})", "  ")
    lacking = tuple(feature for c in assessment.conclusions for feature in c.missing)
    flags = wording.list_flags(lacking)
    if flags:
        yield wrap(wording.phrase("lists", flags=", ".join(flags)), "  ")


def _notes(notes: tuple[Note, ...], wording: Wording) -> Iterator[str]:
    for note in notes:
        yield wrap(f"{wording.told(note.where, note.what)}. {note.why}", "  ")
