"""Peers: the same synthetic cases decided by other means, in one run, with how many answers are the same.

Run ``.venv/bin/python benchmarks/peers.py``; it writes ``benchmarks/peers.md``. Each peer is given as many
cases as it takes well; rows a second are compared, not totals.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import owlready2
import pyarrow.parquet as pq
import pyoxigraph as ox
from rdflib import OWL, RDF, Graph, URIRef

from kg_service.cohort_run import RowReader
from kg_service.compiler import CompiledGuideline
from kg_service.feature_masks import recorded_row
from kg_service.knowledge import DATA_ROOT, load_file
from kg_service.namespaces import QTY
from kg_service.oracle import Oracle, run_hermit
from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or
from kg_service.record import Case, Record
from kg_service.record_rdf import record_graph
from kg_service.schema import Kind
from kg_service.service import KnowledgeBase
from kg_service.shape_writer import eligibility_path
from kg_service.table_files import open_table
from kg_service.validation import validate
from kg_service.values import TRUE, Interval, Knowledge, decimal_text

ROOT = Path(__file__).parent.parent
BONEMET = Path(sys.executable).parent / "bonemet"
ROWS = 10**6
SPARQL_CASES = 400
SHACL_CASES = 20
CLASS_CASES = 40
INDIVIDUAL_CASES = 10
Answers = list[dict[str, str]]
"""Per case, the status of each recommendation."""


class Rules:
    """The criteria as SPARQL: for each a query for the cases that surely meet it, and for those that surely do not.

    Negation is pushed down to the tests, and a test holds, or surely does not, only where a value is
    recorded: Kleene's logic, part by part. What only all parts together entail it leaves unknown.
    """

    def __init__(self, compiled: CompiledGuideline) -> None:
        self._compiled = compiled
        self._schema = compiled.schema

    def construct(self, name: str, tree: Node, *, positive: bool) -> str:
        """Return the query that constructs a triple for each case it holds of."""
        status = "meets" if positive else "fails"
        return (
            f"CONSTRUCT {{ ?case <urn:{status}> <urn:{name}> }} WHERE {{ "
            f"?case a <{self._compiled.case_entity.iri}> FILTER ({self._text(tree, positive)}) }}"
        )

    def _text(self, node: Node, positive: bool) -> str:
        match node:
            case Constant(value):
                return str(value is positive).lower()
            case Named(_, child):
                return self._text(child, positive)
            case Not(child):
                return self._text(child, not positive)
            case And(children) | Or(children):
                join = " && " if isinstance(node, And) is positive else " || "
                return f"({join.join(self._text(child, positive) for child in children)})"
            case Atom(feature, values):
                return self._test(URIRef(feature), values, positive)

    def _test(self, iri: URIRef, values: Knowledge, positive: bool) -> str:
        feature = self._schema.features[iri]
        path = "/".join(f"<{step}>" for step in (*self._compiled.paths[str(iri)], iri))
        if isinstance(values, Interval):
            inside = _inside(values)
            return f"EXISTS {{ ?case {path}/<{QTY.value}> ?v FILTER ({inside if positive else f'!({inside})'}) }}"
        if feature.kind is Kind.BOOLEAN:
            wanted = [str(value == TRUE).lower() for value in (values if positive else _other(values))]
            return f"EXISTS {{ ?case {path} ?v FILTER (?v IN ({', '.join(wanted)})) }}"
        codes = set(self._schema.codes[feature.partition].values()) if feature.partition else set()
        leaves = {code: frozenset(map(str, self._schema.leaves(code))) for code in codes}
        fit = [c for c, own in leaves.items() if (own <= values if positive else not own & values)]
        return f"EXISTS {{ ?case {path} ?v FILTER (?v IN ({', '.join(f'<{c}>' for c in sorted(fit))})) }}"


def _other(values: frozenset[str]) -> frozenset[str]:
    return frozenset({"true", "false"}) - values


def _inside(interval: Interval) -> str:
    parts = []
    if interval.low is not None:
        parts.append(f"?v {'>' if interval.low_open else '>='} {decimal_text(interval.low)}")
    if interval.high is not None:
        parts.append(f"?v {'<' if interval.high_open else '<='} {decimal_text(interval.high)}")
    return " && ".join(parts) or "true"


def by_sparql(
    compiled: CompiledGuideline, records: Sequence[tuple[Record, Case]], trees: Mapping[str, Node]
) -> tuple[float, Answers]:
    """Return how long Oxigraph takes for the rules [s], and what it answers; loading is not counted."""
    store = ox.Store()
    cases = []
    for record, case in records:
        graph = record_graph(record, [case], compiled.schema)
        store.bulk_load(graph.serialize(format="nt").encode(), ox.RdfFormat.N_TRIPLES)
        cases.append(next(str(s) for s in graph.subjects(RDF.type, compiled.case_entity.iri)))
    rules = Rules(compiled)
    found = {case: dict.fromkeys(trees, "unknown") for case in cases}
    start = time.perf_counter()
    for name, tree in trees.items():
        for positive, status in ((True, "true"), (False, "false")):
            for triple in store.query(rules.construct(name, tree, positive=positive)):
                found[triple.subject.value][name] = status
    return time.perf_counter() - start, list(found.values())


def by_individuals(oracle: Oracle, cases: Sequence[Case]) -> float:
    """Return how long HermiT takes when each case is an individual [s]."""
    start = time.perf_counter()
    for names in oracle._groups:
        graph = oracle._theory(names)
        oracle._ask(graph, names)
        for i, case in enumerate(cases):
            cls, individual = URIRef(f"urn:case-{i}"), URIRef(f"urn:individual-{i}")
            oracle._describe(graph, cls, case.known, oracle._features(names))
            graph.add((individual, RDF.type, OWL.NamedIndividual))
            graph.add((individual, RDF.type, cls))
        realise(graph)
    return time.perf_counter() - start


def realise(graph: Graph) -> None:
    """Run HermiT over a graph with individuals."""
    world = owlready2.World()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "theory.nt"
        graph.serialize(path, format="nt", encoding="utf-8")
        world.get_ontology(path.as_uri()).load()
        run_hermit(world)


def seconds_of(command: list[str]) -> float:
    """Return how long a command takes [s]."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def same(mine: Answers, theirs: Answers) -> str:
    """Return how many answers are the same, and how many of the others are unknown to the peer alone."""
    pairs = [(a[name], b[name]) for a, b in zip(mine, theirs, strict=True) for name in b]
    equal = sum(a == b for a, b in pairs)
    unknown = sum(a != b == "unknown" for a, b in pairs)
    return f"{equal:,} of {len(pairs):,}; {unknown:,} unknown to it alone, {len(pairs) - equal - unknown:,} wrong"


def main() -> None:
    """Measure, and write the page of results."""
    base = KnowledgeBase()
    compiled = base.compiled()
    trees = {r.id: compiled.criterion(r.population) for r in compiled.guideline.recommendations}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        marginals = DATA_ROOT / "examples" / "synthetic-cohort.toml"
        make = [
            str(BONEMET),
            "synthesise",
            str(marginals),
            "--rows",
            str(ROWS),
            "--out",
            str(folder / "t.parquet"),
        ]
        made = seconds_of(make)
        decide = [str(BONEMET), "cohort", str(folder / "t.parquet"), "--out", str(folder / "out")]
        took = seconds_of([*decide, "--carry", "centre", "--carry", "year"])
        table = open_table(folder / "t.parquet")
        reader = RowReader(base, compiled)
        columns = reader.schema.read(table.names, "t", carried=["centre", "year"])
        rows = ((batch, row) for _, batch in table.batches() for row in range(batch.num_rows))
        records: list[tuple[Record, Case]] = []
        for place, (batch, row) in enumerate(islice(rows, SPARQL_CASES)):
            record = reader.record(f"s-{place}", recorded_row(columns, batch, row))
            [case] = base.cases(record)
            records.append((record, case))
        cells = pq.ParquetFile(folder / "out" / "conclusions.parquet").iter_batches(
            batch_size=SPARQL_CASES, columns=list(trees)
        )
        mine: Answers = next(cells).to_pylist()
    cases = [case for _, case in records]
    lines = []

    def tell(what: str, count: int, seconds: float, agreement: str) -> None:
        rate = count / seconds
        lines.append(
            f"| {what} | {count:,} | {seconds:.1f} | {rate:,.1f} | {ROWS / took / rate:,.0f} | {agreement} |"
        )
        print(lines[-1], flush=True)

    tell("`bonemet cohort`, start included", ROWS, took, "")
    asked, theirs = by_sparql(compiled, records, trees)
    tell("SPARQL rules on Oxigraph, loading not counted", SPARQL_CASES, asked, same(mine, theirs))
    shapes = load_file(DATA_ROOT / eligibility_path(compiled))
    start = time.perf_counter()
    for record, case in records[:SHACL_CASES]:
        validate(record_graph(record, [case], compiled.schema), shapes)
    tell("pySHACL on the eligibility shapes", SHACL_CASES, time.perf_counter() - start, "")
    oracle = Oracle(compiled, [str(r.population) for r in compiled.guideline.recommendations])
    start = time.perf_counter()
    answers = oracle.decide([case.known for case in cases[:CLASS_CASES]])
    spent = time.perf_counter() - start
    words = {True: "true", False: "false", None: "unknown"}
    hermit = [
        {r.id: words[answer[str(r.population)]] for r in compiled.guideline.recommendations}
        for answer in answers
    ]
    tell(
        "HermiT, cases as classes, Java start included", CLASS_CASES, spent, same(mine[:CLASS_CASES], hermit)
    )
    spent = by_individuals(oracle, cases[:INDIVIDUAL_CASES])
    tell("HermiT, cases as individuals, Java start included", INDIVIDUAL_CASES, spent, "")
    page = [
        "# Peers",
        "",
        "`.venv/bin/python benchmarks/peers.py`: synthetic patients of `examples/synthetic-cohort.toml`, decided by other means in the same run.",
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}.",
        "",
        "| what | cases | seconds | cases/s | slower by | statuses the same as ours |",
        "|---|---|---|---|---|---|",
        *lines,
        "",
        f"Drawing the {ROWS:,} rows took {made:.1f} s. SPARQL rules decide part by part, as Kleene's logic does: where only all parts together entail",
        "an answer they say unknown. pySHACL tells what is against an option, not the status of each recommendation; nothing is compared.",
    ]
    (ROOT / "benchmarks" / "peers.md").write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
