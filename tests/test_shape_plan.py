"""Compiled shapes: what they say, that pySHACL says the same, and what they refuse."""

import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyshacl
import pytest
from defective_records import BOUNDS, defective_records
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import SH
from shacl_support import Row, compiled_report, plan_report, read_report

from kg_service.errors import ShapeError
from kg_service.knowledge import DATA_ROOT, load_file
from kg_service.namespaces import QTY, XSD
from kg_service.rdf_terms import term_of
from kg_service.service import KnowledgeBase
from kg_service.shape_compiler import compile_shapes
from kg_service.shape_patterns import re2_pattern
from kg_service.shape_run import record_plan
from kg_service.shape_sql import PREPARATION, constraint_queries
from kg_service.xsd_values import typed_value

TOY = Path(__file__).parent / "toy"
PREFIXES = """
@prefix : <urn:x:> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
RECORDS, SEED = 300, 6
COMPONENTS = {"Class", "Closed", "Datatype", "In", "LessThanOrEquals", "MaxCount", "MaxInclusive", "MinCount"}
COMPONENTS |= {
    "MinInclusive",
    "MinExclusive",
    "Node",
    "Not",
    "NotEarlierThan",
    "Or",
    "Pattern",
    "Xone",
    "LessThan",
}
"""What the damage must be found by."""


def turtle(text: str) -> Graph:
    return Graph().parse(data=PREFIXES + text, format="turtle")


# Values: which of `good` and `bad` a constraint on :p finds.

CONSTRAINTS = [
    ("sh:minInclusive 2.0", ["2", "2.00", "2e0", '"+2"^^xsd:integer', '"INF"^^xsd:double'],
     ["1.99999999999999999999999999999999999999999999", '"-INF"^^xsd:double', '"NaN"^^xsd:double', '"3"', ":n", "true",
      '"2,5"^^xsd:decimal', '"2026-01-01"^^xsd:date', '"3"@en', '"300"^^xsd:byte']),
    ("sh:maxExclusive 100000000000000000000000000000000000000000.0", ["99999999999999999999999999999999999999999.999", "-1"],
     ["100000000000000000000000000000000000000000.00", "1e300"]),
    ("sh:maxInclusive -1.5", ["-1.5", "-1.50", "-2", "-10", "-1.51"], ["-1.4999999999999999999999999999", "0", "-0.15"]),
    ('sh:minInclusive "2026-03-01T00:00:00Z"^^xsd:dateTime',
     ['"2026-03-01T00:00:00Z"^^xsd:dateTime', '"2026-03-01T01:00:00+01:00"^^xsd:dateTime', '"2026-02-28T24:00:00Z"^^xsd:dateTime'],
     ['"2026-03-01T00:00:00"^^xsd:dateTime', '"2026-03-01T00:59:59.999+01:00"^^xsd:dateTime', '"2030-01-01"^^xsd:date',
      '"2026-13-01T00:00:00Z"^^xsd:dateTime']),
    ('sh:maxInclusive "2024-02-29"^^xsd:date', ['"2024-02-29"^^xsd:date', '"0001-01-01"^^xsd:date', '"-0044-03-15"^^xsd:date'],
     ['"2024-02-29Z"^^xsd:date', '"2024-03-01"^^xsd:date', '"2023-02-29"^^xsd:date', '"10000-01-01"^^xsd:date', '"2024"^^xsd:gYear']),
    ("sh:datatype xsd:decimal", ["1.0", '"-.5"^^xsd:decimal', '"7"^^xsd:decimal'], ["1", '"1e3"^^xsd:decimal', '" 1"^^xsd:decimal', ":n"]),
    ("sh:datatype xsd:boolean", ["true", '"0"^^xsd:boolean'], ['"yes"^^xsd:boolean', '"TRUE"^^xsd:boolean', '"true"']),
    ("sh:datatype xsd:gYearMonth", ['"2026-12"^^xsd:gYearMonth'], ['"2026-13"^^xsd:gYearMonth', '"2026"^^xsd:gYearMonth']),
    ("sh:datatype xsd:unsignedByte", ['"255"^^xsd:unsignedByte'], ['"256"^^xsd:unsignedByte', '"-1"^^xsd:unsignedByte']),
    ("sh:datatype rdf:langString", ['"a"@en'], ['"a"']),
    ("sh:datatype <urn:other>", ['"anything"^^<urn:other>'], ['"anything"']),
    ("sh:minLength 2 ; sh:maxLength 3", ['"ab"', '"é€😀"', '"abc"@en'], ['"a"', '"abcd"', '"😀"', "_:b"]),
    ('sh:pattern "^\\\\d+$"', ['"12"', '"٣"', "5"], ['"12 "', '"a"', "_:b", '"3\\n"']),
    ('sh:pattern "^a.c$" ; sh:flags "i"', ['"AbC"'], ['"a\\nc"', '"abd"']),
    ('sh:languageIn ( "en" "fr-CA" )', ['"a"@en', '"a"@en-GB', '"a"@fr-ca'], ['"a"@eng', '"a"@fr', '"en"', ":n"]),
    ("sh:in ( :a 1 )", [":a", "1"], [":b", "1.0", '"1"', '"01"^^xsd:string']),
    ("sh:nodeKind sh:BlankNodeOrIRI", [":n", "_:b"], ['"n"']),
    ("sh:class :C", [":c", ":d"], [":n", '"c"']),
    ("sh:or ( [ sh:datatype xsd:date ] [ sh:nodeKind sh:IRI ] )", [":n", '"2026-01-01"^^xsd:date'], ["_:b", '"2026-02-30"^^xsd:date']),
    ("sh:not [ sh:hasValue :a ]", [":b"], [":a"]),
    ("sh:not [ sh:deactivated true ; sh:hasValue :b ]", [], [":a", ":b"]),
    ("sh:not [ ]", [], [":a", "1"]),
    ("sh:xone ( [ sh:minInclusive 1 ] [ sh:maxInclusive 3 ] )", ["0", "4"], ["1", "2", "3", '"x"']),
    ("sh:and ( [ sh:minInclusive 1 ] [ sh:maxInclusive 3 ] )", ["1", "3"], ["0", "4"]),
    ("sh:node [ sh:property [ sh:path ( :q [ sh:inversePath :q ] ) ; sh:maxCount 1 ] ]", [":n", "1"], [":e"]),
    ("sh:property [ sh:path [ sh:zeroOrMorePath :q ] ; sh:maxCount 2 ]", [":e", '"x"'], []),
    ("sh:deactivated true ; sh:in ( )", [":a", "1"], []),
    ("sh:in ( )", [], [":a"]),
]  # fmt: skip
DATA = """:c a :C . :d a :D . :D rdfs:subClassOf :D2 . :D2 rdfs:subClassOf :C . :e :q :f . :g :q :f . :f :q :e . """


def test_the_table_of_constraints_holds_what_it_says() -> None:
    assert len(CONSTRAINTS) == 28
    assert sum(len(good) + len(bad) for _, good, bad in CONSTRAINTS) == 129


@pytest.mark.parametrize(("constraint", "good", "bad"), CONSTRAINTS, ids=[c[0] for c in CONSTRAINTS])
def test_a_constraint_finds_what_breaks_it(
    constraint: str, good: list[str], bad: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdflib.NORMALIZE_LITERALS", False)
    data = DATA + "".join(f":f{i} :p {value} . " for i, value in enumerate([*good, *bad]))
    shape = f":S sh:targetSubjectsOf :p ; sh:property [ sh:path :p ; {constraint} ] ."
    found = {row[0] for row in compiled_report(turtle(data), turtle(shape))}
    assert found == {f"<urn:x:f{i}>" for i in range(len(good), len(good) + len(bad))}


SHAPES = [
    ("sh:path :p ; sh:lessThan :r", ":x :p 1 , 2 ; :r 2 , 3.0 .", [("p", "2", "LessThan")]),
    ("sh:path :p ; sh:lessThanOrEquals :r", ':x :p 1 ; :r "2" .', [("p", "1", "LessThanOrEquals")]),
    ("sh:path :p ; sh:lessThan :r", ':x :p "2026-01-01"^^xsd:date ; :r "2027-01-01Z"^^xsd:date .', [("p", '"2026-01-01"^^xsd:date', "LessThan")]),
    ("sh:path :p ; sh:equals :r", ":x :p 1 , 2 ; :r 2 , 3 .", [("p", "1", "Equals"), ("p", "3", "Equals")]),
    ("sh:path :p ; sh:disjoint :r", ":x :p 1 , 2 ; :r 2 , 2.0 .", [("p", "2", "Disjoint")]),
    ("sh:path :p ; sh:uniqueLang true", ':x :p "a"@en , "b"@EN , "c"@fr , "d" , "e" .', [("p", "", "UniqueLang")]),
    ("sh:path :p ; sh:minCount 2", ":x :p 1 .", [("p", "", "MinCount")]),
    ("sh:path :p ; sh:minCount 1", ":x :r 1 .", [("p", "", "MinCount")]),
    ("sh:path [ sh:alternativePath ( :p :r ) ] ; sh:maxCount 1", ":x :p 1 ; :r 1 .", []),
    ("sh:path [ sh:alternativePath ( :p :r ) ] ; sh:maxCount 1", ":x :p 1 ; :r 2 .", [("p|r", "", "MaxCount")]),
    ("sh:path :p ; sh:hasValue 1", ":x :p 1.0 .", [("p", "", "HasValue")]),
    ("sh:path :p ; sh:qualifiedValueShape [ sh:class :C ] ; sh:qualifiedMinCount 1", ":x :p :y . :y a :D .", [("p", "", "QualifiedMinCount")]),
    ("sh:path :p ; sh:qualifiedValueShape [ sh:class :C ] ; sh:qualifiedMaxCount 1", ":x :p :y , :z . :y a :C . :z a :C .", [("p", "", "QualifiedMaxCount")]),
    ("sh:closed true ; sh:ignoredProperties ( :r )", ":x :p 1 ; :r 2 .", [("p", "1", "Closed")]),
    ("sh:path [ sh:inversePath :p ] ; sh:nodeKind sh:BlankNode", ":y :p :x .", [("^p", ":y", "NodeKind")]),
    ("sh:path ( [ sh:oneOrMorePath :p ] :r ) ; sh:minInclusive 5", ":x :p :y . :y :p :x ; :r 4 .", [("(p)+/r", "4", "MinInclusive")]),
    ("sh:path [ sh:zeroOrOnePath :p ] ; sh:nodeKind sh:IRI", ":x :p 1 . ", [("(p)?", "1", "NodeKind")]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "data", "expected"), SHAPES)
def test_a_shape_reports_path_value_and_component(
    shape: str, data: str, expected: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(SHAPES) == 17
    monkeypatch.setattr("rdflib.NORMALIZE_LITERALS", False)
    found = compiled_report(turtle(data), turtle(f":S sh:targetNode :x ; {shape} ."))
    values = turtle(" ".join(f":e :v {value} ." for _, value, _ in expected if value))
    written = {o.n3(values.namespace_manager): term_of(o).text for o in values.objects()}
    texts = {value for _, _, value, *_ in found}
    assert {row[1].replace("<urn:x:", "").replace(">", "") for row in found} == {p for p, _, _ in expected}
    assert texts == {*written.values(), *("" for _, value, _ in expected if not value)}
    names = {f"{SH}{component}ConstraintComponent" for _, _, component in expected}
    assert {row[3] for row in found} == names


def test_qualified_shapes_that_are_disjoint_do_not_count_each_others_values() -> None:
    shape = """:S sh:targetNode :x ; sh:property :P , :Q .
    :P sh:path :p ; sh:qualifiedValueShape [ sh:class :C ] ; sh:qualifiedMinCount 1 ; sh:qualifiedValueShapesDisjoint true .
    :Q sh:path :p ; sh:qualifiedValueShape [ sh:class :D ] ; sh:qualifiedMinCount 1 ."""
    found = compiled_report(turtle(":x :p :y . :y a :C , :D ."), turtle(shape))
    assert {row[5] for row in found} == {"<urn:x:P>"}


def test_severity_targets_and_implicit_classes() -> None:
    shape = """:C a rdfs:Class , sh:NodeShape ; sh:severity sh:Warning ; sh:nodeKind sh:BlankNode .
    :S sh:targetObjectsOf :p ; sh:severity :Mine ; sh:nodeKind sh:IRI ."""
    found = compiled_report(turtle(":x a :C ; :p 1 ."), turtle(shape))
    assert {(row[0], row[4]) for row in found} == {
        ("<urn:x:x>", str(SH.Warning)),
        (f'"1"^^<{XSD.integer}>', "urn:x:Mine"),
    }


REFUSED = [
    ("sh:sparql [ ]", "sh:sparql is not supported"),
    ("sh:property [ sh:path :p ; sh:node :S ]", "it refers to itself"),
    ("sh:rule [ ]", "sh:rule is not supported"),
    ("sh:minCount 1", "sh:minCount needs a property shape"),
    ("sh:property [ sh:path ( :p :q ) ; sh:minCount 1.5 ]", "no whole number"),
    ("sh:property [ sh:minCount 1 ]", "has no sh:path"),
    ("sh:property [ sh:path [ sh:inversePath :p ; sh:zeroOrMorePath :p ] ]", "expected one path"),
    ("sh:in :a", "no well-formed RDF list"),
    ("sh:pattern '(a)\\\\1'", "which is not supported"),
    ("sh:pattern 'a' ; sh:flags 'x'", "the flag 'x'"),
    ("sh:nodeKind :a", "no node kind"),
    ("sh:datatype xsd:date , xsd:string", "sh:datatype is given twice"),
    ('sh:minInclusive "x"', None),
    ("sh:minInclusive :a", "expected a literal"),
    ('sh:minInclusive "P1D"^^xsd:duration', "has no order"),
    ("sh:deactivated 1", "expected true or false"),
    (":ownParameter 1", "<urn:x:ownParameter> is not supported"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_lies_outside_the_fragment_stops_the_compiler_by_name(text: str, message: str | None) -> None:
    assert len(REFUSED) == 17
    graph = turtle(
        f":S sh:targetClass :C ; {text} . :K a sh:ConstraintComponent ; sh:parameter [ sh:path :ownParameter ] ."
    )
    if message is None:
        assert compile_shapes(graph).roots
        return
    with pytest.raises(ShapeError, match="urn:x:S") as caught:
        compile_shapes(graph)
    assert message in str(caught.value)
    assert "docs/shapes.md" in str(caught.value)


def test_shapes_that_no_target_reaches_are_not_compiled() -> None:
    assert compile_shapes(turtle(":S a sh:NodeShape ; sh:sparql [ ] .")).roots == ()


@pytest.mark.parametrize(
    "pattern", [r"\i", r"\c", r"[a-[b]]", r"[\S]", r"(?=a)", r"a{", "(", r"\p{IsGreek}", "\\"]
)
def test_a_pattern_that_re2_reads_otherwise_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        re2_pattern(pattern, "")


NUMBERS = ["-INF", "-1e300", "-100.01", "-100", "-99.99", "-2", "-1.5", "-0.00001", "0", "1e-300", "0.1", "0.10000000000000001", "1", "2", "9.9", "10", "1e300", "INF"]  # fmt: skip


def test_keys_of_numbers_are_ordered_as_numbers_are() -> None:
    kinds = {text: XSD.double if "e" in text or "INF" in text else XSD.decimal for text in NUMBERS}
    keys = [typed_value(text, str(kinds[text])).order for text in NUMBERS]
    assert None not in keys
    assert keys == sorted(keys)  # type: ignore[type-var]
    assert len(set(keys)) == len(NUMBERS) == 18


# The shapes of the project


def record_shapes(base: KnowledgeBase) -> Graph:
    shapes = Graph()
    shapes += base.record_shapes
    shapes += load_file(DATA_ROOT / "shapes" / "contradictions.ttl")
    return shapes


def explained(row: Row) -> bool:
    """Return whether rdflib, on which pySHACL compares, takes a value for sound that is not.

    It knows no month from 1 to 12, and it orders literals of any two datatypes, where SPARQL has an error.
    """
    _, _, value, component, *_ = row
    name = component.removeprefix(str(SH))
    literal = next(iter(turtle(f":x :p {value} .").objects()))
    assert isinstance(literal, Literal)
    if name == "OrConstraintComponent":
        return value == f'"2026-13"^^<{XSD.gYearMonth}>'
    typed = typed_value(str(literal), str(literal.datatype or XSD.string))
    return name.startswith(("Min", "Max")) and typed.family != "number"


def test_compiled_record_shapes_find_what_pyshacl_finds(
    base: KnowledgeBase, caplog: pytest.LogCaptureFixture
) -> None:
    """Every result on random damaged records: focus node, path, value, component, severity, source shape."""
    caplog.set_level(logging.CRITICAL, "rdflib.term")
    shapes = record_shapes(base)
    data = defective_records(base, RECORDS, SEED)
    assert {p for p in data.predicates() if p in BOUNDS} == set(BOUNDS)
    found = set(compiled_report(data, shapes))
    _, report, _ = pyshacl.validate(
        data, shacl_graph=shapes, advanced=True, do_owl_imports=False, meta_shacl=False, inplace=False
    )
    expected = set(read_report(report))
    assert expected - found == set()
    beyond = found - expected
    assert [row for row in beyond if not explained(row)] == []
    components = Counter(
        row[3].rsplit("#", 1)[-1].rsplit("/", 1)[-1].removesuffix("ConstraintComponent") for row in expected
    )
    assert set(components) >= COMPONENTS
    assert sum(components.values()) > 300


def test_bounds_that_are_no_numbers_are_found_where_pyshacl_stops(base: KnowledgeBase) -> None:
    data = Graph()
    node = URIRef("urn:q")
    data.add((node, QTY.minInclusive, Literal("three", datatype=XSD.decimal)))
    data.add((node, QTY.maxInclusive, Literal("2026-11", datatype=XSD.gYearMonth)))
    data.add((node, URIRef("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"), QTY.Quantity))
    found = {row[3].rsplit("#", 1)[-1] for row in plan_report(data, record_plan(base))}
    assert found == {
        "DatatypeConstraintComponent",
        "LessThanOrEqualsConstraintComponent",
        "MinCountConstraintComponent",
    }


def test_every_shape_of_the_project_but_those_in_sparql_is_compiled(base: KnowledgeBase) -> None:
    paths = sorted((DATA_ROOT / "shapes").rglob("*.ttl"))
    assert len(paths) == 10
    records = load_file(DATA_ROOT / "shapes" / "record.ttl")
    refused = []
    for path in paths:
        # What a module says of records hangs on the shapes of records, which have the targets.
        shapes = load_file(path) + records if path.parent.name == "scores" else load_file(path)
        try:
            assert compile_shapes(shapes).roots
        except ShapeError as error:
            refused.append((path.name, error.reason))
    assert refused == [("ontology.ttl", "sh:sparql is not supported")]


# The SQL


def emitted() -> str:
    queries = constraint_queries(compile_shapes(load_file(TOY / "shapes.ttl")))
    return "\n\n".join(f"{sql};" for sql in [*PREPARATION, *(query.sql for query in queries)]) + "\n"


def test_the_sql_of_the_toy_shapes_is_the_one_that_was_read() -> None:
    """To write it again: ``python tests/test_shape_plan.py``, then read what changed."""
    assert (TOY / "shapes.sql").read_text(encoding="utf-8") == emitted()


def test_the_sql_does_not_depend_on_the_names_of_blank_nodes() -> None:
    code = "import sys; sys.path.insert(0, 'tests'); import test_shape_plan as t; print(hash(t.emitted()))"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code.replace("hash", "")],
            capture_output=True,
            text=True,
            check=True,
            cwd=DATA_ROOT,
        ).stdout
        for _ in range(2)
    }
    assert len(texts) == 1


if __name__ == "__main__":
    (TOY / "shapes.sql").write_text(emitted(), encoding="utf-8")
