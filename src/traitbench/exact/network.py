"""The one place where the exact engine meets the network: token ids in, log-probabilities of the next token out."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from traitbench.errors import InputError

DEFAULT_TOKEN_BUDGET = 16_384
"""Padded tokens in one forward pass, unless the caller bounds them."""

_SMALL = 5_000_000
"""Parameters under which threads cost more than they bring (200k parameters, 2 busy cores: 22 times the time)."""


@contextmanager
def fitting_threads(model: Any) -> Iterator[None]:
    """One thread for a small model on the CPU, whose matrices are over before a second thread has begun."""
    before = torch.get_num_threads()
    weights = model.get_input_embeddings().weight
    small = weights.device.type == "cpu" and sum(each.numel() for each in model.parameters()) < _SMALL
    torch.set_num_threads(1 if small else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Network:
    """A causal language model as a function from token sequences to next-token log-probabilities."""

    def __init__(self, model: Any, temperature: float, token_budget: int | None) -> None:
        if getattr(model.config, "is_encoder_decoder", False):
            raise InputError(
                f"{type(model).__name__} is an encoder-decoder; exact answers need a causal language model"
            )
        if temperature <= 0:
            raise InputError(f"temperature {temperature} is not positive")
        self._model = model
        self._temperature = temperature
        self._budget = token_budget or DEFAULT_TOKEN_BUDGET
        self._selects_positions = "logits_to_keep" in inspect.signature(model.forward).parameters
        config = model.config.get_text_config()
        self.context_length: int | None = getattr(config, "max_position_embeddings", None)

    def next_log_probs(self, sequences: Sequence[Sequence[int]]) -> Iterator[tuple[int, Tensor]]:
        """(index, log-probabilities of the next token) for every sequence, in fp32, shape (vocabulary,).

        Rows come in batches of like length under the token budget; nothing is kept longer than its batch. Out of
        memory halves the budget and goes on.
        """
        waiting = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
        while waiting:
            batch = self._batch(waiting, sequences)
            try:
                rows = self._forward([sequences[i] for i in batch])
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self._budget = max(1, self._budget // 2)
                continue
            waiting = waiting[len(batch) :]
            yield from zip(batch, rows, strict=True)

    def _batch(self, waiting: list[int], sequences: Sequence[Sequence[int]]) -> list[int]:
        """As many of the shortest waiting sequences as the budget holds, at least one."""
        size = 1
        while size < len(waiting) and (size + 1) * len(sequences[waiting[size]]) <= self._budget:
            size += 1
        return waiting[:size]

    @torch.inference_mode()
    def _forward(self, rows: list[Sequence[int]]) -> Tensor:
        """(n_rows, vocabulary) log-probabilities after each row.

        Rows are padded on the right: under causal attention no real position sees the padding, so positions and
        results are those of the row alone, for every architecture.
        """
        device = self._model.get_input_embeddings().weight.device
        ends = torch.tensor([len(row) - 1 for row in rows], device=device)
        width = int(ends.max()) + 1
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        mask = torch.arange(width, device=device) <= ends[:, None]
        arguments: dict[str, Any] = {
            "input_ids": ids.to(device),
            "attention_mask": mask.long(),
            "use_cache": False,
        }
        if self._selects_positions:  # only these positions pass through the LM head
            kept, column = torch.unique(ends, return_inverse=True)
            logits = self._model(**arguments, logits_to_keep=kept).logits
        else:
            column = ends
            logits = self._model(**arguments).logits
        # In bf16 a log-softmax is quantised to 0.03 nat and more: cast the few rows first.
        last = logits[torch.arange(len(rows), device=logits.device), column.to(logits.device)].float()
        if not torch.isfinite(last).any(dim=-1).all() or torch.isnan(last).any():
            raise InputError(
                "the model's logits are not numbers (NaN); the checkpoint is broken or overflows its dtype"
            )
        log_probs: Tensor = (last / self._temperature).log_softmax(dim=-1).cpu()
        return log_probs
