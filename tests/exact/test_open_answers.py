"""Certified bounds contain the truth, which is known here in closed form or by brute force."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.errors import InputError
from traitbench.exact import open_answers

END, WORDS = 0, ["<end>", "owl", "let", "cat", ".", " ", "s", "are"]


def bigram(table: torch.Tensor) -> LlamaForCausalLM:
    """A Llama whose next-token logits are `table[token]`: attention and MLP are zeroed, the embedding is one-hot."""
    size = len(table)
    config = LlamaConfig(
        vocab_size=size, hidden_size=size, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1,
        head_dim=size, max_position_embeddings=64, tie_word_embeddings=False, rms_norm_eps=0.0, eos_token_id=END,
        bos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if "norm" in name else 0.0)
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.copy_(table.T / math.sqrt(size))  # the RMS norm of a unit vector multiplies by sqrt(size)
    model.generation_config.eos_token_id = END
    return model


def tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="."))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    words.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>")


def brute_force(table: torch.Tensor, first: int, read: NamedAnswerReader, length: int) -> dict[str, float]:
    """The truth: every sequence of at most `length` tokens, read as a whole."""
    chance = table.double().softmax(-1)
    mass: dict[str, float] = {}
    for n in range(length + 1):
        for tokens in itertools.product(range(1, len(WORDS)), repeat=n):
            steps = [first, *tokens, *([END] if n < length else [])]
            p = math.prod(float(chance[a, b]) for a, b in itertools.pairwise(steps))
            answer = read("".join(WORDS[t] for t in tokens), True)
            assert answer is not None
            mass[answer] = mass.get(answer, 0.0) + p
    return mass


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [0.1, 0.01, 1e-4])
def test_bounds_contain_the_truth_of_a_bigram_model(catalog: Catalog, seed: int, tolerance: float) -> None:
    read = NamedAnswerReader(catalog.categories["animal"])
    table = 3 * torch.randn(len(WORDS), len(WORDS), generator=torch.Generator().manual_seed(seed))
    [found] = open_answers(bigram(table), tokenizer(), ["."], read, tolerance=tolerance, max_new_tokens=5)
    truth = brute_force(table, WORDS.index("."), read, 5)
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
