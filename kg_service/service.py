"""The use cases: read records in any form, assess and explain them, under any readings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

from rdflib import Graph, URIRef

from kg_service.assessment import Assessment, assess
from kg_service.assumptions import LocalAssumptions, settings_together
from kg_service.compiler import CompiledGuideline
from kg_service.counterfactual import case_with
from kg_service.derivation import cases_of
from kg_service.errors import InputError, KgServiceError, Problem, UnknownNameError
from kg_service.explanation import Explanation, explain
from kg_service.guideline import Guideline, default_guideline, guideline_id, guidelines_in
from kg_service.importers.fhir import FhirBindings, is_fhir, read_fhir
from kg_service.knowledge import DATA_ROOT, check_root, load_graph, module_paths
from kg_service.limits import Limits
from kg_service.reader import parse_json, read_record
from kg_service.record import Case, Record, SetAssumption
from kg_service.record_from_rdf import documents_from_graph, parse_rdf
from kg_service.relations import RelatedGuidelines
from kg_service.remedy import Remedy, remedies
from kg_service.robustness import VARIANTS_KEPT, CaseRobustness, ReadingSpace, RobustnessExaminer
from kg_service.values import Knowledge
from kg_service.wording import Wording

RDF_FORMATS = {
    ".ttl": "turtle",
    ".nt": "nt",
    ".nq": "nquads",
    ".trig": "trig",
    ".jsonld": "json-ld",
    ".rdf": "xml",
    ".owl": "xml",
}
"""RDF syntaxes by file suffix; XML is refused by its name, not taken for JSON."""
RECORD_SHAPES = "shapes/record.ttl"
SCORE_SHAPES = "shapes/scores"
"""Folder of what the shapes of records say of each score; a score can be left out with its file."""


@dataclass(frozen=True)
class AssessedRecord:
    """One record with its cases and what was concluded on each.

    Attributes
    ----------
    robustness : mapping of str to CaseRobustness
        By case id, what hangs on a reading of the source; empty unless asked for.
    """

    record: Record
    assessments: tuple[Assessment, ...]
    robustness: Mapping[str, CaseRobustness] = field(default_factory=dict)


@dataclass
class Batch:
    """What became of some inputs: the records that could be read, and every problem of the others."""

    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class KnowledgeBase:
    """The ontology, shapes and guideline, loaded once and compiled once per choice of readings.

    Parameters
    ----------
    graph : rdflib.Graph, optional
        The ontology with its guidelines; the one that is shipped otherwise.
    record_shapes : rdflib.Graph, optional
        The record shapes that bound the values of features; those that are shipped otherwise.
    guideline : str, optional
        Id of the guideline that decides; the default one otherwise.

    Raises
    ------
    UnknownNameError
        When there is no such guideline; names the nearest that there is.
    """

    def __init__(
        self, graph: Graph | None = None, record_shapes: Graph | None = None, guideline: str | None = None
    ) -> None:
        self.graph = load_graph() if graph is None else graph
        self.guidelines = guidelines_in(self.graph)
        if guideline is not None and guideline not in self.guidelines:
            raise UnknownNameError("guideline", guideline, list(self.guidelines))
        self._iri = default_guideline(self.graph) if guideline is None else self.guidelines[guideline]
        self._beside: dict[str, KnowledgeBase] = {guideline_id(self._iri): self}
        self.record_shapes = shapes_of_records(DATA_ROOT) if record_shapes is None else record_shapes
        self.limits = Limits(self.record_shapes)
        # A caller can ask for any combination of readings, so what is kept of them is bounded.
        self._under = lru_cache(maxsize=VARIANTS_KEPT)(self._compiled_under)
        self.wording = lru_cache(maxsize=VARIANTS_KEPT)(Wording)

    @classmethod
    def of_root(cls, root: Path) -> KnowledgeBase:
        """Return the knowledge base of a folder that holds ``ontology/`` and ``shapes/``.

        Raises
        ------
        CatalogError
            When it is no such folder.
        """
        check_root(root)
        return cls(load_graph(*module_paths(root)), shapes_of_records(root))

    def compiled(
        self, readings: Mapping[str, str] | None = None, profile: str | None = None
    ) -> CompiledGuideline:
        """Return the guideline compiled under a choice of readings.

        Parameters
        ----------
        readings : mapping of str to str, optional
            Ambiguity id to letter.
        profile : str, optional
            Id of a reading profile; a reading given beside it wins over its own.

        Raises
        ------
        UnknownNameError
            When a reading or a profile does not exist; names the nearest that does.
        UncomputedReadingError
            When a reading is recorded without a change that could be computed.
        """
        return self._under(frozenset((readings or {}).items()), profile)

    def _compiled_under(self, readings: frozenset[tuple[str, str]], profile: str | None) -> CompiledGuideline:
        if not readings and profile is None:
            return self._adopted
        return self._adopted.under(dict(readings), profile)

    @cached_property
    def _adopted(self) -> CompiledGuideline:
        return CompiledGuideline(Guideline(self.graph, self._iri))

    def of(self, guideline: str | None) -> KnowledgeBase:
        """Return the knowledge base in which another guideline decides; this one when none is named.

        Raises
        ------
        UnknownNameError
            When there is no such guideline; names the nearest that there is.
        """
        if guideline is None:
            return self
        if guideline not in self._beside:
            other = KnowledgeBase(self.graph, self.record_shapes, guideline)
            other._beside = self._beside
            self._beside[guideline] = other
        return self._beside[guideline]

    def related(self, guidelines: Sequence[str] = ()) -> list[RelatedGuidelines]:
        """Return how guidelines stand to each other, two by two; all that are loaded when none is named.

        Raises
        ------
        UnknownNameError
            When there is no such guideline.
        KgServiceError
            When there are not two.
        """
        names = list(dict.fromkeys(guidelines or self.guidelines))
        compiled = [self.of(name).compiled() for name in names]
        if len(compiled) < 2:
            raise KgServiceError(f"one guideline, {', '.join(names)}; a comparison needs two or more")
        return [self._related(one, other) for one, other in combinations(compiled, 2)]

    @cached_property
    def _related(self) -> Callable[[CompiledGuideline, CompiledGuideline], RelatedGuidelines]:
        # Examples take a second or so. All are under the adopted readings: no caller makes more pairs.
        return cache(RelatedGuidelines)

    @cached_property
    def reading_space(self) -> ReadingSpace:
        """All readings of the guideline, for telling what hangs on them."""
        return ReadingSpace(self._adopted)

    @cached_property
    def bindings(self) -> FhirBindings:
        """Which FHIR codes and paths stand for which features."""
        return FhirBindings(self.graph, self.compiled().schema)

    def read_file(self, path: Path, batch: Batch, reference_date: str | None = None) -> None:
        """Read the records of a file into a batch; what cannot be read becomes its problems."""
        try:
            text = _text_of(path)
        except InputError as error:
            batch.problems += error.problems
            return
        self.read_text(text, path.name, batch, path.suffix.lower(), reference_date)

    def read_text(
        self, text: str, source: str, batch: Batch, suffix: str = ".json", reference_date: str | None = None
    ) -> None:
        """Read the records of a text into a batch.

        Parameters
        ----------
        text : str
            Our JSON, a FHIR R4 resource or bundle, a list of either, or RDF.
        source : str
            Name of the text, for messages.
        batch : Batch
            Takes the records and the problems.
        suffix : str
            Syntax, as a file suffix; JSON unless it is one of `RDF_FORMATS`.
        reference_date : str, optional
            The day the assessment speaks of, for sources that give none, such as FHIR.
        """
        try:
            if suffix in RDF_FORMATS:
                schema = self.compiled().schema
                graph = parse_rdf(text, RDF_FORMATS[suffix], source, schema)
                documents: list[tuple[Any, str]] = [
                    (document, f"{source}: {iri}")
                    for document, iri in documents_from_graph(graph, schema, source)
                ]
            else:
                documents = _split(parse_json(text, source), source)
        except InputError as error:
            batch.problems += error.problems
            return
        for document, name in documents:
            try:
                batch.records += self.read_document(document, name, reference_date)
            except InputError as error:
                batch.problems += error.problems

    def read_document(self, document: Any, source: str, reference_date: str | None = None) -> list[Record]:
        """Return the records of one parsed JSON document, ours or FHIR.

        Raises
        ------
        InputError
            With every problem found.
        """
        schema = self.compiled().schema
        if not is_fhir(document):
            if reference_date and isinstance(document, dict):
                document = dict.fromkeys(schema.reference_date_keys(), reference_date) | document
            return [read_record(document, schema, self.limits, source)]
        records = []
        for found in read_fhir(document, self.bindings, source, reference_date):
            records.append(
                read_record(
                    found.document, schema, self.limits, source, origins=found.provenance, notes=found.notes
                )
            )
        return records

    @cached_property
    def assumptions(self) -> LocalAssumptions:
        """The local assumptions that the guideline declares."""
        compiled = self.compiled()
        return LocalAssumptions(compiled.guideline, compiled.schema, self.limits)

    def set_assumptions(
        self, texts: Iterable[str], source: str, file: Path | None = None
    ) -> tuple[SetAssumption, ...]:
        """Return the local assumptions that texts such as ``name=3 cm`` set, and a file before them.

        Parameters
        ----------
        texts : iterable of str
            Settings, one by one; each wins over the file.
        source : str
            Where they were given, for messages.
        file : Path, optional
            A JSON object of settings by name.

        Raises
        ------
        InputError
            With every problem found.
        """
        given: list[dict[str, SetAssumption]] = []
        problems: list[Problem] = []
        readers: list[Callable[[], dict[str, SetAssumption]]] = []
        if file is not None:
            readers.append(lambda: self.assumptions.from_file(_text_of(file), file.name))
        readers.append(lambda: self.assumptions.from_options(texts, source))
        for read in readers:
            try:
                given.append(read())
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        return settings_together(*given)

    def cases(self, record: Record) -> list[Case]:
        """Return the cases of a record, with derived facts."""
        return cases_of(record, self.compiled().schema)

    def assess(
        self, record: Record, compiled: CompiledGuideline, assumptions: tuple[SetAssumption, ...] = ()
    ) -> AssessedRecord:
        """Return what a guideline says of every case of a record, under local assumptions if any are set.

        Raises
        ------
        InputError
            When the facts of the record contradict each other.
        """
        cases = [self.assumptions.apply(case, assumptions) for case in self.cases(record)]
        assessments = tuple(assess(case, compiled, record.source) for case in cases)
        return AssessedRecord(record, assessments)

    def assess_batch(
        self, batch: Batch, compiled: CompiledGuideline, assumptions: tuple[SetAssumption, ...] = ()
    ) -> list[AssessedRecord]:
        """Assess the records of a batch; contradictions become problems, the other records are kept."""
        assessed = []
        for record in batch.records:
            try:
                assessed.append(self.assess(record, compiled, assumptions))
            except InputError as error:
                batch.problems += error.problems
        return assessed

    def examine(self, assessed: AssessedRecord, compiled: CompiledGuideline) -> AssessedRecord:
        """Return an assessed record with what of its answers hangs on a reading of the source."""
        found = {
            a.case.id: RobustnessExaminer(self.reading_space, compiled, a.case).examine()
            for a in assessed.assessments
        }
        return replace(assessed, robustness=found)

    def remedies(
        self, record: Record, assessment: Assessment, compiled: CompiledGuideline
    ) -> tuple[Remedy, ...]:
        """Return the fewest changes that make the best of the prescription of a case; see `remedies`."""
        settings = [applied.setting for applied in assessment.case.assumptions]

        def changed(values: Mapping[URIRef, Knowledge]) -> Case | None:
            case = case_with(record, assessment.case.id, values, compiled.schema)
            return None if case is None else self.assumptions.apply(case, settings)

        return remedies(assessment.case, compiled, changed)

    def explain(
        self,
        assessed: AssessedRecord,
        identifier: str,
        compiled: CompiledGuideline,
        case: str | None = None,
    ) -> list[Explanation]:
        """Return the explanation of one answer, for one case or for each.

        Parameters
        ----------
        assessed : AssessedRecord
            A record with its assessments.
        identifier : str
            Id of a recommendation, local name of an option, or ``prescription``.
        compiled : CompiledGuideline
            The guideline under the readings in force.
        case : str, optional
            Id of one case.

        Raises
        ------
        UnknownNameError
            When there is no such recommendation or option, or no such case.
        KgServiceError
            When the prescription is asked about, and the record says nothing of one.
        """
        known = [a.case.id for a in assessed.assessments]
        if case is not None and case not in known:
            raise UnknownNameError(self.wording(compiled, "en").case_label, case, known)
        chosen = [a for a in assessed.assessments if case in (None, a.case.id)]
        return [
            explain(
                a,
                identifier,
                compiled,
                RobustnessExaminer(self.reading_space, compiled, a.case),
                partial(self.remedies, assessed.record, a, compiled),
            )
            for a in chosen
        ]


def _text_of(path: Path) -> str:
    """Return the text of a file that a person named."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InputError([Problem(str(path), reason.lower(), "a file that can be read")]) from error
    except UnicodeDecodeError as error:
        found = f"byte {error.start} is not UTF-8"
        raise InputError([Problem(str(path), found, "a text file in UTF-8")]) from error


def shapes_of_records(root: Path) -> Graph:
    """Return the record shapes of a root, those of its scores included."""
    return load_graph(root / RECORD_SHAPES, *sorted((root / SCORE_SHAPES).glob("*.ttl")))


def parse_readings(texts: list[str]) -> dict[str, str]:
    """Return readings given as ``A27=c``.

    Raises
    ------
    KgServiceError
        When one has another form.
    """
    found = {}
    for text in texts:
        ambiguity, equals, letter = text.partition("=")
        if not (equals and ambiguity and letter):
            raise KgServiceError(f"reading {text!r}; expected an ambiguity and a letter, such as A27=c")
        found[ambiguity.strip().upper()] = letter.strip().lower()
    return found


def _split(document: Any, source: str) -> list[tuple[Any, str]]:
    """Return the documents of a list one by one, unless it is a list of FHIR resources."""
    if isinstance(document, list) and not is_fhir(document):
        return [(item, f"{source}[{i}]") for i, item in enumerate(document)]
    return [(document, source)]


def to_json(value: Any) -> str:
    """Return a JSON text for people: indented, accents kept."""
    return json.dumps(value, ensure_ascii=False, indent=2)
