"""Each house rule on evidence catches the defect it is for.

As in ``test_house_rules.py``, but several defects are seeded into one graph: each is expected at a place
of its own, so that none can be found for another.
"""

from collections import Counter

import pytest
from rdflib import Graph

from kg_service.knowledge import DATA_ROOT, load_file, load_graph
from kg_service.validation import validate

PREFIXES = """
PREFIX aura: <https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/>
PREFIX cito: <http://purl.org/spar/cito/>
PREFIX core: <https://w3id.org/bonemet-kg/core/>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX ev: <https://w3id.org/bonemet-kg/evidence/>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX qty: <https://w3id.org/bonemet-kg/quantity/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""
SEEDED = [
    ("a contradiction told on one side", "DELETE WHERE { aura:S050 core:contradicts aura:S035 }", "S035"),
    ("an outcome without a definition", "DELETE WHERE { aura:outcome-fracture skos:definition ?d }", "outcome-fracture"),
    ("a reference without a number", "DELETE WHERE { aura:ref-98 core:referenceNumber ?n }", "ref-98"),
    ("a number that no reference bears", "INSERT DATA { aura:S014 core:referenceNumber 121 }", "guideline"),
    ("two references of one number", "INSERT DATA { aura:ref-87 core:referenceNumber 86 }", "guideline"),
    ("a study that no statement tells of", "DELETE WHERE { aura:study-madani core:restsOn ?s }", "study-madani"),
    ("a study documented by a statement", "INSERT DATA { aura:study-erler cito:isDocumentedBy aura:S113 }", "study-erler"),
    ("a presumption that does not say so", "DELETE WHERE { aura:study-rich-2018 skos:editorialNote ?n }", "study-rich-2018"),
    ("a group of nothing", "DELETE { ?s ?p aura:group-madani } WHERE { ?s ?p aura:group-madani }", "group-madani"),
    ("a figure without a unit", "DELETE { ?q qty:unit ?u } WHERE { aura:finding-S036-1 ev:figure ?q . ?q qty:unit ?u }", "finding-S036-1"),
    ("a figure in an unknown unit", 'DELETE { ?q qty:unit ?u } INSERT { ?q qty:unit "percent" } WHERE { aura:finding-S101-1 ev:figure ?q . ?q qty:unit ?u }', "finding-S101-1"),
    ("a share beyond the whole", "DELETE { ?q qty:value ?v } INSERT { ?q qty:value 120.0 } WHERE { aura:finding-S113-3 ev:figure ?q . ?q qty:value ?v }", "finding-S113-3"),
    ("a share below nothing", 'DELETE { ?q qty:minExclusive ?v } INSERT { ?q qty:minExclusive "-20.0"^^xsd:decimal } WHERE { aura:finding-S120-1 ev:threshold ?q . ?q qty:minExclusive ?v }', "finding-S120-1"),
    ("a value and a bound", "INSERT { ?q qty:minInclusive 10.0 } WHERE { aura:finding-S106-1 ev:figure ?q }", "finding-S106-1"),
    ("bounds the wrong way round", "DELETE { ?q qty:minInclusive ?v } INSERT { ?q qty:minInclusive 90.0 } WHERE { aura:finding-S134-1 ev:figure ?q . ?q qty:minInclusive ?v }", "finding-S134-1"),
    ("a value that is no decimal", "DELETE { ?q qty:value ?v } INSERT { ?q qty:value 17 } WHERE { aura:finding-S109-1 ev:figure ?q . ?q qty:value ?v }", "finding-S109-1"),
    ("a time that is not in months", 'DELETE { ?q qty:unit ?u } INSERT { ?q qty:unit "a" } WHERE { aura:finding-S125-3 ev:atTime ?q . ?q qty:unit ?u }', "finding-S125-3"),
    ("a time told in one language twice", 'INSERT DATA { aura:finding-S102-1 ev:timeAsWorded "soon"@en }', "finding-S102-1"),
    ("an interval without bounds", "DELETE { ?q qty:minInclusive ?l ; qty:maxInclusive ?h } WHERE { aura:outside-A15-1 ev:interval ?q . ?q qty:minInclusive ?l ; qty:maxInclusive ?h }", "outside-A15-1"),
    ("a finding of two figures", 'INSERT DATA { aura:finding-S036-2 ev:figure [ qty:value 20.0 ; qty:unit "%" ] }', "finding-S036-2"),
    ("a finding of no measure", "DELETE WHERE { aura:finding-S104-1 ev:measure ?m }", "finding-S104-1"),
    ("a rate of no outcome", "DELETE WHERE { aura:finding-S126-1 core:ofOutcome ?o }", "finding-S126-1"),
    ("a rate without a figure", "DELETE WHERE { aura:finding-S126-2 ev:figure ?q }", "finding-S126-2"),
    ("an occurrence of nothing", "DELETE WHERE { aura:finding-S127-1 core:ofOutcome ?o }", "finding-S127-1"),
    ("a comparison that goes nowhere", "DELETE WHERE { aura:finding-S103-1 ev:direction ?d }", "finding-S103-1"),
    ("a cut-off without a direction", 'INSERT DATA { aura:finding-S113-1 ev:threshold [ qty:minInclusive 1.0 ; qty:unit "Gy" ] }', "finding-S113-1"),
    ("a group compared with itself", "INSERT DATA { aura:finding-S057-1 ev:comparedWith aura:group-canadian-complicated-fractionated }", "finding-S057-1"),
    ("a finding that no statement tells", "DELETE WHERE { aura:finding-S108-1 core:restsOn ?s }", "finding-S108-1"),
    ("a finding taken from elsewhere", "INSERT DATA { aura:finding-S117-1 prov:wasDerivedFrom aura:copy-P20 }", "finding-S117-1"),
    ("an outside figure in the guideline's mouth", "INSERT DATA { aura:outside-A50-1 core:restsOn aura:S106 }", "outside-A50-1"),
    ("an outside figure without a mark", "DELETE WHERE { aura:outside-A50-2 ev:verification ?v }", "outside-A50-2"),
    ("an outside figure seen nowhere", "DELETE WHERE { aura:outside-A50-3 prov:wasDerivedFrom ?c }", "outside-A50-3"),
    ("an outside figure that is an inference", "DELETE WHERE { aura:outside-A51-1 ev:verification ?v } ; INSERT DATA { aura:outside-A51-1 ev:verification ev:Inferred }", "outside-A51-1"),
    ("a memory that names a copy", "INSERT DATA { aura:outside-A10-1 prov:wasDerivedFrom aura:copy-P12 }", "outside-A10-1"),
    ("a memory told as a fact", 'DELETE { ?o rdfs:label ?l } INSERT { ?o rdfs:label "23 patients évaluables"@fr } WHERE { VALUES ?o { aura:outside-A56-2 } ?o rdfs:label ?l FILTER(LANG(?l) = "fr") }', "outside-A56-2"),
    ("a part told as the whole", 'DELETE { ?o rdfs:label ?l } INSERT { ?o rdfs:label "lytic lesion and fracture"@en } WHERE { VALUES ?o { aura:outside-A54-2 } ?o rdfs:label ?l FILTER(LANG(?l) = "en") }', "outside-A54-2"),
    ("an outside figure beside nothing", "DELETE WHERE { aura:discrepancy-A50 ev:outsideFigure aura:outside-A50-4 }", "outside-A50-4"),
    ("an outside figure beside a statement", "INSERT DATA { aura:outside-A52-2 ev:beside aura:S109 }", "outside-A52-2"),
    ("a figure beside what is not in question", "INSERT DATA { aura:outside-A56-1 ev:beside aura:finding-S113-2 }", "discrepancy-A56"),
    ("a discrepancy that compares nothing", "DELETE { ?o ev:beside ?f } WHERE { aura:discrepancy-A57 ev:outsideFigure ?o . ?o ev:beside ?f }", "discrepancy-A57"),
    ("a discrepancy with nothing printed", "DELETE WHERE { aura:discrepancy-A51 ev:printed ?f }", "discrepancy-A51"),
    ("a discrepancy with nothing outside", "DELETE WHERE { aura:discrepancy-A53 ev:outsideFigure ?f }", "discrepancy-A53"),
    ("a discrepancy that no ambiguity reads", "DELETE WHERE { aura:discrepancy-A50 core:ambiguity ?a }", "discrepancy-A50"),
    ("a copy from nowhere", "DELETE WHERE { aura:copy-P26 dcterms:source ?s }", "copy-P26"),
    ("a copy of who knows what", "DELETE WHERE { aura:copy-P31 ev:ofCitedWork ?w }", "copy-P31"),
    ("an assumption told as seen", "DELETE WHERE { aura:supposed-A55 ev:verification ?v } ; INSERT DATA { aura:supposed-A55 ev:verification ev:Seen }", "supposed-A55"),
]  # fmt: skip


def in_round(number: int) -> list[tuple[str, str, str]]:
    """Return the defects of one round: in each, no two are expected at one place."""
    seen: Counter[str] = Counter()
    chosen = []
    for defect in SEEDED:
        if seen[defect[2]] == number:
            chosen.append(defect)
        seen[defect[2]] += 1
    return chosen


def test_the_table_holds_the_defects_it_says() -> None:
    assert len(SEEDED) == 46
    assert [len(in_round(number)) for number in range(3)] == [45, 1, 0]


@pytest.mark.parametrize("number", [0, 1])
def test_every_seeded_defect_is_found_where_it_is(number: int) -> None:
    graph = Graph()
    graph += load_graph()
    for _, update, _ in in_round(number):
        before = set(graph)
        graph.update(PREFIXES + update)
        assert set(graph) != before, update
    found = validate(graph, load_file(DATA_ROOT / "shapes" / "ontology.ttl"))
    places = {f.focus.rsplit("/", 1)[-1] for f in found}
    assert [name for name, _, where in in_round(number) if where not in places] == []
    assert all(f.message["en"] and f.message["fr"] for f in found)
