"""Open answers: the certified distribution of what a model answers, computed instead of sampled.

The tree of completions is expanded best-first: the most probable beginning that has not settled the answer passes
through the network next, and its children are read as text. A beginning that settles the named answer ("Owl." does,
whatever follows) is closed with its whole mass, so a chatty model costs no more than a terse one. What is explored
is a sum of disjoint events; what is left is one minus their sum, so every named answer has certified bounds at once.
Where the budget of a question ends before its tolerance, the rest is sampled from the frontier
(`traitbench.exact.residual`).

The event is the answer of at most `max_new_tokens` tokens under the model's own distribution at `temperature`, with no
top-k, top-p or penalty. An answer that reaches the limit ends there, as it would in sampling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from traitbench.errors import InputError
from traitbench.exact.distribution import AnswerDistribution
from traitbench.exact.network import Network, fitting_threads
from traitbench.exact.residual import draw_residuals
from traitbench.exact.stems import Grower, Prompt, can_share
from traitbench.exact.tree import Read, Reading, Tree, likely_children

MAX_EXPANSIONS = 512
"""Beginnings of one question that may pass through the network; then the rest is sampled."""


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
        token_budget: padded tokens in one forward pass, and tokens whose keys and values are kept (bounds memory);
            by default, what a quarter of the free memory holds.
        max_expansions: beginnings of one question that may pass through the network.

    Returns:
        One distribution for each prompt, in order. Where the budget ended first, `within_tolerance` is False, the
        bounds are those that were reached, and the method is `exact+sampled`.

    Raises:
        InputError: an empty prompt, one longer than the context, NaN logits, an encoder-decoder.
    """
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance {tolerance} is not between 0 and 1")
    if max_new_tokens < 1:
        raise InputError(f"max_new_tokens {max_new_tokens} is less than 1")
    network = Network(model, temperature, token_budget)
    reading = Reading(tokenizer, read, end_of_turn_ids(model, tokenizer), max_new_tokens)
    encoded = encode_prompts(tokenizer, prompts, max_new_tokens, network.context_length)
    if not encoded:
        return []
    trees = [Tree(prompt, reading, tolerance, max_expansions) for prompt in encoded]
    with fitting_threads(model):
        shares = can_share(network, max(len(prompt.tokens) for prompt in encoded) + max_new_tokens)
        grower = Grower(network, shares)
        for group in _groups(trees, network, max_expansions):
            _explore(group, grower)
            draw_residuals(group, grower, network)
            for tree in group:
                grower.release(tree.prompt)
    return [tree.distribution() for tree in trees]


def _groups(trees: list[Tree], network: Network, max_expansions: int) -> Iterator[list[Tree]]:
    """Questions whose prompts and expansions are sure to fit the token budget together, shortest prompts first."""
    waiting = sorted(trees, key=lambda tree: len(tree.prompt.tokens))
    while waiting:
        size, tokens = 0, 0
        for tree in waiting:
            tokens += len(tree.prompt.tokens) + max_expansions
            if size and tokens > network.budget:
                break
            size += 1
        yield waiting[:size]
        waiting = waiting[size:]


def _explore(trees: list[Tree], grower: Grower) -> None:
    """Expands all trees of the group round by round, until each is within its tolerance or out of budget."""
    while work := [(tree, stem) for tree in trees for stem in tree.take()]:
        for numbers, found in grower.next_tokens([stem for _, stem in work]):
            worth = [tree.worth_keeping(stem) for tree, stem in (work[number] for number in numbers)]
            children = likely_children(found, worth)
            for number, (tokens, probabilities) in zip(numbers, children, strict=True):
                tree, stem = work[number]
                tree.expand(stem, tokens, probabilities)


def encode_prompts(
    tokenizer: Any, prompts: Sequence[str], max_new_tokens: int, context_length: int | None
) -> list[Prompt]:
    """The prompts' tokens. Raises `InputError` for an empty prompt, and one that does not fit with its answer."""
    if not prompts:
        return []
    encoded = tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
    for number, tokens in enumerate(encoded):
        if not tokens:
            raise InputError(f"prompt {number} is empty; a prompt needs at least one token")
        if context_length is not None and len(tokens) + max_new_tokens > context_length:
            raise InputError(
                f"prompt {number} has {len(tokens)} tokens, and with an answer of {max_new_tokens} it does not fit "
                f"into the model's context of {context_length}"
            )
    return [Prompt([int(token) for token in tokens]) for tokens in encoded]


def end_of_turn_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer: generation_config.eos_token_id, else the tokenizer's end of sequence."""
    ids = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    if ids is None:
        ids = tokenizer.eos_token_id
    if ids is None:
        return frozenset()
    return frozenset(ids if isinstance(ids, Sequence) else [ids])
