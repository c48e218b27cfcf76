"""Files read line by line, and files that take what does not fit in memory until it is asked for."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from kg_service.errors import InputError, Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST = 2**26
"""Bytes of the longest line that is read whole."""
READ = 2**20
"""Bytes that are read at once."""
HELD = 2**25
"""Bytes held in memory before they are written to files."""
MARK = 8
"""Bytes of the number that stands for a text."""
ZIPPED = ".gz"
_BOM = b"\xef\xbb\xbf"
Told = Callable[[int], None]
"""Takes how many more bytes are read."""


def untold(_read: int) -> None:
    """Tell nobody."""


@contextmanager
def opened(file: Path, told: Told = untold) -> Iterator[BinaryIO]:
    """Have a file open for reading, unpacked if it is compressed.

    Parameters
    ----------
    file : Path
        The file.
    told : callable
        Told of the bytes that are read of it, as they are on disk.
    """
    with io.BufferedReader(_Watched(file, told), READ) as stream:
        if file.suffix.lower() == ZIPPED:
            with gzip.open(stream) as unpacked:
                yield cast(BinaryIO, unpacked)
        else:
            yield cast(BinaryIO, stream)


class _Watched(io.FileIO):
    """A file that tells how many of its bytes are read."""

    def __init__(self, file: Path, told: Told) -> None:
        super().__init__(file)
        self._told = told

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        read = super().readinto(buffer)
        self._told(read or 0)
        return read


def lines_of(file: Path, told: Told = untold) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that hold something, without the space around them, numbered from 1.

    Of a line that is too long its beginning alone is told, so that it cannot be read for anything.

    Parameters
    ----------
    file : Path
        The file.
    told : callable
        Told of the bytes that are read of it, as they are on disk.

    Raises
    ------
    InputError
        When the file cannot be read to its end, as when it was cut off in compression.
    """
    number = 0
    try:
        with opened(file, told) as stream:
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
