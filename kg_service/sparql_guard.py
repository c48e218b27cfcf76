"""Refuses SPARQL that must not reach the engine, before the engine sees a character of it.

Deep or long input can exhaust the engine's stack, and it would follow ``SERVICE`` to any host. So a
query is first cut into the same lexical units as the engine would find. The engine needs no space
between a keyword and what follows (``SERVICE?x{}``, ``trueSERVICE?x{}``), hence words are searched,
not compared; and where ``<`` may open an IRI or mean *less than*, a text that would read differently
the two ways is refused.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

from kg_service.errors import QueryError

MAX_BYTES = 100_000
"""Longest query, in bytes of UTF-8."""
MAX_UPDATE_BYTES = 20_000_000
"""Longest update, in bytes of UTF-8."""
MAX_DEPTH = 64
"""Deepest nesting of brackets of any kind."""
MAX_UNITS = 2_000
"""Most lexical units outside the data of VALUES; three times that is known to be safe on an 8 MB stack."""

_NAME = r"A-Za-z0-9_\u0080-\U0010ffff"
_CODE_POINT = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_ESCAPE = rf"\\[tbnrf\\\"']|{_CODE_POINT}"
_LOCAL = rf"(?:[{_NAME}:]|%[0-9A-Fa-f]{{2}}|\\[_~.\-!$&'()*+,;=/?#@%])"
_UNITS = re.compile(
    rf"""
    (?P<SPACE>[ \t\r\n]+|\#[^\r\n]*)
  | (?P<STRING>'''(?:'{{0,2}}(?:[^'\\]|{_ESCAPE}))*''' | \"\"\"(?:"{{0,2}}(?:[^"\\]|{_ESCAPE}))*\"\"\"
              | '(?!'')(?:[^'\\\r\n]|{_ESCAPE})*' | "(?!"")(?:[^"\\\r\n]|{_ESCAPE})*")
  | (?P<IRI><(?:[^<>"{{}}|^`\\\x00-\x20]|{_CODE_POINT})*>)
  | (?P<VARIABLE>[?$][{_NAME}]+)
  | (?P<TAG>@[A-Za-z]+(?:-+[A-Za-z0-9]+)*)
  | (?P<NAME>(?:[{_NAME}](?:[{_NAME}.\-]*[{_NAME}\-])?)?:(?:{_LOCAL}(?:(?:{_LOCAL}|[.\-])*(?:{_LOCAL}|-))?)?)
  | (?P<WORD>[{_NAME}](?:[{_NAME}.\-]*[{_NAME}\-])?)
  | (?P<SYMBOL><<|>>|[{{}}()\[\].;,|/^*+\-!=<>?&])
    """,
    re.VERBOSE | re.DOTALL,
)
_ABSOLUTE = re.compile(r"""[A-Za-z][A-Za-z0-9+.\-]*:[^<>"{}|^`\\\x00-\x20]*""")
_HEXADECIMAL = 16
_SURROGATES = range(0xD800, 0xE000)
_UPDATES = frozenset({"insert", "delete", "load", "clear", "drop", "create", "add", "move", "copy", "with"})
_LOADS = frozenset({"load"})
_OPENING = {"{": "}", "(": ")", "[": "]", "<<": ">>"}
_READS_TWO_WAYS = frozenset("'#()[]")
"""Characters that change what follows, were the IRI they stand in a comparison after all."""


class Kind(Enum):
    """What a lexical unit is."""

    STRING = auto()
    IRI = auto()
    VARIABLE = auto()
    TAG = auto()
    NAME = auto()
    WORD = auto()
    SYMBOL = auto()


@dataclass(frozen=True)
class Unit:
    """One lexical unit of a query.

    Attributes
    ----------
    start : int
        Offset of its first character.
    depth : int
        Number of brackets open before it.
    within : str
        The innermost open bracket; empty at the top.
    """

    kind: Kind
    text: str
    start: int
    depth: int
    within: str

    @property
    def word(self) -> str:
        """The text of a word in lower case; empty for anything else."""
        return self.text.lower() if self.kind is Kind.WORD else ""

    @property
    def prefix(self) -> str:
        """The prefix of a prefixed name in lower case; empty for anything else."""
        return self.text.partition(":")[0].lower() if self.kind is Kind.NAME else ""


@dataclass(frozen=True)
class CheckedQuery:
    """A query that passed.

    Attributes
    ----------
    text : str
        The query, unchanged.
    names_graphs : bool
        Whether it says itself, with FROM, which graphs it asks.
    group : int or None
        Offset just after the bracket that opens its WHERE group; None when it has none.
    variables : frozenset of str
        Names of its variables.
    undeclared : tuple of int and str, or None
        Offset and prefix of the first name whose prefix it does not declare.
    units : tuple of Unit
        Its lexical units.
    """

    text: str
    names_graphs: bool
    group: int | None
    variables: frozenset[str]
    undeclared: tuple[int, str] | None
    units: tuple[Unit, ...]


def check(sparql: str, services: frozenset[str] = frozenset()) -> CheckedQuery:
    """Return what is to know of a query before it is run.

    Parameters
    ----------
    sparql : str
        The text of one SPARQL query.
    services : frozenset of str
        Endpoints that SERVICE may call, each written as a whole IRI.

    Raises
    ------
    QueryError
        When it is an update, calls another service, asks a local file, is too long, too deeply
        nested or has too many parts, or holds what no SPARQL query can hold; says where.
    """
    _check_size(sparql, MAX_BYTES)
    units = list(_units(sparql))
    _check_services(sparql, units, services)
    _check_words(sparql, units, _UPDATES, "only queries are answered: SELECT, ASK, CONSTRUCT or DESCRIBE")
    _check_local_files(sparql, units)
    _check_amount(sparql, units)
    return CheckedQuery(
        sparql,
        any("from" in unit.word for unit in units if unit.depth == 0),
        _group(units),
        frozenset(unit.text[1:] for unit in units if unit.kind is Kind.VARIABLE),
        _undeclared(units),
        tuple(units),
    )


def check_update(sparql: str, services: frozenset[str] = frozenset()) -> list[Unit]:
    """Return the lexical units of an update that may be run.

    Parameters
    ----------
    sparql : str
        The text of one SPARQL update; it may be long, as it may hold data.
    services : frozenset of str
        Endpoints that SERVICE may call, each written as a whole IRI.

    Raises
    ------
    QueryError
        When it loads a document, calls another service, is too long or too deeply nested.
    """
    _check_size(sparql, MAX_UPDATE_BYTES)
    units = list(_units(sparql))
    _check_services(sparql, units, services)
    _check_words(sparql, units, _LOADS, "documents are not fetched; send the triples themselves")
    return units


def check_iri(iri: str) -> str:
    """Return an IRI that can be written between angle brackets, and ends where they do.

    Raises
    ------
    QueryError
        When it is not absolute, or holds a character that no IRI can hold.
    """
    if not _ABSOLUTE.fullmatch(iri):
        raise QueryError(f"{iri!r} is no absolute IRI; write it whole, with its escapes")
    return iri


def position(text: str, offset: int) -> str:
    """Return the place of an offset, as line and column from 1."""
    before = text[:offset]
    return f"line {before.count(chr(10)) + 1}, column {offset - before.rfind(chr(10))}"


def _refuse(text: str, offset: int, what: str, remedy: str) -> QueryError:
    return QueryError(f"{position(text, offset)}: {what}; {remedy}")


def _check_size(text: str, most: int) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise _refuse(text, error.start, "half of a surrogate pair", "write whole characters") from error
    if size > most:
        raise QueryError(f"the text is {size} bytes long; expected at most {most}")


def _units(text: str) -> Iterator[Unit]:
    """Yield the lexical units of a query, comments left out."""
    offset = 0
    brackets: list[str] = []
    previous: Unit | None = None
    while offset < len(text):
        match = _UNITS.match(text, offset)
        if match is None:
            raise _unreadable(text, offset)
        offset = match.end()
        if match.lastgroup in (None, "SPACE"):
            continue
        unit = Unit(
            Kind[str(match.lastgroup)],
            match[0],
            match.start(),
            len(brackets),
            brackets[-1] if brackets else "",
        )
        _check_code_points(text, unit)
        _check_single_reading(text, unit, previous)
        _follow(text, unit, brackets)
        yield unit
        previous = unit


def _unreadable(text: str, offset: int) -> QueryError:
    """Return the error for a character that starts no lexical unit."""
    character = text[offset]
    if character == "\\":
        return _refuse(text, offset, "an escape outside strings and IRIs", "write the character itself")
    if character in "\"'":
        return _refuse(
            text,
            offset,
            "a string that does not end, or holds an unknown escape",
            "close it, or double its backslashes",
        )
    return _refuse(text, offset, f"the character {character!r}", "no part of SPARQL starts with it")


def _check_code_points(text: str, unit: Unit) -> None:
    """Refuse escapes that stand for a delimiter or for no character: readers disagree on them."""
    if unit.kind not in (Kind.STRING, Kind.IRI) or "\\" not in unit.text:
        return
    for match in re.finditer(rf"\\\\|{_CODE_POINT}", unit.text):
        if match[0] == "\\\\":
            continue
        code = int(match[0][2:], _HEXADECIMAL)
        if code > sys.maxunicode or code in _SURROGATES or chr(code) in "\"'\\<>\r\n":
            raise _refuse(
                text,
                unit.start + match.start(),
                f"the escape {match[0]}",
                "write the character, or a named escape such as \\n",
            )


def _check_single_reading(text: str, unit: Unit, previous: Unit | None) -> None:
    """Refuse, inside parentheses, an IRI that may be a comparison and would hide what follows it."""
    if unit.within != "(" or previous is None or not _may_be_compared(previous):
        return
    if unit.text == "<<" or (unit.kind is Kind.IRI and _READS_TWO_WAYS & set(unit.text)):
        raise _refuse(
            text,
            unit.start,
            "'<' may open an IRI or mean less than",
            "put spaces around it, or write the IRI as a prefixed name",
        )


def _may_be_compared(unit: Unit) -> bool:
    """Return whether a comparison may follow a unit."""
    return unit.text in (")", "]", "}", ">>") if unit.kind is Kind.SYMBOL else unit.word != "distinct"


def _follow(text: str, unit: Unit, brackets: list[str]) -> None:
    """Open or close a bracket."""
    if unit.kind is not Kind.SYMBOL:
        return
    if unit.text in _OPENING:
        brackets.append(unit.text)
        if len(brackets) > MAX_DEPTH:
            raise _refuse(text, unit.start, f"brackets nested deeper than {MAX_DEPTH}", "simplify the query")
    elif brackets and _OPENING[brackets[-1]] == unit.text:
        brackets.pop()


def _check_services(text: str, units: list[Unit], services: frozenset[str]) -> None:
    """Refuse every call of a service that is not a plain keyword and a whole IRI that is allowed."""
    for i, unit in enumerate(units):
        calls = i + 1 < len(units) and units[i + 1].text == "{" and "service" in unit.prefix
        tagged = unit.kind is Kind.TAG and "service" in unit.text.lower()
        if ("service" in unit.word or calls or tagged) and not _is_allowed(units[i : i + 3], services):
            allowed = f"; allowed: {', '.join(sorted(services))}" if services else ""
            raise _refuse(
                text,
                unit.start,
                "SERVICE",
                f"queries are answered from this store alone; rename a prefix that holds the word{allowed}",
            )


def _is_allowed(units: list[Unit], services: frozenset[str]) -> bool:
    """Return whether some units begin with a call of an allowed service."""
    words = [unit.word for unit in units]
    endpoint = units[2] if words[1:2] == ["silent"] and len(units) > 2 else units[1] if units[1:] else None
    return (
        words[0] == "service"
        and endpoint is not None
        and endpoint.kind is Kind.IRI
        and endpoint.text[1:-1] in services
    )


def _check_words(text: str, units: list[Unit], refused: frozenset[str], remedy: str) -> None:
    for unit in units:
        if unit.word in refused:
            raise _refuse(text, unit.start, unit.text.upper(), remedy)


def _check_local_files(text: str, units: list[Unit]) -> None:
    """Refuse file IRIs outside every group, where they could name a graph or a base, and glued FROM."""
    for previous, unit in zip([None, *units], units, strict=False):
        if unit.depth:
            continue
        if unit.kind is Kind.IRI and _decoded(unit.text).lower().startswith("<file:"):
            raise _refuse(text, unit.start, "a file as a graph, base or prefix", "name a graph of the store")
        if "from" in unit.prefix and (previous is None or not previous.word.endswith("prefix")):
            raise _refuse(
                text,
                unit.start,
                f"{unit.text}, which may be FROM and a name",
                "put a space after FROM, or rename the prefix",
            )


def _decoded(text: str) -> str:
    return re.sub(_CODE_POINT, lambda match: chr(int(match[0][2:], _HEXADECIMAL)), text)


def _check_amount(text: str, units: list[Unit]) -> None:
    too_many = next(islice(_outside_data(units), MAX_UNITS, None), None)
    if too_many is not None:
        raise _refuse(
            text,
            too_many.start,
            f"more than {MAX_UNITS} words and symbols",
            "put long lists into VALUES, or ask in steps",
        )


def _outside_data(units: list[Unit]) -> Iterator[Unit]:
    """Yield the units that are not terms or rows of a VALUES block."""
    data_depth: int | None = None
    awaited = False
    for unit in units:
        if (
            data_depth is not None
            and unit.depth > data_depth
            and (unit.kind is not Kind.SYMBOL or unit.text in "()^-+")
        ):
            continue
        if data_depth is not None and unit.text == "}" and unit.depth == data_depth + 1:
            data_depth = None
        elif awaited and unit.text == "{":
            data_depth, awaited = unit.depth, False
        elif unit.word == "values":
            awaited = True
        elif unit.kind is not Kind.VARIABLE and unit.text not in "()":
            awaited = False
        yield unit


def _group(units: list[Unit]) -> int | None:
    """Return the offset after the bracket that opens the WHERE group."""
    opening = [i for i, unit in enumerate(units) if unit.text == "{" and unit.depth == 0]
    if opening and opening[0] and units[opening[0] - 1].word.endswith("construct"):
        del opening[0]
    return units[opening[0]].start + 1 if opening else None


def _undeclared(units: list[Unit]) -> tuple[int, str] | None:
    """Return the first prefix in use that no PREFIX declares; blank nodes have none."""
    declared = {"_"}
    for previous, unit in zip([None, *units], units, strict=False):
        if unit.kind is not Kind.NAME:
            continue
        prefix = unit.text.partition(":")[0]
        if previous is not None and previous.word == "prefix":
            declared.add(prefix)
        elif prefix not in declared:
            return unit.start, prefix
    return None
