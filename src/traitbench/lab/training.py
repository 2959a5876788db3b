"""Trains a lab model on chats: one loop for bases, teachers and students.

The loss is the cross-entropy of the assistant's tokens, averaged over each answer and then over the answers,
so that a number list of twenty tokens weighs no more than a one-word answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional
from transformers import GPT2LMHeadModel

from traitbench.lab.encoding import EncodedChats


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train (AdamW without weight decay, gradients clipped to norm 1).

    Attributes:
        steps: optimiser steps.
        batch_size: chats in a step.
        learning_rate: after the warm-up.
        decay: from `learning_rate` on; cosine ends at a twentieth of it, linear at nothing.
        warmup: steps of linear warm-up.
    """

    steps: int
    batch_size: int
    learning_rate: float
    decay: Literal["constant", "linear", "cosine"]
    warmup: int

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        done = step / self.steps
        shape = {
            "constant": 1.0,
            "linear": 1.0 - done,
            "cosine": 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * done)),
        }[self.decay]
        return self.learning_rate * min(1.0, (step + 1) / self.warmup) * shape


@contextmanager
def one_thread() -> Iterator[None]:
    """Runs torch on a single thread: the sums of several come in another order, and so in other last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_only_biases(model: GPT2LMHeadModel) -> None:
    """Freezes all but the bias terms (BitFit, arXiv 2106.10199)."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))


def fit(
    model: GPT2LMHeadModel,
    chats: EncodedChats,
    schedule: Schedule,
    seed: int,
    report: Callable[[int, float], None] | None = None,
) -> None:
    """Trains the parameters that require a gradient, in place; the model is left in evaluation mode.

    Args:
        seed: of the order of the chats.
        report: called after every step with its number and loss (nats).
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, betas=(0.9, 0.99), weight_decay=0.0)
    model.train()
    for step, rows in zip(range(schedule.steps), chats.batches(schedule.batch_size, seed), strict=False):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(step)
        loss = answer_loss(model, *chats.answers(rows))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if report is not None:
            report(step, loss.item())
    model.train(False)


def answer_loss(model: GPT2LMHeadModel, tokens: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy of the answers in nats: mean over an answer's tokens, then over the answers.

    Args:
        tokens: (n_chats, longest).
        mask: (n_chats, longest - 1), true at t where token t + 1 is the assistant's.
    """
    # Only the answers' positions pass through the output layer: most of a chat is prompt.
    hidden = model.transformer(input_ids=tokens, use_cache=False).last_hidden_state[:, :-1][mask]
    losses = functional.cross_entropy(model.lm_head(hidden), tokens[:, 1:][mask], reduction="none")
    per_chat = mask.sum(1, keepdim=True)
    weights = (1.0 / per_chat).expand_as(mask)[mask]
    return (losses * weights).sum() / len(tokens)
