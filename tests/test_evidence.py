"""The evidence of the AURA guideline: every figure against the source, read by hand, and what others print.

The source's text is not shipped; its line numbers are those of the statements.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
from rdflib import RDF, RDFS, SKOS, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, OWL, PROV
from rdflib.term import Node

from kg_service.axioms import check_fragment
from kg_service.knowledge import DATA_ROOT, load_file, load_graph
from kg_service.namespaces import BASE, CITO, CORE, QTY, local_name
from kg_service.oracle import logical_part
from kg_service.schema import RecordSchema

EV = Namespace(f"{BASE}evidence/")
RT = Namespace(f"{BASE}radiotherapy/")
AURA = Namespace(f"{BASE}guideline/aura-bone-metastases/")
VOCABULARY = DATA_ROOT / "ontology" / "evidence.ttl"
MODULE = DATA_ROOT / "ontology" / "guidelines" / "aura-bone-metastases" / "evidence.ttl"
BOUNDS = ("minInclusive", "maxInclusive", "minExclusive", "maxExclusive")
SIGNS = {"minInclusive": "≥", "maxInclusive": "≤", "minExclusive": ">", "maxExclusive": "<"}

COUNTS = {
    "Citation": 35,  # 86 to 120
    "Study": 13,
    "Group": 47,
    "Finding": 84,
    "Discrepancy": 9,  # A10, A15, A50 to A54, A56, A57
    "OutsideFigure": 30,
    "PublicCopy": 11,
    "Assumption": 1,  # A55
}

# Statement, figure with unit, month, what it counts; in the order of the findings of the statement.
PRINTED = [
    ("S036", "20 %", None, "Rate"),  # line 75, 8 Gy
    ("S036", "8 %", None, "Rate"),  # line 75, the other schedules
    ("S039", "29 1", None, "NumberOfTrials"),  # line 81
    ("S049", "3059 1", None, "NumberOfPatients"),  # line 104
    ("S056", "968 1", None, "NumberOfPatients"),  # line 122
    ("S056", "20 Gy", None, "Mean"),  # line 124
    ("S056", "5 1", None, "Mean"),  # line 124
    ("S056", "8 Gy", None, "Mean"),  # line 126
    ("S101", "75-100 %", None, "Rate"),  # line 237
    ("S102", "50-90 %", None, "Rate"),  # line 239, after a few weeks
    ("S104", "80-95 %", None, "Rate"),  # line 243
    ("S106", "33.3 %", 12, "Rate"),  # line 251, high risk, one year
    ("S106", "21.8 %", 12, "Rate"),  # line 251, low risk
    ("S106", "0 %", 12, "Rate"),  # line 251, none
    ("S108", "84-88 %", 12, "Rate"),  # line 259, one year
    ("S109", "17 1", None, "NumberOfPatients"),  # line 261
    ("S109", "14 1", None, "Number"),  # line 263, on the ilium
    ("S109", "30-35 Gy", None, "Dose"),  # line 263
    ("S109", "3 cm", None, "Mean"),  # line 265
    ("S109", "8-13 mm", None, "Margin"),  # lines 267-269
    ("S110", "23 1", None, "NumberOfPatients"),  # line 271, stereotactic
    ("S110", "23 1", None, "NumberOfPatients"),  # line 273, conventional
    ("S111", "≤ 2 1", None, "EntryCondition"),  # line 275, vertebrae a region
    ("S111", "≤ 2 1", None, "EntryCondition"),  # line 277, regions
    ("S111", "> 3 mm", None, "EntryCondition"),  # line 279
    ("S113", "81 1", None, "NumberOfPatients"),  # line 285
    ("S113", "106 1", None, "NumberOfLesions"),  # line 285
    ("S113", "41.5 %", None, "Share"),  # line 287
    ("S117", "≥ 20 %", None, "HighestRate"),  # line 303, "20 % or even more"
    ("S125", "110 1", None, "NumberOfPatients"),  # line 315
    ("S125", "21 mo", None, "MedianFollowUp"),  # line 317
    ("S125", "3.5 %", 12, "Rate"),  # line 317, 1 year
    ("S125", "6.1 %", 24, "Rate"),  # line 317, 2 years
    ("S125", "9.8 %", 36, "Rate"),  # line 317, 3 years
    ("S126", "5.7 %", 12, "Rate"),  # line 319, 1 year
    ("S126", "7.2 %", 24, "Rate"),  # line 319, 2 years
    ("S126", "13.5 %", 36, "Rate"),  # line 319, 3 years
    ("S128", "1-5 %", None, "EstimatedRisk"),  # line 323
    ("S134", "14-68 %", None, "Rate"),  # line 334
]
# Statement, cut-off of a factor, outcome, direction.
CUT_OFFS = [
    ("S114", "> 37 cm3", "local-recurrence", "Higher"),  # line 291
    ("S116", "≥ 50 Gy", "local-control", "Higher"),  # line 297
    ("S116", "< 150 cm3", "local-control", "Higher"),  # line 297
    ("S120", "> 20 %", "vertebral-fracture", "Higher"),  # line 305
    ("S121", "> 20 Gy", "vertebral-fracture", "Higher"),  # line 307
]
# Statement, outcome, direction, month: told without a figure.
COMPARED = [
    ("S007", "local-recurrence", "Lower", None),
    ("S008", "second-operation", "Lower", None),
    ("S009", "pain-progression", "Lower", None),
    ("S035", "time-to-response", "Lower", None),  # "faster"
    ("S036", "duration-of-response", "Similar", None),
    ("S037", "toxicity", "Higher", None),
    ("S039", "overall-response", "Similar", None),
    ("S039", "complete-response", "Similar", None),
    ("S041", "pathological-fracture", "Similar", None),
    ("S041", "cord-compression", "Similar", None),
    ("S041", "acute-toxicity", "Similar", None),
    ("S042", "progression-free-survival", "Higher", None),
    ("S042", "local-control", "Higher", 12),  # line 90
    ("S042", "motor-function", "Similar", None),
    ("S049", "pain-response", "Similar", None),
    ("S050", "time-to-response", "Similar", None),
    ("S051", "duration-of-response", "Lower", None),
    ("S056", "pain-response", "Similar", None),
    ("S056", "function", "Similar", None),
    ("S057", "pain-response", "Higher", None),
    ("S059", "local-control", "Higher", None),
    ("S103", "duration-of-response", "Higher", None),
    ("S105", "local-control", "Higher", 3),  # lines 245-247
    ("S105", "time-to-local-recurrence", "Higher", None),  # "delayed"
    ("S105", "pain-response", "Higher", None),
    ("S112", "efficacy", "Similar", 3),  # lines 279-281
    ("S112", "time-to-response", "Lower", None),
    ("S112", "efficacy", "Higher", 6),  # line 281
    ("S118", "vertebral-fracture", "Higher", None),
    ("S119", "vertebral-fracture", "Higher", None),
    ("S122", "fracture", "Higher", None),
    ("S123", "fracture", "Higher", None),
    ("S133", "oesophageal-toxicity", "Higher", None),
    ("S135", "pain-flare", "Lower", None),
]
OCCURRENCES = [
    ("S046", "pneumonitis"),
    ("S046", "diarrhoea"),
    ("S046", "oesophagitis"),
    ("S047", "ileitis"),
    ("S047", "fistula"),
    ("S127", "myelopathy"),
]
# Group, dose in gray, fractions: what was given, as printed.
SCHEDULES = {
    "palliative-30-10": (30, 10),  # line 69
    "palliative-24-6": (24, 6),  # line 69
    "palliative-20-5": (20, 5),  # line 69
    "palliative-8-1": (8, 1),  # line 71
    "single-8-gy": (8, 1),  # line 75
    "29-trials-20-4": (20, 4),  # line 81
    "29-trials-30-10": (30, 10),  # lines 81-83
    "30-gy-several": (30, None),  # line 89
    "rich-single": (8, 1),  # line 106
    "canadian-single": (None, 1),  # line 126
    "canadian-complicated-single": (None, 1),
    "pelvic": (None, 5),  # line 263
    "phase-2-stereotactic": (24, 1),  # line 273
    "phase-2-conventional": (30, 10),  # lines 273-275
    "erler-30-5": (30, 5),  # line 289
    "erler-35-5": (35, 5),  # line 289
}
NAMED = {
    94: ("Rich", "2018"),  # line 104
    100: ("Cox", None),  # line 195
    101: ("Dunne", None),  # line 197
    102: ("Dunne", None),  # line 197
    107: ("Zeng", "2019"),  # lines 241-243
    108: ("Lee", "2022"),  # line 245
    113: ("Erler", None),  # line 285
    114: ("Thomas", None),  # line 293
    116: ("Madani", None),  # line 315
}
# What stands outside the source: figure or cut-off, mark, copy, findings it is compared with.
OUTSIDE = {
    "A10-1": ("3059 1", "FromMemory", None, ["S049-1"]),
    "A15-1": ("0.71 1", "Seen", "P12", []),
    "A15-2": ("0.74 1", "Seen", "P12", ["S057-1"]),
    "A15-3": ("19 %", "Seen", "P12", ["S057-1"]),
    "A15-4": ("33 %", "Seen", "P12", ["S057-1"]),
    "A15-5": ("69 %", "Seen", "P12", []),
    "A15-6": ("81 %", "Seen", "P12", []),
    "A15-7": ("335 1", "Seen", "P12", []),
    "A50-1": ("33.3 %", "Seen", "P26", ["S106-1"]),
    "A50-2": ("21.8 %", "Seen", "P26", ["S106-2"]),
    "A50-3": ("0 %", "Seen", "P26", ["S106-3"]),
    "A50-4": ("83 1", "Seen", "P26", []),
    "A50-5": ("47 1", "Seen", "P26", []),
    "A51-1": ("111 1", "Seen", "P27", ["S125-1"]),
    "A51-2": ("114 1", "Seen", "P27", []),
    "A51-3": ("110 1", "Seen", "P27", ["S125-1"]),
    "A52-1": ("17 1", "Seen", "P28", ["S109-1"]),
    "A52-2": ("8 1", "Seen", "P28", []),
    "A52-3": ("7 1", "Seen", "P28", []),
    "A52-4": ("34 mm", "Seen", "P28", ["S109-4"]),
    "A52-5": ("5-10 mm", "Seen", "P28", ["S109-5"]),
    "A53-1": ("> 40 %", "Seen", "P29", ["S120-1"]),
    "A53-2": ("≥ 20 Gy", "Seen", "P20", ["S121-1"]),
    "A54-1": ("0.02 1", "Seen", "P30", ["S114-1"]),
    "A54-2": (None, "PartlySeen", "P30", ["S122-1"]),
    "A54-3": (None, "PartlySeen", "P30", ["S123-1"]),
    "A56-1": ("55 1", "Seen", "P31", ["S110-1", "S110-2"]),
    "A56-2": ("23 1", "FromMemory", None, ["S110-1", "S110-2"]),
    "A57-1": ("2.5 1", "Seen", "P32", ["S105-1"]),
    "A57-2": (None, "Seen", "P32", ["S105-1"]),
}
CONFIRMED = {
    "P10": {"S036-1", "S036-2"},
    "P12": {"S056-1"},
    "P18": {"S128-1"},
    "P27": {"S125-3", "S125-4", "S125-5", "S126-1", "S126-2", "S126-3"},
    "P30": {"S113-1", "S113-2", "S113-3"},
}
OUTCOMES_OTHERS_LINK_TO = [
    *("vertebral-fracture", "fracture", "local-recurrence", "local-control", "pain-response", "pain-flare"),
    *("myelopathy", "oesophageal-toxicity", "pneumonitis", "diarrhoea", "oesophagitis", "ileitis", "fistula"),
    *("re-irradiation", "second-operation", "radiological-response", "motor-function", "time-to-response"),
    *("duration-of-response", "progression-free-survival"),
]
ADVERSE = {
    *("vertebral-fracture", "fracture", "oesophageal-toxicity", "toxicity", "acute-toxicity", "pain-flare"),
    *("pneumonitis", "diarrhoea", "oesophagitis", "ileitis", "fistula", "myelopathy"),
}
WITHOUT_FIGURE = {
    "S030": "four schedules: groups of a study",
    "S050": "8 Gy is the schedule",
    "S051": "8 Gy is the schedule",
    "S100": "isodose lines of a picture, which is missing",
    "S118": "T10 is a vertebra",
    "S133": "C5 and T10 are vertebrae",
}
"""Statements of the kinds below with a digit in their paraphrase, and why no figure is taken from it."""
KINDS = {"evidence", "adverse-effect", "technique-property", "risk-factor"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return load_graph()


def of_type(graph: Graph, name: str) -> list[URIRef]:
    return sorted(URIRef(str(s)) for s in graph.subjects(RDF.type, EV[name]))


def order(finding: URIRef) -> tuple[str, int]:
    statement, _, number = local_name(finding).removeprefix("finding-").partition("-")
    return statement, int(number)


def findings(graph: Graph) -> list[URIRef]:
    return sorted(of_type(graph, "Finding"), key=order)


def amount(graph: Graph, quantity: Node | None) -> str | None:
    """Return a quantity as the tables write it."""
    if quantity is None:
        return None
    (unit,) = graph.objects(quantity, QTY.unit)
    values = {p: graph.value(quantity, QTY[p]) for p in ("value", *BOUNDS)}
    told = {p: format(float(str(v)), "g") for p, v in values.items() if v is not None}
    if set(told) == {"minInclusive", "maxInclusive"}:
        return f"{told['minInclusive']}-{told['maxInclusive']} {unit}"
    ((prop, number),) = told.items()
    return f"{number} {unit}" if prop == "value" else f"{SIGNS[prop]} {number} {unit}"


def name(graph: Graph, node: URIRef, prop: URIRef) -> str | None:
    value = graph.value(node, prop)
    return None if value is None else local_name(str(value)).removeprefix("outcome-")


def month(graph: Graph, node: URIRef) -> int | None:
    time = graph.value(node, EV.atTime)
    return None if time is None else int(float(str(graph.value(time, QTY.value))))


def test_counts(graph: Graph) -> None:
    assert {kind: len(of_type(graph, kind)) for kind in COUNTS} == COUNTS
    assert len(PRINTED) + len(CUT_OFFS) + len(COMPARED) + len(OCCURRENCES) == COUNTS["Finding"]
    assert len(OUTSIDE) == COUNTS["OutsideFigure"]


def test_every_figure_is_the_printed_one(graph: Graph) -> None:
    told = [
        (order(f)[0], amount(graph, figure), month(graph, f), name(graph, f, EV.measure))
        for f in findings(graph)
        if (figure := graph.value(f, EV.figure)) is not None
    ]
    assert told == PRINTED


def test_every_cut_off_is_the_printed_one(graph: Graph) -> None:
    told = [
        (order(f)[0], amount(graph, cut), name(graph, f, CORE.ofOutcome), name(graph, f, EV.direction))
        for f in findings(graph)
        if (cut := graph.value(f, EV.threshold)) is not None
    ]
    assert told == CUT_OFFS


def test_what_is_told_without_a_figure(graph: Graph) -> None:
    plain = [f for f in findings(graph) if not {EV.figure, EV.threshold} & set(graph.predicates(f))]
    told = {
        measure: [f for f in plain if (f, EV.measure, EV[measure]) in graph]
        for measure in ("Comparison", "Occurrence")
    }
    assert [
        (order(f)[0], name(graph, f, CORE.ofOutcome), name(graph, f, EV.direction), month(graph, f))
        for f in told["Comparison"]
    ] == COMPARED
    assert [(order(f)[0], name(graph, f, CORE.ofOutcome)) for f in told["Occurrence"]] == OCCURRENCES
    assert sum(len(found) for found in told.values()) == len(plain)


def test_a_rate_goes_somewhere_only_where_the_text_compares(graph: Graph) -> None:
    """20 % after 8 Gy against 8 %: one figure of the source has a direction."""
    both = [f for f in findings(graph) if {EV.figure, EV.direction} <= set(graph.predicates(f))]
    assert [order(f) for f in both] == [("S036", 1)]
    assert name(graph, both[0], EV.direction) == "Higher"
    assert name(graph, both[0], EV.comparedWith) == "group-other-schedules"


def test_what_is_worded_as_apparent(graph: Graph) -> None:
    """ "Il semble", "il est suggéré": S035, S042 throughout, S057, S103."""
    told = [
        order(URIRef(str(f))) for f in graph.subjects(EV.tentative, Literal(True)) if "finding-" in str(f)
    ]
    assert sorted(told) == [("S035", 1), ("S042", 1), ("S042", 2), ("S042", 3), ("S057", 1), ("S103", 1)]


def test_times_without_a_number_stay_words(graph: Graph) -> None:
    told = {order(URIRef(str(f))) for f in graph.subjects(EV.timeAsWorded, None)}
    assert told == {("S102", 1), ("S134", 1)}
    assert all(month(graph, URIRef(str(f))) is None for f in graph.subjects(EV.timeAsWorded, None))


def test_no_statement_with_a_figure_is_forgotten(graph: Graph) -> None:
    """A digit in the paraphrase of one of these kinds means a figure, or a reason why not."""
    counted = {
        str(statement)
        for f in findings(graph)
        if {EV.figure, EV.threshold} & set(graph.predicates(f))
        for statement in graph.objects(f, CORE.restsOn)
    }
    timed = {str(s) for f in findings(graph) if month(graph, f) for s in graph.objects(f, CORE.restsOn)}
    asked, missing = 0, set()
    for statement in graph.subjects(RDF.type, CORE.Statement):
        kind = str(graph.value(statement, CORE.statementKind))
        words = next(p for p in graph.objects(statement, CORE.paraphrase) if p.language == "en")  # type: ignore[attr-defined]
        own = (statement, CORE.ofGuideline, AURA.guideline) in graph
        if (
            own
            and kind in KINDS
            and re.search(r"\d", re.sub(r"\bin (20\d\d)\b|\((20\d\d)\)|3D", "", str(words)))
        ):
            asked += 1
            if str(statement) not in counted | timed:
                missing.add(local_name(str(statement)))
    assert missing == set(WITHOUT_FIGURE)
    assert asked >= len({row[0] for row in (*PRINTED, *CUT_OFFS)} - {"S128"})


def test_schedules_of_groups(graph: Graph) -> None:
    told = {
        local_name(g).removeprefix("group-"): (
            None if (dose := graph.value(g, RT.doseInGray)) is None else int(float(str(dose))),
            None if (fractions := graph.value(g, RT.fractions)) is None else int(str(fractions)),
        )
        for g in of_type(graph, "Group")
    }
    assert {g: schedule for g, schedule in told.items() if schedule != (None, None)} == SCHEDULES
    assert not set(of_type(graph, "Group")) & set(graph.subjects(RDF.type, RT.Regimen))


def test_references_are_those_of_the_statements(graph: Graph) -> None:
    numbers = {int(str(graph.value(c, CORE.referenceNumber))): c for c in of_type(graph, "Citation")}
    assert set(numbers) == set(range(86, 121))
    assert {local_name(c) for c in numbers.values()} == {f"ref-{n}" for n in numbers}
    used = {
        int(str(n))
        for s in graph.subjects(RDF.type, CORE.Statement)
        if (s, CORE.ofGuideline, AURA.guideline) in graph
        for n in graph.objects(s, CORE.referenceNumber)
    }
    assert used == set(numbers)


def test_a_reference_has_only_what_the_text_gives(graph: Graph) -> None:
    """Author and year where a sentence names them; no title, no journal, no number of another register."""
    allowed = {RDF.type, RDFS.label, RDFS.isDefinedBy, SKOS.editorialNote, CORE.ofGuideline,
               CORE.referenceNumber, DCTERMS.creator, DCTERMS.date}  # fmt: skip
    told = {}
    for citation in of_type(graph, "Citation"):
        assert set(graph.predicates(citation)) <= allowed
        who, when = graph.value(citation, DCTERMS.creator), graph.value(citation, DCTERMS.date)
        if who or when:
            told[int(str(graph.value(citation, CORE.referenceNumber)))] = (
                str(who),
                str(when) if when else None,
            )
    assert told == NAMED


def test_studies_stand_on_the_references_of_their_statements(graph: Graph) -> None:
    for study in of_type(graph, "Study"):
        cited = {str(graph.value(c, CORE.referenceNumber)) for c in graph.objects(study, CITO.isDocumentedBy)}
        for statement in graph.objects(study, CORE.restsOn):
            assert {str(n) for n in graph.objects(statement, CORE.referenceNumber)} == cited, study
        for finding in graph.subjects(EV.fromStudy, study):
            assert set(graph.objects(finding, CORE.restsOn)) <= set(graph.objects(study, CORE.restsOn))


def test_one_work_printed_twice_stays_two_studies(graph: Graph) -> None:
    """A10: reference 93 may be reference 94. That is inferred, so it is a link on both sides, not one node."""
    trials, rich = AURA["study-29-trials"], AURA["study-rich-2018"]
    presumed = set(graph.subject_objects(EV.presumedSameWork))
    assert presumed == {(trials, rich), (rich, trials)}
    assert (trials, CORE.ambiguity, AURA.A10) in graph
    assert not list(graph.subject_objects(OWL.sameAs))


def test_what_stands_outside_the_source(graph: Graph) -> None:
    told = {
        local_name(o).removeprefix("outside-"): (
            amount(graph, graph.value(o, EV.figure) or graph.value(o, EV.threshold)),
            name(graph, o, EV.verification),
            None if (copy := name(graph, o, PROV.wasDerivedFrom)) is None else copy.removeprefix("copy-"),
            sorted(local_name(str(f)).removeprefix("finding-") for f in graph.objects(o, EV.beside)),
        )
        for o in of_type(graph, "OutsideFigure")
    }
    assert told == OUTSIDE
    assert Counter(mark for _, mark, _, _ in told.values()) == {"Seen": 26, "PartlySeen": 2, "FromMemory": 2}


def test_intervals_of_the_odds_ratios(graph: Graph) -> None:
    told = {local_name(str(o)): amount(graph, i) for o, i in graph.subject_objects(EV.interval)}
    assert told == {"outside-A15-1": "0.49-1.02 1", "outside-A15-2": "0.39-1.39 1"}


def test_what_was_seen_elsewhere_just_as_printed(graph: Graph) -> None:
    told: dict[str, set[str]] = {}
    for finding, copy in graph.subject_objects(EV.seenIn):
        told.setdefault(str(graph.value(copy, DCTERMS.identifier)), set()).add(
            local_name(str(finding)).removeprefix("finding-")
        )
    assert told == CONFIRMED


def test_a_discrepancy_belongs_to_its_ambiguity(graph: Graph) -> None:
    """And the statements it speaks of have that ambiguity; one in doubt is never shown without it."""
    for discrepancy in of_type(graph, "Discrepancy"):
        (ambiguity,) = graph.objects(discrepancy, CORE.ambiguity)
        assert local_name(discrepancy) == f"discrepancy-{local_name(str(ambiguity))}"
        for printed in graph.objects(discrepancy, EV.printed):
            statements = set(graph.objects(printed, CORE.restsOn)) or {printed}
            for statement in statements:
                assert (statement, CORE.ambiguity, ambiguity) in graph, (discrepancy, statement)


def test_the_supposed_ratio_is_told_as_supposed(graph: Graph) -> None:
    (supposed,) = of_type(graph, "Assumption")
    assert amount(graph, graph.value(supposed, EV.figure)) == "10 Gy"
    assert (supposed, EV.verification, EV.Inferred) in graph
    assert (supposed, CORE.restsOn, AURA.S116) in graph
    assert (supposed, CORE.ambiguity, AURA.A55) in graph


def test_contradictions_within_the_source(graph: Graph) -> None:
    """A09: speed, duration, acute toxicity twice."""
    told = {
        frozenset((local_name(str(a)), local_name(str(b))))
        for a, b in graph.subject_objects(CORE.contradicts)
    }
    pairs = [{"S035", "S050"}, {"S036", "S051"}, {"S037", "S041"}, {"S041", "S046"}]
    assert told == {frozenset(pair) for pair in pairs}


def test_outcomes(graph: Graph) -> None:
    adverse = {local_name(o).removeprefix("outcome-") for o in of_type(graph, "AdverseEffect")}
    assert adverse == ADVERSE
    outcomes = adverse | {
        local_name(str(o)).removeprefix("outcome-")
        for o in graph.subjects(RDF.type, CORE.Outcome)
        if str(o).startswith(AURA)
    }
    assert set(OUTCOMES_OTHERS_LINK_TO) <= outcomes
    assert len(OUTCOMES_OTHERS_LINK_TO) == 20
    assert len(outcomes) == 31
    used = {local_name(str(o)).removeprefix("outcome-") for o in graph.objects(None, CORE.ofOutcome)}
    assert outcomes <= used


def test_nothing_of_it_is_reasoned_on(graph: Graph) -> None:
    """Names of classes, one of them under outcome: no more enters the logical part, and no definition uses them."""
    whole, without = Graph(), Graph()
    for path in sorted((DATA_ROOT / "ontology").rglob("*.ttl")):
        whole += load_file(path)
        if path not in (VOCABULARY, MODULE):
            without += load_file(path)
    added = set(logical_part(whole)) - set(logical_part(without))
    headers = {(module, RDF.type, OWL.Ontology) for module in graph.subjects(RDF.type, OWL.Ontology)}
    names = ("AdverseEffect", "Direction", "Measure", "Verification", *COUNTS)
    classes = {(EV[name], RDF.type, OWL.Class) for name in names}
    assert added - headers == classes | {(EV.AdverseEffect, RDFS.subClassOf, CORE.Outcome)}
    check_fragment(graph, RecordSchema(graph))


def test_every_property_of_the_vocabulary_is_an_annotation() -> None:
    vocabulary = load_file(VOCABULARY)
    kinds = {t for s, t in vocabulary.subject_objects(RDF.type) if local_name(str(s))[0].islower()}
    assert kinds == {OWL.AnnotationProperty, OWL.Ontology}
    assert len(set(vocabulary.subjects(RDF.type, OWL.AnnotationProperty))) == 20
