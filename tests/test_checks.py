"""``bonemet check`` passes on what is shipped, and fails where something is wrong."""

import pytest
from rdflib import Graph, URIRef

from kg_service.checks import run_checks
from kg_service.errors import CompileError
from kg_service.knowledge import load_graph
from kg_service.namespaces import OWL, RDFS, REC
from kg_service.service import KnowledgeBase

AURA = "https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/"
NAMES = [
    "modules",
    "declarations",
    "house rules",
    "references",
    "distinct terms",
    "RDF/XML",
    "versions",
    "documentation",
    "alignments",
    "HermiT consistency",
    *(
        f"{check}{of}"
        for of in ("", " of acr-2014", " of astro-2017", " of astro-2024")
        for check in ("fragment", "coverage", "readings", "generated shapes", "plan against HermiT")
    ),
]


def changed(update: str) -> KnowledgeBase:
    graph = Graph()
    graph += load_graph()
    graph.update(
        f"PREFIX aura: <{AURA}> PREFIX owl: <{OWL}> PREFIX rec: <{REC}> PREFIX rdfs: <{RDFS}> {update}"
    )
    return KnowledgeBase(graph)


def test_what_is_shipped_passes_every_check(base: KnowledgeBase) -> None:
    results = list(run_checks(base, cases=20, seed=4, write=False))
    assert [r.name for r in results] == NAMES
    assert [r for r in results if not r.passed] == []


def failed(base: KnowledgeBase) -> set[str]:
    return {r.name for r in run_checks(base, cases=2, seed=4, write=False) if not r.passed}


def test_a_threshold_that_moves_leaves_the_generated_shapes_behind() -> None:
    """Five millimetres become six in the axiom alone."""
    xsd = "http://www.w3.org/2001/XMLSchema#"
    base = changed(
        f"DELETE {{ ?f <{xsd}maxExclusive> 5.0 }} INSERT {{ ?f <{xsd}maxExclusive> 6.0 }} "
        f"WHERE {{ ?f <{xsd}maxExclusive> 5.0 }}"
    )
    assert "generated shapes" in failed(base)


def test_a_graph_that_is_not_under_its_adopted_readings_is_found() -> None:
    base = changed(
        "DELETE { aura:CordCompressionBarringSBRT owl:equivalentClass ?d } "
        "INSERT { aura:CordCompressionBarringSBRT owl:equivalentClass aura:CordCompressionBarringSBRT-A27-c } "
        "WHERE { aura:CordCompressionBarringSBRT owl:equivalentClass ?d }"
    )
    assert "readings" in failed(base)


@pytest.mark.parametrize(
    ("axiom", "message"),
    [
        ("aura:SpinalLesion owl:disjointWith aura:FractureRisk", "uses disjointWith"),
        ("aura:SpinalLesion rdfs:subClassOf aura:FractureRisk", "further superclass"),
        ("aura:SpinalLesion owl:equivalentClass aura:FractureRisk", "2 owl:equivalentClass axioms"),
        ("rec:site a owl:TransitiveProperty", "TransitiveProperty"),
        ("rec:site rdfs:subPropertyOf rec:laterality", "uses subPropertyOf"),
        (
            "rec:Lesion rdfs:subClassOf [ a owl:Restriction ; owl:onProperty rec:cordCompression ; owl:hasValue true ]",
            "says more than",
        ),
        (
            "rec:Lesion rdfs:subClassOf [ a owl:Restriction ; owl:onProperty rec:site ; owl:allValuesFrom rec:Painful ]",
            "uses allValuesFrom",
        ),
        ("rec:Painless rdfs:subClassOf rec:UnstableSpine", "not in its disjoint union"),
    ],
)
def test_an_axiom_outside_the_fragment_stops_the_compiler_with_its_name(axiom: str, message: str) -> None:
    with pytest.raises(CompileError, match=r".") as error:
        _ = changed(f"INSERT DATA {{ {axiom} }}").compiled().plan
    assert message in str(error.value)
    assert "docs/fragment.md" in str(error.value)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("[ a owl:Class ; owl:unionOf ( aura:SpinalLesion ) ]", "defined by itself"),
        ("aura:Nothing", "0 owl:equivalentClass axioms"),
        (
            "[ a owl:Restriction ; owl:onProperty rec:site ; owl:someValuesFrom rec:Painful ]",
            "no value of its partition",
        ),
        (
            "[ a owl:Restriction ; owl:onProperty rec:site ; owl:hasValue true ]",
            "in a way its values do not allow",
        ),
        (
            "[ a owl:Restriction ; owl:onProperty rec:hadCourse ; owl:someValuesFrom rec:PreviousCourse ]",
            "no feature or link",
        ),
        (
            "[ a owl:Restriction ; owl:onProperty rec:diameter ; owl:someValuesFrom owl:Thing ]",
            "something else than facets",
        ),
    ],
)
def test_a_definition_outside_the_fragment_stops_the_compiler(definition: str, message: str) -> None:
    base = changed(
        f"DELETE {{ aura:SpinalLesion owl:equivalentClass ?d }} INSERT {{ aura:SpinalLesion owl:equivalentClass {definition} }} "
        "WHERE { aura:SpinalLesion owl:equivalentClass ?d }"
    )
    with pytest.raises(CompileError, match=r".") as error:
        _ = base.compiled().plan
    assert message in str(error.value)
    assert URIRef(error.value.axiom) in (URIRef(f"{AURA}SpinalLesion"), URIRef(f"{AURA}Nothing"))
