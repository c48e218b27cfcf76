"""Writes validation results as they come: CSV for people, and a SHACL validation report in Turtle."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rdflib import Literal
from rdflib.namespace import SH

from kg_service.namespaces import local_name
from kg_service.shape_paths import path_turtle
from kg_service.shape_tree import Shape, is_named

CSV_COLUMNS = (
    "record",
    "focus",
    "path",
    "value",
    "severity",
    "message_en",
    "message_fr",
    "component",
    "shape",
)
_LANGUAGES = ("en", "fr")


@dataclass(frozen=True)
class ShapeResult:
    """One validation result.

    Attributes
    ----------
    records : str
        IRIs of the records its focus node belongs to, in most cases one.
    focus, path, value : str
        Terms as N-Triples, the path as in SPARQL; the last two may be empty.
    component, severity : str
        IRIs.
    shape : Shape
        The shape that was not kept.
    name : str
        What the shape is called.
    """

    records: str
    focus: str
    path: str
    value: str
    component: str
    severity: str
    shape: Shape
    name: str

    def message(self, language: str) -> str:
        """Return the message of the shape, in a language where it has one."""
        told = self.shape.messages
        return told.get(language) or told.get("") or local_name(self.component)


class ReportWriter:
    """Writes results into files, to be used as a context.

    Parameters
    ----------
    table : Path
        The CSV file.
    turtle : Path, optional
        The Turtle file.
    """

    def __init__(self, table: Path, turtle: Path | None = None) -> None:
        self._files = ExitStack()
        rows = self._files.enter_context(table.open("w", encoding="utf-8", newline=""))
        self._rows = csv.writer(rows)
        self._rows.writerow(CSV_COLUMNS)
        self._turtle = (
            None if turtle is None else self._files.enter_context(turtle.open("w", encoding="utf-8"))
        )
        if self._turtle:
            self._turtle.write(f"@prefix sh: <{SH}> .\n\n_:report a sh:ValidationReport .\n")
        self._found = False

    def __enter__(self) -> ReportWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turtle and kind is None:
            self._turtle.write(f"_:report sh:conforms {'false' if self._found else 'true'} .\n")
        self._files.close()

    def add(self, result: ShapeResult) -> None:
        """Write one result."""
        self._found = True
        texts = [result.message(language) for language in _LANGUAGES]
        self._rows.writerow(
            (
                result.records,
                result.focus.strip("<>"),
                result.path,
                result.value,
                local_name(result.severity),
                *texts,
                local_name(result.component),
                result.name,
            )
        )
        if self._turtle:
            self._turtle.write(_turtle(result))


def _turtle(result: ShapeResult) -> str:
    parts = [
        "a sh:ValidationResult",
        f"sh:focusNode {result.focus}",
        f"sh:resultSeverity <{result.severity}>",
        f"sh:sourceConstraintComponent <{result.component}>",
    ]
    if result.path:
        own = result.shape.path
        known = own is not None and str(own) == result.path
        parts.append(f"sh:resultPath {path_turtle(own) if own and known else result.path}")
    if result.value:
        parts.append(f"sh:value {result.value}")
    if is_named(result.shape):
        parts.append(f"sh:sourceShape <{result.shape.node}>")
    for language, text in result.shape.messages.items():
        parts.append(f"sh:resultMessage {Literal(text, lang=language or None).n3()}")
    return f"_:report sh:result [ {' ; '.join(parts)} ] .\n"
