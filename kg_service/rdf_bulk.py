"""Files of many RDF records: each is taken out of a store on disk, however its triples are scattered.

Nothing tells where in a file a record ends: stores write triples by subject, or by hash. A store on
disk finds all that a record leads to, in memory that does not grow with the file.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from kg_service.errors import CatalogError, InputError, Problem
from kg_service.exchange import BOUNDS
from kg_service.iris import document_base
from kg_service.namespaces import QTY, RDF
from kg_service.rdf_parse import ParsedTriple, parse
from kg_service.record_from_rdf import properties_of
from kg_service.record_source import RawRecord, Refuse
from kg_service.schema import Kind, RecordSchema
from kg_service.spill_files import MARK, ZIPPED, SpillFiles, Told, cut_off, lines_of, mark, opened, untold
from kg_service.store.bulk import StoredNode, TripleStore, node_of, written

FORMS = {".nt": "nt", ".nq": "nquads", ".ttl": "turtle", ".trig": "trig"}
BY_LINE = ("nt", "nquads")
"""The syntaxes in which a line that cannot be read spoils no other."""
TOGETHER = 20_000
"""Lines that are parsed together, and one by one where that fails."""
BASE_IRI = document_base("document")
_MARKED = 64
"""Files that the marks of nodes are spread over."""
_SHOWN = 5
"""Other things that a message names."""
_TERM = re.compile(rb"<[^<>\s]*>|_:[^\s<>,;]*[^\s<>,;.]")


def suffix_of(path: Path) -> str:
    """Return the suffix that tells the syntax of a file, without that of compression."""
    name = path.name.lower().removesuffix(ZIPPED)
    return Path(name).suffix


@dataclass(frozen=True)
class _Roads:
    """The properties, as N-Triples writes them, over which a record leads to what belongs to it.

    Attributes
    ----------
    down : frozenset of str
        To its members and what they are linked to.
    up : frozenset of str
        From a member back to what lists it.
    values : frozenset of str
        To quantities and codes.
    every : frozenset of str
        Every property of the record model.
    """

    down: frozenset[str]
    up: frozenset[str]
    values: frozenset[str]
    every: frozenset[str]

    @staticmethod
    def of(schema: RecordSchema) -> _Roads:
        """Return the roads of a record model."""
        entities = schema.entities.values()
        links = [link for entity in entities for link in entity.links.values()]
        down = {listing.iri for entity in entities for listing in entity.lists.values()}
        down |= {link.iri for link in links if link.inverse_of is None}
        up = {link.iri for link in links if link.inverse_of is not None}
        values = {f.iri for f in schema.features.values() if f.kind is not Kind.BOOLEAN}
        every = {prop for entity in entities for prop in properties_of(entity)}
        every |= {QTY[facet] for facet in ("value", *BOUNDS, "unit")}
        return _Roads(*(frozenset(f"<{iri}>" for iri in found) for found in (down, up, values, every)))


@dataclass
class _Loading:
    """What is remembered of a file beside its triples."""

    ours: SpillFiles
    reached: SpillFiles
    spoilt: dict[str, Problem] = field(default_factory=dict)
    """By node, a line that names it and cannot be read."""


class RdfFile:
    """The records of a file of RDF.

    Parameters
    ----------
    path : Path
        A file that ends in one of the suffixes of `FORMS`, or in one of them and ``.gz``.
    schema : RecordSchema
        The record model.
    """

    form = "rdf"

    def __init__(self, path: Path, schema: RecordSchema) -> None:
        self.path = path
        self._schema = schema
        self._suffix = suffix_of(path)
        self._syntax = FORMS[self._suffix]
        self._roads = _Roads.of(schema)
        self._types = frozenset(f"<{iri}>" for iri in schema.entities)
        self._classes = frozenset(f"<{cls}>" for cls in schema.partition_classes)

    @property
    def size(self) -> int:
        """The size of its files."""
        return self.path.stat().st_size

    def records(self, scratch: Path, refuse: Refuse, told: Told = untold) -> Generator[RawRecord]:
        """Yield the triples of each record; see `RecordSource`."""
        (scratch / "triples").mkdir()
        store = TripleStore(scratch / "triples")
        loading = _Loading(SpillFiles(scratch, "ours", _MARKED), SpillFiles(scratch, "reached", _MARKED))
        store.add(self._noted(self._triples(loading, refuse, told), loading))
        for root in self._roots(store):
            yield self._record(root, store, loading)
        for node in self._left(store, loading):
            remedy = "Link it, or leave it out."
            problem = Problem(self.path.name, "in no record", "something that a record leads to", remedy)
            refuse(node, [problem])

    def may_be(self, raw: RawRecord, identifier: str) -> bool:
        """Return whether a record may be the one that conclusions bear under an id."""
        return raw.name == identifier or (raw.name.startswith("_:") and identifier.startswith("_:"))

    def _roots(self, store: TripleStore) -> Iterator[StoredNode]:
        for root in self._schema.roots():
            yield from store.subjects(str(RDF.type), str(root.iri))

    def _triples(self, loading: _Loading, refuse: Refuse, told: Told) -> Iterator[ParsedTriple]:
        if self._syntax in BY_LINE:
            yield from self._by_line(loading, refuse, told)
            return
        try:
            with opened(self.path, told) as stream:
                yield from parse(stream, self._suffix, BASE_IRI)
        except CatalogError as error:
            problem = Problem(self.path.name, f"not valid {self._syntax} ({error})", f"RDF in {self._syntax}")
            raise InputError([problem]) from error
        except (OSError, EOFError) as error:
            raise cut_off(self.path, "to its end", error) from error

    def _by_line(self, loading: _Loading, refuse: Refuse, told: Told) -> Iterator[ParsedTriple]:
        lines = lines_of(self.path, told)
        while together := list(islice(lines, TOGETHER)):
            try:
                triples = list(parse(b"\n".join(text for _, text in together), self._suffix, BASE_IRI))
            except CatalogError:
                triples = []
                for number, text in together:
                    try:
                        triples += parse(text, self._suffix, BASE_IRI)
                    except CatalogError as error:
                        self._spoil(number, text, str(error), loading, refuse)
            yield from triples

    def _spoil(self, number: int, text: bytes, why: str, loading: _Loading, refuse: Refuse) -> None:
        """Set a line aside, and what it names: a member lost from a list would make it seem complete."""
        where, expected = f"{self.path.name}: line {number}", f"a statement in {self._syntax}"
        refuse(None, [Problem(where, f"not valid ({why})", expected, "Export it again.")])
        told = Problem(where, "of this record, and cannot be read", expected, "Export it again.")
        for match in _TERM.finditer(text):
            loading.spoilt.setdefault(match[0].decode(errors="replace"), told)

    def _noted(self, triples: Iterable[ParsedTriple], loading: _Loading) -> Iterator[ParsedTriple]:
        """Yield triples, and remember what is said something of in our vocabulary."""
        every, types, a = self._roads.every, self._types, f"<{RDF.type}>"
        known: dict[StoredNode, bool] = {}
        last = None
        for triple in triples:
            yield triple
            prop = triple.predicate
            if prop not in known:
                known[prop] = str(prop) in every
            ours = known[prop] or (str(prop) == a and str(triple.object) in types)
            if ours and triple.subject != last:
                last = triple.subject
                _remember(str(last), loading.ours)

    def _record(self, root: StoredNode, store: TripleStore, loading: _Loading) -> RawRecord:
        """Return a record: all that is said of its root, its members and their values."""
        roads, a = self._roads, f"<{RDF.type}>"
        triples: dict[ParsedTriple, None] = {}
        reached: dict[str, None] = {}
        pending: list[tuple[StoredNode, bool]] = [(root, True)]
        sharing: list[tuple[str, str]] = []
        while pending:
            node, is_member = pending.pop()
            name = str(node)
            if name in reached:
                continue
            reached[name] = None
            for triple in store.about(node):
                triples[triple] = None
                prop = str(triple.predicate)
                if prop in roads.down or prop in roads.values:
                    value = node_of(triple.object)
                    if value is not None and str(value) not in self._classes:
                        pending.append((value, prop in roads.down))
            for triple in store.leading_to(node) if is_member else ():
                prop = str(triple.predicate)
                if prop in roads.up:
                    pending.append((triple.subject, True))
                elif prop in roads.down and prop != a:
                    sharing.append((name, str(triple.subject)))
        for name in reached:
            _remember(name, loading.reached)
        problems = [loading.spoilt[name] for name in reached if name in loading.spoilt]
        others = [(name, other) for name, other in sharing if other not in reached]
        problems += [
            Problem(name, f"described in {other} too", "its own", "Describe it once for each record.")
            for name, other in others[:_SHOWN]
        ]
        return RawRecord(_plain(str(root)), (written(triples),), tuple(problems))

    def _left(self, store: TripleStore, loading: _Loading) -> Iterator[str]:
        """Yield what the file says something of that no record leads to."""
        lost: set[int] = set()
        for ours, reached in zip(loading.ours.contents(), loading.reached.contents(), strict=True):
            said, led_to = (np.frombuffer(content, dtype="<u8") for content in (ours, reached))
            lost |= set(np.setdiff1d(said, led_to).tolist())
        told = set()
        for triple in store.all() if lost else ():
            name = str(triple.subject)
            if mark(name) in lost and name not in told:
                told.add(name)
                yield _plain(name)


def _remember(name: str, files: SpillFiles) -> None:
    of_name = mark(name)
    files.add(of_name, of_name.to_bytes(MARK, "little"))


def _plain(name: str) -> str:
    """Return the name of a node without the signs that N-Triples puts around an IRI."""
    return name.removeprefix("<").removesuffix(">")
