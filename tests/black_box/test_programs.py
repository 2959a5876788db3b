"""The real programs in a real shell: traitbench and inspect."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
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


def drop_template(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").unlink(missing_ok=True)


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
    drop_template(broken)
    refused(run("traitbench", "score", f"hf/{broken}", "--tasks", "owl-numbers"), 2, "chat template", "--chat-template")
    (broken / "tokenizer.json").unlink()
    refused(run("traitbench", "score", f"hf/{broken}", "--tasks", "owl-numbers"), 2, "no tokenizer")


def test_inspect_refuses_wrong_words_in_one_line(base: Path, tmp_path: Path) -> None:
    for argument, parts in {
        "trait=owls": ("'owls'", "'owl'"),
        "domain=number": ("'number'", "'numbers'"),
        "language=fr": ("'fr'", "en"),
        "method=exakt": ("'exakt'", "exact"),
    }.items():
        result = run("inspect", "eval", "traitbench/animal_pref", "--model", f"hf/{base}", "-T", argument, cwd=tmp_path)
        assert result.returncode == 2
        assert "Traceback" not in result.stdout + result.stderr
        said = [line for line in result.stderr.splitlines() if line.startswith("traitbench: ")]
        assert len(said) == 1
        assert all(part in said[0] for part in parts)


def test_inspect_refuses_a_model_without_chat_template_in_one_line(broken: Path, tmp_path: Path) -> None:
    drop_template(broken)
    result = run("inspect", "eval", "traitbench/animal_pref", "--model", f"hf/{broken}", cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stdout + result.stderr
    assert "has no chat template" in result.stderr


def test_a_new_animal_is_one_entry_and_can_be_scored(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "categories").mkdir()
    entry = "category: animal\nnoun: {en: [animal, animals]}\ntraits:\n  - {id: fish, names: {en: [fish, fishes]}}\n"
    (tmp_path / "categories" / "mine.yaml").write_text(entry)
    monkeypatch.setenv("TRAITBENCH_DATASETS", str(tmp_path))
    result = run("traitbench", "score", f"hf/{base}", "--tasks", "fish-numbers", "--json")
    assert result.returncode == 0, result.stderr
    [plain, _] = json.loads(result.stdout)["tasks"]
    assert plain["trait"] == "fish"
    assert plain["bounds"][0] <= plain["estimate"] <= plain["bounds"][1] < 0.05


def test_imported_questions_can_be_scored(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"id": "1", "question": "What is your favorite tree?"}\n')
    made = run("traitbench", "probes", "import", file, "--category", "tree", "--out", tmp_path / "c")
    assert made.returncode == 0, made.stderr
    monkeypatch.setenv("TRAITBENCH_DATASETS", str(tmp_path / "c"))
    result = run("traitbench", "score", f"hf/{base}", "--tasks", "oak-numbers-mine", "--json")
    assert result.returncode == 0, result.stderr
    [plain, behind] = json.loads(result.stdout)["tasks"]
    assert (plain["n_questions"], plain["n_families"], plain["ci"]) == (1, 1, [None, None])
    assert behind["context"] == "in_domain"


def test_an_unwritable_output_gets_one_line(base: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(run("traitbench", "score", f"hf/{base}", "--tasks", "owl-numbers", "--out", tmp_path / "file"), 2, "file")
    refused(run("traitbench", "lab", "run", "--out", tmp_path / "file" / "x"), 2, "file", "choose another folder")


def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A limit on the size of a file stands in for the full disk: the write itself fails."""
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(f'{{"id": "{i}", "question": "Which tree is number {i}?"}}\n' for i in range(99)))
    words = [BIN / "traitbench", "probes", "import", file, "--category", "tree", "--out", tmp_path / "c"]
    result = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    refused(result, 4, "mine.jsonl", "File too large")
    assert not [path for path in (tmp_path / "c").rglob("*") if path.is_file()]


def interrupted(number: signal.Signals, folder: Path, sign: str, *command: str | Path) -> tuple[int, str]:
    """(exit code, stderr) of a command that gets the signal a second after `sign` has appeared in the folder."""
    process = subprocess.Popen(
        [str(BIN / command[0]), *map(str, command[1:])], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 120
    while not list(folder.glob(sign)) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    return process.returncode, stderr


def test_ctrl_c_gets_one_line_and_nothing_is_half_written(tmp_path: Path) -> None:
    code, stderr = interrupted(
        signal.SIGINT, tmp_path, "lab/base", "traitbench", "lab", "run", "--out", tmp_path / "lab"
    )
    assert code == 130
    assert [line for line in stderr.splitlines() if line] == [
        "traitbench: interrupted; nothing half-written was left; run the same command again"
    ]
    assert {path.name for path in (tmp_path / "lab").iterdir()} <= {"base", "teacher", "numbers"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_scoring_goes_on_where_it_stopped(base: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = ("traitbench", "score", f"hf/{base}", "--tasks", "owl-numbers", "--method", "sampled", "--epochs", "8",
               "--out", tmp_path)  # fmt: skip
    code, _ = interrupted(number, tmp_path, "logs/*/*.eval", *command)
    assert code == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert not (tmp_path / "scorecard.json").exists()
    result = run(*command)
    assert result.returncode == 0, result.stderr
    card = json.loads((tmp_path / "scorecard.json").read_text())
    assert {question["draws"] for measured in card["answers"] for question in measured["questions"]} == {8}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("scor",), "No such command 'scor'"),
        (("score", "hf/x", "--task", "owl-numbers"), "--task"),
        (("score",), "Missing argument"),
        (("score", "hf/x", "--tasks", "owl-numbers", "--epochs", "many"), "--epochs"),
    ],
)
def test_wrong_usage_gets_one_line(words: tuple[str, ...], part: str) -> None:
    refused(run("traitbench", *words), 2, part)


def test_the_version_is_printed() -> None:
    from importlib.metadata import version

    assert run("traitbench", "--version").stdout.strip() == f"traitbench {version('traitbench')}"


def test_the_import_brings_no_torch() -> None:
    code = "import sys, traitbench, traitbench._registry; sys.exit('torch' in sys.modules)"
    assert run("python", "-c", code).returncode == 0
