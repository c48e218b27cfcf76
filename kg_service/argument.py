"""Why one tree has its value in one case: its proofs, what would flip it, what would settle it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rdflib import URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.explain import (
    Answer,
    Change,
    State,
    justifications,
    missing,
    nearest_change,
    settling_alone,
    settling_sets,
    states,
)
from kg_service.plan import Node
from kg_service.record import Case, Fact
from kg_service.values import Status, status_of

About = Literal["population", "fulfilment", "indicated", "stopped", "reserved", "follows", "departs"]
"""What a tree says of a case: that it is of a population, that a rule is fulfilled, that an option is
indicated, stopped or kept for such cases, that the prescription follows or departs from something."""


@dataclass(frozen=True)
class Flip:
    """One fact of the smallest change, beside what is known now.

    Attributes
    ----------
    fact : Fact or None
        What is known of the feature; None when nothing is.
    """

    change: Change
    fact: Fact | None


@dataclass(frozen=True)
class MissingFact:
    """A missing feature, and how useful it would be to know it.

    Attributes
    ----------
    always : bool
        Whether it settles the conclusion alone, whatever it turns out to be.
    sometimes : bool
        Whether some value of it settles the conclusion alone.
    in_sets : int
        How many of the smallest settling sets it belongs to.
    elsewhere : int
        How many open criteria of the case it may settle alone.
    lists : frozenset of URIRef
        The lists of the record that it derives from.
    """

    feature: URIRef
    always: bool
    sometimes: bool
    in_sets: int
    elsewhere: int
    lists: frozenset[URIRef]

    @property
    def settles(self) -> Literal["always", "sometimes", "with-others"]:
        """Whether it settles the conclusion alone."""
        return "always" if self.always else "sometimes" if self.sometimes else "with-others"

    @property
    def order(self) -> tuple[bool, bool, int, int, str]:
        """Its place among the missing features, the most useful first."""
        return not self.always, not self.sometimes, -self.in_sets, -self.elsewhere, str(self.feature)


@dataclass(frozen=True)
class Argument:
    """Why a tree is true, false or open in a case.

    Attributes
    ----------
    about : About
        What the tree says.
    subject : URIRef
        The recommendation or the option that it is about.
    proofs : tuple of tuple of Fact
        Sets of facts that entail the status, none with a superfluous fact; none when it is unknown.
    all_proofs : bool
        Whether there are no others.
    state : State
        The tree with the value of each node; the first proof is marked in it.
    flips : tuple of Flip
        The smallest change that would make it the opposite; none when it is unknown, when it cannot be
        flipped, or when too many facts would have to change.
    settled_by : tuple of tuple of URIRef
        The smallest sets of missing features that settle it, when it is unknown.
    answers : tuple of Answer
        What each single answer would make of it.
    missing : tuple of MissingFact
        The missing features, the most useful first.
    """

    about: About
    subject: URIRef
    status: Status
    proofs: tuple[tuple[Fact, ...], ...]
    all_proofs: bool
    state: State
    flips: tuple[Flip, ...]
    settled_by: tuple[tuple[URIRef, ...], ...]
    answers: tuple[Answer, ...]
    missing: tuple[MissingFact, ...]


def argue(
    about: About,
    subject: URIRef,
    tree: Node,
    case: Case,
    compiled: CompiledGuideline,
    elsewhere: Mapping[URIRef, int],
) -> Argument:
    """Return why a tree has its value in a case.

    Parameters
    ----------
    about : About
        What the tree says.
    subject : URIRef
        What it is about.
    tree : Node
        A tree of the plan.
    case : Case
        The case, with derived facts.
    compiled : CompiledGuideline
        The guideline under its readings.
    elsewhere : mapping of URIRef to int
        By missing feature, how many open criteria of the case it may settle alone.
    """
    plan = compiled.plan
    possible = plan.possible(case.known)
    value = plan.decide(tree, possible)
    proofs, complete = justifications(plan, tree, possible)
    told = [tuple(case.facts[URIRef(f)] for f in proof) for proof in proofs]
    lacking = sorted(missing(plan, tree, possible)) if value is None else []
    sets = settling_sets(plan, tree, possible) if value is None else []
    answers = {f: settling_alone(plan, tree, possible, f) for f in lacking}
    uses = Counter(f for chosen in sets for f in chosen)
    useful = (
        MissingFact(
            URIRef(f),
            all(a.becomes is not None for a in answers[f]),
            any(a.becomes is not None for a in answers[f]),
            uses[f],
            elsewhere.get(URIRef(f), 0),
            frozenset(compiled.schema.lists_behind(URIRef(f))),
        )
        for f in lacking
    )
    ranked = sorted(useful, key=lambda item: item.order)
    return Argument(
        about,
        subject,
        status_of(value),
        tuple(told),
        complete,
        states(plan, tree, possible, proofs[0] if proofs else ()),
        () if value is None else _flips(tree, case, compiled, target=not value),
        tuple(tuple(URIRef(f) for f in chosen) for chosen in sets),
        tuple(a for item in ranked for a in answers[str(item.feature)]),
        tuple(ranked),
    )


def _flips(tree: Node, case: Case, compiled: CompiledGuideline, *, target: bool) -> tuple[Flip, ...]:
    """Return the smallest change that makes a tree something; recorded facts go before derived ones."""
    plan = compiled.plan

    def is_derived(feature: str) -> bool:
        fact = case.facts.get(URIRef(feature))
        return bool(fact and fact.basis)

    change = nearest_change(
        plan,
        tree,
        plan.possible(case.known),
        target=target,
        impossible=[plan.trees[str(iri)] for iri in compiled.schema.impossible],
        last=is_derived,
    )
    return tuple(Flip(c, case.facts.get(URIRef(c.feature))) for c in change)
