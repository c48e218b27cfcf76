"""SPARQL over everything: knowledge, records and conclusions as named graphs of one store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rdflib import Graph, URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.conclusions import conclusions_graph
from kg_service.errors import InputError, Problem, UnknownNameError
from kg_service.iris import conclusions_graph_iri, record_graph_iri
from kg_service.namespaces import BASE
from kg_service.queries import load_queries, run
from kg_service.record_rdf import record_graph
from kg_service.service import AssessedRecord, KnowledgeBase
from kg_service.store import MEDIA_TYPES, QueryResult, Store
from kg_service.wording import Language

GRAPH_FORMATS = {"ttl": "turtle"}


class Graphs:
    """A store that holds the knowledge, and the records put into it with their conclusions.

    Parameters
    ----------
    base : KnowledgeBase
        What the conclusions were drawn from.
    """

    def __init__(self, base: KnowledgeBase) -> None:
        self.base = base
        self.store = Store()
        self.store.load_knowledge()
        self._of_document: dict[str, list[URIRef]] = {}

    def add(self, item: AssessedRecord, compiled: CompiledGuideline | None = None) -> list[URIRef]:
        """Put a record and its conclusions in place of an earlier one of its id; return the graphs."""
        compiled = compiled or self.base.compiled()
        document = item.record.root.id
        graphs: dict[URIRef, Graph] = {
            record_graph_iri(document): record_graph(
                item.record, self.base.cases(item.record), compiled.schema
            )
        }
        for assessment in item.assessments:
            graphs[conclusions_graph_iri(document, assessment.case.id)] = conclusions_graph(
                assessment, compiled
            )
        for stale in set(self._of_document.get(document, [])) - set(graphs):
            self.store.remove_graph(stale)
        for iri, graph in graphs.items():
            is_record = iri == record_graph_iri(document)
            self.store.replace_graph(iri, graph, kind="record" if is_record else "conclusions")
        self._of_document[document] = list(graphs)
        return list(graphs)

    def remove(self, document: str) -> None:
        """Forget a record and its conclusions.

        Raises
        ------
        UnknownNameError
            When no record of this id was put in.
        """
        if document not in self._of_document:
            raise UnknownNameError("record", document, list(self._of_document))
        for iri in self._of_document.pop(document):
            self.store.remove_graph(iri)

    def query(self, text: str) -> QueryResult:
        """Return the answer to a SPARQL query; the default graph is the union of all graphs."""
        return self.store.query(text)

    def run(self, name: str, parameters: Mapping[str, str]) -> QueryResult:
        """Return the answer to a query of the library."""
        return run(self.store, name, parameters)


def negotiate(result: QueryResult, accept: str) -> tuple[bytes, str]:
    """Return an answer in the first media type accepted that it can take, and that media type."""
    formats = {MEDIA_TYPES[name]: name for name in result.formats}
    for media in accept.split(","):
        wanted = media.split(";")[0].strip().lower()
        if wanted in formats:
            return result.serialize(formats[wanted]), wanted
    name = result.formats[0]
    return result.serialize(name), MEDIA_TYPES[name]


def list_queries(language: Language) -> str:
    """Return the query library as text, a query a line."""
    queries = load_queries()
    width = max(len(name) for name in queries)
    return "\n".join(f"{name:<{width}}  {query.title(language)}" for name, query in queries.items())


def run_query(
    base: KnowledgeBase,
    compiled: CompiledGuideline,
    assessed: list[AssessedRecord],
    name: str,
    parameters: list[str],
    form: str,
    language: Language,
    loaded: Iterable[Path] = (),
) -> str:
    """Return the answer to a query of the library, or of a file, over some records and N-Quads files too.

    Raises
    ------
    InputError
        When a parameter is not given as ``name=value``.
    UnknownNameError
        When there is no such query or format.
    """
    graphs = Graphs(base)
    for item in assessed:
        graphs.add(item, compiled)
    for file in loaded:
        graphs.store.load_quads(file)
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
