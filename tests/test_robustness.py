"""Robust and fragile answers: exact, by comparison with every combination of readings taken one by one."""

import random
import time
from collections.abc import Iterable, Mapping
from itertools import product

import pytest
from full_copy import compiled_anew, full_copy
from rdflib import RDFS, Graph, Literal, URIRef

from kg_service.assessment import assess
from kg_service.compiler import CompiledGuideline
from kg_service.concordance import STOPS
from kg_service.errors import GuidelineError
from kg_service.guideline import Guideline
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import CORE, RDF
from kg_service.record import Case, Fact
from kg_service.robustness import (
    MOOT,
    Answer,
    CaseRobustness,
    ConclusionAnswer,
    OptionAnswer,
    PrescriptionAnswer,
    ReadingSpace,
    Robustness,
    RobustnessExaminer,
)
from kg_service.sampling import random_cases
from kg_service.service import Batch, KnowledgeBase
from kg_service.values import Knowledge

EXAMPLE = DATA_ROOT / "examples" / "case-thoracic-reirradiation.json"
AURA = "https://w3id.org/bonemet-kg/guideline/aura-bone-metastases/"
PRESCRIPTION = URIRef("urn:prescription")
Answers = dict[URIRef, Answer]


def case_of(known: Mapping[str, Knowledge], name: str = "c") -> Case:
    facts = {URIRef(f): Fact(URIRef(f), k, f, str(k)) for f, k in known.items()}
    return Case(name, "p", facts)


def cases_of(compiled: CompiledGuideline, number: int, seed: int) -> list[Case]:
    return [case_of(known, f"c{i}") for i, known in enumerate(random_cases(compiled, number, seed))]


def answers(case: Case, compiled: CompiledGuideline, options: Iterable[URIRef]) -> Answers:
    """What the whole assessment of a case says, item by item."""
    found = assess(case, compiled, "test")
    said: Answers = {c.recommendation.iri: ConclusionAnswer(c.status, c.fulfilled) for c in found.conclusions}
    status = {c.recommendation.iri: c.status for c in found.conclusions}
    for option in options:
        stopping = compiled.recommendations_on(option, STOPS)
        stopped = any(status[r.iri] == "true" and not r.excluded for r in stopping)
        said[option] = OptionAnswer("contraindicated" if stopped else "not-indicated", None)
    for verdict in found.options:
        leading = None if verdict.verdict in MOOT else verdict.leading
        said[verdict.option] = OptionAnswer(verdict.verdict, leading.strength if leading else None)
    if found.prescription:
        check = found.prescription
        said[PRESCRIPTION] = PrescriptionAnswer(check.concordance, check.best, check.worst)
    return said


def items(found: CaseRobustness) -> dict[URIRef, Robustness]:
    extra = {PRESCRIPTION: found.prescription} if found.prescription else {}
    return {**found.conclusions, **found.options, **extra}


def every_choice(compiled: CompiledGuideline) -> list[dict[str, str]]:
    computed = compiled.guideline.readings.computed
    return [
        dict(zip(computed, letters, strict=True))
        for letters in product(*([r.letter for r in readings] for readings in computed.values()))
    ]


def only(graph: Graph, *ambiguities: str) -> KnowledgeBase:
    """The shipped knowledge with the readings of a few ambiguities alone, so that all can be combined."""
    small = Graph()
    small += graph
    kept = tuple(f"{AURA}{a}-" for a in ambiguities)
    for reading in set(small.subjects(CORE.restates, None)):
        if not str(reading).startswith(kept):
            small.remove((reading, CORE.restates, None))
    return KnowledgeBase(small)


def assert_exact(base: KnowledgeBase, cases: list[Case], readings: Mapping[str, str] | None = None) -> int:
    """Compare what is found with every combination, for every answer; return how many answers are fragile."""
    compiled = base.compiled(readings)
    space = ReadingSpace(compiled)
    choices = every_choice(compiled)
    current = {a: compiled.guideline.in_force[a] for a in compiled.guideline.readings.computed}
    fragile = 0
    for case in cases:
        found = items(RobustnessExaminer(space, compiled, case).examine())
        table = [(c, answers(case, base.compiled(c), space.options)) for c in choices]
        assert set(found) == set(table[0][1])
        for subject, item in found.items():
            given = {tuple(c.items()): said[subject] for c, said in table}
            now = given[tuple(current.items())]
            assert item.examined
            assert item.answer == now
            assert {now, *(o.answer for o in item.others)} == set(given.values()), subject
            essential = {
                a
                for a in current
                for c, answer in given.items()
                if answer != given[tuple({**dict(c), a: current[a]}.items())]
            }
            assert set(item.hangs_on) == essential, subject
            assert item.is_robust is (len(set(given.values())) == 1)
            for other in item.elsewhere:
                own = {other.reading.ambiguity: other.reading.letter}
                assert other.alone == given[tuple({**current, **own}.items())]
                with_it = {answer for c, answer in given.items() if own.items() <= dict(c).items()}
                assert set(other.possible) == with_it, subject
            fragile += not item.is_robust
    return fragile


def test_an_overlay_answers_as_a_copy_compiled_anew(base: KnowledgeBase) -> None:
    adopted = base.compiled()
    source = random.Random(8)
    for seed in range(4):
        computed = adopted.guideline.readings.computed
        letters = {a: source.choice(readings).letter for a, readings in computed.items()}
        overlay, anew = base.compiled(letters), compiled_anew(adopted.guideline, letters)
        assert set(overlay.guideline.graph) == set(full_copy(adopted.guideline, letters))
        assert overlay.guideline.recommendations == anew.guideline.recommendations
        assert set(overlay.plan.trees) == set(anew.plan.trees)
        assert overlay.schema is adopted.schema
        for case in cases_of(adopted, 25, seed):
            options = overlay.guideline.options
            assert answers(case, overlay, options) == answers(case, anew, options)


def test_what_is_found_is_what_every_combination_says(base: KnowledgeBase) -> None:
    small = only(base.graph, "A04", "A19", "A27", "A29", "N02")
    assert len(every_choice(small.compiled())) == 72
    assert assert_exact(small, cases_of(small.compiled(), 5, 3)) > 0


def test_it_is_so_with_other_readings_in_force(base: KnowledgeBase) -> None:
    small = only(base.graph, "A01", "A06", "A13", "A41")
    assert len(every_choice(small.compiled())) == 36
    assert assert_exact(small, cases_of(small.compiled(), 6, 5), {"A13": "b", "A41": "c"}) > 0


def test_no_combination_of_all_readings_says_what_was_not_found(base: KnowledgeBase) -> None:
    """All combinations are too many to try; what random ones say must have been found."""
    compiled = base.compiled()
    space = ReadingSpace(compiled)
    source = random.Random(12)
    choices = [
        {a: source.choice(r).letter for a, r in compiled.guideline.readings.computed.items()}
        for _ in range(12)
    ]
    batch = Batch()
    base.read_file(EXAMPLE, batch)
    cases = [*base.cases(batch.records[0]), *cases_of(compiled, 7, 40)]
    examined = 0
    for case in cases:
        found = items(RobustnessExaminer(space, compiled, case).examine())
        for letters in choices:
            said = answers(case, space.adopted.under(letters), space.options)
            for subject, item in found.items():
                if item.examined:
                    examined += 1
                    assert said[subject] in {item.answer, *(o.answer for o in item.others)}, (case, subject)
    assert examined > 12_000


def toy_with(toy: KnowledgeBase, turtle: str) -> KnowledgeBase:
    graph = Graph()
    graph += toy.graph
    prefixes = "".join(f"@prefix {p}: <{n}> .\n" for p, n in toy_prefixes().items())
    graph.parse(data=prefixes + turtle, format="turtle")
    return KnowledgeBase(graph, Graph())


def toy_prefixes() -> dict[str, str]:
    return {
        "core": str(CORE),
        "toy": "https://example.org/umbrella/",
        "owl": "http://www.w3.org/2002/07/owl#",
        "rdfs": str(RDFS),
        "dcterms": "http://purl.org/dc/terms/",
    }


NESTED = """
toy:CloudySky-A2-b a owl:Class ; rdfs:subClassOf toy:Walk ;
    owl:equivalentClass [ a owl:Class ; owl:unionOf ( toy:RainLikely toy:DarkSky ) ] .
toy:CloudySky-A2-a a owl:Class ; rdfs:subClassOf toy:Walk ;
    owl:equivalentClass [ a owl:Restriction ; owl:onProperty toy:sky ; owl:someValuesFrom toy:Cloudy ] .
toy:A2 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A2-a .
toy:A2-a core:readingOf toy:A2 ; core:restates [ core:subject toy:Storm ; core:definition toy:CloudySky-A2-a ] .
toy:A2-b core:readingOf toy:A2 ; core:restates [ core:subject toy:Storm ; core:definition toy:CloudySky-A2-b ] .
toy:A3 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A3-a .
toy:A3-a core:readingOf toy:A3 ;
    core:restates [ core:subject toy:rec-U2 ; core:population toy:CloudySky ; core:strength toy:may ] .
toy:A3-b core:readingOf toy:A3 ;
    core:restates [ core:subject toy:rec-U2 ; core:population toy:RainHater ; core:strength toy:must ] .
toy:A4 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A4-a .
toy:A4-a core:readingOf toy:A4 ; core:restates [ core:subject toy:should ; core:rank 2 ] .
toy:A4-b core:readingOf toy:A4 ; core:restates [ core:subject toy:should ; core:rank 4 ] .
"""


def test_readings_that_reach_each_other_and_every_kind_of_change(toy: KnowledgeBase) -> None:
    """A definition that reaches another restated one, a population, a strength, the rank of a strength."""
    graph = Graph()
    graph += toy.graph
    storm = URIRef("https://example.org/umbrella/Storm")
    graph.remove((storm, URIRef("http://www.w3.org/2002/07/owl#equivalentClass"), None))
    adopted = "toy:Storm owl:equivalentClass toy:CloudySky-A2-a ."
    nested = toy_with(KnowledgeBase(graph, Graph()), NESTED + adopted)
    assert len(every_choice(nested.compiled())) == 16
    assert assert_exact(nested, cases_of(nested.compiled(), 60, 1)) > 100


RULES = """
toy:perhaps a core:Strength ; core:rank 5 ; core:concordance core:Acceptable ; core:departure core:Acceptable .
toy:Gusty a owl:Class ; rdfs:subClassOf toy:Walk ; owl:equivalentClass toy:Gusty-A2-a .
toy:Gusty-A2-a a owl:Class ; rdfs:subClassOf toy:Walk ;
    owl:equivalentClass [ a owl:Class ; owl:intersectionOf ( toy:Breeze toy:CloudySky ) ] .
toy:Gusty-A2-b a owl:Class ; rdfs:subClassOf toy:Walk ;
    owl:equivalentClass [ a owl:Class ; owl:intersectionOf ( toy:Breeze toy:Walk ) ] .
toy:rec-U12 a core:Indication ; dcterms:identifier "U12" ; core:ofGuideline toy:guideline ;
    core:population toy:Gusty ; core:option toy:umbrella ; core:strength toy:perhaps ; core:restsOn toy:U2 .
toy:rec-U13 a core:Indication ; dcterms:identifier "U13" ; core:ofGuideline toy:guideline ;
    core:population toy:Hooded ; core:option toy:umbrella ; core:strength toy:should ; core:restsOn toy:U2 .
toy:rec-U14 a core:Constraint ; dcterms:identifier "U14" ; core:ofGuideline toy:guideline ;
    core:population toy:DarkSky ; core:option toy:bigUmbrella ; core:completes toy:umbrella ;
    core:fulfilledBy toy:NotTooWide ; core:strength toy:may ; core:restsOn toy:U2 .
toy:A2 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A2-a .
toy:A2-a core:readingOf toy:A2 ; core:restates [ core:subject toy:Gusty ; core:definition toy:Gusty-A2-a ] .
toy:A2-b core:readingOf toy:A2 ; core:restates [ core:subject toy:Gusty ; core:definition toy:Gusty-A2-b ] .
toy:A3 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A3-a .
toy:A3-a core:readingOf toy:A3 ; core:restates [ core:subject toy:rec-U6 ; core:option toy:bigUmbrella ] .
toy:A3-b core:readingOf toy:A3 ; core:restates [ core:subject toy:rec-U6 ; core:option toy:umbrella ] .
toy:A4 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A4-a .
toy:A4-a core:readingOf toy:A4 ; core:restates [ core:subject toy:should ; core:rank 2 ] .
toy:A4-b core:readingOf toy:A4 ; core:restates [ core:subject toy:should ; core:rank 4 ] .
toy:A5 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A5-a .
toy:A5-a core:readingOf toy:A5 ; core:restates [ core:subject toy:rec-U14 ; core:fulfilledBy toy:NotTooWide ] .
toy:A5-b core:readingOf toy:A5 ; core:restates [ core:subject toy:rec-U14 ; core:fulfilledBy toy:Checked ] .
"""


def test_which_speaks_first_who_is_kept_out_and_what_completes_hang_on_readings(toy: KnowledgeBase) -> None:
    """A narrower population by one reading only, a reservation that moves, a rank, what completes an option."""
    ruled = toy_with(toy, RULES)
    assert len(every_choice(ruled.compiled())) == 32
    assert assert_exact(ruled, cases_of(ruled.compiled(), 30, 2)) > 50
    toy_iri = "https://example.org/umbrella/"
    hanging = set()
    space = ReadingSpace(ruled.compiled())
    for case in cases_of(ruled.compiled(), 200, 9):
        found = RobustnessExaminer(space, ruled.compiled(), case).examine()
        hanging |= {(s.removeprefix(toy_iri), a) for s, item in items(found).items() for a in item.hangs_on}
    assert {
        ("umbrella", "A2"),
        ("umbrella", "A4"),
        ("bigUmbrella", "A3"),
        ("urn:prescription", "A5"),
    } <= hanging


def test_two_ambiguities_cannot_restate_one_thing(toy: KnowledgeBase) -> None:
    clash = toy_with(
        toy,
        """
toy:A2 a core:Ambiguity ; core:ofGuideline toy:guideline ; core:adoptedReading toy:A2-a .
toy:A2-a core:readingOf toy:A2 ; core:restates [ core:subject toy:RainLikely ; core:definition toy:RainLikely-A1-a ] .
toy:A2-b core:readingOf toy:A2 ; core:restates [ core:subject toy:RainLikely ; core:definition toy:DarkSky ] .
""",
    )
    with pytest.raises(GuidelineError, match=r"(A1|A2)-b and another reading"):
        clash.compiled({"A1": "b", "A2": "b"})
    with pytest.raises(GuidelineError, match="A1 and A2 both restate"):
        _ = ReadingSpace(clash.compiled()).varied


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("core:subject toy:sky ; core:question 'x'@en", "describes records"),
        ("core:subject toy:Walk ; rdfs:label 'x'@en", "describes records"),
        ("core:subject toy:rec-U1 ; core:ofGuideline toy:other", "cannot restate ofGuideline"),
        ("core:subject toy:RainLikely ; rdfs:subClassOf toy:Walker", "cannot restate subClassOf"),
        ("core:subject toy:RainLikely ; core:definition toy:Storm , toy:DarkSky", "needs one named class"),
        ("core:strength toy:must", "needs a core:subject"),
    ],
)
def test_a_reading_restates_the_guideline_and_not_the_record(
    toy: KnowledgeBase, change: str, message: str
) -> None:
    wrong = toy_with(toy, f"toy:A1-b core:restates [ {change} ] .")
    with pytest.raises(GuidelineError, match=message):
        _ = wrong.compiled({"A1": "b"}).plan


def test_a_lesion_whose_compression_was_operated_hangs_on_the_reading_of_that_word(
    base: KnowledgeBase,
) -> None:
    """Not operated and without symptoms: A27-a and b stop stereotaxy, c does not; S071 hangs on A27 alone."""
    lesion = {
        "id": "L1",
        "site": "T8",
        "cordCompression": True,
        "cordCompressionOperated": False,
        "cordCompressionSymptomatic": False,
    }
    (record,) = base.read_document({"id": "p", "lesions": [lesion]}, "test")
    compiled = base.compiled()
    (case,) = base.cases(record)
    item = (
        RobustnessExaminer(ReadingSpace(compiled), compiled, case)
        .examine()
        .conclusions[URIRef(f"{AURA}rec-S071")]
    )
    assert item.answer == ConclusionAnswer("true", None)
    assert item.hangs_on == ("A27",)
    assert [(o.reading.id, o.alone) for o in item.elsewhere] == [
        ("A27-b", ConclusionAnswer("true", None)),
        ("A27-c", ConclusionAnswer("false", None)),
    ]
    assert [[r.id for r in o.readings] for o in item.others] == [["A27-c"]]


def test_beyond_the_limit_nothing_is_said(base: KnowledgeBase) -> None:
    (record,) = base.read_document({"id": "p", "lesions": [{"id": "L1"}]}, "test")
    compiled = base.compiled()
    (case,) = base.cases(record)
    found = list(RobustnessExaminer(ReadingSpace(compiled), compiled, case, limit=4).examine().all())
    beyond = [item for item in found if not item.examined]
    assert beyond
    assert all(item.combinations > 4 and item.is_robust is None and not item.hangs_on for item in beyond)
    assert all(item.combinations <= 4 for item in found if item.examined)


def test_two_lesions_take_well_under_a_second(base: KnowledgeBase) -> None:
    batch = Batch()
    base.read_file(EXAMPLE, batch)
    compiled = base.compiled()
    space = ReadingSpace(compiled)
    start = time.perf_counter()
    for case in base.cases(batch.records[0]):
        RobustnessExaminer(space, compiled, case).examine()
    assert time.perf_counter() - start < 1


def test_the_source_of_the_guideline_is_left_as_it_was(base: KnowledgeBase) -> None:
    before = len(base.graph)
    guideline = base.compiled({"A27": "c"}).guideline
    assert guideline.graph is not base.graph
    assert len(base.graph) == before
    assert Guideline(base.graph).graph is base.graph
    assert (None, RDF.type, CORE.Reading) in base.graph
    assert Literal("x") not in set(base.graph.objects())
