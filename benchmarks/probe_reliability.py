"""Would other families of questions have said the same: split-half reliability, on models that can read a set."""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from traitbench.catalog import Catalog, ChoiceQuestion, NamedAnswerReader, ProbeSet
from traitbench.exact import open_answers
from traitbench.lab.checkpoints import base_folder, shipped_bases

READS = 0.5
"""A model reads a set of one-word questions where it names some member with at least this probability."""

UNKNOWN = 0.05
"""A model reads no set in which more than this share of its tokens is unknown to it."""

RESAMPLES = 500


@dataclass(frozen=True)
class Model:
    """A checkpoint on disk, how it is named, and the name of the base that it was trained from."""

    name: str
    folder: Path
    base: str | None = None


@dataclass(frozen=True)
class Reliability:
    """Split-half over families, stepped up to all of them by Spearman and Brown; 95% over models."""

    value: float
    interval: tuple[float, float]
    n_models: int
    n_units: int
    families: int


@dataclass(frozen=True)
class Answers:
    """Of one model to one set in one language."""

    by_family: np.ndarray
    """(n_families, n_members) probabilities, families in alphabetical order."""


def models_at_hand(folders: Sequence[Path]) -> list[Model]:
    """The lab's shipped bases, and the checkpoints of every lab run below the folders that began from them."""
    bases = {each: base_folder(each) for each in shipped_bases()}
    found = [Model(f"base {each}", folder) for each, folder in bases.items()]
    for card in (card for folder in folders for card in sorted(folder.rglob("run.json"))):
        run, home = json.loads(card.read_text(encoding="utf-8")), card.parent
        if _weights(home / "base") != _weights(bases[run["base_seed"]]):
            print(f"{home.name}: left out, it began from another base than the one that ships", file=sys.stderr)
            continue
        for role in ("teacher", "student", "control", "cross_base"):
            start = run["cross_base_seed" if role == "cross_base" else "base_seed"]
            found.append(Model(f"{home.name}/{role}", home / role, f"base {start}"))
    return found


def _weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def answers_of(model: Model, probe_sets: Sequence[tuple[ProbeSet, str]], catalog: Catalog) -> list[Answers | str]:
    """For each (set, language) the model's answers, or why it cannot read it."""
    logging.disable_progress_bar()
    network = AutoModelForCausalLM.from_pretrained(model.folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True)
    network.train(False)
    return [_answers(network, tokenizer, probes, language, catalog) for probes, language in probe_sets]


def _answers(network: Any, tokenizer: Any, probes: ProbeSet, language: str, catalog: Catalog) -> Answers | str:
    questions = [question for question in probes.questions if question.language == language]
    words = [word for question in questions for word in tokenizer(question.content)["input_ids"]]
    unknown = float(np.mean([word == tokenizer.unk_token_id for word in words]))
    if unknown > UNKNOWN:
        return f"{unknown:.0%} of words unknown"
    if isinstance(questions[0], ChoiceQuestion):
        return "options, which it was never shown"
    category = catalog.categories[probes.category]
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": question.text}], tokenize=False, add_generation_prompt=True
        )
        for question in questions
    ]
    found = open_answers(network, tokenizer, prompts, NamedAnswerReader(category))
    masses = np.array([[answer.mass.get(member, 0.0) for member in category.traits] for answer in found])
    mass = float(masses.sum(axis=1).mean())
    if mass < READS:
        return f"a member named with probability {mass:.2f} only"
    families = np.array([question.family for question in questions])
    by_family = np.stack([masses[families == family].mean(axis=0) for family in np.unique(families)])
    return Answers(by_family)


def split_half(profiles: Sequence[np.ndarray], seed: int = 0) -> Reliability:
    """`profiles`: of each model (n_families, n_members), or its shift against its base.

    Units are members x models. The families are halved in every possible way; r is the mean correlation of the two
    halves' means over units, and 2 r / (1 + r) the reliability of all families together (Spearman 1910; Brown 1910,
    British Journal of Psychology 3). Models are drawn anew for the interval.
    """
    families = profiles[0].shape[0]
    halves = _halves(families)
    first = np.stack([halves @ profile / halves.sum(axis=1, keepdims=True) for profile in profiles])
    second = np.stack([(1 - halves) @ profile / (1 - halves).sum(axis=1, keepdims=True) for profile in profiles])
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(len(profiles), size=len(profiles)) for _ in range(RESAMPLES)]
    values = [_stepped_up(first[each], second[each]) for each in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    units = len(profiles) * profiles[0].shape[1]
    return Reliability(_stepped_up(first, second), (float(low), float(high)), len(profiles), units, families)


def _halves(families: int) -> np.ndarray:
    """(n_splits, n_families) of 0 and 1: every way to halve them, each once; the first family is always in one half."""
    chosen = itertools.combinations(range(1, families), families // 2 - 1)
    rows = []
    for others in chosen:
        row = np.zeros(families)
        row[[0, *others]] = 1
        rows.append(row)
    return np.stack(rows)


def _stepped_up(first: np.ndarray, second: np.ndarray) -> float:
    """`first`, `second`: (n_models, n_splits, n_members)."""
    one, other = (each.transpose(1, 0, 2).reshape(each.shape[1], -1) for each in (first, second))
    one, other = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    r = (one * other).sum(axis=1) / np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return float(np.mean(2 * r / (1 + r)))
