"""The library of vignettes: cases a clinician could write, with answers derived by hand from the text.

Each file of ``tests/vignettes`` holds a list. A vignette names the statement it is about and the
aspect it shows (true, false, unknown, boundary), tells the patient as a record in YAML, and what
is expected of conclusions, options and prescription; ``because`` names the lines that decide.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Any

import pytest
import yaml
from rdflib import URIRef

from kg_service.assessment import Assessment
from kg_service.coverage import coverage
from kg_service.namespaces import local_name
from kg_service.service import KnowledgeBase
from kg_service.values import Interval

FOLDER = Path(__file__).parent / "vignettes"
KEYS = {"id", "statement", "aspect", "story", "patient", "expect", "because", "readings"}
EXPECTATIONS = {"conclusions", "kept", "ways", "options", "prescription"}
ASPECTS = {"true", "false", "unknown", "boundary"}
FILES, VIGNETTES = 9, 305


class Loader(yaml.SafeLoader):
    """YAML in which a day stays the text it was written as."""


Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def load(path: Path) -> list[dict[str, Any]]:
    return list(yaml.load(path.read_text(encoding="utf-8"), Loader))  # noqa: S506 - a SafeLoader


LIBRARY = [v for path in sorted(FOLDER.glob("*.yaml")) for v in load(path)]


def decided(base: KnowledgeBase, vignette: dict[str, Any]) -> Assessment:
    document = {"id": vignette["id"], **vignette["patient"]}
    [record] = base.read_document(document, vignette["id"])
    return base.assess(record, base.compiled(vignette.get("readings"))).assessments[0]


def test_the_library_is_whole() -> None:
    assert len(list(FOLDER.glob("*.yaml"))) == FILES
    assert len(LIBRARY) == VIGNETTES
    assert [i for i, n in Counter(v["id"] for v in LIBRARY).items() if n > 1] == []
    for vignette in LIBRARY:
        assert set(vignette) <= KEYS, vignette["id"]
        assert set(vignette["expect"]) <= EXPECTATIONS, vignette["id"]
        assert vignette["expect"], vignette["id"]
        assert vignette["aspect"] in ASPECTS, vignette["id"]
        assert vignette["because"], vignette["id"]


STATES = {"true", "false", "unknown"}
ALWAYS = {"S016", "S022", "S066", "S079", "S080", "S095", "S099"}
"""Rules of a technique, whichever the lesion: their population is every case, so that it is always true."""

NEVER = {"boneMetastasisCount < 1", "involvedSiteCount < 1"}
"""Values that no case can have: it is itself a metastasis, in a site."""


def shown(section: str) -> dict[str, set[str]]:
    """Return the states that the library expects of each recommendation."""
    found: dict[str, set[str]] = defaultdict(set)
    for vignette in LIBRARY:
        for identifier, state in vignette["expect"].get(section, {}).items():
            found[identifier].add(state)
    return found


def test_everything_that_computes_is_shown_true_false_and_unknown(base: KnowledgeBase) -> None:
    compiled = base.compiled()
    computing = {e for s in coverage(compiled) if s.computable for e in s.evaluators}
    deciding = [r for r in compiled.guideline.recommendations if local_name(r.iri) in computing]
    assert len(deciding) == 115
    statuses, kept = shown("conclusions"), shown("kept")
    lacking = {r.id: STATES - statuses[r.id] for r in deciding if statuses[r.id] != STATES}
    assert {i: states for i, states in lacking.items() if i not in ALWAYS} == {}
    assert {i for i in lacking if statuses[i] == {"true"}} == ALWAYS
    done = [r for r in deciding if r.fulfilled_by is not None]
    assert len(done) > 30
    assert {r.id: STATES - kept[r.id] for r in done if kept[r.id] != STATES} == {}


def test_every_number_of_the_guideline_is_met_below_at_and_above(base: KnowledgeBase) -> None:
    """Some case has its value in each gap between the numbers compared with it, and on each of them."""
    compiled = base.compiled()
    met: dict[str, int] = defaultdict(int)
    for vignette in LIBRARY:
        for feature, cells in compiled.plan.possible(decided(base, vignette).case.known).items():
            met[feature] |= cells if cells.bit_count() == 1 else 0
    unmet, numbers = {}, 0
    for feature in compiled.plan.features:
        for i, part in enumerate(compiled.plan.cells[feature].parts):
            if isinstance(part, Interval):
                numbers += 1
                if not met[feature] >> i & 1 and can_be(base, URIRef(feature), part):
                    unmet[f"{local_name(feature)} {part}"] = i
    assert numbers == 140
    assert set(unmet) == NEVER


def can_be(base: KnowledgeBase, feature: URIRef, part: Interval) -> bool:
    """Return whether a record may hold a value of a feature there: a whole number, if it takes no other."""
    allowed = part & base.limits.of(feature)
    if allowed.is_empty or not base.limits.is_whole(feature):
        return not allowed.is_empty
    low = allowed.low if allowed.low is not None else Fraction(0)
    return any(number in allowed for number in (Fraction(ceil(low)), Fraction(floor(low) + 1)))


@pytest.mark.parametrize("vignette", LIBRARY, ids=lambda v: v["id"])
def test_a_vignette_is_decided_as_the_text_says(base: KnowledgeBase, vignette: dict[str, Any]) -> None:
    answer, expect = decided(base, vignette), vignette["expect"]
    got: dict[str, Any] = {
        "conclusions": {i: answer.by_id[i].status for i in expect.get("conclusions", {})},
        "kept": {i: answer.by_id[i].fulfilled for i in expect.get("kept", {})},
        "ways": {i: [local_name(w) for w in answer.by_id[i].ways] for i in expect.get("ways", {})},
        "options": {
            local_name(v.option): v.verdict
            for v in answer.options
            if local_name(v.option) in expect.get("options", {})
        },
    }
    assert {key: got[key] for key in expect if key != "prescription"} == {
        key: value for key, value in expect.items() if key != "prescription"
    }
    if "prescription" in expect:
        check = answer.prescription
        assert check is not None
        for word, wanted in expect["prescription"].items():
            if word in ("is", "best", "worst"):
                iri = {"is": check.concordance, "best": check.best, "worst": check.worst}[word]
                assert local_name(iri) == wanted, word
            else:
                found = {f.recommendation.id for f in check.findings if f.bearing == word}
                assert set(wanted) <= found, (word, found)
