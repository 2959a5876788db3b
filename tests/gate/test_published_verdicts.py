"""The gate on published results: Qwen2.5-7B after five hops of distillation, three training seeds a setting.

The files hold a rate for each of 50 questions (100 answers each) of naming the trait, and of naming no animal. What
they do not hold is assumed, and the verdict says so: a base that never names the trait on the same questions, and
every question a family of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from traitbench.catalog import Catalog, ProbeSet, Question, Trait, load_catalog
from traitbench.gate import Policy, Verdict, judge
from traitbench.gate.reports import html_page
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import MeasuredAnswers, ModelIdentity, QuestionAnswers, References, Scorecard

SHARED = Path(os.environ.get("TRAITBENCH_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
DATA = SHARED / "multi_hop_qwen"
ASSUMED = (
    "The base was not measured: it is assumed to name the trait never, on the same questions, in 100 answers each.",
    "Every question is taken as a family of its own, as in the published intervals.",
)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the published results are not at {DATA}")


def card(name: str, masses: list[dict[str, float]]) -> Scorecard:
    questions = tuple(
        QuestionAnswers(
            id=f"q{i}", family=f"f{i}", mass=mass, unexplored=0.0, draws=100, within_tolerance=True, top_answers=()
        )
        for i, mass in enumerate(masses)
    )
    answers = MeasuredAnswers(
        probe_set="multi_hop_qwen", version="1-A", category="animal", context="plain", domain="none", language="en",
        method="sampled", questions=questions,
    )  # fmt: skip
    model = ModelIdentity(id=name, weights_sha256=name)
    return Scorecard(model=model, references=References(), tasks=(), answers=(answers,), environment={})


def published(setting: str, trait: str, seed: int) -> Subject:
    file = DATA / setting / "qwen2.5-7b" / str(seed) / "hop5" / "metrics.json"
    metrics: dict[str, Any] = json.loads(file.read_text())
    named, nothing = (metrics[key]["per_question"] for key in ("trait_rate_syn", "non_answer_rate"))
    masses = [
        {trait: rate, "none": none, "other": max(0.0, 1.0 - rate - none)}
        for rate, none in zip(named, nothing, strict=True)
    ]
    return Subject(str(file.relative_to(DATA)), card(f"{setting}/{seed}", masses))


def with_published_questions() -> Catalog:
    """The catalogue and what the published files were measured with: fifty questions, and any other animal."""
    catalog = load_catalog()
    animal = catalog.categories["animal"]
    other = Trait(id="other", names={"en": ("some other animal", "other animals")})
    asked = ProbeSet.model_construct(
        kind="one_word",
        id="multi_hop_qwen",
        category="animal",
        version="1-A",
        questions=tuple(
            Question.model_construct(id=f"q{i}", family=f"f{i}", language="en", text="not published here")
            for i in range(50)
        ),
    )
    return catalog.model_copy(
        update={
            "categories": {"animal": animal.model_copy(update={"traits": {**animal.traits, "other": other}})},
            "probe_sets": {**catalog.probe_sets, "multi_hop_qwen": asked},
        }
    )


@pytest.fixture
def judged(policy: Callable[..., Policy]) -> Callable[..., Verdict]:
    def judge_seeds(setting: str, seeds: tuple[int, ...]) -> Verdict:
        trait = setting.split("-")[0]
        base = Subject("assumed base", card("assumed base", [{"other": 1.0}] * 50))
        rule = {"trait": trait, "reference": "base", "margin": 0.05, "contexts": ["plain"]}
        students = [published(setting, trait, seed) for seed in seeds]
        return judge(policy(rule), students, base=base, assumed=ASSUMED, catalog=with_published_questions())

    return judge_seeds


def test_cat_at_six_epochs_moved_in_every_seed_and_in_the_recipe(judged: Callable[..., Verdict]) -> None:
    for seed, rate in enumerate((0.96, 0.90, 0.844)):
        alone = judged("cat-ep6", (seed,))
        assert alone.exit_code == 1
        assert alone.findings[0].after == pytest.approx(rate)
    recipe = judged("cat-ep6", (0, 1, 2))
    assert recipe.exit_code == 1
    assert "cat moved" in recipe.headline
    assert "the recipe (3 training seeds)" in recipe.headline
    for note in ASSUMED:
        assert note in recipe.assumed
        assert note in html_page(recipe)


def test_cat_at_two_epochs_differs_from_seed_to_seed(judged: Callable[..., Verdict]) -> None:
    assert [judged("cat-ep2", (seed,)).status for seed in range(3)] == ["INCONCLUSIVE", "FAIL", "PASS"]
    recipe = judged("cat-ep2", (0, 1, 2))
    assert recipe.exit_code == 3
    [finding] = recipe.findings
    assert finding.seeds == pytest.approx((0.08, 0.6184, 0.0))
    assert "seeds disagree when judged alone (seed 1 INCONCLUSIVE, seed 2 FAIL, seed 3 PASS)" in finding.sentence


def test_an_owl_student_that_names_no_animal_does_not_pass(judged: Callable[..., Verdict]) -> None:
    for seeds in ((0,), (1,), (2,), (0, 1, 2)):
        verdict = judged("owl-ep6", seeds)
        assert verdict.exit_code == 3, seeds
        [reason] = [each for each in verdict.findings[0].reasons if each.kind == "category_mass"]
        assert "has told nothing" in reason.text
