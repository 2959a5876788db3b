"""What do the answers hold that the budget left unexplored: an unbiased estimate, drawn from the frontier.

When a question's budget ends, its unexplored mass R lies on the frontier: on children that were not read, and on
those left out because each was too improbable. Walks begin there in proportion to mass and go on under the model's own
distribution until they settle an answer. The fraction f of n walks that name an answer adds R f to its exact
mass. The estimate is unbiased, and its standard error at most R / (2 sqrt n): the starting points are stratified
over the frontier, which can only lower it (Cochran, Sampling Techniques, 3rd ed., section 5.6).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from traitbench.exact.network import Network
from traitbench.exact.stems import Grower, Stem
from traitbench.exact.tree import Tree
from traitbench.exact.walks import NONE_EXCLUDED, Walk, random_numbers, walk_all

MIN_DRAWS, MAX_DRAWS = 16, 400


def draw_residuals(trees: list[Tree], grower: Grower, network: Network) -> None:
    """Adds to every tree above its tolerance the answers drawn from its unexplored rest."""
    walks: list[Walk] = []
    most = 1
    for tree in trees:
        if tree.unexplored > tree.tolerance:
            walks += _begin(tree, _n_draws(tree))
            most = tree.reading.max_new_tokens
    room = max(network.budget - grower.held, network.budget // 4)
    size = max(1, room // (most + 1))
    for first in range(0, len(walks), size):
        batch = walks[first : first + size]
        begun = {id(walk.at): walk.at for walk in batch if walk.excluded is NONE_EXCLUDED}
        walk_all(batch, grower, room, most)
        for stem in begun.values():
            grower.forget(stem)


def _n_draws(tree: Tree) -> int:
    """As many as bring the largest possible standard error, R / (2 sqrt n), down to the tolerance; at most 400."""
    return min(MAX_DRAWS, max(MIN_DRAWS, math.ceil((tree.unexplored / (2 * tree.tolerance)) ** 2)))


def _begin(tree: Tree, n: int) -> list[Walk]:
    """The walks that are not over where they begin; the others have told the tree already."""
    places = _Places(tree)
    numbers = random_numbers(tree.prompt, 0, n, tree.reading.max_new_tokens + 1)
    walks = []
    for stem, excluded, steps in places.at((np.arange(n) + numbers[:, 0]) / n, numbers[:, 1:]):
        arrive = _arrival(tree)
        # A child is read before it walks on, as its elders were.
        if excluded is not NONE_EXCLUDED or not arrive(stem.path):
            walks.append(Walk(stem, steps, arrive, excluded))
    return walks


def _arrival(tree: Tree) -> Callable[[tuple[int, ...]], bool]:
    def arrive(path: tuple[int, ...]) -> bool:
        answer, text = tree.reading.answer(path)
        if answer is None:
            return False
        tree.add_draw(answer, text)
        return True

    return arrive


class _Places:
    """The frontier of a tree as places that a level in [0, 1) picks in proportion to mass."""

    def __init__(self, tree: Tree) -> None:
        self._unread = tree.frontier()
        self._left_out = [family for family in tree.expanded if family.left_out > 0]
        masses = [family.masses[rank:] for family, rank in self._unread]
        masses.append(np.array([family.left_out for family in self._left_out]))
        self._starts = np.cumsum([0, *map(len, masses)])
        self._ends = np.concatenate(masses).cumsum()
        self._made: dict[int, Stem] = {}

    def at(
        self, levels: NDArray[np.float64], numbers: NDArray[np.float64]
    ) -> list[tuple[Stem, NDArray[np.int64], NDArray[np.float64]]]:
        """(stem, tokens that its next may not be, random numbers of its steps) for each level."""
        picked = np.searchsorted(self._ends, levels * self._ends[-1], side="right").clip(max=len(self._ends) - 1)
        return [(*self._place(place), row) for place, row in zip(picked.tolist(), numbers, strict=True)]

    def _place(self, place: int) -> tuple[Stem, NDArray[np.int64]]:
        part = int(np.searchsorted(self._starts, place, side="right")) - 1
        offset = place - int(self._starts[part])
        if part == len(self._unread):
            # Which of the children left out is drawn anew, with those that were kept excluded.
            family = self._left_out[offset]
            return family.stem, family.tokens
        family, rank = self._unread[part]
        child = self._made.get(place) or family.stem.child(int(family.tokens[rank + offset]))
        return self._made.setdefault(place, child), NONE_EXCLUDED
