"""The SHACL Core suite of the W3C: every case passes, or stands by name in a file with its reason."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib
from rdflib import Graph, Namespace
from rdflib.namespace import SH
from shacl_support import compiled_report, read_report

from kg_service.errors import ShapeError

CORE = Path(os.environ.get("BONEMET_W3C_TESTS", "/nonexistent"))
CORE = CORE / "data-shapes" / "data-shapes-test-suite" / "tests" / "core"
OUTSIDE = Path(__file__).parent / "data" / "shacl-core-outside.tsv"
MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
SHT = Namespace("http://www.w3.org/ns/shacl-test#")
CASES, PASSING = 98, 96
SUITE = pytest.mark.skipif(not CORE.is_dir(), reason="the W3C suite is not at BONEMET_W3C_TESTS/data-shapes")


def outside() -> dict[str, str]:
    """Return the cases that do not pass, with why."""
    lines = OUTSIDE.read_text(encoding="utf-8").splitlines()[1:]
    return dict(line.split("\t") for line in lines)


def files(manifest: Path = CORE / "manifest.ttl") -> Iterator[Path]:
    """Yield the files that hold cases, as the manifests include them."""
    if not manifest.is_file():
        return
    graph = Graph().parse(manifest, publicID=manifest.as_uri())
    for _, included in sorted(graph.subject_objects(MF.include)):
        yield from files(Path(str(included).removeprefix("file://")))
    if (None, MF.entries, None) in graph and any(graph.subjects(rdflib.RDF.type, SHT.Validate)):
        yield manifest


FILES = list(files())


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture(autouse=True)
def _literals_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)
    monkeypatch.setattr(rdflib.term, "NORMALIZE_LITERALS", False, raising=False)


def read(path: Path, known: dict[Path, Graph]) -> Graph:
    if path not in known:
        known[path] = Graph().parse(path, publicID=path.as_uri(), format="turtle")
    return known[path]


def differences(path: Path) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """Return the results that were expected and not found, and the other way round."""
    known: dict[Path, Graph] = {}
    manifest = read(path, known)
    (case,) = manifest.subjects(rdflib.RDF.type, SHT.Validate)
    action, report = manifest.value(case, MF.action), manifest.value(case, MF.result)
    data, shapes = (
        read(Path(str(manifest.value(action, part)).removeprefix("file://")), known)
        for part in (SHT.dataGraph, SHT.shapesGraph)
    )
    expected = read_report(manifest, list(manifest.objects(report, SH.result)))
    found = compiled_report(data, shapes)
    if manifest is not data or manifest is not shapes:  # blank nodes of two files are named apart
        expected, found = _blank(expected), _blank(found)
    assert str(manifest.value(report, SH.conforms)) == ("true" if not expected else "false")
    return expected - found, found - expected


def _blank(rows: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    blank = Counter[tuple[str, ...]]()
    for row, count in rows.items():
        blank[tuple(re.sub(r"^_:.*", "_:", text) for text in row)] += count
    return blank


@SUITE
def test_the_suite_holds_what_it_should() -> None:
    assert len(FILES) == CASES
    assert len(FILES) - len(outside()) == PASSING
    assert set(outside()) <= {name_of(path) for path in FILES}


@SUITE
@pytest.mark.parametrize("path", FILES or [CORE], ids=name_of)
def test_a_case_of_the_suite(path: Path) -> None:
    reason = outside().get(name_of(path))
    if reason is None:
        missing, extra = differences(path)
        assert (missing, extra) == (Counter(), Counter())
        return
    try:
        missing, extra = differences(path)
    except ShapeError as error:
        assert reason in str(error)
    else:
        assert missing or extra, "this case passes now: take it out of the list"
