"""Requests of the SPARQL 1.1 Protocol: which operation, on which graphs, in which text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal as OneOf
from urllib.parse import parse_qsl

from kg_service.errors import QueryError
from kg_service.protocol_errors import MediaTypeError

FORM = "application/x-www-form-urlencoded"
QUERY_TYPE = "application/sparql-query"
UPDATE_TYPE = "application/sparql-update"
POST_TYPES = (FORM, QUERY_TYPE, UPDATE_TYPE)
"""Media types of a request body."""
_BYTES = "latin-1"
"""An encoding in which each byte is one character."""
_MOST_FIELDS = 1_000
"""Most fields of a form or URL."""
Kind = OneOf["query", "update"]
Parameters = Sequence[tuple[str, str]]
_DATASET: Mapping[Kind, tuple[str, str]] = {
    "query": ("default-graph-uri", "named-graph-uri"),
    "update": ("using-graph-uri", "using-named-graph-uri"),
}
_OTHER: Mapping[Kind, Kind] = {"query": "update", "update": "query"}


@dataclass(frozen=True)
class Operation:
    """One query or update.

    Attributes
    ----------
    dataset : tuple of two tuples of str, or None
        IRIs of its default graphs and named graphs, where the request names any: they win over
        those that the text names.
    """

    kind: Kind
    text: str
    dataset: tuple[tuple[str, ...], tuple[str, ...]] | None


def read_get(parameters: Parameters) -> Operation | None:
    """Return the query of a GET request; None when it has none and asks for the service description.

    Raises
    ------
    QueryError
        When it holds an update, or several queries.
    """
    if _values(parameters, "update"):
        raise QueryError("an update in a GET request; send it by POST")
    if not _values(parameters, "query"):
        return None
    return _operation("query", parameters)


def read_post(content_type: str | None, body: bytes, parameters: Parameters) -> Operation:
    """Return the operation of a POST request.

    Parameters
    ----------
    content_type : str or None
        Its Content-Type header.
    body : bytes
        Its body.
    parameters : sequence of pairs
        The parameters of its URL; a form may have some of them there.

    Raises
    ------
    MediaTypeError
        When the body is of another media type, or in another encoding than UTF-8.
    QueryError
        When there is not exactly one query or update, or it cannot be decoded.
    """
    media_type = utf8_media_type(content_type)
    if media_type not in POST_TYPES:
        found = media_type or "a body without Content-Type"
        raise MediaTypeError(f"{found}; send {', '.join(POST_TYPES)}")
    if media_type == FORM:
        return read_form(form_parameters(body.decode(_BYTES)), parameters)
    text = decoded(body)
    kind: Kind = "query" if media_type == QUERY_TYPE else "update"
    return _operation(kind, [(kind, text), *parameters])


def read_form(form: Parameters, parameters: Parameters) -> Operation:
    """Return the operation of a form; see `read_post`."""
    together = [*form, *parameters]
    kinds: list[Kind] = [kind for kind in _DATASET if _values(together, kind)]
    if len(kinds) != 1:
        raise QueryError("expected one of the fields query and update")
    return _operation(kinds[0], together)


def form_parameters(text: str) -> list[tuple[str, str]]:
    """Return the fields of a form, or of the query part of a URL.

    Parameters
    ----------
    text : str
        The form, its bytes as Latin-1: what they and the escapes stand for is UTF-8.

    Raises
    ------
    QueryError
        When an escape is not UTF-8.
    """
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, encoding=_BYTES, max_num_fields=_MOST_FIELDS, separator="&"
        )
        return [(_utf8(name), _utf8(value)) for name, value in pairs]
    except UnicodeDecodeError as error:
        raise QueryError(f"a field is not UTF-8: {error.reason}") from error
    except ValueError as error:
        raise QueryError(f"more than {_MOST_FIELDS} fields") from error


def utf8_media_type(content_type: str | None) -> str:
    """Return the media type of a Content-Type header, in lower case; empty without one.

    Raises
    ------
    MediaTypeError
        When it names another encoding than UTF-8.
    """
    media_type, *parameters = (part.strip().lower() for part in (content_type or "").split(";"))
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise MediaTypeError(f"the encoding {value}; send UTF-8")
    return media_type


def decoded(body: bytes) -> str:
    """Return a body as text.

    Raises
    ------
    QueryError
        When it is not UTF-8; says where.
    """
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise QueryError(f"byte {error.start} of the body is not UTF-8") from error


def _operation(kind: Kind, parameters: Parameters) -> Operation:
    texts = _values(parameters, kind)
    if len(texts) != 1:
        raise QueryError(f"{len(texts)} of {kind}; expected one")
    for foreign in _DATASET[_OTHER[kind]]:
        if _values(parameters, foreign):
            raise QueryError(f"{foreign} does not go with {kind}; send {' and '.join(_DATASET[kind])}")
    default, named = (_values(parameters, name) for name in _DATASET[kind])
    return Operation(kind, texts[0], (default, named) if default or named else None)


def _utf8(text: str) -> str:
    return text.encode(_BYTES).decode()


def _values(parameters: Parameters, name: str) -> tuple[str, ...]:
    return tuple(value for key, value in parameters if key == name)
