"""Cohorts of FHIR bulk data and of RDF: every cell equals what its record is told alone, however it is scattered."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cohort_support import conclusions, fragility_told, of_assessment, set_aside
from fhir_support import (
    DATA,
    FEMUR,
    LOCAL,
    SCT,
    T11,
    T12,
    bone,
    concept,
    condition,
    course,
    focus,
    load,
    observation,
    patient,
    quantity,
)
from random_records import RandomRecords
from rdflib import Graph
from typer.testing import CliRunner

import kg_service.cohort_records as cohort_records
from kg_service.audit import Audit, Reason
from kg_service.cli import FINDINGS, app
from kg_service.cohort_export import export as export_cohort
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_records import decide_records, open_records
from kg_service.cohort_run import decide_table
from kg_service.errors import InputError, KgServiceError
from kg_service.iris import member_iri
from kg_service.knowledge import DATA_ROOT
from kg_service.record import Record
from kg_service.record_rdf import record_graph
from kg_service.reference_cases import reference_cases
from kg_service.service import Batch, KnowledgeBase
from kg_service.synthesis_files import synthesise

DAY = "2026-11-02"
SITE = "https://w3id.org/bonemet-kg/anatomy/"
Rows = dict[tuple[str, str], dict[str, Any]]


def export(folder: Path, files: dict[str, Iterable[dict[str, Any] | str]]) -> Path:
    """Write resources as NDJSON; a string is a line as it stands."""
    folder.mkdir(exist_ok=True)
    for name, lines in files.items():
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        content = text.encode()
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def about(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with another subject."""
    return resource | {"subject": {"reference": name}}


@pytest.fixture
def decided(base: KnowledgeBase, tmp_path: Path) -> Callable[..., Rows]:
    """Return a function that decides a source and returns its rows by record and case."""

    def run(path: Path, profile: str | None = None, assume: Iterable[str] = (), **options: Any) -> Rows:
        settings = base.set_assumptions(assume, "test")
        compiled = base.compiled(profile=profile)
        decide_records(open_records(path, base), tmp_path / "out", base, compiled, settings, **options)
        return rows_of(tmp_path / "out")

    return run


def rows_of(folder: Path) -> Rows:
    found = conclusions(folder)
    names = list(zip(found["id"], found["case"], strict=True))
    assert len(set(names)) == len(names)
    columns = [name for name in found if name not in ("row", "id", "case")]
    return {name: {c: found[c][i] for c in columns} for i, name in enumerate(names)}


def differences(found: Rows, expected: Rows) -> dict[Any, Any]:
    """Return what differs, cell by cell, so that a failure can be read."""
    assert found.keys() == expected.keys()
    return {
        (*name, column): (found[name].get(column), word)
        for name, row in expected.items()
        for column, word in row.items()
        if found[name].get(column) != word
    }


def alone(base: KnowledgeBase, records: Iterable[tuple[str, Record]], profile: str | None = None) -> Rows:
    """Return the rows of records assessed one by one; a record that contradicts itself has none."""
    expected: Rows = {}
    for name, record in records:
        compiled = base.compiled(profile=profile)
        try:
            answers = base.assess(record, compiled).assessments
        except InputError:
            continue
        expected |= {(name, a.case.id): of_assessment(a, compiled) for a in answers}
    return expected


def manifest(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))


def resources_of(path: Path) -> list[dict[str, Any]]:
    document: Any = load(path)
    return [e["resource"] for e in document["entry"]] if document["resourceType"] == "Bundle" else [document]


def test_every_fhir_fixture_scattered_over_files_is_told_what_it_is_told_alone(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """All resources of the published examples, shuffled over nine files, against each folder read as one document."""
    folders = [*sorted(p for p in DATA.iterdir() if p.is_dir()), DATA_ROOT / "examples" / "fhir"]
    found: dict[str, dict[str, Any]] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            for resource in resources_of(path):
                found.setdefault(f"{resource['resourceType']}/{resource.get('id')}", resource)
    resources = list(found.values())
    assert len(resources) > 100
    random.Random(4).shuffle(resources)
    export(tmp_path / "bulk", {f"{i}.ndjson{'.gz' * (i % 2)}": resources[i::9] for i in range(9)})
    records = base.read_document(resources, "all", DAY)
    assert len(records) >= 8
    rows = decided(tmp_path / "bulk", reference_date=DAY)
    expected = alone(base, [(r.root.id, r) for r in records])
    assert len(expected) >= 2
    assert differences(rows, expected) == {}


def spread(seed: int) -> list[dict[str, Any]]:
    """Return the resources of random patients: lesions, findings, courses, some of them at odds."""
    rng = random.Random(seed)
    made: list[dict[str, Any]] = []
    for i in range(25):
        name, of = (
            f"p{i}",
            lambda r, i=i: about(rng.choice([f"Patient/p{i}", f"https://a.org/fhir/Patient/p{i}"]), r),
        )
        made.append(patient(name))
        for j, site in enumerate(rng.sample([T11, T12, FEMUR, None], rng.randint(0, 3))):
            made.append(of(bone(f"l{i}-{j}", site)))
            if rng.random() < 0.7:
                value = quantity(rng.choice([19, 20, 30]), "%", rng.choice([None, "<", ">="]))
                made.append(
                    of(
                        observation(
                            f"n{i}-{j}",
                            (LOCAL, "canalNarrowing"),
                            focus=focus(f"Condition/l{i}-{j}"),
                            valueQuantity=value,
                        )
                    )
                )
            if rng.random() < 0.4:
                made.append(
                    of(
                        observation(
                            f"c{i}-{j}",
                            (LOCAL, "cordCompression"),
                            focus=focus(f"Condition/l{i}-{j}"),
                            valueBoolean=rng.random() < 0.7,
                        )
                    )
                )
        for day in ("2025-11-14", "2026-10-01"):
            if rng.random() < 0.4:
                period = {"start": day, "end": day}
                made.append(of(course(f"r{i}-{day}", performedPeriod=period)))
    return made


@pytest.mark.parametrize(("seed", "profile", "assume"), [(1, None, []), (2, "strict", ["small-lesion=3 cm"])])
def test_every_cell_of_random_fhir_is_what_its_patient_is_told_alone(
    base: KnowledgeBase,
    decided: Callable[..., Rows],
    tmp_path: Path,
    seed: int,
    profile: str | None,
    assume: list[str],
) -> None:
    resources = spread(seed)
    records = []
    for i in range(25):
        own = [
            r
            for r in resources
            if r["id"] == f"p{i}" or r.get("subject", {}).get("reference", "").endswith(f"/p{i}")
        ]
        records += [(f"p{i}", r) for r in base.read_document(own, "own", DAY)]
    expected = alone(base, records, profile)
    random.Random(seed).shuffle(resources)
    export(tmp_path / "bulk", {"a.ndjson": resources[::2], "b.000.ndjson": resources[1::2]})
    rows = decided(tmp_path / "bulk", profile, assume, reference_date=DAY)
    assert len(rows) > 15
    assert {word for row in rows.values() for word in row.values()} >= {"true", "false", "unknown"}
    refused = {row["id"] for row in set_aside(tmp_path / "out")}
    assert refused, "a femur that compresses the cord is to be among them"
    assert differences(rows, expected) == {}
    assert manifest(tmp_path)["records"] == 25 - len(refused)


def documents(base: KnowledgeBase, seed: int, count: int) -> list[Record]:
    source = RandomRecords(base.compiled().schema, base.limits, seed)
    return [base.read_document(source.document(), "random")[0] for _ in range(count)]


def graphs(base: KnowledgeBase, records: Iterable[Record]) -> dict[str, Graph]:
    """Return records as RDF without what is derived, by the IRI of the record."""
    schema = base.compiled().schema
    return {str(member_iri(r.root.id, r.root.id)): record_graph(r, [], schema) for r in records}


def told_of(base: KnowledgeBase, made: dict[str, Graph], profile: str | None = None) -> Rows:
    """Return the rows of records in RDF, each read and assessed alone."""
    expected: Rows = {}
    for iri, graph in made.items():
        batch = Batch()
        base.read_text(graph.serialize(format="nt"), "alone", batch, ".nt")
        expected |= alone(base, [(iri, record) for record in batch.records], profile)
    return expected


@pytest.mark.parametrize(("seed", "profile", "suffix"), [(5, None, ".nt"), (6, "strict", ".ttl")])
def test_every_cell_of_random_rdf_is_what_its_record_is_told_alone(
    base: KnowledgeBase,
    decided: Callable[..., Rows],
    tmp_path: Path,
    seed: int,
    profile: str | None,
    suffix: str,
) -> None:
    """In N-Triples the lines of all records are shuffled, so that no record is contiguous."""
    made = graphs(base, documents(base, seed, 60))
    path = tmp_path / f"all{suffix}"
    if suffix == ".nt":
        lines = [line for g in made.values() for line in g.serialize(format="nt").splitlines() if line]
        random.Random(seed).shuffle(lines)
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        whole = Graph()
        for graph in made.values():
            whole += graph
        whole.serialize(path, format="turtle", encoding="utf-8")
    rows = decided(path, profile)
    expected = told_of(base, made, profile)
    assert len(expected) > 15
    assert differences(rows, expected) == {}
    refused = {row["id"] for row in set_aside(tmp_path / "out")}
    assert refused
    assert manifest(tmp_path)["records"] == 60 - len(refused)


def test_what_hangs_on_a_reading_is_what_the_record_alone_says(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    made = graphs(base, documents(base, 11, 60))
    path = tmp_path / "all.nt"
    path.write_text("".join(g.serialize(format="nt") for g in made.values()), encoding="utf-8")
    decided(path, fragile=True)
    found = pq.read_table(tmp_path / "out" / "fragile.parquet").to_pylist()
    fragile = {row["row"]: row for row in found}
    kept = pq.read_table(tmp_path / "out" / "conclusions.parquet", columns=["row", "id", "case"]).to_pylist()
    compiled, told = base.compiled(), Counter[tuple[str, bool]]()
    for place in kept:
        batch = Batch()
        base.read_text(made[place["id"]].serialize(format="nt"), "alone", batch, ".nt")
        [record] = batch.records
        alone = base.examine(base.assess(record, compiled), compiled).robustness[place["case"]]
        told += fragility_told(fragile[place["row"]], alone, compiled)
    assert len(kept) == len(found)
    assert min(told[key] for key in (("conclusion", True), ("conclusion", False), ("other", True))) > 30, told


def test_vignettes_as_rdf_are_told_what_they_are_told_alone(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    cases = [c for c in reference_cases([Path(__file__).parent / "vignettes"]) if not c.readings][::8]
    assert len(cases) > 10
    read = [record for case in cases for record in case.read(base).records]
    made = graphs(base, {record.root.id: record for record in read}.values())
    path = tmp_path / "all.nq"
    path.write_text("".join(graph.serialize(format="nt") for graph in made.values()), encoding="utf-8")
    assert differences(decided(path), told_of(base, made)) == {}


def femur_with_compression(name: str) -> list[dict[str, Any]]:
    """A femur cannot compress the cord."""
    said = observation(
        f"c-{name}", (LOCAL, "cordCompression"), focus=focus(f"Condition/{name}"), valueBoolean=True
    )
    return [bone(name, FEMUR), said]


def test_a_record_of_which_one_case_contradicts_itself_is_set_aside_whole_as_it_is_alone(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    bad = [about("Patient/bad", r) for r in [*femur_with_compression("f"), bone("t", T11)]]
    good = about("Patient/good", bone("g", T11))
    with pytest.raises(InputError, match="cordCompression is true"):
        base.assess(base.read_document(bad, "bad")[0], base.compiled())
    rows = decided(export(tmp_path / "bulk", {"Condition.ndjson": [*bad, good]}))
    assert list(rows) == [("good", "g")]
    [aside] = set_aside(tmp_path / "out")
    assert (aside["id"], aside["where"]) == ("bad", "lesions[0].site, lesions[0].cordCompression")
    assert aside["found"] == "lesions[0].site is Femur and lesions[0].cordCompression is true"


def test_lines_out_of_order_over_several_files_make_one_record(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """By hand: no list is complete, so that another lesion stays possible; the course of January ended ten months ago."""
    told = course("c", performedPeriod={"end": "2026-09-20"}, reasonReference=focus("Condition/1"))
    files = {
        "Observation.000.ndjson": [
            about(
                "https://ehr.org/fhir/Patient/1",
                observation("1", (LOCAL, "lifeExpectancy"), valueQuantity=quantity(2, "mo")),
            )
        ],
        "Procedure.ndjson.gz": [about("urn:uuid:1", told)],
        "Condition.001.ndjson": [about("Patient/1/_history/3", bone("1", T11))],
        "Patient.ndjson": [patient("2"), patient("1")],
    }
    rows = decided(export(tmp_path / "bulk", files), reference_date=DAY)
    assert list(rows) == [("1", "Condition-1")]
    [row] = rows.values()
    assert (row["S075"], row["S074"]) == ("true", "true")
    kept = manifest(tmp_path)
    assert (kept["records"], kept["recordsWithoutCase"], kept["decided"], kept["setAside"]) == (2, 1, 1, 0)


def test_what_a_file_holds_that_is_no_resource_of_a_patient_is_set_aside_with_its_line(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """A byte order mark, CRLF and empty lines are no defect; the line cut off at the end names a patient."""
    good = about("Patient/a", bone("l", T11))
    lines = [
        "\ufeff" + json.dumps(good) + "\r",
        "",
        "not JSON",
        "[1]",
        '{"id": "x"}',
        json.dumps(condition("n", (LOCAL, "x")) | {"subject": None}),
        json.dumps(about("Group/g", bone("o", T11))),
        '{"resourceType": "Bundle", "entry": []}',
        json.dumps({"resourceType": "Patient"}),
        json.dumps(about("Patient/b", bone("m", T12))),
        json.dumps(about("Patient/c", bone("q", T12))),
        json.dumps(about("Patient/c", bone("k", FEMUR)))[:-30],
    ]
    source = export(tmp_path / "bulk", {"Condition.ndjson": lines, "Empty.ndjson": [], "x.ndjson.gz": []})
    (source / "Condition.ndjson").write_bytes((source / "Condition.ndjson").read_bytes().rstrip(b"\n"))
    rows = decided(source)
    assert list(rows) == [("a", "l"), ("b", "m")]
    aside = [
        (row["id"], row["where"], row["found"].partition(" (")[0]) for row in set_aside(tmp_path / "out")
    ]
    place = "Condition.ndjson: line"
    assert aside == [
        ("", f"{place} 3", "not JSON"),
        ("", f"{place} 4", "no resource"),
        ("", f"{place} 5", "no resource"),
        ("", f"{place} 6", "no patient"),
        ("", f"{place} 7", "about Group/g"),
        ("", f"{place} 8", "a Bundle"),
        ("", f"{place} 9", "no patient"),
        ("", f"{place} 12", "not JSON"),
        ("c", f"{place} 12", "of this patient, and cannot be read"),
    ]


def test_a_compressed_file_that_was_cut_off_leaves_nothing(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    source = export(
        tmp_path / "bulk", {"Condition.ndjson.gz": [about("Patient/a", bone(f"l{i}")) for i in range(500)]}
    )
    path = source / "Condition.ndjson.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"Condition.ndjson.gz: cannot be read beyond line .* a whole file"):
        decided(source)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bulk"]


def test_two_versions_of_one_resource_and_one_resource_of_two_patients_are_set_aside(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    lines = [
        about("Patient/versions", bone("v", T11)),
        about("Patient/versions", bone("v", T12)),
        about("Patient/repeated", bone("r", T11)),
        about("Patient/repeated", bone("r", T11)),
        about("Patient/one", bone("shared", T11)),
        about("Patient/other", bone("shared", T11)),
    ]
    rows = decided(export(tmp_path / "bulk", {"Condition.ndjson": lines}))
    assert list(rows) == [("repeated", "r")]
    told = {(row["id"], row["found"]) for row in set_aside(tmp_path / "out")}
    assert told == {
        ("versions", "two different Condition/v"),
        ("one", "of two patients"),
        ("other", "of two patients"),
    }


def test_a_medication_without_patient_is_found_by_the_resource_that_refers_to_it(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """The isotope that says what was given stands in a Medication; the same as in one document."""
    given = {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-10-01",
        "medicationReference": {"reference": "Medication/ra"},
    }
    isotope = {
        "resourceType": "Medication",
        "id": "ra",
        "code": concept((SCT, "24853006")),
    }
    resources = [bone("l", T11), given, isotope]
    expected = alone(base, [(r.root.id, r) for r in base.read_document(resources, "one", DAY)])
    without = alone(base, [(r.root.id, r) for r in base.read_document(resources[:2], "one", DAY)])
    files = {"A.ndjson": [isotope], "C.ndjson": resources[:2], "B.ndjson": [patient("other")]}
    rows = decided(export(tmp_path / "bulk", files), reference_date=DAY)
    assert differences(rows, expected) == {}
    assert expected != without
    assert set_aside(tmp_path / "out") == []


def test_a_body_structure_without_patient_is_lent_to_who_refers_to_it_and_set_aside_otherwise(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    volumes = [{"resourceType": "BodyStructure", "id": name} for name in ("used", "lost")]
    seen = observation("o", (LOCAL, "operated"), focus=focus("BodyStructure/used"), valueBoolean=True)
    decided(export(tmp_path / "bulk", {"B.ndjson": volumes, "C.ndjson": [bone("l", T11), seen]}))
    [aside] = set_aside(tmp_path / "out")
    assert (aside["where"], aside["found"]) == ("B.ndjson: line 2", "no patient")


PREFIXES = """@prefix rec: <https://w3id.org/bonemet-kg/record/> .
@prefix bone: <https://w3id.org/bonemet-kg/anatomy/> .
@prefix ex: <http://ex.org/> .
"""


def lines_of(text: str) -> list[str]:
    """Return Turtle as lines of N-Triples, without prefixes."""
    graph = Graph().parse(data=PREFIXES + text, format="turtle")
    return sorted(line for line in graph.serialize(format="nt").splitlines() if line)


def one_patient(name: str) -> list[str]:
    text = f"ex:{name} a rec:Patient ; rec:hasLesion ex:{name}-1 . ex:{name}-1 rec:site rec:T11 ."
    return lines_of(text.replace("rec:T11", f"<{SITE}T11>"))


def write(path: Path, lines: Iterable[str], end: str = "\n") -> Path:
    content = "".join(line + end for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def names(rows: Rows) -> set[tuple[str, str]]:
    return {(name.removeprefix("http://ex.org/"), case) for name, case in rows}


def reasons(tmp_path: Path) -> set[tuple[str, str, str]]:
    return {
        (row["id"].removeprefix("http://ex.org/"), row["where"], row["found"].partition(" (")[0])
        for row in set_aside(tmp_path / "out")
    }


@pytest.mark.parametrize("suffix", [".nt", ".nq", ".nt.gz", ".ttl", ".ttl.gz", ".trig"])
def test_every_syntax_is_read_with_a_byte_order_mark_or_windows_line_ends(
    decided: Callable[..., Rows], tmp_path: Path, suffix: str
) -> None:
    lines = [*one_patient("a"), "# a comment", "", *one_patient("b")]
    marked = ["\ufeff" + lines[0], *lines[1:]] if suffix.startswith(".n") else lines
    assert names(decided(write(tmp_path / f"r{suffix}", marked, "\r\n"))) == {("a", "a-1"), ("b", "b-1")}
    assert set_aside(tmp_path / "out") == []


def test_triples_of_a_record_in_several_graphs_are_one_record(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    lines = [
        f"{line.removesuffix(' .')} <http://ex.org/g{i}> ." for i, line in enumerate(one_patient("a") * 2)
    ]
    assert names(decided(write(tmp_path / "r.nq", lines))) == {("a", "a-1")}


def test_an_empty_file_is_an_empty_cohort(decided: Callable[..., Rows], tmp_path: Path) -> None:
    assert decided(write(tmp_path / "r.nt", [])) == {}
    assert (manifest(tmp_path)["records"], manifest(tmp_path)["decided"]) == (0, 0)


def test_a_line_that_cannot_be_read_sets_its_record_aside_lest_a_list_seem_complete(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """Patient a lists all metastases; the line that lists the second one is cut off."""
    closed = lines_of("ex:a rec:allMetastasesListed true .")
    cut = "<http://ex.org/a> <https://w3id.org/bonemet-kg/record/hasLesion> <http://ex.o"
    path = write(tmp_path / "r.nt", [*one_patient("a"), *closed, *one_patient("b"), "nonsense", cut])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert names(decided(path)) == {("b", "b-1")}
    assert reasons(tmp_path) == {
        ("", "r.nt: line 8", "not valid"),
        ("", "r.nt: line 9", "not valid"),
        ("a", "r.nt: line 9", "of this record, and cannot be read"),
    }


def test_a_turtle_file_that_is_cut_off_leaves_nothing(decided: Callable[..., Rows], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"r.ttl: not valid turtle \(.*line 4"):
        decided(write(tmp_path / "r.ttl", [*one_patient("a"), "<http://ex.org/b> <http://"]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.ttl"]


def test_what_no_record_leads_to_and_what_two_lead_to_is_set_aside(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    shared = lines_of("ex:c a rec:Patient ; rec:hasLesion ex:d-1 . ex:e rec:operated true .")
    path = write(tmp_path / "r.nt", [*one_patient("a"), *one_patient("d"), *shared])
    assert names(decided(path)) == {("a", "a-1")}
    assert reasons(tmp_path) == {
        ("e", "r.nt", "in no record"),
        ("c", "<http://ex.org/d-1>", "described in <http://ex.org/d> too"),
        ("d", "<http://ex.org/d-1>", "described in <http://ex.org/c> too"),
    }


def test_a_defective_record_is_set_aside_with_its_subject_and_path(
    decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """Two ages of one thing; a property that does not exist; a number of no ordinary size."""
    more = lines_of(
        "ex:two-1 rec:operated true , false . ex:odd-1 rec:opperated true ."
        'ex:giant rec:lifeExpectancy [ <https://w3id.org/bonemet-kg/quantity/value> "1e999999" ;'
        ' <https://w3id.org/bonemet-kg/quantity/unit> "mo" ] .'
    )
    lines = [line for name in ("good", "two", "odd", "giant") for line in one_patient(name)]
    assert names(decided(write(tmp_path / "r.nt", [*lines, *more]))) == {("good", "good-1")}
    told = {(name, where.removeprefix("http://ex.org/")) for name, where, _ in reasons(tmp_path)}
    assert told == {("two", "two-1 operated"), ("odd", "odd-1 opperated"), ("giant", "giant")}


def test_records_without_a_name_are_told_apart_and_explained(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    text = "[] a rec:Patient ; rec:hasLesion [ rec:site <SITE/T11> ] . [] a rec:Patient ; rec:hasLesion [ rec:operated true ] ."
    rows = decided(write(tmp_path / "r.ttl", [PREFIXES, text.replace("SITE/", SITE)]))
    assert len(rows) == 2
    folder = CohortFolder(tmp_path / "out", base)
    for (name, case), row in rows.items():
        assert name.startswith("_:")
        [answer] = folder.assess(f"{name}/{case}").assessments
        told = of_assessment(answer, base.compiled())
        assert told == {column: row[column] for column in told}


def test_two_records_whose_names_end_alike_are_two(decided: Callable[..., Rows], tmp_path: Path) -> None:
    other = [line.replace("http://ex.org/", "http://other.org/") for line in one_patient("a")]
    rows = decided(write(tmp_path / "r.nt", [*one_patient("a"), *other]))
    assert set(rows) == {("http://ex.org/a", "a-1"), ("http://other.org/a", "a-1")}


def test_any_cell_can_be_explained_and_the_proof_has_its_status(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """Under a profile, by record and case, by record alone where it has one case, and by number."""
    export(tmp_path / "bulk", {"a.ndjson": spread(9)})
    rows = decided(tmp_path / "bulk", "strict", reference_date=DAY)
    folder = CohortFolder(tmp_path / "out", base)
    rng = random.Random(3)
    recommendations = [c.id for c in base.compiled().guideline.recommendations]
    several = [name for name, _ in rows if sum(other == name for other, _ in rows) > 1]
    for _ in range(8):
        (name, case), row = rng.choice(list(rows.items()))
        asked = rng.choice(recommendations)
        given = f"{name}/{case}" if name in several or rng.random() < 0.5 else name
        assessed = folder.assess(given)
        [explanation] = base.explain(assessed, asked, folder.compiled)
        assert explanation.status == row[asked]
    [answer] = folder.assess("0").assessments
    assert (answer.case.document, answer.case.id) == next(iter(rows))
    with pytest.raises(KgServiceError, match=f"rows have the id '{several[0]}': {several[0]}/"):
        folder.assess(several[0])
    with pytest.raises(KgServiceError, match="no row with the id 'nobody' was decided"):
        folder.assess("nobody")
    export(tmp_path / "bulk", {"b.ndjson": [patient("more")]})
    with pytest.raises(KgServiceError, match=r"is not what .* was decided from"):
        folder.assess("0")


def test_processes_that_read_change_nothing(
    decided: Callable[..., Rows], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(cohort_records, "PARCEL", 20_000)
    export(tmp_path / "bulk", {"a.ndjson": spread(9)})
    here = decided(tmp_path / "bulk", workers=0)
    aside = set_aside(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "first")
    beside = decided(tmp_path / "bulk", workers=2)
    assert list(beside.items()) == list(here.items())
    assert set_aside(tmp_path / "out") == aside


def test_an_interruption_leaves_nothing_of_records_either(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    export(tmp_path / "bulk", {"a.ndjson": [about("Patient/p", bone())]})

    for when in ("bytes sorted", "records"):

        def interrupt(_done: int, _all: int | None, unit: str = "records", stop: str = when) -> None:
            if unit == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            decided(tmp_path / "bulk", progress=interrupt)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["bulk"]


@pytest.mark.parametrize("name", ["bulk/a.ndjson", "bulk/a.ndjson.gz", "a.nt", "a.nt.gz", "a.ttl"])
def test_what_is_read_and_what_is_decided_are_told(
    decided: Callable[..., Rows], tmp_path: Path, name: str
) -> None:
    """All bytes on disk, then the one record."""
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    if "bulk" in name:
        text = "".join(f"{json.dumps(one)}\n" for one in (patient(), about("Patient/p", bone())))
    else:
        a = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
        text = f"<urn:p> {a} <{LOCAL}Patient> .\n<urn:p> <{LOCAL}hasLesion> <urn:l> .\n<urn:l> {a} <{LOCAL}Lesion> .\n"
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    told: list[tuple[int, int | None, str]] = []

    def note(done: int, total: int | None, unit: str = "records", /) -> None:
        told.append((done, total, unit))

    decided(file.parent if "bulk" in name else file, progress=note)
    size = file.stat().st_size
    sorted_bytes = [(done, total) for done, total, unit in told if unit == "bytes sorted"]
    assert sorted_bytes[-1] == (size, size)
    assert [(done, total) for done, total, unit in told if unit == "records"][-1] == (1, None)
    assert [unit for _, _, unit in told] == sorted(unit for _, _, unit in told)


def test_the_command_tells_records_from_tables_and_audits_what_it_decided(tmp_path: Path) -> None:
    bad = [about("Patient/bad", r) for r in femur_with_compression("f")]
    source = export(tmp_path / "bulk", {"a.ndjson": [about("Patient/p", bone()), patient("none"), *bad]})
    run = CliRunner()
    done = run.invoke(app, ["cohort", str(source), "--out", str(tmp_path / "out"), "--masks"])
    assert done.exit_code == FINDINGS, done.output
    assert (
        "1 cases decided, 1 set aside (set-aside.csv); 2 records read, 1 of them without a case"
        in done.output
    )
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "columns.csv",
        "conclusions.parquet",
        "manifest.json",
        "masks.parquet",
        "plan.sql",
        "set-aside.csv",
    }
    for command in (
        ["explain", str(tmp_path / "out"), "S074", "--row", "p"],
        ["audit", str(tmp_path / "out")],
    ):
        done = run.invoke(app, command)
        assert done.exit_code == 0, done.output
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no FHIR bulk data; expected files that end in .ndjson"):
        run.invoke(app, ["cohort", str(tmp_path / "empty"), "--out", "x"], catch_exceptions=False)
    with pytest.raises(InputError, match=r"a.ndjson: one file; expected a folder of FHIR bulk data"):
        run.invoke(app, ["cohort", str(source / "a.ndjson"), "--out", "x"], catch_exceptions=False)
    wrong = ["cohort", str(source), "--out", str(tmp_path / "x"), "--reference-date", "2026-13-01"]
    with pytest.raises(InputError, match="--reference-date: '2026-13-01'; expected YYYY-MM-DD"):
        run.invoke(app, wrong, catch_exceptions=False)
    with pytest.raises(KgServiceError, match="no columns to carry"):
        run.invoke(app, ["cohort", str(source), "--out", "x", "--carry", "centre"], catch_exceptions=False)


def test_an_audit_tells_why_records_were_set_aside_and_names_none(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    """Six patients with a femur that compresses the cord, six lines about nobody, one of two versions."""
    lines = [about(f"Patient/{i}", r) for i in range(6) for r in femur_with_compression(f"f{i}")]
    lines += [{"resourceType": "Condition", "id": f"n{i}"} for i in range(6)]
    lines += [about("Patient/v", bone("v", T11)), about("Patient/v", bone("v", T12))]
    decided(export(tmp_path / "bulk", {"a.ndjson": lines}))
    folder = CohortFolder(tmp_path / "out", base)
    found = Audit(folder, base.wording(folder.compiled, "en")).reasons
    assert [(r.where, r.rows) for r in found] == [
        ("a.ndjson", 6),
        ("lesions[0].site, lesions[0].cordCompression", 6),
        ("[0] and [1]", None),
    ]
    assert all(isinstance(reason, Reason) for reason in found)


def test_a_patient_that_a_resource_contains_is_decided_and_explained(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    inside = about("#p", bone("l", T11)) | {"contained": [{"resourceType": "Patient", "id": "p"}]}
    rows = decided(export(tmp_path / "bulk", {"a.ndjson": [inside, about("Patient/q", bone("m", T11))]}))
    assert sorted(case for _, case in rows) == ["l", "m"]
    [name] = [name for name, case in rows if case == "l"]
    [answer] = CohortFolder(tmp_path / "out", base).assess(name).assessments
    assert answer.case.id == "l"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bulk", "out"]


def test_one_cohort_as_table_as_rdf_and_as_fhir_is_told_the_same_and_exported(
    base: KnowledgeBase, decided: Callable[..., Rows], tmp_path: Path
) -> None:
    marginals = DATA_ROOT / "examples" / "synthetic-cohort.toml"
    for name in ("t.parquet", "r.nt", "bulk"):
        synthesise(marginals, tmp_path / name, base, rows=60, seed=2)
    decide_table(
        tmp_path / "t.parquet", tmp_path / "of-table", base, base.compiled(), carried=["centre", "year"]
    )
    table = conclusions(tmp_path / "of-table")
    assert len(table["row"]) == 60
    expected = {
        name: {c: table[c][i] for c in table if c not in ("row", "id", "centre", "year")}
        for i, name in enumerate(table["id"])
    }
    for source in ("r.nt", "bulk"):
        rows = decided(tmp_path / source)
        assert {name.rpartition("/")[2]: row for (name, _), row in rows.items()} == expected, source
        folder = CohortFolder(tmp_path / "out", base)
        export_cohort(folder, tmp_path / f"{source}.parquet")
        long = pq.read_table(tmp_path / f"{source}.parquet")
        assert set(zip(*(long.column(c).to_pylist() for c in ("id", "case")), strict=True)) == set(rows)
        export_cohort(folder, tmp_path / f"{source}.nq")
        quads = (tmp_path / f"{source}.nq").read_text(encoding="utf-8")
        assert all(f"/data/{name}/" in quads for name in expected)
        (tmp_path / "out").rename(tmp_path / f"of-{source}")
