"""One record: assessed and explained in process, over HTTP, and by HermiT.

Run ``.venv/bin/python benchmarks/one_case.py``; it writes ``benchmarks/results.md``.
"""

from __future__ import annotations

import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from kg_service.oracle import Oracle
from kg_service.reader import parse_json
from kg_service.report import assessment_json
from kg_service.service import KnowledgeBase

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "examples" / "case-thoracic-reirradiation.json"
ROUNDS = 200
CONCLUSION = "S071"


def milliseconds(run: Callable[[], object], rounds: int) -> list[float]:
    """Return how long each of some runs took [ms]."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return times


def quantiles(times: list[float]) -> str:
    """Return the median and the 99th percentile as table cells."""
    ordered = sorted(times)
    return (
        f"{statistics.median(ordered):.1f} | {ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]:.1f}"
    )


def wait_for(url: str) -> None:
    """Wait until a service answers."""
    for _ in range(200):
        try:
            httpx.get(url, timeout=1)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} does not answer")


def over_http(text: str) -> tuple[list[float], list[float], float]:
    """Return the times of assessing and explaining, and of the first answer from a cold start [ms]."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "kg_service.cli", "serve", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"{url}/health")
        with httpx.Client(base_url=url, headers={"content-type": "application/json"}) as client:
            client.post("/assess", content=text).raise_for_status()
            cold = (time.perf_counter() - start) * 1000
            assess = milliseconds(lambda: client.post("/assess", content=text).raise_for_status(), ROUNDS)
            explain = milliseconds(
                lambda: client.post(f"/explain/{CONCLUSION}", content=text).raise_for_status(), ROUNDS
            )
    finally:
        server.terminate()
        server.wait()
    return assess, explain, cold


def main() -> None:
    """Measure, print and write the table."""
    text = RECORD.read_text(encoding="utf-8")
    base = KnowledgeBase()
    compiled = base.compiled()
    wording = base.wording(compiled, "en")

    def assess() -> object:
        (record,) = base.read_document(parse_json(text, "x"), "x")
        return [assessment_json(a, wording) for a in base.assess(record, compiled).assessments]

    def explain() -> object:
        (record,) = base.read_document(parse_json(text, "x"), "x")
        return base.explain(base.assess(record, compiled), CONCLUSION, compiled)

    (record,) = base.read_document(parse_json(text, "x"), "x")
    facts = [case.known for case in base.cases(record)]
    oracle = Oracle(compiled)
    assess()
    explain()
    in_process, explained = milliseconds(assess, ROUNDS), milliseconds(explain, ROUNDS)
    http_assess, http_explain, cold = over_http(text)
    hermit = milliseconds(lambda: oracle.decide(facts), 5)
    ratio = statistics.median(hermit) / statistics.median(in_process)
    lines = [
        "# One record",
        "",
        "`.venv/bin/python benchmarks/one_case.py`: the shipped record of two lesions, read from JSON",
        "text each time.",
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()},",
        f"Python {platform.python_version()}.",
        "",
        "| what | p50 [ms] | p99 [ms] |",
        "|---|---|---|",
        f"| read and assess both lesions, in process, as JSON | {quantiles(in_process)} |",
        f"| read, assess and explain one conclusion for both, in process | {quantiles(explained)} |",
        f"| POST /assess over HTTP | {quantiles(http_assess)} |",
        f"| POST /explain/{CONCLUSION} over HTTP | {quantiles(http_explain)} |",
        f"| HermiT, all conclusions on the same two lesions (Java start included) | {quantiles(hermit)} |",
        f"| first answer from a cold start of the service | {cold:.0f} | |",
        "",
        f"HermiT takes {ratio:.0f} times as long as the plan on this record.",
        "",
    ]
    report = "\n".join(lines)
    print(report)
    (ROOT / "benchmarks" / "results.md").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
