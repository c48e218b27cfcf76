"""Scores and definitions beside the guideline, as the ontology declares them.

No score is a recommendation, and none bears on one: only a local assumption that its user sets reads
a score for the guideline.
"""

from __future__ import annotations

from dataclasses import dataclass

from rdflib import Graph, URIRef

from kg_service.errors import GuidelineError
from kg_service.namespaces import CORE, DCTERMS, RDF, RDFS
from kg_service.schema import RecordSchema


@dataclass(frozen=True)
class Score:
    """A score or a definition, as the graph declares it.

    Attributes
    ----------
    value : URIRef or None
        The feature that is its value; a definition has none.
    bands : tuple of URIRef
        The classes of cases that it tells apart, in the order of their rank.
    own : frozenset of URIRef
        The features that stand in its module.
    """

    iri: URIRef
    id: str
    value: URIRef | None
    bands: tuple[URIRef, ...]
    own: frozenset[URIRef]


def scores_of(graph: Graph, schema: RecordSchema) -> list[Score]:
    """Return the scores of an ontology, by id.

    Raises
    ------
    GuidelineError
        When one has no identifier, or a band no rank; names it.
    """
    found = [_score(graph, URIRef(str(node)), schema) for node in graph.subjects(RDF.type, CORE.Score)]
    return sorted(found, key=lambda score: score.id)


def _score(graph: Graph, iri: URIRef, schema: RecordSchema) -> Score:
    value, module = graph.value(iri, CORE.scoreValue), graph.value(iri, RDFS.isDefinedBy)
    bands = {URIRef(str(b)): graph.value(b, CORE["rank"]) for b in graph.subjects(CORE.bandOf, iri)}
    identifier = graph.value(iri, DCTERMS.identifier)
    if identifier is None or None in bands.values() or (value is not None and value not in schema.features):
        raise GuidelineError(
            f"{iri}: a score needs an identifier, and its bands ranks; its value is a feature"
        )
    return Score(
        iri,
        str(identifier),
        None if value is None else URIRef(str(value)),
        tuple(sorted(bands, key=lambda band: int(str(bands[band])))),
        frozenset(f for f in schema.features if (f, RDFS.isDefinedBy, module) in graph),
    )
