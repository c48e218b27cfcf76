"""Validates files of RDF records with compiled shapes: as many records as the disk holds, in one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rdflib import Graph, URIRef

from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.knowledge import DATA_ROOT, load_file
from kg_service.namespaces import RDF
from kg_service.progress import Progress, untold
from kg_service.rdf_parse import stream_triples
from kg_service.rdf_terms import RdfTerm, iri_term
from kg_service.service import KnowledgeBase
from kg_service.shape_compiler import compile_shapes
from kg_service.shape_relations import Relations, quoted
from kg_service.shape_report import ReportWriter, ShapeResult
from kg_service.shape_sql import COLUMNS, PREPARATION, constraint_queries
from kg_service.shape_tree import ShapePlan
from kg_service.shape_writer import CONTRADICTIONS
from kg_service.triple_table import TripleTable

Counting = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class ShapeSummary:
    """What a run found.

    Attributes
    ----------
    records : int
        Records in the files.
    defective : int
        Those that some result is about.
    results : int
        Validation results.
    undescribed : int
        Nodes of no class that the shapes describe: nothing was checked of them but single properties.
    """

    records: int
    defective: int
    results: int
    undescribed: int

    @property
    def conforms(self) -> bool:
        """Whether nothing was found, and everything was looked at."""
        return not self.results and not self.undescribed


def record_plan(base: KnowledgeBase) -> ShapePlan:
    """Return the record shapes and the contradiction shapes of a knowledge base, compiled."""
    shapes = Graph()
    shapes += base.record_shapes
    shapes += load_file(DATA_ROOT / CONTRADICTIONS)
    return compile_shapes(shapes)


def validate_files(
    paths: Sequence[Path],
    plan: ShapePlan,
    roots: Sequence[URIRef],
    out: Path,
    turtle: Path | None = None,
    *,
    counting: Counting = lambda _what: nullcontext(untold),
) -> ShapeSummary:
    """Validate RDF files, taken as one graph, and write what is found.

    Parameters
    ----------
    paths : sequence of Path
        RDF files; they are read as streams.
    plan : ShapePlan
        The shapes.
    roots : sequence of rdflib.URIRef
        Classes whose instances are records.
    out : Path
        CSV file for the results; written whole or not at all.
    turtle : Path, optional
        File for a SHACL validation report.
    counting : callable
        Given what is counted, triples and then constraints, it makes a context; that is told how many are
        done, of how many.

    Raises
    ------
    InputError
        When a file cannot be read to its end, or there is no record in them.
    KgServiceError
        When the results cannot be written, or DuckDB is missing.
    """
    try:
        with TemporaryDirectory(dir=out.parent, prefix=".bonemet-") as name:
            folder = Path(name)
            written = [(folder / "report.csv", out), (folder / "report.ttl", turtle or out)]
            with TripleTable(folder) as table:
                with counting("triples") as reading:
                    _load(table, paths, plan, reading)
                with counting("constraints") as checking:
                    summary = _check(table, plan, roots, folder, turtle is not None, checking)
            for made, target in written if turtle else written[:1]:
                os.replace(made, target)
    except OSError as error:
        raise KgServiceError(f"{out}: cannot be written: {error.strerror or error}") from error
    return summary


def _load(table: TripleTable, paths: Sequence[Path], plan: ShapePlan, reading: Progress) -> None:
    for added in table.add(_triples(paths)):
        reading(added, None)
    table.add_terms(plan.terms())
    for statement in PREPARATION:
        table.execute(statement)


def _triples(paths: Sequence[Path]) -> Iterator[tuple[RdfTerm, RdfTerm, RdfTerm]]:
    for path in paths:
        yield from stream_triples(path)


def _check(
    table: TripleTable,
    plan: ShapePlan,
    roots: Sequence[URIRef],
    folder: Path,
    turtle: bool,
    checking: Progress,
) -> ShapeSummary:
    classes = ", ".join(quoted(iri_term(root).text) for root in roots)
    table.execute(f"CREATE TABLE records AS SELECT DISTINCT node FROM instances WHERE class IN ({classes})")
    records = _number(table, "SELECT count(*) FROM records")
    if not records:
        expected = f"a record of class {' or '.join(map(str, roots))}"
        raise InputError([Problem("the files together", "no record", expected)])
    queries = list(constraint_queries(plan))
    table.execute(f"CREATE TABLE found ({', '.join(f'{column} VARCHAR' for column in COLUMNS)})")
    table.execute("BEGIN TRANSACTION")  # one for all: each would be written to the disk by itself
    for done, query in enumerate(queries, 1):
        table.execute(f"INSERT INTO found\n{query.sql}")
        checking(done, len(queries))
    table.execute("COMMIT")
    table.execute(_MEMBERSHIP)
    results = 0
    with ReportWriter(folder / "report.csv", folder / "report.ttl" if turtle else None) as report:
        for focus, path, value, component, severity, name, held in table.rows(_RESULTS):
            shape = plan.shapes[name]
            report.add(
                ShapeResult(held or "", focus, path or "", value or "", component, severity, shape, name)
            )
            results += 1
    defective = _number(table, "SELECT count(DISTINCT record) FROM membership")
    return ShapeSummary(records, defective, results, _number(table, _undescribed(plan)))


_MEMBERSHIP = """CREATE TABLE membership AS
WITH RECURSIVE above(focus, node) AS (
  SELECT DISTINCT focus, focus FROM found
  UNION
  SELECT a.focus, t.subject FROM above AS a JOIN triples AS t ON t.object = a.node
  WHERE NOT EXISTS (SELECT 1 FROM records AS r WHERE r.node = a.node)
)
SELECT a.focus, a.node AS record FROM above AS a JOIN records AS r ON r.node = a.node"""
"""The records that focus nodes belong to: those from which links lead to them."""
_RESULTS = f"""SELECT {", ".join(f"f.{column}" for column in COLUMNS)}, m.records FROM found AS f
LEFT JOIN (
  SELECT focus, string_agg(trim(record, '<>'), ' ' ORDER BY record) AS records
  FROM membership GROUP BY focus
) AS m ON m.focus = f.focus
ORDER BY m.records, {", ".join(f"f.{column}" for column in COLUMNS)}"""


def _undescribed(plan: ShapePlan) -> str:
    """Return the SELECT that counts nodes of no class that a shape has for its target."""
    relations = Relations()
    classes = tuple(t for _, targets in plan.roots for t in targets if t.kind == "class")
    described = relations.targets(classes)
    statement = quoted(iri_term(RDF.Statement).text)
    return relations.with_clause() + (
        "SELECT count(DISTINCT t.subject) FROM triples AS t\n"
        f"WHERE NOT EXISTS (SELECT 1 FROM {described} AS d WHERE d.node = t.subject)\n"
        f"AND NOT EXISTS (SELECT 1 FROM instances AS i WHERE i.node = t.subject AND i.class = {statement})"
    )


def _number(table: TripleTable, sql: str) -> int:
    ((number,),) = table.rows(sql)
    return int(number)
