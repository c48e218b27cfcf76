"""Explanations as N-Quads: PROV-O, one named graph an explanation, the same bytes for the same input."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from rdflib import Graph, Literal, URIRef

from kg_service.argument import Argument
from kg_service.compiler import CompiledGuideline
from kg_service.conclusions import (
    STATUSES,
    add_assessment,
    add_change,
    add_check,
    add_conclusion,
    add_fact,
    add_remedies,
    add_verdict,
    place_of,
)
from kg_service.explanation import Explanation
from kg_service.iris import record_graph_iri
from kg_service.namespaces import CORE, PROV, RDF, XSD
from kg_service.robustness import ConclusionAnswer, OptionAnswer, PrescriptionAnswer


def explanation_quads(explanations: Iterable[Explanation]) -> str:
    """Return explanations as sorted N-Quads, without blank nodes or times."""
    return "".join(sorted({line for e in explanations for line in _lines(e)}))


def explanation_iri(explanation: Explanation) -> URIRef:
    """Return the IRI of an explanation, which also names its graph."""
    place = place_of(explanation.assessment.case, explanation.compiled)
    return URIRef(f"{place.nodes}/explanation/{quote(explanation.id, safe='')}")


def explanation_graph(explanation: Explanation) -> Graph:
    """Return an explanation as triples."""
    return _Writer(explanation).graph


def _lines(explanation: Explanation) -> Iterable[str]:
    name = explanation_iri(explanation).n3()
    for triple in explanation_graph(explanation):
        yield f"{' '.join(_term(term) for term in triple)} {name} .\n"


def _term(term: object) -> str:
    """Return a term as N-Quads write it: on one line, with no short form."""
    if not isinstance(term, Literal):
        return URIRef(str(term)).n3()
    text = str(term).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    if term.language:
        return f'"{text}"@{term.language}'
    return f'"{text}"^^<{term.datatype}>' if term.datatype else f'"{text}"'


class _Writer:
    """Writes one explanation into a graph."""

    def __init__(self, explanation: Explanation) -> None:
        self.graph = Graph()
        self.explanation = explanation
        self.compiled: CompiledGuideline = explanation.compiled
        self.case = explanation.assessment.case
        self.place = place_of(self.case, self.compiled)
        self.node = explanation_iri(explanation)
        self._head()
        for position, argument in enumerate(explanation.arguments, start=1):
            self._argument(URIRef(f"{self.node}/reasoning/{position}"), argument)
        for position, item in enumerate(explanation.precedence, start=1):
            node = self._part(CORE.precedence, CORE.Precedence, self.node, "precedence", position)
            self.graph.add((node, CORE.speaksFirst, item.winner.iri))
            self.graph.add((node, CORE.yielding, item.loser.iri))
            self.graph.add((node, CORE.precedenceReason, Literal(item.reason)))
            for population in item.before:
                self.graph.add((node, CORE.yieldsTo, population))
        self._robustness()

    def _head(self) -> None:
        activity = add_assessment(self.graph, self.place, self.compiled)
        self.graph.add((activity, PROV.used, record_graph_iri(self.case.document)))
        explained = self._explained()
        for kind in (CORE.Explanation, PROV.Entity):
            self.graph.add((self.node, RDF.type, kind))
        self.graph.add((self.node, PROV.wasGeneratedBy, activity))
        self.graph.add((self.node, CORE.explains, explained))
        for recommendation in self.explanation.recommendations:
            for statement in recommendation.statements:
                self.graph.add((self.node, CORE.restsOn, statement.iri))
        for population in self.explanation.yields_to:
            self.graph.add((self.node, CORE.yieldsTo, population))

    def _explained(self) -> URIRef:
        """Add the answer that is explained; return its node."""
        found, guideline = self.explanation, self.compiled.guideline
        match found.answer:
            case ConclusionAnswer(status, fulfilled):
                own = guideline.by_iri[found.iri]
                return add_conclusion(self.graph, self.place, own, status, fulfilled)
            case OptionAnswer(verdict, _):
                return add_verdict(self.graph, self.place, found.iri, verdict)
            case PrescriptionAnswer(concordance, best, worst):
                check = add_check(self.graph, self.place, concordance, best, worst)
                add_remedies(self.graph, self.place, check, found.remedies, self.compiled, self.case)
                return check

    def _part(self, prop: URIRef, kind: URIRef, whole: URIRef, word: str, position: int) -> URIRef:
        node = URIRef(f"{whole}/{word}/{position}")
        self.graph.add((whole, prop, node))
        self.graph.add((node, RDF.type, kind))
        return node

    def _argument(self, node: URIRef, argument: Argument) -> None:
        graph = self.graph
        graph.add((self.node, CORE.reasoning, node))
        for kind in (CORE.Reasoning, PROV.Entity):
            graph.add((node, RDF.type, kind))
        graph.add((node, CORE.argues, Literal(argument.about)))
        is_option = argument.subject not in self.compiled.guideline.by_iri
        graph.add((node, CORE.option if is_option else CORE.recommendation, argument.subject))
        graph.add((node, CORE.status, STATUSES[argument.status]))
        if argument.proofs:
            graph.add((node, CORE.allJustifications, Literal(argument.all_proofs)))
        for position, proof in enumerate(argument.proofs, start=1):
            part = self._part(CORE.justifiedBy, CORE.Justification, node, "justification", position)
            for fact in proof:
                graph.add((part, PROV.wasDerivedFrom, add_fact(graph, self.place, fact, self.case)))
        for position, flip in enumerate(argument.flips, start=1):
            part = self._part(CORE.changedBy, CORE.Change, node, "change", position)
            add_change(graph, self.place, part, flip, self.compiled, self.case)
        for position, chosen in enumerate(argument.settled_by, start=1):
            part = self._part(CORE.settledBy, CORE.SettlingSet, node, "settling", position)
            for feature in chosen:
                graph.add((part, CORE.missingFeature, feature))
        for position, item in enumerate(argument.missing, start=1):
            part = self._part(CORE.lacks, CORE.MissingFact, node, "missing", position)
            graph.add((part, CORE.missingFeature, item.feature))
            graph.add((part, CORE.position, Literal(position, datatype=XSD.integer)))
            graph.add((part, CORE.settles, Literal(item.settles)))

    def _robustness(self) -> None:
        found = self.explanation.robustness
        if found is None:
            return
        if found.is_robust is None:
            self.graph.add((self.node, CORE.combinationsNotExamined, Literal(found.combinations)))
        else:
            self.graph.add((self.node, CORE.robust, Literal(found.is_robust)))
        for ambiguity in found.hangs_on:
            self.graph.add((self.node, CORE.hangsOn, self.compiled.guideline.readings.iris[ambiguity]))
