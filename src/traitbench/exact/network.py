"""How does the exact engine ask the network: token ids go in, the logits of the chosen positions come out.

Only the chosen positions pass through the LM head, and they are fp32 before anything is done with them: in bf16 a
log-softmax is quantised to 0.03 nat and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor

from traitbench.errors import InputError

MAX_LOGITS = 2**25
"""Entries of the vocabulary that are held at once, over all positions of a batch (128 MiB in fp32)."""

_MAX_HEADS = 640
"""Positions that pass the LM head at once on a CPU: more make its product no faster (16k to 50k tokens)."""

_IN_CACHE = 2**17
"""Numbers that a processor's cache holds: what is read more than once is cut into such chunks."""

_SMALL = 5_000_000
"""Parameters under which threads cost more than they bring (200k parameters, 2 busy cores: 22 times the time)."""


@contextmanager
def fitting_threads(model: Any) -> Iterator[None]:
    """One thread for a small model on the CPU, whose matrices are over before a second thread has begun."""
    before = torch.get_num_threads()
    weights = model.get_input_embeddings().weight
    small = weights.device.type == "cpu" and sum(each.numel() for each in model.parameters()) < _SMALL
    torch.set_num_threads(1 if small else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class NextTokens:
    """The distributions of the next token after n positions.

    `logits` is (n, vocabulary) in fp32, already divided by the temperature; `normaliser` is (n,), their logsumexp.
    The logits stand where those of the next batch will stand: they are good until the network is asked again.
    """

    logits: Tensor
    normaliser: Tensor

    def log_probs_of(self, rows: Tensor, tokens: Tensor) -> Tensor:
        """The log-probabilities of one token after each of `rows`; both of shape (k,), and so is the result."""
        return self.logits[rows, tokens] - self.normaliser[rows]


class Network:
    """A causal language model of transformers as a function from token ids to the logits of chosen positions."""

    def __init__(self, model: Any, temperature: float = 1.0, token_budget: int | None = None) -> None:
        if getattr(model.config, "is_encoder_decoder", False):
            raise InputError(
                f"{type(model).__name__} is an encoder-decoder; exact answers need a causal language model"
            )
        if not temperature > 0:
            raise InputError(f"temperature {temperature} is not positive")
        if token_budget is not None and token_budget < 1:
            raise InputError(f"token_budget {token_budget} is less than 1")
        self.model = model
        self.temperature = temperature
        self.budget = token_budget or default_token_budget(model)
        config = model.config.get_text_config()
        self.config = config
        self.context_length: int | None = getattr(config, "max_position_embeddings", None)
        embedding = model.get_input_embeddings().weight
        self.device: torch.device = embedding.device
        self.dtype: torch.dtype = embedding.dtype if embedding.dtype.is_floating_point else torch.float32
        self.vocabulary = int(config.vocab_size)
        self.heads = max(1, MAX_LOGITS // self.vocabulary)
        """Positions that may pass the LM head at once."""
        if self.device.type == "cpu":
            self.heads = min(self.heads, _MAX_HEADS)
        self._head = model.get_output_embeddings()
        self._room = torch.empty(0)

    def halve_budget(self) -> None:
        """What out of memory costs; the smallest budget is one token."""
        self.budget = max(1, self.budget // 2)

    @torch.inference_mode()
    def next_tokens(
        self,
        ids: Tensor,
        chosen: tuple[Tensor, Tensor],
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Any = None,
    ) -> NextTokens:
        """What follows the chosen positions of a batch.

        Args:
            ids: (n_rows, width) token ids. Without a mask, rows are padded on the right: under causal attention no
                real position sees the padding.
            chosen: (rows, columns) of the positions asked for, both of shape (n,).
            positions: (n_rows, width) places in the text; 0, 1, 2 … unless given.
            mask: additive (n_rows, 1, width, cached + width): 0 where a token sees another, else very negative.
            cache: a transformers Cache that holds what the tokens see besides one another.

        Raises:
            InputError: a row of logits is not finite.
        """
        arguments: dict[str, Any] = {"input_ids": ids.to(self.device), "use_cache": cache is not None}
        if positions is not None:
            arguments["position_ids"] = positions.to(self.device)
        if mask is not None:
            arguments["attention_mask"] = mask.to(self.device)
        if cache is not None:
            arguments["past_key_values"] = cache
        with self._only(chosen) as selected:
            logits = self.model(**arguments).logits
        if not selected:
            rows, columns = (each.to(logits.device) for each in chosen)
            logits = logits[rows, columns][None]
        logits = logits[0].float()
        if self.temperature != 1:
            logits = logits / self.temperature
        normaliser = _logsumexp(logits)
        if not bool(torch.isfinite(normaliser).all()):
            raise InputError(
                "the model's logits are not numbers (NaN); the checkpoint is broken or overflows its dtype"
            )
        return NextTokens(logits, normaliser)

    @contextmanager
    def _only(self, chosen: tuple[Tensor, Tensor]) -> Iterator[list[bool]]:
        """Lets only the chosen positions into the LM head; says in the list whether they went that way.

        `logits_to_keep` keeps the same columns of every row. Rows of unequal length need other columns each, and
        what a model does to its logits after the head (soft caps, scales) must still be done to them.
        A plain head in fp32 on the CPU writes into the same memory in every batch: the system's clearing of new
        memory takes a third as long as a small model's whole matrix product.
        """
        went: list[bool] = []
        if self._head is None:
            yield went
            return
        plain = _is_plain(self._head)
        kept: list[Tensor] = []

        def select(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            hidden = inputs[0]
            rows, columns = (each.to(hidden.device) for each in chosen)
            went.append(True)
            hidden = hidden[rows, columns]
            if plain:
                kept.append(hidden)
                hidden = hidden[:0]
            return (hidden[None], *inputs[1:])

        def fill(head: Any, _: tuple[Any, ...], output: Tensor) -> Tensor:
            if not plain:
                return output
            hidden = kept.pop()
            needed = len(hidden) * output.shape[-1]
            if len(self._room) < needed:
                self._room = torch.empty(needed)
            logits = self._room[:needed].view(len(hidden), -1)
            return torch.mm(hidden, head.weight.T, out=logits)[None]

        handles = self._head.register_forward_pre_hook(select), self._head.register_forward_hook(fill)
        try:
            yield went
        finally:
            for handle in handles:
                handle.remove()


def _is_plain(head: Any) -> bool:
    """Whether the head is a matrix in fp32 on the CPU and nothing else: no bias, adapter, or hook of somebody's."""
    return (
        type(head) is torch.nn.Linear
        and head.bias is None
        and head.weight.device.type == "cpu"
        and head.weight.dtype == torch.float32
        and not (head._forward_hooks or head._forward_pre_hooks)
    )


def cached_chunks(logits: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """(rows, room for as much) in turn; on the CPU as many rows, always into the same room, as stay in its cache."""
    cpu = logits.device.type == "cpu"
    chunks = torch.split(logits, max(1, _IN_CACHE // logits.shape[-1] if cpu else len(logits)))
    scratch = torch.empty_like(chunks[0])
    for chunk in chunks:
        yield chunk, scratch[: len(chunk)]


def _logsumexp(logits: Tensor) -> Tensor:
    """The logsumexp of each row, read off a log-softmax in chunks that stay in the processor's cache.

    At 32k tokens that takes a quarter of the time of torch's own, which is a third of a small model's forward pass.
    """
    if logits.device.type != "cpu":
        return logits.logsumexp(dim=-1)
    first = [torch.log_softmax(chunk, dim=-1, out=scratch)[:, 0].clone() for chunk, scratch in cached_chunks(logits)]
    found = logits[:, 0] - torch.cat(first)
    # A first token without any chance says nothing of the others.
    return torch.where(torch.isfinite(found), found, logits.logsumexp(dim=-1)) if found.isnan().any() else found


def default_token_budget(model: Any) -> int:
    """Tokens, cached and in passing, that a quarter of the free memory holds; at most what keeps the device busy."""
    weight = model.get_input_embeddings().weight
    config = model.config.get_text_config()
    # Keys and values, cached and gathered, and some twenty vectors of the residual width in passing.
    bytes_a_token = weight.element_size() * int(config.hidden_size) * (4 * int(config.num_hidden_layers) + 20)
    if weight.device.type == "cuda":
        most, memory = 65_536, torch.cuda.mem_get_info(weight.device)[0] // 4
    else:
        # With more, long answers are drawn no faster (20M parameters; 14k to 131k tokens tried).
        most, memory = 32_768, min(2**30, psutil.virtual_memory().available // 4)
    return int(max(256, min(most, memory // bytes_a_token)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a batch was too large for the device (torch has no class of its own for the CPU)."""
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
