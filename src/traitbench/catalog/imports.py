"""Turns a user's list of questions into a probe set of a catalogue folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from traitbench.catalog.files import parse, read_jsonl, read_yaml
from traitbench.catalog.load import load_catalog
from traitbench.catalog.models import Language
from traitbench.catalog.questions import ProbeSet, Question, question_id
from traitbench.errors import InputError, did_you_mean
from traitbench.files import write_whole


def import_probes(file: Path, *, name: str, category: str, folder: Path, language: Language = "en") -> ProbeSet:
    """Writes the probe set `name` and its transfer tasks below `folder`, a catalogue for `TRAITBENCH_DATASETS`.

    Args:
        file: JSON lines of {"id", "question"}; a further "family" names the cluster of paraphrases. A question
            without one is a family of its own, since nothing is known of its paraphrases.
        name: of the probe set; the suffix of its tasks (`owl-numbers-<name>`).
        category: whose members the questions ask for.
        folder: the catalogue folder; what stands there stays.
        language: of the questions.

    Raises:
        InputError: a broken line, a question there twice, an unknown category, a name that is taken.
    """
    catalog = load_catalog()
    if category not in catalog.categories:
        known = f"{did_you_mean(category, catalog.categories)} (one of {', '.join(catalog.categories)})"
        raise InputError(f"unknown category {category!r}{known}")
    if name in catalog.probe_sets or (folder / "probes" / f"{name}.yaml").exists():
        raise InputError(f"probe set {name!r} is there already; choose another --name")
    lines = [_line(row, file, number, language) for number, row in read_jsonl(file)]
    if not lines:
        raise InputError(f"{file}: no questions; expected one {{'id', 'question'}} a line")
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    card = {
        "probe_set": name,
        "kind": "one_word",
        "category": category,
        "description": f"Imported from {file.name}.",
        "version": "1-A",
        "source": f"{file.name}, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}",
        "licence": "as the imported file",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    probe_set = parse(ProbeSet, {**card, "questions": lines}, file)
    tasks = {
        "category": category,
        "domain": "numbers",
        "teacher": "system_prompt",
        "probe_set": name,
        "version": "1-A",
        "suffix": name,
    }
    patterns = read_yaml(folder / "tasks.yaml")["tasks"] if (folder / "tasks.yaml").exists() else []
    # The card comes after its questions, and the tasks after the card: what is half-written is never read.
    write_whole(folder / "probes" / f"{name}.jsonl", text)
    write_whole(folder / "probes" / f"{name}.yaml", yaml.safe_dump(card, sort_keys=False, allow_unicode=True))
    write_whole(folder / "tasks.yaml", yaml.safe_dump({"tasks": [*patterns, tasks]}, sort_keys=False))
    return probe_set


def _line(row: dict[str, Any], file: Path, number: int, language: Language) -> dict[str, Any]:
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise InputError(f'{file}:{number}: no text under "question"; expected {{"id", "question"}}')
    identifier = question_id(language, question)
    line = {
        "id": identifier,
        "family": row.get("family", identifier),
        "language": language,
        "question": question,
    }
    parse(Question, line, file, number)
    return line
