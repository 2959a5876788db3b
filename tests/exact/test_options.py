"""Rotations cancel what the place of an option brings, and keep what the option itself does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from tiny_models import WORDS, bigram, log_prob, random_model, tokenizer

from traitbench.errors import InputError
from traitbench.exact.options import order, score_options

OPTIONS, LABELS = ["owl", "cat", "are"], ["s", ".", " "]
SPELLED = [[label] for label in LABELS]


def render(options: Sequence[str]) -> str:
    return "let".join(options) + "."


PROMPTS = [render([OPTIONS[option] for option in order(turn, 3)]) for turn in range(3)]


def test_a_model_that_only_looks_at_the_place_has_no_preference() -> None:
    table = torch.full((len(WORDS), len(WORDS)), -40.0)
    table[WORDS.index("."), [WORDS.index(label) for label in LABELS]] = torch.tensor([0.7, 0.2, 0.1]).log()
    [found] = score_options(bigram(table), tokenizer(), [PROMPTS], SPELLED)
    assert found.raw[0].tolist() == pytest.approx([0.7, 0.2, 0.1], abs=1e-5)
    assert found.cancelled.tolist() == pytest.approx([1 / 3] * 3, abs=1e-5)
    assert found.labels.tolist() == pytest.approx([0.7, 0.2, 0.1], abs=1e-5)
    assert found.outside.tolist() == pytest.approx([0.0] * 3, abs=1e-5)


def test_the_spellings_of_a_label_count_together_and_options_without_places_are_asked_once() -> None:
    table = torch.full((len(WORDS), len(WORDS)), -40.0)
    table[WORDS.index("."), [WORDS.index(label) for label in LABELS]] = torch.tensor([0.5, 0.2, 0.3]).log()
    [found] = score_options(bigram(table), tokenizer(), [PROMPTS[:1]], [["s", " "], ["."]])
    assert found.raw.tolist() == [pytest.approx([0.8, 0.2], abs=1e-5)]
    assert found.cancelled.tolist() == found.labels.tolist() == found.raw[0].tolist()


def test_each_option_is_read_under_the_label_that_it_stands_by() -> None:
    model, tok = random_model("qwen2"), tokenizer()
    [_, found] = score_options(model, tok, [[PROMPTS[1]] * 3, PROMPTS], SPELLED)
    for turn in range(3):
        prompt = tok(PROMPTS[turn])["input_ids"]
        for label, option in zip(LABELS, OPTIONS[turn:] + OPTIONS[:turn], strict=True):
            p = math.exp(log_prob(model, prompt, tok(label)["input_ids"]))
            assert float(found.raw[turn, OPTIONS.index(option)]) == pytest.approx(p, abs=1e-5)


def test_labels_that_do_not_match_are_refused() -> None:
    with pytest.raises(InputError, match="3 prompts and 2 labels"):
        score_options(random_model("llama"), tokenizer(), [PROMPTS], SPELLED[:2])
