"""Tells what the SPARQL parser stumbled over, and where in the query as a person wrote it.

The parser reports how far it looked, not where it stopped: a keyword that does not match is
reported at its end. The place is found again from the length of the keywords it expected.
"""

from __future__ import annotations

import re

from kg_service.sparql_guard import CheckedQuery, position

_MESSAGE = re.compile(
    r"error at (?P<line>\d+):(?P<column>\d+): (?:expected )?(?:one of )?(?P<wanted>.*)", re.DOTALL
)
_CLASS = re.compile(r"\[\s*'.*?'\s*\](?=,|$)", re.DOTALL)
_ITEM = re.compile(r'"(?:[^"\\]|\\.)*"|[^,]+')
_KEYWORD = re.compile(r"[A-Z_]{2,}")
_ANYTHING = "[_]"
_MOST_SHOWN = 12
_FOUND = 20


def parse_error(message: str, query: CheckedQuery, inserted: str) -> str:
    """Return what is wrong with a query and where.

    Parameters
    ----------
    message : str
        What the parser said.
    query : CheckedQuery
        The query as it was given.
    inserted : str
        What was put at the start of its WHERE group before it was parsed.
    """
    if query.undeclared is not None:
        offset, prefix = query.undeclared
        return (
            f"{position(query.text, offset)}: the prefix {prefix}: is not declared; add PREFIX {prefix}: <…>"
        )
    match = _MESSAGE.match(message)
    if match is None:
        return f"not SPARQL: {message}"
    group = query.group or 0
    parsed = query.text[:group] + inserted + query.text[group:]
    items = [item.strip() for item in _ITEM.findall(_CLASS.sub("a name", match["wanted"]))]
    reached = _offset(parsed, int(match["line"]), int(match["column"]))
    back, sure = _overlooked(items)
    offset = reached - back
    if offset >= group:
        offset = max(group, offset - len(inserted))
    place = position(query.text, offset) + ("" if sure else " or just before")
    return f"{place}: not SPARQL; {_told(items, query.text[offset:])}"


def _offset(text: str, line: int, column: int) -> int:
    before = text.split("\n")[: line - 1]
    return sum(len(part) + 1 for part in before) + column - 1


def _overlooked(items: list[str]) -> tuple[int, bool]:
    """Return how many characters the parser looked past its place, and whether that is sure."""
    keywords = [len(item) for item in items if _KEYWORD.fullmatch(item)]
    others = [item for item in items if item != _ANYTHING and not _KEYWORD.fullmatch(item)]
    if keywords and not others:
        return (0, False) if _ANYTHING in items else (min(keywords), True)
    return 0, True


def _told(items: list[str], rest: str) -> str:
    """Return the sentence in which the parser objects, or what stands there and what could."""
    sentence = next((item for item in items if item.count(" ") > 1), None)
    if sentence is not None:
        return sentence
    found = f"found {rest[:_FOUND]!r}" if rest.strip() else "the query ends too early"
    expected = sorted({item for item in items if item != _ANYTHING and not _KEYWORD.fullmatch(item)})
    if not expected:
        return found
    shown = expected[:_MOST_SHOWN] + ["…"] * (len(expected) > _MOST_SHOWN)
    return f"{found}; expected a keyword or {' or '.join(shown)}"
