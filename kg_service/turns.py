"""What one query may use, and the queue that queries stand in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

from kg_service.protocol_errors import BusyError

SECONDS = 30.0
MEMORY = 1_000_000_000
ANSWER = 100_000_000
RUNNING = max(2, os.cpu_count() or 1)
WAITING = 16


@dataclass(frozen=True)
class QueryLimits:
    """What one query may use, and how many may be answered at a time.

    Attributes
    ----------
    seconds : float
        From its start to the last byte of its answer.
    memory : int
        Beyond what the store takes [byte].
    answer : int
        Size of an answer [byte].
    running, waiting : int
        Queries answered at a time, and queries that wait for their turn; others are sent away.
    """

    seconds: float = SECONDS
    memory: int = MEMORY
    answer: int = ANSWER
    running: int = RUNNING
    waiting: int = WAITING


class Turns:
    """Lets so many queries run, has so many wait, and sends the others away.

    Parameters
    ----------
    limits : QueryLimits
        How many.
    """

    def __init__(self, limits: QueryLimits) -> None:
        self.waiting = 0
        self._limits = limits
        self._running = BoundedSemaphore(limits.running)
        self._lock = Lock()

    def take(self) -> None:
        """Wait for a turn; each must be given back by `release`.

        Raises
        ------
        BusyError
            When the queue is full, or did not move.
        """
        if self._running.acquire(blocking=False):
            return
        with self._in_queue():
            if not self._running.acquire(timeout=self._limits.seconds):
                raise BusyError(self._limits.seconds)

    def release(self) -> None:
        """Let the next query in."""
        self._running.release()

    @contextmanager
    def _in_queue(self) -> Iterator[None]:
        with self._lock:
            if self.waiting >= self._limits.waiting:
                raise BusyError(self._limits.seconds)
            self.waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self.waiting -= 1
