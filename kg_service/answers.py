"""Answers of several records at once, as JSON and as Turtle."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from rdflib import Graph
from typing_extensions import TypedDict

from kg_service.compiler import CompiledGuideline
from kg_service.conclusions import conclusions_graph
from kg_service.namespaces import CORE, PROV, QTY, REC
from kg_service.report import AssessmentJson, NoteJson, assessment_json, note_json
from kg_service.service import AssessedRecord
from kg_service.wording import Wording


class RecordAnswerJson(TypedDict):
    """The answers on one record: one assessment a case, and what was noted while reading it."""

    document: str
    source: str
    assessments: list[AssessmentJson]
    notes: list[NoteJson]


def answers_json(assessed: list[AssessedRecord], wording: Wording) -> list[RecordAnswerJson]:
    """Return the JSON form of the answers on some records."""
    return [
        {
            "document": item.record.root.id,
            "source": item.record.source,
            "assessments": [
                assessment_json(a, wording, item.robustness.get(a.case.id)) for a in item.assessments
            ],
            "notes": [note_json(note) for note in item.record.notes],
        }
        for item in assessed
    ]


def answer_schema() -> dict[str, Any]:
    """Return the JSON Schema of the answers."""
    return TypeAdapter(list[RecordAnswerJson]).json_schema()


def answers_turtle(assessed: list[AssessedRecord], compiled: CompiledGuideline) -> str:
    """Return the conclusions on some records as one Turtle document."""
    graph = Graph(bind_namespaces="none")
    for prefix, namespace in (("core", CORE), ("prov", PROV), ("qty", QTY), ("rec", REC)):
        graph.bind(prefix, namespace)
    for item in assessed:
        for assessment in item.assessments:
            graph += conclusions_graph(assessment, compiled, item.robustness.get(assessment.case.id))
    return graph.serialize(format="turtle")
