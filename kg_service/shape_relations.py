"""Named relations of one SQL statement: focus nodes, and the values that paths lead to from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatchmethod

from kg_service import shape_tree as tree
from kg_service.rdf_terms import iri_term

_INDENT = "\n  "


@dataclass(frozen=True)
class Values:
    """A relation of focus nodes and their distinct values, with the columns ``focus`` and ``value``.

    Attributes
    ----------
    nodes : str
        Name of the relation of all the focus nodes, those without a value too; its column is ``node``.
    name : str
        Name of the relation.
    """

    nodes: str
    name: str

    def __str__(self) -> str:
        return self.name


class Relations:
    """The relations of a statement under construction, each made of those before it."""

    def __init__(self) -> None:
        self.relations: dict[str, str] = {}
        self.identities: dict[str, str] = {}
        self.recursive = False

    def named(self, prefix: str, sql: str) -> str:
        """Return the name of a relation, made unless there is an equal one."""
        for name, known in self.relations.items():
            if known == sql:
                return name
        name = f"{prefix}{len(self.relations) + 1}"
        self.relations[name] = sql
        return name

    def with_clause(self) -> str:
        """Return the beginning of the statement, which makes the relations."""
        keyword = "WITH RECURSIVE" if self.recursive else "WITH"
        made = ",\n".join(f"{name} AS ({indented(sql)}\n)" for name, sql in self.relations.items())
        return f"{keyword} {made}\n"

    # Nodes and values

    def targets(self, targets: tuple[tree.Target, ...]) -> str:
        """Return the relation of the focus nodes of some targets."""
        selects = []
        for target in targets:
            term = quoted(target.term.text)
            selects.append(
                {
                    "node": f"SELECT {term} AS node",
                    "class": f"SELECT node FROM instances WHERE class = {term}",
                    "subjectsOf": f"SELECT subject AS node FROM triples WHERE predicate = {term}",
                    "objectsOf": f"SELECT object AS node FROM triples WHERE predicate = {term}",
                }[target.kind]
            )
        return self.named("nodes", union(selects))

    def value_nodes(self, values: Values) -> str:
        """Return the relation of the distinct values, as nodes."""
        if values.name in self.identities:
            return self.identities[values.name]
        return self.named("nodes", f"SELECT DISTINCT value AS node FROM {values}")

    def ways(self, nodes: str, values: Values) -> str:
        """Return the values of some nodes, each as often as it is reached."""
        if values.name in self.identities:
            return nodes
        return self.named(
            "ways", f"SELECT v.value AS node FROM {values} AS v JOIN {nodes} AS n ON n.node = v.focus"
        )

    def values(self, path: tree.Path | None, nodes: str) -> Values:
        """Return the relation of some nodes and their values at a path; each is its own without one."""
        start = self.named("values", f"SELECT node AS focus, node AS value FROM {nodes}")
        self.identities[start] = nodes
        return Values(nodes, start if path is None else self._follow(path, start))

    @singledispatchmethod
    def _follow(self, path: tree.Path, start: str) -> str:
        raise NotImplementedError(type(path))

    @_follow.register
    def _(self, path: tree.Step, start: str) -> str:
        near, far = ("object", "subject") if path.inverse else ("subject", "object")
        return self.named(
            "values",
            f"SELECT DISTINCT v.focus, t.{far} AS value FROM {start} AS v\n"
            f"JOIN triples AS t ON t.{near} = v.value AND t.predicate = {quoted_iri(path.predicate)}",
        )

    @_follow.register
    def _(self, path: tree.Sequence, start: str) -> str:
        for step in path.paths:
            start = self._follow(step, start)
        return start

    @_follow.register
    def _(self, path: tree.Alternative, start: str) -> str:
        parts = [f"SELECT focus, value FROM {self._follow(part, start)}" for part in path.paths]
        return self.named("values", union(parts))

    @_follow.register
    def _(self, path: tree.Repeated, start: str) -> str:
        if path.times == "?":
            once = self._follow(path.path, start)
            return self.named("values", union([f"SELECT focus, value FROM {name}" for name in (start, once)]))
        everything = self.named("nodes", "SELECT term AS node FROM terms")
        step = self.values(path.path, everything)
        begin = self._follow(path.path, start) if path.times == "+" else start
        self.recursive = True
        name = f"values{len(self.relations) + 1}"
        self.relations[name] = (
            f"SELECT focus, value FROM {begin}\nUNION\n"
            f"SELECT r.focus, s.value FROM {name} AS r JOIN {step} AS s ON s.focus = r.value"
        )
        return name


def union(selects: list[str]) -> str:
    """Return the rows of some SELECTs, each once."""
    return (
        "\nUNION\n".join(selects)
        if len(selects) > 1
        else selects[0].replace("SELECT ", "SELECT DISTINCT ", 1)
    )


def quoted_iri(iri: str) -> str:
    """Return an IRI as the tables hold it, as a constant."""
    return quoted(iri_term(iri).text)


def quoted(text: str) -> str:
    """Return a text as an SQL constant."""
    return "'" + text.replace("'", "''") + "'"


def indented(sql: str) -> str:
    """Return SQL on a new line, one level deeper."""
    return _INDENT + sql.replace("\n", _INDENT)
