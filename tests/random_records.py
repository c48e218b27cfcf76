"""Random records in the JSON form, made from the record model: every entity, unit, code depth and gap."""

import random
from fractions import Fraction
from typing import Any

from kg_service.limits import Limits
from kg_service.schema import Entity, Feature, Kind, RecordSchema
from kg_service.values import decimal_text

PRESENT = 0.5
DATES = ["2024", "2025-02", "2025-12-31", "2026-01-01", "2026-03"]
REFERENCE = "2026-11-02"


class RandomRecords:
    """A source of records; the same seed gives the same ones."""

    def __init__(self, schema: RecordSchema, limits: Limits, seed: int) -> None:
        self.schema = schema
        self.limits = limits
        self.source = random.Random(seed)
        self.count = 0

    def document(self) -> dict[str, Any]:
        """Return one record; its parts may contradict each other where features are derived."""
        return self._entity(self.schema.roots()[0], [])

    def _entity(self, entity: Entity, lesions: list[str]) -> dict[str, Any]:
        self.count += 1
        made: dict[str, Any] = {"id": f"{entity.name} {self.count}/é"}
        for key, feature in entity.features.items():
            if feature.derivation is None and self._some():
                made[key] = self._value(feature)
        case, listing = self.schema.case_entity(self.schema.roots()[0])
        for key in sorted(entity.lists, key=lambda k: entity.lists[k] != listing):
            if self._some():
                below = self.schema.entities[entity.lists[key].member]
                made[key] = [self._entity(below, lesions) for _ in range(self.source.randint(0, 3))]
                if below == case:
                    lesions += [item["id"] for item in made[key]]
                made[entity.lists[key].complete_key] = self._some()
        for key in entity.references:
            if lesions and self._some():
                made[key] = self.source.sample(lesions, 1)
        self._dates(made, entity)
        for key, link in entity.links.items():
            if link.inverse_of is None and self._some():
                made[key] = self._entity(self.schema.entities[link.target], lesions)
        return made

    def _dates(self, made: dict[str, Any], entity: Entity) -> None:
        later = {second for _, second in self.schema.date_order}
        for key, iri in entity.dates.items():
            if self._some():
                last = not any(first == iri for first, _ in self.schema.date_order)
                made[key] = REFERENCE if last else DATES[-1] if iri in later else self.source.choice(DATES)

    def _value(self, feature: Feature) -> Any:
        if feature.kind is Kind.BOOLEAN:
            return self._some()
        if feature.kind is Kind.CODE:
            return self.source.choice(sorted(self.schema.codes[feature.partition]))  # type: ignore[index]
        return self._quantity(feature)

    def _quantity(self, feature: Feature) -> dict[str, Any]:
        unit = self.source.choice(sorted(u for u, end in self.schema.unit_factors if end == feature.unit))
        one, other = sorted(self._number(feature, unit) for _ in range(2))
        low, high = self.source.choice(["minInclusive", "minExclusive"]), "maxInclusive"
        forms = [{"value": one}, {low: one}, {high: other}, {"minInclusive": one, high: other}]
        return {**self.source.choice(forms), "unit": unit}

    def _number(self, feature: Feature, unit: str) -> int | float:
        allowed = self.limits.of(feature.iri)
        assert allowed.low is not None
        assert allowed.high is not None
        if self.limits.is_whole(feature.iri):
            return self.source.randint(int(allowed.low), int(allowed.high))
        share = Fraction(self.source.randint(1, 99), 100)
        inside = allowed.low + (allowed.high - allowed.low) * share
        return float(decimal_text(round(inside / self.schema.unit_factors[unit, feature.unit or "1"], 3)))

    def _some(self) -> bool:
        return self.source.random() < PRESENT
