"""The forms that explanations are given in, for the command line and for HTTP alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from kg_service.explanation import Explanation
from kg_service.explanation_picture import explanation_picture
from kg_service.explanation_rdf import explanation_quads
from kg_service.explanation_report import explanation_json
from kg_service.explanation_text import explanation_markdown, explanation_text
from kg_service.service import KnowledgeBase, to_json
from kg_service.wording import Language


class ExplanationForm(StrEnum):
    """Forms of explanations."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    NQUADS = "nquads"
    SVG = "svg"


MEDIA_TYPES = {
    ExplanationForm.JSON: "application/json",
    ExplanationForm.TEXT: "text/plain",
    ExplanationForm.MARKDOWN: "text/markdown",
    ExplanationForm.NQUADS: "application/n-quads",
    ExplanationForm.SVG: "image/svg+xml",
}
"""Media type of each form."""


def explanations_in(
    form: ExplanationForm, explanations: Sequence[Explanation], base: KnowledgeBase, language: Language
) -> str:
    """Return explanations in one form; RDF is the same in every language.

    Parameters
    ----------
    form : ExplanationForm
        The form.
    explanations : sequence of Explanation
        What to tell, in order; a picture shows one under the other.
    base : KnowledgeBase
        Holds the words.
    language : str
        ``en`` or ``fr``.
    """
    told = [
        (explanation_json(e, wording), wording)
        for e in explanations
        for wording in [base.wording(e.compiled, language)]
    ]
    forms: dict[ExplanationForm, Callable[[], str]] = {
        ExplanationForm.TEXT: lambda: "\n".join(explanation_text(*one) for one in told),
        ExplanationForm.JSON: lambda: to_json([found for found, _ in told]),
        ExplanationForm.MARKDOWN: lambda: "\n".join(explanation_markdown(*one) for one in told),
        ExplanationForm.NQUADS: lambda: explanation_quads(explanations),
        ExplanationForm.SVG: lambda: explanation_picture(told),
    }
    return forms[form]()
