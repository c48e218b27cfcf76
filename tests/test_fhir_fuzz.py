"""Whatever JSON comes in, only an InputError may come out."""

from __future__ import annotations

import copy
import json

import pytest
from fhir_support import DATA, EXAMPLES, bindings, load
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_service.errors import InputError
from kg_service.importers.fhir import is_fhir, read_fhir

QUIET = settings(max_examples=200, derandomize=True, deadline=None)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
NAMES = [
    "Bundle",
    "Patient",
    "Condition",
    "Observation",
    "Procedure",
    "BodyStructure",
    "MedicationAdministration",
]
KEYS = [
    "id", "subject", "code", "coding", "system", "value", "status", "bodySite", "extension", "url",
    "identifier", "verificationStatus", "focus", "component", "valueQuantity", "valueInteger",
    "performedPeriod", "entry", "resource", "contained", "meta", "effectiveDateTime", "reference",
    "evidence", "morphology", "location",
]  # fmt: skip
FHIR_LIKE = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6).flatmap(
    lambda body: st.sampled_from(NAMES).map(lambda name: {**body, "resourceType": name})
)


def survive(document: object) -> None:
    is_fhir(document)
    try:
        records = read_fhir(document, bindings(), "fuzz", "2026-11-02")
    except InputError:
        return
    assert records
    assert all("id" in record.document for record in records)


@QUIET
@given(JSON)
def test_any_json_is_read_or_refused_with_problems(document: object) -> None:
    survive(document)


@QUIET
@given(st.lists(FHIR_LIKE, max_size=4))
def test_anything_that_resembles_fhir_is_read_or_refused(document: object) -> None:
    survive(document)


@QUIET
@given(st.data())
def test_real_documents_with_a_value_replaced_are_read_or_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(REAL)))
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(list(_spots(document))))
        if data.draw(st.booleans()):
            holder[key] = data.draw(JSON)
        else:
            del holder[key]
    survive(document)


@pytest.mark.parametrize(
    "document", [None, [], {}, "", 0, True, {"resourceType": 3}, {"resourceType": "Bundle"}]
)
def test_what_is_not_about_a_patient_is_refused(document: object) -> None:
    with pytest.raises(InputError):
        read_fhir(document, bindings(), "test")


def test_nesting_beyond_reason_is_refused_before_it_exhausts_the_interpreter() -> None:
    document: object = {"resourceType": "Patient"}
    for _ in range(5000):
        document = {"resourceType": "Bundle", "entry": [{"resource": document}]}
    with pytest.raises(InputError, match="nested deeper"):
        read_fhir(document, bindings(), "test")


def _spots(node: object) -> list[tuple[object, object]]:
    """Return every place of a document whose value can be replaced."""
    spots: list[tuple[object, object]] = []
    members = (
        list(node.items())
        if isinstance(node, dict)
        else list(enumerate(node))
        if isinstance(node, list)
        else []
    )
    for key, child in members:
        spots.append((node, key))
        spots += _spots(child)
    return spots or [({"x": 1}, "x")]


def _corpus() -> list[object]:
    group = [load(path) for path in sorted((DATA / "mcode-ig").glob("*.json"))]
    courses = [load(path) for path in sorted((DATA / "codex-rt-ig").glob("*XRTS-01*.json"))]
    mii = [load(path) for path in sorted((DATA / "mii-onko").glob("*.json"))]
    bundles = [load(path) for path in sorted(EXAMPLES.glob("*.json"))]
    assert (len(group), len(courses), len(mii), len(bundles)) == (18, 8, 8, 2)
    return [json.loads(json.dumps(one)) for one in [*bundles, group, courses, mii]]


REAL = _corpus()
