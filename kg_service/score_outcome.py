"""What a case says of scores: their value, and the bands it may be in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.explain import missing
from kg_service.record import Case, Fact
from kg_service.schema import Derivation
from kg_service.scores import Score
from kg_service.values import Status, status_of


@dataclass(frozen=True)
class ScoreOutcome:
    """What a case says of a score.

    Attributes
    ----------
    value : Fact or None
        What is known of its value.
    bands : dict of URIRef to Status
        Whether the case is in each band.
    missing : tuple of URIRef
        The features that leave a band open; of a value that is computed, those it is computed from.
    told : bool
        Whether the case says anything of its own features.
    """

    score: Score
    value: Fact | None
    bands: dict[URIRef, Status]
    missing: tuple[URIRef, ...]
    told: bool


def decide_scores(case: Case, compiled: CompiledGuideline) -> tuple[ScoreOutcome, ...]:
    """Return what a case says of every score, by id."""
    plan = compiled.bands
    possible = plan.possible(case.known)
    found = []
    for score in compiled.scores:
        trees = {band: plan.trees[str(band)] for band in score.bands}
        decided = {band: plan.decide(tree, possible) for band, tree in trees.items()}
        lacking: dict[URIRef, None] = {}
        for band, value in decided.items():
            if value is None:
                for feature in sorted(missing(plan, trees[band], possible)):
                    lacking |= dict.fromkeys(_asked(URIRef(feature), case, compiled))
        found.append(
            ScoreOutcome(
                score,
                case.facts.get(score.value) if score.value is not None else None,
                {band: status_of(value) for band, value in decided.items()},
                tuple(lacking),
                bool(score.own & case.facts.keys()),
            )
        )
    return tuple(found)


def _asked(feature: URIRef, case: Case, compiled: CompiledGuideline) -> Iterator[URIRef]:
    """Yield what to ask for a feature: itself, or the items that leave its sum of points open."""
    how = compiled.schema.features[feature].derivation
    if how is None or not how.items:
        yield feature
    else:
        yield from _open_items(how, case)


def _open_items(how: Derivation, case: Case) -> Iterator[URIRef]:
    known = {feature: fact.known for feature, fact in case.facts.items()}
    for item in how.items:
        points = item.points(known)
        if points is None or len(points) != 1:
            yield from (feature for feature in item.worth if _is_open(feature, item.domains[feature], case))


def _is_open(feature: URIRef, domain: frozenset[str], case: Case) -> bool:
    known = case.facts[feature].known if feature in case.facts else domain
    return isinstance(known, frozenset) and len(known) > 1
