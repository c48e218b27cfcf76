"""What sources of many records have in common: records in the text of the source, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kg_service.errors import Problem
from kg_service.spill_files import Told

Refuse = Callable[[str | None, list[Problem]], None]
"""Takes what cannot be used: what the source calls it, where that could be read, and the problems."""


@dataclass(frozen=True)
class RawRecord:
    """One record as its source holds it.

    Attributes
    ----------
    name : str
        What the source calls it; no other record of the source is called so.
    texts : tuple of bytes
        Its parts: a resource each, or statements.
    problems : tuple of Problem
        Why it cannot be used, if that shows before it is read.
    """

    name: str
    texts: tuple[bytes, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of its parts."""
        return sum(map(len, self.texts))


class RecordSource(Protocol):
    """Many records in files."""

    path: Path
    form: str

    @property
    def size(self) -> int:
        """The size of its files."""

    def records(self, scratch: Path, refuse: Refuse, told: Told = ...) -> Generator[RawRecord]:
        """Yield the records, in the same order each time, in memory that does not grow with the source.

        Before the first record, all of the source is read and sorted on disk.

        Parameters
        ----------
        scratch : Path
            An empty folder for files that are of no use afterwards.
        refuse : callable
            Told of every part of the source that no record can be made of.
        told : callable
            Told of the bytes that are read, as they are on disk; `size` of them in all.

        Raises
        ------
        InputError
            When the source as a whole cannot be read.
        """

    def may_be(self, raw: RawRecord, identifier: str) -> bool:
        """Return whether a record may be the one that conclusions bear under an id."""
