"""SPARQL over everything: knowledge, records and conclusions as named graphs of one store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote

from rdflib import Graph, URIRef

from kg_service.catalogue import GraphKind
from kg_service.compiler import CompiledGuideline
from kg_service.conclusions import conclusions_graph, place_of
from kg_service.errors import InputError, Problem, UnknownNameError
from kg_service.iris import record_graph_iri
from kg_service.namespaces import BASE, local_name
from kg_service.negotiation import accepted_types
from kg_service.protocol_errors import UnsuitableFormError
from kg_service.queries import load_queries, run
from kg_service.record_rdf import record_graph
from kg_service.relations_rdf import RELATIONS, RELATIONS_TITLE, relations_graph
from kg_service.service import AssessedRecord, KnowledgeBase
from kg_service.store import MEDIA_TYPES, GraphStore, QueryResult, Store
from kg_service.wording import Language

GRAPH_FORMATS = {"ttl": "turtle"}


class Graphs:
    """A store that holds the knowledge, and the records put into it with their conclusions.

    Parameters
    ----------
    base : KnowledgeBase
        What the conclusions were drawn from.
    store : GraphStore, optional
        A store that holds the knowledge; a fresh one in this process otherwise.
    """

    def __init__(self, base: KnowledgeBase, store: GraphStore | None = None) -> None:
        self.base = base
        if store is None:
            store = Store()
            store.load_knowledge()
        self.store = store

    def add(self, item: AssessedRecord, *compiled: CompiledGuideline) -> list[URIRef]:
        """Put a record and its conclusions in place of an earlier one of its id; return the graphs.

        Parameters
        ----------
        item : AssessedRecord
            The record, with what the first guideline concludes.
        compiled : CompiledGuideline
            The guidelines, each under its readings; the default one when none is given. Those after the first
            assess the record here.
        """
        first, *others = compiled or (self.base.compiled(),)
        document = item.record.root.id
        record = record_graph(item.record, self.base.cases(item.record), first.schema)
        graphs: dict[URIRef, tuple[GraphKind, Graph]] = {record_graph_iri(document): ("record", record)}
        graphs |= self._conclusions(item, first)
        for other in others:
            base = self.base.of(other.guideline.id)
            graphs |= self._conclusions(base.assess(item.record, other), other)
        self.store.exchange(self._of_document(document), graphs)
        return list(graphs)

    def relate(self) -> None:
        """Put in how the guidelines stand to each other, unless it is there or there is but one."""
        if len(self.base.guidelines) == 1:
            return
        graph = relations_graph(self.base.related())
        if (RELATIONS, len(graph)) not in {(g.iri, g.triples) for g in self.store.graphs()}:
            self.store.replace_graph(RELATIONS, graph, kind="relations", title=RELATIONS_TITLE)

    def _conclusions(
        self, item: AssessedRecord, compiled: CompiledGuideline
    ) -> dict[URIRef, tuple[GraphKind, Graph]]:
        base, found = self.base.of(compiled.guideline.id), {}
        for assessment in item.assessments:
            remedies = base.remedies(item.record, assessment, compiled)
            graph = conclusions_graph(assessment, compiled, remedies=remedies)
            kind: GraphKind = "conclusions"
            found[place_of(assessment.case, compiled).graph] = kind, graph
        return found

    def remove(self, document: str) -> None:
        """Forget a record and its conclusions.

        Raises
        ------
        UnknownNameError
            When the store holds no record of this id.
        """
        graphs = self._of_document(document)
        if not graphs:
            known = [unquote(local_name(g.iri)) for g in self.store.graphs() if g.kind == "record"]
            raise UnknownNameError("record", document, known)
        self.store.exchange(graphs, {})

    def _of_document(self, document: str) -> list[URIRef]:
        """Return the graphs of a record and its conclusions that the store holds."""
        record = record_graph_iri(document)
        return [
            graph.iri
            for graph in self.store.graphs()
            if (graph.kind == "record" and graph.iri == record)
            or (graph.kind == "conclusions" and graph.iri.startswith(f"{record}/"))
        ]

    def query(self, text: str) -> QueryResult:
        """Return the answer to a SPARQL query; the default graph is the union of all graphs."""
        return self.store.query(text)

    def run(self, name: str, parameters: Mapping[str, str]) -> QueryResult:
        """Return the answer to a query of the library."""
        return run(self.store, name, parameters)


def negotiate(result: QueryResult, accept: str | None) -> tuple[bytes, str]:
    """Return an answer in the best media type accepted that it can take, and that media type.

    Raises
    ------
    UnsuitableFormError
        When it can take none of them.
    """
    formats = {MEDIA_TYPES[name]: name for name in result.formats}
    accepted = accepted_types(accept, list(formats))
    if not accepted:
        raise UnsuitableFormError(f"this answer can be written in {', '.join(formats)}")
    return result.serialize(formats[accepted[0]]), accepted[0]


def list_queries(language: Language) -> str:
    """Return the query library as text, a query a line."""
    queries = load_queries()
    width = max(len(name) for name in queries)
    return "\n".join(f"{name:<{width}}  {query.title(language)}" for name, query in queries.items())


def run_query(
    base: KnowledgeBase,
    compiled: list[CompiledGuideline],
    assessed: list[AssessedRecord],
    name: str,
    parameters: list[str],
    form: str,
    language: Language,
    loaded: Iterable[Path] = (),
) -> str:
    """Return the answer to a query of the library, or of a file, over some records and N-Quads files too.

    The records are assessed by the first guideline; the others draw their conclusions too.

    Raises
    ------
    InputError
        When a parameter is not given as ``name=value``.
    UnknownNameError
        When there is no such query or format.
    """
    store = Store()
    store.load_knowledge()
    graphs = Graphs(base, store)
    graphs.relate()
    for item in assessed:
        graphs.add(item, *compiled)
    for file in loaded:
        store.load_quads(file)
    path = Path(name)
    if path.suffix in (".rq", ".sparql") and path.is_file():
        result = graphs.query(path.read_text(encoding="utf-8"))
    else:
        query = load_queries().get(name)
        own = {"language": language} if query is not None and "language" in query.parameters else {}
        result = graphs.run(name, own | _parameters(parameters))
    if form == "table" and not result.is_graph:
        return _table(result)
    default = "turtle" if form == "table" else form
    return result.serialize(GRAPH_FORMATS.get(default, default)).decode("utf-8")


def _parameters(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError([Problem(f"--set {text}", "no name=value", "a parameter and its value")])
        found[name] = value
    return found


def _table(result: QueryResult) -> str:
    """Return the rows of a SELECT as columns of text; IRIs of ours without their base."""
    if result.boolean is not None:
        return "true" if result.boolean else "false"
    rows = [
        [_cell(str(value)) if (value := row[name]) is not None else "" for name in result.variables]
        for row in result.rows()
    ]
    table = [list(result.variables), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(result.variables))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join([*lines, f"({len(rows)} rows)"])


def _cell(text: str) -> str:
    return text.removeprefix(BASE)
