"""The columns of conclusions on a cohort, and the steps of the program that each is read from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rdflib import URIRef

from kg_service.bit_planes import Plane, rows_of
from kg_service.compiler import CompiledGuideline
from kg_service.entailment import EntailmentProgram
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE, local_name
from kg_service.option_decision import VERDICTS
from kg_service.plan import Node
from kg_service.verdict_steps import VerdictSteps

PRESCRIPTION = "prescription"
BEST, WORST = f"{PRESCRIPTION}.best", f"{PRESCRIPTION}.worst"
PRESCRIBED = (PRESCRIPTION, BEST, WORST)
"""The columns that speak of a prescription, if the row says anything of one."""
FULFILLED = "fulfilled"
BINDS = "binds"


Words = tuple[tuple[str, int], ...]
"""What a column may hold, each with the step that says it does."""


class Outcomes:
    """The columns of conclusions, and the steps they are read from.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline under its readings.
    program : EntailmentProgram
        Takes the steps.
    options : iterable of URIRef
        The options to tell of.

    Attributes
    ----------
    words : dict of str to Words
        By column, the words it may hold, each with the step that says so; one and only one does.
    """

    def __init__(
        self, compiled: CompiledGuideline, program: EntailmentProgram, options: Iterable[URIRef]
    ) -> None:
        self._program = program
        self.words: dict[str, Words] = {}
        for recommendation in compiled.guideline.recommendations:
            self.words |= conclusion_words(compiled, program, recommendation)
        verdicts = VerdictSteps(compiled, program)
        for option in options:
            steps = verdicts.option(option)
            self.words[local_name(option)] = tuple((verdict, steps[verdict]) for verdict in VERDICTS)
        best, worst = verdicts.prescription(hoping=True), verdicts.prescription(hoping=False)
        self.words[PRESCRIPTION] = self._alike(best, worst)
        self.words[BEST] = tuple((local_name(c), step) for c, step in best.items())
        self.words[WORST] = tuple((local_name(c), step) for c, step in worst.items())

    def _alike(self, best: dict[URIRef, int], worst: dict[URIRef, int]) -> Words:
        """Return the steps of the concordances that are the same at best and at worst, and of none."""
        program = self._program
        same = {c: program.every(best[c], worst[c]) for c in best if c in worst}
        apart = program.opposite(program.some(*same.values()))
        return (*((local_name(c), step) for c, step in same.items()), (local_name(CORE.NotAssessable), apart))

    def columns(self, planes: list[Plane], prescribed: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
        """Return the columns of a batch; those on the prescription are null where there is none."""
        return {
            name: drawn(words, planes, len(prescribed), ~prescribed if name in PRESCRIBED else None)
            for name, words in self.words.items()
        }


def conclusion_words(
    compiled: CompiledGuideline, program: EntailmentProgram, recommendation: Recommendation
) -> dict[str, Words]:
    """Return the columns on one recommendation: whether it applies, is fulfilled, and binds the prescription.

    A rule on an option binds only where the prescription carries that option out.
    """
    found = {recommendation.id: _statuses(compiled.criterion(recommendation.population), program)}
    if recommendation.fulfilled_by is not None:
        done = compiled.criterion(recommendation.fulfilled_by)
        found[f"{recommendation.id}.{FULFILLED}"] = _statuses(done, program)
        binding = compiled.prescriptions.binding(recommendation)
        if recommendation.option is not None and binding is not None:
            found[f"{recommendation.id}.{BINDS}"] = _statuses(binding, program)
    return found


def _statuses(tree: Node, program: EntailmentProgram) -> Words:
    entailed, denied = program.entailed(tree), program.denied(tree)
    unknown = program.opposite(program.some(entailed, denied))
    return ("false", denied), ("unknown", unknown), ("true", entailed)


def drawn(words: Words, planes: list[Plane], rows: int, null: npt.NDArray[np.bool_] | None) -> pa.Array:
    """Return for each row the word whose step holds."""
    codes = np.zeros(rows, dtype=np.int8)
    for code, (_, step) in enumerate(words):
        codes += rows_of(planes[step], rows).view(np.int8) * np.int8(code)
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int8(), mask=null), pa.array([word for word, _ in words])
    )
