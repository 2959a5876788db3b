"""16 LoRA students of one base: what each costs, its load and swap included, against its own forwards alone."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from harness import Row, record
from peft import LoraConfig, get_peft_model
from shapes import SHAPES, candidates, model, questions, tokenizer

from traitbench.exact import closed_answers
from traitbench.exact.adapters import students_of


def adapter(shape: str, seed: int, folder: Path) -> Path:
    """A random LoRA of rank 8 on the attention, as PEFT saves it."""
    torch.manual_seed(seed)
    student = get_peft_model(
        model(shape), LoraConfig(r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    )
    student.save_pretrained(folder)
    return folder


def compare(shape: str, students: int, n_questions: int) -> None:
    """Prints and records the row: the median over students of (load + swap + score) / score."""
    vocabulary = SHAPES[shape].vocab_size
    tok, prompts, choices = tokenizer(shape), questions(n_questions, vocabulary), candidates(40, vocabulary)

    def score(network: Any) -> float:
        start = time.perf_counter()
        closed_answers(network, tok, prompts, choices)
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as scratch:
        folders = [adapter(shape, seed, Path(scratch) / str(seed)) for seed in range(students)]
        base = model(shape)
        whole, forwards = [], []
        start = time.perf_counter()
        for _, student in students_of(base, folders):
            score(student)
            whole.append(time.perf_counter() - start)
            forwards.append(score(student))  # the same work with the adapter in place
            start = time.perf_counter()
    ratios = [a / b for a, b in zip(whole, forwards, strict=True)][1:]
    record(
        Row(
            "lora", f"{students} LoRA students of one base, {shape}: each further student against its own forwards",
            statistics.median(ratios), "x its forwards", 1.1, False, "lora.py",
            {"whole_s": statistics.median(whole), "forwards_s": statistics.median(forwards), "largest": max(ratios)},
        )
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="llama-20m", choices=list(SHAPES))
    parser.add_argument("--students", type=int, default=16)
    parser.add_argument("--questions", type=int, default=50)
    arguments = parser.parse_args()
    compare(arguments.shape, arguments.students, arguments.questions)
