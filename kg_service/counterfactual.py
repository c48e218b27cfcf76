"""A case as it would be if its record stated other values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rdflib import URIRef

from kg_service.derivation import cases_of, describe
from kg_service.errors import InputError
from kg_service.record import Case, Fact, Member, Record
from kg_service.schema import RecordSchema
from kg_service.values import Knowledge


def case_with(
    record: Record, case: str, values: Mapping[URIRef, Knowledge], schema: RecordSchema
) -> Case | None:
    """Return a case of a record as it would be if some features of it had other values.

    Parameters
    ----------
    record : Record
        The record.
    case : str
        Id of the case.
    values : mapping of URIRef to Knowledge
        The other values, by feature of the case or of what it links to.
    schema : RecordSchema
        The record model.

    Returns
    -------
    Case or None
        With its derived facts made anew; None when the rest of the record contradicts the values.
    """
    listing = schema.case_entity(record.root.entity)[1]
    root = record.root
    if listing is None:
        root = _with(root, values, schema)
    else:
        members = tuple(
            _with(m, values, schema) if m.id == case else m for m in root.lists.get(listing.iri, ())
        )
        root = replace(root, lists={**root.lists, listing.iri: members})
    try:
        found = cases_of(replace(record, root=root), schema)
    except InputError:
        return None
    return next(c for c in found if c.id == case)


def _with(member: Member, values: Mapping[URIRef, Knowledge], schema: RecordSchema) -> Member:
    """Return a member with other values, and the members that it links to with theirs."""
    links = {iri: _with(linked, values, schema) for iri, linked in member.links.items()}
    known = {f.iri: f for f in member.entity.features.values()}
    own = {feature: value for feature, value in values.items() if feature in known}
    if not own:
        return replace(member, links=links)
    # What follows from the values that change was stated of the old ones.
    facts = {iri: fact for iri, fact in member.facts.items() if not schema.features[iri].derivation}
    for iri, value in own.items():
        feature = known[iri]
        where = f"{member.where}.{feature.key}" if member.where else feature.key
        facts[iri] = Fact(iri, value, where, describe(value, feature))
    return replace(member, facts=facts, links=links)
