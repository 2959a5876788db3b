"""How are answers drawn from the model token by token, many at once over what they share.

A walk goes from a beginning to an answer. Walks that stand at the same beginning share its pass through the network,
and one that is finished leaves the batch. Each walk brings its own random numbers, so that what it draws does not
depend on which others walk beside it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from traitbench.exact.network import NextTokens, cached_chunks
from traitbench.exact.stems import Grower, Prompt, Stem

NONE_EXCLUDED: NDArray[np.int64] = np.empty(0, dtype=np.int64)
_BLOCK = 256


class Walk:
    """One answer in the making: where it stands, and the random numbers of its steps."""

    __slots__ = ("_at", "arrive", "excluded", "numbers", "steps")

    def __init__(
        self,
        stem: Stem,
        numbers: NDArray[np.float64],
        arrive: Callable[[tuple[int, ...]], bool],
        excluded: NDArray[np.int64] = NONE_EXCLUDED,
    ) -> None:
        """
        Args:
            stem: where the walk begins; the next token is drawn behind it.
            numbers: uniform in [0, 1), one for each step, at least as many as the walk can take.
            arrive: told the path of answer tokens after each step; True ends the walk.
            excluded: tokens that the first step may not take.
        """
        self._at = stem
        self.numbers = numbers
        self.arrive = arrive
        self.excluded = excluded
        self.steps = 0

    @property
    def at(self) -> Stem:
        """The beginning whose next token is drawn now."""
        return self._at

    def step(self, token: int) -> bool:
        """Takes the token; True where the walk is over."""
        self._at = self._at.child(token)
        self.excluded = NONE_EXCLUDED
        self.steps += 1
        return self.arrive(self._at.path)


def walk_all(walks: list[Walk], grower: Grower, room: int, max_new_tokens: int) -> None:
    """Takes every walk to its end.

    Args:
        walks: the first step of all is taken at once; then as many walk together as the room holds.
        grower: over which the walks' beginnings share what they have in common.
        room: tokens whose keys and values may be kept for the walks.
        max_new_tokens: that a walk can take.
    """
    waiting = deque(_step(walks, grower))
    walking: list[Walk] = []
    while waiting or walking:
        while waiting and (not walking or (len(walking) + 1) * max_new_tokens <= room):
            walking.append(waiting.popleft())
        going_on = _step(walking, grower)
        standing = {id(walk) for walk in going_on}
        for walk in walking:
            if id(walk) not in standing:
                _leave(walk, grower)
        walking = going_on


def _step(walks: list[Walk], grower: Grower) -> list[Walk]:
    """Draws one token for each walk, and returns those that are not over."""
    together: dict[tuple[int, int], list[Walk]] = {}
    for walk in walks:
        together.setdefault((id(walk.at), id(walk.excluded)), []).append(walk)
    groups = list(together.values())
    over: set[int] = set()
    for numbers, found in grower.next_tokens([group[0].at for group in groups]):
        drawing = [(row, walk) for row, number in enumerate(numbers) for walk in groups[number]]
        rows = torch.tensor([row for row, _ in drawing])
        levels = torch.tensor([walk.numbers[walk.steps] for _, walk in drawing], dtype=torch.float64)
        excluded = [(row, group[0].excluded) for row, group in enumerate(groups[number] for number in numbers)]
        for token, (_, walk) in zip(draw(found, rows, levels, excluded), drawing, strict=True):
            if walk.step(token):
                over.add(id(walk))
    return [walk for walk in walks if id(walk) not in over]


def _leave(walk: Walk, grower: Grower) -> None:
    """Gives back what the walk alone held: the stems that it went through after its first step."""
    stem = walk.at.parent
    for _ in range(walk.steps - 1):
        assert stem is not None
        grower.forget(stem)
        stem = stem.parent


def draw(
    found: NextTokens, rows: Tensor, levels: Tensor, excluded: Sequence[tuple[int, NDArray[np.int64]]] = ()
) -> list[int]:
    """One token for each of `rows`, by inverting the distribution function at `levels`.

    Args:
        found: the distributions after n positions.
        rows: (k,) positions, in any order and number.
        levels: (k,) in [0, 1), fp64.
        excluded: (position, tokens) that have no chance there.

    One random number serves a token, where `torch.multinomial` draws one for every entry of the vocabulary. The sums
    are taken in two steps, blocks first and then within the block, in fp64: a cumulative sum in fp32 over a large
    vocabulary would lose the rare tokens.
    """
    device, logits = found.logits.device, found.logits
    rows, levels = rows.to(device), levels.to(device)
    if any(len(barred) for _, barred in excluded):
        logits = logits.clone()
        for row, barred in excluded:
            logits[row, torch.from_numpy(barred).to(device)] = -torch.inf
    sums = _block_sums(logits)
    ends = sums.cumsum(-1)
    level = levels * ends[rows, -1]
    block = _first_above(ends[rows], level)
    level = (level - torch.where(block > 0, ends[rows, block - 1], 0.0)) / sums[rows, block]
    columns = block[:, None] * _BLOCK + torch.arange(_BLOCK, device=device)
    inside = columns < logits.shape[1]
    taken = logits[rows[:, None], columns.clamp(max=logits.shape[1] - 1)].masked_fill_(~inside, -torch.inf)
    within = taken.softmax(-1).double().cumsum(-1)
    tokens: list[int] = (block * _BLOCK + _first_above(within, level * within[:, -1])).tolist()
    return tokens


def _block_sums(logits: Tensor) -> Tensor:
    """(n, n_blocks) probabilities of runs of 256 tokens, fp64; on the CPU in chunks that stay in its cache."""
    whole = logits.shape[1] // _BLOCK * _BLOCK
    sums = []
    for chunk, scratch in cached_chunks(logits):
        chances = torch.softmax(chunk, dim=-1, out=scratch)
        parts = [chances[:, :whole].reshape(len(chances), -1, _BLOCK).sum(-1)]
        if whole < logits.shape[1]:
            parts.append(chances[:, whole:].sum(-1, keepdim=True))
        sums.append(torch.cat(parts, dim=-1))
    return torch.cat(sums).double()


def _first_above(ends: Tensor, level: Tensor) -> Tensor:
    """The first column whose cumulative chance exceeds the level, and never one without a chance of its own."""
    last = (ends < ends[:, -1:]).sum(-1)
    return torch.minimum(torch.searchsorted(ends, level[:, None], right=True)[:, 0], last)


def random_numbers(prompt: Prompt, seed: int, rows: int, columns: int) -> NDArray[np.float64]:
    """(rows, columns) uniform numbers that depend on the prompt's tokens and the seed alone; row i on no other row."""
    digest = hashlib.sha256(f"{seed} {prompt.tokens}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32)).random((rows, columns))
