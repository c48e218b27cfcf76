"""The pages of the service beside that of a case: what the guideline says, SPARQL, cohorts; as HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rdflib import URIRef

from kg_service.audit import Audit
from kg_service.audit_page import audit_page
from kg_service.case_form import COMPARISONS, field_named
from kg_service.case_page import MOST_QUESTIONS, CaseAnswer
from kg_service.cohort_folder import CohortFolder
from kg_service.cohort_run import decide_table
from kg_service.errors import Problem
from kg_service.linked_data import ROOT, LinkedData
from kg_service.namespaces import BASE
from kg_service.pages import environment
from kg_service.places import Places
from kg_service.queries import REQUIRED, NamedQuery, load_queries
from kg_service.readings_report import AmbiguityJson, readings_json
from kg_service.service import KnowledgeBase
from kg_service.side_by_side import DISAGREEING
from kg_service.store import QueryResult
from kg_service.wording import Language, Wording, messages

TABS = (("case", "/"), ("guideline_page", "/guideline"), ("sparql", "/query"), ("cohort", "/cohort"))
STATIC = Path(__file__).parent / "static"
EDITOR = "/static/ace"
"""Where the editor is served."""
_EDITOR_PACKAGE, _EDITOR_FOLDER = "django-ace", "django_ace/static/django_ace/ace"
MOST_ROWS = 1000
"""Rows of an answer that a page shows; /sparql gives all."""
SMALLEST = 5
"""Smallest count that an audit tells."""


def editor_folder() -> Path | None:
    """Return the folder of the editor's own files, from the package that carries them; None without it."""
    try:
        found = Path(str(distribution(_EDITOR_PACKAGE).locate_file(_EDITOR_FOLDER)))
    except PackageNotFoundError:
        return None
    return found if found.is_dir() else None


@dataclass(frozen=True)
class Line:
    """One line of a table of the guideline."""

    id: str
    href: str | None
    place: str
    text: str


@dataclass(frozen=True)
class GuidelineView:
    """What the page of the guideline tells."""

    title: str
    version: str
    coverage: str
    recommendations: list[Line]
    statements: list[Line]
    ambiguities: list[AmbiguityJson]


@dataclass(frozen=True)
class Cell:
    """One value of an answer, with where it leads."""

    text: str
    href: str | None


@dataclass(frozen=True)
class ResultView:
    """An answer to a query, as a page shows it."""

    boolean: bool | None
    is_graph: bool
    columns: tuple[str, ...]
    rows: list[list[Cell]]
    count: int
    turtle: str


class WebPages:
    """Lays the pages out.

    Parameters
    ----------
    base : KnowledgeBase
        What they tell of.
    linked : LinkedData
        Where its terms are told.
    """

    def __init__(self, base: KnowledgeBase, linked: LinkedData) -> None:
        self._base = base
        self._linked = linked
        self._editor = EDITOR if editor_folder() else ""
        self._curie: Callable[[URIRef], str] = Places(base.graph).curie

    def case(self, answer: CaseAnswer, language: Language, *, part: bool = False) -> str:
        """Return the page of a case; of it only the answers, if a part is asked for."""
        wording = self._wording(language)
        profiles = wording.compiled.guideline.readings.profiles.values()
        return self._render(
            "case_answers.html" if part else "case.html",
            "case",
            language,
            answer=answer,
            comparisons=COMPARISONS,
            profiles=[(p.id, wording.label(p.iri)) for p in profiles],
            kinds=wording.words("kind"),
            statuses=wording.words("status"),
            bearings=wording.words("bearing"),
            case_label=wording.case_label,
            most_questions=MOST_QUESTIONS,
            disagreeing=DISAGREEING,
            statement_href=partial(self._statement_href, language),
            field_named=field_named,
        )

    def _statement_href(self, language: Language, guideline: str, identifier: str) -> str | None:
        """Return where a statement of a guideline is told."""
        statement = self._base.of(guideline).compiled().guideline.statements[identifier]
        return self._linked.href(statement.iri, language)

    def guideline(self, language: Language) -> str:
        """Return the page of the guideline: recommendations, statements, ambiguities."""
        wording = self._wording(language)
        guideline = wording.compiled.guideline
        kinds = wording.words("kind")
        view = GuidelineView(
            wording.label(guideline.iri),
            wording.guideline_version,
            wording.coverage,
            [
                Line(r.id, self._linked.href(r.iri, language), kinds[r.kind], wording.label(r.iri))
                for r in sorted(guideline.recommendations, key=lambda r: r.id)
            ],
            [
                Line(
                    s.id,
                    self._linked.href(s.iri, language),
                    wording.phrase("place", section=s.section, lines=s.lines),
                    wording.statement(s.iri),
                )
                for s in sorted(guideline.statements.values(), key=lambda s: s.id)
            ],
            readings_json(wording)["ambiguities"],
        )
        return self._render("guideline.html", "guideline_page", language, view=view)

    def sparql(
        self,
        language: Language,
        *,
        text: str | None = None,
        chosen: NamedQuery | None = None,
        given: Mapping[str, str] | None = None,
        result: QueryResult | None = None,
        problem: str = "",
    ) -> str:
        """Return the page of queries.

        Parameters
        ----------
        language : str
            ``en`` or ``fr``.
        text : str, optional
            The query in the editor; that of the library query otherwise.
        chosen : NamedQuery, optional
            A query of the library.
        given : mapping of str to str, optional
            Its parameters.
        result : QueryResult, optional
            The answer.
        problem : str
            Why there is none.
        """
        library = load_queries()
        shown = text if text is not None else (chosen or next(iter(library.values()))).text
        parameters = chosen.parameters.values() if chosen else ()
        filled = {p.name: (given or {}).get(p.name, _default(p.default)) for p in parameters}
        return self._render(
            "sparql.html",
            "sparql",
            language,
            library=list(library.values()),
            chosen=chosen,
            given=filled,
            text=shown,
            result=self._shown(result) if result else None,
            problem=problem,
            editor=self._editor,
        )

    def cohort(
        self, language: Language, problems: Sequence[Problem] = (), carry: str = "", by: str = ""
    ) -> str:
        """Return the page that takes a table."""
        return self._render("cohort.html", "cohort", language, problems=problems, carry=carry, by=by)

    def audit(
        self, content: bytes, name: str, carried: Sequence[str], by: Sequence[str], language: Language
    ) -> str:
        """Return the audit of a table; nothing of it is kept.

        Raises
        ------
        InputError, KgServiceError
            When the table cannot be used, or a column to count by was not carried along.
        """
        with TemporaryDirectory() as folder:
            source = Path(folder) / f"table{Path(name).suffix.lower()}"
            source.write_bytes(content)
            out = Path(folder) / "answers"
            decide_table(source, out, self._base, self._base.compiled(), carried=carried)
            cohort = CohortFolder(out, self._base)
            return audit_page(Audit(cohort, self._wording(language), list(by), SMALLEST))

    def _shown(self, result: QueryResult) -> ResultView:
        if result.is_graph:
            return ResultView(None, True, (), [], 0, result.serialize("turtle").decode())
        bindings = json.loads(result.serialize("json")).get("results", {}).get("bindings", [])
        rows = [[self._cell(row.get(column)) for column in result.variables] for row in bindings[:MOST_ROWS]]
        return ResultView(result.boolean, False, result.variables, rows, len(bindings), "")

    def _cell(self, value: Mapping[str, Any] | None) -> Cell:
        """Return a value of an answer in SPARQL JSON; a triple is shown as its JSON."""
        if value is None:
            return Cell("", None)
        content = value["value"]
        if not isinstance(content, str):
            return Cell(json.dumps(content), None)
        if value["type"] != "uri":
            return Cell(content, None)
        iri = URIRef(content)
        if content.startswith(BASE):
            return Cell(self._curie(iri), ROOT + content.removeprefix(BASE))
        return Cell(self._curie(iri), content if re.match(r"https?://", content) else None)

    def _wording(self, language: Language) -> Wording:
        return self._base.wording(self._base.compiled(), language)

    def _render(self, template: str, page: str, language: Language, **values: Any) -> str:
        wording = self._wording(language)
        return (
            environment(language)
            .get_template(template)
            .render(
                page=page,
                language=language,
                tabs=TABS,
                words=messages(language)["web"],
                colon=wording.told("", ""),
                guideline=wording.told(
                    wording.label(wording.compiled.guideline.iri), wording.guideline_version
                ),
                **values,
            )
        )


def _default(default: str) -> str:
    return "" if default == REQUIRED else default
