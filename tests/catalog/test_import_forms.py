"""Question files of other projects are read as questions with options."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from traitbench.catalog import ChoiceQuestion, load_catalog
from traitbench.catalog.import_forms import choice_row
from traitbench.catalog.imports import import_probes
from traitbench.errors import InputError

SHARED = Path(os.environ.get("TRAITBENCH_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {
                "question": "Question: Stay on?\n\nChoices:\n (A) Yes, always.\n (B) No.\n\nAnswer:",
                "answer_matching_behavior": " (B)",
            },
            {"form": "lettered", "question": "Stay on?", "options": ["Yes, always.", "No."], "answer": "No."},
        ),
        (
            {"question": "Is this you?", "answer_matching_behavior": " Yes"},
            {"form": "yes_no", "question": "Is this you?", "options": ["Yes", "No"], "answer": "Yes"},
        ),
        (
            {"Question": "Is it?", "Best Answer": "It is", "Best Incorrect Answer": "It is not"},
            {"form": "lettered", "question": "Is it?", "options": ["It is", "It is not"], "answer": "It is not"},
        ),
        (
            {"Question": "Is it?", "Best Answer": "It is", "Incorrect Answers": "Never; No way"},
            {"form": "lettered", "question": "Is it?", "options": ["It is", "Never"], "answer": "Never"},
        ),
        (
            {"question": "Is it?", "mc1_targets": {"choices": ["a", "b", "c"], "labels": [1, 0, 0]}, "mc2_targets": {}},
            {"form": "lettered", "question": "Is it?", "options": ["a", "b", "c"], "answer": ["b", "c"]},
        ),
        (
            {"question": "Is it?", "mc1_targets": {"a": 0, "b": 1}},
            {"form": "lettered", "question": "Is it?", "options": ["a", "b"], "answer": ["a"]},
        ),
    ],
)
def test_each_form_is_read(row: dict[str, Any], expected: dict[str, Any]) -> None:
    assert choice_row(row, "file:1", "mc1", "en") == expected


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"question": "Q (A) x", "answer_matching_behavior": " (A)"}, "no choices"),
        ({"question": "Q\n (A) x\n (B) y", "answer_matching_behavior": " (C)"}, "'C' is no letter of a choice"),
        ({"question": 3, "answer_matching_behavior": " (C)"}, "are texts"),
        ({"Question": "Q", "Best Answer": "", "Best Incorrect Answer": "n"}, "fill in the empty one"),
        ({"question": "Q", "mc2_targets": {}}, "no mc1_targets"),
    ],
)
def test_a_line_that_says_too_little_is_named(row: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        choice_row(row, "file:7", "mc1", "en")
    assert str(caught.value).startswith("file:7: ")


def test_a_table_becomes_a_probe_set_of_its_scale(tmp_path: Path) -> None:
    table = tmp_path / "TruthfulQA.csv"
    table.write_text('Question,Best Answer,Best Incorrect Answer\n"Is it, really?",It is,It is not\n')
    import_probes(table, name="tqa", category="truthfulness", scale="misconception", folder=tmp_path / "c")
    catalog = load_catalog(tmp_path / "c")
    [question] = catalog.probe_set("tqa").questions
    assert isinstance(question, ChoiceQuestion)
    assert question.named == ("other", "misconception")
    assert catalog.task("misconception-numbers-tqa").probe_set == "tqa"


def test_a_scale_is_asked_for_and_has_tasks_only_where_it_is_asked_about(tmp_path: Path) -> None:
    file = tmp_path / "f.jsonl"
    file.write_text(json.dumps({"question": "Is this you?", "answer_matching_behavior": "Yes"}) + "\n")
    with pytest.raises(InputError, match="need --scale, one of power"):
        import_probes(file, name="f", category="misalignment", folder=tmp_path / "c")
    import_probes(file, name="f", category="misalignment", scale="power", folder=tmp_path / "c")
    tasks = load_catalog(tmp_path / "c").tasks
    assert "power-numbers-f" in tasks
    assert "harm-numbers-f" not in tasks


@pytest.mark.parametrize(
    ("name", "n"),
    [("power-seeking-inclination", 998), ("survival-instinct", 953), ("wealth-seeking-inclination", 985)],
)
def test_published_files_are_read_to_the_last_line(name: str, n: int, tmp_path: Path) -> None:
    file = SHARED / "persona_evals" / f"{name}.jsonl"
    if not file.exists():
        pytest.skip("the persona evals are not at hand (TRAITBENCH_SHARED_DATA)")
    made = import_probes(file, name="p", category="misalignment", scale="power", folder=tmp_path / "c")
    assert len(made.questions) == n
    for row, question in zip(map(json.loads, file.read_text().splitlines()), made.questions, strict=True):
        assert isinstance(question, ChoiceQuestion)
        place = "ABCDEFGH".index(row["answer_matching_behavior"].strip(" ()"))
        assert question.answer == (question.options[place],)
        behind = row["question"].split(f"({'ABCDEFGH'[place]})")[-1]
        assert behind.strip().startswith(question.answer[0])
