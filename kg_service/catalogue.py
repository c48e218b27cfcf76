"""The catalogue of a store: one named graph that lists the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal as OneOf

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCAT, VOID
from rdflib.term import Node

from kg_service.errors import CatalogError
from kg_service.knowledge import DATA_ROOT, Module, load_file, module_paths, read_module
from kg_service.namespaces import BASE, DCTERMS, OWL, RDF, local_name

CATALOGUE = URIRef(f"{BASE}catalogue")
"""Name of the graph that lists the graphs."""
GraphKind = OneOf[
    "ontology", "guideline", "shapes", "alignment", "relations", "record", "conclusions", "data"
]

ENTRIES = """
PREFIX dcat: <http://www.w3.org/ns/dcat#>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX void: <http://rdfs.org/ns/void#>
SELECT ?graph ?kind ?triples (SAMPLE(?any) AS ?title) (SAMPLE(?english) AS ?titleInEnglish)
FROM <https://w3id.org/bonemet-kg/catalogue>
WHERE {
  ?catalogue a dcat:Catalog ; dcat:dataset ?graph .
  ?graph dcterms:type ?kind ; void:triples ?triples ; dcterms:title ?any .
  OPTIONAL { ?graph dcterms:title ?english FILTER (LANG(?english) = "en") }
}
GROUP BY ?graph ?kind ?triples
ORDER BY ?graph
"""
"""The query that reads the catalogue."""
KNOWLEDGE = """
PREFIX dcterms: <http://purl.org/dc/terms/>
SELECT ?graph FROM <https://w3id.org/bonemet-kg/catalogue>
WHERE { VALUES ?kind { "ontology" "guideline" "shapes" "alignment" } ?graph dcterms:type ?kind }
ORDER BY ?graph
"""
"""The query that finds the graphs that come from the files of the knowledge base."""


@dataclass(frozen=True)
class StoredGraph:
    """One entry of the catalogue; the title is the English one where there is one."""

    iri: URIRef
    title: str
    kind: str
    triples: int


def stored_graph(row: dict[str, Node | None]) -> StoredGraph:
    """Return the entry that a row of `ENTRIES` tells."""
    title = row["titleInEnglish"] or row["title"]
    return StoredGraph(URIRef(str(row["graph"])), str(title), str(row["kind"]), int(str(row["triples"])))


def data_entry(iri: URIRef, kind: GraphKind, title: str | None, triples: int) -> Graph:
    """Return what the catalogue says of a graph that is no module.

    Raises
    ------
    CatalogError
        When its name is that of the catalogue.
    """
    refuse_catalogue(iri)
    return _entry(iri, kind, [Literal(title or local_name(iri))], triples)


def refuse_catalogue(iri: URIRef) -> None:
    """Refuse the catalogue where a graph it lists is meant."""
    if iri == CATALOGUE:
        raise CatalogError(f"{iri} lists the graphs; choose another name")


def knowledge_modules(*extra: Path) -> list[Module]:
    """Return every module of the knowledge base, the shapes files included.

    Raises
    ------
    CatalogError
        When a file cannot be parsed, names no version, or bears the version of another file.
    """
    paths = [*module_paths(), *_turtle_files(DATA_ROOT / "shapes")]
    paths += [path for folder in extra for path in _turtle_files(folder)]
    modules = [read_module(path) for path in paths]
    first: dict[URIRef, Path] = {}
    for module in modules:
        other = first.setdefault(module.version, module.path)
        if other != module.path:
            raise CatalogError(
                f"{module.path}: bears the version IRI {module.version} of {other}; give it its own"
            )
    return modules


def _turtle_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise CatalogError(f"{folder}: no such folder; expected Turtle files")
    return sorted(folder.rglob("*.ttl"))


def module_entry(module: Module) -> Graph:
    """Return what the catalogue says of a module."""
    graph = load_file(module.path)
    titles = list(graph.objects(module.iri, DCTERMS.title)) or [Literal(module.path.stem)]
    entry = _entry(module.version, _kind(module.path), titles, len(graph))
    entry.add((module.version, DCTERMS.isVersionOf, module.iri))
    for version in graph.objects(module.iri, OWL.versionInfo):
        entry.add((module.version, OWL.versionInfo, version))
    return entry


def alignment_entry(version: URIRef, title: str, triples: int, alignment: URIRef, number: str) -> Graph:
    """Return what the catalogue says of a version of an alignment set."""
    entry = _entry(version, "alignment", [Literal(title, lang="en")], triples)
    entry.add((version, DCTERMS.isVersionOf, alignment))
    entry.add((version, OWL.versionInfo, Literal(number)))
    return entry


def _kind(path: Path) -> GraphKind:
    """Return what a file of the knowledge base is, by the folder it lies in."""
    if (DATA_ROOT / "shapes") in path.parents:
        return "shapes"
    return "guideline" if "guidelines" in path.parts else "ontology"


def _entry(iri: URIRef, kind: GraphKind, titles: list[Node], triples: int) -> Graph:
    entry = Graph()
    entry.add((CATALOGUE, RDF.type, DCAT.Catalog))
    entry.add((CATALOGUE, DCAT.dataset, iri))
    entry.add((iri, RDF.type, DCAT.Dataset))
    entry.add((iri, DCTERMS.type, Literal(kind)))
    entry.add((iri, VOID.triples, Literal(triples)))
    for title in titles:
        entry.add((iri, DCTERMS.title, title))
    return entry
