"""How much of a result is the rounding of its precision and its batch: the noise floor of a checkpoint.

Some questions are scored once more, one at a time, by a copy of the model in fp32; the largest difference of a
named answer's estimate is the floor below which a difference between checkpoints says nothing.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from traitbench.exact.completions import open_answers
from traitbench.exact.distribution import AnswerDistribution
from traitbench.exact.tree import Read

QUESTIONS = 32


def noise_floor(
    model: Any,
    tokenizer: Any,
    prompts: list[str],
    read: Read,
    answers: list[AnswerDistribution],
    *,
    tolerance: float = 0.01,
    max_new_tokens: int = 16,
) -> float:
    """The largest difference of any named answer's estimate when questions are scored at batch 1 in fp32, in [0, 1].

    Args:
        model, tokenizer, prompts, read, tolerance, max_new_tokens: as `open_answers` was called with.
        answers: what it returned. At most 32 questions, evenly spaced, are scored once more.
    """
    step = max(1, len(prompts) // QUESTIONS)
    again = list(range(0, len(prompts), step))[:QUESTIONS]
    exact = model if model.dtype == torch.float32 else copy.deepcopy(model).float()
    floor = 0.0
    for number in again:
        [alone] = open_answers(
            exact, tokenizer, [prompts[number]], read, tolerance=tolerance, max_new_tokens=max_new_tokens
        )
        named = {*answers[number].mass, *alone.mass, *answers[number].residual, *alone.residual}
        floor = max(floor, *(abs(answers[number].estimate(each) - alone.estimate(each)) for each in named))
    return floor
