"""The form of a case: every field of a record as a person fills it in, made from the record model.

A field is named by its place in the record, as in ``lesions.0.diameter``. What is left empty is unknown,
and stays out of the record; what is filled in goes into it as it is written, for the reader to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from rdflib import URIRef

from kg_service.errors import InputError, Problem
from kg_service.exchange import BOUNDS, NO_UNIT
from kg_service.namespaces import SKOS, local_name
from kg_service.schema import Entity, Feature, Kind, RecordSchema
from kg_service.wording import DECIMAL_COMMA, Wording

Document = dict[str, Any]
Sent = Mapping[str, Sequence[str]]
"""What a form sends: the values of each field."""
FieldKind = Literal["quantity", "boolean", "code", "date", "references"]
EXACT = "value"
_LOWER, _UPPER = BOUNDS[:2], BOUNDS[2:]
COMPARISONS = (EXACT, *BOUNDS, *(f"{low} {high}" for low in _LOWER for high in _UPPER))
"""What a number can be: exact, bounded on one side, bounded on both."""
IS, TO, UNIT, ID = "is", "to", "unit", "id"
"""Last parts of the names of fields beside the first one of a quantity, and of the name of a thing."""
_TRUTHS = {"true": True, "false": False}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
MOST_MEMBERS = 50
"""A form lists no more things of one kind."""


@dataclass(frozen=True)
class Choice:
    """One value that can be chosen; `depth` tells how far below a coarser one it stands."""

    value: str
    label: str
    depth: int = 0


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes
    ----------
    name : str
        Its place in the record, with points: ``lesions.0.diameter``.
    hint : str
        The question that asks for it.
    values : tuple of str
        What is filled in: one text, or the ids referred to; nothing when unknown.
    comparison, upper, unit : str
        Of a quantity: one of `COMPARISONS`, the second number, the UCUM code.
    choices, units : tuple of Choice
        What can be chosen.
    """

    name: str
    kind: FieldKind
    label: str
    hint: str = ""
    values: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    comparison: str = EXACT
    upper: str = ""
    unit: str = ""
    units: tuple[Choice, ...] = ()

    @property
    def value(self) -> str:
        """What is filled in, of a field with one value."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True)
class Listing:
    """A list of things, the field that closes it, and whether it is closed."""

    name: str
    label: str
    complete_name: str
    complete_label: str
    is_complete: bool
    parts: tuple[Part, ...]
    is_of_cases: bool


@dataclass(frozen=True)
class Part:
    """The fields of one thing.

    Attributes
    ----------
    groups : tuple of tuple of str and tuple of Field
        Its fields under a key of the messages: *measured*, *found*, *judged*, *derived*.
    """

    name: str
    label: str
    id: str
    groups: tuple[tuple[str, tuple[Field, ...]], ...]
    linked: tuple[Part, ...] = ()
    listings: tuple[Listing, ...] = ()

    @property
    def is_filled(self) -> bool:
        """Whether any field has a value."""
        return any(f.values or f.upper for _, fields in self.groups for f in fields)


def empty_document(schema: RecordSchema) -> Document:
    """Return a record that says nothing, of one case."""
    root = schema.roots()[0]
    _, listing = schema.case_entity(root)
    document: Document = {ID: _lower(root.name)}
    if listing is not None:
        add_member(document, listing.key, schema)
    return document


def add_member(document: Document, key: str, schema: RecordSchema) -> None:
    """Add a thing to a list of a record, under a name that is free; nothing when there is no such list."""
    listing = schema.roots()[0].lists.get(key)
    if listing is None:
        return
    members = document.setdefault(key, [])
    taken = {member.get(ID) for member in members}
    names = (f"{_lower(local_name(listing.member))}-{n}" for n in range(1, len(members) + 2))
    members.append({ID: next(name for name in names if name not in taken)})


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def remove_member(document: Document, key: str, index: int) -> None:
    """Remove a thing from a list of a record; nothing when there is none of that number."""
    members = document.get(key, [])
    if 0 <= index < len(members):
        del members[index]


@dataclass
class _Reading:
    """What is read of a form, and which of its fields were."""

    sent: Sent
    decimal_comma: bool
    used: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def one(self, name: str) -> str:
        """Return the text of a field, empty when it was not sent."""
        self.used.add(name)
        texts = [text.strip() for text in self.sent.get(name, ())]
        if len(set(texts)) > 1:
            self.problems.append(
                Problem(f"form: {name}", f"given twice, as {' and '.join(texts)}", "one value")
            )
        return next(iter(texts), "")

    def number(self, text: str) -> int | Decimal | str:
        """Return the number that a text is; the text itself where it is none."""
        plain = text.replace(",", ".") if self.decimal_comma else text
        if not _NUMBER.fullmatch(plain):
            return text
        return Decimal(plain) if "." in plain else int(plain)


def read_form(sent: Sent, schema: RecordSchema, *, decimal_comma: bool = False) -> Document:
    """Return the record that a form describes.

    Parameters
    ----------
    sent : mapping of str to sequence of str
        The fields that were sent.
    schema : RecordSchema
        The record model.
    decimal_comma : bool
        Whether a comma in a number stands before its decimals.

    Raises
    ------
    InputError
        When a field is not of the record model, or is given twice; names each.
    """
    reading = _Reading(sent, decimal_comma)
    document = _read_entity(schema.roots()[0], "", reading, schema)
    for name in sorted(sent.keys() - reading.used):
        reading.problems.append(Problem(f"form: {name}", "no such field", "a field of the form"))
    if reading.problems:
        raise InputError(reading.problems)
    return document


def _read_entity(entity: Entity, prefix: str, reading: _Reading, schema: RecordSchema) -> Document:
    document: Document = {}
    if name := reading.one(f"{prefix}{ID}"):
        document[ID] = name
    for key, feature in entity.features.items():
        value = _read_feature(feature, f"{prefix}{key}", reading)
        if value is not None:
            document[key] = value
    for key in entity.dates:
        if text := reading.one(f"{prefix}{key}"):
            document[key] = text
    for key in entity.references:
        reading.used.add(f"{prefix}{key}")
        if named := [text for text in reading.sent.get(f"{prefix}{key}", ()) if text]:
            document[key] = named
    for key, listing in entity.lists.items():
        member = schema.entities[listing.member]
        places = _places(f"{prefix}{key}", reading)
        members = [_read_entity(member, f"{prefix}{key}.{i}.", reading, schema) for i in places]
        closed = reading.one(f"{prefix}{listing.complete_key}")
        if closed:
            document[listing.complete_key] = _TRUTHS.get(closed, closed)
        if members or closed:
            document[key] = members
    for key, link in entity.links.items():
        if link.inverse_of is None:
            found = _read_entity(schema.entities[link.target], f"{prefix}{key}.", reading, schema)
            if found:
                document[key] = found
    return document


def _places(prefix: str, reading: _Reading) -> list[int]:
    pattern = re.compile(rf"{re.escape(prefix)}\.(\d{{1,4}})\.")
    found = {int(match[1]) for name in reading.sent if (match := pattern.match(name))}
    if len(found) > MOST_MEMBERS:
        reading.problems.append(Problem(f"form: {prefix}", f"{len(found)} things", f"{MOST_MEMBERS} at most"))
    return sorted(found)[:MOST_MEMBERS]


def _read_feature(feature: Feature, name: str, reading: _Reading) -> Any:
    text = reading.one(name)
    if feature.kind is Kind.BOOLEAN:
        return _TRUTHS.get(text, text or None)
    if feature.kind is Kind.CODE:
        return text or None
    comparison = reading.one(f"{name}.{IS}") or EXACT
    upper, unit = reading.one(f"{name}.{TO}"), reading.one(f"{name}.{UNIT}")
    numbers = zip(comparison.split(), (text, upper), strict=False)
    quantity: Document = {key: reading.number(number) for key, number in numbers if number}
    if quantity and unit:
        quantity[UNIT] = unit
    return quantity or None


def field_named(where: str) -> str:
    """Return the name of the field that a place in a record is of.

    >>> field_named("form: lesions[0].diameter.unit")
    'lesions.0.diameter'
    """
    name = where.rpartition(": ")[2].replace("[", ".").replace("]", "")
    start, _, last = name.rpartition(".")
    return start if last in (EXACT, UNIT, *BOUNDS) else name


class CaseForm:
    """Lays a record out as a form.

    Parameters
    ----------
    wording : Wording
        The record model and its words.
    """

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._schema = wording.compiled.schema
        self._choices: dict[URIRef, tuple[Choice, ...]] = {}

    def part(self, document: Document) -> Part:
        """Return the form of a record that the reader takes.

        Parameters
        ----------
        document : dict
            The record, as parsed JSON.
        """
        root = self._schema.roots()[0]
        _, listing = self._schema.case_entity(root)
        cases = document.get(listing.key) or [] if listing else []
        ids = [str(case[ID]) for case in cases if case.get(ID)]
        return self._part(root, "", document, [Choice(i, i) for i in ids])

    def _part(self, entity: Entity, name: str, document: Document, cases: Sequence[Choice]) -> Part:
        prefix = f"{name}." if name else ""
        groups: dict[str, list[Field]] = {"measured": [], "found": [], "judged": [], "derived": []}
        groups["measured"] += self._dates_and_references(entity, prefix, document, cases)
        # Codes first: where something is comes before how large it is.
        for key, feature in sorted(entity.features.items(), key=lambda one: one[1].kind is not Kind.CODE):
            groups[_group(feature)].append(self._field(feature, f"{prefix}{key}", document.get(key)))
        linked = [
            self._part(self._schema.entities[link.target], f"{prefix}{key}", document.get(key) or {}, cases)
            for key, link in entity.links.items()
            if link.inverse_of is None
        ]
        return Part(
            name,
            self._wording.label(entity.iri),
            str(document.get(ID) or ""),
            tuple((group, tuple(fields)) for group, fields in groups.items() if fields),
            tuple(linked),
            tuple(self._listings(entity, prefix, document, cases)),
        )

    def _listings(
        self, entity: Entity, prefix: str, document: Document, cases: Sequence[Choice]
    ) -> Iterator[Listing]:
        case, _ = self._schema.case_entity(self._schema.roots()[0])
        # Cases first: they are what is decided.
        for key, listing in sorted(entity.lists.items(), key=lambda one: one[1].member != case.iri):
            member = self._schema.entities[listing.member]
            members = document.get(key) or []
            parts = [self._part(member, f"{prefix}{key}.{i}", one, cases) for i, one in enumerate(members)]
            yield Listing(
                f"{prefix}{key}",
                self._wording.label(listing.member),
                f"{prefix}{listing.complete_key}",
                self._wording.label(listing.complete),
                document.get(listing.complete_key) is True,
                tuple(parts),
                listing.member == case.iri,
            )

    def _dates_and_references(
        self, entity: Entity, prefix: str, document: Document, cases: Sequence[Choice]
    ) -> Iterator[Field]:
        for key, iri in entity.dates.items():
            values = (str(document[key]),) if document.get(key) else ()
            yield Field(f"{prefix}{key}", "date", self._wording.label(iri), self._text(iri), values)
        for key, iri in entity.references.items():
            named = tuple(map(str, document.get(key) or ()))
            choices = (*cases, *(Choice(n, n) for n in named if n not in {c.value for c in cases}))
            yield Field(
                f"{prefix}{key}", "references", self._wording.label(iri), self._text(iri), named, choices
            )

    def _field(self, feature: Feature, name: str, value: Any) -> Field:
        label, hint = self._wording.label(feature.iri), self._wording.question(feature.iri)
        if feature.kind is Kind.BOOLEAN:
            return Field(name, "boolean", label, hint, () if value is None else (str(value).lower(),))
        if feature.kind is Kind.CODE and feature.partition is not None:
            found = self._schema.codes[feature.partition].get(str(value))
            values = () if found is None else (local_name(found),)
            return Field(name, "code", label, hint, values, self._choices_of(feature.partition))
        return self._quantity(feature, name, value or {}, Field(name, "quantity", label, hint))

    def _quantity(self, feature: Feature, name: str, value: Document, plain: Field) -> Field:
        keys = [key for key in (EXACT, *BOUNDS) if value.get(key) is not None]
        numbers = [self._number(value[key]) for key in keys]
        unit = feature.unit or NO_UNIT
        codes = [unit, *sorted(s for s, end in self._schema.unit_factors if end == unit and s != unit)]
        return Field(
            name,
            "quantity",
            plain.label,
            plain.hint,
            tuple(numbers[:1]),
            comparison=" ".join(keys) or EXACT,
            upper="".join(numbers[1:]),
            unit=str(value.get(UNIT) or unit),
            units=tuple(Choice(c, self._wording.symbol(c)) for c in codes) if unit != NO_UNIT else (),
        )

    def _number(self, number: Any) -> str:
        if isinstance(number, str):
            return number
        text = format(Decimal(str(number)), "f")
        return text.replace(".", ",") if self._wording.language in DECIMAL_COMMA else text

    def _choices_of(self, partition: URIRef) -> tuple[Choice, ...]:
        if partition not in self._choices:
            self._choices[partition] = tuple(self._below(partition, 0))
        return self._choices[partition]

    def _below(self, cls: URIRef, depth: int) -> Iterator[Choice]:
        for child in self._schema.children(cls):
            yield Choice(local_name(child), self._wording.label(child), depth)
            yield from self._below(child, depth + 1)

    def _text(self, iri: URIRef) -> str:
        return self._wording.compiled.guideline.text(iri, SKOS.definition, self._wording.language) or ""


def _group(feature: Feature) -> str:
    if feature.derivation is not None:
        return "derived"
    if feature.judgement:
        return "judged"
    return "found" if feature.kind is Kind.BOOLEAN else "measured"
