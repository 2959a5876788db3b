"""A random model of a 7B shape on one GPU: closed answers against the matrix throughput that torch.matmul reaches.

At most 10 minutes. `--rehearse` runs a small shape on the CPU, to see that the script works, and records nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from harness import Row, interleaved, record, summary
from shapes import candidates, questions, tokenizer
from transformers import AutoModelForCausalLM, LlamaConfig, PretrainedConfig

from traitbench.exact import closed_answers
from traitbench.exact.trie import Trie

SEVEN_BILLION = {"hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32, "num_attention_heads": 32}
SMALL = {"hidden_size": 128, "intermediate_size": 344, "num_hidden_layers": 2, "num_attention_heads": 4}


def config(sizes: dict[str, int]) -> PretrainedConfig:
    """A Llama of the sizes, 32,000 tokens."""
    return LlamaConfig(**sizes, vocab_size=32_000, bos_token_id=None, eos_token_id=0, pad_token_id=None)


def products(network: Any, layer_rows: int, head_rows: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(rows, weight) of every matrix product of one forward: linear layers over all tokens, the head over its own."""
    head = network.get_output_embeddings()
    pairs = []
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            rows = head_rows if module is head else layer_rows
            weight = module.weight
            pairs.append((torch.randn(rows, weight.shape[1], dtype=weight.dtype, device=weight.device), weight))
    return pairs


def timed(run: Callable[[], Any], device: str) -> Callable[[], None]:
    """The function, over when the device is."""

    def whole() -> None:
        run()
        if device == "cuda":
            torch.cuda.synchronize()

    return whole


@torch.inference_mode()
def compare(device: str, sizes: dict[str, int], n_questions: int, runs: int) -> None:
    """Prints and records the two rows."""
    torch.manual_seed(0)
    with torch.device(device):
        network = AutoModelForCausalLM.from_config(config(sizes), dtype=torch.bfloat16).eval()
    tok = tokenizer("llama-60m")
    for name, n in (("latency", 50), ("throughput", n_questions)):
        prompts, choices = questions(n, 32_000), candidates(40, 32_000)
        trie = Trie.of([tuple(each) for each in tok(choices)["input_ids"]])
        tokens = sum(len(each) for each in tok(prompts)["input_ids"]) + n * (len(trie) - 1)
        pieces = max(1, tokens // 16_384)
        pairs = products(network, tokens // pieces, n * len(trie) // pieces)

        def plain(pairs: Any = pairs, pieces: int = pieces) -> None:
            for _ in range(pieces):
                for rows, weight in pairs:
                    rows @ weight.T

        def own(prompts: list[str] = prompts, choices: list[str] = choices) -> None:
            closed_answers(network, tok, prompts, choices)

        functions = {"traitbench": timed(own, device), "matmul": timed(plain, device)}
        interleaved(functions, 1)
        seconds = interleaved(functions, runs)
        numbers = {"questions": n, "tokens": tokens, **summary(seconds)}
        print(name, numbers)
        if device != "cuda":
            continue
        if name == "latency":
            record(
                Row("gpu-latency", "closed answers, 50 x 40, 7B shape, bf16, one GPU",
                    statistics.median(seconds["traitbench"]), "s", 2, False, "gpu.py", numbers)
            )  # fmt: skip
        else:
            share = statistics.median(seconds["matmul"]) / statistics.median(seconds["traitbench"])
            record(
                Row("gpu-throughput", f"closed answers, {n} x 40, 7B shape, bf16: share of torch.matmul's throughput",
                    100 * share, "%", 60, True, "gpu.py", numbers)
            )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rehearse", action="store_true")
    arguments = parser.parse_args()
    start = time.perf_counter()
    if arguments.rehearse:
        compare("cpu", SMALL, 60, 1)
    elif torch.cuda.is_available():
        compare("cuda", SEVEN_BILLION, arguments.questions, arguments.runs)
    else:
        sys.exit("no GPU here; gpu.py was not run (--rehearse tries the script on a small shape)")
    print(f"{time.perf_counter() - start:.0f} s in all")
