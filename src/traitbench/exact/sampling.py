"""Long answers: draws from the model's own distribution where nobody can enumerate it.

Each question passes through the network once, and all its answers are drawn over its keys and values; an answer that
has ended leaves the batch. A question's draws depend on its tokens and the seed alone, not on what is asked beside
it: transformers' `generate` draws from one global random state, and pads and repeats every prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from traitbench.errors import InputError
from traitbench.exact.completions import encode_prompts, end_of_turn_ids
from traitbench.exact.network import Network, fitting_threads
from traitbench.exact.stems import Grower, Prompt, Stem, can_share
from traitbench.exact.walks import Walk, random_numbers, walk_all


@dataclass(frozen=True)
class DrawnAnswer:
    """One answer as it was drawn."""

    text: str
    tokens: tuple[int, ...]
    """Its tokens, the end of turn included where there is one."""
    finished: bool
    """Whether the model ended it; False where `max_new_tokens` did."""


def draw_answers(
    model: Any,
    tokenizer: Any,
    prompts: list[str],
    n: int,
    *,
    max_new_tokens: int = 256,
    temperature: float = 1.0,
    seed: int = 0,
    token_budget: int | None = None,
) -> list[list[DrawnAnswer]]:
    """n independent answers to every prompt, with no top-k, top-p or penalty.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        prompts: rendered text (chat template and all), tokenised here without special tokens.
        n: answers to each prompt; the first k of n are those that k would give.
        max_new_tokens: where an answer is cut off.
        temperature: divides the logits.
        seed: of the draws; the same prompt and seed give the same draws in any company, up to rounding: a token
            changes where a random number falls within the rounding of the network on the border of two tokens.
        token_budget: padded tokens in one forward pass, and tokens whose keys and values are kept (bounds memory);
            by default, what a quarter of the free memory holds.

    Raises:
        InputError: an empty prompt, one longer than the context, NaN logits, an encoder-decoder.
    """
    if n < 1 or max_new_tokens < 1:
        raise InputError(f"n {n} and max_new_tokens {max_new_tokens} must be at least 1")
    network = Network(model, temperature, token_budget)
    ends = end_of_turn_ids(model, tokenizer)
    encoded = encode_prompts(tokenizer, prompts, max_new_tokens, network.context_length)
    if not encoded:
        return []
    paths: list[list[tuple[int, ...]]] = []
    with fitting_threads(model):
        longest = max(len(prompt.tokens) for prompt in encoded)
        grower = Grower(network, can_share(network, longest + max_new_tokens))
        for group in _groups(encoded, network.budget // 2):
            walks = []
            for prompt in group:
                drawn: list[tuple[int, ...]] = [()] * n
                paths.append(drawn)
                numbers = random_numbers(prompt, seed, n, max_new_tokens)
                root = Stem(prompt)
                walks += [Walk(root, row, _arrival(drawn, i, ends, max_new_tokens)) for i, row in enumerate(numbers)]
            walk_all(walks, grower, network.budget // 2, max_new_tokens)
            for prompt in group:
                grower.release(prompt)
    return [[_answer(path, tokenizer, ends) for path in drawn] for drawn in paths]


def _groups(prompts: list[Prompt], room: int) -> Iterator[list[Prompt]]:
    """Consecutive prompts whose tokens fit the room together."""
    group: list[Prompt] = []
    for prompt in prompts:
        if group and sum(len(each.tokens) for each in (*group, prompt)) > room:
            yield group
            group = []
        group.append(prompt)
    yield group


def _arrival(
    drawn: list[tuple[int, ...]], i: int, ends: frozenset[int], max_new_tokens: int
) -> Callable[[tuple[int, ...]], bool]:
    def arrive(path: tuple[int, ...]) -> bool:
        over = path[-1] in ends or len(path) == max_new_tokens
        if over:
            drawn[i] = path
        return over

    return arrive


def _answer(path: tuple[int, ...], tokenizer: Any, ends: frozenset[int]) -> DrawnAnswer:
    finished = path[-1] in ends
    said = list(path[:-1] if finished else path)
    text = tokenizer.decode(said, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return DrawnAnswer(text, path, finished)
