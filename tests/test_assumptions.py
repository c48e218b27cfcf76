"""Local assumptions: unset they do nothing, set they settle a word exactly, and every answer shows them."""

import json
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import XSD
from typer.testing import CliRunner

from kg_service.api import create_app
from kg_service.assessment import Assessment
from kg_service.assumptions import LocalAssumptions, settings_together
from kg_service.cli import app
from kg_service.compiler import CompiledGuideline
from kg_service.conclusions import conclusions_graph
from kg_service.derivation import refuse_impossible
from kg_service.errors import GuidelineError, InputError
from kg_service.guideline import Guideline
from kg_service.knowledge import load_graph
from kg_service.namespaces import CORE, PROV, QTY, RDF, REC
from kg_service.record import Case, Fact, SetAssumption
from kg_service.report import assessment_json
from kg_service.sampling import random_cases
from kg_service.service import KnowledgeBase
from kg_service.text import assessment_text
from kg_service.values import Knowledge, exactly, truth

Features = dict[str, Any]


def quantity(value: float, unit: str | None = None) -> Features:
    return {"value": value, "unit": unit}


def between(low: float, high: float, unit: str | None = None) -> Features:
    return {"minInclusive": low, "maxInclusive": high, "unit": unit}


# name: the word; the number; a value to set; the number below, at and above it; what the word then is.
NINE: dict[str, tuple[str, str, str, tuple[Features, ...], tuple[bool, bool, bool]]] = {
    "short-life-expectancy": (
        "lifeExpectancyJudgedShort", "lifeExpectancy", "6 mo",
        (quantity(5.9, "mo"), quantity(6, "mo"), quantity(6.1, "mo"), between(5, 7, "mo")),
        (True, False, False),
    ),
    "prolonged-survival": (
        "lifeExpectancyJudgedProlonged", "lifeExpectancy", "1 a",  # a year is twelve months
        (quantity(11.9, "mo"), quantity(12, "mo"), quantity(12.1, "mo"), between(11, 13, "mo")),
        (False, True, True),
    ),
    "poor-prognosis": (
        "prognosisJudgedPoor", "lifeExpectancy", "4 mo",
        (quantity(3.9, "mo"), quantity(4, "mo"), quantity(4.1, "mo"), between(3, 5, "mo")),
        (True, False, False),
    ),
    "small-lesion": (
        "judgedSmall", "diameter", "30 mm",
        (quantity(2.9, "cm"), quantity(3, "cm"), quantity(31, "mm"), between(2, 4, "cm")),
        (True, False, False),
    ),
    "bulky-lesion": (
        "judgedBulky", "diameter", "7 cm",
        (quantity(6.9, "cm"), quantity(70, "mm"), quantity(7.1, "cm"), between(6, 8, "cm")),
        (False, True, True),
    ),
    "far-from-organs-at-risk": (
        "judgedFarFromOrgansAtRisk", "organAtRiskDistance", "10 mm",
        (quantity(9.9, "mm"), quantity(1, "cm"), quantity(10.1, "mm"), between(9, 11, "mm")),
        (False, True, True),
    ),
    "diffuse-metastases": (
        "diffuseMetastases", "metastasisCount", "5",
        (quantity(4), quantity(5), quantity(6), between(5, 6)),
        (False, False, True),
    ),
    "difficult-to-mobilise": (
        "difficultToMobilise", "ecogPerformanceStatus", "3 1",
        (quantity(2), quantity(3), quantity(4), between(2, 3)),
        (False, True, True),
    ),
    "fracture-risk": (
        "fractureRisk", "corticalHeightInvolvement", "50 %",
        (quantity(49.9, "%"), quantity(50, "%"), quantity(50.1, "%"), between(40, 60, "%")),
        (False, False, True),
    ),
}  # fmt: skip
NAMES = sorted(NINE)
OF_SCORES = [
    "cord-compression-by-bilsky",
    "fracture-risk-by-mirels",
    "high-grade-epidural-disease-by-bilsky",
    "unstable-spine-by-sins",
]
"""Those that read a score; tests/test_scores.py sets them."""
DECLARED = sorted([*NAMES, *OF_SCORES])


@pytest.fixture(scope="module")
def under(base: KnowledgeBase) -> Callable[..., Assessment]:
    """Return a function that assesses one lesion under assumptions; patient and lesion features may be mixed."""
    lesion_keys = set(base.compiled().case_entity.features)

    def run(*assume: str, **features: Any) -> Assessment:
        lesion = {k: v for k, v in features.items() if k in lesion_keys}
        patient = {k: v for k, v in features.items() if k not in lesion_keys}
        document = {"id": "p", **patient, "lesions": [{"id": "L1", **lesion}]}
        (record,) = base.read_document(document, "test")
        return base.assess(record, base.compiled(), base.set_assumptions(assume, "test")).assessments[0]

    return run


def word(answer: Assessment, name: str) -> bool | None:
    """Return what a case says of the word that an assumption fixes."""
    fact = answer.case.facts.get(REC[NINE[name][0]])
    return None if fact is None else {truth(True): True, truth(False): False}[fact.known]  # type: ignore[index]


def test_they_are_declared_and_hold_no_value(base: KnowledgeBase) -> None:
    assert list(base.assumptions.declared) == DECLARED
    assert len(NAMES) == 9
    for name, declared in base.assumptions.declared.items():
        if name in NINE:
            assert (declared.fixes.key, declared.from_feature.key) == NINE[name][:2]
        assert (declared.iri, QTY.value, None) not in base.graph
        numbers = [o for o in base.graph.objects(declared.iri) if isinstance(o, Literal) and not o.language]
        assert [n for n in numbers if n != Literal(True)] == [
            Literal(name)
        ]  # true: what it fixes a feature to


@pytest.mark.parametrize("name", NAMES)
def test_unset_the_word_stays_unknown_though_the_number_is_known(
    under: Callable[..., Assessment], name: str
) -> None:
    for number in NINE[name][3]:
        answer = under(**{NINE[name][1]: number})
        assert word(answer, name) is None
        assert answer.case.assumptions == ()


@pytest.mark.parametrize("name", NAMES)
def test_set_the_number_settles_the_word_below_at_and_above(
    under: Callable[..., Assessment], name: str
) -> None:
    _, number, value, numbers, expected = NINE[name]
    found = [under(f"{name}={value}", **{number: n}) for n in numbers[:3]]
    assert tuple(word(answer, name) for answer in found) == expected
    assert all(answer.case.assumptions[0].use == "used" for answer in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_number_on_both_sides_or_missing_settles_nothing(
    under: Callable[..., Assessment], name: str
) -> None:
    _, number, value, numbers, _ = NINE[name]
    both_sides = under(f"{name}={value}", **{number: numbers[3]})
    # One lesion makes one metastasis at least, which says nothing of more than five.
    missing = "undecided" if number == "metastasisCount" else "missing"
    for answer, use in ((both_sides, "undecided"), (under(f"{name}={value}"), missing)):
        assert word(answer, name) is None
        assert answer.case.assumptions[0].use == use


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_persons_statement_wins_and_the_answer_says_so(
    under: Callable[..., Assessment], base: KnowledgeBase, name: str, stated: bool
) -> None:
    key, number, value, numbers, _ = NINE[name]
    for recorded in numbers[:3]:
        answer = under(f"{name}={value}", **{number: recorded, key: stated})
        assert word(answer, name) is stated
        assert answer.case.facts[REC[key]].assumption is None
        assert answer.case.assumptions[0].use == "stated"
    text = assessment_text(answer, base.wording(base.compiled(), "en"))
    assert "[not used: the record states it]" in " ".join(text.split())


INTERVALS = [
    ("small-lesion=3 cm", "judgedSmall", "diameter", {"maxExclusive": 3, "unit": "cm"}, True),
    ("small-lesion=3 cm", "judgedSmall", "diameter", {"maxInclusive": 3, "unit": "cm"}, None),
    ("small-lesion=3 cm", "judgedSmall", "diameter", {"minInclusive": 3, "unit": "cm"}, False),
    ("small-lesion=3 cm", "judgedSmall", "diameter", {"minExclusive": 2.9, "unit": "cm"}, None),
    ("bulky-lesion=3 cm", "judgedBulky", "diameter", {"maxExclusive": 3, "unit": "cm"}, False),
    ("bulky-lesion=3 cm", "judgedBulky", "diameter", {"minInclusive": 3, "unit": "cm"}, True),
    ("fracture-risk=50 %", "fractureRisk", "corticalHeightInvolvement", {"minExclusive": 50, "unit": "%"}, True),
    ("fracture-risk=50 %", "fractureRisk", "corticalHeightInvolvement", {"minInclusive": 50, "unit": "%"}, None),
    ("fracture-risk=50 %", "fractureRisk", "corticalHeightInvolvement", {"maxInclusive": 50, "unit": "%"}, False),
    # Counts are whole: more than two is three at least, fewer than six is five at most.
    ("difficult-to-mobilise=3", "difficultToMobilise", "ecogPerformanceStatus", {"minExclusive": 2}, True),
    ("diffuse-metastases=5", "diffuseMetastases", "metastasisCount", {"maxExclusive": 6}, False),
    ("diffuse-metastases=5", "diffuseMetastases", "metastasisCount", {"minExclusive": 4}, None),
    ("diffuse-metastases=5", "diffuseMetastases", "metastasisCount", {"minExclusive": 5}, True),
]  # fmt: skip


@pytest.mark.parametrize(("assume", "key", "number", "known", "expected"), INTERVALS)
def test_intervals_are_compared_exactly(
    under: Callable[..., Assessment],
    assume: str,
    key: str,
    number: str,
    known: Features,
    expected: bool | None,
) -> None:
    fact = under(assume, **{number: known}).case.facts.get(REC[key])
    assert (None if fact is None else fact.known) == (None if expected is None else truth(expected))


def test_a_derived_number_is_read_like_a_stated_one(base: KnowledgeBase) -> None:
    document = {"id": "p", "lesions": [{"id": f"L{i}"} for i in range(3)], "allMetastasesListed": True}
    (record,) = base.read_document(document, "test")
    settings = base.set_assumptions(["diffuse-metastases=2"], "test")
    fact = base.assess(record, base.compiled(), settings).assessments[0].case.facts[REC.diffuseMetastases]
    assert fact.known == truth(True)
    assert fact.basis == ("metastasisCount",)


def test_a_conclusion_follows_from_the_assumption(under: Callable[..., Assessment]) -> None:
    """S163 keeps a single 8 Gy for a short life expectancy: two months alone do not say so."""
    expectancy = quantity(2, "mo")
    assert under(lifeExpectancy=expectancy).by_id["S163"].status == "unknown"
    answer = under("short-life-expectancy=6 mo", lifeExpectancy=expectancy)
    (fact,) = answer.by_id["S163"].facts
    assert answer.by_id["S163"].status == "true"
    assert (fact.where, fact.stated, fact.basis) == ("lifeExpectancyJudgedShort", "true", ("lifeExpectancy",))
    assert fact.assumption is not None
    assert fact.assumption.id == "short-life-expectancy"


FILE_ERRORS = [
    ("[]", ["f.json: a list", 'expected a JSON object such as {"bulky-lesion": {"value": …, "unit": "cm"}}']),
    ('"x"', ["f.json: 'x'", "expected a JSON object"]),
    ("{", ["f.json: line 1, column 2", "not JSON"]),
    ('{"smal-lesion": {"value": 3, "unit": "cm"}}', ["f.json: smal-lesion: no local assumption of this name", "Did you mean 'small-lesion'?"]),
    ('{"xyz": {"value": 3, "unit": "cm"}}', ["f.json: xyz: no local assumption", "Known: bulky-lesion, cord-compression-by-bilsky"]),
    ('{"small-lesion": 3}', ["f.json: small-lesion: 3", 'expected an object such as {"value": 3, "unit": "cm"}']),
    ('{"small-lesion": {"value": 3}}', ["f.json: small-lesion.unit: no unit", "expected one of cm, mm (UCUM codes)"]),
    ('{"small-lesion": {"value": 3, "unit": "cms"}}', ["f.json: small-lesion.unit: the unit 'cms';", "Did you mean 'cm'?"]),
    ('{"small-lesion": {"value": 3, "unit": "mo"}}', ["small-lesion.unit: the unit 'mo', of another dimension", "expected one of cm, mm"]),
    ('{"small-lesion": {"value": "3", "unit": "cm"}}', ["f.json: small-lesion.value: '3'", "expected a number"]),
    ('{"small-lesion": {"value": true, "unit": "cm"}}', ["f.json: small-lesion.value: True", "expected a number"]),
    ('{"small-lesion": {"unit": "cm"}}', ["f.json: small-lesion: no number", "expected a value"]),
    ('{"small-lesion": {"minInclusive": 3, "unit": "cm"}}', ["f.json: small-lesion: bounds", "small-lesion itself says Below"]),
    ('{"small-lesion": {"value": 3, "unit": "cm", "size": 1}}', ["f.json: small-lesion.size: an unknown key", "expected a key of a quantity"]),
    ('{"small-lesion": {"value": -3, "unit": "cm"}}', ["f.json: small-lesion: -3 cm", "expected diameter > 0, ≤ 60 cm"]),
    ('{"small-lesion": {"value": 61, "unit": "cm"}}', ["f.json: small-lesion: 61 cm", "expected diameter > 0, ≤ 60 cm", "Check the number and its unit."]),
    ('{"fracture-risk": {"value": 101, "unit": "%"}}', ["f.json: fracture-risk: 101 %", "≥ 0, ≤ 100 %"]),
    ('{"diffuse-metastases": {"value": 2.5}}', ["f.json: diffuse-metastases: 2.5", "expected a whole number"]),
    ('{"small-lesion": {"value": 3, "unit": "cm"}, "small-lesion": {"value": 4, "unit": "cm"}}', ["f.json: small-lesion: given twice", "Keep the right one."]),
]  # fmt: skip
OPTION_ERRORS = [
    (["small-lesion"], ["--assume: 'small-lesion'", 'expected a name and its value, such as "bulky-lesion=… cm"']),
    (["=3 cm"], ["--assume: '=3 cm'", "expected a name and its value"]),
    (["small-lesion="], ["--assume: 'small-lesion='", "expected a name and its value"]),
    (["smal-lesion=3 cm"], ["--assume: smal-lesion: no local assumption of this name", "Did you mean 'small-lesion'?"]),
    (["small-lesion=3"], ["--assume: small-lesion.unit: no unit", "expected one of cm, mm"]),
    (["small-lesion=3 cms"], ["--assume: small-lesion.unit: the unit 'cms';", "Did you mean 'cm'?"]),
    (["small-lesion=3 mo"], ["--assume: small-lesion.unit: the unit 'mo', of another dimension"]),
    (["small-lesion=three cm"], ["--assume: small-lesion: 'three cm'", 'such as "small-lesion=… cm"']),
    (["small-lesion=3cm"], ["--assume: small-lesion: '3cm'", "a number with a decimal point, a space and its unit"]),
    (["small-lesion=3,5 cm"], ["--assume: small-lesion: '3,5 cm'", "a number with a decimal point"]),
    (["small-lesion=-3 cm"], ["--assume: small-lesion: -3 cm", "expected diameter > 0, ≤ 60 cm"]),
    (["short-life-expectancy=1201 mo"], ["--assume: short-life-expectancy: 1201 mo", "≥ 0, ≤ 1200 mo"]),
    (["difficult-to-mobilise=6"], ["--assume: difficult-to-mobilise: 6", "≥ 0, ≤ 5"]),
    (["small-lesion=3 cm", "small-lesion=3 cm"], ["--assume: small-lesion: given twice, as '3 cm' and '3 cm'", "Keep the right one."]),
    (["smal-lesion=3 cm", "bulky-lesion=5"], ["smal-lesion: no local assumption", "bulky-lesion.unit: no unit"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), FILE_ERRORS)
def test_a_wrong_file_is_told_with_place_and_remedy(
    base: KnowledgeBase, tmp_path: Path, content: str, expected: list[str]
) -> None:
    file = tmp_path / "f.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        base.set_assumptions([], "--assume", file)
    assert [part for part in expected if part not in str(caught.value)] == []


@pytest.mark.parametrize(("texts", "expected"), OPTION_ERRORS)
def test_a_wrong_option_is_told_with_place_and_remedy(
    base: KnowledgeBase, texts: list[str], expected: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        base.set_assumptions(texts, "--assume")
    assert [part for part in expected if part not in str(caught.value)] == []


def test_a_file_that_cannot_be_read_is_told_with_the_wrong_options(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        base.set_assumptions(["small-lesion=3"], "--assume", tmp_path / "none.json")
    assert [problem.found for problem in caught.value.problems] == ["no such file or directory", "no unit"]


def test_an_option_wins_over_the_file_and_null_sets_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    entries = {
        "small-lesion": quantity(3, "cm"),
        "bulky-lesion": quantity(7, "cm"),
        "diffuse-metastases": quantity(5),
        "fracture-risk": None,
    }
    file.write_text(json.dumps(entries), encoding="utf-8")
    settings = base.set_assumptions(["small-lesion=25 mm", "poor-prognosis=0.5 a"], "--assume", file)
    assert [(s.id, s.number, s.unit) for s in settings] == [
        ("bulky-lesion", 7, "cm"),
        ("diffuse-metastases", 5, "1"),
        ("poor-prognosis", Fraction(1, 2), "a"),
        ("small-lesion", 25, "mm"),
    ]
    assert {s.id: s.outside.low for s in settings if s.outside.low} == {
        "poor-prognosis": 6,
        "small-lesion": Fraction(5, 2),
    }


def another(base: KnowledgeBase, **changes: URIRef) -> LocalAssumptions:
    """Return the assumptions of a graph that holds one more, which fixes small lesions too unless changed."""
    graph = Graph()
    graph += load_graph()
    node = URIRef("https://example.org/other-small")
    parts = {"fixes": REC.judgedSmall, "fromFeature": REC.targetVolume, "comparison": CORE.AtMost, **changes}
    guideline = base.compiled().guideline.iri
    for prop, value in parts.items():
        graph.add((node, CORE[prop], value))
    graph.add((node, RDF.type, CORE.LocalAssumption))
    graph.add((node, CORE.ofGuideline, guideline))
    graph.add((node, URIRef("http://purl.org/dc/terms/identifier"), Literal("other-small")))
    return LocalAssumptions(Guideline(graph), base.compiled().schema, base.limits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fixes": REC.primaryControlled}, "fixes a judgement"),
        ({"fromFeature": REC.site}, "from a feature with quantities"),
        (
            {"fromFeature": REC.lifeExpectancy},
            "judgedSmall and lifeExpectancy are not features of the same thing",
        ),
        ({"comparison": CORE.Maximum}, "needs an identifier, a feature to fix, one to read and a comparison"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(
    base: KnowledgeBase, changes: dict[str, URIRef], message: str
) -> None:
    with pytest.raises(GuidelineError, match=message):
        another(base, **{"fromFeature": REC.diameter, **changes})


def test_two_assumptions_for_one_word_are_refused_when_both_are_set(base: KnowledgeBase) -> None:
    both = another(base, fromFeature=REC.diameter)
    one = both.from_options(["small-lesion=3 cm"], "test")
    other = both.from_options(["other-small=4 cm"], "test")
    assert len(settings_together(one)) == len(settings_together(other)) == 1
    with pytest.raises(
        InputError, match=r"small-lesion and other-small: both fix judgedSmall.*Leave one out"
    ):
        settings_together(one, other)


def test_at_most_takes_the_value_itself_in(base: KnowledgeBase) -> None:
    assumptions = another(base, fromFeature=REC.diameter)
    (setting,) = assumptions.from_options(["other-small=4 cm"], "test").values()
    for number, expected in ((Fraction(4), True), (Fraction(41, 10), False)):
        fact = Fact(REC.diameter, exactly(number), "lesions[0].diameter", "")
        case = assumptions.apply(Case("L1", "p", {REC.diameter: fact}), [setting])
        assert case.facts[REC.judgedSmall].known == truth(expected)
        assert case.facts[REC.judgedSmall].where == "lesions[0].judgedSmall"


def test_a_contradiction_made_by_an_assumption_names_it(base: KnowledgeBase) -> None:
    compiled = base.compiled()
    (setting,) = base.set_assumptions(["small-lesion=3 cm"], "test")
    facts = {
        REC.previouslyIrradiated: Fact(
            REC.previouslyIrradiated, truth(False), "lesions[0].previouslyIrradiated", "false"
        ),
        REC.priorCordDosePrecludesConventional: Fact(
            REC.priorCordDosePrecludesConventional, truth(True), "x", "true", assumption=setting
        ),
    }
    with pytest.raises(InputError, match=r"x is true by assumption small-lesion \(3 cm\)"):
        refuse_impossible(Case("L1", "p", facts), compiled.plan, compiled.schema, "test", str)


SHOWN = ("short-life-expectancy=6 mo", "small-lesion=3 cm", "bulky-lesion=7 cm", "fracture-risk=50 %")


@pytest.fixture(scope="module")
def shown(under: Callable[..., Assessment]) -> Assessment:
    """A case on which one assumption is used and each other one is not, for its own reason."""
    return under(
        *SHOWN,
        lifeExpectancy=quantity(4, "mo"),
        diameter=between(2, 4, "cm"),
        judgedBulky=True,
    )


def test_the_heading_tells_every_assumption_and_what_became_of_it(
    base: KnowledgeBase, shown: Assessment
) -> None:
    english = " ".join(assessment_text(shown, base.wording(base.compiled(), "en")).split())
    heading = english.split("What the record says")[0]
    for line in (
        "Local assumption bulky-lesion: judged bulky means diameter at least 7 cm [not used: the record states it]",
        "Local assumption fracture-risk: fracture risk means involvement of the cortical height above 50 % [not used: the number is not known]",
        "Local assumption short-life-expectancy: life expectancy judged short means life expectancy below 6 months [used on this case]",
        "Local assumption small-lesion: judged small means diameter below 3 cm [not used: what is known of the number does not settle it]",
    ):
        assert line in heading
    assert (
        "life expectancy judged short: yes (from assumption short-life-expectancy: below 6 months, lifeExpectancy)"
        in english
    )
    french = " ".join(assessment_text(shown, base.wording(base.compiled(), "fr")).split())
    assert (
        "Hypothèse locale short-life-expectancy : « espérance de vie jugée faible » veut dire espérance de vie : moins de 6 mois [utilisée sur ce cas]"
        in french
    )
    assert "(d'après hypothèse short-life-expectancy : moins de 6 mois, lifeExpectancy)" in french


def test_nothing_is_told_of_assumptions_that_are_not_set(
    base: KnowledgeBase, under: Callable[..., Assessment]
) -> None:
    answer = under(lifeExpectancy=quantity(4, "mo"))
    assert "assumption" not in assessment_text(answer, base.wording(base.compiled(), "en")).lower()
    assert assessment_json(answer, base.wording(base.compiled(), "en"))["assumptions"] == []
    assert not list(conclusions_graph(answer, base.compiled()).subjects(RDF.type, CORE.AssumptionSetting))


def test_json_lists_every_assumption_with_value_unit_and_use(base: KnowledgeBase, shown: Assessment) -> None:
    answer = assessment_json(shown, base.wording(base.compiled(), "en"))
    found = {a["id"]: (a["value"], a["unit"], a["used"], a["use"]) for a in answer["assumptions"]}
    assert found == {
        "bulky-lesion": (7, "cm", False, "stated"),
        "fracture-risk": (50, "%", False, "missing"),
        "short-life-expectancy": (6, "mo", True, "used"),
        "small-lesion": (3, "cm", False, "undecided"),
    }
    first = answer["assumptions"][0]
    assert (first["features"], first["label"]) == (
        {"fixes": "judgedBulky", "fromFeature": "diameter"},
        "bulky lesion",
    )
    fact = next(f for f in answer["facts"] if f["feature"] == "lifeExpectancyJudgedShort")
    assert fact["assumption"] == "short-life-expectancy"
    assert fact["basis"] == ["assumption short-life-expectancy: below 6 months", "lifeExpectancy"]


def test_provenance_names_the_settings_and_what_was_derived_from_them(
    base: KnowledgeBase, shown: Assessment
) -> None:
    graph = conclusions_graph(shown, base.compiled())
    lesion = "https://w3id.org/bonemet-kg/data/p/L1"
    used = set(graph.objects(URIRef(f"{lesion}/assessment"), PROV.used))
    settings = set(graph.subjects(RDF.type, CORE.AssumptionSetting))
    assert settings == {URIRef(f"{lesion}/assumption/{a.setting.id}") for a in shown.case.assumptions} <= used
    short = URIRef(f"{lesion}/assumption/short-life-expectancy")
    assert graph.value(short, QTY.value) == Literal("6.0", datatype=XSD.decimal)
    assert graph.value(short, QTY.unit) == Literal("mo")
    assert graph.value(short, CORE.ofAssumption) == base.assumptions.declared["short-life-expectancy"].iri
    assert set(graph.subjects(CORE.applied, Literal(True))) == {short}
    fact = URIRef(f"{lesion}/fact/lifeExpectancyJudgedShort")
    assert set(graph.objects(fact, PROV.wasDerivedFrom)) == {short, URIRef(f"{lesion}/fact/lifeExpectancy")}
    assert (URIRef(f"{lesion}/conclusion/S163"), PROV.wasDerivedFrom, fact) in graph


def test_the_graph_is_the_same_for_the_same_input(base: KnowledgeBase, shown: Assessment) -> None:
    assert set(conclusions_graph(shown, base.compiled())) == set(conclusions_graph(shown, base.compiled()))


CASE = {"id": "p", "lifeExpectancy": {"value": 4, "unit": "mo"}, "lesions": [{"id": "L1"}]}


@pytest.fixture
def case_file(tmp_path: Path) -> str:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(CASE), encoding="utf-8")
    return str(file)


def test_the_command_line_takes_a_file_and_options(case_file: str, tmp_path: Path) -> None:
    file = tmp_path / "local.json"
    file.write_text('{"short-life-expectancy": {"value": 3, "unit": "mo"}}', encoding="utf-8")
    shown = {}
    for words in (
        ["--assumptions", str(file)],
        ["--assumptions", str(file), "--assume", "short-life-expectancy=6 mo"],
    ):
        result = CliRunner().invoke(app, ["assess", case_file, "--format", "json", *words])
        (answer,) = json.loads(result.stdout)[0]["assessments"]
        (assumption,) = answer["assumptions"]
        shown[assumption["value"]] = next(c["status"] for c in answer["conclusions"] if c["id"] == "S163")
    assert shown == {3: "unknown", 6: "true"}  # not short, and nobody says how hard moving is; then short


def test_the_proof_names_the_assumption(case_file: str) -> None:
    words = ["explain", case_file, "S163", "--assume", "short-life-expectancy=6 mo"]
    text = " ".join(CliRunner().invoke(app, words).stdout.split())
    assert "life expectancy judged short means life expectancy below 6 months [used on this case]" in text
    proof = text.split("These facts suffice")[1]
    assert (
        "life expectancy judged short: yes (lifeExpectancyJudgedShort) from assumption short-life-expectancy: below 6 months, lifeExpectancy"
        in proof
    )
    (explanation,) = json.loads(CliRunner().invoke(app, [*words, "--format", "json"]).stdout)
    assert [a["id"] for a in explanation["assumptions"]] == ["short-life-expectancy"]
    assert explanation["arguments"][0]["proofs"][0][0]["assumption"] == "short-life-expectancy"


def test_the_assumptions_that_can_be_set_are_listed() -> None:
    text = CliRunner().invoke(app, ["assumptions"]).stdout
    assert [name for name in NAMES if f"\n{name}\n" not in text] == []
    assert "life expectancy judged short, from life expectancy: below the value set" in text
    assert "unit: a, d, mo, wk; about: S163, A14" in text
    listed = json.loads(CliRunner().invoke(app, ["assumptions", "--lang", "fr", "--format", "json"]).stdout)
    assert [a["id"] for a in listed] == DECLARED
    fracture = next(a for a in listed if a["id"] == "fracture-risk")
    assert fracture["fixes"] == {"feature": "fractureRisk", "label": "risque fracturaire"}
    assert (fracture["comparisonLabel"], fracture["unit"], fracture["statements"]) == (
        "plus de",
        "%",
        ["S145"],
    )
    assert not {"value", "number"} & set(fracture)


def test_the_api_takes_assumptions_by_request(base: KnowledgeBase) -> None:
    headers = {"content-type": "application/json"}
    with TestClient(create_app(base)) as client:
        query = {"assume": ["short-life-expectancy=6 mo", "diffuse-metastases=5"]}
        (answer,) = client.post("/assess", params=query, json=CASE).json()[0]["assessments"]
        assert {a["id"]: a["used"] for a in answer["assumptions"]} == {
            "short-life-expectancy": True,
            "diffuse-metastases": False,
        }
        (plain,) = client.post("/assess", json=CASE).json()[0]["assessments"]
        assert plain["assumptions"] == []
        (found,) = client.post("/explain/S163", params=query, json=CASE).json()
        assert (found["status"], found["arguments"][0]["proofs"][0][0]["assumption"]) == (
            "true",
            "short-life-expectancy",
        )
        text = client.post(
            "/assess", params=query, json=CASE, headers={**headers, "accept": "text/plain"}
        ).text
        assert "Local assumption short-life-expectancy" in text
        wrong = client.post("/assess", params={"assume": "short-life-expectancy=6"}, json=CASE)
        assert wrong.status_code == 422
        assert wrong.json()["problems"][0]["where"] == "assume: short-life-expectancy.unit"
        assert [a["id"] for a in client.get("/assumptions").json()] == DECLARED
        paths = client.get("/openapi.json").json()["paths"]
    for path in ("/assess", "/explain/{conclusion}"):
        assert "assume" in {p["name"] for p in paths[path]["post"]["parameters"]}
    assert "/assumptions" in paths


def test_assumptions_settle_unknowns_and_change_nothing_that_is_settled(
    base: KnowledgeBase, compiled: CompiledGuideline
) -> None:
    """On random cases and random values: what was true or false stays so, for every tree of the plan."""
    source = random.Random(20261123)
    plan, settled, uses = compiled.plan, 0, Counter[str]()
    for known in random_cases(compiled, 150, 7):
        case = Case("L1", "p", {f.feature: f for f in random_facts(base, known, source)})
        settings = [random_setting(base, name, source) for name in source.sample(NAMES, 5)]
        assumed = base.assumptions.apply(case, settings)
        uses.update(f"{a.setting.id} {a.use}" for a in assumed.assumptions)
        before, after = plan.possible(case.known), plan.possible(assumed.known)
        for name, tree in plan.trees.items():
            was, is_now = plan.decide(tree, before), plan.decide(tree, after)
            assert was is None or is_now is was, (name, known)
            settled += was is None and is_now is not None
    assert {name for name in NAMES if uses[f"{name} used"] >= 5} == set(NAMES)
    assert {name for name in NAMES if uses[f"{name} stated"] >= 5} == set(NAMES)
    assert settled > 200


def random_facts(base: KnowledgeBase, known: dict[str, Knowledge], source: random.Random) -> list[Fact]:
    """Return the facts of a random case, with numbers that assumptions read and no criterion tests."""
    facts = [Fact(URIRef(iri), value, iri, "") for iri, value in known.items()]
    for iri in sorted({a.from_feature.iri for a in base.assumptions.declared.values()}):
        if str(iri) not in base.compiled().plan.features and source.random() < 0.7:
            facts.append(Fact(iri, exactly(Fraction(source.randint(0, 24))), str(iri), ""))
    return facts


def random_setting(base: KnowledgeBase, name: str, source: random.Random) -> SetAssumption:
    """Return an assumption set to a whole number of the range that the record shape allows."""
    feature = base.assumptions.declared[name].from_feature
    limits = base.limits.of(feature.iri)
    low, high = int(limits.low or 0) + 1, min(int(limits.high or 0), 24)
    (setting,) = base.set_assumptions([f"{name}={source.randint(low, high)} {feature.unit}"], "test")
    return setting
