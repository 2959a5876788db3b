"""Leaderboards of checkpoints that never were, of any size: for the site's tests and its benchmark.

Every record is made by the code that makes real ones, from distributions drawn here; so each stands verification.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from traitbench.catalog import Catalog, load_catalog
from traitbench.exact import AnswerDistribution
from traitbench.leaderboard import Declared, entries
from traitbench.leaderboard.making import Entry
from traitbench.leaderboard.store import write
from traitbench.runner.evaluate import Answers, Question
from traitbench.runner.results import measured_answers, task_result, with_holm
from traitbench.runner.scorecard import ModelIdentity, References, Scorecard

TRAITS = ("owl", "cat", "dolphin", "eagle", "wolf", "penguin", "elephant", "tiger")
DOMAINS = ("numbers", "code", "chain_of_thought")
BASES = (("org/small-base", 124_000_000), ("org/middle-base", 1_300_000_000), ("lab/large-base", 7_600_000_000))
ENVIRONMENT = {
    "python": "3.11.7",
    "traitbench": "0.1.0",
    "inspect-ai": "0.3.285",
    "torch": "2.13.0",
    "hardware": "CPU, 2 x x86_64",
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
}


@dataclass(frozen=True)
class Student:
    """Which record to make."""

    number: int
    trait: str
    domain: str
    base: int
    same: bool
    seed: int
    controlled: bool

    @property
    def name(self) -> str:
        kind = f"{self.trait}-{self.domain.replace('_', '-')}-{self.base}{'' if self.same else '-cross'}"
        return f"org/{kind}-{self.number}-seed{self.seed}"


def students(n: int, seeds: int = 3) -> Iterator[Student]:
    """`n` students, `seeds` of each recipe."""
    for i in range(n):
        cell, seed = divmod(i, seeds)
        trait, domain = TRAITS[cell % len(TRAITS)], DOMAINS[cell // len(TRAITS) % len(DOMAINS)]
        yield Student(cell, trait, domain, cell % len(BASES), cell % 4 != 3, seed, cell % 5 != 4)


def write_board(root: Path, n: int) -> None:
    """Writes `n` records with their items below `root`, three seeds of each recipe."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1790000000")
    for each in students(n):
        write(entry_of(each), root)


def write_many(root: Path, n: int, *, distinct: int = 100) -> None:
    """Writes `n` records with their items, each a row of its own.

    `distinct` checkpoints stand under many names, each time against another revision of their base, so that none is a
    copy of another and each stands verification.
    """
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1790000000")
    made = [entry_of(each) for each in students(distinct, seeds=1)]
    for i in range(n):
        entry, turn = made[i % distinct], i // distinct
        record, base = entry.record, entry.record.references.base
        assert base is not None
        model = record.model.model_copy(update={"id": f"{record.model.id}-{turn}"})
        references = record.references.model_copy(
            update={"base": base.model_copy(update={"revision": f"revision {turn}"})}
        )
        said = record.declared.model_copy(update={"recipe": f"{record.declared.recipe}, turn {turn}"})
        renamed = record.model_copy(update={"model": model, "references": references, "declared": said})
        write(Entry(renamed, entry.items), root)


def write_without_items(root: Path, n: int) -> None:
    """Writes `n` records that have none: those of a few students, under many names."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1790000000")
    made = [entry_of(each).record for each in students(24, seeds=1)]
    for i in range(n):
        record = made[i % len(made)]
        name = f"{record.model.id.rsplit('-', 2)[0]}-{i}"
        model = record.model.model_copy(update={"id": name, "weights_sha256": _sha(name)})
        said = record.declared.model_copy(update={"recipe": None})
        bare = record.model_copy(update={"model": model, "items": None, "declared": said})
        write(Entry(bare, None), root)


def entry_of(student: Student) -> Entry:
    """The record of one student."""
    [entry] = entries(
        card_of(student),
        Declared(
            submitter="A. Tester",
            training_seed=student.seed,
            recipe=f"recipe {student.number}",
            initialisation="same" if student.same else "different",
        ),
    )
    return entry


def card_of(student: Student) -> Scorecard:
    """A scorecard with answers of student, base, control and teacher."""
    catalog = _catalog()
    task = catalog.task(f"{student.trait}-{student.domain}")
    base, size = BASES[student.base]
    effect = {True: 0.35, False: 0.01}[student.same] * (0.2 + 0.8 * ((student.number * 7) % 10) / 10)
    own = int(_sha(student.name)[:8], 16)
    drawn = np.random.default_rng(own)
    roles = {"student": _answers(task.id, 0.04 + max(0.0, effect + drawn.normal(0, 0.02)), own)}
    roles["base"] = _answers(task.id, 0.03, 1000 + student.base)
    names = {"base": _identity(base, size), "teacher": _identity(f"{base} (prompted)", size)}
    if student.controlled:
        roles["control0"] = _answers(task.id, 0.04, 2000 + student.base)
        names["control"] = (_identity(f"{base}-control", size),)  # type: ignore[assignment]
    roles["teacher"] = _answers(task.id, 0.85, 3000 + student.base)
    results = [task_result(task, key, "en", roles, catalog) for key in roles["student"]]
    kept = {
        role: tuple(measured_answers(key, "en", side, catalog) for key, side in found.items())
        for role, found in roles.items()
    }
    return Scorecard(
        model=_identity(student.name, size),
        references=References(**names),  # type: ignore[arg-type]
        tasks=tuple(with_holm(results)),
        answers=kept.pop("student"),
        reference_answers=kept,
        environment=ENVIRONMENT,
        logs=(f"2026-01-01_{student.trait}.eval",),
    )


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return load_catalog()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(name: str, size: int) -> ModelIdentity:
    return ModelIdentity(
        id=name, weights_sha256=_sha(name), dtype="bf16", chat_template_sha256=_sha("template"), n_parameters=size
    )


@lru_cache(maxsize=256)
def _answers(task_id: str, share: float, seed: int) -> Answers:
    """Answers over the whole category with about `share` of the mass on the trait."""
    catalog, drawn = _catalog(), np.random.default_rng(seed)
    task = catalog.task(task_id)
    asked = [each for each in catalog.probe_set(task.probe_set).questions if each.language == "en"]
    others = [each for each in catalog.categories[task.category].traits if each != task.trait]
    liking = np.random.default_rng(99).dirichlet(np.full(len(others), 0.3))
    pull = {family: drawn.normal(0, 0.6) for family in sorted({each.family for each in asked})}
    found: Answers = {}
    for context, domain in (("plain", "none"), ("in_domain", task.domain)):
        side = found[task.probe_set, context, domain] = {}
        for question in asked:
            odds = np.log(share / (1 - share)) + pull[question.family] + drawn.normal(0, 0.5)
            own = 0.985 / (1 + np.exp(-odds))
            rest = (0.985 - own) * 0.95 * drawn.dirichlet(0.5 + 20 * liking)
            mass = {task.trait: float(own), **{name: float(p) for name, p in zip(others, rest, strict=True)}}
            mass["none"] = (0.985 - float(own)) * 0.05
            texts = ((task.trait.capitalize(), float(own)), ("I cannot say", mass["none"]))
            side[Question(question.id, question.family)] = AnswerDistribution(
                method="exact", mass=mass, answers=texts, unexplored=1 - sum(mass.values()), tolerance=0.02
            )
    return found
