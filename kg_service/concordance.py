"""The trees that decide how a prescription stands to each recommendation.

They are built from the criteria of the guideline and the classes that realise its options, so
that the plan, HermiT and every other engine decide a prescription as they decide a population.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from rdflib import URIRef

from kg_service.guideline import Guideline, Recommendation
from kg_service.plan import And, Constant, Node, Not, Or, atoms

OFFERS = "Indication"
STOPS = "AbsoluteContraindication"
QUALIFIES = "RelativeContraindication"
RESERVES = "Reservation"
PREFERS = "Preference"
OBLIGES = "Obligation"
INFORMS = "Information"
CONSTRAINS = "Constraint"
RISKS = "RiskFactor"
FAVOURS = "FavourableFactor"
ACCEPTS = "AcceptanceLevel"
RULES = (STOPS, QUALIFIES, RESERVES, CONSTRAINS, OBLIGES)
"""The kinds that bind a prescription by their population, their option, or both."""


class PrescriptionTrees:
    """The trees of one guideline that speak of the prescription of a case.

    Parameters
    ----------
    guideline : Guideline
        The guideline, under its readings.
    criterion : callable
        Returns the tree of a named class, as a condition on a case.
    """

    def __init__(self, guideline: Guideline, criterion: Callable[[URIRef], Node]) -> None:
        self._guideline = guideline
        self._criterion = criterion
        self._made: dict[tuple[str, URIRef], Node | None] = {}

    @cached_property
    def realised(self) -> dict[URIRef, Node]:
        """By option, that the prescription carries it out."""
        return {option: self._criterion(cls) for option, cls in self._guideline.realisable.items()}

    @cached_property
    def deciding(self) -> frozenset[str]:
        """The features that decide which options a prescription carries out."""
        return frozenset(atom.feature for tree in self.realised.values() for atom in atoms(tree))

    @cached_property
    def follows(self) -> dict[URIRef, Node]:
        """By indication, that the prescription follows it; see `following`."""
        return self._trees(self.following)

    @cached_property
    def binds(self) -> dict[URIRef, Node]:
        """By recommendation other than an indication, that it binds the prescription; see `binding`."""
        return self._trees(self.binding)

    @cached_property
    def departs(self) -> dict[URIRef, Node]:
        """By recommendation that binds, that the prescription departs from it; see `departing`."""
        return self._trees(self.departing)

    def _trees(self, of: Callable[[Recommendation], Node | None]) -> dict[URIRef, Node]:
        found = {r.iri: of(r) for r in self._guideline.recommendations}
        return {iri: tree for iri, tree in found.items() if tree is not None}

    def following(self, recommendation: Recommendation) -> Node | None:
        """Return that the prescription follows an indication; None for anything else.

        It carries out the option in full, and no situation of the case comes before the one that
        the option is indicated for. A constraint that completes an option says it in full.
        """
        option = recommendation.option
        if recommendation.kind != OFFERS or recommendation.excluded or option not in self.realised:
            return None
        return self._kept_once("follows", recommendation, lambda: self._following(recommendation, option))

    def _following(self, recommendation: Recommendation, option: URIRef) -> Node:
        population = recommendation.population
        before = (Not(self._criterion(p)) for p in self._guideline.yields_to(population))
        return And((self.realised[option], self._complete(option), self._criterion(population), *before))

    def binding(self, recommendation: Recommendation) -> Node | None:
        """Return that a rule binds the prescription; None where it says nothing of prescriptions."""
        if recommendation.kind == PREFERS:
            return self._criterion(recommendation.population)
        if recommendation.excluded or recommendation.kind not in RULES:
            return None
        return self._kept_once("binds", recommendation, lambda: self._binding(recommendation))

    def departing(self, recommendation: Recommendation) -> Node | None:
        """Return that the prescription departs from a rule; None where none binds it."""
        binding = self.binding(recommendation)
        if binding is None:
            return None
        kept = self._kept(recommendation)
        if kept is None:
            return binding
        return self._kept_once("departs", recommendation, lambda: And((binding, Not(kept))))

    def _kept_once(
        self, word: str, recommendation: Recommendation, make: Callable[[], Node | None]
    ) -> Node | None:
        """Return one and the same tree whenever it is asked for."""
        key = word, recommendation.iri
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def named(self) -> dict[str, Node]:
        """Return every tree by a name of its own, for the plan."""
        groups = {"follows": self.follows, "departs": self.departs}
        return {f"{iri}#{word}": tree for word, trees in groups.items() for iri, tree in trees.items()}

    def _binding(self, recommendation: Recommendation) -> Node | None:
        """Return when a rule binds: in its population, where its option is carried out, if it has one."""
        parts: list[Node] = []
        if recommendation.kind != RESERVES:
            parts.append(self._criterion(recommendation.population))
        if recommendation.option is not None:
            carried = self._carried(recommendation.option)
            if carried is None:
                return None
            parts.append(carried)
        return And(tuple(parts))

    def _kept(self, recommendation: Recommendation) -> Node | None:
        """Return what keeps a rule that binds; nothing keeps a contraindication."""
        if recommendation.kind in (STOPS, QUALIFIES):
            return None
        if recommendation.kind == RESERVES:
            return self._criterion(recommendation.population)
        if recommendation.fulfilled_by is not None:
            return self._criterion(recommendation.fulfilled_by)
        return self._carried(recommendation.option) if recommendation.option is not None else None

    def _carried(self, option: URIRef) -> Node | None:
        """Return that an option, or one that carries it out, is prescribed; None if no class says so."""
        if option in self.realised:
            return self.realised[option]
        narrower = [tree for o, tree in self.realised.items() if option in self._guideline.broader(o)]
        return Or(tuple(narrower)) if narrower else None

    def _complete(self, option: URIRef) -> Node:
        if self._guideline.is_in_full(option):
            return Constant(True)
        return Or(
            tuple(
                And((self._criterion(r.population), self._criterion(r.fulfilled_by)))
                for r in self._guideline.recommendations
                if r.completes == option and r.fulfilled_by is not None and not r.excluded
            )
        )
