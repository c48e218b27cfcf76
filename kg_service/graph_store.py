"""The SPARQL 1.1 Graph Store HTTP Protocol: whole graphs, named by a parameter or by their own URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from typing import Any

from kg_service.errors import QueryError
from kg_service.protocol_errors import MediaTypeError
from kg_service.sparql_protocol import Parameters, utf8_media_type

DOCUMENT_TYPES = ("text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml")
"""Media types that a graph can be sent in."""
_MULTIPART = "multipart/form-data"
_ENTITY = "<!ENTITY"


@dataclass(frozen=True)
class GraphName:
    """Which graph is meant.

    Attributes
    ----------
    iri : str or None
        Its name; None for the default graph.
    """

    iri: str | None


def named_graph(parameters: Parameters, url: str) -> GraphName | None:
    """Return the graph that the parameters of a request name; None when they name none.

    Parameters
    ----------
    parameters : sequence of pairs
        Those of its URL.
    url : str
        The URL without them, that a relative name would be relative to.

    Raises
    ------
    QueryError
        When they name several, or one by a relative IRI.
    """
    graphs = [value for name, value in parameters if name == "graph"]
    default = [value for name, value in parameters if name == "default"]
    if len(graphs) + len(default) > 1:
        raise QueryError("several graphs; name one, by graph=IRI or by default")
    if default:
        return GraphName(None)
    if not graphs:
        return None
    if ":" not in graphs[0].split("/")[0]:
        raise QueryError(f"graph={graphs[0]}; expected an absolute IRI, such as {url}/{graphs[0]}")
    return GraphName(graphs[0])


def documents(content_type: str | None, body: bytes) -> list[dict[str, Any]]:
    """Return the documents of a body, each with its media type; a form may hold several.

    Raises
    ------
    MediaTypeError
        When one is of a media type that is not read.
    QueryError
        When one declares XML entities: they can stand for any amount of text.
    """
    media_type = utf8_media_type(content_type)
    if media_type == _MULTIPART:
        return [_document(part.get_content_type(), _bytes(part)) for part in _parts(str(content_type), body)]
    return [_document(media_type, body)]


def _document(media_type: str, content: bytes) -> dict[str, Any]:
    if media_type not in DOCUMENT_TYPES:
        found = media_type or "a body without Content-Type"
        raise MediaTypeError(f"{found}; send {', '.join(DOCUMENT_TYPES)}")
    text = content.decode("utf-8", "surrogateescape")
    if media_type == "application/rdf+xml" and _ENTITY in text.replace("\0", ""):
        raise QueryError("the document declares XML entities, which are not read; write the texts out")
    return {"media_type": media_type, "content": text}


def _parts(content_type: str, body: bytes) -> Sequence[Any]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    parts = list(message.iter_parts()) if message.is_multipart() else []
    if not parts:
        raise QueryError("the form holds no document, or lacks its boundary")
    return parts


def _bytes(part: Any) -> bytes:
    content: bytes = part.get_payload(decode=True) or b""
    return content
