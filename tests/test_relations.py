"""How guidelines stand to each other: by hand, by HermiT, and on real records; as text, JSON, RDF and over HTTP."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from conftest import TOY
from fastapi.testclient import TestClient
from rdflib import Graph, Literal, URIRef
from typer.testing import CliRunner

from kg_service.api import create_app
from kg_service.cli import app
from kg_service.compiler import CompiledGuideline
from kg_service.errors import KgServiceError
from kg_service.knowledge import DATA_ROOT, load_graph
from kg_service.namespaces import CORE, RDF, local_name
from kg_service.option_decision import decide_option
from kg_service.oracle import Oracle
from kg_service.plan import And, Node, Not, Or, Plan
from kg_service.population import CommonCases, Cube
from kg_service.relations import RelatedGuidelines, applicable
from kg_service.relations_rdf import RELATIONS, relations_graph
from kg_service.schema import Kind
from kg_service.service import KnowledgeBase
from kg_service.side_by_side import DISAGREEING, compare_guidelines
from kg_service.sparql import Graphs
from kg_service.values import Interval, Knowledge, decimal_text, exactly, status_of, truth

AURA, ACR, ASTRO_2017, ASTRO_2024 = "aura-bone-metastases", "acr-2014", "astro-2017", "astro-2024"
PARASOL = TOY.with_name("parasol.ttl")


@pytest.fixture(scope="module")
def shops() -> KnowledgeBase:
    ontology = DATA_ROOT / "ontology"
    return KnowledgeBase(load_graph(ontology / "core.ttl", ontology / "quantity.ttl", TOY, PARASOL), Graph())


@pytest.fixture(scope="module")
def umbrellas(shops: KnowledgeBase) -> RelatedGuidelines:
    (pair,) = shops.related()
    return pair


def pair_of(base: KnowledgeBase, one: str, other: str) -> RelatedGuidelines:
    (pair,) = base.related([one, other])
    return pair


# By hand: the umbrellas of two shops. Rain of 50 % or more is U1 and P1; clouds U2, dark ones P2; a storm (no clear
# sky, more than 60 km/h) U3, at most 10 km/h P3; a hood U4 and P4; big ones: dark U5, clear P5, kept for rain haters U6.

BY_HAND = {
    ("U1", "P1"): ("equal", "same"),
    ("U1", "P2"): ("overlapping", "complements"),
    ("U1", "P3"): ("overlapping", "complements"),
    ("U1", "P4"): ("overlapping", "contradicts"),
    ("U2", "P1"): ("overlapping", "complements"),
    ("U2", "P2"): ("wider", "laxer"),
    ("U2", "P3"): ("overlapping", "complements"),
    ("U2", "P4"): ("overlapping", "contradicts"),
    ("U3", "P1"): ("overlapping", "contradicts"),
    ("U3", "P2"): ("overlapping", "contradicts"),
    ("U3", "P3"): ("disjoint", "not-comparable"),
    ("U3", "P4"): ("overlapping", "complements"),
    ("U4", "P1"): ("overlapping", "stricter"),
    ("U4", "P2"): ("overlapping", "stricter"),
    ("U4", "P3"): ("overlapping", "stricter"),
    ("U4", "P4"): ("equal", "laxer"),
    ("U5", "P4"): ("overlapping", "contradicts"),
    ("U5", "P5"): ("disjoint", "not-comparable"),
    ("U6", "P4"): ("overlapping", "laxer"),
    ("U6", "P5"): ("overlapping", "stricter"),
    ("U3", "P5"): ("disjoint", "not-comparable"),
    ("U4", "P5"): ("overlapping", "stricter"),
}
"""What is told of big ones is beside what is told of all: U3, U4 and P4 speak of all umbrellas."""


def test_recommendations_of_two_shops(umbrellas: RelatedGuidelines) -> None:
    found = {(r.one.id, r.other.id): (r.populations, r.relation) for r in umbrellas.recommendations}
    assert found == BY_HAND
    options = {(r.one.id, r.other.id): local_name(r.option) for r in umbrellas.recommendations}
    big = {pair for pair, option in options.items() if option == "bigUmbrella"}
    assert big == {pair for pair in BY_HAND if {"U5", "U6", "P5"} & set(pair)}


def test_told_from_the_other_side_it_is_the_opposite(shops: KnowledgeBase) -> None:
    back = pair_of(shops, "parasol", "umbrella")
    turned = {"stricter": "laxer", "laxer": "stricter"}
    wider = {"narrower": "wider", "wider": "narrower"}
    expected = {(p, u): (wider.get(c, c), turned.get(r, r)) for (u, p), (c, r) in BY_HAND.items()}
    assert {(r.one.id, r.other.id): (r.populations, r.relation) for r in back.recommendations} == expected


def test_options_of_two_shops(umbrellas: RelatedGuidelines) -> None:
    """Both shops stop what the other offers: storms in rain, hoods in rain. Big ones: dark here, clear there."""
    found = {local_name(o.option): (o.offered, o.relation) for o in umbrellas.options}
    assert found == {"umbrella": ("overlapping", "contradicts"), "bigUmbrella": ("disjoint", "contradicts")}
    assert umbrellas.alone == ([], [])


def test_an_example_says_no_more_than_is_needed(umbrellas: RelatedGuidelines) -> None:
    """Dark, a hater of rain, no storm, a hood: U5, U6 and P4. A clear sky and no hood: P5.

    The first shop offers small ones then, if rain is likely: it does speak of such a walk.
    """
    one, other = umbrellas.examples(URIRef("https://example.org/umbrella/bigUmbrella"))
    assert one is not None
    assert other is not None
    assert told(one) == {"sky": {"Dark"}, "windSpeed": "≤ 60", "hood": {"true"}, "hatesRain": {"true"}}
    assert told(other) == {"sky": {"Clear"}, "hood": {"false"}, "rainProbability": "≥ 50"}


def told(cube: Cube) -> dict[str, Any]:
    """Return facts in short: the leaves of codes, the bounds of numbers."""
    found: dict[str, Any] = {}
    for iri, parts in cube.items():
        if isinstance(parts[0], Interval):
            low, high = parts[0].low, parts[-1].high  # type: ignore[union-attr]
            found[local_name(iri)] = f"≤ {high}" if high is not None else f"≥ {low}"
        else:
            found[local_name(iri)] = {local_name(v) for part in parts for v in part}  # type: ignore[union-attr]
    return found


# By hand: AURA against ASTRO 2024. Both define the compression that cannot be operated alike; a single 8 Gy is kept
# for some by AURA (S163), and given to all who are symptomatic by ASTRO (row 8).

AURA_AND_ASTRO_2024 = {
    ("S149", "A24_07-30x10"): ("equal", "same"),
    ("S150", "A24_07-20x5"): ("equal", "same"),
    ("S138", "A24_08-8x1"): ("narrower", "stricter"),
    ("S163", "A24_08-8x1"): ("overlapping", "stricter"),
    ("S001", "A24_05"): ("wider", "laxer"),
    ("S154", "A24_10-20x5"): ("wider", "laxer"),
}


def test_recommendations_of_aura_and_astro(base: KnowledgeBase) -> None:
    """After surgery AURA irradiates compressed spines too (S001); again, painless lesions too (row 5 of Table 5)."""
    found = pair_of(base, AURA, ASTRO_2024).recommendations
    by_ids = {(r.one.id, r.other.id): (r.populations, r.relation) for r in found}
    assert {pair: by_ids[pair] for pair in AURA_AND_ASTRO_2024} == AURA_AND_ASTRO_2024
    assert {pair for pair, (_, relation) in by_ids.items() if relation == "contradicts"} == set()


def test_what_2024_changed_of_2017(base: KnowledgeBase) -> None:
    """Row 8 drops the first irradiation of key question 1, row 1 the month of 4 and 5: each 2017 schedule is narrower.

    24 Gy in 6 is not for compressions in 2024 (row 7), which comes first: 2017 alone offers it there.
    """
    pair = pair_of(base, ASTRO_2017, ASTRO_2024)
    relations = {local_name(o.option): o.relation for o in pair.options}
    assert relations == {
        "RT-8Gy-1fx": "stricter",
        "RT-20Gy-5fx": "stricter",
        "RT-30Gy-10fx": "stricter",
        "Radiotherapy": "stricter",
        "RT-24Gy-6fx": "complements",
    }
    assert [local_name(o) for o in pair.alone[0]] == []
    assert {local_name(o) for o in pair.alone[1]} == {
        "AdjuvantIrradiation", "Corticosteroids", "RT-16Gy-2fx", "RT-20Gy-8fx",
    }  # fmt: skip


# By the engines.


@dataclass
class Joint:
    """Trees over two guidelines, in the place of one guideline, for HermiT."""

    compiled: CompiledGuideline
    plan: Plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compiled, name)


def hermit_on_pairs(one: CompiledGuideline, other: CompiledGuideline) -> list[str]:
    """Return where HermiT and the plan differ on which populations have common cases, and which contain others."""
    pair, cases = RelatedGuidelines(one, other), CommonCases(one, other)
    populations = {
        (r.one.population, r.other.population) for r in pair.recommendations if r.one.kind != "Reservation"
    }
    parts: dict[str, tuple[Node, Node]] = {}
    for index, (first, second) in enumerate(sorted(populations)):
        x, y = one.criterion(first), other.criterion(second)
        parts |= {f"{index} both": (x, y), f"{index} one": (x, Not(y)), f"{index} other": (Not(x), y)}
    real = Not(Or(tuple(one.criterion(cls) for cls in one.schema.impossible)))
    trees: dict[str, Node] = {name: And((*nodes, real)) for name, nodes in parts.items()}
    domains = {str(f.iri): one.schema.domain(f) for f in one.schema.features.values()}
    (answer,) = Oracle(Joint(one, Plan(trees, domains))).decide([{}])  # type: ignore[arg-type]
    assert len(answer) == len(parts) > 10
    return [
        f"{name}: HermiT {answer[name]}"
        for name, nodes in parts.items()
        if (answer[name] is not False) is not cases.some(*nodes)
    ]


def test_hermit_says_the_same_of_populations(base: KnowledgeBase, shops: KnowledgeBase) -> None:
    """No case of both: HermiT finds the conjunction empty; some case, and some not: it entails neither."""
    compiled = [base.of(name).compiled() for name in (AURA, ACR, ASTRO_2017, ASTRO_2024)]
    for one, other in combinations(compiled, 2):
        assert hermit_on_pairs(one, other) == []
    assert hermit_on_pairs(*(shops.of(name).compiled() for name in ("umbrella", "parasol"))) == []


def complete_case(compiled: CompiledGuideline, source: random.Random) -> dict[str, Knowledge]:
    """Return one value of every feature, numbers at thresholds and beside them."""
    case: dict[str, Knowledge] = {}
    for iri, cells in compiled.plan.cells.items():
        part = source.choice(cells.parts)
        if isinstance(part, Interval):
            low, high = part.low, part.high
            number = Fraction(1) if low is None and high is None else (low or 0) if high is None else high
            part = part if part.is_exact else exactly(number + (1 if high is None else -Fraction(1, 100)))  # type: ignore[operator]
        case[iri] = part
    return case


@pytest.mark.parametrize("guideline", [AURA, ACR, ASTRO_2017, ASTRO_2024])
def test_applicable_is_what_one_case_is_told(base: KnowledgeBase, guideline: str) -> None:
    compiled = base.of(guideline).compiled()
    source = random.Random(7)
    seen: Counter[tuple[str, bool]] = Counter()
    for _ in range(600):
        possible = compiled.plan.possible(complete_case(compiled, source))
        for option in compiled.options:
            verdict = decide_option(
                option, compiled, lambda n, p=possible: status_of(compiled.plan.decide(n, p))
            )  # type: ignore[misc]
            is_applicable = verdict.verdict == "applicable"
            assert compiled.plan.decide(applicable(compiled, option), possible) is is_applicable
            seen[verdict.verdict, is_applicable] += 1
    assert {v for v, _ in seen} >= {"applicable", "not-indicated"}
    assert {v for v, _ in seen} <= {"applicable", "not-indicated", "yielding", "reserved", "contraindicated"}


def document_of(compiled: CompiledGuideline, cube: Cube) -> dict[str, Any]:
    """Return a record that states one value of each fact of an example."""
    root: dict[str, Any] = {"id": "example"}
    listing = compiled.case_list
    case = root if listing is None else {"id": "L"}
    if listing is not None:
        key = next(k for k, item in compiled.document_entity.lists.items() if item == listing)
        root[key] = [case]
    for iri, parts in cube.items():
        feature, links = compiled.schema.features[URIRef(iri)], compiled.paths[iri]
        target, entity = case, compiled.case_entity
        for link in links:
            key, declared = next((k, item) for k, item in entity.links.items() if item.iri == link)
            entity = compiled.schema.entities[declared.target]
            target = root if declared.inverse_of is not None else target.setdefault(key, {"id": key})
        target[feature.key] = value_of(feature.kind, parts, feature.unit)
    return root


def value_of(kind: Kind, parts: tuple[Knowledge, ...], unit: str | None) -> Any:
    part = parts[0]
    if kind is Kind.BOOLEAN:
        return part == truth(True)
    if not isinstance(part, Interval):
        return local_name(sorted(part)[0])
    low, high = part.low, part.high
    number = (
        low if part.is_exact else (high - Fraction(1, 2) if high is not None else (low or 0) + Fraction(1, 2))
    )
    assert number is not None
    return {"value": float(decimal_text(Fraction(number))), "unit": unit}


@pytest.mark.parametrize(
    ("one", "other", "examples"),
    [
        (AURA, ACR, 8),
        (AURA, ASTRO_2017, 6),
        (AURA, ASTRO_2024, 7),
        (ACR, ASTRO_2024, 10),
        (ASTRO_2017, ASTRO_2024, 6),
    ],
)
def test_every_example_is_a_record_on_which_they_disagree(
    base: KnowledgeBase, one: str, other: str, examples: int
) -> None:
    """Both ways for each option of both, but where all that the one is offered for the other offers it for too."""
    pair, confirmed = pair_of(base, one, other), 0
    for related in pair.options:
        for index, cube in enumerate(pair.examples(related.option)):
            if cube is None:
                continue
            (record,) = base.read_document(document_of(base.compiled(), cube), "example")
            (case,) = compare_guidelines(base, record, [one, other])
            compared = next(o for o in case.options if o.option == related.option)
            verdicts = [s.verdict.verdict if s.verdict else None for s in compared.sayings]
            assert verdicts[index] == "applicable"
            assert verdicts[1 - index] != "applicable"
            # Open: the one surely offers it, the other surely does not, for one reason or another.
            assert compared.relation in (*DISAGREEING, "open")
            confirmed += 1
    assert confirmed == examples


# As it is told.


def test_the_graph_tells_each_pair_both_ways(shops: KnowledgeBase) -> None:
    graph = relations_graph(shops.related())
    assert len(list(graph.subjects(RDF.type, CORE.RecommendationRelation))) == 2 * len(BY_HAND)
    assert len(list(graph.subjects(RDF.type, CORE.GuidelineRelation))) == 2 * 2
    there = URIRef(f"{RELATIONS}/umbrella/U2/parasol/P2")
    back = URIRef(f"{RELATIONS}/parasol/P2/umbrella/U2")
    assert (there, CORE.relation, Literal("laxer")) in graph
    assert (there, CORE.populations, Literal("wider")) in graph
    assert (back, CORE.relation, Literal("stricter")) in graph
    assert (back, CORE.populations, Literal("narrower")) in graph
    assert (back, CORE.relating, URIRef("https://example.org/parasol/rec-P2")) in graph


def test_the_store_holds_them_once(base: KnowledgeBase) -> None:
    graphs = Graphs(base)
    graphs.relate()
    entry = next(g for g in graphs.store.graphs() if g.iri == RELATIONS)
    assert (entry.kind, entry.triples) == ("relations", len(relations_graph(base.related())))
    graphs.relate()
    assert [g.triples for g in graphs.store.graphs() if g.iri == RELATIONS] == [entry.triples]


def test_one_guideline_alone_has_no_relations(toy: KnowledgeBase) -> None:
    with pytest.raises(KgServiceError, match="needs two or more"):
        toy.related()
    graphs = Graphs(toy)
    graphs.relate()
    assert RELATIONS not in {g.iri for g in graphs.store.graphs()}


def test_the_command_line_tells_what_changed_between_versions() -> None:
    arguments = ["compare", "--guideline", ASTRO_2017, "--guideline", ASTRO_2024]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "8 Gy in 1 fraction: astro-2017 is stricter" in done.stdout
    assert (
        "Only astro-2024 offers these to somebody: irradiation after surgery; corticosteroids" in done.stdout
    )
    french = CliRunner().invoke(app, [*arguments, "--lang", "fr"])
    assert "8 Gy en 1 séance : astro-2017 est plus strict" in french.stdout
    found = json.loads(CliRunner().invoke(app, [*arguments, "--format", "json"]).stdout)
    assert [(f["one"], f["other"]) for f in found] == [(ASTRO_2017, ASTRO_2024)]
    turtle = CliRunner().invoke(app, [*arguments, "--format", "ttl"])
    assert len(Graph().parse(data=turtle.stdout, format="turtle")) > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--guideline", AURA], "needs two or more"),
        (["compare", "--guideline", "aura", "--guideline", ASTRO_2024], AURA),
        (["compare", "--summary"], "--summary and --reference-date are for records"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_why(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, KgServiceError)
    assert message in str(done.exception)


def test_over_http(base: KnowledgeBase) -> None:
    with TestClient(create_app(base)) as client:
        answer = client.get("/compare", params={"guideline": [AURA, ASTRO_2024], "lang": "fr"})
        assert answer.status_code == 200
        (found,) = answer.json()
        same = [r for r in found["recommendations"] if r["relation"] == "same"]
        assert [(r["one"]["recommendation"]["id"], r["other"]["recommendation"]["id"]) for r in same] == [
            ("S150", "A24_07-20x5"),
            ("S149", "A24_07-30x10"),
        ]
        assert {o["option"]["id"]: o["populations"] for o in found["options"]} == {
            "AdjuvantIrradiation": "wider",
            "RT-8Gy-1fx": "overlapping",
            "RT-20Gy-5fx": "overlapping",
            "RT-30Gy-10fx": "overlapping",
        }
        assert client.get("/compare", params={"guideline": "astro-2025"}).status_code in (400, 404)
        assert client.get("/compare", params={"guideline": AURA}).status_code == 400
        rows = client.get("/queries/relation-of-guidelines", params={"other": ASTRO_2024}).json()
        assert len(rows["results"]["bindings"]) == 4
