"""FHIR bulk exports: folders of NDJSON in which the resources of one patient lie anywhere, in any order.

Lines are put into spill files by the patient they are about, then read back file by file, so that
no more than a small part of the export is ever in memory. What the resources of a patient mean is for
`read_fhir` to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kg_service.errors import InputError, Problem
from kg_service.importers.fhir_bundle import View
from kg_service.importers.fhir_loans import Loans
from kg_service.importers.fhir_patients import ABOUT_A_PATIENT, subject_of, tail_of, type_named
from kg_service.importers.fhir_spill import Clashes, Line, Spill
from kg_service.record_source import RawRecord, Refuse
from kg_service.spill_files import ZIPPED, Told, lines_of, mark, untold

SUFFIXES = (".ndjson", ".ndjson.gz")
UNPACKED = 20
"""How many times larger compressed files may be when unpacked."""
PATIENT = "Patient"
_WITHIN = "#"
"""Begins a reference to something that the same resource contains."""
_EXPECTED = "one FHIR R4 resource as JSON"
_NAMED = re.compile(rb'(?:\bPatient\\?/|"urn:uuid:)([A-Za-z0-9\-.]{1,64})|"resourceType"\s*:\s*"(Patient)"')
_OWN_ID = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9\-.]{1,64})"')


@dataclass
class _Sorting:
    """What sorting the lines of an export leaves."""

    spill: Spill
    clashes: Clashes
    loans: Loans
    spoilt: dict[str, list[Problem]] = field(default_factory=dict)
    """By patient, the lines that name it and cannot be read."""


class FhirBulk:
    """The records of a folder of FHIR bulk data.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    InputError
        When it holds no NDJSON file.
    """

    form = "fhir"

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.files = sorted(p for p in path.iterdir() if p.name.lower().endswith(SUFFIXES))
        except OSError as error:
            raise InputError([Problem(str(path), str(error.strerror), "a folder to read")]) from error
        if not self.files:
            expected = f"files that end in {' or '.join(SUFFIXES)}"
            raise InputError([Problem(str(path), "no FHIR bulk data", expected)])

    @property
    def size(self) -> int:
        """The size of its files."""
        return sum(file.stat().st_size for file in self.files)

    def records(self, scratch: Path, refuse: Refuse, told: Told = untold) -> Generator[RawRecord]:
        """Yield the resources of each patient; see `RecordSource`."""
        with Loans(scratch / "loans.sqlite") as loans:
            sorting = _Sorting(Spill(scratch, self._unpacked), Clashes(scratch), loans)
            for number, file in enumerate(self.files):
                for line, text in lines_of(file, told):
                    _sort(Line(number, line, text), file.name, sorting, refuse)
            loans.index()
            yield from self._grouped(sorting)
            for lent in loans.left(ABOUT_A_PATIENT):
                refuse(None, [_no_patient(self.files[lent.file].name, lent.number)])

    def may_be(self, raw: RawRecord, identifier: str) -> bool:
        """Return whether a record may be the one that conclusions bear under an id."""
        return raw.name in (identifier, tail_of(identifier)) or _WITHIN in raw.name

    @property
    def _unpacked(self) -> int:
        """The size of its files when unpacked, as large as it may be."""
        return sum(f.stat().st_size * (UNPACKED if f.suffix.lower() == ZIPPED else 1) for f in self.files)

    def _grouped(self, sorting: _Sorting) -> Iterator[RawRecord]:
        clashing = sorting.clashes.found()
        for group in sorting.spill.groups():
            problems = list(sorting.spoilt.get(group.key, []))
            for place in group.places if clashing else ():
                if mark(place) in clashing:
                    problems.append(Problem(place, "of two patients", "one patient", "Correct its subject."))
            texts = (*(line.text for line in group.lines), *sorting.loans.of(group.lines))
            yield RawRecord(group.key, texts, tuple(problems))


def _sort(line: Line, file: str, sorting: _Sorting, refuse: Refuse) -> None:
    """Put a line where it belongs, or tell why it belongs nowhere."""
    try:
        body = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        _spoil(line, _problem(file, line, f"not JSON ({error})"), sorting, refuse)
        return
    kind = body.get("resourceType") if isinstance(body, dict) else None
    identity = body.get("id") if isinstance(body, dict) else None
    if not isinstance(kind, str) or not kind or not isinstance(identity, str | None):
        _spoil(line, _problem(file, line, "no resource"), sorting, refuse)
        return
    if kind == "Bundle":
        refuse(None, [_problem(file, line, "a Bundle", "Give its resources, a line each.")])
        return
    place = f"{kind}/{identity}" if identity else f"{file} line {line.number}"
    key = identity if kind == PATIENT else _patient_of(body, place)
    if key == "":
        target = subject_of(View(body, place, "", []))
        refuse(None, [Problem(f"{file}: line {line.number}", f"about {target}", "about a patient")])
    elif key is not None:
        sorting.spill.add(key, place, line)
        sorting.clashes.add(place, key)
    elif kind == PATIENT or (kind in ABOUT_A_PATIENT and kind not in Loans.KINDS):
        refuse(None, [_no_patient(file, line.number)])
    else:
        sorting.loans.add(kind, place, line)


def _patient_of(body: dict[str, object], place: str) -> str | None:
    """Return the key of the patient a resource names; None when it names nobody, "" when no patient."""
    target = subject_of(View(body, place, "", []))
    if target is None:
        return None
    if target.startswith(_WITHIN):
        return f"{place}{target}"
    return (tail_of(target.split("/_history/", 1)[0]) or "") if type_named(target) == PATIENT else ""


def _spoil(line: Line, problem: Problem, sorting: _Sorting, refuse: Refuse) -> None:
    """Set a line aside, and the patients that it names: what it says of them may change the answer."""
    refuse(None, [problem])
    for match in _NAMED.finditer(line.text):
        name = match[1] or (own[1] if (own := _OWN_ID.search(line.text)) else None)
        if name:
            told = Problem(problem.where, "of this patient, and cannot be read", _EXPECTED, problem.remedy)
            sorting.spoilt.setdefault(name.decode(), []).append(told)


def _problem(file: str, line: Line, found: str, remedy: str = "Export it again.") -> Problem:
    return Problem(f"{file}: line {line.number}", found, _EXPECTED, remedy)


def _no_patient(file: str, number: int) -> Problem:
    remedy = "Give the patient as its subject."
    return Problem(f"{file}: line {number}", "no patient", "a resource that names its patient", remedy)
