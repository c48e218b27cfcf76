"""Readings: what selecting them costs, how long it takes to tell what hangs on them, and how much does.

Run ``.venv/bin/python benchmarks/readings.py``; it writes ``benchmarks/readings.md``.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from kg_service.compiler import CompiledGuideline
from kg_service.guideline import Guideline
from kg_service.reference_cases import reference_cases
from kg_service.robustness import ReadingSpace, RobustnessExaminer
from kg_service.robustness_report import summary_json
from kg_service.robustness_text import summary_text
from kg_service.service import Batch, KnowledgeBase

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "examples" / "case-thoracic-reirradiation.json"
LIBRARY = [ROOT / "examples", ROOT / "tests" / "vignettes"]
ROUNDS = 10


def milliseconds(run: Callable[[], object]) -> float:
    """Return how long a run took [ms]."""
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


def compiled_in_full(compiled: CompiledGuideline) -> None:
    """Ask for everything that is otherwise made when first needed."""
    _ = compiled.plan.trees, compiled.options, compiled.guideline.recommendations


def variants(base: KnowledgeBase) -> tuple[float, float]:
    """Return how long a variant takes as an overlay, and as a copy compiled anew; medians [ms]."""
    readings = base.compiled().guideline.readings
    overlay, anew = [], []
    for ambiguity, found in readings.computed.items():
        letters = {ambiguity: next(r.letter for r in found if not r.adopted)}
        overlay.append(milliseconds(lambda chosen=letters: compiled_in_full(base.compiled(chosen))))  # type: ignore[misc]
        view = base.compiled(letters).guideline.view
        anew.append(
            milliseconds(
                lambda restated=view: compiled_in_full(CompiledGuideline(Guideline(restated.copied())))  # type: ignore[misc]
            )
        )
    return statistics.median(overlay), statistics.median(anew)


def examined(base: KnowledgeBase) -> list[float]:
    """Return how long it takes to examine the two lesions, the first time and again [ms]."""
    batch = Batch()
    base.read_file(RECORD, batch)
    compiled, space = base.compiled(), ReadingSpace(base.compiled())
    cases = base.cases(batch.records[0])

    def examine() -> None:
        for case in cases:
            RobustnessExaminer(space, compiled, case).examine()

    return [milliseconds(examine) for _ in range(ROUNDS)]


def library(base: KnowledgeBase) -> tuple[str, float]:
    """Return what hangs on readings over examples and vignettes, and how long it took [ms]."""
    batch = Batch()
    for case in reference_cases(LIBRARY):
        batch.records += case.read(base, None).records
    compiled = base.compiled()
    assessed = base.assess_batch(batch, compiled)
    start = time.perf_counter()
    found = [base.examine(item, compiled) for item in assessed]
    took = (time.perf_counter() - start) * 1000
    wording = base.wording(compiled, "en")
    return summary_text(summary_json((item.robustness.values() for item in found), wording), wording), took


def main() -> None:
    """Measure, print and write the table."""
    base = KnowledgeBase()
    compiled_in_full(base.compiled())
    overlay, anew = variants(base)
    first, *again = examined(base)
    summary, took = library(base)
    lines = [
        "# Readings",
        "",
        "`.venv/bin/python benchmarks/readings.py`.",
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()},",
        f"Python {platform.python_version()}.",
        "",
        "| what | [ms] |",
        "|---|---|",
        f"| another reading of one ambiguity, compiled in full, as an overlay (median) | {overlay:.1f} |",
        f"| the same as a copy of the graph, compiled anew (median) | {anew:.0f} |",
        f"| what hangs on a reading, the two lesions of the shipped record, first time | {first:.0f} |",
        f"| the same again (median) | {statistics.median(again):.0f} |",
        f"| what hangs on a reading, examples and vignettes together | {took:.0f} |",
        "",
        f"The overlay takes one {anew / overlay:.0f}th of the time of the copy.",
        "",
        "## Examples and vignettes",
        "",
        "```",
        summary.rstrip("\n"),
        "```",
        "",
    ]
    report = "\n".join(lines)
    print(report)
    (ROOT / "benchmarks" / "readings.md").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
