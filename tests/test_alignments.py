"""The alignments: valid SSSOM, real terms and codes, levels kept, nothing outside in the logic."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from rdflib import RDFS, SKOS, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, OWL

from kg_service.alignment_checks import alignment_findings, outside_axioms, targets
from kg_service.alignments import (
    FOLDER,
    NO_TERM,
    SSSOM,
    MappingSet,
    TermMapping,
    mapping_sets,
    read_mapping_set,
)
from kg_service.errors import CatalogError
from kg_service.knowledge import load_graph
from kg_service.namespaces import BASE, FB, RDF, REC
from kg_service.store import Store

ANAT = Namespace(f"{BASE}anatomy/")
RT = Namespace(f"{BASE}radiotherapy/")
SCT = Namespace("http://snomed.info/id/")
NCIT = Namespace("http://purl.obolibrary.org/obo/NCIT_")
HP = Namespace("http://purl.obolibrary.org/obo/HP_")
LOINC = Namespace("https://loinc.org/")
SCHEMA = json.loads((Path(__file__).parent / "data" / "sssom.schema.json").read_text(encoding="utf-8"))

EXPECTED = {
    # The 28 vertebrae from C1 to S4, 6 long bones, 3 parts of the hip bone, rib, scapula, clavicle, sternum,
    # coccyx, vault; regions and vertebrae of 4 regions, the column, a vertebra, acetabulum, hip bone, limb, bone.
    "uberon": {"exact": 43, "close": 14, "broad": 2, "narrow": 12, "related": 6, "absent": 1},
    # S5 too, no scapula; no limb bone, two codes for bone.
    "fma": {"exact": 43, "close": 14, "broad": 2, "narrow": 12, "related": 6},
    # The 43 of Uberon, and lesion, ECOG, stereotactic, 3D, intensity modulated, palliative.
    "ncit": {"exact": 49, "close": 29, "broad": 7, "narrow": 20, "related": 12, "absent": 14},
    # C1, C2, S1 to S5; 4 long bones, ilium, ischium, rib, scapula, clavicle, sternum; lesion, ECOG, external
    # beam, 3D, intensity modulated, radionuclide, brachytherapy, palliative.
    "snomed-ct": {"exact": 25, "close": 76, "broad": 7, "narrow": 28, "related": 50, "absent": 12},
    "hp": {"close": 8, "broad": 2},
    "icd-10": {"close": 2, "broad": 1},
    "icd-10-cm": {"exact": 1},
    "loinc": {"exact": 2, "related": 2},
    "roo": {"close": 7, "broad": 3, "related": 3},
    "qudt": {"exact": 1},
    "fabio": {"close": 1},
    "schema-org": {"close": 2, "related": 1},
}
HEAD = """#curie_map:
#  HP: http://purl.obolibrary.org/obo/HP_
#  fb: https://w3id.org/bonemet-kg/bindings/fhir/
#  obo: http://purl.obolibrary.org/obo/
#  rec: https://w3id.org/bonemet-kg/record/
#  semapv: https://w3id.org/semapv/vocab/
#  skos: http://www.w3.org/2004/02/skos/core#
#  sssom: https://w3id.org/sssom/
#mapping_set_id: https://w3id.org/bonemet-kg/alignments/small
#mapping_set_version: 0.1.0
#mapping_set_title: Small
#creator_label:
#- bonemet-kg contributors
#license: https://creativecommons.org/licenses/by/4.0/
#publication_date: 2026-11-23
#object_source: obo:hp.owl
#extension_definitions:
#- slot_name: verified_as
#  property: fb:verifiedAs
"""
COLUMNS = "subject_id\tsubject_label\tpredicate_id\tobject_id\tmapping_justification\tcomment\tverified_as\n"
ROW = "rec:fractureRisk\tfracture risk\tskos:broadMatch\tHP:0002659\tsemapv:ManualMappingCuration\t\tV1\n"


def level(row: TermMapping) -> str:
    return "absent" if row.is_absence else row.predicate.rpartition("#")[2].removesuffix("Match")


def rows() -> list[TermMapping]:
    return [row for one in mapping_sets() for row in one.mappings]


def matches(term: URIRef) -> dict[URIRef, str]:
    return {row.object: level(row) for row in rows() if row.subject == term and not row.is_absence}


def mark(row: TermMapping) -> str:
    return dict(row.extensions).get(FB.verifiedAs, "")


# What is shipped


def test_mappings_and_absences_are_counted_by_vocabulary_and_level() -> None:
    found = {
        one.path.name.removesuffix(".sssom.tsv"): Counter(map(level, one.mappings)) for one in mapping_sets()
    }
    assert found == {name: Counter(levels) for name, levels in EXPECTED.items()}
    assert sum(found.values(), Counter()).total() == 520
    assert sum(counts["absent"] for counts in found.values()) == 27


def test_every_set_is_described_and_nothing_is_wrong() -> None:
    described = targets(load_graph())
    assert {one.target for one in mapping_sets()} == set(described)
    assert alignment_findings(mapping_sets(), load_graph()) == []


def test_every_set_is_valid_against_the_schema_of_sssom() -> None:
    def validator(name: str) -> jsonschema.Draft201909Validator:
        schema = {"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}
        return jsonschema.Draft201909Validator(schema)

    checked = 0
    for path in sorted(FOLDER.glob("*.sssom.tsv")):
        lines = path.read_text(encoding="utf-8").splitlines()
        above = [line[1:] for line in lines if line.startswith("#")]
        metadata = yaml.safe_load("\n".join(above))
        own = {item["slot_name"] for item in metadata.get("extension_definitions", [])}
        metadata["curie_map"] = {
            k: {"prefix_name": k, "prefix_url": v} for k, v in metadata["curie_map"].items()
        }
        metadata["publication_date"] = str(metadata["publication_date"])
        validator("MappingSet").validate(metadata)
        for fields in csv.DictReader(lines[len(above) :], delimiter="\t"):
            validator("Mapping").validate({k: v for k, v in fields.items() if v and k not in own})
            checked += 1
    assert checked == 520
    with pytest.raises(jsonschema.ValidationError):
        validator("Mapping").validate(
            {"subject_id": "a:b", "object_id": "a:c", "predicate_id": "skos:exactMatch"}
        )


def test_every_code_says_how_it_was_verified_and_where_it_was_listed() -> None:
    marks = Counter(mark(row) for row in rows())
    assert set(marks) == {"V1", "V2", "V3", ""}
    assert marks[""] == 27
    assert {row.is_absence for row in rows() if not mark(row)} == {True}
    unlisted = {
        row.subject
        for row in rows()
        if not re.fullmatch(r"[A-Z]\w+", dict(row.extensions).get(DCTERMS.source, ""))
    }
    assert unlisted == {REC.tumourCordDistance}


def test_a_code_seen_in_one_source_only_is_never_shown_as_verified() -> None:
    weak = [row for row in rows() if mark(row) == "V3"]
    assert {row.object for row in weak} == {
        SCT["94602001"],
        SCT["76107001"],
        SCT["5765005"],
        SCT["84004001"],
        NCIT.C4881,
        HP["0002176"],
        URIRef("http://purl.bioontology.org/ontology/ICD10/M53.2"),
        URIRef("http://qudt.org/vocab/unit/GRAY"),
    }
    assert all("one secondary source only" in row.comment for row in weak)


def test_the_level_of_a_vertebra_keeps_body_and_whole_apart() -> None:
    """SNOMED CT has whole vertebrae for C1, C2 and the sacrum, bodies for C3 to L5; bridges are close."""
    whole = {
        "C1": "14806007",
        "C2": "39976000",
        **dict(
            zip(
                ("S1", "S2", "S3", "S4", "S5"),
                ("65985001", "11808007", "49967005", "69950008", "21452006"),
                strict=True,
            )
        ),
    }
    for name, code in whole.items():
        assert matches(ANAT[name])[SCT[code]] == "exact"
    bodies = (
        [ANAT[f"C{i}"] for i in range(3, 8)]
        + [ANAT[f"T{i}"] for i in range(1, 13)]
        + [ANAT[f"L{i}"] for i in range(1, 6)]
    )
    assert len(bodies) == 22
    for vertebra in bodies:
        snomed = {k: v for k, v in matches(vertebra).items() if k.startswith(str(SCT))}
        assert sorted(snomed.values()) == ["close", "related"]
    assert matches(ANAT.T11)[SCT["52120002"]] == "related"
    assert matches(ANAT.T8)[URIRef("http://purl.obolibrary.org/obo/UBERON_0011050")] == "exact"
    assert matches(ANAT.S5) == {
        SCT["21452006"]: "exact",
        URIRef("http://purl.org/sig/ont/fma/fma13081"): "exact",
    }


@pytest.mark.parametrize(
    ("term", "code", "expected"),
    [
        (REC.NeuropathicPain, NCIT.C143703, "close"),
        (REC.fractureRisk, HP["0002659"], "broad"),
        (REC.Lesion, SCT["94222008"], "exact"),
        (REC.Lesion, URIRef("http://purl.bioontology.org/ontology/ICD10/C79.5"), "broad"),
        (REC.ecogPerformanceStatus, LOINC["89247-1"], "exact"),
        (RT.StereotacticTechnique, SCT["395096001"], "broad"),
        (RT.AblativeIntent, SCT["373808002"], "close"),
        (ANAT.Pelvis, SCT["118645006"], "broad"),
        (ANAT.Rib, SCT["15339008"], "narrow"),
        (REC.canalNarrowing, SCT["76107001"], "related"),
    ],
)
def test_levels_that_matter(term: URIRef, code: URIRef, expected: str) -> None:
    assert matches(term)[code] == expected


def test_what_has_no_code_is_recorded_for_each_vocabulary_searched() -> None:
    absent = {
        (row.subject, one.path.name.partition(".")[0])
        for one in mapping_sets()
        for row in one.mappings
        if row.is_absence
    }
    both = ("EpiduralDisease", "LowGradeEpiduralDisease", "HighGradeEpiduralDisease", "SpinalStability", "canalNarrowing",
            "lifeExpectancy", "mriContraindication", "woundHealed", "painFlare", "tumourCordDistance")  # fmt: skip
    expected = {(REC[name], target) for name in both for target in ("snomed-ct", "ncit")}
    criterion = URIRef(f"{BASE}guideline/aura-bone-metastases/OligometastaticCancer")
    expected |= {(RT.Consolidation, "snomed-ct"), (RT.Consolidation, "ncit")}
    flare = URIRef(f"{BASE}guideline/aura-bone-metastases/outcome-pain-flare")
    expected |= {(flare, "snomed-ct"), (flare, "ncit")}
    assert absent == expected | {(ANAT.S5, "uberon"), (ANAT.S5, "ncit"), (criterion, "ncit")}
    assert all(
        "does not show that the vocabulary has none" in row.comment for row in rows() if row.is_absence
    )


def test_no_chain_of_exact_matches_joins_two_terms_of_ours() -> None:
    exact = Counter(row.object for row in rows() if level(row) == "exact")
    assert max(exact.values()) == 1


# As RDF


def test_a_set_as_rdf_has_a_triple_for_each_mapping_and_a_record_for_each_row() -> None:
    (one,) = [s for s in mapping_sets() if s.path.name == "uberon.sssom.tsv"]
    graph = one.graph()
    assert (ANAT.T8, SKOS.exactMatch, URIRef("http://purl.obolibrary.org/obo/UBERON_0011050")) in graph
    assert len(set(graph.subjects(RDF.type, OWL.Axiom))) == 78
    plain = [t for t in graph if str(t[0]).startswith(str(ANAT))]
    assert len(plain) == 77  # S5 has a record and no match
    record = URIRef(f"{one.iri}#anat:T8_UBERON:0011050")
    assert graph.value(record, OWL.annotatedSource) == ANAT.T8
    assert graph.value(record, FB.verifiedAs) == Literal("V1")
    assert graph.value(record, SSSOM.object_source) == one.target
    assert one.version == URIRef(f"{BASE}alignments/uberon/2026-11-23")
    assert graph.value(one.iri, DCTERMS.license) == one.licence


def test_an_absence_is_recorded_and_matches_nothing() -> None:
    for one in mapping_sets():
        graph = one.graph()
        assert [t for p in (SKOS.exactMatch,) for t in graph.triples((None, p, NO_TERM))] == []
        assert len(list(graph.subjects(OWL.annotatedTarget, NO_TERM))) == sum(
            r.is_absence for r in one.mappings
        )


def test_each_set_is_a_graph_of_the_store_and_no_part_of_what_is_reasoned_over() -> None:
    store = Store()
    store.load_knowledge()
    stored = {entry.iri: entry.triples for entry in store.graphs() if entry.kind == "alignment"}
    assert stored == {one.version: len(one.graph()) for one in mapping_sets()}
    assert len(stored) == 12
    outside = [o for o in load_graph().objects(None, SKOS.exactMatch) if not str(o).startswith(BASE)]
    assert outside == []


# What is wrong is told with file and line


def small(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "small.sssom.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_small_set_is_read(tmp_path: Path) -> None:
    one = read_mapping_set(small(tmp_path, HEAD + COLUMNS + ROW))
    assert [(r.subject, r.object, r.line) for r in one.mappings] == [(REC.fractureRisk, HP["0002659"], 21)]


ABSENT = ROW.replace("HP:0002659", "sssom:NoTermFound").replace("broad", "exact").replace("V1", "")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (COLUMNS + ROW.replace("HP:", "HPO:"), r"tsv:21: 'HPO:0002659', whose prefix is not declared; expected prefix:code. Did you mean 'HP'"),
        (COLUMNS + ROW.replace("HP:0002659", "0002659"), r"tsv:21: '0002659', whose prefix"),
        (COLUMNS + ROW + ROW, r"tsv:22: subject and object of an earlier row; expected each pair once. See line 21"),
        (COLUMNS + ROW + ROW.replace("broad", "close"), r"tsv:22: subject and object of an earlier row"),
        (COLUMNS + ROW.replace("\tV1", ""), r"tsv:21: a field too few"),
        (COLUMNS + ROW.replace("\tV1", "\tV1\tV2"), r"tsv:21: a field too few, too many"),
        (COLUMNS + ROW.replace("\tV1", "\tV1 "), r"tsv:21: .* space around it"),
        (COLUMNS + "\n" + ROW, r"tsv:21: a field too few"),
        (COLUMNS + ROW.replace("skos:broadMatch", "skos:broader"), r"tsv:21: predicate .*#broader"),
        (COLUMNS + ROW.replace("semapv:", "skos:"), r"tsv:21: justification"),
        (COLUMNS + ROW.replace("rec:fractureRisk", "HP:0002659"), r"tsv:21: subject .* a term of ours"),
        (COLUMNS + ROW.replace("HP:0002659", "rec:painFlare"), r"tsv:21: object .* outside"),
        (COLUMNS + ABSENT.replace("exact", "broad"), r"tsv:21: an absence with"),
        (COLUMNS.replace("comment", "remark") + ROW, r"tsv:20: columns .*remark"),
        ("", r"tsv:20: columns none"),
        (COLUMNS + ROW + "#late: true\n", r"a line with # below the table"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_told_with_file_and_line(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        read_mapping_set(small(tmp_path, HEAD + table))


def test_every_malformed_row_is_told_at_once(tmp_path: Path) -> None:
    bad = COLUMNS + ROW.replace("HP:", "HPO:") + ROW.replace("skos:broadMatch", "skos:broader")
    with pytest.raises(CatalogError) as error:
        read_mapping_set(small(tmp_path, HEAD + bad))
    assert [re.search(r":(\d+): ", line)[1] for line in str(error.value).splitlines()] == ["21", "22"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("#license: https://creativecommons.org/licenses/by/4.0/\n", "", "lack license"),
        (
            "#mapping_set_title: Small",
            "#mapping_set_titel: Small",
            "lack mapping_set_title and have unknown mapping_set_titel",
        ),
        (
            "alignments/small",
            "alignments/other",
            "mapping_set_id.*expected https://w3id.org/bonemet-kg/alignments/small",
        ),
        ("2026-11-23", "soon", "publication_date"),
        ("#curie_map:", "#curie_map: [", "tsv:3: the metadata are not YAML"),
        ("obo:hp.owl", "obi:hp.owl", "metadata: 'obi:hp.owl', whose prefix"),
        (HEAD, "", "no metadata"),
    ],
)
def test_malformed_metadata_are_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in HEAD
    with pytest.raises(CatalogError, match=message):
        read_mapping_set(small(tmp_path, HEAD.replace(old, new) + COLUMNS + ROW))


def test_a_folder_without_sets_and_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"holds no \.sssom\.tsv file"):
        mapping_sets(tmp_path)


# What is false is found


def altered(**changes: object) -> MappingSet:
    """Return the SNOMED CT set with its first row alone, altered."""
    (one,) = [s for s in mapping_sets() if s.path.name == "snomed-ct.sssom.tsv"]
    (row,) = [r for r in one.mappings if r.object == SCT["247398009"]]
    return replace(one, mappings=(replace(row, **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"object": SCT["18603003"]}, "check digit of SNOMED CT 18603003 fails"),
        ({"object": SCT["91611006"]}, "check digit of SNOMED CT 91611006 fails"),
        ({"object": SCT["24739800"]}, "check digit of SNOMED CT 24739800 fails"),
        ({"object": SCT["2473"]}, "not formed as a concept of SNOMED CT"),
        ({"object": NCIT.C3580}, "not formed as a concept of SNOMED CT"),
        ({"subject": REC.NeuropathicPane}, "is declared nowhere in the ontology"),
        ({"label": "neuralgia"}, "the ontology says 'neuropathic pain'"),
        ({"extensions": ()}, "says not how the code was verified"),
        ({"object": NO_TERM}, "an absence has no code to verify"),
        ({"object": SCT["118645006"], "predicate": SKOS.exactMatch}, "refusal-bony-pelvis by the FHIR bindings, exact match of"),
        ({"subject": ANAT.T10, "label": "vertebra T10", "object": SCT["52120002"], "predicate": SKOS.exactMatch}, "read as .*T11 by the FHIR bindings, exact match of .*T10"),
        ({"subject": ANAT.Spine, "label": "spine", "object": SCT["52120002"], "predicate": SKOS.closeMatch}, "read as .*T11 by the FHIR bindings, close match of .*Spine"),
        ({"subject": REC.largestMetastasisDiameter, "label": "diameter of the largest metastasis", "object": SCT["423740007"], "predicate": SKOS.exactMatch}, "read as .*ecogPerformanceStatus"),
        ({"extensions": ((FB.verifiedAs, "V1"),)}, "V2 in the FHIR bindings, V1 in the alignments"),
    ],
)  # fmt: skip
def test_a_false_row_is_found(changes: dict[str, object], message: str) -> None:
    found = alignment_findings([altered(**changes)], load_graph())
    assert any(re.search(message, text) for text in found), found


@pytest.mark.parametrize("code", ["24700007", "247398009", "1255358009"])
def test_a_right_check_digit_passes(code: str) -> None:
    assert not any(
        "check digit" in text for text in alignment_findings([altered(object=SCT[code])], load_graph())
    )


def test_the_loinc_code_that_circulates_for_a_bone_scan_fails_and_real_ones_pass() -> None:
    loinc = targets(load_graph())[URIRef("http://loinc.org")]
    assert loinc.check_digit is not None
    assert loinc.check_digit.fails("39638-7")
    assert not any(loinc.check_digit.fails(code) for code in ("89247-1", "33728-7", "72514-3", "21889-1"))


def test_two_exact_matches_and_an_exact_match_beside_an_absence_are_found() -> None:
    one = altered(predicate=SKOS.exactMatch)
    (row,) = one.mappings
    twice = replace(one, mappings=(row, replace(row, object=SCT["24700007"])))
    assert any("has 2 exact matches" in text for text in alignment_findings([twice], load_graph()))
    beside = replace(one, mappings=(row, replace(row, object=NO_TERM, extensions=())))
    assert any("or one and an absence" in text for text in alignment_findings([beside], load_graph()))
    shared = replace(one, mappings=(row, replace(row, subject=REC.PainType, label="pain type")))
    assert any("is the exact match of 2 terms" in text for text in alignment_findings([shared], load_graph()))


def test_a_set_with_a_vocabulary_that_is_not_described_is_found() -> None:
    one = replace(altered(), target=URIRef("http://example.org/vocabulary"))
    assert any("is not described" in text for text in alignment_findings([one], load_graph()))


def with_triples(text: str) -> Graph:
    graph = Graph()
    graph += load_graph()
    prefixes = f"@prefix owl: <{OWL}> . @prefix rdfs: <{RDFS}> . @prefix skos: <{SKOS}> . @prefix rec: <{REC}> . @prefix sct: <{SCT}> ."
    return graph.parse(data=prefixes + text, format="turtle")


@pytest.mark.parametrize(
    "axiom",
    [
        "rec:Lesion rdfs:subClassOf sct:94222008 .",
        "sct:94222008 rdfs:subClassOf rec:Lesion .",
        "rec:Lesion owl:equivalentClass sct:94222008 .",
        "rec:Lesion owl:equivalentClass [ a owl:Class ; owl:unionOf ( rec:Painful sct:94222008 ) ] .",
        "rec:Lesion rdfs:subClassOf [ a owl:Restriction ; owl:onProperty sct:363698007 ; owl:someValuesFrom rec:Painful ] .",
        "rec:site rdfs:range sct:119186007 .",
        "sct:94222008 a owl:Class .",
        "rec:someone a sct:94222008 .",
        "rec:someone rec:site sct:119186007 .",
        "rec:someone owl:sameAs sct:119186007 .",
        "<https://w3id.org/bonemet-kg/record> owl:imports <http://purl.obolibrary.org/obo/uberon.owl> .",
    ],
)
def test_an_outside_term_in_a_logical_axiom_is_found(axiom: str) -> None:
    assert list(outside_axioms(load_graph())) == []
    assert any("is not ours" in text for text in outside_axioms(with_triples(axiom)))


def test_a_mapping_written_in_the_ontology_is_sent_to_its_home() -> None:
    graph = with_triples("rec:Lesion skos:exactMatch sct:94222008 .")
    assert any("move it to an alignment set" in text for text in alignment_findings(mapping_sets(), graph))
