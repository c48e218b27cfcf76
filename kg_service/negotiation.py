"""Content negotiation (RFC 9110, section 12.5): which media type and language answer a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

RESULT_TYPES = (
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
)
"""Media types of rows, the one given without preference first."""
GRAPH_TYPES = (
    "text/turtle",
    "application/n-triples",
    "application/ld+json",
    "application/rdf+xml",
    "application/trig",
    "application/n-quads",
)
"""Media types of graphs, the one given without preference first."""
ALIASES = {
    "application/json": ("application/sparql-results+json", "application/ld+json"),
    "application/xml": ("application/sparql-results+xml", "application/rdf+xml"),
    "text/xml": ("application/sparql-results+xml", "application/rdf+xml"),
}
"""General media types, and what they are taken to ask for."""
_WILDCARD = "*"
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class _Range:
    """One media range: its two parts and its weight; the more exact of two ranges wins."""

    type: str
    subtype: str
    weight: float

    @property
    def exactness(self) -> int:
        return (self.type != _WILDCARD) + (self.subtype != _WILDCARD)

    def covers(self, media_type: str) -> bool:
        main, _, sub = media_type.partition("/")
        meant = ALIASES.get(f"{self.type}/{self.subtype}", ())
        return media_type in meant or (self.type in (_WILDCARD, main) and self.subtype in (_WILDCARD, sub))


def accepted_types(accept: str | None, offered: Sequence[str]) -> list[str]:
    """Return the offered media types that a header accepts, the best first.

    Parameters
    ----------
    accept : str or None
        The Accept header; everything is accepted without one.
    offered : sequence of str
        Media types, in the order of our own preference.

    Returns
    -------
    list of str
        Empty when nothing offered is accepted. A range that cannot be read counts as absent.
    """
    if accept is None or not accept.strip():
        return list(offered)
    ranges = [found for part in accept.split(",") if (found := _range(part)) is not None]
    weights = {media_type: _weight(media_type, ranges) for media_type in offered}
    return sorted((m for m in offered if weights[m] > 0), key=lambda m: -weights[m])


def suitable(accepted: Sequence[str], offered: Sequence[str]) -> str | None:
    """Return the first accepted media type that is offered, or None."""
    return next((media_type for media_type in accepted if media_type in offered), None)


def _weight(media_type: str, ranges: list[_Range]) -> float:
    covering = [r for r in ranges if r.covers(media_type)]
    return max(covering, key=lambda r: (r.exactness, r.weight)).weight if covering else 0


def _range(text: str) -> _Range | None:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    main, slash, sub = name.partition("/")
    if not slash:
        main, sub = (_WILDCARD, _WILDCARD) if name == _WILDCARD else (name, "")
    weight = next((p.partition("=")[2] for p in parameters if p.startswith("q=")), "1")
    try:
        return _Range(main, sub, min(max(float(weight), 0), 1))
    except ValueError:
        return None


def preferred_language(header: str | None, offered: Sequence[Name]) -> Name:
    """Return the offered language that an Accept-Language header weighs most; the first one otherwise."""
    ranges = [found for part in (header or "").split(",") if (found := _range(part)) is not None]

    def weight(name: str) -> float:
        return max((r.weight for r in ranges if r.type.split("-")[0] == name), default=0)

    return max(offered, key=weight)
