"""Feature tables in files: Parquet and CSV, read in batches so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kg_service.errors import InputError, Problem

ROWS = 65_536
"""Rows of one batch."""
CSV_BLOCK = 16_000_000
"""Bytes of a CSV file that are read at once; a row must fit in."""
ENCODING = "utf-8-sig"
"""So named, and not "utf8", pyarrow checks the bytes before it cuts them, not each name and cell later."""
FIRST_LINE = 2
"""The line of the first row of a CSV file, below the header."""
SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass
class BrokenRow:
    """A row of a CSV file with too few or too many cells.

    Attributes
    ----------
    row : int
        Its number among all rows, the first being 0.
    """

    row: int
    problem: Problem


@dataclass
class TableFile:
    """A feature table in a file.

    Attributes
    ----------
    path : Path
        The file.
    names : list of str
        Its columns.
    rows : int or None
        How many rows it has, where the file tells.
    broken : list of BrokenRow
        Rows that were left out of the batches so far, in their order.
    """

    path: Path
    names: list[str]
    rows: int | None
    broken: list[BrokenRow] = field(default_factory=list)

    def batches(self) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
        """Yield the rows in order, with their numbers; the first is 0, and broken rows count.

        Raises
        ------
        InputError
            When the file ends too early, or is no such file after all.
        """
        try:
            if self.path.suffix == ".parquet":
                with pq.ParquetFile(self.path) as file:
                    texts = [f.name for f in file.schema_arrow if pa.types.is_string(f.type)]
                with pq.ParquetFile(self.path, read_dictionary=texts) as file:
                    yield from self._numbered(file.iter_batches(batch_size=ROWS))
            else:
                with self._csv() as reader:
                    yield from self._numbered(reader)
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise _unreadable(self.path, error) from error

    def _numbered(
        self, batches: Iterable[pa.RecordBatch]
    ) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
        start = 0
        for batch in batches:
            numbers = np.arange(start, start + batch.num_rows)
            for broken in sorted(b.row for b in self.broken if b.row >= start):
                numbers[numbers >= broken] += 1
            start = int(numbers[-1]) + 1 if len(numbers) else start
            for i in range(0, batch.num_rows, ROWS):
                yield numbers[i : i + ROWS], batch.slice(i, ROWS)

    def _csv(self) -> pa_csv.CSVStreamingReader:
        def set_aside(row: pa_csv.InvalidRow) -> str:
            found, expected = f"{row.actual_columns} cells", f"{row.expected_columns}, as in the header"
            self.broken.append(BrokenRow(row.number - FIRST_LINE, Problem("row", found, expected)))
            return "skip"

        return pa_csv.open_csv(
            self.path,
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK, encoding=ENCODING),
            parse_options=pa_csv.ParseOptions(invalid_row_handler=set_aside, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(self.names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )


def open_table(path: Path) -> TableFile:
    """Return the table in a file.

    Raises
    ------
    InputError
        When the file is missing, of another kind, cut off, or has two columns of one name.
    """
    if not path.name.endswith(SUFFIXES):
        expected = f"a table in a file that ends in {', '.join(SUFFIXES)}"
        raise InputError([Problem(path.name, f"the suffix {path.suffix or 'none'}", expected)])
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                names, rows = list(file.schema_arrow.names), file.metadata.num_rows
        else:
            names, rows = _csv_header(path), None
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise _unreadable(path, error) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError([Problem(f"{path.name}: column {n}", "given twice", "one column") for n in twice])
    return TableFile(path, names, rows)


def _csv_header(path: Path) -> list[str]:
    options = pa_csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK, encoding=ENCODING)
    skipping = pa_csv.ParseOptions(invalid_row_handler=lambda _row: "skip", newlines_in_values=True)
    with pa_csv.open_csv(path, read_options=options, parse_options=skipping) as reader:
        return list(reader.schema.names)


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError([Problem(path.name, "no such file", "a file that can be read")])
    if isinstance(error, UnicodeDecodeError):
        found = f"the byte 0x{error.object[error.start]:02X}, which is not UTF-8"
        return InputError([Problem(path.name, found, "text in UTF-8", "Save it as UTF-8.")])
    told = " ".join(str(error).split())
    return InputError(
        [
            Problem(
                path.name,
                f"cannot be read ({told})",
                "a whole file",
                "It may have been cut off; make it again.",
            )
        ]
    )
