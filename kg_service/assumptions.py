"""Local assumptions: what a word without a number means where the guideline is used.

The graph declares which number a judgement may be read from, and how they compare; it holds no
value. A user sets one, and it is applied to the cases in which nobody stated the judgement: a
person's statement always wins. Unset, an assumption does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from rdflib import Literal, URIRef
from rdflib.term import Node

from kg_service.errors import GuidelineError, InputError, Problem, nearest
from kg_service.guideline import Guideline
from kg_service.limits import Limits
from kg_service.namespaces import CORE, DCTERMS, RDF, local_name
from kg_service.reader import parse_json, read_quantity, shown
from kg_service.record import AppliedAssumption, AssumptionUse, Case, Fact, SetAssumption
from kg_service.schema import Feature, Kind, RecordSchema
from kg_service.values import Interval, truth


@dataclass(frozen=True)
class LocalAssumption:
    """A local assumption as the graph declares it: without a value.

    Attributes
    ----------
    fixes, from_feature : Feature
        The feature it gives a meaning to, and the number it is read from.
    names : URIRef or None
        The value of a partition that it gives to a feature with codes.
    comparison : URIRef
        How the number compares with the value that a user sets.
    statements, ambiguities : tuple of str
        Ids of the statements that use the word, and of the ambiguities that touch it.
    """

    iri: URIRef
    id: str
    fixes: Feature
    from_feature: Feature
    names: URIRef | None
    comparison: URIRef
    statements: tuple[str, ...]
    ambiguities: tuple[str, ...]


class LocalAssumptions:
    """The local assumptions of a guideline: declared by its graph, set by a user, applied to cases.

    Parameters
    ----------
    guideline : Guideline
        The guideline.
    schema : RecordSchema
        The record model.
    limits : Limits
        The values that the record shapes allow; a value beyond them is refused.

    Raises
    ------
    GuidelineError
        When a declaration is incomplete or names features it cannot work on.
    """

    def __init__(self, guideline: Guideline, schema: RecordSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        found = [_declared(iri, guideline, schema) for iri in _iris(guideline)]
        self.declared = {a.id: a for a in sorted(found, key=lambda a: a.id)}

    def from_file(self, text: str, source: str) -> dict[str, SetAssumption]:
        """Return the assumptions that a JSON object sets, by name; a name with null is not set.

        Raises
        ------
        InputError
            With every problem found.
        """
        document = parse_json(text, source)
        if not isinstance(document, dict):
            raise InputError([Problem(source, shown(document), f"a JSON object such as {self._json()}")])
        return self._read({name: v for name, v in document.items() if v is not None}, source)

    def from_options(self, texts: Iterable[str], source: str) -> dict[str, SetAssumption]:
        """Return the assumptions that texts such as ``name=3 cm`` set, by name.

        Raises
        ------
        InputError
            With every problem found.
        """
        given: dict[str, str] = {}
        values: dict[str, dict[str, Any] | None] = {}
        problems: list[Problem] = []
        for text in texts:
            name, _, value = (part.strip() for part in text.partition("="))
            if not (name and value):
                problems.append(
                    Problem(source, shown(text), f"a name and its value, such as {self._option()}")
                )
            elif name in given:
                found = f"given twice, as {given[name]!r} and {value!r}"
                problems.append(Problem(f"{source}: {name}", found, "one value", "Keep the right one."))
            else:
                given[name] = value
                values[name] = self._quantity(name, value, source, problems)
        try:
            settings = self._read({name: v for name, v in values.items() if v is not None}, source)
        except InputError as error:
            raise InputError(problems + error.problems) from error
        if problems:
            raise InputError(problems)
        return settings

    def apply(self, case: Case, settings: Iterable[SetAssumption]) -> Case:
        """Return a case with the facts that settings give it, and what became of each setting."""
        facts = dict(case.facts)
        applied = []
        for setting in settings:
            use, fact = self._outcome(setting, case)
            applied.append(AppliedAssumption(setting, use))
            if fact is not None:
                facts[setting.fixes] = fact
        return replace(case, facts=facts, assumptions=tuple(applied))

    def _outcome(self, setting: SetAssumption, case: Case) -> tuple[AssumptionUse, Fact | None]:
        if setting.fixes in case.facts:
            return "stated", None
        number = case.facts.get(setting.from_feature)
        if number is None or not isinstance(number.known, Interval):
            return "missing", None
        known = _whole(number.known) if self._limits.is_whole(setting.from_feature) else number.known
        if (known & setting.outside).is_empty:
            return "used", self._fact(setting, number, holds=True)
        if (known & setting.inside).is_empty:
            return "used", self._fact(setting, number, holds=False)
        return "undecided", None

    def _fact(self, setting: SetAssumption, number: Fact, *, holds: bool) -> Fact:
        """Return what a setting says of its judgement, beside the number it was read from."""
        place, dot, _ = number.where.rpartition(".")
        fixed = self._schema.features[setting.fixes]
        known = setting.held if holds else setting.otherwise
        return Fact(
            setting.fixes,
            known,
            f"{place}{dot}{fixed.key}",
            " or ".join(sorted(local_name(value) for value in known)),
            basis=(number.where,),
            assumption=setting,
        )

    def _read(self, given: Mapping[str, Any], source: str) -> dict[str, SetAssumption]:
        settings: dict[str, SetAssumption] = {}
        problems: list[Problem] = []
        for name, value in given.items():
            try:
                settings[name] = self._setting(name, value, source)
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        return settings

    def _setting(self, name: str, value: Any, source: str) -> SetAssumption:
        assumption = self.declared.get(name)
        if assumption is None:
            raise InputError([self._unknown(name, source)])
        feature = assumption.from_feature
        interval = read_quantity(value, feature, self._schema, self._limits, source, name)
        if "value" not in value or interval.low is None:
            expected = f"one value; {name} itself says {local_name(assumption.comparison)}"
            raise InputError([Problem(f"{source}: {name}", "bounds", expected)])
        inside, outside = _sides(assumption.comparison, interval.low)
        return SetAssumption(
            assumption.iri,
            name,
            assumption.fixes.iri,
            feature.iri,
            assumption.comparison,
            Fraction(value["value"]),
            value.get("unit") or str(feature.unit),
            inside,
            outside,
            *self._sides_of(assumption),
        )

    def _sides_of(self, assumption: LocalAssumption) -> tuple[frozenset[str], frozenset[str], URIRef | None]:
        """Return what the fixed feature is on either side of the value, and the value it then has."""
        if assumption.names is None:
            return truth(True), truth(False), None
        held, domain = self._schema.leaves(assumption.names), self._schema.domain(assumption.fixes)
        assert isinstance(domain, frozenset)  # noqa: S101 - checked where it is declared
        return held, domain - held, assumption.names

    def _quantity(self, name: str, text: str, source: str, problems: list[Problem]) -> dict[str, Any] | None:
        """Return a value such as ``3 cm`` as records hold it, or None with its problem."""
        number, _, unit = text.partition(" ")
        if name not in self.declared:
            problems.append(self._unknown(name, source))
        elif not _NUMBER.fullmatch(number):
            form = f"a number with a decimal point, a space and its unit, such as {self._option(name)}"
            problems.append(Problem(f"{source}: {name}", shown(text), form))
        else:
            return {"value": Decimal(number), "unit": unit.strip() or None}
        return None

    def _unknown(self, name: str, source: str) -> Problem:
        near = nearest(name, list(self.declared))
        remedy = f"Did you mean {near!r}?" if near else f"Known: {', '.join(self.declared)}."
        return Problem(
            f"{source}: {name}", "no local assumption of this name", "one that is declared", remedy
        )

    def _json(self) -> str:
        """Return the form of a file, shown with the first assumption that is declared."""
        entries = [
            f'"{a.id}": {{"value": …, "unit": "{a.from_feature.unit}"}}' for a in self.declared.values()
        ]
        return f"{{{''.join(entries[:1])}}}"

    def _option(self, name: str = "") -> str:
        """Return the form of one setting, shown with the assumption named or the first one declared."""
        known = self.declared.get(name) or next(iter(self.declared.values()), None)
        return f'"{known.id}=… {known.from_feature.unit}"' if known else '"NAME=VALUE UNIT"'


def settings_together(*given: Mapping[str, SetAssumption]) -> tuple[SetAssumption, ...]:
    """Return the settings of several sources; a later source wins over an earlier one.

    Raises
    ------
    InputError
        When two of them give one word two meanings.
    """
    chosen: dict[str, SetAssumption] = {}
    for source in given:
        chosen |= source
    first: dict[URIRef, str] = {}
    problems = []
    for setting in chosen.values():
        other = first.setdefault(setting.fixes, setting.id)
        if other != setting.id:
            found = f"both fix {local_name(setting.fixes)}"
            problems.append(
                Problem(f"{other} and {setting.id}", found, "one assumption for a word", "Leave one out.")
            )
    if problems:
        raise InputError(problems)
    return tuple(sorted(chosen.values(), key=lambda s: s.id))


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
COMPARISONS = (CORE.Below, CORE.AtMost, CORE.AtLeast, CORE.Above)


def _sides(comparison: URIRef, number: Fraction) -> tuple[Interval, Interval]:
    """Return the numbers for which a comparison with a number holds, and those for which it does not."""
    below, at_least = Interval(high=number, high_open=True), Interval(low=number)
    at_most, above = Interval(high=number), Interval(low=number, low_open=True)
    return {
        CORE.Below: (below, at_least),
        CORE.AtMost: (at_most, above),
        CORE.AtLeast: (at_least, below),
        CORE.Above: (above, at_most),
    }[comparison]


def _whole(known: Interval) -> Interval:
    """Return an interval of whole numbers with its bounds on them; as it is when it holds none."""
    low = None if known.low is None else Fraction(floor(known.low) + 1 if known.low_open else ceil(known.low))
    high = (
        None
        if known.high is None
        else Fraction(ceil(known.high) - 1 if known.high_open else floor(known.high))
    )
    narrowed = Interval(low, high)
    return known if narrowed.is_empty else narrowed


def _iris(guideline: Guideline) -> list[URIRef]:
    graph = guideline.graph
    found = [URIRef(str(iri)) for iri in graph.subjects(RDF.type, CORE.LocalAssumption)]
    return [iri for iri in found if (iri, CORE.ofGuideline, guideline.iri) in graph]


def _declared(iri: URIRef, guideline: Guideline, schema: RecordSchema) -> LocalAssumption:
    graph = guideline.graph
    fixes = schema.features.get(URIRef(str(graph.value(iri, CORE.fixes))))
    number = schema.features.get(URIRef(str(graph.value(iri, CORE.fromFeature))))
    comparison = URIRef(str(graph.value(iri, CORE.comparison)))
    identifier = graph.value(iri, DCTERMS.identifier)
    if identifier is None or fixes is None or number is None or comparison not in COMPARISONS:
        raise GuidelineError(
            f"{iri}: a local assumption needs an identifier, a feature to fix, one to read and a comparison"
        )
    value = graph.value(iri, CORE.fixesTo)
    if (value is None and not fixes.judgement) or not _takes(fixes, value, schema):
        raise GuidelineError(
            f"{iri}: a local assumption fixes a judgement, or a feature to a value it can have"
        )
    if number.kind is not Kind.QUANTITY:
        raise GuidelineError(f"{iri}: a local assumption is read from a feature with quantities")
    if not any({fixes.iri, number.iri} <= _features_of(e.features) for e in schema.entities.values()):
        raise GuidelineError(f"{iri}: {fixes.name} and {number.name} are not features of the same thing")
    return LocalAssumption(
        iri,
        str(identifier),
        fixes,
        number,
        value if isinstance(value, URIRef) else None,
        comparison,
        tuple(sorted(local_name(str(s)) for s in graph.objects(iri, CORE.restsOn))),
        tuple(sorted(local_name(str(a)) for a in graph.objects(iri, CORE.ambiguity))),
    )


def _takes(feature: Feature, value: Node | None, schema: RecordSchema) -> bool:
    """Return whether a feature can be fixed to a value: *yes*, or a class of its partition but the whole."""
    if feature.kind is Kind.BOOLEAN:
        return value is None or value == Literal(True)
    below = schema.classes_under(feature.partition)[1:] if feature.partition else ()
    return value in below


def _features_of(features: Mapping[str, Feature]) -> set[URIRef]:
    return {feature.iri for feature in features.values()}
