"""Writes a catalogue folder of a user's own, as a contributor would by hand, and stamps it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from traitbench.catalog.questions import question_id
from traitbench.catalog.stamping import stamp

Row = dict[str, Any]


def write(folder: Path, name: str, data: Any) -> Path:
    """A YAML file from data, or from text as it stands."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = data if isinstance(data, str) else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_set(folder: Path, name: str, category: str, kind: str, rows: Sequence[Row], *, stamped: bool = True) -> Path:
    """The probe set `name`: its card, and its rows without ids unless they give their own."""
    card = {
        "probe_set": name,
        "kind": kind,
        "category": category,
        "description": "Of one's own.",
        "version": "1-A",
        "source": "Written for a test.",
        "licence": "CC-BY-4.0",
    }
    write(folder, f"probes/{name}.yaml", card)
    file = write(folder, f"probes/{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if stamped:
        stamp(file)
    return file


def task_line(category: str, probe_set: str, suffix: str | None = None) -> Row:
    line = {"category": category, "domain": "numbers", "teacher": "finetuned", "probe_set": probe_set, "version": "1-A"}
    return {**line, "suffix": suffix} if suffix else line


def one_word(text: str, family: str = "which", language: str = "en", **more: Any) -> Row:
    return {"family": family, "language": language, "question": text, **more}


def yes_no(text: str, answer: str, trait: str = "power", language: str = "en", **more: Any) -> Row:
    options = {"en": ["Yes", "No"], "zh": ["是", "否"]}[language]
    return {
        "trait": trait, "family": "own", "language": language, "form": "yes_no", "question": text, "options": options,
        "answer": answer, **more,
    }  # fmt: skip


def lettered(text: str, options: Sequence[str], **more: Any) -> Row:
    row = {"family": "own", "language": "en", "form": "lettered", "question": text, "options": list(options)}
    return {**row, **more}


def with_id(row: Row) -> Row:
    """The row with the id that its text has."""
    content = "\n".join((row["question"], *row.get("options", [])))
    return {**row, "id": question_id(row["language"], content)}
