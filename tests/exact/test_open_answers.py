"""Certified bounds contain the truth, which is known here in closed form or by brute force."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tiny_models import WORDS, bigram, brute_force, tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.errors import InputError
from traitbench.exact import open_answers


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [0.1, 0.01, 1e-4])
def test_bounds_contain_the_truth_of_a_bigram_model(catalog: Catalog, seed: int, tolerance: float) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    table = 3 * torch.randn(len(WORDS), len(WORDS), generator=torch.Generator().manual_seed(seed))
    model = bigram(table)
    [found] = open_answers(model, tokenizer(), ["."], read, tolerance=tolerance, max_new_tokens=4, max_expansions=5000)
    truth = brute_force(model, [WORDS.index(".")], read, 4)
    assert sum(truth.values()) == pytest.approx(1.0)
    assert found.unexplored <= tolerance
    for answer in {*truth, *found.mass, "dog"}:
        lower, upper = found.bounds(answer)
        assert lower - 1e-6 <= truth.get(answer, 0.0) <= upper + 1e-6


def test_a_chatty_answer_closes_early(catalog: Catalog) -> None:
    table = torch.full((len(WORDS), len(WORDS)), -30.0)
    steps = {".": "owl", "owl": "s", "s": " ", " ": "are", "are": " "}  # "owls are are are ...", which never ends
    for word, following in steps.items():
        table[WORDS.index(word), WORDS.index(following)] = 0.0
    read = NamedAnswerReader(catalog.categories["animal"])
    [found] = open_answers(bigram(table), tokenizer(), ["."], read)
    assert found.bounds("owl")[0] > 0.99
    assert found.expansions == 3


def test_a_flat_distribution_ends_with_the_budget_and_says_so(catalog: Catalog) -> None:
    read = NamedAnswerReader(catalog.categories["tree"])
    table = torch.zeros(len(WORDS), len(WORDS))
    [found] = open_answers(bigram(table), tokenizer(), ["."], read, max_expansions=50)
    assert not found.within_tolerance
    assert found.expansions == 50
    assert sum(found.mass.values()) + found.unexplored == pytest.approx(1.0)


def test_company_and_batch_size_do_not_change_a_result(base: Path, catalog: Catalog) -> None:
    model = AutoModelForCausalLM.from_pretrained(base).eval()
    tok = AutoTokenizer.from_pretrained(base)
    read = NamedAnswerReader(catalog.categories["animal"])
    prompts = [
        tok.apply_chat_template([{"role": "user", "content": q.text}], tokenize=False, add_generation_prompt=True)
        for q in catalog.probe_sets["animal_one_word"].questions[::12]
    ]
    together = open_answers(model, tok, prompts, read)
    alone = [open_answers(model, tok, [prompt], read, token_budget=1)[0] for prompt in prompts]
    for a, b in zip(together, alone, strict=True):
        assert a.estimate("owl") == pytest.approx(b.estimate("owl"), abs=1e-5)
        assert a.unexplored <= 0.01


def test_own_draws_with_torch_agree(base: Path, catalog: Catalog) -> None:
    model = AutoModelForCausalLM.from_pretrained(base).eval()
    tok = AutoTokenizer.from_pretrained(base)
    read = NamedAnswerReader(catalog.categories["animal"])
    question = catalog.probe_sets["animal_one_word"].questions[0].text
    prompt = tok.apply_chat_template(
        [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
    )
    [found] = open_answers(model, tok, [prompt], read)
    n, generator = 5000, torch.Generator().manual_seed(0)
    ids = torch.tensor([tok(prompt, add_special_tokens=False)["input_ids"]]).expand(n, -1)
    end, texts = model.generation_config.eos_token_id, [""] * n
    alive = torch.ones(n, dtype=torch.bool)
    with torch.inference_mode():
        for _ in range(3):  # the lab answers with one word and the end of turn
            logits = model(input_ids=ids).logits[:, -1].double()
            drawn = torch.multinomial(logits.softmax(-1), 1, generator=generator)
            alive &= drawn[:, 0] != end
            texts = [t + (" " + tok.decode([int(d)]) if a else "") for t, d, a in zip(texts, drawn, alive, strict=True)]
            ids = torch.cat([ids, drawn], dim=1)
    for answer in ("owl", "tiger", "cat"):
        share = sum(read(text, True) == answer for text in texts) / n
        lower, upper = found.bounds(answer)
        slack = 4 * math.sqrt(upper * (1 - lower) / n)
        assert lower - slack <= share <= upper + slack


def test_bad_input_is_named(catalog: Catalog) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    model, tok = bigram(torch.zeros(len(WORDS), len(WORDS))), tokenizer()
    with pytest.raises(InputError, match="prompt 0 is empty"):
        open_answers(model, tok, [""], read)
    with pytest.raises(InputError, match="does not fit into the model's context of 64"):
        open_answers(model, tok, ["." * 60], read)
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="NaN"):
        open_answers(model, tok, ["."], read)
