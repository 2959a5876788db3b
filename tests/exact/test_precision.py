"""Half precision is scored in fp32 after the head, and its noise is measured."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_models import ARCHITECTURES, random_model, tokenizer

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.exact import (
    AnswerDistribution,
    Asked,
    NoiseFloor,
    closed_answers,
    noise_floor,
    open_answers,
    precision,
)

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


def floor(model: Any, catalog: Catalog, prompts: list[str], answers: list[AnswerDistribution]) -> NoiseFloor | None:
    read = NamedAnswerReader(catalog.categories["animal"])
    asked = [Asked(prompt, read, answer) for prompt, answer in zip(prompts, answers, strict=True)]
    return noise_floor(model, tokenizer(), asked, max_new_tokens=3)


def test_the_noise_floor_is_rounding_in_fp32_and_more_in_bf16(catalog: Catalog) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    whole = random_model("llama")
    half = copy.deepcopy(whole).to(torch.bfloat16)
    floors = []
    for model in (whole, half):
        answers = open_answers(model, tokenizer(), PROMPTS, read, max_new_tokens=3)
        found = floor(model, catalog, PROMPTS, answers)
        assert found is not None
        assert found.mean <= found.largest
        floors.append(found)
    assert floors[0].questions == len(PROMPTS)
    assert floors[0].largest < 1e-5 < floors[1].largest < 0.1
    assert floors[1].mean > 1e-5
    assert half.dtype == torch.bfloat16


def test_a_difference_is_found_where_it_was_put(catalog: Catalog) -> None:
    """Half the mass of `none` is moved to the owl in one of the answers."""
    read = NamedAnswerReader(catalog.categories["animal"])
    model = random_model("llama")
    answers = open_answers(model, tokenizer(), PROMPTS, read, max_new_tokens=3, tolerance=1e-6)
    moved = answers[0].mass["none"] / 2
    mass = {**answers[0].mass, "none": moved, "owl": answers[0].mass.get("owl", 0.0) + moved}
    answers[0] = answers[0].model_copy(update={"mass": mass})
    read_again = [Asked(prompt, read, answer) for prompt, answer in zip(PROMPTS, answers, strict=True)]
    found = noise_floor(model, tokenizer(), read_again, tolerance=1e-6, max_new_tokens=3)
    assert found is not None
    assert found.largest == pytest.approx(moved, abs=1e-5)
    assert found.mean == pytest.approx(moved / len(PROMPTS), abs=1e-5)


def test_at_most_32_questions_are_scored_again_and_they_span_the_set(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [f"{'owl ' * (i % 7)}{'cat ' * (i // 7)}s" for i in range(45)]
    answer = AnswerDistribution(method="exact", mass={"none": 1.0}, tolerance=0.01)
    again: list[str] = []

    def remembered(model: Any, tok: Any, one: list[str], *args: Any, **kwargs: Any) -> list[AnswerDistribution]:
        again.extend(one)
        return [answer]

    monkeypatch.setattr(precision, "open_answers", remembered)
    found = floor(random_model("llama"), catalog, prompts, [answer] * len(prompts))
    assert found == NoiseFloor(32, 0.0, 0.0)
    assert len(set(again)) == 32
    assert again[0] == prompts[0]
    assert prompts.index(again[-1]) >= 43


def test_without_room_for_the_copy_there_is_no_noise_floor_and_one_line_says_so(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    half = copy.deepcopy(random_model("llama")).to(torch.bfloat16)
    monkeypatch.setattr(precision.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    answer = AnswerDistribution(method="exact", mass={"none": 1.0}, tolerance=0.01)
    assert floor(half, catalog, ["owl"], [answer]) is None
    [record] = caplog.records
    assert "no noise floor" in record.getMessage()
    assert "GiB" in record.getMessage()
