"""animal_pref, exact, against stock `inspect eval` sampling of the same questions: inside the eval, and whole programs.

The model is the lab's first base. Inside: from the first sample's start to the last one's end, model loaded and warm.
Also checks that the exact values lie inside the sampled intervals.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import HERE, Row, interleaved, median_ratio, record, summary
from inspect_ai import eval as inspect_eval
from inspect_ai.model import get_model
from scipy.stats import binomtest
from stock_task import stock_animal_pref

import traitbench
from traitbench.catalog import NamedAnswerReader, load_catalog
from traitbench.exact import AnswerDistribution
from traitbench.probes.one_word import one_word_task

QUESTIONS = 50
BASE = Path(traitbench.__file__).parent / "lab" / "bases" / "0"
TOKENIZER_ARGUMENTS = {"add_special_tokens": False}


def run(task: Any, model: Any, connections: int, **more: Any) -> tuple[float, list[Any]]:
    """(seconds between the first sample's start and the last one's end, samples)."""
    with tempfile.TemporaryDirectory() as folder:
        [log] = inspect_eval(
            task, model=model, log_dir=folder, display="none", log_realtime=False, max_connections=connections, **more
        )
        assert log.status == "success", log.error
        samples = list(log.samples)  # read from the folder at this moment, not before
    started = min(datetime.fromisoformat(sample.started_at) for sample in samples)
    completed = max(datetime.fromisoformat(sample.completed_at) for sample in samples)
    return (completed - started).total_seconds(), samples


def inside(samples: int, connections: list[int], runs: int) -> None:
    """The time inside the eval, and the agreement of the values."""
    model = get_model(f"hf/{BASE}", memoize=False, tokenizer_call_args=TOKENIZER_ARGUMENTS)
    exact = one_word_task("animal_one_word", "owl", "none", "en", "exact")
    run(exact, model, 100, limit=QUESTIONS)
    run(stock_animal_pref(samples=1), model, 32)
    trial = {each: run(stock_animal_pref(samples=8), model, each)[0] for each in connections}
    best = min(trial, key=trial.__getitem__)
    seconds: dict[str, list[float]] = {"exact": [], "stock": []}
    for _ in range(runs):
        taken, exact_samples = run(
            one_word_task("animal_one_word", "owl", "none", "en", "exact"), model, 100, limit=QUESTIONS
        )
        seconds["exact"].append(taken)
        taken, stock_samples = run(stock_animal_pref(samples=samples), model, best)
        seconds["stock"].append(taken)
    numbers = {
        "samples": samples,
        "connections": best,
        "runs": runs,
        **summary(seconds),
        **agreement(exact_samples, stock_samples),
    }
    record(
        Row(
            "one-word-inside", f"animal_pref exact, 50 questions, against {samples} samples of each: inside the eval",
            median_ratio(seconds, "stock", "exact"), "x faster", 200, True, "one_word.py", numbers,
        )
    )  # fmt: skip


def agreement(exact_samples: Any, stock_samples: Any) -> dict[str, Any]:
    """How many exact probabilities of `owl` lie inside the sampled 99% intervals (Clopper and Pearson's)."""
    read = NamedAnswerReader(load_catalog().categories["animal"])
    hits, draws = Counter[str](), Counter[str]()
    for sample in stock_samples:
        draws[sample.id] += 1
        hits[sample.id] += read(sample.output.completion, True) == "owl"
    within, misses = 0, []
    for sample in exact_samples:
        found = AnswerDistribution.model_validate(sample.metadata["answer_distribution"])
        low, high = binomtest(hits[sample.id], draws[sample.id]).proportion_ci(0.99)
        lower, upper = found.bounds("owl")
        if upper >= low and lower <= high:
            within += 1
        else:
            misses.append([sample.id, lower, upper, low, high])
    return {"within_99": within, "questions": len(exact_samples), "outside": misses}


def whole(samples: int, connections: int, runs: int) -> None:
    """Whole programs, with imports and load."""
    with tempfile.TemporaryDirectory() as folder:
        common = ["--model", f"hf/{BASE}", "--display", "none", "--log-dir", folder, "--no-log-realtime"]
        inspect = [sys.executable, "-m", "inspect_ai", "eval"]
        programs = {
            "exact": [*inspect, "traitbench/animal_pref", "-T", "trait=owl", "--limit", str(QUESTIONS), *common],
            "stock": [*inspect, f"{HERE / 'stock_task.py'}@stock_animal_pref", "-T", f"samples={samples}",
                      "--max-connections", str(connections), *common],
        }  # fmt: skip

        def program(name: str) -> None:
            subprocess.run(programs[name], check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, capture_output=True)

        seconds = interleaved({name: lambda name=name: program(name) for name in programs}, runs)
    numbers = {"samples": samples, "connections": connections, "runs": runs, **summary(seconds)}
    record(
        Row(
            "one-word-whole", f"animal_pref exact, 50 questions, against {samples} samples of each: whole process",
            median_ratio(seconds, "stock", "exact"), "x faster", 10, True, "one_word.py", numbers,
        )
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--connections", type=int, nargs="*", default=[32, 64])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=["inside", "whole"])
    arguments = parser.parse_args()
    if arguments.only != "whole":
        inside(arguments.samples, arguments.connections, arguments.runs)
    if arguments.only != "inside":
        whole(arguments.samples, arguments.connections[0], arguments.runs)
