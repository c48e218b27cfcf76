"""Any SPARQL 1.1 server in place of the embedded store: queries and updates go there over HTTP.

What the embedded store promises is kept, or the request is refused: queries pass the same guard, an
answer that breaks off is no answer, and an update that could touch the guideline is not sent, as
another server cannot be made to take it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from threading import Lock
from time import monotonic
from typing import Any

import httpx
from rdflib import URIRef

from kg_service import frames
from kg_service.backend import COMPLETE_TYPES, BackendStore
from kg_service.catalogue import CATALOGUE
from kg_service.errors import CatalogError, KgServiceError, QueryError
from kg_service.negotiation import GRAPH_TYPES, RESULT_TYPES
from kg_service.protocol_errors import (
    BusyError,
    NoGraphError,
    PartialAnswerError,
    ProtectedGraphError,
    RemoteError,
    TimedOutError,
    TooLargeError,
    UnsuitableFormError,
    UpdatesOffError,
)
from kg_service.sparql_guard import CheckedQuery, Kind, check, check_iri, check_update
from kg_service.store import QueryResult, Store
from kg_service.turns import QueryLimits, Turns
from kg_service.workers import Workers

_SHOWN = 300
"""Characters of another server's message that ours repeats."""
_GRAPHS = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"
_UNION = f"ASK {{ {CATALOGUE.n3()} ?p ?o }}"
_FAILURES: dict[int, type[KgServiceError]] = {
    HTTPStatus.BAD_REQUEST: QueryError,
    HTTPStatus.NOT_ACCEPTABLE: UnsuitableFormError,
}


class RemoteAnswer:
    """The answer of another server, passed on as it comes."""

    def __init__(self, server: RemoteServer, request: httpx.Request) -> None:
        self.media_type = ""
        self.first = b""
        self.is_complete = False
        self._server = server
        self._request = request
        self._response: httpx.Response | None = None
        self._until = monotonic() + server.limits.seconds
        self._is_open = True
        self._size = 0

    def begin(self) -> None:
        """Wait for the first part; see `AnswerStream.begin`."""
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def rest(self) -> Iterator[bytes]:
        """Yield the parts after the first; see `AnswerStream.rest`."""
        while not self.is_complete:
            try:
                part = next(self._parts, None)
            except (httpx.HTTPError, httpx.StreamError) as error:
                self.close()
                raise PartialAnswerError(f"the other server broke off: {error}") from error
            if part is None:
                self._finish()
            elif self._is_too_large(part) or monotonic() > self._until:
                self.close()
                raise PartialAnswerError("the answer is too large, or took too long")
            else:
                yield part

    def complete(self) -> None:
        """Wait for all of it; see `AnswerStream.complete`."""
        self.first += b"".join(self.rest())

    def hang_up(self) -> None:
        """Stop reading; see `AnswerStream.hang_up`."""
        self._until = 0

    def close(self) -> None:
        """Let go of the connection, and let the next query in."""
        if self._response is not None:
            self._response.close()
        if self._is_open:
            self._is_open = False
            self._server.release()

    def _begin(self) -> None:
        with told(self._server.limits.seconds):
            self._response = self._server.client.send(self._request, stream=True)
            self._server.check(self._response)
            self.media_type = self._response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if self.media_type not in (*RESULT_TYPES, *GRAPH_TYPES):
                raise RemoteError(f"answered in {self.media_type or 'no media type'}")
            self._parts = self._response.iter_bytes(frames.CHUNK)
            self.first = next(self._parts, b"")
            if self._is_too_large(self.first):
                raise TooLargeError("the answer is too large; add LIMIT, or ask in parts")
            if len(self.first) < frames.CHUNK:
                self.first += next(self._parts, b"")
                self._finish()

    def _is_too_large(self, part: bytes) -> bool:
        self._size += len(part)
        return self._size > self._server.limits.answer

    def _finish(self) -> None:
        self.is_complete = True
        self.close()


class RemoteServer:
    """Another SPARQL 1.1 server.

    Parameters
    ----------
    query_url : str
        Where queries go.
    update_url : str or None
        Where updates go; the server is only read without one.
    limits : QueryLimits
        What a query may use; the memory is that server's own.
    services : iterable of str
        Endpoints that SERVICE may call.
    functions : iterable of URIRef
        Functions that only the embedded store has.

    Raises
    ------
    CatalogError
        When the server does not answer, or does not hold the knowledge and cannot be written.
    """

    def __init__(
        self,
        query_url: str,
        update_url: str | None,
        limits: QueryLimits,
        services: Iterable[str],
        functions: Iterable[URIRef],
    ) -> None:
        self.limits = limits
        self.client = httpx.Client(timeout=limits.seconds)
        self._query_url = query_url
        self._update_url = update_url
        self._services = frozenset(services)
        self._functions = {str(iri).rstrip("/").rsplit("/", 1)[-1] for iri in functions}
        self._turns = Turns(limits)
        self._updating = Lock()
        self._reader: Workers | None = None
        self._has_union = True
        try:
            self._load_knowledge()
            self._has_union = self._select(_UNION).boolean is True
        except CatalogError:
            self.close()
            raise
        except KgServiceError as error:
            self.close()
            raise CatalogError(f"{query_url}: cannot be used as a store: {error}") from error

    @property
    def waiting(self) -> int:
        """How many queries wait for their turn."""
        return self._turns.waiting

    def ask(self, command: Mapping[str, Any]) -> RemoteAnswer:
        """Have a query answered; see `Backend.ask`."""
        if "graph" in command:
            text, dataset = self._graph_query(command["graph"]), None
        else:
            checked = check(command["text"], self._services)
            self._refuse_functions(checked)
            text, dataset = self._with_base(command), command["dataset"] or self._all_graphs(checked)
        return self._asked(text, command["accepted"], dataset)

    def update(self, command: Mapping[str, Any], *, protect: bool = False) -> dict[str, Any]:
        """Change the store; see `Backend.update`."""
        if self._update_url is None:
            raise UpdatesOffError("the store is another server, which was given without an update URL")
        with self._updating:
            if command["kind"] == "steps":
                return self._change_steps(command)
            if command["kind"] == "text":
                return self._change_text(command, protect=protect)
            return self._change_graph(command, protect=protect)

    def release(self) -> None:
        """Let the next query in."""
        self._turns.release()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        if self._reader is not None:
            self._reader.close()

    def check(self, response: httpx.Response) -> None:
        """Raise the error that a response tells."""
        if response.is_success:
            return
        response.read()
        message = f"the other server says: {response.status_code} {response.text[:_SHOWN].strip()}"
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise BusyError(self.limits.seconds)
        raise _FAILURES.get(response.status_code, RemoteError)(message)

    def _asked(self, text: str, accepted: Sequence[str], dataset: Any) -> RemoteAnswer:
        default, named = dataset or ((), ())
        form = {"query": text, "default-graph-uri": list(default), "named-graph-uri": list(named)}
        weights = ", ".join(f"{m};q={1 - i / len(accepted):.2f}" for i, m in enumerate(accepted))
        request = self.client.build_request("POST", self._query_url, data=form, headers={"accept": weights})
        self._turns.take()
        return RemoteAnswer(self, request)

    def _select(self, text: str) -> QueryResult:
        answer = self._asked(text, COMPLETE_TYPES, None)
        answer.begin()
        answer.complete()
        return QueryResult.read(answer.media_type, answer.first)

    def _all_graphs(self, checked: CheckedQuery) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Return every graph as the default graph, where the other server does not do so by itself."""
        if self._has_union or checked.names_graphs:
            return None
        names = tuple(str(row["g"]) for row in self._select(_GRAPHS).rows())
        return names, names

    def _with_base(self, command: Mapping[str, Any]) -> str:
        base = command["base"]
        return f"BASE <{check_iri(base)}> {command['text']}" if base else str(command["text"])

    def _refuse_functions(self, checked: CheckedQuery) -> None:
        """Refuse a call that another server would answer with nothing."""
        for unit, following in zip(checked.units, checked.units[1:], strict=False):
            name = unit.text.rstrip(">").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
            if unit.kind in (Kind.IRI, Kind.NAME) and following.text == "(" and name in self._functions:
                raise QueryError(f"{unit.text} is a function of the embedded store, not of the other server")

    def _has_graph(self, iri: str) -> bool:
        return self._select(f"ASK {{ GRAPH <{check_iri(iri)}> {{ ?s ?p ?o }} }}").boolean is True

    def _graph_query(self, iri: str | None) -> str:
        if iri is None:
            raise QueryError("the default graph of the other server may be all its graphs; name one")
        if not self._has_graph(iri):
            raise NoGraphError(f"there is no graph {iri}")
        return f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{iri}> {{ ?s ?p ?o }} }}"

    def _send_update(self, text: str, dataset: Any = None) -> None:
        default, named = dataset or ((), ())
        assert self._update_url is not None  # noqa: S101 - asked before
        with told(self.limits.seconds):
            response = self.client.post(
                self._update_url,
                params={"using-graph-uri": list(default), "using-named-graph-uri": list(named)},
                content=text.encode(),
                headers={"content-type": "application/sparql-update"},
            )
        self.check(response)

    def _change_steps(self, command: Mapping[str, Any]) -> dict[str, Any]:
        try:
            self._send_update(command["text"])
        except KgServiceError as error:
            raise CatalogError(f"{command['what']} cannot be stored: {error}") from error
        return {}

    def _change_text(self, command: Mapping[str, Any], *, protect: bool) -> dict[str, Any]:
        if protect:
            raise ProtectedGraphError(
                "another server cannot be made to take an update back that changed the guideline; "
                "start with --allow-guideline-updates, or use the graph store protocol"
            )
        check_update(command["text"], self._services)
        self._send_update(self._with_base(command), command["dataset"])
        return {}

    def _change_graph(self, command: Mapping[str, Any], *, protect: bool) -> dict[str, Any]:
        iri = command["graph"]
        if iri is None:
            raise QueryError("the default graph of the other server may be all its graphs; name one")
        if protect and iri in map(str, (CATALOGUE, *BackendStore(self).knowledge_graphs())):
            raise ProtectedGraphError(f"{iri} is read only; choose another name")
        existed = self._has_graph(iri)
        if command["documents"] is None and not existed:
            raise NoGraphError(f"there is no graph {iri}")
        removal = [f"DROP SILENT GRAPH <{iri}>"] if command["replace"] else []
        triples = self._triples(command) if command["documents"] is not None else ""
        insertion = [f"INSERT DATA {{ GRAPH <{iri}> {{ {triples} }} }}"] if triples else []
        self._send_update(" ;\n".join(removal + insertion))
        return {"existed": existed}

    def _triples(self, command: Mapping[str, Any]) -> str:
        """Return the triples of documents, read in a process with limits, as N-Triples."""
        if self._reader is None:
            self._reader = Workers(None, self.limits, is_empty=True)
        answer = self._reader.ask({"documents": command["documents"], "base": command["base"]})
        answer.begin()
        answer.complete()
        return answer.first.decode()

    def _load_knowledge(self) -> None:
        """Put the knowledge base of this release there, unless it is there; refuse to go on without."""
        here = Store()
        here.load_knowledge()
        wanted = {(g.iri, g.triples) for g in here.graphs()}
        there = BackendStore(self)
        if wanted <= {(g.iri, g.triples) for g in there.graphs()}:
            return
        if self._update_url is None:
            raise CatalogError(
                f"{self._query_url}: does not hold the knowledge base of this release; "
                "give the update URL after a comma, or load it there"
            )
        there.load_knowledge()


@contextmanager
def told(seconds: float) -> Iterator[None]:
    """Turn what can go wrong on the way into what is told.

    Parameters
    ----------
    seconds : float
        What the request was given [s].
    """
    try:
        yield
    except httpx.TimeoutException as error:
        raise TimedOutError(seconds) from error
    except httpx.HTTPError as error:
        raise RemoteError(f"{type(error).__name__}: {error}") from error
