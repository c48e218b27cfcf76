"""The query library as HTTP routes: one documented operation a query, with its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from kg_service.errors import InputError, Problem, UnknownNameError
from kg_service.negotiation import RESULT_TYPES
from kg_service.queries import ANY, LANGUAGES, REQUIRED, NamedQuery, Parameter, load_queries
from kg_service.sparql import negotiate
from kg_service.sparql_api import RESPONSES, Shared
from kg_service.wording import Language

PATH = "/queries"
_SCHEMAS: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "language": {"type": "string", "enum": list(LANGUAGES)},
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    **RESPONSES,
    200: {"description": "The complete answer", "content": {media_type: {} for media_type in RESULT_TYPES}},
}


def query_routes() -> APIRouter:
    """Return a route for the list of queries, and one for each query of the library."""
    router = APIRouter()
    router.add_api_route(PATH, list_queries, methods=["GET"])
    for query in load_queries().values():
        router.add_api_route(
            f"{PATH}/{query.name}",
            _runner(query),
            response_class=Response,
            methods=["GET"],
            summary=query.title(LANGUAGES[0]),
            description=query.description,
            operation_id=f"query_{query.name.replace('-', '_')}",
            responses=_ANSWERS,
            openapi_extra={"parameters": [_documented(p) for p in query.parameters.values()]},
        )
    router.add_api_route(f"{PATH}/{{name}}", unknown_query, methods=["GET"], include_in_schema=False)
    return router


def list_queries(lang: Language = "en") -> list[dict[str, Any]]:
    """List the query library."""
    return [
        {
            "name": query.name,
            "title": query.title(lang),
            "question": query.question,
            "description": query.description,
            "parameters": [
                {"name": p.name, "type": p.type, "default": p.default, "description": p.description}
                for p in query.parameters.values()
            ],
            "columns": list(query.columns),
        }
        for query in load_queries().values()
    ]


def unknown_query(name: str) -> Response:
    """Tell that there is no such query, and which is nearest."""
    raise UnknownNameError("query", name, list(load_queries()))


def _runner(query: NamedQuery) -> Callable[[Request, Shared], Response]:
    def run(request: Request, shared: Shared) -> Response:
        given = request.query_params
        problems = [
            Problem(f"{query.name}: {name}", f"given {len(found)} times", "one value")
            for name in given
            if len(found := given.getlist(name)) > 1
        ]
        if problems:
            raise InputError(problems)
        text, media_type = negotiate(
            shared.graphs.run(query.name, dict(given)), request.headers.get("accept")
        )
        return Response(text, media_type=media_type, headers={"vary": "Accept"})

    return run


def _documented(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter as OpenAPI describes it; one that is free unless given has no default."""
    schema = dict(_SCHEMAS.get(parameter.type, {"type": "string", "minLength": 1}))
    if parameter.default not in (REQUIRED, ANY):
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.default == REQUIRED,
        "schema": schema,
        "description": parameter.description,
    }
