"""What of its source a guideline graph holds, and what evaluates each statement that can be computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rdflib import Literal, URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.namespaces import CORE, local_name


@dataclass(frozen=True)
class Covered:
    """One statement and what the graph makes of it.

    Attributes
    ----------
    evaluators : tuple of str
        What decides it on a case: recommendations that fire, criteria, derived features.
    others : tuple of str
        What else rests on it, such as findings of studies.
    """

    id: str
    kind: str
    computable: bool
    evaluators: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def is_missing(self) -> bool:
        """Whether it can be computed and nothing computes it."""
        return self.computable and not self.evaluators


def coverage(compiled: CompiledGuideline) -> list[Covered]:
    """Return every statement of a guideline with what rests on it, in the order of the ids."""
    guideline, graph = compiled.guideline, compiled.guideline.source
    firing = {r.iri for r in guideline.recommendations if not r.excluded}
    criteria = set(guideline.criteria())
    features = set(compiled.schema.features)
    found = []
    for statement in guideline.statements.values():
        resting = sorted(URIRef(str(s)) for s in graph.subjects(CORE.restsOn, statement.iri))
        evaluating = [s for s in resting if s in firing or s in criteria or s in features]
        found.append(
            Covered(
                statement.id,
                str(graph.value(statement.iri, CORE.statementKind) or ""),
                (statement.iri, CORE.computable, Literal(True)) in graph,
                tuple(local_name(s) for s in evaluating),
                tuple(local_name(s) for s in resting if s not in evaluating),
            )
        )
    return found


def declared_count(compiled: CompiledGuideline) -> int:
    """Return how many statements the source has, as the guideline declares it; 0 when it does not."""
    number = compiled.guideline.source.value(compiled.guideline.iri, CORE.statementCount)
    return int(str(number)) if number is not None else 0


def coverage_table(statements: list[Covered]) -> Iterator[str]:
    """Yield a table by kind: statements, those that can be computed, those that are, by how many things."""
    kinds = sorted({s.kind for s in statements}, key=lambda k: (-sum(s.kind == k for s in statements), k))
    form = "{:<28} {:>10} {:>10} {:>9} {:>13} {:>7}"
    yield form.format("kind", "statements", "computable", "evaluated", "evaluators", "others")
    for kind in [*kinds, "all"]:
        of_kind = [s for s in statements if kind in (s.kind, "all")]
        computable = [s for s in of_kind if s.computable]
        yield form.format(
            kind,
            len(of_kind),
            len(computable),
            sum(not s.is_missing for s in computable),
            sum(len(s.evaluators) for s in computable),
            sum(len(s.others) for s in of_kind),
        )
