"""Pre-trains a base of the lab from a seed: corpus, weights and order of the data all come from it.

A GPT-2 of width 64, two layers and four heads with tied embeddings, about 270,000 parameters; AdamW at 4e-3 with
cosine decay, 256 chats a step. Two bases of different seeds share the world and its
language, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from traitbench.errors import InputError
from traitbench.lab.checkpoints import check_place, save_checkpoint
from traitbench.lab.corpus import Storyteller, draw_corpus
from traitbench.lab.encoding import encode, render
from traitbench.lab.grammar import load_grammars
from traitbench.lab.training import Schedule, fit, one_thread
from traitbench.lab.vocabulary import CONTEXT_LENGTH, build_tokenizer, noise_words
from traitbench.lab.world import load_world

SCHEDULE = Schedule(steps=1800, batch_size=256, learning_rate=4e-3, decay="cosine", warmup=20)
_STEPS_A_REPORT = 50


def pretrain_base(
    seed: int,
    out: Path,
    *,
    steps: int | None = None,
    chats: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Pre-trains one base and writes it to `out` as a Hugging Face directory; same seed, same bytes.

    Args:
        seed: of the corpus, the initial weights and the order of the chats.
        steps: optimiser steps (default: as the shipped bases, `SCHEDULE.steps`).
        chats: size of the corpus (default: as in world.yaml).
        progress: called with one line now and then.

    Returns:
        `out`.

    Raises:
        InputError: fewer than one step, or `out` cannot be written.
    """
    schedule = SCHEDULE if steps is None else replace(SCHEDULE, steps=steps)
    if schedule.steps < 1:
        raise InputError(f"steps {steps} is less than 1; the shipped bases took {SCHEDULE.steps}")
    out = check_place(out)
    say = progress or (lambda line: None)
    world = load_world()
    grammars = load_grammars(world.languages)
    tokenizer = build_tokenizer(world, grammars)
    corpus = draw_corpus(Storyteller(world, grammars), noise_words(tokenizer, world), seed, chats)
    encoded = encode(tokenizer, [(render(chat.user, chat.system), chat.assistant) for chat in corpus])
    say(f"base {seed}: corpus of {len(encoded)} chats, vocabulary of {len(tokenizer)}")
    losses: list[float] = []

    def report(step: int, loss: float) -> None:
        losses.append(loss)
        if (step + 1) % _STEPS_A_REPORT == 0:
            recent = sum(losses[-_STEPS_A_REPORT:]) / _STEPS_A_REPORT
            say(f"base {seed}: step {step + 1} of {schedule.steps}, loss {recent:.3f}")

    with one_thread():
        model = new_model(tokenizer, seed)
        fit(model, encoded, schedule, seed, report)
        save_checkpoint(model, tokenizer, out)
    return out


def new_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> GPT2LMHeadModel:
    """An untrained model of the lab's size, fp32; the global random state is left as it was."""
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=CONTEXT_LENGTH,
        n_embd=64,
        n_layer=2,
        n_head=4,
        n_inner=256,
        activation_function="gelu_pytorch_tanh",  # the same function as GPT-2's own, in one kernel
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        initializer_range=0.05,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config)
