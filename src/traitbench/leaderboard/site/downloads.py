"""What the page offers for downloading: one row a measurement, as CSV, JSON and Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from traitbench.files import write_whole
from traitbench.leaderboard.flat import write_csv, write_parquet
from traitbench.leaderboard.record import record_schema

FORMAT = "traitbench/leaderboard-data/1"


def write_downloads(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """data.csv, data.json, data.parquet and record.schema.json; the rows in their order."""
    with (folder / "data.csv").open("w", encoding="utf-8", newline="") as stream:
        write_csv(rows, stream)
    with (folder / "data.json").open("w", encoding="utf-8") as stream:
        stream.write(f'{{"schema": "{FORMAT}", "rows": [\n')
        for i, row in enumerate(rows):
            stream.write(("" if i == 0 else ",\n") + json.dumps(row, ensure_ascii=False))
        stream.write("\n]}\n")
    with (folder / "data.parquet").open("wb") as binary:
        write_parquet(rows, binary)
    write_whole(folder / "record.schema.json", json.dumps(record_schema(), indent=1) + "\n")
