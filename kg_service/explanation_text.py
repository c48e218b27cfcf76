"""Explanations as text for a terminal, and as Markdown that a clinician reads and signs."""

from __future__ import annotations

import re

from kg_service.assumption_report import AssumptionJson
from kg_service.explanation_blocks import Block, blocks_of, title_of
from kg_service.explanation_report import ExplanationJson
from kg_service.layout import wrap
from kg_service.robustness_text import selected_lines
from kg_service.wording import Wording

BLANK = 20
"""Length of what is left blank to be written in [character]."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|])")
"""Characters that Markdown would read as markup."""


def explanation_text(explanation: ExplanationJson, wording: Wording) -> str:
    """Return an explanation as text."""
    title = title_of(explanation, wording)
    head = [wrap(title, ""), "═" * len(title), wrap(f"{explanation['label']}.", ""), *selected_lines(wording)]
    head += [wrap(_assumption(item, wording), "") for item in explanation["assumptions"]]
    blocks = ["\n".join(head)]
    blocks += ["\n".join(_text(block)) for block in blocks_of(explanation, wording)]
    return "\n\n".join(blocks) + "\n"


def explanation_markdown(explanation: ExplanationJson, wording: Wording) -> str:
    """Return an explanation as CommonMark: what was decided, by what, from which facts; to be signed."""
    of_guideline = {"label": explanation["guideline"], "version": explanation["guidelineVersion"]}
    head = [wording.phrase("guideline", **of_guideline)]
    head += [line.strip() for line in selected_lines(wording)]
    head += [_assumption(item, wording) for item in explanation["assumptions"]]
    parts = [
        f"# {_escaped(title_of(explanation, wording))}",
        f"**{_escaped(explanation['label'])}.** {_escaped(wording.phrase('marks'))}",
        "\n".join(f"- {_escaped(line)}" for line in head),
    ]
    parts += [_markdown(block) for block in blocks_of(explanation, wording)]
    parts.append(f"*{_escaped(wording.phrase('disclaimer', scope=explanation['coverage']))}*")
    parts.append(_escaped(wording.phrase("signature")).replace("…", "\\_" * BLANK))
    return "\n\n".join(parts) + "\n"


def _assumption(item: AssumptionJson, wording: Wording) -> str:
    return wording.phrase("assumption_line", id=item["id"], meaning=item["meaning"], use=item["useLabel"])


def _text(block: Block) -> list[str]:
    return [wrap(block.title, ""), *(wrap(line.text, "  " * (line.depth + 1)) for line in block.lines)]


def _markdown(block: Block) -> str:
    title = f"{'#' * (block.rank + 1)} {_escaped(block.title)}"
    lines = [f"{'  ' * line.depth}- {_escaped(line.text)}" for line in block.lines]
    return "\n\n".join([title, "\n".join(lines)]) if lines else title


def _escaped(text: str) -> str:
    """Return a text that Markdown shows as it is; a hyphen or number at its start is no list there."""
    text = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return re.sub(r"^(\d+)([.)])(?= )", r"\1\\\2", re.sub(r"^([-+])(?= )", r"\\\1", text))
