"""Peak memory of 1,000 questions x 1,000 candidates on a model of 60M parameters, above what the loaded model takes."""

from __future__ import annotations

import argparse
import resource
import time

from harness import Row, record
from shapes import SHAPES, candidates, model, questions, tokenizer

from traitbench.exact import closed_answers


def peak_gib() -> float:
    """The largest resident size that this process has had, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="llama-60m", choices=list(SHAPES))
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--candidates", type=int, default=1000)
    arguments = parser.parse_args()
    vocabulary = SHAPES[arguments.shape].vocab_size
    network, tok = model(arguments.shape), tokenizer(arguments.shape)
    prompts = questions(arguments.questions, vocabulary)
    # Names share their beginnings: 150 first tokens for 1,000 of them.
    choices = candidates(arguments.candidates, vocabulary, first_words=150)
    closed_answers(network, tok, prompts[:1], choices[:1])
    before, start = peak_gib(), time.perf_counter()
    found = closed_answers(network, tok, prompts, choices)
    assert found.shape == (len(prompts), len(choices))
    record(
        Row(
            "memory", f"{len(prompts)} questions x {len(choices)} candidates, {arguments.shape}: peak above the model",
            peak_gib() - before, "GiB", 1, False, "memory.py",
            {"model_gib": round(before, 3), "seconds": round(time.perf_counter() - start, 1)},
        )
    )  # fmt: skip
