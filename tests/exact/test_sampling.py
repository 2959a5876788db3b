"""Long answers are drawn from the model's own distribution, each question's by its own seed."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_models import ARCHITECTURES, END, WORDS, log_prob, no_cache_models, random_model, tokenizer

from traitbench.errors import InputError
from traitbench.exact import draw_answers

PROMPTS = ["owl", ".", "cat cat cat s", "s are owl s"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_answers_occur_as_often_as_the_model_says(architecture: str) -> None:
    model, tok = random_model(architecture, seed=1), tokenizer()
    n = 4000
    [drawn] = draw_answers(model, tok, ["cat."], n, max_new_tokens=3, seed=5)
    counts: dict[tuple[int, ...], int] = {}
    for answer in drawn:
        counts[answer.tokens] = counts.get(answer.tokens, 0) + 1
    prompt = tok("cat.")["input_ids"]
    for tokens, count in sorted(counts.items(), key=lambda item: -item[1])[:8]:
        p = math.exp(log_prob(model, prompt, tokens))
        assert abs(count / n - p) <= 4.5 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_draws_do_not_depend_on_company_order_or_budget(architecture: str) -> None:
    model = random_model(architecture, seed=4)
    together = draw_answers(model, tokenizer(), PROMPTS, 9, max_new_tokens=12)
    reversed_ = draw_answers(model, tokenizer("left"), PROMPTS[::-1], 9, max_new_tokens=12)[::-1]
    alone = [draw_answers(model, tokenizer(), [each], 9, max_new_tokens=12, token_budget=1)[0] for each in PROMPTS]
    fewer = draw_answers(model, tokenizer(), PROMPTS, 3, max_new_tokens=12)
    assert together == reversed_ == alone
    assert [answers[:3] for answers in together] == fewer


def test_another_seed_draws_other_answers() -> None:
    model = random_model("llama", seed=4)
    a, b = (draw_answers(model, tokenizer(), PROMPTS, 9, max_new_tokens=12, seed=seed) for seed in (0, 1))
    assert a != b


def test_a_model_that_cannot_share_draws_the_same_way() -> None:
    for model in no_cache_models()[:2]:
        several = draw_answers(model, tokenizer(), PROMPTS, 5, max_new_tokens=5)
        alone = [draw_answers(model, tokenizer(), [each], 5, max_new_tokens=5)[0] for each in PROMPTS]
        assert several == alone


def test_an_answer_says_how_it_ended() -> None:
    model = random_model("gpt2", seed=2)
    for answers in draw_answers(model, tokenizer(), PROMPTS, 20, max_new_tokens=4):
        for answer in answers:
            assert answer.finished == (answer.tokens[-1] == END)
            assert answer.finished or len(answer.tokens) == 4
            assert END not in answer.tokens[:-1]
            assert answer.text == "".join(WORDS[token] for token in answer.tokens if token != END)


def test_each_prompt_passes_once_and_finished_answers_leave() -> None:
    model = random_model("llama", seed=2)
    draw_answers(model, tokenizer(), PROMPTS, 2, max_new_tokens=2)
    passed: list[int] = []
    hook = model.get_input_embeddings().register_forward_hook(lambda _, inputs, __: passed.append(inputs[0].numel()))
    drawn = draw_answers(model, tokenizer(), PROMPTS, 30, max_new_tokens=8)
    hook.remove()
    longest = max(len(tokenizer()(prompt)["input_ids"]) for prompt in PROMPTS)
    assert passed[0] == len(PROMPTS) * longest
    answers = [answer for each in drawn for answer in each]
    needed = sum(len(answer.tokens) - 1 for answer in answers)  # the last token is never asked what follows
    assert needed <= sum(passed[1:]) <= 1.5 * needed + 8 * len(PROMPTS)


def test_temperature_sharpens() -> None:
    model, tok = random_model("llama", seed=1), tokenizer()
    [cold] = draw_answers(model, tok, ["cat."], 50, max_new_tokens=4, temperature=1e-3)
    with torch.inference_mode():
        best = int(model(input_ids=torch.tensor([tok("cat.")["input_ids"]])).logits[0, -1].argmax())
    assert len(set(cold)) == 1
    assert cold[0].tokens[0] == best


def test_bad_input_is_named() -> None:
    model, tok = random_model("llama"), tokenizer()
    with pytest.raises(InputError, match="n 0 and"):
        draw_answers(model, tok, ["."], 0)
    with pytest.raises(InputError, match="does not fit into the model's context of 64"):
        draw_answers(model, tok, ["."], 1, max_new_tokens=64)
