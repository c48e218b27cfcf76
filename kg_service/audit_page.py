"""Lays an audit out as one HTML page that stands alone and prints; it loads nothing from elsewhere."""

from __future__ import annotations

from kg_service.audit import Audit
from kg_service.pages import environment
from kg_service.wording import messages

FEW = 6
"""More kinds of part than this are named in the legend alone."""


def audit_page(audit: Audit) -> str:
    """Return the page of an audit, in the language of its wording."""
    wording = audit.wording
    decided, set_aside = audit.folder.counts
    return (
        environment(wording.language)
        .get_template("audit.html")
        .render(
            audit=audit,
            language=wording.language,
            few=FEW,
            words=messages(wording.language)["audit"],
            colon=wording.told("", ""),
            guideline=wording.label(wording.compiled.guideline.iri),
            version=wording.guideline_version,
            coverage=wording.coverage,
            decided=_grouped(decided, wording.language),
            set_aside=_grouped(set_aside, wording.language),
            number=lambda count: _grouped(count, wording.language),
        )
    )


def _grouped(count: int, language: str) -> str:
    """Return a count with its thousands apart, as the language writes them."""
    return f"{count:,}".replace(",", "\u202f" if language == "fr" else ",")
