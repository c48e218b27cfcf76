"""Each house rule catches the defect it is for, and finds nothing in the ontology as it stands."""

import pytest
from rdflib import Graph

from kg_service.knowledge import DATA_ROOT, load_file, load_graph
from kg_service.validation import validate

PREFIXES = """
PREFIX aura: <https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/>
PREFIX core: <https://w3id.org/bonemet-kg/core/>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX qty: <https://w3id.org/bonemet-kg/quantity/>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX rec: <https://w3id.org/bonemet-kg/record/>
PREFIX rt: <https://w3id.org/bonemet-kg/radiotherapy/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX vann: <http://purl.org/vocab/vann/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""
SEEDED = [
    ("a class without a French label", 'DELETE { rec:Patient rdfs:label ?l } WHERE { rec:Patient rdfs:label ?l FILTER(LANG(?l) = "fr") }', "Patient"),
    ("a property without a definition", "DELETE WHERE { rec:diameter skos:definition ?d }", "diameter"),
    ("a label with space around it", 'INSERT DATA { rec:diameter rdfs:label " size"@en }', "diameter"),
    ("a term nobody defines", "DELETE WHERE { rec:diameter rdfs:isDefinedBy ?m }", "diameter"),
    ("an individual without a label", "DELETE WHERE { aura:strength-optional rdfs:label ?l }", "strength-optional"),
    ("a module without a licence", "DELETE WHERE { <https://w3id.org/bonemet-kg/record> dcterms:license ?l }", "record"),
    ("a version that is no date", "DELETE { ?o owl:versionIRI ?v } INSERT { ?o owl:versionIRI <urn:v1> } WHERE { VALUES ?o { <https://w3id.org/bonemet-kg/record> } ?o owl:versionIRI ?v }", "record"),
    ("a recommendation without a statement", "DELETE WHERE { aura:rec-S071 core:restsOn ?s }", "rec-S071"),
    ("a recommendation without a strength", "DELETE WHERE { aura:rec-S071 core:strength ?s }", "rec-S071"),
    ("a recommendation of two kinds", "INSERT DATA { aura:rec-S071 a core:Indication }", "rec-S071"),
    ("an indication of nothing", "DELETE WHERE { aura:rec-S061 core:option ?o }", "rec-S061"),
    ("a population that is no class", "DELETE { aura:rec-S061 core:population ?p } INSERT { aura:rec-S061 core:population aura:Nobody } WHERE { aura:rec-S061 core:population ?p }", "rec-S061"),
    ("a statement told in one language", 'DELETE { aura:S071 core:paraphrase ?p } WHERE { aura:S071 core:paraphrase ?p FILTER(LANG(?p) = "fr") }', "S071"),
    ("a statement without its lines", "DELETE WHERE { aura:S071 core:sourceLines ?l }", "S071"),
    ("an ambiguity without an adopted reading", "DELETE WHERE { aura:A27 core:adoptedReading ?r }", "A27"),
    ("a reading of nothing", "DELETE WHERE { aura:A27-a core:readingOf ?a }", "A27-a"),
    ("a criterion with two definitions", "INSERT DATA { aura:SpinalLesion owl:equivalentClass rec:Lesion }", "SpinalLesion"),
    ("a criterion that cites no statement", "DELETE WHERE { aura:SpinalLesion core:restsOn ?s }", "SpinalLesion"),
    ("a feature without a question", "DELETE WHERE { rec:diameter core:question ?q }", "diameter"),
    ("a quantity without a unit", "DELETE WHERE { rec:diameter core:canonicalUnit ?u }", "diameter"),
    ("an assumption of nothing that is judged", "DELETE { ?a core:fixes ?f } INSERT { ?a core:fixes rec:primaryControlled } WHERE { VALUES ?a { aura:assumption-small-lesion } ?a core:fixes ?f }", "assumption-small-lesion"),
    ("an assumption from what is no number", "DELETE { ?a core:fromFeature ?f } INSERT { ?a core:fromFeature rec:site } WHERE { VALUES ?a { aura:assumption-small-lesion } ?a core:fromFeature ?f }", "assumption-small-lesion"),
    ("an assumption that compares by something else", "DELETE { ?a core:comparison ?c } INSERT { ?a core:comparison core:Maximum } WHERE { VALUES ?a { aura:assumption-small-lesion } ?a core:comparison ?c }", "assumption-small-lesion"),
    ("an assumption that brings its own value", "INSERT DATA { aura:assumption-small-lesion qty:value 3.0 }", "assumption-small-lesion"),
    ("an assumption without a statement", "DELETE WHERE { aura:assumption-small-lesion core:restsOn ?s }", "assumption-small-lesion"),
    ("a regimen without fractions", "DELETE WHERE { rt:RT-30Gy-10fx rt:fractions ?n }", "RT-30Gy-10fx"),
    ("a module without the day of its version", "DELETE WHERE { <https://w3id.org/bonemet-kg/record> dcterms:modified ?d }", "record"),
    ("a module issued after it was changed", 'DELETE { ?m dcterms:issued ?d } INSERT { ?m dcterms:issued "2999-01-01"^^xsd:date } WHERE { VALUES ?m { <https://w3id.org/bonemet-kg/record> } ?m dcterms:issued ?d }', "record"),
    ("a version IRI of another day", "DELETE { ?m owl:versionIRI ?v } INSERT { ?m owl:versionIRI <https://w3id.org/bonemet-kg/record/1999-01-01> } WHERE { VALUES ?m { <https://w3id.org/bonemet-kg/record> } ?m owl:versionIRI ?v }", "record"),
    ("a citation of another version", 'DELETE { ?m dcterms:bibliographicCitation ?c } INSERT { ?m dcterms:bibliographicCitation "bonemet-kg contributors. Record model." } WHERE { VALUES ?m { <https://w3id.org/bonemet-kg/record> } ?m dcterms:bibliographicCitation ?c }', "record"),
    ("a later version without the one before", 'DELETE { ?m dcterms:issued ?d } INSERT { ?m dcterms:issued "2026-01-01"^^xsd:date } WHERE { VALUES ?m { <https://w3id.org/bonemet-kg/record> } ?m dcterms:issued ?d }', "record"),
    ("a version that comes before itself", "INSERT { ?m owl:priorVersion ?v } WHERE { VALUES ?m { <https://w3id.org/bonemet-kg/record> } ?m owl:versionIRI ?v }", "record"),
    ("a module without documentation", "DELETE WHERE { <https://w3id.org/bonemet-kg/record> rdfs:seeAlso ?p }", "record"),
    ("a module without prefix", "DELETE WHERE { <https://w3id.org/bonemet-kg/record> vann:preferredNamespacePrefix ?p }", "record"),
    ("a version number that is none", 'DELETE { ?m owl:versionInfo ?v } INSERT { ?m owl:versionInfo "new" } WHERE { VALUES ?m { <https://w3id.org/bonemet-kg/record> } ?m owl:versionInfo ?v }', "record"),
    ("criteria of an unnamed guideline", "DELETE WHERE { <https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/criteria> dcterms:source ?g }", "criteria"),
    ("a property said of nothing", "DELETE WHERE { rec:hasLesion rdfs:domain ?d }", "hasLesion"),
    ("a property of two ranges", "INSERT DATA { rec:hasLesion rdfs:range rec:Surgery }", "hasLesion"),
    ("a class named like a property", "INSERT DATA { rec:strange a owl:Class }", "strange"),
    ("a criterion that is a kind of nothing", "DELETE WHERE { aura:SpinalLesion rdfs:subClassOf ?c }", "SpinalLesion"),
    ("a label that is the definition", 'INSERT DATA { rec:diameter skos:definition "diameter"@en }', "diameter"),
    ("a deprecated term without a successor", "INSERT DATA { rec:diameter owl:deprecated true }", "diameter"),
    ("a deprecated term still in use", "INSERT DATA { rec:site owl:deprecated true ; dcterms:isReplacedBy rec:diameter }", "site"),
    ("an IRI of this machine", "INSERT DATA { <http://localhost/x> a owl:Class }", "x"),
]  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> Graph:
    return load_file(DATA_ROOT / "shapes" / "ontology.ttl")


def test_the_ontology_keeps_the_house_rules(rules: Graph) -> None:
    assert validate(load_graph(), rules) == []


def test_the_table_holds_the_defects_it_says() -> None:
    assert len(SEEDED) == 44


def together(most: int) -> list[list[tuple[str, str, str]]]:
    """Return the defects in groups that are seeded at once: no two at the same place, so that each is seen alone."""
    groups: list[list[tuple[str, str, str]]] = []
    for defect in SEEDED:
        fitting = (g for g in groups if len(g) < most and defect[2] not in {where for _, _, where in g})
        group = next(fitting, None)
        if group is None:
            groups.append([defect])
        else:
            group.append(defect)
    return groups


@pytest.mark.parametrize("half", [0, 1])
def test_every_seeded_defect_is_found_where_it_is(rules: Graph, half: int) -> None:
    groups = together(4)
    assert sum(map(len, groups)) == len(SEEDED)
    missed = []
    for group in groups[half::2]:
        graph = Graph()
        graph += load_graph()
        for _, update, _ in group:
            graph.update(PREFIXES + update)
        found = validate(graph, rules)
        places = {f.focus.rsplit("/", 1)[-1] for f in found}
        missed += [name for name, _, where in group if where not in places]
        assert all(f.message["en"] and f.message["fr"] for f in found)
    assert missed == []
