"""Facts about a patient and the lesions: several sources of one feature become one value, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from kg_service.dates import PartialDate, calendar_months
from kg_service.errors import Problem
from kg_service.importers.fhir_bindings import FhirBindings
from kg_service.importers.fhir_values import Reading
from kg_service.record import Note
from kg_service.schema import Feature
from kg_service.values import is_contradiction, narrow, number_text


@dataclass(frozen=True)
class Fact:
    """One statement of one value.

    Attributes
    ----------
    owner : str
        Key of the lesion the fact is about; empty for the patient.
    feature : Feature
        What it states.
    reading : Reading
        The value.
    date : PartialDate or None
        When it was true.
    place : str
        The resource and element it comes from.
    standing : bool
        Whether it stays true until it is withdrawn, as a Condition does.
    """

    owner: str
    feature: Feature
    reading: Reading
    date: PartialDate | None
    place: str
    standing: bool = False


@dataclass
class Settled:
    """The facts that hold, with what was left out and what cannot stand."""

    facts: list[Fact]
    notes: list[Note]
    problems: list[Problem]


def settle(facts: list[Fact], reference: PartialDate | None, bindings: FhirBindings, source: str) -> Settled:
    """Return one fact per owner and feature: the latest, where nothing later or equal speaks against it.

    Facts that contradict each other on one day are a problem; where it cannot be told which is
    later, the value stays unknown.
    """
    settled = Settled([], [], [])
    groups: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        groups.setdefault((fact.owner, str(fact.feature.iri)), []).append(fact)
    for group in groups.values():
        latest = _latest(_until(group, reference, settled), settled)
        winner = _agreed(latest, settled, source) if latest else None
        if winner:
            settled.facts.append(winner)
            if bindings.shows_age(winner.feature):
                settled.notes.append(_age(winner, reference))
    return settled


def _until(facts: list[Fact], reference: PartialDate | None, settled: Settled) -> list[Fact]:
    """Return the facts that are not surely later than the reference date."""
    kept = []
    for fact in facts:
        if reference and fact.date and fact.date.first > reference.last:
            settled.notes.append(_note(fact, f"dated {fact.date}, after the reference date; not taken"))
        else:
            kept.append(fact)
    return kept


def _latest(facts: list[Fact], settled: Settled) -> list[Fact]:
    """Return the facts that no other surely follows."""
    kept = []
    for fact in facts:
        later = next((other for other in facts if _follows(other, fact)), None)
        if later:
            settled.notes.append(
                _note(fact, f"an earlier value, of {fact.date}; {later.place} of {later.date} is later")
            )
        else:
            kept.append(fact)
    return kept


def _follows(later: Fact, earlier: Fact) -> bool:
    if earlier.standing or later.date is None or earlier.date is None:
        return False
    return later.date.first > earlier.date.last


def _agreed(facts: list[Fact], settled: Settled, source: str) -> Fact | None:
    """Return the fact that says the most, when none of the others speaks against it."""
    clashes = list(_clashes(facts))
    if clashes:
        for one, other in clashes:
            _report(one, other, settled, source)
        return None
    finest = [
        f for f in facts if all(narrow(f.reading.known, o.reading.known) == f.reading.known for o in facts)
    ]
    if not finest:
        settled.notes.extend(
            _note(f, "overlaps with other values and none holds all; left unknown") for f in facts
        )
    return finest[0] if finest else None


def _clashes(facts: list[Fact]) -> Iterator[tuple[Fact, Fact]]:
    for one, other in combinations(facts, 2):
        if is_contradiction(narrow(one.reading.known, other.reading.known)):
            yield one, other


def _report(one: Fact, other: Fact, settled: Settled, source: str) -> None:
    """Report two facts that contradict each other: a problem on one day, a note otherwise."""
    if one.date and one.date == other.date and one.date.first == one.date.last:
        found = f"{one.feature.key} is {_shown(one)} and {_shown(other)} on {one.date}"
        remedy = "Correct one of them, or mark it entered-in-error."
        where = f"{source}: {one.place} and {other.place}"
        settled.problems.append(Problem(where, found, "one value on one day", remedy))
        return
    why = f"contradicts {other.place}, {_shown(other)} ({other.date or 'undated'}); which holds is unclear"
    settled.notes.append(_note(one, f"{why}, left unknown"))


def _age(fact: Fact, reference: PartialDate | None) -> Note:
    if fact.date is None:
        return _note(fact, "taken, though undated: check that it still holds")
    if reference is None:
        return _note(fact, f"taken, of {fact.date}: check that it still holds")
    months = calendar_months(fact.date.last, reference.first)
    return _note(
        fact, f"taken, of {fact.date}, {number_text(months)} months before the reference date: check it"
    )


def _note(fact: Fact, why: str) -> Note:
    return Note(fact.place, f"{fact.feature.key} {_shown(fact)}", why)


def _shown(fact: Fact) -> str:
    value = fact.reading.value
    if isinstance(value, dict):
        return " ".join(
            str(part) if key in ("value", "unit") else f"{key} {part}" for key, part in value.items()
        )
    return str(value).lower() if isinstance(value, bool) else str(value)
