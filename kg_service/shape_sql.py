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
_INDENT = "\n  "


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
        found = statement.violations(constraint, nodes, values)
        if ways != nodes:  # a report holds a result for each way to its focus node
            found = f"SELECT found.* FROM ({_indented(found)}\n) AS found JOIN {ways} AS w ON w.node = found.focus"
        path = _quoted(str(shape.path)) if shape.path else "NULL"
        if isinstance(constraint, tree.Closed):
            path = "path"
        constants = (constraint.component, shape.severity, plan.names[shape.node])
        named = ", ".join(
            f"{_quoted(text)} AS {column}"
            for text, column in zip(constants, COLUMNS[-len(constants) :], strict=True)
        )
        select = f"SELECT focus, {path} AS path, value, {named}\nFROM ({_indented(found)}\n) AS found"
        yield ConstraintQuery(statement.with_clause() + select, shape)
    for child in shape.properties:
        yield from _reports(plan, child, targets, (*above, shape))


class _Statement:
    """One statement under construction: relations by name, each made of those before it.

    Relations of nodes have the column ``node``; relations of values ``focus`` and ``value``.
    """

    def __init__(self) -> None:
        self.relations: dict[str, str] = {}
        self.identities: dict[str, str] = {}
        self.recursive = False

    def relation(self, prefix: str, sql: str) -> str:
        """Return the name of a relation, made unless there is an equal one."""
        for name, known in self.relations.items():
            if known == sql:
                return name
        name = f"{prefix}{len(self.relations) + 1}"
        self.relations[name] = sql
        return name

    def with_clause(self) -> str:
        keyword = "WITH RECURSIVE" if self.recursive else "WITH"
        made = ",\n".join(f"{name} AS ({_indented(sql)}\n)" for name, sql in self.relations.items())
        return f"{keyword} {made}\n"

    # Nodes and values

    def targets(self, targets: tuple[tree.Target, ...]) -> str:
        selects = []
        for target in targets:
            term = _quoted(target.term.text)
            selects.append(
                {
                    "node": f"SELECT {term} AS node",
                    "class": f"SELECT node FROM instances WHERE class = {term}",
                    "subjectsOf": f"SELECT subject AS node FROM triples WHERE predicate = {term}",
                    "objectsOf": f"SELECT object AS node FROM triples WHERE predicate = {term}",
                }[target.kind]
            )
        return self.relation("nodes", _union(selects))

    def value_nodes(self, values: str) -> str:
        if values in self.identities:
            return self.identities[values]
        return self.relation("nodes", f"SELECT DISTINCT value AS node FROM {values}")

    def ways(self, nodes: str, values: str) -> str:
        """Return the values of some nodes, each as often as it is reached."""
        if values in self.identities:
            return nodes
        return self.relation(
            "ways", f"SELECT v.value AS node FROM {values} AS v JOIN {nodes} AS n ON n.node = v.focus"
        )

    def values(self, path: tree.Path | None, nodes: str) -> str:
        """Return the relation of focus nodes and their distinct values."""
        start = self.relation("values", f"SELECT node AS focus, node AS value FROM {nodes}")
        self.identities[start] = nodes
        return start if path is None else self.follow(path, start)

    @singledispatchmethod
    def follow(self, path: tree.Path, start: str) -> str:
        raise NotImplementedError(type(path))

    @follow.register
    def _(self, path: tree.Step, start: str) -> str:
        near, far = ("object", "subject") if path.inverse else ("subject", "object")
        return self.relation(
            "values",
            f"SELECT DISTINCT v.focus, t.{far} AS value FROM {start} AS v\n"
            f"JOIN triples AS t ON t.{near} = v.value AND t.predicate = {_iri(path.predicate)}",
        )

    @follow.register
    def _(self, path: tree.Sequence, start: str) -> str:
        for step in path.paths:
            start = self.follow(step, start)
        return start

    @follow.register
    def _(self, path: tree.Alternative, start: str) -> str:
        parts = [f"SELECT focus, value FROM {self.follow(part, start)}" for part in path.paths]
        return self.relation("values", _union(parts))

    @follow.register
    def _(self, path: tree.Repeated, start: str) -> str:
        if path.times == "?":
            once = self.follow(path.path, start)
            return self.relation(
                "values", _union([f"SELECT focus, value FROM {name}" for name in (start, once)])
            )
        everything = self.relation("nodes", "SELECT term AS node FROM terms")
        step = self.values(path.path, everything)
        begin = self.follow(path.path, start) if path.times == "+" else start
        self.recursive = True
        name = f"values{len(self.relations) + 1}"
        self.relations[name] = (
            f"SELECT focus, value FROM {begin}\nUNION\n"
            f"SELECT r.focus, s.value FROM {name} AS r JOIN {step} AS s ON s.focus = r.value"
        )
        return name

    # Conformance

    def failing(self, shape: tree.Shape, nodes: str) -> str:
        """Return the relation of those of some nodes that do not conform to a shape."""
        empty = f"SELECT node FROM {nodes} WHERE FALSE"
        if shape.deactivated:
            return self.relation("failing", empty)
        values = self.values(shape.path, nodes)
        selects = [
            f"SELECT focus AS node FROM ({_indented(self.violations(c, nodes, values))}\n) AS found"
            for c in shape.constraints
        ]
        for child in shape.properties:
            failed = self.failing(child, self.value_nodes(values))
            selects.append(
                f"SELECT v.focus AS node FROM {values} AS v JOIN {failed} AS f ON f.node = v.value"
            )
        return self.relation("failing", _union(selects) if selects else empty)

    @singledispatchmethod
    def violations(self, constraint: tree.Constraint, nodes: str, values: str) -> str:
        """Return the SELECT of the focus nodes and values that break a constraint."""
        return (
            f"SELECT v.focus, v.value FROM {values} AS v JOIN terms AS t ON t.term = v.value\n"
            f"WHERE NOT coalesce({_condition(constraint)}, FALSE)"
        )

    @violations.register
    def _(self, constraint: tree.OfClass, nodes: str, values: str) -> str:
        return (
            f"SELECT v.focus, v.value FROM {values} AS v WHERE NOT EXISTS (\n"
            f"  SELECT 1 FROM instances AS i WHERE i.node = v.value AND i.class = "
            f"{_quoted(constraint.cls.text)})"
        )

    @violations.register
    def _(self, constraint: tree.OneOf, nodes: str, values: str) -> str:
        members = ", ".join(_quoted(term.text) for term in constraint.terms)
        condition = f"v.value NOT IN ({members})" if members else "TRUE"
        return f"SELECT v.focus, v.value FROM {values} AS v WHERE {condition}"

    @violations.register
    def _(self, constraint: tree.Count, nodes: str, values: str) -> str:
        return _counted(nodes, values, constraint.comparison, constraint.number)

    @violations.register
    def _(self, constraint: tree.UniqueLanguage, nodes: str, values: str) -> str:
        return (
            f"SELECT v.focus, NULL AS value FROM {values} AS v JOIN terms AS t ON t.term = v.value\n"
            "WHERE t.language IS NOT NULL GROUP BY v.focus, t.language HAVING count(*) > 1"
        )

    @violations.register
    def _(self, constraint: tree.HasValue, nodes: str, values: str) -> str:
        return (
            f"SELECT n.node AS focus, NULL AS value FROM {nodes} AS n WHERE NOT EXISTS (\n"
            f"  SELECT 1 FROM {values} AS v WHERE v.focus = n.node AND v.value = "
            f"{_quoted(constraint.term.text)})"
        )

    @violations.register
    def _(self, constraint: tree.Compared, nodes: str, values: str) -> str:
        others = self.values(tree.Step(constraint.predicate.lexical), nodes)
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
    def _(self, constraint: tree.Closed, nodes: str, values: str) -> str:
        members = ", ".join(_quoted(term.text) for term in constraint.predicates)
        condition = f"\nWHERE t.predicate NOT IN ({members})" if members else ""
        return (
            f"SELECT v.focus, t.predicate AS path, t.object AS value FROM {values} AS v\n"
            f"JOIN triples AS t ON t.subject = v.value{condition}"
        )

    @violations.register
    def _(self, constraint: tree.Logical, nodes: str, values: str) -> str:
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
    def _(self, constraint: tree.Qualified, nodes: str, values: str) -> str:
        below = self.value_nodes(values)
        excluded = [self.failing(constraint.shape, below)]
        conditions = [f"NOT EXISTS (SELECT 1 FROM {excluded[0]} AS f WHERE f.node = v.value)"]
        for sibling in constraint.siblings:
            failed = self.failing(sibling, below)
            conditions.append(f"EXISTS (SELECT 1 FROM {failed} AS f WHERE f.node = v.value)")
        condition = " AND ".join(conditions)
        fitting = self.relation("values", f"SELECT v.focus, v.value FROM {values} AS v WHERE {condition}")
        return _counted(nodes, fitting, constraint.comparison, constraint.number)


def _counted(nodes: str, values: str, comparison: str, number: int) -> str:
    return (
        f"SELECT n.node AS focus, NULL AS value FROM {nodes} AS n LEFT JOIN {values} AS v ON v.focus = n.node\n"
        f"GROUP BY n.node HAVING NOT count(v.value) {comparison} {number}"
    )


def _condition(constraint: tree.Constraint) -> str:
    """Return what is true of the term ``t`` of a value that keeps a constraint."""
    match constraint:
        case tree.OfDatatype(_, datatype):
            return f"t.datatype = {_quoted(datatype)} AND NOT t.ill_typed"
        case tree.OfKind(_, kinds):
            return f"t.kind IN ({', '.join(map(_quoted, kinds))})"
        case tree.Bound(_, comparison, family, order):
            return f"t.family = {_quoted(family or '')} AND t.order_key {comparison} {_quoted(order or '')}"
        case tree.Length(_, comparison, number):
            return f"t.kind <> '{BLANK}' AND length(t.lexical) {comparison} {number}"
        case tree.Pattern(_, regex):
            return f"t.kind <> '{BLANK}' AND regexp_matches(t.lexical, {_quoted(regex)})"
        case tree.LanguageIn(_, ranges):
            return " OR ".join(_in_range(text) for text in ranges) or "FALSE"
    raise NotImplementedError(type(constraint))


def _in_range(text: str) -> str:
    if text == "*":
        return "t.language IS NOT NULL"
    return f"t.language = {_quoted(text)} OR starts_with(t.language, {_quoted(f'{text}-')})"


def _union(selects: list[str]) -> str:
    return (
        "\nUNION\n".join(selects)
        if len(selects) > 1
        else selects[0].replace("SELECT ", "SELECT DISTINCT ", 1)
    )


def _iri(iri: str) -> str:
    return _quoted(iri_term(iri).text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _indented(sql: str) -> str:
    return _INDENT + sql.replace("\n", _INDENT)
