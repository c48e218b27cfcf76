"""Writes compiled shapes as SQL over a table of triples: one SELECT for each constraint of each shape.

The SELECTs read three tables, which `PREPARATION` makes of what was loaded:

* ``triples``: ``subject``, ``predicate``, ``object``, as N-Triples;
* ``terms``: each ``term`` with its ``kind``, ``lexical`` form, ``datatype``, ``language``, whether it is
  ``ill_typed``, and the ``family`` and ``order_key`` by which values compare as texts;
* ``instances``: each ``node`` with every ``class`` it belongs to, subclasses in the data included.

They use WITH, SELECT, JOIN, EXISTS, EXCEPT, GROUP BY, CASE and comparison of texts by code point; and
``regexp_matches`` where a shape has a pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatchmethod

from kg_service import shape_tree as tree
from kg_service.namespaces import RDF, RDFS
from kg_service.rdf_terms import BLANK, iri_term
from kg_service.shape_relations import Relations, Values, indented, quoted, union

_TYPE, _SUBCLASS = iri_term(RDF.type).text, iri_term(RDFS.subClassOf).text
PREPARATION = (
    "CREATE TABLE triples AS\nSELECT DISTINCT subject, predicate, object FROM loaded_triples\n"
    "ORDER BY predicate, subject, object",
    "CREATE TABLE terms AS\nSELECT DISTINCT * FROM loaded_terms ORDER BY term",
    f"""CREATE TABLE instances AS
WITH RECURSIVE below(class, ancestor) AS (
  SELECT DISTINCT object, object FROM triples WHERE predicate = '{_TYPE}'
  UNION
  SELECT below.class, t.object FROM below JOIN triples AS t
    ON t.subject = below.ancestor AND t.predicate = '{_SUBCLASS}'
)
SELECT DISTINCT t.subject AS node, below.ancestor AS class FROM triples AS t
  JOIN below ON below.class = t.object WHERE t.predicate = '{_TYPE}'
ORDER BY class, node""",
)
"""Statements that make the tables of ``loaded_triples`` and ``loaded_terms``."""
COLUMNS = ("focus", "path", "value", "component", "severity", "source_shape")
"""Columns of every SELECT: terms are N-Triples, the path is that of SPARQL."""


@dataclass(frozen=True)
class ConstraintQuery:
    """One constraint of one shape as a SELECT.

    Attributes
    ----------
    sql : str
        Its rows are validation results, with `COLUMNS`.
    shape : Shape
        The shape whose constraint it is.
    """

    sql: str
    shape: tree.Shape


def constraint_queries(plan: tree.ShapePlan) -> Iterator[ConstraintQuery]:
    """Yield the SELECTs of a plan, in its order."""
    for shape, targets in plan.roots:
        yield from _reports(plan, shape, targets, ())


def _reports(
    plan: tree.ShapePlan, shape: tree.Shape, targets: tuple[tree.Target, ...], above: tuple[tree.Shape, ...]
) -> Iterator[ConstraintQuery]:
    """Yield the SELECTs of a shape that is reached from targets over the shapes above it."""
    if shape.deactivated:
        return
    for constraint in shape.constraints:
        statement = _Statement()
        nodes = statement.targets(targets)
        ways = nodes
        for passed in above:
            reached = statement.values(passed.path, nodes)
            ways = statement.ways(ways, reached)
            nodes = statement.value_nodes(reached)
        values = statement.values(shape.path, nodes)
        found = statement.violations(constraint, values)
        if ways != nodes:  # a report holds a result for each way to its focus node
            again = f"JOIN {ways} AS w ON w.node = found.focus"
            found = f"SELECT found.* FROM ({indented(found)}\n) AS found {again}"
        path = quoted(str(shape.path)) if shape.path else "NULL"
        if isinstance(constraint, tree.Closed):
            path = "path"
        constants = (constraint.component, shape.severity, plan.names[shape.node])
        named = ", ".join(
            f"{quoted(text)} AS {column}"
            for text, column in zip(constants, COLUMNS[-len(constants) :], strict=True)
        )
        select = f"SELECT focus, {path} AS path, value, {named}\nFROM ({indented(found)}\n) AS found"
        yield ConstraintQuery(statement.with_clause() + select, shape)
    for child in shape.properties:
        yield from _reports(plan, child, targets, (*above, shape))


class _Statement(Relations):
    """One statement under construction."""

    # Conformance

    def failing(self, shape: tree.Shape, nodes: str) -> str:
        """Return the relation of those of some nodes that do not conform to a shape."""
        empty = f"SELECT node FROM {nodes} WHERE FALSE"
        if shape.deactivated:
            return self.named("failing", empty)
        values = self.values(shape.path, nodes)
        selects = [
            f"SELECT focus AS node FROM ({indented(self.violations(c, values))}\n) AS found"
            for c in shape.constraints
        ]
        for child in shape.properties:
            failed = self.failing(child, self.value_nodes(values))
            selects.append(
                f"SELECT v.focus AS node FROM {values} AS v JOIN {failed} AS f ON f.node = v.value"
            )
        return self.named("failing", union(selects) if selects else empty)

    @singledispatchmethod
    def violations(self, constraint: tree.Constraint, values: Values) -> str:
        """Return the SELECT of the focus nodes and values that break a constraint."""
        if isinstance(constraint, tree.UniqueLanguage):
            return (
                f"SELECT v.focus, NULL AS value FROM {values} AS v JOIN terms AS t ON t.term = v.value\n"
                "WHERE t.language IS NOT NULL GROUP BY v.focus, t.language HAVING count(*) > 1"
            )
        return (
            f"SELECT v.focus, v.value FROM {values} AS v JOIN terms AS t ON t.term = v.value\n"
            f"WHERE NOT coalesce({_condition(constraint)}, FALSE)"
        )

    @violations.register
    def _(self, constraint: tree.OfClass, values: Values) -> str:
        return (
            f"SELECT v.focus, v.value FROM {values} AS v WHERE NOT EXISTS (\n"
            f"  SELECT 1 FROM instances AS i WHERE i.node = v.value AND i.class = "
            f"{quoted(constraint.cls.text)})"
        )

    @violations.register
    def _(self, constraint: tree.OneOf, values: Values) -> str:
        members = ", ".join(quoted(term.text) for term in constraint.terms)
        condition = f"v.value NOT IN ({members})" if members else "TRUE"
        return f"SELECT v.focus, v.value FROM {values} AS v WHERE {condition}"

    @violations.register
    def _(self, constraint: tree.Count, values: Values) -> str:
        return _counted(values, constraint.comparison, constraint.number)

    @violations.register
    def _(self, constraint: tree.HasValue, values: Values) -> str:
        return (
            f"SELECT n.node AS focus, NULL AS value FROM {values.nodes} AS n WHERE NOT EXISTS (\n"
            f"  SELECT 1 FROM {values} AS v WHERE v.focus = n.node AND v.value = "
            f"{quoted(constraint.term.text)})"
        )

    @violations.register
    def _(self, constraint: tree.Compared, values: Values) -> str:
        others = self.values(tree.Step(constraint.predicate.lexical), values.nodes)
        mine, theirs = (f"SELECT focus, value FROM {name}" for name in (values, others))
        if constraint.relation == "equals":
            return f"({mine} EXCEPT {theirs})\nUNION ALL ({theirs} EXCEPT {mine})"
        if constraint.relation == "disjoint":
            return f"{mine} INTERSECT {theirs}"
        pairs = (
            f"SELECT v.focus, v.value FROM {values} AS v JOIN {others} AS o ON o.focus = v.focus\n"
            "JOIN terms AS a ON a.term = v.value JOIN terms AS b ON b.term = o.value\nWHERE "
        )
        if constraint.relation == "notEarlier":
            known = "least(length(a.lexical), length(b.lexical))"
            return pairs + (
                f"a.kind <> '{BLANK}' AND b.kind <> '{BLANK}'\n"
                f"  AND substr(a.lexical, 1, {known}) < substr(b.lexical, 1, {known})"
            )
        return pairs + (
            f"NOT coalesce(a.family = b.family AND a.order_key {constraint.relation} b.order_key, FALSE)"
        )

    @violations.register
    def _(self, constraint: tree.Closed, values: Values) -> str:
        members = ", ".join(quoted(term.text) for term in constraint.predicates)
        condition = f"\nWHERE t.predicate NOT IN ({members})" if members else ""
        return (
            f"SELECT v.focus, t.predicate AS path, t.object AS value FROM {values} AS v\n"
            f"JOIN triples AS t ON t.subject = v.value{condition}"
        )

    @violations.register
    def _(self, constraint: tree.Logical, values: Values) -> str:
        below = self.value_nodes(values)
        fails = [
            f"EXISTS (SELECT 1 FROM {self.failing(shape, below)} AS f WHERE f.node = v.value)"
            for shape in constraint.shapes
        ]
        passed = " + ".join(f"CASE WHEN {fail} THEN 0 ELSE 1 END" for fail in fails) or "0"
        condition = {
            "all": " OR ".join(fails) or "FALSE",
            "any": " AND ".join(fails) or "TRUE",
            "none": " OR ".join(f"NOT {fail}" for fail in fails),
            "one": f"{passed} <> 1",
        }[constraint.quantity]
        return f"SELECT v.focus, v.value FROM {values} AS v WHERE {condition}"

    @violations.register
    def _(self, constraint: tree.Qualified, values: Values) -> str:
        below = self.value_nodes(values)
        excluded = [self.failing(constraint.shape, below)]
        conditions = [f"NOT EXISTS (SELECT 1 FROM {excluded[0]} AS f WHERE f.node = v.value)"]
        for sibling in constraint.siblings:
            failed = self.failing(sibling, below)
            conditions.append(f"EXISTS (SELECT 1 FROM {failed} AS f WHERE f.node = v.value)")
        condition = " AND ".join(conditions)
        fitting = self.named("values", f"SELECT v.focus, v.value FROM {values} AS v WHERE {condition}")
        return _counted(Values(values.nodes, fitting), constraint.comparison, constraint.number)


def _counted(values: Values, comparison: str, number: int) -> str:
    return (
        f"SELECT n.node AS focus, NULL AS value FROM {values.nodes} AS n\n"
        f"LEFT JOIN {values} AS v ON v.focus = n.node\n"
        f"GROUP BY n.node HAVING NOT count(v.value) {comparison} {number}"
    )


def _condition(constraint: tree.Constraint) -> str:
    """Return what is true of the term ``t`` of a value that keeps a constraint."""
    match constraint:
        case tree.OfDatatype(_, datatype):
            return f"t.datatype = {quoted(datatype)} AND NOT t.ill_typed"
        case tree.OfKind(_, kinds):
            return f"t.kind IN ({', '.join(map(quoted, kinds))})"
        case tree.Bound(_, comparison, family, order):
            return f"t.family = {quoted(family or '')} AND t.order_key {comparison} {quoted(order or '')}"
        case tree.Length(_, comparison, number):
            return f"t.kind <> '{BLANK}' AND length(t.lexical) {comparison} {number}"
        case tree.Pattern(_, regex):
            return f"t.kind <> '{BLANK}' AND regexp_matches(t.lexical, {quoted(regex)})"
        case tree.LanguageIn(_, ranges):
            return " OR ".join(_in_range(text) for text in ranges) or "FALSE"
    raise NotImplementedError(type(constraint))


def _in_range(text: str) -> str:
    if text == "*":
        return "t.language IS NOT NULL"
    return f"t.language = {quoted(text)} OR starts_with(t.language, {quoted(f'{text}-')})"
