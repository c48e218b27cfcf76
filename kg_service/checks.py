"""The checks of ``bonemet check``: is the ontology sound, and does the plan say what HermiT says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rdflib import Graph, URIRef

from kg_service.alignment_checks import alignment_findings, summary
from kg_service.alignments import mapping_sets
from kg_service.compiler import CompiledGuideline
from kg_service.coverage import coverage, coverage_table, declared_count
from kg_service.errors import KgServiceError
from kg_service.guideline import Guideline
from kg_service.knowledge import DATA_ROOT, load_file, module_paths, read_module
from kg_service.namespaces import BASE, OWL, RDF
from kg_service.oracle import Oracle
from kg_service.sampling import random_cases
from kg_service.service import KnowledgeBase
from kg_service.shape_writer import generated_files
from kg_service.validation import validate

HOUSE_RULES = "shapes/ontology.ttl"
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
    compiled = base.compiled()
    checks: list[tuple[str, Callable[[], CheckResult]]] = [
        ("modules", _modules),
        ("declarations", lambda: _declarations(base.graph)),
        ("house rules", lambda: _house_rules(base.graph)),
        ("alignments", lambda: _alignments(base.graph)),
        ("fragment", lambda: _fragment(compiled)),
        ("coverage", lambda: _coverage(compiled)),
        ("readings", lambda: _adopted(base.graph)),
        ("generated shapes", lambda: _generated(compiled, write=write)),
        ("HermiT consistency", lambda: _consistency(compiled)),
        ("plan against HermiT", lambda: agreement(compiled, cases, seed)),
    ]
    for name, run in checks:
        try:
            yield run()
        except KgServiceError as error:
            yield CheckResult(name, passed=False, detail=str(error))


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
    findings = validate(graph, load_file(DATA_ROOT / HOUSE_RULES))
    shown = [f"{f.focus} {f.path}: {f.message['en']}" for f in findings[:SHOWN]]
    return CheckResult("house rules", not findings, "; ".join([f"{len(findings)} findings", *shown]))


def _alignments(graph: Graph) -> CheckResult:
    """Check the codes of the alignments, and that nothing outside enters a logical axiom."""
    sets = mapping_sets()
    findings = alignment_findings(sets, graph)
    shown = [f"{len(findings)} findings", *findings[:SHOWN]] if findings else [summary(sets, graph)]
    return CheckResult("alignments", not findings, "; ".join(shown))


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


def _adopted(graph: Graph) -> CheckResult:
    """Check that selecting every adopted reading changes nothing: the graph is written under them."""
    plain = Guideline(graph)
    adopted = {a: r.id.rpartition("-")[2] for a, rs in plain.ambiguities.items() for r in rs if r.adopted}
    same = set(Guideline(graph, readings=adopted).graph) == set(graph)
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
