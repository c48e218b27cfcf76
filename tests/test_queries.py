"""Every query of the library, its answer checked by hand against the source; and how it is asked."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph, URIRef

from kg_service.errors import CatalogError, InputError, UnknownNameError
from kg_service.guideline import guidelines_in
from kg_service.knowledge import DATA_ROOT, load_graph
from kg_service.namespaces import local_name
from kg_service.queries import FOLDER, LANGUAGES, load_queries, read_query, run
from kg_service.service import KnowledgeBase
from kg_service.sparql import Graphs
from kg_service.store import Store

EXPECTED_QUERIES = 37
REIRRADIATED = {
    "id": "case-1",
    "referenceDate": "2026-11-02",
    "lifeExpectancy": {"minInclusive": 12, "unit": "mo"},
    "mriContraindication": False,
    "lesions": [
        {
            "id": "T11",
            "site": "T11",
            "painType": "NociceptivePain",
            "fractureRisk": False,
            "pathologicalFracture": False,
            "cordCompression": False,
            "spinalStability": "StableSpine",
            "canalNarrowing": {"value": 10, "unit": "%"},
            "prescription": {
                "intent": "PalliativeIntent",
                "technique": "StereotacticTechnique",
                "imageGuidanceEveryFraction": True,
                "boneOncologyBoardValidated": False,
            },
        }
    ],
    "previousCourses": [
        {
            "id": "C1",
            "modality": "ExternalBeamRadiotherapy",
            "endDate": "2026-05-02",
            "treatedLesions": ["T11"],
        }
    ],
    "allCoursesListed": True,
    "surgeries": [],
    "allSurgeriesListed": True,
}
"""T11 irradiated six months ago, stable, no compression; the distance to the cord is not known.

Its ids are those of the record under ``examples/``, so that the examples of the queries can be tried on it.
"""
COMPRESSED = {
    "id": "compressed",
    "referenceDate": "2026-11-02",
    "lifeExpectancy": {"value": 2, "unit": "mo"},
    "lesions": [
        {
            "id": "T11",
            "site": "T11",
            "cordCompression": True,
            "cordCompressionOperated": False,
            "tumourCordDistance": {"value": 2, "unit": "mm"},
            "prescription": {"intent": "PalliativeIntent", "technique": "StereotacticTechnique"},
        }
    ],
}
"""An unoperated compression in a patient with two months to live, prescribed stereotactic radiotherapy."""
SPARSE = {
    "id": "sparse",
    "referenceDate": "2026-11-02",
    "lesions": [{"id": "L9", "site": "Femur", "painType": "NeuropathicPain"}],
}
"""A femur with neuropathic pain, and nothing else."""


def treated(identifier: str, site: str, dose: float, fractions: int, **facts: Any) -> dict[str, Any]:
    """Return a record of one lesion with a conformal palliative prescription."""
    prescription = {
        "intent": "PalliativeIntent",
        "technique": "ThreeDimensionalConformal",
        "totalDose": {"value": dose, "unit": "Gy"},
        "fractionCount": {"value": fractions, "unit": "1"},
        "planningCt": True,
    }
    lesion = {"id": "L1", "site": site, "prescription": prescription, **facts}
    return {"id": identifier, "referenceDate": "2026-11-02", "lesions": [lesion]}


def operated(identifier: str, day: str, **facts: Any) -> dict[str, Any]:
    """Return a record of one femur operated on some day, and nowhere else."""
    surgery = {"id": "S1", "operationDate": day, "treatedLesions": ["L1"]}
    record = {
        "id": identifier,
        "referenceDate": "2026-11-02",
        "lesions": [{"id": "L1", "site": "Femur", **facts}],
    }
    return record | {"surgeries": [surgery], "allSurgeriesListed": True}


PRACTICE = [
    treated("single-cord", "T8", 8, 1, cordCompression=True),
    treated("ten-cord", "T8", 30, 10, cordCompression=True),
    treated("single-femur", "Femur", 8, 1, cordCompression=False, painType="Painless"),
    operated("day-14", "2026-10-19", woundHealed=True),
    operated("day-15", "2026-10-18"),
    operated("day-22", "2026-10-11", woundHealed=False),
]
"""What was prescribed to three patients, and when three others were operated."""
TESTED: set[str] = set()
Row = dict[str, Any]


def answers(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test as the one that checks the answer of a query."""
    TESTED.add(name)
    return lambda test: test


@pytest.fixture(scope="module")
def store() -> Store:
    return stored(REIRRADIATED, COMPRESSED, SPARSE)


@pytest.fixture(scope="module")
def practice() -> Store:
    return stored(REIRRADIATED, COMPRESSED, SPARSE, *PRACTICE, beside=("astro-2024",))


def stored(*documents: dict[str, Any], beside: tuple[str, ...] = ()) -> Store:
    """Return a store that holds the knowledge, some records, and what guidelines conclude on them."""
    base = KnowledgeBase()
    found = Store()
    found.load_knowledge()
    graphs = Graphs(base, found)
    graphs.relate()
    others = [base.of(name).compiled() for name in beside]
    for document in documents:
        (record,) = base.read_document(document, str(document["id"]))
        graphs.add(base.assess(record, base.compiled()), base.compiled(), *others)
    return found


def plain(value: object) -> Any:
    """Return a term as a test writes it: local names for IRIs, numbers as numbers."""
    if value is None:
        return None
    if isinstance(value, URIRef):
        return local_name(value)
    number = value.toPython() if hasattr(value, "toPython") else value
    if isinstance(number, date):
        return number.isoformat()
    return float(number) if not isinstance(number, bool | str) else number


def rows(store: Store, name: str, **parameters: str) -> list[Row]:
    return [{k: plain(v) for k, v in row.items()} for row in run(store, name, parameters).rows()]


def columns(found: list[Row], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in found]


@answers("schedules-for-indication")
def test_schedules_for_reirradiation(store: Store) -> None:
    """Table 5 row 5: SBRT 35/5 and 27/3 recommended, 20/5 possible, 8/1 as an exception."""
    found = rows(store, "schedules-for-indication", indication="LesionInIrradiatedTerritory")
    assert columns(found, "statement", "schedule", "strength", "checked", "reservedBy") == [
        ("S151", "SBRT-35Gy-5fx", "recommended", True, None),
        ("S152", "SBRT-27Gy-3fx", "recommended", True, None),
        ("S153", "SBRT-biological-equivalent", "recommended", False, None),
        ("S154", "RT-20Gy-5fx", "optional", True, None),
        ("S155", "RT-8Gy-1fx", "exceptional", True, "S163"),
    ]
    assert {(row["section"], row["lines"]) for row in found} == {("Table 5 row 5", "416-436")}


@answers("schedules-for-indication")
def test_schedules_for_every_indication(store: Store) -> None:
    """Rows 1 to 6 of Table 5, the summary box, section 2.1; the postoperative row prints 20/5 twice."""
    found = rows(store, "schedules-for-indication")
    assert len(found) == 4 + 3 + 3 + 2 + 5 + 3 + 2 + 5  # S031, S052, S053 twice, S054
    by_population: dict[str, list[tuple[Any, ...]]] = {}
    for row in found:
        by_population.setdefault(row["indication"], []).append((row["statement"], row["strength"]))
    assert by_population["PainWithFractureRisk"] == [
        ("S141", "recommended"),
        ("S142", "optional"),
        ("S143", "exceptional"),
    ]
    assert by_population["PostoperativeSituation"] == [
        ("S146", "recommended"),
        ("S147", "recommended"),
        ("S162", "usual"),
        ("S148", "optional"),
    ]
    assert by_population["InoperableCordCompression"] == [("S149", "recommended"), ("S150", "optional")]
    assert by_population["PalliativeSituation"] == [("S031", "usual"), ("S161", "usual")]


@answers("contraindications-of-option")
def test_contraindications_of_stereotactic_radiotherapy(store: Store) -> None:
    """S071-S075 absolute, S076-S078 relative; < 3 months twice, > 25 %, < 5 mm, all strict."""
    found = rows(store, "contraindications-of-option")
    absolute, relative = "absolute contraindication", "relative contraindication"
    assert columns(found, "kindLabel", "statement", "feature", "comparison", "threshold", "unit") == [
        (absolute, "S071", None, None, None, None),
        (absolute, "S072", None, None, None, None),
        (absolute, "S073", None, None, None, None),
        (absolute, "S074", "monthsSinceIrradiationHere", "<", 3, "mo"),
        (absolute, "S075", "lifeExpectancy", "<", 3, "mo"),
        (relative, "S076", "canalNarrowing", ">", 25, "%"),
        (relative, "S077", "tumourCordDistance", "<", 5, "mm"),
        (relative, "S078", None, None, None, None),
    ]
    assert set(columns(found, "kindLabel", "lines")) == {(absolute, "174-178"), (relative, "179-181")}


@answers("contraindications-of-option")
def test_what_stops_a_technique_stops_its_schedules(store: Store) -> None:
    technique = rows(store, "contraindications-of-option", option="SBRT")
    assert rows(store, "contraindications-of-option", option="SBRT 27 Gy in 3 fractions") == technique
    assert rows(store, "contraindications-of-option", option="RT-30Gy-10fx") == []


@answers("definition-of-criterion")
def test_oligometastatic(store: Store) -> None:
    """S070: 1 to 3 sites, 1 to 5 metastases, each under 5 cm, primary stabilised."""
    found = rows(store, "definition-of-criterion")
    assert columns(found, "feature", "comparison", "value", "unit", "negated") == [
        ("involvedSiteCount", "≤", 3, "1", False),
        ("involvedSiteCount", "≥", 1, "1", False),
        ("largestMetastasisDiameter", "<", 5, "cm", False),
        ("metastasisCount", "≤", 5, "1", False),
        ("metastasisCount", "≥", 1, "1", False),
        ("primaryControlled", "=", True, None, False),
    ]
    assert {frozenset(row["statements"].split()) for row in found} == {frozenset({"S070", "S165"})}


@answers("definition-of-criterion")
def test_codes_and_complements_in_a_definition(store: Store) -> None:
    found = rows(store, "definition-of-criterion", criterion="spinal instability")
    assert columns(found, "feature", "comparison", "value") == [
        ("site", "in", "Spine"),
        ("spinalStability", "in", "UnstableSpine"),
    ]
    uncomplicated = rows(store, "definition-of-criterion", criterion="UncomplicatedPain")
    assert columns(uncomplicated, "feature", "comparison", "value", "negated") == [
        ("cordCompression", "=", True, True),
        ("fractureRisk", "=", False, False),
        ("painType", "in", "Painful", False),
        ("pathologicalFracture", "=", False, False),
        ("site", "in", "BoneNearSpinalCanal", True),
    ]


@answers("statements-by-reference")
def test_statements_by_reference(store: Store) -> None:
    """99 closes the sentence on relative contraindications, 98 that on limbs and ribs; 120 is Table 5."""
    of_99 = rows(store, "statements-by-reference", reference="99")
    assert columns(of_99, "statement", "recommendations") == [(f"S{n:03d}", 1) for n in range(71, 79)]
    of_98 = rows(store, "statements-by-reference", reference="98")
    assert columns(of_98, "statement", "recommendations") == [("S062", 0), ("S063", 0), ("S064", 0)]
    of_120 = rows(store, "statements-by-reference", reference="120")
    assert [row["statement"] for row in of_120] == [f"S{n}" for n in range(136, 161)]
    of_93 = rows(store, "statements-by-reference", reference="93")
    assert [row["statement"] for row in of_93] == [f"S{n:03d}" for n in range(39, 44)]
    assert len(rows(store, "statements-by-reference")) == 99


@answers("statements-without-reference")
def test_statements_without_reference(store: Store) -> None:
    """Without a reference: the tables' own cells, the summary box, what to do; not the studies."""
    found = {row["statement"] for row in rows(store, "statements-without-reference")}
    assert len(found) == 76
    body = {10, 61, 65, 66, 67, 68, 69, 70, *range(84, 101), *range(161, 167)}
    assert {f"S{n:03d}" for n in body} <= found
    assert not {f"S{n:03d}" for n in (4, 36, 62, 71, 105, 128, 136)} & found
    assert {row["statement"]: row["recommendations"] for row in rows(store, "statements-without-reference")}[
        "S070"
    ] == 3


@answers("codes-of-concept")
def test_codes_of_a_vertebra(store: Store) -> None:
    """The body of T11 is related, the entire vertebra of the bridge close; S5 has neither Uberon nor NCIt."""
    found = rows(store, "codes-of-concept", term="D11")
    assert columns(found, "vocabularyLabel", "match", "code", "verified") == [
        ("Foundational Model of Anatomy", "exact", "10059", "V1"),
        ("NCI Thesaurus", "exact", "C33722", "V1"),
        ("SNOMED CT", "close", "181839000", "V1"),
        ("SNOMED CT", "related", "52120002", "V1"),
        ("Uberon", "exact", "0004635", "V1"),
    ]
    assert {row["label"] for row in found} == {"vertebra T11"}
    absent = rows(store, "codes-of-concept", term="S5", found="no")
    assert columns(absent, "vocabularyLabel", "match", "code", "concept", "verified") == [
        ("NCI Thesaurus", "none found", None, None, None),
        ("Uberon", "none found", None, None, None),
    ]
    assert columns(rows(store, "codes-of-concept", term="S5", found="yes"), "code") == [
        ("13081",),
        ("21452006",),
    ]


@answers("relation-of-guidelines")
def test_options_that_two_guidelines_offer(store: Store) -> None:
    """Of AURA and ASTRO 2024: three schedules and irradiation after surgery, which AURA gives compressed spines too."""
    found = rows(store, "relation-of-guidelines", other="astro-2024")
    assert columns(found, "option", "relation", "populations") == [
        ("AdjuvantIrradiation", "laxer", "wider"),
        ("RT-20Gy-5fx", "complements", "overlapping"),
        ("RT-30Gy-10fx", "complements", "overlapping"),
        ("RT-8Gy-1fx", "complements", "overlapping"),
    ]
    back = rows(store, "relation-of-guidelines", guideline="astro-2024", other="aura-bone-metastases")
    assert columns(back, "option", "relation", "populations")[0] == (
        "AdjuvantIrradiation",
        "stricter",
        "narrower",
    )
    assert len(rows(store, "relation-of-guidelines")) == 4 + 3 + 4


@answers("relation-of-recommendations")
def test_recommendations_that_say_the_same(store: Store) -> None:
    """Row 4 of Table 5 and row 7 of ASTRO 2024 speak of the compression that cannot be operated."""
    found = rows(store, "relation-of-recommendations", other="astro-2024", relation="same")
    assert columns(
        found, "option", "statements", "strengthLabel", "otherStatements", "otherStrengthLabel"
    ) == [
        ("20 Gy in 5 fractions", "S150", "optional", "A24_07", "strong"),
        ("30 Gy in 10 fractions", "S149", "recommended", "A24_07", "strong"),
    ]
    stricter = rows(store, "relation-of-recommendations", other="astro-2024", relation="stricter")
    assert ("S163", "A24_08-8x1") in columns(stricter, "recommendation", "otherRecommendation")
    assert rows(store, "relation-of-recommendations", other="astro-2024", relation="contradicts") == []


@answers("cases-told-otherwise")
def test_prescriptions_that_guidelines_do_not_take_alike(practice: Store) -> None:
    """Stereotactic without the board (S066), or for an unoperated compression with two months to live.

    ASTRO, as far as it was seen, says nothing of either. 30 Gy in 10 for a compression is usual for AURA;
    ASTRO asks whether it can be operated.
    """
    found = rows(practice, "cases-told-otherwise", other="astro-2024")
    assert [
        (r["concordance"], sorted((r["departsFrom"] or "").split()), r["otherConcordance"]) for r in found
    ] == [
        ("discordant", ["S066"], "not addressed"),
        ("discordant", ["S071", "S075", "S077"], "not addressed"),
        ("concordant", [], "not assessable"),
    ]
    turned = rows(practice, "cases-told-otherwise", guideline="astro-2024", other="aura-bone-metastases")
    assert [(r["otherConcordance"], r["concordance"]) for r in turned] == [
        (r["concordance"], r["otherConcordance"]) for r in found
    ]


@answers("concordance-by-guideline")
def test_concordance_by_guideline(practice: Store) -> None:
    """Of five prescriptions: those told otherwise above, and two that neither guideline can assess."""
    found = rows(practice, "concordance-by-guideline")
    assert columns(found, "concordance", "cases", "share") == [
        ("not addressed", 2, 0.4),
        ("not assessable", 3, 0.6),
        ("concordant", 1, 0.2),
        ("discordant", 2, 0.4),
        ("not assessable", 2, 0.4),
    ]
    assert {row["guidelineLabel"].split()[0] for row in found[:2]} == {"ASTRO"}
    assert {row["guidelineLabel"].split()[0] for row in found[2:]} == {"AURA"}


@answers("codes-of-concept")
def test_codes_of_one_vocabulary(store: Store) -> None:
    """LOINC: severity of pain, greatest diameter and its panel, ECOG status."""
    found = rows(store, "codes-of-concept", vocabulary="LOINC", language="fr")
    assert columns(found, "term", "match", "code", "verified") == [
        ("PainType", "related", "72514-3", "V2"),
        ("diameter", "exact", "33728-7", "V1"),
        ("diameter", "related", "21889-1", "V1"),
        ("ecogPerformanceStatus", "exact", "89247-1", "V1"),
    ]


@answers("statements-with-note")
def test_the_three_readings_of_cord_compression(store: Store) -> None:
    """A27: not operated or symptomatic is adopted; two other readings stay."""
    found = rows(store, "statements-with-note", statement="S071")
    assert columns(found, "ambiguity", "adopted", "alternative", "confidence") == [
        ("A27", "A27-a", "A27-b", None),
        ("A27", "A27-a", "A27-c", None),
    ]
    assert "Reference 99" in found[0]["note"]


@answers("statements-with-note")
def test_a_printed_value_that_is_doubted_is_kept_with_low_confidence(store: Store) -> None:
    """A04: 35 Gy in 7 as printed; a misprint for 5 is the other reading."""
    found = [r for r in rows(store, "statements-with-note", statement="S157") if r["ambiguity"] == "A04"]
    assert columns(found, "adopted", "alternative", "confidence") == [("A04-b", "A04-a", "low")]


@answers("statements-with-note")
def test_every_statement_with_a_note_is_listed(store: Store) -> None:
    names = list(guidelines_in(load_graph()))
    for language in LANGUAGES:
        found = [
            row
            for name in names
            for row in rows(store, "statements-with-note", language=language, guideline=name)
        ]
        sparql = """PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
            PREFIX core: <https://w3id.org/bonemet-kg/core/>
            SELECT DISTINCT ?s { ?s a core:Statement ; skos:editorialNote ?n }"""
        assert {r["statement"] for r in found} == {plain(r["s"]) for r in store.query(sparql).rows()}
        assert len({tuple(row.values()) for row in found}) == len(found)
        assert all(row["ambiguityLabel"] and row["adoptedLabel"] for row in found if row["ambiguity"])
        assert all(row["alternativeLabel"] for row in found if row["alternative"])


@answers("regimens")
@pytest.mark.parametrize(
    ("alpha_beta", "regimen", "bed", "eqd2"),
    [
        ("10", "SBRT-35Gy-5fx", 59.5, 49.58),
        ("10", "SBRT-27Gy-3fx", 51.3, 42.75),
        ("10", "SBRT-35Gy-7fx", 52.5, 43.75),
        ("10", "RT-8Gy-1fx", 14.4, 12.0),
        ("10", "RT-6Gy-1fx", 9.6, 8.0),
        ("10", "RT-20Gy-5fx", 28.0, 23.33),
        ("10", "RT-30Gy-10fx", 39.0, 32.5),
        ("2", "SBRT-35Gy-5fx", 157.5, 78.75),
        ("2", "SBRT-27Gy-3fx", 148.5, 74.25),
        ("0.87", "RT-20Gy-5fx", 111.95, 33.94),
        ("0.87", "SBRT-35Gy-5fx", 316.61, 95.98),
    ],
)
def test_regimens(store: Store, alpha_beta: str, regimen: str, bed: float, eqd2: float) -> None:
    found = {row["regimen"]: row for row in rows(store, "regimens", alphaBeta=alpha_beta)}
    assert len(found) == 8
    assert (found[regimen]["bed"], found[regimen]["eqd2"]) == (bed, eqd2)


@answers("regimens")
def test_dose_per_fraction(store: Store) -> None:
    """An alpha/beta that is not declared has no source."""
    found = rows(store, "regimens", alphaBeta="3")
    assert columns(found, "regimen", "dose", "fractions", "dosePerFraction", "recommendations", "source") == [
        ("SBRT-35Gy-5fx", 35, 5, 7, 1, None),
        ("SBRT-35Gy-7fx", 35, 7, 5, 1, None),
        ("RT-30Gy-10fx", 30, 10, 3, 8, None),
        ("SBRT-27Gy-3fx", 27, 3, 9, 2, None),
        ("RT-24Gy-6fx", 24, 6, 4, 0, None),
        ("RT-20Gy-5fx", 20, 5, 4, 7, None),
        ("RT-8Gy-1fx", 8, 1, 8, 5, None),
        ("RT-6Gy-1fx", 6, 1, 6, 1, None),
    ]
    assert rows(store, "regimens", alphaBeta="0") == []


@answers("regimens")
def test_every_regimen_at_every_declared_alpha_beta(store: Store) -> None:
    """CQ7: BED10, EQD2(2) and EQD2(0.87), each told with the source of its alpha/beta."""
    found = rows(store, "regimens")
    assert len(found) == 8 * 3
    thirty = [row for row in found if row["regimen"] == "RT-30Gy-10fx"]
    assert columns(thirty, "ratio", "bed", "eqd2") == [
        (0.87, 133.45, 40.45),  # 30 (1 + 3/0.87), 30 * 3.87/2.87
        (2.0, 75.0, 37.5),
        (10.0, 39.0, 32.5),
    ]
    told = [row["source"].split(" ")[0] for row in rows(store, "regimens", language="fr")][:3]
    assert told == ["le", "HyTEC", "supposé"]


@answers("eligibility-of-case")
def test_eligibility_of_a_reirradiated_vertebra(store: Store) -> None:
    """Six months since the last course, stable, 10 %, no MRI problem; distance to the cord unknown."""
    found = rows(store, "eligibility-of-case", case="case-1/T11")
    told = {row["statement"]: row["criterion"] for row in found}
    assert told == {
        **dict.fromkeys(("S071", "S072", "S073", "S074", "S075", "S076", "S078"), "met"),
        "S077": "unknown",
        "S061": "met",
        "S166": "met",
        "S067": "unknown",
        "S068": "not met",
        "S019-1": "not met",
        "S165": "unknown",
    }
    assert {r["statement"]: r["missing"] for r in found}["S077"] == "tumour to cord distance"
    assert {r["statement"]: r["missing"] for r in found}["S071"] is None


@answers("eligibility-of-case")
def test_eligibility_of_a_compressed_cord(store: Store) -> None:
    found = rows(store, "eligibility-of-case", case="compressed/T11", option="SBRT")
    assert [r["statement"] for r in found if r["criterion"] == "not met" and "absolute" in r["kind"]] == [
        "S071",
        "S075",
    ]
    assert {r["statement"]: r["criterion"] for r in found}["S077"] == "not met"


@answers("eligibility-of-case")
def test_a_schedule_inherits_contraindications_and_its_reservation(store: Store) -> None:
    single = rows(store, "eligibility-of-case", case="sparse/L9", option="RT-8Gy-1fx")
    assert columns(single, "kind", "statement", "criterion") == [
        ("indication", "S052", "unknown"),
        ("indication", "S054", "not met"),
        ("indication", "S138", "met"),
        ("indication", "S143", "unknown"),
        ("indication", "S155", "unknown"),
        ("reservation", "S163", "unknown"),
    ]
    stereotactic = rows(store, "eligibility-of-case", case="L9", option="SBRT-27Gy-3fx")
    assert [r["statement"] for r in stereotactic if "contraindication" in r["kind"]] == [
        f"S{n:03d}" for n in range(71, 79)
    ]
    assert [r["statement"] for r in stereotactic if r["kind"] == "indication"] == ["S152", "S158"]


@answers("missing-data")
def test_missing_data_of_one_case(store: Store) -> None:
    """Open: S067, S077, S052 hang on one feature each; S011, S021, S163 and S165 on several."""
    found = rows(store, "missing-data", case="case-1/T11")
    assert columns(found, "feature", "conclusions", "alone", "stops", "cases") == [
        ("involvedSiteCount", 2, 0, 0, 1),  # S011 and S165
        ("priorCordDosePrecludesConventional", 1, 1, 0, 1),
        ("singleFractionWeighed", 1, 1, 0, 1),
        ("tumourCordDistance", 1, 1, 0, 1),
        ("boneMetastasisCount", 1, 0, 0, 1),
        ("difficultToMobilise", 1, 0, 0, 1),
        ("diffuseMetastases", 1, 0, 0, 1),
        ("extraosseousDiseaseStable", 1, 0, 0, 1),
        ("judgedBulky", 1, 0, 0, 1),
        ("judgedSmall", 1, 0, 0, 1),
        ("largestMetastasisDiameter", 1, 0, 0, 1),
        ("lifeExpectancyJudgedShort", 1, 0, 0, 1),
        ("metastasisCount", 1, 0, 0, 1),
        ("primaryControlled", 1, 0, 0, 1),
        ("wellDelineated", 1, 0, 0, 1),
    ]
    assert found[3]["ask"] == "How far is the tumour from the spinal cord?"


@answers("missing-data")
def test_missing_data_over_all_cases(store: Store) -> None:
    found = rows(store, "missing-data")
    first = found[0]
    assert (first["feature"], first["cases"]) == ("previouslyIrradiated", 2)
    assert [row["conclusions"] for row in found] == sorted((r["conclusions"] for r in found), reverse=True)
    features = {row["feature"]: row for row in found}
    assert (
        features["lifeExpectancy"]["conclusions"] == features["lifeExpectancy"]["stops"] == 1
    )  # S075 of sparse


@answers("why-option")
def test_why_stereotactic_radiotherapy(store: Store) -> None:
    """S166 of the box leads S061 of the body; the contraindications are ruled out by named facts."""
    found = rows(store, "why-option", case="case-1/T11", option="SBRT")
    assert {row["verdict"] for row in found} == {"applicable"}
    assert columns(found[:2], "role", "statement", "strength", "status", "fact", "stated", "lines") == [
        ("leading", "S166", "advocated", "true", "previously irradiated", "true", "474-476"),
        ("outranked", "S061", "optional", "true", "site", "T11", "146-150"),
    ]
    reasons = {row["statement"]: (row["status"], row["stated"], row["place"]) for row in found}
    assert reasons["S074"] == ("false", "6 mo", "lesions[0].monthsSinceIrradiationHere")
    assert reasons["S075"] == ("false", "≥ 12 mo", "lifeExpectancy")
    assert reasons["S077"] == ("unknown", None, None)


@answers("why-conclusion")
def test_why_a_recent_course_does_not_bar(store: Store) -> None:
    (row,) = rows(store, "why-conclusion", case="case-1/T11", recommendation="rec-S074")
    assert (row["status"], row["role"], row["stated"]) == ("false", "fact", "6 mo")
    assert (row["source"], row["statement"], row["lines"]) == ("previousCourses[0]", "S074", "174-178")


@answers("why-conclusion")
def test_why_a_conclusion_is_open_or_needs_no_fact(store: Store) -> None:
    missing = rows(store, "why-conclusion", case="sparse/L9", recommendation="rec-S075", language="fr")
    assert columns(missing, "status", "role", "feature") == [("inconnu", "missing", "espérance de vie")]
    (always,) = rows(store, "why-conclusion", case="sparse/L9", recommendation="rec-S099")
    assert (always["status"], always["role"], always["feature"]) == ("true", None, None)


@answers("re-irradiation-rules-of-case")
def test_reirradiation_rules(store: Store) -> None:
    found = rows(store, "re-irradiation-rules-of-case", case="case-1/T11")
    assert columns(found, "statement", "kind", "status") == [
        ("S067", "indication", "unknown"),
        ("S074", "absolute contraindication", "false"),
        ("S096", "constraint", "true"),
        ("S098", "obligation", "true"),
        ("S151", "indication", "true"),
        ("S152", "indication", "true"),
        ("S154", "indication", "true"),
        ("S155", "indication", "true"),
        ("S156", "obligation", "true"),
        ("S166", "indication", "true"),
    ]
    interval = next(row for row in found if row["statement"] == "S074")
    assert (interval["fact"], interval["stated"]) == ("time since irradiation of this territory", "6 mo")
    unknown = rows(store, "re-irradiation-rules-of-case", case="sparse/L9")
    assert {row["status"] for row in unknown} == {"unknown"}


@answers("obligations-not-documented")
def test_obligations_not_documented(store: Store) -> None:
    """The board did not validate; of the rest nothing is said, but for image guidance, documented."""
    found = rows(store, "obligations-not-documented", case="case-1/T11")
    conformal, stereotactic = "conformal radiotherapy", "stereotactic body radiotherapy"
    assert columns(found, "statement", "strength", "whenOption", "documented") == [
        ("S022", "required", conformal, "unknown"),
        ("S029", "no strength worded", conformal, "unknown"),
        ("S066", "required", stereotactic, "false"),
        ("S079", "no strength worded", stereotactic, "unknown"),
        ("S080", "required", stereotactic, "unknown"),
        ("S098", "required", None, "unknown"),
        ("S156", "required", None, "unknown"),
    ]
    everywhere = [row["statement"] for row in rows(store, "obligations-not-documented")]
    technical = ["S066", "S079", "S080"]
    assert everywhere == [
        *("S022", "S029", *technical, "S098", "S156"),  # case-1
        *("S022", "S029", *technical, "S099"),  # compressed: a vertebra, not known to be irradiated
        *("S022", "S025", *technical, "S099"),  # sparse: a long bone
    ]


@answers("technique-despite-contraindication")
def test_stereotactic_prescriptions_despite_a_contraindication(store: Store) -> None:
    found = rows(store, "technique-despite-contraindication")
    assert columns(found, "statement", "intent", "relative") == [
        ("S071", "palliative intent", 1),
        ("S075", "palliative intent", 1),
    ]
    (case,) = {row["case"] for row in run(store, "technique-despite-contraindication").rows()}
    assert str(case).endswith("/compressed/T11")
    assert rows(store, "technique-despite-contraindication", technique="3D conformal") == []
    assert rows(store, "technique-despite-contraindication", option="RT-30Gy-10fx") == []


@answers("evaluability-of-recommendations")
def test_evaluability(store: Store) -> None:
    found = {row["statement"]: row for row in rows(store, "evaluability-of-recommendations")}
    assert len(found) == 115  # 119 recommendations, four shown only (S019-2, S093, S153, S159)
    counts = {s: tuple(found[s][k] for k in ("true", "false", "unknown", "evaluable")) for s in found}
    assert counts["S066"] == (3, 0, 0, 100.0)
    assert counts["S071"] == (1, 2, 0, 100.0)
    assert counts["S075"] == (1, 1, 1, 66.7)
    assert counts["S152"] == (1, 0, 2, 33.3)
    assert all(row["cases"] == 3 for row in found.values())


@answers("options-of-case")
def test_options_in_order(store: Store) -> None:
    found = rows(store, "options-of-case", case="case-1/T11")
    assert [row["position"] for row in found] == list(range(1, 13))
    assert columns(found[:4], "option", "verdict", "strength", "leading") == [
        ("SBRT-27Gy-3fx", "applicable", "recommended", "S152"),
        ("SBRT-35Gy-5fx", "applicable", "recommended", "S151"),
        ("SBRT", "applicable", "advocated", "S166"),
        ("RT-20Gy-5fx", "applicable", "optional", "S154"),
    ]
    single = next(row for row in found if row["option"] == "RT-8Gy-1fx")
    assert (single["verdict"], single["leading"], single["lines"]) == ("conditional", "S163", "470-472")
    assert set(single["outranked"].split()) == {"S138", "S155"}
    stopped = rows(store, "options-of-case", case="compressed/T11")
    assert {r["verdict"] for r in stopped if r["option"].startswith("SBRT")} == {"contraindicated"}


@answers("prescription-concordance")
def test_prescription_concordance(store: Store) -> None:
    """Stereotaxy without dose: discordant with a compression not operated (S071), else open; board refused."""
    (compressed,) = rows(store, "prescription-concordance", case="compressed/T11")
    assert compressed["concordance"] == "discordant"
    assert set(compressed["departsFrom"].split()) >= {"S071", "S075"}
    (first,) = rows(store, "prescription-concordance", case="case-1/T11")
    assert (first["concordance"], first["departsFrom"]) == (
        "discordant",
        "S066",
    )  # the board did not validate
    assert "S080" in first["undocumented"].split()
    assert rows(store, "prescription-concordance", case="sparse/L9") == []  # nothing is prescribed


@answers("changes-to-prescription")
def test_changes_to_a_prescription() -> None:
    """S141: where a fracture is feared, 30 Gy in 10 is recommended; a single 8 Gy is for exceptions."""
    document = treated("single", "Femur", 8, 1, painType="NociceptivePain", fractureRisk=True)
    never = {"previousCourses": [], "allCoursesListed": True}
    changes = rows(stored({**document, **never}), "changes-to-prescription", case="single/L1", language="fr")
    assert [(row["feature"], row["now"], row["changedTo"]) for row in changes] == [
        ("dose totale", "8 Gy", "30 Gy"),
        ("nombre de fractions", "1", "10"),
    ]


@answers("death-after-treatment")
def test_deaths_after_a_treatment() -> None:
    """The reference date is 2 November 2026: day 30 is 2 December, day 90 is 31 January 2027."""
    days = {
        "on-day-30": "2026-12-02",
        "on-day-31": "2026-12-03",
        "on-day-90": "2027-01-31",
        "on-day-91": "2027-02-01",
        "the-day-itself": "2026-11-02",
        "the-day-before": "2026-11-01",
        "in-november": "2026-11",  # perhaps on the first
        "in-december": "2026-12",  # within 90 days, not surely within 30
        "in-2027": "2027",
        "in-2028": "2028",
    }
    records = [{**treated(name, "T8", 30, 10), "deathDate": day} for name, day in days.items()]
    store = stored(*records, treated("not-told", "T8", 30, 10), treated("other", "T8", 8, 1))
    counts = ("treated", "within", "later", "before", "uncertain", "unknown")
    (at_30,) = rows(store, "death-after-treatment", option="rt:RT-30Gy-10fx", days="30")
    assert tuple(at_30[c] for c in counts) == (11, 2, 5, 1, 2, 1)
    (at_90,) = rows(store, "death-after-treatment", option="rt:RT-30Gy-10fx")
    assert tuple(at_90[c] for c in counts) == (11, 5, 2, 1, 2, 1)
    (none,) = rows(store, "death-after-treatment", option="rt:RT-6Gy-1fx")
    assert tuple(none[c] for c in counts) == (0, 0, 0, 0, 0, 0)


@answers("evidence-on-outcome")
def test_evidence_on_an_outcome(store: Store) -> None:
    """S007, S106 three rates at a year, S109 3 cm, S114 above 37 cm3, S126 at 1, 2 and 3 years."""
    found = rows(store, "evidence-on-outcome", outcome="outcome-local-recurrence")
    less, more = "less, shorter or smaller", "more, longer or larger"
    assert columns(found, "statements", "value", "unit", "time", "cutOff", "direction") == [
        ("S007", None, None, None, None, less),
        ("S106", 33.3, "%", 12, None, None),
        ("S106", 21.8, "%", 12, None, None),
        ("S106", 0, "%", 12, None, None),
        ("S109", 3, "cm", None, None, None),
        ("S114", None, None, None, "> 37", more),
        ("S126", 5.7, "%", 12, None, None),
        ("S126", 7.2, "%", 24, None, None),
        ("S126", 13.5, "%", 36, None, None),
    ]
    assert {row["references"] for row in found[-3:]} == {"116"}
    assert {row["seenIn"] for row in found[-3:]} == {"P27"}
    assert not any(row["adverse"] for row in found)


@answers("evidence-on-outcome")
def test_evidence_on_narrower_outcomes_too(store: Store) -> None:
    """Vertebral fractures are fractures: S117 to S121, then S122, S123 and S125."""
    found = rows(store, "evidence-on-outcome", outcome="fracture of the treated bone")
    assert [row["statements"] for row in found] == [
        *("S117", "S118", "S119", "S120", "S121", "S122", "S123", "S125", "S125", "S125"),
    ]
    assert all(row["adverse"] for row in found)
    (flare,) = rows(store, "evidence-on-outcome", outcome="pain flare")[:1]
    assert (flare["minimum"], flare["maximum"], flare["unit"], flare["time"]) == (14, 68, "%", None)
    assert set(flare["references"].split()) == {"118", "119"}
    assert len(rows(store, "evidence-on-outcome")) == 64  # 84 findings, 20 of them counts, doses and the like


@answers("printed-and-outside-figures")
def test_printed_and_outside_figures(store: Store) -> None:
    """The three rates are the same; before surgery in print, after it in the abstract (A50)."""
    found = rows(store, "printed-and-outside-figures", statement="S106")
    assert columns(found, "ambiguity", "printedFigure", "figure", "unit", "verification", "copy") == [
        ("A50", "33.3", "33.3", "%", "seen in a public copy", "P26"),
        ("A50", "21.8", "21.8", "%", "seen in a public copy", "P26"),
        ("A50", "0", "0", "%", "seen in a public copy", "P26"),
        ("A50", None, "83", "1", "seen in a public copy", "P26"),
        ("A50", None, "47", "1", "seen in a public copy", "P26"),
    ]
    assert all("after surgery" in row["outside"] for row in found[:3])
    assert all("before surgery" not in row["outside"] for row in found)


@answers("printed-and-outside-figures")
def test_outside_figures_tell_how_sure_they_are(store: Store) -> None:
    """Cut-offs keep their signs (A53); the two figures from memory name no copy."""
    cuts = rows(store, "printed-and-outside-figures", statement="S121")
    assert columns(cuts, "printedFigure", "figure", "unit", "copy", "ofCitedWork") == [
        ("> 20", "> 40", "%", "P29", False),
        ("> 20", "≥ 20", "Gy", "P20", False),
    ]
    everything = rows(store, "printed-and-outside-figures")
    assert len(everything) == 32  # 30 figures, two of them beside both arms of the phase II trial
    remembered = [row for row in everything if row["copy"] is None]
    assert columns(remembered, "ambiguity", "verification") == [
        ("A10", "from memory, to be checked"),
        ("A56", "from memory, to be checked"),
        ("A56", "from memory, to be checked"),
    ]
    assert all("from memory" in row["outside"] for row in remembered)
    ratio = next(row for row in everything if row["figure"] == "0.74")
    assert (ratio["interval"], ratio["statements"]) == ("0.39-1.39", "S057")


@answers("references-of-guideline")
def test_references_of_the_guideline(store: Store) -> None:
    found = rows(store, "references-of-guideline")
    assert [row["reference"] for row in found] == list(range(86, 121))
    (erler,) = rows(store, "references-of-guideline", reference="113")
    assert (erler["author"], erler["year"], erler["studies"]) == ("Erler", None, "study of Erler")
    assert set(erler["statements"].split()) == {"S113", "S114", "S122", "S123"}
    assert erler["findings"] == 6  # three counts, one cut-off, two factors
    assert [row["reference"] for row in found if row["year"]] == [94, 107, 108]


@answers("statements-that-contradict")
def test_statements_that_contradict(store: Store) -> None:
    """Speed, duration, acute toxicity against S037 and against S046: A09 each time."""
    found = rows(store, "statements-that-contradict")
    assert columns(found, "statement", "other", "ambiguities") == [
        ("S035", "S050", "A09"),
        ("S036", "S051", "A09"),
        ("S037", "S041", "A09"),
        ("S041", "S046", "A09"),
    ]


@answers("loaded-graphs")
def test_loaded_graphs(store: Store) -> None:
    found = run(store, "loaded-graphs").rows()
    assert len(found) == len(store.graphs())
    guideline = rows(store, "loaded-graphs", kind="guideline", language="fr")
    assert len(guideline) == 11 + 4 + 4 + 4  # files of AURA, of ACR 2014, of ASTRO 2017 and of ASTRO 2024
    assert ("Recommandations", "0.1.0", "recommendations") in columns(
        guideline, "title", "version", "ontology"
    )
    assert len(rows(store, "loaded-graphs", kind="conclusions")) == 3
    assert len(rows(store, "loaded-graphs", kind="record")) == 3


def test_queries_ask_the_guideline_that_is_named(store: Store) -> None:
    """ASTRO 2024: four schedules for compression, four in general, four and three to irradiate again."""
    found = rows(store, "schedules-for-indication", guideline="astro-2024")
    assert Counter(row["indication"] for row in found) == {
        "CompressionNotDecompressed": 4,
        "ForConventional": 4,
        "ReirradiatedSpine": 4,
        "ReirradiatedOther": 3,
    }
    stops = {
        name: {
            row["statement"]
            for row in rows(store, "contraindications-of-option", option="rt:SBRT", guideline=name)
        }
        for name in ("astro-2017", "astro-2024")
    }
    assert stops == {"astro-2017": {"K17_6", "K17_7"}, "astro-2024": set()}
    aura = {row["regimen"] for row in rows(store, "regimens")}
    astro = {row["regimen"] for row in rows(store, "regimens", guideline="astro-2024")}
    assert {"RT-16Gy-2fx", "RT-20Gy-8fx"} == {r for r in astro if r not in aura}


def test_conclusions_of_two_guidelines_stand_side_by_side() -> None:
    """A painful femur: 30 Gy in 10 and 8 Gy once are alike in ASTRO 2024; the summary box of AURA (S161) names the first."""
    base = KnowledgeBase()
    graphs = Graphs(base)
    (record,) = base.read_document(
        treated("two", "Femur", 30, 10, painType="NociceptivePain", fractureRisk=True)
        | {"previousCourses": [], "allCoursesListed": True},
        "two",
    )
    other = base.of("astro-2024").compiled()
    graphs.add(base.assess(record, base.compiled()), base.compiled(), other)
    for name, expected in (("aura-bone-metastases", "S161"), ("astro-2024", "A24_08-30x10")):
        options = graphs.run("options-of-case", {"case": "two/L1", "guideline": name}).rows()
        leading = {str(row["option"]).rpartition("/")[2]: str(row["leading"]) for row in options}
        assert leading["RT-30Gy-10fx"] == expected
        (check,) = graphs.run("prescription-concordance", {"case": "two/L1", "guideline": name}).rows()
        assert str(check["concordance"]) == "concordant"


@answers("organ-at-risk-limits")
def test_cord_limits(store: Store) -> None:
    """S128 to S132: 12 to 14 Gy in one fraction, then 17, 20.3, 23 and 25.3 Gy; first irradiation; reference 117."""
    found = rows(store, "organ-at-risk-limits")
    assert columns(found, "fractions", "limit", "statement") == [
        (1, 12, "S128-soft"),
        (1, 14, "S128-hard"),
        (2, 17, "S129"),
        (3, 20.3, "S130"),
        (4, 23, "S131"),
        (5, 25.3, "S132"),
    ]
    assert {(r["unit"], r["firstIrradiation"], r["references"]) for r in found} == {("Gy", True, "117")}
    assert columns(rows(store, "organ-at-risk-limits", fractions="3"), "statement") == [("S130",)]


@answers("rules-of-case")
def test_rules_of_one_kind_in_a_case(practice: Store) -> None:
    """The day after the operation and the healed skin are rules of timing; a long bone is covered as a whole (S025)."""
    timing = rows(practice, "rules-of-case", case="day-22/L1", rule="rt:TimingRule")
    assert columns(timing, "statement", "binds", "kept") == [
        ("S004", "true", "false"),
        ("S005", "true", "false"),
    ]
    targets = rows(practice, "rules-of-case", case="single-femur/L1", rule="target-volume rule")
    by_statement = {row["statement"]: (row["binds"], row["kept"]) for row in targets}
    assert by_statement["S025"] == ("true", "unknown")
    assert by_statement["S029"] == ("false", "unknown")  # out to the transverse processes: of vertebrae
    cord = rows(practice, "rules-of-case", case="case-1/T11", rule="organ-at-risk constraint")
    assert {row["binds"] for row in cord if row["statement"].startswith(("S129", "S13"))} == {"false"}


@answers("risk-factors-of-case")
def test_risk_factors_of_a_vertebra(practice: Store) -> None:
    """T8 lies above T10 (S118) and between C5 and T10 (S133); whether it is lytic is not recorded (S119)."""
    found = rows(practice, "risk-factors-of-case", case="single-cord/L1")
    present = {row["statement"]: row["present"] for row in found}
    assert (present["S118"], present["S119"], present["S133"]) == ("false", "unknown", "true")
    [lytic] = [row for row in found if row["statement"] == "S119"]
    assert lytic["missing"] == "radiological type"
    outcome = rows(practice, "risk-factors-of-case", case="single-cord/L1", outcome="oesophageal toxicity")
    assert columns(outcome, "statement", "present") == [("S133", "true")]


@answers("levels-of-prescribed-option")
def test_single_fractions_by_the_levels_that_accept_them(practice: Store) -> None:
    """Two were prescribed. The femur does not hurt: no pain to accept it for at any level. The other leaves all open."""
    found = rows(practice, "levels-of-prescribed-option")
    assert [row["statement"] for row in found] == ["S045-intermediate", "S045-lenient", "S045-strict"]
    assert {(row["prescribed"], row["inside"]) for row in found} == {(2, 0)}
    lenient = found[1]
    assert lenient["outside"] + lenient["notAssessable"] == 2
    none = rows(practice, "levels-of-prescribed-option", option="RT-20Gy-5fx")
    assert {row["prescribed"] for row in none} == {0}


@answers("fulfilment-of-rules")
def test_how_often_rules_are_kept(practice: Store) -> None:
    """S004, day 15 to 21: day 14 is early, day 15 inside, day 22 late. S022: a planning CT for the three conformal plans.

    S066, validation of a stereotactic decision by the board: case-1 and compressed are prescribed stereotactic
    radiotherapy; the first says that it was not validated, the other says nothing.
    """
    found = {row["statement"]: row for row in rows(practice, "fulfilment-of-rules")}
    assert columns(
        [found["S004"], found["S022"], found["S066"]], "binds", "kept", "notKept", "notDocumented"
    ) == [
        (3, 1, 2, 0),
        (3, 3, 0, 0),
        (2, 0, 1, 1),
    ]
    of_single = rows(practice, "fulfilment-of-rules", option="RT-8Gy-1fx", statement="S022")
    assert columns(of_single, "binds", "kept") == [(2, 2)]


@answers("delay-after-surgery")
def test_delay_after_surgery(practice: Store) -> None:
    """14, 15 and 22 days: the median is 15."""
    [found] = rows(practice, "delay-after-surgery")
    assert (found["statement"], found["from"], found["to"]) == ("S004", 15, 21)
    assert (found["operated"], found["known"], found["unknown"], found["median"]) == (3, 3, 0, 15)
    assert (found["early"], found["inside"], found["late"]) == (1, 1, 1)


@answers("postoperative-window")
def test_window_after_surgery(practice: Store) -> None:
    found = rows(practice, "postoperative-window")
    assert columns(
        found, "operationDate", "fromDay", "toDay", "daysSince", "kept", "waitsFor", "waitsForKept"
    ) == [
        ("2026-10-19", 15, 21, 14, "false", "S005", "true"),
        ("2026-10-18", 15, 21, 15, "true", "S005", "unknown"),
        ("2026-10-11", 15, 21, 22, "false", "S005", "false"),
    ]


@answers("prescribed-schedules")
def test_schedules_prescribed_in_cord_compression(practice: Store) -> None:
    """30 Gy in 10 is a printed schedule of vertebral cord compression (S053): concordant whatever is unknown."""
    found = rows(
        practice, "prescribed-schedules", finding="rec:cordCompression", technique="ThreeDimensionalConformal"
    )
    assert columns(found, "dose", "fractions", "cases", "concordant") == [(8, 1, 1, 0), (30, 10, 1, 1)]
    everything = rows(practice, "prescribed-schedules")
    conformal = [row for row in everything if row["techniqueLabel"] == "3D conformal"]
    assert columns(conformal, "dose", "fractions", "cases") == [(8, 1, 2), (30, 10, 1)]
    kinds = ("concordant", "acceptable", "exceptional", "discordant", "notAddressed", "notAssessable")
    assert all(sum(row[kind] for kind in kinds) == row["cases"] for row in everything)


def test_the_examples_can_be_tried_on_the_shipped_record() -> None:
    shipped = json.loads((DATA_ROOT / "examples" / "case-thoracic-reirradiation.json").read_text())
    cases = {f"{shipped['id']}/{lesion['id']}" for lesion in shipped["lesions"]}
    asked = {example.get("case") for query in load_queries().values() for example in query.examples}
    assert asked - {None} <= cases


def test_every_query_has_a_test_and_every_test_a_query() -> None:
    assert set(load_queries()) == TESTED
    assert len(load_queries()) == EXPECTED_QUERIES


@pytest.mark.parametrize("name", sorted(load_queries()))
def test_headers(name: str, practice: Store) -> None:
    query = load_queries()[name]
    assert query.title("en") != query.title("fr")
    assert re.fullmatch(r"CQ([1-9]|[12]\d|30)( CQ([1-9]|[12]\d|30))*|none", query.question)
    assert query.examples
    for parameter in query.parameters.values():
        assert re.search(rf"\?{parameter.name}\b", query.text)
    for example in query.examples:
        result = run(practice, name, example)
        assert result.variables == query.columns
        assert result.rows(), "an example shows an answer"


@pytest.mark.parametrize("name", sorted(load_queries()))
def test_french_labels_where_there_are_labels(name: str, practice: Store) -> None:
    example = {**load_queries()[name].examples[0]}
    english = run(practice, name, {**example, "language": "en"}).rows()
    french = run(practice, name, {**example, "language": "fr"}).rows()
    assert len(english) == len(french)
    assert english != french


@pytest.mark.parametrize(
    "value",
    [
        "https://w3id.org/bonemet-kg/radiotherapy/SBRT",
        "rt:SBRT",
        "SBRT",
        "sbrt",
        "stereotactic body radiotherapy",
        "Radiothérapie stéréotaxique",
    ],
)
def test_an_iri_is_given_as_people_write_it(store: Store, value: str) -> None:
    assert len(rows(store, "contraindications-of-option", option=value)) == 8


@pytest.mark.parametrize("value", ["sparse/L9", "L9", "l9", "https://w3id.org/bonemet-kg/data/sparse/L9"])
def test_a_case_is_given_as_people_write_it(store: Store, value: str) -> None:
    assert rows(store, "options-of-case", case=value) == rows(store, "options-of-case", case="sparse/L9")


def test_an_id_that_several_cases_bear_is_not_guessed(store: Store) -> None:
    with pytest.raises(
        InputError, match=r"'T11', which means .*/case-1/T11 or .*/compressed/T11; expected one"
    ):
        run(store, "options-of-case", {"case": "T11"})


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("option-of-case", {}, r"no query named 'option-of-case'; did you mean 'options-of-case'\?"),
        (
            "regimens",
            {"alphabeta": "2"},
            r"no parameter of regimens named 'alphabeta'; did you mean 'alphaBeta'\?",
        ),
        ("regimens", {"language": "de"}, "no language named 'de'; known: en, fr"),
        ("contraindications-of-option", {"option": "SBTR"}, r"no option named 'SBTR'; did you mean 'SBRT'\?"),
        ("options-of-case", {"case": "sparse/L8"}, r"no case named 'sparse/L8'; did you mean 'sparse/L9'\?"),
        ("contraindications-of-option", {"option": "http://x.y/z"}, "no option named 'http://x.y/z'"),
        ("contraindications-of-option", {"option": "<> } DROP ALL"}, "no option named"),
        (
            "technique-despite-contraindication",
            {"technique": "zzzzzz"},
            "no technique named 'zzzzzz'; known: .*…",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    store: Store, name: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(UnknownNameError, match=message) as caught:
        run(store, name, parameters)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("options-of-case", {}, "options-of-case: case: nothing; expected a value of type case"),
        ("statements-by-reference", {"reference": "9x"}, "reference: '9x'; expected a whole number"),
        ("statements-by-reference", {"reference": "9" * 30}, "expected a whole number"),
        ("regimens", {"alphaBeta": "1e5"}, "alphaBeta: '1e5'; expected a number such as 2.5"),
        ("regimens", {"alphaBeta": "NaN"}, "expected a number"),
        ("regimens", {"alphaBeta": ""}, "expected a number"),
    ],
)
def test_a_value_of_another_type_is_refused(
    store: Store, name: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(store, name, parameters)


def test_a_string_parameter_is_never_read_as_query(store: Store) -> None:
    assert rows(store, "statements-with-note", statement='S071" } SERVICE <http://x> {') == []


HEADER = [
    "# title: T",
    "# titre: U",
    "# question: CQ1",
    "# description: D",
    "# parameter: a iri any What it is.",
    "# choices: a ex:p",
    "# columns: a",
    "PREFIX ex: <http://example.org/>",
    "SELECT ?a { ?s ex:p ?a }",
]


def test_a_header_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.rq"
    path.write_text("\n".join(HEADER))
    query = read_query(path)
    assert query.parameters["a"].choices == URIRef("http://example.org/p")
    assert query.columns == ("a",)
    assert query.prefixes == {"ex": "http://example.org/"}


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        (0, "", "needs one line '# title: …', has 0"),
        (1, "# title: again", "needs one line '# title: …', has 2"),
        (2, "# competency: CQ1", "line 3: expected '# key: value'"),
        (4, "# parameter: a iri", "expected 'name type default description'"),
        (4, "# parameter: a colour any What.", "expected 'name type default description'"),
        (4, "# parameter: a string any What.", "a parameter has a line '# choices: …' if it is an iri"),
        (5, "# choices: a other:p", "a property with a prefix of the query"),
        (5, "# choices: b ex:p", "a parameter has a line '# choices: …' if it is an iri"),
    ],
)
def test_a_bad_header_is_told(tmp_path: Path, line: int, replacement: str, message: str) -> None:
    lines = [*HEADER]
    lines[line] = replacement
    path = tmp_path / "a.rq"
    path.write_text("\n".join(part for part in lines if part))
    with pytest.raises(CatalogError, match=message):
        read_query(path)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"holds no \.rq file"):
        load_queries(tmp_path)


@pytest.mark.parametrize(
    "module",
    ["store/base", "store/embedded", "catalogue", "queries", "sparql_guard", "sparql_errors", "worker"],
)
def test_the_machinery_names_no_clinical_term(module: str) -> None:
    """Not in code, not in comments: the words are those of the record, the anatomy and the guideline."""
    names = set()
    for path in (DATA_ROOT / "ontology").rglob("*.ttl"):
        neutral = ("core", "evidence", "quantity", "targets")
        if path.stem not in neutral and "bindings" not in path.parts:
            graph = Graph().parse(path)
            names |= {local_name(s).lower() for s in graph.subjects() if isinstance(s, URIRef)}
    assert len(names) > 300
    text = (DATA_ROOT / "kg_service" / f"{module}.py").read_text(encoding="utf-8").lower()
    words = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text))
    assert words & names <= {
        "record",
        "recommendations",
        "statements",
        "guideline",
        "criteria",
        "readings",
        "id",
        "s101",  # a rule of the linter bears the name of a statement
    }


def test_the_documentation_lists_the_queries() -> None:
    text = (DATA_ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| (.+?) \|$", text, re.MULTILINE)
    assert listed == [(name, q.question, q.title("en")) for name, q in load_queries().items()]
    assert FOLDER == DATA_ROOT / "queries"
