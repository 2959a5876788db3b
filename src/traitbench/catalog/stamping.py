"""Puts into a probe set's files what follows from their text: the questions' ids, and the card's sha256.

A contributor writes what a question says; whoever edits a file by hand cannot compute a hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traitbench.catalog.files import parse, read_jsonl, read_text, read_yaml
from traitbench.catalog.questions import ChoiceQuestion, Question, question_id
from traitbench.errors import InputError
from traitbench.files import write_whole


@dataclass(frozen=True)
class Stamped:
    """What came of it."""

    n_questions: int
    n_new_ids: int
    card_changed: bool


def stamp(file: Path) -> Stamped:
    """Fills in ids and twins of the questions in `file`, and their sha256 in the card beside it.

    A question's `twin` may be the text of the English question that it renders instead of its id, and it follows a
    question whose text, and with it the id, has changed. Lines that are right already stay as they are written.

    Raises:
        InputError: a broken line, with its number; no card; a twin that is the text of no question or of several.
    """
    card = file.with_suffix(".yaml")
    if not card.is_file():
        raise InputError(f"{file}: no card {card.name} beside it; write one (probe_set, kind, category, …)")
    model = ChoiceQuestion if read_yaml(card).get("kind") == "choice" else Question
    rows = read_jsonl(file)
    ids = {number: _id(row, model, file, number) for number, row in rows}
    renamed = {str(row["id"]): ids[number] for number, row in rows if row.get("id") not in (None, ids[number])}
    by_text: dict[str, list[str]] = {}
    for number, row in rows:
        if row["language"] == "en":
            by_text.setdefault(row["question"], []).append(ids[number])
    lines = read_text(file).split("\n")
    for number, row in rows:
        stamped = {"id": ids[number], **{key: value for key, value in row.items() if key != "id"}}
        if "twin" in row:
            stamped["twin"] = _twin(row["twin"], renamed, by_text, f"{file}:{number}")
        parse(model, stamped, file, number)
        if stamped != row:
            lines[number - 1] = json.dumps(stamped, ensure_ascii=False)
    text = "\n".join(lines).rstrip("\n") + "\n"
    write_whole(file, text)
    return Stamped(
        n_questions=len(rows),
        n_new_ids=sum(row.get("id") != ids[number] for number, row in rows),
        card_changed=_write_digest(card, hashlib.sha256(text.encode()).hexdigest()),
    )


def _id(row: dict[str, Any], model: type[Question], file: Path, line: int) -> str:
    language, text, options = row.get("language"), row.get("question"), row.get("options", [])
    if not isinstance(language, str) or not isinstance(text, str):
        raise InputError(f'{file}:{line}: a question needs a "language" and its text under "question"')
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise InputError(f'{file}:{line}: "options" is a list of texts; mend the line')
    return question_id(language, "\n".join((text, *options)) if model is ChoiceQuestion else text)


def _twin(given: Any, renamed: dict[str, str], by_text: dict[str, list[str]], where: str) -> Any:
    if not isinstance(given, str) or given not in by_text:
        return renamed.get(str(given), given)
    found = by_text[given]
    if len(found) > 1:
        raise InputError(f"{where}: twin: {len(found)} questions read so; give the id of one ({', '.join(found)})")
    return found[0]


def _write_digest(card: Path, digest: str) -> bool:
    """Whether the card said otherwise; its other lines, comments included, stay."""
    text = read_text(card)
    line = f"sha256: {digest}"
    written, found = re.subn(r"^sha256:.*$", line, text, count=1, flags=re.MULTILINE)
    if not found:
        written = text.rstrip("\n") + f"\n{line}\n"
    if written == text:
        return False
    write_whole(card, written)
    return True
