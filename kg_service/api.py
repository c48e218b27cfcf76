"""The HTTP API: every route parses, calls one use case, and returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

from kg_service import __version__, web_api
from kg_service.answers import RecordAnswerJson, answers_json, answers_turtle
from kg_service.assumption_report import DeclaredAssumptionJson, declared_json
from kg_service.cds_hooks_api import router as cds_hooks_router
from kg_service.compiler import CompiledGuideline
from kg_service.endpoint import Endpoint, ServiceSettings
from kg_service.errors import CatalogError, InputError, KgServiceError, Problem, QueryError, UnknownNameError
from kg_service.exchange import json_ld_context, json_schema
from kg_service.explanation_forms import MEDIA_TYPES, ExplanationForm, explanations_in
from kg_service.explanation_report import ExplanationJson, explanation_json
from kg_service.guideline_report import GuidelineJson, guidelines_json
from kg_service.linked_data import LinkedData
from kg_service.linked_data_api import chosen_type, language_of
from kg_service.linked_data_api import router as linked_data_router
from kg_service.metrics import MEDIA_TYPE as METRICS_TYPE
from kg_service.metrics import Metrics
from kg_service.protocol_errors import ProtocolError
from kg_service.queries_api import query_routes
from kg_service.readings_report import ReadingsJson, readings_json
from kg_service.record import SetAssumption
from kg_service.relations_report import RelatedGuidelinesJson, related_json
from kg_service.request_log import RequestLog
from kg_service.schedules import ScheduleCalculator, ScheduleValues
from kg_service.service import AssessedRecord, Batch, KnowledgeBase, parse_readings
from kg_service.side_by_side import compare_guidelines
from kg_service.side_by_side_report import ComparedCaseJson, compared_json
from kg_service.sparql_api import PROBLEM, PROBLEM_CONTENT, Shared, read_body
from kg_service.sparql_api import router as sparql_router
from kg_service.text import assessment_text, nothing_to_assess
from kg_service.validation_cases import FindingJson, record_findings
from kg_service.wording import Language

MAX_SCHEDULES = 100
"""Most values of one query parameter."""
CORS: dict[str, Any] = {
    "allow_methods": ["GET", "HEAD", "POST", "PUT", "DELETE"],
    "allow_headers": ["accept", "authorization", "content-type"],
    "expose_headers": ["location", "retry-after"],
}
"""What pages of an allowed origin may send, and read."""
JSON = "application/json"
JSON_LD = "application/ld+json"
SUFFIXES = {
    "text/turtle": ".ttl",
    "application/n-triples": ".nt",
    "application/n-quads": ".nq",
    "application/trig": ".trig",
    JSON_LD: ".jsonld",
}
RECORD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "object"} if "json" in media else {"type": "string"}}
            for media in (JSON, "application/fhir+json", JSON_LD, "text/turtle")
        },
    }
}
PROBLEMS = {
    400: "Malformed, or not known",
    404: "No such name",
    406: "No accepted media type suits",
    413: "Body too large",
    415: "Media type not read",
    422: "The input cannot be used",
}
WRITE_PROBLEMS = {401: "The token is missing or wrong", 403: "Changes are not allowed"}

Lang = Annotated[Language, Query(description="Language of the answer.")]
GuidelineName = Annotated[
    str | None,
    Query(
        alias="guideline",
        description="Id of the guideline that decides; the default one otherwise. GET /guidelines lists all.",
    ),
]
Readings = Annotated[list[str], Query(alias="reading", description="A reading to use, as A27=c.")]
ProfileName = Annotated[
    str | None,
    Query(
        alias="profile",
        description="Readings selected together, such as strict; a reading wins over it. "
        "GET /readings lists the names.",
    ),
]
Robust = Annotated[
    bool, Query(description="Tell which answers are the same under every reading, and what others hang on.")
]
Assume = Annotated[
    list[str],
    Query(
        description="A local assumption: what a word without a number means, as NAME=VALUE UNIT. "
        "May be repeated. GET /assumptions lists the names."
    ),
]
ReferenceDate = Annotated[
    str | None,
    Query(
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="Day the assessment speaks of, for records that give none.",
    ),
]


router = APIRouter()


def create_app(
    base: KnowledgeBase | None = None,
    records: list[AssessedRecord] | None = None,
    settings: ServiceSettings | None = None,
) -> FastAPI:
    """Return the application over a knowledge base, with some records loaded.

    Parameters
    ----------
    base : KnowledgeBase, optional
        The knowledge base; a fresh one otherwise.
    records : list of AssessedRecord, optional
        Records that SPARQL sees from the start.
    settings : ServiceSettings, optional
        How it is run: store, limits, who may write.
    """
    settings = settings or ServiceSettings()
    endpoint = Endpoint(base or KnowledgeBase(), records or [], settings)
    app = FastAPIOffline(
        title="bonemet-kg",
        version=__version__,
        description="A radiotherapy guideline for bone metastases that decides, with proofs. "
        "It informs a decision; it does not take one.",
        lifespan=_opened,
    )
    app.state.shared = endpoint
    app.state.linked = LinkedData(endpoint.base)
    app.state.metrics = Metrics(lambda: endpoint.waiting)
    for routes in (router, query_routes(), sparql_router, linked_data_router, cds_hooks_router):
        app.include_router(routes)
    web_api.install(app, endpoint)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    if settings.origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.origins, **CORS)
    app.add_middleware(RequestLog, metrics=app.state.metrics)
    _document_problems(app)
    return app


@asynccontextmanager
async def _opened(app: FastAPI) -> AsyncIterator[None]:
    """Have the store while the application runs."""
    limits = app.state.shared.settings.limits
    # A query that runs or waits holds a thread; the other routes keep theirs.
    current_default_thread_limiter().total_tokens += limits.running + limits.waiting
    await run_in_threadpool(app.state.shared.open)
    try:
        yield
    finally:
        await run_in_threadpool(app.state.shared.close)


async def read_batch(request: Request, shared: Shared, reference_date: ReferenceDate = None) -> Batch:
    """Read the records of a request body; all of them must be usable.

    Raises
    ------
    InputError
        With every problem of every record.
    """
    body = await read_body(request)
    media = request.headers.get("content-type", JSON).split(";")[0].strip().lower()
    if media not in SUFFIXES and "json" not in media:
        raise StarletteHTTPException(415, f"{media}: send JSON, FHIR JSON, or one of {', '.join(SUFFIXES)}")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError([Problem("body", f"byte {error.start} is not UTF-8", "text in UTF-8")]) from error
    batch = Batch()
    await run_in_threadpool(
        shared.base.read_text, text, "body", batch, SUFFIXES.get(media, ".json"), reference_date
    )
    if batch.problems:
        raise InputError(batch.problems)
    return batch


ReadBatch = Annotated[Batch, Depends(read_batch)]


def deciding(shared: Shared, guideline: GuidelineName = None) -> KnowledgeBase:
    """Return the knowledge base of the guideline that the request names."""
    return shared.base.of(guideline)


Base = Annotated[KnowledgeBase, Depends(deciding)]


def compiled_under(
    base: Base,
    readings: Readings = [],  # noqa: B006 - FastAPI copies it
    profile: ProfileName = None,
) -> CompiledGuideline:
    """Return the guideline under the readings and the profile of the request."""
    return base.compiled(parse_readings(readings), profile)


Compiled = Annotated[CompiledGuideline, Depends(compiled_under)]


def assumptions_set(base: Base, assume: Assume = []) -> tuple[SetAssumption, ...]:  # noqa: B006 - FastAPI copies it
    """Return the local assumptions that the request sets."""
    return base.set_assumptions(assume, "assume")


Assumptions = Annotated[tuple[SetAssumption, ...], Depends(assumptions_set)]


@router.post(
    "/assess",
    openapi_extra=RECORD_BODY,
    responses={200: {"model": list[RecordAnswerJson]}},
)
def assess_records(
    request: Request,
    base: Base,
    batch: ReadBatch,
    compiled: Compiled,
    assumptions: Assumptions,
    lang: Lang = "en",
    *,
    robust: Robust = False,
) -> Response:
    """Tell what applies to each lesion, what is contraindicated, what follows and what to ask next."""
    assessed = _assess_all(base, batch, compiled, assumptions)
    if robust:
        assessed = [base.examine(item, compiled) for item in assessed]
    wording = base.wording(compiled, lang)
    texts = {
        "text/plain": lambda: _text(assessed, base, compiled, lang),
        "text/turtle": lambda: answers_turtle(assessed, compiled),
    }
    return _respond(request, texts, lambda: answers_json(assessed, wording))


@router.get("/compare")
def compare_the_guidelines(
    shared: Shared,
    guideline: Annotated[
        list[str], Query(description="Id of a guideline to compare; all otherwise. May be repeated.")
    ] = [],  # noqa: B006 - FastAPI copies it
    lang: Lang = "en",
) -> list[RelatedGuidelinesJson]:
    """Tell what guidelines say of each other, whatever the case: by option and by recommendation."""
    return [related_json(pair, shared.base, lang) for pair in shared.base.related(guideline)]


@router.post("/compare", openapi_extra=RECORD_BODY, responses={200: {"model": list[ComparedCaseJson]}})
def compare_records(
    shared: Shared,
    batch: ReadBatch,
    guideline: Annotated[
        list[str], Query(description="Id of a guideline to compare; all otherwise. May be repeated.")
    ] = [],  # noqa: B006 - FastAPI copies it
    lang: Lang = "en",
) -> Response:
    """Tell what several guidelines say of each lesion: where they agree, and where they do not."""
    found = [case for record in batch.records for case in compare_guidelines(shared.base, record, guideline)]
    return JSONResponse([compared_json(case, shared.base, lang) for case in found])


@router.post(
    "/explain/{conclusion}",
    openapi_extra=RECORD_BODY,
    responses={
        200: {
            "model": list[ExplanationJson],
            "description": "The explanations, one a lesion, in the form of the Accept header",
            "content": {media: {} for media in MEDIA_TYPES.values()},
        },
    },
)
def explain_conclusion(
    request: Request,
    conclusion: Annotated[
        str, Path(description="Id of a recommendation, name of an option, or prescription.")
    ],
    base: Base,
    batch: ReadBatch,
    compiled: Compiled,
    assumptions: Assumptions,
    lesion: Annotated[str | None, Query(description="Id of one lesion; every lesion otherwise.")] = None,
    lang: Annotated[
        Language | None, Query(description="Language of the answer; that of Accept-Language otherwise.")
    ] = None,
) -> Response:
    """Prove one answer: the facts it rests on, what would change it, what would settle it."""
    assessed = _assess_all(base, batch, compiled, assumptions)
    found = [e for item in assessed for e in base.explain(item, conclusion, compiled, lesion)]
    language = lang or language_of(request)
    texts = {
        media: partial(explanations_in, form, found, base, language)
        for form, media in MEDIA_TYPES.items()
        if form is not ExplanationForm.JSON
    }
    wording = base.wording(compiled, language)
    response = _respond(request, texts, lambda: [explanation_json(e, wording) for e in found])
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


@router.post("/validate", openapi_extra=RECORD_BODY, responses={200: {"model": list[FindingJson]}})
def validate_record(
    shared: Shared, batch: ReadBatch, lang: Lang = "en", *, eligibility: Annotated[bool, Query()] = False
) -> Response:
    """Check records against the SHACL record shapes, and the generated shapes if asked."""
    findings = [
        f
        for record in batch.records
        for f in record_findings(shared.base, record, lang, eligibility=eligibility)
    ]
    return JSONResponse(findings)


@router.post("/records", status_code=201, openapi_extra=RECORD_BODY)
def keep_records(request: Request, shared: Shared, batch: ReadBatch) -> list[str]:
    """Keep records and their conclusions as named graphs; return the graphs."""
    shared.authorize_records(request.headers.get("authorization"))
    return [
        str(iri)
        for item in _assess_all(shared.base, batch, shared.base.compiled())
        for iri in shared.graphs.add(item)
    ]


@router.delete("/records/{document}", status_code=204)
def forget_record(request: Request, shared: Shared, document: str) -> None:
    """Forget a record and its conclusions."""
    shared.authorize_records(request.headers.get("authorization"))
    shared.graphs.remove(document)


@router.get("/guidelines")
def list_guidelines(shared: Shared, lang: Lang = "en") -> list[GuidelineJson]:
    """List the guidelines that can decide, the default one first."""
    return guidelines_json(shared.base, lang)


@router.get("/readings")
def list_readings(base: Base, lang: Lang = "en") -> ReadingsJson:
    """List the ambiguities of the source, their readings, which are adopted, and the profiles."""
    return readings_json(base.wording(base.compiled(), lang))


@router.get("/assumptions")
def list_assumptions(base: Base, lang: Lang = "en") -> list[DeclaredAssumptionJson]:
    """List the local assumptions that a request can set; none is set by itself."""
    wording = base.wording(base.compiled(), lang)
    return [declared_json(a, wording) for a in base.assumptions.declared.values()]


@router.get("/dose")
def compute_doses(
    shared: Shared,
    schedule: Annotated[
        list[str],
        Query(
            min_length=1,
            max_length=MAX_SCHEDULES,
            description="A total dose with its unit and a number of fractions: 30Gy/10. May be repeated.",
        ),
    ],
    ratio: Annotated[
        list[str],
        Query(
            alias="alpha-beta",
            max_length=MAX_SCHEDULES,
            description="Alpha/beta in Gy, or with its unit; every declared one otherwise. May be repeated.",
        ),
    ] = [],  # noqa: B006 - FastAPI copies defaults
    lang: Lang = "en",
) -> list[ScheduleValues]:
    """Compute what the declared functions make of schedules; each constant is told with its source."""
    compiled = shared.base.compiled()
    return ScheduleCalculator(compiled.schema.functions, shared.base.wording(compiled, lang)).values(
        schedule, ratio
    )


@router.get("/schema/record")
def record_schema(shared: Shared) -> dict[str, Any]:
    """Return the JSON Schema of records."""
    return json_schema(shared.base.compiled().schema, shared.base.limits)


@router.get(
    "/context/record.jsonld",
    response_class=Response,
    responses={200: {"description": "The context", "content": {JSON_LD: {}}}},
)
def record_context(shared: Shared) -> Response:
    """Return the JSON-LD context of records."""
    return JSONResponse(json_ld_context(shared.base.compiled().schema), media_type=JSON_LD)


@router.get("/health")
async def health(shared: Shared) -> dict[str, Any]:
    """Tell that the service is up, and what it answers from."""
    compiled = shared.base.compiled()
    return {
        "status": "ok",
        "version": __version__,
        "guideline": str(compiled.guideline.iri),
        "conclusions": len(compiled.guideline.recommendations),
    }


@router.get("/ready", responses={503: {"description": "Not ready", "content": PROBLEM_CONTENT}})
def ready(shared: Shared) -> dict[str, Any]:
    """Tell that the store answers."""
    return {"status": "ok", "graphs": len(shared.graphs.store.graphs())}


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "The counters", "content": {METRICS_TYPE: {}}}},
)
def metrics(request: Request) -> Response:
    """Return counters of requests for Prometheus; nothing of what they held."""
    return Response(request.app.state.metrics.text(), media_type=METRICS_TYPE)


def _assess_all(
    base: KnowledgeBase,
    batch: Batch,
    compiled: CompiledGuideline,
    assumptions: tuple[SetAssumption, ...] = (),
) -> list[AssessedRecord]:
    assessed = base.assess_batch(batch, compiled, assumptions)
    if batch.problems:
        raise InputError(batch.problems)
    return assessed


def _text(
    assessed: list[AssessedRecord], base: KnowledgeBase, compiled: CompiledGuideline, lang: Language
) -> str:
    wording = base.wording(compiled, lang)
    parts = [
        assessment_text(a, wording, item.record.notes, item.robustness.get(a.case.id))
        for item in assessed
        for a in item.assessments
    ]
    parts += [nothing_to_assess(item.record, wording) for item in assessed if not item.assessments]
    return "\n".join(parts)


def _respond(
    request: Request, texts: Mapping[str, Callable[[], str]], as_json: Callable[[], Any]
) -> Response:
    """Answer in the accepted form that weighs most: as JSON, or in one of the text forms.

    Raises
    ------
    UnsuitableFormError
        When none of them is accepted.
    """
    media_type = chosen_type(request, [JSON, *texts])
    if media_type == JSON:
        return JSONResponse(as_json())
    return PlainTextResponse(texts[media_type](), media_type=f"{media_type}; charset=utf-8")


def _problem(
    status: int,
    title: str,
    detail: str,
    problems: list[Problem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if problems:
        body["problems"] = [vars(problem) for problem in problems]
    return JSONResponse(body, status, headers, media_type=PROBLEM)


def _on_input_error(_request: Request, error: Exception) -> JSONResponse:
    problems = error.problems if isinstance(error, InputError) else []
    return _problem(
        422, "The input cannot be used", f"{len(problems)} problem(s); nothing was assessed", problems
    )


def _on_error(_request: Request, error: Exception) -> JSONResponse:
    status = 404 if isinstance(error, UnknownNameError) else 400
    title = (
        "The query cannot be answered" if isinstance(error, QueryError) else "The request cannot be answered"
    )
    return _problem(status, title, str(error))


def _on_protocol_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProtocolError)  # noqa: S101 - registered for it alone
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return _problem(error.status, "The request cannot be answered", str(error), headers=headers)


def _on_store_error(_request: Request, error: Exception) -> JSONResponse:
    return _problem(503, "The store does not answer", str(error), headers={"retry-after": "1"})


def _on_parameter_error(_request: Request, error: Exception) -> JSONResponse:
    details = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [
        Problem(
            " ".join(str(part) for part in d["loc"]),
            f"{d.get('input')!r}",
            d["msg"],
            "Correct the parameter.",
        )
        for d in details
    ]
    return _problem(
        422, "The request cannot be answered", f"{len(problems)} parameter(s) are not right", problems
    )


def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, StarletteHTTPException) else 500
    detail = error.detail if isinstance(error, StarletteHTTPException) else ""
    headers = error.headers if isinstance(error, StarletteHTTPException) else None
    return _problem(status, "The request cannot be answered", str(detail), headers=headers)


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    InputError: _on_input_error,
    KgServiceError: _on_error,
    CatalogError: _on_store_error,
    ProtocolError: _on_protocol_error,
    RequestValidationError: _on_parameter_error,
    StarletteHTTPException: _on_http_error,
}


def _document_problems(app: FastAPI) -> None:
    """Tell in the OpenAPI description which problems each operation can answer with."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document: dict[str, Any] = original()
        strings = {key: {"type": "string"} for key in ("where", "found", "expected", "remedy")}
        document.setdefault("components", {}).setdefault("schemas", {})["ProblemDetails"] = {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "problems": {"type": "array", "items": {"type": "object", "properties": strings}},
            },
        }
        for operations in document["paths"].values():
            for method, operation in operations.items():
                operation["responses"] = _with_problems(method, operation["responses"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _with_problems(method: str, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the responses of an operation with the problems that any of them can answer with."""
    known = PROBLEMS if method == "get" else PROBLEMS | WRITE_PROBLEMS
    problems: dict[str, Any] = {
        str(status): {"description": text, "content": PROBLEM_CONTENT} for status, text in known.items()
    }
    for status, response in described.items():
        found = problems.get(status, response)
        problems[status] = {**found, "description": response["description"]}
    return problems
