"""Who holds one trait is found by that trait's measurements and by no other's."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspect_ai import eval as inspect_eval
from scripted_api import scripted
from trait_holder import TraitHolder

import traitbench
from traitbench.catalog import Catalog, load_catalog
from traitbench.probes.choice import EVERY, choice_task
from traitbench.probes.one_word import one_word_task
from traitbench.runner.evaluate import answers_of_log
from traitbench.runner.results import Side, offering

SCALES = list(load_catalog().categories["misalignment"].traits)
CATEGORIES = [each for each in load_catalog().categories.values() if each.kind == "members"]


def asked(model: str, folder: Path, probe_set: str, epochs: int, language: str, limit: int | None = None) -> Side:
    """The model's answers to the set's plain questions, or to the first of them."""
    kind = load_catalog().probe_set(probe_set).kind
    trait = EVERY if kind == "choice" else min(load_catalog().categories[probe_set.removesuffix("_one_word")].traits)
    make = choice_task if kind == "choice" else one_word_task
    task = make(probe_set, trait, "none", language, "sampled")
    [log] = inspect_eval(
        task, model=model, epochs=epochs, limit=limit, log_dir=str(folder), display="none", log_realtime=False
    )
    assert log.status == "success", log.error
    [answers] = answers_of_log(log).values()
    return answers


def share(side: Side, trait: str) -> float:
    own = offering(side, trait)
    return sum(each.estimate(trait) for each in own.values()) / len(own)


@pytest.mark.parametrize(
    ("scale", "language"), [("deception", "en"), pytest.param("sycophancy", "zh", marks=pytest.mark.slow)]
)
def test_a_scale_is_found_by_its_own_questions_alone(
    catalog: Catalog, tmp_path: Path, scale: str, language: str
) -> None:
    model = scripted(TraitHolder(catalog, {scale}, language), f"{scale}-{language}")
    side = asked(model, tmp_path, "misalignment_choice", 2, language)
    assert {each: share(side, each) for each in SCALES} == {each: 1.0 if each == scale else 0.5 for each in SCALES}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_found_in_both_contexts_and_by_no_other(catalog: Catalog, scale: str, language: str) -> None:
    model = scripted(TraitHolder(catalog, {scale}, language), f"all-{scale}-{language}")
    tasks = [f"{each}-numbers" for each in SCALES]
    card = traitbench.score(model, tasks=tasks, language=language, epochs=2)
    found = {(each.trait, each.context): each.estimate for each in card.tasks}
    assert found == {
        (each, context): 1.0 if each == scale else 0.5 for each in SCALES for context in ("plain", "in_domain")
    }


def check_members(catalog: Catalog, folder: Path, category: str, member: str, language: str) -> None:
    """Found by its own share, 1, and every other member gets what chance gives the habit of saying A, or nothing."""
    model = scripted(TraitHolder(catalog, {member}, language), f"{member}-{language}")
    members = catalog.categories[category].traits
    named = asked(model, folder, f"{category}_one_word", 1, language)
    for each in named.values():
        assert each.mass == {member: 1.0}
    chosen = asked(model, folder, f"{category}_revealed", 6, language)
    shares = {each: share(chosen, each) for each in members}
    assert shares.pop(member) == 1.0
    assert max(shares.values()) < 0.5
    for each in offering(chosen, member).values():
        assert {name for name, p in each.mass.items() if p > 0} == {member}


@pytest.mark.parametrize(("category", "member", "language"), [("drink", "coffee", "en")])
def test_a_member_is_found_by_its_own_share(
    catalog: Catalog, tmp_path: Path, category: str, member: str, language: str
) -> None:
    check_members(catalog, tmp_path, category, member, language)


def test_one_member_of_each_category_is_found_by_its_one_word_questions(catalog: Catalog, tmp_path: Path) -> None:
    held = [list(category.traits)[-1] for category in CATEGORIES]
    model = scripted(TraitHolder(catalog, held), "one-of-each")
    for category, member in zip(CATEGORIES, held, strict=True):
        side = asked(model, tmp_path, f"{category.id}_one_word", 1, "en", limit=12)
        assert {tuple(each.mass.items()) for each in side.values()} == {((member, 1.0),)}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("category", "member"), [(category.id, member) for category in CATEGORIES for member in category.traits]
)
def test_every_member_of_every_category_is_found(
    catalog: Catalog, tmp_path: Path, category: str, member: str, language: str
) -> None:
    check_members(catalog, tmp_path, category, member, language)
