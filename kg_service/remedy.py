"""What to change in a prescription so that the guideline makes something better of it.

A prescription is led to a schedule or a technique that the case is indicated for, then freed of what it
would still depart from, one rule after the other. What comes out is derived and checked anew, as a
record that stated it would be: nothing is told that the check does not confirm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rdflib import URIRef

from kg_service.argument import Flip
from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OFFERS
from kg_service.explain import Change, merged, nearest_change
from kg_service.guideline import NO_RANK
from kg_service.namespaces import CORE
from kg_service.plan import Node
from kg_service.prescription import Finding, PrescriptionCheck, check_prescription
from kg_service.record import Case
from kg_service.schema import Feature
from kg_service.values import Knowledge

MOST_CHANGED = 8
"""Most facts that are changed together."""
Values = Mapping[URIRef, Knowledge]


@dataclass(frozen=True)
class Remedy:
    """Facts of a prescription to change together, and what the guideline makes of it then.

    Attributes
    ----------
    flips : tuple of Flip
        The facts to change or to supply, each beside what is known now; sorted by feature.
    concordance, best, worst : URIRef
        What the prescription is then; see `PrescriptionCheck`.
    """

    flips: tuple[Flip, ...]
    concordance: URIRef
    best: URIRef
    worst: URIRef


def remedies(
    case: Case, compiled: CompiledGuideline, changed: Callable[[Values], Case | None]
) -> tuple[Remedy, ...]:
    """Return the fewest changes to a prescription that make the best of it that changes to it can.

    Parameters
    ----------
    case : Case
        The case, with derived facts.
    compiled : CompiledGuideline
        The guideline under its readings.
    changed : callable
        Returns the case as other values make it, or None when its record contradicts them.

    Returns
    -------
    tuple of Remedy
        All of the same, fewest, number of changes; the guideline addresses what they lead to. Empty when
        nothing is prescribed, when the guideline makes the best of the prescription already, or when no
        change that was found makes it better.
    """
    check = check_prescription(case, compiled)
    if check is None or compiled.guideline.rank(check.worst) == 1:
        return ()
    return _Search(case, check, compiled, changed).found()


class _Search:
    """Searches the changes to one prescription."""

    def __init__(
        self,
        case: Case,
        check: PrescriptionCheck,
        compiled: CompiledGuideline,
        changed: Callable[[Values], Case | None],
    ) -> None:
        self.case, self.check, self.compiled, self.changed = case, check, compiled, changed
        self.rank = compiled.guideline.rank

    def found(self) -> tuple[Remedy, ...]:
        reached: dict[tuple[tuple[str, str], ...], tuple[tuple[int, int], Remedy]] = {}
        for start in self._starts():
            values = self._needed(self._freed(start))
            check = self._check(values)
            if check is not None and self._is_better(check):
                key = tuple(sorted((str(f), str(v)) for f, v in values.items()))
                reached[key] = self._place(check), self._remedy(values, check)
        if not reached:
            return ()
        best = min((place, len(remedy.flips)) for place, remedy in reached.values())
        return tuple(r for _, (p, r) in sorted(reached.items()) if (p, len(r.flips)) == best)

    def _check(self, values: Values) -> PrescriptionCheck | None:
        """Return what the guideline makes of the prescription with other values."""
        case = self.changed(values) if values else self.case
        return check_prescription(case, self.compiled) if case else None

    def _is_better(self, check: PrescriptionCheck) -> bool:
        """Return whether a prescription is addressed, and better than the one there is."""
        addressed = NO_RANK not in (self.rank(check.best), self.rank(check.worst))
        return addressed and self._place(check) < self._place(self.check)

    def _needed(self, values: Values) -> Values:
        """Return changes without those that the prescription is as good without."""
        check = self._check(values)
        for feature in values if check else ():
            fewer = {f: v for f, v in values.items() if f != feature}
            without = self._check(fewer)
            if check and without and self._place(without) <= self._place(check):
                values = fewer
        return values

    def _place(self, check: PrescriptionCheck) -> tuple[int, int]:
        """Return how good a prescription is, at worst and at best; 1 comes first."""
        return self._grade(check.worst), self._grade(check.best)

    def _grade(self, concordance: URIRef) -> int:
        """Return the place of a concordance; one without a rank comes just before the gravest."""
        rank = self.rank(concordance)
        return 2 * (rank if rank < NO_RANK else self.rank(CORE.Discordant)) - (rank == NO_RANK)

    @cached_property
    def _changeable(self) -> frozenset[str]:
        """The features of the prescription that say what is carried out, and how rules on it are kept."""
        keeping = {r.fulfilled_by for r in self.compiled.guideline.recommendations if r.fulfilled_by}
        criteria = [self.compiled.criterion(cls) for cls in keeping]
        tested = {f for tree in criteria for f in self.compiled.plan.features_of(tree)}
        recorded = {str(iri) for iri, feature in self._of_prescription.items() if feature.derivation is None}
        return frozenset((self.compiled.prescriptions.deciding | tested) & recorded)

    @cached_property
    def _of_prescription(self) -> dict[URIRef, Feature]:
        """Every feature of what says what is carried out."""
        deciding = {URIRef(f) for f in self.compiled.prescriptions.deciding}
        found: dict[URIRef, Feature] = {}
        for entity in self.compiled.schema.entities.values():
            own = {f.iri: f for f in entity.features.values()}
            found |= own if deciding & own.keys() else {}
        return found

    def _starts(self) -> Iterator[dict[URIRef, Knowledge]]:
        """Yield the changes that make the prescription follow an indication of the case, and none."""
        yield {}
        for recommendation in self.compiled.guideline.recommendations:
            if recommendation.kind == OFFERS:
                following = self.compiled.prescriptions.following(recommendation)
                change = self._change(following, self.case, target=True) if following else ()
                if change:
                    yield _values(change)

    def _change(
        self, tree: Node, case: Case, *, target: bool, taken: Iterable[URIRef] = ()
    ) -> tuple[Change, ...]:
        # What derives from the prescription is not known before it is changed.
        kept = {
            str(iri): fact.known
            for iri, fact in case.facts.items()
            if not (fact.basis and iri in self._of_prescription)
        }
        plan = self.compiled.plan
        return nearest_change(
            plan,
            tree,
            plan.possible(kept),
            target=target,
            impossible=[plan.trees[str(iri)] for iri in self.compiled.schema.impossible],
            within=self._changeable - {str(f) for f in taken},
        )

    def _freed(self, values: dict[URIRef, Knowledge]) -> Values:
        """Return some changes with those that free the prescription of what it departs from then."""
        while len(values) <= MOST_CHANGED:
            case = self.changed(values) if values else self.case
            check = check_prescription(case, self.compiled) if case else None
            if case is None or check is None:
                break
            more = next(filter(None, (self._freeing(f, case, values) for f in check.findings)), ())
            if not more:
                break
            values = {**values, **_values(more)}
        return values

    def _freeing(self, finding: Finding, case: Case, taken: Iterable[URIRef]) -> tuple[Change, ...]:
        """Return what ends, or rules out, a departure that makes the prescription worse."""
        harmful = finding.effect is not None and self.rank(finding.effect) > 1
        departing = self.compiled.prescriptions.departing(finding.recommendation)
        if finding.bearing not in ("departs", "open") or departing is None or not harmful:
            return ()
        return self._change(departing, case, target=False, taken=taken)

    def _remedy(self, values: Values, check: PrescriptionCheck) -> Remedy:
        flips = (
            Flip(Change(str(feature), (value,)), self.case.facts.get(feature))
            for feature, value in sorted(values.items())
        )
        return Remedy(tuple(flips), check.concordance, check.best, check.worst)


def _values(change: Iterable[Change]) -> dict[URIRef, Knowledge]:
    """Return the values that a change gives; of several ranges of numbers, the first."""
    return {URIRef(c.feature): merged(c.values)[0] for c in change}
