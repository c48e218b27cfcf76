"""The documentation pages: every term told in both languages, links that lead somewhere, no outside asset."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import html5rdf
import pytest
from rdflib import BNode, Graph, URIRef

from kg_service.documentation import Documentation
from kg_service.expressions import manchester, read_expression
from kg_service.knowledge import DATA_ROOT
from kg_service.namespaces import BASE, OWL, RDF, local_name
from kg_service.pages import all_pages, shipped_pages
from kg_service.service import KnowledgeBase
from kg_service.wording import LANGUAGES

TOY = "https://example.org/umbrella/"
GUIDELINE = "guideline/aura-bone-metastases"
VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Reads what a page holds: ids, links, tags, and whether every tag is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.attributes |= set(found)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.links += [value for key, value in attrs if key == "href" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def pages(base: KnowledgeBase) -> dict[str, str]:
    return shipped_pages(base)


@pytest.fixture(scope="module")
def outlines(pages: dict[str, str]) -> dict[str, Outline]:
    return {path: Outline(text) for path, text in pages.items()}


@pytest.fixture(scope="module")
def toy_pages(toy: KnowledgeBase) -> dict[str, str]:
    told = [Documentation(toy.graph, toy.wording(toy.compiled(), lang)) for lang in LANGUAGES]
    return all_pages(told)


def declared() -> set[URIRef]:
    """Return every term that the files declare, read without the code under test."""
    paths = [*(DATA_ROOT / "ontology").rglob("*.ttl"), *(DATA_ROOT / "shapes").rglob("*.ttl")]
    assert len(paths) >= 18
    found = set()
    for path in paths:
        found |= {s for s in Graph().parse(path).subjects(RDF.type, None) if isinstance(s, URIRef)}
    return {s for s in found if s.startswith(BASE)}


def article(text: str, anchor: str) -> str:
    """Return the words of one entry, without tags."""
    found = re.search(rf'<article id="{re.escape(anchor)}".*?</article>', text, re.DOTALL)
    assert found is not None, anchor
    return (
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.group())).replace("&gt;", ">").replace("&lt;", "<")
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_declared_term_is_told_where_its_iri_says(outlines: dict[str, Outline], language: str) -> None:
    missing, terms = [], declared()
    for term in terms:
        namespace, _, name = term.removeprefix(BASE).rpartition("/")
        places = [(f"{language}/{namespace}.html", name), (f"{language}/index.html", term.removeprefix(BASE))]
        if not any(anchor in outlines[path].ids for path, anchor in places if path in outlines):
            missing.append(term)
    assert missing == []
    assert len(terms) > 700


def test_the_list_of_all_terms_leads_to_every_one(outlines: dict[str, Outline]) -> None:
    listed = [link for link in outlines["en/terms.html"].links if "#" in link and link != "#text"]
    assert len(listed) == len(set(listed))
    assert len(listed) >= len(declared())


def test_links_lead_to_a_page_and_an_entry_of_it(outlines: dict[str, Outline]) -> None:
    broken, followed = [], 0
    for path, outline in outlines.items():
        for link in outline.links:
            if link.startswith("http"):
                continue
            target, _, anchor = link.partition("#")
            where = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else path
            followed += 1
            if where not in outlines or (anchor and anchor not in outlines[where].ids):
                broken.append((path, link))
    assert broken == []
    assert followed > 5000


def test_tags_close_and_ids_are_used_once(pages: dict[str, str], outlines: dict[str, Outline]) -> None:
    assert len(pages) >= 2 * 11 + 1
    for path, outline in outlines.items():
        assert outline.open == [], path
        assert len(outline.ids) == len(set(outline.ids)), path


def test_the_pages_are_html(toy_pages: dict[str, str], pages: dict[str, str]) -> None:
    """A strict parser, on the pages that are quick to read."""
    for text in [*toy_pages.values(), pages["fr/index.html"], pages["en/radiotherapy.html"]]:
        html5rdf.HTMLParser(strict=True).parse(text)


def test_nothing_is_loaded_from_elsewhere(pages: dict[str, str], outlines: dict[str, Outline]) -> None:
    for path, outline in outlines.items():
        assert not outline.tags & {"script", "link", "img", "iframe", "object"}, path
        assert "src" not in outline.attributes
        assert "@import" not in pages[path]
        assert "url(" not in pages[path]


def test_a_statement_is_told_with_its_place_and_what_rests_on_it(pages: dict[str, str]) -> None:
    told = article(pages[f"en/{GUIDELINE}.html"], "S071")
    assert "section 2.2.1, source lines 174-178" in told
    assert "A27 cord compression not operated or symptomatic" in told
    assert "S071 cord compression not operated, or symptomatic" in told.split("rests on")[1]
    assert "repose sur" in article(pages[f"fr/{GUIDELINE}.html"], "S071")


def test_a_page_speaks_its_own_language(pages: dict[str, str]) -> None:
    english, french = (article(pages[f"{lang}/{GUIDELINE}.html"], "rec-S072") for lang in LANGUAGES)
    assert "spinal instability" in english
    assert "instabilité vertébrale" not in english
    assert "instabilité vertébrale" in french
    assert "spinal instability" not in french
    assert '<html lang="fr">' in pages[f"fr/{GUIDELINE}.html"]
    assert " :" not in re.sub(r"<style>.*?</style>|<[^>]+>", "", pages["fr/quantity.html"], flags=re.DOTALL)


def test_an_adopted_reading_is_marked(toy_pages: dict[str, str]) -> None:
    told = toy_pages["en/example.org/umbrella.html"]
    assert "adopted" in article(told, "A1-a").split("half or more")[1].split("reading")[0]
    assert "adopted" not in article(told, "A1-b").split("reading of")[0]


def test_a_definition_is_told_in_words(toy_pages: dict[str, str]) -> None:
    """Storm: not a clear sky, and a wind above 60 km/h."""
    told = article(toy_pages["en/example.org/umbrella.html"], "Storm")
    assert "definition all of not sky : clear wind speed : > 60 km/h kind of walk" in told
    french = article(toy_pages["fr/example.org/umbrella.html"], "Hooded")
    assert "définition faite par capuche : oui sorte de promenade" in french


def test_manchester_syntax_keeps_the_brackets() -> None:
    graph = Graph().parse(
        data="""@prefix : <urn:x/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        :C owl:equivalentClass [ owl:intersectionOf ( :A
            [ owl:complementOf [ owl:unionOf ( :B :D ) ] ]
            [ owl:onProperty :p ; owl:someValuesFrom [ owl:onProperty :v ; owl:someValuesFrom
                [ owl:onDatatype xsd:decimal ; owl:withRestrictions ( [ xsd:minInclusive 3.0 ] ) ] ] ] ) ] .""",
        format="turtle",
    )
    node = graph.value(URIRef("urn:x/C"), OWL.equivalentClass)
    assert isinstance(node, BNode)
    assert (
        manchester(read_expression(graph, node, URIRef("urn:x/C")), local_name)
        == "A and (not (B or D)) and (p some (v some decimal[>= 3.0]))"
    )


def test_the_same_graph_gives_the_same_bytes(pages: dict[str, str], tmp_path: Path) -> None:
    """Other names of blank nodes, another order of everything that is hashed."""
    command = [sys.executable, "-m", "kg_service.cli", "docs", str(tmp_path)]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    written = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*.html")}
    assert sorted(written) == sorted(pages)
    assert [path for path, text in pages.items() if written[path] != text.encode()] == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    command = [sys.executable, "-m", "kg_service.cli", "docs", str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "give a folder that can be written to" in done.stderr
