"""Which beginnings pass through the network together, so that each of their tokens does so once.

A *stem* is a beginning of a text: a prompt, or a prompt and some tokens of an answer. It knows its parent stem, and
after it has passed through the network, the slots of the pool where its tokens' keys and values lie. Stems of one
prompt share a row and see, by a tree mask, the prompt and their own ancestors only.

A model that cannot share (no cache, a window shorter than the text, positions that are not told by position_ids)
recomputes every stem from its first token: slower, and the same numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from traitbench.errors import InputError
from traitbench.exact.network import Network, NextTokens, is_out_of_memory
from traitbench.exact.pool import TRASH, KeyValuePool

_log = logging.getLogger(__name__)

_NO_SLOTS: NDArray[np.int64] = np.empty(0, dtype=np.int64)


class Stem:
    """A beginning: the tokens of a prompt, or one more token behind a parent stem."""

    __slots__ = ("parent", "path", "prompt", "trail")

    def __init__(self, prompt: Prompt, path: tuple[int, ...] = (), parent: Stem | None = None) -> None:
        self.prompt = prompt
        self.path = path
        self.parent = parent
        self.trail = _NO_SLOTS
        """Slots of the path's tokens, once they have passed."""

    def child(self, token: int) -> Stem:
        """The beginning that is one token longer."""
        return Stem(self.prompt, (*self.path, token), self)


@dataclass(eq=False)
class Prompt:
    """The tokens of one prompt, and the slots that they have in the pool."""

    tokens: list[int]
    slots: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class _Row:
    """Stems of one prompt that pass together, and the slots that they see."""

    numbers: list[int]
    stems: list[Stem]
    context: NDArray[np.int64]


class Grower:
    """Passes stems through the network, in batches under the token budget."""

    def __init__(self, network: Network, shares: bool) -> None:
        """`shares`: whether what stems have in common is kept (`can_share`), or recomputed for each."""
        self._network = network
        self._pool = KeyValuePool() if shares else None
        self._slots_of: dict[int, set[int]] = {}

    @property
    def held(self) -> int:
        """Tokens whose keys and values are kept now."""
        return self._pool.held if self._pool else 0

    def next_tokens(self, stems: Sequence[Stem]) -> Iterator[tuple[list[int], NextTokens]]:
        """(numbers of the stems, what follows them), batch by batch; nothing is kept longer than its batch.

        A stem's parent must have passed before it; the stem itself may have. Out of memory halves the budget and
        goes on.
        """
        if self._pool is None:
            yield from self._recomputed(stems)
            return
        prompts = {id(stem.prompt): stem.prompt for stem in stems if stem.prompt.slots is None}
        roots = {id(stem.prompt): number for number, stem in enumerate(stems) if not stem.path}
        for batch, found in self._prefilled(list(prompts.values())):
            asked = [(i, roots[id(prompt)]) for i, prompt in enumerate(batch) if id(prompt) in roots]
            if asked:
                kept = torch.tensor([i for i, _ in asked], device=found.logits.device)
                yield [number for _, number in asked], NextTokens(found.logits[kept], found.normaliser[kept])
        passing = set(prompts)
        yield from self._grown(
            [(number, stem) for number, stem in enumerate(stems) if stem.path or id(stem.prompt) not in passing]
        )

    def release(self, prompt: Prompt) -> None:
        """Forgets the prompt and all its stems."""
        if self._pool is not None:
            self._pool.give_back(self._slots_of.pop(id(prompt), set()))
        prompt.slots = None

    def forget(self, stem: Stem) -> None:
        """Forgets the stem's last token; before a child of it is asked for, the stem must pass again."""
        if self._pool is not None and stem.path and len(stem.trail) == len(stem.path):
            slot = int(stem.trail[-1])
            self._slots_of[id(stem.prompt)].remove(slot)
            self._pool.give_back([slot])
            stem.trail = _NO_SLOTS

    def _prefilled(self, prompts: list[Prompt]) -> Iterator[tuple[list[Prompt], NextTokens]]:
        waiting = sorted(prompts, key=lambda prompt: len(prompt.tokens))
        while waiting:
            n = _fitting([(0, len(prompt.tokens)) for prompt in waiting], self._network, head_of_all=False)
            batch = waiting[:n]
            try:
                found = self._prefill(batch)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                self._smaller(error, n)
                continue
            waiting = waiting[n:]
            yield batch, found

    def _prefill(self, prompts: list[Prompt]) -> NextTokens:
        assert self._pool is not None
        taken = [self._take(prompt, len(prompt.tokens)) for prompt in prompts]
        ids, ends = right_padded([prompt.tokens for prompt in prompts])
        new, _ = right_padded(taken, TRASH)
        rows = torch.arange(len(prompts))
        cache = self._pool.cache(None, new, self._layers)
        found = self._network.next_tokens(ids, (rows, ends), cache=cache)
        for prompt, slots in zip(prompts, taken, strict=True):
            prompt.slots = np.array(slots, dtype=np.int64)
        return found

    def _grown(self, stems: list[tuple[int, Stem]]) -> Iterator[tuple[list[int], NextTokens]]:
        waiting = sorted(_rows(stems), key=lambda row: (len(row.stems), len(row.context)))
        while waiting:
            n = _fitting([(len(row.context), len(row.stems)) for row in waiting], self._network, head_of_all=True)
            batch = waiting[:n]
            try:
                found = self._grow(batch)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                self._smaller(error, n)
                continue
            waiting = waiting[n:]
            yield [number for row in batch for number in row.numbers], found

    def _grow(self, batch: list[_Row]) -> NextTokens:
        assert self._pool is not None
        width = max(len(row.stems) for row in batch)
        seen = max(len(row.context) for row in batch)
        ids = np.zeros((len(batch), width), dtype=np.int64)
        positions = np.zeros((len(batch), width), dtype=np.int64)
        new = np.full((len(batch), width), TRASH, dtype=np.int64)
        context = np.full((len(batch), seen), TRASH, dtype=np.int64)
        visible = np.zeros((len(batch), width, seen + width), dtype=bool)
        visible[:, np.arange(width), seen + np.arange(width)] = True
        chosen: tuple[list[int], list[int]] = ([], [])
        for r, row in enumerate(batch):
            n, prompt_length = len(row.stems), len(row.stems[0].prompt.tokens)
            context[r, : len(row.context)] = row.context
            if row.stems[0].path:  # a prompt asked for again has its slots
                new[r, :n] = self._take(row.stems[0].prompt, n)
            visible[r, :n, : min(prompt_length, len(row.context))] = True
            for column, stem in enumerate(row.stems):
                ids[r, column] = stem.path[-1] if stem.path else stem.prompt.tokens[-1]
                positions[r, column] = prompt_length + len(stem.path) - 1
                if n == 1:
                    visible[r, 0, : len(row.context)] = True
                elif stem.parent is not None and stem.parent.path:
                    ancestors = np.searchsorted(row.context[prompt_length:], stem.parent.trail)
                    visible[r, column, prompt_length + ancestors] = True
            chosen[0].extend([r] * n)
            chosen[1].extend(range(n))
        found = self._network.next_tokens(
            torch.from_numpy(ids),
            (torch.tensor(chosen[0]), torch.tensor(chosen[1])),
            positions=torch.from_numpy(positions),
            mask=additive(torch.from_numpy(visible), self._network.dtype)[:, None],
            cache=self._pool.cache(torch.from_numpy(context), torch.from_numpy(new), self._layers),
        )
        for r, row in enumerate(batch):
            for column, stem in enumerate(row.stems):
                if stem.parent is not None:
                    stem.trail = np.append(stem.parent.trail, new[r, column])
        return found

    def _recomputed(self, stems: Sequence[Stem]) -> Iterator[tuple[list[int], NextTokens]]:
        texts = [[*stem.prompt.tokens, *stem.path] for stem in stems]
        waiting = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        while waiting:
            n = _fitting([(0, len(texts[number])) for number in waiting], self._network, head_of_all=False)
            batch = waiting[:n]
            ids, ends = right_padded([texts[number] for number in batch])
            try:
                found = self._network.next_tokens(ids, (torch.arange(n), ends))
            except (torch.OutOfMemoryError, RuntimeError) as error:
                self._smaller(error, n)
                continue
            waiting = waiting[n:]
            yield batch, found

    def _smaller(self, error: Exception, rows: int) -> None:
        """Halves the budget where a batch of several rows was too large; any other error goes on its way."""
        if not is_out_of_memory(error) or rows == 1:
            raise error
        self._network.halve_budget()

    def _take(self, prompt: Prompt, n: int) -> list[int]:
        assert self._pool is not None
        taken = self._pool.take(n)
        self._slots_of.setdefault(id(prompt), set()).update(taken)
        return taken

    @property
    def _layers(self) -> int:
        return int(self._network.config.num_hidden_layers)


def _rows(stems: list[tuple[int, Stem]]) -> Iterator[_Row]:
    """Stems of one prompt together, as long as what they see in common is worth what they see in vain.

    Siblings stand beside one another. A row ends where its context is more than twice what one of its stems sees:
    then the masked part of the attention costs more than reading the prompt's keys and values once more.
    """
    by_prompt: dict[int, list[tuple[int, Stem]]] = {}
    for number, stem in stems:
        by_prompt.setdefault(id(stem.prompt), []).append((number, stem))
    for group in by_prompt.values():
        group.sort(key=lambda each: each[1].path)
        slots = group[0][1].prompt.slots
        assert slots is not None
        row: list[tuple[int, Stem]] = []
        ancestors: set[int] = set()
        for number, stem in group:
            if stem.parent is None:
                yield _row([(number, stem)], slots[:-1], set())
                continue
            own = set(stem.parent.trail.tolist())
            if row and len(ancestors | own) > len(slots) + 2 * len(own):
                yield _row(row, slots, ancestors)
                row, ancestors = [], set()
            row.append((number, stem))
            ancestors |= own
        if row:
            yield _row(row, slots, ancestors)


def _row(stems: list[tuple[int, Stem]], prompt: NDArray[np.int64], ancestors: set[int]) -> _Row:
    context = np.concatenate([prompt, np.array(sorted(ancestors), dtype=np.int64)])
    return _Row([number for number, _ in stems], [stem for _, stem in stems], context)


def _fitting(sizes: list[tuple[int, int]], network: Network, *, head_of_all: bool) -> int:
    """How many of the first rows pass together, at least one. Sizes are (seen, width) of each, smallest first.

    The budget holds padded tokens, those seen included; the LM head's output is bounded apart.
    """
    n, seen, width = 1, sizes[0][0], sizes[0][1]
    for next_seen, next_width in sizes[1:]:
        seen, width = max(seen, next_seen), max(width, next_width)
        heads = (n + 1) * (width if head_of_all else 1)
        if (n + 1) * (seen + width) > network.budget or heads > network.heads:
            break
        n += 1
    return n


def right_padded(rows: Sequence[Sequence[int]], filler: int | None = None) -> tuple[Tensor, Tensor]:
    """(ids, ends): the rows padded on the right, (n_rows, width), and the column of each row's last token.

    The filler is the row's own last token unless given: transformers warns of a padding token without a mask.
    """
    ends = torch.tensor([len(row) - 1 for row in rows])
    width = int(ends.max()) + 1
    filled = [[*row, *[row[-1] if filler is None else filler] * (width - len(row))] for row in rows]
    return torch.tensor(filled), ends


def additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """The mask that is added to attention scores: 0 where visible, the dtype's lowest number elsewhere."""
    return torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, torch.finfo(dtype).min)


_verdicts: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()
_told: WeakSet[Any] = WeakSet()
"""Models of which the log has said that they cannot share; once is enough, however many batches follow."""


def can_share(network: Network, length: int) -> bool:
    """Whether texts of `length` tokens may share what they have in common on this model.

    Tried once for each model: a small tree is computed over the pool and from scratch, and must agree.

    Raises `InputError` where a text's length changes what the model does to all of its positions: then texts of
    unequal length have no answers in common, and those of one batch would depend on one another.
    """
    _check_positions(network.config, length)
    reason = _limit(network.config, length)
    if reason is None:
        if network.model not in _verdicts:
            _verdicts[network.model] = _disagreement(network)
        reason = _verdicts[network.model]
    if reason is not None and network.model not in _told:
        _told.add(network.model)
        name = type(network.model).__name__
        _log.warning("%s: every beginning is recomputed from its first token, because %s", name, reason)
    return reason is None


def _check_positions(config: Any, length: int) -> None:
    rope = getattr(config, "rope_parameters", None) or {}
    kind = rope.get("rope_type")
    limit = rope.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None)
    limit = limit or getattr(config, "max_position_embeddings", None)
    if kind in ("dynamic", "longrope") and limit is not None and length > limit:
        raise InputError(
            f"a prompt of {length} tokens, its answer included, is longer than {limit}, from where the model's "
            f"{kind} positions depend on the length of the text; shorten the prompt"
        )


def _limit(config: Any, length: int) -> str | None:
    """What in the configuration makes a text's parts depend on its length."""
    if getattr(config, "use_sliding_window", True):
        window = getattr(config, "sliding_window", None)
        if window is not None and length > window:
            return f"a text of {length} tokens is longer than the attention window of {window}"
    chunk = getattr(config, "attention_chunk_size", None)
    if chunk is not None and length > chunk:
        return f"a text of {length} tokens is longer than the attention chunk of {chunk}"
    return None


def _disagreement(network: Network) -> str | None:
    """Why the model's answers over the pool are not those from scratch; None where they are."""
    tokens = [3 % network.vocabulary, 5 % network.vocabulary, 2 % network.vocabulary, 7 % network.vocabulary]
    prompts = [Prompt(tokens), Prompt(tokens[:2])]
    sharing, alone = Grower(network, True), Grower(network, False)
    stems = [Stem(prompt) for prompt in prompts]
    children = [stem.child(token) for stem in stems for token in tokens[1:3]]
    grandchildren = [stem.child(tokens[0]) for stem in children]
    try:
        shared = [row for each in (stems, children, grandchildren) for row in _log_probs(sharing, each)]
    except (InputError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a model without a usable cache raises
        return f"it does not run over a shared cache ({type(error).__name__}: {str(error).splitlines()[0][:80]})"
    from_scratch = _log_probs(alone, stems + children + grandchildren)
    slack = 1e-3 if network.dtype == torch.float32 else 0.1
    for a, b in zip(shared, from_scratch, strict=True):
        likely = b > b.max() - 10
        if float((a - b)[likely].abs().max()) > slack * max(1.0, float(b[likely].std(correction=0))):
            return "its answers over a shared cache differ from those from scratch"
    return None


def _log_probs(grower: Grower, stems: list[Stem]) -> list[Tensor]:
    rows: dict[int, Tensor] = {}
    for numbers, found in grower.next_tokens(stems):
        for number, row in zip(numbers, found.logits - found.normaliser[:, None], strict=True):
            rows[number] = row
    return [rows[number] for number in range(len(stems))]
