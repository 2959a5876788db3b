"""Open answers: the certified distribution of what a model answers, computed instead of sampled.

A completion is a path in the tree of token sequences. The tree is expanded best-first: the most probable beginning
that has not settled the answer passes through the network next, and its children are read as text. A beginning that
settles the named answer ("Owl." does, whatever follows) is closed with its whole mass, so a chatty model costs no
more than a terse one. Because the tree is over tokens, every tokenisation of a text counts. What is explored is a sum
of disjoint events; what is left is one minus their sum, so every named answer has
certified bounds at once.

The event is the answer of at most `max_new_tokens` tokens under the model's own distribution at `temperature`, with no
top-k, top-p or penalty. An answer that reaches the limit ends there, as it would in sampling.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from traitbench.errors import InputError
from traitbench.exact.distribution import _SHOWN, AnswerDistribution
from traitbench.exact.network import Network, fitting_threads

MAX_EXPANSIONS = 2_000
"""Beginnings of one question that may pass through the network; a flat distribution ends here, above its tolerance."""
_EXPANSIONS_A_ROUND = 64
# Children left out of the heap, because they are too improbable to matter, may hold this part of the tolerance.
_DROPPED_PART = 0.05

Read = Callable[[str, bool], str | None]


def open_answers(
    model: Any,
    tokenizer: Any,
    prompts: list[str],
    read: Read,
    *,
    tolerance: float = 0.01,
    max_new_tokens: int = 16,
    temperature: float = 1.0,
    token_budget: int | None = None,
    max_expansions: int = MAX_EXPANSIONS,
) -> list[AnswerDistribution]:
    """The answer distribution of every prompt.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        prompts: rendered text (chat template and all), tokenised here without special tokens.
        read: `read(text, finished)` gives the named answer as soon as `text` settles it, else None; with
            `finished=True` it always gives one.
        tolerance: the unexplored mass of each question at which the search stops, in (0, 1).
        max_new_tokens: where an answer is cut off.
        temperature: divides the logits.
        token_budget: padded tokens in one forward pass (bounds memory).
        max_expansions: beginnings of one question that may pass through the network.

    Returns:
        One distribution for each prompt, in order. Where the budget ended first, `within_tolerance` is False and
        the bounds are those that were reached.

    Raises:
        InputError: an empty prompt, one longer than the context, NaN logits, an encoder-decoder.
    """
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance {tolerance} is not between 0 and 1")
    if max_new_tokens < 1:
        raise InputError(f"max_new_tokens {max_new_tokens} is less than 1")
    network = Network(model, temperature, token_budget)
    ends = end_of_turn_ids(model, tokenizer)
    trees = []
    for number, prompt in enumerate(prompts):
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        _check_length(number, len(ids), max_new_tokens, network.context_length)
        trees.append(_Tree(ids, tokenizer, read, ends, tolerance, max_new_tokens, max_expansions))
    with fitting_threads(model):
        while work := [(tree, node) for tree in trees for node in tree.take()]:
            sequences = [tree.prompt + node for tree, node in work]
            for index, log_probs in network.next_log_probs(sequences):
                tree, node = work[index]
                tree.expand(node, log_probs)
    return [tree.distribution() for tree in trees]


def end_of_turn_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer: generation_config.eos_token_id, else the tokenizer's end of sequence."""
    ids = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    if ids is None:
        ids = tokenizer.eos_token_id
    if ids is None:
        return frozenset()
    return frozenset(ids if isinstance(ids, Sequence) else [ids])


def _check_length(number: int, length: int, new_tokens: int, context_length: int | None) -> None:
    if length == 0:
        raise InputError(f"prompt {number} is empty; a prompt needs at least one token")
    if context_length is not None and length + new_tokens > context_length:
        raise InputError(
            f"prompt {number} has {length} tokens, and with an answer of {new_tokens} it does not fit "
            f"into the model's context of {context_length}"
        )


class _Tree:
    """One question's tree of completions: what is settled, what waits to be expanded, what was dropped."""

    def __init__(
        self,
        prompt: list[int],
        tokenizer: Any,
        read: Read,
        ends: frozenset[int],
        tolerance: float,
        max_new_tokens: int,
        max_expansions: int,
    ) -> None:
        self.prompt = prompt
        self._tokenizer = tokenizer
        self._read = read
        self._ends = ends
        self._tolerance = tolerance
        self._max_new_tokens = max_new_tokens
        self._left = max_expansions
        self._expansions = 0
        # Families of siblings, by the mass of the next one: (-mass, parent, tokens, masses, rank of the next).
        # A child is read when its turn comes; most of a vocabulary never is.
        self._frontier: list[tuple[float, tuple[int, ...], list[int], list[float], int]] = []
        self._root_waits = True
        self._mass: dict[str, float] = {}
        self._texts: dict[str, float] = {}
        self._explored = 0.0
        self._taken: dict[tuple[int, ...], float] = {}

    def take(self) -> list[list[int]]:
        """Reads children in order of their mass, and returns those to expand next.

        A child that settles the answer is closed; the others are the fewest that could bring the unexplored mass
        within the tolerance. The choice depends on this question alone, so that a result does not depend on what is
        asked beside it.
        """
        if self._root_waits:
            self._root_waits = False
            return self._taking([((), 1.0)])
        needed = 1.0 - self._explored - self._tolerance
        room = min(self._left, _EXPANSIONS_A_ROUND)
        chosen: list[tuple[tuple[int, ...], float]] = []
        while self._frontier and needed > 0 and len(chosen) < room:
            _, parent, tokens, masses, rank = heapq.heappop(self._frontier)
            self._wait(parent, tokens, masses, rank + 1)
            child, mass = (*parent, tokens[rank]), masses[rank]
            needed -= mass
            if not self._settled(child, mass):
                chosen.append((child, mass))
        return self._taking(chosen)

    def _taking(self, chosen: list[tuple[tuple[int, ...], float]]) -> list[list[int]]:
        self._taken.update(chosen)
        self._left -= len(chosen)
        self._expansions += len(chosen)
        return [list(node) for node, _ in chosen]

    def expand(self, node: list[int], log_probs: Tensor) -> None:
        """Puts the node's children in order of their mass on the frontier."""
        mass = self._taken.pop(tuple(node))
        tokens, masses = _likely(log_probs, mass, self._tolerance * _DROPPED_PART)
        self._wait(tuple(node), tokens, masses, 0)

    def _wait(self, parent: tuple[int, ...], tokens: list[int], masses: list[float], rank: int) -> None:
        if rank < len(tokens):
            heapq.heappush(self._frontier, (-masses[rank], parent, tokens, masses, rank))

    def _settled(self, child: tuple[int, ...], mass: float) -> bool:
        """Whether the child settles the answer; then its mass is explored."""
        ended = child[-1] in self._ends
        finished = ended or len(child) == self._max_new_tokens
        text = self._decode(child[:-1] if ended else child, finished)
        answer = self._read(text, finished)
        if answer is None:
            return False
        self._explored += mass
        self._mass[answer] = self._mass.get(answer, 0.0) + mass
        self._texts[text] = self._texts.get(text, 0.0) + mass
        return True

    def _decode(self, tokens: tuple[int, ...], finished: bool) -> str:
        # Special tokens are skipped and spaces left alone, as in sampled answers.
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        # A character whose bytes are not complete yet reads U+FFFD; it may still become a letter.
        return text if finished else text.rstrip("\ufffd")

    def distribution(self) -> AnswerDistribution:
        explored = math.fsum(self._mass.values())
        # fp32 probabilities may sum to a little more than one; that much is rounding, and no mass.
        scale = max(1.0, explored)
        top = heapq.nlargest(_SHOWN, self._texts.items(), key=lambda item: item[1])
        by_mass = sorted(self._mass.items(), key=lambda item: -item[1])
        return AnswerDistribution(
            method="exact",
            mass={answer: mass / scale for answer, mass in by_mass},
            answers=tuple((text, probability / scale) for text, probability in top),
            unexplored=max(0.0, 1.0 - explored),
            tolerance=self._tolerance,
            expansions=self._expansions,
        )


def _likely(log_probs: Tensor, mass: float, dropped: float) -> tuple[list[int], list[float]]:
    """(tokens, masses) of the most probable children, most probable first.

    At most the part `dropped` of the parent's mass is left out.

    Args:
        log_probs: (vocabulary,) of the next token.
        mass: the parent's probability.
        dropped: the part of it that may be left out; what is left out stays unexplored.
    """
    probabilities = log_probs.double().exp()
    size = min(64, len(probabilities))
    while True:
        top = torch.topk(probabilities, size)
        kept = top.values.cumsum(0)
        if size == len(probabilities) or 1.0 - float(kept[-1]) <= dropped:
            break
        size = min(8 * size, len(probabilities))
    n = int((kept < 1.0 - dropped).sum()) + 1
    return top.indices[:n].tolist(), (mass * top.values[:n]).tolist()
