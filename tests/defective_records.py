"""Random records as RDF, damaged at random: the same seed gives the same graph.

Bounds of quantities stay numbers: on others pySHACL stops, its comparison of two bounds being that of Python.
What compiled shapes say of such bounds is tested by hand-written cases.
"""

import random
from collections.abc import Callable

from random_records import RandomRecords
from rdflib import Graph, Literal, URIRef
from rdflib.term import Node

from kg_service.errors import InputError
from kg_service.namespaces import QTY, RDF, REC, XSD
from kg_service.record_rdf import record_graph
from kg_service.service import KnowledgeBase

SHARE = 0.8
"""Share of the records that are damaged."""
MOST = 4
"""Defects of one record, at most."""
ILL_TYPED = [
    ("three", XSD.decimal),
    ("1,5", XSD.decimal),
    ("2026-02-30", XSD.date),
    ("2026-13", XSD.gYearMonth),
    ("1.5", XSD.integer),
]
OTHER_VALUES: list[Node] = [
    Literal("yes"),
    Literal(3),
    Literal("3.5", datatype=XSD.decimal),
    Literal("1e3", datatype=XSD.double),
    Literal(True),
    Literal(False),
    Literal("mm"),
    Literal("Gy"),
    Literal("tout", lang="fr"),
    Literal("2031-01-01", datatype=XSD.date),
    Literal("1999", datatype=XSD.gYear),
    Literal("2026-11", datatype=XSD.gYearMonth),
    Literal("2026-11-02T10:00:00Z", datatype=XSD.dateTime),
    Literal("99999999999999999999.5", datatype=XSD.decimal),
    Literal("-0.0000000000000000000001", datatype=XSD.decimal),
    REC.Lesion,
    URIRef("urn:elsewhere"),
]
BOUNDS = (QTY.minInclusive, QTY.minExclusive, QTY.maxInclusive, QTY.maxExclusive)
DATES = (XSD.date, XSD.gYearMonth, XSD.gYear)
NUMBERS = (XSD.decimal, XSD.integer, XSD.double)
Defect = Callable[[Graph, tuple[Node, Node, Node], random.Random], None]


def drop(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    graph.remove(triple)


def duplicate(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    graph.add((triple[0], triple[1], source.choice(OTHER_VALUES)))


def replace(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    graph.remove(triple)
    graph.add((triple[0], triple[1], source.choice(OTHER_VALUES)))


def retype(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    if isinstance(triple[2], Literal):
        graph.remove(triple)
        kind = source.choice(
            [None, XSD.double, XSD.integer, XSD.anyURI]
        )  # rdflib keeps two kinds of strings apart
        graph.add((triple[0], triple[1], Literal(str(triple[2]), datatype=kind)))


def ill_type(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    graph.remove(triple)
    text, kind = source.choice(ILL_TYPED)
    graph.add((triple[0], triple[1], Literal(text, datatype=kind)))


def out_of_range(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    texts = ["-1", "-0.001", "0", "0.5", "1000000.5", "60.0000000000000000001"]
    _another(graph, [Literal(t, datatype=XSD.decimal) for t in texts], (XSD.decimal,), source)


def another_date(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    dates = [date for date in OTHER_VALUES if isinstance(date, Literal) and date.datatype in DATES]
    dates.append(Literal("yesterday"))
    _another(graph, dates, DATES, source)


def swapped_bounds(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    pairs = sorted(set(graph.subjects(QTY.maxInclusive)) & set(graph.subjects(QTY.minExclusive)))
    pairs += sorted(set(graph.subjects(QTY.maxInclusive)) & set(graph.subjects(QTY.minInclusive)))
    if pairs:
        node = source.choice(pairs)
        turned = {bound: list(graph.objects(node, bound)) for bound in BOUNDS}
        for bound in BOUNDS:
            graph.remove((node, bound, None))
        for bound, numbers in turned.items():
            for number in numbers:
                graph.add((node, QTY.minInclusive if bound == QTY.maxInclusive else QTY.maxExclusive, number))


def _another(graph: Graph, values: list[Literal], kinds: tuple[URIRef, ...], source: random.Random) -> None:
    """Replace one value of some datatypes by another."""
    there = sorted(t for t in graph if isinstance(t[2], Literal) and t[2].datatype in kinds)
    if there:
        triple = source.choice(there)
        graph.remove(triple)
        graph.add((triple[0], triple[1], source.choice(values)))


def other_class(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    graph.remove((triple[0], RDF.type, None))
    graph.add((triple[0], RDF.type, source.choice([REC.Lesion, REC.Surgery, QTY.Quantity, REC.Nothing])))


def extra_class(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    graph.add((triple[0], RDF.type, source.choice([REC.Patient, REC.Lesion, REC.PreviousCourse])))


def no_unit(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    units = sorted(graph.triples((None, QTY.unit, None)))
    if units:
        graph.remove(source.choice(units))


def unknown_property(graph: Graph, triple: tuple[Node, Node, Node], source: random.Random) -> None:
    graph.add((triple[0], REC.favouriteColour, source.choice(OTHER_VALUES)))


DEFECTS: tuple[Defect, ...] = (
    drop,
    duplicate,
    replace,
    retype,
    ill_type,
    out_of_range,
    another_date,
    swapped_bounds,
    other_class,
    extra_class,
    no_unit,
    unknown_property,
)


def defective_records(base: KnowledgeBase, count: int, seed: int) -> Graph:
    """Return one graph of so many records, most of them damaged."""
    source = random.Random(seed)
    documents = RandomRecords(base.compiled().schema, base.limits, seed)
    together, made = Graph(), 0
    while made < count:
        try:
            (record,) = base.read_document(documents.document(), "random")
            graph = record_graph(record, base.cases(record), base.compiled().schema)
        except InputError:  # parts that were drawn apart may contradict each other
            continue
        if source.random() < SHARE:
            for _ in range(source.randint(1, MOST)):
                triples = sorted(graph)
                source.choice(DEFECTS)(graph, source.choice(triples), source)
        for bound in BOUNDS:
            for subject, number in list(graph.subject_objects(bound)):
                if not (isinstance(number, Literal) and number.datatype in NUMBERS and not number.ill_typed):
                    graph.remove((subject, bound, number))
        together += graph
        made += 1
    return together
