"""SHACL validation with pySHACL: of records, of eligibility, and of the ontology itself."""

from __future__ import annotations

from dataclasses import dataclass

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import SH
from rdflib.term import Node

from kg_service.namespaces import CORE, RDF, local_name


@dataclass(frozen=True)
class Finding:
    """One result of a shape.

    Attributes
    ----------
    focus, path, value : str
        The node, the property and the value it is about; empty where a shape gives none.
    severity : str
        Local name: ``Violation``, ``Warning``, ``Info`` or ``NotAssessable``.
    message : dict of str to str
        The message by language.
    statements : tuple of str
        Statements the shape rests on.
    """

    focus: str
    path: str
    value: str
    severity: str
    message: dict[str, str]
    statements: tuple[str, ...]


def validate(graph: Graph, shapes: Graph) -> list[Finding]:
    """Return everything some shapes find in a graph, sorted; empty when it conforms.

    Parameters
    ----------
    graph : rdflib.Graph
        The data; it is left as it is.
    shapes : rdflib.Graph
        SHACL shapes; they are copied, since pySHACL writes into the graph it is given.
    """
    import pyshacl

    copy = Graph()
    copy += shapes
    _, report, _ = pyshacl.validate(
        graph, shacl_graph=copy, advanced=True, do_owl_imports=False, meta_shacl=False, inplace=False
    )
    found = [_finding(report, copy, result) for result in report.subjects(RDF.type, SH.ValidationResult)]
    return sorted(found, key=lambda f: (f.focus, f.severity, f.statements, f.path, str(f.message)))


def _finding(report: Graph, shapes: Graph, result: Node) -> Finding:
    source = report.value(result, SH.sourceShape)
    return Finding(
        _text(report.value(result, SH.focusNode)),
        _path(report, report.value(result, SH.resultPath)),
        _text(report.value(result, SH.value)),
        local_name(str(report.value(result, SH.resultSeverity))),
        _messages(report, shapes, result, source),
        tuple(sorted(local_name(str(s)) for s in shapes.objects(source, CORE.restsOn))),
    )


def _messages(report: Graph, shapes: Graph, result: Node, source: Node | None) -> dict[str, str]:
    own = [m for m in shapes.objects(source, SH.message) if isinstance(m, Literal)] if source else []
    given = [m for m in report.objects(result, SH.resultMessage) if isinstance(m, Literal)]
    messages = {m.language: str(m) for m in (*given, *own) if m.language}
    plain = next((str(m) for m in given if not m.language), "")
    return {language: messages.get(language, plain) for language in ("en", "fr")}


def _path(report: Graph, path: Node | None) -> str:
    if path is None:
        return ""
    if isinstance(path, URIRef):
        return local_name(path)
    return "/".join(local_name(str(step)) for step in report.items(path))


def _text(node: Node | None) -> str:
    return "" if node is None else str(node)
