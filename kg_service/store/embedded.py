"""The embedded engine: Oxigraph, in memory or on disk."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TypeVar, cast

import pyoxigraph as ox
from rdflib import URIRef
from rdflib.term import Node

from kg_service.catalogue import CATALOGUE, knowledge_modules
from kg_service.errors import CatalogError, InputError, Problem, QueryError
from kg_service.functions import Functions
from kg_service.knowledge import load_graph, shapes_paths
from kg_service.sparql_errors import parse_error
from kg_service.sparql_guard import CheckedQuery, check
from kg_service.store.base import GraphStore
from kg_service.store.bindings import bound
from kg_service.store.results import QueryResult, complete
from kg_service.store.streaming import Output, write_answer, write_graph
from kg_service.store.terms import QueryFunction, graph_name, query_function

T = TypeVar("T")
Answer = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples
_FAILURES = (OSError, RuntimeError, ValueError)
"""What the engine raises when an evaluation fails."""


@dataclass(frozen=True)
class DatasetOfQuery:
    """The graphs that a request names for its query, in place of any FROM.

    Attributes
    ----------
    default, named : tuple of str
        IRIs of the graphs that make up the default graph, and of the named graphs.
    """

    default: tuple[str, ...]
    named: tuple[str, ...]


class Store(GraphStore):
    """A SPARQL store, in memory or on disk.

    Parameters
    ----------
    path : Path, optional
        Folder of a store on disk, made when missing; in memory otherwise.
    read_only : bool
        Whether a folder is opened to be asked only; several processes can then open it.

    Raises
    ------
    CatalogError
        When the folder cannot be opened, for instance because another process has it open.
    """

    def __init__(self, path: Path | None = None, *, read_only: bool = False) -> None:
        self._functions: dict[ox.NamedNode, QueryFunction] = {}
        try:
            if path is None:
                self._store = ox.Store()
            else:
                self._store = ox.Store.read_only(str(path)) if read_only else ox.Store(str(path))
        except OSError as error:
            raise CatalogError(f"{path}: cannot be opened as a store: {error}") from error

    def load_knowledge(self, *extra: Path) -> None:
        """Load the knowledge base; queries can then call the functions that its modules declare.

        Parameters
        ----------
        *extra : Path
            Folders of further modules.

        Raises
        ------
        CatalogError
            When a file cannot be parsed, names no version, or bears the version of another file.
        """
        super().load_knowledge(*extra)
        self.use_functions(declared_functions(*extra))

    def use_functions(self, functions: Functions) -> None:
        """Let queries call functions by their IRIs."""
        self._functions = {
            ox.NamedNode(iri): query_function(functions, function)
            for function in functions.by_iri.values()
            for iri in function.iris
        }

    def query(self, sparql: str, *, bindings: Mapping[str, Node] | None = None) -> QueryResult:
        """Return the complete answer to a query; see `GraphStore.query`."""
        checked = check(sparql)
        text, values = bound(checked, bindings or {})
        return self._answer(text, checked, values, None, None, complete)

    def stream(
        self,
        sparql: str,
        accepted: Sequence[str],
        output: Output,
        *,
        base: str | None = None,
        dataset: DatasetOfQuery | None = None,
        services: frozenset[str] = frozenset(),
    ) -> None:
        """Write the answer to a query as it comes.

        Parameters
        ----------
        sparql : str
            A SELECT, ASK, CONSTRUCT or DESCRIBE.
        accepted : sequence of str
            Media types, the best first.
        output : Output
            What the answer is written to.
        base : str, optional
            IRI that relative IRIs are resolved against.
        dataset : DatasetOfQuery, optional
            Graphs that win over those that the query names.
        services : frozenset of str
            Endpoints that SERVICE may call.

        Raises
        ------
        QueryError
            When the query is refused, is no SPARQL, or fails; the output is then not complete.
        """
        checked = check(sparql, services)
        self._answer(sparql, checked, "", base, dataset, lambda a: write_answer(a, accepted, output))

    def _answer(
        self,
        text: str,
        checked: CheckedQuery,
        values: str,
        base: str | None,
        dataset: DatasetOfQuery | None,
        read: Callable[[Answer], T],
    ) -> T:
        try:
            return read(
                self._store.query(
                    text,
                    base_iri=base,
                    use_default_graph_as_union=dataset is None and not checked.names_graphs,
                    default_graph=None if dataset is None else [*_nodes(dataset.default)],
                    named_graphs=None if dataset is None else [*_nodes(dataset.named)],
                    custom_functions=self._functions,
                )
            )
        except SyntaxError as error:
            raise QueryError(parse_error(str(error), checked, values)) from error
        except _FAILURES as error:
            raise QueryError(f"the query failed: {error}") from error

    def change(self, steps: Iterable[str], what: str) -> None:
        """Make the steps of an update; see `GraphStore.change`."""
        try:
            self._store.update(" ;\n".join(steps))
        except (SyntaxError, *_FAILURES) as error:
            raise CatalogError(f"{what} cannot be stored: {error}") from error

    def update(self, sparql: str, base: str | None = None) -> None:
        """Make an update that someone else wrote, all of it or nothing.

        Raises
        ------
        QueryError
            When it is no SPARQL update, or fails.
        """
        try:
            self._store.update(sparql, base_iri=base, custom_functions=self._functions)
        except SyntaxError as error:
            raise QueryError(f"not a SPARQL update: {error}") from error
        except _FAILURES as error:
            raise QueryError(f"the update failed: {error}") from error

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
        graphs = {iri: graph_name(iri) for iri in self.knowledge_graphs()}
        return {
            iri: sum(1 for _ in self._store.quads_for_pattern(None, None, None, name))
            for iri, name in graphs.items()
        }

    def has_graph(self, iri: str | None) -> bool:
        """Return whether a named graph exists; the default graph, named by None, always does."""
        return iri is None or self._store.contains_named_graph(_nodes([iri])[0])

    def write_one_graph(self, iri: str | None, accepted: Sequence[str], output: Output) -> None:
        """Write one graph, the default graph for None.

        Raises
        ------
        QueryError
            When no accepted media type suits a graph.
        """
        graph = ox.DefaultGraph() if iri is None else _nodes([iri])[0]
        triples = self._store.query("CONSTRUCT WHERE { ?s ?p ?o }", default_graph=graph)
        assert isinstance(triples, ox.QueryTriples)  # noqa: S101 - the form of the query
        write_graph(triples, accepted, output)

    def clear_graph(self, iri: str | None) -> None:
        """Remove a named graph, or empty the default graph for None."""
        if iri is None:
            self._store.clear_graph(ox.DefaultGraph())
        else:
            self._store.remove_graph(_nodes([iri])[0])

    def add_document(self, iri: str | None, content: bytes, media_type: str, base: str) -> None:
        """Add the triples of a document to a graph, the default graph for None.

        Raises
        ------
        QueryError
            When the document cannot be read; says where.
        """
        name = ox.DefaultGraph() if iri is None else _nodes([iri])[0]
        form = ox.RdfFormat.from_media_type(media_type)
        try:
            parsed = ox.parse(
                content, format=form, base_iri=base, without_named_graphs=True, rename_blank_nodes=True
            )
            self._store.extend(ox.Quad(q.subject, q.predicate, q.object, name) for q in parsed)
        except (SyntaxError, *_FAILURES) as error:
            raise QueryError(f"the body is not {media_type}: {error}") from error
        if iri is not None:
            self._store.add_graph(_nodes([iri])[0])

    def protected_state(self) -> dict[str, str]:
        """Return a digest of the catalogue and of each graph of the knowledge base, by name."""
        return {str(iri): self._digest(str(iri)) for iri in (CATALOGUE, *self.knowledge_graphs())}

    def changed_graphs(self, state: Mapping[str, str]) -> list[str]:
        """Return the graphs that are no longer what they were when their digests were taken."""
        return [iri for iri, digest in state.items() if self._digest(iri) != digest]

    def _digest(self, iri: str) -> str:
        dumped = self._store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=ox.NamedNode(iri))
        return sha256(b"\n".join(sorted((dumped or b"").split(b"\n")))).hexdigest()

    def save(self) -> None:
        """Write everything to the disk."""
        self._store.flush()

    def copy_to(self, path: Path) -> None:
        """Make a copy of a store on disk that shares the files that never change."""
        self._store.backup(str(path))


def declared_functions(*extra: Path) -> Functions:
    """Return the functions that the modules of the knowledge base declare."""
    shapes = set(shapes_paths())
    return Functions(load_graph(*(m.path for m in knowledge_modules(*extra) if m.path not in shapes)))


def _nodes(iris: Iterable[str]) -> list[ox.NamedNode]:
    """Return the names of graphs.

    Raises
    ------
    QueryError
        When one is no absolute IRI.
    """
    nodes = []
    for iri in iris:
        try:
            nodes.append(ox.NamedNode(iri))
        except ValueError as error:
            raise QueryError(f"{iri!r} cannot name a graph: {error}; give an absolute IRI") from error
    return nodes
