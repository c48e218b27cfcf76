"""Explanations as a picture: the criteria as trees, in SVG that prints and is read without colour.

Values are told by a shape, a word and the border of the box: full circle and solid border for yes,
empty circle and thin border for no, question mark and dashed border for unknown. What the proof rests
on has a thick border and thick lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from kg_service.explanation_blocks import title_of
from kg_service.explanation_report import ArgumentJson, ExplanationJson, StateJson
from kg_service.values import Status
from kg_service.wording import Wording

WIDTH = 900
MARGIN = 24
INDENT = 30
"""How much further to the right a node stands than its parent [px]."""
MARK = 30
"""Room for the mark of a node at the left of its label [px]."""
LINE = 19
PADDING = 8
GAP = 9
SMALLEST_BOX = 320
"""No box is narrower, however deep [px]."""
STATUS_ROOM = 84
"""Room for the word of a value at the right end of a box [px]."""
FONT = 14
HEADING = 17
CHARACTER = 0.56
"""Width of a character on average, in font sizes, of the widest usual sans-serif."""
BOLD = 1.15
"""How much wider bold letters are."""
RADIUS = 7
THICK = 3
THIN = 1
DASHES = "6 4"
STYLE = "font-family: 'DejaVu Sans', Arial, Helvetica, sans-serif; fill: #000"
SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class _Row:
    """One node of a tree, where it stands."""

    state: StateJson
    depth: int
    parent: int | None
    lines: tuple[str, ...]

    @property
    def left(self) -> int:
        return min(MARGIN + self.depth * INDENT, WIDTH - MARGIN - SMALLEST_BOX)

    @property
    def height(self) -> int:
        return len(self.lines) * LINE + PADDING


def explanation_picture(explanations: Sequence[tuple[ExplanationJson, Wording]]) -> str:
    """Return explanations as one SVG document, one under the other.

    Parameters
    ----------
    explanations : sequence of tuple of ExplanationJson and Wording
        At least one, with the words of its language.

    Returns
    -------
    str
        The same text for the same explanations.
    """
    sheet = _Sheet()
    for explanation, wording in explanations:
        sheet.explanation(explanation, wording)
    if explanations:
        sheet.legend(explanations[0][1])
    return sheet.text(explanations)


class _Sheet:
    """Draws from the top to the bottom."""

    def __init__(self) -> None:
        self.root = ET.Element("svg")
        self.y = MARGIN

    def text(self, explanations: Sequence[tuple[ExplanationJson, Wording]]) -> str:
        """Return the document, with its title and what it shows for those who do not see it."""
        language = explanations[0][1].language if explanations else "en"
        size = {"width": str(WIDTH), "height": str(self.y), "viewBox": f"0 0 {WIDTH} {self.y}"}
        self.root.attrib = {"xmlns": SVG, **size, "role": "img", "aria-labelledby": "title desc"} | {
            "xml:lang": language,
            "lang": language,
            "style": STYLE,
        }
        title, desc = ET.Element("title", id="title"), ET.Element("desc", id="desc")
        title.text = " / ".join(title_of(e, w) for e, w in explanations)
        desc.text = "\n".join(_described(e, w) for e, w in explanations)
        background = ET.Element("rect", width=str(WIDTH), height=str(self.y), fill="#fff")
        self.root[:0] = [title, desc, background]
        ET.indent(self.root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(self.root, encoding="unicode") + "\n"

    def explanation(self, explanation: ExplanationJson, wording: Wording) -> None:
        """Draw one explanation: its title, what it is, and the tree of each argument."""
        self._words(title_of(explanation, wording), HEADING, bold=True)
        self._words(f"{explanation['label']}.", FONT)
        for argument in explanation["arguments"]:
            if len(explanation["arguments"]) > 1:
                self.y += GAP
                self._words(wording.told(argument["label"], argument["aboutLabel"]), FONT, bold=True)
            self._tree(argument["tree"], wording)
        self.y += MARGIN

    def legend(self, wording: Wording) -> None:
        """Tell what the marks mean."""
        statuses: tuple[Status, ...] = ("true", "false", "unknown")
        left = MARGIN
        for status in statuses:
            self._mark(status, left + RADIUS, self.y)
            self._say(wording.word("status", status), left + MARK, self.y, FONT)
            left += MARK + STATUS_ROOM
        self._line((left, self.y, left + INDENT, self.y), THICK)
        self._say(wording.phrase("picture_proof"), left + INDENT + GAP, self.y, FONT)
        self.y += MARGIN

    def _words(self, text: str, size: int, *, bold: bool = False) -> None:
        for line in _wrapped(text, WIDTH - 2 * MARGIN, size, bold=bold):
            self._say(line, MARGIN, self.y, size, bold=bold)
            self.y += LINE + size - FONT
        self.y += GAP

    def _tree(self, tree: StateJson, wording: Wording) -> None:
        rows: list[_Row] = []
        _collect(tree, 0, None, rows)
        tops = []
        for row in rows:
            tops.append(self.y)
            self.y += row.height + GAP
        for row, top in zip(rows, tops, strict=True):
            if row.parent is not None:
                above = rows[row.parent]
                x, thick = above.left + INDENT // 2, THICK if row.state["inProof"] else THIN
                middle, bottom = top + row.height // 2, tops[row.parent] + above.height
                self._line((x, bottom, x, middle), thick)
                self._line((x, middle, row.left, middle), thick)
        for row, top in zip(rows, tops, strict=True):
            self._box(row, top, wording)

    def _box(self, row: _Row, top: int, wording: Wording) -> None:
        status = row.state["status"]
        middle = top + row.height // 2
        box = ET.SubElement(self.root, "rect", x=str(row.left), y=str(top), rx="3", fill="#fff")
        box.attrib |= {"width": str(WIDTH - MARGIN - row.left), "height": str(row.height), "stroke": "#000"}
        box.set("stroke-width", str(THICK if row.state["inProof"] else THIN))
        if status == "unknown":
            box.set("stroke-dasharray", DASHES)
        self._mark(status, row.left + MARK // 2, middle)
        for i, line in enumerate(row.lines):
            y = top + PADDING // 2 + LINE * i + LINE // 2
            self._say(line, row.left + MARK, y, FONT, bold=row.state["inProof"])
        word = wording.word("status", status)
        self._say(word, WIDTH - MARGIN - PADDING, middle, FONT, bold=True, end=True)

    def _mark(self, status: Status, x: int, y: int) -> None:
        if status == "unknown":
            self._say("?", x - RADIUS // 2, y, HEADING, bold=True)
            return
        fill = "#000" if status == "true" else "#fff"
        mark = ET.SubElement(self.root, "circle", cx=str(x), cy=str(y), r=str(RADIUS), fill=fill)
        mark.attrib |= {"stroke": "#000", "stroke-width": "2"}

    def _line(self, ends: tuple[int, int, int, int], width: int) -> None:
        line = ET.SubElement(self.root, "line")
        line.attrib |= zip(("x1", "y1", "x2", "y2"), map(str, ends), strict=True)
        line.attrib |= {"stroke": "#000", "stroke-width": str(width), "shape-rendering": "crispEdges"}

    def _say(self, text: str, x: int, y: int, size: int, *, bold: bool = False, end: bool = False) -> None:
        """Write a line of text whose middle is at a height."""
        shown = ET.SubElement(self.root, "text", x=str(x), y=str(y + size // 2 - 2))
        shown.set("font-size", str(size))
        if bold:
            shown.set("font-weight", "bold")
        if end:
            shown.set("text-anchor", "end")
        shown.text = text


def _collect(state: StateJson, depth: int, parent: int | None, rows: list[_Row]) -> None:
    """Add a node and what is under it, from the top to the bottom."""
    row = _Row(state, depth, parent, ())
    room = WIDTH - MARGIN - row.left - MARK - STATUS_ROOM
    lines = _wrapped(state["label"], room, FONT, bold=state["inProof"])
    rows.append(_Row(state, depth, parent, tuple(lines)))
    own = len(rows) - 1
    for child in state["children"]:
        if child["operator"] != "constant":
            _collect(child, depth + 1, own, rows)


def _wrapped(text: str, width: int, size: int, *, bold: bool) -> list[str]:
    wide = CHARACTER * size * (BOLD if bold else 1)
    return textwrap.wrap(text, max(1, int(width / wide))) or [""]


def _described(explanation: ExplanationJson, wording: Wording) -> str:
    """Return in words what the picture of an explanation shows."""
    answer = wording.told(explanation["label"], explanation["answer"]["label"])
    head = wording.phrase("picture_desc", marks=wording.phrase("marks").strip("()"), answer=answer)
    return "\n".join([head, *(line for a in explanation["arguments"] for line in _outline(a, wording))])


def _outline(argument: ArgumentJson, wording: Wording) -> Iterator[str]:
    def told(state: StateJson, depth: int) -> Iterator[str]:
        yield f"{'- ' * depth}{wording.told(state['label'], wording.word('status', state['status']))}"
        for child in state["children"]:
            if child["operator"] != "constant":
                yield from told(child, depth + 1)

    yield from told(argument["tree"], 1)
