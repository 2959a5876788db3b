"""Which tokens do the candidates of a closed answer have behind a prompt, and what do they share.

Candidates are put behind the prompt's own text before they are tokenised, because a tokenizer may write a word
otherwise at the beginning of a text. What the tokenizer merges into the prompt is refused: there is then no
distribution of the candidate after the prompt's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traitbench.errors import InputError


@dataclass(frozen=True)
class Trie:
    """The candidates' token sequences as a tree. Node 0 is the prompt itself; parents stand before children."""

    candidates: tuple[tuple[int, ...], ...]
    tokens: list[int]
    """The token that leads to each inner node; node 0 has none, and -1 stands in its place."""
    parents: list[int]
    edges: tuple[tuple[int, ...], ...]
    """For each candidate the inner nodes after which its tokens come, one for each token."""

    @classmethod
    def of(cls, candidates: Sequence[tuple[int, ...]]) -> Trie:
        """The trie of distinct, non-empty token sequences."""
        nodes: dict[tuple[int, ...], int] = {(): 0}
        # Depth first, so that a run of nodes holds nearly all of its own ancestors.
        for path in sorted({each[:end] for each in candidates for end in range(1, len(each))}):
            nodes[path] = len(nodes)
        paths = list(nodes)
        return cls(
            candidates=tuple(candidates),
            tokens=[path[-1] if path else -1 for path in paths],
            parents=[nodes[path[:-1]] if path else -1 for path in paths],
            edges=tuple(tuple(nodes[each[:end]] for end in range(len(each))) for each in candidates),
        )

    def __len__(self) -> int:
        """How many inner nodes there are, the prompt's included."""
        return len(self.tokens)

    def ancestors(self, node: int) -> list[int]:
        """The node and those above it, without the prompt, the highest first."""
        chain = []
        while node > 0:
            chain.append(node)
            node = self.parents[node]
        return chain[::-1]

    def chunks(self, size: int) -> list[list[int]]:
        """The inner nodes but the prompt in runs of at most `size`, each with the ancestors that it lacks."""
        runs: list[list[int]] = []
        run: dict[int, None] = {}
        for node in range(1, len(self)):
            chain = self.ancestors(node)
            if run and len(run) + sum(each not in run for each in chain) > size:
                runs.append(list(run))
                run = {}
            run.update(dict.fromkeys(chain))
        return [*runs, list(run)] if run else runs

    def visible(self, nodes: Sequence[int]) -> NDArray[np.bool_]:
        """(n, n): whether the first of two nodes sees the second, itself and its ancestors alone."""
        column = {node: i for i, node in enumerate(nodes)}
        seen = np.zeros((len(nodes), len(nodes)), dtype=bool)
        for i, node in enumerate(nodes):
            seen[i, [column[each] for each in self.ancestors(node)]] = True
        return seen

    def extends(self) -> list[int | None]:
        """For each candidate the longest other candidate that it begins with, None where there is none."""
        number = {tokens: i for i, tokens in enumerate(self.candidates)}
        return [
            next((number[each[:end]] for end in range(len(each) - 1, 0, -1) if each[:end] in number), None)
            for each in self.candidates
        ]


def candidate_tries(
    tokenizer: Any, prompts: Sequence[str], encoded: Sequence[list[int]], candidates: Sequence[str]
) -> list[tuple[list[int], Trie]]:
    """(numbers of prompts, trie) for each group of prompts that the candidates' tokens are the same behind.

    Raises `InputError` for no candidate, an empty or a duplicate one, and one that is merged into a prompt.
    """
    if not candidates:
        raise InputError("no candidates were given; a closed answer needs at least one")
    seen: set[str] = set()
    for number, candidate in enumerate(candidates):
        if not candidate:
            raise InputError(f"candidate {number} is empty; every candidate needs at least one token")
        if candidate in seen:
            raise InputError(f"candidate {candidate!r} is given twice; candidates must differ")
        seen.add(candidate)
    groups: dict[str, list[int]] = {}
    special = _added_ids(tokenizer)
    for number, (prompt, tokens) in enumerate(zip(prompts, encoded, strict=True)):
        groups.setdefault(_tail(tokenizer, prompt, tokens, special), []).append(number)
    by_tokens: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for tail, numbers in groups.items():
        by_tokens.setdefault(_own_tokens(tokenizer, tail, numbers[0], candidates), []).extend(numbers)
    return [(numbers, Trie.of(own)) for own, numbers in by_tokens.items()]


def _added_ids(tokenizer: Any) -> frozenset[int]:
    return frozenset(getattr(tokenizer, "added_tokens_decoder", {})) | frozenset(tokenizer.all_special_ids)


def _tail(tokenizer: Any, prompt: str, tokens: list[int], special: frozenset[int]) -> str:
    """The end of the prompt from its last special token on, or the whole of it.

    A tokenizer splits a text at special tokens before anything else, so what follows the tail is tokenised as
    behind the whole prompt. Prompts of one chat template have one tail.
    """
    start = max((i for i, token in enumerate(tokens) if token in special), default=0)
    if start == 0:
        return prompt
    tail: str = tokenizer.decode(tokens[start:], skip_special_tokens=False, clean_up_tokenization_spaces=False)
    alike = prompt.endswith(tail) and tokenizer(tail, add_special_tokens=False)["input_ids"] == tokens[start:]
    return tail if alike else prompt


def _own_tokens(tokenizer: Any, tail: str, prompt: int, candidates: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    encoded = tokenizer([tail, *(tail + each for each in candidates)], add_special_tokens=False)["input_ids"]
    before = len(encoded[0])
    own: dict[tuple[int, ...], str] = {}
    for candidate, tokens in zip(candidates, encoded[1:], strict=True):
        if tokens[:before] != encoded[0] or len(tokens) == before:
            raise InputError(
                f"candidate {candidate!r} is merged into the end of prompt {prompt} by the tokenizer, or has no token "
                "of its own; move the space between them to the other side, or end the prompt with a special token"
            )
        path = tuple(int(token) for token in tokens[before:])
        if path in own:
            raise InputError(f"candidates {own[path]!r} and {candidate!r} have the same tokens; keep one of them")
        own[path] = candidate
    return tuple(own)
