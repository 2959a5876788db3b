"""Several students in one process: what they share is loaded once, and each scores as it would alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

import traitbench
from traitbench.cli.app import app
from traitbench.errors import InputError
from traitbench.runner import Scorecard, Student, loading, score_many
from traitbench.runner.checkpoint import Checkpoint
from traitbench.runner.students import checkpoints_of

TASKS = ["owl-numbers"]


@pytest.fixture(scope="module")
def adapters(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two LoRA adapters of the base, each far from zero."""
    folders = []
    for seed in range(2):
        torch.manual_seed(seed)
        lora = LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM")
        student = get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora)
        with torch.no_grad():
            for name, weight in student.named_parameters():
                if "lora_B" in name:
                    weight.copy_(0.05 * torch.randn(weight.shape))
        folders.append(tmp_path_factory.mktemp("adapters") / f"seed{seed}")
        student.save_pretrained(folders[-1])
    return folders


@pytest.fixture(scope="module")
def others(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two checkpoints that differ from the base, under one folder name in two places, as training runs leave them."""
    folders = []
    for factor in (0.9, 1.1):
        model = AutoModelForCausalLM.from_pretrained(base)
        with torch.no_grad():
            model.transformer.ln_f.weight.mul_(factor)
        folder = tmp_path_factory.mktemp(f"run{factor:g}_") / "final"
        shutil.copytree(base, folder)
        model.save_pretrained(folder)
        folders.append(folder)
    return folders


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that were loaded; fails where a network was still there when the next one was read."""
    names: list[str] = []
    alive: list[Any] = []
    load = loading._load

    def watched(checkpoint: Checkpoint) -> Any:
        still = [name for name, network in zip(names, alive, strict=True) if network() is not None]
        assert not still, f"{still} still in memory when {checkpoint.model} was loaded"
        model = load(checkpoint)
        names.append(checkpoint.model)
        alive.append(ref(model.api.model))
        return model

    monkeypatch.setattr(loading, "_load", watched)
    yield names
    assert all(network() is None for network in alive), "a network outlived its scoring"


def assert_equal(one: Scorecard, other: Scorecard) -> None:
    """The same answers to the same questions, but for the rounding of fp32."""
    assert [each.task for each in one.tasks] == [each.task for each in other.tasks]
    for mine, its in zip(one.tasks, other.tasks, strict=True):
        assert mine.estimate == pytest.approx(its.estimate, abs=1e-6)
        assert {role: each.difference for role, each in mine.versus.items()} == pytest.approx(
            {role: each.difference for role, each in its.versus.items()}, abs=1e-6
        )
    for asked, again in zip(one.answers, other.answers, strict=True):
        for a, b in zip(asked.questions, again.questions, strict=True):
            assert a.id == b.id
            assert a.mass == pytest.approx(b.mass, abs=2e-6)


def test_adapters_share_one_load_with_their_base_and_score_as_each_alone(
    base: Path, adapters: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = f"hf/{base}"
    alone = [traitbench.score(model, adapter=each, tasks=TASKS, base=model) for each in adapters]
    loaded = []
    load = AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(
        AutoModelForCausalLM, "from_pretrained", lambda *args, **kwargs: [loaded.append(args), load(*args, **kwargs)][1]
    )
    outcomes = list(score_many(Student.of([model], adapters), tasks=TASKS, base=model))
    assert len(loaded) == 1
    assert [outcome.name for outcome in outcomes] == ["seed0", "seed1"]
    for outcome, expected in zip(outcomes, alone, strict=True):
        assert outcome.card is not None
        assert_equal(outcome.card, expected)
        assert outcome.card.model.model_copy(update={"id": "x"}) == expected.model.model_copy(update={"id": "x"})
        assert outcome.card.references == expected.references
    assert alone[0].tasks[0].estimate != pytest.approx(alone[1].tasks[0].estimate, abs=1e-4)


def test_each_checkpoint_is_freed_before_the_next_and_the_references_are_loaded_once(
    base: Path, others: list[Path], loads: list[str]
) -> None:
    model, control = f"hf/{base}", f"hf/{others[1]}"
    students = Student.of([f"hf/{others[0]}", model])
    outcomes = list(score_many(students, tasks=TASKS, base=model, control=[control]))
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert loads == [control, model, f"hf/{others[0]}", model]
    for outcome in outcomes:
        assert outcome.card is not None
        assert set(outcome.card.tasks[0].versus) == {"base", "control"}
    assert outcomes[1].card.tasks[0].versus["base"].difference == 0


def test_a_prompted_teacher_shares_the_load_of_its_base(base: Path, adapters: list[Path], loads: list[str]) -> None:
    model = f"hf/{base}"
    [outcome] = score_many(Student.of([model], adapters[:1]), tasks=TASKS, base=model, teacher="prompt")
    assert loads == [model]
    assert outcome.card is not None
    teacher, own = outcome.card.references.teacher, outcome.card.references.base
    assert teacher is not None
    assert own is not None
    assert teacher.system_prompt_sha256 != own.system_prompt_sha256
    alone = traitbench.score(model, adapter=adapters[0], tasks=TASKS, base=model, teacher="prompt")
    assert_equal(outcome.card, alone)


def test_a_broken_student_is_named_and_the_others_go_on(
    base: Path, others: list[Path], adapters: list[Path], tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "n_embd": config["n_embd"] + 4}))
    words = ["score", *(f"hf/{each}" for each in (others[0], broken, others[1])), "--tasks", TASKS[0]]
    # In a process of its own: once Inspect's display has been made in a process, eval_set prints to its console.
    program = [str(Path(sys.executable).parent / "traitbench"), *words, "--out", str(tmp_path / "out"), "--json"]
    result = subprocess.run(program, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 2
    assert f"hf/{broken}: cannot be loaded" in result.stderr
    printed = json.loads(result.stdout)
    names = [f"{each.parent.name}-final" for each in others]
    assert [card["model"]["id"] for card in printed] == [f"local/{name}" for name in names]
    for card, name in zip(printed, names, strict=True):
        assert json.loads((tmp_path / "out" / name / "scorecard.json").read_text()) == card
    assert not (tmp_path / "out" / "broken").exists()

    logs = sorted((tmp_path / "out" / "logs").rglob("*.eval"))
    again = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert again.exit_code == 2
    assert sorted((tmp_path / "out" / "logs").rglob("*.eval")) == logs  # resumed: nothing was asked anew
    assert all(f"local/{name}" in again.stdout for name in names)

    unfit = Path(shutil.copytree(adapters[0], tmp_path / "unfit"))
    settings = json.loads((unfit / "adapter_config.json").read_text())
    (unfit / "adapter_config.json").write_text(json.dumps({**settings, "target_modules": ["q_proj"]}))
    found = list(score_many(Student.of([f"hf/{base}"], [unfit, adapters[1], tmp_path / "none"]), tasks=TASKS))
    assert [outcome.card is None for outcome in found] == [True, False, True]
    assert "does not fit" in str(found[0].error)
    assert "no adapter_config.json" in str(found[2].error)


def test_nothing_is_scored_where_a_reference_or_every_student_is_unreadable(
    base: Path, tmp_path: Path, loads: list[str]
) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        list(score_many(Student.of([f"hf/{base}"]), tasks=TASKS, base=f"hf/{tmp_path}"))
    outcomes = list(score_many(Student.of([f"hf/{tmp_path}"]), tasks=TASKS, base=f"hf/{base}"))
    assert "no config.json" in str(outcomes[0].error)
    assert loads == []


def test_students_are_named_by_as_much_of_their_path_as_tells_them_apart() -> None:
    def names(*models: str, called: tuple[str, ...] = ()) -> list[tuple[str, str | None]]:
        return [(name, each.name) for name, each in checkpoints_of(Student.of(models, names=called), None).items()]

    assert names("hf//a/one", "hf//a/two") == [("one", "local/one"), ("two", "local/two")]
    assert names("hf//a/1/end", "hf//a/2/end") == [("1-end", "local/1-end"), ("2-end", "local/2-end")]
    assert names("hf//a/end", "hf/org/end") == [("a-end", "local/a-end"), ("org-end", None)]
    assert names("hf//a/one") == [("one", None)]
    assert names("hf//a/one", "hf/b/two", called=("x/y", "z")) == [("y", "x/y"), ("z", "z")]
    assert names("hf//a/..", "hf//b/..") == [("a", "local/a"), ("b", "local/b")]


@pytest.mark.parametrize(
    ("models", "adapters", "names", "words"),
    [
        (["hf/a", "hf/b"], [Path("x")], [], "--adapter goes with one MODEL"),
        (["hf/a", "hf/a"], [], [], "hf/a: given twice"),
        (["hf/a"], [Path("x"), Path("x")], [], "x: given twice"),
        (["hf/a", "hf/b"], [], ["one"], "1 names for 2 students"),
        (["hf/a", "hf/b"], [], ["one", "one"], "--name one: given to two"),
        ([], [], [], "no model was given"),
    ],
)
def test_what_names_no_students_is_refused(
    models: list[str], adapters: list[Path], names: list[str], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        checkpoints_of(Student.of(models, adapters, names), None)


def test_an_adapter_of_a_hub_model_is_part_of_its_identity(adapters: list[Path]) -> None:
    """Where it was not, the second adapter would have been given the first one's answers from its log."""
    found = [Checkpoint("hf/org/name", adapter=each).identity() for each in adapters]
    assert found[0].adapter != found[1].adapter
    with pytest.raises(InputError, match="local model alone"):
        Checkpoint("openai/gpt", adapter=adapters[0]).check()
