"""What answers queries for the service: worker processes over the embedded store, or another server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from rdflib.term import Node

from kg_service.negotiation import GRAPH_TYPES, RESULT_TYPES
from kg_service.sparql_guard import check
from kg_service.store import GraphStore, QueryResult
from kg_service.store.bindings import bound

COMPLETE_TYPES = (RESULT_TYPES[0], GRAPH_TYPES[1])
"""Media types that a complete answer is fetched in."""


class AnswerStream(Protocol):
    """An answer that is being written.

    Attributes
    ----------
    media_type : str
        What it is written in; known once it has begun.
    first : bytes
        Its first part.
    is_complete : bool
        Whether the first part is all.
    """

    media_type: str
    first: bytes
    is_complete: bool

    def begin(self) -> None:
        """Wait for the first part; raises a `ProtocolError` or `QueryError` when there is no answer."""

    def rest(self) -> Iterator[bytes]:
        """Yield the parts after the first; raises `PartialAnswerError` when it breaks off."""

    def complete(self) -> None:
        """Wait for all of it; see `rest`."""

    def hang_up(self) -> None:
        """Stop the work, from another thread than the one that reads the answer."""

    def close(self) -> None:
        """Stop what is still going on, and let the next query in."""


class Backend(Protocol):
    """What answers queries and makes updates; the commands are those of `kg_service.worker`."""

    @property
    def waiting(self) -> int:
        """How many queries wait for their turn."""

    def ask(self, command: Mapping[str, Any]) -> AnswerStream:
        """Have a query answered; return the answer, to be begun."""

    def update(self, command: Mapping[str, Any], *, protect: bool = False) -> dict[str, Any]:
        """Change the store, all or nothing; return what is told of it."""

    def close(self) -> None:
        """End every process and connection."""


class BackendStore(GraphStore):
    """A store that is asked and changed through a backend.

    Parameters
    ----------
    backend : Backend
        What has it.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def query(self, sparql: str, *, bindings: Mapping[str, Node] | None = None) -> QueryResult:
        """Return the complete answer to a query; see `GraphStore.query`."""
        text, _ = bound(check(sparql), bindings or {})
        answer = self._backend.ask({"text": text, "accepted": COMPLETE_TYPES, "base": None, "dataset": None})
        answer.begin()
        answer.complete()
        return QueryResult.read(answer.media_type, answer.first)

    def change(self, steps: Iterable[str], what: str) -> None:
        """Make the steps of an update; see `GraphStore.change`."""
        self._backend.update({"kind": "steps", "text": " ;\n".join(steps), "what": what})
