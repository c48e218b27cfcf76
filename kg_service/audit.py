"""An audit of practice: what a decided cohort says, counted, by centre or year if these were carried along.

Counts too small to publish are hidden, and where one alone would follow from the others, a second
one with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kg_service.cohort_answers import FRAGILE, ROW_NUMBER, SET_ASIDE, conclusions_in
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_outcomes import BINDS, FULFILLED, PRESCRIPTION
from kg_service.concordance import ACCEPTS, CONSTRAINS, OBLIGES, QUALIFIES, STOPS
from kg_service.errors import KgServiceError
from kg_service.feature_table import ROW_ID
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE, local_name
from kg_service.option_decision import VERDICTS
from kg_service.wording import Wording

STATUSES = ("true", "false", "unknown")
SMALLEST = 5
"""Smallest count that is told, unless another is asked for."""
MOST_REASONS = 20
_NAMING = (
    (re.compile(r": line \d+$"), ""),
    (re.compile(r"<?\w+:[^\s,]+"), ""),
    (re.compile(r"\b([A-Z]\w+)/\S+"), r"\1"),
)
"""What names one patient, resource or line in a place, and what is left of it."""
MOST_MISSING = 25
MOST_FRAGILE = 25

Counted = tuple[str, str, Mapping[str, int]]
"""Id, label, and how many rows by word."""


@dataclass(frozen=True)
class Part:
    """A share of a line.

    Attributes
    ----------
    count : int or None
        None when it is too small to tell, or would give away one that is.
    share : float
        Of the line, from 0 to 1; 0 when the count is not told.
    """

    word: str
    label: str
    count: int | None
    share: float


@dataclass(frozen=True)
class Line:
    """One thing that was counted: its parts, in the order of the words of its section."""

    id: str
    label: str
    total: int | None
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Section:
    """Lines with the same words.

    Attributes
    ----------
    key : str
        Names the title and the note among the messages.
    group : str
        The column that lines are groups of; empty when they are of all rows.
    about : str
        What the lines are rules on, or the one thing that is counted by group; may be empty.
    """

    key: str
    group: str
    about: str
    words: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Reason:
    """Why rows were set aside, and how many."""

    where: str
    expected: str
    rows: int | None


class Audit:
    """Counts the conclusions of a cohort.

    Parameters
    ----------
    folder : CohortFolder
        What the cohort run left.
    wording : Wording
        The language.
    groups : sequence of str
        Carried columns to count by.
    smallest : int
        Smallest count that is told.

    Raises
    ------
    KgServiceError
        When a group is no carried column.
    """

    def __init__(
        self, folder: CohortFolder, wording: Wording, groups: Sequence[str] = (), smallest: int = SMALLEST
    ) -> None:
        self.folder = folder
        self.wording = wording
        self.groups = groups
        self.smallest = smallest
        self._conclusions = conclusions_in(folder.path)
        self._fragile = folder.path / FRAGILE
        self._group_columns: dict[str, pa.ChunkedArray] = {}
        missing = [group for group in groups if group not in folder.carried]
        if missing:
            carried = ", ".join(folder.carried) or "none"
            raise KgServiceError(f"{missing[0]} was not carried along; carried columns: {carried}")

    @cached_property
    def sections(self) -> list[Section]:
        """Everything that is counted, in the order in which it is told."""
        return [section for section in self._sections() if section.lines]

    def _sections(self) -> Iterator[Section]:
        yield self._section("prescription", self._concordances, [self._prescription()])
        for group in self.groups:
            yield self._section("prescription", self._concordances, self._by(group, PRESCRIPTION), group)
        yield self._section("options", self._verdicts, self._options())
        yield self._section("contraindications", self._statuses("status"), self._of_kinds(STOPS, QUALIFIES))
        yield self._section("levels", self._statuses("level"), self._of_kinds(ACCEPTS))
        for group in self.groups:
            for r in self._recommendations(ACCEPTS):
                counted = self._by(group, r.id)
                yield self._section("levels", self._statuses("level"), counted, group, r.id)
        for key, kind in (("duties", OBLIGES), ("limits", CONSTRAINS)):
            words = self._statuses(f"fulfilled_{kind}")
            for rule, recommendations in self._by_rule(kind):
                yield self._section(key, words, map(self._due, recommendations), about=rule)
        words = self._statuses(f"fulfilled_{OBLIGES}")
        for group in self.groups:
            for rule, recommendations in self._by_rule(OBLIGES):
                for r in recommendations:
                    if rule and {"true", "false"} & self._due(r)[2].keys():
                        counted = self._by(group, f"{r.id}.{FULFILLED}", self._binds(r))
                        yield self._section("duties", words, counted, group, f"{rule} {r.id}")
        yield self._section("missing", self._statuses("status"), self._missing())
        yield self._section("fragile", self._hangs, self._fragile_answers())
        yield self._section("readings", self._hangs, self._hanging())

    @cached_property
    def reasons(self) -> list[Reason]:
        """Why rows were set aside, the most frequent first."""
        empty = pa_csv.ConvertOptions(strings_can_be_null=True)
        table = pa_csv.read_csv(self.folder.path / SET_ASIDE, convert_options=empty)
        if not table.num_rows:
            return []
        names = [pc.cast(table.column(name), pa.string()) for name in (ROW_NUMBER, ROW_ID, "where")]
        places = pa.array([place_without_names(where or "") for where in names[-1].to_pylist()])
        told = pa.table({"who": pc.coalesce(*names), "where": places, "expected": table.column("expected")})
        counted = told.group_by(["where", "expected"]).aggregate([("who", "count_distinct")]).to_pylist()
        found = [Reason(r["where"], r["expected"], r["who_count_distinct"]) for r in counted]
        found.sort(key=lambda r: (-(r.rows or 0), r.where, r.expected))
        hidden = (Reason(r.where, r.expected, self._told(r.rows or 0)) for r in found)
        return list(hidden)[:MOST_REASONS]

    def _section(
        self,
        key: str,
        words: Sequence[tuple[str, str]],
        counted: Iterable[Counted],
        group: str = "",
        about: str = "",
    ) -> Section:
        lines = [self._line(words, one) for one in counted]
        told = self._groups_hidden(lines) if group else lines
        return Section(key, group, about, tuple(words), tuple(told))

    def _line(self, words: Sequence[tuple[str, str]], counted: Counted) -> Line:
        identifier, label, counts = counted
        total = sum(counts.values())
        told = hidden_counts([counts.get(word, 0) for word, _ in words], self.smallest)
        parts = (
            Part(word, text, count, count / total if count and total else 0.0)
            for (word, text), count in zip(words, told, strict=True)
        )
        return Line(identifier, label, self._told(total), tuple(parts))

    def _groups_hidden(self, lines: list[Line]) -> list[Line]:
        """Return the lines of groups; where one alone is too small, the next smallest is hidden with it."""
        sizes = [1 if line.total is None else line.total for line in lines]
        told = hidden_counts(sizes, self.smallest)
        return [line if size is not None else _unsaid(line) for line, size in zip(lines, told, strict=True)]

    def _told(self, count: int) -> int | None:
        return count if count == 0 or count >= self.smallest else None

    def _counts(self, column: str, where: pa.ChunkedArray | None = None) -> dict[str, int]:
        values = self._column(column)
        chosen = values if where is None else values.filter(where)
        counted = pc.value_counts(chosen.combine_chunks()).to_pylist()
        return {item["values"]: item["counts"] for item in counted if item["values"] is not None}

    def _column(self, name: str) -> pa.ChunkedArray:
        return pc.cast(self._conclusions.to_table(columns=[name]).column(name), pa.string())

    def _prescription(self) -> Counted:
        return "", self.wording.phrase("prescription"), self._counts(PRESCRIPTION)

    def _by(self, group: str, column: str, where: pa.ChunkedArray | bool = True) -> Iterator[Counted]:
        of = self._group(group)
        for value in sorted({v for v in pc.unique(of).to_pylist() if v is not None}):
            yield value, value, self._counts(column, pc.and_(pc.equal(of, value), where))

    def _group(self, name: str) -> pa.ChunkedArray:
        if name not in self._group_columns:
            self._group_columns[name] = self._column(name)
        return self._group_columns[name]

    def _options(self) -> Iterator[Counted]:
        for option in self.wording.compiled.options:
            yield "", self.wording.label(option), self._counts(local_name(option))

    def _of_kinds(self, *kinds: str) -> Iterator[Counted]:
        for recommendation in self._recommendations(*kinds):
            yield recommendation.id, self.wording.label(recommendation.iri), self._counts(recommendation.id)

    def _by_rule(self, kind: str) -> Iterator[tuple[str, list[Recommendation]]]:
        """Yield what recommendations are rules on, with those that can be fulfilled."""
        guideline = self.wording.compiled.guideline
        by_class: dict[str, list[Recommendation]] = {}
        for recommendation in self._recommendations(kind):
            if recommendation.fulfilled_by is not None:
                rule = guideline.rule_class(recommendation)
                by_class.setdefault(self.wording.label(rule) if rule else "", []).append(recommendation)
        yield from sorted(by_class.items())

    def _due(self, recommendation: Recommendation) -> Counted:
        counts = self._counts(f"{recommendation.id}.{FULFILLED}", self._binds(recommendation))
        return recommendation.id, self.wording.label(recommendation.iri), counts

    def _binds(self, recommendation: Recommendation) -> pa.ChunkedArray:
        """Return in which rows a rule binds; one on an option does where that is carried out."""
        name = f"{recommendation.id}.{BINDS}"
        has_own = name in self._conclusions.schema.names
        return pc.equal(self._column(name if has_own else recommendation.id), "true")

    def _missing(self) -> list[Counted]:
        """Return the conclusions that are unknown most often."""
        kinds = self.wording.compiled.guideline.questioning
        found = [line for line in self._of_kinds(*kinds) if line[2].get("unknown")]
        return sorted(found, key=lambda line: (-line[2]["unknown"], line[0]))[:MOST_MISSING]

    def _fragile_answers(self) -> Iterator[Counted]:
        """Yield the conclusions, options and prescriptions that hang on a reading, the most often first."""
        guideline, label = self.wording.compiled.guideline, self.wording.label
        labels = {r.id: (r.id, label(r.iri)) for r in guideline.recommendations if not r.excluded}
        labels |= {local_name(option): ("", label(option)) for option in self.wording.compiled.options}
        labels[PRESCRIPTION] = ("", self.wording.phrase("prescription"))
        yield from self._most_fragile(labels)

    def _hanging(self) -> Iterator[Counted]:
        """Yield the ambiguities of which another reading changes something, the most often first."""
        ambiguities = self.wording.compiled.guideline.readings.computed
        label, iri = self.wording.label, self.wording.ambiguity
        yield from self._most_fragile({a: (a, label(iri(a))) for a in ambiguities})

    def _most_fragile(self, labels: Mapping[str, tuple[str, str]]) -> Iterator[Counted]:
        if not self._fragile.exists():
            return
        names = [name for name in pq.read_schema(self._fragile).names if name in labels]
        table = pq.read_table(self._fragile, columns=names)
        fragile = {name: int(pc.sum(table.column(name)).as_py() or 0) for name in names}
        for name, count in sorted(fragile.items(), key=lambda item: (-item[1], item[0]))[:MOST_FRAGILE]:
            rows = sum(self._counts(name).values()) if name == PRESCRIPTION else table.num_rows
            if count:
                yield *labels[name], {"true": count, "false": rows - count}

    def _recommendations(self, *kinds: str) -> list[Recommendation]:
        found = self.wording.compiled.guideline.recommendations
        return [r for r in found if r.kind in kinds and not r.excluded]

    def _statuses(self, section: str) -> list[tuple[str, str]]:
        return [(status, self.wording.word(section, status)) for status in STATUSES]

    @property
    def _hangs(self) -> list[tuple[str, str]]:
        return list(self.wording.words("hangs").items())

    @property
    def _verdicts(self) -> list[tuple[str, str]]:
        return [(verdict, self.wording.word("verdict", verdict)) for verdict in VERDICTS]

    @property
    def _concordances(self) -> list[tuple[str, str]]:
        guideline = self.wording.compiled.guideline
        ranked = [CORE.Concordant, CORE.Acceptable, CORE.Exceptional, CORE.Discordant]
        assert ranked == sorted(ranked, key=guideline.rank)  # noqa: S101 - the bars go from best to worst
        every = (*ranked, CORE.NotAddressed, CORE.NotAssessable)
        return [(local_name(c), self.wording.label(c)) for c in every]


def hidden_counts(counts: Sequence[int], smallest: int) -> list[int | None]:
    """Return counts with the small ones hidden; if one alone would be, the next smallest with it.

    >>> hidden_counts([40, 3, 0, 12], 5)
    [40, None, 0, None]
    """
    small = {i for i, count in enumerate(counts) if 0 < count < smallest}
    others = [i for i, count in enumerate(counts) if count and i not in small]
    if len(small) == 1 and others:
        small.add(min(others, key=lambda i: counts[i]))
    return [None if i in small else count for i, count in enumerate(counts)]


def place_without_names(where: str) -> str:
    """Return a place in an input without what names one patient, resource or line.

    >>> place_without_names("lesions[0].site"), place_without_names("Condition/a-1 and Observation/b")
    ('lesions[0].site', 'Condition and Observation')
    >>> place_without_names("http://ex.org/a-1 site"), place_without_names("a.ndjson: line 12")
    ('site', 'a.ndjson')
    """
    for pattern, kept in _NAMING:
        where = pattern.sub(kept, where)
    return where.strip()


def _unsaid(line: Line) -> Line:
    return Line(line.id, line.label, None, tuple(Part(p.word, p.label, None, 0.0) for p in line.parts))
