"""Reference cases: records, or vignettes, on which two versions of a guideline are compared.

A vignette is an item of a YAML list: an ``id``, the ``patient`` as a record, and perhaps the
``readings`` to use. Every other file is a record in one of the forms that `bonemet assess` reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kg_service.errors import CatalogError, InputError, Problem
from kg_service.service import RDF_FORMATS, Batch, KnowledgeBase

_VIGNETTES = {".yaml", ".yml"}
_RECORDS = {".json", *RDF_FORMATS}


@dataclass(frozen=True)
class ReferenceCase:
    """A record to decide, from a file of its own or from a vignette, under a choice of readings."""

    name: str
    path: Path
    document: Mapping[str, Any] | None = None
    readings: Mapping[str, str] = field(default_factory=dict)

    def read(self, base: KnowledgeBase, reference_date: str | None = None) -> Batch:
        """Return its records as a knowledge base reads them, or what stands against it."""
        batch = Batch()
        if self.document is None:
            base.read_file(self.path, batch, reference_date)
            return batch
        try:
            batch.records += base.read_document(dict(self.document), self.name, reference_date)
        except InputError as error:
            batch.problems += error.problems
        return batch


def reference_cases(paths: list[Path]) -> list[ReferenceCase]:
    """Return the cases of files and of everything below folders, by path.

    Raises
    ------
    CatalogError
        When there is none, or a list of vignettes is malformed.
    """
    found = [case for path in paths for file in _files(path) for case in _cases(file)]
    if not found:
        raise CatalogError(
            f"{', '.join(map(str, paths))}: no reference case; expected records "
            f"({', '.join(sorted(_RECORDS))}) or vignettes ({', '.join(sorted(_VIGNETTES))})"
        )
    return found


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise CatalogError(f"{path}: no such file or folder; expected reference cases")
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [file for file in files if file.is_file() and file.suffix.lower() in _RECORDS | _VIGNETTES]


def _cases(path: Path) -> Iterator[ReferenceCase]:
    if path.suffix.lower() not in _VIGNETTES:
        yield ReferenceCase(path.name, path)
        return
    for number, item in enumerate(_vignettes(path)):
        if not (isinstance(item, dict) and "id" in item and isinstance(item.get("patient"), dict)):
            where = f"{path}[{number}]"
            raise CatalogError(str(Problem(where, "no vignette", "an id and a patient, as a record")))
        document = {"id": item["id"], **item["patient"]}
        yield ReferenceCase(str(item["id"]), path, document, item.get("readings") or {})


def _vignettes(path: Path) -> list[Any]:
    try:
        items = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(items, list):
        raise CatalogError(f"{path}: expected a list of vignettes")
    return items


class _Loader(yaml.SafeLoader):
    """YAML in which a day stays the text it was written as."""


def _as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)
