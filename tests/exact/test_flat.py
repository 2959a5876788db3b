"""A flat distribution over a large vocabulary costs no more than its budget, in memory either."""

from __future__ import annotations

import torch
from tiny_models import random_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from traitbench.exact import open_answers
from traitbench.exact.network import NextTokens
from traitbench.exact.stems import Prompt
from traitbench.exact.tree import Reading, Tree, likely_children


def numbered(n: int) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordLevel({f"w{i} ": i for i in range(n)}, unk_token="w1 "))
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="w0 ")


def test_an_unsettled_flat_question_ends_with_its_budget() -> None:
    model = random_model("llama", vocabulary=5000)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(0.01)
    found = open_answers(
        model, numbered(5000), ["w3 w4 ", "w7 "], lambda text, finished: "even" if finished else None,
        max_new_tokens=6, max_expansions=20,
    )  # fmt: skip
    for each in found:
        assert each.method == "exact+sampled"
        assert each.expansions == 20
        assert each.residual == {"even": 1.0}
        assert each.estimate("even") == 1.0


def test_what_is_remembered_does_not_grow_with_the_vocabulary() -> None:
    reading = Reading(numbered(8), lambda text, finished: None, frozenset(), 4)
    tree = Tree(Prompt([1]), reading, 0.01, 100)
    [root] = tree.take()
    logits = torch.zeros(1, 200_000)
    [(tokens, probabilities)] = likely_children(NextTokens(logits, logits.logsumexp(-1)), [tree.worth_keeping(root)])
    assert len(tokens) == len(probabilities) > 190_000  # each holds five times the least that is kept
    tree.expand(root, tokens, probabilities)
    children = tree.take()
    assert len(children) == 64
    [(tokens, probabilities)] = likely_children(
        NextTokens(logits, logits.logsumexp(-1)), [tree.worth_keeping(children[0])]
    )
    assert len(tokens) == 0
    tree.expand(children[0], tokens, probabilities)
    assert abs(tree.expanded[-1].left_out * 200_000 - 1) < 1e-3
