"""The explanation of one answer on a case: a recommendation, an option, or the prescription."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rdflib import URIRef

from kg_service.argument import About, Argument, argue
from kg_service.assessment import Assessment, Conclusion, OptionVerdict
from kg_service.compiler import CompiledGuideline
from kg_service.errors import KgServiceError, UnknownNameError
from kg_service.guideline import Recommendation
from kg_service.namespaces import local_name
from kg_service.option_decision import Reason, Verdict, populations_before, reason_of_precedence
from kg_service.plan import Node
from kg_service.prescription import Finding, PrescriptionCheck
from kg_service.remedy import Remedy
from kg_service.robustness import (
    Answer,
    ConclusionAnswer,
    OptionAnswer,
    PrescriptionAnswer,
    Robustness,
    RobustnessExaminer,
)
from kg_service.values import Status, status_of

PRESCRIPTION = "prescription"
"""The id by which the check of the prescription is explained."""
Sort = Literal["conclusion", "option", "prescription"]
SILENT: tuple[Verdict, ...] = ("not-indicated",)
"""Verdicts in which no recommendation speaks before another."""


@dataclass(frozen=True)
class Precedence:
    """One recommendation that speaks before another, which holds too, and why.

    Attributes
    ----------
    reason : Reason or "waits"
        *waits*: the loser does not bind until the winner, which is departed from, is fulfilled.
    before : tuple of URIRef
        The populations of the case that the loser yields to.
    """

    winner: Recommendation
    loser: Recommendation
    reason: Reason | Literal["waits"]
    before: tuple[URIRef, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Why an answer on a case is what it is.

    Attributes
    ----------
    sort : Sort
        What is explained.
    id : str
        Id of the recommendation, local name of the option, or ``prescription``.
    iri : URIRef
        The recommendation, the option, or for the prescription the guideline.
    status : Status or None
        Of a recommendation, whether the case is of its population; None for anything else.
    answer : Answer
        The whole answer.
    recommendations : tuple of Recommendation
        Those whose statements it rests on.
    arguments : tuple of Argument
        What decides it, tree by tree.
    yields_to : tuple of URIRef
        Populations of the case that come before the one that an option is indicated for.
    findings : tuple of Finding
        How recommendations bear on the prescription, the gravest first.
    robustness : Robustness or None
        Whether the answer is the same under every reading; None when that was not examined.
    remedies : tuple of Remedy
        The fewest changes that make the best of the prescription; none for anything else, none found.
    """

    sort: Sort
    id: str
    iri: URIRef
    assessment: Assessment
    compiled: CompiledGuideline
    status: Status | None
    answer: Answer
    recommendations: tuple[Recommendation, ...]
    arguments: tuple[Argument, ...]
    precedence: tuple[Precedence, ...]
    yields_to: tuple[URIRef, ...] = ()
    findings: tuple[Finding, ...] = ()
    robustness: Robustness | None = None
    remedies: tuple[Remedy, ...] = ()

    @property
    def ambiguities(self) -> list[str]:
        """Ids of the ambiguities of the statements it rests on."""
        return sorted({a for r in self.recommendations for s in r.statements for a in s.ambiguities})


def explain(
    assessment: Assessment,
    identifier: str,
    compiled: CompiledGuideline,
    examiner: RobustnessExaminer | None = None,
    remedied: Callable[[], tuple[Remedy, ...]] = tuple,
) -> Explanation:
    """Return the explanation of one answer of an assessment.

    Parameters
    ----------
    assessment : Assessment
        The assessment of the case.
    identifier : str
        Id of a recommendation, such as ``S071``; local name of an option; or ``prescription``.
    compiled : CompiledGuideline
        The guideline that was used.
    examiner : RobustnessExaminer, optional
        Examines readings on this case; robustness is not told without it.
    remedied : callable, optional
        Returns the changes that make the best of the prescription; none are told without it.

    Raises
    ------
    UnknownNameError
        When the guideline holds no such recommendation or option.
    KgServiceError
        When the prescription is asked about, and the record says nothing of one.
    """
    explainer = _Explainer(assessment, compiled, examiner)
    options = {local_name(verdict.option): verdict for verdict in assessment.options}
    if identifier in assessment.by_id:
        return explainer.conclusion(assessment.by_id[identifier])
    if identifier in options:
        return explainer.option(options[identifier])
    if identifier != PRESCRIPTION:
        raise UnknownNameError("conclusion", identifier, [*assessment.by_id, *options, PRESCRIPTION])
    if assessment.prescription is None:
        case = assessment.case
        raise KgServiceError(
            f"{case.document}, {case.id}: the record says nothing of a prescription; there is none to explain"
        )
    return replace(explainer.prescription(assessment.prescription), remedies=remedied())


class _Explainer:
    """Explains the answers on one case."""

    def __init__(
        self, assessment: Assessment, compiled: CompiledGuideline, examiner: RobustnessExaminer | None
    ) -> None:
        self.assessment = assessment
        self.compiled = compiled
        self.examiner = examiner
        self.case = assessment.case
        self.possible = compiled.plan.possible(self.case.known)
        self.elsewhere: Mapping[URIRef, int] = {q.feature: q.may_settle for q in assessment.questions}

    def conclusion(self, conclusion: Conclusion) -> Explanation:
        own = conclusion.recommendation
        arguments = [self._argue("population", own.iri, self.compiled.criterion(own.population))]
        if own.fulfilled_by is not None:
            arguments.append(self._argue("fulfilment", own.iri, self.compiled.criterion(own.fulfilled_by)))
        found = (p for v in self.assessment.options if v.option == own.option for p in self._precedence(v))
        return Explanation(
            "conclusion",
            own.id,
            own.iri,
            self.assessment,
            self.compiled,
            conclusion.status,
            ConclusionAnswer(conclusion.status, conclusion.fulfilled),
            (own,),
            tuple(arguments),
            tuple(p for p in found if own in (p.winner, p.loser)),
            robustness=self.examiner.conclusion(own) if self.examiner else None,
        )

    def option(self, verdict: OptionVerdict) -> Explanation:
        trees = self.compiled.option(verdict.option)
        arguments = [
            self._argue("indicated", verdict.option, trees.indicated),
            self._argue("stopped", verdict.option, trees.stopped),
        ]
        for conclusion in verdict.reservations:
            kept = conclusion.recommendation
            arguments.append(self._argue("reserved", kept.iri, self.compiled.criterion(kept.population)))
        speaking = (*verdict.indications, *verdict.contraindications, *verdict.reservations)
        resting = [c.recommendation for c in speaking if c.status != "false"]
        leading = verdict.leading
        return Explanation(
            "option",
            local_name(verdict.option),
            verdict.option,
            self.assessment,
            self.compiled,
            None,
            OptionAnswer(verdict.verdict, leading.strength if leading else None),
            tuple(resting),
            tuple(arguments),
            tuple(self._precedence(verdict)),
            verdict.yields_to,
            robustness=self.examiner.option(verdict.option) if self.examiner else None,
        )

    def prescription(self, check: PrescriptionCheck) -> Explanation:
        told = [f for f in check.findings if f.bearing != "undocumented"]
        trees = self.compiled.prescriptions
        arguments = []
        for finding in told:
            recommendation = finding.recommendation
            following, departing = trees.following(recommendation), trees.departing(recommendation)
            if following is not None:
                arguments.append(self._argue("follows", recommendation.iri, following))
            elif departing is not None:
                arguments.append(self._argue("departs", recommendation.iri, departing))
        return Explanation(
            "prescription",
            PRESCRIPTION,
            self.compiled.guideline.iri,
            self.assessment,
            self.compiled,
            None,
            PrescriptionAnswer(check.concordance, check.best, check.worst),
            tuple(f.recommendation for f in told),
            tuple(arguments),
            tuple(self._waiting(check)),
            findings=check.findings,
            robustness=self.examiner.prescription() if self.examiner else None,
        )

    def _argue(self, about: About, subject: URIRef, tree: Node) -> Argument:
        return argue(about, subject, tree, self.case, self.compiled, self.elsewhere)

    def _decided(self, tree: Node) -> Status:
        return status_of(self.compiled.plan.decide(tree, self.possible))

    def _precedence(self, verdict: OptionVerdict) -> Iterator[Precedence]:
        """Yield the indications of an option that hold and do not speak first."""
        if verdict.leading is None or verdict.verdict in SILENT:
            return
        holding = [
            c.recommendation
            for c in verdict.indications
            if c.status == "true" and not c.recommendation.excluded
        ]
        for loser in holding:
            if loser.iri == verdict.leading.iri:
                continue
            reason = reason_of_precedence(verdict.leading, loser, holding, self.compiled, self._decided)
            before = populations_before(loser, self.compiled, self._decided) if reason == "yields" else ()
            yield Precedence(verdict.leading, loser, reason, tuple(before))

    @staticmethod
    def _waiting(check: PrescriptionCheck) -> Iterator[Precedence]:
        """Yield the rules that wait for another one that the prescription departs from."""
        departed = {f.recommendation.iri: f.recommendation for f in check.findings if f.bearing == "departs"}
        for finding in check.findings:
            if finding.bearing == "waits":
                for iri in finding.recommendation.waits_for:
                    if iri in departed:
                        yield Precedence(departed[iri], finding.recommendation, "waits")
