"""The records in other people's forms: CSV, Parquet, JSON, Hugging Face's .eval_results, a section of a model card."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from traitbench.errors import InputError
from traitbench.leaderboard.flat import write_csv, write_parquet
from traitbench.leaderboard.markdown import render
from traitbench.leaderboard.record import Record
from traitbench.leaderboard.store import read_standing, results_of
from traitbench.leaderboard.table import wide_rows

FORMATS = ("csv", "parquet", "json", "hf", "model-card")


def export(root: Path, form: str, *, model: str | None = None, dataset: str | None = None) -> bytes:
    """What was not withdrawn, in one of `FORMATS`.

    Args:
        root: the leaderboard's folder.
        form: csv, parquet and json hold a row for each measurement, or every record whole; hf and model-card speak of
            one model.
        model: keeps the records of this model alone.
        dataset: the id of the benchmark's dataset on the Hub, which .eval_results needs.

    Raises:
        InputError: no results, unknown format, no such model, a missing option, a broken record.
    """
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}; use one of {', '.join(FORMATS)}")
    results_of(root)
    chosen = read_standing(root)
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
    rows = wide_rows(chosen)
    if form == "csv":
        text = io.StringIO()
        write_csv(rows, text)
        return text.getvalue().encode()
    binary = io.BytesIO()
    write_parquet(rows, binary)
    return binary.getvalue()


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
