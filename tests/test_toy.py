"""A second guideline, about umbrellas, needs no Python: it runs through every layer."""

from typing import Any

import pytest

from kg_service.conclusions import conclusions_graph
from kg_service.explanation import explain
from kg_service.explanation_forms import ExplanationForm, explanations_in
from kg_service.namespaces import CORE, RDF, local_name
from kg_service.report import assessment_json
from kg_service.service import AssessedRecord, KnowledgeBase
from kg_service.text import assessment_text


def walk(
    toy: KnowledgeBase, readings: dict[str, str] | None = None, assume: tuple[str, ...] = (), **features: Any
) -> AssessedRecord:
    (record,) = toy.read_document({"id": "w", **features}, "toy")
    return toy.assess(record, toy.compiled(readings), toy.set_assumptions(assume, "test"))


def percent(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "%"}


def wind(value: float, unit: str = "km/h") -> dict[str, Any]:
    return {"value": value, "unit": unit}


@pytest.mark.parametrize(
    ("features", "verdict"),
    [
        ({"rainProbability": percent(50), "windSpeed": wind(60)}, "applicable"),
        ({"rainProbability": percent(50), "windSpeed": wind(60.1)}, "conditional"),  # clear sky or storm?
        ({"rainProbability": percent(50), "windSpeed": wind(60.1), "sky": "Dark"}, "contraindicated"),
        ({"rainProbability": percent(50), "windSpeed": wind(17, "m/s"), "sky": "Cloudy"}, "contraindicated"),
        ({"rainProbability": percent(50), "windSpeed": wind(16, "m/s"), "sky": "Cloudy"}, "applicable"),
        ({"rainProbability": percent(49), "sky": "Clear"}, "not-indicated"),
        ({"sky": "Clear"}, "open"),
        ({}, "open"),
    ],
)
def test_when_to_take_an_umbrella(toy: KnowledgeBase, features: dict[str, Any], verdict: str) -> None:
    options = {local_name(v.option): v.verdict for v in walk(toy, **features).assessments[0].options}
    assert options["umbrella"] == verdict


def test_a_big_one_in_a_wind_is_excluded_whatever_the_sky(toy: KnowledgeBase) -> None:
    """Dark clouds would indicate it and make it a storm; anything else does not indicate it."""
    options = {local_name(v.option): v for v in walk(toy, windSpeed=wind(70)).assessments[0].options}
    assert options["bigUmbrella"].verdict == "excluded"
    assert (options["bigUmbrella"].indicated, options["bigUmbrella"].stopped) == ("unknown", "unknown")


def test_readings_obligations_preferences_and_reservations_are_data(toy: KnowledgeBase) -> None:
    features = {
        "rainProbability": percent(50),
        "sky": "Dark",
        "windSpeed": wind(1),
        "takenBy": {"hatesRain": False},
    }
    answer = walk(toy, **features).assessments[0]
    assert answer.by_id["U7"].status == "true"
    assert answer.by_id["U7"].fulfilled == "unknown"
    verdicts = {local_name(v.option): v for v in answer.options}
    assert verdicts["bigUmbrella"].verdict == "reserved"
    assert verdicts["bigUmbrella"].preferred is not None
    other = walk(toy, {"A1": "b"}, **features).assessments[0]
    assert other.by_id["U1"].status == "false"


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        # A big one under dark clouds is said in full and recommended (U5), and kept for rain haters (U6).
        (
            {
                "taken": "BigTaken",
                "sky": "Dark",
                "windSpeed": wind(5),
                "takenBy": {"hatesRain": True, "hood": False},
            },
            "Concordant",
        ),
        (
            {
                "taken": "BigTaken",
                "sky": "Dark",
                "windSpeed": wind(5),
                "takenBy": {"hatesRain": False, "hood": False},
            },
            "Exceptional",
        ),
        # A small one says nothing of its width: only a breeze, which bounds it, makes the choice complete.
        (
            {"taken": "SmallTaken", "sky": "White", "windSpeed": wind(5), "takenBy": {"hood": False}},
            "NotAddressed",
        ),
        (
            {
                "taken": "SmallTaken",
                "sky": "White",
                "windSpeed": wind(20),
                "width": {"value": 120, "unit": "cm"},
                "takenBy": {"hood": False},
                "rainProbability": percent(10),
            },
            "Acceptable",
        ),
        (
            {
                "taken": "SmallTaken",
                "sky": "White",
                "windSpeed": wind(20),
                "width": {"value": 121, "unit": "cm"},
                "takenBy": {"hood": False},
            },
            "Discordant",
        ),
        (
            {
                "taken": "SmallTaken",
                "sky": "White",
                "windSpeed": wind(20),
                "takenBy": {"hood": False},
                "rainProbability": percent(10),
            },
            "NotAssessable",
        ),
        # A storm stops every umbrella.
        ({"taken": "BigTaken", "sky": "Dark", "windSpeed": wind(61)}, "Discordant"),
    ],
)
def test_what_is_taken_is_checked(toy: KnowledgeBase, features: dict[str, Any], expected: str) -> None:
    check = walk(toy, **features).assessments[0].prescription
    assert check is not None
    assert local_name(check.concordance) == expected


def test_nothing_is_checked_when_nothing_is_said_of_what_is_taken(toy: KnowledgeBase) -> None:
    assert walk(toy, sky="Dark").assessments[0].prescription is None


def test_constraints_risks_and_levels_are_data(toy: KnowledgeBase) -> None:
    features = {"windSpeed": wind(20), "width": {"value": 130, "unit": "cm"}, "takenBy": {"hood": True}}
    answer = walk(toy, **features).assessments[0]
    assert (answer.by_id["U9"].status, answer.by_id["U9"].fulfilled) == ("true", "false")
    assert answer.by_id["U10"].status == "true"
    assert answer.by_id["U11"].status == "true"


@pytest.mark.parametrize(
    ("assume", "speed", "status"),
    [
        ((), wind(36), "unknown"),  # what windy means is not said
        (("windy=36 km/h",), wind(35.9), "false"),
        (("windy=36 km/h",), wind(36), "true"),
        (("windy=10 m/s",), wind(36), "true"),  # 10 m/s are 36 km/h
        (("windy=10 m/s",), wind(9.9, "m/s"), "false"),
    ],
)
def test_what_windy_means_is_for_the_walker_to_say(
    toy: KnowledgeBase, assume: tuple[str, ...], speed: dict[str, Any], status: str
) -> None:
    answer = walk(toy, assume=assume, windSpeed=speed).assessments[0]
    assert answer.by_id["U12"].status == status
    assert [a.setting.id for a in answer.case.assumptions] == ["windy"] * len(assume)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_speaks_in_every_form(toy: KnowledgeBase, language: Any) -> None:
    compiled = toy.compiled()
    wording = toy.wording(compiled, language)
    answer = walk(toy, sky="Dark").assessments[0]
    assert "U5" in assessment_text(answer, wording)
    assert assessment_json(answer, wording)["conclusions"][0]["id"] == "U1"
    assert "U5" in explanations_in(ExplanationForm.TEXT, [explain(answer, "U5", compiled)], toy, language)
    graph = conclusions_graph(answer, compiled)
    assert len(set(graph.subjects(RDF.type, CORE.Conclusion))) == 12
