"""Where a term is told, and by what short name: both follow from its IRI."""

from __future__ import annotations

import posixpath
import re

from rdflib import Graph, URIRef
from rdflib.namespace import SH, VANN

from kg_service.namespaces import BASE, CITO, DCTERMS, OWL, PROV, RDF, RDFS, SKOS, XSD

MODULES_PAGE = "index"
DOCS = f"{BASE}docs/"
"""What the names of the documentation pages begin with; a folder for each language stands below it."""
_STANDARD = {"cito": CITO, "dcterms": DCTERMS, "owl": OWL, "prov": PROV, "rdf": RDF, "rdfs": RDFS, "sh": SH,
             "skos": SKOS, "vann": VANN, "xsd": XSD}  # fmt: skip


class Places:
    """Pages, anchors and prefixed names of the terms of a graph.

    Parameters
    ----------
    graph : rdflib.Graph
        The graph, whose module headers declare the prefixes.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._prefixes = self._all_prefixes()

    def place(self, term: URIRef) -> tuple[str, str]:
        """Return the page of a term and its anchor there."""
        if (term, RDF.type, OWL.Ontology) in self.graph:
            return MODULES_PAGE, page_of_namespace(str(term))
        namespace, name = split_iri(term)
        return page_of_namespace(namespace) or MODULES_PAGE, name

    def href(self, term: URIRef, page: str) -> str:
        """Return a link to a term from a page."""
        path, anchor = self.place(term)
        if path == page:
            return f"#{anchor}"
        return f"{posixpath.relpath(f'{path}.html', posixpath.dirname(page) or '.')}#{anchor}"

    def curie(self, term: URIRef) -> str:
        """Return the prefixed name of a term, or its IRI when no prefix is declared."""
        namespace, name = split_iri(term)
        prefix = self._prefixes.get(namespace)
        return f"{prefix}:{name}" if prefix else str(term)

    def _all_prefixes(self) -> dict[str, str]:
        """Return the prefix of each namespace, as module headers and the standards declare it."""
        found = {str(namespace): prefix for prefix, namespace in _STANDARD.items()}
        for module, prefix in self.graph.subject_objects(VANN.preferredNamespacePrefix):
            for namespace in self.graph.objects(module, VANN.preferredNamespaceUri):
                found[str(namespace)] = str(prefix)
        return found


def page_of_namespace(namespace: str) -> str:
    """Return the path of an IRI below the base of the project, or below the web for any other."""
    path = namespace.removeprefix(BASE) if namespace.startswith(BASE) else namespace.split("://")[-1]
    return path.strip("/#")


def split_iri(term: URIRef) -> tuple[str, str]:
    """Return the namespace of a term, with its last separator, and its local name."""
    cut = max(term.rfind("/"), term.rfind("#")) + 1
    return str(term[:cut]), str(term[cut:])


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a key that puts 2 before 10 and does not look at case."""
    parts = re.findall(r"\d+|\D+", text)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p.casefold()) for p in parts] + [(2, 0, text)]
