"""Bad input: every problem told at once, with its place, what was expected and what to do."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg_service.errors import InputError
from kg_service.reader import parse_json
from kg_service.service import Batch, KnowledgeBase

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "unknown key",
        {"lifeExpectency": 3},
        "lifeExpectency: an unknown key; expected a key of Patient. Did you mean 'lifeExpectancy'?",
    ),
    ("unknown key of a lesion", {"lesions": [{"pain": True}]}, "lesions[0].pain: an unknown key"),
    (
        "key of another thing",
        {"lesions": [{"lifeExpectancy": 3}]},
        "expected a key of Lesion. It is a key of Patient.",
    ),
    ("plain number", {"lifeExpectancy": 3}, "lifeExpectancy: 3; expected an object such as"),
    (
        "text for a number",
        {"lifeExpectancy": {"value": "3", "unit": "mo"}},
        "lifeExpectancy.value: '3'; expected a number",
    ),
    (
        "unit in words",
        {"lifeExpectancy": {"value": 3, "unit": "months"}},
        "lifeExpectancy.unit: the unit 'months'; expected one of a, d, mo, wk",
    ),
    ("no unit", {"lifeExpectancy": {"value": 3}}, "lifeExpectancy.unit: no unit"),
    ("unit of another kind", {"lifeExpectancy": {"value": 3, "unit": "Gy"}}, "the unit 'Gy'"),
    (
        "value and bound",
        {"lifeExpectancy": {"value": 3, "minInclusive": 2, "unit": "mo"}},
        "a value and bounds; expected one or the other",
    ),
    (
        "crossed bounds",
        {"lifeExpectancy": {"minInclusive": 4, "maxInclusive": 2, "unit": "mo"}},
        "bounds that leave no value",
    ),
    ("no number", {"lifeExpectancy": {"unit": "mo"}}, "no number"),
    (
        "impossible value",
        {"lifeExpectancy": {"value": -1, "unit": "mo"}},
        "lifeExpectancy: -1 mo; expected lifeExpectancy",
    ),
    ("half a metastasis", {"metastasisCount": {"value": 2.5}}, "expected a whole number"),
    ("enormous number", {"lifeExpectancy": {"value": 1e300, "unit": "mo"}}, "a number of ordinary size"),
    (
        "text for a truth value",
        {"primaryControlled": "yes"},
        "primaryControlled: 'yes'; expected true or false",
    ),
    (
        "unknown code",
        {"lesions": [{"site": "T13"}]},
        "lesions[0].site: 'T13'; expected a code of site. Give a coarser code",
    ),
    ("code in the wrong case", {"lesions": [{"site": "t11"}]}, "Did you mean 'T11'?"),
    (
        "day that does not exist",
        {"referenceDate": "2026-02-30"},
        "referenceDate: '2026-02-30'; expected a date that exists",
    ),
    (
        "course after the reference date",
        {"referenceDate": "2026-01-01", "previousCourses": [{"endDate": "2026-02"}]},
        "previousCourses[0].endDate: 2026-02; expected no later than referenceDate (2026-01-01)",
    ),
    (
        "course ends before it starts",
        {"previousCourses": [{"startDate": "2026-02-02", "endDate": "2026-02-01"}]},
        "expected no later than endDate (2026-02-01)",
    ),
    (
        "lesion that does not exist",
        {"previousCourses": [{"treatedLesions": ["L9"]}]},
        "points to 'L9', which is no id of this document",
    ),
    (
        "id used twice",
        {"lesions": [{"id": "L1"}, {"id": "L1"}]},
        "lesions[1].id: 'L1', which lesions[0] bears too",
    ),
    ("list that is none", {"lesions": {"id": "L1"}}, "lesions: a JSON object; expected a list of Lesion"),
    (
        "lesion that is none",
        {"lesions": ["L1"]},
        "lesions[0]: 'L1'; expected an object that describes one Lesion",
    ),
    ("wrong type", {"type": "Person"}, "type: 'Person'; expected 'Patient'"),
    (
        "list flag that is none",
        {"allCoursesListed": "all"},
        "allCoursesListed: 'all'; expected true or false",
    ),
]
CONTRADICTORY: list[tuple[str, dict[str, Any], str]] = [
    (
        "fewer metastases than lesions",
        {"metastasisCount": {"value": 1}, "lesions": [{}, {}]},
        "metastasisCount: stated as 1, but lesions[0], lesions[1] make it ≥ 2",
    ),
    (
        "largest smaller than a lesion",
        {
            "largestMetastasisDiameter": {"value": 2, "unit": "cm"},
            "lesions": [{"diameter": {"value": 3, "unit": "cm"}}],
        },
        "largestMetastasisDiameter: stated as 2 cm",
    ),
    (
        "cord compression by a femur",
        {"lesions": [{"site": "Femur", "cordCompression": True}]},
        "lesions[0].site is Femur and lesions[0].cordCompression is true",
    ),
    (
        "symptoms of an absent compression",
        {"lesions": [{"cordCompression": False, "cordCompressionSymptomatic": True}]},
        "expected no contradiction",
    ),
    (
        "irradiated here and never anywhere",
        {"irradiated": False, "lesions": [{"previouslyIrradiated": True}]},
        "expected no contradiction",
    ),
    (
        "never irradiated here, with a course here",
        {
            "lesions": [{"id": "L1", "previouslyIrradiated": False}],
            "previousCourses": [{"modality": "ExternalBeamRadiotherapy", "treatedLesions": ["L1"]}],
        },
        "lesions[0].previouslyIrradiated: stated as false, but previousCourses[0] make it true",
    ),
    (
        "residue of an operation that was none",
        {"lesions": [{"operated": False, "postoperativeResidue": True}]},
        "expected no contradiction",
    ),
    (
        "unstable spine of a femur",
        {"lesions": [{"site": "Femur", "spinalStability": "UnstableSpine"}]},
        "expected no contradiction",
    ),
]


def problems_of(base: KnowledgeBase, document: Any) -> str:
    batch = Batch()
    base.read_text(json.dumps(document), "case.json", batch)
    base.assess_batch(batch, base.compiled())
    return "\n".join(str(p) for p in batch.problems)


def test_the_tables_hold_the_cases_they_say() -> None:
    assert (len(REFUSED), len(CONTRADICTORY)) == (26, 8)


@pytest.mark.parametrize(
    ("document", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_read_is_refused_with_its_place(
    base: KnowledgeBase, document: dict[str, Any], message: str
) -> None:
    found = problems_of(base, document)
    assert found.startswith("case.json: ")
    assert message in found


@pytest.mark.parametrize(
    ("document", "message"), [case[1:] for case in CONTRADICTORY], ids=[case[0] for case in CONTRADICTORY]
)
def test_contradictory_facts_are_refused_naming_both(
    base: KnowledgeBase, document: dict[str, Any], message: str
) -> None:
    assert message in problems_of(base, document)


def test_every_problem_of_a_document_is_told_at_once(base: KnowledgeBase) -> None:
    document = {"lifeExpectency": 3, "referenceDate": "yesterday", "lesions": [{"site": "T13"}, 7]}
    assert len(problems_of(base, document).splitlines()) == 4


def test_one_bad_record_of_a_list_does_not_lose_the_others(base: KnowledgeBase) -> None:
    batch = Batch()
    base.read_text(
        json.dumps([{"id": "a", "lesions": [{}]}, {"id": "b", "x": 1}, {"id": "c"}]), "list.json", batch
    )
    assert [r.root.id for r in batch.records] == ["a", "c"]
    assert [p.where for p in batch.problems] == ["list.json[1]: x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1, column 2: not JSON"),
        ('{"a": 1, "a": 2}', "a: given twice, as 1 and 2"),
        ('{"a": NaN}', "the number NaN"),
        ('{"a": -Infinity}', "the number -Infinity"),
        ("[" * 100_000, "cannot be read"),
        ("", "not JSON"),
    ],
)
def test_text_that_is_not_one_json_document_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=r".") as error:
        parse_json(text, "x.json")
    assert message in str(error.value)


def test_null_is_unknown_and_nothing_else(base: KnowledgeBase) -> None:
    (record,) = base.read_document({"primaryControlled": None, "lesions": [{"site": None}]}, "x")
    assert not record.root.facts
    assert not base.cases(record)[0].facts.keys() & {
        f.iri for f in base.compiled().case_entity.features.values()
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=8), child, max_size=3),
    max_leaves=10,
)
keys = st.sampled_from(
    [
        "id",
        "lesions",
        "site",
        "lifeExpectancy",
        "value",
        "unit",
        "previousCourses",
        "endDate",
        "type",
        "surgeries",
    ]
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.dictionaries(
        keys, json_values | st.lists(st.dictionaries(keys, json_values, max_size=4), max_size=2), max_size=5
    )
)
def test_any_json_is_read_or_refused_and_never_breaks(base: KnowledgeBase, document: dict[str, Any]) -> None:
    try:
        records = base.read_document(document, "fuzz")
    except InputError as error:
        assert error.problems
    else:
        assert len(records) == 1
