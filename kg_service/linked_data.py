"""What the IRIs of the project stand for, as RDF and as pages: each can be looked up on the service.

An IRI ``https://w3id.org/bonemet-kg/PATH`` is looked up at ``/id/PATH``. The description of a thing
holds what is said of it, blank nodes included, and what speaks of it.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from threading import Lock

from rdflib import Graph, URIRef
from rdflib.namespace import SH, VANN
from rdflib.term import Node

from kg_service.namespaces import BASE, CORE, DCTERMS, OWL, PROV, QTY, RDF, RDFS, REC, SKOS
from kg_service.pages import environment, shipped_pages
from kg_service.places import DOCS, Places
from kg_service.service import KnowledgeBase
from kg_service.store import GraphStore
from kg_service.store.terms import iri_node
from kg_service.wording import Language, messages

ROOT = "/id/"
"""Where the service looks IRIs up."""
MOST_SPEAKING = 500
"""Most things that are told to speak of another."""
_PREFIXES = {"core": CORE, "dcterms": DCTERMS, "owl": OWL, "prov": PROV, "qty": QTY, "rdfs": RDFS, "rec": REC,
             "sh": SH, "skos": SKOS, "vann": VANN}  # fmt: skip


class LinkedData:
    """Looks IRIs up.

    Parameters
    ----------
    base : KnowledgeBase
        The knowledge base, which the pages tell.
    """

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base
        self._making = Lock()
        self._page = lru_cache(maxsize=None)(self._page_of)

    def page(self, path: str) -> str | None:
        """Return a documentation page by its path, such as ``en/radiotherapy.html``; None without one.

        All pages are made when the first is asked for.
        """
        with self._making:
            return self._pages.get(path)

    def href(self, iri: URIRef, language: Language) -> str | None:
        """Return where on the service a term is told in a language; None when no page tells it."""
        return self._page(iri, language)

    @cached_property
    def _pages(self) -> dict[str, str]:
        return shipped_pages(self._base)

    @cached_property
    def _places(self) -> Places:
        return Places(self._base.graph)

    def _page_of(self, iri: URIRef, language: Language) -> str | None:
        if (iri, None, None) not in self._base.graph:
            return None
        page, anchor = self._places.place(iri)
        return f"{ROOT}{DOCS.removeprefix(BASE)}{language}/{page}.html#{anchor}"


def iri_of(path: str) -> URIRef:
    """Return the IRI that is looked up at a path below `ROOT`.

    >>> iri_of("radiotherapy/SBRT")
    rdflib.term.URIRef('https://w3id.org/bonemet-kg/radiotherapy/SBRT')
    """
    return URIRef(BASE + path)


def is_iri(iri: URIRef) -> bool:
    """Return whether an IRI can stand in a query as it is."""
    try:
        iri_node(iri)
    except ValueError:
        return False
    return True


def description(iri: URIRef, store: GraphStore) -> Graph:
    """Return what a store says of a thing, and what in it speaks of the thing; of a named graph, all of it.

    Parameters
    ----------
    iri : URIRef
        The thing; see `is_iri`.
    store : GraphStore
        The store.

    Returns
    -------
    rdflib.Graph
        Empty when it is not known.
    """
    found = Graph(bind_namespaces="none")
    for prefix, namespace in _PREFIXES.items():
        found.bind(prefix, namespace)
    found += store.query(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH {iri.n3()} {{ ?s ?p ?o }} }}").graph()
    if not found:
        found += store.query(f"DESCRIBE {iri.n3()}").graph()
        found += store.query(
            f"CONSTRUCT {{ ?s ?p {iri.n3()} }} WHERE {{ "
            f"SELECT DISTINCT ?s ?p {{ ?s ?p {iri.n3()} FILTER (isIRI(?s)) }} "
            f"ORDER BY ?s ?p LIMIT {MOST_SPEAKING} }}"
        ).graph()
    return found


def resource_page(iri: URIRef, graph: Graph, language: Language) -> str:
    """Return a page that tells a description as it is, for things that no documentation page tells."""
    places = Places(graph)

    def shown(node: Node) -> tuple[str, str | None]:
        if not isinstance(node, URIRef):
            return str(node), None
        own = node.startswith(BASE)
        return places.curie(node), ROOT + node.removeprefix(BASE) if own else str(node)

    said = sorted((shown(p), shown(o)) for p, o in graph.predicate_objects(iri))
    speaking = sorted((shown(s), shown(p)) for s, p in graph.subject_predicates(iri) if s != iri)
    label = next((str(o) for o in graph.objects(iri, RDFS.label)), places.curie(iri))
    template = environment(language).get_template("resource.html")
    words = messages(language)["resource"]
    kinds = sorted(shown(kind) for kind in graph.objects(iri, RDF.type))
    return template.render(
        iri=str(iri), label=label, language=language, words=words, said=said, speaking=speaking, kinds=kinds
    )
