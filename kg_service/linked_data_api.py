"""The linked-data face: IRIs of the project looked up, their pages, and what is published, as HTTP routes."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from rdflib import RDFS
from starlette.concurrency import run_in_threadpool

from kg_service.alignments import mapping_sets
from kg_service.endpoint import Endpoint
from kg_service.errors import UnknownNameError
from kg_service.linked_data import ROOT, LinkedData, description, iri_of, is_iri, resource_page
from kg_service.namespaces import BASE
from kg_service.negotiation import GRAPH_TYPES, accepted_types, preferred_language
from kg_service.places import DOCS
from kg_service.protocol_errors import UnsuitableFormError
from kg_service.service_description import written
from kg_service.sparql_api import Shared
from kg_service.void_description import void_description
from kg_service.wording import LANGUAGES, Language

HTML = "text/html"
PAGES = f"{ROOT}{DOCS.removeprefix(BASE)}"
VOCABULARY = {"vary": "Accept, Accept-Language"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The description", "content": {m: {} for m in (*GRAPH_TYPES, HTML)}},
    303: {"description": "The page that tells the term"},
    404: {"description": "Nothing is known under this IRI"},
    406: {"description": "No accepted media type suits"},
}
router = APIRouter()


@router.get(PAGES + "{path:path}", response_class=HTMLResponse, include_in_schema=False)
async def documentation_page(path: str, request: Request) -> Response:
    """Return a page of the documentation of the ontology; it loads nothing from elsewhere."""
    found = await run_in_threadpool(_linked(request).page, path)
    if found is None:
        raise UnknownNameError("page", path, [f"{language}/index.html" for language in LANGUAGES])
    return HTMLResponse(found)


@router.get(ROOT + "{path:path}", response_class=Response, responses=RESPONSES)
async def look_up(path: str, request: Request, shared: Shared) -> Response:
    """Tell what an IRI of the project stands for: a page for people, RDF for machines."""
    return await run_in_threadpool(_looked_up, path, request, shared)


@router.get("/.well-known/void", response_class=Response, responses={200: RESPONSES[200]})
async def void(request: Request, shared: Shared) -> Response:
    """Describe what is published: graphs, links to other vocabularies, the SPARQL endpoint (VoID, DCAT)."""
    return await run_in_threadpool(_void, request, shared)


def _looked_up(path: str, request: Request, shared: Endpoint) -> Response:
    if not path:
        return RedirectResponse(f"{PAGES}{language_of(request)}/index.html", HTTPStatus.SEE_OTHER)
    iri = iri_of(path)
    media_type = chosen_type(request, (*GRAPH_TYPES[:1], HTML, *GRAPH_TYPES[1:]))
    language = language_of(request)
    page = _linked(request).href(iri, language) if media_type == HTML else None
    if page is not None:
        return RedirectResponse(page, HTTPStatus.SEE_OTHER, headers=VOCABULARY)
    found = description(iri, shared.graphs.store) if is_iri(iri) else None
    if not found:
        raise UnknownNameError("term", str(iri), [])
    if media_type == HTML:
        return HTMLResponse(resource_page(iri, found, language), headers=VOCABULARY)
    return Response(written(found, media_type), media_type=media_type, headers=VOCABULARY)


def _void(request: Request, shared: Endpoint) -> Response:
    media_type = chosen_type(request, GRAPH_TYPES)
    store = shared.graphs.store
    known = set(store.knowledge_graphs())
    graphs = [graph for graph in store.graphs() if graph.iri in known]
    guideline = shared.base.compiled().guideline
    titles = guideline.source.objects(guideline.iri, RDFS.label)
    found = void_description(str(request.base_url), graphs, mapping_sets(), titles)
    return Response(written(found, media_type), media_type=media_type, headers={"vary": "Accept"})


def chosen_type(request: Request, offered: Sequence[str]) -> str:
    """Return the offered media type that a request accepts best.

    Raises
    ------
    UnsuitableFormError
        When it accepts none of them.
    """
    accepted = accepted_types(request.headers.get("accept"), offered)
    if not accepted:
        raise UnsuitableFormError(f"expected one of {', '.join(offered)} to be accepted")
    return accepted[0]


def language_of(request: Request) -> Language:
    """Return the language that a person prefers, of those that the pages have."""
    return preferred_language(request.headers.get("accept-language"), LANGUAGES)


def _linked(request: Request) -> LinkedData:
    found: LinkedData = request.app.state.linked
    return found
