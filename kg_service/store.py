"""The SPARQL store: one named graph per module, alignment set, record and set of conclusions.

Only this module has heard of pyoxigraph. The default graph of a query is the union of all named
graphs, unless the query names its graphs with FROM. A triple that stands in several graphs is
found once in each of them: count with DISTINCT.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, cast

import pyoxigraph as ox
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import DCAT
from rdflib.term import Node

from kg_service.alignments import mapping_sets
from kg_service.catalogue import (
    CATALOGUE,
    ENTRIES,
    KNOWLEDGE,
    GraphKind,
    StoredGraph,
    alignment_entry,
    data_entry,
    knowledge_modules,
    module_entry,
    refuse_catalogue,
    stored_graph,
)
from kg_service.errors import CatalogError, InputError, Problem, QueryError, UnknownNameError
from kg_service.functions import Function, Functions
from kg_service.knowledge import load_file, load_graph, shapes_paths
from kg_service.namespaces import BASE, OWL, XSD
from kg_service.sparql_errors import parse_error
from kg_service.sparql_guard import CheckedQuery, check
from kg_service.values import decimal_text

_RESULTS = {
    "json": ox.QueryResultsFormat.JSON,
    "xml": ox.QueryResultsFormat.XML,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
}
_GRAPHS = {"turtle": ox.RdfFormat.TURTLE, "nt": ox.RdfFormat.N_TRIPLES}
MEDIA_TYPES = {
    **{name: form.media_type.partition(";")[0] for name, form in _RESULTS.items()},
    **{name: form.media_type.partition(";")[0] for name, form in _GRAPHS.items()},
}
"""Media type of each format that results can be written in."""

_PARSED = {
    "nt": ox.RdfFormat.N_TRIPLES,
    "nquads": ox.RdfFormat.N_QUADS,
    "turtle": ox.RdfFormat.TURTLE,
    "trig": ox.RdfFormat.TRIG,
}
StoredNode = ox.NamedNode | ox.BlankNode | ox.Triple
"""A node as the engine holds it; its text is that of N-Triples."""
StoredTriple = ox.Triple
"""A triple as the engine holds it."""
_LOADED = 200_000
"""Triples that are loaded at once: many more would take a gigabyte."""
_TERMS_KEPT = 2**16
"""Terms that are kept once made, of those that many records share."""
_DECIMALS = 18
"""Decimals of the numbers that the engine computes with."""
_LARGEST = 10**20
"""What numbers of the engine stay below."""
_Term = ox.NamedNode | ox.BlankNode | ox.Literal
_QueryFunction = Callable[..., ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class QueryResult:
    """The complete answer to a query.

    Attributes
    ----------
    variables : tuple of str
        The columns of a SELECT; empty for the other forms.
    boolean : bool or None
        The answer to an ASK; None for the other forms.
    is_graph : bool
        Whether the answer is a graph, from CONSTRUCT or DESCRIBE.
    """

    def __init__(
        self, variables: tuple[str, ...], boolean: bool | None, is_graph: bool, content: bytes
    ) -> None:
        self.variables = variables
        self.boolean = boolean
        self.is_graph = is_graph
        self._content = content

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats this answer can be written in."""
        if self.is_graph:
            return tuple(_GRAPHS)
        return ("json", "xml") if self.boolean is not None else tuple(_RESULTS)

    def rows(self) -> list[dict[str, Node | None]]:
        """Return the rows of a SELECT, as rdflib terms; None where a column is unbound.

        Raises
        ------
        QueryError
            When a value is a triple, which rdflib has no term for.
        """
        if self.is_graph or self.boolean is not None:
            return []
        solutions = ox.parse_query_results(self._content, format=ox.QueryResultsFormat.JSON)
        assert isinstance(solutions, ox.QuerySolutions)  # noqa: S101 - written from solutions
        return [{name: _to_rdflib(solution[name]) for name in self.variables} for solution in solutions]

    def graph(self) -> Graph:
        """Return the graph of a CONSTRUCT or DESCRIBE; an empty one for the other forms."""
        graph = Graph()
        return graph.parse(data=self._content, format="nt") if self.is_graph else graph

    def serialize(self, format: str) -> bytes:  # noqa: A002 - the word rdflib uses
        """Return the answer in a format: ``json``, ``xml``, ``csv``, ``tsv``; ``turtle``, ``nt`` for graphs.

        Raises
        ------
        UnknownNameError
            When this answer cannot be written in that format.
        """
        if format not in self.formats:
            raise UnknownNameError("format for this answer", format, list(self.formats))
        if format in ("json", "nt"):
            return self._content
        if self.is_graph:
            triples = (quad.triple for quad in ox.parse(self._content, format=ox.RdfFormat.N_TRIPLES))
            return _written(triples, _GRAPHS[format])
        written = ox.parse_query_results(self._content, format=ox.QueryResultsFormat.JSON).serialize(
            format=_RESULTS[format]
        )
        assert written is not None  # noqa: S101 - None only when a file is given
        return written


class Store:
    """A SPARQL store, in memory or on disk.

    Parameters
    ----------
    path : Path, optional
        Folder of a store on disk, made when missing; in memory otherwise.

    Raises
    ------
    CatalogError
        When the folder cannot be opened, for instance because another process has it open.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._functions: dict[ox.NamedNode, _QueryFunction] = {}
        try:
            self._store = ox.Store() if path is None else ox.Store(str(path))
        except OSError as error:
            raise CatalogError(f"{path}: cannot be opened as a store: {error}") from error

    def load_knowledge(self, *extra: Path) -> None:
        """Load every module, shapes file and alignment set, each into the graph of its version.

        Queries can then call the functions that the modules declare.

        Knowledge graphs of an earlier load are removed; everything happens at once or not at all.

        Parameters
        ----------
        *extra : Path
            Folders of further modules.

        Raises
        ------
        CatalogError
            When a file cannot be parsed, names no version, or bears the version of another file.
        """
        modules = knowledge_modules(*extra)
        steps = [_removal(iri) for iri in self.knowledge_graphs()]
        for module in modules:
            steps += _replacement(module.version, load_file(module.path), module_entry(module))
        for one in mapping_sets():
            graph = one.graph()
            entry = alignment_entry(one.version, one.title, len(graph), one.iri, one.number)
            steps += _replacement(one.version, graph, entry)
        self._update(steps, "the knowledge base")
        shapes = set(shapes_paths())
        functions = Functions(load_graph(*(m.path for m in modules if m.path not in shapes)))
        self._functions = {
            ox.NamedNode(iri): _callable(functions, function)
            for function in functions.by_iri.values()
            for iri in function.iris
        }

    def replace_graph(
        self, iri: URIRef, graph: Graph, *, kind: GraphKind = "data", title: str | None = None
    ) -> None:
        """Put a graph under a name, in place of what stood there, at once or not at all.

        Parameters
        ----------
        iri : rdflib.URIRef
            Name of the graph.
        graph : rdflib.Graph
            What it is to hold.
        kind : str
            What the catalogue says it is.
        title : str, optional
            What the catalogue calls it; the end of its name otherwise.

        Raises
        ------
        CatalogError
            When the name or a term cannot be stored, or the name is that of the catalogue.
        """
        entry = data_entry(iri, kind, title, len(graph))
        self._update(_replacement(iri, graph, entry), f"the graph {iri}")

    def load_quads(self, path: Path) -> int:
        """Add the named graphs of a file to the store in memory; return how many quads came.

        Parameters
        ----------
        path : Path
            N-Quads, gzipped if it ends in ``.gz``.

        Raises
        ------
        InputError
            When it cannot be read, is no N-Quads, or speaks in a graph of the knowledge base.
        """
        before, held = len(self._store), self._knowledge_sizes()
        try:
            with path.open("rb") as file:
                unpacked = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
                self._store.bulk_load(cast(IO[bytes], unpacked), ox.RdfFormat.N_QUADS)
        except (OSError, EOFError) as error:
            raise InputError([Problem(path.name, str(error), "a whole file that can be read")]) from error
        except SyntaxError as error:
            raise InputError([Problem(path.name, str(error), "N-Quads")]) from error
        changed = [iri for iri, size in self._knowledge_sizes().items() if size != held.get(iri)]
        if changed:
            found = f"statements in the graph {changed[0]}"
            raise InputError([Problem(path.name, found, "no graph of the knowledge base")])
        return len(self._store) - before

    def _knowledge_sizes(self) -> dict[URIRef, int]:
        graphs = {iri: _name(iri) for iri in self.knowledge_graphs()}
        return {
            iri: sum(1 for _ in self._store.quads_for_pattern(None, None, None, name))
            for iri, name in graphs.items()
        }

    def remove_graph(self, iri: URIRef) -> None:
        """Remove a graph and its entry in the catalogue; one that is not there stays so."""
        refuse_catalogue(iri)
        self._update([_removal(iri)], f"the graph {iri}")

    def graphs(self) -> list[StoredGraph]:
        """Return the entries of the catalogue, by name."""
        return [stored_graph(row) for row in self.query(ENTRIES).rows()]

    def knowledge_graphs(self) -> list[URIRef]:
        """Return the names of the graphs that come from the files of the knowledge base."""
        return [URIRef(str(row["graph"])) for row in self.query(KNOWLEDGE).rows()]

    def query(self, sparql: str, *, bindings: Mapping[str, Node] | None = None) -> QueryResult:
        """Return the complete answer to a query.

        Parameters
        ----------
        sparql : str
            A SELECT, ASK, CONSTRUCT or DESCRIBE.
        bindings : mapping of str to rdflib term, optional
            Values of variables, by name. They are joined at the start of the WHERE group, as if
            VALUES stood there; a nested SELECT sees them only for variables that it projects.

        Raises
        ------
        QueryError
            When the query is refused, is no SPARQL, or fails; says where.
        """
        checked = check(sparql)
        values = _values(checked, bindings or {})
        group = checked.group or 0
        text = sparql[:group] + values + sparql[group:] if values else sparql
        try:
            return _complete(
                self._store.query(
                    text,
                    use_default_graph_as_union=not checked.names_graphs,
                    custom_functions=self._functions,
                )
            )
        except SyntaxError as error:
            raise QueryError(parse_error(str(error), checked, values)) from error
        except (OSError, RuntimeError, ValueError) as error:
            raise QueryError(f"the query failed: {error}") from error

    def _update(self, steps: Iterable[str], what: str) -> None:
        try:
            self._store.update(" ;\n".join(steps))
        except (SyntaxError, OSError, RuntimeError, ValueError) as error:
            raise CatalogError(f"{what} cannot be stored: {error}") from error


class TripleStore:
    """Triples on disk, more than memory could hold, all in one graph.

    Terms are those of the engine: what `written` is for is to take them elsewhere.

    Parameters
    ----------
    folder : Path
        An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._store = ox.Store(str(folder))

    def add(self, triples: Iterable[ox.Triple]) -> None:
        """Add many triples."""
        quads = (ox.Quad(t.subject, t.predicate, t.object) for t in triples)
        while together := list(islice(quads, _LOADED)):
            self._store.bulk_extend(together)

    def subjects(self, prop: str, value: str) -> Iterator[StoredNode]:
        """Yield what has a value of a property, both IRIs."""
        found = self._store.quads_for_pattern(None, ox.NamedNode(prop), ox.NamedNode(value))
        return (quad.subject for quad in found)

    def about(self, subject: StoredNode) -> list[StoredTriple]:
        """Return what is said of a thing."""
        return [quad.triple for quad in self._store.quads_for_pattern(subject, None, None)]

    def leading_to(self, value: StoredNode) -> list[StoredTriple]:
        """Return what is said with a thing as its value."""
        return [quad.triple for quad in self._store.quads_for_pattern(None, None, value)]

    def all(self) -> Iterator[StoredTriple]:
        """Yield every triple, those about one thing together."""
        return (quad.triple for quad in self._store)


def parsed(source: BinaryIO | bytes, form: str, base: str) -> Iterator[StoredTriple]:
    """Yield the triples of RDF, of all graphs, in the order in which they stand.

    Parameters
    ----------
    source : file or bytes
        The RDF.
    form : str
        One of ``nt``, ``nquads``, ``turtle``, ``trig``.
    base : str
        What IRIs are relative to.

    Raises
    ------
    CatalogError
        When it is not valid; says where.
    """
    try:
        for quad in ox.parse(source, format=_PARSED[form], base_iri=base):
            yield quad.triple
    except SyntaxError as error:
        raise CatalogError(error.msg) from error


def written(triples: Iterable[StoredTriple]) -> bytes:
    """Return triples as N-Triples."""
    return "".join(f"{triple} .\n" for triple in triples).encode()


def statements(ntriples: bytes) -> Iterator[tuple[Node, Node, Node]]:
    """Yield the triples of N-Triples in terms of rdflib, as its own parser makes them.

    Raises
    ------
    CatalogError
        When they are not valid.
    """
    for triple in parsed(ntriples, "nt", BASE):
        yield _term(triple.subject), _term(triple.predicate), _term(triple.object)


def _term(term: object) -> Node:
    if isinstance(term, ox.NamedNode):
        return _named(term.value)
    if isinstance(term, ox.Literal):
        return _valued(term.value, term.datatype.value, term.language)
    return BNode(str(term).removeprefix("_:"))


@lru_cache(maxsize=_TERMS_KEPT)
def _named(iri: str) -> URIRef:
    return URIRef(iri)


@lru_cache(maxsize=_TERMS_KEPT)
def _valued(value: str, datatype: str, language: str | None) -> Literal:
    if language:
        return Literal(value, lang=language)
    return Literal(value, datatype=None if datatype == str(XSD.string) else URIRef(datatype))


def node_of(term: object) -> StoredNode | None:
    """Return a term of the engine where it is a node, None where it is a literal."""
    return term if isinstance(term, ox.NamedNode | ox.BlankNode | ox.Triple) else None


def _replacement(iri: URIRef, graph: Graph, entry: Graph) -> list[str]:
    """Return the steps of an update that put a graph and its entry in place of what stood there."""
    return [_removal(iri), _insertion(iri, graph), _insertion(CATALOGUE, entry)]


def _removal(iri: URIRef) -> str:
    """Return the update that removes a graph and its entry."""
    graph, catalogue = _name(iri), _name(CATALOGUE)
    return (
        f"DROP SILENT GRAPH {graph} ;\n"
        f"DELETE WHERE {{ GRAPH {catalogue} {{ {graph} ?property ?value }} }} ;\n"
        f"DELETE DATA {{ GRAPH {catalogue} {{ {catalogue} {_node(DCAT.dataset)} {graph} }} }}"
    )


def _insertion(iri: URIRef, graph: Graph) -> str:
    """Return the update that adds a graph to a graph, every term written by the engine."""
    try:
        triples = [ox.Triple(_subject(s), _node(p), _to_store(o)) for s, p, o in graph]
    except ValueError as error:
        raise CatalogError(f"the graph {iri} holds a term that cannot be stored: {error}") from error
    return f"INSERT DATA {{ GRAPH {_name(iri)} {{\n{_written(triples, ox.RdfFormat.N_TRIPLES).decode()}}} }}"


def _written(triples: Iterable[ox.Triple], form: ox.RdfFormat) -> bytes:
    prefixes = (
        {"core": f"{BASE}core/", "owl": str(OWL), "xsd": str(XSD)} if form == ox.RdfFormat.TURTLE else None
    )
    written = ox.serialize(triples, format=form, prefixes=prefixes)
    assert written is not None  # noqa: S101 - None only when a file is given
    return written


def _values(checked: CheckedQuery, bindings: Mapping[str, Node]) -> str:
    """Return the VALUES block that binds variables, every term written by the engine."""
    if not bindings:
        return ""
    for name in bindings:
        if not _VARIABLE.fullmatch(name) or name not in checked.variables:
            raise QueryError(
                f"the query has no variable ?{name} to bind; it has {_listed(checked.variables)}"
            )
    if checked.group is None:
        raise QueryError("the query has no WHERE group in which to bind variables; add one")
    names = " ".join(f"?{name}" for name in bindings)
    terms = " ".join(_bindable(name, value) for name, value in bindings.items())
    return f" VALUES ({names}) {{ ({terms}) }} "


def _bindable(name: str, value: Node) -> str:
    if isinstance(value, BNode):
        raise QueryError(f"?{name} is a blank node; bind an IRI or a literal")
    try:
        return str(_to_store(value))
    except ValueError as error:
        raise QueryError(f"?{name} cannot be bound to {value!r}: {error}") from error


def _listed(variables: Iterable[str]) -> str:
    return ", ".join(f"?{name}" for name in sorted(variables)) or "none"


def _complete(answer: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples) -> QueryResult:
    """Return an answer read to its end: what fails half way gives no answer at all."""
    if isinstance(answer, ox.QueryBoolean):
        return QueryResult(
            (), bool(answer), False, _bytes(answer.serialize(format=ox.QueryResultsFormat.JSON))
        )
    if isinstance(answer, ox.QueryTriples):
        triples = sorted({str(triple): triple for triple in answer}.items())
        return QueryResult(
            (), None, True, _written((triple for _, triple in triples), ox.RdfFormat.N_TRIPLES)
        )
    variables = tuple(variable.value for variable in answer.variables)
    return QueryResult(variables, None, False, _bytes(answer.serialize(format=ox.QueryResultsFormat.JSON)))


def _bytes(written: bytes | None) -> bytes:
    assert written is not None  # noqa: S101 - None only when a file is given
    return written


def _node(iri: Node) -> ox.NamedNode:
    """Return an IRI of the store.

    Raises
    ------
    ValueError
        When it is not an absolute IRI.
    """
    if not isinstance(iri, URIRef):
        raise ValueError(f"{iri!r} is not an IRI")
    return ox.NamedNode(str(iri))


def _name(iri: URIRef) -> ox.NamedNode:
    """Return the name of a graph."""
    try:
        return _node(iri)
    except ValueError as error:
        raise CatalogError(f"{iri!r} cannot name a graph: {error}; give an absolute IRI") from error


def _subject(term: Node) -> ox.NamedNode | ox.BlankNode:
    return ox.BlankNode(str(term)) if isinstance(term, BNode) else _node(term)


def _to_store(term: Node) -> _Term:
    if isinstance(term, Literal):
        if term.language:
            return ox.Literal(str(term), language=term.language)
        return ox.Literal(str(term), datatype=_node(term.datatype) if term.datatype else None)
    return _subject(term)


def _to_rdflib(term: object) -> Node | None:
    convert = _CONVERSIONS.get(type(term))
    if convert is None:
        raise QueryError(f"the value {term} is a triple; ask for its parts, or take the JSON form")
    return convert(term)


def _literal(term: ox.Literal) -> Literal:
    if term.language:
        return Literal(term.value, lang=term.language)
    datatype = URIRef(term.datatype.value)
    return Literal(term.value, datatype=None if datatype == XSD.string else datatype, normalize=False)


_CONVERSIONS: dict[type, Callable[..., Node | None]] = {
    type(None): lambda _: None,
    ox.NamedNode: lambda term: URIRef(term.value),
    ox.BlankNode: lambda term: BNode(term.value),
    ox.Literal: _literal,
}


def _callable(functions: Functions, function: Function) -> _QueryFunction:
    """Return a function as the engine calls it: on its own terms; None is an error in the query."""

    def call(*terms: object) -> ox.Literal | None:
        arguments = [(t.value, t.datatype.value) for t in terms if isinstance(t, ox.Literal)]
        value = functions.literal(function, arguments) if len(arguments) == len(terms) else None
        if value is None or value >= _LARGEST:
            return None
        # A number with more decimals could be shown, but the engine would not go on computing with it.
        return ox.Literal(decimal_text(round(value, _DECIMALS)), datatype=_node(XSD.decimal))

    return call
