"""Cohorts decided by several guidelines, or under several readings, held against each other column by column.

What is counted is what `side_by_side` says of each row alone, but for the steps of strength, which a cohort
does not hold. One option is read at a time, so that memory does not grow with the number of options.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rdflib import URIRef

from kg_service.cohort_answers import ROW_NUMBER, conclusions_in
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_outcomes import PRESCRIPTION
from kg_service.cohort_records import CASE
from kg_service.concordance import OFFERS, QUALIFIES, STOPS
from kg_service.errors import KgServiceError
from kg_service.feature_table import ROW_ID
from kg_service.guideline import Recommendation
from kg_service.namespaces import local_name
from kg_service.option_decision import Verdict
from kg_service.side_by_side import DISAGREEING, RELATIONS, Relation, compared_verdict, relation_of
from kg_service.side_by_side_report import SayingJson, verdict_label
from kg_service.side_by_side_summary import (
    LARGEST,
    DisagreementJson,
    OptionCountJson,
    PrescriptionCountJson,
    SummaryJson,
)
from kg_service.values import Status
from kg_service.wording import Language, Wording

Codes = npt.NDArray[np.int64]
STATUSES: tuple[Status, ...] = ("false", "unknown", "true")
WIDEST = 2**40
"""Most combinations that are told apart before those that occur are numbered anew."""


class Side(NamedTuple):
    """What one run says of an option in a row: its verdict, what holds, and whether it speaks of the row."""

    verdict: Verdict | None
    holding: tuple[str, ...]
    speaks: Status

    @property
    def compared(self) -> Verdict | None:
        """The verdict as it is compared; see `compared_verdict`."""
        return compared_verdict(self.verdict, self.speaks) if self.verdict else None


Sides = tuple[Side, ...]
"""What each run says of an option in a row, in the order of the runs."""


@dataclass
class OptionTally:
    """One option over all rows: how often each combination of sides occurs, and where it does first."""

    option: URIRef
    sides: Counter[Sides]
    first: dict[Sides, int]

    def relation(self, sides: Sides) -> Relation:
        """Return how the verdicts of some sides stand to each other."""
        return relation_of([verdict for side in sides if (verdict := side.compared) is not None])


class CohortsCompared:
    """Runs of ``bonemet cohort`` over one source.

    Parameters
    ----------
    folders : sequence of CohortFolder
        Two or more.

    Attributes
    ----------
    names : list of str
        What each run is called: the id of its guideline, and its folder where that is not enough.
    disagreeing : array of bool, shape (rows,)
        Whether the runs disagree on an option in a row, once `options` was asked for.

    Raises
    ------
    KgServiceError
        When there is one run, or they were not decided from the same source.
    """

    def __init__(self, folders: Sequence[CohortFolder]) -> None:
        if len(folders) < 2:
            raise KgServiceError("one cohort; a comparison needs two or more")
        if len({folder.decided_from for folder in folders}) > 1:
            sources = ", ".join(f"{folder.path}: {folder.decided_from[0]}" for folder in folders)
            raise KgServiceError(f"these were decided from different sources, or it has changed ({sources})")
        self._folders = list(folders)
        ids = Counter(folder.compiled.guideline.id for folder in folders)
        self.names = [
            name if ids[name] == 1 else f"{name} ({folder.path.name})"
            for folder in folders
            for name in [folder.compiled.guideline.id]
        ]
        self._data = [conclusions_in(folder.path) for folder in folders]
        rows = [self._column(run, ROW_NUMBER).to_numpy() for run in range(len(folders))]
        common = reduce(np.intersect1d, rows)
        self.rows = len(common)
        self.left_out = len(reduce(np.union1d, rows)) - self.rows
        # Where each common row stands in each run, in one order: Spark keeps none.
        orders = [np.argsort(numbers, kind="stable") for numbers in rows]
        self._taken = [
            order[np.searchsorted(numbers, common, sorter=order)]
            for numbers, order in zip(rows, orders, strict=True)
        ]
        self.disagreeing: npt.NDArray[np.bool_] = np.zeros(self.rows, dtype=np.bool_)

    def _column(self, run: int, name: str) -> pa.ChunkedArray:
        return self._data[run].to_table(columns=[name]).unify_dictionaries().column(0)

    def _codes(self, run: int, name: str) -> tuple[Codes, list[str | None]]:
        """Return, for the common rows, the number of the word in a column, and the words."""
        column = self._column(run, name).combine_chunks()
        indices = column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)
        return indices[self._taken[run]].astype(np.int64), [*column.dictionary.to_pylist(), None]

    @cached_property
    def options(self) -> list[OptionTally]:
        """Every option that a run has a verdict on."""
        found = sorted({option for folder in self._folders for option in folder.compiled.options})
        return [self._tally(option) for option in found]

    def _tally(self, option: URIRef) -> OptionTally:
        columns: list[tuple[Codes, list[str | None]]] = []
        places: list[tuple[bool, list[Recommendation]]] = []
        for run, folder in enumerate(self._folders):
            has_verdict = option in folder.compiled.options
            speaking = list(_speaking(folder, option, has_verdict=has_verdict))
            names = [local_name(option)] * has_verdict + [r.id for r in speaking]
            columns += [self._codes(run, name) for name in names]
            columns.append((self._speaks[run], list(STATUSES)))
            places.append((has_verdict, speaking))
        codes = _combined([c for c, _ in columns], [len(words) for _, words in columns], self.rows)
        numbers, first, counts = np.unique(codes, return_index=True, return_counts=True)
        tally = OptionTally(option, Counter(), {})
        apart = []
        for number, row, count in zip(numbers.tolist(), first.tolist(), counts.tolist(), strict=True):
            words = [words[int(c[row])] for c, words in columns]
            sides = tuple(_sides(words, places))
            tally.sides[sides] += count
            tally.first[sides] = min(row, tally.first.get(sides, row))
            if tally.relation(sides) in DISAGREEING:
                apart.append(number)
        self.disagreeing |= np.isin(codes, apart)
        return tally

    @cached_property
    def _speaks(self) -> list[Codes]:
        """For each run, whether it indicates anything in each row, by place in `STATUSES`."""
        found = []
        for run, folder in enumerate(self._folders):
            most = np.zeros(self.rows, dtype=np.int64)
            for recommendation in folder.compiled.guideline.recommendations:
                if recommendation.kind == OFFERS:
                    codes, words = self._codes(run, recommendation.id)
                    places = [STATUSES.index(word) if word in STATUSES else 0 for word in words]
                    most = np.maximum(most, np.array(places)[codes])
            found.append(most)
        return found

    @cached_property
    def prescriptions(self) -> Counter[tuple[str, ...]]:
        """How many prescriptions the runs make the same things of, in the order of the runs."""
        columns = [self._codes(run, PRESCRIPTION) for run in range(len(self._folders))]
        codes = _combined([c for c, _ in columns], [len(words) for _, words in columns], self.rows)
        _, first, counts = np.unique(codes, return_index=True, return_counts=True)
        found: Counter[tuple[str, ...]] = Counter()
        for row, count in zip(first.tolist(), counts.tolist(), strict=True):
            words = tuple(words[int(c[row])] for c, words in columns)
            if None not in words:
                found[tuple(str(word) for word in words)] += count
        return found

    def name_of(self, row: int) -> str:
        """Return what the source calls a common row, as ``bonemet explain --row`` takes it."""
        data, place = self._data[0], int(self._taken[0][row])
        named = [n for n in (ROW_ID, CASE) if n in data.schema.names] or [ROW_NUMBER]
        found = data.take([place], columns=named).to_pylist()[0]
        return "/".join(str(found[name]) for name in named)

    def summary(self, language: Language) -> SummaryJson:
        """Return what the rows come to; the options that most rows disagree on first."""
        wordings = [f.base.wording(f.compiled, language) for f in self._folders]
        options = sorted(self.options, key=lambda t: (-_apart(t), local_name(t.option)))
        ordered = sorted(self.prescriptions.items(), key=lambda item: (-item[1], item[0]))
        told: list[PrescriptionCountJson] = [
            {"answers": dict(zip(self.names, words, strict=True)), "cases": count} for words, count in ordered
        ]
        return {
            "guidelines": {
                name: wording.label(wording.compiled.guideline.iri)
                for name, wording in zip(self.names, wordings, strict=True)
            },
            "cases": self.rows,
            "leftOut": self.left_out,
            "disagreeing": int(self.disagreeing.sum()),
            "prescriptions": told,
            "options": [_option_json(tally, wordings[0]) for tally in options],
            "disagreements": list(self._largest(wordings)),
        }

    def _largest(self, wordings: list[Wording]) -> Iterator[DisagreementJson]:
        groups: dict[tuple[object, ...], list[tuple[OptionTally, Sides]]] = defaultdict(list)
        for tally in self.options:
            for sides in tally.sides:
                if tally.relation(sides) in DISAGREEING:
                    statements = [_statements(s, w) for s, w in zip(sides, wordings, strict=True)]
                    said = tuple((*st, side.verdict) for st, side in zip(statements, sides, strict=True))
                    groups[local_name(tally.option), *said].append((tally, sides))
        counts = {key: sum(tally.sides[sides] for tally, sides in members) for key, members in groups.items()}
        for key in sorted(groups, key=lambda key: (-counts[key], str(key)))[:LARGEST]:
            tally, sides = min(groups[key], key=lambda member: member[0].first[member[1]])
            yield {
                "option": local_name(tally.option),
                "label": wordings[0].label(tally.option),
                "cases": counts[key],
                "share": counts[key] / self.rows,
                "example": self.name_of(tally.first[sides]),
                "relationLabel": wordings[0].word("relation", tally.relation(sides)),
                "guidelines": [
                    _saying(name, side, tally.option, wording)
                    for name, side, wording in zip(self.names, sides, wordings, strict=True)
                ],
            }


def _speaking(folder: CohortFolder, option: URIRef, *, has_verdict: bool) -> Iterator[Recommendation]:
    """Yield what a run concludes that bears on an option: what its verdict rests on, or all it says of it."""
    compiled = folder.compiled
    if has_verdict:
        for kind in (OFFERS, STOPS, QUALIFIES):
            yield from compiled.recommendations_on(option, kind)
    else:
        yield from (r for r in compiled.guideline.recommendations if r.option == option)


def _sides(
    words: Sequence[str | None], places: Sequence[tuple[bool, list[Recommendation]]]
) -> Iterator[Side]:
    left = list(words)
    for has_verdict, speaking in places:
        verdict: Verdict | None = left.pop(0) if has_verdict else None  # type: ignore[assignment]
        told, left = left[: len(speaking)], left[len(speaking) :]
        speaks: Status = left.pop(0)  # type: ignore[assignment]
        pairs = zip(speaking, told, strict=True)
        yield Side(verdict, tuple(sorted(r.id for r, word in pairs if word == "true")), speaks)


def _combined(columns: Sequence[Codes], sizes: Sequence[int], rows: int) -> Codes:
    """Return one number a row, the same for rows that have the same code in every column."""
    codes, width = np.zeros(rows, dtype=np.int64), 1
    for column, size in zip(columns, sizes, strict=True):
        if width * size > WIDEST:
            occurring, codes = np.unique(codes, return_inverse=True)
            width = len(occurring)
        codes, width = codes * size + column, width * size
    return codes


def _apart(tally: OptionTally) -> int:
    return sum(n for sides, n in tally.sides.items() if tally.relation(sides) in DISAGREEING)


def _option_json(tally: OptionTally, wording: Wording) -> OptionCountJson:
    counts: Counter[Relation] = Counter()
    for sides, number in tally.sides.items():
        counts[tally.relation(sides)] += number
    ordered = sorted(counts.items(), key=lambda item: (-item[1], RELATIONS.index(item[0])))
    return {
        "option": local_name(tally.option),
        "label": wording.label(tally.option),
        "relations": [
            {"relation": relation, "label": wording.word("relation", relation), "cases": number}
            for relation, number in ordered
        ],
    }


def _holding(side: Side, wording: Wording) -> list[Recommendation]:
    return [r for r in wording.compiled.guideline.recommendations if r.id in side.holding]


def _statements(side: Side, wording: Wording) -> list[str]:
    return sorted({s.id for r in _holding(side, wording) for s in r.statements})


def _saying(name: str, side: Side, option: URIRef, wording: Wording) -> SayingJson:
    """Return one side of a disagreement; what it hangs on are the features that its criteria test."""
    compiled = wording.compiled
    criteria = [compiled.criterion(r.population) for r in _holding(side, wording)]
    features = sorted({f for tree in criteria for f in compiled.plan.features_of(tree)})
    speaks_of_option = any(r.option == option for r in compiled.guideline.recommendations)
    return {
        "guideline": name,
        "verdict": side.verdict,
        "verdictLabel": verdict_label(side.verdict, side.speaks, wording, speaks_of_option=speaks_of_option),
        "strength": None,
        "place": None,
        "leading": None,
        "statements": _statements(side, wording),
        "because": [wording.label(wording.feature(f).iri) for f in features],
    }
