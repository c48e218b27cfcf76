"""Conclusions as RDF: PROV-O, one named graph a case, the same triples for the same input."""

from __future__ import annotations

from rdflib import Graph, Literal, URIRef

from kg_service.argument import Flip
from kg_service.assessment import Assessment, Conclusion, OptionVerdict
from kg_service.bearing import Bearing
from kg_service.compiler import CompiledGuideline
from kg_service.derivation import describe
from kg_service.explain import merged
from kg_service.guideline import Recommendation, guidelines_in
from kg_service.iris import AnswerPlace, member_iri, record_graph_iri
from kg_service.namespaces import CORE, DCTERMS, OWL, PROV, QTY, RDF, RDFS, XSD, local_name
from kg_service.option_decision import Verdict
from kg_service.prescription import PrescriptionCheck
from kg_service.record import AppliedAssumption, Case, Fact
from kg_service.remedy import Remedy
from kg_service.robustness import CaseRobustness
from kg_service.values import Status, decimal_text

STATUSES = {word: CORE[word.capitalize()] for word in ("true", "false", "unknown")}

_BEARING: dict[Bearing, URIRef] = {
    "departs": CORE.departsFrom,
    "waits": CORE.waitsOn,
    "open": CORE.openOn,
    "undocumented": CORE.leavesUndocumented,
    "follows": CORE.follows,
}


def conclusions_graph(
    assessment: Assessment,
    compiled: CompiledGuideline,
    robustness: CaseRobustness | None = None,
    remedies: tuple[Remedy, ...] = (),
) -> Graph:
    """Return the conclusions on one case, each derived from the facts it rests on.

    Where it was examined, each says whether it is the same under every reading of the source. The check
    of the prescription names the changes that make the best of it, where these were searched.
    """
    graph = Graph()
    place = place_of(assessment.case, compiled)
    activity = add_assessment(graph, place, compiled)
    graph.add((activity, PROV.used, record_graph_iri(assessment.case.document)))
    for applied in assessment.case.assumptions:
        graph.add((activity, PROV.used, _add_setting(graph, place, applied)))
    for fact in assessment.case.facts.values():
        if fact.assumption is not None:
            add_fact(graph, place, fact, assessment.case)
    for conclusion in assessment.conclusions:
        _add_conclusion(graph, place, conclusion, assessment.case)
    for position, verdict in enumerate(assessment.options, start=1):
        _add_verdict(graph, place, verdict, position)
    if assessment.prescription is not None:
        check = _add_check(graph, place, assessment.prescription, assessment.case)
        add_remedies(graph, place, check, remedies, compiled, assessment.case)
    if robustness is not None:
        _add_robustness(graph, place, robustness, compiled)
    return graph


def place_of(case: Case, compiled: CompiledGuideline) -> AnswerPlace:
    """Return where the answers of a guideline on a case stand."""
    return place_at(member_iri(case.document, case.id), compiled)


def place_at(case: URIRef, compiled: CompiledGuideline) -> AnswerPlace:
    """Return where the answers of a guideline on a case stand, by its IRI."""
    return AnswerPlace.of(case, None if compiled.guideline.is_default else compiled.guideline.id)


def add_assessment(graph: Graph, place: AnswerPlace, compiled: CompiledGuideline) -> URIRef:
    """Add the assessment of a case: by which guideline, in which version, under which readings."""
    activity = _assessment_iri(place)
    guideline = compiled.guideline
    graph.add((activity, RDF.type, PROV.Activity))
    graph.add((activity, RDF.type, CORE.Assessment))
    graph.add((activity, CORE.case, place.case))
    graph.add((activity, CORE.ofGuideline, guideline.iri))
    for version in guideline_versions(compiled):
        graph.add((activity, PROV.used, version))
    if guideline.profile is not None:
        graph.add((activity, PROV.used, guideline.profile.iri))
    for reading in guideline.selected.values():
        graph.add((activity, PROV.used, reading.iri))
    return activity


def add_conclusion(
    graph: Graph, place: AnswerPlace, recommendation: Recommendation, status: Status, fulfilled: Status | None
) -> URIRef:
    """Add what is concluded from a recommendation, without what it is derived from; return its node."""
    node = URIRef(f"{place.nodes}/conclusion/{recommendation.id}")
    _add_answer(graph, node, CORE.Conclusion, place)
    graph.add((node, CORE.recommendation, recommendation.iri))
    graph.add((node, CORE.status, STATUSES[status]))
    if fulfilled is not None:
        graph.add((node, CORE.fulfilled, STATUSES[fulfilled]))
    for statement in recommendation.statements:
        graph.add((node, CORE.restsOn, statement.iri))
    return node


def add_verdict(graph: Graph, place: AnswerPlace, option: URIRef, verdict: Verdict) -> URIRef:
    """Add the verdict on an option, without what leads to it; return its node."""
    node = URIRef(f"{place.nodes}/option/{local_name(option)}")
    _add_answer(graph, node, CORE.OptionVerdict, place)
    graph.add((node, CORE.option, option))
    graph.add((node, CORE.verdict, Literal(verdict)))
    return node


def add_check(graph: Graph, place: AnswerPlace, concordance: URIRef, best: URIRef, worst: URIRef) -> URIRef:
    """Add what is made of the prescription, without what it departs from; return its node."""
    node = URIRef(f"{place.nodes}/prescription-check")
    _add_answer(graph, node, CORE.PrescriptionCheck, place)
    graph.add((node, CORE.concordance, concordance))
    graph.add((node, CORE.atBest, best))
    graph.add((node, CORE.atWorst, worst))
    return node


def _add_answer(graph: Graph, node: URIRef, kind: URIRef, place: AnswerPlace) -> None:
    graph.add((node, RDF.type, kind))
    graph.add((node, RDF.type, PROV.Entity))
    graph.add((node, PROV.wasGeneratedBy, _assessment_iri(place)))
    graph.add((node, CORE.case, place.case))


def _assessment_iri(place: AnswerPlace) -> URIRef:
    return URIRef(f"{place.nodes}/assessment")


def _add_robustness(
    graph: Graph, place: AnswerPlace, found: CaseRobustness, compiled: CompiledGuideline
) -> None:
    """Add to each conclusion, verdict and check whether it is robust, and what it hangs on.

    An option that no indication offers under the readings in force has no verdict to add to.
    """
    by_iri = compiled.guideline.by_iri
    nodes = {URIRef(f"{place.nodes}/conclusion/{by_iri[iri].id}"): r for iri, r in found.conclusions.items()}
    nodes |= {URIRef(f"{place.nodes}/option/{local_name(option)}"): r for option, r in found.options.items()}
    if found.prescription is not None:
        nodes[URIRef(f"{place.nodes}/prescription-check")] = found.prescription
    for node, item in nodes.items():
        if (node, RDF.type, None) not in graph:
            continue
        if item.is_robust is None:
            graph.add((node, CORE.combinationsNotExamined, Literal(item.combinations)))
        else:
            graph.add((node, CORE.robust, Literal(item.is_robust)))
        for ambiguity in item.hangs_on:
            graph.add((node, CORE.hangsOn, compiled.guideline.readings.iris[ambiguity]))


def guideline_versions(compiled: CompiledGuideline) -> list[URIRef]:
    """Return the version IRIs of the modules that a guideline was compiled from: its own and shared ones."""
    graph, own = compiled.guideline.source, compiled.guideline.iri
    others = set(guidelines_in(graph).values()) - {own}
    return sorted(
        URIRef(str(v))
        for o in graph.subjects(RDF.type, OWL.Ontology)
        if others.isdisjoint(graph.objects(o, DCTERMS.source))
        for v in graph.objects(o, OWL.versionIRI)
    )


def _add_conclusion(graph: Graph, place: AnswerPlace, conclusion: Conclusion, case: Case) -> None:
    node = add_conclusion(graph, place, conclusion.recommendation, conclusion.status, conclusion.fulfilled)
    for feature in conclusion.missing:
        graph.add((node, CORE.missingFeature, feature))
    for fact in conclusion.facts:
        graph.add((node, PROV.wasDerivedFrom, add_fact(graph, place, fact, case)))


def _add_setting(graph: Graph, place: AnswerPlace, applied: AppliedAssumption) -> URIRef:
    """Add the value that a user gave to a local assumption; return its node."""
    setting = applied.setting
    node = _setting_iri(place, setting.id)
    for kind in (CORE.AssumptionSetting, QTY.Quantity, PROV.Entity):
        graph.add((node, RDF.type, kind))
    graph.add((node, CORE.ofAssumption, setting.iri))
    graph.add((node, QTY.value, Literal(decimal_text(setting.number), datatype=XSD.decimal)))
    graph.add((node, QTY.unit, Literal(setting.unit)))
    graph.add((node, CORE.applied, Literal(applied.use == "used")))
    return node


def _setting_iri(place: AnswerPlace, identifier: str) -> URIRef:
    return URIRef(f"{place.nodes}/assumption/{identifier}")


def add_fact(graph: Graph, place: AnswerPlace, fact: Fact, case: Case) -> URIRef:
    """Add what is known of a feature, and where the record says so; return its node."""
    node = URIRef(f"{place.case}/fact/{local_name(fact.feature)}")
    graph.add((node, RDF.type, CORE.Fact))
    graph.add((node, RDF.type, PROV.Entity))
    graph.add((node, CORE.ofFact, fact.feature))
    graph.add((node, CORE.stated, Literal(fact.stated)))
    graph.add((node, CORE.place, Literal(fact.where)))
    for where in fact.basis:
        graph.add((node, DCTERMS.source, Literal(where)))
    if fact.origin:
        graph.add((node, CORE.origin, Literal(fact.origin)))
    if fact.assumption is not None:
        number = case.facts[fact.assumption.from_feature]
        graph.add((node, PROV.wasDerivedFrom, _setting_iri(place, fact.assumption.id)))
        graph.add((node, PROV.wasDerivedFrom, add_fact(graph, place, number, case)))
    return node


def add_remedies(
    graph: Graph,
    place: AnswerPlace,
    check: URIRef,
    remedies: tuple[Remedy, ...],
    compiled: CompiledGuideline,
    case: Case,
) -> None:
    """Add to the check of a prescription the changes that make the best of it."""
    for number, remedy in enumerate(remedies, start=1):
        node = URIRef(f"{check}/remedy/{number}")
        graph.add((check, CORE.remedy, node))
        graph.add((node, RDF.type, CORE.Remedy))
        graph.add((node, CORE.concordance, remedy.concordance))
        graph.add((node, CORE.atBest, remedy.best))
        graph.add((node, CORE.atWorst, remedy.worst))
        for position, flip in enumerate(remedy.flips, start=1):
            change = URIRef(f"{node}/change/{position}")
            graph.add((node, CORE.changedBy, change))
            add_change(graph, place, change, flip, compiled, case)


def add_change(
    graph: Graph, place: AnswerPlace, node: URIRef, flip: Flip, compiled: CompiledGuideline, case: Case
) -> None:
    """Add a fact to change: the values it would have to take, and what is known of it now."""
    feature = compiled.schema.features[URIRef(flip.change.feature)]
    values = " or ".join(describe(value, feature) for value in merged(flip.change.values))
    graph.add((node, RDF.type, CORE.Change))
    graph.add((node, CORE.ofFact, feature.iri))
    graph.add((node, CORE.changedTo, Literal(values)))
    if flip.fact is not None:
        graph.add((node, PROV.wasDerivedFrom, add_fact(graph, place, flip.fact, case)))


def _add_check(graph: Graph, place: AnswerPlace, check: PrescriptionCheck, case: Case) -> URIRef:
    node = add_check(graph, place, check.concordance, check.best, check.worst)
    for option, status in check.realises.items():
        if status == "true":
            graph.add((node, CORE.realises, option))
    for feature in check.missing:
        graph.add((node, CORE.missingFeature, feature))
    for finding in check.findings:
        graph.add((node, _BEARING[finding.bearing], finding.recommendation.iri))
        if finding.bearing == "departs":
            for fact in finding.facts:
                graph.add((node, PROV.wasDerivedFrom, add_fact(graph, place, fact, case)))
    return node


def _add_verdict(graph: Graph, place: AnswerPlace, verdict: OptionVerdict, position: int) -> None:
    node = add_verdict(graph, place, verdict.option, verdict.verdict)
    graph.add((node, CORE.position, Literal(position, datatype=XSD.integer)))
    if verdict.leading is not None:
        graph.add((node, CORE.leading, verdict.leading.iri))
        if verdict.leading.strength is not None:
            graph.add((node, CORE.strength, verdict.leading.strength))
    for population in verdict.yields_to:
        graph.add((node, CORE.yieldsTo, population))
    for loser in verdict.outranked:
        graph.add((node, CORE.outranked, loser.iri))
    for conclusion in (
        *verdict.indications,
        *verdict.contraindications,
        *verdict.qualifications,
        *verdict.reservations,
    ):
        graph.add((node, RDFS.seeAlso, URIRef(f"{place.nodes}/conclusion/{conclusion.recommendation.id}")))
