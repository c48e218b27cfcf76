"""Words for what the engine knows: labels from the graph, phrases from the message files."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any
from typing import Literal as OneOf

from rdflib import Literal, URIRef

from kg_service.compiler import CompiledGuideline
from kg_service.errors import UnknownNameError
from kg_service.explain import merged
from kg_service.guideline import Recommendation
from kg_service.namespaces import CORE, OWL, QTY, RDFS, local_name
from kg_service.plan import Atom
from kg_service.record import Fact, SetAssumption
from kg_service.schema import Feature, Kind
from kg_service.values import FALSE, TRUE, Interval, Knowledge, number_text

Language = OneOf["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")
DECIMAL_COMMA = ("fr",)
"""Languages that write a comma before decimals."""
LONGEST_LIST = 6
"""A set of more values than this is told by its number."""


@cache
def messages(language: Language) -> dict[str, dict[str, str]]:
    """Return the phrases of a language.

    Raises
    ------
    UnknownNameError
        When there are none.
    """
    if language not in LANGUAGES:
        raise UnknownNameError("language", language, list(LANGUAGES))
    path = Path(__file__).parent / "messages" / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


class Wording:
    """Tells terms, values and phrases in one language.

    Parameters
    ----------
    compiled : CompiledGuideline
        The guideline whose graph holds the labels.
    language : str
        ``en`` or ``fr``.
    """

    def __init__(self, compiled: CompiledGuideline, language: Language) -> None:
        self.compiled = compiled
        self.language = language
        self._messages = messages(language)
        self.label = lru_cache(maxsize=None)(self._label)
        self.question = lru_cache(maxsize=None)(self._question)
        self.statement = lru_cache(maxsize=None)(self._statement)

    def _label(self, iri: URIRef) -> str:
        return self.compiled.guideline.label(iri, self.language)

    def phrase(self, key: str, **parts: object) -> str:
        """Return a phrase of the message file with its parts filled in."""
        return self._messages["text"][key].format(**parts)

    def told(self, what: str, value: str) -> str:
        """Return a value after the name of what it is of."""
        return self.phrase("told", what=what, value=value)

    def identified(self, recommendation: Recommendation) -> str:
        """Return a recommendation by its id and label."""
        return self.told(recommendation.id, self.label(recommendation.iri))

    def word(self, section: str, key: str) -> str:
        """Return a word of a section of the message file."""
        return self._messages[section][key]

    def words(self, section: str) -> dict[str, str]:
        """Return every word of a section of the message file."""
        return self._messages[section]

    def feature(self, iri: URIRef | str) -> Feature:
        """Return a feature by its IRI."""
        return self.compiled.schema.features[URIRef(str(iri))]

    def value(self, feature: Feature, known: Knowledge) -> str:
        """Return what is known of a feature, with its unit or by its labels."""
        if isinstance(known, Interval):
            return f"{self._interval(known)} {self.unit(feature)}".rstrip()
        if feature.kind is Kind.BOOLEAN:
            return self._messages["text"]["or"].join(
                self.word("status", v) for v in (TRUE, FALSE) if v in known
            )
        return self._codes(feature, known)

    def _interval(self, known: Interval) -> str:
        low, high = (None if b is None else self.number(b) for b in (known.low, known.high))
        if low is not None and high is not None:
            if known.is_exact:
                return low
            if not (known.low_open or known.high_open):
                return self.phrase("range", low=low, high=high)
        lower = f"{'>' if known.low_open else '≥'} {low}" if low is not None else ""
        upper = f"{'<' if known.high_open else '≤'} {high}" if high is not None else ""
        return self.phrase("and").join(part for part in (lower, upper) if part)

    def number(self, number: Fraction) -> str:
        """Return a number as a person writes it in this language."""
        text = number_text(number)
        return text.replace(".", ",") if self.language in DECIMAL_COMMA else text

    def unit(self, feature: Feature) -> str:
        """Return how the unit of a feature is written after a number."""
        return self.symbol(feature.unit)

    def symbol(self, code: str | None) -> str:
        """Return how a unit is written after a number, by its UCUM code."""
        if code in (None, "1"):
            return ""
        graph = self.compiled.schema.graph
        node = graph.value(predicate=QTY.ucumCode, object=Literal(code))
        return (self.compiled.guideline.text(node, QTY.symbol, self.language) if node else None) or str(code)

    def threshold(self, setting: SetAssumption) -> str:
        """Return what a local assumption compares its number with, as it was set: ``below 3 cm``."""
        words = (self.label(setting.comparison), self.number(setting.number), self.symbol(setting.unit))
        return " ".join(word for word in words if word)

    def assumption(self, setting: SetAssumption) -> str:
        """Return a local assumption with its value: ``assumption small-lesion: below 3 cm``."""
        return self.phrase("assumption", id=setting.id, threshold=self.threshold(setting))

    def _codes(self, feature: Feature, known: frozenset[str]) -> str:
        schema = self.compiled.schema
        for cls in schema.classes_under(feature.partition) if feature.partition else ():
            if schema.leaves(cls) == known:
                return self.label(cls)
        covering = self._covering(feature, known)
        if len(covering) > LONGEST_LIST:
            return f"{len(covering)} × {self.label(feature.iri)}"
        return self.phrase("or").join(self.label(cls) for cls in covering)

    def _covering(self, feature: Feature, known: frozenset[str]) -> list[URIRef]:
        """Return the fewest classes of a partition whose leaves together are the ones known."""
        schema = self.compiled.schema
        left, found = set(known), []
        for cls in schema.classes_under(feature.partition) if feature.partition else ():
            leaves = schema.leaves(cls)
            if leaves <= left:
                found.append(cls)
                left -= leaves
        return found

    def values(self, feature: Feature, parts: tuple[Knowledge, ...]) -> str:
        """Return several parts of a feature's values, neighbours joined."""
        return self.phrase("or").join(self.value(feature, part) for part in merged(parts))

    def fact(self, fact: Fact) -> str:
        """Return a fact as ``label value``, with where it was derived from."""
        feature = self.feature(fact.feature)
        text = self.told(self.label(fact.feature), self.value(feature, fact.known))
        if fact.basis:
            text += f" ({self.phrase('derived', places=', '.join(self.basis(fact)))})"
        return text

    def basis(self, fact: Fact) -> list[str]:
        """Return what a fact was derived from: the local assumption if there is one, and places."""
        return [*([self.assumption(fact.assumption)] if fact.assumption else []), *fact.basis]

    def test(self, atom: Atom) -> str:
        """Return the test of an atom as ``label values``."""
        feature = self.feature(atom.feature)
        return self.told(self.label(feature.iri), self.value(feature, atom.values))

    def _question(self, iri: URIRef) -> str:
        """Return the question that asks for a feature."""
        return self.compiled.schema.question(self.feature(iri), self.language)

    def ambiguity(self, identifier: str) -> URIRef:
        """Return the IRI of an ambiguity by its id."""
        return self.compiled.guideline.readings.iris.get(identifier, URIRef(identifier))

    def list_flags(self, features: tuple[URIRef, ...]) -> list[str]:
        """Return the completeness flags of the open lists that these features derive from."""
        lists = {item.iri: item for item in self.compiled.document_entity.lists.values()}
        over = {iri for f in features for iri in self.compiled.schema.lists_behind(f)}
        return sorted(lists[iri].complete_key for iri in over if iri in lists)

    @cached_property
    def case_label(self) -> str:
        """What one case is called."""
        return self.label(self.compiled.case_entity.iri)

    @cached_property
    def guideline_version(self) -> str:
        """Version IRI tail of the guideline's own module."""
        return local_name(self._of_module(OWL.versionIRI))

    @cached_property
    def guideline_number(self) -> str:
        """Version number of the guideline's own module."""
        return self._of_module(OWL.versionInfo)

    def _of_module(self, prop: URIRef) -> str:
        graph = self.compiled.guideline.source
        defined_by = graph.value(self.compiled.guideline.iri, RDFS.isDefinedBy)
        value: Any = graph.value(defined_by, prop)
        return str(value) if value else ""

    @cached_property
    def coverage(self) -> str:
        """What of the source the guideline graph holds."""
        return self.compiled.guideline.text(self.compiled.guideline.iri, CORE.coverage, self.language) or ""

    def _statement(self, iri: URIRef) -> str:
        """Return the paraphrase of a statement."""
        return self.text(iri, CORE.paraphrase)

    def text(self, iri: URIRef, prop: URIRef) -> str:
        """Return the value of a property of a term, or nothing."""
        return self.compiled.guideline.text(iri, prop, self.language) or ""
