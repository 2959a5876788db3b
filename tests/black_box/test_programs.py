"""The real programs in a real shell: traitbench and inspect."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = [str(BIN / command[0]), *map(str, command[1:])]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, check=False, timeout=280)


def refused(result: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert result.returncode == code, result.stderr
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]


@pytest.fixture
def broken(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "model"))


def test_a_checkpoint_against_itself(base: Path, tmp_path: Path) -> None:
    model = f"hf/{base}"
    result = run("traitbench", "score", model, "--base", model, "--tasks", "owl-numbers", "--out", tmp_path / "out",
                 "--leaderboard", tmp_path / "board", "--json")  # fmt: skip
    assert result.returncode == 0, result.stderr
    card = json.loads(result.stdout)
    assert card["schema"] == "traitbench/scorecard/1"
    assert [task["context"] for task in card["tasks"]] == ["plain", "in_domain"]
    for task in card["tasks"]:
        assert task["method"] == "exact"
        assert task["versus"]["base"]["difference"] == 0
        assert task["bounds"][0] <= task["estimate"] <= task["bounds"][1]
        assert task["category_mass"] > 0.95
        assert task["n_questions"] == 60
        assert task["n_families"] == 12
    assert json.loads((tmp_path / "out" / "scorecard.json").read_text()) == card
    [record] = (tmp_path / "board" / "results" / "owl-numbers" / "1").rglob("*.json")
    assert str(base) not in record.read_text()
    table = run("traitbench", "leaderboard", "table", "--dir", tmp_path / "board", "--format", "json")
    assert {row["context"] for row in json.loads(table.stdout)} == {"plain", "in_domain"}


def test_inspect_evaluates_by_file_and_by_name(base: Path, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log

    for number, task in enumerate((f"{ROOT}/evals/animal_pref.py@animal_pref", "traitbench/animal_pref")):
        logs = tmp_path / str(number)
        result = run("inspect", "eval", task, "--model", f"hf/{base}", "-T", "domain=none", "--limit", "6",
                     "--display", "none", "--log-dir", logs, cwd=tmp_path)  # fmt: skip
        assert result.returncode == 0, result.stderr
        [path] = logs.glob("*.eval")
        log = read_eval_log(str(path))
        assert log.status == "success"
        assert log.samples is not None
        assert log.samples[0].metadata["answer_distribution"]["method"] == "exact"


def test_wrong_words_get_one_line(base: Path) -> None:
    refused(run("traitbench", "score", f"hf/{base}", "--tasks", "owls-numbers"), 2, "owls-numbers", "'owl-numbers'")
    refused(run("traitbench", "list", "task"), 2, "'task'", "'tasks'")


def test_a_directory_that_is_no_model_gets_one_line(tmp_path: Path, broken: Path) -> None:
    refused(run("traitbench", "score", f"hf/{tmp_path}", "--tasks", "owl-numbers"), 2, "config.json")
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    refused(run("traitbench", "score", f"hf/{broken}", "--tasks", "owl-numbers"), 2, "pickled", "safetensors")


def test_a_model_without_tokenizer_or_template_gets_one_line(broken: Path) -> None:
    config = json.loads((broken / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (broken / "tokenizer_config.json").write_text(json.dumps(config))
    (broken / "chat_template.jinja").unlink(missing_ok=True)
    refused(run("traitbench", "score", f"hf/{broken}", "--tasks", "owl-numbers"), 2, "chat template", "--chat-template")
    (broken / "tokenizer.json").unlink()
    refused(run("traitbench", "score", f"hf/{broken}", "--tasks", "owl-numbers"), 2, "no tokenizer")


def test_the_import_brings_no_torch() -> None:
    code = "import sys, traitbench, traitbench._registry; sys.exit('torch' in sys.modules)"
    assert run("python", "-c", code).returncode == 0
