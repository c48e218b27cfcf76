"""Scores beside the guideline: points and bands as printed, bounds from what is known, and no say of their own."""

import csv
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, URIRef
from typer.testing import CliRunner

from kg_service.assessment import Assessment
from kg_service.cli import app
from kg_service.cohort_run import decide_table
from kg_service.compiler import CompiledGuideline
from kg_service.errors import GuidelineError, InputError
from kg_service.guideline import Guideline
from kg_service.knowledge import DATA_ROOT, load_graph, module_paths
from kg_service.namespaces import BASE, CORE, REC, local_name
from kg_service.oracle import Oracle
from kg_service.record_rdf import record_graph
from kg_service.report import assessment_json
from kg_service.service import KnowledgeBase, shapes_of_records
from kg_service.text import assessment_text
from kg_service.validation import validate
from kg_service.values import Interval, exactly
from tests.cohort_support import conclusions, of_assessment, set_aside

SCORE = f"{BASE}score/"
MODULES = ["bilsky", "mirels", "oligometastatic", "sins"]

# By key, what each value is worth: typed from the printed tables.
SINS: dict[str, dict[str, int]] = {
    "site": {
        **dict.fromkeys(["C1", "C2", "C7", "T1", "T2", "T11", "T12", "L1", "L5", "S1"], 3),
        **dict.fromkeys(["C3", "C4", "C5", "C6", "L2", "L3", "L4"], 2),
        **dict.fromkeys(["T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"], 1),
        **dict.fromkeys(["S2", "S3", "S4", "S5"], 0),
    },
    "sinsPain": {"MechanicalPain": 3, "OccasionalPain": 1, "NoSpinalPain": 0},
    "radiologicalType": {"LyticLesion": 2, "MixedLesion": 1, "BlasticLesion": 0},
    "spinalAlignment": {"Subluxation": 4, "DeNovoDeformity": 2, "NormalAlignment": 0},
    "vertebralBodyCollapse": {
        "CollapseOverHalf": 3, "CollapseUnderHalf": 2, "InvolvementOverHalf": 1, "NoCollapse": 0,
    },
    "posterolateralInvolvement": {
        "BilateralInvolvement": 3, "UnilateralInvolvement": 1, "NoPosterolateralInvolvement": 0,
    },
}  # fmt: skip
MIRELS: dict[str, dict[str, int]] = {
    "site": {"Humerus": 1, "Radius": 1, "Ulna": 1, "Tibia": 2, "Fibula": 2},
    "mirelsPain": {"MildPain": 1, "ModeratePain": 2, "FunctionalPain": 3},
    "radiologicalType": {"BlasticLesion": 1, "MixedLesion": 2, "LyticLesion": 3},
    "lesionSizeShare": {"UnderOneThird": 1, "OneToTwoThirds": 2, "OverTwoThirds": 3},
}
BILSKY = {"0": 0, "1": 1, "1a": 1, "1b": 1, "1c": 1, "2": 2, "3": 3}
NO_SINS = {  # none of its points, but for the place
    "site": "S3", "sinsPain": "NoSpinalPain", "radiologicalType": "BlasticLesion", "spinalAlignment": "NormalAlignment",
    "vertebralBodyCollapse": "NoCollapse", "posterolateralInvolvement": "NoPosterolateralInvolvement",
}  # fmt: skip
LEAST_MIRELS = {
    "site": "Humerus", "mirelsPain": "MildPain", "radiologicalType": "BlasticLesion", "lesionSizeShare": "UnderOneThird",
}  # fmt: skip


def known(answer: Assessment, name: str) -> Interval | None:
    fact = answer.case.facts.get(URIRef(SCORE + name))
    if fact is None:
        return None
    assert isinstance(fact.known, Interval)
    return fact.known


def bands(answer: Assessment, score: str) -> list[str]:
    (found,) = (outcome for outcome in answer.scores if outcome.score.id == score)
    return list(found.bands.values())


def between(low: int, high: int) -> Interval:
    return Interval(Fraction(low), Fraction(high))


@pytest.mark.parametrize(
    ("table", "rest", "total", "cases"),
    [
        (SINS, NO_SINS, "sinsTotal", 29 + 3 + 3 + 3 + 4 + 3),
        (MIRELS, LEAST_MIRELS, "mirelsTotal", 5 + 3 + 3 + 3),
    ],
    ids=["sins", "mirels"],
)
def test_every_value_is_worth_its_printed_points(
    decide: Callable[..., Assessment],
    table: dict[str, dict[str, int]],
    rest: dict[str, str],
    total: str,
    cases: int,
) -> None:
    tried = 0
    for key, worth in table.items():
        others = sum(table[k][v] for k, v in rest.items() if k != key)
        for value, points in worth.items():
            assert known(decide({**rest, key: value}), total) == exactly(others + points), value
            tried += 1
    assert tried == cases


def test_the_grades_of_bilsky_have_their_printed_figure(decide: Callable[..., Assessment]) -> None:
    wanted = {
        "0": ["true", "false", "false"],
        "1": ["false", "true", "false"],
        "2": ["false", "false", "true"],
    }
    for grade, number in BILSKY.items():
        answer = decide({"site": "T8", "bilskyGrade": grade})
        assert known(answer, "bilskyNumber") == exactly(number)
        assert bands(answer, "bilsky") == wanted["2" if grade == "3" else grade[0]]


SINS_AT = [  # sum, and what is added to nothing
    (0, {}),
    (6, {"sinsPain": "MechanicalPain", "posterolateralInvolvement": "BilateralInvolvement"}),
    (7, {"site": "T8", "sinsPain": "MechanicalPain", "posterolateralInvolvement": "BilateralInvolvement"}),
    (12, {"site": "L1", "sinsPain": "MechanicalPain", "posterolateralInvolvement": "BilateralInvolvement",
          "vertebralBodyCollapse": "CollapseOverHalf"}),
    (13, {"site": "L1", "sinsPain": "MechanicalPain", "posterolateralInvolvement": "BilateralInvolvement",
          "vertebralBodyCollapse": "CollapseOverHalf", "radiologicalType": "MixedLesion"}),
    (18, {"site": "L1", "sinsPain": "MechanicalPain", "posterolateralInvolvement": "BilateralInvolvement",
          "vertebralBodyCollapse": "CollapseOverHalf", "radiologicalType": "LyticLesion", "spinalAlignment": "Subluxation"}),
]  # fmt: skip


@pytest.mark.parametrize(("total", "items"), SINS_AT)
def test_sins_at_its_boundaries(decide: Callable[..., Assessment], total: int, items: dict[str, str]) -> None:
    answer = decide({**NO_SINS, **items})
    assert known(answer, "sinsTotal") == exactly(total)
    place = 0 if total <= 6 else 1 if total <= 12 else 2
    assert bands(answer, "sins") == ["true" if i == place else "false" for i in range(3)]


@pytest.mark.parametrize(
    ("total", "items", "place"),
    [
        (4, {}, 0),
        (7, {"mirelsPain": "FunctionalPain", "radiologicalType": "MixedLesion"}, 0),
        (8, {"mirelsPain": "FunctionalPain", "radiologicalType": "LyticLesion"}, 1),
        (9, {"site": "Tibia", "mirelsPain": "FunctionalPain", "radiologicalType": "LyticLesion"}, 2),
        (12, {"site": "Femur", "peritrochanteric": True, "mirelsPain": "FunctionalPain",
              "radiologicalType": "LyticLesion", "lesionSizeShare": "OverTwoThirds"}, 2),
    ],
)  # fmt: skip
def test_mirels_at_its_boundaries(
    decide: Callable[..., Assessment], total: int, items: dict[str, Any], place: int
) -> None:
    answer = decide({**LEAST_MIRELS, **items})
    assert known(answer, "mirelsTotal") == exactly(total)
    assert bands(answer, "mirels") == ["true" if i == place else "false" for i in range(3)]


@pytest.mark.parametrize(
    ("changes", "expected", "sins"),
    [
        ({"sinsPain": None}, between(0, 3), ["true", "false", "false"]),
        # Painful is not mechanical: one point or three. Painless is no pain.
        ({"sinsPain": None, "painType": "Painful"}, between(1, 3), ["true", "false", "false"]),
        ({"sinsPain": None, "painType": "NeuropathicPain"}, between(1, 3), ["true", "false", "false"]),
        ({"sinsPain": None, "painType": "Painless"}, exactly(0), ["true", "false", "false"]),
        ({"site": "LumbarSpine"}, between(2, 3), ["true", "false", "false"]),
        ({"site": "Sacrum"}, between(0, 3), ["true", "false", "false"]),
        ({"spinalAlignment": None, "vertebralBodyCollapse": None}, between(0, 7), ["unknown", "unknown", "false"]),
        ({"site": "Spine", "spinalAlignment": "Subluxation"}, between(4, 7), ["unknown", "unknown", "false"]),
        # 3 + 3 + 0 + 4 + 3, and nothing to three from the sixth item: 13 to 16
        ({"site": "L1", "sinsPain": "MechanicalPain", "spinalAlignment": "Subluxation",
          "vertebralBodyCollapse": "CollapseOverHalf", "posterolateralInvolvement": None},
         between(13, 16), ["false", "false", "true"]),
        ({"site": "T8", "sinsPain": "MechanicalPain", "vertebralBodyCollapse": "CollapseOverHalf", "spinalAlignment": None},
         between(7, 11), ["false", "true", "false"]),
        # No site, or one that may not be a vertebra: no score.
        ({"site": None}, None, ["unknown"] * 3),
        ({"site": "BoneNearSpinalCanal"}, None, ["unknown"] * 3),
        ({"site": "Femur"}, None, ["false"] * 3),
        ({"site": "Rib"}, None, ["false"] * 3),
    ],
)  # fmt: skip
def test_what_is_not_known_of_sins_gives_bounds_and_open_bands(
    decide: Callable[..., Assessment], changes: dict[str, Any], expected: Interval | None, sins: list[str]
) -> None:
    answer = decide({**NO_SINS, **changes})
    assert known(answer, "sinsTotal") == expected
    assert bands(answer, "sins") == sins


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"site": "Femur"}, between(5, 6)),
        ({"site": "Femur", "peritrochanteric": False}, exactly(5)),
        ({"site": "Femur", "peritrochanteric": True}, exactly(6)),
        ({"site": "LongBone"}, between(4, 6)),
        ({"site": "LongBone", "peritrochanteric": False}, between(4, 5)),
        ({"site": "OtherLimbBone"}, None),  # not among the long bones
        ({"site": "LimbBone"}, None),
        (
            {"mirelsPain": None, "painType": "Painless"},
            between(4, 6),
        ),  # no grade of its pain is printed for it
    ],
)
def test_what_is_not_known_of_mirels_gives_bounds(
    decide: Callable[..., Assessment], changes: dict[str, Any], expected: Interval | None
) -> None:
    assert known(decide({**LEAST_MIRELS, **changes}), "mirelsTotal") == expected


def test_a_score_says_nothing_before_an_item_of_its_own_is_known(decide: Callable[..., Assessment]) -> None:
    answer = decide({"site": "T8", "radiologicalType": "LyticLesion", "painType": "Painless"})
    assert not any(iri.startswith(SCORE) for iri in answer.case.facts)
    assert [outcome.told for outcome in answer.scores] == [False] * 4


@pytest.mark.parametrize(
    ("lesion", "found"),
    [
        ({**NO_SINS, "sinsPain": "MechanicalPain", "painType": "Painless"}, ["sinsPain is MechanicalPain", "painType is Painless"]),
        ({**LEAST_MIRELS, "peritrochanteric": True}, ["site is Humerus", "peritrochanteric is true"]),
        ({**NO_SINS, "sinsTotal": {"value": 7}}, ["sinsTotal", "make it 0"]),
    ],
)  # fmt: skip
def test_items_that_exclude_each_other_are_refused(
    decide: Callable[..., Assessment], lesion: dict[str, Any], found: list[str]
) -> None:
    with pytest.raises(InputError) as refused:
        decide(lesion)
    assert len(refused.value.problems) == 1
    assert [text for text in found if text not in str(refused.value)] == []


def test_a_total_that_is_stated_alone_is_taken(decide: Callable[..., Assessment]) -> None:
    answer = decide({"site": "T8", "sinsTotal": {"minInclusive": 13}})
    assert bands(answer, "sins") == ["false", "false", "true"]
    with pytest.raises(InputError, match="19"):
        decide({"site": "T8", "sinsTotal": {"value": 19}})


OLIGO = [  # metastases listed, whether that is all of them, treatable; in the band
    (0, True, True, None), (1, True, True, "true"), (5, True, True, "true"), (6, True, True, "false"),
    (5, False, True, "unknown"), (6, False, True, "false"), (3, True, None, "unknown"), (3, True, False, "false"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "complete", "treatable", "status"), OLIGO)
def test_the_oligometastatic_definition_needs_all_metastases_listed(
    base: KnowledgeBase, number: int, complete: bool, treatable: bool | None, status: str | None
) -> None:
    lesions = [{"id": f"L{i}", "site": "T8"} for i in range(number)]
    document = {
        "id": "p",
        "lesions": lesions,
        "allMetastasesListed": complete,
        "everyMetastasisTreatable": treatable,
    }
    (record,) = base.read_document(document, "test")
    found = base.assess(record, base.compiled()).assessments
    assert len(found) == number
    assert {tuple(bands(a, "estro-astro-oligometastatic")) for a in found} == (
        {(status,)} if status else set()
    )


def test_what_is_missing_names_the_items(decide: Callable[..., Assessment], base: KnowledgeBase) -> None:
    answer = decide({**NO_SINS, "spinalAlignment": None, "vertebralBodyCollapse": None})
    told = {s["id"]: s for s in assessment_json(answer, base.wording(base.compiled(), "en"))["scores"]}
    assert list(told) == ["bilsky", "estro-astro-oligometastatic", "mirels", "sins"]
    assert [m["feature"] for m in told["sins"]["missing"]] == ["spinalAlignment", "vertebralBodyCollapse"]
    assert told["sins"]["value"] is not None
    assert told["sins"]["value"]["value"] == "0 to 7"
    text = assessment_text(answer, base.wording(base.compiled(), "fr"))
    assert "SINS : 0 à 7" in text
    assert "? stable selon le SINS (0 à 6) : inconnu" in text


# Local assumptions: off, nothing changes; on, one feature is read from a score.

ON = [  # assumption, lesion, feature, what it is then
    ("unstable-spine-by-sins=13", {**NO_SINS, **SINS_AT[4][1]}, "spinalStability", {"UnstableSpine"}),
    ("unstable-spine-by-sins=13", {**NO_SINS, **SINS_AT[3][1]}, "spinalStability", {"StableSpine", "PotentiallyUnstableSpine"}),
    ("fracture-risk-by-mirels=9", {**LEAST_MIRELS, "site": "Tibia", "mirelsPain": "FunctionalPain", "radiologicalType": "LyticLesion"}, "fractureRisk", {"true"}),
    ("fracture-risk-by-mirels=9", {**LEAST_MIRELS, "mirelsPain": "FunctionalPain", "radiologicalType": "LyticLesion"}, "fractureRisk", {"false"}),
    ("cord-compression-by-bilsky=2", {"site": "T8", "bilskyGrade": "2"}, "cordCompression", {"true"}),
    ("cord-compression-by-bilsky=2", {"site": "T8", "bilskyGrade": "1c"}, "cordCompression", {"false"}),
    ("high-grade-epidural-disease-by-bilsky=2", {"site": "T8", "bilskyGrade": "3"}, "epiduralDisease", {"HighGradeEpiduralDisease"}),
    ("high-grade-epidural-disease-by-bilsky=2", {"site": "T8", "bilskyGrade": "1"}, "epiduralDisease", {"NoEpiduralDisease", "LowGradeEpiduralDisease"}),
]  # fmt: skip


def under(base: KnowledgeBase, lesion: dict[str, Any], *assume: str) -> Assessment:
    (record,) = base.read_document({"id": "p", "lesions": [{"id": "L1", **lesion}]}, "test")
    return base.assess(record, base.compiled(), base.set_assumptions(assume, "test")).assessments[0]


@pytest.mark.parametrize(("assume", "lesion", "feature", "expected"), ON)
def test_only_an_assumption_that_is_set_reads_a_score(
    base: KnowledgeBase, assume: str, lesion: dict[str, Any], feature: str, expected: set[str]
) -> None:
    assert REC[feature] not in under(base, lesion).case.facts
    fact = under(base, lesion, assume).case.facts[REC[feature]]
    assert isinstance(fact.known, frozenset)
    assert {local_name(value) for value in fact.known} == expected
    assert fact.assumption is not None
    assert fact.assumption.given.startswith(assume)


def test_off_no_conclusion_hangs_on_an_item(base: KnowledgeBase) -> None:
    own = [key for key in base.compiled().case_entity.features if key in {*SINS, *MIRELS, "bilskyGrade"}]
    for _, lesion, _, _ in ON:
        bare = {key: value for key, value in lesion.items() if key in ("site", "radiologicalType")}
        one, other = under(base, lesion), under(base, bare)
        assert of_assessment(one, base.compiled()) == of_assessment(other, base.compiled())
    assert len(own) == 9


def test_a_stated_fact_wins_and_what_is_open_stays_open(base: KnowledgeBase) -> None:
    unstable = {**NO_SINS, **SINS_AT[4][1]}
    stated = under(base, {**unstable, "spinalStability": "StableSpine"}, "unstable-spine-by-sins=13")
    assert stated.by_id["S072"].status == "false"
    assert stated.case.assumptions[0].use == "stated"
    open_sum = under(base, {**unstable, "radiologicalType": None}, "unstable-spine-by-sins=13")  # 12 to 14
    assert (open_sum.by_id["S072"].status, open_sum.case.assumptions[0].use) == ("unknown", "undecided")
    assert under(base, {"site": "T8"}, "unstable-spine-by-sins=13").case.assumptions[0].use == "missing"


def test_the_conclusion_names_the_assumption_and_the_score(base: KnowledgeBase, tmp_path: Path) -> None:
    lesion = {**NO_SINS, **SINS_AT[4][1]}
    answer = under(base, lesion, "unstable-spine-by-sins=13")
    assert answer.by_id["S072"].status == "true"
    assert under(base, lesion).by_id["S072"].status == "unknown"
    text = " ".join(assessment_text(answer, base.wording(base.compiled(), "en")).split())
    assert "spinal stability: unstable spine means SINS total at least 13 [used on this case]" in text
    record = tmp_path / "p.json"
    record.write_text(json.dumps({"id": "p", "lesions": [{"id": "L1", **lesion}]}), encoding="utf-8")
    options = ["--assume", "unstable-spine-by-sins=13", "--lang", "fr"]
    told = " ".join(CliRunner().invoke(app, ["explain", str(record), "S072", *options]).stdout.split())
    assert "unstable-spine-by-sins" in told
    assert "rachis instable" in told


def test_an_assumption_that_contradicts_a_fact_is_refused_by_name(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="unstable-spine-by-sins"):
        under(base, {"site": "Femur", "sinsTotal": {"value": 13}}, "unstable-spine-by-sins=13")


# A few hundred random records


def random_lesions(number: int, seed: int) -> list[dict[str, str]]:
    source = random.Random(seed)
    made = []
    for _ in range(number):
        table = source.choice([SINS, SINS, MIRELS])
        lesion = {key: source.choice(sorted(worth)) for key, worth in table.items() if source.random() < 0.8}
        if source.random() < 0.5:
            lesion["bilskyGrade"] = source.choice(sorted(BILSKY))
        made.append(lesion)
    return made


def sums(lesion: dict[str, str], table: dict[str, dict[str, int]]) -> tuple[int, int] | None:
    """Return the least and the greatest sum over every way to fill in what is missing."""
    own = table.keys() - {"site", "radiologicalType"}
    if lesion.get("site") not in table["site"] or not own & lesion.keys():
        return None
    worth = [{table[key][lesion[key]]} if key in lesion else set(table[key].values()) for key in table]
    filled = [sum(points) for points in product(*worth)]
    return min(filled), max(filled)


def test_random_records_have_the_sums_of_their_completions(decide: Callable[..., Assessment]) -> None:
    seen: Counter[str] = Counter()
    for lesion in random_lesions(300, 7):
        answer = decide(dict(lesion))
        for table, total in ((SINS, "sinsTotal"), (MIRELS, "mirelsTotal")):
            expected = sums(lesion, table)
            assert known(answer, total) == (None if expected is None else between(*expected)), lesion
            if expected is not None:
                seen[f"{total} {'known' if expected[0] == expected[1] else 'bounds'}"] += 1
    assert len(seen) == 4
    assert min(seen.values()) >= 10


def test_bands_are_what_hermit_says(base: KnowledgeBase) -> None:
    """The bands as criteria of a guideline, for HermiT to decide on records with random items."""
    graph = Graph()
    graph += base.graph
    guideline = base.compiled().guideline.iri
    named = sorted(str(band) for band in graph.subjects(CORE.bandOf))
    for band in named:
        graph.add((URIRef(band), CORE.criterionOf, guideline))
    compiled = CompiledGuideline(Guideline(graph, guideline))
    cases = []
    for lesion in random_lesions(300, 11):
        (record,) = base.read_document({"id": "p", "lesions": [{"id": "L1", **lesion}]}, "test")
        cases += base.cases(record)
    answers = Oracle(compiled, named).decide([case.known for case in cases])
    seen: Counter[tuple[str, Any]] = Counter()
    for case, answer in zip(cases, answers, strict=True):
        possible = base.compiled().bands.possible(case.known)
        for band in named:
            assert base.compiled().bands.decide(base.compiled().bands.trees[band], possible) is answer[band]
            seen[local_name(band), answer[band]] += 1
    assert len(named) == 10
    assert len([1 for (band, _), _ in seen.items() if not band.startswith("Oligo")]) == 27


def test_a_table_is_decided_as_its_rows_alone(base: KnowledgeBase, tmp_path: Path) -> None:
    keys = sorted({*SINS, *MIRELS, "bilskyGrade"})
    lesions = random_lesions(120, 3)
    contradictory = {"site": "Femur", "sinsTotal": "13"}
    table = tmp_path / "lesions.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*keys, "sinsTotal"])
        writer.writeheader()
        writer.writerows([*lesions, contradictory])
    assume = ["unstable-spine-by-sins=13", "fracture-risk-by-mirels=9", "cord-compression-by-bilsky=2"]
    settings = base.set_assumptions(assume, "test")
    decide_table(table, tmp_path / "out", base, base.compiled(), settings)
    found = conclusions(tmp_path / "out")
    aside = {int(row["row"]): row for row in set_aside(tmp_path / "out")}
    assert "unstable-spine-by-sins" in str(aside.pop(len(lesions)))
    # Grades 2 and 3 of a limb bone contradict themselves, alone too, and say by which assumption.
    for number, refused in aside.items():
        with pytest.raises(InputError, match="cord-compression-by-bilsky"):
            under(base, lesions[number], *assume)
        assert "cord-compression-by-bilsky" in str(refused)
    assert 0 < len(aside) < 30
    used: Counter[str] = Counter()
    wrong = []
    for place, number in enumerate(found["row"]):
        answer = under(base, lesions[number], *assume)
        used.update(a.setting.id for a in answer.case.assumptions if a.use == "used")
        alone = of_assessment(answer, base.compiled())
        wrong += [(number, key) for key in alone if key in found and found[key][place] != alone[key]]
    assert wrong == []
    assert len(found["row"]) + len(aside) == len(lesions)
    assert len(used) == 3


# Modules that can be left out


def without(names: Iterable[str]) -> KnowledgeBase:
    left = [path for path in module_paths() if not (path.parent.name == "scores" and path.stem in set(names))]
    shapes = [
        path
        for path in sorted((DATA_ROOT / "shapes" / "scores").glob("*.ttl"))
        if path.stem not in set(names)
    ]
    return KnowledgeBase(load_graph(*left), load_graph(DATA_ROOT / "shapes" / "record.ttl", *shapes))


@pytest.mark.parametrize("names", [*([name] for name in MODULES), MODULES], ids=lambda names: "+".join(names))
def test_any_module_can_be_left_out(base: KnowledgeBase, names: list[str]) -> None:
    fewer = without(names)
    assert [s.id for s in fewer.compiled().scores] == [
        s.id for s in base.compiled().scores if left(s.iri, base, names)
    ]
    assert set(fewer.assumptions.declared) == {
        a.id for a in base.assumptions.declared.values() if left(a.iri, base, names)
    }
    example = json.loads(
        (DATA_ROOT / "examples" / "case-thoracic-reirradiation.json").read_text(encoding="utf-8")
    )
    lesion = {"site": "L1", "radiologicalType": "LyticLesion", "diameter": {"value": 3, "unit": "cm"}}
    for document in (example, {"id": "p", "lesions": [{"id": "L1", **lesion}]}):
        found = []
        for knowledge in (base, fewer):
            (record,) = knowledge.read_document(document, "test")
            answers = knowledge.assess(record, knowledge.compiled()).assessments
            found.append([of_assessment(answer, knowledge.compiled()) for answer in answers])
            graph = record_graph(record, knowledge.cases(record), knowledge.compiled().schema)
            assert validate(graph, knowledge.record_shapes) == []
        assert found[0] == found[1]
    others = [name for name in MODULES if name not in names]
    items = {"sins": NO_SINS, "mirels": LEAST_MIRELS, "bilsky": {"site": "T8", "bilskyGrade": "2"}}
    for name in {*others} & items.keys():
        (record,) = fewer.read_document({"id": "p", "lesions": [{"id": "L1", **items[name]}]}, "test")
        (answer,) = fewer.assess(record, fewer.compiled()).assessments
        assert "true" in bands(answer, name)
    if "sins" in names:
        with pytest.raises(InputError, match="sinsPain"):
            fewer.read_document({"id": "p", "lesions": [{"id": "L1", **NO_SINS}]}, "test")


def left(term: URIRef, base: KnowledgeBase, names: list[str]) -> bool:
    module = next(base.graph.objects(term, URIRef("http://www.w3.org/2000/01/rdf-schema#isDefinedBy")))
    return local_name(URIRef(str(module))) not in names


def test_the_shapes_of_scores_are_found_with_those_of_records() -> None:
    assert len(shapes_of_records(DATA_ROOT)) > len(load_graph(DATA_ROOT / "shapes" / "record.ttl"))


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ("DELETE WHERE { ?e core:points ?p }", "points need a feature, its values and a number"),
        (
            "INSERT { ?e core:ofValue rec:Painful } WHERE { ?e core:ofFeature score:spinalAlignment }",
            "is no value of",
        ),
        ("DELETE WHERE { ?d core:item ?i }", "a sum of points needs core:item"),
        ("DELETE WHERE { ?i core:worth ?e }", "an item needs core:worth"),
        ("DELETE WHERE { score:UnstableBySins core:rank ?r }", "its bands ranks"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(update: str, message: str) -> None:
    graph = Graph()
    graph += load_graph()
    graph.update(f"PREFIX core: <{CORE}> PREFIX rec: <{REC}> PREFIX score: <{SCORE}> {update}")
    with pytest.raises(GuidelineError, match=message):
        assert CompiledGuideline(Guideline(graph)).scores
