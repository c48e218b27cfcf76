"""Tells what is the same under every reading of the source, and what hangs on one.

An answer on a case is *robust* when every combination of the readings that can touch it gives the
same; otherwise it is *fragile*, and hangs on the ambiguities that make a difference, alone or
together. Nothing is taken one at a time: every combination is decided.

What can touch an answer is found from the graph: the restated criteria that its trees reach under
any reading, and the restated recommendations that bear on it. On a given case, readings that
cannot be told apart count as one, which leaves few combinations. Beyond a limit an answer is not
examined, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, product
from math import prod

from rdflib import URIRef
from rdflib.term import Node as Term

from kg_service.bearing import Standing, bearings, outcome, standing
from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OFFERS, RESERVES, STOPS
from kg_service.errors import GuidelineError
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE, OWL, RDF, RDFS, local_name
from kg_service.option_decision import Verdict, decide_option
from kg_service.plan import And, Node, Not, Or
from kg_service.prescription import is_prescribed
from kg_service.readings import Reading
from kg_service.record import Case
from kg_service.values import Status, status_of

MOST_COMBINATIONS = 1024
"""Most combinations of readings that are decided for one answer."""
VARIANTS_KEPT = 512
"""Most guidelines compiled under other readings that are kept for the next case."""
MOOT: tuple[Verdict, ...] = ("not-indicated", "excluded", "contraindicated")
"""Verdicts beside which the strength of an indication says nothing."""

Key = tuple[Term, URIRef]
"""A property of a subject, which readings restate."""
Letters = Mapping[str, str]


@dataclass(frozen=True)
class ConclusionAnswer:
    """What is concluded from one recommendation."""

    status: Status
    fulfilled: Status | None


@dataclass(frozen=True)
class OptionAnswer:
    """What is said of one option: the verdict, and the strength that leads, where it counts."""

    verdict: Verdict
    strength: URIRef | None


@dataclass(frozen=True)
class PrescriptionAnswer:
    """What is made of the prescription."""

    concordance: URIRef
    best: URIRef
    worst: URIRef


Answer = ConclusionAnswer | OptionAnswer | PrescriptionAnswer


@dataclass(frozen=True)
class OtherReading:
    """What an answer would be under another reading of one ambiguity.

    Attributes
    ----------
    alone : Answer
        With the other ambiguities read as they are now.
    possible : tuple of Answer
        With the other ambiguities read in any way; holds `alone`.
    """

    reading: Reading
    alone: Answer
    possible: tuple[Answer, ...]


@dataclass(frozen=True)
class OtherAnswer:
    """Another answer that some readings give, and the fewest to select for it."""

    answer: Answer
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Robustness:
    """Whether one answer is the same under every reading.

    Attributes
    ----------
    subject : URIRef
        The recommendation, the option or the guideline (for the prescription) that is answered on.
    answer : Answer
        The answer under the readings in force.
    combinations : int
        How many combinations of readings can touch it, those that cannot be told apart counted once.
    examined : bool
        Whether they were decided; when not, nothing is said of the answer.
    hangs_on : tuple of str
        Ambiguities that make a difference; none when it is robust.
    """

    subject: URIRef
    answer: Answer
    combinations: int
    examined: bool
    hangs_on: tuple[str, ...] = ()
    others: tuple[OtherAnswer, ...] = ()
    elsewhere: tuple[OtherReading, ...] = ()

    @property
    def is_robust(self) -> bool | None:
        """Whether it is the same under every reading; None when that was not examined."""
        return not self.hangs_on if self.examined else None


@dataclass(frozen=True)
class CaseRobustness:
    """What is robust and what is fragile in one case.

    Attributes
    ----------
    conclusions, options : dict
        By recommendation and by option; the options are those that some reading offers.
    prescription : Robustness or None
        None when the record says nothing of a prescription.
    limit : int
        Most combinations that were decided for one answer.
    """

    conclusions: dict[URIRef, Robustness]
    options: dict[URIRef, Robustness]
    prescription: Robustness | None
    limit: int

    def all(self) -> Iterator[Robustness]:
        """Yield what was found of every answer."""
        yield from (*self.conclusions.values(), *self.options.values())
        if self.prescription is not None:
            yield self.prescription


class ReadingSpace:
    """All readings of a guideline, and what each can touch. One serves every case.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline, under any readings.

    Raises
    ------
    GuidelineError
        When two ambiguities restate one thing: no answer would be theirs.
    """

    def __init__(self, compiled: CompiledGuideline) -> None:
        self.adopted = compiled.under({})
        self.readings = self.adopted.guideline.readings
        self.under = lru_cache(maxsize=VARIANTS_KEPT)(self._under)
        self.reached = lru_cache(maxsize=None)(self._reached)
        self.narrower_varies = lru_cache(maxsize=None)(self._narrower_varies)
        self.differing = lru_cache(maxsize=None)(_differing)

    def _under(self, letters: frozenset[tuple[str, str]]) -> CompiledGuideline:
        return self.adopted.under(dict(letters))

    @cached_property
    def varied(self) -> dict[Key, str]:
        """The ambiguity that decides each property that is not the same under every reading."""
        found: dict[Key, str] = {}
        for ambiguity, readings in self.readings.computed.items():
            for key in {key for reading in readings for key in self.readings.changes_of(reading)}:
                if key[1] != RDFS.label and len({self.value(key, r) for r in readings}) > 1:
                    if key in found:
                        raise GuidelineError(
                            f"{found[key]} and {ambiguity} both restate {local_name(key[1])} of {key[0]}"
                        )
                    found[key] = ambiguity
        return found

    def value(self, key: Key, reading: Reading) -> frozenset[Term]:
        """Return what a property is under a reading of the ambiguity that decides it."""
        changed = self.readings.changes_of(reading).get(key)
        return frozenset(self.adopted.guideline.source.objects(*key)) if changed is None else changed

    def values(self, subject: Term, prop: URIRef) -> frozenset[URIRef]:
        """Return what a property can be, over all readings."""
        key = subject, prop
        if key not in self.varied:
            return frozenset(URIRef(str(o)) for o in self.adopted.guideline.source.objects(*key))
        readings = self.readings.computed[self.varied[key]]
        return frozenset(URIRef(str(v)) for reading in readings for v in self.value(key, reading))

    def touching(self, recommendation: Recommendation) -> frozenset[str]:
        """Return the ambiguities whose readings can touch what is concluded from a recommendation."""
        keys = [(recommendation.iri, prop) for prop in (CORE.population, CORE.fulfilledBy)]
        classes = [cls for key in keys for cls in self.values(*key)]
        restated = {key for key in keys if key in self.varied}.union(*(self.reached(c) for c in classes))
        return frozenset(self.varied[key] for key in restated)

    def _reached(self, cls: URIRef) -> frozenset[Key]:
        """Return the definitions that readings restate and that a class reaches under any of them."""
        found, left = {cls}, [cls]
        while left:
            current = left.pop()
            named = self.adopted.named_by(current) if current != self.adopted.case_entity.iri else frozenset()
            new = (named | self.values(current, OWL.equivalentClass) & self._defined) - found
            found |= new
            left += new
        return frozenset((c, OWL.equivalentClass) for c in found if (c, OWL.equivalentClass) in self.varied)

    @cached_property
    def _defined(self) -> frozenset[URIRef]:
        return frozenset(self.readings.classes)

    @cached_property
    def general(self) -> frozenset[Key]:
        """What is restated of neither a recommendation nor a definition: it may touch everything."""
        own = {r.iri for r in self.adopted.guideline.recommendations}
        return frozenset(k for k in self.varied if k[1] != OWL.equivalentClass and k[0] not in own)

    @cached_property
    def options(self) -> list[URIRef]:
        """Every option that an indication offers under some reading."""
        offering = [
            r
            for r in self.adopted.guideline.recommendations
            if self.may_be(r, OFFERS)
            and not (r.excluded and (r.iri, CORE.excludedFromChecking) not in self.varied)
        ]
        return sorted({option for r in offering for option in self.values(r.iri, CORE.option)})

    def may_be(self, recommendation: Recommendation, *kinds: str) -> bool:
        """Return whether a recommendation is of one of some kinds under some reading."""
        return any(local_name(kind) in kinds for kind in self.values(recommendation.iri, RDF.type))

    def bearing_on(self, option: URIRef) -> list[Recommendation]:
        """Return the recommendations that can decide on an option."""
        deciding = [
            r for r in self.adopted.guideline.recommendations if self.may_be(r, OFFERS, STOPS, RESERVES)
        ]
        if any(prop == CORE.broaderOption for _, prop in self.varied):
            return deciding
        targets = self.adopted.guideline.broader(option)
        return [r for r in deciding if self.values(r.iri, CORE.option) & targets]

    def _narrower_varies(self, one: URIRef, other: URIRef) -> frozenset[Key]:
        """Return the definitions on which it hangs which of two populations is narrower; none as a rule.

        This decides which recommendation speaks first, whatever the case.
        """
        keys = self.reached(one) | self.reached(other)
        ambiguities = sorted({self.varied[key] for key in keys})
        choices = [[r.letter for r in self.readings.computed[a]] for a in ambiguities]
        if prod(map(len, choices)) > MOST_COMBINATIONS:
            return keys
        found = set()
        for letters in product(*choices):
            compiled = self.under(frozenset(zip(ambiguities, letters, strict=True)))
            found.add((compiled.entails(one, other), compiled.entails(other, one)))
        return keys if len(found) > 1 else frozenset()


@dataclass(frozen=True)
class _Touch:
    """What can touch an answer: properties as they are restated, definitions as far as they differ here."""

    properties: frozenset[Key]
    definitions: frozenset[Key]


class RobustnessExaminer:
    """Examines the answers on one case.

    Parameters
    ----------
    space : ReadingSpace
        All readings of the guideline.
    compiled : CompiledGuideline
        The guideline under the readings in force.
    case : Case
        The case, with derived facts.
    limit : int
        Most combinations of readings to decide for one answer.
    """

    def __init__(
        self, space: ReadingSpace, compiled: CompiledGuideline, case: Case, limit: int = MOST_COMBINATIONS
    ) -> None:
        self.space = space
        self.case = case
        self.limit = limit
        self.in_force = {a: compiled.guideline.in_force[a] for a in space.readings.computed}
        self.possible = space.adopted.plan.possible(case.known)
        self._decisions: dict[int, tuple[Node, Status]] = {}
        self._alike: dict[Key, dict[str, int]] = {}

    def examine(self) -> CaseRobustness:
        """Return what is robust and what is fragile."""
        recommendations = self.space.adopted.guideline.recommendations
        options = {o: self.option(o) for o in self.space.options}
        prescription = self.prescription() if is_prescribed(self.case, self.space.adopted) else None
        return CaseRobustness(
            {r.iri: self.conclusion(r) for r in recommendations}, options, prescription, self.limit
        )

    def conclusion(self, recommendation: Recommendation) -> Robustness:
        """Examine what is concluded from one recommendation."""
        iri = recommendation.iri
        keys = [(iri, prop) for prop in (CORE.population, CORE.fulfilledBy)]
        classes = [cls for key in keys for cls in self.space.values(*key)]
        touch = _Touch(frozenset(k for k in keys if k in self.space.varied), self._reached(classes))

        def answer(letters: Letters) -> Answer:
            compiled = self._compiled(letters)
            found = compiled.guideline.by_iri[iri]
            done = found.fulfilled_by
            return ConclusionAnswer(
                self._decided(compiled, compiled.criterion(found.population)),
                self._decided(compiled, compiled.criterion(done)) if done else None,
            )

        return self._examined(iri, touch, answer)

    def option(self, option: URIRef) -> Robustness:
        """Examine the verdict on one option."""
        live = [r for r in self.space.bearing_on(option) if not self._is_moot(r)]
        before = [cls for r in live for p in self._populations(r) for cls in self._yields_to(p)]
        classes = [*before, *(p for r in live for p in self._populations(r))]
        touch = _Touch(
            self._restated(live) | self._order_of([r for r in live if self.space.may_be(r, OFFERS)]),
            self._reached(classes),
        )

        def answer(letters: Letters) -> Answer:
            compiled = self._compiled(letters)
            decision = decide_option(option, compiled, lambda tree: self._decided(compiled, tree))
            leading = None if decision.verdict in MOOT else decision.leading
            return OptionAnswer(decision.verdict, leading.strength if leading else None)

        return self._examined(option, touch, answer)

    def prescription(self) -> Robustness:
        """Examine the prescription: each recommendation under its own readings, then all of them together."""
        guideline = self.space.adopted.guideline
        live = [r for r in guideline.recommendations if not (self._is_moot(r) or self._is_not_chosen(r))]
        touches = {r.iri: self._touch_of_bearing(r) for r in live}
        own = {iri: self._choices(touch) for iri, touch in touches.items()}
        together = _Touch(
            frozenset().union(*(t.properties for t in touches.values())),
            frozenset().union(*(t.definitions for t in touches.values())),
        )
        alone: dict[tuple[URIRef, frozenset[tuple[str, int]]], Standing | None] = {}

        def stands(iri: URIRef, letters: Letters) -> Standing | None:
            groups = own[iri]
            chosen = ((a, next(i for i, g in enumerate(groups[a]) if letters[a] in g)) for a in groups)
            key = iri, frozenset(chosen)
            if key not in alone:
                compiled = self._compiled(letters)
                alone[key] = standing(
                    compiled.guideline.by_iri[iri],
                    compiled.prescriptions,
                    lambda tree: self._decided(compiled, tree),
                )
            return alone[key]

        def answer(letters: Letters) -> Answer:
            in_force = {**self.in_force, **letters}
            borne = list(bearings(s for iri in own if (s := stands(iri, in_force)) is not None))
            rank = guideline.rank if not self.space.general else self._compiled(letters).guideline.rank
            best, worst = (outcome(borne, rank, hoping=hoping) for hoping in (True, False))
            return PrescriptionAnswer(best if best == worst else CORE.NotAssessable, best, worst)

        return self._examined(guideline.iri, together, answer)

    def _touch_of_bearing(self, recommendation: Recommendation) -> _Touch:
        """Return what can touch how the prescription stands to one recommendation."""
        space, guideline = self.space, self.space.adopted.guideline
        options = space.values(recommendation.iri, CORE.option)
        completing = [r for r in guideline.recommendations if space.values(r.iri, CORE.completes) & options]
        speaking = [recommendation, *completing]
        deciding = [(r.iri, prop) for r in speaking for prop in (CORE.population, CORE.fulfilledBy)]
        classes = [cls for key in deciding for cls in space.values(*key)]
        classes += [cls for p in self._populations(recommendation) for cls in self._yields_to(p)]
        classes += [c for o, c in guideline.realisable.items() if options & guideline.broader(o)]
        return _Touch(self._restated(speaking), self._reached(classes))

    def _populations(self, recommendation: Recommendation) -> frozenset[URIRef]:
        return self.space.values(recommendation.iri, CORE.population)

    def _yields_to(self, population: URIRef) -> frozenset[URIRef]:
        return self.space.values(population, CORE.yieldsTo)

    def _restated(self, recommendations: Iterable[Recommendation]) -> frozenset[Key]:
        """Return what is restated of some recommendations, or of something that may touch all of them."""
        own = {r.iri for r in recommendations}
        return self.space.general | {
            k for k in self.space.varied if k[0] in own and k[1] != OWL.equivalentClass
        }

    def _reached(self, classes: Iterable[URIRef]) -> frozenset[Key]:
        """Return the definitions that some classes reach and that readings tell apart on this case."""
        reached = frozenset().union(*(self.space.reached(cls) for cls in classes))
        return frozenset(key for key in reached if len(set(self._alike_under(key).values())) > 1)

    def _is_moot(self, recommendation: Recommendation) -> bool:
        """Return whether the case is of its population under no reading, so that it says nothing."""
        population = self._populations(recommendation)
        if self.space.may_be(recommendation, RESERVES) or len(population) > 1 or self._reached(population):
            return False
        return self._is_false(population)

    def _is_not_chosen(self, recommendation: Recommendation) -> bool:
        """Return whether the prescription does not carry out what it speaks of, under any reading."""
        guideline = self.space.adopted.guideline
        options = self.space.values(recommendation.iri, CORE.option)
        if not options or recommendation.completes is not None or self.space.general:
            return False
        carrying = [c for o, c in guideline.realisable.items() if options & guideline.broader(o)]
        return bool(carrying) and not self._reached(carrying) and self._is_false(carrying)

    def _is_false(self, classes: Iterable[URIRef]) -> bool:
        adopted = self.space.adopted
        return all(self._decided(adopted, adopted.criterion(cls)) == "false" for cls in classes)

    def _order_of(self, offering: Sequence[Recommendation]) -> frozenset[Key]:
        """Return the definitions that decide which of some indications speaks first."""
        populations = sorted({p for r in offering for p in self._populations(r)})
        pairs = combinations(populations, 2)
        return frozenset().union(*(self.space.narrower_varies(one, other) for one, other in pairs))

    def _alike_under(self, key: Key) -> dict[str, int]:
        """Return a number for each reading of a definition, the same for those alike on this case."""
        if key not in self._alike:
            self._alike[key] = dict(self._numbered(key))
        return self._alike[key]

    def _numbered(self, key: Key) -> Iterator[tuple[str, int]]:
        """Yield each reading of a definition with the number of those it cannot be told from here."""
        seen: list[URIRef] = []
        for reading in self.space.readings.computed[self.space.varied[key]]:
            (cls,) = (URIRef(str(v)) for v in self.space.value(key, reading))
            like = next((i for i, other in enumerate(seen) if self._same(cls, other)), len(seen))
            if like == len(seen):
                seen.append(cls)
            yield reading.letter, like

    def _same(self, one: URIRef, other: URIRef) -> bool:
        """Return whether this case is of one class exactly if it is of the other, whatever is unknown."""
        if one == other:
            return True
        if self.space.reached(one) or self.space.reached(other):
            return False
        adopted = self.space.adopted
        trees = adopted.criterion(one), adopted.criterion(other)
        first, second = (self._decided(adopted, tree) for tree in trees)
        if first != second or first != "unknown":
            return first == second
        return self._decided(adopted, self.space.differing(*trees)) == "false"

    def _decided(self, compiled: CompiledGuideline, tree: Node) -> Status:
        # The tree is kept beside its status, so that no other can take its identity.
        if id(tree) not in self._decisions:
            self._decisions[id(tree)] = tree, status_of(compiled.plan.decide(tree, self.possible))
        return self._decisions[id(tree)][1]

    def _examined(self, subject: URIRef, touch: _Touch, answer: Callable[[Letters], Answer]) -> Robustness:
        """Decide an answer under every combination of what can touch it."""
        choices = self._choices(touch)
        count = prod(len(groups) for groups in choices.values())
        current = answer({})
        if count > self.limit:
            return Robustness(subject, current, count, examined=False)
        table: dict[tuple[int, ...], Answer] = {}
        for chosen in product(*(range(len(groups)) for groups in choices.values())):
            letters = {a: groups[i][0] for (a, groups), i in zip(choices.items(), chosen, strict=True)}
            table[chosen] = answer(letters) if any(chosen) else current
        if len(set(table.values())) == 1:
            return Robustness(subject, current, count, examined=True)
        return _Found(self.space, choices, table).robustness(subject)

    def _compiled(self, letters: Letters) -> CompiledGuideline:
        return self.space.under(frozenset({**self.in_force, **letters}.items()))

    def _choices(self, touch: _Touch) -> dict[str, list[list[str]]]:
        """Return the readings of each ambiguity in groups that make no difference, the one in force first."""
        found = {}
        keys = sorted(touch.properties | touch.definitions)
        for ambiguity in sorted({self.space.varied[key] for key in keys}):
            own = [key for key in keys if self.space.varied[key] == ambiguity]
            groups: dict[tuple[object, ...], list[str]] = {}
            readings = self.space.readings.computed[ambiguity]
            for reading in sorted(readings, key=lambda r: r.letter != self.in_force[ambiguity]):
                groups.setdefault(tuple(self._sign(k, reading, touch) for k in own), []).append(
                    reading.letter
                )
            if len(groups) > 1:
                found[ambiguity] = list(groups.values())
        return found

    def _sign(self, key: Key, reading: Reading, touch: _Touch) -> object:
        """Return what tells a reading from others: the whole value, or how it falls out on this case."""
        return (
            self.space.value(key, reading)
            if key in touch.properties
            else self._alike_under(key)[reading.letter]
        )


class _Found:
    """The answers under every combination of readings, and what they say together."""

    def __init__(
        self,
        space: ReadingSpace,
        choices: Mapping[str, list[list[str]]],
        table: Mapping[tuple[int, ...], Answer],
    ) -> None:
        self.space = space
        self.choices = choices
        self.ambiguities = list(choices)
        self.table = table
        self.current = table[tuple(0 for _ in choices)]

    def robustness(self, subject: URIRef) -> Robustness:
        hangs_on = tuple(a for i, a in enumerate(self.ambiguities) if self._matters(i))
        elsewhere = tuple(other for a in hangs_on for other in self._other_readings(a))
        return Robustness(
            subject, self.current, len(self.table), True, hangs_on, tuple(self._others()), elsewhere
        )

    def _matters(self, position: int) -> bool:
        """Return whether two combinations that differ in one ambiguity alone give different answers."""
        return any(
            answer != self.table[(*chosen[:position], 0, *chosen[position + 1 :])]
            for chosen, answer in self.table.items()
        )

    def _others(self) -> Iterator[OtherAnswer]:
        """Yield every other answer with the fewest readings to select for it."""
        seen = {self.current}
        for chosen in sorted(self.table, key=lambda c: (sum(map(bool, c)), tuple(-i for i in c))):
            if self.table[chosen] not in seen:
                seen.add(self.table[chosen])
                letters = {
                    a: self.choices[a][i][0] for a, i in zip(self.ambiguities, chosen, strict=True) if i
                }
                yield OtherAnswer(self.table[chosen], tuple(self.space.readings.chosen(letters).values()))

    def _other_readings(self, ambiguity: str) -> Iterator[OtherReading]:
        """Yield what each reading of an ambiguity other than the one in force gives."""
        position = self.ambiguities.index(ambiguity)
        for index, group in enumerate(self.choices[ambiguity]):
            alone = tuple(index if i == position else 0 for i in range(len(self.ambiguities)))
            with_it = [answer for chosen, answer in self.table.items() if chosen[position] == index]
            possible = tuple(dict.fromkeys([self.table[alone], *with_it]))
            for letter in group if index else group[1:]:
                (reading,) = self.space.readings.chosen({ambiguity: letter}).values()
                yield OtherReading(reading, self.table[alone], possible)


def _differing(one: Node, other: Node) -> Node:
    """Return the tree of the cases that are of one tree and not of the other."""
    return Or((And((one, Not(other))), And((Not(one), other))))
