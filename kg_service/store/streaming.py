"""Answers of the engine written as they come, in the media type that was negotiated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyoxigraph as ox

from kg_service.negotiation import GRAPH_TYPES, RESULT_TYPES, suitable
from kg_service.protocol_errors import UnsuitableFormError
from kg_service.store.results import PREFIXES

ANSWER_TYPES = ("application/sparql-results+json", "application/sparql-results+xml")
"""What an ASK can be written in: the other two result formats have no way to say it."""
_PREFIXED = ("text/turtle", "application/trig", "application/rdf+xml")


class Output(Protocol):
    """What an answer is written to; it is told the media type before the first byte."""

    media_type: str

    def write(self, data: bytes) -> int:
        """Take some bytes of the answer."""

    def flush(self) -> None:
        """Do nothing: bytes are sent as the chunks fill."""


def write_answer(
    answer: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples, accepted: Sequence[str], output: Output
) -> None:
    """Write an answer in the first accepted media type that suits its form.

    Raises
    ------
    UnsuitableFormError
        When none does.
    """
    if isinstance(answer, ox.QueryTriples):
        write_graph(answer, accepted, output)
        return
    offered = ANSWER_TYPES if isinstance(answer, ox.QueryBoolean) else RESULT_TYPES
    output.media_type = _chosen(accepted, offered)
    form = ox.QueryResultsFormat.from_media_type(output.media_type)
    assert form is not None  # noqa: S101 - every type offered is the engine's
    answer.serialize(output, format=form)  # type: ignore[arg-type]


def write_graph(triples: ox.QueryTriples, accepted: Sequence[str], output: Output) -> None:
    """Write triples in the first accepted media type of a graph."""
    output.media_type = _chosen(accepted, GRAPH_TYPES)
    form = ox.RdfFormat.from_media_type(output.media_type)
    assert form is not None  # noqa: S101 - every type offered is the engine's
    if output.media_type in _PREFIXED:
        ox.serialize(triples, output, form, prefixes=PREFIXES)  # type: ignore[arg-type]
    else:
        triples.serialize(output, format=form)  # type: ignore[arg-type]


def _chosen(accepted: Sequence[str], offered: Sequence[str]) -> str:
    media_type = suitable(accepted, offered)
    if media_type is None:
        raise UnsuitableFormError(
            f"this answer cannot be written in what is accepted; it can be in {', '.join(offered)}"
        )
    return media_type
