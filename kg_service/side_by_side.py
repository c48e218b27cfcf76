"""What several guidelines say of the same case, side by side: where they agree, and where they do not.

Agreement is read off the verdicts on one option, never from a list: an option that a guideline does not
speak of, or cannot decide yet, is not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rdflib import URIRef

from kg_service.assessment import Assessment, Conclusion, OptionVerdict
from kg_service.compiler import CompiledGuideline
from kg_service.concordance import OFFERS
from kg_service.option_decision import Verdict
from kg_service.prescription import PrescriptionCheck
from kg_service.record import Record
from kg_service.service import KnowledgeBase
from kg_service.values import Status

Relation = Literal["contradicts", "differs", "graded", "same", "open", "not-comparable"]
"""How verdicts on one option stand to each other. *contradicts*: one offers what another stops.
*differs*: one offers what another does not, though that one offers something here. *graded*: all offer
it, at steps of their own scales that follow each other otherwise. *open*: one at least cannot be decided
yet. *not-comparable*: one guideline at most offers the option to somebody and speaks of the case."""
RELATIONS: tuple[Relation, ...] = get_args(Relation)
DISAGREEING: tuple[Relation, ...] = ("contradicts", "differs")
OFFERED: tuple[Verdict, ...] = ("applicable",)
STOPPED: tuple[Verdict, ...] = ("contraindicated", "excluded")
UNDECIDED: tuple[Verdict, ...] = ("open", "conditional")


@dataclass(frozen=True)
class Saying:
    """What one guideline says of one option.

    Attributes
    ----------
    verdict : OptionVerdict or None
        None when no indication of the guideline offers the option to anybody.
    beside : tuple of Conclusion
        What else the guideline concludes on the option, where it has no verdict.
    speaks : str
        Whether the guideline indicates anything at all here: ``true``, ``false`` or ``unknown``.
    place : int or None
        Of an option that is offered, its place among the steps of strength at which this guideline
        offers options here that another one has a verdict on too; 1 comes first.
    """

    guideline: str
    verdict: OptionVerdict | None
    beside: tuple[Conclusion, ...]
    speaks: Status
    place: int | None

    @property
    def compared(self) -> Verdict | None:
        """The verdict as it is compared; see `compared_verdict`."""
        return compared_verdict(self.verdict.verdict, self.speaks) if self.verdict else None


@dataclass(frozen=True)
class Compared:
    """One option under every guideline."""

    option: URIRef
    sayings: tuple[Saying, ...]
    relation: Relation


@dataclass(frozen=True)
class ComparedCase:
    """One case under every guideline, the contradictions first.

    Attributes
    ----------
    prescriptions : dict of str to PrescriptionCheck or None
        What each guideline makes of the prescription; None when nothing is prescribed.
    """

    case: str
    document: str
    assessments: dict[str, Assessment]
    options: tuple[Compared, ...]
    prescriptions: dict[str, PrescriptionCheck | None]


def compare_guidelines(
    base: KnowledgeBase,
    record: Record,
    guidelines: Sequence[str] = (),
    selected: CompiledGuideline | None = None,
) -> list[ComparedCase]:
    """Return what several guidelines say of every case of a record.

    Parameters
    ----------
    base : KnowledgeBase
        Holds the guidelines.
    record : Record
        The record.
    guidelines : sequence of str
        Their ids; all that are loaded when there are none.
    selected : CompiledGuideline, optional
        One of them under readings of its own; the others keep the adopted ones.

    Raises
    ------
    UnknownNameError
        When there is no such guideline.
    InputError
        When the facts of the record contradict each other.
    """
    bases = [base.of(name) for name in guidelines or base.guidelines]
    chosen = {} if selected is None else {selected.guideline.id: selected}
    compiled = [chosen.get(one.compiled().guideline.id, one.compiled()) for one in bases]
    assessed = [one.assess(record, its) for one, its in zip(bases, compiled, strict=True)]
    together = zip(*(item.assessments for item in assessed), strict=True)
    return [_compared(dict(zip(compiled, found, strict=True))) for found in together]


def _compared(found: dict[CompiledGuideline, Assessment]) -> ComparedCase:
    first = next(iter(found.values()))
    by_name = {compiled.guideline.id: assessment for compiled, assessment in found.items()}
    times = Counter(v.option for a in by_name.values() for v in a.options)
    shared = {option for option, number in times.items() if number > 1}
    compared = [Compared(o, s := tuple(_sayings(o, shared, by_name)), relation(s)) for o in times]
    return ComparedCase(
        first.case.id,
        first.case.document,
        by_name,
        tuple(sorted(compared, key=lambda c: (RELATIONS.index(c.relation), str(c.option)))),
        {name: assessment.prescription for name, assessment in by_name.items()},
    )


def _sayings(option: URIRef, shared: set[URIRef], assessments: dict[str, Assessment]) -> Iterator[Saying]:
    for name, assessment in assessments.items():
        verdict = next((v for v in assessment.options if v.option == option), None)
        ranks = (_rank(v) for v in assessment.options if v.option in shared)
        steps = sorted({rank for rank in ranks if rank is not None})
        rank = _rank(verdict) if verdict and option in shared else None
        on_it = (c for c in assessment.conclusions if verdict is None and c.recommendation.option == option)
        place = None if rank is None else steps.index(rank) + 1
        yield Saying(name, verdict, tuple(on_it), _speaks(assessment), place)


def _speaks(assessment: Assessment) -> Status:
    """Return whether a guideline indicates anything in a case."""
    return speaks_of(c.status for c in assessment.conclusions if c.recommendation.kind == OFFERS)


def speaks_of(indications: Iterable[Status]) -> Status:
    """Return whether one of some indications holds."""
    found = set(indications)
    return "true" if "true" in found else "unknown" if "unknown" in found else "false"


def compared_verdict(verdict: Verdict, speaks: Status) -> Verdict | None:
    """Return a verdict as it is compared: a guideline that indicates nothing here does not refuse an option.

    It says nothing of the case, or it is not known whether it does.
    """
    if verdict != "not-indicated" or speaks == "true":
        return verdict
    return "open" if speaks == "unknown" else None


def _rank(verdict: OptionVerdict) -> int | None:
    """Return the rank of the strength at which an option is offered; None when it is not."""
    if verdict.verdict not in OFFERED or verdict.leading is None:
        return None
    return verdict.leading.strength_rank


def relation(sayings: Iterable[Saying]) -> Relation:
    """Return how what guidelines say of one option stands to each other."""
    spoken = [(verdict, s.place) for s in sayings if (verdict := s.compared) is not None]
    found = relation_of([verdict for verdict, _ in spoken])
    return "graded" if found == "same" and len({place for _, place in spoken}) > 1 else found


def relation_of(verdicts: Collection[Verdict]) -> Relation:
    """Return how verdicts on one option stand to each other, whatever the strengths they are given at."""
    if len(verdicts) <= 1:
        return "not-comparable"
    told = set(verdicts)
    offered, stopped = told & set(OFFERED), told & set(STOPPED)
    if offered and stopped:
        return "contradicts"
    if offered and told - set(OFFERED) - set(UNDECIDED):
        return "differs"
    return "open" if told & set(UNDECIDED) else "same"
