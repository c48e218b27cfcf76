"""Decides one option in one case: the verdict, and the recommendation that speaks first.

Which recommendation speaks first is decided by ranks that come from the graph: the level of the
source, then the narrower population, then the strength.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OFFERS, RESERVES
from kg_service.guideline import Recommendation
from kg_service.plan import Node
from kg_service.values import Status

Verdict = Literal[
    "applicable",
    "conditional",
    "yielding",
    "open",
    "reserved",
    "not-indicated",
    "excluded",
    "contraindicated",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""Best first. *conditional*: indicated, but a contraindication or a reservation is not settled.
*yielding*: indicated only for a population that yields to another the case is of too.
*reserved*: indicated, but the case is outside the group the guideline keeps it for. *excluded*:
whatever the unknowns turn out to be, it is either not indicated or contraindicated."""

Reason = Literal["reservation", "yields", "level", "narrower", "strength", "order"]
"""Why one recommendation on an option speaks before another. *reservation*: it keeps the option for
other cases. *yields*: the situation of the other yields to one that the case is of too. *level*: the
source says it at a level that comes first. *narrower*: its population is narrower. *order*: nothing of
these tells them apart, and their ids order them."""


@dataclass(frozen=True)
class OptionDecision:
    """What is decided of an option in a case.

    Attributes
    ----------
    leading : Recommendation or None
        The recommendation that speaks first: an indication, or a reservation that is not met. None
        when the option is indicated by one or another recommendation, whatever the unknowns are.
    speaking : tuple of Recommendation
        The indications that offer the option in this case; those that may, when it is not known which.
    yields_to : tuple of URIRef
        Populations of this case that come before the one the option is indicated for.
    """

    verdict: Verdict
    indicated: Status
    stopped: Status
    leading: Recommendation | None
    speaking: tuple[Recommendation, ...]
    yields_to: tuple[URIRef, ...]


def decide_option(
    option: URIRef, compiled: CompiledGuideline, decided: Callable[[Node], Status]
) -> OptionDecision:
    """Return what a guideline decides of an option.

    Parameters
    ----------
    option : URIRef
        The option; one that no indication offers is not indicated, unless it is stopped.
    compiled : CompiledGuideline
        The guideline under its readings.
    decided : callable
        Returns the status of a tree in the case.
    """

    def status(recommendation: Recommendation) -> Status:
        return decided(compiled.criterion(recommendation.population))

    trees = compiled.option(option)
    indicated, stopped = decided(trees.indicated), decided(trees.stopped)
    offering = [r for r in compiled.recommendations_on(option, OFFERS) if not r.excluded]
    alone = [r for r in offering if status(r) == indicated]
    speaking = alone or [r for r in offering if status(r) == "unknown"]
    unmet = {r: s for r in compiled.recommendations_on(option, RESERVES) if (s := status(r)) != "true"}
    yielding = _yielding(speaking, compiled, decided) if indicated == "true" else {}
    foremost = [r for r in alone if r.iri not in yielding] or alone
    leading = None if indicated == "false" else next(iter(unmet), None) or _first(foremost, compiled)
    verdict = _verdict(indicated, stopped, decided(trees.offered), set(unmet.values()))
    yields_to: tuple[URIRef, ...] = ()
    if verdict in ("applicable", "conditional") and len(yielding) == len(speaking):
        verdict, yields_to = "yielding", tuple(sorted({p for found in yielding.values() for p in found}))
    return OptionDecision(verdict, indicated, stopped, leading, tuple(speaking), yields_to)


def _yielding(
    speaking: list[Recommendation], compiled: CompiledGuideline, decided: Callable[[Node], Status]
) -> dict[URIRef, list[URIRef]]:
    """Return the recommendations that yield in this case, with the populations they yield to."""
    found = {}
    for recommendation in speaking:
        before = compiled.guideline.yields_to(recommendation.population)
        holding = [p for p in before if decided(compiled.criterion(p)) == "true"]
        if holding:
            found[recommendation.iri] = holding
    return found


def _first(speaking: list[Recommendation], compiled: CompiledGuideline) -> Recommendation | None:
    """Return the one that speaks first: by level, then the narrower population, then strength."""
    return min(
        speaking,
        key=lambda r: (r.level_rank, -_wider_than(r, speaking, compiled), r.strength_rank, r.id),
        default=None,
    )


def reason_of_precedence(
    winner: Recommendation,
    loser: Recommendation,
    speaking: list[Recommendation],
    compiled: CompiledGuideline,
    decided: Callable[[Node], Status],
) -> Reason:
    """Return why a recommendation speaks before another one on the same option.

    Parameters
    ----------
    winner, loser : Recommendation
        The one that speaks first, and one of those it comes before.
    speaking : list of Recommendation
        The indications that hold.
    compiled : CompiledGuideline
        The guideline under its readings.
    decided : callable
        Returns the status of a tree in the case.
    """
    if winner.kind == RESERVES:
        return "reservation"
    yielding = _yielding(speaking, compiled, decided)
    if loser.iri in yielding and winner.iri not in yielding:
        return "yields"
    foremost = [r for r in speaking if r.iri not in yielding] or speaking
    if winner.level_rank != loser.level_rank:
        return "level"
    if _wider_than(winner, foremost, compiled) != _wider_than(loser, foremost, compiled):
        return "narrower"
    return "strength" if winner.strength_rank != loser.strength_rank else "order"


def populations_before(
    recommendation: Recommendation, compiled: CompiledGuideline, decided: Callable[[Node], Status]
) -> list[URIRef]:
    """Return the populations of a case that a recommendation yields to."""
    return _yielding([recommendation], compiled, decided).get(recommendation.iri, [])


def _wider_than(one: Recommendation, others: list[Recommendation], compiled: CompiledGuideline) -> int:
    """Return how many other populations are strictly wider."""
    return sum(
        compiled.entails(one.population, other.population)
        and not compiled.entails(other.population, one.population)
        for other in others
        if other.population != one.population
    )


def _verdict(indicated: Status, stopped: Status, offered: Status, unmet: set[Status]) -> Verdict:
    if stopped == "true":
        return "contraindicated"
    if indicated == "false":
        return "not-indicated"
    if offered == "false":
        return "excluded"
    if offered == "true":
        if "false" in unmet:
            return "reserved"
        return "conditional" if unmet else "applicable"
    return "conditional" if indicated == "true" else "open"
