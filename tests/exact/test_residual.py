"""What is drawn from the unexplored rest is unbiased, bounded in its error, and the question's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_models import END, WORDS, bigram, brute_force, random_model, tokenizer

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.exact import open_answers, residual, walks
from traitbench.exact.network import NextTokens
from traitbench.exact.stems import Prompt

FIRST = "."


def flat_model(seed: int) -> torch.nn.Module:
    """A bigram model whose answers spread over many beginnings."""
    return bigram(0.7 * torch.randn(len(WORDS), len(WORDS), generator=torch.Generator().manual_seed(seed)))


def test_the_estimate_is_unbiased_over_ten_thousand_seeds(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    model = flat_model(3)
    truth = brute_force(model, [WORDS.index(FIRST)], read, 4)
    # 10,000 questions that differ in nothing but the seed of their draws: all walk together.
    seeds = iter(range(10_000))
    own = walks.random_numbers
    monkeypatch.setattr(residual, "random_numbers", lambda prompt, _, *shape: own(prompt, next(seeds), *shape))
    monkeypatch.setattr(residual, "MAX_DRAWS", 4)
    monkeypatch.setattr(residual, "MIN_DRAWS", 4)
    found = open_answers(model, tokenizer(), [FIRST] * 10_000, read, max_new_tokens=4, max_expansions=3, tolerance=0.05)
    assert {each.method for each in found} == {"exact+sampled"}
    rest = found[0].unexplored
    assert rest > 0.3
    for answer in ("owl", "cat", "none"):
        estimates = np.array([each.estimate(answer) for each in found])
        assert abs(estimates.mean() - truth[answer]) <= 4 * estimates.std() / 100
        assert estimates.std() <= rest / (2 * math.sqrt(4)) * 1.03  # 3 standard errors of a standard deviation
        low, high = found[0].bounds(answer)
        assert low <= truth[answer] <= high


def test_children_that_were_left_out_are_drawn_too(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    table = torch.full((len(WORDS), len(WORDS)), -30.0)
    table[:, END] = 0.0
    # After the prompt: "s" nearly always, which wanders; "owl" once in 250, below what the search looks at.
    table[WORDS.index(FIRST), END], table[WORDS.index("s"), END] = -30.0, -30.0
    table[WORDS.index(FIRST), WORDS.index("s")] = math.log(0.996)
    table[WORDS.index(FIRST), WORDS.index("owl")] = math.log(0.004)
    table[WORDS.index("s"), [WORDS.index(word) for word in ("s", "are")]] = 0.0
    monkeypatch.setattr(residual, "MIN_DRAWS", 20_000)
    monkeypatch.setattr(residual, "MAX_DRAWS", 20_000)
    [found] = open_answers(bigram(table), tokenizer(), [FIRST], read, max_expansions=2, tolerance=0.5)
    assert found.residual["owl"] * found.unexplored == pytest.approx(0.004, rel=0.25)
    assert found.mass.get("owl", 0.0) == 0.0


def test_draws_belong_to_the_question_and_not_to_its_company(catalog: Catalog) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    model = random_model("llama", seed=2)
    prompts = ["owl", ".", "cat cat cat", "s are owl s"]
    together = open_answers(model, tokenizer(), prompts, read, max_expansions=4, max_new_tokens=6)
    reversed_ = open_answers(model, tokenizer(), prompts[::-1], read, max_expansions=4, max_new_tokens=6)
    alone = [
        open_answers(model, tokenizer(), [prompt], read, max_expansions=4, max_new_tokens=6, token_budget=40)[0]
        for prompt in prompts
    ]
    for a, b, c in zip(together, reversed_[::-1], alone, strict=True):
        assert a.method == "exact+sampled"
        assert a.residual == b.residual == c.residual
        assert a.residual_draws == b.residual_draws == c.residual_draws


def test_no_more_is_drawn_than_the_tolerance_needs(catalog: Catalog) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    [found] = open_answers(flat_model(1), tokenizer(), [FIRST], read, max_expansions=60, tolerance=0.02)
    assert found.residual_draws is not None
    assert found.residual_draws == max(16, math.ceil((found.unexplored / 0.04) ** 2))
    assert found.standard_error("owl") <= found.unexplored / (2 * math.sqrt(found.residual_draws)) <= 0.02


def test_a_token_is_drawn_as_often_as_it_is_probable() -> None:
    logits = torch.randn(3, 1000, generator=torch.Generator().manual_seed(0)) * 3
    found = NextTokens(logits, logits.logsumexp(-1))
    levels = (torch.arange(40_000, dtype=torch.float64) + 0.5) / 40_000
    for row in range(3):
        drawn = torch.tensor(walks.draw(found, torch.full((40_000,), row), levels))
        shares = torch.bincount(drawn, minlength=1000) / 40_000
        assert torch.allclose(shares, logits[row].softmax(-1), atol=3e-5)


def test_an_impossible_token_is_never_drawn() -> None:
    logits = torch.full((1, 700), -math.inf)
    logits[0, [3, 255, 256]] = 0.0
    found = NextTokens(logits, logits.logsumexp(-1))
    levels = torch.tensor([0.0, 0.3, 0.4, 0.7, 1 - 2**-53], dtype=torch.float64)
    zeros = torch.zeros(5, dtype=torch.long)
    assert walks.draw(found, zeros, levels) == [3, 3, 255, 256, 256]
    assert walks.draw(found, zeros, levels, excluded=[(0, np.array([256]))]) == [3, 3, 3, 255, 255]


def test_random_numbers_are_the_prompts_and_the_rows_own() -> None:
    few, many = (walks.random_numbers(Prompt([1, 2]), 7, rows, 5) for rows in (3, 9))
    assert (few == many[:3]).all()
    assert not np.isin(walks.random_numbers(Prompt([1, 3]), 7, 3, 5), few).any()
    assert not np.isin(walks.random_numbers(Prompt([1, 2]), 8, 3, 5), few).any()
