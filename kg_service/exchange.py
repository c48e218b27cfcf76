"""The record form for other systems: a JSON-LD context and a JSON Schema, both made from the graph."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from rdflib import URIRef

from kg_service.limits import Limits
from kg_service.namespaces import BASE, QTY, SKOS, XSD, literal_in, local_name
from kg_service.schema import Entity, Feature, Kind, RecordSchema
from kg_service.values import Interval

CONTEXT_IRI = f"{BASE}context/record.jsonld"
JSON_LD_VERSION = 1.1
NO_UNIT = "1"
"""UCUM code of a number without a unit, which may be left out."""
BOUNDS = ("minInclusive", "minExclusive", "maxInclusive", "maxExclusive")
_DATE = r"^\d{4}(-\d{2}(-\d{2})?)?(T.*)?$"


def json_ld_context(schema: RecordSchema) -> dict[str, Any]:
    """Return the JSON-LD 1.1 context that makes a JSON record the RDF it means."""
    decimal = str(XSD.decimal)
    terms: dict[str, Any] = {"@version": JSON_LD_VERSION, "id": "@id", "type": "@type"}
    terms |= {name: {"@id": str(QTY[name]), "@type": decimal} for name in ("value", *BOUNDS)}
    terms |= {"unit": str(QTY.unit), local_name(QTY.Quantity): str(QTY.Quantity)}
    for entity in schema.entities.values():
        terms[entity.name] = str(entity.iri)
    root = schema.roots()[0]
    # A key that means nothing would vanish in JSON-LD; in our vocabulary it is told to be unknown.
    terms |= {"@vocab": str(root.iri).removesuffix(root.name), "$schema": None}
    return {"@context": terms | _entity_terms(root, schema, set())}


def _entity_terms(entity: Entity, schema: RecordSchema, above: set[URIRef]) -> dict[str, Any]:
    """Return the terms of an entity; entities below it bring their own, since keys may repeat."""
    terms: dict[str, Any] = {}
    seen = above | {entity.iri}
    for key, feature in entity.features.items():
        terms[key] = _feature_term(feature, schema)
    for key, iri in entity.dates.items():
        terms[key] = {"@id": str(iri)}
    for key, iri in entity.references.items():
        terms[key] = {"@id": str(iri), "@type": "@id", "@container": "@set"}
    for key, listing in entity.lists.items():
        below = schema.entities[listing.member]
        terms[key] = {
            "@id": str(listing.iri),
            "@context": _entity_terms(below, schema, seen),
            "@container": "@set",
        }
        terms[listing.complete_key] = str(listing.complete)
    for key, link in entity.links.items():
        if link.inverse_of is None and link.target not in seen:
            below = schema.entities[link.target]
            terms[key] = {"@id": str(link.iri), "@context": _entity_terms(below, schema, seen)}
    return terms


def _feature_term(feature: Feature, schema: RecordSchema) -> dict[str, Any]:
    if feature.kind is not Kind.CODE or feature.partition is None:
        return {"@id": str(feature.iri)}
    codes = {code: str(cls) for code, cls in schema.codes[feature.partition].items()}
    return {"@id": str(feature.iri), "@type": "@vocab", "@context": codes}


def json_schema(schema: RecordSchema, limits: Limits) -> dict[str, Any]:
    """Return the JSON Schema of the record form; the reader remains the judge of what no schema can say."""
    root = schema.roots()[0]
    definitions = {e.name: _entity_schema(e, schema, limits) for e in schema.entities.values()}
    definitions |= {f"{k}Code": v for k, v in _code_schemas(schema).items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}schema/record.json",
        "title": f"Record of one {root.name}",
        "$ref": f"#/$defs/{root.name}",
        "$defs": definitions,
    }


def _code_schemas(schema: RecordSchema) -> dict[str, Any]:
    return {
        local_name(top): {"enum": sorted(codes), "description": schema.label(top, "en")}
        for top, codes in schema.codes.items()
    }


def _entity_schema(entity: Entity, schema: RecordSchema, limits: Limits) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "id": _or_null({"type": "string", "pattern": r"\S"}),
        "type": _or_null({"const": entity.name}),
    }
    if entity in schema.roots():
        properties |= {"@context": {}, "$schema": {}}
    for key, feature in entity.features.items():
        properties[key] = _or_null(_feature_schema(feature, schema, limits))
    for key, iri in entity.dates.items():
        properties[key] = _or_null({"type": "string", "pattern": _DATE, "description": _text(iri, schema)})
    for key, iri in entity.references.items():
        items = {"type": "array", "items": {"type": "string"}}
        properties[key] = _or_null({**items, "description": _text(iri, schema)})
    for key, listing in entity.lists.items():
        reference = {"$ref": f"#/$defs/{schema.entities[listing.member].name}"}
        properties[key] = _or_null(
            {"type": "array", "items": reference, "description": _text(listing.iri, schema)}
        )
        properties[listing.complete_key] = _or_null(
            {"type": "boolean", "description": _text(listing.complete, schema)}
        )
    for key, link in entity.links.items():
        if link.inverse_of is None:
            properties[key] = _or_null({"$ref": f"#/$defs/{schema.entities[link.target].name}"})
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _feature_schema(feature: Feature, schema: RecordSchema, limits: Limits) -> dict[str, Any]:
    description = {"description": _text(feature.iri, schema)}
    if feature.kind is Kind.BOOLEAN:
        return {"type": "boolean", **description}
    if feature.kind is Kind.CODE and feature.partition is not None:
        return {"$ref": f"#/$defs/{local_name(feature.partition)}Code", **description}
    return _quantity_schema(feature, schema, limits) | description


def _quantity_schema(feature: Feature, schema: RecordSchema, limits: Limits) -> dict[str, Any]:
    unit = feature.unit or NO_UNIT
    units = sorted(start for start, end in schema.unit_factors if end == unit)
    number: dict[str, Any] = {"type": "integer" if limits.is_whole(feature.iri) else "number"}
    if units == [unit]:
        number |= _bounds(limits.of(feature.iri))
    common = {
        "unit": {"enum": units if unit != NO_UNIT else [*units, None]},
        "type": _or_null({"const": local_name(QTY.Quantity)}),
    }
    value = {"properties": {"value": number, **common}, "required": ["value"]}
    bounds: dict[str, Any] = {
        "properties": {**dict.fromkeys(BOUNDS, _or_null(number)), **common},
        "anyOf": [{"required": [bound], "properties": {bound: number}} for bound in BOUNDS],
    }
    forms = [{"type": "object", "additionalProperties": False, **form} for form in (value, bounds)]
    if unit != NO_UNIT:
        for form in forms:
            form["required"] = [*form.get("required", []), "unit"]
    return {"oneOf": forms}


def _bounds(allowed: Interval) -> dict[str, Any]:
    """Return the keywords of an interval; only where one unit is accepted do they apply to the number."""
    keywords: dict[str, Any] = {}
    if allowed.low is not None:
        keywords["exclusiveMinimum" if allowed.low_open else "minimum"] = _plain(allowed.low)
    if allowed.high is not None:
        keywords["exclusiveMaximum" if allowed.high_open else "maximum"] = _plain(allowed.high)
    return keywords


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def _text(iri: URIRef, schema: RecordSchema) -> str:
    return literal_in(schema.graph, iri, SKOS.definition, "en") or schema.label(iri, "en")
