"""What a documentation page is made of: sections, entries, rows and values, in one language."""

from __future__ import annotations

from dataclasses import dataclass

from rdflib import URIRef

FEW = 12
"""So many mentions of a term are seen at once; more are folded."""


@dataclass(frozen=True)
class Link:
    """A link to a term or to the web; its note says what it leads to."""

    href: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Text:
    """Words, with their language when it is not that of the page."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Condition:
    """A definition as a person reads it: a word or a feature, its values, what stands under it."""

    word: str
    subject: Link | Text | None = None
    values: tuple[Link | Text, ...] = ()
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Tree:
    """A value with the finer values under it."""

    link: Link
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Row:
    """What is said of a term by one property."""

    label: str
    values: tuple[Value, ...]


Value = Link | Text | Condition | Tree | tuple[Row, ...]
"""A value of a row: a tuple of rows is what a node without a name says."""


@dataclass(frozen=True)
class Entry:
    """One term.

    Attributes
    ----------
    anchor : str
        Name of the entry on its page, the local name of the term.
    place : str
        For a statement, where it stands in the source.
    group : str
        What the terms of a section are put together by.
    axioms : tuple of str
        Its definitions in Manchester syntax.
    mentions : tuple of Row
        What refers to it, by property.
    badges : tuple of str
        What is to be seen at once, such as that a reading is adopted.
    sub : bool
        Whether it belongs under the entry before it.
    other_language : str
        Link to the same entry in the other language.
    """

    iri: URIRef
    anchor: str
    label: str
    kinds: tuple[str, ...]
    curie: str
    place: str
    group: str
    leads: tuple[Text, ...]
    rows: tuple[Row, ...]
    axioms: tuple[str, ...]
    mentions: tuple[Row, ...]
    badges: tuple[str, ...]
    sub: bool
    other_language: str

    @property
    def mentions_open(self) -> bool:
        """Whether what refers to it is short enough to be seen at once."""
        return sum(len(row.values) for row in self.mentions) <= FEW


@dataclass(frozen=True)
class Section:
    """Entries of one kind, in groups."""

    name: str
    title: str
    groups: tuple[tuple[str, tuple[Entry, ...]], ...]

    @property
    def entries(self) -> list[Entry]:
        """Every entry of the section."""
        return [entry for _, entries in self.groups for entry in entries]


@dataclass(frozen=True)
class Page:
    """One namespace in one language; its path is relative to the folder of the language."""

    path: str
    title: str
    descriptions: tuple[str, ...]
    namespace: str
    sections: tuple[Section, ...]
