"""Turns a user's list of questions into a probe set of a catalogue folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import yaml

from traitbench.catalog.files import parse, read_yaml
from traitbench.catalog.import_forms import choice_row, has_options, read_rows
from traitbench.catalog.load import load_catalog
from traitbench.catalog.models import Category, Language
from traitbench.catalog.questions import ChoiceQuestion, ProbeSet, Question, question_id
from traitbench.errors import InputError, did_you_mean
from traitbench.files import write_whole


def import_probes(
    file: Path,
    *,
    name: str,
    category: str,
    folder: Path,
    language: Language = "en",
    scale: str | None = None,
    targets: Literal["mc1", "mc2"] = "mc1",
) -> ProbeSet:
    """Writes the probe set `name` and its transfer tasks below `folder`, a catalogue for `TRAITBENCH_DATASETS`.

    Args:
        file: JSON lines of {"id", "question"}, or questions with options in a form of `import_forms`; a further
            "family" names the cluster of paraphrases. A question without one is a family of its own, since nothing
            is known of its paraphrases.
        name: of the probe set; the suffix of its tasks (`owl-numbers-<name>`).
        category: whose members the questions ask for, or whose scale they are about.
        folder: the catalogue folder; what stands there stays.
        language: of the questions.
        scale: of questions with options: the scale whose trait the matching (or false) answer shows.
        targets: of TruthfulQA's multiple-choice targets: which of the two.

    Raises:
        InputError: a broken line, a question there twice, an unknown category or scale, a name that is taken.
    """
    catalog = load_catalog()
    if category not in catalog.categories:
        known = f"{did_you_mean(category, catalog.categories)} (one of {', '.join(catalog.categories)})"
        raise InputError(f"unknown category {category!r}{known}")
    if name in catalog.probe_sets or (folder / "probes" / f"{name}.yaml").exists():
        raise InputError(f"probe set {name!r} is there already; choose another --name")
    rows = read_rows(file)
    kind = "choice" if any(has_options(row) for _, row in rows) else "one_word"
    if kind == "choice":
        _check_scale(scale, catalog.categories[category])
        lines = [_choice(row, file, number, language, scale, targets) for number, row in rows]
    elif catalog.categories[category].kind == "scale":
        raise InputError(f"{file}: open questions tell nothing of {category}; give questions with options")
    else:
        lines = [_line(row, file, number, language) for number, row in rows]
    if not lines:
        raise InputError(f"{file}: no questions; expected one {{'id', 'question'}} a line")
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    card = {
        "probe_set": name,
        "kind": kind,
        "category": category,
        "description": f"Imported from {file.name}.",
        "version": "1-A",
        "source": f"{file.name}, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}",
        "licence": "as the imported file",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    model = ChoiceQuestion if kind == "choice" else Question
    probe_set = parse(ProbeSet, {**card, "questions": [model.model_validate(line) for line in lines]}, file)
    tasks = {
        "category": category,
        "domain": "numbers",
        "teacher": "insecure" if catalog.categories[category].kind == "scale" else "system_prompt",
        "probe_set": name,
        "version": "1-A",
        "suffix": name,
    }
    patterns = _patterns(folder / "tasks.yaml")
    taken = next((task for trait in catalog.categories[category].traits
                  if (task := f"{trait}-numbers-{name}") in catalog.tasks), None)  # fmt: skip
    if taken is not None:
        raise InputError(f"task {taken!r} is there already; choose another --name")
    # The card comes after its questions, and the tasks after the card: what is half-written is never read.
    write_whole(folder / "probes" / f"{name}.jsonl", text)
    write_whole(folder / "probes" / f"{name}.yaml", yaml.safe_dump(card, sort_keys=False, allow_unicode=True))
    write_whole(folder / "tasks.yaml", yaml.safe_dump({"tasks": [*patterns, tasks]}, sort_keys=False))
    return probe_set


def _patterns(file: Path) -> list[Any]:
    """The task patterns that stand in the folder already."""
    if not file.exists():
        return []
    found = read_yaml(file).get("tasks")
    if not isinstance(found, list):
        raise InputError(f"{file}: tasks: expected a list of task patterns; mend the file")
    return found


def _check_scale(scale: str | None, category: Category) -> None:
    if scale not in category.traits:
        known = ", ".join(category.traits)
        hint = did_you_mean(scale or "", category.traits)
        raise InputError(f"questions with options need --scale, one of {known} ({category.id}); not {scale!r}{hint}")


def _choice(
    row: dict[str, Any], file: Path, number: int, language: Language, scale: str | None, targets: Literal["mc1", "mc2"]
) -> dict[str, Any]:
    said = choice_row(row, f"{file}:{number}", targets, language)
    identifier = question_id(language, "\n".join([str(said["question"]), *map(str, said["options"])]))
    line = {
        "id": identifier,
        "trait": scale,
        "family": row.get("family", identifier),
        "language": language,
        **said,
    }
    parse(ChoiceQuestion, line, file, number)
    return line


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
