"""What is decided of options and prescriptions, as steps over the trees of a guideline: for whole cohorts.

The rules are those of `option_decision` and `bearing`, which decide one case and tell why. Here they
become formulas, so that an engine decides many cases at once; tests hold the two against each other.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from rdflib import URIRef

from kg_service.bearing import precedence
from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OBLIGES, OFFERS, RESERVES
from kg_service.entailment import EntailmentProgram
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE
from kg_service.option_decision import Verdict
from kg_service.plan import Node


class VerdictSteps:
    """The steps that decide the options and the prescription of a case.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline under its readings.
    program : EntailmentProgram
        Takes the steps.
    """

    def __init__(self, compiled: CompiledGuideline, program: EntailmentProgram) -> None:
        self.compiled = compiled
        self.program = program

    def option(self, option: URIRef) -> dict[Verdict, int]:
        """Return the step of each verdict on an option; one and only one of them holds."""
        program, trees = self.program, self.compiled.option(option)
        stopped, offered = program.entailed(trees.stopped), program.entailed(trees.offered)
        indicated, not_indicated = program.entailed(trees.indicated), program.denied(trees.indicated)
        excluded = program.denied(trees.offered)
        open_to_all = self._none(stopped, not_indicated, excluded)
        reserving = [self._population(r) for r in self.compiled.recommendations_on(option, RESERVES)]
        unmet = program.some(*(program.denied(tree) for tree in reserving))
        unsettled = program.some(*(self._unknown(tree) for tree in reserving))
        yielding = program.every(open_to_all, indicated, self._all_yield(option))
        here = program.every(open_to_all, offered)
        cleared = program.every(here, self._none(unmet, unsettled, yielding))
        waiting = program.some(
            program.every(here, unsettled, self._none(unmet)),
            program.every(open_to_all, indicated, self._none(offered)),
        )
        reserved = program.every(here, unmet)
        return {
            "applicable": cleared,
            "conditional": program.every(waiting, self._none(yielding)),
            "yielding": program.every(yielding, self._none(reserved)),
            "open": program.every(open_to_all, self._none(indicated, offered)),
            "reserved": reserved,
            "not-indicated": program.every(not_indicated, self._none(stopped)),
            "excluded": program.every(excluded, self._none(stopped, not_indicated)),
            "contraindicated": stopped,
        }

    def _all_yield(self, option: URIRef) -> int:
        """Return the step that says every indication that speaks of an option yields to another situation."""
        program = self.program
        offering = [r for r in self.compiled.recommendations_on(option, OFFERS) if not r.excluded]
        yields = {r.iri: self._yields(r) for r in offering}

        def all_of(speaking: dict[URIRef, int]) -> int:
            return program.every(*(program.some(program.opposite(s), yields[i]) for i, s in speaking.items()))

        alone = {r.iri: program.entailed(self._population(r)) for r in offering}
        perhaps = {r.iri: self._unknown(self._population(r)) for r in offering}
        some_alone = program.some(*alone.values())
        return program.some(
            program.every(some_alone, all_of(alone)),
            program.every(program.opposite(some_alone), all_of(perhaps)),
        )

    def _yields(self, recommendation: Recommendation) -> int:
        before = self.compiled.guideline.yields_to(recommendation.population)
        return self.program.some(*(self.program.entailed(self.compiled.criterion(p)) for p in before))

    def prescription(self, *, hoping: bool) -> dict[URIRef, int]:
        """Return the step of each concordance of a prescription at best (`hoping`) or at worst.

        It is for cases of which something is known that decides which option is carried out.
        """
        program, guideline = self.program, self.compiled.guideline
        followed: dict[URIRef, list[int]] = defaultdict(list)
        for recommendation, surely, perhaps in self._indications:
            if recommendation.concordance is not None:
                followed[recommendation.concordance].append(
                    program.some(surely, perhaps) if hoping else surely
                )
        departed: dict[URIRef | None, list[int]] = defaultdict(list)
        kept_for_others = []
        for recommendation, surely, perhaps in self._rules:
            step = surely if hoping else program.some(surely, perhaps)
            departed[recommendation.departure].append(step)
            if recommendation.kind == RESERVES:
                kept_for_others.append(step)
        addressed = program.some(*(s for steps in followed.values() for s in steps))
        discordant = program.some(
            *departed[CORE.Discordant],
            program.every(program.opposite(addressed), program.some(*kept_for_others)),
        )
        found = {
            CORE.Discordant: discordant,
            CORE.NotAddressed: self._none(discordant, addressed),
        }
        graded = program.every(addressed, program.opposite(discordant))
        effects = {e for e in (*followed, *departed) if e is not None and e != CORE.Discordant}
        worse: int = program.some()
        for effect in sorted(effects, key=guideline.rank, reverse=True):
            rank = guideline.rank(effect)
            better = [s for e, steps in followed.items() if guideline.rank(e) < rank for s in steps]
            as_bad = [s for e, steps in departed.items() if e and guideline.rank(e) >= rank for s in steps]
            at_least = program.some(self._none(*better), program.some(*as_bad))
            found[effect] = program.every(graded, at_least, program.opposite(worse))
            worse = at_least
        return found

    @cached_property
    def _indications(self) -> list[tuple[Recommendation, int, int]]:
        """Indications with the steps that say a prescription follows them, and that it may."""
        program = self.program
        trees = self._speaking(self.compiled.prescriptions.follows)
        surely: dict[URIRef | None, list[int]] = defaultdict(list)
        found = []
        for recommendation in sorted(trees, key=precedence):
            entailed = program.entailed(trees[recommendation])
            first = program.opposite(program.some(*surely[recommendation.option]))
            found.append(
                (
                    recommendation,
                    program.every(first, entailed),
                    program.every(first, self._unknown(trees[recommendation])),
                )
            )
            surely[recommendation.option].append(entailed)
        return found

    @cached_property
    def _rules(self) -> list[tuple[Recommendation, int, int]]:
        """Rules with the steps that say a prescription departs from them, and that it may."""
        program = self.program
        trees = self._speaking(self.compiled.prescriptions.departs)
        departing = {r.iri: program.entailed(tree) for r, tree in trees.items()}
        found = []
        for recommendation, tree in trees.items():
            waits = program.some(*(departing[i] for i in recommendation.waits_for if i in departing))
            surely = program.every(departing[recommendation.iri], program.opposite(waits))
            perhaps = program.some() if recommendation.kind == OBLIGES else self._unknown(tree)
            found.append((recommendation, surely, perhaps))
        return found

    def _speaking(self, trees: dict[URIRef, Node]) -> dict[Recommendation, Node]:
        return {r: trees[r.iri] for r in self.compiled.guideline.recommendations if r.iri in trees}

    def _population(self, recommendation: Recommendation) -> Node:
        return self.compiled.criterion(recommendation.population)

    def _unknown(self, tree: Node) -> int:
        return self._none(self.program.entailed(tree), self.program.denied(tree))

    def _none(self, *steps: int) -> int:
        return self.program.opposite(self.program.some(*steps))
