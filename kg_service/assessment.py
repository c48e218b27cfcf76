"""Assesses one case: what applies, what is stopped, what follows, what to ask next.

Values are *true*, *false* or *unknown*; unknown is never dropped. Which recommendation speaks
first is decided by ranks that come from the graph: the level of the source, then the narrower
population, then the strength; what is outranked is kept and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OBLIGES, OFFERS, PREFERS, QUALIFIES, RESERVES, STOPS
from kg_service.derivation import refuse_impossible
from kg_service.explain import can_settle, justification, missing
from kg_service.guideline import Recommendation
from kg_service.option_decision import VERDICTS, OptionDecision, Verdict, decide_option
from kg_service.plan import Node
from kg_service.prescription import PrescriptionCheck, check_prescription
from kg_service.record import Case, Fact
from kg_service.score_outcome import ScoreOutcome, decide_scores
from kg_service.values import Status, status_of


@dataclass(frozen=True)
class Conclusion:
    """Whether a case is of the population of one recommendation, and why.

    Attributes
    ----------
    facts : tuple of Fact
        Facts that entail the status, none superfluous; empty when it is unknown.
    missing : tuple of URIRef
        Features that leave it unknown.
    fulfilled : Status or None
        For an obligation or a constraint, whether it is documented as done or kept.
    ways : tuple of URIRef
        Classes that name how it is not kept, such as too early.
    """

    recommendation: Recommendation
    status: Status
    facts: tuple[Fact, ...]
    missing: tuple[URIRef, ...]
    fulfilled: Status | None = None
    ways: tuple[URIRef, ...] = ()


@dataclass(frozen=True)
class OptionVerdict:
    """What the guideline says of one option in this case.

    Attributes
    ----------
    leading : Recommendation or None
        The recommendation that speaks first: an indication, or a reservation that is not met. None
        when the option is indicated by one or another recommendation, whatever the unknowns are.
    outranked : tuple of Recommendation
        Indications that also hold here and give the option another strength.
    yields_to : tuple of URIRef
        Populations of this case that come before the one the option is indicated for.
    preferred : Recommendation or None
        A preference that holds here and places the option first; none where it is not indicated.
    """

    option: URIRef
    verdict: Verdict
    indicated: Status
    stopped: Status
    leading: Recommendation | None
    outranked: tuple[Recommendation, ...]
    indications: tuple[Conclusion, ...]
    contraindications: tuple[Conclusion, ...]
    qualifications: tuple[Conclusion, ...]
    reservations: tuple[Conclusion, ...]
    obligations: tuple[Conclusion, ...]
    preferred: Recommendation | None
    yields_to: tuple[URIRef, ...]
    order: tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """A missing feature, with the number of open conclusions it bears on and may settle alone."""

    feature: URIRef
    bears_on: int
    may_settle: int


@dataclass(frozen=True)
class Assessment:
    """Everything the guideline says of one case."""

    case: Case
    source: str
    conclusions: tuple[Conclusion, ...]
    options: tuple[OptionVerdict, ...]
    questions: tuple[Question, ...]
    prescription: PrescriptionCheck | None
    scores: tuple[ScoreOutcome, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, Conclusion]:
        """The conclusions by the id of their recommendation."""
        return {c.recommendation.id: c for c in self.conclusions}


def assess(case: Case, compiled: CompiledGuideline, source: str) -> Assessment:
    """Return what a guideline says of a case.

    Parameters
    ----------
    case : Case
        The case, with derived facts.
    compiled : CompiledGuideline
        The guideline under its readings.
    source : str
        Name of the document, for messages.

    Raises
    ------
    InputError
        When the facts of the case contradict each other.
    """
    plan = compiled.plan
    refuse_impossible(
        case, plan, compiled.schema, source, lambda iri: compiled.guideline.label(URIRef(iri), "en")
    )
    assessor = _Assessor(compiled, case, plan.possible(case.known))
    conclusions = tuple(assessor.conclusion(r) for r in compiled.guideline.recommendations)
    by_iri = {c.recommendation.iri: c for c in conclusions}
    options = sorted(
        (assessor.option(o, by_iri) for o in compiled.options), key=lambda v: (*v.order, str(v.option))
    )
    questions = tuple(assessor.questions(conclusions))
    prescription = check_prescription(case, compiled)
    scores = decide_scores(case, compiled)
    return Assessment(case, source, conclusions, tuple(options), questions, prescription, scores)


class _Assessor:
    """Assesses one case; holds what every step needs."""

    def __init__(
        self,
        compiled: CompiledGuideline,
        case: Case,
        possible: Mapping[str, int],
    ) -> None:
        self.compiled = compiled
        self.case = case
        self.possible = possible
        self._populations: dict[URIRef, tuple[Status, tuple[Fact, ...], tuple[URIRef, ...]]] = {}
        # By identity: the trees of a compiled guideline outlive its assessor.
        self._decisions: dict[int, Status] = {}

    def conclusion(self, recommendation: Recommendation) -> Conclusion:
        done = recommendation.fulfilled_by
        fulfilled = self._decided(self.compiled.criterion(done)) if done else None
        ways = (
            cls for cls in recommendation.unmet_as if self._decided(self.compiled.criterion(cls)) == "true"
        )
        return Conclusion(
            recommendation, *self._population(recommendation.population), fulfilled, tuple(ways)
        )

    def _population(self, population: URIRef) -> tuple[Status, tuple[Fact, ...], tuple[URIRef, ...]]:
        """Return status, facts and missing features of a population; many recommendations share one."""
        if population not in self._populations:
            tree = self.compiled.criterion(population)
            value, features = justification(self.compiled.plan, tree, self.possible)
            lacking = sorted(missing(self.compiled.plan, tree, self.possible)) if value is None else []
            facts = tuple(self.case.facts[URIRef(f)] for f in features)
            self._populations[population] = status_of(value), facts, tuple(URIRef(f) for f in lacking)
        return self._populations[population]

    def _decided(self, tree: Node) -> Status:
        if id(tree) not in self._decisions:
            self._decisions[id(tree)] = status_of(self.compiled.plan.decide(tree, self.possible))
        return self._decisions[id(tree)]

    def option(self, option: URIRef, conclusions: Mapping[URIRef, Conclusion]) -> OptionVerdict:
        on = {
            kind: tuple(conclusions[r.iri] for r in self.compiled.recommendations_on(option, kind))
            for kind in (OFFERS, STOPS, QUALIFIES, RESERVES, OBLIGES, PREFERS)
        }
        decision = decide_option(option, self.compiled, self._decided)
        leading = decision.leading
        preferring = (c.recommendation for c in on[PREFERS] if c.status == "true")
        preferred = None if decision.indicated == "false" else next(preferring, None)
        return OptionVerdict(
            option,
            decision.verdict,
            decision.indicated,
            decision.stopped,
            leading,
            self._outranked(leading, [c.recommendation for c in on[OFFERS] if c.status == "true"]),
            on[OFFERS],
            on[STOPS],
            on[QUALIFIES],
            on[RESERVES],
            on[OBLIGES],
            preferred,
            decision.yields_to,
            _order(decision, preferred),
        )

    @staticmethod
    def _outranked(
        leading: Recommendation | None, holding: list[Recommendation]
    ) -> tuple[Recommendation, ...]:
        """Return what also holds and gives the option another strength than the one that leads."""
        if leading is None:
            return ()
        return tuple(r for r in holding if r.strength != leading.strength and not r.excluded)

    def questions(self, conclusions: tuple[Conclusion, ...]) -> list[Question]:
        """Return the missing features, the most useful first; what may stop an option breaks ties."""
        bears: Counter[URIRef] = Counter()
        settles: Counter[URIRef] = Counter()
        stops: Counter[URIRef] = Counter()
        kinds = self.compiled.guideline.questioning
        asked = [c for c in conclusions if not c.recommendation.excluded and c.recommendation.kind in kinds]
        for population, conclusion in {c.recommendation.population: c for c in asked}.items():
            tree = self.compiled.criterion(population)
            for feature in conclusion.missing:
                bears[feature] += 1
                stops[feature] += conclusion.recommendation.kind == STOPS
                settles[feature] += can_settle(self.compiled.plan, tree, self.possible, str(feature))
        order = sorted(bears, key=lambda f: (-settles[f], -stops[f], -bears[f], str(f)))
        return [Question(feature, bears[feature], settles[feature]) for feature in order]


def _order(decision: OptionDecision, preferred: Recommendation | None) -> tuple[int, ...]:
    """Return the place of an option: indicated ones by strength, cleared first among equals.

    Of indications of which it is not known which one holds, the weakest places the option.
    """
    speaking = (decision.leading,) if decision.leading else decision.speaking
    place = VERDICTS.index(decision.verdict)
    return (
        0 if decision.verdict in ("applicable", "conditional") else place,
        max((r.strength_rank for r in speaking), default=0),
        place,
        0 if preferred else 1,
        max((r.level_rank for r in speaking), default=0),
    )
