"""Records as rows of masks: what each of their cases leaves possible, for the engine that decides cohorts.

A record is read by the reader that reads it alone, and its cases are derived as they are alone; only
what decides them is another. All that is needed for it can be sent to another process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from kg_service.assumptions import LocalAssumptions
from kg_service.bit_planes import PlaneRunner, rows_of
from kg_service.compiler import CompiledGuideline
from kg_service.derivation import cases_of, contradiction
from kg_service.entailment import EntailmentProgram
from kg_service.errors import InputError, Problem
from kg_service.feature_masks import CellGroups, Masks
from kg_service.importers.fhir import FhirBindings, read_fhir
from kg_service.limits import Limits
from kg_service.rdf_parse import statements
from kg_service.reader import parse_json, read_record
from kg_service.record import Case, Record, SetAssumption
from kg_service.record_from_rdf import documents_from_graph, refuse_giants
from kg_service.record_source import RawRecord
from kg_service.schema import RecordSchema
from kg_service.values import Knowledge

FHIR, RDF = "fhir", "rdf"
MOST_KEPT = 10**5
"""Masks of values of one feature that are kept once found; memory stays bounded."""
_UNNAMED = "_:"
_DIGITS = 16
"""Digits of the name of a record that has none in its source."""


@dataclass(frozen=True)
class RecordReading:
    """How the records of a source are read.

    Attributes
    ----------
    form : str
        `FHIR` or `RDF`.
    schema, limits, bindings : RecordSchema, Limits, FhirBindings
        The record model, the values that the record shapes allow, and what FHIR codes stand for.
    reference_date : str or None
        The day the assessment speaks of, for records that give none.
    """

    form: str
    schema: RecordSchema
    limits: Limits
    bindings: FhirBindings
    reference_date: str | None = None

    def records(self, raw: RawRecord) -> list[tuple[str, Record]]:
        """Return the records of one part of a source, each with its id; mostly it is one.

        Raises
        ------
        InputError
            With every problem found.
        """
        if raw.problems:
            raise InputError(list(raw.problems))
        return self._from_fhir(raw) if self.form == FHIR else self._from_rdf(raw)

    def _from_fhir(self, raw: RawRecord) -> list[tuple[str, Record]]:
        resources = [parse_json(text.decode(), raw.name) for text in raw.texts]
        found = []
        for read in read_fhir(resources, self.bindings, raw.name, self.reference_date):
            record = read_record(
                read.document, self.schema, self.limits, raw.name, origins=read.provenance, notes=read.notes
            )
            found.append((record.root.id, record))
        return found

    def _from_rdf(self, raw: RawRecord) -> list[tuple[str, Record]]:
        text = b"".join(raw.texts)
        refuse_giants(text.decode(), raw.name)
        found = []
        for document, iri in documents_from_graph(statements(text, ".nt"), self.schema, raw.name):
            keys = self.schema.reference_date_keys() if self.reference_date else []
            record = read_record(
                dict.fromkeys(keys, self.reference_date) | document, self.schema, self.limits, raw.name
            )
            found.append((_digest(document) if raw.name.startswith(_UNNAMED) else iri, record))
        return found


def _digest(document: Mapping[str, Any]) -> str:
    """Return a name for a record without one: the same for the same content."""
    text = json.dumps(document, sort_keys=True, default=str)
    return _UNNAMED + hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


@dataclass
class EncodedRecords:
    """What the cases of some records leave possible, one row a case.

    Attributes
    ----------
    ids, cases : list of str
        The record and the case of each row.
    masks : dict of str to array of uint64, shape (rows,)
        By feature IRI.
    prescribed : array of bool, shape (rows,)
        Whether a case says anything of a prescription.
    refused : list of (str, list of Problem)
        The records that cannot be used.
    records, without_case : int
        How many records could be read, and how many of them have no case.
    """

    ids: list[str] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    masks: dict[str, Masks] = field(default_factory=dict)
    prescribed: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    refused: list[tuple[str, list[Problem]]] = field(default_factory=list)
    records: int = 0
    without_case: int = 0


class _Contradictions:
    """Finds the cases that belong to a class that nothing can belong to."""

    def __init__(self, compiled: CompiledGuideline, groups: Mapping[str, CellGroups]) -> None:
        program = EntailmentProgram(compiled.plan)
        self._found = []
        for cls in compiled.schema.impossible:
            tree = compiled.plan.trees[str(cls)]
            label = compiled.guideline.label(cls, "en")
            self._found.append((program.entailed(tree), compiled.plan.features_of(tree), label))
        self._runner = PlaneRunner(program, groups, set(groups))

    def of(self, cases: Sequence[Case], masks: Mapping[str, Masks]) -> dict[int, list[Problem]]:
        """Return the problems of cases, by their position."""
        planes = self._runner.run(masks, len(cases))
        problems: dict[int, list[Problem]] = {}
        for step, features, label in self._found:
            for row in np.flatnonzero(rows_of(planes[step], len(cases))).tolist():
                facts = cases[row].facts
                where = ", ".join(facts[f].where for f in facts if str(f) in features)
                problem = contradiction(cases[row], features, "", label)
                problems.setdefault(row, []).append(replace(problem, where=where))
        return problems


class CaseEncoder:
    """Turns records into rows of masks.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline under its readings.
    groups : mapping of str to CellGroups
        The groups of cells that masks hold apart, by feature.
    reading : RecordReading
        How records are read.
    local, assumptions : LocalAssumptions, sequence of SetAssumption
        What applies local assumptions, and those that are set.
    """

    def __init__(
        self,
        compiled: CompiledGuideline,
        groups: Mapping[str, CellGroups],
        reading: RecordReading,
        local: LocalAssumptions,
        assumptions: Sequence[SetAssumption] = (),
    ) -> None:
        self._groups = dict(groups)
        self._reading = reading
        self._local = local
        self._assumptions = tuple(assumptions)
        self._deciding = compiled.prescriptions.deciding
        self._contradictions = _Contradictions(compiled, groups)
        self._known: dict[str, dict[Knowledge, int]] = {feature: {} for feature in groups}

    def encode(self, raws: Sequence[RawRecord]) -> EncodedRecords:
        """Return the cases of some records as rows; a record that cannot be used stops no other."""
        encoded = EncodedRecords()
        cases: list[Case] = []
        of: list[str] = []
        for raw in raws:
            try:
                read = [(name, self._cases(record)) for name, record in self._reading.records(raw)]
            except InputError as error:
                encoded.refused.append((raw.name, [_inside(raw.name, p) for p in error.problems]))
                continue
            for name, found in read:
                encoded.records += 1
                encoded.without_case += not found
                cases += found
                of += [name] * len(found)
        self._settle(cases, of, encoded)
        return encoded

    def _cases(self, record: Record) -> list[Case]:
        cases = cases_of(record, self._reading.schema)
        return [self._local.apply(case, self._assumptions) for case in cases]

    def _settle(self, cases: list[Case], of: list[str], encoded: EncodedRecords) -> None:
        """Fill in the rows; a record of which a case contradicts itself is left out."""
        masks = self._masks(cases)
        wrong: dict[str, list[Problem]] = {}
        for row, problems in self._contradictions.of(cases, masks).items():
            wrong.setdefault(of[row], []).extend(problems)
        kept = [row for row, name in enumerate(of) if name not in wrong]
        encoded.refused += wrong.items()
        encoded.records -= len(wrong)
        encoded.ids = [of[row] for row in kept]
        encoded.cases = [cases[row].id for row in kept]
        encoded.masks = {feature: mask[kept] for feature, mask in masks.items()}
        told = [any(feature in self._deciding for feature in cases[row].known) for row in kept]
        encoded.prescribed = np.array(told, dtype=np.bool_)

    def _masks(self, cases: Sequence[Case]) -> dict[str, Masks]:
        masks = {f: np.full(len(cases), g.full, dtype=np.uint64) for f, g in self._groups.items()}
        for row, case in enumerate(cases):
            for feature, known in case.known.items():
                if feature in masks:
                    masks[feature][row] = self._mask(feature, known)
        return masks

    def _mask(self, feature: str, known: Knowledge) -> int:
        kept = self._known[feature]
        if known not in kept:
            if len(kept) >= MOST_KEPT:
                kept.clear()
            kept[known] = self._groups[feature].of_known(known)
        return kept[known]


def _inside(name: str, problem: Problem) -> Problem:
    """Return a problem with its place inside the record alone."""
    return replace(problem, where=problem.where.removeprefix(f"{name}: "))
