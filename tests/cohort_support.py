"""What the tests of cohorts share: answers as columns, and the folder of a run read back."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from kg_service.assessment import Assessment
from kg_service.compiler import CompiledGuideline
from kg_service.namespaces import local_name
from kg_service.robustness import CaseRobustness
from kg_service.values import status_of


def conclusions(folder: Path) -> dict[str, list[Any]]:
    return pq.read_table(folder / "conclusions.parquet").to_pydict()


def set_aside(folder: Path) -> list[dict[str, str]]:
    with (folder / "set-aside.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def of_assessment(answer: Assessment, compiled: CompiledGuideline) -> dict[str, Any]:
    """Return an assessment as the columns of a cohort."""
    possible = compiled.plan.possible(answer.case.known)
    binding = {
        r.id: compiled.prescriptions.binding(r)
        for r in compiled.guideline.recommendations
        if r.option is not None and r.fulfilled_by is not None
    }
    found: dict[str, Any] = {c.recommendation.id: c.status for c in answer.conclusions}
    found |= {f"{c.recommendation.id}.fulfilled": c.fulfilled for c in answer.conclusions if c.fulfilled}
    found |= {f"{i}.binds": status_of(compiled.plan.decide(t, possible)) for i, t in binding.items() if t}
    found |= {local_name(v.option): v.verdict for v in answer.options}
    check = answer.prescription
    words = [local_name(c) for c in (check.concordance, check.best, check.worst)] if check else [None] * 3
    return found | dict(zip(("prescription", "prescription.best", "prescription.worst"), words, strict=True))


def fragility_told(
    row: Mapping[str, Any], alone: CaseRobustness, compiled: CompiledGuideline
) -> Counter[tuple[str, bool]]:
    """Count what a row of ``fragile.parquet`` tells, held to what is told of its case alone.

    Conclusions are fragile exactly where they are alone; options and prescriptions only where they are.
    """
    told: Counter[tuple[str, bool]] = Counter()
    for iri, one in alone.conclusions.items():
        name = compiled.guideline.by_iri[iri].id
        fragile = bool(row.get(name))
        assert fragile is (not one.is_robust), name
        told["conclusion", fragile] += 1
    others = {local_name(option): found for option, found in alone.options.items()}
    if alone.prescription is not None:
        others["prescription"] = alone.prescription
    for name, one in others.items():
        if row.get(name):
            assert not one.is_robust, name
            told["other", True] += 1
    hanging = {a for found in alone.all() for a in found.hangs_on}
    if all(found.examined for found in alone.all()):
        assert {a for a in compiled.guideline.in_force if row.get(a)} <= hanging
    return told
