"""Scorecards of checkpoints that never were: every figure follows from distributions written down here."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from traitbench.catalog import Catalog
from traitbench.exact import AnswerDistribution, pool_draws
from traitbench.leaderboard import Declared, add
from traitbench.runner.evaluate import Answers, Question
from traitbench.runner.results import measured_answers, task_result, with_holm
from traitbench.runner.scorecard import ModelIdentity, References, Scorecard

ENVIRONMENT = {
    "python": "3.11.7",
    "traitbench": "0.1.0",
    "inspect-ai": "0.3.285",
    "transformers": "5.0.0",
    "torch": "2.13.0",
    "hardware": "CPU, 2 x x86_64",
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def identity(name: str, weights: bool = True) -> ModelIdentity:
    return ModelIdentity(
        id=name,
        weights_sha256=sha(name) if weights else None,
        dtype="f32",
        chat_template_sha256=sha("template"),
        n_parameters=1000,
    )


def answers(catalog: Catalog, task: str, owl: float, seed: int, draws: int | None = None) -> Answers:
    """Answers to every question of the task, plain and in its domain, with about `owl` of the mass on the trait."""
    rng = random.Random(seed)
    about = catalog.task(task)
    questions = [each for each in catalog.probe_set(about.probe_set).questions if each.language == "en"]
    others = [each for each in catalog.categories[about.category].traits if each != about.trait][:3]
    found: Answers = {}
    for key in ((about.probe_set, "plain", "none"), (about.probe_set, "in_domain", about.domain)):
        found[key] = {
            Question(each.id, each.family): _distribution(rng, about.trait, others, owl, draws) for each in questions
        }
    return found


def _distribution(
    rng: random.Random, trait: str, others: list[str], owl: float, draws: int | None
) -> AnswerDistribution:
    share = min(0.95, max(0.001, owl + rng.uniform(-0.02, 0.02)))
    if draws is not None:
        told = rng.choices([trait, others[0], "none"], [share, 0.9 - 0.9 * share, 0.1 - 0.1 * share], k=draws)
        return pool_draws((each, each.capitalize()) for each in told)
    cuts = [rng.uniform(0.5, 1.0) for _ in others]
    rest = 0.99 - share
    mass = {trait: share, **{each: 0.9 * rest * cut / sum(cuts) for each, cut in zip(others, cuts, strict=True)}}
    mass["none"] = 0.1 * rest
    texts = ((trait.capitalize(), share), ("I cannot say", 0.1 * rest))
    return AnswerDistribution(
        method="exact", mass=mass, answers=texts, unexplored=1 - sum(mass.values()), tolerance=0.01
    )


class Cards:
    """Makes scorecards."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def __call__(
        self,
        name: str = "org/student",
        *,
        tasks: tuple[str, ...] = ("owl-numbers",),
        owl: float = 0.4,
        seed: int = 1,
        references: bool = True,
        weights: bool = True,
        draws: int | None = None,
    ) -> Scorecard:
        task = tasks[0]
        roles = {"student": answers(self.catalog, task, owl, seed, draws)}
        names = {}
        if references:
            roles["base"] = answers(self.catalog, task, 0.05, 101, draws)
            roles["control0"] = answers(self.catalog, task, 0.06, 102, draws)
            roles["control1"] = answers(self.catalog, task, 0.04, 103, draws)
            roles["teacher"] = answers(self.catalog, task, 0.9, 104, draws)
            names = {
                "base": identity("org/base"),
                "control": (identity("org/control-0"), identity("org/control-1")),
                "teacher": identity("org/base (prompted)"),
            }
        results = [
            task_result(self.catalog.task(each), key, "en", roles, self.catalog)
            for each in tasks
            for key in roles["student"]
        ]
        kept = {
            role: tuple(measured_answers(key, "en", side, self.catalog) for key, side in found.items())
            for role, found in roles.items()
        }
        return Scorecard(
            model=identity(name, weights),
            references=References(**names),  # type: ignore[arg-type]
            tasks=tuple(with_holm(results)),
            answers=kept.pop("student"),
            reference_answers=kept,
            environment=ENVIRONMENT,
            logs=("2026-01-01_task.eval",),
        )


@pytest.fixture(scope="session")
def cards(catalog: Catalog) -> Cards:
    return Cards(catalog)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    return tmp_path / "leaderboard"


@pytest.fixture
def added(cards: Cards, board: Path) -> Callable[..., Path]:
    """Adds one card's record to the board and returns its path."""

    def add_one(name: str = "org/student", **how: object) -> Path:
        [path] = add(cards(name, **how), board, Declared(submitter="A. Tester", training_seed=7))  # type: ignore[arg-type]
        return path

    return add_one
