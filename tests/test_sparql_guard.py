"""What the guard refuses, what it lets through, and that the two readings of a text never differ."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rdflib import Graph, URIRef

from kg_service.errors import QueryError
from kg_service.sparql_guard import MAX_BYTES, MAX_DEPTH, MAX_UNITS, check, check_iri, check_update
from kg_service.sparql_update import with_dataset
from kg_service.store import Store

CALLS = [
    "ASK { SERVICE <http://x/> { ?s ?p ?o } }",
    "ASK { service silent ?x { } }",
    "ASK { SERVICE?x{} }",
    "ASK { SERVICESILENT?x{} }",
    "PREFIX ex: <a:> ASK { SERVICEex:a{} }",
    "PREFIX : <a:> ASK { SERVICE:a{} }",
    "PREFIX ex: <a:> ASK { ?s ?p ex:. SERVICE?x{} }",
    "ASK { ?s ?p trueSERVICE?x{} }",
    "ASK { ?s ?p 1SERVICE?x{} }",
    "ASK { ?s ?p 1.0e5SERVICE?x{} }",
    'ASK { ?s ?p "x"SERVICE?x{} }',
    'ASK { ?s ?p "x"@en-SERVICE ?x{} }',
    'ASK { ?s ?p "x"^^<a:b>SERVICE?x{} }',
    "ASK { SERVICE # why\n ?x {} }",
    "ASK { FILTER EXISTS { SERVICE ?x {} } }",
    "ASK { FILTER (1<2)SERVICE?x{} }",
    "ASK { {} UNION { GRAPH ?g { SERVICE ?x {} } } }",
    "SELECT * { { SELECT * { SERVICE ?x {} } } }",
    "CONSTRUCT { ?s ?p ?o } WHERE { SERVICE ?x { ?s ?p ?o } }",
    "DESCRIBE ?x { SERVICE ?x {} }",
]
ESCAPED = [
    "ASK { \\u0053ERVICE ?x {} }",
    "ASK { S\\U00000045RVICE ?x {} }",
    'ASK { ?s ?p "\\u0022 . SERVICE ?x {} #" }',
    'ASK { ?s ?p "\\u005C" }',
    "ASK { ?s <a:\\u003E> ?o }",
    "ASK { ?s ?p ('''a') . SERVICE ?x {} #\\x'''\n }",
    "ASK { ?s ?p ('''a') . SERVICE ?x {} #\\uD800'''\n }",
    'ASK { ?s ?p "\\UFFFFFFFF" }',
]
TWO_READINGS = [
    "ASK { FILTER(1<2)SERVICE?x#>\n{} }",
    "ASK { FILTER(?y<a:b)SERVICE?x#>\n{} }",
    "ASK { FILTER(1<<a:b>)SERVICE?x{} }",
    "ASK { FILTER(?y<'a#>')SERVICE ?x {} }",
    "ASK { FILTER(?y<2#>'''\n) SERVICE ?x {} #'''\n }",
]
UPDATES = [
    "LOAD <http://x/>",
    "load <file:///etc/passwd> into graph <a:b>",
    "INSERT DATA { <a:a> <a:b> <a:c> }",
    "DELETE WHERE { ?s ?p ?o }",
    "WITH <a:g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "CLEAR ALL",
    "DROP GRAPH <a:g>",
    "CREATE GRAPH <a:g>",
    "ADD <a:g> TO <a:h>",
    "MOVE <a:g> TO <a:h>",
    "COPY <a:g> TO <a:h>",
    "ASK {} ; DROP ALL",
]
FILES = [
    "SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }",
    "SELECT * FROM NAMED <FILE:///etc/passwd> { ?s ?p ?o }",
    "SELECT * FROM <fi\\u006ce:///etc/passwd> { ?s ?p ?o }",
    "PREFIX f: <file:///etc/> SELECT * FROM f:passwd { ?s ?p ?o }",
    "BASE <file:///etc/> SELECT * FROM <passwd> { ?s ?p ?o }",
    "PREFIX ex: <a:> ASKFROMex:g{}",
]
BROKEN = [
    "ASK { ?s ?p 'a }",
    'ASK { ?s ?p "\\q" }',
    "ASK { ?s ?p '''a' }",
    "ASK {\x00}",
    "ASK {\x0b}",
    "ASK { ` }",
    'ASK { ?s ?p "\ud800" }',
]
FINE = [
    "ASK { }",
    "ASK { ?s ?p 'SERVICE' , \"LOAD\" , '''a ''SERVICE'' <x> {''' }",
    "ASK { ?s <http://x/SERVICE/LOAD#FROM> ?o } # SERVICE <x> {} LOAD",
    "PREFIX service: <a:> ASK { service:a ?p service:b , service: }",
    "PREFIX ex: <a:> ASK { ?SERVICE ex:SERVICE $load . ex:service ex:INSERT ?from }",
    'ASK { ?s ?p "a\\\\u0041" , "\\u00e9\\U0001F600\\n" , "x"@fr-FR }',
    "ASK { FILTER (?a < 3 && ?b > 2) FILTER (?a<?b) FILTER (?a<=?b||?c>=?d) FILTER (?a<?b&&?c>?d) }",
    "PREFIX owl: <http://www.w3.org/2002/07/owl#> ASK { ?s ?p (<a:b> <a:c>) , [ owl:onProperty <x:y#z> ] }",
    "SELECT * FROM <http://x/g> FROM NAMED <http://x/h> { ?s ?p <file:///etc/passwd> }",
    "SELECT (COUNT(DISTINCT <http://x/a#b>) AS ?n) { ?s ?p ?o }",
    "ASK { << ?a ?b ?c >> ?p ?o . ?s ?p <<( ?a ?b ?c )>> , 'x' {| ?p ?o |} }",
    "SELECT ?x { ?x <a:b>/<a:c>|^<a:d>* ?y } ORDER BY DESC(?x) LIMIT 10",
]


@pytest.fixture(scope="module")
def store() -> Store:
    found = Store()
    found.replace_graph(
        URIRef("http://example.org/g"), Graph().parse(data="<a:a> <a:b> <a:c> .", format="nt")
    )
    return found


def refused(sparql: str) -> bool:
    try:
        check(sparql)
    except QueryError:
        return True
    return False


@pytest.mark.parametrize("sparql", [*CALLS, *ESCAPED, *TWO_READINGS, *UPDATES, *FILES, *BROKEN])
def test_refused(sparql: str) -> None:
    with pytest.raises(QueryError):
        check(sparql)


@pytest.mark.parametrize("sparql", FINE)
def test_words_in_strings_comments_iris_and_names_do_not_trigger(sparql: str, store: Store) -> None:
    assert check(sparql).text == sparql
    store.query(sparql)


def test_the_error_names_the_place_and_the_way_out() -> None:
    with pytest.raises(QueryError, match=r"^line 2, column 3: SERVICE; queries are answered from this store"):
        check("ASK {\n  SERVICE ?x {}\n}")
    with pytest.raises(QueryError, match=r"^line 1, column 7: an escape outside strings and IRIs"):
        check("ASK { \\u0053ERVICE ?x {} }")


def test_size() -> None:
    query = "ASK { } #"
    assert not refused(query + "x" * (MAX_BYTES - len(query)))
    assert refused(query + "x" * (MAX_BYTES - len(query) + 1))
    assert refused(query + "é" * (MAX_BYTES // 2))


@pytest.mark.parametrize("pair", ["{}", "()", "[]", "<<", "mixed"])
def test_depth(pair: str) -> None:
    def nested(depth: int) -> str:
        if pair == "mixed":
            return "".join("{(["[i % 3] for i in range(depth)) + "".join(
                "})]"[i % 3] for i in reversed(range(depth))
            )
        return "<< " * depth + ">> " * depth if pair == "<<" else pair[0] * depth + pair[1] * depth

    assert not refused(nested(MAX_DEPTH))
    with pytest.raises(QueryError, match="nested deeper than 64"):
        check(nested(MAX_DEPTH + 1))
    assert refused(nested(5_000))


@pytest.mark.parametrize(
    "part", ["!", "+1", "||?a", "/<a:b>", "OPTIONAL{?a ?b ?c}", "BIND(1 AS ?a)", "UNION{}", "?a ?b ?c."]
)
def test_chains_are_bounded_as_nesting_is(part: str) -> None:
    """Chains become deep trees in the engine, though no bracket nests."""
    with pytest.raises(QueryError, match=f"more than {MAX_UNITS} words and symbols"):
        check("ASK { " + part * MAX_UNITS + " }")


def test_data_of_values_are_not_counted(store: Store) -> None:
    rows = " ".join(f'("{i}" {i})' for i in range(5_000))
    assert len(store.query(f"SELECT * {{ VALUES (?a ?b) {{ {rows} }} }}").rows()) == 5_000
    numbers = " ".join(str(i) for i in range(9_000))
    assert len(store.query(f"SELECT * {{ VALUES ?a {{ {numbers} }} }}").rows()) == 9_000
    assert refused(f"ASK {{ VALUES ?a {{ {'UNION{} ' * MAX_UNITS} }} }}")
    assert refused(f"ASK {{ VALUES ?a {{ 1 }} {'?a ?b ?c . ' * MAX_UNITS} }}")


@pytest.mark.parametrize(
    ("sparql", "names"),
    [
        ("SELECT * FROM <a:g> { }", True),
        ("SELECT*FROM<a:g>{}", True),
        ("ASK FROM NAMED <a:g> { }", True),
        ("CONSTRUCT { ?s ?p ?o } FROM <a:g> WHERE { ?s ?p ?o }", True),
        ("ASK { ?from ?p 'FROM' }", False),
        ("PREFIX from: <a:> ASK { from:a ?p ?o }", False),
    ],
)
def test_knows_whether_a_query_names_its_graphs(sparql: str, names: bool) -> None:
    assert check(sparql).names_graphs is names


@pytest.mark.parametrize(
    "sparql",
    [
        "ASK {|}",
        "SELECT (EXISTS { ?a ?b ?c } AS ?d) {| }",
        "CONSTRUCT { ?s ?p ?o } WHERE {| ?s ?p ?o }",
        "CONSTRUCT { ?s ?p ?o } FROM <a:g> {| ?s ?p ?o }",
        "DESCRIBE ?x WHERE {| }",
        "CONSTRUCT WHERE {| ?s ?p ?o }",
    ],
)
def test_finds_the_where_group(sparql: str) -> None:
    assert check(sparql.replace("|", "")).group == sparql.index("|")


def test_a_query_without_group_has_none() -> None:
    assert check("DESCRIBE <a:b>").group is None


PIECES = st.sampled_from(
    [
        *(
            "SERVICE",
            "?x",
            "{}",
            "{",
            "}",
            "(",
            ")",
            "<",
            ">",
            "<a:b>",
            "<<",
            ">>",
            "'",
            '"',
            "'''",
            '"""',
            "#",
            "\n",
            " ",
            ".",
        ),
        *(
            "true",
            "1",
            "1.",
            "a",
            "ex:",
            "ex:a",
            ":",
            ":a",
            "_:b",
            "@en",
            "^^",
            "\\",
            "\\'",
            "\\u0027",
            "\\x",
            "FILTER(",
            "?y",
        ),
        *(
            "SILENT",
            ",",
            ";",
            "|",
            "/",
            "*",
            "?",
            "$",
            "!",
            "=",
            "&&",
            "-",
            "e5",
            "%41",
            "\\.",
            "VALUES ?v",
            "UNION",
            "é",
            "\u00a0",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@settings(max_examples=1_500, deadline=None)
@given(TEXTS, TEXTS)
@example("FILTER(1<2)", "#>\n{}")
@example("?s ?p ('''a')", "{}#\\x'''\n")
def test_nothing_accepted_reaches_a_service(store: Store, before: str, after: str) -> None:
    """Whatever surrounds the call: it is refused, is no SPARQL, or was in a string, IRI or comment."""
    for call in ("SERVICE ?x{}", "SERVICE", "SERVICEex:a{}"):
        try:
            store.query(f"PREFIX ex: <a:> PREFIX : <b:> ASK {{ {before}{call}{after} }}")
        except QueryError as error:
            assert "service name" not in str(error)
            assert "scheme" not in str(error)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_answered_or_refused(store: Store, text: str) -> None:
    try:
        store.query(text)
    except QueryError as error:
        assert str(error)


QUOTED = st.lists(
    st.sampled_from(["'", '"', "a", " ", "#", "\\'", "\\\\", "\\n", "\\u00e9", "é", "\n", "SERVICE ?x {}"]),
    max_size=10,
)


@settings(max_examples=1_000, deadline=None)
@given(QUOTED, st.sampled_from(["'", '"', "'''", '"""']))
def test_a_string_to_the_guard_is_a_string_to_the_engine(store: Store, pieces: list[str], quote: str) -> None:
    text = f"SELECT ({quote}{''.join(pieces)}{quote} AS ?x) {{}}"
    if not refused(text) and text.count("AS ?x") == 1:
        try:
            rows = store.query(text).rows()
        except QueryError:
            return  # several strings side by side
        assert len(rows) == 1


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["SERVICE", "Load", "insert", "FROM", "DROP"]),
    st.sampled_from(["'{}'", '"a {} b"', "<x:{}>", "?{}", "'''\n{}\n'''"]),
)
def test_a_forbidden_word_is_data_where_it_is_data(store: Store, word: str, place: str) -> None:
    store.query(f"ASK {{ ?s ?p {place.format(word)} }} # {word}")


@pytest.mark.parametrize(
    "iri", ["", "a", "/a", "a b:c", "a:b c", "a:>", "a:<", 'a:"', "a:{", "a:\\u003E", "a:\n", "1:a"]
)
def test_what_is_no_iri_is_not_written_into_a_query(iri: str) -> None:
    with pytest.raises(QueryError, match="no absolute IRI"):
        check_iri(iri)


@pytest.mark.parametrize("iri", ["a:", "urn:a:b", "http://x/é?a=b#c", "http://x/%3E", "x+y-z.1:a"])
def test_an_iri_is_written_as_it_is(iri: str) -> None:
    assert check_iri(iri) == iri


def using(text: str) -> str:
    return " ".join(with_dataset(text, check_update(text), ["a:g"], ["a:h"]).split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT DATA { <a:a> <a:b> 1 }", "INSERT DATA { <a:a> <a:b> 1 }"),
        (
            "DELETE { ?s ?p 1 } WHERE { ?s ?p 1 }",
            "DELETE { ?s ?p 1 } USING <a:g> USING NAMED <a:h> WHERE { ?s ?p 1 }",
        ),
        (
            "DELETE WHERE { GRAPH ?g { ?s ?p 1 } }",
            "DELETE { GRAPH ?g { ?s ?p 1 } } USING <a:g> USING NAMED <a:h> WHERE { GRAPH ?g { ?s ?p 1 } }",
        ),
        (
            "INSERT{ ?s ?p '} WHERE {' }WHERE{ {} } ; CLEAR ALL",
            "INSERT{ ?s ?p '} WHERE {' } USING <a:g> USING NAMED <a:h> WHERE{ {} } ; CLEAR ALL",
        ),
    ],
)
def test_the_graphs_of_a_request_become_clauses_of_each_pattern(text: str, expected: str) -> None:
    assert using(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "WITH <a:x> DELETE { ?s ?p 1 } WHERE { ?s ?p 1 }",
        "DELETE { ?s ?p 1 } USING <a:x> WHERE { ?s ?p 1 }",
        "DELETEWHERE { ?s ?p 1 }",
    ],
)
def test_graphs_named_in_two_places_are_refused(text: str) -> None:
    with pytest.raises(QueryError):
        using(text)
