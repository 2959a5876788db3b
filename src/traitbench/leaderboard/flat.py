"""Rows of numbers and words as CSV and Parquet; a whole number stays one where another row lacks it."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Sequence[Mapping[str, Any]]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(rows: Rows, stream: IO[str]) -> None:
    """A line with the columns' names, then one for each row; nothing stands for what a row lacks."""
    names = _names(rows)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)


def write_parquet(rows: Rows, stream: IO[bytes]) -> None:
    """The same rows; what a row lacks is null."""
    from pyarrow import parquet

    parquet.write_table(_table(rows), stream, store_schema=False)


def _table(rows: Rows) -> pa.Table:
    import pyarrow as pa

    return pa.table({name: pa.array([row[name] for row in rows]) for name in _names(rows)})


def _names(rows: Rows) -> list[str]:
    return list(rows[0]) if rows else ["id"]


def _cell(value: Any) -> Any:
    """Spreadsheets run a cell that begins like a formula: such a text gets an apostrophe before it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
