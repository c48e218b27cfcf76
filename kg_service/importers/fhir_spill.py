"""Lines of an export sorted by patient on disk, in files small enough to be read whole, one at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from kg_service.spill_files import MARK, SpillFiles, mark

PART = 2**25
"""Bytes of the export that one spill file is meant to hold."""
_HEADS = 4
"""Fields before the text of a line in a spill file."""
_MARKED = 64
"""Files that the marks of resources are spread over."""


@dataclass(frozen=True)
class Line:
    """A line of a file: the number of the file, the number of the line from 1, and the text."""

    file: int
    number: int
    text: bytes


@dataclass
class Group:
    """The lines about one patient, in the order of the export, and the resources they hold."""

    key: str
    places: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


class Spill:
    """Lines sorted by patient.

    Parameters
    ----------
    folder : Path
        Takes the spill files.
    size : int
        Bytes of the export, as many as there may be.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._files = SpillFiles(folder, "patients", size // PART + 1)

    def add(self, key: str, place: str, line: Line) -> None:
        """Add a line about a patient, with the resource it holds."""
        name = quote(key, safe="/:").encode()
        head = b"%s\t%s\t%d\t%d\t" % (name, quote(place, safe="/: ").encode(), line.file, line.number)
        self._files.add(zlib.crc32(name), head + line.text + b"\n")

    def groups(self) -> Iterator[Group]:
        """Yield the lines of each patient."""
        for content in self._files.contents():
            groups: dict[bytes, Group] = {}
            for entry in content.split(b"\n")[:-1]:
                name, place, file, number, text = entry.split(b"\t", _HEADS)
                group = groups.setdefault(name, Group(unquote(name.decode())))
                group.places.append(unquote(place.decode()))
                group.lines.append(Line(int(file), int(number), text))
            yield from groups.values()


class Clashes:
    """Finds resources that lines about different patients claim to be.

    Parameters
    ----------
    folder : Path
        Takes the marks.
    """

    def __init__(self, folder: Path) -> None:
        self._files = SpillFiles(folder, "marks", _MARKED)

    def add(self, place: str, key: str) -> None:
        """Remember that a resource is about a patient."""
        of_place = mark(place)
        self._files.add(of_place, of_place.to_bytes(MARK, "little") + mark(key).to_bytes(MARK, "little"))

    def found(self) -> set[int]:
        """Return the marks of the resources that are about more than one patient."""
        clashing: set[int] = set()
        for content in self._files.contents():
            pairs = np.unique(np.frombuffer(content, dtype="<u8").reshape(-1, 2), axis=0)
            again = pairs[1:, 0] == pairs[:-1, 0]
            clashing |= set(pairs[1:, 0][again].tolist())
        return clashing
