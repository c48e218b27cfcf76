"""The store: graphs by version, the catalogue, queries over the union, results in every form."""

import gc
import json
import threading
from pathlib import Path

import pytest
from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import OWL, RDF, XSD

from kg_service.alignments import mapping_sets
from kg_service.catalogue import CATALOGUE
from kg_service.errors import CatalogError, QueryError, UnknownNameError
from kg_service.knowledge import DATA_ROOT, load_file, module_paths, read_module
from kg_service.store import MEDIA_TYPES, Store

EX = Namespace("http://example.org/")
HEADER = """@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix ex: <http://example.org/> .
ex:onto a owl:Ontology ; owl:versionIRI ex:{version} . ex:{version} ex:says "{version}" ."""


@pytest.fixture(scope="module")
def knowledge() -> Store:
    store = Store()
    store.load_knowledge()
    return store


@pytest.fixture
def small() -> Store:
    store = Store()
    graph = Graph()
    graph.add((EX.a, EX.p, Literal("01", datatype=XSD.integer, normalize=False)))
    graph.add((EX.a, EX.q, Literal("blé", lang="fr")))
    graph.add((EX.b, EX.q, Literal('quote " and \\ and\nline')))
    graph.add((EX.b, EX.r, BNode("n1")))
    store.replace_graph(EX.g, graph, kind="record", title="A record")
    return store


def counted(store: Store, sparql: str) -> int:
    (row,) = store.query(sparql).rows()
    (value,) = row.values()
    return int(str(value))


def files() -> list[Path]:
    return [*module_paths(), *sorted((DATA_ROOT / "shapes").rglob("*.ttl"))]


def test_each_file_stands_in_the_graph_of_its_version(knowledge: Store) -> None:
    assert len(files()) >= 13
    for path in files():
        version = read_module(path).version
        sparql = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
        (row,) = knowledge.query(sparql, bindings={"g": version}).rows()
        assert int(str(row["n"])) == len(load_file(path)), path


def test_the_catalogue_lists_what_is_loaded_and_nothing_else(knowledge: Store) -> None:
    entries = {entry.iri: entry for entry in knowledge.graphs()}
    alignments = {one.version for one in mapping_sets()}
    assert set(entries) == {read_module(path).version for path in files()} | alignments
    assert {iri for iri, entry in entries.items() if entry.kind == "alignment"} == alignments
    stored = {row["g"] for row in knowledge.query("SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }").rows()}
    assert stored == {*entries, CATALOGUE}
    for path in files():
        entry = entries[read_module(path).version]
        assert entry.triples == len(load_file(path))
        assert entry.title
        assert entry.kind == (
            "shapes" if "shapes" in path.parts else "guideline" if "guidelines" in path.parts else "ontology"
        )


def test_the_default_graph_is_the_union_of_all_graphs(knowledge: Store) -> None:
    everything = counted(knowledge, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    assert everything == counted(knowledge, "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }")
    assert everything > sum(len(load_file(path)) for path in files())


def test_no_statement_of_the_knowledge_stands_in_two_graphs(knowledge: Store) -> None:
    """The engine would find it twice in the union."""
    twice = """SELECT ?s ?p ?o { GRAPH ?g { ?s ?p ?o } GRAPH ?h { ?s ?p ?o } FILTER (STR(?g) < STR(?h)) }"""
    assert knowledge.query(twice).rows() == []


def test_from_narrows_to_the_graphs_it_names(small: Store) -> None:
    small.replace_graph(EX.h, Graph().add((EX.a, EX.q, Literal("blé", lang="fr"))))
    assert counted(small, "SELECT (COUNT(*) AS ?n) FROM <http://example.org/h> { ?s ?p ?o }") == 1
    assert counted(small, "SELECT (COUNT(*) AS ?n) FROM NAMED <http://example.org/h> { ?s ?p ?o }") == 0
    both = "SELECT (COUNT(*) AS ?n) FROM <http://example.org/g> FROM <http://example.org/h> { ?s ?p ?o }"
    assert counted(small, both) == 5
    assert counted(small, both.replace("COUNT(*)", "COUNT(DISTINCT ?o)")) == 4


def test_loading_twice_changes_nothing() -> None:
    store = Store()
    store.load_knowledge()
    before = counted(store, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    store.load_knowledge()
    assert counted(store, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }") == before


def test_a_new_version_takes_the_place_of_the_old_one_and_data_stay(tmp_path: Path) -> None:
    store = Store()
    store.replace_graph(EX.data, Graph().add((EX.a, EX.p, EX.b)))
    for version in ("v1", "v2"):
        folder = tmp_path / version
        folder.mkdir()
        (folder / "onto.ttl").write_text(HEADER.format(version=version))
        store.load_knowledge(folder)
        said = store.query("SELECT ?v { ?s <http://example.org/says> ?v }").rows()
        assert [str(row["v"]) for row in said] == [version]
    assert EX.data in {entry.iri for entry in store.graphs()}
    assert store.query("ASK { <http://example.org/a> ?p ?o }").boolean is True


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.ttl": "<a:a> <a:b> ."}, "not valid Turtle"),
        ({"a.ttl": "<a:a> <a:b> <a:c> ."}, "needs one owl:Ontology with an owl:versionIRI"),
        ({"a.ttl": HEADER.format(version="v"), "b.ttl": HEADER.format(version="v")}, "bears the version IRI"),
    ],
)
def test_a_bad_module_loads_nothing(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    store = Store()
    with pytest.raises(CatalogError, match=message):
        store.load_knowledge(tmp_path)
    assert store.query("ASK { ?s ?p ?o }").boolean is False


def test_replacing_a_graph_leaves_no_trace_of_the_old_one(small: Store) -> None:
    small.replace_graph(EX.g, Graph().add((EX.c, EX.p, EX.d)))
    assert counted(small, "SELECT (COUNT(*) AS ?n) { GRAPH <http://example.org/g> { ?s ?p ?o } }") == 1
    (entry,) = small.graphs()
    assert (entry.iri, entry.title, entry.kind, entry.triples) == (EX.g, "g", "data", 1)


def test_removing_a_graph_removes_its_entry(small: Store) -> None:
    small.remove_graph(EX.g)
    small.remove_graph(EX.g)
    assert small.graphs() == []
    assert small.query("ASK { GRAPH <http://example.org/g> { ?s ?p ?o } }").boolean is False


def test_the_catalogue_cannot_be_replaced_or_removed(small: Store) -> None:
    with pytest.raises(CatalogError, match="lists the graphs"):
        small.replace_graph(CATALOGUE, Graph())
    with pytest.raises(CatalogError, match="lists the graphs"):
        small.remove_graph(CATALOGUE)


def test_what_cannot_be_stored_leaves_the_old_graph(small: Store) -> None:
    for bad in (URIRef("http://x/> } ; DROP ALL ; INSERT DATA { <a:b"), URIRef("relative")):
        with pytest.raises(CatalogError):
            small.replace_graph(EX.g, Graph().add((EX.a, EX.p, bad)))
        with pytest.raises(CatalogError):
            small.replace_graph(bad, Graph())
    assert counted(small, "SELECT (COUNT(*) AS ?n) { GRAPH <http://example.org/g> { ?s ?p ?o } }") == 4
    assert small.graphs()[0].triples == 4


def test_a_reader_sees_the_old_graph_or_the_new_one() -> None:
    """While a graph is replaced again and again, every query finds one whole generation."""
    store = Store()

    def generation(number: int) -> Graph:
        graph = Graph()
        for i in range(100):
            graph.add((EX[f"s{i}"], EX.generation, Literal(number)))
        return graph

    store.replace_graph(EX.g, generation(0))
    seen: list[tuple[int, int]] = []
    stop = threading.Event()

    def read() -> None:
        sparql = (
            "SELECT (COUNT(*) AS ?n) (COUNT(DISTINCT ?v) AS ?m) { GRAPH <http://example.org/g> { ?s ?p ?v } }"
        )
        while not stop.is_set():
            (row,) = store.query(sparql).rows()
            seen.append((int(str(row["n"])), int(str(row["m"]))))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 40):
        store.replace_graph(EX.g, generation(number))
    stop.set()
    reader.join()
    assert set(seen) == {(100, 1)}


def test_a_store_on_disk_keeps_what_it_holds(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.replace_graph(EX.g, Graph().add((EX.a, EX.p, EX.b)))
    with pytest.raises(CatalogError, match="cannot be opened as a store"):
        Store(tmp_path / "store")
    del store
    gc.collect()
    assert Store(tmp_path / "store").query("ASK { ?s <http://example.org/p> ?o }").boolean is True


def test_rows_are_rdflib_terms_as_they_were_stored(small: Store) -> None:
    rows = small.query(
        "SELECT ?s ?p ?o ?none { GRAPH <http://example.org/g> { ?s ?p ?o } } ORDER BY ?s ?p"
    ).rows()
    values = [row["o"] for row in rows]
    assert str(values[0]) == "1"  # the engine keeps numbers by value
    assert isinstance(values[0], Literal)
    assert values[0].datatype == XSD.integer
    assert values[1] == Literal("blé", lang="fr")
    assert values[2] == Literal('quote " and \\ and\nline')
    assert isinstance(values[3], BNode)
    assert {row["none"] for row in rows} == {None}


def test_a_select_can_be_written_in_every_result_format(small: Store) -> None:
    result = small.query("SELECT ?o { <http://example.org/a> <http://example.org/q> ?o }")
    assert result.variables == ("o",)
    assert result.boolean is None
    assert result.formats == ("json", "xml", "csv", "tsv")
    binding = json.loads(result.serialize("json"))["results"]["bindings"][0]["o"]
    assert binding == {"type": "literal", "value": "blé", "xml:lang": "fr"}
    assert '<literal xml:lang="fr">blé</literal>' in result.serialize("xml").decode()
    assert result.serialize("csv").decode() == "o\r\nblé\r\n"
    assert result.serialize("tsv").decode() == '?o\n"blé"@fr\n'
    with pytest.raises(UnknownNameError, match="no format for this answer named 'turtle'"):
        result.serialize("turtle")


def test_an_ask_can_be_written_in_json_and_xml(small: Store) -> None:
    result = small.query("ASK { ?s ?p ?o }")
    assert result.boolean is True
    assert result.rows() == []
    assert json.loads(result.serialize("json")) == {"head": {}, "boolean": True}
    assert b"<boolean>true</boolean>" in result.serialize("xml")


def test_a_construct_can_be_written_as_turtle_and_n_triples(small: Store) -> None:
    small.replace_graph(EX.h, Graph().add((EX.a, EX.q, Literal("blé", lang="fr"))))
    result = small.query("CONSTRUCT WHERE { ?s ?p ?o . ?s <http://example.org/q> ?o }")
    assert result.is_graph
    expected = (
        Graph()
        .add((EX.a, EX.q, Literal("blé", lang="fr")))
        .add((EX.b, EX.q, Literal('quote " and \\ and\nline')))
    )
    assert isomorphic(result.graph(), expected)
    assert isomorphic(Graph().parse(data=result.serialize("turtle"), format="turtle"), expected)
    assert len(result.serialize("nt").splitlines()) == 2
    assert small.query("DESCRIBE <http://example.org/b>").is_graph


def test_media_types_are_those_of_the_standards() -> None:
    assert MEDIA_TYPES == {
        "json": "application/sparql-results+json",
        "xml": "application/sparql-results+xml",
        "csv": "text/csv",
        "tsv": "text/tab-separated-values",
        "turtle": "text/turtle",
        "nt": "application/n-triples",
    }


def test_a_triple_as_a_value_has_no_rdflib_term(small: Store) -> None:
    result = small.query("SELECT (TRIPLE(<a:a>, <a:b>, <a:c>) AS ?t) {}")
    assert b"triple" in result.serialize("json")
    with pytest.raises(QueryError, match="is a triple"):
        result.rows()


@pytest.mark.parametrize(
    "sparql",
    [
        "SELECT ?s ?o { ?s ?p ?o }",
        "SELECT ?s { ?s ?p ?x FILTER (?x = ?o) }",
        "SELECT ?s ?o { OPTIONAL { ?s ?p ?o } }",
        "SELECT ?s (?o AS ?copy) { ?s ?p ?o }",
        "SELECT ?s { { ?s ?p ?o } UNION { ?s ?p ?o FILTER (false) } }",
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "ASK { ?s ?p ?o }",
    ],
)
def test_bindings_narrow_every_form_of_query(small: Store, sparql: str) -> None:
    value = Literal('quote " and \\ and\nline')
    result = small.query(sparql, bindings={"o": value})
    assert result.boolean or (
        len(result.graph()) == 1 if result.is_graph else [r["s"] for r in result.rows()] == [EX.b]
    )
    other = small.query(sparql, bindings={"o": Literal("absent")})
    assert not other.boolean
    assert not other.graph()
    assert [row["s"] for row in other.rows() if row["s"]] == []


@pytest.mark.parametrize("text", ['" } SERVICE <x> {', "\\", "'''", "\n", "\\u0022", "}", "é𝕏"])
def test_a_bound_text_is_never_read_as_query(small: Store, text: str) -> None:
    small.replace_graph(EX.h, Graph().add((EX.t, EX.text, Literal(text))))
    sparql = "SELECT ?s { ?s <http://example.org/text> ?o }"
    assert small.query(sparql, bindings={"o": Literal(text)}).rows() == [{"s": EX.t}]


@pytest.mark.parametrize(
    ("sparql", "bindings", "message"),
    [
        ("ASK { ?s ?p ?o }", {"x": EX.a}, r"no variable \?x to bind; it has \?o, \?p, \?s"),
        ("ASK { }", {"a b": EX.a}, "no variable"),
        ("DESCRIBE <a:b>", {}, ""),
        ("DESCRIBE ?x", {"x": EX.a}, "no WHERE group"),
        ("ASK { ?s ?p ?o }", {"o": BNode()}, "is a blank node"),
        ("ASK { ?s ?p ?o }", {"o": URIRef("a b")}, "cannot be bound"),
    ],
)
def test_what_cannot_be_bound_is_told(
    small: Store, sparql: str, bindings: dict[str, URIRef], message: str
) -> None:
    if not message:
        small.query(sparql, bindings=bindings)
        return
    with pytest.raises(QueryError, match=message):
        small.query(sparql, bindings=bindings)


@pytest.mark.parametrize(
    ("sparql", "message"),
    [
        ("SELECT ?s {\n  ?s ?p }", "line 2, column 10 or just before: not SPARQL; the query ends too early"),
        (
            "SELECT ?s {\n  ?s ex:p ?o }",
            "line 2, column 6: the prefix ex: is not declared; add PREFIX ex: <…>",
        ),
        (
            "SELECT ?s { ?s ?p ?o }\nLIMIT x",
            "line 2, column 7: not SPARQL; found 'x'; expected a keyword or a name",
        ),
        (
            "SELECT ?s { ?s ?p ?o FILTR(?s) } # why",
            "line 1, column 22: not SPARQL; found 'FILTR(?s) } # why'",
        ),
        ("FROB ?s { ?s ?p ?o }", "line 1, column 1: not SPARQL; found 'FROB ?s { ?s ?p ?o }'"),
        (
            "SELECT ?q ?s { ?s ?p ?o } GROUP BY ?s",
            "line 1, column 38: not SPARQL; The SELECT contains a variable that is unbound",
        ),
        ("", "line 1, column 1: not SPARQL; the query ends too early"),
    ],
)
def test_a_syntax_error_has_its_place_with_and_without_bindings(
    small: Store, sparql: str, message: str
) -> None:
    for bindings in ({}, {"s": EX.a}) if "?s" in sparql else ({},):
        with pytest.raises(QueryError) as caught:
            small.query(sparql, bindings=bindings)
        assert str(caught.value) == message


def test_a_query_never_writes(small: Store) -> None:
    for update in ("DROP ALL", "INSERT DATA { <a:a> <a:b> <a:c> }", "DELETE WHERE { ?s ?p ?o }"):
        with pytest.raises(QueryError):
            small.query(update)
    assert small.graphs()[0].triples == 4


def test_an_empty_store_answers() -> None:
    store = Store()
    assert store.graphs() == []
    assert store.query("SELECT * { ?s ?p ?o }").rows() == []
    assert (OWL.Thing, RDF.type, None) not in store.query(
        "DESCRIBE <http://www.w3.org/2002/07/owl#Thing>"
    ).graph()
