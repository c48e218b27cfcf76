"""The steps of a program as SQL, for engines that run where the rows are.

The table holds one integer a feature: the bit mask of what is possible, as `FeatureMasks` makes it. All
that needs exact numbers, units or codes is in the masks; what is left is bitwise *and*, comparison
with zero, and logic without unknowns, which SQL engines do alike. No name needs quotes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from kg_service.entailment import EntailmentProgram, Every, Excluded, Opposite, Some

TABLE = "masks"


class Groups(Protocol):
    """The groups of cells that the masks of one feature hold apart."""

    def of(self, cells: int) -> int:
        """Return the groups that share a cell with some cells."""


def sql_name(name: str) -> str:
    """Return a name as SQL takes it without quotes.

    >>> sql_name("S004.fulfilled"), sql_name("RT-8Gy-1fx")
    ('S004_fulfilled', 'RT_8Gy_1fx')
    """
    return re.sub(r"\W", "_", name)


class PlanSql:
    """Writes a program as one SELECT over a table of masks.

    Parameters
    ----------
    program : EntailmentProgram
        The steps.
    groups : mapping of str to Groups
        The groups of each feature, by IRI.
    columns : mapping of str to str
        The column that holds the mask of each feature, by IRI.
    """

    def __init__(
        self, program: EntailmentProgram, groups: Mapping[str, Groups], columns: Mapping[str, str]
    ) -> None:
        self._steps = program.steps
        self._groups = groups
        self._columns = columns

    def select(
        self,
        kept: Sequence[str],
        outcomes: Mapping[str, Sequence[tuple[str, int]]],
        where: Mapping[str, str],
    ) -> str:
        """Return the query that tells for each row which word holds, step by step.

        Parameters
        ----------
        kept : sequence of str
            Columns to copy.
        outcomes : mapping of str to sequence of (str, int)
            By column of the answer, words with the step that says each holds; of which one holds.
        where : mapping of str to str
            By column of the answer, the column of truth values without which it is null.
        """
        wanted = [step for words in outcomes.values() for _, step in words]
        shared = self._shared(wanted)
        levels = self._levels(shared)
        parts = []
        source = TABLE
        for number in range(1, max(levels.values(), default=0) + 1):
            made = [f"{self._text(s, shared - {s})} AS s{s}" for s in sorted(shared) if levels[s] == number]
            parts.append(f"level_{number} AS (\n  SELECT *,\n    {_lines(made, '    ')}\n  FROM {source}\n)")  # noqa: S608 - made of numbers and sql_name
            source = f"level_{number}"
        told = [*kept, *(self._told(n, words, shared, where.get(n)) for n, words in outcomes.items())]
        steps = f"WITH {', '.join(parts)}\n" if parts else ""
        return f"{steps}SELECT\n  {_lines(told, '  ')}\nFROM {source}\n"

    def _told(self, name: str, words: Sequence[tuple[str, int]], shared: set[int], where: str | None) -> str:
        unless = f"WHEN NOT {where} THEN NULL " if where else ""
        cases = " ".join(f"WHEN {self._text(step, shared)} THEN '{word}'" for word, step in words)
        return f"CASE {unless}{cases} END AS {sql_name(name)}"

    def _children(self, step: int) -> tuple[int, ...]:
        match self._steps[step]:
            case Every(steps) | Some(steps):
                return steps
            case Opposite(other):
                return (other,)
        return ()

    def _shared(self, wanted: Sequence[int]) -> set[int]:
        """Return the steps that more than one other, or answer, needs."""
        uses = Counter(wanted)
        seen: set[int] = set()
        pending = list(wanted)
        while pending:
            step = pending.pop()
            if step not in seen:
                seen.add(step)
                uses.update(self._children(step))
                pending.extend(self._children(step))
        return {step for step, count in uses.items() if count > 1 and self._steps[step] not in _CONSTANTS}

    def _levels(self, shared: set[int]) -> dict[int, int]:
        """Return for each shared step how many queries deep it stands."""
        depths: dict[int, int] = {}
        for step in range(len(self._steps)):
            below = max((depths[child] for child in self._children(step)), default=0)
            depths[step] = below + (step in shared)
        return {step: depths[step] for step in shared}

    def _text(self, step: int, shared: set[int]) -> str:
        if step in shared:
            return f"s{step}"
        match self._steps[step]:
            case Excluded(feature, cells):
                return f"({self._columns[feature]} & {self._groups[feature].of(cells)}) = 0"
            case Opposite(other):
                return f"NOT ({self._text(other, shared)})"
            case Every(()):
                return "TRUE"
            case Some(()):
                return "FALSE"
            case Every(steps):
                return f"({' AND '.join(self._text(s, shared) for s in steps)})"
            case Some(steps):
                return f"({' OR '.join(self._text(s, shared) for s in steps)})"


_CONSTANTS = (Every(()), Some(()))


def _lines(parts: Sequence[str], indent: str) -> str:
    return f",\n{indent}".join(parts)
