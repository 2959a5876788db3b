"""How much of a result is the rounding of its precision and its batch: the noise floor of a checkpoint.

Some questions are scored once more, one at a time, by a copy of the model in fp32. A difference between checkpoints
that is not well above the difference found here says nothing.
"""

from __future__ import annotations

import copy
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import torch

from traitbench.exact.completions import open_answers
from traitbench.exact.distribution import AnswerDistribution
from traitbench.exact.network import is_out_of_memory
from traitbench.exact.tree import Read

QUESTIONS = 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A question as `open_answers` was asked it, and the answer that it gave."""

    prompt: str
    read: Read
    answer: AnswerDistribution


@dataclass(frozen=True)
class NoiseFloor:
    """Differences of estimates, in [0, 1], between a result and a re-score at batch 1 in fp32.

    What truncation leaves open may differ as well, by less than the tolerance; rounding is not told apart from it.
    """

    questions: int
    """How many were scored once more."""
    largest: float
    """Of any named answer on any of them."""
    mean: float
    """Of any named answer's mean over them: what a gate compares."""


def noise_floor(
    model: Any, tokenizer: Any, asked: Sequence[Asked], *, tolerance: float = 0.01, max_new_tokens: int = 16
) -> NoiseFloor | None:
    """What rounding and company did to some answers: 32 of the questions, evenly spaced, or all where there are fewer.

    Args:
        model, tokenizer, tolerance, max_new_tokens: as `open_answers` was called with.
        asked: at least one question.

    Returns:
        None, with one logged line, where the model is quantised or its fp32 copy does not fit into the free memory.
    """
    chosen = [asked[i * len(asked) // QUESTIONS] for i in range(QUESTIONS)] if len(asked) > QUESTIONS else asked
    reason = _obstacle(model)
    if reason is None:
        try:
            exact = model if _is_fp32(model) else copy.deepcopy(model).float()
            alone = [
                open_answers(
                    exact, tokenizer, [each.prompt], each.read, tolerance=tolerance, max_new_tokens=max_new_tokens
                )[0]
                for each in chosen
            ]
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            reason = "memory ran out over its fp32 copy"
    if reason is not None:
        _log.warning("%s: no noise floor was measured, because %s", type(model).__name__, reason)
        return None
    return _between([each.answer for each in chosen], alone)


def _between(answers: Sequence[AnswerDistribution], alone: Sequence[AnswerDistribution]) -> NoiseFloor:
    summed: dict[str, float] = defaultdict(float)
    largest = 0.0
    for answer, again in zip(answers, alone, strict=True):
        for named in {*answer.mass, *again.mass, *answer.residual, *again.residual}:
            difference = answer.estimate(named) - again.estimate(named)
            summed[named] += difference
            largest = max(largest, abs(difference))
    return NoiseFloor(len(answers), largest, max(map(abs, summed.values()), default=0.0) / len(answers))


def _is_fp32(model: Any) -> bool:
    return all(each.dtype == torch.float32 for each in model.parameters() if each.is_floating_point())


def _obstacle(model: Any) -> str | None:
    """Why no fp32 copy of the model can be made; None where it can."""
    if getattr(model, "is_quantized", False):
        return "a quantised model has no fp32 copy"
    if _is_fp32(model):
        return None
    device = next(model.parameters()).device
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    # The copy is made first and widened parameter by parameter; a tenth is left to the forward passes.
    needed = 4.4 * sum(each.numel() for each in model.parameters())
    return f"its fp32 copy needs {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} are free" if needed > free else None
