"""Requests made from the description of the API: no answer is a failure of the server, or one not described."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sparql_support import BEARER, TOKEN, served

from kg_service.api import create_app
from kg_service.endpoint import ServiceSettings
from kg_service.service import KnowledgeBase

EXAMPLES = 8
"""Requests of each sort for each operation."""
CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
"""Not: that whatever the description does not allow is refused, for SPARQL and the Graph Store have rules of
their own; nor that other methods are, for the pages have some that the description does not tell."""
DESCRIPTION = schemathesis.openapi.from_dict(create_app().openapi())
OPERATIONS: dict[str, APIOperation] = {
    found.ok().label: found.ok() for found in DESCRIPTION.get_all_operations()
}


NOTHING_WRONG = {
    (GenerationMode.NEGATIVE, label)
    for label in (
        "DELETE /records/{document}",
        "GET /.well-known/void",
        "GET /cds-services",
        "GET /context/record.jsonld",
        "GET /health",
        "GET /id/{path}",
        "GET /metrics",
        "GET /ready",
        "GET /schema/record",
        "POST /sparql",
    )
}
"""Operations that take anything, or nothing: no request can be unsound."""


@pytest.fixture(scope="module")
def url(base: KnowledgeBase) -> Iterator[str]:
    with served(create_app(base, settings=ServiceSettings(token=TOKEN))) as found:
        yield found


def test_every_operation_is_known() -> None:
    assert len(OPERATIONS) == 65


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sound", "unsound"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_what_is_described_is_so(url: str, label: str, mode: GenerationMode) -> None:
    @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        case.call_and_validate(base_url=url, headers=BEARER, checks=CHECKED)

    if (mode, label) in NOTHING_WRONG:
        with pytest.raises(Unsatisfiable):
            ask()
    else:
        ask()
