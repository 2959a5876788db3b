"""Checkpoints that cannot be scored, or only slowly, through the paths that users take; never a wrong number."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from inspect_ai import eval as inspect_eval
from inspect_ai.model import get_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

import traitbench
from traitbench.catalog import Catalog, NamedAnswerReader
from traitbench.errors import InputError
from traitbench.exact import open_answers
from traitbench.probes.answering import MAX_NEW_TOKENS
from traitbench.probes.one_word import one_word_task

TASKS = ["owl-numbers"]


def saved(model: Any, base: Path, folder: Path) -> Path:
    """The model beside the base's tokenizer and chat template."""
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def broken(kind: str, base: Path, folder: Path) -> Path:
    words = len(AutoTokenizer.from_pretrained(base))
    if kind == "encoder-decoder":
        config = T5Config(vocab_size=words, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
        return saved(T5ForConditionalGeneration(config), base, folder)
    if kind == "short context":
        small = GPT2Config(vocab_size=words, n_embd=8, n_layer=1, n_head=1, n_positions=MAX_NEW_TOKENS + 2)
        return saved(GPT2LMHeadModel(small), base, folder)
    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        model.transformer.ln_f.weight[0] = float("nan")
    return saved(model, base, folder)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("NaN", "logits are not numbers"),
        ("short context", f"does not fit into the model's context of {MAX_NEW_TOKENS + 2}"),
        ("encoder-decoder", "cannot be loaded .*T5Config"),
    ],
)
def test_what_cannot_be_scored_is_named_in_one_line(kind: str, words: str, base: Path, tmp_path: Path) -> None:
    folder = broken(kind, base, tmp_path / "model")
    with pytest.raises(InputError, match=words) as error:
        traitbench.score(f"hf/{folder}", tasks=TASKS)
    assert str(folder) in error.value.message
    assert len(error.value.message.splitlines()) == 1
    if kind == "encoder-decoder":  # Inspect's own provider refuses it before any sample
        return
    model = get_model(f"hf/{folder}", memoize=False)
    task = one_word_task("animal_one_word", "owl", "none", "en", "exact")
    [log] = inspect_eval(task, model=model, log_dir=str(tmp_path), display="none", log_realtime=False, limit=3)
    assert log.status == "error"
    assert log.error is not None
    assert words in log.error.message


def test_a_model_without_a_cache_is_scored_rightly_and_the_log_says_so_once(
    base: Path, catalog: Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tok = AutoTokenizer.from_pretrained(base)
    torch.manual_seed(0)
    config = MambaConfig(
        vocab_size=len(tok), hidden_size=8, state_size=2, num_hidden_layers=1, eos_token_id=tok.eos_token_id
    )
    network = MambaForCausalLM(config)
    with torch.no_grad():  # an answer of a few tokens: sharp, and soon at its end
        network.backbone.embeddings.weight.mul_(400)
    folder = saved(network, base, tmp_path / "model")
    model = get_model(f"hf/{folder}", memoize=False)
    task = one_word_task("animal_one_word", "owl", "none", "en", "exact")
    with caplog.at_level(logging.WARNING, logger="traitbench"):
        [log] = inspect_eval(
            task, model=model, log_dir=str(tmp_path), display="none", log_realtime=False, limit=4, max_samples=1
        )
    assert log.status == "success"
    assert sum("recomputed" in record.getMessage() for record in caplog.records) == 1
    read = NamedAnswerReader(catalog.categories["animal"])
    prompt = model.api.hf_chat(log.samples[0].messages[:1], [])
    [alone] = open_answers(model.api.model, tok, [prompt], read, max_new_tokens=MAX_NEW_TOKENS)
    assert log.samples[0].metadata["answer_distribution"]["mass"] == pytest.approx(alone.mass, abs=1e-6)
