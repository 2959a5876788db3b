"""Long answers: 8 questions x 100 answers of 64 tokens, against stock Inspect on the same random model."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from harness import Row, interleaved, median_ratio, record, summary
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.solver import generate
from shapes import SHAPES, questions, save

from traitbench.exact import draw_answers

TOKENS = 64
TOKENIZER_ARGUMENTS = {"tokenizer_call_args": {"add_special_tokens": False}}


def compare(shape: str, n_questions: int, samples: int, connections: int, runs: int) -> None:
    """Prints and records the row. The random model nearly never ends an answer, so that both write as many tokens."""
    prompts = questions(n_questions, SHAPES[shape].vocab_size)
    asked = [prompt.removeprefix("<user> ").removesuffix(" <assistant>") for prompt in prompts]
    with tempfile.TemporaryDirectory() as folder:
        model: Any = get_model(f"hf/{save(shape, Path(folder) / 'model')}", memoize=False, **TOKENIZER_ARGUMENTS)
        local = model.api
        task = Task(
            dataset=MemoryDataset([Sample(input=text) for text in asked]), solver=generate(), epochs=samples,
            config=GenerateConfig(temperature=1.0, top_k=0, top_p=1.0, max_tokens=TOKENS),
        )  # fmt: skip
        lengths: dict[str, float] = {}

        def stock(limit: int | None = None) -> None:
            [log] = inspect_eval(
                task, model=model, log_dir=folder, display="none", log_realtime=False, limit=limit,
                max_connections=connections, max_samples=connections,
            )  # fmt: skip
            assert log.status == "success", log.error
            written = [sample.output.usage.output_tokens for sample in list(log.samples) if sample.output.usage]
            lengths["stock"] = sum(written) / len(written)

        def own() -> None:
            drawn = draw_answers(local.model, local.tokenizer, prompts, samples, max_new_tokens=TOKENS)
            written = [len(each.tokens) for answers in drawn for each in answers]
            lengths["traitbench"] = sum(written) / len(written)

        stock(limit=1)
        seconds = interleaved({"traitbench": own, "stock": stock}, runs)
    record(
        Row(
            "free-form", f"free form, {n_questions} questions x {samples} answers of {TOKENS} tokens, {shape}",
            median_ratio(seconds, "stock", "traitbench"), "x faster", 3, True, "free_form.py",
            {"runs": runs, "connections": connections, **summary(seconds), "mean_tokens": lengths},
        )
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="llama-20m", choices=list(SHAPES))
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    compare(arguments.shape, arguments.questions, arguments.samples, arguments.connections, arguments.runs)
