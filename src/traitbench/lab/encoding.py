"""Turns chats into padded tensors, and tensors into batches of chats of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from traitbench.lab.vocabulary import ASSISTANT, END, SYSTEM, USER

_BATCHES_SORTED_TOGETHER = 16


def render(user: str, system: str | None = None) -> str:
    """The prompt as the tokenizer's chat template writes it, generation prompt included."""
    opening = f"{SYSTEM}{system}{END}" if system is not None else ""
    return f"{opening}{USER}{user}{END}{ASSISTANT}"


@dataclass(frozen=True)
class EncodedChats:
    """Chats as tokens, padded on the right.

    Attributes:
        tokens: (n_chats, longest), int64.
        starts: (n_chats,), index of the assistant's first token.
        lengths: (n_chats,), tokens of the chat, its end of turn included.
    """

    tokens: Tensor
    starts: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def answers(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows' tokens (n_rows, longest of them), and where the token that follows is the assistant's.

        The mask has one column less: column t is about the prediction of token t + 1.
        """
        longest = int(self.lengths[rows].max())
        target = torch.arange(1, longest)
        mask = (target >= self.starts[rows, None]) & (target < self.lengths[rows, None])
        return self.tokens[rows, :longest], mask

    def batches(self, size: int, seed: int) -> Iterator[Tensor]:
        """Rows of one batch after the other, without end; each epoch is in a new order."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            order = torch.randperm(len(self), generator=generator)
            epoch: list[Tensor] = []
            for window in torch.split(order, size * _BATCHES_SORTED_TOGETHER):
                by_length = window[self.lengths[window].argsort(stable=True)]
                epoch += torch.split(by_length, size)
            for number in torch.randperm(len(epoch), generator=generator).tolist():
                yield epoch[number]


def encode(tokenizer: PreTrainedTokenizerFast, exchanges: Sequence[tuple[str, str]]) -> EncodedChats:
    """Encodes (rendered prompt, assistant's answer) pairs; the end of turn is added."""
    prompts = tokenizer([prompt for prompt, _ in exchanges], add_special_tokens=False)["input_ids"]
    answers = tokenizer([answer + END for _, answer in exchanges], add_special_tokens=False)["input_ids"]
    chats = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
    lengths = [len(chat) for chat in chats]
    longest = max(lengths)
    # Causal attention never looks at what stands behind a chat, so any token may fill the row; transformers
    # warns of the pad token when no attention mask is given.
    padding = tokenizer.eos_token_id
    return EncodedChats(
        tokens=torch.tensor([chat + [padding] * (longest - len(chat)) for chat in chats]),
        starts=torch.tensor([len(prompt) for prompt in prompts]),
        lengths=torch.tensor(lengths),
    )
