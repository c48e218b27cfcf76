"""Which lesion a finding is about."""

from __future__ import annotations

from rdflib import URIRef

from kg_service.importers.fhir_bundle import Resource, View
from kg_service.importers.fhir_lesions import Lesions, is_fine
from kg_service.importers.fhir_reading import Reader, site_of
from kg_service.schema import Feature


def place_on(
    reader: Reader,
    lesions: Lesions,
    view: View,
    feature: Feature,
    linked: list[Resource | None],
    *,
    holds: bool,
) -> str | None:
    """Return the place of the lesion a finding is about, or None with a note.

    Parameters
    ----------
    linked : list of Resource or None
        The resources the finding points to; None for one that is not in the document.
    holds : bool
        Whether the finding is there: what is absent is absent at every site.
    """
    if linked:
        return _linked(lesions, view, feature, linked)
    sites = [(one, site_of(one, reader.bindings)) for one in view.items("bodySite")]
    if any(site is None for _, site in sites):
        view.note(feature.key, "its body site is not a site of the record; placed on no lesion")
        return None
    same = [
        one for one in lesions.taken if any(site == one.site and is_fine(site, reader) for _, site in sites)
    ]
    if len(same) == 1:
        return same[0].place
    return _only(reader, lesions, view, feature, [site for _, site in sites if site], holds=holds)


def _linked(lesions: Lesions, view: View, feature: Feature, linked: list[Resource | None]) -> str | None:
    keys = {lesions.of.get(resource.place) if resource else None for resource in linked}
    if len(keys) == 1 and None not in keys:
        return keys.pop()
    view.note(feature.key, "what it points to is not one lesion of the record; not taken")
    return None


def _only(
    reader: Reader, lesions: Lesions, view: View, feature: Feature, sites: list[URIRef], *, holds: bool
) -> str | None:
    """Return the only lesion, when the finding can be about it."""
    if len(lesions.taken) != 1 or lesions.unlisted:
        view.note(feature.key, "does not say which lesion it is about; not taken")
        return None
    lesion = lesions.taken[0]
    leaves = reader.bindings.schema.leaves
    within = reader.bindings.within(feature)
    if lesion.site and any(not leaves(site) & leaves(lesion.site) for site in sites):
        view.note(feature.key, f"is at another site than the only lesion, {lesion.place}; not taken")
        return None
    if holds and within and not (lesion.site and leaves(lesion.site) <= leaves(within)):
        view.note(
            feature.key, f"the only lesion, {lesion.place}, is not known to be where this can be; not taken"
        )
        return None
    view.note(
        feature.key, f"does not say which lesion it is about; placed on {lesion.place}, the only one listed"
    )
    return lesion.place
