"""Records in memory: what is stated of a patient and each lesion, and where it was stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from rdflib import URIRef

from kg_service.dates import PartialDate
from kg_service.schema import Entity
from kg_service.values import Interval, Knowledge, decimal_text, number_text, truth


@dataclass(frozen=True)
class SetAssumption:
    """What its user says a word without a number means: a local assumption with its value.

    Attributes
    ----------
    fixes, from_feature : URIRef
        The feature it gives a meaning to, and the number it is read from.
    comparison : URIRef
        How the number compares with the value.
    number, unit : Fraction, str
        The value as it was given, with its UCUM code.
    inside, outside : Interval
        The numbers for which the assumption holds, and those for which it does not, in the
        canonical unit.
    held, otherwise : frozenset of str
        What the feature is where it holds, and where it does not.
    names : URIRef or None
        The value of a partition that the feature has where it holds; None for a truth value.
    """

    iri: URIRef
    id: str
    fixes: URIRef
    from_feature: URIRef
    comparison: URIRef
    number: Fraction
    unit: str
    inside: Interval
    outside: Interval
    held: frozenset[str] = truth(True)
    otherwise: frozenset[str] = truth(False)
    names: URIRef | None = None

    @property
    def given(self) -> str:
        """The assumption as the command line and requests take it: ``NAME=VALUE UNIT``."""
        return f"{self.id}={decimal_text(self.number)} {self.unit}"

    def __str__(self) -> str:
        return f"assumption {self.id} ({number_text(self.number)} {self.unit})"


AssumptionUse = Literal["used", "stated", "missing", "undecided"]
"""*stated*: the record states the judgement. *missing*: the number is not known. *undecided*: what
is known of the number lies on both sides of the value."""


@dataclass(frozen=True)
class AppliedAssumption:
    """A local assumption that was set, and what became of it on one case."""

    setting: SetAssumption
    use: AssumptionUse


@dataclass(frozen=True)
class Fact:
    """What is known of one feature of one thing.

    Attributes
    ----------
    feature : URIRef
        The feature.
    known : Knowledge
        The values it may still have; an interval is in the canonical unit.
    where : str
        Place in the record, such as ``lesions[0].site``.
    stated : str
        The value as the record states it, or as the derivation found it.
    origin : str
        Where the record took it from, such as a FHIR resource and path; empty when nowhere else.
    basis : tuple of str
        For a derived fact, the places in the record that it was derived from.
    assumption : SetAssumption or None
        The local assumption that it was derived by.
    """

    feature: URIRef
    known: Knowledge
    where: str
    stated: str
    origin: str = ""
    basis: tuple[str, ...] = ()
    assumption: SetAssumption | None = None


@dataclass(frozen=True)
class Member:
    """One thing a record describes: a patient, a lesion, a previous course and so on."""

    entity: Entity
    id: str
    where: str
    facts: Mapping[URIRef, Fact] = field(default_factory=dict)
    dates: Mapping[URIRef, PartialDate] = field(default_factory=dict)
    references: Mapping[URIRef, tuple[str, ...]] = field(default_factory=dict)
    lists: Mapping[URIRef, tuple[Member, ...]] = field(default_factory=dict)
    closed: frozenset[URIRef] = frozenset()
    links: Mapping[URIRef, Member] = field(default_factory=dict)

    def with_facts(self, more: Mapping[URIRef, Fact]) -> Member:
        """Return a copy that knows these facts too."""
        return replace(self, facts={**self.facts, **more})


@dataclass(frozen=True)
class Note:
    """Something an importer saw and did not take, or took only in part.

    Attributes
    ----------
    where, what, why : str
        The place in the input, what stands there, and why it was not taken as it stands.
    """

    where: str
    what: str
    why: str


@dataclass(frozen=True)
class Record:
    """One document: its top member, and what was noted while reading it."""

    root: Member
    source: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Case:
    """One lesion, or other root of assessment, with every fact that bears on it.

    Attributes
    ----------
    id : str
        Id of the root in its document.
    document : str
        Id of the document.
    facts : mapping of URIRef to Fact
        Stated and derived, own and reached over links.
    assumptions : tuple of AppliedAssumption
        The local assumptions that were set, used here or not.
    beside : tuple of Fact
        What is derived of things that its document lists beside cases; several may be of one feature.
    """

    id: str
    document: str
    facts: Mapping[URIRef, Fact]
    assumptions: tuple[AppliedAssumption, ...] = ()
    beside: tuple[Fact, ...] = ()

    @property
    def known(self) -> dict[str, Knowledge]:
        """What is known, by feature IRI."""
        return {str(feature): fact.known for feature, fact in self.facts.items()}
