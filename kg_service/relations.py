"""How two guidelines stand to each other, whatever the case: by option and by recommendation.

Nothing is listed by hand: options are shared by their IRIs, and whether a case can be of two populations
is decided from the definitions of both. It is said of cases of which everything is known; what guidelines
say of a case with gaps is told by `side_by_side`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, get_args

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OFFERS, QUALIFIES, RESERVES, STOPS
from kg_service.guideline import Recommendation
from kg_service.plan import And, Node, Not, Or
from kg_service.population import CommonCases, Cube, PopulationRelation

GuidelineRelation = Literal["contradicts", "stricter", "laxer", "complements", "same", "not-comparable"]
"""How what one guideline says stands to what another says. *contradicts*: one stops what the other offers,
in some case. *stricter*: it offers less, or stops more. *complements*: each speaks of cases that the other
leaves out, and of some that are common. *not-comparable*: no case is of both."""
GUIDELINE_RELATIONS: tuple[GuidelineRelation, ...] = get_args(GuidelineRelation)
_OPPOSITE: dict[GuidelineRelation, GuidelineRelation] = {"stricter": "laxer", "laxer": "stricter"}
_OF_POPULATIONS: dict[PopulationRelation, GuidelineRelation] = {
    "equal": "same",
    "narrower": "stricter",
    "wider": "laxer",
    "overlapping": "complements",
    "disjoint": "not-comparable",
}
"""Between two that open an option to their populations: the narrower is the stricter."""
_STRICTNESS = {OFFERS: 0, RESERVES: 1, QUALIFIES: 1, STOPS: 2}
"""The kinds of recommendation that are compared; a higher number leaves less of the option."""


@dataclass(frozen=True)
class RelatedRecommendations:
    """How a recommendation stands to one of another guideline on the same option.

    Attributes
    ----------
    option : URIRef
        The option; the narrower one where one of them speaks of a broader one.
    populations : str
        How the cases of the first stand to those of the second. What keeps an option for a population
        speaks of the cases outside it.
    relation : str
        How the first stands to the second.
    """

    option: URIRef
    one: Recommendation
    other: Recommendation
    populations: PopulationRelation
    relation: GuidelineRelation


@dataclass(frozen=True)
class RelatedOption:
    """How what one guideline makes of an option stands to what another makes of it, over all cases.

    Attributes
    ----------
    offered : str
        How the cases in which the first offers the option, all considered, stand to those of the second,
        among those in which both indicate something.
    relation : str
        How the first stands to the second.
    """

    option: URIRef
    offered: PopulationRelation
    relation: GuidelineRelation


class RelatedGuidelines:
    """Two guidelines over the same record model.

    Parameters
    ----------
    one, other : CompiledGuideline
        The guidelines, each under its readings.
    """

    def __init__(self, one: CompiledGuideline, other: CompiledGuideline) -> None:
        self.one, self.other = one, other
        self._cases = CommonCases(one, other)
        self._speaks = speaks(one), speaks(other)
        self.examples = cache(self._examples)
        # Many recommendations share their population.
        self._populations = cache(self._relation_of_populations)

    @cached_property
    def options(self) -> list[RelatedOption]:
        """The options that both offer to somebody."""
        return [
            self._option(option) for option in sorted(self.one.options.keys() & self.other.options.keys())
        ]

    @cached_property
    def recommendations(self) -> list[RelatedRecommendations]:
        """What each says of an option that one of them offers, beside what the other says of it."""
        pairs = {
            (one.iri, other.iri): (one, other)
            for option in sorted(self.one.options.keys() | self.other.options.keys())
            for one in _speaking(self.one, option)
            for other in _speaking(self.other, option)
        }
        return [self._related(one, other) for one, other in pairs.values()]

    @cached_property
    def alone(self) -> tuple[list[URIRef], list[URIRef]]:
        """The options that the first alone, and that the second alone, offers to somebody."""
        one, other = self.one.options.keys(), self.other.options.keys()
        return sorted(one - other), sorted(other - one)

    def _related(self, one: Recommendation, other: Recommendation) -> RelatedRecommendations:
        populations = self._populations(*_cases(one), *_cases(other))
        assert one.option is not None and other.option is not None  # noqa: S101, PT018 - both speak of one
        narrower = one.option if other.option in self.one.guideline.broader(one.option) else other.option
        return RelatedRecommendations(narrower, one, other, populations, _relation(one, other, populations))

    def _relation_of_populations(
        self, one: URIRef, one_outside: bool, other: URIRef, other_outside: bool
    ) -> PopulationRelation:
        first, second = self.one.criterion(one), self.other.criterion(other)
        return self._cases.relation(
            Not(first) if one_outside else first, Not(second) if other_outside else second
        )

    def _option(self, option: URIRef) -> RelatedOption:
        one, other = self._offering(option)
        offered = self._cases.among(one, other, self._speaks)
        contradict = any(self._cases.some(*nodes) for nodes in self._contradictions(option))
        return RelatedOption(option, offered, "contradicts" if contradict else _OF_POPULATIONS[offered])

    def _examples(self, option: URIRef) -> tuple[Cube | None, Cube | None]:
        """Return facts that make the first, and facts that make the second, alone offer an option.

        The other stops it, where it stops it in any case that the one offers it in; or it indicates
        something else. None where that cannot be.
        """
        one, other = self._offering(option)
        stopped_by_other, stopped_by_one = self._contradictions(option)
        return (
            self._cases.example(*stopped_by_other) or self._cases.example(one, Not(other), self._speaks[1]),
            self._cases.example(*stopped_by_one) or self._cases.example(other, Not(one), self._speaks[0]),
        )

    def _offering(self, option: URIRef) -> tuple[Node, Node]:
        return applicable(self.one, option), applicable(self.other, option)

    def _contradictions(self, option: URIRef) -> tuple[tuple[Node, Node], tuple[Node, Node]]:
        """Return the trees of the cases in which the first offers what the second stops, and the opposite."""
        one, other = self._offering(option)
        return (one, self.other.option(option).stopped), (other, self.one.option(option).stopped)


def applicable(compiled: CompiledGuideline, option: URIRef) -> Node:
    """Return the tree of the cases, everything known, in which a guideline offers an option.

    It says what `decide_option` calls applicable: indicated by what does not yield to another population
    of the case, not stopped, and of every group that the option is kept for.
    """
    indicated = Or(
        tuple(
            And((compiled.criterion(r.population), Not(_before(compiled, r))))
            for r in compiled.recommendations_on(option, OFFERS)
            if not r.excluded
        )
    )
    kept_for = (compiled.criterion(r.population) for r in compiled.recommendations_on(option, RESERVES))
    return And((compiled.option(option).offered, indicated, *kept_for))


def speaks(compiled: CompiledGuideline) -> Node:
    """Return the tree of the cases in which a guideline indicates anything."""
    indications = (r for r in compiled.guideline.recommendations if r.kind == OFFERS)
    return Or(tuple(compiled.criterion(p) for p in sorted({r.population for r in indications})))


def opposite(relation: GuidelineRelation) -> GuidelineRelation:
    """Return how the second stands to the first, when the first stands so to the second."""
    return _OPPOSITE.get(relation, relation)


def _before(compiled: CompiledGuideline, recommendation: Recommendation) -> Node:
    """Return the tree of the populations that a recommendation yields to."""
    before = compiled.guideline.yields_to(recommendation.population)
    return Or(tuple(compiled.criterion(population) for population in before))


def _cases(recommendation: Recommendation) -> tuple[URIRef, bool]:
    """Return the population whose cases a recommendation speaks of, and whether it is those outside."""
    return recommendation.population, recommendation.kind == RESERVES


def _speaking(compiled: CompiledGuideline, option: URIRef) -> Iterator[Recommendation]:
    for kind in _STRICTNESS:
        yield from (r for r in compiled.recommendations_on(option, kind) if not r.excluded)


def _relation(
    one: Recommendation, other: Recommendation, populations: PopulationRelation
) -> GuidelineRelation:
    """Return how one recommendation stands to another on the same option."""
    if populations == "disjoint":
        return "not-comparable"
    if {one.kind, other.kind} == {OFFERS, STOPS}:
        return "contradicts"
    strictness = _STRICTNESS[one.kind] - _STRICTNESS[other.kind]
    if strictness:
        return "stricter" if strictness > 0 else "laxer"
    found = _OF_POPULATIONS[populations]
    return found if one.kind == OFFERS else opposite(found)
