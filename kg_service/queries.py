"""The query library: one file a question under ``queries/``, with a header that a machine can read.

A parameter is bound to the variable of its name. What it may be is read from the store, so that a
name can be given as people write it, and a wrong one is answered with the nearest that exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from rdflib import Literal, URIRef
from rdflib.term import Node

from kg_service.errors import CatalogError, InputError, Problem, UnknownNameError
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import CORE, DATA, RDFS, SKOS, local_name
from kg_service.store import GraphStore, QueryResult

FOLDER = DATA_ROOT / "queries"
LANGUAGES = ("en", "fr")
MOST_SHOWN = 10
"""Most names listed to someone who wrote one that does not exist."""
REQUIRED = "required"
"""Default of a parameter that must be given."""
ANY = "any"
"""Default of a parameter that stays free: the answer then covers every value."""

_TYPES = ("iri", "case", "string", "integer", "decimal", "language")
_KEYS = ("title", "titre", "question", "description", "parameter", "choices", "example", "columns")
_HEADER = re.compile(r"# (?P<key>[a-z]+): (?P<value>.+)")
_PARAMETER = re.compile(r"(?P<name>\w+) (?P<type>[a-z]+) (?P<default>\S+) (?P<description>.+)")
_PREFIX = re.compile(r"^PREFIX\s+(?P<prefix>[\w-]*):\s*<(?P<iri>[^>]*)>", re.MULTILINE | re.IGNORECASE)


Names = dict[URIRef, list[str]]
"""The names that things go by."""

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_IS_CASE = f"ASK {{ ?any {CORE.case.n3()} ?case }}"
_CASES = f"SELECT DISTINCT ?case WHERE {{ ?any {CORE.case.n3()} ?case }} ORDER BY ?case"


@dataclass(frozen=True)
class Parameter:
    """A variable of a query that the person who asks may bind.

    Attributes
    ----------
    type : str
        ``iri``, ``case``, ``string``, ``integer``, ``decimal`` or ``language``.
    default : str
        What it is when not given; `REQUIRED` and `ANY` have their own meaning.
    choices : URIRef or None
        For an IRI, the property whose values it may take.
    inverse : bool
        Whether it takes the subjects of that property instead.
    """

    name: str
    type: str
    default: str
    description: str
    choices: URIRef | None = None
    inverse: bool = False


@dataclass(frozen=True)
class NamedQuery:
    """One question with its SPARQL.

    Attributes
    ----------
    titles : mapping of str to str
        By language.
    question : str
        The competency questions it answers, as ``CQ13 CQ16``; ``none`` when it answers none.
    columns : tuple of str
        The columns of its answer.
    """

    name: str
    titles: Mapping[str, str]
    question: str
    description: str
    parameters: Mapping[str, Parameter]
    examples: tuple[Mapping[str, str], ...]
    columns: tuple[str, ...]
    prefixes: Mapping[str, str]
    text: str

    def title(self, language: str) -> str:
        """Return the title in a language."""
        return self.titles[language]


@cache
def load_queries(folder: Path = FOLDER) -> dict[str, NamedQuery]:
    """Return every query of a folder by its name, in the order of the names.

    Raises
    ------
    CatalogError
        When a header is incomplete; says which and what is missing.
    """
    paths = sorted(folder.glob("*.rq"))
    if not paths:
        raise CatalogError(f"{folder}: holds no .rq file; expected the query library")
    return {path.stem: read_query(path) for path in paths}


def read_query(path: Path) -> NamedQuery:
    """Return the query of one file.

    Raises
    ------
    CatalogError
        When its header is incomplete or malformed.
    """
    text = path.read_text(encoding="utf-8")
    header = _header(path, text)
    prefixes = {match["prefix"]: match["iri"] for match in _PREFIX.finditer(text)}
    parameters = [_parameter(path, line) for line in header["parameter"]]
    choices = dict(_choices(path, line, prefixes) for line in header["choices"])
    return NamedQuery(
        name=path.stem,
        titles={"en": _one(path, header, "title"), "fr": _one(path, header, "titre")},
        question=_one(path, header, "question"),
        description=_one(path, header, "description"),
        parameters={p.name: _with_choices(path, p, choices) for p in parameters},
        examples=tuple(_example(line) for line in header["example"]),
        columns=tuple(_one(path, header, "columns").split()),
        prefixes=prefixes,
        text=text,
    )


def run(store: GraphStore, name: str, parameters: Mapping[str, str] | None = None) -> QueryResult:
    """Return the answer to a query of the library.

    Parameters
    ----------
    store : GraphStore
        The store to ask.
    name : str
        Name of the query.
    parameters : mapping of str to str, optional
        Values as a person writes them. An IRI may be given whole, with a prefix of the query, by
        its local name, notation or label; a case by its IRI, as ``document/case``, or by an id
        that one case alone bears.

    Raises
    ------
    UnknownNameError
        When the query, a parameter or a name does not exist; names the nearest that does.
    InputError
        When a value is missing, has another type, or means several things.
    """
    queries = load_queries()
    if name not in queries:
        raise UnknownNameError("query", name, list(queries))
    return ask(store, queries[name], parameters or {})


def ask(store: GraphStore, query: NamedQuery, parameters: Mapping[str, str]) -> QueryResult:
    """Return the answer to a query; see `run`."""
    for given in parameters:
        if given not in query.parameters:
            raise UnknownNameError(f"parameter of {query.name}", given, list(query.parameters))
    bindings = {}
    for parameter in query.parameters.values():
        value = parameters.get(parameter.name, parameter.default)
        if value == REQUIRED and parameter.default == REQUIRED:
            raise _unusable(query, parameter, "nothing", f"a value of type {parameter.type}")
        if value != ANY or parameter.default != ANY:
            bindings[parameter.name] = _READERS[parameter.type](store, query, parameter, value)
    return store.query(query.text, bindings=bindings)


def _header(path: Path, text: str) -> dict[str, list[str]]:
    """Return the values of each key of the comment that a file begins with."""
    header: dict[str, list[str]] = {key: [] for key in _KEYS}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("#"):
            break
        match = _HEADER.fullmatch(line)
        if match is None or match["key"] not in header:
            raise CatalogError(f"{path}: line {number}: expected '# key: value', the key one of {_KEYS}")
        header[match["key"]].append(match["value"].strip())
    return header


def _one(path: Path, header: Mapping[str, list[str]], key: str) -> str:
    if len(header[key]) != 1:
        raise CatalogError(f"{path}: needs one line '# {key}: …', has {len(header[key])}")
    return header[key][0]


def _parameter(path: Path, line: str) -> Parameter:
    match = _PARAMETER.fullmatch(line)
    if match is None or match["type"] not in _TYPES:
        raise CatalogError(
            f"{path}: '{line}'; expected 'name type default description', the type one of {_TYPES}"
        )
    return Parameter(match["name"], match["type"], match["default"], match["description"])


def _choices(path: Path, line: str, prefixes: Mapping[str, str]) -> tuple[str, tuple[URIRef, bool]]:
    """Return the parameter that a choices line speaks of, its property, and whether subjects are meant."""
    name, _, words = line.partition(" ")
    prefix, _, local = words.removeprefix("^").partition(":")
    if prefix not in prefixes:
        raise CatalogError(
            f"{path}: '{line}'; expected a parameter and a property with a prefix of the query"
        )
    return name, (URIRef(prefixes[prefix] + local), words.startswith("^"))


def _with_choices(path: Path, parameter: Parameter, choices: Mapping[str, tuple[URIRef, bool]]) -> Parameter:
    if (parameter.type == "iri") != (parameter.name in choices):
        raise CatalogError(f"{path}: {parameter.name}: a parameter has a line '# choices: …' if it is an iri")
    if parameter.name not in choices:
        return parameter
    prop, inverse = choices[parameter.name]
    return Parameter(parameter.name, parameter.type, parameter.default, parameter.description, prop, inverse)


def _example(line: str) -> dict[str, str]:
    """Return the parameters of an example, as ``name=value`` with spaces between them."""
    pairs = re.split(r"\s+(?=\w+=)", line)
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def _unusable(query: NamedQuery, parameter: Parameter, found: str, expected: str) -> InputError:
    return InputError([Problem(f"{query.name}: {parameter.name}", found, expected, parameter.description)])


def _string(_store: GraphStore, _query: NamedQuery, _parameter: Parameter, value: str) -> Node:
    return Literal(value)


def _language(_store: GraphStore, _query: NamedQuery, _parameter: Parameter, value: str) -> Node:
    if value not in LANGUAGES:
        raise UnknownNameError("language", value, list(LANGUAGES))
    return Literal(value)


def _integer(_store: GraphStore, query: NamedQuery, parameter: Parameter, value: str) -> Node:
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise _unusable(query, parameter, repr(value), "a whole number")
    return Literal(int(value))


def _decimal(_store: GraphStore, query: NamedQuery, parameter: Parameter, value: str) -> Node:
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", value):
        raise _unusable(query, parameter, repr(value), "a number such as 2.5")
    return Literal(Decimal(value))


def _case(store: GraphStore, query: NamedQuery, parameter: Parameter, value: str) -> Node:
    document, _, case = value.partition("/")
    for iri in (value, f"{DATA}{quote(document, safe='')}/{quote(case, safe='')}"):
        if _ABSOLUTE.fullmatch(iri) and store.query(_IS_CASE, bindings={"case": URIRef(iri)}).boolean:
            return URIRef(iri)
    cases = [URIRef(str(row["case"])) for row in store.query(_CASES).rows()]
    return _resolved(query, parameter, value, [{iri: list(_case_names(iri)) for iri in cases}])


def _case_names(case: URIRef) -> Iterator[str]:
    """Yield ``document/case`` and the id of the case alone."""
    path = case.removeprefix(str(DATA))
    if path != case:
        yield unquote(path)
    yield unquote(local_name(case))


def _iri(store: GraphStore, query: NamedQuery, parameter: Parameter, value: str) -> Node:
    assert parameter.choices is not None  # noqa: S101 - the header demands it of an iri
    values = _values_of(store, parameter.choices, inverse=parameter.inverse)
    prefix, colon, local = value.partition(":")
    if colon and prefix in query.prefixes:
        value = query.prefixes[prefix] + local
    return _resolved(query, parameter, value, _names(store, values))


def _names(store: GraphStore, values: list[URIRef]) -> Iterator[Names]:
    """Yield the names that things go by, the narrowest kind of name first."""
    yield {iri: [local_name(iri)] for iri in values}
    for prop in (SKOS.notation, RDFS.label):
        yield _texts(store, values, prop)


def _resolved(query: NamedQuery, parameter: Parameter, value: str, tiers: Iterable[Names]) -> URIRef:
    """Return the one thing that a value names: its IRI, or its name in the first tier that knows it."""
    written: list[str] = []
    for names in tiers:
        whole = [iri for iri in names if str(iri) == value]
        found = [iri for iri, known in names.items() if value.casefold() in map(str.casefold, known)]
        found = whole or [iri for iri in found if value in names[iri]] or found
        if len(found) > 1:
            raise _unusable(query, parameter, f"{value!r}, which means {' or '.join(found)}", "one of them")
        if found:
            return found[0]
        written += [name for known in names.values() for name in known]
    raise UnknownNameError(parameter.name, value, _close_to(value, written))


def _close_to(value: str, written: list[str]) -> list[str]:
    """Return the names worth showing to someone who wrote another: all, or the closest of many."""
    names = sorted(set(written))
    if len(names) <= MOST_SHOWN:
        return names
    return [*get_close_matches(value, names, n=MOST_SHOWN, cutoff=0), "…"]


def _values_of(store: GraphStore, prop: URIRef, *, inverse: bool) -> list[URIRef]:
    """Return the IRIs that a property has in the knowledge as values, or as subjects."""
    pattern = "?value ?property ?other" if inverse else "?other ?property ?value"
    where = f"WHERE {{ {pattern} FILTER (isIRI(?value)) }} ORDER BY ?value"
    text = f"SELECT DISTINCT ?value {_knowledge(store)} {where}"
    return [URIRef(str(row["value"])) for row in store.query(text, bindings={"property": prop}).rows()]


def _texts(store: GraphStore, values: list[URIRef], prop: URIRef) -> Names:
    """Return the texts that a property gives the values in the knowledge, in every language."""
    found: Names = {}
    text = f"SELECT ?thing ?text {_knowledge(store)} WHERE {{ ?thing ?property ?text }} ORDER BY ?thing ?text"
    for row in store.query(text, bindings={"property": prop}).rows():
        found.setdefault(URIRef(str(row["thing"])), []).append(str(row["text"]))
    return {iri: found[iri] for iri in values if iri in found}


def _knowledge(store: GraphStore) -> str:
    """Return the FROM clauses that leave records and conclusions out."""
    return " ".join(f"FROM {iri.n3()}" for iri in store.knowledge_graphs())


_READERS: dict[str, Callable[[GraphStore, NamedQuery, Parameter, str], Node]] = {
    "iri": _iri,
    "case": _case,
    "string": _string,
    "integer": _integer,
    "decimal": _decimal,
    "language": _language,
}
