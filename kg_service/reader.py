"""Reads the JSON form of records, and tells every problem at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rdflib import URIRef

from kg_service.dates import PartialDate, parse_date
from kg_service.errors import InputError, Problem, nearest
from kg_service.limits import Limits
from kg_service.namespaces import QTY, local_name
from kg_service.record import Fact, Member, Note, Record
from kg_service.schema import Entity, Feature, Kind, Link, ListOf, RecordSchema
from kg_service.values import Interval, exactly, truth

_META_KEYS = ("@context", "$schema", "id", "type")
_BOUNDS: dict[str, tuple[str, bool]] = {
    "minInclusive": ("low", False),
    "minExclusive": ("low", True),
    "maxInclusive": ("high", False),
    "maxExclusive": ("high", True),
}
_QUANTITY_KEYS = ("value", *_BOUNDS, "unit", "type")
MAX_EXPONENT = 50
"""Numbers beyond ten to this power are no measurements; their exact form would fill memory."""


def parse_json(text: str, source: str) -> Any:
    """Return a JSON document, numbers exact.

    Raises
    ------
    InputError
        When it is not JSON, gives a key twice in one object, or holds NaN or Infinity.
    """
    problems: list[Problem] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found and found[key] != value:
                problems.append(
                    Problem(
                        f"{source}: {key}",
                        f"given twice, as {found[key]!r} and {value!r}",
                        "one value",
                        "Keep the right one.",
                    )
                )
            found[key] = value
        return found

    def no_constant(name: str) -> None:
        problems.append(
            Problem(source, f"the number {name}", "a finite number", "Leave out what is unknown.")
        )

    try:
        document = json.loads(text, object_pairs_hook=once, parse_float=Decimal, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        place = f"{source}: line {error.lineno}, column {error.colno}"
        raise InputError([Problem(place, f"not JSON ({error.msg})", "one JSON document")]) from error
    except (RecursionError, ValueError) as error:
        raise InputError(
            [Problem(source, f"cannot be read ({error})", "one JSON document of ordinary depth and size")]
        ) from error
    if problems:
        raise InputError(problems)
    return document


def read_record(
    document: Any,
    schema: RecordSchema,
    limits: Limits,
    source: str,
    *,
    origins: Mapping[str, str] | None = None,
    notes: tuple[Note, ...] = (),
) -> Record:
    """Return the record that a JSON document describes.

    Parameters
    ----------
    document : object
        Parsed JSON, see ``docs/record-format.md``.
    schema : RecordSchema
        The record model.
    limits : Limits
        The values that the record shapes allow.
    source : str
        Name of the document, for messages.
    origins : mapping of str to str, optional
        Per place in the document, where it was taken from.
    notes : tuple of Note, optional
        What an importer noted.

    Raises
    ------
    InputError
        With every problem found.
    """
    reader = _Reader(schema, limits, source, origins or {})
    root = reader.document(document)
    if reader.problems or root is None:
        raise InputError(reader.problems)
    return Record(root, source, notes)


def read_quantity(
    value: Any, feature: Feature, schema: RecordSchema, limits: Limits, source: str, place: str
) -> Interval:
    """Return the numbers that a quantity allows, in the canonical unit of a feature.

    Parameters
    ----------
    value : object
        Parsed JSON: a quantity as records hold it.
    feature : Feature
        The feature it is compared with.
    schema, limits : RecordSchema, Limits
        The record model, and the values that the record shapes allow.
    source, place : str
        Name of the document and place in it, for messages.

    Raises
    ------
    InputError
        With every problem found.
    """
    reader = _Reader(schema, limits, source, {})
    found = reader.quantity(value, feature, place)
    if found is None:
        raise InputError(reader.problems)
    return found[0]


SHOWN = 80
"""Characters of a wrong value that a message repeats."""
LISTED = 12
"""Names that a message lists."""
SHORTEST_GUESSED_CODE = 5
"""Codes shorter than this differ by one character and mean different things: T1, T11."""


class _Reader:
    """Walks one document; problems are collected, what is sound is kept."""

    def __init__(self, schema: RecordSchema, limits: Limits, source: str, origins: Mapping[str, str]) -> None:
        self.schema = schema
        self.limits = limits
        self.source = source
        self.origins = origins
        self.problems: list[Problem] = []
        self.ids: dict[str, str] = {}
        self.pointers: list[tuple[str, str]] = []

    def document(self, document: Any) -> Member | None:
        """Return the top member, or None when the document is none."""
        root = self.schema.roots()[0]
        if not isinstance(document, dict):
            self._problem("", f"a {_json_type(document)}", f"a JSON object that describes one {root.name}")
            return None
        member = self._member(document, root, "")
        for where, pointer in self.pointers:
            if pointer not in self.ids:
                self._problem(
                    where,
                    f"points to {pointer!r}, which is no id of this document",
                    "an id of a lesion in it",
                    _hint(pointer, list(self.ids)),
                )
        self._check_dates(member, member)
        return member

    def _problem(self, where: str, found: str, expected: str, remedy: str = "") -> None:
        place = f"{self.source}: {where}" if where else self.source
        self.problems.append(Problem(place, found, expected, remedy))

    def _member(self, document: dict[str, Any], entity: Entity, where: str) -> Member:
        facts: dict[URIRef, Fact] = {}
        dates: dict[URIRef, PartialDate] = {}
        references: dict[URIRef, tuple[str, ...]] = {}
        lists: dict[URIRef, tuple[Member, ...]] = {}
        closed: set[URIRef] = set()
        links: dict[URIRef, Member] = {}
        flags = {listing.complete_key: listing for listing in entity.lists.values()}
        self._check_keys(document, entity, flags, where)
        for key, value in document.items():
            place = f"{where}.{key}" if where else key
            if value is None:
                continue
            if key in entity.features:
                self._add_fact(facts, entity.features[key], value, place)
            elif key in entity.dates:
                self._add(dates, entity.dates[key], self._date(value, place))
            elif key in entity.references:
                self._add(references, entity.references[key], self._pointers(value, place))
            elif key in entity.lists:
                lists[entity.lists[key].iri] = self._list(value, entity.lists[key], place)
            elif key in entity.links:
                self._add(links, entity.links[key].iri, self._link(value, entity.links[key], place))
            elif key in flags and self._boolean(value, place):
                closed.add(flags[key].iri)
        identifier = self._identifier(document, where)
        return Member(entity, identifier, where, facts, dates, references, lists, frozenset(closed), links)

    def _check_keys(
        self, document: dict[str, Any], entity: Entity, flags: Mapping[str, ListOf], where: str
    ) -> None:
        links = [key for key, link in entity.links.items() if link.inverse_of is None]
        known = [*entity.features, *entity.dates, *entity.references, *entity.lists, *links, *flags]
        for key in document:
            if key not in known and key not in _META_KEYS:
                place = f"{where}.{key}" if where else key
                elsewhere = [e.name for e in self.schema.entities.values() if key in e.features]
                hint = f"It is a key of {' or '.join(elsewhere)}." if elsewhere else _hint(key, known)
                self._problem(place, "an unknown key", f"a key of {entity.name}", hint)
        kind = document.get("type")
        if kind is not None and kind != entity.name:
            self._problem(f"{where}.type" if where else "type", f"{kind!r}", f"{entity.name!r}")

    def _identifier(self, document: dict[str, Any], where: str) -> str:
        value = document.get("id")
        place = f"{where}.id" if where else "id"
        if value is None:
            value = where.replace("[", "-").replace("]", "").replace(".", "-") or "document"
        elif not isinstance(value, str) or not value.strip():
            self._problem(place, f"{value!r}", "a string that is not empty")
            return place
        if value in self.ids:
            self._problem(
                place, f"{value!r}, which {self.ids[value]} bears too", "an id used once in the document"
            )
        self.ids[value] = where or "the document"
        return str(value)

    @staticmethod
    def _add(target: dict[URIRef, Any], prop: URIRef, value: Any) -> None:
        if value is not None:
            target[prop] = value

    def _add_fact(self, facts: dict[URIRef, Fact], feature: Feature, value: Any, place: str) -> None:
        read: Callable[[Any, Feature, str], tuple[Any, str] | None] = {
            Kind.BOOLEAN: self._truth,
            Kind.CODE: self._code,
            Kind.QUANTITY: self.quantity,
        }[feature.kind]
        found = read(value, feature, place)
        if found is not None:
            known, stated = found
            facts[feature.iri] = Fact(feature.iri, known, place, stated, self.origins.get(place, ""))

    def _boolean(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            self._problem(
                place, f"{shown(value)}", "true or false", "Leave the key out when it is not known."
            )
        return value is True

    def _truth(self, value: Any, _feature: Feature, place: str) -> tuple[frozenset[str], str] | None:
        if not isinstance(value, bool):
            self._boolean(value, place)
            return None
        return truth(value), str(value).lower()

    def _code(self, value: Any, feature: Feature, place: str) -> tuple[frozenset[str], str] | None:
        codes = self.schema.codes[feature.partition] if feature.partition else {}
        if not isinstance(value, str) or value not in codes:
            self._problem(
                place, shown(value), f"a code of {feature.name}", _code_hint(str(value), list(codes))
            )
            return None
        return self.schema.leaves(codes[value]), value

    def quantity(self, value: Any, feature: Feature, place: str) -> tuple[Interval, str] | None:
        """Return what a quantity says of a feature, and as it is stated, or None with its problems."""
        if not isinstance(value, dict):
            self._problem(place, shown(value), f'an object such as {{"value": 3, "unit": "{feature.unit}"}}')
            return None
        for key in value:
            if key not in _QUANTITY_KEYS:
                self._problem(
                    f"{place}.{key}",
                    "an unknown key",
                    "a key of a quantity",
                    _hint(key, list(_QUANTITY_KEYS)),
                )
                return None
        if value.get("type") not in (None, local_name(QTY.Quantity)):
            self._problem(f"{place}.type", shown(value["type"]), f"{local_name(QTY.Quantity)!r}")
            return None
        factor = self._factor(value.get("unit"), feature, place)
        interval = self._interval(value, place)
        if factor is None or interval is None:
            return None
        scaled = _scale(interval, factor)
        if scaled.is_empty:
            self._problem(
                place, f"bounds that leave no value ({_stated(value)})", "a lower bound below the upper one"
            )
            return None
        if not self._within_limits(scaled, feature, value, place):
            return None
        return scaled, _stated(value)

    def _within_limits(self, interval: Interval, feature: Feature, value: dict[str, Any], place: str) -> bool:
        allowed = self.limits.of(feature.iri)
        for bound in (interval.low, interval.high):
            if bound is not None and bound not in allowed:
                self._problem(
                    place,
                    _stated(value),
                    f"{feature.name} {allowed} {feature.unit}",
                    "Check the number and its unit.",
                )
                return False
        if self.limits.is_whole(feature.iri) and any(
            b is not None and b.denominator != 1 for b in (interval.low, interval.high)
        ):
            self._problem(place, _stated(value), "a whole number")
            return False
        return True

    def _factor(self, unit: Any, feature: Feature, place: str) -> Fraction | None:
        canonical = feature.unit or "1"
        accepted = [start for start, end in self.schema.unit_factors if end == canonical]
        if unit is None and canonical == "1":
            return Fraction(1)
        if isinstance(unit, str) and unit in accepted:
            return self.schema.unit_factors[unit, canonical]
        found = "no unit" if unit is None else f"the unit {shown(unit)}"
        if any(start == unit for start, _ in self.schema.unit_factors):
            found += ", of another dimension"
        self._problem(
            f"{place}.unit",
            found,
            f"one of {', '.join(sorted(accepted))} (UCUM codes)",
            _hint(str(unit), accepted),
        )
        return None

    def _interval(self, value: dict[str, Any], place: str) -> Interval | None:
        if "value" in value and any(bound in value for bound in _BOUNDS):
            self._problem(place, "a value and bounds", "one or the other")
            return None
        interval = Interval()
        stated = False
        for key in ("value", *_BOUNDS):
            if value.get(key) is None:
                continue
            number = self._number(value[key], f"{place}.{key}")
            if number is None:
                return None
            stated = True
            if key == "value":
                interval = exactly(number)
            else:
                side, is_open = _BOUNDS[key]
                bound = (
                    Interval(low=number, low_open=is_open)
                    if side == "low"
                    else Interval(high=number, high_open=is_open)
                )
                interval &= bound
        if not stated:
            self._problem(
                place,
                "no number",
                "a value or at least one bound",
                "Leave the key out when nothing is known.",
            )
            return None
        return interval

    def _number(self, value: Any, place: str) -> Fraction | None:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self._problem(
                place, shown(value), "a number", "Write a decimal point, and the unit in its own key."
            )
            return None
        number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > MAX_EXPONENT:
            self._problem(place, shown(value), "a number of ordinary size")
            return None
        return Fraction(number)

    def _date(self, value: Any, place: str) -> PartialDate | None:
        try:
            return parse_date(value if isinstance(value, str) else "")
        except ValueError:
            self._problem(place, shown(value), "a date that exists: YYYY-MM-DD, YYYY-MM or YYYY")
            return None

    def _pointers(self, value: Any, place: str) -> tuple[str, ...] | None:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._problem(place, shown(value), "a list of ids")
            return None
        self.pointers += [(f"{place}[{i}]", item) for i, item in enumerate(value)]
        return tuple(value)

    def _list(self, value: Any, listing: ListOf, place: str) -> tuple[Member, ...]:
        if not isinstance(value, list):
            self._problem(place, shown(value), f"a list of {self.schema.entities[listing.member].name}")
            return ()
        entity = self.schema.entities[listing.member]
        return tuple(
            m for i, item in enumerate(value) if (m := self._item(item, entity, f"{place}[{i}]")) is not None
        )

    def _link(self, value: Any, link: Link, place: str) -> Member | None:
        return self._item(value, self.schema.entities[link.target], place)

    def _item(self, value: Any, entity: Entity, place: str) -> Member | None:
        if not isinstance(value, dict):
            self._problem(place, shown(value), f"an object that describes one {entity.name}")
            return None
        return self._member(value, entity, place)

    def _check_dates(self, member: Member, root: Member) -> None:
        """Refuse dates in the wrong order, as far as partial dates can tell."""
        for earlier, later in self.schema.date_order:
            first = member.dates.get(earlier)
            second = member.dates.get(later, root.dates.get(later))
            if first and second and first.first > second.last:
                place = (
                    f"{member.where}.{_key(member.entity, earlier)}"
                    if member.where
                    else _key(member.entity, earlier)
                )
                self._problem(
                    place,
                    str(first),
                    f"no later than {_key_anywhere(member, root, later)} ({second})",
                    "Correct the wrong date.",
                )
        for children in member.lists.values():
            for child in children:
                self._check_dates(child, root)


def _key(entity: Entity, prop: URIRef) -> str:
    return next((key for key, iri in entity.dates.items() if iri == prop), str(prop))


def _key_anywhere(member: Member, root: Member, prop: URIRef) -> str:
    return _key(member.entity if prop in member.dates else root.entity, prop)


def _hint(word: str, known: list[str]) -> str:
    near = nearest(word, known)
    if near:
        return f"Did you mean {near!r}?"
    return f"Known: {', '.join(sorted(known)[:LISTED])}{' …' if len(known) > LISTED else ''}."


def _code_hint(word: str, known: list[str]) -> str:
    """Return what to write instead; short codes such as levels are never guessed from each other."""
    near = nearest(word, [code for code in known if len(code) >= SHORTEST_GUESSED_CODE])
    same = next((code for code in known if code.casefold() == word.casefold()), None)
    if same or near:
        return f"Did you mean {same or near!r}?"
    return "Give a coarser code when no finer one fits, or leave the key out."


def _scale(interval: Interval, factor: Fraction) -> Interval:
    low = None if interval.low is None else interval.low * factor
    high = None if interval.high is None else interval.high * factor
    return Interval(low, high, interval.low_open, interval.high_open)


def _stated(value: dict[str, Any]) -> str:
    signs = {
        "value": "",
        "minInclusive": "≥ ",
        "minExclusive": "> ",
        "maxInclusive": "≤ ",
        "maxExclusive": "< ",
    }
    numbers = ", ".join(f"{sign}{value[key]}" for key, sign in signs.items() if value.get(key) is not None)
    return f"{numbers} {value['unit']}" if value.get("unit") not in (None, "1") else numbers


def shown(value: Any) -> str:
    """Return a value for a message: what it is, not at any length."""
    text = repr(value) if isinstance(value, str | int | float | bool | Decimal) else f"a {_json_type(value)}"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _json_type(value: Any) -> str:
    return {dict: "JSON object", list: "list", str: "string", bool: "boolean", type(None): "null"}.get(
        type(value), "number"
    )
