"""Derived features: bounds that follow from the rest of a record, as the ontology declares them.

A list is open until it is declared complete: a derivation over an open list gives a bound, never
a closed answer. What is stated and what is derived must agree; where they leave no value, the
record contradicts itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction

from rdflib import URIRef

from kg_service.dates import PartialDate, calendar_months, days
from kg_service.errors import InputError, Problem
from kg_service.formula import add, evaluate
from kg_service.namespaces import CORE
from kg_service.plan import Plan
from kg_service.record import Case, Fact, Member, Record
from kg_service.schema import Derivation, Entity, Feature, ListOf, Operand, RecordSchema, Selection
from kg_service.values import (
    Interval,
    Knowledge,
    exactly,
    is_contradiction,
    narrow,
    truth,
)


def cases_of(record: Record, schema: RecordSchema) -> list[Case]:
    """Return the cases of a record, with derived facts.

    Raises
    ------
    InputError
        When a stated value contradicts what the rest of the record entails.
    """
    problems: list[Problem] = []
    deriver = _Deriver(record, schema, problems)
    document = record.root.with_facts(deriver.derive(record.root, None))
    entity, listing = schema.case_entity(record.root.entity)
    members = record.root.lists.get(listing.iri, ()) if listing else (document,)
    cases = [deriver.case(member, document, entity) for member in members]
    beside = deriver.beside(listing)
    if problems:
        raise InputError(problems)
    return [replace(case, beside=beside) for case in cases]


def refuse_impossible(
    case: Case, plan: Plan, schema: RecordSchema, source: str, place: Callable[[str], str]
) -> None:
    """Refuse a case whose facts contradict each other.

    Parameters
    ----------
    case : Case
        The case.
    plan : Plan
        A plan that holds a tree for every class marked ``core:impossible``.
    schema : RecordSchema
        The record model.
    source : str
        Name of the document.
    place : callable
        Gives the label of a class.

    Raises
    ------
    InputError
        With one problem per contradiction, naming the facts.
    """
    possible = plan.possible(case.known)
    problems = []
    for iri in schema.impossible:
        tree = plan.trees[str(iri)]
        if plan.decide(tree, possible):
            problems.append(contradiction(case, plan.features_of(tree), source, place(str(iri))))
    if problems:
        raise InputError(problems)


def contradiction(case: Case, features: Collection[str], source: str, label: str) -> Problem:
    """Return the problem with a case that belongs to a class that nothing can belong to.

    Parameters
    ----------
    features : collection of str
        The features that tell what belongs to the class.
    source : str
        Name of the document.
    label : str
        What the class is called.
    """
    facts = [fact for feature, fact in case.facts.items() if str(feature) in features]
    found = " and ".join(_told(fact) for fact in facts)
    return Problem(f"{source}: {case.id}", found, f"no contradiction ({label})", "Correct one of them.")


def _told(fact: Fact) -> str:
    """Return a fact for a message; one that the user assumed names the assumption."""
    return f"{fact.where} is {fact.stated}" + (f" by {fact.assumption}" if fact.assumption else "")


_UNKNOWN = Interval(low=Fraction(0))
_WRITTEN = re.compile(r"[0-9]+(?:\.(?P<decimals>[0-9]+))?(?: (?P<unit>\S+))?")
TEN = 10
"""Base of the notation in which numbers are written."""


class _Deriver:
    """Derives the features of one record."""

    def __init__(self, record: Record, schema: RecordSchema, problems: list[Problem]) -> None:
        self.record = record
        self.schema = schema
        self.problems = problems
        self._found: dict[tuple[str, URIRef, str | None], Fact | None] = {}
        self._operations: dict[
            URIRef, Callable[[Derivation, Member, Member | None], tuple[Knowledge, list[str]] | None]
        ] = {
            CORE.Count: self._count,
            CORE.Maximum: self._maximum,
            CORE.Existence: self._existence,
            CORE.ElapsedTime: self._elapsed,
            CORE.Application: self._application,
            CORE.SumOfPoints: self._points,
        }

    def case(self, member: Member, document: Member, entity: Entity) -> Case:
        """Return the case of one member: its own facts, and those it reaches over links."""
        own = member.with_facts(self.derive(member, member))
        facts = dict(own.facts)
        for link in entity.links.values():
            target = document if link.inverse_of is not None else member.links.get(link.iri)
            if target is not None:
                reached = target if target is document else target.with_facts(self.derive(target, member))
                facts |= reached.facts
        return Case(member.id, document.id, facts)

    def beside(self, listing: ListOf | None) -> tuple[Fact, ...]:
        """Return what is derived of the members of the lists that hold no cases."""
        others = [iri for iri in self.record.root.lists if listing is None or iri != listing.iri]
        members = [member for iri in sorted(others) for member in self.record.root.lists[iri]]
        return tuple(fact for member in members for fact in self.derive(member, None).values())

    def derive(self, member: Member, case: Member | None) -> dict[URIRef, Fact]:
        """Return the derived facts of a member, narrowed by what it states itself."""
        found = {}
        for feature in member.entity.features.values():
            fact = self._fact(member, feature.iri, case)
            if fact is not None and fact is not member.facts.get(feature.iri):
                found[feature.iri] = fact
        return found

    def _fact(self, member: Member, feature: URIRef, case: Member | None) -> Fact | None:
        """Return what is known of a feature: what is derived, or else what is stated."""
        key = member.where, feature, None if case is None else case.where
        if key not in self._found:
            declared = self.schema.features[feature]
            derived = (
                self._derived(declared, declared.derivation, member, case) if declared.derivation else None
            )
            self._found[key] = derived or member.facts.get(feature)
        return self._found[key]

    def _derived(self, feature: Feature, how: Derivation, member: Member, case: Member | None) -> Fact | None:
        result = self._operations[how.operation](how, member, case)
        stated = member.facts.get(feature.iri)
        if result is None:
            return None
        derived, basis = result
        if derived == self.schema.domain(feature):
            return None
        known = narrow(stated.known, derived) if stated else derived
        if stated and is_contradiction(known) and self._is_rounded(stated, derived, feature):
            known = derived
        where = f"{member.where}.{feature.key}" if member.where else feature.key
        if stated and is_contradiction(known):
            sources = ", ".join(basis) or "the record"
            self.problems.append(
                Problem(
                    f"{self.record.source}: {stated.where}",
                    f"stated as {stated.stated}, but {sources} make it {describe(derived, feature)}",
                    "a statement the rest of the record allows",
                    "Correct one of them.",
                )
            )
            return None
        if stated and known == stated.known:
            return None
        return Fact(
            feature.iri, known, where, describe(known, feature), stated.origin if stated else "", tuple(basis)
        )

    def _members(self, chosen: Selection) -> tuple[tuple[Member, ...], bool]:
        """Return the members of the list a derivation runs over, and whether it is complete."""
        return self.record.root.lists.get(chosen.over, ()), chosen.over in self.record.root.closed

    def _matching(self, chosen: Selection, case: Member | None) -> Iterator[tuple[Member, bool]]:
        """Yield the members that may match, and whether they surely do."""
        for member in self._members(chosen)[0]:
            selected = self._selected(chosen, member)
            concerned = self._concerned(chosen, member, case)
            if selected is not False and concerned is not False:
                yield member, bool(selected and concerned)

    def _selected(self, chosen: Selection, member: Member) -> bool | None:
        if chosen.where_feature is None or chosen.where_value is None:
            return True
        fact = member.facts.get(chosen.where_feature)
        wanted = self.schema.leaves(chosen.where_value)
        if fact is None or not isinstance(fact.known, frozenset):
            return None
        return True if fact.known <= wanted else None if fact.known & wanted else False

    def _concerned(self, chosen: Selection, member: Member, case: Member | None) -> bool | None:
        if chosen.concerns is None or case is None:
            return True
        if case.id in member.references.get(chosen.concerns, ()):
            return True
        if chosen.spares is not None and case.id in member.references.get(chosen.spares, ()):
            return False
        return True if chosen.by_equal and self._same_place(chosen.by_equal, member, case) else None

    def _same_place(self, feature: URIRef, member: Member, case: Member) -> bool:
        """Return whether both bear the same value, one fine enough to be one place."""
        mine, theirs = member.facts.get(feature), case.facts.get(feature)
        if (
            mine is None
            or theirs is None
            or mine.known != theirs.known
            or not isinstance(mine.known, frozenset)
        ):
            return False
        return (
            all(URIRef(value) in self.schema.same_when_equal for value in mine.known) and len(mine.known) == 1
        )

    def _count(
        self, how: Derivation, _member: Member, _case: Member | None
    ) -> tuple[Knowledge, list[str]] | None:
        members, complete = self._members(_selection(how))
        if not members and not complete:
            return None
        number = Fraction(len(members))
        basis = [member.where for member in members]
        return (exactly(number) if complete else Interval(low=number)), basis

    def _maximum(
        self, how: Derivation, _member: Member, _case: Member | None
    ) -> tuple[Knowledge, list[str]] | None:
        assert how.of_feature is not None  # noqa: S101 - the schema demands it of a maximum
        members, complete = self._members(_selection(how))
        facts = [member.facts.get(how.of_feature) for member in members]
        known = [(f, f.known) for f in facts if f is not None and isinstance(f.known, Interval)]
        lows = [(k.low, not k.low_open) for _, k in known if k.low is not None]
        highs = [(k.high, not k.high_open) for _, k in known if k.high is not None]
        low, low_closed = max(lows, default=(None, True))
        basis = [fact.where for fact, _ in known]
        if not (complete and members and len(highs) == len(members)):
            return Interval(low=low, low_open=not low_closed), basis
        high, high_closed = max(highs)
        return Interval(low, high, not low_closed, not high_closed), basis

    def _existence(
        self, how: Derivation, _member: Member, case: Member | None
    ) -> tuple[Knowledge, list[str]] | None:
        chosen = _selection(how)
        matching = list(self._matching(chosen, case))
        sure = [member.where for member, certain in matching if certain]
        members, complete = self._members(chosen)
        if sure:
            return truth(True), sure
        if complete and not matching:
            return truth(False), [member.where for member in members] or [self._flag(chosen)]
        return None

    def _elapsed(
        self, how: Derivation, _member: Member, case: Member | None
    ) -> tuple[Knowledge, list[str]] | None:
        """Bound the time since the latest match: a later one may be unlisted, or match after all."""
        assert how.on_date is not None  # noqa: S101 - the schema demands it of elapsed time
        chosen = _selection(how)
        until = self.record.root.dates.get(how.until_date) if how.until_date else None
        between = _ELAPSED.get(how.unit or "")
        if until is None or between is None:
            return None
        spans = [
            (member, certain, _elapsed_between(member.dates.get(how.on_date), until, between))
            for member, certain in self._matching(chosen, case)
        ]
        highs = [
            (span.high, member.where) for member, certain, span in spans if certain and span.high is not None
        ]
        if not highs:
            return None
        complete = self._members(chosen)[1]
        low = (
            min((span.low or Fraction(0) for _, _, span in spans), default=Fraction(0))
            if complete
            else Fraction(0)
        )
        high, where = min(highs)
        return Interval(low, high), [where]

    def _application(
        self, how: Derivation, member: Member, case: Member | None
    ) -> tuple[Knowledge, list[str]] | None:
        """Apply a formula; a lower bound of zero says nothing of an amount, and is left out."""
        assert how.function is not None  # noqa: S101 - the schema demands it of an application
        operands, basis = {}, []
        for operand in how.operands:
            known, places = self._operand(operand, member, case)
            operands[operand.name] = _scaled(known, operand.factor)
            basis += places
        formula = self.schema.functions.by_iri[how.function].expression
        result = _scaled(evaluate(formula, operands), how.factor)
        if not result.low and not result.is_exact:
            result = Interval(high=result.high, high_open=result.high_open)
        return None if result.is_everything else (result, basis)

    def _points(
        self, how: Derivation, member: Member, case: Member | None
    ) -> tuple[Knowledge, list[str]] | None:
        """Add up the fewest and the most points that each item may still have."""
        facts = {feature: self._fact(member, feature, case) for feature in how.inputs}
        told = {feature: fact for feature, fact in facts.items() if fact is not None}
        if how.own and not how.own & told.keys():
            return None
        low = high = Fraction(0)
        for item in how.items:
            points = item.points({feature: fact.known for feature, fact in told.items()})
            if points is None:
                return None
            if not points:
                self._disagree([told[feature] for feature in item.worth if feature in told])
                return None
            low, high = low + min(points), high + max(points)
        return Interval(low, high), [fact.where for fact in told.values()]

    def _disagree(self, facts: list[Fact]) -> None:
        """Report facts that give one item points that exclude each other."""
        found = " and ".join(f"{fact.where} is {fact.stated}" for fact in facts)
        expected = "values that one item of a score can have at once"
        problem = Problem(f"{self.record.source}: {facts[0].where}", found, expected, "Correct one of them.")
        if problem not in self.problems:
            self.problems.append(problem)

    def _operand(self, operand: Operand, member: Member, case: Member | None) -> tuple[Interval, list[str]]:
        """Return what is known of an operand, and the places in the record that say so."""
        if operand.constant is not None:
            return exactly(self.schema.functions.constants[operand.constant].value), []
        assert operand.feature is not None  # noqa: S101 - the schema demands a feature or a constant
        if operand.selection is not None:
            return self._total(operand.feature, operand.selection, case)
        target = member if operand.link is None else self._linked(member, operand.link)
        if target is None:
            return _UNKNOWN, []
        fact = self._fact(target, operand.feature, None if target is self.record.root else case)
        if fact is None or not isinstance(fact.known, Interval):
            return _UNKNOWN, []
        return fact.known, [fact.where]

    def _linked(self, member: Member, link: URIRef) -> Member | None:
        """Return what a functional link of a member leads to."""
        declared = next(item for item in member.entity.links.values() if item.iri == link)
        return self.record.root if declared.inverse_of is not None else member.links.get(link)

    def _total(self, feature: URIRef, chosen: Selection, case: Member | None) -> tuple[Interval, list[str]]:
        """Return the sum of a feature over the members that match.

        What may match adds to the upper bound alone; an open list, or a match of which the feature
        is not known, leaves no upper bound.
        """
        members, complete = self._members(chosen)
        total, basis = exactly(0), []
        for member, certain in self._matching(chosen, case):
            fact = self._fact(member, feature, None)
            known = fact.known if fact is not None and isinstance(fact.known, Interval) else _UNKNOWN
            low, low_open = (known.low, known.low_open) if certain else (Fraction(0), False)
            total = add(total, Interval(low, known.high, low_open, known.high_open))
            if fact is not None and (certain or complete):
                basis.append(fact.where)
        if not complete:
            total = Interval(total.low, None, total.low_open)
        elif not basis:
            basis = [member.where for member in members] or [self._flag(chosen)]
        return total, basis

    def _flag(self, chosen: Selection) -> str:
        listing = next(item for item in self.record.root.entity.lists.values() if item.iri == chosen.over)
        return listing.complete_key

    def _is_rounded(self, stated: Fact, derived: Knowledge, feature: Feature) -> bool:
        """Return whether a stated number is the derived one to its own last written decimal.

        It must be written to less than one unit: 3.33 Gy, or 333 cGy, stands for 10/3 Gy; 3 Gy does not.
        """
        match = _WRITTEN.fullmatch(stated.stated)
        if match is None or not isinstance(derived, Interval) or not isinstance(stated.known, Interval):
            return False
        factor = self.schema.unit_factors.get((match["unit"] or "1", feature.unit or "1"))
        if factor is None or derived.low is None or not derived.is_exact or stated.known.low is None:
            return False
        step = factor / Fraction(TEN ** len(match["decimals"] or ""))
        return step < 1 and abs(stated.known.low - derived.low) <= step / 2


def _selection(how: Derivation) -> Selection:
    assert how.selection is not None  # noqa: S101 - the schema demands it of list derivations
    return how.selection


def _scaled(interval: Interval, factor: Fraction) -> Interval:
    """Return an interval in another unit."""
    low, high = (None if bound is None else bound * factor for bound in (interval.low, interval.high))
    return Interval(low, high, interval.low_open, interval.high_open)


def describe(known: Knowledge, feature: Feature) -> str:
    """Return what is known of a feature as a person writes it, with its unit."""
    if isinstance(known, Interval):
        return f"{known} {feature.unit}" if feature.unit not in (None, "1") else str(known)
    return " or ".join(sorted(value.rsplit("/", 1)[-1] for value in known))


_ELAPSED: dict[str, Callable[[date, date], Fraction]] = {"mo": calendar_months, "d": days}
"""How time between two days is counted, by the UCUM code of the unit."""


def _elapsed_between(
    day: PartialDate | None, until: PartialDate, between: Callable[[date, date], Fraction]
) -> Interval:
    """Return the time from a day to another, either of them perhaps partial."""
    if day is None:
        return Interval(low=Fraction(0))
    longest = between(day.first, until.last)
    shortest = max(Fraction(0), between(day.last, until.first))
    return Interval(shortest, max(longest, shortest))
