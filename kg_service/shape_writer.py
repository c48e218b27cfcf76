"""Writes SHACL shapes from the plan: eligibility for options, and contradictions.

OWL says what each situation is; these shapes say the same to any SHACL engine. A criterion becomes
two shapes over records: one that a record conforms to when the criterion surely holds, one when it
surely does not. What conforms to neither is *not assessable*, never *conforms*.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import SH, VANN
from rdflib.term import Node as Term

from kg_service.compiler import CompiledGuideline
from kg_service.concordance import CONSTRAINS, OFFERS, QUALIFIES, STOPS
from kg_service.guideline import Recommendation
from kg_service.namespaces import BASE, CORE, DCTERMS, OWL, QTY, RDF, RDFS, XSD, local_name
from kg_service.places import DOCS, page_of_namespace
from kg_service.plan import And, Atom, Constant, Named, Node, Not, Or
from kg_service.schema import Feature, Kind
from kg_service.values import TRUE, Interval, decimal_text

SHAPES = Namespace(f"{BASE}shapes/")
CONTRADICTIONS = Path("shapes/contradictions.ttl")
_PREFIXES = {
    "rdf": RDF,
    "dcterms": DCTERMS,
    "owl": OWL,
    "rdfs": RDFS,
    "sh": SH,
    "shapes": SHAPES,
    "vann": VANN,
    "xsd": XSD,
}
_SEVERITY = {STOPS: SH.Violation, QUALIFIES: SH.Warning}
_NOT_ASSESSABLE = {"en": "Not assessable: {label} ({id})", "fr": "Non évaluable : {label} ({id})"}
_HOLDS = {
    STOPS: {"en": "Contraindicated: {label} ({id})", "fr": "Contre-indiqué : {label} ({id})"},
    QUALIFIES: {
        "en": "Relatively contraindicated: {label} ({id})",
        "fr": "Contre-indication relative : {label} ({id})",
    },
}
_NOT_KEPT = {"en": "Limit not kept: {label} ({id})", "fr": "Limite non respectée : {label} ({id})"}
_NOT_INDICATED = {
    "en": "No indication of {label} among those modelled",
    "fr": "Aucune indication modélisée : {label}",
}
_GENERATED = {
    "en": "Generated from the axioms of the {label}; not to be edited.",
    "fr": "Engendré à partir des axiomes du {label} ; à ne pas modifier.",
}
_CONTRADICTS = {"en": "Contradictory facts: {label}", "fr": "Faits contradictoires : {label}"}


def generated_files(compiled: CompiledGuideline) -> dict[Path, str]:
    """Return the text of every generated shapes file of a guideline, by its path below the data folder.

    A file without a shape is none; that on contradictions, which belong to the record model, is written with
    the default guideline.
    """
    found = {
        eligibility_path(compiled): eligibility_shapes(compiled),
        prescription_path(compiled): prescription_shapes(compiled),
    }
    if compiled.guideline.is_default:
        found[CONTRADICTIONS] = contradiction_shapes(compiled)
    shaped = {path: graph for path, graph in found.items() if (None, RDF.type, SH.NodeShape) in graph}
    return {path: graph.serialize(format="turtle") for path, graph in shaped.items()}


def eligibility_path(compiled: CompiledGuideline) -> Path:
    """Return where the eligibility shapes of a guideline lie below the data folder."""
    return Path("shapes/guidelines") / compiled.guideline.id / "eligibility.ttl"


def prescription_path(compiled: CompiledGuideline) -> Path:
    """Return where the prescription shapes of a guideline lie below the data folder."""
    return Path("shapes/guidelines") / compiled.guideline.id / "prescription.ttl"


def prescription_shapes(compiled: CompiledGuideline) -> Graph:
    """Return one shape for each limit that a prescription must keep."""
    iri = URIRef(f"{SHAPES}{compiled.guideline.id}/prescription")
    writer = _Writer(compiled, iri, {"en": "Prescription shapes", "fr": "Formes de prescription"})
    trees = compiled.prescriptions.departs
    for recommendation in compiled.guideline.recommendations:
        if recommendation.kind == CONSTRAINS and recommendation.iri in trees:
            breaks = recommendation.departure == CORE.Discordant
            severity = SH.Violation if breaks else SH.Warning
            name = URIRef(f"{iri}/{recommendation.id}")
            writer.against(name, recommendation, trees[recommendation.iri], severity, _NOT_KEPT)
    return writer.graph


def eligibility_shapes(compiled: CompiledGuideline) -> Graph:
    """Return, per option that can be contraindicated, one shape with one constraint a criterion."""
    iri = URIRef(f"{SHAPES}{compiled.guideline.id}/eligibility")
    writer = _Writer(compiled, iri, {"en": "Eligibility shapes", "fr": "Formes d'éligibilité"})
    for option in compiled.options:
        direct = [r for r in compiled.guideline.recommendations if r.option == option and not r.excluded]
        against = [r for r in direct if r.kind in _SEVERITY]
        if not against:
            continue
        shape = f"{iri}/{local_name(option)}"
        for recommendation in against:
            tree = compiled.criterion(recommendation.population)
            name, kind = URIRef(f"{shape}-{recommendation.id}"), recommendation.kind
            writer.against(name, recommendation, tree, _SEVERITY[kind], _HOLDS[kind])
        words = {language: {"label": compiled.guideline.label(option, language)} for language in ("en", "fr")}
        rests = [s.iri for r in direct if r.kind == OFFERS for s in r.statements]
        tree = compiled.options[option].indicated
        name = URIRef(f"{shape}-indicated")
        writer.constraint(name, SH["not"], [writer.holds(tree, False)], SH.Info, _NOT_INDICATED, words, rests)
    return writer.graph


def contradiction_shapes(compiled: CompiledGuideline) -> Graph:
    """Return one constraint for each class of contradictory facts."""
    iri = URIRef(f"{SHAPES}contradictions")
    writer = _Writer(compiled, iri, {"en": "Contradiction shapes", "fr": "Formes de contradiction"})
    for cls in compiled.schema.impossible:
        words = {language: {"label": compiled.guideline.label(cls, language)} for language in ("en", "fr")}
        tree = compiled.criterion(cls)
        name = URIRef(f"{iri}/{local_name(cls)}")
        writer.constraint(name, SH["not"], [writer.holds(tree, True)], SH.Violation, _CONTRADICTS, words, [])
    return writer.graph


class _Writer:
    """Builds one graph of shapes; the same tree always gives the same triples."""

    def __init__(self, compiled: CompiledGuideline, iri: URIRef, titles: dict[str, str]) -> None:
        self.compiled = compiled
        self._nodes = 0
        self.graph = Graph(bind_namespaces="none")
        ontology = compiled.guideline.graph
        ours = {
            str(prefix): str(ontology.value(module, VANN.preferredNamespaceUri))
            for module, prefix in ontology.subject_objects(VANN.preferredNamespacePrefix)
        }
        for prefix, namespace in (ours | _PREFIXES).items():
            self.graph.bind(prefix, namespace)
        self._header(iri, titles)
        self._paths = compiled.paths

    def _header(self, iri: URIRef, titles: dict[str, str]) -> None:
        """Describe the file; its version, licence and authors are those of the guideline it says again."""
        graph = self.compiled.guideline.graph
        module = graph.value(self.compiled.guideline.iri, RDFS.isDefinedBy)
        version = local_name(str(graph.value(module, OWL.versionIRI)))
        self.graph.add((iri, RDF.type, OWL.Ontology))
        self.graph.add((iri, OWL.versionIRI, URIRef(f"{iri}/{version}")))
        for prop in (OWL.versionInfo, DCTERMS.license, DCTERMS.creator, DCTERMS.issued, DCTERMS.modified):
            for value in graph.objects(module, prop):
                self.graph.add((iri, prop, value))
        number = graph.value(module, OWL.versionInfo)
        citation = (
            f"{graph.value(module, DCTERMS.creator)}. {titles['en']}. bonemet-kg ontology, version {number}. "
            f"{iri}/{version}"
        )
        self.graph.add((iri, DCTERMS.bibliographicCitation, Literal(citation)))
        self.graph.add((iri, DCTERMS.source, self.compiled.guideline.iri))
        self.graph.add((iri, VANN.preferredNamespacePrefix, Literal("shapes")))
        self.graph.add((iri, VANN.preferredNamespaceUri, Literal(str(SHAPES))))
        for language in titles:
            page = URIRef(f"{DOCS}{language}/{page_of_namespace(str(iri))}.html")
            self.graph.add((iri, RDFS.seeAlso, page))
        for language, title in titles.items():
            label = self.compiled.guideline.label(self.compiled.guideline.iri, language)
            description = _GENERATED[language].format(label=label)
            self.graph.add((iri, DCTERMS.title, Literal(title, language)))
            self.graph.add((iri, DCTERMS.description, Literal(description, language)))

    def against(
        self,
        name: URIRef,
        recommendation: Recommendation,
        tree: Node,
        severity: Term,
        texts: dict[str, str],
    ) -> None:
        """Add the two constraints of one recommendation: that a tree does not hold, that it can be told."""
        label = self.compiled.guideline.label
        words = {
            language: {"label": label(recommendation.iri, language), "id": recommendation.id}
            for language in ("en", "fr")
        }
        rests = [s.iri for s in recommendation.statements]
        yes, no = self.holds(tree, True), self.holds(tree, False)
        assessable = URIRef(f"{name}-assessable")
        self.constraint(name, SH["not"], [yes], severity, texts, words, rests)
        self.constraint(assessable, SH["or"], [yes, no], CORE.NotAssessable, _NOT_ASSESSABLE, words, rests)
        for node in (name, assessable):
            self.graph.add((node, RDFS.seeAlso, recommendation.iri))

    def constraint(
        self,
        name: URIRef,
        operator: URIRef,
        parts: list[Term],
        severity: Term,
        texts: dict[str, str],
        words: dict[str, dict[str, str]],
        rests: list[URIRef],
    ) -> None:
        """Add a shape of its own for one constraint, since severity belongs to a shape."""
        self.graph.add((name, RDF.type, SH.NodeShape))
        self.graph.add((name, SH.targetClass, self.compiled.case_entity.iri))
        self.graph.add((name, operator, parts[0] if operator == SH["not"] else self._list(parts)))
        self.graph.add((name, SH.severity, severity))
        for language, text in texts.items():
            self.graph.add((name, SH.message, Literal(text.format(**words[language]), language)))
        for statement in rests:
            self.graph.add((name, CORE.restsOn, statement))

    def holds(self, tree: Node, wanted: bool) -> Term:
        """Return a shape that a case conforms to when a tree surely is (or, not `wanted`, surely is not)."""
        match tree:
            case Named(_, child):
                return self.holds(child, wanted)
            case Not(child):
                return self.holds(child, not wanted)
            case Constant(value):
                return self._constant(value is wanted)
            case Atom():
                return self._atom(tree, wanted)
            case And(children) | Or(children):
                neutral = Constant(isinstance(tree, And))
                parts = [self.holds(child, wanted) for child in children if child != neutral]
                if not parts:
                    return self._constant(isinstance(tree, And) is wanted)
                operator = SH["and"] if isinstance(tree, And) is wanted else SH["or"]
                node = self._node()
                self.graph.add((node, operator, self._list(parts)))
                return node

    def _constant(self, value: bool) -> Term:
        node = self._node()
        if not value:
            self.graph.add((node, SH["not"], self._node()))
        return node

    def _atom(self, atom: Atom, wanted: bool) -> Term:
        feature = self.compiled.schema.features[URIRef(atom.feature)]
        path = [*self._paths[atom.feature], feature.iri]
        if isinstance(atom.values, Interval):
            return self._either([self._bounded(path, i) for i in _sides(atom.values, wanted)])
        if feature.kind is Kind.BOOLEAN:
            value = Literal((TRUE in atom.values) is wanted)
            return self._property(path, {SH.hasValue: value})
        return self._property(
            path, {SH["in"]: self._list(self._classes(feature, atom.values, wanted)), SH.minCount: Literal(1)}
        )

    def _classes(self, feature: Feature, values: frozenset[str], wanted: bool) -> list[Term]:
        """Return the classes, coarse ones too, all of whose leaves are in (or out of) a set."""
        schema = self.compiled.schema
        classes = schema.classes_under(feature.partition) if feature.partition else ()
        return [
            c for c in classes if (schema.leaves(c) <= values if wanted else not schema.leaves(c) & values)
        ]

    def _bounded(self, path: list[URIRef], interval: Interval) -> Term:
        """Return a shape of a quantity that surely lies within an interval, exact or bounded."""
        exact = self._property([*path, QTY.value], {**_facets(interval), SH.minCount: Literal(1)})
        low = self._side(
            path, interval.low, interval.low_open, QTY.minInclusive, QTY.minExclusive, upper=False
        )
        high = self._side(
            path, interval.high, interval.high_open, QTY.maxInclusive, QTY.maxExclusive, upper=True
        )
        bounded = [side for side in (low, high) if side is not None]
        node = self._node()
        self.graph.add((node, SH["and"], self._list(bounded)))
        return self._either([exact, node])

    def _side(
        self,
        path: list[URIRef],
        bound: Fraction | None,
        is_open: bool,
        closed: URIRef,
        opened: URIRef,
        *,
        upper: bool,
    ) -> Term | None:
        if bound is None:
            return None
        inclusive, exclusive = (
            (SH.maxInclusive, SH.maxExclusive) if upper else (SH.minInclusive, SH.minExclusive)
        )
        once = {SH.minCount: Literal(1)}
        from_closed = self._property(
            [*path, closed], {exclusive if is_open else inclusive: _number(bound), **once}
        )
        from_open = self._property([*path, opened], {inclusive: _number(bound), **once})
        return self._either([from_closed, from_open])

    def _either(self, parts: list[Term]) -> Term:
        if len(parts) == 1:
            return parts[0]
        node = self._node()
        self.graph.add((node, SH["or"], self._list(parts)))
        return node

    def _property(self, path: list[URIRef], facets: dict[URIRef, Term]) -> Term:
        node, inner = self._node(), self._node()
        self.graph.add((node, SH.property, inner))
        self.graph.add((inner, SH.path, path[0] if len(path) == 1 else self._list(list(path))))
        for facet, value in facets.items():
            self.graph.add((inner, facet, value))
        return node

    def _node(self) -> BNode:
        """Return a blank node named by its turn, so that the text comes out the same each time."""
        self._nodes += 1
        return BNode(f"n{self._nodes:05}")

    def _list(self, members: list[Term]) -> BNode | URIRef:
        rest: BNode | URIRef = RDF.nil
        for member in reversed(members):
            head = self._node()
            self.graph.add((head, RDF.first, member))
            self.graph.add((head, RDF.rest, rest))
            rest = head
        return rest


def _sides(interval: Interval, wanted: bool) -> list[Interval]:
    """Return an interval, or the intervals outside it."""
    if wanted:
        return [interval]
    outside = []
    if interval.low is not None:
        outside.append(Interval(high=interval.low, high_open=not interval.low_open))
    if interval.high is not None:
        outside.append(Interval(low=interval.high, low_open=not interval.high_open))
    return outside


def _facets(interval: Interval) -> dict[URIRef, Term]:
    facets: dict[URIRef, Term] = {}
    if interval.low is not None:
        facets[SH.minExclusive if interval.low_open else SH.minInclusive] = _number(interval.low)
    if interval.high is not None:
        facets[SH.maxExclusive if interval.high_open else SH.maxInclusive] = _number(interval.high)
    return facets


def _number(number: Fraction) -> Literal:
    return Literal(decimal_text(number), datatype=XSD.decimal)
