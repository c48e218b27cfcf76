"""The processes that have the store: they do not pile up, and one that is gone is told."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from sparql_support import wait_for

from kg_service.backend import BackendStore
from kg_service.errors import CatalogError, QueryError
from kg_service.protocol_errors import BusyError
from kg_service.turns import QueryLimits, Turns
from kg_service.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    found = Workers(is_empty=True)
    yield found
    found.close()


def processes(workers: Workers) -> int:
    command = ["ps", "-eo", "sid"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return listed.split().count(str(workers.session))


def test_updates_leave_one_process_that_has_the_store(workers: Workers) -> None:
    """The first process, the one that has the newest version, one that answers."""
    store = BackendStore(workers)
    for number in range(40):
        store.change([f"INSERT DATA {{ <urn:a> <urn:b> {number} }}"], "a number")
        assert len(store.query("SELECT * { <urn:a> <urn:b> ?n }").rows()) == number + 1
    wait_for(lambda: processes(workers) <= 3)
    workers.close()
    wait_for(lambda: processes(workers) == 0)


def test_an_update_that_fails_leaves_the_store_as_it_was(workers: Workers) -> None:
    store = BackendStore(workers)
    store.change(["INSERT DATA { <urn:a> <urn:b> 1 }"], "a number")
    with pytest.raises(QueryError, match="not a SPARQL update"):
        workers.update({"kind": "text", "text": "DELETE", "base": None, "dataset": None})
    assert len(store.query("SELECT * { ?s ?p ?o }").rows()) == 1


def test_a_store_that_is_gone_is_told(workers: Workers) -> None:
    os.kill(workers.session, signal.SIGKILL)
    with pytest.raises(CatalogError, match="start the service again"):
        BackendStore(workers).query("ASK {}")


def test_a_query_that_breaks_its_process_breaks_no_other(workers: Workers) -> None:
    store = BackendStore(workers)
    assert store.query("ASK {}").boolean
    with pytest.raises(QueryError):
        store.query("ASK {" + "{" * 5_000)
    assert store.query("ASK {}").boolean


def test_turns_are_taken_waited_for_and_refused() -> None:
    turns = Turns(QueryLimits(seconds=0.01, running=1, waiting=0))
    turns.take()
    with pytest.raises(BusyError):
        turns.take()
    turns.release()
    turns.take()
    patient = Turns(QueryLimits(seconds=0.01, running=1, waiting=1))
    patient.take()
    with pytest.raises(BusyError):
        patient.take()
    assert patient.waiting == 0
