"""How much the service adds to the store: the same queries in one process and over HTTP.

Run ``.venv/bin/python benchmarks/service.py``; it writes ``benchmarks/service.md``.
"""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from time import monotonic, perf_counter, sleep
from urllib.parse import quote

from kg_service.store import Store

PREFIXES = (
    "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX core: <https://w3id.org/bonemet-kg/core/> "
)
QUERIES = {
    "nothing (`ASK {}`)": "ASK {}",
    "labels of 100 classes": "SELECT ?c ?l { ?c a <http://www.w3.org/2002/07/owl#Class> ; rdfs:label ?l } LIMIT 100",
    "count of a join": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o . ?o ?q ?r }",
    "grouped and ordered": "SELECT ?p (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY DESC(?n)",
    "text search": "SELECT ?s ?l { ?s ?p ?l FILTER (isLiteral(?l) && REGEX(STR(?l), 'spin(e|al)', 'i')) }",
    "all statements": "SELECT * { ?s ?p ?o }",
    "construct labels": "CONSTRUCT { ?s rdfs:label ?l } WHERE { ?s rdfs:label ?l }",
    "path": "SELECT (COUNT(*) AS ?n) { ?a rdfs:subClassOf+ ?b }",
}
SLOW = "grouped and ordered"
FAST = "labels of 100 classes"
REPEATS = 25
REQUESTS = 400
OK = 200
LOAD = f"{os.getloadavg()[0]:.1f}"
RECORD = (Path(__file__).parent.parent / "examples" / "case-thoracic-reirradiation.json").read_bytes()
RESULTS = Path(__file__).with_suffix(".md")


class Accepting:
    """Takes an answer in process, as the service's output does."""

    media_type = ""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep some bytes."""
        self.parts.append(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing."""


@contextmanager
def service(*options: str) -> Iterator[tuple[str, int, int]]:
    """Run the service; yield its host, its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kg_service.cli", "serve", "--port", str(port), *options]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until = monotonic() + 60
        while monotonic() < until:
            try:
                fetch(HTTPConnection("127.0.0.1", port), "ASK {}")
                break
            except OSError:
                sleep(0.1)
        yield "127.0.0.1", port, process.pid
    finally:
        process.terminate()
        process.wait()


def fetch(connection: HTTPConnection, query: str) -> int:
    """Return the size of the answer over HTTP [byte]."""
    accept = "application/sparql-results+json, application/n-triples"
    connection.request("GET", f"/sparql?query={quote(PREFIXES + query)}", headers={"accept": accept})
    response = connection.getresponse()
    body = response.read()
    if response.status != OK:
        raise SystemExit(body.decode())
    return len(body)


def in_process(store: Store, query: str) -> int:
    """Return the size of the answer in process [byte]."""
    output = Accepting()
    store.stream(PREFIXES + query, ["application/sparql-results+json", "application/n-triples"], output)
    return sum(map(len, output.parts))


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median over some runs, after two to warm up."""
    times = []
    for _ in range(REPEATS + 2):
        started = perf_counter()
        work()
        times.append(perf_counter() - started)
    return median(times[2:]) * 1000


def compare(store: Store, host: str, port: int) -> Iterator[str]:
    """Yield the table of both, query by query."""
    yield "| query | in process [ms] | /sparql [ms] | ratio | answer [kB] |\n|---|---|---|---|---|"
    for name, query in QUERIES.items():
        size = in_process(store, query)
        own = milliseconds(lambda query=query: in_process(store, query))
        connection = HTTPConnection(host, port)
        served = milliseconds(lambda c=connection, q=query: fetch(c, q))
        yield f"| {name} | {own:.2f} | {served:.2f} | {served / own:.2f} | {size / 1000:,.0f} |"


def assess(connection: HTTPConnection) -> int:
    """Have the shipped record of two lesions assessed; return the size of the answer [byte]."""
    connection.request("POST", "/assess", RECORD, {"content-type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    if response.status != OK:
        raise SystemExit(body.decode())
    return len(body)


def load(host: str, port: int, name: str, ask: Callable[[HTTPConnection], int], clients: int) -> str:
    """Send requests from several clients, each over one connection, and tell how long they took."""

    def one(share: int) -> list[float]:
        connection = HTTPConnection(host, port)
        times = []
        for _ in range(share):
            started = perf_counter()
            ask(connection)
            times.append(perf_counter() - started)
        return times

    started = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = [t for found in pool.map(one, [REQUESTS // clients] * clients) for t in found]
    seconds = perf_counter() - started
    cuts = quantiles(times, n=100)
    return f"| {name} | {clients} | {len(times) / seconds:,.0f} | {cuts[49] * 1000:.1f} | {cuts[98] * 1000:.1f} |"


def main() -> None:
    """Measure, and write the results."""
    store = Store()
    store.load_knowledge()
    with service() as (host, port, _):
        lines = list(compare(store, host, port))
        lines.append(
            "\n| request | clients | requests a second | p50 [ms] | p99 [ms] |\n|---|---|---|---|---|"
        )
        asked: dict[str, Callable[[HTTPConnection], int]] = {
            **{name: partial(fetch, query=QUERIES[name]) for name in (FAST, SLOW)},
            "`/assess`, two lesions": assess,
        }
        lines += [load(host, port, *one, clients) for one in asked.items() for clients in (1, 16)]
    RESULTS.write_text(
        f"""# The service

`.venv/bin/python benchmarks/service.py`: the shipped knowledge in memory, JSON or N-Triples, medians of {REPEATS}
runs over one connection; then {REQUESTS} requests from several clients. Client and service share the machine.

Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; load when started: {LOAD}.

"""
        + "\n".join(lines)
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
