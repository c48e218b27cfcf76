"""CDS Hooks 2.0 as HTTP routes: discovery, services, feedback."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from kg_service.cds_hooks import HOOKS, cards_of
from kg_service.cds_hooks_models import CardsJson, FeedbackRequest, HookRequest, ServiceJson, ServicesJson
from kg_service.cds_hooks_request import HookBindings, MissingPrefetchError
from kg_service.errors import InputError, Problem, UnknownNameError
from kg_service.linked_data import ROOT
from kg_service.linked_data_api import language_of
from kg_service.request_log import LOGGER
from kg_service.sparql_api import PROBLEM, PROBLEM_CONTENT, Shared, read_body

PATH = "/cds-services"
NO_REASON = "none"
_Body = TypeVar("_Body", bound=BaseModel)
ServiceId = Annotated[str, Path(alias="id", description="Id of a service; GET /cds-services lists all.")]
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "Malformed, or contradicts itself", "content": PROBLEM_CONTENT},
    404: {"description": "No such service", "content": PROBLEM_CONTENT},
    413: {"description": "Body too large", "content": PROBLEM_CONTENT},
}
_NEEDS: dict[int | str, dict[str, Any]] = {
    412: {"description": "A required prefetch is absent", "content": PROBLEM_CONTENT}
}
router = APIRouter()


def _inlined(schema: Any, known: dict[str, Any]) -> Any:
    """Return a JSON Schema with what it refers to in its place; none of ours refers to itself."""
    if isinstance(schema, list):
        return [_inlined(one, known) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(known[schema["$ref"].rsplit("/", 1)[-1]], known)
    return {key: _inlined(value, known) for key, value in schema.items() if key != "$defs"}


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    content = {"application/json": {"schema": _inlined(schema, schema.get("$defs", {}))}}
    return {"requestBody": {"required": True, "content": content}}


@router.get(PATH)
def list_services(request: Request, shared: Shared) -> ServicesJson:
    """List the CDS Hooks services, with the FHIR data that they ask for in advance."""
    base, language = shared.base, language_of(request)
    wording = base.wording(base.compiled(), language)
    prefetch = {p.key: p.template for p in HookBindings(base.graph).prefetch.values()}
    services: list[ServiceJson] = [
        {
            "hook": hook,
            "id": service,
            "title": wording.word("hooks", f"title_{hook}"),
            "description": wording.word("hooks", f"description_{hook}"),
            "prefetch": prefetch,
        }
        for service, hook in HOOKS.items()
    ]
    return {"services": services}


@router.post(
    PATH + "/{id}",
    openapi_extra=_body_of(HookRequest),
    responses={200: {"model": CardsJson}, **_REFUSED, **_NEEDS},
)
async def call_service(request: Request, shared: Shared, service: ServiceId) -> Response:
    """Answer a hook with cards; no FHIR server is called, so what is decided on comes with the request."""
    _check(service)
    body = await read_body(request)
    return await run_in_threadpool(_cards, body, request, shared, service)


@router.post(
    PATH + "/{id}/feedback",
    openapi_extra=_body_of(FeedbackRequest),
    response_class=Response,
    responses={200: {"description": "Counted"}, **_REFUSED},
)
async def take_feedback(request: Request, service: ServiceId) -> Response:
    """Count what became of cards: the outcome and, of our reasons, which; nothing else is kept."""
    _check(service)
    try:
        sent = _read(FeedbackRequest, await read_body(request))
    except InputError as error:
        return _refused(HTTPStatus.BAD_REQUEST, error)
    bindings = HookBindings(request.app.state.shared.base.graph)
    for item in sent.feedback:
        given = item.override_reason.reason if item.override_reason else None
        reason = bindings.known_reason(given.system, given.code) if given else NO_REASON
        request.app.state.metrics.count_feedback(service, item.outcome, reason)
        told = {"service": service, "outcome": item.outcome, "reason": reason}
        LOGGER.info("feedback", extra={"told": told})
    return Response(status_code=HTTPStatus.OK)


def _cards(body: bytes, request: Request, shared: Shared, service: str) -> Response:
    language = language_of(request)
    base = shared.base
    try:
        sent = _read(HookRequest, body)
        if sent.hook != HOOKS[service]:
            raise InputError([Problem("hook", f"{sent.hook!r:.40}", HOOKS[service])])
        root = f"{str(request.base_url).rstrip('/')}{ROOT}"
        cards = cards_of(sent, service, base, HookBindings(base.graph), root, language)
    except MissingPrefetchError as error:
        return _refused(HTTPStatus.PRECONDITION_FAILED, error)
    except InputError as error:
        return _refused(HTTPStatus.BAD_REQUEST, error)
    headers = {"content-language": language, "vary": "Accept-Language"}
    return JSONResponse({"cards": cards}, headers=headers)


def _check(service: str) -> None:
    if service not in HOOKS:
        raise UnknownNameError("CDS service", service, list(HOOKS))


def _read(model: type[_Body], body: bytes) -> _Body:
    """Return a body as its model.

    Raises
    ------
    InputError
        With every problem; no value that was sent is told again.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise InputError(
            [
                Problem(".".join(str(part) for part in d["loc"]) or "body", d["type"], d["msg"])
                for d in error.errors(include_input=False, include_url=False, include_context=False)
            ]
        ) from error


def _refused(status: HTTPStatus, error: InputError) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": "The request cannot be answered",
        "status": status,
        "detail": f"{len(error.problems)} problem(s); no card was made",
        "problems": [vars(problem) for problem in error.problems],
    }
    return JSONResponse(body, status, media_type=PROBLEM)
