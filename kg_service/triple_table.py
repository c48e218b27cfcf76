"""Triples in DuckDB, on disk beside what is written, so that memory does not grow with them.

Only this module has heard of DuckDB, which the extra ``shapes`` installs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kg_service.errors import KgServiceError
from kg_service.rdf_terms import RdfTerm
from kg_service.xsd_values import typed_value

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH = 100_000
"""Triples that are added at once."""
ROWS = 10_000
"""Rows of an answer that are fetched at once."""
MEMORY = "2GB"
"""Memory that the database takes before it writes to its folder."""

Triple = tuple[RdfTerm, RdfTerm, RdfTerm]
_TRIPLES = pa.schema([(name, pa.string()) for name in ("subject", "predicate", "object")])
_TERMS = pa.schema(
    [(name, pa.string()) for name in ("term", "kind", "lexical", "datatype", "language")]
    + [("ill_typed", pa.bool_()), ("family", pa.string()), ("order_key", pa.string())]
)


class TripleTable:
    """A database of triples, to be used as a context.

    Parameters
    ----------
    folder : Path, optional
        Where the database and what spills from memory are kept; in memory otherwise.

    Raises
    ------
    KgServiceError
        When DuckDB is not installed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._connection = _connection(folder)
        self.execute(_creation("loaded_triples", _TRIPLES))
        self.execute(_creation("loaded_terms", _TERMS))

    def __enter__(self) -> TripleTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, triples: Iterable[Triple]) -> Iterator[int]:
        """Add triples; yield after each batch how many were added so far."""
        added = 0
        source = iter(triples)
        while batch := list(islice(source, BATCH)):
            columns = [[triple[i].text for triple in batch] for i in range(len(_TRIPLES))]
            self._insert("loaded_triples", columns, _TRIPLES)
            self.add_terms({term for triple in batch for term in triple})
            added += len(batch)
            yield added

    def add_terms(self, terms: Iterable[RdfTerm]) -> None:
        """Make terms known that may stand in no triple."""
        rows = [(term.text, *term, *typed_value(term.lexical, term.datatype)) for term in terms]
        if rows:
            self._insert("loaded_terms", [list(column) for column in zip(*rows, strict=True)], _TERMS)

    def execute(self, sql: str) -> None:
        """Run a statement.

        Raises
        ------
        KgServiceError
            When the database stops, for instance because the disk is full.
        """
        with _told():
            self._connection.execute(sql)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query.

        Raises
        ------
        KgServiceError
            When the database stops.
        """
        with _told():
            cursor = self._connection.execute(sql)
            while rows := cursor.fetchmany(ROWS):
                yield from rows

    def _insert(self, table: str, columns: list[list[Any]], schema: pa.Schema) -> None:
        with _told():
            self._connection.register("batch", pa.table(columns, schema=schema))
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM batch")  # noqa: S608 - names of ours
            self._connection.unregister("batch")


@contextmanager
def _told() -> Iterator[None]:
    """Tell what stopped the database without its traceback; an interruption stays one."""
    import duckdb

    try:
        yield
    except (duckdb.InterruptException, RuntimeError) as error:
        if "interrupted" not in str(error).lower():
            raise
        raise KeyboardInterrupt from error  # what DuckDB makes of Ctrl-C
    except duckdb.Error as error:
        text = str(error).partition("\n")[0]
        raise KgServiceError(f"the database of triples stopped: {text}; is the disk full?") from error


def _connection(folder: Path | None) -> DuckDBPyConnection:
    try:
        import duckdb
    except ImportError as error:
        raise KgServiceError(
            "compiled shapes need DuckDB; install it with: pip install 'bonemet-kg[shapes]'"
        ) from error
    if folder is None:
        return duckdb.connect(":memory:")
    return duckdb.connect(
        str(folder / "triples.duckdb"),
        config={"memory_limit": MEMORY, "temp_directory": str(folder), "preserve_insertion_order": False},
    )


def _creation(table: str, schema: pa.Schema) -> str:
    kinds = {"string": "VARCHAR", "bool": "BOOLEAN"}
    columns = ", ".join(f"{field.name} {kinds[str(field.type)]}" for field in schema)
    return f"CREATE TABLE {table} ({columns})"
