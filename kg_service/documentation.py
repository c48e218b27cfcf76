"""What the documentation pages say: every term of a graph, in one language, ready to be laid out.

A page holds one namespace, and the place of a term follows from its IRI alone: what stands at
``.../guideline/x/S071`` is told on the page ``guideline/x.html`` at the anchor ``S071``. Nothing is
chosen by name: what has a type is told, with everything that the graph says of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from functools import cached_property, lru_cache

from rdflib import Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.namespace import SH
from rdflib.term import Node

from kg_service.alignments import MappingSet
from kg_service.expressions import (
    Complement,
    Expression,
    Facets,
    HasValue,
    Junction,
    Name,
    Some,
    is_expression,
    manchester,
    mentioned,
    read_expression,
)
from kg_service.namespaces import BASE, CORE, DCTERMS, OWL, QTY, RDF, RDFS, SKOS, XSD, local_name
from kg_service.page_model import Condition, Entry, Link, Page, Row, Section, Text, Tree, Value
from kg_service.places import MODULES_PAGE, Places, natural, page_of_namespace, split_iri
from kg_service.schema import Feature
from kg_service.values import FALSE, TRUE, Interval
from kg_service.wording import LANGUAGES, Language, Wording

TERMS_PAGE = "terms"
_LEADS = (CORE.paraphrase, SKOS.definition, DCTERMS.description, SH.message)
_FIRST = (CORE.population, CORE.option, CORE.strength, CORE.fulfilledBy, OWL.equivalentClass, RDFS.subClassOf,
          CORE.restsOn)  # fmt: skip
_TOLD_ELSEWHERE = {RDF.type, RDFS.label, RDFS.isDefinedBy, CORE.criterionOf, CORE.ofGuideline, CORE.feature}
_PLACE = {CORE.section, CORE.sourceLines}
_LOGIC_OF_SHAPES = {SH["not"], SH["and"], SH["or"], SH.xone, SH.property, SH.sparql}
"""Parts of shapes that are read in their file; a page tells what a shape is about and what it answers."""
_EXPLAINED = {CORE.population, CORE.fulfilledBy, CORE.unmetAs, CORE.realisedBy, CORE.adoptedReading}
_LIST = {RDF.first, RDF.rest}
_EVERYWHERE = _TOLD_ELSEWHERE | {RDFS.domain, RDFS.range}
_SECTIONS = (
    ("guideline", CORE.Guideline),
    ("recommendations", CORE.Recommendation),
    ("statements", CORE.Statement),
    ("ambiguities", CORE.Ambiguity),
    ("ambiguities", CORE.Reading),
    ("options", CORE.Option),
    ("individuals", OWL.NamedIndividual),
)
ORDER = ("guideline", "recommendations", "statements", "ambiguities", "criteria", "classes", "partitions",
          "options", "features", "properties", "individuals", "shapes", "others")  # fmt: skip


class Documentation:
    """Tells a graph in one language.

    Parameters
    ----------
    graph : rdflib.Graph
        Ontology and shapes.
    wording : Wording
        Labels, values and phrases of the language.
    mappings : iterable of MappingSet
        Alignments, told as codes of each term.
    """

    def __init__(self, graph: Graph, wording: Wording, mappings: Iterable[MappingSet] = ()) -> None:
        self.graph = graph
        self.wording = wording
        self.language: Language = wording.language
        self.mappings = tuple(mappings)
        self.places = Places(graph)
        self._own = lru_cache(maxsize=None)(self._text)
        self._expressions = lru_cache(maxsize=None)(self._read_expressions)

    @cached_property
    def terms(self) -> list[URIRef]:
        """Every term that is told, by IRI."""
        named = {s for s in self.graph.subjects() if isinstance(s, URIRef)}
        return sorted(s for s in named if (s, RDF.type, None) in self.graph or s.startswith(BASE))

    @cached_property
    def told(self) -> set[URIRef]:
        """The same, to look a term up."""
        return set(self.terms)

    @cached_property
    def pages(self) -> list[Page]:
        """Every page, by its path."""
        return [self._page(path, self._by_page[path]) for path in sorted(self._by_page)]

    @cached_property
    def _by_page(self) -> dict[str, list[URIRef]]:
        found: dict[str, list[URIRef]] = defaultdict(list)
        for term in self.terms:
            found[self.places.place(term)[0]].append(term)
        return dict(found)

    @property
    def contents(self) -> list[Page]:
        """The pages of terms, those of guidelines first."""
        pages = [page for page in self.pages if page.path != MODULES_PAGE]
        return sorted(pages, key=lambda page: ORDER.index(page.sections[0].name) > 0)

    def phrase(self, key: str) -> str:
        """Return a word of the pages."""
        return self.wording.word("docs", key)

    # Pages

    def _page(self, path: str, terms: list[URIRef]) -> Page:
        modules = self._modules_of(path, terms)
        titles = [self._own(m, DCTERMS.title) or local_name(m) for m in modules]
        title = self.phrase("modules") if path == MODULES_PAGE else " · ".join(titles) or path
        descriptions = tuple(d for m in modules if (d := self._own(m, DCTERMS.description)))
        namespace = split_iri(terms[0])[0] if path != MODULES_PAGE else BASE
        by_section: dict[str, list[URIRef]] = defaultdict(list)
        for term in terms:
            by_section[self.section(term)].append(term)
        sections = tuple(self._told_section(n, by_section[n], path) for n in ORDER if n in by_section)
        return Page(path, title, () if path == MODULES_PAGE else descriptions, namespace, sections)

    def _modules_of(self, path: str, terms: list[URIRef]) -> list[URIRef]:
        """Return the module that bears the name of a page, or else those that define its terms."""
        modules = {URIRef(str(m)) for m in self.graph.subjects(RDF.type, OWL.Ontology)}
        exact = [m for m in modules if page_of_namespace(str(m)) == path]
        defining = modules & {URIRef(str(m)) for t in terms for m in self.graph.objects(t, RDFS.isDefinedBy)}
        without = {m for m in modules if page_of_namespace(str(m)) not in self._by_page}
        beside = {m for m in without if page_of_namespace(split_iri(m)[0]) == path}
        return exact or sorted(defining) or sorted(beside)

    def section(self, term: URIRef) -> str:
        """Return the section that a term is told in."""
        kinds = self._kinds(term)
        for name, kind in _SECTIONS:
            if kind in kinds:
                return name
        if (term, CORE.criterionOf, None) in self.graph:
            return "criteria"
        if (term, CORE.feature, Literal(True)) in self.graph:
            return "features"
        if kinds & {OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty}:
            return "properties"
        if OWL.Class in kinds:
            return "partitions" if term in self.wording.compiled.schema.partition_classes else "classes"
        if kinds & {SH.NodeShape, SH.PropertyShape}:
            return "shapes"
        return "others"

    def _kinds(self, term: URIRef) -> set[Node]:
        types = set(self.graph.objects(term, RDF.type))
        return {kind for t in types for kind in self.graph.transitive_objects(t, RDFS.subClassOf) if kind}

    def _told_section(self, name: str, terms: list[URIRef], page: str) -> Section:
        groups: dict[str, list[Entry]] = defaultdict(list)
        for entry in sorted((self._entry(t, name, page) for t in terms), key=lambda e: natural(e.anchor)):
            groups[entry.group].append(entry)
        ordered = sorted(groups.items(), key=lambda item: natural(item[0]))
        return Section(
            name, self.wording.word("docs_section", name), tuple((g, tuple(e)) for g, e in ordered)
        )

    # Entries

    def _entry(self, term: URIRef, section: str, page: str) -> Entry:
        anchor = self.places.place(term)[1]
        kinds = tuple(sorted(self.label(URIRef(str(t))) for t in self._told_types(term)))
        expressions = self._expressions(term)
        return Entry(
            iri=term,
            anchor=anchor,
            label=self._own(term, RDFS.label) or self._own(term, DCTERMS.title) or anchor,
            kinds=kinds,
            curie=self.places.curie(term),
            place=self._source_place(term),
            group=self._group(term, section, kinds),
            leads=self._leads(term),
            rows=(*self._rows(term, page), *self._codes(term)),
            axioms=tuple(manchester(e, self.places.curie) for _, e in expressions),
            mentions=self._mentions(term, page),
            badges=self._badges(term),
            sub=(term, RDF.type, CORE.Reading) in self.graph,
            other_language=self._in_other_language(page, anchor),
        )

    def _badges(self, term: URIRef) -> tuple[str, ...]:
        return (self.phrase("adopted"),) if (None, CORE.adoptedReading, term) in self.graph else ()

    def _told_types(self, term: URIRef) -> set[Node]:
        """Return the types of a term, without those that others of them imply."""
        types = set(self.graph.objects(term, RDF.type))
        dull = {OWL.NamedIndividual, OWL.FunctionalProperty} if len(types) > 1 else set()
        return types - dull

    def _group(self, term: URIRef, section: str, kinds: tuple[str, ...]) -> str:
        if section == "statements":
            value = self.graph.value(term, CORE.section)
            return "" if value is None else f"{self.label(CORE.section)} {value}"
        return (
            ", ".join(kinds) if section in ("recommendations", "options", "individuals", "properties") else ""
        )

    def _source_place(self, term: URIRef) -> str:
        section, lines = (self.graph.value(term, prop) for prop in (CORE.section, CORE.sourceLines))
        if section is None or lines is None:
            return ""
        return self.wording.phrase("statement", id="", section=section, lines=lines).lstrip(" :\u00a0")

    def _leads(self, term: URIRef) -> tuple[Text, ...]:
        for prop in _LEADS:
            found = self._texts(self.graph.objects(term, prop))
            if found:
                return found
        return ()

    def _rows(self, term: Node, page: str) -> tuple[Row, ...]:
        lead = next((p for p in _LEADS if (term, p, None) in self.graph), None)
        hidden = _TOLD_ELSEWHERE | {lead} | (_PLACE if (term, CORE.section, None) in self.graph else set())
        props = sorted({URIRef(str(p)) for p in self.graph.predicates(term)} - hidden, key=self._row_order)
        if (term, RDF.type, OWL.Ontology) in self.graph:
            props = [p for p in props if p != DCTERMS.title]
        if self._is_named_by_identifier(term):
            props = [p for p in props if p != DCTERMS.identifier]
        rows = [
            Row(self.label(p), self._values(term, p, page))
            for p in props
            if p not in _LOGIC_OF_SHAPES | _LIST
        ]
        if (term, RDF.first, None) in self.graph:
            members = (self._value(RDF.first, m, page) for m in Collection(self.graph, term))
            rows.append(Row(self.phrase("members"), tuple(members)))
        if (term, CORE.valuePartition, Literal(True)) in self.graph:
            rows.append(Row(self.phrase("tree"), (self._tree(URIRef(str(term)), page),)))
        return tuple(row for row in rows if row.values)

    def _is_named_by_identifier(self, term: Node) -> bool:
        return isinstance(term, URIRef) and str(self.graph.value(term, DCTERMS.identifier)) == local_name(
            term
        )

    def _row_order(self, prop: URIRef) -> tuple[int, str]:
        return (_FIRST.index(prop) if prop in _FIRST else len(_FIRST), self.label(prop).casefold())

    def _values(self, term: Node, prop: URIRef, page: str) -> tuple[Value, ...]:
        values = list(self.graph.objects(term, prop))
        told: list[Value] = [*self._texts(v for v in values if isinstance(v, Literal))]
        nodes = sorted((v for v in values if isinstance(v, URIRef)), key=lambda v: natural(str(v)))
        told += [self._value(prop, v, page) for v in nodes]
        unnamed = [self._unnamed(term, prop, v, page) for v in values if not isinstance(v, URIRef | Literal)]
        for several in sorted(unnamed, key=repr):
            told += several
        return tuple(told)

    def _unnamed(self, term: Node, prop: URIRef, node: Node, page: str) -> list[Value]:
        if is_expression(self.graph, node):
            return [self._condition(read_expression(self.graph, node, URIRef(str(term))), page)]
        if (node, RDF.first, None) in self.graph:
            return [self._value(prop, m, page) for m in Collection(self.graph, node)]
        kinds = [self._value(RDF.type, t, page) for t in self.graph.objects(node, RDF.type)]
        rows = self._rows(node, page)
        return [(*((Row(self.label(RDF.type), tuple(kinds)),) if kinds else ()), *rows)]

    def _value(self, prop: URIRef, value: Node, page: str) -> Link | Text:
        if isinstance(value, Literal):
            return self._texts([value])[0]
        if not isinstance(value, URIRef):
            return Text(str(value))
        note = self._own(value, SKOS.definition) if prop in _EXPLAINED else None
        return self._link(value, page, note or "")

    def _link(self, term: URIRef, page: str, note: str = "") -> Link | Text:
        if term in self.told:
            return Link(self.places.href(term, page), self.named(term), note)
        if term.startswith("http") and not term.startswith(BASE):
            known = self._own(term, RDFS.label)
            return Link(str(term), known or self.label(term))
        return Text(self.label(term))

    def named(self, term: URIRef) -> str:
        """Return how a link calls a term: by its identifier too, where it has one."""
        identifier = self.graph.value(term, DCTERMS.identifier)
        label = self._own(term, RDFS.label) or self._own(term, DCTERMS.title) or self.places.place(term)[1]
        return f"{identifier} {label}" if identifier is not None else label

    def _texts(self, values: Iterable[Node]) -> tuple[Text, ...]:
        """Return literals in the language of the page, or in every other one that there is."""
        literals = [v for v in values if isinstance(v, Literal)]
        own = [v for v in literals if v.language in (None, self.language)]
        told = sorted(own or literals, key=lambda v: natural(str(v)))
        return tuple(Text(self._spoken(v), "" if v in own else v.language or "") for v in told)

    def _spoken(self, literal: Literal) -> str:
        if literal.datatype == XSD.boolean:
            return self.wording.word("status", TRUE if literal.value else FALSE)
        if literal.datatype == XSD.decimal:
            return self.wording.number(Fraction(str(literal)))
        return str(literal)

    def _tree(self, cls: URIRef, page: str) -> Tree:
        children = self.wording.compiled.schema.children(cls)
        link = Link(self.places.href(cls, page), self.label(cls))
        return Tree(link, tuple(self._tree(child, page) for child in children))

    def _codes(self, term: URIRef) -> tuple[Row, ...]:
        """Return what corresponds to a term in other vocabularies, a row for each."""
        found: dict[str, list[Link | Text]] = defaultdict(list)
        for one in self.mappings:
            for m in one.mappings:
                if m.subject == term and not m.is_absence:
                    level = self.wording.word("match", local_name(m.predicate))
                    found[self.label(one.target)].append(
                        Link(str(m.object), f"{local_name(m.object)} ({level})")
                    )
        return tuple(Row(label, tuple(links)) for label, links in sorted(found.items()))

    # Definitions

    def _read_expressions(self, term: URIRef) -> list[tuple[URIRef, Expression]]:
        found = []
        for prop in (OWL.equivalentClass, RDFS.subClassOf):
            for node in self.graph.objects(term, prop):
                if prop == OWL.equivalentClass or not isinstance(node, URIRef):
                    found.append((prop, read_expression(self.graph, node, term)))
        return sorted(found, key=lambda item: manchester(item[1], self.places.curie))

    def _condition(self, expression: Expression, page: str) -> Condition:
        match expression:
            case Name(iri):
                return Condition("", self._link(iri, page))
            case Junction(operator, parts):
                word = "and" if operator == OWL.intersectionOf else "or"
                told = tuple(self._condition(part, page) for part in parts)
                return Condition(self.wording.word("operator", word), None, (), told)
            case Complement(part):
                return Condition(
                    self.wording.word("operator", "not"), None, (), (self._condition(part, page),)
                )
            case HasValue(prop, value):
                return Condition("", self._link(prop, page), (self._value(prop, value, page),))
            case Some(prop, filler):
                return self._feature(prop, filler, page)
            case Facets():
                return Condition(manchester(expression, self.places.curie))

    def _feature(self, prop: URIRef, filler: Expression, page: str) -> Condition:
        subject = self._link(prop, page)
        match filler:
            case Name(iri):
                return Condition("", subject, (self._link(iri, page),))
            case Junction(OWL.unionOf, parts) if all(isinstance(p, Name) for p in parts):
                return Condition(
                    "", subject, tuple(self._link(p.iri, page) for p in parts if isinstance(p, Name))
                )
            case Some(QTY.value, Facets(_, bounds)) if (feature := self._feature_of(prop)) is not None:
                return Condition("", subject, (Text(self.wording.value(feature, _interval(bounds))),))
        return Condition("", subject, (), (self._condition(filler, page),))

    def _feature_of(self, prop: URIRef) -> Feature | None:
        return self.wording.compiled.schema.features.get(prop)

    # What refers to a term

    def _mentions(self, term: URIRef, page: str) -> tuple[Row, ...]:
        by_label: dict[str, set[URIRef]] = defaultdict(set)
        for label, source in self._inverse.get(term, ()):
            by_label[label].add(source)
        return tuple(
            Row(label, tuple(self._link(s, page) for s in sorted(sources, key=lambda s: natural(str(s)))))
            for label, sources in sorted(by_label.items())
        )

    @cached_property
    def _inverse(self) -> dict[URIRef, list[tuple[str, URIRef]]]:
        """By term, each property and subject that refer to it, directly or from a nested node."""
        found: dict[URIRef, list[tuple[str, URIRef]]] = defaultdict(list)
        for source in self.terms:
            defined = {t for _, e in self._expressions(source) for t in mentioned(e)}
            for target in (defined & self.told) - {source}:
                found[target].append((self.phrase("in_definition"), source))
            for prop, value in self.graph.predicate_objects(source):
                if (
                    isinstance(value, URIRef)
                    and value in self.told
                    and prop not in _EVERYWHERE | {OWL.equivalentClass}
                ):
                    found[value].append((self._referring(prop), source))
                elif not isinstance(value, URIRef | Literal) and not is_expression(self.graph, value):
                    for target in self._nested(value) & self.told:
                        found[target].append((self._referring(prop), source))
        return found

    def _referring(self, prop: Node) -> str:
        """Return what a property is called from its far end."""
        label = self.phrase("members") if prop in _LIST else self.label(URIRef(str(prop)))
        return self.phrase("referring").format(label=label)

    def _nested(self, node: Node) -> set[URIRef]:
        found: set[URIRef] = set()
        for _, value in self.graph.predicate_objects(node):
            if isinstance(value, URIRef):
                found.add(value)
            elif not isinstance(value, Literal):
                found |= self._nested(value)
        return found

    # Names

    def _text(self, term: Node, prop: URIRef) -> str | None:
        texts = self._texts(self.graph.objects(term, prop))
        return texts[0].text if texts else None

    def label(self, term: URIRef) -> str:
        """Return the label of a term, a word for one of the standards, or its prefixed name."""
        return self._own(term, RDFS.label) or self._own(term, DCTERMS.title) or self._standard(term)

    def _standard(self, term: URIRef) -> str:
        curie = self.places.curie(term)
        return self.wording.words("docs_standard").get(curie.replace(":", "-"), curie)

    def _in_other_language(self, page: str, anchor: str) -> str:
        other = next(language for language in LANGUAGES if language != self.language)
        up = "../" * (page.count("/") + 1)
        return f"{up}{other}/{page}.html#{anchor}"

    @cached_property
    def version(self) -> str:
        """Version of the guideline that is told."""
        return f"{self.wording.label(self.wording.compiled.guideline.iri)} · {self.wording.guideline_version}"


def _interval(bounds: tuple[tuple[URIRef, str], ...]) -> Interval:
    interval = Interval()
    for facet, number in bounds:
        is_open = "Exclusive" in facet
        low = local_name(facet).startswith("min")
        value = Fraction(number)
        interval &= Interval(low=value, low_open=is_open) if low else Interval(high=value, high_open=is_open)
    return interval
