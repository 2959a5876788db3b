"""Half precision is scored in fp32 after the head, and its noise is measured."""

from __future__ import annotations

import copy

import pytest
import torch
from tiny_models import ARCHITECTURES, random_model, tokenizer

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.exact import closed_answers, noise_floor, open_answers

PROMPTS = ["owl", ".", "cat cat cat s", "s are owl s"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_half_precision_stays_near_fp32(architecture: str, dtype: torch.dtype) -> None:
    whole = random_model(architecture)
    half = copy.deepcopy(whole).to(dtype)
    candidates = ["owl", "owls", "cat", "cat.", "are are"]
    a, b = (closed_answers(model, tokenizer(), PROMPTS, candidates) for model in (whole, half))
    assert b.dtype == torch.float64
    assert (a.exp() - b.exp()).abs().max() < 0.1
    # Not quantised as a log-softmax in half precision would be.
    assert len(set(b.flatten().tolist())) == b.numel()


def test_the_noise_floor_is_rounding_in_fp32_and_more_in_bf16(catalog: Catalog) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    whole = random_model("llama")
    half = copy.deepcopy(whole).to(torch.bfloat16)
    floors = [
        noise_floor(
            model,
            tokenizer(),
            PROMPTS,
            read,
            open_answers(model, tokenizer(), PROMPTS, read, max_new_tokens=3),
            max_new_tokens=3,
        )
        for model in (whole, half)
    ]
    assert floors[0] < 1e-5 < floors[1] < 0.1
    assert half.dtype == torch.bfloat16
