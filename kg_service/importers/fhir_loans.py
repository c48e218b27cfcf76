"""Resources about no patient, such as a Medication: found when a resource of a patient refers to them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from kg_service.importers.fhir_spill import Line

_REFERENCE = re.compile(rb'"reference"\s*:\s*"([^"]+)"')


class Loans:
    """Resources that name no patient, on disk.

    Parameters
    ----------
    path : Path
        The file that holds them.
    """

    KINDS = frozenset({"BodyStructure"})
    """Resources that are about a patient, and that one who refers to them may tell the patient of."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE loan (kind TEXT, place TEXT, id TEXT, file INT, line INT, text BLOB, used INT)"
        )
        self._empty = True

    def __enter__(self) -> Loans:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, kind: str, place: str, line: Line) -> None:
        """Add a resource."""
        row = (kind, place, place.rpartition("/")[2], line.file, line.number, line.text)
        self._database.execute("INSERT INTO loan VALUES (?, ?, ?, ?, ?, ?, 0)", row)
        self._empty = False

    def index(self) -> None:
        """Make ready to be asked."""
        self._database.execute("CREATE INDEX by_place ON loan (place)")
        self._database.execute("CREATE INDEX by_id ON loan (id)")

    def of(self, lines: Iterable[Line]) -> Iterator[bytes]:
        """Yield the resources that some lines refer to, and those that these refer to."""
        pending = [] if self._empty else [line.text for line in lines]
        taken: set[int] = set()
        while pending:
            for target in _targets(pending.pop()):
                for number, text in self._named(target):
                    if number not in taken:
                        taken.add(number)
                        pending.append(text)
                        yield text
        if taken:
            marks = ", ".join("?" * len(taken))
            statement = f"UPDATE loan SET used = 1 WHERE rowid IN ({marks})"  # noqa: S608 - question marks
            self._database.execute(statement, sorted(taken))

    def left(self, kinds: Collection[str]) -> Iterator[Line]:
        """Yield the resources of some types that nothing referred to."""
        marks = ", ".join("?" * len(kinds))
        statement = f"SELECT file, line, text FROM loan WHERE used = 0 AND kind IN ({marks})"  # noqa: S608
        for file, number, text in self._database.execute(f"{statement} ORDER BY rowid", sorted(kinds)):
            yield Line(file, number, text)

    def _named(self, target: str) -> list[tuple[int, bytes]]:
        column = "id" if target.startswith("urn:uuid:") else "place"
        name = target.removeprefix("urn:uuid:")
        statement = f"SELECT rowid, text FROM loan WHERE {column} = ? ORDER BY rowid"  # noqa: S608
        return self._database.execute(statement, (name,)).fetchall()


def _targets(text: bytes) -> Iterator[str]:
    """Yield what a resource refers to, as type and id where it says so."""
    for match in _REFERENCE.finditer(text):
        target = match[1].replace(b"\\/", b"/").decode(errors="replace").split("/_history/", 1)[0]
        yield "/".join(target.rsplit("/", 2)[-2:]) if target.startswith(("http://", "https://")) else target
