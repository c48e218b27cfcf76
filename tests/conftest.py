"""What many tests share: the compiled guidelines and a short way to assess a record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph

from kg_service.assessment import Assessment
from kg_service.compiler import CompiledGuideline
from kg_service.knowledge import DATA_ROOT, load_graph
from kg_service.service import KnowledgeBase

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
