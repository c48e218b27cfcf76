"""The web pages as HTTP routes: case, guideline, SPARQL, cohort. They work without JavaScript too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from kg_service.case_page import CasePage, CaseRequest
from kg_service.endpoint import Endpoint
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.linked_data_api import language_of
from kg_service.queries import load_queries
from kg_service.sparql_api import MAX_BODY, Shared, read_body
from kg_service.web_pages import EDITOR, STATIC, WebPages, editor_folder
from kg_service.wording import LANGUAGES, Language

PART = "x-part"
"""Header by which the page asks for its answers alone."""
MAX_FIELDS = 20_000
PREFIX = "p."
"""What the names of the parameters of a library query begin with on the page."""
POLICY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Nothing from elsewhere is loaded, nothing goes elsewhere, and what was typed is not kept."""
router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


def install(app: FastAPI, endpoint: Endpoint) -> None:
    """Add the pages, and the files that they load, to an application."""
    app.state.web = WebPages(endpoint.base, app.state.linked)
    app.state.cases = {language: CasePage(endpoint.base, language) for language in LANGUAGES}
    app.include_router(router)
    folder = editor_folder()
    if folder is not None:
        app.mount(EDITOR, StaticFiles(directory=folder), name="editor")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")


def chosen_language(request: Request, lang: Annotated[str | None, Query()] = None) -> Language:
    """Return the language that is asked for, or that the browser prefers."""
    return next((known for known in LANGUAGES if known == lang), language_of(request))


Lang = Annotated[Language, Depends(chosen_language)]


def pages_of(request: Request) -> WebPages:
    """Return what lays the pages out."""
    pages: WebPages = request.app.state.web
    return pages


Pages = Annotated[WebPages, Depends(pages_of)]


@router.get("/")
def empty_case(request: Request, pages: Pages, language: Lang) -> HTMLResponse:
    """Return the page of a case, nothing filled in."""
    return _page(pages.case(request.app.state.cases[language].answer(CaseRequest()), language))


@router.post("/")
async def case(request: Request, pages: Pages, language: Lang) -> HTMLResponse:
    """Return the page of a case as it is filled in, or its answers alone."""
    fields = await _fields(request)
    cases: CasePage = request.app.state.cases[language]

    def answer() -> str:
        answered = cases.answer(CaseRequest.of(fields))
        return pages.case(answered, language, part=PART in request.headers)

    return _page(await run_in_threadpool(answer))


@router.get("/guideline")
def guideline(pages: Pages, language: Lang) -> HTMLResponse:
    """Return the page of the guideline."""
    return _page(pages.guideline(language))


@router.get("/query")
def library_query(
    request: Request, pages: Pages, shared: Shared, language: Lang, name: str = "", run: str = ""
) -> HTMLResponse:
    """Return the page of queries, with one of the library and its answer if they are asked for."""
    chosen = load_queries().get(name)
    given = {
        key.removeprefix(PREFIX): value
        for key, value in request.query_params.items()
        if key.startswith(PREFIX) and value
    }
    if chosen is None or not run:
        return _page(pages.sparql(language, chosen=chosen, given=given))
    try:
        result = shared.graphs.run(name, given)
    except KgServiceError as error:
        return _page(pages.sparql(language, chosen=chosen, given=given, problem=str(error)))
    return _page(pages.sparql(language, chosen=chosen, given=given, result=result))


@router.post("/query")
async def own_query(request: Request, pages: Pages, shared: Shared, language: Lang) -> HTMLResponse:
    """Return the page of queries with the answer to the one that was sent."""
    fields = await _fields(request)
    text = "\n".join(fields.get("query", [])).replace("\r\n", "\n")

    def answer() -> str:
        try:
            return pages.sparql(language, text=text, result=shared.graphs.query(text))
        except KgServiceError as error:
            return pages.sparql(language, text=text, problem=str(error))

    return _page(await run_in_threadpool(answer))


@router.get("/cohort")
def cohort_form(pages: Pages, language: Lang) -> HTMLResponse:
    """Return the page that takes a table."""
    return _page(pages.cohort(language))


@router.post("/cohort")
async def cohort_audit(request: Request, pages: Pages, language: Lang) -> HTMLResponse:
    """Return the audit of the table that was sent."""
    async with request.form(max_files=1, max_part_size=MAX_BODY) as form:
        table: Any = form.get("table")
        carry, by = str(form.get("carry") or ""), str(form.get("by") or "")
        content, name = (b"", "") if isinstance(table, str | None) else (await table.read(), table.filename)

    def answer() -> str:
        try:
            if not content:
                raise InputError([Problem("table", "no file", "a table, CSV or Parquet")])
            return pages.audit(content, name, _names(carry), _names(by), language)
        except InputError as error:
            return pages.cohort(language, error.problems, carry, by)
        except KgServiceError as error:
            return pages.cohort(language, [Problem("table", str(error), "a cohort")], carry, by)

    return _page(await run_in_threadpool(answer))


def _names(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


async def _fields(request: Request) -> dict[str, list[str]]:
    body = await read_body(request)
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InputError([Problem("body", str(error), "the fields of a form, in UTF-8")]) from error


def _page(text: str) -> HTMLResponse:
    return HTMLResponse(text, headers=POLICY)
