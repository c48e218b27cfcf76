"""JSON, JSON-LD, the JSON Schema and RDF say the same of random records, and refuse the same defects."""

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from random_records import RandomRecords

from kg_service.errors import InputError
from kg_service.exchange import CONTEXT_IRI, json_ld_context, json_schema
from kg_service.reader import read_record
from kg_service.record import Member
from kg_service.record_from_rdf import documents_from_graph, parse_rdf
from kg_service.record_rdf import record_graph
from kg_service.service import KnowledgeBase
from kg_service.validation import validate
from kg_service.values import Interval, Knowledge

HAIR = Fraction(1, 10**30)
"""Numbers without a finite decimal form are written between the two nearest ones."""
JUNK: list[Any] = [
    "junk",
    3,
    -1,
    True,
    [],
    ["junk"],
    [3],
    {},
    {"junk": 1},
    [None],
    {"value": "3"},
    {"unit": "mo"},
]


@pytest.fixture(scope="module")
def validator(base: KnowledgeBase) -> Draft202012Validator:
    schema = json_schema(base.compiled().schema, base.limits)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def records(base: KnowledgeBase, number: int, seed: int) -> list[dict[str, Any]]:
    source = RandomRecords(base.compiled().schema, base.limits, seed)
    return [source.document() for _ in range(number)]


def members(member: Member) -> Iterator[Member]:
    yield member
    for below in (*member.links.values(), *(m for ms in member.lists.values() for m in ms)):
        yield from members(below)


def said(member: Member) -> dict[str, Any]:
    """Return all that a record says, by id, facts apart."""
    return {
        m.id: (m.entity.iri, dict(m.dates), {k: set(v) for k, v in m.references.items()}, m.closed)
        for m in members(member)
    }


def facts(member: Member) -> dict[tuple[str, str], Knowledge]:
    return {(m.id, str(f.feature)): f.known for m in members(member) for f in m.facts.values()}


def same(one: Knowledge, other: Knowledge) -> bool:
    if not isinstance(one, Interval) or not isinstance(other, Interval):
        return one == other
    pairs = [(one.low, other.low), (one.high, other.high)]
    near = all(a == b or (a is not None and b is not None and abs(a - b) <= HAIR) for a, b in pairs)
    return near and (one.low_open, one.high_open) == (other.low_open, other.high_open)


def test_a_hundred_random_records_survive_rdf_and_conform(base: KnowledgeBase) -> None:
    """Through Turtle and back: the same facts, dates, pointers and flags; derived facts added."""
    schema = base.compiled().schema
    contradictory, compared = 0, 0
    for number, document in enumerate(records(base, 120, 7)):
        record = read_record(document, schema, base.limits, "r")
        try:
            cases = base.cases(record)
        except InputError:
            contradictory += 1
            continue
        text = record_graph(record, cases, schema).serialize(format="nt")
        graph = parse_rdf(text, "nt", "r", schema)
        ((back, _),) = documents_from_graph(graph, schema, "r")
        again = read_record(back, schema, base.limits, "r")
        assert said(again.root) == said(record.root)
        before, after = facts(record.root), facts(again.root)
        derived = {
            (m.id, str(f.iri))
            for m in members(record.root)
            for f in m.entity.features.values()
            if f.derivation
        }
        assert set(before) - derived == set(after) - derived
        assert all(same(before[key], after[key]) for key in before if key not in derived)
        for one, other in zip(
            sorted(cases, key=lambda c: c.id), sorted(base.cases(again), key=lambda c: c.id), strict=True
        ):
            assert set(one.known) == set(other.known)
            assert all(same(one.known[f], other.known[f]) for f in one.known), (one.known, other.known)
            compared += len(one.known)
        if number % 10 == 0:
            assert validate(graph, base.record_shapes) == []
    assert contradictory < 20
    assert compared > 1500


def test_random_records_read_as_json_ld_say_the_same(base: KnowledgeBase) -> None:
    schema = base.compiled().schema
    for document in records(base, 25, 8):
        record = read_record(document, schema, base.limits, "r")
        linked = {"@context": CONTEXT_IRI, "type": schema.roots()[0].name, **document}
        ((back, _),) = documents_from_graph(
            parse_rdf(json.dumps(linked), "json-ld", "r", schema), schema, "r"
        )
        again = read_record(back, schema, base.limits, "r")
        assert said(again.root) == said(record.root)
        assert facts(again.root) == facts(record.root)


def test_the_context_is_plain_json_and_the_same_each_time(base: KnowledgeBase) -> None:
    schema = base.compiled().schema
    assert json.dumps(json_ld_context(schema)) == json.dumps(json_ld_context(schema))
    text = json.dumps(json_schema(schema, base.limits))
    assert text == json.dumps(json_schema(schema, base.limits))


def test_every_random_record_fits_the_json_schema(
    base: KnowledgeBase, validator: Draft202012Validator
) -> None:
    for document in records(base, 60, 9):
        assert [e.message for e in validator.iter_errors(document)] == []


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every part of a document whose change is one of structure: no id, no date."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key != "id" and not str(key).endswith(("Date", "Lesions")):
            yield from places(item, (*path, key))


def changed(document: Any, path: tuple[Any, ...], change: Any) -> Any:
    made = copy.deepcopy(document)
    if not path:
        return change
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    if change == "rename" and isinstance(holder, dict):
        holder[f"{path[-1]}x"] = holder.pop(path[-1])
    elif change == "drop":
        del holder[path[-1]]
    else:
        holder[path[-1]] = change
    return made


def refused(base: KnowledgeBase, document: Any) -> list[str]:
    try:
        read_record(document, base.compiled().schema, base.limits, "r")
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_the_json_schema_and_the_reader_agree_on_random_defects(
    base: KnowledgeBase, validator: Draft202012Validator
) -> None:
    """A changed type, key, code or unit is refused by both or by neither."""
    pool = records(base, 40, 10)
    outcomes = {True: 0, False: 0}

    @settings(max_examples=400, derandomize=True, deadline=None)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        document = data.draw(st.sampled_from(pool))
        path = data.draw(st.sampled_from(list(places(document))))
        change = data.draw(st.sampled_from(["rename", "drop", None, *JUNK]))
        made = changed(document, path, change)
        problems = refused(base, made)
        if any("no id of this document" in p for p in problems):
            return  # a lesion that was pointed to is gone: no schema can say that
        errors = [e.message for e in validator.iter_errors(made)]
        if isinstance(change, int) and not isinstance(change, bool) and not errors:
            return  # another number, in a unit whose range only the reader converts
        assert bool(errors) == bool(problems), (path, change, errors[:2], problems)
        outcomes[bool(problems)] += 1

    run()
    assert outcomes[True] > 100
    assert outcomes[False] > 20
