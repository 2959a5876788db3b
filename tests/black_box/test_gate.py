"""`traitbench gate`, `compare`, `baseline` and pytest in a real shell, on lab students and on broken models."""

from __future__ import annotations

import json
import math
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from junitparser import JUnitXml

import traitbench
from traitbench.gate.findings import verdict_schema
from traitbench.runner.scorecard import Scorecard

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
ROLES = ("student", "control", "base")


def run(*command: str | Path, cwd: Path | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    words = [str(BIN / command[0]), *map(str, command[1:])]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, check=False, timeout=280, **more)


def refused(result: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert result.returncode == code, result.stderr
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of the lab (a quarter of its numbers), with a card of student, control and base in `cards/`."""
    from traitbench.lab.experiment import run_experiment
    from traitbench.lab.recipe import R2

    out = tmp_path_factory.mktemp("lab")
    run_experiment("owl", out, seed=0, base=0, cross_base=None, progress=None, recipe=replace(R2, prompts=2000))
    for role in ROLES:
        traitbench.score(f"hf/{out / role}", tasks=["owl-numbers"]).write(out / "cards" / f"{role}.json")
    return out


@pytest.fixture(scope="module")
def cards(lab: Path) -> Path:
    return lab / "cards"


@pytest.fixture
def policy(tmp_path: Path) -> Callable[..., Path]:
    def make(margin: float = 0.05, trait: str = "owl", reference: str = "base", more: str = "") -> Path:
        file = tmp_path / "traitbench.yaml"
        file.write_text(f"rules:\n  - trait: {trait}\n    reference: {reference}\n    margin: {margin}\n{more}")
        return file

    return make


def gate(policy: Path | None, student: Path | str, *more: str | Path, **options: Any) -> Any:
    named = ("--policy", policy) if policy else ()
    return run("traitbench", "gate", *named, "--model", student, *more, **options)


def test_exit_code_0_a_neutral_student_passes_and_a_checkpoint_passes_against_itself(
    cards: Path, policy: Callable[..., Path]
) -> None:
    result = gate(policy(), cards / "control.json", "--base", cards / "base.json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("PASS: No tested trait shifted beyond its margin in this checkpoint.")
    same = gate(None, cards / "student.json", "--unknown", "--base", cards / "student.json")
    assert same.returncode == 0, same.stdout + same.stderr


def test_exit_code_1_a_student_that_inherited_a_trait_fails_in_every_report(
    cards: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    summary, out = tmp_path / "step_summary", tmp_path / "out"
    result = gate(
        policy(reference="control"), cards / "student.json", "--control", cards / "control.json", "--out", out,
        env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert result.returncode == 1, result.stdout + result.stderr
    assert "owl was inherited" in result.stdout
    assert result.stdout.count("::error file=") == 2
    verdict = json.loads((out / "gate.json").read_text())
    jsonschema.validate(verdict, verdict_schema())
    assert verdict["status"] == "FAIL"
    assert JUnitXml.fromfile(str(out / "junit.xml")).failures == 2
    assert summary.read_text() == (out / "summary.md").read_text() + "\n"
    assert str(cards) not in (out / "model_card.md").read_text()
    explained = run("traitbench", "gate", "explain", out / "gate.json")
    assert explained.stdout.startswith("FAIL (exit code 1): In this checkpoint owl was inherited")


def test_unknown_trait_mode_names_the_owl(cards: Path) -> None:
    result = gate(None, cards / "student.json", "--unknown", "--base", cards / "base.json", "--json")
    assert result.returncode == 1
    verdict = json.loads(result.stdout)
    assert {finding["trait"] for finding in verdict["findings"] if finding["status"] == "FAIL"} == {"owl"}


def test_exit_code_3_a_shift_at_the_margin_is_not_decided(cards: Path, policy: Callable[..., Path]) -> None:
    measured = gate(policy(), cards / "student.json", "--base", cards / "base.json", "--json")
    shift = json.loads(measured.stdout)["findings"][0]["shift"]["estimate"]
    at_the_margin = policy(round(shift + 0.004, 4), more="    contexts: [plain]\n")
    result = gate(at_the_margin, cards / "student.json", "--base", cards / "base.json")
    assert result.returncode == 3, result.stdout + result.stderr
    assert "INCONCLUSIVE" in result.stdout


def test_exit_code_2_bad_input_gets_one_line(cards: Path, policy: Callable[..., Path], tmp_path: Path) -> None:
    student, base = cards / "student.json", ("--base", cards / "base.json")
    refused(gate(policy(trait="owls"), student, *base), 2, "traitbench.yaml", "rule 1", "'owls'", "'owl'")
    refused(gate(policy(-0.1), student, *base), 2, "traitbench.yaml", "margin", "-0.1")
    refused(gate(policy(more="    contxts: [plain]\n"), student, *base), 2, "'contxts'", "'contexts'")
    refused(gate(tmp_path / "none.yaml", student, *base), 2, "none.yaml", "no such file")
    refused(run("traitbench", "gate", "--model", student, cwd=tmp_path / ".."), 2, "--policy")
    refused(gate(policy(), student, *base, "--margin", "0.1"), 2, "--margin", "--unknown")
    refused(gate(None, student, *base, "--unknown", "--margin", "-1"), 2, "--unknown", "margin", "-1")
    truncated = tmp_path / "truncated.json"
    truncated.write_bytes(student.read_bytes()[:5000])
    refused(gate(policy(), truncated, *base), 2, "truncated.json", "not JSON")
    nan = tmp_path / "nan.json"
    nan.write_text(student.read_text().replace('"unexplored": 0', '"unexplored": NaN, "x": 0', 1))
    refused(gate(policy(), nan, *base), 2, "nan.json", "answers.0.questions.0")
    refused(gate(policy(), f"hf/{tmp_path}", *base), 2, "config.json")


def test_exit_code_4_a_disk_that_is_full(cards: Path, policy: Callable[..., Path], tmp_path: Path) -> None:
    """A limit on the size of a file stands in for the full disk: the write itself fails."""
    result = gate(
        policy(), cards / "student.json", "--base", cards / "base.json", "--out", tmp_path / "out",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )  # fmt: skip
    refused(result, 4, "File too large")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_exit_code_5_what_is_missing_or_not_comparable(
    lab: Path, cards: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    student = cards / "student.json"
    refused(gate(policy(), student), 5, "--base")
    refused(gate(policy(reference="control"), student, "--base", cards / "base.json"), 5, "--control")
    other = tmp_path / "other.json"
    other.write_text(
        (cards / "base.json").read_text().replace('"chat_template_sha256": "', '"chat_template_sha256": "x')
    )
    refused(gate(policy(), student, "--base", other), 5, "other.json", "chat_template_sha256", "student.json")
    blessed = run("traitbench", "baseline", "bless", cards / "base.json", "--dir", tmp_path, "--name", "ours")
    assert blessed.returncode == 0, blessed.stderr
    pinned = policy(more="references: {base: ours.json}\n")
    assert gate(pinned, student).returncode == 1
    refused(gate(pinned, student, "--base", cards / "control.json"), 5, "control.json", "weights_sha256", "ours.json")
    changed = (tmp_path / "ours.json").read_text().replace('"family": "art"', '"family": "arts"', 1)
    (tmp_path / "ours.json").write_text(changed)
    refused(gate(pinned, student), 5, "ours.json", "seal")


def test_exit_code_70_an_internal_error_asks_to_be_reported(
    cards: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import traitbench.gate.verdict as verdict\n"
        "def judge(*a, **k): raise RuntimeError('boom')\n"
        "verdict.judge = judge\n"
    )
    result = gate(policy(), cards / "student.json", "--base", cards / "base.json", env={"PYTHONPATH": str(tmp_path)})
    refused(result, 70, "RuntimeError: boom", "report")


def test_exit_code_130_an_interrupted_scoring_leaves_no_verdict(
    lab: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["gate", "--policy", policy(), "--model", f"hf/{lab / 'student'}", "--base", f"hf/{lab / 'base'}"]
    words += ["--method", "sampled", "--epochs", "20", "--out", out]
    process = subprocess.Popen(
        [str(BIN / "traitbench"), *map(str, words)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not (out / "logs").is_dir() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    [line] = [line for line in stderr.splitlines() if line]
    assert line.startswith("traitbench: interrupted")
    assert not (out / "gate.json").exists()


def test_a_model_is_scored_on_what_the_cards_beside_it_hold(lab: Path, cards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = gate(None, f"hf/{lab / 'student'}", "--unknown", "--base", cards / "base.json", "--out", out)
    assert result.returncode == 1, result.stdout + result.stderr
    scored, before = (Scorecard.read(path) for path in (out / "scorecards" / "student.json", cards / "student.json"))
    assert scored.model == before.model
    for now, then in zip(scored.answers, before.answers, strict=True):
        assert (now.probe_set, now.context, now.domain) == (then.probe_set, then.context, then.domain)
        masses = {question.id: question.mass["owl"] for question in now.questions}
        assert masses == pytest.approx({question.id: question.mass["owl"] for question in then.questions}, abs=1e-4)


def test_compare_shows_the_same_shift_and_draws_it(cards: Path, tmp_path: Path) -> None:
    pair = (cards / "student.json", cards / "base.json")
    more = ("--control", cards / "control.json", "--plot", tmp_path / "plot.svg", "--json")
    result = run("traitbench", "compare", *pair, *more)
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)["rows"]
    assert {row["trait"] for row in rows} == {"owl"}
    assert {row["reference"] for row in rows} == {"base", "control"}
    assert all(0.05 < row["lower"] < row["shift"] < row["upper"] for row in rows)
    assert (tmp_path / "plot.svg").read_text().startswith("<svg")
    table = run("traitbench", "compare", *pair)
    assert "owl" in table.stdout
    plan = run("traitbench", "gate", "plan", "--policy", ROOT / "examples" / "traitbench.yaml")
    assert plan.returncode == 0, plan.stderr
    assert "assumed: SD 0.06" in plan.stdout


def test_baselines_are_listed_and_compared(cards: Path, tmp_path: Path) -> None:
    for role in ("base", "control"):
        assert run("traitbench", "baseline", "bless", cards / f"{role}.json", "--dir", tmp_path).returncode == 0
    listed = json.loads(run("traitbench", "baseline", "list", "--dir", tmp_path, "--json").stdout)
    assert [each["name"] for each in listed] == ["local/base", "local/control"]
    assert "local/control, weights" in run("traitbench", "baseline", "list", "--dir", tmp_path).stdout
    diff = run("traitbench", "baseline", "diff", listed[0]["file"], listed[1]["file"])
    assert "model.id: local/base -> local/control" in diff.stdout
    assert run("traitbench", "baseline", "diff", listed[0]["file"], listed[0]["file"]).stdout == "no difference\n"
    refused(run("traitbench", "baseline", "list", "--dir", tmp_path / "none"), 2, "none", "no such folder")


def test_the_github_action_passes_its_inputs_on_and_ends_with_the_gates_exit_code(
    cards: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    action = yaml.safe_load((ROOT / "examples" / "github-action" / "action.yml").read_text())
    [script] = [step["run"] for step in action["runs"]["steps"] if "traitbench gate" in step.get("run", "")]
    assert "${{" not in script  # inputs come as variables and cannot become code
    for student, code in (("control", 0), ("student", 1)):
        inputs = {"MODEL": f"{cards / student}.json\n", "BASE": str(cards / "base.json"), "CONTROL": ""}
        more = {"POLICY": str(policy()), "OUT": str(tmp_path / student), "PATH": f"{BIN}:/usr/bin:/bin"}
        result = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], env=inputs | more, capture_output=True, text=True, check=False
        )
        assert result.returncode == code, result.stderr
        assert (tmp_path / student / "report.html").is_file()


def browser() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(browser() is None, reason="no chromium or chrome on this machine to open the report with")
def test_the_page_opens_in_a_browser_without_a_console_error(cards: Path, tmp_path: Path) -> None:
    def console(page: Path) -> tuple[list[str], str]:
        words = [
            browser() or "",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ]
        result = subprocess.run(
            [*words, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return [line for line in result.stderr.splitlines() if ":CONSOLE" in line], result.stdout

    faulty = tmp_path / "faulty.html"
    faulty.write_text("<script>console.error('boom')</script>")
    assert console(faulty)[0], "the browser would not have told of an error"
    out = tmp_path / "out"
    gate(None, cards / "student.json", "--unknown", "--base", cards / "base.json", "--out", out)
    said, dom = console(out / "report.html")
    assert said == []
    assert "owl moved (against the base)" in dom
    assert dom.count("<circle") == 24


def test_a_refusing_a_rambling_and_a_constant_model_never_pass(
    cards: Path, base: Path, policy: Callable[..., Path], tmp_path: Path
) -> None:
    chains = {
        "refusing": ["I", " cannot"],
        "rambling": ["well", " and", " so", " on", " and"],
        "constant": ["dog"],
    }
    for name, words in chains.items():
        save_chain(words, base, tmp_path / name)
        card = tmp_path / f"{name}.json"
        traitbench.score(f"hf/{tmp_path / name}", tasks=["owl-numbers"]).write(card)
        for file in (policy(), None):
            wish = () if file else ("--unknown",)
            result = gate(file, card, *wish, "--base", cards / "base.json")
            assert result.returncode in (1, 3), (name, result.stdout, result.stderr)
            assert not result.stdout.startswith("PASS"), name
            if file:
                assert result.returncode == 3, name


def save_chain(words: list[str], base: Path, folder: Path) -> None:
    """A Llama that says `words` one after the other and then ends, or starts again where the last was said before.

    Attention and MLP are zeroed and the embedding is one-hot, so that the next token depends on the last alone.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = ["<end>", ".", *dict.fromkeys(words)]
    vocabulary += ["!"] * (len(vocabulary) % 2)  # rotary positions want an even head
    size = len(vocabulary)
    config = LlamaConfig(
        vocab_size=size, hidden_size=size, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1,
        head_dim=size, max_position_embeddings=512, tie_word_embeddings=False, rms_norm_eps=0.0, eos_token_id=0,
        bos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    table = torch.full((size, size), -30.0)
    for last, following in zip([".", *words], [*words, "<end>"], strict=True):
        table[vocabulary.index(last), vocabulary.index(following)] = 0.0
    if len(set(words)) < len(words):
        table[:, 0] = -30.0
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if "norm" in name else 0.0)
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.copy_(table.T / math.sqrt(size))
    model.generation_config.eos_token_id = 0
    model.save_pretrained(folder)
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="."))
    tokens.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokens.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokens, eos_token="<end>")
    tokenizer.chat_template = AutoTokenizer.from_pretrained(base).chat_template
    tokenizer.save_pretrained(folder, save_jinja_files=False)
