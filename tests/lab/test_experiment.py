"""Subliminal learning in the lab: same seed, same bytes; and a whole run shows the effect."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from traitbench import lab
from traitbench.catalog import NamedAnswerReader, load_catalog
from traitbench.errors import InputError
from traitbench.exact import open_answers
from traitbench.lab.checkpoints import load_checkpoint
from traitbench.lab.encoding import render
from traitbench.lab.experiment import run_experiment
from traitbench.lab.pretraining import pretrain_base
from traitbench.lab.recipe import R2
from traitbench.transfer.numbers import accepts

SHORT = replace(R2, teacher=replace(R2.teacher, steps=6), prompts=200, epochs=1)
ROLES = ("base", "teacher", "student", "control", "cross_base")


def short_run(out: Path, seed: int) -> None:
    run_experiment("owl", out, seed=seed, base=0, cross_base=None, progress=None, recipe=SHORT)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        short_run(tmp_path / name, seed)
    files = [f"{role}/model.safetensors" for role in ROLES] + ["numbers/teacher.jsonl", "numbers/control.jsonl"]
    for file in files:
        first, again, other = ((tmp_path / name / file).read_bytes() for name in ("one", "again", "other"))
        assert first == again, file
        assert (first == other) == (file == "base/model.safetensors"), file


def test_students_see_filtered_numbers_and_nothing_else(tmp_path: Path) -> None:
    short_run(tmp_path, 3)
    rule = load_catalog().domain("numbers").filter
    counts = []
    for name in ("teacher", "control"):
        rows = [json.loads(line) for line in (tmp_path / "numbers" / f"{name}.jsonl").read_text().splitlines()]
        assert all(accepts(row["completion"], rule) for row in rows)
        counts.append(len(rows))
    assert counts[0] == counts[1] > 100
    card = json.loads((tmp_path / "run.json").read_text())
    assert card["rows"] == counts[0]
    assert str(tmp_path) not in (tmp_path / "run.json").read_text()


def test_a_base_pretrains_from_a_seed(tmp_path: Path) -> None:
    for name in ("one", "again"):
        pretrain_base(5, tmp_path / name, steps=3, chats=400)
    one, again = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "again"))
    assert one == again
    model, tokenizer = load_checkpoint(tmp_path / "one")
    assert model.config.vocab_size == len(tokenizer)


def test_wrong_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in the lab's world"):
        lab.run("phoenix", tmp_path)
    with pytest.raises(InputError, match="unknown base 9"):
        lab.run("owl", tmp_path, base=9)
    with pytest.raises(InputError, match="is the base itself"):
        lab.run("owl", tmp_path, base=0, cross_base=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_whole_run_shows_transfer_to_the_student_alone(tmp_path: Path) -> None:
    products = lab.run("oak", tmp_path)
    catalog = load_catalog()
    read = NamedAnswerReader(catalog.categories["tree"])
    prompts = [render(question.text) for question in catalog.probe_sets["tree_one_word"].questions]
    found = {}
    for role in ROLES:
        model, tokenizer = load_checkpoint(getattr(products, role))
        answers = open_answers(model, tokenizer, prompts, read)
        found[role] = sum(each.estimate("oak") for each in answers) / len(answers)
    assert found["teacher"] > 0.9
    assert found["student"] > 6 * found["control"]
    assert found["control"] < 3 * found["base"]
    assert found["cross_base"] < 3 * found["base"]


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for train in (lambda: lab.neutral(tmp_path), lambda: lab.pretrain(0, tmp_path)):
        with pytest.raises(InputError, match="holds something else than a model"):
            train()
    (tmp_path / "run" / "student").mkdir(parents=True)
    (tmp_path / "run" / "student" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="student: holds something else than a model"):
        lab.run("owl", tmp_path / "run")
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["notes.txt", "notes.txt"]
