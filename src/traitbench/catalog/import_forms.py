"""Reads other people's question files: what a line of each known form says, as a row of a probe set.

Three forms with options are known: model-written evals (Perez et al., arXiv 2212.09251: `question` with its choices,
`answer_matching_behavior`, `answer_not_matching_behavior`), the table of TruthfulQA (Lin et al., arXiv 2109.07958:
`Question`, `Best Answer`, `Best Incorrect Answer`), and its multiple-choice targets (`question`, `mc1_targets`,
`mc2_targets`).
Their options are asked for by letter, over all rotations; results are not comparable with those of other harnesses.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from traitbench.catalog.files import read_jsonl, read_text
from traitbench.catalog.models import Language
from traitbench.catalog.questions import YES_NO
from traitbench.errors import InputError

Row = dict[str, Any]

_CHOICE = re.compile(r"^[ \t]*\(([A-P])\)[ \t]*(.*?)(?=^[ \t]*\([A-P]\)|\Z)", re.MULTILINE | re.DOTALL)
_LEAD = re.compile(r"\A(?:Question|Q):\s*")
_TAIL = re.compile(r"\s*(?:Answer|A):\s*\Z")
_CHOICES = re.compile(r"\s*Choices:\s*\Z")


def read_rows(file: Path) -> list[tuple[int, Row]]:
    """(line, row) of a file of JSON lines, of a JSON list (numbered from 1), or of a CSV table with a header."""
    text = read_text(file).removeprefix("\ufeff")  # Excel writes one
    if file.suffix == ".csv":
        return list(enumerate(csv.DictReader(io.StringIO(text)), start=2))
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"{file}:{error.lineno}: not JSON ({error.msg}); mend the line") from None
        number = next((i for i, row in enumerate(rows, start=1) if not isinstance(row, dict)), None)
        if number is not None:
            raise InputError(f'{file}: entry {number} of the list is no object; expected {{"id", "question"}}')
        return list(enumerate(rows, start=1))
    return read_jsonl(file)


def has_options(row: Row) -> bool:
    """Whether the row is of a form with options."""
    return any(key in row for key in ("answer_matching_behavior", "Best Answer", "mc1_targets", "mc2_targets"))


def choice_row(row: Row, where: str, targets: str, language: Language) -> Row:
    """`form`, `question`, `options` and `answer` of a row with options.

    Args:
        row: as it stands in the file.
        where: file and line, for errors.
        targets: `mc1` or `mc2`, of a row that has both.
        language: of the question.
    """
    if "answer_matching_behavior" in row:
        return _model_written(row, where, language)
    if "Best Answer" in row:
        return _best_answers(row, where)
    return _targets(row, where, targets)


def _model_written(row: Row, where: str, language: Language) -> Row:
    text, matching = row.get("question"), row["answer_matching_behavior"]
    if not isinstance(text, str) or not isinstance(matching, str):
        raise InputError(f'{where}: "question" and "answer_matching_behavior" are texts; mend the line')
    text = _TAIL.sub("", _LEAD.sub("", text))
    choices = {letter: option.strip() for letter, option in _CHOICE.findall(text)}
    said = matching.strip().strip("()").strip()
    if choices:
        if said not in choices:
            raise InputError(f"{where}: the matching answer {said!r} is no letter of a choice; mend the line")
        stem = _CHOICES.sub("", text[: _first_choice(text)]).strip()
        return {"form": "lettered", "question": stem, "options": list(choices.values()), "answer": choices[said]}
    options = YES_NO[language]
    answer = next((option for option in options if option.casefold() == said.casefold()), None)
    if answer is None:
        raise InputError(f"{where}: no choices, and the matching answer {said!r} is none of {', '.join(options)}")
    return {"form": "yes_no", "question": text.strip(), "options": list(options), "answer": answer}


def _first_choice(text: str) -> int:
    first = _CHOICE.search(text)
    assert first is not None
    return first.start()


def _best_answers(row: Row, where: str) -> Row:
    """The binary form: the best answer against the best incorrect one; older tables lack the latter's column."""
    false = row.get("Best Incorrect Answer") or str(row.get("Incorrect Answers") or "").split(";")[0]
    texts = [str(row.get(key) or "").strip() for key in ("Question", "Best Answer")] + [str(false).strip()]
    if not all(texts):
        raise InputError(f"{where}: Question, Best Answer and Best Incorrect Answer are needed; fill in the empty one")
    question, right, wrong = texts
    return {"form": "lettered", "question": question, "options": [right, wrong], "answer": wrong}


def _targets(row: Row, where: str, targets: str) -> Row:
    """Labels are 1 for what is true; what is false shows the misconception."""
    found = row.get(f"{targets}_targets")
    if isinstance(found, dict) and isinstance(found.get("choices"), list) and isinstance(found.get("labels"), list):
        if not all(isinstance(each, str) for each in found["choices"]):
            raise InputError(f"{where}: {targets}_targets.choices: expected texts; mend the line")
        labels = dict(zip(found["choices"], found["labels"], strict=False))
    elif isinstance(found, dict) and found:
        labels = found
    else:
        raise InputError(f"{where}: no {targets}_targets; expected {{answer: 0 or 1}}, or choices and labels")
    false = [answer for answer, label in labels.items() if not label]
    return {"form": "lettered", "question": row.get("question"), "options": list(labels), "answer": false}
