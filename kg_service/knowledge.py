"""Finds and loads the Turtle files of the knowledge base."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rdflib import Graph, URIRef

from kg_service.errors import CatalogError
from kg_service.namespaces import OWL, RDF
from kg_service.rdf_parse import statements

ROOT = Path(__file__).resolve().parent
"""Folder the data lie in: inside the package when installed, beside it in a checkout."""
DATA_ROOT = ROOT / "data" if (ROOT / "data").is_dir() else ROOT.parent


@dataclass(frozen=True)
class Module:
    """One Turtle file: its path, its ontology IRI and its dated version IRI."""

    path: Path
    iri: URIRef
    version: URIRef


def module_paths(root: Path = DATA_ROOT) -> list[Path]:
    """Return every Turtle file under ``ontology/`` of a root."""
    folder = root / "ontology"
    paths = sorted(folder.rglob("*.ttl"))
    if not paths:
        raise CatalogError(f"{folder}: holds no Turtle file; expected the ontology")
    return paths


def shapes_paths(root: Path = DATA_ROOT) -> list[Path]:
    """Return every Turtle file under ``shapes/`` of a root."""
    return sorted((root / "shapes").rglob("*.ttl"))


def check_root(root: Path) -> None:
    """Refuse a folder that is no root: one that holds ``ontology/`` and ``shapes/``.

    Raises
    ------
    CatalogError
        Says what is missing.
    """
    if not root.is_dir():
        raise CatalogError(f"{root}: no such folder; expected one that holds ontology/ and shapes/")
    missing = [f"{name}/" for name in ("ontology", "shapes") if not (root / name).is_dir()]
    if missing:
        raise CatalogError(
            f"{root}: holds no {' and no '.join(missing)}; expected a root, such as a checkout or an "
            "unpacked release"
        )


def load_graph(*paths: Path) -> Graph:
    """Return one graph of some Turtle files, or of every module when none is named. Do not change it."""
    return _load(paths or tuple(module_paths()))


@cache
def _load(paths: tuple[Path, ...]) -> Graph:
    graph = Graph()
    for path in paths:
        _add(graph, path)
    return graph


@cache
def load_file(path: Path) -> Graph:
    """Return the graph of one Turtle file.

    Raises
    ------
    CatalogError
        When the file cannot be parsed; says which and why.
    """
    graph = Graph()
    _add(graph, path)
    return graph


def _add(graph: Graph, path: Path) -> None:
    base = path.absolute().as_uri()
    try:
        graph.addN((*triple, graph) for triple in statements(path, ".ttl", base, rename=True))
    except (OSError, CatalogError) as error:
        raise CatalogError(f"{path}: not valid Turtle: {error}") from error


def read_module(path: Path) -> Module:
    """Return the header of one Turtle file.

    Raises
    ------
    CatalogError
        When it declares no ontology, or one without a version IRI.
    """
    graph = load_file(path)
    iri = graph.value(None, RDF.type, OWL.Ontology)
    version = graph.value(iri, OWL.versionIRI) if iri else None
    if not isinstance(iri, URIRef) or not isinstance(version, URIRef):
        raise CatalogError(f"{path}: needs one owl:Ontology with an owl:versionIRI")
    return Module(path, iri, version)
