"""A store on disk as a sequence of versions, each complete: an update makes the next one.

A version is a folder. The next is made beside it, from hard links to the files that do not change;
it becomes the current one when a file that names it is replaced, which a file system does at once
or not at all. So a process that is killed at any moment leaves the old version or the new one, and
whoever reads a version is never disturbed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import TypeVar

from kg_service.errors import CatalogError, KgServiceError
from kg_service.store.embedded import Store

T = TypeVar("T")
_PREFIX = "version-"
_ATTEMPTS = 8
_PAUSE = 0.25
"""Time between two attempts [s]."""


class Versions:
    """The versions of a store in a folder, which is made when missing.

    Parameters
    ----------
    folder : Path
        Where they lie; holds one version, and for a moment two.

    Raises
    ------
    CatalogError
        When the folder holds something else, or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pointer = folder / "current"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            strangers = [p.name for p in folder.iterdir() if not p.name.startswith((_PREFIX, "current"))]
        except OSError as error:
            raise CatalogError(f"{folder}: cannot hold a store: {error}") from error
        if strangers:
            raise CatalogError(f"{folder}: holds {strangers[0]}, no part of a store; give an empty folder")
        self._lock = (folder / "current.lock").open("w")
        self._take_lock()

    @property
    def current(self) -> Path | None:
        """The folder of the current version; None before the first."""
        if not self._pointer.exists():
            return None
        return self.folder / self._pointer.read_text(encoding="ascii").strip()

    def open(self) -> Store:
        """Return the current version, to be asked."""
        for _ in range(_ATTEMPTS):
            try:
                return Store(self.current, read_only=True)
            except CatalogError:  # Replaced between the two steps; there is a newer one.
                continue
        return Store(self.current, read_only=True)

    def prepare(self, change: Callable[[Store], T]) -> tuple[T, Path]:
        """Make the next version by a change to a copy of the current one; nobody sees it yet.

        Returns
        -------
        tuple
            What the change returned, and the folder of the version.
        """
        current = self.current
        number = 0 if current is None else int(current.name.removeprefix(_PREFIX)) + 1
        following = self.folder / f"{_PREFIX}{number}"
        self._remove_all_but(current)
        if current is not None:
            Store(current, read_only=True).copy_to(following)
        store = Store(following)
        try:
            result = change(store)
            store.save()
        except KgServiceError:
            del store
            shutil.rmtree(following)
            raise
        return result, following

    def adopt(self, version: Path) -> None:
        """Let a prepared version be the current one; when this returns, it is on the disk."""
        self._point_to(version)
        self._remove_all_but(version)

    def _take_lock(self) -> None:
        """Let no other service have the folder; processes of one that was killed take a moment to end."""
        for _ in range(_ATTEMPTS):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                sleep(_PAUSE)
            else:
                return
        raise CatalogError(f"{self.folder}: another process has it open; stop that one first")

    def _point_to(self, version: Path) -> None:
        written = self.folder / "current.new"
        with written.open("w", encoding="ascii") as file:
            file.write(version.name)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(version)
        written.replace(self._pointer)
        _sync_folder(self.folder)

    def _remove_all_but(self, kept: Path | None) -> None:
        """Remove what earlier versions, and updates that were stopped, have left."""
        for path in self.folder.glob(f"{_PREFIX}*"):
            if path != kept:
                shutil.rmtree(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
