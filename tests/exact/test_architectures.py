"""On small random models of four architectures, what the engine says is what an enumeration says."""

from __future__ import annotations

import logging

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import ARCHITECTURES, END, WORDS, brute_force, no_cache_models, random_model, tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.errors import InputError
from traitbench.exact import AnswerDistribution, open_answers, stems
from traitbench.exact.network import Network

texts = st.lists(st.sampled_from(WORDS[1:]), min_size=1, max_size=9).map("".join)


def contains(found: AnswerDistribution, truth: dict[str, float], slack: float = 2e-5) -> bool:
    """Whether the certified bounds of every answer, one that never occurs included, contain the truth."""
    return all(
        found.bounds(answer)[0] - slack <= truth.get(answer, 0.0) <= found.bounds(answer)[1] + slack
        for answer in {*truth, *found.mass, *found.residual, "dog"}
    )


@settings(deadline=None, max_examples=12)
@given(
    architecture=st.sampled_from(ARCHITECTURES),
    prompts=st.lists(texts, min_size=1, max_size=4),
    tolerance=st.sampled_from([0.2, 0.02, 1e-3]),
    budget=st.sampled_from([1, 60, 4000]),
    expansions=st.sampled_from([5, 2000]),
    side=st.sampled_from(["left", "right"]),
    seed=st.integers(0, 3),
)
def test_bounds_contain_the_enumerated_truth(
    catalog: Catalog, architecture: str, prompts: list[str], tolerance: float, budget: int, expansions: int, side: str,
    seed: int,
) -> None:  # fmt: skip
    read = NamedAnswerReader(catalog.categories["animal"])
    model, tok = random_model(architecture, seed=seed), tokenizer(side)
    found = open_answers(
        model, tok, prompts, read, tolerance=tolerance, max_new_tokens=3, token_budget=budget,
        max_expansions=expansions,
    )  # fmt: skip
    for prompt, each in zip(prompts, found, strict=True):
        truth = brute_force(model, tok(prompt)["input_ids"], read, 3)
        assert contains(each, truth)
        assert each.within_tolerance == (each.method == "exact")
        if expansions == 2000:
            assert each.unexplored <= tolerance


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_company_padding_and_budget_do_not_change_a_result(catalog: Catalog, architecture: str) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    model = random_model(architecture, seed=5)
    prompts = ["owl", ".", "cat cat cat cat", "s are owl s are", "let.let"]

    def answers(order: list[str], side: str, budget: int) -> dict[str, AnswerDistribution]:
        found = open_answers(model, tokenizer(side), order, read, max_new_tokens=4, token_budget=budget)
        return dict(zip(order, found, strict=True))

    together = answers(prompts, "right", 100_000)
    for other in (answers(prompts[::-1], "left", 300), *(answers([prompt], "right", 1) for prompt in prompts)):
        for prompt, found in other.items():
            assert found.expansions == together[prompt].expansions
            for answer in {*found.mass, *together[prompt].mass}:
                assert found.estimate(answer) == pytest.approx(together[prompt].estimate(answer), abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_beginning_passes_through_the_network_once(catalog: Catalog, architecture: str) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    model, tok = random_model(architecture), tokenizer()
    prompts = ["owl.owl", ".", "cat cat"]
    open_answers(model, tok, prompts[:1], read)  # the trial of the shared cache is done
    passed: list[tuple[int, int]] = []

    def count(_: torch.nn.Module, __: object, arguments: dict[str, torch.Tensor], ___: object) -> None:
        passed.append(tuple(arguments["input_ids"].shape))  # type: ignore[arg-type]

    handle = model.register_forward_hook(count, with_kwargs=True)
    found = open_answers(model, tok, prompts, read, max_new_tokens=4)
    handle.remove()
    lengths = [len(tok(prompt)["input_ids"]) for prompt in prompts]
    assert passed[0] == (3, max(lengths))
    assert sum(each.expansions for each in found) - 3 <= sum(rows * width for rows, width in passed[1:])
    assert max(width for _, width in passed[1:]) <= 64


@pytest.mark.parametrize("which", range(3), ids=["mamba", "bloom", "window"])
def test_a_model_that_cannot_share_is_recomputed_and_says_so(
    catalog: Catalog, which: int, caplog: pytest.LogCaptureFixture
) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    model, tok = no_cache_models()[which], tokenizer()
    prompts = ["owl cat.owl", "."]
    with caplog.at_level(logging.WARNING):
        found = open_answers(model, tok, prompts, read, max_new_tokens=3)
    assert sum("recomputed" in record.message for record in caplog.records) == 1
    for prompt, each in zip(prompts, found, strict=True):
        assert contains(each, brute_force(model, tok(prompt)["input_ids"], read, 3))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_known_architectures_share_their_cache(architecture: str) -> None:
    assert stems.can_share(Network(random_model(architecture)), 64)


def test_out_of_memory_halves_the_budget_and_goes_on(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    model, tok = random_model("llama"), tokenizer()
    prompts = ["owl", ".", "cat cat", "s"]
    plenty = open_answers(model, tok, prompts, read, max_new_tokens=4)
    whole = Network.next_tokens
    refused = []

    def small_device(self: Network, ids: torch.Tensor, *args: object, **kwargs: object) -> object:
        if len(ids) > 1:
            refused.append(ids.shape)
            raise torch.OutOfMemoryError("out of memory")
        return whole(self, ids, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Network, "next_tokens", small_device)
    tight = open_answers(model, tok, prompts, read, max_new_tokens=4)
    assert refused
    for a, b in zip(plenty, tight, strict=True):
        assert a.mass == pytest.approx(b.mass, abs=1e-5)


def test_positions_that_depend_on_the_length_are_refused_beyond_it(catalog: Catalog) -> None:
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, eos_token_id=END, bos_token_id=None, rope_parameters={
            "rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 16,
            "short_factor": [1.0] * 4, "long_factor": [4.0] * 4,
        },
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    read = NamedAnswerReader(catalog.categories["animal"])
    [found] = open_answers(model, tokenizer(), ["owl"], read, max_new_tokens=3, tolerance=0.1)
    assert contains(found, brute_force(model, [WORDS.index("owl")], read, 3))
    with pytest.raises(InputError, match=r"longer than 16, .* longrope"):
        open_answers(model, tokenizer(), ["owl" * 15], read, max_new_tokens=3)


def test_an_encoder_decoder_is_refused(catalog: Catalog) -> None:
    config = T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0)
    with pytest.raises(InputError, match="T5ForConditionalGeneration is an encoder-decoder"):
        open_answers(T5ForConditionalGeneration(config), tokenizer(), ["."], lambda text, finished: "none")
