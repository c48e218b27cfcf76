"""Compares two versions of the ontology: verdicts on reference cases first, then term by term.

Both versions are decided by the same program, so a difference is one of the ontology. A verdict
has changed when both versions speak of it and differ, or when what the older one said is gone.
What the newer one says for the first time is told beside, with the number of cases it is said of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal as OneOf

from rdflib import Graph, Literal, URIRef

from kg_service.assessment import Assessment
from kg_service.canonical import statements_of
from kg_service.documentation import ORDER, Documentation
from kg_service.errors import KgServiceError, Problem
from kg_service.knowledge import load_graph, shapes_paths
from kg_service.namespaces import OWL, RDF, local_name
from kg_service.reference_cases import ReferenceCase, reference_cases
from kg_service.service import KnowledgeBase
from kg_service.wording import Language, Wording

Fate = OneOf["added", "removed", "changed"]
FATES: tuple[Fate, ...] = ("added", "removed", "changed")
_SAYS_NOTHING = {"false", "not-indicated"}
_OPEN = {"unknown", "open"}


@dataclass(frozen=True)
class Answer:
    """One answer on a case: its label, the word of the engine, and how a person is told."""

    label: str
    word: str
    told: str


Answers = dict[tuple[str, str], Answer]
"""The answers on a case, by what they are about and its name."""


@dataclass(frozen=True)
class AnswerChange:
    """An answer that differs; None where the newer version does not speak of it."""

    what: str
    label: str
    old: str
    new: str | None


@dataclass(frozen=True)
class FirstSaid:
    """What the newer version says for the first time, and of how many cases."""

    what: str
    label: str
    told: str
    cases: int


@dataclass(frozen=True)
class CaseChange:
    """A case whose verdicts differ."""

    case: str
    changes: tuple[AnswerChange, ...]


@dataclass(frozen=True)
class Unusable:
    """A reference case that a version cannot decide, and why."""

    case: str
    version: str
    reason: str


@dataclass(frozen=True)
class PropertyChange:
    """Values of a property that went and came; a text that was reworded has neither."""

    label: str
    gone: tuple[str, ...]
    come: tuple[str, ...]


@dataclass(frozen=True)
class TermChange:
    """A term that was added, removed or changed."""

    iri: str
    name: str
    label: str
    fate: Fate
    changes: tuple[PropertyChange, ...]


@dataclass(frozen=True)
class Comparison:
    """Everything that differs between two versions.

    Attributes
    ----------
    compared : int
        Cases that both versions decide.
    first_said : tuple of FirstSaid
        What only the newer version says of some case.
    newly_open : int
        Answers that only the newer version gives, and leaves open.
    terms : dict
        Changes of terms, by section of the documentation.
    """

    old: str
    new: str
    compared: int
    cases: tuple[CaseChange, ...]
    unusable: tuple[Unusable, ...]
    first_said: tuple[FirstSaid, ...]
    newly_open: int
    terms: dict[str, tuple[TermChange, ...]]


class Version:
    """One side of a comparison.

    Parameters
    ----------
    base : KnowledgeBase
        Its ontology and record shapes.
    shapes : rdflib.Graph
        All its shapes.
    language : str
        Language that answers are told in.
    """

    def __init__(self, base: KnowledgeBase, shapes: Graph, language: Language) -> None:
        self.base = base
        self.language = language
        graph = Graph()
        graph += base.graph
        graph += shapes
        self.documentation = Documentation(graph, self.wording({}), ())

    def wording(self, readings: dict[str, str]) -> Wording:
        """Return the words for a choice of readings."""
        return self.base.wording(self.base.compiled(readings), self.language)

    @property
    def name(self) -> str:
        """Number and date of the guideline's module."""
        wording = self.wording({})
        return f"{wording.guideline_number} ({wording.guideline_version})"

    def answers(self, case: ReferenceCase) -> dict[str, Answers]:
        """Return the answers on each case of a record, by the name of the case.

        Raises
        ------
        KgServiceError
            When the record cannot be read or decided.
        """
        batch = case.read(self.base)
        compiled = self.base.compiled(case.readings)
        assessed = self.base.assess_batch(batch, compiled)
        if batch.problems:
            raise KgServiceError(_first(batch.problems))
        wording = self.wording(dict(case.readings))
        found = [(_name(case, a), dict(_answers(a, wording))) for item in assessed for a in item.assessments]
        if len(dict(found)) < len(found):
            raise KgServiceError("two of its cases have one name; give each record an id of its own")
        return dict(found)


def compare_roots(old: Path, new: Path, cases: list[Path], language: Language) -> Comparison:
    """Return what differs between two folders that hold ``ontology/`` and ``shapes/``.

    Raises
    ------
    CatalogError
        When a folder is no root, or there is no reference case.
    """
    versions = [
        Version(KnowledgeBase.of_root(root), load_graph(*shapes_paths(root)), language) for root in (old, new)
    ]
    return compare(versions[0], versions[1], reference_cases(cases))


def compare(old: Version, new: Version, cases: list[ReferenceCase]) -> Comparison:
    """Return what differs between two versions, on reference cases and term by term."""
    changed: list[CaseChange] = []
    unusable: list[Unusable] = []
    said: Counter[tuple[str, str, str]] = Counter()
    compared = newly_open = 0
    for case in cases:
        before, after = _decided(old, case), _decided(new, case)
        if isinstance(before, Unusable) or isinstance(after, Unusable):
            unusable += [found for found in (before, after) if isinstance(found, Unusable)]
            continue
        for name in sorted(set(before) & set(after)):
            compared += 1
            if changes := tuple(_changes(before[name], after[name])):
                changed.append(CaseChange(name, changes))
            alone = {key: answer for key, answer in after[name].items() if key not in before[name]}
            newly_open += sum(answer.word in _OPEN for answer in alone.values())
            said.update((key[0], a.label, a.told) for key, a in alone.items() if _holds(key, a))
        unusable += [Unusable(n, old.name, "is no case there") for n in sorted(set(after) - set(before))]
        unusable += [Unusable(n, new.name, "is no case there") for n in sorted(set(before) - set(after))]
    first = tuple(FirstSaid(*key, number) for key, number in sorted(said.items()))
    terms = _term_changes(old, new)
    return Comparison(old.name, new.name, compared, tuple(changed), tuple(unusable), first, newly_open, terms)


def _decided(version: Version, case: ReferenceCase) -> dict[str, Answers] | Unusable:
    try:
        return version.answers(case)
    except KgServiceError as error:
        return Unusable(case.name, version.name, str(error))


def _name(case: ReferenceCase, assessment: Assessment) -> str:
    document = assessment.case.document
    source = "" if case.name == document else f"{case.name}: "
    return f"{source}{document}, {assessment.case.id}"


def _first(problems: list[Problem]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0].where}: {problems[0].found}; expected {problems[0].expected}{more}"


def _answers(assessment: Assessment, wording: Wording) -> Iterator[tuple[tuple[str, str], Answer]]:
    """Yield every answer on a case, by what it is about."""
    for verdict in assessment.options:
        told = wording.word("verdict", verdict.verdict)
        if verdict.leading is not None and verdict.leading.strength is not None:
            told = f"{told} ({wording.label(verdict.leading.strength)})"
        name = local_name(verdict.option)
        yield ("option", name), Answer(wording.label(verdict.option), verdict.verdict, told)
    if (check := assessment.prescription) is not None:
        bounds = tuple(dict.fromkeys((check.concordance, check.best, check.worst)))
        told = " / ".join(wording.label(word) for word in bounds)
        label = wording.phrase("prescription")
        yield ("prescription", ""), Answer(label, local_name(check.concordance), told)
    for conclusion in assessment.conclusions:
        identifier = conclusion.recommendation.id
        label = f"{identifier} {wording.label(conclusion.recommendation.iri)}"
        status = conclusion.status
        yield ("recommendation", identifier), Answer(label, status, wording.word("status", status))
        if conclusion.fulfilled is not None and status != "false":
            told = wording.word("status", conclusion.fulfilled)
            yield ("kept", identifier), Answer(label, conclusion.fulfilled, told)


def _changes(old: Answers, new: Answers) -> Iterator[AnswerChange]:
    """Yield the answers of the older version that the newer one gives otherwise, or no longer."""
    for key, before in old.items():
        after = new.get(key)
        if after is None and _holds(key, before):
            yield AnswerChange(key[0], before.label, before.told, None)
        elif after is not None and after.told != before.told:
            yield AnswerChange(key[0], after.label, before.told, after.told)


def _holds(key: tuple[str, str], answer: Answer) -> bool:
    """Return whether an answer says something of its case by itself."""
    return key[0] != "kept" and answer.word not in _SAYS_NOTHING | _OPEN


def _term_changes(old: Version, new: Version) -> dict[str, tuple[TermChange, ...]]:
    """Return the terms that differ, by section, in the order of the documentation."""
    before, after = old.documentation, new.documentation
    found: dict[str, list[TermChange]] = {name: [] for name in ORDER}
    for term in sorted({*before.terms, *after.terms}):
        told = after if term in after.told else before
        fate: Fate = (
            "added" if term not in before.told else "removed" if term not in after.told else "changed"
        )
        changes = tuple(_property_changes(term, before, after)) if fate == "changed" else ()
        if fate != "changed" or changes:
            name, label = after.places.curie(term), told.named(term)
            found[told.section(term)].append(TermChange(str(term), name, label, fate, changes))
    return {name: tuple(changes) for name, changes in found.items() if changes}


def _property_changes(term: URIRef, old: Documentation, new: Documentation) -> Iterator[PropertyChange]:
    """Yield what changed of a term; what changes with every version of a module is left out."""
    if (term, RDF.type, OWL.Ontology) in new.graph:
        return
    before, after = (statements_of(one.graph, term, new.places.curie) for one in (old, new))
    for prop in sorted({*before, *after}):
        gone = before.get(prop, frozenset()) - after.get(prop, frozenset())
        come = after.get(prop, frozenset()) - before.get(prop, frozenset())
        if gone or come:
            words = _is_wording(old.graph, term, prop) and _is_wording(new.graph, term, prop)
            told = ((), ()) if words else (tuple(sorted(gone)), tuple(sorted(come)))
            yield PropertyChange(new.label(prop), *told)


def _is_wording(graph: Graph, term: URIRef, prop: URIRef) -> bool:
    values = list(graph.objects(term, prop))
    return bool(values) and all(isinstance(v, Literal) and v.language for v in values)
