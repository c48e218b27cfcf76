"""A soak: mixed traffic, good and bad, against the service for some minutes; its memory must stay flat.

Run ``.venv/bin/python benchmarks/soak.py [MINUTES]``; it writes ``benchmarks/soak.md``.
"""

from __future__ import annotations

import os
import platform
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import quantiles
from time import monotonic, perf_counter, sleep
from urllib.parse import quote

from service import RECORD, service

CLIENTS = 16
MINUTES = 5
SAMPLES = 20
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
Request = tuple[str, str, bytes | None, dict[str, str]]
REQUESTS: dict[str, Request] = {
    "assess": ("POST", "/assess", RECORD, JSON),
    "explain": ("POST", "/explain/S074", RECORD, JSON),
    "a record that is none": ("POST", "/assess", b'{"id": "x", "lesions": [{"site": "nowhere"}]}', JSON),
    "not JSON": ("POST", "/assess", b"{" * 500, JSON),
    "library query": ("GET", "/queries/contraindications-of-option", None, {}),
    "SPARQL, small": ("GET", "/sparql?query=" + quote("SELECT * { ?s a ?t } LIMIT 100"), None, {}),
    "SPARQL, all statements": ("GET", "/sparql?query=" + quote("SELECT * { ?a ?b ?c }"), None, {}),
    "SPARQL, endless": ("GET", "/sparql?query=" + quote(ENDLESS), None, {}),
    "SPARQL, malformed": ("GET", "/sparql?query=" + quote("SELECT {"), None, {}),
    "a term": ("GET", "/id/radiotherapy/SBRT", None, {"accept": "text/turtle"}),
    "page of a case": ("POST", "/", b"action=example", FORM),
}
WEIGHTS = {"SPARQL, endless": 0.05, "SPARQL, all statements": 0.3}


def traffic(host: str, port: int, until: float, seed: int, told: list[tuple[str, int, float]]) -> None:
    """Send requests one after another; note the name, the status (0: broken off) and the time [s] of each."""
    source = random.Random(seed)  # noqa: S311 - no secret
    names = list(REQUESTS)
    weights = [WEIGHTS.get(name, 1) for name in names]
    connection = HTTPConnection(host, port)
    while monotonic() < until:
        [name] = source.choices(names, weights)
        started = perf_counter()
        try:
            connection.request(*REQUESTS[name])
            response = connection.getresponse()
            response.read()
            status = response.status
        except (OSError, HTTPException):
            connection.close()
            status = 0
        told.append((name, status, perf_counter() - started))


def memory(process: int) -> int:
    """Return what the service and its processes hold together, pages shared by them counted once [kB]."""
    total = 0
    for one in (process, *children(process)):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


def children(process: int) -> Iterator[int]:
    """Yield the processes below a process."""
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            yield int(child)
            yield from children(int(child))


def main() -> None:
    """Soak, and write the results."""
    seconds = float(sys.argv[1] if len(sys.argv) > 1 else MINUTES) * 60
    told: list[tuple[str, int, float]] = []
    sampled = []
    with service("--timeout", "2") as (host, port, process):
        start = monotonic()
        clients = [
            threading.Thread(target=traffic, args=(host, port, start + seconds, seed, told))
            for seed in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for step in range(1, SAMPLES + 1):
            sleep(max(0.0, start + step * seconds / SAMPLES - monotonic()))
            sampled.append(memory(process) / 1000)
            print(f"{step}/{SAMPLES}: {len(told):,} requests, {sampled[-1]:,.0f} MB", flush=True)
        for client in clients:
            client.join()
        sleep(1)
        at_rest, left = memory(process) / 1000, len(list(children(process)))
    lines = ["| request | sent | answers | p50 [ms] | p99 [ms] |", "|---|---|---|---|---|"]
    for name in REQUESTS:
        times = [t * 1000 for found, _, t in told if found == name]
        answers = Counter(status for found, status, _ in told if found == name)
        cuts = quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
        shown = ", ".join(f"{status or 'broken off'}: {count:,}" for status, count in sorted(answers.items()))
        lines.append(f"| {name} | {len(times):,} | {shown} | {cuts[49]:.0f} | {cuts[98]:.0f} |")
    page = f"""# Soak

`.venv/bin/python benchmarks/soak.py {seconds / 60:g}`: {CLIENTS} clients send requests drawn at random, for {seconds / 60:g} minutes, with a limit of 2 s on
queries; 503 and 504 are the limits at work. Client and service share the machine.

Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}.

{chr(10).join(lines)}

Memory of the service and its processes, {SAMPLES} times at equal intervals [MB]: {", ".join(f"{one:,.0f}" for one in sampled)}; at rest
afterwards {at_rest:,.0f} MB, {left} processes below it.
"""
    Path(__file__).with_suffix(".md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
