"""How probable is each option of a multiple-choice question, whatever the place it stands in.

A model may favour a letter or a place. Every option is put into every place once, by rotation, and the mean over the
rotations cancels what the place alone brings (Zheng et al., arXiv 2309.03882).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from traitbench.errors import InputError
from traitbench.exact.closed import score_candidates


@dataclass(frozen=True)
class OptionAnswers:
    """Probabilities of one question's n options, in the order in which they were given."""

    raw: Tensor
    """(turns, n): each option's probability in each rotation; the first row is the order given."""
    cancelled: Tensor
    """(n,): the mean over the rotations."""
    labels: Tensor
    """(n,): each label's probability, the mean over the rotations; all equal for a model that favours no place."""
    outside: Tensor
    """(turns,): the probability, in each rotation, of an answer that begins with no label."""


def score_options(
    model: Any,
    tokenizer: Any,
    questions: Sequence[Sequence[str]],
    labels: Sequence[Sequence[str]],
    *,
    token_budget: int | None = None,
) -> list[OptionAnswers]:
    """The probability of each option of each question under its label.

    Args:
        model, tokenizer, token_budget: as for `score_candidates`.
        questions: each one's prompts, one for each of its n rotations (`order`), or a single one where the options
            have no places (yes, no).
        labels: for each of the n places the spellings of the answer that names it, as text behind the prompt
            (["A", " A"], ["B", " B"] …).

    Raises:
        InputError: a question with another number of prompts; what `score_candidates` refuses.
    """
    n = len(labels)
    for number, prompts in enumerate(questions):
        if len(prompts) not in (1, n):
            raise InputError(f"question {number} has {len(prompts)} prompts and {n} labels: give one prompt, or {n}")
    spelled = [spelling for spellings in labels for spelling in spellings]
    owner = torch.tensor([place for place, spellings in enumerate(labels) for _ in spellings])
    prompts = [prompt for each in questions for prompt in each]
    found = score_candidates(model, tokenizer, prompts, spelled, token_budget=token_budget)
    by_label = torch.zeros(len(prompts), n, dtype=torch.float64).index_add_(1, owner, found.exclusive)
    ends = torch.tensor([len(each) for each in questions]).cumsum(0).tolist()
    return [
        _answers(by_label[end - len(each) : end], found.outside[end - len(each) : end])
        for each, end in zip(questions, ends, strict=True)
    ]


def order(turn: int, n: int) -> list[int]:
    """Which of n options stands in the first, second … place in a rotation; the order given is turn 0."""
    return [(place + turn) % n for place in range(n)]


def _answers(by_label: Tensor, outside: Tensor) -> OptionAnswers:
    """From the (turns, n labels) probabilities of one question."""
    raw = torch.empty_like(by_label)
    for turn, row in enumerate(by_label):
        raw[turn, order(turn, len(row))] = row
    return OptionAnswers(raw, raw.mean(0), by_label.mean(0), outside)
