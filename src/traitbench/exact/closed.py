"""Closed answers: how probable is each of a list of candidates after each prompt.

The candidates of a prompt share what their tokens have in common. Every prompt and every inner node of the
candidates' trie passes through the network once: behind the prompt stand the inner nodes, and a tree mask lets each see
the prompt and its own ancestors alone. Where the trie is large, the prompt's keys and values are kept, and the nodes
pass in runs.

A candidate's log-probability is the sum over its own tokens, in the tokenizer's canonical writing, without an end of
turn: the probability that the answer *begins* with it. Where one candidate begins another (owl, owls), the first's
event contains the second's; `ClosedAnswers.exclusive` and `.outside` keep them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from traitbench.exact.completions import encode_prompts
from traitbench.exact.network import Network, NextTokens, fitting_threads, is_out_of_memory
from traitbench.exact.stems import Grower, Prompt, Stem, additive, can_share, right_padded
from traitbench.exact.trie import Trie, candidate_tries

_RUN = 256
"""Inner nodes that pass together: more would see one another in vain."""


@dataclass(frozen=True)
class ClosedAnswers:
    """What each prompt gives to each candidate; all of it in fp64, probabilities in [0, 1]."""

    log_probs: Tensor
    """(n_prompts, n_candidates): the log of the probability that the answer begins with the candidate's tokens."""
    exclusive: Tensor
    """(n_prompts, n_candidates): the probability that the candidate is the longest one that the answer begins with."""
    outside: Tensor
    """(n_prompts,): the probability that the answer begins with no candidate. With `exclusive` it sums to one."""


def closed_answers(
    model: Any, tokenizer: Any, prompts: list[str], candidates: list[str], *, token_budget: int | None = None
) -> Tensor:
    """The log-probability of every candidate after every prompt, shape (n_prompts, n_candidates), in fp64.

    See `score_candidates`, which also says what lies outside the candidates.
    """
    return score_candidates(model, tokenizer, prompts, candidates, token_budget=token_budget).log_probs


def score_candidates(
    model: Any, tokenizer: Any, prompts: list[str], candidates: list[str], *, token_budget: int | None = None
) -> ClosedAnswers:
    """What every prompt gives to every candidate, under the model's own distribution.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        prompts: rendered text (chat template and all), tokenised here without special tokens.
        candidates: texts that may follow every prompt, distinct.
        token_budget: padded tokens in one forward pass (bounds memory); by default, what a quarter of the free
            memory holds.

    Raises:
        InputError: an empty or a duplicate candidate, one that the tokenizer merges into a prompt, an empty prompt,
            one that does not fit into the context with its candidates, NaN logits, an encoder-decoder.
    """
    network = Network(model, token_budget=token_budget)
    encoded = encode_prompts(tokenizer, prompts, 0, None)
    log_probs = torch.empty(len(prompts), len(candidates), dtype=torch.float64)
    exclusive = torch.empty_like(log_probs)
    groups = candidate_tries(tokenizer, prompts, [prompt.tokens for prompt in encoded], candidates)
    with fitting_threads(model):
        for numbers, trie in groups:
            longest = max(map(len, trie.candidates))
            encode_prompts(tokenizer, [prompts[number] for number in numbers], longest, network.context_length)
            length = max(len(encoded[number].tokens) for number in numbers) + longest
            score = _score_shared if can_share(network, length) else _score_recomputed
            group = [encoded[number] for number in numbers]
            log_probs[numbers] = score(network, group, trie)
            exclusive[numbers] = _exclusive(log_probs[numbers].exp(), trie)
    # Rounding in fp32 may bring a sum of probabilities a little above one.
    return ClosedAnswers(log_probs, exclusive, (1.0 - exclusive.sum(-1)).clamp(0.0, 1.0))


def _exclusive(probs: Tensor, trie: Trie) -> Tensor:
    """Each candidate's probability less that of the candidates that extend it by the least."""
    exclusive = probs.clone()
    for longer, shorter in enumerate(trie.extends()):
        if shorter is not None:
            exclusive[:, shorter] -= probs[:, longer]
    return exclusive.clamp_(min=0.0)


class _Edges:
    """Which log-probability of a next token belongs to which candidates: (node, token) pairs, each asked once."""

    def __init__(self, trie: Trie) -> None:
        self._by_node: dict[int, dict[int, int]] = {}
        uses: list[tuple[int, int]] = []
        self._n = 0
        for candidate, (tokens, nodes) in enumerate(zip(trie.candidates, trie.edges, strict=True)):
            for node, token in zip(nodes, tokens, strict=True):
                known = self._by_node.setdefault(node, {})
                if token not in known:
                    known[token] = self._n
                    self._n += 1
                uses.append((candidate, known[token]))
        self._uses = torch.tensor(uses)
        self._n_candidates = len(trie.candidates)

    def __len__(self) -> int:
        return self._n

    def after(self, nodes: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """(edges, places of their nodes in `nodes`, tokens) of all edges that leave the nodes."""
        leaving = [
            (edge, place, token)
            for place, node in enumerate(nodes)
            for token, edge in self._by_node.get(node, {}).items()
        ]
        edges, places, tokens = torch.tensor(leaving).unbind(-1)
        return edges, places, tokens

    def candidates(self, log_probs: Tensor) -> Tensor:
        """(n_prompts, n_candidates) from (n_prompts, n_edges): the sum along each candidate."""
        summed = torch.zeros(len(log_probs), self._n_candidates, dtype=torch.float64)
        return summed.index_add_(1, self._uses[:, 0], log_probs[:, self._uses[:, 1]])


class _Run:
    """Inner nodes that pass together: their tokens, depths, tree mask, and the edges that leave them."""

    def __init__(self, trie: Trie, edges: _Edges, nodes: list[int]) -> None:
        self.nodes = nodes
        self.tokens = torch.tensor([trie.tokens[node] for node in nodes])
        self.depths = torch.tensor([len(trie.ancestors(node)) for node in nodes])
        self.visible = torch.from_numpy(trie.visible(nodes))
        self.leaving = edges.after(nodes)

    def __len__(self) -> int:
        return len(self.nodes)


def _score_shared(network: Network, prompts: list[Prompt], trie: Trie) -> Tensor:
    """(n_prompts, n_candidates) log-probabilities, prompts and nodes through the network once."""
    edges = _Edges(trie)
    chunks = trie.chunks(min(_RUN, network.heads))
    runs = [_Run(trie, edges, nodes) for nodes in chunks]
    found = torch.empty(len(prompts), len(edges), dtype=torch.float64)
    waiting = sorted(range(len(prompts)), key=lambda number: len(prompts[number].tokens))
    while waiting:
        lengths = [len(prompts[number].tokens) for number in waiting]
        n = _batch_size(lengths, max(map(len, runs), default=0), network)
        batch = waiting[:n]
        try:
            found[batch] = _pass(network, [prompts[number].tokens for number in batch], edges, runs)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or n == 1:
                raise
            network.halve_budget()
            continue
        waiting = waiting[n:]
    return edges.candidates(found)


def _batch_size(lengths: list[int], nodes: int, network: Network) -> int:
    """How many of the first prompts, shortest first, pass together with a run of nodes; at least one."""
    n = 1
    while (
        n < len(lengths)
        and (n + 1) * (lengths[n] + nodes) <= network.budget
        and (n + 1) * max(1, nodes) <= network.heads
    ):
        n += 1
    return n


def _pass(network: Network, prompts: list[list[int]], edges: _Edges, runs: list[_Run]) -> Tensor:
    """(n_prompts, n_edges) log-probabilities of one batch."""
    ids, ends = right_padded(prompts)
    rows, width = torch.arange(len(prompts)), ids.shape[1]
    found = torch.empty(len(prompts), len(edges), dtype=torch.float64)
    cache = DynamicCache() if runs else None
    _keep(found, network.next_tokens(ids, (rows, ends), cache=cache), edges.after([0]))
    for run in runs:
        seen = torch.zeros(len(prompts), len(run), width + len(run), dtype=torch.bool)
        seen[:, :, :width] = (torch.arange(width) <= ends[:, None])[:, None]
        seen[:, :, width:] = run.visible
        passed = network.next_tokens(
            run.tokens.expand(len(prompts), -1),
            (rows.repeat_interleave(len(run)), torch.arange(len(run)).repeat(len(prompts))),
            positions=ends[:, None] + run.depths,
            mask=additive(seen, network.dtype)[:, None],
            cache=cache,
        )
        _keep(found, passed, run.leaving)
        assert cache is not None
        cache.crop(-len(run))
    return found


def _keep(found: Tensor, passed: NextTokens, leaving: tuple[Tensor, Tensor, Tensor]) -> None:
    """Writes the log-probabilities of the edges that leave some nodes; rows of `passed` are prompts times nodes."""
    edges, places, tokens = leaving
    n, device = len(found), passed.logits.device
    rows = (torch.arange(n)[:, None] * (len(passed.logits) // n) + places).flatten()
    asked = passed.log_probs_of(rows.to(device), tokens.repeat(n).to(device))
    found[:, edges] = asked.double().cpu().view(n, -1)


def _score_recomputed(network: Network, prompts: list[Prompt], trie: Trie) -> Tensor:
    """The same where nothing can be shared: every inner node with its whole prompt."""
    edges = _Edges(trie)
    found = torch.empty(len(prompts), len(edges), dtype=torch.float64)
    paths = [tuple(trie.tokens[each] for each in trie.ancestors(node)) for node in range(len(trie))]
    asked = [(row, node) for row in range(len(prompts)) for node in range(len(trie))]
    stems = [Stem(prompts[row], paths[node]) for row, node in asked]
    for numbers, passed in Grower(network, False).next_tokens(stems):
        for place, number in enumerate(numbers):
            row, node = asked[number]
            alone = NextTokens(passed.logits[place : place + 1], passed.normaliser[place : place + 1])
            _keep(found[row : row + 1], alone, edges.after([node]))
    return edges.candidates(found)
