"""The checks of ``bonemet check``: is the ontology sound, and does the plan say what HermiT says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version

from rdflib import Graph, URIRef

from kg_service.alignment_checks import alignment_findings, summary
from kg_service.alignments import mapping_sets
from kg_service.compiler import CompiledGuideline
from kg_service.coverage import coverage, coverage_table, declared_count
from kg_service.errors import KgServiceError
from kg_service.guideline import Guideline
from kg_service.knowledge import DATA_ROOT, load_file, module_paths, read_module, shapes_paths
from kg_service.namespaces import BASE, OWL, RDF
from kg_service.ontology_checks import (
    ambiguous_labels,
    cycles,
    docs_findings,
    repeated_definitions,
    undescribed,
    unlike_in_xml,
    version_findings,
)
from kg_service.oracle import Oracle
from kg_service.pages import shipped_pages
from kg_service.sampling import random_cases
from kg_service.service import KnowledgeBase
from kg_service.shape_writer import generated_files
from kg_service.validation import validate
from kg_service.wording import LANGUAGES

HOUSE_RULES = "shapes/ontology.ttl"
CHANGELOG = "ontology/CHANGELOG.md"
KILOBYTE = 1000
SHOWN = 5
"""Findings told in full; the others are counted."""
BATCH = 250
"""Cases HermiT classifies at once; more of them cost more than twice as much."""


@dataclass(frozen=True)
class CheckResult:
    """One check: whether it passed, what was counted or found, and a table to show below."""

    name: str
    passed: bool
    detail: str
    table: tuple[str, ...] = ()


def run_checks(base: KnowledgeBase, *, cases: int, seed: int, write: bool) -> Iterator[CheckResult]:
    """Yield the result of each check, as soon as it is known.

    Parameters
    ----------
    base : KnowledgeBase
        What to check.
    cases : int
        Number of random cases on which the plan is compared with HermiT.
    seed : int
        Seed of these cases.
    write : bool
        Write the generated shapes again instead of comparing them.
    """
    checks: list[tuple[str, Callable[[], CheckResult]]] = [
        ("modules", _modules),
        ("declarations", lambda: _declarations(base.graph)),
        ("house rules", lambda: _house_rules(base.graph)),
        ("references", lambda: _references(base.graph)),
        ("distinct terms", lambda: _distinct(base.graph)),
        ("RDF/XML", _xml),
        ("versions", lambda: _versions(base.graph)),
        ("documentation", lambda: _documentation(base)),
        ("alignments", lambda: _alignments(base.graph)),
        ("HermiT consistency", lambda: _consistency(base.compiled())),
    ]
    for name in base.guidelines:
        checks += _of_guideline(base.of(name).compiled(), cases=cases, seed=seed, write=write)
    for name, run in checks:
        try:
            yield replace(run(), name=name)
        except KgServiceError as error:
            yield CheckResult(name, passed=False, detail=str(error))


def _of_guideline(
    compiled: CompiledGuideline, *, cases: int, seed: int, write: bool
) -> list[tuple[str, Callable[[], CheckResult]]]:
    """Return the checks of one guideline; their names tell those of others than the default one apart."""
    checks: list[tuple[str, Callable[[], CheckResult]]] = [
        ("fragment", lambda: _fragment(compiled)),
        ("coverage", lambda: _coverage(compiled)),
        ("readings", lambda: _adopted(compiled)),
        ("generated shapes", lambda: _generated(compiled, write=write)),
        ("plan against HermiT", lambda: agreement(compiled, cases, seed)),
    ]
    of = "" if compiled.guideline.is_default else f" of {compiled.guideline.id}"
    return [(f"{name}{of}", run) for name, run in checks]


def agreement(compiled: CompiledGuideline, cases: int, seed: int) -> CheckResult:
    """Compare the plan with HermiT on random cases, every tree of the plan each."""
    oracle = Oracle(compiled)
    sample = random_cases(compiled, cases, seed)
    wrong = []
    for start in range(0, len(sample), BATCH):
        batch = sample[start : start + BATCH]
        for known, answers in zip(batch, oracle.decide(batch), strict=True):
            possible = compiled.plan.possible(known)
            wrong += [
                f"{name}: plan {mine}, HermiT {answer}"
                for name, answer in answers.items()
                if (mine := compiled.plan.decide(compiled.plan.trees[name], possible)) is not answer
            ]
    asked = len(sample) * len(oracle.names)
    detail = f"{asked - len(wrong)} of {asked} answers on {len(sample)} cases agree"
    return CheckResult("plan against HermiT", not wrong, "; ".join([detail, *wrong[:SHOWN]]))


def _modules() -> CheckResult:
    modules = [read_module(path) for path in module_paths()]
    wrong = [str(m.path) for m in modules if not str(m.version).startswith(f"{m.iri}/")]
    detail = f"{len(modules)} ontology modules with dated version IRIs"
    return CheckResult("modules", not wrong, "; ".join([detail, *wrong]))


def _declarations(graph: Graph) -> CheckResult:
    """Check that every property of ours that is used is declared, as one kind of property only."""
    kinds = (OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
    declared: dict[URIRef, list[URIRef]] = {}
    for kind in kinds:
        for prop in graph.subjects(RDF.type, kind):
            declared.setdefault(URIRef(str(prop)), []).append(kind)
    used = {URIRef(str(p)) for p in graph.predicates() if str(p).startswith(BASE)}
    missing = sorted(used - set(declared))
    punned = sorted(p for p, found in declared.items() if len(found) > 1)
    detail = (
        f"{len(used)} properties used, all declared" if not missing else f"not declared: {', '.join(missing)}"
    )
    if punned:
        detail += f"; declared as two kinds: {', '.join(punned)}"
    return CheckResult("declarations", not missing and not punned, detail)


def _house_rules(graph: Graph) -> CheckResult:
    findings = validate(_with_headers_of_shapes(graph), load_file(DATA_ROOT / HOUSE_RULES))
    shown = [f"{f.focus} {f.path}: {f.message['en']}" for f in findings[:SHOWN]]
    return CheckResult("house rules", not findings, "; ".join([f"{len(findings)} findings", *shown]))


def _with_headers_of_shapes(graph: Graph) -> Graph:
    """Return an ontology with the headers of the shapes files, which keep the same rules."""
    published = Graph()
    published += graph
    for path in shapes_paths():
        header = load_file(path)
        for module in header.subjects(RDF.type, OWL.Ontology):
            published += header.triples((module, None, None))
    return published


def _references(graph: Graph) -> CheckResult:
    """Check that every term of ours that is spoken of is described, and that none comes under itself."""
    findings = [*undescribed(graph), *cycles(graph)]
    return _result("references", findings, "every term that is spoken of is described; no cycle")


def _distinct(graph: Graph) -> CheckResult:
    """Check that no two terms share a label, and no two criteria a definition."""
    findings = [*ambiguous_labels(graph), *repeated_definitions(graph)]
    return _result("distinct terms", findings, "no label and no definition is borne twice")


def _xml() -> CheckResult:
    """Check that every file says as much in RDF/XML, which tools that read no Turtle need."""
    paths = [*module_paths(), *shapes_paths()]
    return _result("RDF/XML", unlike_in_xml(paths), f"{len(paths)} files hold as many triples")


def _versions(graph: Graph) -> CheckResult:
    """Check that headers, package and changelog name one version."""
    package = version("bonemet-kg")
    changelog = (DATA_ROOT / CHANGELOG).read_text(encoding="utf-8")
    findings = list(version_findings(_with_headers_of_shapes(graph), package, changelog))
    return _result("versions", findings, f"modules, package and changelog are at {package}")


def _documentation(base: KnowledgeBase) -> CheckResult:
    """Check that the pages can be written, and that every module leads to its own."""
    pages = shipped_pages(base)
    findings = list(docs_findings(_with_headers_of_shapes(base.graph), pages, LANGUAGES))
    size = sum(len(text.encode()) for text in pages.values()) // KILOBYTE
    return _result("documentation", findings, f"{len(pages)} pages, {size} kB, in {len(LANGUAGES)} languages")


def _result(name: str, findings: list[str], detail: str) -> CheckResult:
    shown = [f"{len(findings)} findings", *findings[:SHOWN]] if findings else [detail]
    return CheckResult(name, not findings, "; ".join(shown))


def _alignments(graph: Graph) -> CheckResult:
    """Check the codes of the alignments, and that nothing outside enters a logical axiom."""
    sets = mapping_sets()
    findings = alignment_findings(sets, graph)
    return _result("alignments", list(findings), summary(sets, graph))


def _fragment(compiled: CompiledGuideline) -> CheckResult:
    plan = compiled.plan
    detail = f"{len(plan.trees)} trees over {len(plan.features)} features compiled from OWL"
    return CheckResult("fragment", passed=True, detail=detail)


def _coverage(compiled: CompiledGuideline) -> CheckResult:
    """Check that every statement of the source is there, and that what can be computed is."""
    statements, declared = coverage(compiled), declared_count(compiled)
    missing = [s.id for s in statements if s.is_missing]
    computable = sum(s.computable for s in statements)
    evaluated = f"{computable - len(missing)} of {computable} computable ones"
    detail = f"{len(statements)} of {declared} statements; {evaluated}"
    remarks = [f"nothing evaluates {', '.join(missing)}"] if missing else []
    passed = len(statements) == declared and not missing
    return CheckResult(
        "coverage", passed, "; ".join([f"{detail} evaluated", *remarks]), tuple(coverage_table(statements))
    )


def _adopted(compiled: CompiledGuideline) -> CheckResult:
    """Check that selecting every adopted reading changes nothing: the graph is written under them."""
    plain = compiled.guideline
    graph = plain.source
    adopted = {a: r.id.rpartition("-")[2] for a, rs in plain.ambiguities.items() for r in rs if r.adopted}
    same = set(Guideline(graph, plain.iri, readings=adopted).graph) == set(graph)
    changing = sum(any(r.changes_answers for r in readings) for readings in plain.ambiguities.values())
    detail = f"{len(plain.ambiguities)} ambiguities, {changing} change an answer; adopted readings in force"
    return CheckResult("readings", same, detail if same else "the graph differs from its adopted readings")


def _generated(compiled: CompiledGuideline, *, write: bool) -> CheckResult:
    files = generated_files(compiled)
    stale = []
    for path, text in files.items():
        target = DATA_ROOT / path
        if write:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            stale.append(str(path))
    detail = f"{len(files)} files in step with the axioms"
    remedy = [f"{path} is not; run bonemet check --write" for path in stale]
    return CheckResult("generated shapes", not stale, "; ".join(remedy) or detail)


def _consistency(compiled: CompiledGuideline) -> CheckResult:
    tried, empty = Oracle(compiled).unsatisfiable()
    detail = f"consistent, {tried} classes tried, {len(empty)} unsatisfiable"
    return CheckResult("HermiT consistency", not empty, "; ".join([detail, *empty]))
