"""The process that holds the store and forks one worker a query, each with limits it cannot raise.

The service never evaluates what came from outside: the engine can be crashed, cannot be interrupted,
and takes memory as it likes. Here a query is a process. The kernel ends it at its deadline, at its
memory limit, or when the service hangs up. An update is a process too: it changes its own copy of
the store, and the copy takes the place of the store when all went well. In memory the copy is the
fork itself; on disk it is a folder, see `kg_service.versions`.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kg_service import frames
from kg_service.catalogue import CATALOGUE
from kg_service.errors import KgServiceError
from kg_service.protocol_errors import NoGraphError, ProtectedGraphError, TooLargeError
from kg_service.sparql_guard import check_update
from kg_service.sparql_update import with_dataset
from kg_service.store.embedded import DatasetOfQuery, Store, declared_functions
from kg_service.versions import Versions

_PR_SET_CHILD_SUBREAPER = 36
_FEW_FILES = 64
"""Files and connections that a query may hold which calls an allowed service."""


class Output:
    """An answer on its way: sent in chunks, the media type first, never more than allowed."""

    def __init__(self, connection: socket.socket, most: int) -> None:
        self.media_type = ""
        self._connection = connection
        self._most = most
        self._kept = bytearray()
        self._sent = 0

    def write(self, data: bytes) -> int:
        """Take some bytes; send what has filled a chunk.

        Raises
        ------
        TooLargeError
            When the answer has become too large.
        """
        self._kept += data
        if self._sent + len(self._kept) > self._most:
            raise TooLargeError
        if len(self._kept) >= frames.CHUNK:
            self.flush_chunk()
        return len(data)

    def flush(self) -> None:
        """Do nothing: bytes are sent as the chunks fill."""

    def flush_chunk(self) -> None:
        """Send what is kept."""
        if not self._sent:
            frames.send(self._connection, frames.HEAD, self.media_type.encode())
        self._sent += len(self._kept)
        frames.send(self._connection, frames.DATA, bytes(self._kept))
        self._kept.clear()

    @property
    def is_too_large(self) -> bool:
        """Whether the limit was reached, whatever the engine made of it."""
        return self._sent + len(self._kept) > self._most


class Worker:
    """A process that has the store: it forks, or answers one command after the other.

    Parameters
    ----------
    folder : str
        Folder of the store; ``:memory:`` for one in memory, nothing for an empty one.
    """

    def __init__(self, folder: str) -> None:
        self.versions = None if folder in ("", frames.IN_MEMORY) else Versions(Path(folder))
        self.is_restricted = False
        self._store: Store | None = None
        if not folder:
            self._store = Store()
            return
        self.functions = declared_functions()
        if self.versions is None:
            self._store = Store()
            self._store.load_knowledge()

    @property
    def store(self) -> Store:
        """The store to ask; one on disk is opened when it is first needed, after the fork."""
        if self._store is None:
            assert self.versions is not None  # noqa: S101 - one in memory is made at once
            self._store = self.versions.open()
            self._store.use_functions(self.functions)
        return self._store

    def load_knowledge(self, _command: dict[str, Any], connection: socket.socket) -> None:
        """Put the knowledge base of this release into a store on disk."""
        assert self.versions is not None  # noqa: S101 - one in memory has it from the start
        self.versions.adopt(self.versions.prepare(Store.load_knowledge)[1])
        frames.send_json(connection, frames.END, {})

    def query(self, command: dict[str, Any], connection: socket.socket) -> None:
        """Write the answer to a query, or one graph."""
        store = self.store
        output = Output(connection, command["most"])
        self._restrict(command["memory"], bool(command["services"]))
        with _deadline(command["seconds"]):
            try:
                if "documents" in command:
                    _write_triples(store, command, output)
                elif "graph" in command:
                    _write_graph(store, command, output)
                else:
                    _write_answer(store, command, output)
            except MemoryError as error:
                raise TooLargeError from error
            except (KgServiceError, OSError) as error:
                if output.is_too_large:
                    raise TooLargeError from error
                raise
            output.flush_chunk()
        frames.send_json(connection, frames.END, {})

    def update(self, command: dict[str, Any], connection: socket.socket) -> None:
        """Change the store, all or nothing; in memory this process then is the one that has it."""
        with (
            _limited(resource.RLIMIT_AS, _limit_of_space(command["memory"])),
            _deadline(command["seconds"]),
        ):
            if self.versions is None:
                files = _FEW_FILES if command["services"] else 0
                with _limited(resource.RLIMIT_NOFILE, files):
                    told = _change(self.store, command)
            else:
                told, version = self.versions.prepare(lambda store: _change_with(store, self, command))
        if self.versions is not None:
            self.versions.adopt(version)  # After the deadline: what was stopped was not made.
        frames.send_json(connection, frames.END, told)

    def _restrict(self, memory: int, calls_services: bool) -> None:
        """Set the limits of a process that answers queries; it cannot raise them again."""
        files = _FEW_FILES if calls_services else 0
        if not self.is_restricted:
            size = _limit_of_space(memory)
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
            self.is_restricted = True
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


_LIFELINES: list[socket.socket] = []
"""Keeps the lifeline of this process open."""
COMMANDS = {"query": Worker.query, "update": Worker.update, "load": Worker.load_knowledge}


def serve(worker: Worker, connection: socket.socket) -> socket.socket | None:
    """Answer commands until the service hangs up.

    Returns
    -------
    socket or None
        In a fork, its own connection; the caller goes on with it, so that forks of forks do not
        pile up on the stack.
    """
    while (message := frames.receive(connection)) is not None:
        command = json.loads(message[1])
        if command["do"] == "fork":
            own = _fork(connection)
            if own is not None:
                return own
            continue
        try:
            COMMANDS[command["do"]](worker, command, connection)
        except (KgServiceError, RecursionError) as error:
            frames.send_json(connection, frames.FAILED, _told(error, command))
        except ConnectionError:  # Nobody waits for the answer.
            return None
    return None


def main() -> None:
    """Hold the store; ``worker CONNECTION LIFELINE FOLDER``, the first two as file descriptors."""
    _, data, lifeline, folder = sys.argv
    connection: socket.socket | None = socket.socket(fileno=int(data))
    assert connection is not None  # noqa: S101 - just made
    _end_with(socket.socket(fileno=int(lifeline)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # The kernel then buries children by itself.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        worker = Worker(folder)
    except KgServiceError as error:
        frames.send_json(connection, frames.FAILED, {"error": "CatalogError", "detail": str(error)})
        return
    gc.freeze()  # What is there is never garbage; a fork that collects would copy it.
    frames.send_json(connection, frames.END, {})
    _say_no_more()
    while connection is not None:
        connection = serve(worker, connection)


def _fork(connection: socket.socket) -> socket.socket | None:
    """Fork; return the connection of the fork in the fork, None where it came from."""
    ours, theirs = socket.socketpair()
    lifeline, end = socket.socketpair()
    if os.fork() == 0:
        for other in (connection, ours, lifeline, *_LIFELINES):
            other.close()
        _LIFELINES.clear()
        _end_with(end)
        return theirs
    socket.send_fds(connection, [frames.END], [ours.fileno(), lifeline.fileno()])
    for one in (ours, theirs, lifeline, end):
        one.close()
    return None


def _end_with(lifeline: socket.socket) -> None:
    """Have the kernel end this process when the service closes the other end, whatever it is doing."""
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    _LIFELINES.append(lifeline)


def _say_no_more() -> None:
    """Close standard error: what the engine says when it fails may hold parts of a query."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stderr.fileno())
    os.close(silence)


def _told(error: Exception, command: dict[str, Any]) -> dict[str, str]:
    if isinstance(error, TooLargeError):
        most = command["most"]
        detail = f"the answer is larger than {most} bytes, or needs more memory; add LIMIT, or ask in parts"
    else:
        detail = str(error)
    return {"error": type(error).__name__, "detail": detail}


def _write_answer(store: Store, command: dict[str, Any], output: Output) -> None:
    dataset = command["dataset"]
    store.stream(
        command["text"],
        command["accepted"],
        output,
        base=command["base"],
        dataset=None if dataset is None else DatasetOfQuery(tuple(dataset[0]), tuple(dataset[1])),
        services=frozenset(command["services"]),
    )


def _write_graph(store: Store, command: dict[str, Any], output: Output) -> None:
    if not store.has_graph(command["graph"]):
        raise NoGraphError(f"there is no graph {command['graph']}")
    store.write_one_graph(command["graph"], command["accepted"], output)


def _write_triples(store: Store, command: dict[str, Any], output: Output) -> None:
    """Write documents as N-Triples, from a store of their own."""
    store.clear_graph(None)
    _add_documents(store, None, command)
    store.write_one_graph(None, ["application/n-triples"], output)


def _add_documents(store: Store, iri: str | None, command: dict[str, Any]) -> None:
    for document in command["documents"] or []:
        content = document["content"].encode("utf-8", "surrogateescape")
        store.add_document(iri, content, document["media_type"], command["base"])


def _change_with(store: Store, worker: Worker, command: dict[str, Any]) -> dict[str, Any]:
    store.use_functions(worker.functions)
    return _change(store, command)


def _change(store: Store, command: dict[str, Any]) -> dict[str, Any]:
    """Make a change, and refuse it afterwards when it touched what is read only."""
    read_only = [str(iri) for iri in (CATALOGUE, *store.knowledge_graphs())] if command["protect"] else []
    if command.get("graph") in read_only:
        raise ProtectedGraphError(f"{command['graph']} is read only; choose another name")
    state = store.protected_state() if command["protect"] and command["kind"] == "text" else {}
    told = _KINDS[command["kind"]](store, command)
    changed = store.changed_graphs(state)
    if changed:
        raise ProtectedGraphError(
            f"the update would change {changed[0]}, which is read only; "
            "leave out the graphs of the guideline and the catalogue"
        )
    return told


def _change_steps(store: Store, command: dict[str, Any]) -> dict[str, Any]:
    store.change([command["text"]], command["what"])
    return {}


def _change_text(store: Store, command: dict[str, Any]) -> dict[str, Any]:
    text = command["text"]
    units = check_update(text, frozenset(command["services"]))
    if command["dataset"] is not None:
        text = with_dataset(text, units, *command["dataset"])
    store.update(text, command["base"])
    return {}


def _change_graph(store: Store, command: dict[str, Any]) -> dict[str, Any]:
    """Put documents into one graph, in place of its triples or beside them, or remove it."""
    iri = command["graph"]
    existed = store.has_graph(iri)
    if command["documents"] is None and not existed:
        raise NoGraphError(f"there is no graph {iri}")
    if command["replace"] and existed:
        store.clear_graph(iri)
    _add_documents(store, iri, command)
    return {"existed": existed}


_KINDS = {"steps": _change_steps, "text": _change_text, "graph": _change_graph}


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Have the kernel end this process after a time, and after so much work."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


@contextmanager
def _limited(what: int, most: int) -> Iterator[None]:
    """Limit what an update may use; its process may live on, so the limit is taken back."""
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (soft, hard))


def _limit_of_space(memory: int) -> int:
    """Return what this process takes now and some memory more [byte]; no limit where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return resource.RLIM_INFINITY
    return pages * resource.getpagesize() + memory


if __name__ == "__main__":
    main()
