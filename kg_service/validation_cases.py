"""Validates records with the SHACL shapes: their quality, eligibility and prescription of their cases."""

from __future__ import annotations

from typing_extensions import TypedDict

from kg_service.errors import InputError
from kg_service.iris import member_iri
from kg_service.knowledge import DATA_ROOT, load_file
from kg_service.prescription import is_prescribed
from kg_service.record import Record
from kg_service.record_rdf import record_graph
from kg_service.service import Batch, KnowledgeBase
from kg_service.shape_writer import eligibility_path, prescription_path
from kg_service.validation import Finding, validate
from kg_service.wording import Language


class FindingJson(TypedDict):
    """One result of a shape: where, what value, how severe, in words, and the statements behind it."""

    document: str
    focus: str
    path: str
    value: str
    severity: str
    message: str
    statements: list[str]


def record_findings(
    base: KnowledgeBase, record: Record, language: Language, *, eligibility: bool
) -> list[FindingJson]:
    """Return what the record shapes, and the generated shapes if asked, find in a record."""
    compiled, cases = base.compiled(), base.cases(record)
    graph = record_graph(record, cases, compiled.schema)
    findings = validate(graph, base.record_shapes)
    if eligibility:
        findings += validate(graph, load_file(DATA_ROOT / eligibility_path(compiled)))
        prescribed = {str(member_iri(c.document, c.id)) for c in cases if is_prescribed(c, compiled)}
        limits = validate(graph, load_file(DATA_ROOT / prescription_path(compiled))) if prescribed else []
        findings += [finding for finding in limits if finding.focus in prescribed]
    return [_finding_json(record.root.id, finding, language) for finding in findings]


def validate_batch(
    base: KnowledgeBase, batch: Batch, language: Language, *, eligibility: bool
) -> list[FindingJson]:
    """Return the findings on every record of a batch; contradictions become its problems."""
    found: list[FindingJson] = []
    for record in batch.records:
        try:
            found += record_findings(base, record, language, eligibility=eligibility)
        except InputError as error:
            batch.problems += error.problems
    return found


def finding_text(finding: FindingJson) -> str:
    """Return a finding as one line."""
    place = f"{finding['focus']} {finding['path']}".strip()
    value = f" ({finding['value']})" if finding["value"] else ""
    return f"{finding['severity']}: {place}{value}: {finding['message']}"


def _finding_json(document: str, finding: Finding, language: Language) -> FindingJson:
    return {
        "document": document,
        "focus": finding.focus,
        "path": finding.path,
        "value": finding.value,
        "severity": finding.severity,
        "message": finding.message.get(language, ""),
        "statements": list(finding.statements),
    }
