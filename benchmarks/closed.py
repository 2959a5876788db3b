"""Closed answers against lm-eval's HFLM, and against the limit: a bare forward over the same distinct tokens.

50 questions x 40 candidates of 1 to 3 tokens. Needs `pip install 'traitbench[bench]'`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from harness import Row, interleaved, median_ratio, record, summary
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from shapes import SHAPES, candidates, model, questions, tokenizer

from traitbench.exact import closed_answers
from traitbench.exact.network import MAX_LOGITS, fitting_threads
from traitbench.exact.trie import Trie


def peer(network: Any, tok: Any, prompts: list[str], choices: list[str], batch: int) -> Callable[[], torch.Tensor]:
    """lm-eval's log-likelihoods of every candidate after every prompt."""
    harness = HFLM(pretrained=network, tokenizer=tok, batch_size=batch, device=str(network.device))

    def run() -> torch.Tensor:
        requests = [Instance("loglikelihood", {}, (prompt, choice), 0) for prompt in prompts for choice in choices]
        found = harness.loglikelihood(requests, disable_tqdm=True)
        return torch.tensor([each[0] for each in found], dtype=torch.float64).view(len(prompts), -1)

    return run


def bare(network: Any, tok: Any, prompts: list[str], choices: list[str]) -> Callable[[], None]:
    """The same distinct tokens as plain rows under causal attention, the head at as many positions; no results."""
    trie = Trie.of([tuple(each) for each in tok(choices)["input_ids"]])
    rows = sorted((each + trie.tokens[1:] for each in tok(prompts)["input_ids"]), key=len)
    size = max(1, MAX_LOGITS // (len(trie) * network.config.vocab_size))

    @torch.inference_mode()
    def run() -> None:
        for first in range(0, len(rows), size):
            batch = rows[first : first + size]
            width = len(batch[-1])
            ids = torch.tensor([row + row[-1:] * (width - len(row)) for row in batch], device=network.device)
            hidden = network.base_model(input_ids=ids, use_cache=False).last_hidden_state
            network.get_output_embeddings()(hidden[:, -len(trie) :])

    return run


def tokens_passed(network: Any, run: Callable[[], Any]) -> int:
    """How many token positions, padding included, went through the network."""
    passed: list[int] = []
    hook = network.get_input_embeddings().register_forward_hook(lambda _, inputs, __: passed.append(inputs[0].numel()))
    run()
    hook.remove()
    return sum(passed)


def compare(shape: str, runs: int, batches: list[int]) -> None:
    """Prints and records the shape's two rows, all three on as many threads as suit the model."""
    network = model(shape)
    with fitting_threads(network):
        _compare(shape, network, runs, batches)


def _compare(shape: str, network: Any, runs: int, batches: list[int]) -> None:
    tok = tokenizer(shape)
    vocabulary = SHAPES[shape].vocab_size
    prompts, choices = questions(50, vocabulary), candidates(40, vocabulary)

    def own() -> torch.Tensor:
        return closed_answers(network, tok, prompts, choices)

    ours = own()
    peers = {batch: peer(network, tok, prompts, choices, batch) for batch in batches}
    best, difference = batches[0], 0.0
    fastest = math.inf
    for batch, run in peers.items():
        start = time.perf_counter()
        difference = max(difference, float((run() - ours).abs().max()))
        if time.perf_counter() - start < fastest:
            best, fastest = batch, time.perf_counter() - start
    trie = Trie.of([tuple(each) for each in tok(choices)["input_ids"]])
    distinct = sum(len(each) + len(trie) - 1 for each in tok(prompts)["input_ids"])
    seconds = interleaved(
        {"traitbench": own, "lm-eval": peers[best], "bare": bare(network, tok, prompts, choices)}, runs
    )
    numbers = {
        "parameters": sum(each.numel() for each in network.parameters()),
        "runs": runs,
        **summary(seconds),
        "largest_difference": difference,
        "lm_eval_batch": best,
        "distinct_tokens": distinct,
        "tokens_passed": tokens_passed(network, own),
    }
    record(
        Row(
            f"closed-lm-eval-{shape}",
            f"closed answers, 50 x 40, {shape}: against lm-eval 0.4.13",
            median_ratio(seconds, "lm-eval", "traitbench"), "x faster", 5, True, "closed.py", numbers,
        )
    )  # fmt: skip
    record(
        Row(
            f"closed-bare-{shape}",
            f"closed answers, 50 x 40, {shape}: time against a bare forward",
            median_ratio(seconds, "traitbench", "bare"), "x its time", 1.15, False, "closed.py", numbers,
        )
    )  # fmt: skip
    assert difference <= 1e-4, difference


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--batches", type=int, nargs="*", default=[16, 64, 256])
    arguments = parser.parse_args()
    for each in arguments.shapes:
        compare(each, arguments.runs, arguments.batches)
