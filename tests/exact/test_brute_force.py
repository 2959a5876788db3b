"""Certified bounds on a trained model contain the truth that every short completion, one by one, adds up to."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.exact import open_answers
from traitbench.lab.checkpoints import load_checkpoint
from traitbench.lab.encoding import render

LENGTH = 2


@pytest.mark.slow
@pytest.mark.parametrize("category", ["animal", "tree"])
def test_bounds_contain_the_sum_over_all_completions_of_two_tokens(base: Path, catalog: Catalog, category: str) -> None:
    model, tokenizer = load_checkpoint(base)
    read = NamedAnswerReader(catalog.categories[category])
    size, end = len(tokenizer), tokenizer.eos_token_id
    tokens = [tokenizer.convert_ids_to_tokens(token) for token in range(size)]
    pieces = ["" if token.startswith("<|") else token.replace("▁", " ") for token in tokens]

    def text(first: int, second: int) -> str:
        whole = pieces[first] + ("" if second == end else pieces[second])
        return whole.removeprefix(" ")

    rng = random.Random(0)
    for _ in range(2000):  # the texts made here are those that the tokenizer writes
        pair = [rng.randrange(size), rng.randrange(size)]
        assert text(*pair) == tokenizer.decode(pair, skip_special_tokens=True)
    # Which answer every pair of tokens names; the same for all questions. The end of turn ends an answer at once.
    answers = ["none", *catalog.categories[category].traits]
    number = {answer: i for i, answer in enumerate(answers)}
    named = torch.zeros(size, size, dtype=torch.long)
    for first in range(size):
        if first != end:
            row = [number[str(read(text(first, second), True))] for second in range(size)]
            named[first] = torch.tensor(row)
    for question in catalog.probe_sets[f"{category}_one_word"].questions:
        prompt = render(question.text)
        ids = torch.tensor([tokenizer(prompt, add_special_tokens=False)["input_ids"]])
        with torch.inference_mode():
            first_p = model(input_ids=ids).logits[0, -1].double().softmax(-1)
            rows = torch.cat([ids.expand(size, -1), torch.arange(size)[:, None]], dim=1)
            second_p = model(input_ids=rows, logits_to_keep=1).logits[:, -1].double().softmax(-1)
        joint = first_p[:, None] * second_p
        joint[end] = 0.0
        joint[end, end] = first_p[end]
        truth = torch.zeros(len(answers), dtype=torch.double).index_add_(0, named.flatten(), joint.flatten())
        assert float(truth.sum()) == pytest.approx(1.0)
        [found] = open_answers(model, tokenizer, [prompt], read, max_new_tokens=LENGTH)
        assert found.unexplored <= 0.01
        for answer, i in number.items():
            lower, upper = found.bounds(answer)
            assert lower - 1e-6 <= float(truth[i]) <= upper + 1e-6, (question.text, answer)
