"""Explanations: HermiT certifies their proofs and changes; every form says the same, in both languages."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rdflib import BNode, Dataset, URIRef

from kg_service.argument import Argument, argue
from kg_service.compiler import CompiledGuideline
from kg_service.explain import justifications
from kg_service.explanation import Explanation
from kg_service.explanation_forms import ExplanationForm, explanations_in
from kg_service.explanation_picture import MARGIN, WIDTH
from kg_service.namespaces import CORE, RDF
from kg_service.oracle import Oracle
from kg_service.plan import And, Atom, Named, Or, Plan
from kg_service.record import Case, Fact
from kg_service.reference_cases import reference_cases
from kg_service.sampling import random_cases
from kg_service.service import Batch, KnowledgeBase
from kg_service.values import Knowledge, truth
from kg_service.wording import LANGUAGES, Language

ROOT = Path(__file__).parents[1]
CASE = ROOT / "examples" / "case-thoracic-reirradiation.json"
SVG = "{http://www.w3.org/2000/svg}"
RANDOM, VIGNETTE_STEP = 4, 60
Question = tuple[str, dict[str, Knowledge], tuple[bool | None, ...]]


@pytest.fixture(scope="module")
def explained(base: KnowledgeBase) -> Any:
    """Return a function that explains an answer on a lesion of the example."""
    batch = Batch()
    base.read_file(CASE, batch)
    (assessed,) = base.assess_batch(batch, base.compiled())

    def run(identifier: str, lesion: str = "T11") -> Explanation:
        (found,) = base.explain(assessed, identifier, base.compiled(), lesion)
        return found

    return run


def case_of(known: dict[str, Knowledge]) -> Case:
    facts = {URIRef(f): Fact(URIRef(f), k, f, str(k)) for f, k in known.items()}
    return Case("c", "d", facts)


class Certified:
    """Questions for HermiT, with the answers it may give, by what they certify."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.asked: dict[str, list[Question]] = {"proof": [], "part": [], "change": [], "settled": []}

    def add(self, name: str, known: dict[str, Knowledge], found: Argument) -> None:
        value = {"true": True, "false": False, "unknown": None}[found.status]
        for proof in found.proofs:
            facts = {str(f.feature): f.known for f in proof}
            self.asked["proof"].append((name, facts, (value,)))
            for out in facts:  # by monotonicity these stand for every proper subset
                rest = {f: k for f, k in facts.items() if f != out}
                self.asked["part"].append((name, rest, (None,)))
        if found.flips:
            for pick in (0, -1):
                values = {f.change.feature: f.change.values[pick] for f in found.flips}
                self.asked["change"].append((name, {**known, **values}, (not value,)))
        possible = self.plan.possible(known)
        for chosen in found.settled_by[:1]:
            ends = []
            for feature in map(str, chosen):
                cells = self.plan.cells[feature]
                parts = cells.values(possible.get(feature, cells.full))
                ends.append([(feature, parts[0]), (feature, parts[-1])])
            for completion in product(*ends):
                self.asked["settled"].append((name, {**known, **dict(completion)}, (True, False)))

    def wrong(self, compiled: CompiledGuideline) -> list[tuple[str, str, bool | None]]:
        asked = [(kind, *one) for kind, found in self.asked.items() for one in found]
        names = {name for _, name, _, _ in asked}
        answers = Oracle(compiled, names).decide([facts for _, _, facts, _ in asked])
        return [
            (kind, name, answer[name])
            for (kind, name, _, allowed), answer in zip(asked, answers, strict=True)
            if answer[name] not in allowed
        ]


def vignettes(base: KnowledgeBase) -> list[dict[str, Knowledge]]:
    """Return what is known in some written cases."""
    batch = Batch()
    for case in list(reference_cases([ROOT / "tests" / "vignettes"]))[::VIGNETTE_STEP]:
        batch.records += case.read(base, None).records
    return [case.known for record in batch.records for case in base.cases(record)]


def test_hermit_certifies_every_part_of_explanations(
    base: KnowledgeBase, compiled: CompiledGuideline
) -> None:
    """Populations, what fulfils rules, options, and what prescriptions follow and depart from."""
    plan = compiled.plan
    names = [
        *(str(r.population) for r in compiled.guideline.recommendations[::16]),
        *(str(r.fulfilled_by) for r in compiled.guideline.recommendations if r.fulfilled_by),
    ][:16]
    names += [f"{option}#indicated" for option in list(compiled.options)[:4]]
    names += [f"{option}#stopped" for option in list(compiled.options)[:4]]
    names += [name for name in plan.trees if name.endswith(("#follows", "#departs"))][:6]
    certified = Certified(plan)
    for known in [*random_cases(compiled, RANDOM, 71), *vignettes(base)]:
        for name in dict.fromkeys(names):
            found = argue("population", URIRef(name), plan.trees[name], case_of(known), compiled, {})
            certified.add(name, known, found)
    counts = {kind: len(found) for kind, found in certified.asked.items()}
    assert certified.wrong(compiled) == []
    assert counts["proof"] >= 100
    assert counts["part"] >= 70
    assert counts["change"] >= 70
    assert counts["settled"] >= 40


def test_every_justification_is_found() -> None:
    """(a and b) or (a and c) or d, with all four yes: {a, b}, {a, c} and {d}."""
    yes = truth(True)
    a, b, c, d = (Atom(name, yes) for name in "abcd")
    tree = Named("t", Or((And((a, b)), And((a, c)), d)))
    plan = Plan({"t": tree}, {name: truth(True) | truth(False) for name in "abcd"})
    known = plan.possible(dict.fromkeys("abcd", yes))
    found, complete = justifications(plan, tree, known)
    assert (set(found), complete) == ({("a", "b"), ("a", "c"), ("d",)}, True)
    found, complete = justifications(plan, tree, known, most=2)
    assert (len(found), complete) == (2, False)
    assert justifications(plan, tree, plan.possible({"a": yes})) == ([], True)


def test_a_change_goes_both_ways_and_tells_where_a_derived_fact_comes_from(explained: Any) -> None:
    argument = explained("SBRT-35Gy-5fx").arguments[0]
    assert (argument.about, argument.status) == ("indicated", "true")
    (flip,) = argument.flips
    assert flip.change.values == (truth(False),)
    assert flip.fact is not None
    assert flip.fact.basis == ("previousCourses[0]",)


def test_missing_facts_come_with_the_most_useful_first(explained: Any) -> None:
    """S163 needs either of two judgements: each settles it by yes alone, and both together always."""
    (argument,) = explained("S163").arguments
    assert {m.feature.rsplit("/", 1)[-1] for m in argument.missing} == {
        "difficultToMobilise",
        "lifeExpectancyJudgedShort",
    }
    assert {m.settles for m in argument.missing} == {"sometimes"}
    assert [len(s) for s in argument.settled_by] == [2]


def test_the_losers_of_precedence_are_told_with_the_reason(explained: Any) -> None:
    """A reservation that is open speaks before the indications of a single 8 Gy (S163, S138, S155)."""
    found = explained("RT-8Gy-1fx").precedence
    assert {(p.winner.id, p.loser.id, p.reason) for p in found} == {
        ("S163", "S138", "reservation"),
        ("S163", "S155", "reservation"),
    }


def test_an_obligation_is_explained_with_what_fulfils_it(explained: Any) -> None:
    assert [a.about for a in explained("S010").arguments] == ["population", "fulfilment"]


def test_quads_are_the_same_bytes_in_every_process_and_hold_no_blank_node(
    explained: Any, base: KnowledgeBase
) -> None:
    code = (
        "import sys; from kg_service.cli import main; "
        f"sys.argv = ['bonemet', 'explain', {str(CASE)!r}, 'RT-8Gy-1fx', '--format', 'nquads']; main()"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    dataset = Dataset()
    dataset.parse(data=runs.pop().decode(), format="nquads")
    quads = list(dataset.quads())
    graphs = {str(graph) for *_, graph in quads}
    assert {g.split("/data/")[1] for g in graphs} == {
        f"case-1/{i}/explanation/RT-8Gy-1fx" for i in ("T11", "femur")
    }
    assert not [q for q in quads if any(isinstance(term, BNode) for term in q)]
    assert len({s for s, p, o, _ in quads if (p, o) == (RDF.type, CORE.Explanation)}) == 2
    assert len({s for s, p, o, _ in quads if (p, o) == (RDF.type, CORE.Justification)}) >= 2
    english, french = (
        explanations_in(ExplanationForm.NQUADS, [explained("S074")], base, lang) for lang in LANGUAGES
    )
    assert english == french


def test_every_term_of_the_quads_is_declared(explained: Any, base: KnowledgeBase) -> None:
    ids = ("S074", "S163", "S010", "RT-8Gy-1fx")
    text = explanations_in(ExplanationForm.NQUADS, [explained(i) for i in ids], base, "en")
    used = {URIRef(iri) for iri in re.findall(rf"<({CORE}[A-Za-z]+)>", text)}
    graph = base.compiled().guideline.source
    assert len(used) > 25
    assert [term for term in used if (term, RDF.type, None) not in graph] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("identifier", ["S074", "S163", "SBRT"])
def test_the_picture_tells_values_by_word_shape_and_border(
    explained: Any, base: KnowledgeBase, identifier: str, language: Language
) -> None:
    text = explanations_in(ExplanationForm.SVG, [explained(identifier)], base, language)
    root = ET.fromstring(text)  # noqa: S314 - our own output
    words = base.wording(base.compiled(), language).words("status")
    shown = [t.text for t in root.iter(f"{SVG}text") if t.get("text-anchor") == "end"]
    boxes = [r for r in root.iter(f"{SVG}rect") if r.get("stroke")]
    dashed = [r for r in boxes if r.get("stroke-dasharray")]
    assert shown.count(words["unknown"]) == len(dashed)
    assert (len(shown), set(shown) <= set(words.values())) == (len(boxes), True)
    assert {c.get("fill") for c in root.iter(f"{SVG}circle")} == {"#000", "#fff"}
    colours = {v for e in root.iter() for k, v in e.attrib.items() if k in ("fill", "stroke")}
    assert colours <= {"#000", "#fff"}
    assert root.find(f"{SVG}title").text.startswith(identifier)  # type: ignore[union-attr]
    assert len(root.find(f"{SVG}desc").text.splitlines()) == 1 + len(boxes)  # type: ignore[union-attr]
    assert root.get("lang") == language
    assert all(float(r.get("x", 0)) + float(r.get("width", 0)) <= WIDTH - MARGIN for r in boxes)
    tops = sorted((float(r.get("y", 0)), float(r.get("height", 0))) for r in boxes)
    assert all(y + height <= below for (y, height), (below, _) in pairwise(tops))


def test_markdown_names_what_was_decided_by_what_and_leaves_room_to_sign(
    explained: Any, base: KnowledgeBase
) -> None:
    french = explanations_in(ExplanationForm.MARKDOWN, [explained("S074")], base, "fr")
    assert french.startswith("# S074 pour lésion T11 de case-1 : non\n")
    assert "## Ces faits suffisent, et aucun ne peut être omis" in french
    assert "déduit de previousCourses\\[0\\] : à modifier là" in french
    assert "Lu et apprécié par : \\_" in french
    english = explanations_in(ExplanationForm.MARKDOWN, [explained("S074")], base, "en")
    assert "## Smallest change that would make it true" in english
    assert "\\< 3 months" in english


@pytest.mark.parametrize("form", ExplanationForm)
def test_the_document_shows_what_the_program_says(
    explained: Any, base: KnowledgeBase, form: ExplanationForm
) -> None:
    suffix = {"svg": "svg", "markdown": "md"}.get(form)
    if suffix is None:
        assert explanations_in(form, [explained("S074")], base, "en")
        return
    shown = (ROOT / "docs" / f"explanation-S074.{suffix}").read_text(encoding="utf-8")
    assert shown == explanations_in(form, [explained("S074")], base, "en")


def test_a_prescription_is_explained_finding_by_finding(base: KnowledgeBase) -> None:
    document = json.loads(CASE.read_text(encoding="utf-8"))
    document["lesions"][0]["prescription"] = {
        "technique": "StereotacticTechnique",
        "totalDose": {"value": 27, "unit": "Gy"},
        "fractionCount": {"value": 3},
    }
    (record,) = base.read_document(document, "test")
    (found,) = base.explain(base.assess(record, base.compiled()), "prescription", base.compiled(), "T11")
    assert found.sort == "prescription"
    assert found.findings
    assert {a.about for a in found.arguments} <= {"follows", "departs"}
    assert found.robustness is not None
    for language in LANGUAGES:
        for form in ExplanationForm:
            assert explanations_in(form, [found], base, language)
