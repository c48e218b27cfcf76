"""The page of a case: the form of a record, and what the guideline says of it as it is filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from markupsafe import Markup

from kg_service.case_form import (
    CaseForm,
    Document,
    Part,
    Sent,
    add_member,
    empty_document,
    read_form,
    remove_member,
)
from kg_service.compiler import CompiledGuideline
from kg_service.errors import InputError, KgServiceError, Problem
from kg_service.explanation_forms import ExplanationForm, explanations_in
from kg_service.importers.fhir import is_fhir
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import local_name
from kg_service.reader import parse_json
from kg_service.report import AssessmentJson, ConclusionJson, assessment_json
from kg_service.schema import Entity
from kg_service.service import AssessedRecord, KnowledgeBase
from kg_service.side_by_side import compare_guidelines
from kg_service.side_by_side_report import ComparedCaseJson, compared_json
from kg_service.wording import DECIMAL_COMMA, Language, Wording

EXAMPLES = DATA_ROOT / "examples"
SOURCE = "form"
"""Name of the record in messages."""
CONTROLS = ("lang", "profile", "action", "json", "show", "shown")
"""Fields of the page that are not of the record."""
MOST_QUESTIONS = 8


@dataclass(frozen=True)
class Shown:
    """The answer whose criterion is drawn: of which case, and which."""

    case: str
    conclusion: str

    @classmethod
    def read(cls, text: str) -> Shown | None:
        """Return what a button asks for, as ``CASE CONCLUSION``; None without."""
        case, _, conclusion = text.rpartition(" ")
        return cls(case, conclusion) if conclusion else None

    def __str__(self) -> str:
        return f"{self.case} {self.conclusion}"


@dataclass
class CaseRequest:
    """What a browser sent of the page.

    Attributes
    ----------
    sent : mapping
        The fields of the record.
    profile : str or None
        A reading profile.
    action : str
        What a button asks to do to the form: ``add LIST``, ``remove LIST.NUMBER``, ``load``, ``example``,
        ``clear``; nothing to decide.
    json : str
        A record to load.
    written_in : str
        The language that the form was filled in in, which tells what a comma in a number is.
    """

    sent: Sent = field(default_factory=dict)
    profile: str | None = None
    action: str = ""
    json: str = ""
    shown: Shown | None = None
    written_in: str = ""

    @classmethod
    def of(cls, fields: Sent) -> CaseRequest:
        """Return what the fields of a request ask for."""

        def control(name: str) -> str:
            return next((text for text in fields.get(name, ()) if text), "")

        return cls(
            {name: values for name, values in fields.items() if name not in CONTROLS},
            control("profile") or None,
            control("action"),
            control("json"),
            Shown.read(control("show") or control("shown")),
            control("lang"),
        )


@dataclass(frozen=True)
class Answered:
    """What is said of one case: its answers, and where on the form each feature is asked.

    Attributes
    ----------
    compared : ComparedCaseJson or None
        What every guideline says of it, where there are several.
    """

    said: AssessmentJson
    groups: tuple[tuple[str, tuple[ConclusionJson, ...]], ...]
    anchors: Mapping[str, str]
    compared: ComparedCaseJson | None

    @property
    def by_id(self) -> dict[str, ConclusionJson]:
        """Its conclusions by their ids."""
        return {c["id"]: c for c in self.said["conclusions"]}


class CasePage:
    """Answers what the page asks, in one language.

    Parameters
    ----------
    base : KnowledgeBase
        What decides.
    language : str
        ``en`` or ``fr``.
    """

    def __init__(self, base: KnowledgeBase, language: Language) -> None:
        self._base = base
        self._language = language
        self._form = CaseForm(base.wording(base.compiled(), language))
        self._schema = base.compiled().schema

    def answer(self, request: CaseRequest) -> CaseAnswer:
        """Return the form and the answers of a request; what cannot be read becomes problems."""
        try:
            compiled = self._base.compiled({}, request.profile)
        except KgServiceError as error:
            compiled = self._base.compiled()
            request.profile = None
            return self._told(compiled, request, empty_document(self._schema), [_problem(error)])
        try:
            document = self._document(request)
        except InputError as error:
            kept = self._kept(request)
            return self._told(compiled, request, kept, error.problems)
        return self._decided(compiled, request, document)

    def _document(self, request: CaseRequest) -> Document:
        """Return the record of a request, after what its button asks for."""
        verb, _, target = request.action.partition(" ")
        if verb in ("load", "example"):
            text = request.json if verb == "load" else _example()
            document = parse_json(text, SOURCE)
            if is_fhir(document):
                remedy = "Send FHIR to POST /assess, or use bonemet assess."
                raise InputError([Problem(SOURCE, "FHIR", "a record in the form of this project", remedy)])
            self._base.read_document(document, SOURCE)
            return dict(document)
        if verb == "clear" or not request.sent:
            return empty_document(self._schema)
        document = self._filled_in(request)
        if verb == "add":
            add_member(document, target, self._schema)
        elif verb == "remove":
            key, _, index = target.rpartition(".")
            remove_member(document, key, int(index) if index.isdecimal() else -1)
        return document

    def _kept(self, request: CaseRequest) -> Document:
        """Return the record as far as it was filled in, so that nothing typed is lost."""
        try:
            return self._filled_in(request) if request.sent else empty_document(self._schema)
        except InputError:
            return empty_document(self._schema)

    def _filled_in(self, request: CaseRequest) -> Document:
        return read_form(request.sent, self._schema, decimal_comma=request.written_in in DECIMAL_COMMA)

    def _decided(self, compiled: CompiledGuideline, request: CaseRequest, document: Document) -> CaseAnswer:
        try:
            [record] = self._base.read_document(document, SOURCE)
            assessed = self._base.assess(record, compiled)
        except InputError as error:
            return self._told(compiled, request, document, error.problems)
        return self._told(compiled, request, document, [], assessed)

    def _told(
        self,
        compiled: CompiledGuideline,
        request: CaseRequest,
        document: Document,
        problems: list[Problem],
        assessed: AssessedRecord | None = None,
    ) -> CaseAnswer:
        wording = self._base.wording(compiled, self._language)
        compared = self._compared(assessed, compiled)
        cases = [
            self._answered(a, i, wording, compared.get(a["case"]))
            for i, a in enumerate(_said(assessed, wording))
        ]
        shown = _chosen(request.shown, cases)
        picture = text = ""
        if assessed is not None and shown is not None:
            found = self._base.explain(assessed, shown.conclusion, compiled, shown.case)
            picture = explanations_in(ExplanationForm.SVG, found, self._base, self._language)
            text = explanations_in(ExplanationForm.TEXT, found, self._base, self._language)
        return CaseAnswer(
            self._form,
            document,
            cases,
            problems,
            shown,
            Markup(picture[picture.index("<svg") :] if picture else ""),  # noqa: S704 - made and escaped here
            text,
            request.profile,
        )

    def _compared(
        self, assessed: AssessedRecord | None, compiled: CompiledGuideline
    ) -> dict[str, ComparedCaseJson]:
        """Return what every guideline says of each case, by its id; nothing where there is but one."""
        if assessed is None or len(self._base.guidelines) == 1:
            return {}
        found = compare_guidelines(self._base, assessed.record, (), compiled)
        return {case.case: compared_json(case, self._base, self._language) for case in found}

    def _answered(
        self, said: AssessmentJson, place: int, wording: Wording, compared: ComparedCaseJson | None
    ) -> Answered:
        kinds = wording.words("kind")
        groups = ((kind, tuple(c for c in said["conclusions"] if c["kind"] == kind)) for kind in kinds)
        told = tuple((kind, found) for kind, found in groups if found)
        return Answered(said, told, self._anchors(place), compared)

    def _anchors(self, place: int) -> dict[str, str]:
        """Return the name of the field that asks for each feature of a case, by the name of the feature."""
        root = self._schema.roots()[0]
        case, listing = self._schema.case_entity(root)
        start = "" if listing is None else f"{listing.key}.{place}."
        found = _names(root, "") | _names(case, start)
        for key, link in case.links.items():
            if link.inverse_of is None:
                found |= _names(self._schema.entities[link.target], f"{start}{key}.")
        return found


@dataclass(frozen=True)
class CaseAnswer:
    """The page as it is told to the browser.

    Attributes
    ----------
    picture : Markup
        The criterion of the answer that is shown, as SVG.
    """

    form: CaseForm
    document: Document
    cases: list[Answered]
    problems: list[Problem]
    shown: Shown | None
    picture: Markup
    text: str
    profile: str | None

    @property
    def part(self) -> Part:
        """The form, filled in."""
        return self.form.part(self.document)

    @property
    def json(self) -> str:
        """The record."""
        return json.dumps(self.document, ensure_ascii=False, indent=2, default=_plain)


def _plain(number: Decimal) -> float | str:
    """Return a number as JSON has it; one with more digits than that as its text, which no reader takes."""
    return float(number) if Decimal(repr(float(number))) == number else str(number)


def _said(assessed: AssessedRecord | None, wording: Wording) -> list[AssessmentJson]:
    return [assessment_json(a, wording) for a in assessed.assessments] if assessed else []


def _names(entity: Entity, prefix: str) -> dict[str, str]:
    return {local_name(f.iri): f"{prefix}{key}" for key, f in entity.features.items()}


def _chosen(shown: Shown | None, cases: list[Answered]) -> Shown | None:
    """Return the answer to show: the one asked for if it is there; the first option otherwise."""
    known = {
        Shown(one.said["case"], name): None
        for one in cases
        for name in (
            *(o["option"] for o in one.said["options"]),
            *(c["id"] for c in one.said["conclusions"]),
            *(["prescription"] if one.said["prescription"] else []),
        )
    }
    return shown if shown in known else next(iter(known), None)


def _problem(error: KgServiceError) -> Problem:
    return Problem(SOURCE, str(error), "a profile of the list")


def _example() -> str:
    return min(EXAMPLES.glob("*.json")).read_text(encoding="utf-8")
