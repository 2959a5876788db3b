"""How time grows with questions, candidates and the length of an answer; drawn into growth.svg."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
from harness import HERE
from shapes import SHAPES, candidates, model, questions, tokenizer

from traitbench.exact import closed_answers, draw_answers


def seconds(run: Callable[[], Any], runs: int) -> float:
    """The fastest of some runs."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)


def measure(shape: str, runs: int) -> dict[str, tuple[list[int], list[float]]]:
    """(sizes, seconds) along each axis."""
    network, tok, vocabulary = model(shape), tokenizer(shape), SHAPES[shape].vocab_size
    some = questions(20, vocabulary)
    closed_answers(network, tok, some, candidates(10, vocabulary))
    found: dict[str, tuple[list[int], list[float]]] = {}
    sizes = [10, 20, 40, 80, 160]
    forty = candidates(40, vocabulary)
    asked = {n: questions(n, vocabulary) for n in sizes}
    found["questions (40 candidates)"] = (
        sizes,
        [seconds(lambda n=n: closed_answers(network, tok, asked[n], forty), runs) for n in sizes],
    )
    sizes = [10, 40, 160, 640]
    choices = {n: candidates(n, vocabulary) for n in sizes}
    found["candidates (20 questions)"] = (
        sizes,
        [seconds(lambda n=n: closed_answers(network, tok, some, choices[n]), runs) for n in sizes],
    )
    sizes = [8, 16, 32, 64, 128]
    found["answer tokens (4 questions x 16 answers)"] = (
        sizes,
        [seconds(lambda n=n: draw_answers(network, tok, some[:4], 16, max_new_tokens=n), runs) for n in sizes],
    )
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="llama-5m", choices=list(SHAPES))
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    measured = measure(arguments.shape, arguments.runs)
    figure, axes = plt.subplots(1, len(measured), figsize=(12, 3.2))
    for axis, (name, (sizes, taken)) in zip(axes, measured.items(), strict=True):
        print(name, dict(zip(sizes, [round(each, 3) for each in taken], strict=True)))
        axis.loglog(sizes, taken, marker="o")
        axis.loglog(sizes, [taken[-1] * size / sizes[-1] for size in sizes], linestyle=":", color="grey")
        axis.set_xlabel(name)
        axis.set_ylabel("seconds")
    figure.suptitle(f"{arguments.shape}; dotted: in proportion")
    figure.tight_layout()
    figure.savefig(HERE / "growth.svg", metadata={"Date": None})
