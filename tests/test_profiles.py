"""Readings selected together: profiles as data, on the command line, over the API, and against HermiT."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph, Literal, URIRef
from typer.testing import CliRunner

from kg_service.answers import answer_schema
from kg_service.api import create_app
from kg_service.cli import app
from kg_service.errors import GuidelineError, UnknownNameError
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import CORE, RDF, SKOS
from kg_service.oracle import Oracle
from kg_service.plan import atoms
from kg_service.sampling import random_cases
from kg_service.service import KnowledgeBase

CASE = DATA_ROOT / "examples" / "case-thoracic-reirradiation.json"
PROFILES = ["adopted", "lenient", "strict", "table-first", "text-first"]
AURA = "https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/"
HERMIT_CASES = 60
JSON = {"content-type": "application/json"}


def bonemet(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == code, result.output
    return result.stdout


def refused(*words: str | Path) -> str:
    command = [sys.executable, "-m", "kg_service.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_profiles_are_these(base: KnowledgeBase) -> None:
    assert list(base.compiled().guideline.readings.profiles) == PROFILES


def test_a_profile_covers_only_readings_that_exist_and_says_why(base: KnowledgeBase) -> None:
    readings = base.compiled().guideline.readings
    for profile in readings.profiles.values():
        for ambiguity, letter in profile.readings.items():
            assert letter in {r.letter for r in readings.computed[ambiguity]}
        for language in ("en", "fr"):
            note = base.compiled().guideline.text(profile.iri, SKOS.editorialNote, language)
            assert note
            assert [r for r in profile.readings if f"{r}-{profile.readings[r]}" not in note] == []


def test_strict_and_lenient_speak_of_every_ambiguity_that_changes_an_answer(base: KnowledgeBase) -> None:
    readings = base.compiled().guideline.readings
    assert len(readings.computed) >= 13
    for name in ("strict", "lenient"):
        assert set(readings.profiles[name].readings) == set(readings.computed)
    both = zip(
        readings.profiles["strict"].readings.items(),
        readings.profiles["lenient"].readings.items(),
        strict=True,
    )
    assert [a for (a, strict), (_, lenient) in both if strict == lenient] == []
    assert readings.profiles["adopted"].readings == {}


def test_a_profile_selects_and_a_reading_beside_it_wins(base: KnowledgeBase) -> None:
    strict = base.compiled(profile="strict").guideline
    assert (strict.selected["A29"].id, strict.profile.id if strict.profile else None) == ("A29-a", "strict")
    mixed = base.compiled({"A29": "b"}, "strict").guideline
    assert (mixed.selected["A29"].id, mixed.selected["A22"].id) == ("A29-b", "A22-b")
    assert base.compiled({"A29": "b"}).guideline.selected.keys() == {"A29"}
    assert base.compiled(profile="adopted").guideline.view.changes == {}


def test_strict_stops_where_lenient_does_not(base: KnowledgeBase) -> None:
    """A compression operated on, with symptoms: A27-a stops stereotaxy, A27-c does not."""
    lesion = {
        "id": "L1",
        "site": "T8",
        "cordCompression": True,
        "cordCompressionOperated": True,
        "cordCompressionSymptomatic": True,
    }
    (record,) = base.read_document({"id": "p", "lesions": [lesion]}, "test")
    found = {}
    for profile in PROFILES:
        assessment = base.assess(record, base.compiled(profile=profile)).assessments[0]
        found[profile] = assessment.by_id["S071"].status
    assert found == {
        "adopted": "true",
        "strict": "true",
        "lenient": "false",
        "table-first": "true",
        "text-first": "true",
    }


@pytest.mark.parametrize(
    ("name", "message"), [("strikt", "did you mean 'strict'"), ("gentle", "known: adopted, lenient, strict")]
)
def test_an_unknown_profile_names_the_nearest(base: KnowledgeBase, name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        base.compiled(profile=name)


@pytest.mark.parametrize(
    ("turtle", "message"),
    [
        ("core:selects aura:A27-a , aura:A27-c", "two readings of A27"),
        ("core:selects aura:A19-c", "A19-c is no reading that can be selected"),
        ("core:selects aura:A99-a", "A99-a is no reading that can be selected"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(base: KnowledgeBase, turtle: str, message: str) -> None:
    graph = Graph()
    graph += base.graph
    prefixes = f"@prefix core: <{CORE}> . @prefix aura: <{AURA}> ."
    graph.parse(
        data=f"{prefixes} aura:profile-x a core:ReadingProfile ; core:ofGuideline aura:guideline ; {turtle} ."
    )
    with pytest.raises(GuidelineError, match=message):
        KnowledgeBase(graph).compiled(profile="profile-x")


def test_hermit_agrees_under_each_profile(base: KnowledgeBase) -> None:
    """Asked for all that its readings change: what they leave alone is compared under the adopted ones."""
    asked = 0
    adopted = base.compiled().plan.trees
    for seed, profile in enumerate(PROFILES):
        compiled = base.compiled(profile=profile)
        plan = compiled.plan
        oracle = Oracle(compiled)
        restated = [name for name, tree in plan.trees.items() if adopted.get(name) != tree]
        oracle.names = sorted(restated) or oracle.names[:10]
        cases = random_cases(compiled, HERMIT_CASES, 70 + seed)
        for known, answer in zip(cases, oracle.decide(cases), strict=True):
            possible = plan.possible(known)
            for name, theirs in answer.items():
                asked += 1
                assert plan.decide(plan.trees[name], possible) is theirs, (profile, name, known)
    assert asked > HERMIT_CASES * 50


def test_trees_that_no_reading_restates_are_the_same_objects(base: KnowledgeBase) -> None:
    adopted, strict = base.compiled().plan, base.compiled(profile="strict").plan
    shared = [n for n, tree in adopted.trees.items() if strict.trees.get(n) is tree]
    assert len(shared) > len(adopted.trees) / 3
    assert strict.cells is adopted.cells
    assert {id(a) for t in strict.trees.values() for a in atoms(t)} <= {
        id(a) for t in adopted.trees.values() for a in atoms(t)
    }


def test_readings_are_listed_with_what_they_change(base: KnowledgeBase) -> None:
    text = bonemet("readings")
    assert "● A27-a" in text
    assert "○ A27-c" in text
    assert "· A19-c" in text
    assert "strict: " in text
    assert "Profils" in bonemet("readings", "--lang", "fr")
    listed = json.loads(bonemet("readings", "--format", "json"))
    (a27,) = (a for a in listed["ambiguities"] if a["id"] == "A27")
    assert (a27["adopted"], a27["changesAnswers"]) == ("A27-a", True)
    assert [(r["id"], r["selectable"], r["profiles"]) for r in a27["readings"]] == [
        ("A27-a", True, ["strict"]),
        ("A27-b", True, []),
        ("A27-c", True, ["lenient"]),
    ]
    assert [p["id"] for p in listed["profiles"]] == PROFILES
    assert len(listed["ambiguities"]) == len(base.compiled().guideline.ambiguities)


def test_the_answer_names_the_profile_it_was_given_under() -> None:
    text = bonemet("assess", "--profile", "strict", "--reading", "A29=c", CASE)
    assert "Reading profile: strict (strict)" in text
    assert "A29-c" in text.split("Readings selected:")[1].split("\n\n")[0]
    (answer,) = json.loads(bonemet("assess", "--profile", "text-first", "--format", "json", CASE))
    first = answer["assessments"][0]
    assert (first["profile"], first["readings"]["A04"]) == ("text-first", "a")
    graph = Graph().parse(data=bonemet("assess", "--profile", "strict", "--format", "ttl", CASE))
    used = set(graph.objects(None, URIRef("http://www.w3.org/ns/prov#used")))
    assert {URIRef(f"{AURA}profile-strict"), URIRef(f"{AURA}A22-b")} <= used


def test_every_command_that_answers_takes_a_profile() -> None:
    assert "Reading profile: lenient" in bonemet(
        "explain", "--profile", "lenient", CASE, "S071", "--lesion", "T11"
    )
    explained = json.loads(bonemet("explain", "--profile", "lenient", "--format", "json", CASE, "S071"))
    assert [(e["profile"], e["readings"]["A27"]) for e in explained] == [("lenient", "c")] * 2
    assert "Reading profile: lenient" in bonemet("demo", "--profile", "lenient")
    under = [
        bonemet("query", "options-of-case", CASE, "--set", "case=case-1/T11", *more)
        for more in ([], ["--profile", "strict"])
    ]
    assert "6 Gy" in under[0]
    assert "6 Gy" not in under[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["assess", CASE, "--profile", "strikt"],
            "no reading profile named 'strikt'; did you mean 'strict'?",
        ),
        (["assess", CASE, "--reading", "A72=c"], "no ambiguity named 'A72'; did you mean 'A"),
        (["explain", CASE, "S071", "--reading", "A27=z"], "no reading of A27 named 'z'; known: a, b, c"),
        (["query", "options-of-case", CASE, "--profile", "x"], "known: adopted"),
        (["readings", "--format", "ttl"], "no Turtle form"),
        (["robustness", CASE, "--format", "ttl"], "no Turtle form"),
        (["robustness", "nowhere"], "no such file or folder"),
    ],
)
def test_what_cannot_be_selected_is_told(words: list[str | Path], message: str) -> None:
    assert message in refused(*words)


def test_robust_answers_are_told_in_every_form() -> None:
    text = bonemet("assess", "--robust", CASE)
    assert "robust, the same under every reading" in text
    assert "hangs on A04" in text
    assert "fragile" in bonemet("assess", "--robust", "--lang", "fr", CASE)
    assert "hangs on" not in bonemet("assess", CASE)
    (answer,) = json.loads(bonemet("assess", "--robust", "--format", "json", CASE))
    first = answer["assessments"][0]
    options = {o["option"]: o["robustness"] for o in first["options"]}
    seven = options["SBRT-35Gy-7fx"]
    assert (seven["robust"], seven["word"], [a["id"] for a in seven["hangsOn"]]) == (
        False,
        "fragile",
        ["A04"],
    )
    assert [(r["id"], r["alone"]["value"]) for r in seven["otherReadings"]] == [("A04-a", "not-indicated")]
    conclusions = {c["id"]: c["robustness"] for c in first["conclusions"]}
    assert (conclusions["S165"]["robust"], conclusions["S165"]["hangsOn"]) == (True, [])
    counts = first["robustness"]
    assert counts["robust"] + counts["fragile"] + counts["notExamined"] == len(conclusions) + len(options)
    (plain,) = json.loads(bonemet("assess", "--format", "json", CASE))
    assert plain["assessments"][0]["robustness"] is None
    assert plain["assessments"][0]["options"][0]["robustness"] is None


def test_robust_answers_are_triples() -> None:
    graph = Graph().parse(data=bonemet("assess", "--robust", "--format", "ttl", CASE))
    answers = [s for kind in (CORE.Conclusion, CORE.OptionVerdict) for s in graph.subjects(RDF.type, kind)]
    assert [s for s in answers if (s, CORE.robust, None) not in graph] == []
    fragile = set(graph.subjects(CORE.robust, Literal(False)))
    assert fragile == set(graph.subjects(CORE.hangsOn, None))
    assert URIRef(f"{AURA}A04") in set(graph.objects(None, CORE.hangsOn))


def test_the_answer_schema_documents_the_fields() -> None:
    definitions = answer_schema()["$defs"]
    assert "robustness" in definitions["OptionJson"]["properties"]
    assert {"robust", "hangsOn", "otherReadings", "otherAnswers"} <= definitions["RobustnessJson"][
        "properties"
    ].keys()
    assert "profile" in definitions["AssessmentJson"]["properties"]


def test_many_records_are_counted_and_the_ambiguities_ranked() -> None:
    found = json.loads(bonemet("robustness", DATA_ROOT / "examples", "--format", "json"))
    assert (found["records"], found["cases"]) == (3, 4)
    for sort in ("conclusions", "verdicts", "prescriptions"):
        count = found[sort]
        assert count["total"] == count["robust"] + count["fragile"] + count["notExamined"]
    totals = [row["total"] for row in found["ambiguities"]]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] > 0
    text = bonemet("robustness", DATA_ROOT / "examples", "--profile", "strict")
    assert "Reading profile: strict" in text
    assert "4 case(s)" in text
    assert "robustes" in bonemet("robustness", DATA_ROOT / "examples", "--lang", "fr")


@pytest.fixture(scope="module")
def client(base: KnowledgeBase) -> TestClient:
    return TestClient(create_app(base))


def test_the_api_takes_profiles_and_tells_robustness(client: TestClient) -> None:
    body = CASE.read_text(encoding="utf-8")
    (answer,) = client.post(
        "/assess?profile=strict&reading=A29%3Dc&robust=true", content=body, headers=JSON
    ).json()
    first = answer["assessments"][0]
    assert (first["profile"], first["readings"]["A29"], first["readings"]["A22"]) == ("strict", "c", "b")
    assert first["robustness"]["fragile"] > 0
    told = client.post("/assess?robust=true", content=body, headers={**JSON, "accept": "text/plain"}).text
    assert "What hangs on a reading of the source" in told
    (explained,) = client.post("/explain/S071?profile=lenient&lesion=T11", content=body, headers=JSON).json()
    assert explained["profile"] == "lenient"
    wrong = client.post("/assess?profile=strikt", content=body, headers=JSON)
    assert (wrong.status_code, "did you mean 'strict'" in wrong.json()["detail"]) == (404, True)


def test_the_api_lists_readings_and_profiles(client: TestClient) -> None:
    listed = client.get("/readings?lang=fr").json()
    assert [p["id"] for p in listed["profiles"]] == PROFILES
    assert next(p["label"] for p in listed["profiles"] if p["id"] == "lenient") == "souple"
    assert next(a["adopted"] for a in listed["ambiguities"] if a["id"] == "A27") == "A27-a"
