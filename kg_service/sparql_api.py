"""The SPARQL face: Protocol, service description and Graph Store Protocol as HTTP routes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.types import Receive, Scope, Send

from kg_service.backend import AnswerStream
from kg_service.endpoint import Endpoint
from kg_service.errors import QueryError
from kg_service.graph_store import DOCUMENT_TYPES, GraphName, documents, named_graph
from kg_service.negotiation import ALIASES, GRAPH_TYPES, RESULT_TYPES, accepted_types
from kg_service.protocol_errors import (
    BodyTooLargeError,
    NoGraphError,
    PartialAnswerError,
    UnsuitableFormError,
)
from kg_service.service_description import describe, written
from kg_service.sparql_protocol import (
    POST_TYPES,
    Operation,
    Parameters,
    form_parameters,
    read_get,
    read_post,
)

MAX_BODY = 20_000_000
"""Largest request body [byte]."""
HTTP_1_0 = "1.0"
"""A version that has no way to tell that a streamed answer broke off."""
GRAPH_STORE = "/rdf-graph-store"
PROBLEMS = {
    400: "Malformed, or refused",
    406: "No accepted media type suits the answer",
    413: "Body too large",
    415: "Media type not read",
    500: "Answer too large, or more memory needed than allowed",
    503: "Too many queries at a time; see Retry-After",
    504: "Stopped at its deadline",
}
_ANSWERS: dict[str, Any] = {media_type: {} for media_type in (*RESULT_TYPES, *GRAPH_TYPES)}
PROBLEM = "application/problem+json"
PROBLEM_CONTENT = {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
_REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": PROBLEM_CONTENT} for status, text in PROBLEMS.items()
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The complete answer", "content": _ANSWERS},
    **_REFUSED,
}
_CHANGED: dict[int | str, dict[str, Any]] = {
    **_REFUSED,
    201: {"description": "Made; Location names it where the request did not"},
    204: {"description": "Changed"},
}
_PARAMETERS = [
    {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
    for name, schema, description in (
        ("query", {"type": "string"}, "A SPARQL 1.1 query; the service description without one."),
        ("default-graph-uri", {"type": "array", "items": {"type": "string"}}, "Graphs of the default graph."),
        ("named-graph-uri", {"type": "array", "items": {"type": "string"}}, "Named graphs to ask."),
    )
]
_GRAPH_PARAMETERS = [
    {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": description}
    for name, description in (("graph", "IRI of a graph."), ("default", "The default graph; has no value."))
]
_POST_BODY = {
    "required": True,
    "content": {media_type: {"schema": {"type": "string"}} for media_type in POST_TYPES},
}
_GRAPH_BODY = {
    "required": True,
    "content": {media_type: {"schema": {"type": "string"}} for media_type in DOCUMENT_TYPES},
}


def endpoint_of(request: Request) -> Endpoint:
    """Return the state of the service."""
    endpoint: Endpoint = request.app.state.shared
    return endpoint


Shared = Annotated[Endpoint, Depends(endpoint_of)]
router = APIRouter()


class StreamedAnswer(Response):
    """An answer sent as it comes; one that breaks off is never ended as if it were complete."""

    def __init__(self, answer: AnswerStream) -> None:
        self.answer = answer
        headers = {"vary": "Accept"}
        if answer.is_complete:
            headers["content-length"] = str(len(answer.first))
        super().__init__(None, headers=headers, media_type=_with_encoding(answer.media_type))
        if not answer.is_complete:
            del self.headers["content-length"]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; leave the last part out, which closes the connection, when it breaks off."""
        answer = self.answer
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if answer.is_complete:
            await send({"type": "http.response.body", "body": answer.first})
            return
        watch = asyncio.create_task(_hang_up_with_client(receive, answer))
        try:
            await send({"type": "http.response.body", "body": answer.first, "more_body": True})
            with suppress(PartialAnswerError):
                async for part in iterate_in_threadpool(answer.rest()):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        finally:
            watch.cancel()
            await run_in_threadpool(answer.close)


@router.head("/sparql", include_in_schema=False)
@router.get(
    "/sparql", response_class=Response, responses=RESPONSES, openapi_extra={"parameters": _PARAMETERS}
)
async def sparql_get(request: Request, shared: Shared) -> Response:
    """Answer a SPARQL query over ontology, guideline, records and conclusions, or describe the service."""
    operation = read_get(_parameters(request))
    if operation is None:
        return await run_in_threadpool(_description, request, shared)
    return await _answer(request, shared, operation)


@router.post(
    "/sparql",
    response_class=Response,
    responses=RESPONSES | {204: {"description": "Updated"}},
    openapi_extra={"requestBody": _POST_BODY},
)
async def sparql_post(request: Request, shared: Shared) -> Response:
    """Answer a SPARQL query, or make an update (needs the token), sent as a form or as the body."""
    body = await read_body(request)
    operation = read_post(request.headers.get("content-type"), body, _parameters(request))
    if operation.kind == "query":
        return await _answer(request, shared, operation)
    shared.authorize(request.headers.get("authorization"))
    return await run_in_threadpool(_update, request, shared, operation)


@router.options("/sparql", status_code=204, include_in_schema=False)
async def sparql_options() -> Response:
    """Tell what the endpoint takes."""
    return _options("GET, HEAD, POST, OPTIONS", POST_TYPES)


@router.head(GRAPH_STORE + "{path:path}", include_in_schema=False)
@router.get(
    GRAPH_STORE + "{path:path}",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra={"parameters": _GRAPH_PARAMETERS},
)
async def read_graph(request: Request, shared: Shared, path: str) -> Response:
    """Return one graph."""
    command = {"graph": _graph(request, path).iri, "accepted": _accepted(request, GRAPH_TYPES)}
    return await _begin(request, shared, command)


@router.put(
    GRAPH_STORE + "{path:path}",
    status_code=204,
    responses=_CHANGED,
    openapi_extra={"parameters": _GRAPH_PARAMETERS, "requestBody": _GRAPH_BODY},
)
async def replace_graph(request: Request, shared: Shared, path: str) -> Response:
    """Put a document in place of a graph; needs the token."""
    return await _change_graph(request, shared, _graph(request, path), replace=True)


@router.post(
    GRAPH_STORE + "{path:path}",
    status_code=204,
    responses=_CHANGED,
    openapi_extra={"parameters": _GRAPH_PARAMETERS, "requestBody": _GRAPH_BODY},
)
async def add_to_graph(request: Request, shared: Shared, path: str) -> Response:
    """Add a document to a graph, or to a new one whose name is returned; needs the token."""
    if path.strip("/") or named_graph(_parameters(request), _url(request)) is not None:
        return await _change_graph(request, shared, _graph(request, path), replace=False)
    location = f"{_url(request).rstrip('/')}/{uuid4()}"
    response = await _change_graph(request, shared, GraphName(location), replace=False)
    response.headers["location"] = location
    return response


@router.delete(
    GRAPH_STORE + "{path:path}",
    status_code=204,
    responses=_CHANGED,
    openapi_extra={"parameters": _GRAPH_PARAMETERS},
)
async def remove_graph(request: Request, shared: Shared, path: str) -> Response:
    """Remove a graph; needs the token."""
    shared.authorize(request.headers.get("authorization"))
    command = {"graph": _graph(request, path).iri, "documents": None, "replace": True}
    await run_in_threadpool(_make, request, shared, command)
    return Response(status_code=204)


@router.options(GRAPH_STORE + "{path:path}", status_code=204, include_in_schema=False)
async def graph_options() -> Response:
    """Tell what the graph store takes."""
    return _options("GET, HEAD, PUT, POST, DELETE, OPTIONS", (*DOCUMENT_TYPES, "multipart/form-data"))


async def read_body(request: Request) -> bytes:
    """Return the body of a request.

    Raises
    ------
    BodyTooLargeError
        As soon as it is seen to be too large.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise BodyTooLargeError(f"the body is larger than {MAX_BODY} bytes; send it in parts")
    return bytes(body)


async def _answer(request: Request, shared: Endpoint, operation: Operation) -> Response:
    command = {
        "text": operation.text,
        "accepted": _accepted(request, (*RESULT_TYPES, *GRAPH_TYPES)),
        "base": _url(request),
        "dataset": operation.dataset,
    }
    return await _begin(request, shared, command)


async def _begin(request: Request, shared: Endpoint, command: dict[str, Any]) -> Response:
    answer = await run_in_threadpool(shared.backend.ask, command)
    watch = asyncio.create_task(_hang_up_with_client(request.receive, answer))
    try:
        await run_in_threadpool(answer.begin)
        if request.scope["http_version"] == HTTP_1_0:
            await run_in_threadpool(answer.complete)
    finally:
        watch.cancel()
    return StreamedAnswer(answer)


async def _hang_up_with_client(receive: Receive, answer: AnswerStream) -> None:
    """End the work as soon as nobody waits for it."""
    while (await receive())["type"] != "http.disconnect":
        pass
    answer.hang_up()


def _description(request: Request, shared: Endpoint) -> Response:
    (media_type, *_) = _accepted(request, GRAPH_TYPES)
    known = set(shared.graphs.store.knowledge_graphs())
    graphs = [graph for graph in shared.graphs.store.graphs() if graph.iri in known]
    description = describe(_url(request), graphs, shared.abilities)
    return Response(
        written(description, media_type), media_type=_with_encoding(media_type), headers={"vary": "Accept"}
    )


def _update(request: Request, shared: Endpoint, operation: Operation) -> Response:
    command = {
        "kind": "text",
        "text": operation.text,
        "base": _url(request),
        "dataset": operation.dataset,
    }
    shared.backend.update(command, protect=not shared.settings.guideline_is_writable)
    return Response(status_code=204)


async def _change_graph(request: Request, shared: Endpoint, graph: GraphName, *, replace: bool) -> Response:
    shared.authorize(request.headers.get("authorization"))
    sent = documents(request.headers.get("content-type"), await read_body(request))
    command = {"graph": graph.iri, "documents": sent, "replace": replace}
    told = await run_in_threadpool(_make, request, shared, command)
    return Response(status_code=204 if told["existed"] else 201)


def _make(request: Request, shared: Endpoint, command: dict[str, Any]) -> dict[str, Any]:
    whole = {"kind": "graph", "base": command["graph"] or _url(request), **command}
    return shared.backend.update(whole, protect=not shared.settings.guideline_is_writable)


def _graph(request: Request, path: str) -> GraphName:
    """Return the graph that a request names: by a parameter, or by its own URL."""
    if path and not path.startswith("/"):
        raise NoGraphError(f"{_url(request)} is not below {GRAPH_STORE}/")
    graph = named_graph(_parameters(request), _url(request))
    if graph is not None:
        return graph
    if not path.strip("/"):
        raise QueryError("no graph; name one, by graph=IRI or by default")
    return GraphName(_url(request))


def _accepted(request: Request, offered: tuple[str, ...]) -> list[str]:
    accepted = accepted_types(request.headers.get("accept"), offered)
    if not accepted:
        known = ", ".join((*offered, *ALIASES))
        raise UnsuitableFormError(f"nothing that is accepted can be written; it can be {known}")
    return accepted


def _parameters(request: Request) -> Parameters:
    return form_parameters(request.scope["query_string"].decode("latin-1"))


def _url(request: Request) -> str:
    """Return the URL that was called, without its parameters, escapes as they were sent."""
    path = request.scope.get("raw_path") or request.url.path.encode()
    return f"{request.url.scheme}://{request.url.netloc}{path.decode('latin-1').partition('?')[0]}"


def _with_encoding(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def _options(methods: str, media_types: tuple[str, ...]) -> Response:
    return Response(status_code=204, headers={"allow": methods, "accept-post": ", ".join(media_types)})
