"""Runs compiled shapes, and reads validation reports as rows that can be compared."""

from collections import Counter
from collections.abc import Iterable

from rdflib import BNode, Graph
from rdflib.namespace import SH
from rdflib.term import Node

from kg_service.rdf_terms import term_of
from kg_service.shape_compiler import compile_shapes
from kg_service.shape_paths import read_path
from kg_service.shape_sql import PREPARATION, constraint_queries
from kg_service.shape_tree import ShapePlan
from kg_service.triple_table import TripleTable

Row = tuple[str, str, str, str, str, str]
"""Focus node, path, value, component, severity, source shape."""


def compiled_report(data: Graph, shapes: Graph) -> "Counter[Row]":
    """Return the results of the compiled shapes; source shapes by their node in the shapes graph."""
    return plan_report(data, compile_shapes(shapes))


def plan_report(data: Graph, plan: ShapePlan) -> "Counter[Row]":
    with TripleTable() as table:
        for _ in table.add((term_of(s), term_of(p), term_of(o)) for s, p, o in data):
            pass
        table.add_terms(plan.terms())
        for statement in PREPARATION:
            table.execute(statement)
        found: Counter[Row] = Counter()
        for query in constraint_queries(plan):
            for focus, path, value, component, severity, name in table.rows(query.sql):
                shape = term_of(plan.shapes[name].node).text
                found[(focus, path or "", value or "", component, severity, shape)] += 1
    return found


def read_report(report: Graph, results: Iterable[Node] | None = None) -> "Counter[Row]":
    """Return the results that a graph holds."""
    nodes = report.objects(None, SH.result) if results is None else results
    return Counter(_row(report, node) for node in nodes)


def _row(report: Graph, result: Node) -> Row:
    path = report.value(result, SH.resultPath)
    written = "" if path is None else str(read_path(report, path, "report"))
    if isinstance(path, BNode):
        assert "/" in written or "|" in written or "^" in written or written[-1] in "*+?"
    return (
        _text(report.value(result, SH.focusNode)),
        written,
        _text(report.value(result, SH.value)),
        str(report.value(result, SH.sourceConstraintComponent)),
        str(report.value(result, SH.resultSeverity)),
        _text(report.value(result, SH.sourceShape)),
    )


def _text(node: Node | None) -> str:
    return "" if node is None else term_of(node).text
