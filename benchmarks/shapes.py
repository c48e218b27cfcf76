"""Compiled record shapes and pySHACL on the same damaged records: the same results, and how fast.

Run ``.venv/bin/python benchmarks/shapes.py [RECORDS]``; it writes ``benchmarks/shapes.md``.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyshacl
from rdflib import Graph, URIRef
from rdflib.namespace import RDF, SH

from kg_service.knowledge import DATA_ROOT, load_file
from kg_service.service import KnowledgeBase
from kg_service.shape_run import record_plan, validate_files

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from defective_records import defective_records  # noqa: E402
from shacl_support import compiled_report, read_report  # noqa: E402
from test_shape_plan import explained  # noqa: E402

RECORDS, SEED, TIMES_LARGER = 400, 5, 10


def focus_nodes(data: Graph, shapes: Graph) -> int:
    """Return how many focus nodes the shapes have, each counted once for each shape."""
    by_class = sum(len(set(data.subjects(RDF.type, cls))) for cls in shapes.objects(None, SH.targetClass))
    return by_class + sum(len(set(data.subjects(p))) for p in shapes.objects(None, SH.targetSubjectsOf))


def compiled_seconds(path: Path, base: KnowledgeBase, out: Path) -> float:
    """Return how long a run takes from the file to its results [s]."""
    start = time.perf_counter()
    roots = [URIRef(entity.iri) for entity in base.compiled().schema.roots()]
    validate_files([path], record_plan(base), roots, out)
    return time.perf_counter() - start


def main() -> None:
    """Measure, compare and write the page."""
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    base = KnowledgeBase()
    base.compiled()
    shapes = Graph()
    shapes += base.record_shapes
    shapes += load_file(DATA_ROOT / "shapes" / "contradictions.ttl")
    data = defective_records(base, count, SEED)
    with TemporaryDirectory() as name:
        one, many = Path(name) / "one.nt", Path(name) / "many.nt"
        data.serialize(one, format="nt", encoding="utf-8")
        text = one.read_text(encoding="utf-8")
        with many.open("w", encoding="utf-8") as file:
            for copy in range(TIMES_LARGER):
                file.write(text.replace("bonemet-kg/data/", f"bonemet-kg/data/{copy}-"))
        fast = compiled_seconds(one, base, Path(name) / "one.csv")
        larger = compiled_seconds(many, base, Path(name) / "many.csv")
        size = many.stat().st_size / 1e6
    start = time.perf_counter()
    _, report, _ = pyshacl.validate(
        data, shacl_graph=shapes, advanced=True, do_owl_imports=False, meta_shacl=False, inplace=False
    )
    slow = time.perf_counter() - start
    found, expected = set(compiled_report(data, shapes)), set(read_report(report))
    missing, beyond = expected - found, found - expected
    unexplained = [row for row in beyond if not explained(row)]
    nodes = focus_nodes(data, shapes)
    page = f"""# Compiled record shapes

`.venv/bin/python benchmarks/shapes.py{"" if count == RECORDS else f" {count}"}`.

Machine: {platform.machine()}, {os.cpu_count()} cores, shared with other work, {platform.system()},
Python {platform.python_version()}, DuckDB {duckdb.__version__}, pySHACL {pyshacl.__version__}.

{count:,} random records, most of them damaged at random: {len(data):,} triples, {nodes:,} focus nodes (each counted
once for each shape that has it for its target). Record shapes and contradiction shapes; compiled shapes from the N-Triples
file to the CSV file, pySHACL from the graph in memory to its report, in one process after another.

| what | [s] | focus nodes a second |
|---|---|---|
| pySHACL | {slow:.1f} | {nodes / slow:,.0f} |
| compiled | {fast:.1f} | {nodes / fast:,.0f} |
| compiled, {TIMES_LARGER} times the records ({size:,.0f} MB) | {larger:.1f} | {TIMES_LARGER * nodes / larger:,.0f} |

Compiled is {slow / fast:.0f} times as fast on the same records, and {TIMES_LARGER * slow / larger:.0f} times by focus nodes a second on the larger file.

Results: pySHACL {len(expected):,}, compiled {len(found):,}; {len(missing)} are missing; {len(beyond)} more are found, of which
{len(unexplained)} are not explained by what rdflib takes for sound (see [shapes](../docs/shapes.md)).
"""
    (ROOT / "benchmarks" / "shapes.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
