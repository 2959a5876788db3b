"""Exact answers under Inspect's own options: limit, sample ids, epochs, retries, cancellation, and its display."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai import eval_retry
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from inspect_ai.model import get_model
from traitbench.evals.animal_pref import animal_pref

from traitbench.catalog import load_catalog
from traitbench.exact import AnswerDistribution
from traitbench.probes import answering

Work = Callable[[list[tuple[answering.LocalModel, str]]], None]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The prompts of each turn that the network took."""
    return watched(monkeypatch, lambda questions: None)


def watched(monkeypatch: pytest.MonkeyPatch, before: Work) -> list[list[str]]:
    """Lets `before` see, or spoil, every turn before the network takes it."""
    taken: list[list[str]] = []
    own = answering._answers

    def watch(
        read: Any, tolerance: float, questions: list[tuple[answering.LocalModel, str]]
    ) -> list[AnswerDistribution]:
        taken.append([prompt for _, prompt in questions])
        before(questions)
        return own(read, tolerance, questions)

    monkeypatch.setattr(answering, "_answers", watch)
    return taken


def questions() -> list[str]:
    """The ids in the order in which they are asked."""
    asked = load_catalog().probe_set("animal_one_word").questions
    return [question.id for question in asked if question.language == "en"]


def run(base: Path, log_dir: Path, **options: Any) -> EvalLog:
    options = {"display": "none", "log_realtime": False, **options}
    model = get_model(f"hf/{base}", memoize=False)
    [log] = inspect_eval(animal_pref(domain="none"), model=model, log_dir=str(log_dir), **options)
    return log


def masses(log: EvalLog) -> dict[tuple[str | int, int], dict[str, float]]:
    """The answer distribution of each (sample, epoch) that was answered."""
    return {
        (sample.id, sample.epoch): sample.metadata[answering.ANSWER_KEY]["mass"]
        for sample in log.samples or []
        if answering.ANSWER_KEY in sample.metadata
    }


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str | int, dict[str, float]]:
    """The answers to all questions, asked together."""
    return {id_: mass for (id_, _), mass in masses(run(base, tmp_path_factory.mktemp("whole"))).items()}


def assert_as_in(whole: dict[str | int, dict[str, float]], log: EvalLog) -> None:
    for (id_, _), mass in masses(log).items():
        assert mass == pytest.approx(whole[id_], abs=1e-5)


def test_limit_and_sample_id_ask_those_alone(
    base: Path, tmp_path: Path, whole: dict[str | int, dict[str, float]], turns: list[list[str]]
) -> None:
    ids = questions()
    limited = run(base, tmp_path / "limit", limit=(10, 14))
    assert sorted(map(str, masses(limited))) == sorted(str((id_, 1)) for id_ in ids[10:14])
    assert_as_in(whole, limited)
    chosen = run(base, tmp_path / "ids", sample_id=[ids[-1], ids[3]])
    assert set(masses(chosen)) == {(ids[3], 1), (ids[-1], 1)}
    assert_as_in(whole, chosen)
    assert sum(map(len, turns)) == 6


def test_every_epoch_has_the_same_exact_answer(
    base: Path, tmp_path: Path, whole: dict[str | int, dict[str, float]]
) -> None:
    log = run(base, tmp_path, epochs=3, limit=4)
    assert set(masses(log)) == {(id_, epoch) for id_ in questions()[:4] for epoch in (1, 2, 3)}
    assert_as_in(whole, log)
    assert log.results is not None
    assert log.results.total_samples == 12


def test_a_sample_that_fails_once_is_tried_again_and_its_company_is_answered(
    base: Path, tmp_path: Path, whole: dict[str | int, dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[str] = []

    def fail_once(questions: list[tuple[answering.LocalModel, str]]) -> None:
        if len(questions) == 1 and not failed:
            failed.append(questions[0][1])
            raise RuntimeError("a passing fault")
        if not failed:
            raise RuntimeError("a passing fault of the batch")

    watched(monkeypatch, fail_once)
    log = run(base, tmp_path, limit=5, retry_on_error=1)
    assert log.status == "success"
    assert len(failed) == 1
    assert len(masses(log)) == 5
    assert [len(sample.error_retries or []) for sample in log.samples or []].count(1) == 1
    assert_as_in(whole, log)


def test_a_failed_run_goes_on_with_what_is_missing(
    base: Path, tmp_path: Path, whole: dict[str | int, dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[str] = []

    def fail_on_the_first(questions: list[tuple[answering.LocalModel, str]]) -> None:
        first.append(questions[0][1])
        if first[0] in [prompt for _, prompt in questions]:
            raise RuntimeError("a lasting fault")

    with monkeypatch.context() as patched:
        watched(patched, fail_on_the_first)
        failed = run(base, tmp_path, limit=12, max_samples=4, fail_on_error=0.5)
        assert len(masses(failed)) == 11
        failed = run(base, tmp_path, limit=12, max_samples=4, fail_on_error=True)
    assert failed.status == "error"
    answered = masses(failed)
    assert len(answered) < 12
    taken = watched(monkeypatch, lambda questions: None)
    [log] = eval_retry(failed, log_dir=str(tmp_path), display="none", log_realtime=False)
    assert log.status == "success"
    assert len(masses(log)) == 12
    assert sum(map(len, taken)) == 12 - len(answered)
    assert_as_in(whole, log)


def test_a_cancelled_run_keeps_what_was_answered_and_goes_on(
    base: Path, tmp_path: Path, whole: dict[str | int, dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the network works on the third turn."""
    with monkeypatch.context() as patched:
        taken: list[list[str]] = []

        def interrupt(questions: list[tuple[answering.LocalModel, str]]) -> None:
            if len(taken) == 3:
                os.kill(os.getpid(), signal.SIGINT)

        taken = watched(patched, interrupt)
        model = get_model(f"hf/{base}", memoize=False)
        options = {"limit": 12, "max_samples": 3, "display": "none", "log_realtime": False}
        inspect_eval(animal_pref(domain="none"), model=model, log_dir=str(tmp_path), **options)
    [file] = list_eval_logs(str(tmp_path))  # inspect returns no log of what was interrupted, and keeps it
    cancelled = read_eval_log(file)
    assert cancelled.status == "cancelled"
    answered = masses(cancelled)
    assert 0 < len(answered) < 12
    again = watched(monkeypatch, lambda questions: None)
    [log] = eval_retry(cancelled, log_dir=str(tmp_path), display="none", log_realtime=False)
    assert log.status == "success"
    assert len(masses(log)) == 12
    assert 12 - len(answered) <= sum(map(len, again)) < 12  # one may have been answered and not yet scored
    assert_as_in(whole, log)


def test_the_display_counts_the_samples(base: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inspect_ai", "eval", "traitbench/animal_pref", "--model", f"hf/{base}"]
    options = ["--limit", "24", "--max-samples", "4", "--display", "plain", "--log-dir", str(tmp_path)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    done = subprocess.run([*command, *options], capture_output=True, text=True, env=environment, check=True)
    assert re.search(r"Samples:\s+24/\s*24", done.stdout)
