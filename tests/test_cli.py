"""The command line as a user meets it: output, exit codes, messages without tracebacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rdflib import Graph

from kg_service.knowledge import DATA_ROOT

CASE = DATA_ROOT / "examples" / "case-thoracic-reirradiation.json"
BUNDLE = DATA_ROOT / "examples" / "fhir" / "TrialMatching_Patient01.json"


def bonemet(*words: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kg_service.cli", *map(str, words)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment
    )
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_a_record_is_decided_in_english_and_french() -> None:
    english = bonemet("assess", CASE).stdout
    assert "stereotactic body radiotherapy: APPLICABLE" in english
    assert "radiothérapie stéréotaxique : APPLICABLE" in bonemet("assess", "--lang", "fr", CASE).stdout


def test_answers_come_as_json_and_turtle() -> None:
    answers = json.loads(bonemet("assess", "--format", "json", CASE).stdout)
    assert [a["case"] for a in answers[0]["assessments"]] == ["T11", "femur"]
    statuses = {c["id"]: c["status"] for c in answers[0]["assessments"][0]["conclusions"]}
    assert (statuses["S165"], statuses["S071"], statuses["S067"]) == ("true", "false", "unknown")
    graph = Graph().parse(data=bonemet("assess", "--format", "ttl", CASE).stdout, format="turtle")
    assert len(graph) > 500


def test_a_bundle_is_decided_with_the_origin_of_its_facts() -> None:
    text = bonemet("assess", BUNDLE).stdout
    assert "CANNOT BE DECIDED YET" in text
    assert "What was read and not used as it stands" in text


def test_a_bad_file_is_told_and_the_good_one_beside_it_is_decided(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"lesions": [{"site": "T13"}]}', encoding="utf-8")
    done = bonemet("assess", bad, CASE, tmp_path / "none.json", expect=2)
    assert "stereotactic body radiotherapy" in done.stdout
    assert "bad.json: lesions[0].site: 'T13'; expected a code of site" in done.stderr
    assert "none.json: no such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["assess", CASE, "--reading", "A27"], "expected an ambiguity and a letter, such as A27=c"),
        (["assess", CASE, "--reading", "A27=z"], "no reading of A27 named 'z'; known: a, b, c"),
        (
            ["assess", CASE, "--reading", "A19=c"],
            "reading A19-c is recorded but not computed; computed: a, b",
        ),
        (["assess", CASE, "--reading", "A99=a"], "no ambiguity named 'A99'"),
        (["explain", CASE, "S999"], "no conclusion named 'S999'"),
        (["explain", CASE, "S071", "--lesion", "T12"], "no lesion named 'T12'"),
        (["query", "no-such-query"], "no query named 'no-such-query'"),
        (["schema", "nothing"], "no schema named 'nothing'"),
    ],
)
def test_a_wrong_word_is_told_with_what_would_be_right(words: list[str | Path], message: str) -> None:
    assert message in bonemet(*words, expect=2).stderr


def test_an_explanation_names_statement_proof_and_change() -> None:
    text = bonemet("explain", CASE, "S074", "--lesion", "T11").stdout
    assert "section 2.2.1, source lines 174-178" in text
    assert "time since irradiation of this territory: 10.07 to 11.03 months" in text
    assert "Smallest change that would make it true" in text


def test_a_reading_changes_the_answer_and_is_shown() -> None:
    text = bonemet("assess", "--reading", "A04=a", CASE).stdout
    assert "Readings selected: A04-a" in text
    assert "SBRT 35 Gy in 7 fractions" not in text


def test_the_demo_runs_on_the_shipped_records() -> None:
    text = bonemet("demo").stdout
    assert "Lesion T11 of case-1" in text
    assert "mCODETrialMatchingPatientExample01" in text
    assert "These facts suffice, and none can be left out" in text


@pytest.mark.parametrize("what", ["record", "answer", "context"])
def test_schemas_are_printed(what: str) -> None:
    assert json.loads(bonemet("schema", what).stdout)


def test_a_valid_record_conforms_and_an_impossible_one_does_not(tmp_path: Path) -> None:
    assert "conform" in bonemet("validate", CASE).stdout
    turtle = tmp_path / "two.ttl"
    turtle.write_text(
        "@prefix rec: <https://w3id.org/bonemet-kg/record/> .\n"
        "<urn:p> a rec:Patient ; rec:primaryControlled true , false .\n",
        encoding="utf-8",
    )
    assert "primaryControlled" in bonemet("validate", turtle, expect=2).stderr


def test_a_query_answers_in_the_language_asked_for() -> None:
    text = bonemet("query", "contraindications-of-option", "--lang", "fr").stdout
    assert "instabilité vertébrale" in text
    assert "S075" in bonemet("query", "contraindications-of-option", "--format", "csv").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--store", "{folder}"], "holds thesis.doc, no part of a store"),
        (["--store", "http://127.0.0.1:1/query"], "cannot be used as a store"),
        (["--update-token-file", "{folder}/none"], "the token cannot be read"),
        (["--update-token-file", "{folder}/thesis.doc"], "holds no token"),
    ],
)
def test_a_service_that_cannot_start_says_why(tmp_path: Path, options: list[str], message: str) -> None:
    (tmp_path / "thesis.doc").write_text("")
    done = bonemet("serve", *(option.format(folder=tmp_path) for option in options), expect=2)
    assert message in done.stderr
