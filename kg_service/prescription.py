"""Checks a prescription against a guideline: what it follows, what it departs from, what is open.

Nothing here knows a schedule. Which prescriptions carry an option out, what following or breaking
a recommendation makes of a prescription, and the ranks of these words all come from the graph.

What is unknown is bounded: the check tells what the prescription is at best and at worst, and
calls it one thing only when the two agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OBLIGES, OFFERS, RESERVES
from kg_service.explain import justification, missing
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE
from kg_service.plan import Node
from kg_service.record import Case, Fact
from kg_service.values import Status, status_of

Bearing = Literal["departs", "waits", "open", "undocumented", "follows"]
"""How a recommendation bears on a prescription, the gravest first. *waits*: it does not bind until
another is fulfilled. *undocumented*: something that must be done, of which the record says nothing."""
BEARINGS: tuple[Bearing, ...] = ("departs", "waits", "open", "undocumented", "follows")


@dataclass(frozen=True)
class Finding:
    """How one recommendation bears on the prescription.

    Attributes
    ----------
    effect : URIRef or None
        What it makes of the prescription, or would if it is open.
    facts : tuple of Fact
        Facts that entail it, none superfluous.
    missing : tuple of URIRef
        Features that leave it open.
    ways : tuple of URIRef
        Classes that name how it is departed from, such as too early.
    """

    recommendation: Recommendation
    bearing: Bearing
    effect: URIRef | None
    facts: tuple[Fact, ...] = ()
    missing: tuple[URIRef, ...] = ()
    ways: tuple[URIRef, ...] = ()


@dataclass(frozen=True)
class PrescriptionCheck:
    """What a guideline makes of the prescription of one case.

    Attributes
    ----------
    concordance : URIRef
        `best` when it equals `worst`; not assessable otherwise.
    best, worst : URIRef
        What it is if every open point turns out well, or badly.
    realises : dict of URIRef to Status
        The options that it carries out, surely or perhaps.
    findings : tuple of Finding
        The gravest first.
    """

    concordance: URIRef
    best: URIRef
    worst: URIRef
    realises: dict[URIRef, Status]
    findings: tuple[Finding, ...]

    @cached_property
    def missing(self) -> tuple[URIRef, ...]:
        """Features that leave the check open, when it is."""
        if self.best == self.worst:
            return ()
        return tuple(sorted({f for found in self.findings for f in found.missing if found.bearing == "open"}))


def check_prescription(case: Case, compiled: CompiledGuideline) -> PrescriptionCheck | None:
    """Return what a guideline makes of the prescription of a case.

    Parameters
    ----------
    case : Case
        The case, with derived facts.
    compiled : CompiledGuideline
        The guideline under its readings.

    Returns
    -------
    PrescriptionCheck or None
        None when the record says nothing of a prescription.
    """
    return _Checker(case, compiled).check() if is_prescribed(case, compiled) else None


def is_prescribed(case: Case, compiled: CompiledGuideline) -> bool:
    """Return whether a record states anything that decides which option is carried out."""
    return any(feature in compiled.prescriptions.deciding for feature in case.known)


class _Checker:
    """Checks the prescription of one case."""

    def __init__(self, case: Case, compiled: CompiledGuideline) -> None:
        self.case = case
        self.guideline = compiled.guideline
        self.plan = compiled.plan
        self.trees = compiled.prescriptions
        self.known = case.known
        self.possible = self.plan.possible(self.known)

    def check(self) -> PrescriptionCheck:
        findings = [*self._followed(), *self._rules()]
        best, worst = self._outcome(findings, hoping=True), self._outcome(findings, hoping=False)
        realises = {o: self._decided(tree) for o, tree in self.trees.realised.items()}
        return PrescriptionCheck(
            best if best == worst else CORE.NotAssessable,
            best,
            worst,
            {o: status for o, status in realises.items() if status != "false"},
            tuple(sorted(findings, key=self._gravity)),
        )

    def _gravity(self, finding: Finding) -> tuple[int, int, str]:
        rank = self.guideline.rank(finding.effect) if finding.effect else 0
        return BEARINGS.index(finding.bearing), -rank, finding.recommendation.id

    def _outcome(self, findings: list[Finding], *, hoping: bool) -> URIRef:
        """Return what the findings make of the prescription, the open ones taken for the best or the worst.

        The gravest departure counts. Without an indication that is followed, the guideline does not
        address the prescription, unless it keeps the option for other cases.
        """
        sure = [f for f in findings if f.bearing in ("departs", "follows")]
        opened = [f for f in findings if f.bearing == "open"]
        taken = [*sure, *(f for f in opened if (f.recommendation.kind == OFFERS) is hoping)]
        departures = [f for f in taken if f.bearing != "follows" and f.recommendation.kind != OFFERS]
        followed = [f.effect for f in taken if f.recommendation.kind == OFFERS and f.effect is not None]
        effects = [f.effect for f in departures if f.effect is not None]
        kept_for_others = any(f.recommendation.kind == RESERVES for f in departures)
        if CORE.Discordant in effects or (not followed and kept_for_others):
            return CORE.Discordant
        if not followed:
            return CORE.NotAddressed
        return max([min(followed, key=self.guideline.rank), *effects], key=self.guideline.rank)

    def _followed(self) -> Iterator[Finding]:
        """Yield the indications that the prescription follows, or may follow.

        Of those that offer one option, the one that speaks first hides what it outranks.
        """
        surely: set[URIRef | None] = set()
        for recommendation in sorted(self._speaking(self.trees.follows), key=_precedence):
            tree = self.trees.follows[recommendation.iri]
            status = self._decided(tree)
            if status == "false" or recommendation.option in surely:
                continue
            if status == "true":
                surely.add(recommendation.option)
            bearing: Bearing = "follows" if status == "true" else "open"
            yield self._finding(recommendation, bearing, recommendation.concordance, tree)

    def _rules(self) -> Iterator[Finding]:
        for recommendation in self._speaking(self.trees.departs):
            binding, departing = self.trees.binds[recommendation.iri], self.trees.departs[recommendation.iri]
            bound, departs = self._decided(binding), self._decided(departing)
            effect = recommendation.departure
            if departs == "true":
                bearing: Bearing = "waits" if self._waiting(recommendation) else "departs"
                yield self._finding(recommendation, bearing, effect, departing, self._ways(recommendation))
            elif departs == "unknown" and recommendation.kind != OBLIGES:
                yield self._finding(recommendation, "open", effect, departing)
            elif departs == "unknown" and bound == "true":
                yield self._finding(recommendation, "undocumented", effect, departing)
            elif departs == "false" and bound == "true":
                yield self._finding(recommendation, "follows", None, departing)

    def _speaking(self, trees: dict[URIRef, Node]) -> list[Recommendation]:
        return [r for r in self.guideline.recommendations if r.iri in trees]

    def _waiting(self, recommendation: Recommendation) -> bool:
        """Return whether what must come first is known not to be fulfilled."""
        return any(self._decided(self.trees.departs[r]) == "true" for r in recommendation.waits_for)

    def _ways(self, recommendation: Recommendation) -> tuple[URIRef, ...]:
        trees = ((cls, self.plan.trees[str(cls)]) for cls in recommendation.unmet_as)
        return tuple(cls for cls, tree in trees if self._decided(tree) == "true")

    def _decided(self, tree: Node) -> Status:
        return status_of(self.plan.decide(tree, self.possible))

    def _finding(
        self,
        recommendation: Recommendation,
        bearing: Bearing,
        effect: URIRef | None,
        tree: Node,
        ways: tuple[URIRef, ...] = (),
    ) -> Finding:
        value, features = justification(self.plan, tree, self.known)
        facts = tuple(self.case.facts[URIRef(f)] for f in features)
        lacking = sorted(missing(self.plan, tree, self.possible)) if value is None else []
        return Finding(recommendation, bearing, effect, facts, tuple(URIRef(f) for f in lacking), ways)


def _precedence(recommendation: Recommendation) -> tuple[int, int, str]:
    return recommendation.level_rank, recommendation.strength_rank, recommendation.id
