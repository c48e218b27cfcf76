"""A store on disk: what was acknowledged is there after the power switch, and nothing half done is."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from sparql_support import TOKEN, update

from kg_service.errors import CatalogError, QueryError
from kg_service.protocol_errors import ProtectedGraphError
from kg_service.store import Store
from kg_service.versions import Versions
from kg_service.workers import Workers

PAIR = "INSERT DATA {{ GRAPH <urn:kept> {{ <urn:s> <urn:left> {n} }} }} ; INSERT DATA {{ GRAPH <urn:kept> {{ <urn:s> <urn:right> {n} }} }}"
KEPT = "SELECT ?p ?n { GRAPH <urn:kept> { ?s ?p ?n } }"


@contextmanager
def service(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """Run the command as a user would; killed at the end, with every process of its store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kg_service.cli", "serve", "--port", str(port), "--store", str(folder)]
    process = subprocess.Popen(
        command, env={**os.environ, "BONEMET_UPDATE_TOKEN": TOKEN}, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until_ready(process, client)
            yield process, client
    finally:
        kill(process, folder)


def wait_until_ready(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    until = monotonic() + 60
    while monotonic() < until:
        assert process.poll() is None
        try:
            if client.get("/ready").is_success:
                return
        except httpx.TransportError:
            sleep(0.05)
    pytest.fail("the service did not become ready")


def kill(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Kill the service and the processes that have this folder open, as a power switch would."""
    process.kill()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = entry.read_bytes().split(b"\0")
            if b"kg_service.worker" in arguments and str(folder).encode() in arguments:
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue
    process.wait()


def kept(client: httpx.Client) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {"urn:left": set(), "urn:right": set()}
    for row in client.get("/sparql", params={"query": KEPT}).json()["results"]["bindings"]:
        found[row["p"]["value"]].add(int(row["n"]["value"]))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the processes to kill in /proc")
def test_nothing_acknowledged_is_lost_when_everything_is_killed(tmp_path: Path) -> None:
    """Updates of two operations each, killed while one is made, at a moment drawn by a seeded generator; two times."""
    draw = random.Random(20261123)
    folder = tmp_path / "store"
    acknowledged: set[int] = set()
    sent = 0
    for _ in range(2):
        with service(folder) as (process, client):
            found = kept(client)
            assert acknowledged <= found["urn:left"] <= set(range(sent))
            assert found["urn:left"] == found["urn:right"]
            left = draw.randint(2, 5)
            try:
                while True:
                    if left == 0:
                        threading.Timer(draw.uniform(0, 0.1), kill, (process, folder)).start()
                    left -= 1
                    sent += 1
                    if update(client, PAIR.format(n=sent - 1)).status_code == 204:
                        acknowledged.add(sent - 1)
            except httpx.TransportError:
                pass
    assert len(acknowledged) >= 4
    for side in ("left", "right"):
        assert acknowledged <= set(
            map(int, stored(folder, f"SELECT ?n {{ GRAPH <urn:kept> {{ ?s <urn:{side}> ?n }} }}"))
        )


def stored(folder: Path, query: str) -> list[str]:
    """Return the first column of an answer of what lies on the disk."""
    version = folder / (folder / "current").read_text(encoding="ascii")
    return [str(next(iter(row.values()))) for row in Store(version, read_only=True).query(query).rows()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("disk") / "store"


def insert(workers: Workers, text: str, *, protect: bool = True) -> None:
    workers.update({"kind": "text", "text": text, "base": None, "dataset": None}, protect=protect)


def rows(workers: Workers, query: str) -> list[str]:
    answer = workers.ask({"text": query, "accepted": ["text/csv"], "base": None, "dataset": None})
    answer.begin()
    answer.complete()
    return answer.first.decode().split()[1:]


def test_a_store_on_disk_is_changed_all_or_nothing_and_stays(folder: Path) -> None:
    workers = Workers(folder)
    try:
        insert(workers, "INSERT DATA { <urn:a> <urn:b> 1 }")
        with pytest.raises(ProtectedGraphError, match="read only"):
            insert(workers, "INSERT DATA { <urn:a> <urn:b> 2 } ; DROP ALL")
        with pytest.raises(QueryError):
            insert(
                workers,
                "INSERT DATA { <urn:a> <urn:b> 3 } ; CREATE GRAPH <https://w3id.org/bonemet-kg/catalogue>",
            )
        assert rows(workers, "SELECT ?n { <urn:a> <urn:b> ?n }") == ["1"]
        with pytest.raises(CatalogError, match="another process has it open"):
            Workers(folder)
    finally:
        workers.close()
    assert stored(folder, "SELECT ?n { <urn:a> <urn:b> ?n }") == ["1"]
    assert [p.name for p in folder.iterdir() if p.is_dir()] == [(folder / "current").read_text()]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("")
    with pytest.raises(CatalogError, match=r"holds thesis\.doc"):
        Versions(tmp_path)
    with pytest.raises(CatalogError, match=r"holds thesis\.doc"):
        Workers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]
