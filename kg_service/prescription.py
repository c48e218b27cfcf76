"""Checks a prescription against a guideline: what it follows, what it departs from, what is open.

Nothing here knows a schedule. Which prescriptions carry an option out, what following or breaking
a recommendation makes of a prescription, and the ranks of these words all come from the graph.

What is unknown is bounded: the check tells what the prescription is at best and at worst, and
calls it one thing only when the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rdflib import URIRef

from kg_service.bearing import BEARINGS, Bearing, bearings, effect_of, outcome, standing
from kg_service.compiler import CompiledGuideline
from kg_service.explain import justification, missing
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE
from kg_service.plan import Node
from kg_service.record import Case, Fact
from kg_service.values import Status, status_of


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
        self.possible = self.plan.possible(case.known)

    def check(self) -> PrescriptionCheck:
        found = [standing(r, self.trees, self._decided) for r in self.guideline.recommendations]
        borne = list(bearings(one for one in found if one is not None))
        best, worst = (outcome(borne, self.guideline.rank, hoping=hoping) for hoping in (True, False))
        realises = {o: self._decided(tree) for o, tree in self.trees.realised.items()}
        return PrescriptionCheck(
            best if best == worst else CORE.NotAssessable,
            best,
            worst,
            {o: status for o, status in realises.items() if status != "false"},
            tuple(sorted((self._finding(r, bearing) for r, bearing in borne), key=self._gravity)),
        )

    def _gravity(self, finding: Finding) -> tuple[int, int, str]:
        rank = self.guideline.rank(finding.effect) if finding.effect else 0
        return BEARINGS.index(finding.bearing), -rank, finding.recommendation.id

    def _ways(self, recommendation: Recommendation) -> tuple[URIRef, ...]:
        trees = ((cls, self.plan.trees[str(cls)]) for cls in recommendation.unmet_as)
        return tuple(cls for cls, tree in trees if self._decided(tree) == "true")

    def _decided(self, tree: Node) -> Status:
        return status_of(self.plan.decide(tree, self.possible))

    def _finding(self, recommendation: Recommendation, bearing: Bearing) -> Finding:
        tree = self.trees.following(recommendation) or self.trees.departing(recommendation)
        assert tree is not None  # noqa: S101 - what bears on a prescription has a tree
        value, features = justification(self.plan, tree, self.possible)
        lacking = sorted(missing(self.plan, tree, self.possible)) if value is None else []
        return Finding(
            recommendation,
            bearing,
            effect_of(recommendation, bearing),
            tuple(self.case.facts[URIRef(f)] for f in features),
            tuple(URIRef(f) for f in lacking),
            self._ways(recommendation) if bearing in ("departs", "waits") else (),
        )
