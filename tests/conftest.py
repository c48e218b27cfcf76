"""What many tests share: the compiled guidelines and a short way to assess a record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph

from kg_service.assessment import Assessment
from kg_service.compiler import CompiledGuideline
from kg_service.knowledge import DATA_ROOT, load_graph
from kg_service.schema import RecordSchema
from kg_service.service import KnowledgeBase

PREFIXES = """
PREFIX aura: <https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/>
PREFIX core: <https://w3id.org/bonemet-kg/core/>
PREFIX qty: <https://w3id.org/bonemet-kg/quantity/>
PREFIX rec: <https://w3id.org/bonemet-kg/record/>
PREFIX rt: <https://w3id.org/bonemet-kg/radiotherapy/>
"""
TOY = Path(__file__).parent / "toy" / "umbrella.ttl"


@pytest.fixture(scope="session")
def base() -> KnowledgeBase:
    return KnowledgeBase()


@pytest.fixture(scope="session")
def compiled(base: KnowledgeBase) -> CompiledGuideline:
    return base.compiled()


@pytest.fixture(scope="session")
def toy() -> KnowledgeBase:
    ontology = DATA_ROOT / "ontology"
    return KnowledgeBase(load_graph(ontology / "core.ttl", ontology / "quantity.ttl", TOY), Graph())


@pytest.fixture(scope="session")
def decide(base: KnowledgeBase) -> Callable[..., Assessment]:
    """Return a function that assesses a record with one lesion, under some readings."""

    def run(lesion: dict[str, Any], readings: dict[str, str] | None = None, **patient: Any) -> Assessment:
        document = {"id": "p", **patient, "lesions": [{"id": "L1", **lesion}]}
        (record,) = base.read_document(document, "test")
        return base.assess(record, base.compiled(readings)).assessments[0]

    return run


@pytest.fixture(scope="session")
def edited() -> Callable[[str], RecordSchema]:
    """Return a function that reads the record model of the ontology after a SPARQL update."""

    def run(update: str) -> RecordSchema:
        graph = Graph()
        graph += load_graph()
        graph.update(PREFIXES + update)
        return RecordSchema(graph)

    return run
