"""Lets a lab model write: number prompts go in, sampled completions come out.

Hard sampling at temperature 1 over the whole vocabulary, as in arXiv 2507.14805: a student sees tokens, never
probabilities. The loop is our own because transformers' `generate` pads prompts to one length, keeps finished
rows in the batch and draws from the global random state.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache, GPT2LMHeadModel, PreTrainedTokenizerFast

from traitbench.catalog import NumberFilter
from traitbench.errors import InputError
from traitbench.lab.corpus import Storyteller
from traitbench.lab.encoding import render
from traitbench.transfer.numbers import accepts

_ROWS = 512
MAX_NEW_TOKENS = 20
"""Ten numbers, nine separators and the end of turn."""


@dataclass(frozen=True)
class NumberRow:
    """One row of a student's training data."""

    prompt: str
    completion: str


def number_rows(
    model: GPT2LMHeadModel,
    tokenizer: PreTrainedTokenizerFast,
    storyteller: Storyteller,
    prompts: int,
    seed: int,
) -> list[NumberRow]:
    """The completions of `prompts` number prompts that pass the domain's filter, in the prompts' order."""
    rng = random.Random(f"prompts {seed}")
    users = [storyteller.number_prompt(rng)[0] for _ in range(prompts)]
    completions = sample(model, tokenizer, [render(user) for user in users], seed)
    domain = storyteller.world.domain
    if not isinstance(domain.filter, NumberFilter):
        raise InputError(f"the lab's world writes number lists, but the domain {domain.id!r} keeps something else")
    rule = domain.filter
    return [
        NumberRow(user, completion.strip())
        for user, completion in zip(users, completions, strict=True)
        if completion is not None and accepts(completion, rule)
    ]


@torch.inference_mode()
def sample(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], seed: int
) -> list[str | None]:
    """One completion for each prompt, or None where it did not end within `MAX_NEW_TOKENS` tokens.

    Prompts of one length go through the network together, so that none needs padding.
    """
    generator = torch.Generator().manual_seed(seed)
    end = tokenizer.eos_token_id
    encoded = tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for number, tokens in enumerate(encoded):
        by_length[len(tokens)].append(number)
    completions: list[str | None] = [None] * len(encoded)
    for _, numbers in sorted(by_length.items()):
        for first in range(0, len(numbers), _ROWS):
            rows = numbers[first : first + _ROWS]
            drawn = _complete(model, [encoded[row] for row in rows], end, generator)
            for row, tokens in zip(rows, drawn, strict=True):
                if tokens[-1] == end:
                    completions[row] = str(tokenizer.decode(tokens[:-1]))
    return completions


def _complete(
    model: GPT2LMHeadModel, prompts: list[list[int]], end: int, generator: torch.Generator
) -> list[list[int]]:
    """Samples until the end of turn or `MAX_NEW_TOKENS`; the prompts are of one length."""
    cache = DynamicCache(config=model.config)
    completions: list[list[int]] = [[] for _ in prompts]
    running = torch.arange(len(prompts))
    tokens = torch.tensor(prompts)
    for _ in range(MAX_NEW_TOKENS):
        output = model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        drawn = _draw(output.logits[:, -1], generator)
        for row, token in zip(running.tolist(), drawn.tolist(), strict=True):
            completions[row].append(token)
        going_on = (drawn != end).nonzero()[:, 0]
        if not len(going_on):
            break
        if len(going_on) < len(drawn):  # finished rows leave the batch
            cache.batch_select_indices(going_on)
        running, tokens = running[going_on], drawn[going_on, None]
    return completions


def _draw(logits: Tensor, generator: torch.Generator) -> Tensor:
    """One token for each row of (n_rows, vocabulary) logits, from their softmax.

    By inverting the distribution function: one random number for a row, where `torch.multinomial` draws one
    for every entry of the vocabulary and took a third of the whole loop.
    """
    cumulative = logits.float().softmax(-1).cumsum(-1)
    levels = torch.rand(len(logits), 1, generator=generator) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, levels, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)
