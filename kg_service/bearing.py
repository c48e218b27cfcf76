"""How a prescription stands to each recommendation, and what all of them make of it together.

Each recommendation is decided alone first; then the indication that speaks first hides what it
outranks, rules wait for others, and the gravest departure counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from rdflib import URIRef

from kg_service.concordance import OBLIGES, OFFERS, RESERVES, PrescriptionTrees
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE
from kg_service.plan import Node
from kg_service.values import Status

Bearing = Literal["departs", "waits", "open", "undocumented", "follows"]
"""How a recommendation bears on a prescription, the gravest first. *waits*: it does not bind until
another is fulfilled. *undocumented*: something that must be done, of which the record says nothing."""
BEARINGS: tuple[Bearing, ...] = ("departs", "waits", "open", "undocumented", "follows")
Borne = tuple[Recommendation, Bearing]


@dataclass(frozen=True)
class Standing:
    """How a prescription stands to one recommendation, taken alone.

    Attributes
    ----------
    bound : Status
        Of a rule, whether it binds the prescription.
    holds : Status
        Of an indication, whether it is followed; of a rule, whether it is departed from.
    """

    recommendation: Recommendation
    bound: Status
    holds: Status


def standing(
    recommendation: Recommendation, trees: PrescriptionTrees, decided: Callable[[Node], Status]
) -> Standing | None:
    """Return how a prescription stands to a recommendation; None when it says nothing of prescriptions."""
    if recommendation.kind == OFFERS:
        following = trees.following(recommendation)
        return None if following is None else Standing(recommendation, "true", decided(following))
    binding, departing = trees.binding(recommendation), trees.departing(recommendation)
    if binding is None or departing is None:
        return None
    return Standing(recommendation, decided(binding), decided(departing))


def bearings(standings: Iterable[Standing]) -> Iterator[Borne]:
    """Yield how each recommendation bears on a prescription, if it does: indications first, then rules."""
    alone = list(standings)
    offering = [s for s in alone if s.recommendation.kind == OFFERS]
    surely: set[URIRef | None] = set()
    for one in sorted(offering, key=lambda s: precedence(s.recommendation)):
        option = one.recommendation.option
        if one.holds != "false" and option not in surely:
            yield one.recommendation, "follows" if one.holds == "true" else "open"
            if one.holds == "true":
                surely.add(option)
    rules = [s for s in alone if s.recommendation.kind != OFFERS]
    departed = {s.recommendation.iri for s in rules if s.holds == "true"}
    for rule in rules:
        bearing = _bearing(rule, departed)
        if bearing is not None:
            yield rule.recommendation, bearing


def _bearing(rule: Standing, departed: set[URIRef]) -> Bearing | None:
    if rule.holds == "true":
        return "waits" if departed & set(rule.recommendation.waits_for) else "departs"
    if rule.holds == "unknown" and rule.recommendation.kind != OBLIGES:
        return "open"
    if rule.bound != "true":
        return None
    return "undocumented" if rule.holds == "unknown" else "follows"


def effect_of(recommendation: Recommendation, bearing: Bearing) -> URIRef | None:
    """Return what a recommendation makes of a prescription that it bears on, or would if it is open."""
    if recommendation.kind == OFFERS:
        return recommendation.concordance
    return None if bearing == "follows" else recommendation.departure


def outcome(borne: Iterable[Borne], rank: Callable[[URIRef | None], int], *, hoping: bool) -> URIRef:
    """Return what recommendations make of a prescription, the open ones taken for the best or the worst.

    The gravest departure counts. Without an indication that is followed, the guideline does not
    address the prescription, unless it keeps the option for other cases.

    Parameters
    ----------
    borne : iterable of Borne
        How they bear on it.
    rank : callable
        Returns the rank of a concordance.
    hoping : bool
        Whether what is open is taken to turn out well.
    """
    taken = [
        (r, bearing)
        for r, bearing in borne
        if bearing in ("departs", "follows") or (bearing == "open" and (r.kind == OFFERS) is hoping)
    ]
    departures = [(r, b) for r, b in taken if b != "follows" and r.kind != OFFERS]
    followed = [e for r, b in taken if r.kind == OFFERS and (e := effect_of(r, b)) is not None]
    effects = [e for r, b in departures if (e := effect_of(r, b)) is not None]
    kept_for_others = any(r.kind == RESERVES for r, _ in departures)
    if CORE.Discordant in effects or (not followed and kept_for_others):
        return CORE.Discordant
    if not followed:
        return CORE.NotAddressed
    return max([min(followed, key=rank), *effects], key=rank)


def precedence(recommendation: Recommendation) -> tuple[int, int, str]:
    """Return the place of an indication among those of one option: the first speaks first."""
    return recommendation.level_rank, recommendation.strength_rank, recommendation.id
