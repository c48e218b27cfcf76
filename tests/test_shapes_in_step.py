"""The shapes say neither more nor less than the record model, the reader and the plan."""

import random
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.namespace import SH

from kg_service.compiler import CompiledGuideline
from kg_service.concordance import CONSTRAINS, OFFERS, QUALIFIES, STOPS
from kg_service.errors import InputError
from kg_service.knowledge import DATA_ROOT, load_file
from kg_service.namespaces import CORE, OWL, QTY, RDF, REC, XSD
from kg_service.reader import read_record
from kg_service.record import Case, Fact, Member, Record
from kg_service.record_rdf import record_graph
from kg_service.sampling import random_cases
from kg_service.schema import Entity, Kind, RecordSchema
from kg_service.service import KnowledgeBase
from kg_service.shape_compiler import NOT_EARLIER
from kg_service.shape_writer import (
    contradiction_shapes,
    eligibility_path,
    eligibility_shapes,
    prescription_path,
)
from kg_service.validation import Finding, validate
from kg_service.values import Knowledge, decimal_text, truth

SHAPE_FILES = sorted((DATA_ROOT / "shapes").rglob("*.ttl"))
FACETS = ("value", "minInclusive", "minExclusive", "maxInclusive", "maxExclusive")


def test_there_are_the_shape_files_there_should_be() -> None:
    assert [path.name for path in SHAPE_FILES] == [
        "contradictions.ttl",
        "eligibility.ttl",
        "eligibility.ttl",
        "prescription.ttl",
        "ontology.ttl",
        "record.ttl",
        "bilsky.ttl",
        "mirels.ttl",
        "oligometastatic.ttl",
        "sins.ttl",
    ]


# Record shapes and record model


def properties_of(entity: Entity) -> set[URIRef]:
    own = {f.iri for f in entity.features.values()} | {item.iri for item in entity.links.values()}
    own |= {*entity.dates.values(), *entity.references.values()}
    return own | {iri for item in entity.lists.values() for iri in (item.iri, item.complete)}


def test_every_entity_has_a_closed_shape_of_its_properties(base: KnowledgeBase) -> None:
    shapes, schema = base.record_shapes, base.compiled().schema
    assert len(schema.entities) == 5
    for iri, entity in schema.entities.items():
        closed = [s for s in shapes.subjects(SH.targetClass, iri) if (s, SH.closed, Literal(True)) in shapes]
        assert len(closed) == 1, iri
        paths = {shapes.value(p, SH.path) for p in shapes.objects(closed[0], SH.property)}
        assert paths == properties_of(entity), iri


def test_every_code_property_takes_the_classes_of_its_partition(base: KnowledgeBase) -> None:
    shapes, schema, seen = base.record_shapes, base.compiled().schema, 0
    for shape, path in shapes.subject_objects(SH.path):
        feature = schema.features.get(URIRef(str(path)))
        if feature is not None and feature.kind is Kind.CODE and feature.partition:
            head = shapes.value(shape, SH["in"])
            classes = [URIRef(str(cls)) for cls in Collection(shapes, head)]
            assert sorted(classes) == sorted(schema.classes_under(feature.partition)), path
            seen += 1
    assert seen == 22  # side and site stand in three shapes each; seven are of scores


def test_every_quantity_has_a_range_and_its_unit(base: KnowledgeBase) -> None:
    shapes, schema = base.record_shapes, base.compiled().schema
    for feature in schema.features.values():
        if feature.kind is not Kind.QUANTITY:
            continue
        (shape,) = shapes.subjects(SH.targetSubjectsOf, feature.iri)
        units = [
            [str(unit) for unit in Collection(shapes, head)]
            for part in shapes.objects(shape, SH.property)
            for head in shapes.objects(part, SH["in"])
        ]
        assert units == [[feature.unit]], feature.name
        whole = [
            p for p in shapes.objects(shape, SH.property) if (p, QTY.wholeNumber, Literal(True)) in shapes
        ]
        assert bool(whole) == base.limits.is_whole(feature.iri)
        assert all((part, SH.pattern, None) in shapes for part in whole)


def test_every_pair_of_dates_in_order_has_its_shape(base: KnowledgeBase) -> None:
    shapes, schema = base.record_shapes, base.compiled().schema
    pairs = set()
    for shape, earlier in shapes.subject_objects(NOT_EARLIER):
        path = shapes.value(shape, SH.path)
        later = path if isinstance(path, URIRef) else list(Collection(shapes, path))[-1]
        pairs.add((earlier, later))
    assert len(pairs) == 4
    assert pairs == set(schema.date_order)


@pytest.mark.parametrize("path", SHAPE_FILES, ids=lambda p: p.name)
def test_every_message_speaks_both_languages(path: Any) -> None:
    graph = load_file(path)
    told = set(graph.subjects(SH.message, None))
    assert told
    for shape in told:
        assert sorted(str(m.language) for m in graph.objects(shape, SH.message)) == ["en", "fr"]  # type: ignore[attr-defined]
    roots = set(graph.subjects(SH.targetClass, None)) | set(graph.subjects(SH.targetSubjectsOf, None))
    for shape in roots:
        parts = {shape, *graph.objects(shape, SH.property), *graph.objects(shape, SH.sparql)}
        silent = parts - told - {shape}
        assert not silent, shape
        assert parts & told, shape


def test_the_headers_of_shape_files_keep_the_house_rules() -> None:
    rules = load_file(DATA_ROOT / "shapes" / "ontology.ttl")
    graph = Graph()
    for path in SHAPE_FILES:
        graph += load_file(path)
    headers = set(graph.subjects(RDF.type, OWL.Ontology))
    assert len(headers) == 10
    found = [f for f in validate(graph, rules) if URIRef(f.focus) in headers]
    assert [f"{f.focus} {f.path}" for f in found] == []


# Limits, reader and pySHACL


def test_reader_and_shapes_refuse_the_same_numbers(base: KnowledgeBase) -> None:
    """Random numbers in and out of range, whole or not, as a value and as every bound."""
    schema, source = base.compiled().schema, random.Random(12)
    owners = {f.iri: entity for entity in schema.entities.values() for f in entity.features.values()}
    expected, graph = {}, Graph()
    for feature in schema.features.values():
        if feature.kind is not Kind.QUANTITY:
            continue
        allowed = base.limits.of(feature.iri)
        assert allowed.low is not None
        assert allowed.high is not None
        numbers = [
            allowed.low - Fraction(source.randint(1, 40), 8),
            allowed.high + Fraction(source.randint(1, 40), 8),
        ]
        numbers += [Fraction(source.randint(0, int(allowed.high) * 8), 8) for _ in range(2)]
        numbers += [allowed.low, allowed.high]
        for number, facet in product(numbers, FACETS):
            node = URIRef(f"urn:x/{len(expected)}")
            quantity = URIRef(f"{node}/q")
            graph.add((node, feature.iri, quantity))
            graph.add((quantity, RDF.type, QTY.Quantity))
            graph.add((quantity, QTY[facet], Literal(decimal_text(number), datatype=XSD.decimal)))
            graph.add((quantity, QTY.unit, Literal(feature.unit)))
            stated = {facet: float(number), "unit": feature.unit}
            expected[str(node)] = accepted(base, schema, owners[feature.iri], {feature.key: stated})
    refused = {f.focus for f in validate(graph, base.record_shapes)}
    assert refused == {node for node, fine in expected.items() if not fine}
    assert len(expected) == 45 * 6 * 5  # three of them are values of scores
    assert 300 < len(refused) < 650


def accepted(base: KnowledgeBase, schema: RecordSchema, entity: Entity, part: dict[str, Any]) -> bool:
    """Return whether the reader takes a part of a document that describes one entity."""
    document: dict[str, Any] = part
    root = schema.roots()[0]
    while entity != root:
        holder, key, listed = next(
            (e, k, k in e.lists)
            for e in schema.entities.values()
            for k, below in (
                *((k, i.member) for k, i in e.lists.items()),
                *((k, i.target) for k, i in e.links.items()),
            )
            if below == entity.iri
        )
        document, entity = {key: [document] if listed else document}, holder
    try:
        read_record(document, schema, base.limits, "x")
    except InputError:
        return False
    return True


# Generated shapes and plan


def record_of(name: str, known: dict[str, Knowledge], compiled: CompiledGuideline) -> tuple[Record, Case]:
    """Return a record whose one case states what is known, over every link of its entity."""
    stated: dict[URIRef, Fact] = {}

    def facts(entity: Entity, where: str) -> dict[URIRef, Fact]:
        places = {f.iri: f"{where}{f.key}" for f in entity.features.values() if str(f.iri) in known}
        found = {iri: Fact(iri, known[str(iri)], place, "stated") for iri, place in places.items()}
        stated.update(found)
        return found

    case, listing = compiled.case_entity, compiled.case_list
    where = "" if listing is None else f"{listing.key}[0]"
    inside = f"{where}." if where else ""
    links = {
        link.iri: Member(
            below := compiled.schema.entities[link.target],
            f"{name}-{key}",
            f"{inside}{key}",
            facts(below, f"{inside}{key}."),
        )
        for key, link in case.links.items()
        if link.inverse_of is None
    }
    member = Member(case, name, where, facts(case, inside), links=links)
    root = member
    if listing is not None:
        document = compiled.document_entity
        root = Member(document, f"{name}-root", "", facts(document, ""), lists={listing.iri: (member,)})
    return Record(root, "random"), Case(name, root.id, stated)


def findings_of(
    cases: list[dict[str, Knowledge]], compiled: CompiledGuideline, shapes: Graph
) -> dict[str, list[Finding]]:
    """Return the findings on each case, by its name; every case stands in one graph."""
    graph = Graph()
    for number, known in enumerate(cases):
        record, case = record_of(f"c{number}", known, compiled)
        graph += record_graph(record, [case], compiled.schema)
    found: dict[str, list[Finding]] = {f"c{number}": [] for number in range(len(cases))}
    for finding in validate(graph, shapes):
        found[finding.focus.rpartition("/")[2]].append(finding)
    return found


def answers(compiled: CompiledGuideline, name: str, cases: list[dict[str, Knowledge]]) -> list[bool | None]:
    plan = compiled.plan
    return [plan.decide(plan.trees[name], plan.possible(known)) for known in cases]


def check_eligibility(compiled: CompiledGuideline, shapes: Graph, cases: list[dict[str, Knowledge]]) -> int:
    """Compare every constraint of every option with the plan; return how many answers were compared."""
    found, compared = findings_of(cases, compiled, shapes), 0
    severity = {STOPS: "Violation", QUALIFIES: "Warning"}
    against = [r for r in compiled.guideline.recommendations if r.kind in severity and not r.excluded]
    for recommendation in against:
        values = answers(compiled, str(recommendation.population), cases)
        assert set(values) == {True, False, None}, recommendation.id
        for number, value in enumerate(values):
            said = [f.severity for f in found[f"c{number}"] if f"({recommendation.id})" in f.message["en"]]
            expected = (
                [severity[recommendation.kind]] if value else ["NotAssessable"] if value is None else []
            )
            assert said == expected, (number, recommendation.id, cases[number])
            compared += 1
    for option in {r.option for r in against if r.option}:
        assert any(r.kind == OFFERS for r in compiled.guideline.recommendations if r.option == option)
        label = compiled.guideline.label(option, "en")
        for number, value in enumerate(answers(compiled, f"{option}#indicated", cases)):
            said = [f for f in found[f"c{number}"] if f.severity == "Info" and label in f.message["en"]]
            assert bool(said) == (value is False), (number, cases[number])
            compared += 1
    return compared


def test_eligibility_shapes_say_what_the_plan_says_indications_too(compiled: CompiledGuideline) -> None:
    shapes = load_file(DATA_ROOT / eligibility_path(compiled))
    assert check_eligibility(compiled, shapes, random_cases(compiled, 320, 31)) == 320 * 9


def test_so_do_those_of_other_readings(base: KnowledgeBase) -> None:
    compiled = base.compiled({"A27": "c", "A29": "b", "A31": "b", "A19": "b", "A22": "b"})
    assert (
        check_eligibility(compiled, eligibility_shapes(compiled), random_cases(compiled, 120, 32)) == 120 * 9
    )


def test_so_do_those_of_another_guideline(toy: KnowledgeBase) -> None:
    compiled = toy.compiled()
    assert (
        check_eligibility(compiled, eligibility_shapes(compiled), random_cases(compiled, 200, 33)) == 200 * 3
    )


def test_prescription_shapes_say_what_the_plan_says(compiled: CompiledGuideline) -> None:
    """A shape may only say less than the plan: not assessable where a feature stands in it twice."""
    limits = [r for r in compiled.guideline.recommendations if r.kind == CONSTRAINS]
    assert len(limits) == 14
    trees = [compiled.prescriptions.departs[limit.iri] for limit in limits]
    cases = random_cases(compiled, 30, 34)
    cases += [case for seed, tree in enumerate(trees) for case in random_cases(compiled, 9, seed, tree)]
    found = findings_of(cases, compiled, load_file(DATA_ROOT / prescription_path(compiled)))
    compared = weaker = 0
    for limit in limits:
        values = answers(compiled, f"{limit.iri}#departs", cases)
        assert True in values, limit.id
        severity = "Violation" if limit.departure == CORE.Discordant else "Warning"
        for number, value in enumerate(values):
            said = [f.severity for f in found[f"c{number}"] if f"({limit.id})" in f.message["en"]]
            expected = [severity] if value else ["NotAssessable"] if value is None else []
            weaker += said != expected
            assert said in (expected, ["NotAssessable"]), (number, limit.id, cases[number])
            compared += 1
    assert compared == (30 + 9 * 14) * 14
    assert weaker < compared / 100


def test_contradiction_shapes_find_every_contradiction_and_no_other(compiled: CompiledGuideline) -> None:
    """Every pair of values of the features that contradictions test, coarse ones and gaps too."""
    schema, shapes = compiled.schema, contradiction_shapes(compiled)
    cases: list[dict[str, Knowledge]] = []
    for cls in schema.impossible:
        names = compiled.plan.features_of(compiled.plan.trees[str(cls)])
        values = [known_values(schema, URIRef(name)) for name in names]
        cases += [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]
    found = findings_of([{k: v for k, v in case.items() if v} for case in cases], compiled, shapes)
    seen = set()
    for cls in schema.impossible:
        label = compiled.guideline.label(cls, "en")
        values_of = answers(compiled, str(cls), [{k: v for k, v in case.items() if v} for case in cases])
        for number, value in enumerate(values_of):
            said = [f.severity for f in found[f"c{number}"] if f.message["en"].endswith(f": {label}")]
            assert said == (["Violation"] if value else []), (label, cases[number])
            seen.add((cls, value))
    assert len(seen) == 3 * len(schema.impossible) == 18


def known_values(schema: RecordSchema, iri: URIRef) -> list[Any]:
    feature = schema.features[iri]
    if feature.kind is Kind.BOOLEAN:
        return [truth(True), truth(False), None]
    assert feature.partition
    return [*(schema.leaves(cls) for cls in schema.classes_under(feature.partition)), None]


def test_an_empty_lesion_is_not_assessable_and_never_conforms(compiled: CompiledGuideline) -> None:
    shapes = load_file(DATA_ROOT / eligibility_path(compiled))
    found = findings_of([{}], compiled, shapes)["c0"]
    assert [f.severity for f in found] == ["NotAssessable"] * 8
    assert all(f.statements and f.message["fr"].startswith("Non évaluable") for f in found)


def test_validation_leaves_its_inputs_as_they_are(compiled: CompiledGuideline) -> None:
    shapes = load_file(DATA_ROOT / eligibility_path(compiled))
    record, case = record_of("c0", random_cases(compiled, 1, 3)[0], compiled)
    graph = record_graph(record, [case], compiled.schema)
    before = set(graph), set(shapes)
    first = validate(graph, shapes)
    assert (set(graph), set(shapes)) == before
    assert validate(graph, shapes) == first
    assert (None, RDF.type, REC.Lesion) in graph
