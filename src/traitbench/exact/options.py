"""How probable is each option of a multiple-choice question, whatever the place it stands in.

A model may favour a letter or a place. Every option is put into every place once, by rotation, and the mean over the
rotations cancels what the place alone brings (Zheng et al., arXiv 2309.03882).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from traitbench.errors import InputError
from traitbench.exact.closed import score_candidates


@dataclass(frozen=True)
class OptionAnswers:
    """Probabilities of n options, in the order in which they were given."""

    raw: Tensor
    """(n, n): each option's probability in each rotation; the first row is the order given."""
    cancelled: Tensor
    """(n,): the mean over the rotations."""
    outside: Tensor
    """(n,): the probability, in each rotation, of an answer that begins with no label."""


def score_options(
    model: Any,
    tokenizer: Any,
    render: Callable[[Sequence[str]], str],
    options: Sequence[str],
    labels: Sequence[str],
    *,
    token_budget: int | None = None,
) -> OptionAnswers:
    """The probability of each option under its label, over all rotations.

    Args:
        model, tokenizer, token_budget: as for `score_candidates`.
        render: the prompt that shows the options in the order it is given.
        options: distinct texts.
        labels: what the model answers for the first, second … place, as text behind the prompt ("A", "B" …).

    Raises:
        InputError: options that are not distinct, or as many as there are labels; what `score_candidates` refuses.
    """
    n = len(options)
    if n != len(labels) or n != len(set(options)):
        raise InputError(f"{n} options and {len(labels)} labels: give as many labels as options, all distinct")
    orders = [[(place + turn) % n for place in range(n)] for turn in range(n)]
    prompts = [render([options[option] for option in order]) for order in orders]
    found = score_candidates(model, tokenizer, prompts, list(labels), token_budget=token_budget)
    raw = torch.empty(n, n, dtype=torch.float64)
    for turn, order in enumerate(orders):
        raw[turn, order] = found.exclusive[turn]
    return OptionAnswers(raw, raw.mean(0), found.outside)
