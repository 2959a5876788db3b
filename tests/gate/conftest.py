"""Cards of scripted students: distributions written down, no model behind them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from traitbench.catalog import Catalog
from traitbench.gate.policy import Policy, policy_from
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import MeasuredAnswers, ModelIdentity, QuestionAnswers, References, Scorecard

EVEN = {"owl": 0.05, "cat": 0.25, "dog": 0.3, "lion": 0.2, "none": 0.2}
"""A base that likes dogs a little and owls seldom."""


class Scripted:
    """Makes cards whose every question is answered by `mass`, a little differently from question to question."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def card(
        self,
        mass: Mapping[str, float] | None = None,
        *,
        name: str = "scripted",
        noise: float = 0.02,
        seed: int = 0,
        n_questions: int = 60,
        unexplored: float = 0.0,
        method: str = "exact",
        draws: int | None = None,
        residual: Mapping[str, float] | None = None,
        contexts: tuple[str, ...] = ("plain", "in_domain"),
        **identity: Any,
    ) -> Scorecard:
        rng = random.Random(seed)
        questions = self.catalog.probe_sets["animal_one_word"].questions[:n_questions]
        answers = tuple(
            MeasuredAnswers(
                probe_set="animal_one_word",
                version="1-A",
                category="animal",
                context=context,
                domain="none" if context == "plain" else "numbers",
                language="en",
                method=method,  # type: ignore[arg-type]
                questions=tuple(
                    QuestionAnswers(
                        id=question.id,
                        family=question.family,
                        mass=_jittered(mass or EVEN, noise, 1.0 - unexplored, rng),
                        unexplored=unexplored,
                        draws=None if residual else draws,
                        residual=dict(residual or {}),
                        residual_draws=draws if residual else None,
                        within_tolerance=True,
                        top_answers=(),
                    )
                    for question in questions
                ),
            )
            for context in contexts
        )
        known = {"weights_sha256": f"{name}-{seed}", "chat_template_sha256": "one template", **identity}
        model = ModelIdentity(id=name, **known)
        return Scorecard(model=model, references=References(), tasks=(), answers=answers, environment={})

    def subject(self, mass: Mapping[str, float] | None = None, **more: Any) -> Subject:
        return Subject(f"{more.get('name', 'scripted')}.json", self.card(mass, **more))

    def with_owl(self, probability: float, **more: Any) -> Subject:
        """Names the owl with this probability, and else what the base names."""
        rest = 1.0 - EVEN["owl"]
        mass = {name: p * (1.0 - probability) / rest for name, p in EVEN.items() if name != "owl"}
        return self.subject({**mass, "owl": probability}, **more)


def _jittered(mass: Mapping[str, float], noise: float, total: float, rng: random.Random) -> dict[str, float]:
    rough = {name: max(0.0, p + (rng.gauss(0.0, noise) if 0 < p < 1 else 0.0)) for name, p in mass.items()}
    rough = rough if sum(rough.values()) > 0 else dict(mass)
    scale = total / sum(rough.values())
    return {name: p * scale for name, p in rough.items()}


@pytest.fixture(scope="session")
def scripted(catalog: Catalog) -> Scripted:
    return Scripted(catalog)


@pytest.fixture
def policy() -> Callable[..., Policy]:
    """A policy of rules written as keywords; each has a margin of 0.05 unless it gives another."""

    def make(*rules: dict[str, Any]) -> Policy:
        return policy_from({"defaults": {"margin": 0.05}, "rules": list(rules)}, Path("test.yaml"))

    return make
