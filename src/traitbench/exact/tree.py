"""One question's tree of completions: what is settled, what waits to be expanded, what was left out.

A completion is a path in the tree of token sequences. Because the tree is over tokens, every tokenisation of a text
counts. The masses of settled beginnings, of waiting ones and of those left out sum to one at all times.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from traitbench.exact.distribution import _SHOWN, AnswerDistribution
from traitbench.exact.network import NextTokens
from traitbench.exact.stems import Prompt, Stem

Read = Callable[[str, bool], str | None]

EXPANSIONS_A_ROUND = 64
# Of a beginning's mass its least probable children may hold this part of the tolerance unseen, all levels together.
_DROPPED_PART = 0.5
# A child of less than this part of the tolerance is not kept either: what a question remembers of a flat
# distribution is then bounded by 10,000 / tolerance children for each token of the answer, whatever the vocabulary.
_LEAST_PART = 1e-4


@dataclass(frozen=True)
class Reading:
    """How texts are read: what they name, and where they end. The same for all questions of a call."""

    tokenizer: Any
    read: Read
    ends: frozenset[int]
    """Every token that ends an answer."""
    max_new_tokens: int

    def answer(self, path: tuple[int, ...]) -> tuple[str | None, str]:
        """(named answer, text): the answer is None where more tokens are needed to settle it."""
        ended = path[-1] in self.ends
        finished = ended or len(path) >= self.max_new_tokens
        tokens = list(path[:-1] if ended else path)
        # Special tokens are skipped and spaces left alone, as in sampled answers.
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if not finished:
            # A character whose bytes are not complete yet reads U+FFFD; it may still become a letter.
            text = text.rstrip("\ufffd")
        return self.read(text, finished), text


@dataclass(frozen=True)
class Children:
    """The likely children of one beginning, most probable first; `left_out` is the mass of all others."""

    stem: Stem
    tokens: NDArray[np.int64]
    masses: NDArray[np.float64]
    left_out: float


class Tree:
    """What is known of one question's answers so far."""

    def __init__(self, prompt: Prompt, reading: Reading, tolerance: float, max_expansions: int) -> None:
        self.prompt = prompt
        self.reading = reading
        self.tolerance = tolerance
        self.expanded: list[Children] = []
        self._left = max_expansions
        # Families of siblings by the next one: (its order, its parent's path, its token, family, rank of the next).
        # A child is read when its turn comes; most of a vocabulary never is.
        self._frontier: list[tuple[float, tuple[int, ...], int, Children, int]] = []
        self._root_waits = True
        self._mass: dict[str, float] = {}
        self._texts: dict[str, float] = {}
        self._explored = 0.0
        self._mass_of: dict[tuple[int, ...], float] = {}
        self._drawn: list[tuple[str, str]] = []

    @property
    def unexplored(self) -> float:
        """One minus the mass that is settled."""
        return max(0.0, 1.0 - math.fsum(self._mass.values()))

    def worth_keeping(self, stem: Stem) -> tuple[float, float]:
        """(enough, least): keep no more of the stem's children than hold `enough`, and none with less than `least`.

        Both are parts of the stem's own mass. What is not kept stays unexplored.
        """
        dropped = self.tolerance * _DROPPED_PART / self.reading.max_new_tokens
        return 1.0 - dropped, self.tolerance * _LEAST_PART / self._mass_of[stem.path]

    def take(self) -> list[Stem]:
        """Reads children in order of their mass, and returns those to expand next; none when the search is over.

        A child that settles the answer is closed; the others are the fewest that could bring the unexplored mass
        within the tolerance. The choice depends on this question alone, so that a result does not depend on what is
        asked beside it.
        """
        if self._root_waits:
            self._root_waits = False
            return self._taking([(Stem(self.prompt), 1.0)])
        needed = 1.0 - self._explored - self.tolerance
        room = min(self._left, EXPANSIONS_A_ROUND)
        chosen: list[tuple[Stem, float]] = []
        while self._frontier and needed > 0 and len(chosen) < room:
            _, _, token, family, rank = heapq.heappop(self._frontier)
            self._wait(family, rank + 1)
            mass = float(family.masses[rank])
            needed -= mass
            child = family.stem.child(token)
            if not self._settled(child.path, mass):
                chosen.append((child, mass))
        return self._taking(chosen)

    def _taking(self, chosen: list[tuple[Stem, float]]) -> list[Stem]:
        self._mass_of.update((stem.path, mass) for stem, mass in chosen)
        self._left -= len(chosen)
        return [stem for stem, _ in chosen]

    def expand(self, stem: Stem, tokens: NDArray[np.int64], probabilities: NDArray[np.float64]) -> None:
        """Puts the stem's likely children, most probable first, on the frontier."""
        mass = self._mass_of.pop(stem.path)
        family = Children(stem, tokens, mass * probabilities, mass * max(0.0, 1.0 - float(probabilities.sum())))
        self.expanded.append(family)
        self._wait(family, 0)

    def _wait(self, family: Children, rank: int) -> None:
        if rank < len(family.tokens):
            order = _order(float(family.masses[rank]))
            heapq.heappush(self._frontier, (order, family.stem.path, int(family.tokens[rank]), family, rank))

    def _settled(self, path: tuple[int, ...], mass: float) -> bool:
        """Whether the path settles the answer; then its mass is explored."""
        answer, text = self.reading.answer(path)
        if answer is None:
            return False
        self._explored += mass
        self._mass[answer] = self._mass.get(answer, 0.0) + mass
        self._texts[text] = self._texts.get(text, 0.0) + mass
        return True

    def frontier(self) -> list[tuple[Children, int]]:
        """(family, rank of its next child): whose children from that rank on are still unread."""
        return [(family, rank) for _, _, _, family, rank in self._frontier]

    def add_draw(self, answer: str, text: str) -> None:
        """One answer drawn from the unexplored rest."""
        self._drawn.append((answer, text))

    def distribution(self) -> AnswerDistribution:
        """What is known now."""
        explored = math.fsum(self._mass.values())
        # fp32 probabilities may sum to a little more than one; that much is rounding, and no mass.
        scale = max(1.0, explored)
        unexplored, draws = self.unexplored, len(self._drawn)
        texts = {text: mass / scale for text, mass in self._texts.items()}
        named = Counter(answer for answer, _ in self._drawn)
        for _, text in self._drawn:
            texts[text] = texts.get(text, 0.0) + unexplored / draws
        top = heapq.nlargest(_SHOWN, texts.items(), key=lambda item: item[1])
        by_mass = sorted(self._mass.items(), key=lambda item: -item[1])
        return AnswerDistribution(
            method="exact+sampled" if draws else "exact",
            mass={answer: mass / scale for answer, mass in by_mass},
            answers=tuple(top),
            unexplored=unexplored,
            residual={answer: count / draws for answer, count in named.most_common()},
            tolerance=self.tolerance,
            expansions=len(self.expanded),
            residual_draws=draws or None,
        )


def _order(mass: float) -> float:
    """What the search sorts by: the log of the mass in steps of a thousandth, largest first.

    Rounding in the network, which depends on the batch, must not decide between equal masses.
    """
    return -round(1000 * math.log(mass)) if mass > 0 else math.inf


def likely_children(
    found: NextTokens, worth_keeping: list[tuple[float, float]]
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """(tokens, probabilities) of the likely children after each of n positions, most probable first.

    Args:
        found: the distributions after n positions.
        worth_keeping: for each position (enough, least): no more children than hold `enough` of the probability, and
            none with less than `least`.
    """
    device, vocabulary = found.logits.device, found.logits.shape[-1]
    enough, least = torch.tensor(worth_keeping, dtype=torch.float64, device=device).unbind(-1)
    children = [(np.empty(0, np.int64), np.empty(0))] * len(worth_keeping)
    rows = torch.arange(len(worth_keeping), device=device)
    size = min(64, vocabulary)
    while len(rows):
        top = torch.topk(found.logits[rows], size)
        probabilities = (top.values - found.normaliser[rows, None]).double().exp()
        before = probabilities.cumsum(-1) - probabilities
        kept = (before < enough[rows, None]) & (probabilities >= least[rows, None])
        done = ~kept[:, -1] | (size == vocabulary)
        counts = kept.sum(-1)
        for row, n, tokens, chances in zip(
            rows[done].tolist(),
            counts[done].tolist(),
            top.indices[done].cpu().numpy(),
            probabilities[done].cpu().numpy(),
            strict=True,
        ):
            children[row] = _in_order(tokens[:n], chances[:n])
        rows = rows[~done]
        size = min(8 * size, vocabulary)
    return children


def _in_order(
    tokens: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Most probable first; those that rounding could swap, by their token."""
    possible = probabilities > 0
    tokens, probabilities = tokens[possible], probabilities[possible]
    order = np.lexsort((tokens, -np.round(1000 * np.log(probabilities))))
    return tokens[order], probabilities[order]
