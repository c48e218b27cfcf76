"""What every store does with named graphs and their catalogue, whichever engine answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyoxigraph as ox
from rdflib import Graph, URIRef
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
from kg_service.errors import CatalogError
from kg_service.knowledge import load_file
from kg_service.store.results import QueryResult, written
from kg_service.store.terms import graph_name, iri_node, subject_node, to_store


class GraphStore(ABC):
    """Named graphs with a catalogue of them, asked and changed in SPARQL."""

    @abstractmethod
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

    @abstractmethod
    def change(self, steps: Iterable[str], what: str) -> None:
        """Make the steps of a SPARQL update, all of them or none.

        Raises
        ------
        CatalogError
            When it fails; names what was to be stored.
        """

    def load_knowledge(self, *extra: Path) -> None:
        """Load every module, shapes file and alignment set, each into the graph of its version.

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
        steps = [_removal(iri) for iri in self.knowledge_graphs()]
        for module in knowledge_modules(*extra):
            steps += _replacement(module.version, load_file(module.path), module_entry(module))
        for one in mapping_sets():
            graph = one.graph()
            entry = alignment_entry(one.version, one.title, len(graph), one.iri, one.number)
            steps += _replacement(one.version, graph, entry)
        self.change(steps, "the knowledge base")

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
        self.change(_replacement(iri, graph, entry), f"the graph {iri}")

    def exchange(self, old: Iterable[URIRef], new: Mapping[URIRef, tuple[GraphKind, Graph]]) -> None:
        """Remove some graphs and put others in their place, all at once or not at all."""
        steps = [_removal(iri) for iri in old if iri not in new]
        for iri, (kind, graph) in new.items():
            steps += _replacement(iri, graph, data_entry(iri, kind, None, len(graph)))
        self.change(steps, ", ".join(new) or "nothing in place of graphs")

    def remove_graph(self, iri: URIRef) -> None:
        """Remove a graph and its entry in the catalogue; one that is not there stays so."""
        refuse_catalogue(iri)
        self.change([_removal(iri)], f"the graph {iri}")

    def graphs(self) -> list[StoredGraph]:
        """Return the entries of the catalogue, by name."""
        return [stored_graph(row) for row in self.query(ENTRIES).rows()]

    def knowledge_graphs(self) -> list[URIRef]:
        """Return the names of the graphs that come from the files of the knowledge base."""
        return [URIRef(str(row["graph"])) for row in self.query(KNOWLEDGE).rows()]


def _replacement(iri: URIRef, graph: Graph, entry: Graph) -> list[str]:
    """Return the steps of an update that put a graph and its entry in place of what stood there."""
    return [_removal(iri), _insertion(iri, graph), _insertion(CATALOGUE, entry)]


def _removal(iri: URIRef) -> str:
    """Return the update that removes a graph and its entry."""
    graph, catalogue = graph_name(iri), graph_name(CATALOGUE)
    return (
        f"DROP SILENT GRAPH {graph} ;\n"
        f"DELETE WHERE {{ GRAPH {catalogue} {{ {graph} ?property ?value }} }} ;\n"
        f"DELETE DATA {{ GRAPH {catalogue} {{ {catalogue} {iri_node(DCAT.dataset)} {graph} }} }}"
    )


def _insertion(iri: URIRef, graph: Graph) -> str:
    """Return the update that adds a graph to a graph, every term written by the engine."""
    try:
        triples = [ox.Triple(subject_node(s), iri_node(p), to_store(o)) for s, p, o in graph]
    except ValueError as error:
        raise CatalogError(f"the graph {iri} holds a term that cannot be stored: {error}") from error
    return (
        f"INSERT DATA {{ GRAPH {graph_name(iri)} {{\n{written(triples, ox.RdfFormat.N_TRIPLES).decode()}}} }}"
    )
