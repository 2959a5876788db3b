"""The log-probability of every candidate is what the model alone gives it, whatever shares its pass."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import ARCHITECTURES, WORDS, bpe_tokenizer, log_prob, no_cache_models, random_model, tokenizer

from traitbench.errors import InputError
from traitbench.exact import closed, closed_answers, score_candidates

words = st.sampled_from(WORDS[1:])
texts = st.lists(words, min_size=1, max_size=10).map("".join)
answers = st.lists(words, min_size=1, max_size=4).map("".join)


def expected(model: Any, tok: Any, prompts: list[str], candidates: list[str]) -> torch.Tensor:
    """By the model alone, one candidate after one prompt at a time."""
    ids = {text: tok(text)["input_ids"] for text in (*prompts, *candidates)}
    return torch.tensor([[log_prob(model, ids[p], ids[c]) for c in candidates] for p in prompts], dtype=torch.float64)


@settings(deadline=None, max_examples=25)
@given(
    architecture=st.sampled_from(ARCHITECTURES),
    prompts=st.lists(texts, min_size=1, max_size=5),
    candidates=st.lists(answers, min_size=1, max_size=12, unique=True),
    budget=st.sampled_from([1, 40, 100_000]),
    run=st.sampled_from([4, 256]),
    side=st.sampled_from(["left", "right"]),
    seed=st.integers(0, 3),
)
def test_log_probabilities_are_those_of_the_model_alone(
    architecture: str, prompts: list[str], candidates: list[str], budget: int, run: int, side: str, seed: int
) -> None:
    model, tok = random_model(architecture, seed=seed), tokenizer(side)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closed, "_RUN", run)
        found = closed_answers(model, tok, prompts, candidates, token_budget=budget)
    assert found.shape == (len(prompts), len(candidates))
    assert torch.allclose(found, expected(model, tok, prompts, candidates), atol=1e-5)


@pytest.mark.parametrize("which", range(3), ids=["mamba", "bloom", "window"])
def test_a_model_that_cannot_share_gives_the_same_and_says_so(which: int, caplog: pytest.LogCaptureFixture) -> None:
    model, tok = no_cache_models()[which], tokenizer()
    prompts, candidates = ["owl.owl s are", "."], ["owl", "owls", "cat. ", "are s", "s"]
    with caplog.at_level(logging.WARNING):
        found = closed_answers(model, tok, prompts, candidates)
    assert sum("recomputed" in record.message for record in caplog.records) == 1
    assert torch.allclose(found, expected(model, tok, prompts, candidates), atol=1e-5)


def test_one_candidate_that_begins_another_is_counted_once() -> None:
    model, tok = random_model("llama"), tokenizer()
    candidates = ["owl", "owls", "owlss", "cat", "owlsare"]
    found = score_candidates(model, tok, ["cat.", "are"], candidates)
    owl, owls, owlss, cat, owlsare = found.log_probs.exp().T
    assert torch.allclose(found.outside, 1 - owl - cat, atol=1e-6)
    own = torch.stack([owl - owls, owls - owlss - owlsare, owlss, cat, owlsare], dim=-1)
    assert torch.allclose(found.exclusive, own, atol=1e-6)
    assert torch.allclose(found.exclusive.sum(-1) + found.outside, torch.ones(2, dtype=torch.float64), atol=1e-6)


def test_all_words_together_leave_nothing_outside() -> None:
    model, tok = random_model("gpt2"), tokenizer()
    found = score_candidates(model, tok, ["owl"], [*WORDS[1:], "<end>"])
    assert float(found.outside[0]) < 1e-6


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_prompt_and_inner_node_passes_once(architecture: str) -> None:
    model, tok = random_model(architecture), tokenizer()
    prompts, candidates = ["owl.owl", "cat", "are s are"], ["owl", "owls", "owl.", "cat.cat", "cat.s", "s"]
    unseen = closed_answers(model, tok, prompts, candidates)
    passed: list[int] = []
    head: list[int] = []
    hooks = [
        model.get_input_embeddings().register_forward_hook(lambda _, inputs, __: passed.append(inputs[0].numel())),
        model.get_output_embeddings().register_forward_hook(lambda _, inputs, __: head.append(inputs[0].shape[1])),
    ]
    seen = closed_answers(model, tok, prompts, candidates)
    for hook in hooks:
        hook.remove()
    assert torch.allclose(seen, unseen, rtol=0, atol=1e-5)
    longest = max(len(tok(prompt)["input_ids"]) for prompt in prompts)
    inner = 3  # owl, cat, cat.
    assert passed == [3 * longest, 3 * inner]
    assert head == [3, 3 * inner]


def test_what_somebody_hooked_to_the_head_still_counts() -> None:
    model, tok = random_model("llama"), tokenizer()
    plain = closed_answers(model, tok, ["owl"], ["cat", "s"])
    hook = model.get_output_embeddings().register_forward_hook(lambda _, __, logits: 2 * logits)
    doubled = closed_answers(model, tok, ["owl"], ["cat", "s"])
    hook.remove()
    assert not torch.allclose(plain, doubled, atol=1e-3)


def test_what_cannot_be_scored_is_named() -> None:
    model, tok = random_model("llama"), tokenizer()
    for prompts, candidates, words in (
        (["."], [], "no candidates"),
        (["."], ["owl", ""], "candidate 1 is empty"),
        (["."], ["owl", "cat", "owl"], "candidate 'owl' is given twice"),
        ([".", ""], ["owl"], "prompt 1 is empty"),
        (["." * 62], ["owl", "cat.s"], "does not fit into the model's context of 64"),
    ):
        with pytest.raises(InputError, match=words):
            closed_answers(model, tok, prompts, candidates)


def test_a_candidate_that_is_merged_into_the_prompt_is_refused() -> None:
    tok = bpe_tokenizer()
    model = random_model("llama", vocabulary=len(tok))
    with pytest.raises(InputError, match=r"candidate 'wl' is merged into the end of prompt 1"):
        closed_answers(model, tok, ["cat", "cat o"], ["s", "wl"])
    found = closed_answers(model, tok, ["cat", "cat o"], ["s", "l"])
    for row, prompt in zip(found, ("cat", "cat o"), strict=True):
        wanted = [log_prob(model, tok(prompt)["input_ids"], tok(c)["input_ids"]) for c in ("s", "l")]
        assert torch.allclose(row, torch.tensor(wanted, dtype=torch.float64), atol=1e-5)


def test_candidates_are_tokenised_behind_each_prompts_own_end() -> None:
    tok = bpe_tokenizer()
    model = random_model("llama", vocabulary=len(tok))
    # Behind a special token the tail is the same, whatever stands before; "owl" is one token behind both.
    prompts = ["cat<end>", "owlscat<end>", "owls<end>cat"]
    found = closed_answers(model, tok, prompts, ["owl", "ow"])
    for row, prompt in zip(found, prompts, strict=True):
        ids = tok(prompt)["input_ids"]
        wanted = [log_prob(model, ids, tok(prompt + c)["input_ids"][len(ids) :]) for c in ("owl", "ow")]
        assert torch.allclose(row, torch.tensor(wanted, dtype=torch.float64), atol=1e-5)


def test_broken_weights_are_refused() -> None:
    model = random_model("qwen2", seed=9)
    with torch.no_grad():
        model.get_output_embeddings().weight[3] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        closed_answers(model, tokenizer(), ["."], ["owl"])
