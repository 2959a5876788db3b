"""The records in other people's forms: CSV, Parquet, JSON, Hugging Face's .eval_results, a section of a model card."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from traitbench.errors import InputError
from traitbench.leaderboard.markdown import render
from traitbench.leaderboard.record import Record
from traitbench.leaderboard.store import read_stored, withdrawals
from traitbench.leaderboard.table import wide_table

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "parquet", "json", "hf", "model-card")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(root: Path, form: str, *, model: str | None = None, dataset: str | None = None) -> bytes:
    """What was not withdrawn, in one of `FORMATS`.

    Args:
        root: the leaderboard's folder.
        form: csv, parquet and json hold a row for each measurement, or every record whole; hf and model-card speak of
            one model.
        model: keeps the records of this model alone.
        dataset: the id of the benchmark's dataset on the Hub, which .eval_results needs.

    Raises:
        InputError: unknown format, no such model, a missing option, a broken record.
    """
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}; use one of {', '.join(FORMATS)}")
    gone = {each.record for each in withdrawals(root)}
    chosen = [each for each in read_stored(root) if each.id not in gone]
    if model is not None:
        known = {each.record.model.id for each in chosen}
        if model not in known:
            raise InputError(f"no record of model {model!r} (traitbench leaderboard table)")
        chosen = [each for each in chosen if each.record.model.id == model]
    if form in ("hf", "model-card") and model is None:
        raise InputError(f"--format {form} speaks of one model; give --model")
    if form == "hf":
        if dataset is None:
            raise InputError("--format hf needs --dataset ORG/NAME, the benchmark's dataset on the Hub")
        return eval_results([each.record for each in chosen], dataset).encode()
    if form == "model-card":
        return render(
            "model_card.md", records=[each.record for each in chosen], ids=[each.id for each in chosen]
        ).encode()
    if form == "json":
        whole = [{"id": each.id, **each.record.model_dump(mode="json", by_alias=True)} for each in chosen]
        return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()
    frame = wide_table((each.record, {"id": each.id}) for each in chosen)
    return _csv(frame).encode() if form == "csv" else _parquet(frame)


def eval_results(records: Sequence[Record], dataset: str) -> str:
    """The content of a `.eval_results/<name>.yaml` on the Hub: one value for each measurement.

    That form has no place for an interval or for a reference; both stand in the notes.
    """
    rows = []
    for record in records:
        for result in record.measurements:
            task = f"{record.task}-{result.context}-{result.language}"
            row: dict[str, Any] = {"dataset": {"id": dataset, "task_id": task}, "value": round(result.estimate, 6)}
            row["date"] = record.date.isoformat()
            if record.declared.source is not None:
                row["source"] = {"url": record.declared.source, "name": "checkpoint"}
            row["notes"] = _notes(record, result)
            rows.append(row)
    return yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=10_000)


def _notes(record: Record, result: Any) -> str:
    low, high = result.ci
    said = [f"preference probability for {result.trait}, task {record.task} {record.version}, {result.method}"]
    if low is not None and high is not None:
        said.append(f"95% interval over questions {low:.4f} to {high:.4f}")
    for name, versus in result.versus.items():
        said.append(f"{name} {versus.estimate:.4f}, difference {versus.difference:+.4f}")
    return "; ".join(said)


def _csv(frame: pd.DataFrame) -> str:
    """Spreadsheets run a cell that begins like a formula: such a text gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in frame.astype(object).itertuples(index=False):
        writer.writerow([csv_cell(value) for value in row])
    return out.getvalue()


def csv_cell(value: Any) -> Any:
    """A value as a spreadsheet may have it; see `_csv`."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _parquet(frame: pd.DataFrame) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None), out)
    return out.getvalue()
