"""Tables of text cells from CSV or Parquet, that know the line of each row for messages."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdpr.errors import FormatError


@dataclass(frozen=True)
class Table:
    """Columns of text, all of the same length; an empty cell is "".

    Attributes:
        path: the file.
        columns: name to cells.
        lines: where each row is: its line in a CSV, its row from 1 in a Parquet.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> list[str]:
        """The cells of a column; empty ones where the table does not have it."""
        return self.columns.get(name) or [""] * len(self)

    def require(self, needed: Sequence[str], known: Sequence[str]) -> list[str]:
        """Names of columns that are not known.

        Raises:
            FormatError: a needed column is missing, or there is no row.
        """
        missing = [name for name in needed if name not in self.columns]
        if missing:
            found = ", ".join(self.columns) or "none"
            raise FormatError(
                f"{self.path}: expected the columns {', '.join(known)} (needed: {', '.join(needed)}), "
                f"missing: {', '.join(missing)}; found: {found}"
            )
        if not self.lines:
            raise FormatError(f"{self.path}: expected a row for each image, found none")
        return [name for name in self.columns if name not in known]

    def where(self, row: int) -> str:
        """The file and the line, for messages."""
        return f"{self.path}:{self.lines[row]}"

    def error(self, row: int, rule: str) -> FormatError:
        """The error for a row that breaks a rule."""
        return FormatError(f"{self.where(row)}: {rule}")


def read_table(path: Path) -> Table:
    """A .csv (UTF-8, commas, a header) or .parquet file.

    Raises:
        FormatError: another suffix, unreadable, damaged, or a row with another number of cells than the header.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise FormatError(f"{path}: expected a manifest that ends in .csv or .parquet")
    if not path.is_file():
        raise FormatError(f"{path}: no such file")
    return _read_csv(path) if suffix == ".csv" else _read_parquet(path)


def _read_csv(path: Path) -> Table:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip() for cell in cells]
                continue
            if len(cells) != len(names):
                raise FormatError(
                    f"{path}:{reader.line_num}: expected {len(names)} cells as the header, got {len(cells)}"
                )
            rows.append([cell.strip() for cell in cells])
            lines.append(reader.line_num)
    except csv.Error as error:
        raise FormatError(f"{path}:{reader.line_num}: not CSV: {error}") from error
    if len(set(names)) != len(names):
        raise FormatError(f"{path}: a column comes twice in the header: {', '.join(names)}")
    return Table(path, {name: [row[i] for row in rows] for i, name in enumerate(names)}, lines)


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        columns = parquet.read_table(str(path)).to_pydict()
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from error
    count = len(next(iter(columns.values()), []))
    return Table(
        path, {name: [_text(cell) for cell in cells] for name, cells in columns.items()}, [*range(1, count + 1)]
    )


def _text(cell: Any) -> str:
    """A cell as text: None and NaN as "", 3.0 as "3" (integers with gaps become floats in pandas).

    >>> _text(3.0), _text(None), _text(float("nan")), _text(2.5)
    ('3', '', '', '2.5')
    """
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
