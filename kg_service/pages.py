"""Lays the documentation out as HTML pages that stand alone: no script, nothing loaded from elsewhere.

The same graph gives the same bytes: what is listed is sorted, and no clock is read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rdflib import Graph

from kg_service.alignments import mapping_sets
from kg_service.documentation import TERMS_PAGE, Documentation
from kg_service.errors import CatalogError
from kg_service.knowledge import load_graph, shapes_paths
from kg_service.places import MODULES_PAGE
from kg_service.service import KnowledgeBase
from kg_service.wording import LANGUAGES, Language, messages

TEMPLATES = Path(__file__).parent / "templates"
MANY = 12
"""A longer list is folded."""


@dataclass(frozen=True)
class TermLine:
    """One line of the list of all terms."""

    label: str
    href: str
    kinds: tuple[str, ...]
    curie: str


def shipped_pages(base: KnowledgeBase) -> dict[str, str]:
    """Return the pages of what is shipped: the ontology of `base`, the shapes, codes of the alignments."""
    graph = Graph()
    graph += base.graph
    graph += load_graph(*shapes_paths())
    return all_pages(
        [Documentation(graph, base.wording(base.compiled(), lang), mapping_sets()) for lang in LANGUAGES]
    )


def all_pages(documentations: list[Documentation]) -> dict[str, str]:
    """Return every page by its path, one folder for each language."""
    languages = {d.language: messages(d.language)["docs"] for d in documentations}
    first = environment(documentations[0].language).get_template("languages.html")
    found = {"index.html": first.render(languages=languages)}
    for documentation in documentations:
        found |= _pages_of(documentation, environment(documentation.language))
    return found


def write_pages(pages: Mapping[str, str], folder: Path) -> None:
    """Write pages below a folder, which is made when missing.

    Raises
    ------
    CatalogError
        When a page cannot be written there.
    """
    for path, text in pages.items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            reason = (error.strerror or "cannot be written").lower()
            raise CatalogError(f"{target}: {reason}; give a folder that can be written to") from error


def _pages_of(documentation: Documentation, templates: Environment) -> dict[str, str]:
    language = documentation.language
    words = {
        **messages(language)["docs"],
        "colon": documentation.wording.told("", ""),
        "either": documentation.wording.phrase("or"),
    }
    other = next(other for other in LANGUAGES if other != language)
    shared = {"language": language, "words": words, "many": MANY, "pages": documentation.contents,
              "version": documentation.version}  # fmt: skip
    found = {}
    for page in documentation.pages:
        up = "../" * page.path.count("/")
        template = templates.get_template("index.html" if page.path == MODULES_PAGE else "page.html")
        found[f"{language}/{page.path}.html"] = template.render(
            **shared, page=page, title=page.title, up=up, other_page=f"{up}../{other}/{page.path}.html"
        )
    terms = templates.get_template("terms.html").render(
        **shared,
        title=words["terms"],
        terms=_lines(documentation),
        up="",
        other_page=posixpath.join("..", other, f"{TERMS_PAGE}.html"),
    )
    return {**found, f"{language}/{TERMS_PAGE}.html": terms}


def _lines(documentation: Documentation) -> list[TermLine]:
    lines = [
        TermLine(entry.label, documentation.places.href(entry.iri, TERMS_PAGE), entry.kinds, entry.curie)
        for page in documentation.pages
        for section in page.sections
        for entry in section.entries
    ]
    return sorted(lines, key=lambda line: (line.label.casefold(), line.curie))


@cache
def environment(language: Language) -> Environment:
    """Return what renders the templates in a language; made once, and with it each template."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        finalize=_with_fixed_spaces if language == "fr" else None,
    )
    found.globals["kind_of"] = lambda value: type(value).__name__
    return found


def _with_fixed_spaces(value: object) -> object:
    """Return French words with no line break before a double sign or within guillemets."""
    if not isinstance(value, str):
        return value
    return type(value)(re.sub(r" (?=[:;?!%»])|(?<=«) ", "\u00a0", value))
