"""A service over real HTTP for tests, and what a test says to it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

TOKEN = "let-me-in"  # noqa: S105 - of the service under test
BEARER = {"authorization": f"Bearer {TOKEN}"}
EVERYTHING = "SELECT * { ?a ?b ?c }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
HUGE = "SELECT * { ?a ?b ?c . ?d ?e ?f }"


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Run an application on a port of its own; yield its URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                sleep(0.01)
            assert server.started
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so; half a minute is more than any machine needs."""
    until = monotonic() + 30
    while not condition():
        assert monotonic() < until
        sleep(0.02)


def assert_problem(response: Any, status: int, text: str = "") -> None:
    """One shape for every error."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    body = response.json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= body.keys()
    assert text in body["detail"]


def ask(client: httpx.Client, query: str, **parameters: Any) -> bool:
    """Return the answer to an ASK."""
    response = client.get("/sparql", params={"query": query, **parameters})
    assert response.status_code == 200, response.text
    return bool(response.json()["boolean"])


def update(client: httpx.Client, text: str) -> httpx.Response:
    """Send an update with the token."""
    return client.post(
        "/sparql", content=text, headers={**BEARER, "content-type": "application/sparql-update"}
    )
