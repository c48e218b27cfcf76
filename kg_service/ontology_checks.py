"""Checks of the ontology as a publication that no shape says well: over all modules, or over files.

What a shape can say stands in ``shapes/ontology.ttl``. ``docs/ontology.md`` lists both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from rdflib import Graph, Literal, URIRef

from kg_service.expressions import Name, manchester, read_expression
from kg_service.knowledge import load_file
from kg_service.namespaces import BASE, CORE, OWL, RDF, RDFS, local_name
from kg_service.places import DOCS

_NARROWER = (RDFS.subClassOf, CORE.broaderOption, CORE.waitsFor)
_RELEASE = re.compile(r"^## \[?(\d+\.\d+\.\d+)\]?", re.MULTILINE)


def undescribed(graph: Graph) -> list[str]:
    """Return the terms of the project that are spoken of and described nowhere, and who speaks of them."""
    versions = {str(v) for p in (OWL.versionIRI, OWL.priorVersion) for v in graph.objects(None, p)}
    found: dict[str, str] = {}
    for subject, value in graph.subject_objects():
        named = isinstance(value, URIRef) and value.startswith(BASE) and not value.startswith(DOCS)
        if named and str(value) not in versions and (value, None, None) not in graph:
            found[str(value)] = min(str(subject), found.get(str(value), str(subject)))
    return [f"{term} is described nowhere; {subject} speaks of it" for term, subject in sorted(found.items())]


def cycles(graph: Graph) -> list[str]:
    """Return the terms that come under themselves, as a kind, an option or a rule that waits."""
    return [
        f"{term} comes under itself by {local_name(prop)}"
        for prop in _NARROWER
        for term in sorted({URIRef(str(s)) for s in graph.subjects(prop, None) if isinstance(s, URIRef)})
        if any(
            term in graph.transitive_objects(wider, prop)
            for wider in graph.objects(term, prop)
            if wider != term
        )
        or (term, prop, term) in graph
    ]


def ambiguous_labels(graph: Graph) -> list[str]:
    """Return the labels that two terms of the same types and namespace bear in one language."""
    bearers: dict[tuple[tuple[str, ...], str, str], set[str]] = defaultdict(set)
    for term, label in graph.subject_objects(RDFS.label):
        types = tuple(sorted(str(kind) for kind in graph.objects(term, RDF.type)))
        if isinstance(label, Literal) and types:
            bearers[types, str(term).rpartition("/")[0], label.n3()].add(local_name(str(term)))
    return [
        f"{', '.join(sorted(terms))} bear the same label {label}"
        for (_, _, label), terms in sorted(bearers.items())
        if len(terms) > 1
    ]


def repeated_definitions(graph: Graph) -> list[str]:
    """Return the criteria that repeat the definition of another of their guideline, where a name would do."""
    bearers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for criterion, guideline in sorted(graph.subject_objects(CORE.criterionOf)):
        if not isinstance(criterion, URIRef):
            continue
        for node in graph.objects(criterion, OWL.equivalentClass):
            expression = read_expression(graph, node, criterion)
            if not isinstance(expression, Name):
                bearers[str(guideline), manchester(expression, str)].append(local_name(criterion))
    return [f"{' and '.join(names)} have one definition" for names in bearers.values() if len(names) > 1]


def unlike_in_xml(paths: Iterable[Path]) -> list[str]:
    """Return the modules that hold another number of triples once written and read as RDF/XML."""
    return [
        str(path)
        for path in paths
        if len(load_file(path))
        != len(Graph().parse(data=load_file(path).serialize(format="xml"), format="xml"))
    ]


def version_findings(graph: Graph, package: str, changelog: str) -> Iterator[str]:
    """Yield where module headers, package and changelog do not name one version.

    Parameters
    ----------
    graph : rdflib.Graph
        Ontology and shapes.
    package : str
        Version of the package.
    changelog : str
        Text of ``ontology/CHANGELOG.md``.
    """
    for module in sorted(URIRef(str(m)) for m in graph.subjects(RDF.type, OWL.Ontology)):
        numbers = sorted(str(n) for n in graph.objects(module, OWL.versionInfo))
        if numbers != [package]:
            yield f"{module} says version {', '.join(numbers) or 'none'}; the package is {package}"
    released = _RELEASE.findall(changelog)
    if released[:1] != [package]:
        first = released[0] if released else "none"
        yield f"ontology/CHANGELOG.md tells {first} as the last version; the package is {package}"


def docs_findings(graph: Graph, pages: Iterable[str], languages: Iterable[str]) -> Iterator[str]:
    """Yield the modules whose header does not lead to a page that is written, in every language."""
    written = set(pages)
    for module in sorted(URIRef(str(m)) for m in graph.subjects(RDF.type, OWL.Ontology)):
        links = [str(page) for page in graph.objects(module, RDFS.seeAlso)]
        named = [link.removeprefix(DOCS) for link in links if link.startswith(DOCS)]
        for page in sorted(set(named) - written):
            yield f"{module}: rdfs:seeAlso names the page {page}, which is not written"
        for language in languages:
            if not any(page.startswith(f"{language}/") for page in named):
                yield f"{module}: rdfs:seeAlso names no page below {DOCS}{language}/"
