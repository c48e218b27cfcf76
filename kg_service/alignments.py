"""Alignments with outside vocabularies: SSSOM tables, read, checked row by row, and turned into RDF.

They stand beside the ontology, never in it: a reasoner does not see them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from rdflib import Graph, Literal, Namespace, URIRef

from kg_service.errors import CatalogError, Problem, nearest
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import BASE, DCTERMS, OWL, RDF, RDFS, SKOS

FOLDER = DATA_ROOT / "ontology" / "alignments"
SSSOM = Namespace("https://w3id.org/sssom/")
NO_TERM = SSSOM.NoTermFound
"""What a row maps to when no term was found in the vocabulary: a recorded absence."""
PREDICATES = (SKOS.exactMatch, SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch)
_JUSTIFICATIONS = "https://w3id.org/semapv/vocab/"
_REQUIRED = ("curie_map", "mapping_set_id", "mapping_set_version", "mapping_set_title", "license",
             "creator_label", "publication_date", "object_source")  # fmt: skip
_OPTIONAL = ("sssom_version", "mapping_set_description", "comment", "extension_definitions")
_COLUMNS = ("subject_id", "subject_label", "predicate_id", "object_id", "mapping_justification", "comment")


@dataclass(frozen=True)
class TermMapping:
    """One row: a term of ours, and what it corresponds to, or that nothing was found.

    Attributes
    ----------
    iri : rdflib.URIRef
        Name of the row itself.
    justification : rdflib.URIRef
        How the mapping came to be, in the SEMAPV vocabulary.
    extensions : tuple of pairs
        What the set's own columns say, by the property that each stands for.
    line : int
        Line of the file.
    """

    iri: URIRef
    subject: URIRef
    label: str
    predicate: URIRef
    object: URIRef
    justification: URIRef
    comment: str
    extensions: tuple[tuple[URIRef, str], ...]
    line: int

    @property
    def is_absence(self) -> bool:
        """Whether the row says that no term was found."""
        return self.object == NO_TERM


@dataclass(frozen=True)
class MappingSet:
    """One file: an alignment with one vocabulary.

    Attributes
    ----------
    iri, version : rdflib.URIRef
        Name of the set, and of this version of it, which is also its graph.
    target : rdflib.URIRef
        The vocabulary.
    """

    path: Path
    iri: URIRef
    version: URIRef
    title: str
    number: str
    licence: URIRef
    creators: tuple[str, ...]
    issued: date
    target: URIRef
    comments: tuple[str, ...]
    mappings: tuple[TermMapping, ...]

    def graph(self) -> Graph:
        """Return the set as RDF: a triple for each mapping, and each row with its provenance."""
        graph = Graph()
        self._describe(graph)
        for row in self.mappings:
            if not row.is_absence:
                graph.add((row.subject, row.predicate, row.object))
            for triple in self._record(row):
                graph.add(triple)
        return graph

    def _describe(self, graph: Graph) -> None:
        graph.add((self.iri, RDF.type, SSSOM.MappingSet))
        graph.add((self.iri, DCTERMS.title, Literal(self.title)))
        graph.add((self.iri, DCTERMS.license, self.licence))
        graph.add((self.iri, DCTERMS.issued, Literal(self.issued)))
        graph.add((self.iri, OWL.versionInfo, Literal(self.number)))
        for creator in self.creators:
            graph.add((self.iri, DCTERMS.creator, Literal(creator)))
        for comment in self.comments:
            graph.add((self.iri, RDFS.comment, Literal(comment)))

    def _record(self, row: TermMapping) -> Iterator[tuple[URIRef, URIRef, URIRef | Literal]]:
        """Yield what SSSOM's own RDF says of a row; no axiom follows from that of an absence."""
        yield self.iri, SSSOM.mappings, row.iri
        yield row.iri, RDF.type, OWL.Axiom
        yield row.iri, OWL.annotatedSource, row.subject
        yield row.iri, OWL.annotatedProperty, row.predicate
        yield row.iri, OWL.annotatedTarget, row.object
        yield row.iri, SSSOM.object_source, self.target
        yield row.iri, SSSOM.mapping_justification, row.justification
        if row.comment:
            yield row.iri, RDFS.comment, Literal(row.comment)
        for prop, value in row.extensions:
            yield row.iri, prop, Literal(value)


@cache
def mapping_sets(folder: Path = FOLDER) -> tuple[MappingSet, ...]:
    """Return the alignment sets of a folder, by name of their files.

    Raises
    ------
    CatalogError
        When there is none, one is malformed, or two have one name.
    """
    paths = sorted(folder.glob("*.sssom.tsv"))
    if not paths:
        raise CatalogError(f"{folder}: holds no .sssom.tsv file; expected the alignment sets")
    sets = tuple(read_mapping_set(path) for path in paths)
    first: dict[URIRef, Path] = {}
    for found in sets:
        other = first.setdefault(found.iri, found.path)
        if other != found.path:
            raise CatalogError(f"{found.path}: bears the mapping_set_id of {other}; give it its own")
    return sets


def read_mapping_set(path: Path) -> MappingSet:
    """Return the alignment set of one SSSOM file.

    Raises
    ------
    CatalogError
        When the file is malformed; says every row that is, with its line.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line[1:] for line in lines if line.startswith("#")]
    if any(line.startswith("#") for line in lines[len(header) :]):
        raise CatalogError(f"{path}: a line with # below the table; the metadata stand above it")
    metadata = _metadata(path, header)
    reader = _Rows(path, metadata, len(header))
    mappings = tuple(reader.read(lines[len(header) :]))
    if reader.problems:
        raise CatalogError("\n".join(map(str, reader.problems)))
    iri = str(metadata["mapping_set_id"])
    return MappingSet(
        path=path,
        iri=URIRef(iri),
        version=URIRef(f"{iri}/{metadata['publication_date']}"),
        title=str(metadata["mapping_set_title"]),
        number=str(metadata["mapping_set_version"]),
        licence=URIRef(str(metadata["license"])),
        creators=tuple(map(str, metadata["creator_label"])),
        issued=metadata["publication_date"],
        target=reader.target,
        comments=tuple(str(metadata[k]) for k in ("mapping_set_description", "comment") if k in metadata),
        mappings=mappings,
    )


def _metadata(path: Path, header: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of a set, with what a set of ours must have."""
    try:
        found = yaml.safe_load("\n".join(header))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise CatalogError(
            f"{where}: the metadata are not YAML: {getattr(error, 'problem', error)}"
        ) from error
    if not isinstance(found, dict):
        raise CatalogError(f"{path}: no metadata; expected lines with # that state {', '.join(_REQUIRED)}")
    missing = [key for key in _REQUIRED if not found.get(key)]
    unknown = sorted(str(key) for key in found if key not in (*_REQUIRED, *_OPTIONAL))
    if missing or unknown:
        raise CatalogError(
            f"{path}: the metadata lack {', '.join(missing) or 'nothing'}"
            f" and have unknown {', '.join(unknown) or 'nothing'}"
        )
    _check_metadata(path, found)
    return found


def _check_metadata(path: Path, found: Mapping[str, Any]) -> None:
    own = f"{BASE}alignments/"
    name = path.name.removesuffix(".sssom.tsv")
    checks = {
        "mapping_set_id": (found["mapping_set_id"] == own + name, own + name),
        "publication_date": (isinstance(found["publication_date"], date), "a day, such as 2026-11-23"),
        "curie_map": (isinstance(found["curie_map"], dict), "prefixes with their IRIs"),
        "creator_label": (isinstance(found["creator_label"], list), "a list"),
        "license": (str(found["license"]).startswith("https://"), "the IRI of a licence"),
    }
    problems = [
        str(Problem(f"{path}: {key}", f"{found[key]!r}", expected))
        for key, (holds, expected) in checks.items()
        if not holds
    ]
    if problems:
        raise CatalogError("\n".join(problems))


class _Rows:
    """Reads the rows of one set, and gathers what is wrong with them."""

    def __init__(self, path: Path, metadata: Mapping[str, Any], above: int) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._above = above
        self._iri = str(metadata["mapping_set_id"])
        self._prefixes = {str(k): str(v) for k, v in metadata["curie_map"].items()}
        self._extensions = {
            str(item["slot_name"]): self._expand(str(item["property"]), 0)
            for item in metadata.get("extension_definitions", [])
        }
        self.target = self._expand(str(metadata["object_source"]), 0) or NO_TERM

    def read(self, lines: Sequence[str]) -> Iterator[TermMapping]:
        """Yield the rows that can be read."""
        table = csv.reader(lines, delimiter="\t", strict=True)
        columns = next(table, [])
        if not self._are_columns(columns):
            return
        seen: dict[tuple[URIRef, URIRef], int] = {}
        for fields in table:
            line = self._above + table.line_num
            row = self._row(dict(zip(columns, fields, strict=False)), line, len(columns) - len(fields))
            if row is None:
                continue
            first = seen.setdefault((row.subject, row.object), line)
            if first != line:
                self._refuse(
                    line, "subject and object of an earlier row", "each pair once", f"See line {first}."
                )
            yield row

    def _are_columns(self, columns: Sequence[str]) -> bool:
        expected = (*_COLUMNS, *self._extensions)
        if sorted(columns) != sorted(expected):
            self._refuse(self._above + 1, f"columns {', '.join(columns) or 'none'}", ", ".join(expected))
        return not self.problems

    def _row(self, fields: Mapping[str, str], line: int, missing: int) -> TermMapping | None:
        before = len(self.problems)
        if missing or any(value != value.strip() for value in fields.values()):
            self._refuse(line, "a field too few, too many or with space around it", "one field a column")
            return None
        subject, predicate, target, how = (
            self._expand(fields[name], line)
            for name in ("subject_id", "predicate_id", "object_id", "mapping_justification")
        )
        if subject is None or predicate is None or target is None or how is None:
            return None
        self._check(line, subject, predicate, target, how)
        if len(self.problems) > before:
            return None
        return TermMapping(
            iri=URIRef(f"{self._iri}#{fields['subject_id']}_{fields['object_id']}"),
            subject=subject,
            label=fields["subject_label"],
            predicate=predicate,
            object=target,
            justification=how,
            comment=fields["comment"],
            extensions=tuple((p, fields[c]) for c, p in self._extensions.items() if p and fields[c]),
            line=line,
        )

    def _check(self, line: int, subject: URIRef, predicate: URIRef, target: URIRef, how: URIRef) -> None:
        if not subject.startswith(BASE):
            self._refuse(line, f"subject {subject}", f"a term of ours, under {BASE}")
        if target.startswith(BASE):
            self._refuse(line, f"object {target}", "a term of the outside vocabulary")
        if predicate not in PREDICATES:
            self._refuse(line, f"predicate {predicate}", " or ".join(p.n3() for p in PREDICATES))
        if target == NO_TERM and predicate != SKOS.exactMatch:
            self._refuse(
                line, f"an absence with {predicate}", "skos:exactMatch: what was not found is an exact match"
            )
        if not how.startswith(_JUSTIFICATIONS):
            self._refuse(line, f"justification {how}", f"a term under {_JUSTIFICATIONS}")

    def _expand(self, curie: str, line: int) -> URIRef | None:
        """Return the IRI that a CURIE stands for, under the prefixes of the file alone."""
        prefix, colon, local = curie.partition(":")
        if not colon or not local or prefix not in self._prefixes:
            near = nearest(prefix, list(self._prefixes))
            remedy = f"Did you mean {near!r}?" if near else "Declare it in curie_map."
            self._refuse(line, f"{curie!r}, whose prefix is not declared", "prefix:code", remedy)
            return None
        return URIRef(self._prefixes[prefix] + local)

    def _refuse(self, line: int, found: str, expected: str, remedy: str = "") -> None:
        where = f"{self._path}:{line}" if line else f"{self._path}: metadata"
        self.problems.append(Problem(where, found, expected, remedy))
