"""Texts cut, joined and damaged: whatever comes in, records or problems come out, never anything else."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cohort_support import conclusions, set_aside
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg_service.cohort_run import decide_table
from kg_service.errors import InputError, KgServiceError
from kg_service.exchange import CONTEXT_IRI
from kg_service.feature_table import TableSchema
from kg_service.queries import load_queries, run
from kg_service.service import Batch, KnowledgeBase
from kg_service.store import Store

EXAMPLES = Path(__file__).parent.parent / "examples"
RECORD = (EXAMPLES / "case-thoracic-reirradiation.json").read_text(encoding="utf-8")
BUNDLE = (EXAMPLES / "fhir" / "synthetic-spine.json").read_text(encoding="utf-8")
LINKED = json.dumps({"@context": CONTEXT_IRI, "@type": "Patient", **json.loads(RECORD)})
TURTLE = """
@prefix anat: <https://w3id.org/bonemet-kg/anatomy/> .
@prefix qty: <https://w3id.org/bonemet-kg/quantity/> .
@prefix rec: <https://w3id.org/bonemet-kg/record/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<urn:p> a rec:Patient ; rec:referenceDate "2026-11-02"^^xsd:date ; rec:primaryControlled true ;
  rec:lifeExpectancy [ qty:minInclusive 3 ; qty:unit "mo" ] ; rec:hasLesion <urn:l> , [ rec:site anat:T11 ] ;
  rec:hadCourse [ rec:treatedLesion <urn:l> ] .
<urn:l> a rec:Lesion ; rec:ofPatient <urn:p> ; rec:site [ a anat:T12 ] .
"""
STATEMENTS = """<urn:p> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/bonemet-kg/record/Patient> .
<urn:p> <https://w3id.org/bonemet-kg/record/primaryControlled> "true"^^<http://www.w3.org/2001/XMLSchema#boolean> .
<urn:p> <https://w3id.org/bonemet-kg/record/hasLesion> _:l .
"""
TEXTS = {
    ".json": RECORD,
    ".fhir.json": BUNDLE,
    ".ttl": TURTLE,
    ".trig": TURTLE,
    ".nt": STATEMENTS,
    ".nq": STATEMENTS,
    ".jsonld": LINKED,
}
PIECES = [
    "{", "}", "[", "]", "(", ")", "<", ">", '"', "'", '"""', ",", ";", ".", ":", "#", "\\", "\\u0000", "\\ud800", "\\U00110000",
    "\n", "\r", "\t", "\x00", "\ufeff", "\ud800", "é", "😀", "_:b", "[]", "()", "a", "true", "null", "NaN", "-Infinity", "1e999", "1E-9999",
    "0" * 5000, "-0", "1.", "@prefix : <> .", "@base <x> .", "<urn:p>", "rec:hasLesion", '"x"^^xsd:date', '"x"^^<>', '"x"@fr',
    '"@context":', '"@id":', '"@type":', '"@value":', '"@list":', '"@graph":', '"@reverse":', "<< >>", "<<( )>>", "--", "''", " ",
]  # fmt: skip
QUIET = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
# What libraries warn of in odd literals is no failure: a service that runs has no such filter.
odd_literals = pytest.mark.filterwarnings("ignore")


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """Draw a text with pieces taken out, put in, doubled, or put elsewhere."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 60)))
        put = draw(st.sampled_from([*PIECES, text[start:end] * 2, ""]) | st.text(max_size=6))
        text = text[:start] + put + text[end:]
    return text


def read_or_refused(base: KnowledgeBase, text: str, suffix: str) -> None:
    batch = Batch()
    base.read_text(text, "fuzz", batch, suffix)
    assert batch.records or batch.problems
    assert all(problem.where and problem.found and problem.expected for problem in batch.problems)
    for record in batch.records:
        base.cases(record)


@odd_literals
@pytest.mark.parametrize("suffix", TEXTS)
def test_the_texts_are_sound_before_they_are_damaged(base: KnowledgeBase, suffix: str) -> None:
    batch = Batch()
    base.read_text(TEXTS[suffix], "sound", batch, "." + suffix.rpartition(".")[2])
    assert (len(batch.records), batch.problems) == (1, [])


@odd_literals
@pytest.mark.parametrize("suffix", TEXTS)
def test_a_damaged_text_is_read_or_refused(base: KnowledgeBase, suffix: str) -> None:
    damage(base, suffix)


def damage(base: KnowledgeBase, suffix: str, limits: settings = QUIET) -> None:
    @limits
    @given(damaged(TEXTS[suffix]))
    def check(text: str) -> None:
        read_or_refused(base, text, "." + suffix.rpartition(".")[2])

    check()


@pytest.mark.parametrize("suffix", [".ttl", ".trig", ".nt", ".nq", ".jsonld"])
def test_half_of_a_character_is_refused(base: KnowledgeBase, suffix: str) -> None:
    escaped = TEXTS[suffix].replace("Patient", "Patient\\ud800", 1)
    for text in (escaped, escaped.replace("\\ud800", "\ud800")):
        batch = Batch()
        base.read_text(text, "x", batch, suffix)
        assert "half of a character (U+D800)" in str(batch.problems[0])


def test_what_is_odd_in_a_record_is_not_logged(base: KnowledgeBase, caplog: pytest.LogCaptureFixture) -> None:
    text = '<urn:A Name> a <https://w3id.org/bonemet-kg/record/Patient> ; <urn:when> "A Name"^^<http://www.w3.org/2001/XMLSchema#date> .'
    base.read_text(text, "x", Batch(), ".ttl")
    assert caplog.text == ""


CELLS = st.sampled_from(
    ["", "true", "false", "TRUE", "yes", "1", "0", "-1", "1e3", "1e999", "nan", "inf", "0x1", " 3 ", "3,5", "T11", "t11", "x" * 300, '"', "\n", "é", "\x00", "9" * 400]
) | st.text(max_size=6)  # fmt: skip
LINE_ENDS = ["\n", "\r\n", "\r"]


@st.composite
def tables(draw: st.DrawFn, headers: list[str]) -> bytes:
    """Draw a CSV file: columns that are known or not, cells of any kind, rows of any length, then some damage."""
    names = draw(st.lists(st.sampled_from([*headers, "id"]) | CELLS, min_size=1, max_size=5))
    widths = st.just(len(names)) | st.integers(0, 6)
    rows = [[draw(CELLS) for _ in range(draw(widths))] for _ in range(draw(st.integers(0, 4)))]
    out = io.StringIO()
    csv.writer(out, lineterminator=draw(st.sampled_from(LINE_ENDS))).writerows([names, *rows])
    text = out.getvalue().encode("utf-8", "replace")
    if draw(st.booleans()):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(st.binary(max_size=4)) + text[start + draw(st.integers(0, 3)) :]
    return text


def headers_of(base: KnowledgeBase) -> list[str]:
    known = TableSchema(base.compiled())
    return [
        f"{key}{facet} [{feature.unit}]" if feature.unit else key
        for key, feature in known.features.items()
        for facet in (("", ".minInclusive") if feature.unit else ("",))
    ]


def test_a_table_of_anything_is_decided_set_aside_or_refused(base: KnowledgeBase) -> None:
    damage_tables(base, settings(QUIET, max_examples=60))


@pytest.mark.parametrize(
    "content",
    [b"id,caf\xe9\na,b\n", b"id,cordCompression\nb\xe9,true,x\n", b"id,cordCompression\nb\xe9,true\n"],
    ids=["header", "broken row", "row"],
)
def test_a_table_that_is_not_utf_8_is_told_so(base: KnowledgeBase, tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "t.csv"
    source.write_bytes(content)
    with pytest.raises(
        InputError, match=r"t\.csv: the byte 0xE9, which is not UTF-8; expected text in UTF-8"
    ):
        decide_table(source, tmp_path / "out", base, base.compiled())


def damage_tables(base: KnowledgeBase, limits: settings) -> None:
    @limits
    @given(tables(headers_of(base)))
    def check(content: bytes) -> None:
        with TemporaryDirectory() as folder:
            source, out = Path(folder, "t.csv"), Path(folder, "out")
            source.write_bytes(content)
            try:
                summary = decide_table(source, out, base, base.compiled())
            except InputError as error:
                assert error.problems
                assert not out.exists()
            else:
                decided = conclusions(out)["row"] if summary.decided else []
                refused = sorted({int(r["row"]) for r in set_aside(out)})
                assert (len(decided), len(refused)) == (summary.decided, summary.set_aside)
                assert sorted([*decided, *refused]) == list(range(len(decided) + len(refused)))

    check()


@pytest.fixture(scope="module")
def store() -> Store:
    found = Store()
    found.load_knowledge()
    return found


def test_a_library_query_with_any_parameters_is_answered_or_refused(store: Store) -> None:
    damage_queries(store, settings(QUIET, max_examples=100))


def damage_queries(store: Store, limits: settings) -> None:
    @limits
    @given(st.data())
    def check(data: st.DataObject) -> None:
        query = data.draw(st.sampled_from(sorted(load_queries().values(), key=lambda q: q.name)))
        values = CELLS | st.sampled_from([*PIECES, "any", "required", "SBRT", "rt:SBRT", "http://x/ y"])
        names = st.sampled_from([*query.parameters, "other"])
        given_values: dict[str, Any] = data.draw(st.dictionaries(names, values, max_size=3))
        try:
            result = run(store, query.name, given_values)
        except KgServiceError as error:
            assert str(error)
        else:
            assert result.boolean is None

    check()
