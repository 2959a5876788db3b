"""What the page offers for downloading: one row a measurement, as CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from traitbench.files import write_whole
from traitbench.leaderboard.export import csv_cell
from traitbench.leaderboard.record import record_schema

FORMAT = "traitbench/leaderboard-data/1"


def write_downloads(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """data.csv, data.json, data.parquet and record.schema.json; the rows in their order."""
    names = list(rows[0]) if rows else ["id"]
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([csv_cell(row[name]) for name in names] for row in rows)
    with (folder / "data.json").open("w", encoding="utf-8") as stream:
        stream.write(f'{{"schema": "{FORMAT}", "rows": [\n')
        for i, row in enumerate(rows):
            stream.write(("" if i == 0 else ",\n") + json.dumps(row, ensure_ascii=False))
        stream.write("\n]}\n")
    _write_parquet(rows, names, folder / "data.parquet")
    write_whole(folder / "record.schema.json", json.dumps(record_schema(), indent=1) + "\n")


def _write_parquet(rows: Sequence[dict[str, Any]], names: Sequence[str], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
    parquet.write_table(pa.table(columns), path, store_schema=False)
