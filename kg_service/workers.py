"""Answers queries and makes updates in worker processes, so many at a time, each within its limits."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from kg_service import frames
from kg_service.errors import CatalogError, KgServiceError, QueryError
from kg_service.protocol_errors import ERRORS, PartialAnswerError, StoppedError, TimedOutError
from kg_service.turns import QueryLimits, Turns

_GRACE = 5.0
"""How long after its deadline a worker may still be heard [s]; the kernel has ended it by then."""
_ENDED = "the process that has the store has ended; start the service again"
_START = 120.0
"""How long the store may take to load [s]."""
_MOST_USES = 500
"""Queries after which a worker is replaced by a fresh one."""


@dataclass
class _Connection:
    """What the service holds of a worker; closing it ends the worker, whatever it is doing."""

    data: socket.socket
    lifeline: socket.socket
    version: int
    uses: int = 0

    def close(self) -> None:
        self.data.close()
        self.lifeline.close()


class Answer:
    """An answer that is being written: its media type, and its parts as they come.

    Attributes
    ----------
    first : bytes
        The first part.
    is_complete : bool
        Whether the first part is all.
    """

    def __init__(self, pool: Workers, worker: _Connection, until: float) -> None:
        self._pool = pool
        self._worker: _Connection | None = worker
        self._until = until
        self.media_type = ""
        self.first = b""
        self.is_complete = False
        self._handing_over = Lock()

    def begin(self) -> None:
        """Wait for the first part.

        Raises
        ------
        TimedOutError, StoppedError, TooLargeError, UnsuitableFormError, QueryError
            When there is no answer.
        """
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def complete(self) -> None:
        """Wait for all of it; see `rest`."""
        self.first += b"".join(self.rest())

    def hang_up(self) -> None:
        """End the worker from another thread than the one that reads the answer; it then reads the end."""
        with self._handing_over:
            if self._worker is not None:
                self._worker.lifeline.close()

    def rest(self) -> Iterator[bytes]:
        """Yield the parts after the first.

        Raises
        ------
        PartialAnswerError
            When the answer ends before it is complete: what was sent must not be taken for it.
        """
        while not self.is_complete:
            kind, payload = self._receive()
            if kind == frames.DATA:
                yield payload
            elif kind == frames.END:
                self._finish()
            else:
                self.close()
                raise PartialAnswerError("the answer broke off; what was sent is not complete")

    def close(self) -> None:
        """End the worker if it is still at it, and let the next query in."""
        if self._worker is not None:
            self._worker.close()
            self._pool.release()
            self._worker = None

    def _begin(self) -> None:
        kind, payload = self._receive()
        if kind == frames.FAILED:
            self._finish()
            raise_told(payload)
        if kind != frames.HEAD:
            self._raise_gone()
        self.media_type = payload.decode()
        kind, self.first = self._receive()
        if kind != frames.DATA:
            self._raise_gone()
        if len(self.first) < frames.CHUNK:
            kind, _ = self._receive()
            if kind != frames.END:
                self._raise_gone()
            self._finish()

    def _receive(self) -> tuple[bytes, bytes]:
        assert self._worker is not None  # noqa: S101 - nothing is read after the end
        self._worker.data.settimeout(max(self._until - monotonic(), 0) + _GRACE)
        try:
            return frames.receive(self._worker.data) or (b"", b"")
        except OSError:
            return (b"", b"")

    def _raise_gone(self) -> None:
        """Tell why a worker ended before there was an answer."""
        if monotonic() >= self._until:
            raise TimedOutError(self._pool.limits.seconds)
        raise StoppedError(self._pool.limits.memory)

    def _finish(self) -> None:
        with self._handing_over:
            worker, self._worker = self._worker, None
        assert worker is not None  # noqa: S101 - it ends once
        self.is_complete = True
        self._pool.give_back(worker)


class Workers:
    """The processes that have the store, and the queue before them.

    Parameters
    ----------
    folder : Path, optional
        Folder of a store on disk; in memory otherwise.
    limits : QueryLimits
        What a query may use.
    services : iterable of str
        Endpoints that SERVICE may call.
    is_empty : bool
        Whether the store is left without the knowledge base, to read documents only.

    Raises
    ------
    CatalogError
        When the store cannot be loaded.
    """

    def __init__(
        self,
        folder: Path | None = None,
        limits: QueryLimits | None = None,
        services: Iterable[str] = (),
        *,
        is_empty: bool = False,
    ) -> None:
        self.limits = limits or QueryLimits()
        self.services = sorted(services)
        self._in_memory = folder is None
        self._turns = Turns(self.limits)
        self._lock = Lock()
        self._updates = Turns(replace(self.limits, running=1))
        self._idle: list[_Connection] = []
        self.version = 0
        self._root = self._keeper = self._start("" if is_empty else str(folder or frames.IN_MEMORY))
        if folder is not None:
            try:
                self._make({"do": "load"}, _START)
            except KgServiceError as error:
                self.close()
                raise CatalogError(f"{folder}: the knowledge base cannot be stored: {error}") from error

    def ask(self, command: Mapping[str, Any]) -> Answer:
        """Have a worker answer a query; return the answer, to be begun.

        Parameters
        ----------
        command : mapping
            ``text``, ``accepted`` media types, ``base``, ``dataset``; or ``graph`` instead of a text;
            or ``documents`` to be read as N-Triples.

        Raises
        ------
        BusyError
            When too many queries are being answered.
        CatalogError
            When the process that has the store is gone.
        """
        limits = self.limits
        whole = {
            "do": "query",
            **command,
            "seconds": limits.seconds,
            "memory": limits.memory,
            "most": limits.answer,
            "services": self.services,
        }
        self._turns.take()
        until = monotonic() + limits.seconds
        try:
            worker = self._commanded(whole)
        except BaseException:
            self.release()
            raise
        return Answer(self, worker, until)

    def update(self, command: Mapping[str, Any], *, protect: bool = False) -> dict[str, Any]:
        """Change the store, all or nothing; return what is told of it.

        Parameters
        ----------
        command : mapping
            Its ``kind``, and what that kind needs.
        protect : bool
            Whether the graphs of the knowledge base are read only for it.

        Raises
        ------
        TimedOutError, StoppedError, QueryError, ProtectedGraphError, NoGraphError
            When nothing was changed.
        """
        limits = self.limits
        whole = {
            "do": "update",
            "protect": protect,
            **command,
            "memory": limits.memory,
            "seconds": limits.seconds,
            "services": self.services,
        }
        return self._make(whole, limits.seconds)

    def give_back(self, worker: _Connection) -> None:
        """Keep a worker for the next query while it has the newest version."""
        worker.uses += 1
        with self._lock:
            if worker.version == self.version and worker.uses < _MOST_USES:
                self._idle.append(worker)
                worker = None  # type: ignore[assignment]
        if worker is not None:
            worker.close()
        self.release()

    def release(self) -> None:
        """Let the next query in."""
        self._turns.release()

    def close(self) -> None:
        """End every process."""
        for worker in (*self._idle, self._keeper, self._root):
            worker.close()
        self._idle.clear()
        self._process.wait()

    @property
    def waiting(self) -> int:
        """How many queries wait for their turn."""
        return self._turns.waiting

    @property
    def session(self) -> int:
        """Session that all its processes belong to."""
        return self._process.pid

    def _start(self, folder: str) -> _Connection:
        ours, theirs = socket.socketpair()
        lifeline, end = socket.socketpair()
        arguments = [str(theirs.fileno()), str(end.fileno()), folder]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "kg_service.worker", *arguments],
            pass_fds=(theirs.fileno(), end.fileno()),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        end.close()
        ours.settimeout(_START)
        started = _Connection(ours, lifeline, 0)
        kind, payload = frames.receive(ours) or (b"", b"")
        if kind != frames.END:
            started.close()
            self._process.wait()
            raise CatalogError(_detail(payload) if payload else "the process of the store ended at its start")
        return started

    def _commanded(self, command: Mapping[str, Any]) -> _Connection:
        """Return a worker that was given a command: an idle one, or a fresh one."""
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                worker = self._forked()
                frames.send_json(worker.data, frames.COMMAND, command)
                return worker
            try:
                frames.send_json(worker.data, frames.COMMAND, command)
            except OSError:
                worker.close()
                continue
            return worker

    def _forked(self) -> _Connection:
        """Return a fork of the process that has the newest version."""
        with self._lock:
            keeper = self._keeper
            keeper.data.settimeout(_GRACE)
            try:
                frames.send_json(keeper.data, frames.COMMAND, {"do": "fork"})
                _, descriptors, _, _ = socket.recv_fds(keeper.data, 1, 2)
            except OSError as error:
                raise CatalogError(_ENDED) from error
            if len(descriptors) != 2:
                raise CatalogError(_ENDED)
            data, lifeline = (socket.socket(fileno=descriptor) for descriptor in descriptors)
            return _Connection(data, lifeline, self.version)

    def _make(self, command: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Have a fork make a change, one after the other; in memory it then takes over."""
        self._updates.take()
        try:
            worker = self._forked()
            worker.data.settimeout(seconds + _GRACE)
            until = monotonic() + seconds
            try:
                frames.send_json(worker.data, frames.COMMAND, command)
                kind, payload = frames.receive(worker.data) or (b"", b"")
            except OSError:
                kind, payload = b"", b""
            if kind != frames.END:
                worker.close()
                if kind == frames.FAILED:
                    raise_told(payload)
                self._replace(None)
                raise TimedOutError(seconds) if monotonic() >= until else StoppedError(self.limits.memory)
            self._replace(worker if self._in_memory else None)
            if not self._in_memory:
                worker.close()
            told: dict[str, Any] = frames.decoded(payload)
            return told
        finally:
            self._updates.release()

    def _replace(self, keeper: _Connection | None) -> None:
        """Let no query from now on see an older version; have another process fork, where one is given."""
        with self._lock:
            self.version += 1
            stale, self._idle = self._idle, []
            if keeper is not None:
                keeper.version = self.version
                if self._keeper is not self._root:
                    stale.append(self._keeper)
                self._keeper = keeper
        for one in stale:
            one.close()


def raise_told(payload: bytes) -> None:
    """Raise the error that a worker told."""
    told = frames.decoded(payload)
    raise ERRORS.get(told["error"], QueryError)(told["detail"])


def _detail(payload: bytes) -> str:
    return str(frames.decoded(payload)["detail"])
