"""Files read line by line, and files that take what does not fit in memory until it is asked for."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from kg_service.errors import InputError, Problem

LONGEST = 2**26
"""Bytes of the longest line that is read whole."""
HELD = 2**25
"""Bytes held in memory before they are written to files."""
MARK = 8
"""Bytes of the number that stands for a text."""
ZIPPED = ".gz"
_BOM = b"\xef\xbb\xbf"


def opened(file: Path) -> BinaryIO:
    """Return a file open for reading, unpacked if it is compressed."""
    return cast(BinaryIO, gzip.open(file)) if file.suffix.lower() == ZIPPED else file.open("rb")


def lines_of(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that hold something, without the space around them, numbered from 1.

    Of a line that is too long its beginning alone is told, so that it cannot be read for anything.

    Raises
    ------
    InputError
        When the file cannot be read to its end, as when it was cut off in compression.
    """
    number = 0
    try:
        with opened(file) as stream:
            while text := stream.readline(LONGEST):
                number += 1
                whole = text.removeprefix(_BOM) if number == 1 else text
                while len(text) == LONGEST and not text.endswith(b"\n"):
                    text = stream.readline(LONGEST)
                if stripped := whole.strip():
                    yield number, stripped
    except (OSError, EOFError, zlib.error) as error:
        raise cut_off(file, f"beyond line {number}", error) from error


def cut_off(file: Path, where: str, error: Exception) -> InputError:
    """Return the error of a file that cannot be read to its end."""
    found = f"cannot be read {where} ({error})"
    return InputError([Problem(file.name, found, "a whole file", "It may have been cut off; make it again.")])


def mark(text: str) -> int:
    """Return a number that stands for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=MARK).digest(), "little")


class SpillFiles:
    """Files that bytes are appended to, a few at a time, and that are read back whole, one by one.

    Parameters
    ----------
    folder : Path
        Where they are.
    name : str
        What their names begin with.
    count : int
        How many there are.
    """

    def __init__(self, folder: Path, name: str, count: int) -> None:
        self.count = count
        self._paths = [folder / f"{name}-{i}" for i in range(count)]
        self._held: dict[int, bytearray] = {}
        self._size = 0

    def add(self, key: int, content: bytes) -> None:
        """Append bytes to the file that a key belongs to."""
        self._held.setdefault(key % self.count, bytearray()).extend(content)
        self._size += len(content)
        if self._size >= HELD:
            self._write()

    def contents(self) -> Iterator[bytes]:
        """Yield what each file holds, in their order, and remove it."""
        self._write()
        for path in self._paths:
            content = b""
            if path.exists():
                content = path.read_bytes()
                path.unlink()
            yield content

    def _write(self) -> None:
        for part, content in sorted(self._held.items()):
            with self._paths[part].open("ab") as file:
                file.write(content)
        self._held, self._size = {}, 0
