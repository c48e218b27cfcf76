"""What hangs on a reading of the source, as steps over the trees of a guideline: for whole cohorts.

An answer is fragile when another reading gives another. A conclusion is compared under every
combination of the readings that can touch it, as `robustness` does for one case. On options and
prescriptions many readings bear at once: they are compared under one other reading at a time, so that
what is told fragile is fragile, and what is not may still hang on two readings together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kg_service.bit_planes import Plane, rows_of
from kg_service.cohort_outcomes import (
    BINDS,
    FULFILLED,
    PRESCRIBED,
    PRESCRIPTION,
    Outcomes,
    Words,
    conclusion_words,
)
from kg_service.compiler import CompiledGuideline
from kg_service.entailment import EntailmentProgram
from kg_service.guideline import Recommendation
from kg_service.robustness import ReadingSpace

MOST_COMBINATIONS = 64
"""Most combinations of readings under which a conclusion is compared; one at a time beyond."""


class FragilitySteps:
    """The steps that say an answer is another under other readings.

    Parameters
    ----------
    space : ReadingSpace
        All readings of the guideline.
    compiled : CompiledGuideline
        The guideline under the readings in force.
    program : EntailmentProgram
        Takes the steps.
    outcomes : Outcomes
        The answers under the readings in force.

    Attributes
    ----------
    answers : dict of str to int
        By recommendation, by option and for the prescription; without those that no reading touches.
    ambiguities : dict of str to tuple of (int, int)
        By ambiguity, the step that says some conclusion or option is another under another reading of it
        alone, and the same of the prescription.
    """

    def __init__(
        self,
        space: ReadingSpace,
        compiled: CompiledGuideline,
        program: EntailmentProgram,
        outcomes: Outcomes,
    ) -> None:
        self._space = space
        self._compiled = compiled
        self._program = program
        self._base = outcomes.words
        self._in_force = {a: compiled.guideline.in_force[a] for a in space.readings.computed}
        differing: dict[str, list[int]] = {}
        self.ambiguities: dict[str, tuple[int, int]] = {}
        for ambiguity in space.readings.computed:
            found = self._under_others(ambiguity)
            prescribed = found.pop(PRESCRIPTION, [])
            others = [step for steps in found.values() for step in steps]
            if others or prescribed:
                self.ambiguities[ambiguity] = program.some(*others), program.some(*prescribed)
            for answer, steps in (found | ({PRESCRIPTION: prescribed} if prescribed else {})).items():
                differing.setdefault(answer, []).extend(steps)
        for recommendation in compiled.guideline.recommendations:
            differing.setdefault(recommendation.id, []).extend(self._together(recommendation))
        self.answers = {answer: program.some(*steps) for answer, steps in differing.items() if steps}

    def columns(self, planes: list[Plane], prescribed: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
        """Return for each answer and each ambiguity in which rows of a batch it makes a difference.

        Parameters
        ----------
        planes : list of Plane
            The planes of all steps.
        prescribed : array of bool, shape (rows,)
            Which rows say anything of a prescription.
        """
        rows = len(prescribed)
        found = {answer: rows_of(planes[step], rows) for answer, step in self.answers.items()}
        if PRESCRIPTION in found:
            found[PRESCRIPTION] &= prescribed
        for ambiguity, (others, prescription) in self.ambiguities.items():
            found[ambiguity] = (
                rows_of(planes[others], rows) | rows_of(planes[prescription], rows) & prescribed
            )
        return {name: pa.array(values) for name, values in found.items()}

    def _under_others(self, ambiguity: str) -> dict[str, list[int]]:
        """Return for each answer the steps that say it is another under another reading of one ambiguity."""
        found: dict[str, list[int]] = {}
        for reading in self._space.readings.computed[ambiguity]:
            if reading.letter != self._in_force[ambiguity]:
                variant = self._variant({ambiguity: reading.letter})
                words = Outcomes(variant, self._program, self._compiled.options).words
                for answer, step in self._differences(words):
                    found.setdefault(answer, []).append(step)
        return found

    def _together(self, recommendation: Recommendation) -> Iterator[int]:
        """Yield the steps that say a conclusion is another under several other readings at once."""
        touching = sorted(self._space.touching(recommendation))
        choices = [[r.letter for r in self._space.readings.computed[a]] for a in touching]
        if prod(map(len, choices)) > MOST_COMBINATIONS:
            return
        for letters in product(*choices):
            chosen = dict(zip(touching, letters, strict=True))
            if sum(self._in_force[a] != letter for a, letter in chosen.items()) > 1:
                variant = self._variant(chosen)
                restated = variant.guideline.by_iri[recommendation.iri]
                words = conclusion_words(variant, self._program, restated)
                yield from (step for _, step in self._differences(words))

    def _variant(self, letters: Mapping[str, str]) -> CompiledGuideline:
        return self._space.under(frozenset({**self._in_force, **letters}.items()))

    def _differences(self, words: Mapping[str, Words]) -> Iterator[tuple[str, int]]:
        """Yield each answer that can be another, with the step that says it is."""
        for name, others in words.items():
            if others != self._base[name] and _is_concluded(name):
                yield _answer(name), self._program.opposite(self._same(self._base[name], others))

    def _same(self, words: Words, others: Words) -> int:
        other = dict(others)
        both = (self._program.every(step, other[word]) for word, step in words if word in other)
        return self._program.some(*both)


def _answer(column: str) -> str:
    """Return the answer that a column belongs to.

    >>> _answer("S004.fulfilled"), _answer("prescription.best")
    ('S004', 'prescription')
    """
    return PRESCRIPTION if column in PRESCRIBED else column.removesuffix(f".{FULFILLED}")


def _is_concluded(column: str) -> bool:
    """Return whether a column is part of an answer, not only what one on the prescription rests on."""
    return not column.endswith(f".{BINDS}")
