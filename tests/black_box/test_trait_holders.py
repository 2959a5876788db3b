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


def asked(
    model: str,
    folder: Path,
    probe_set: str,
    epochs: int,
    language: str,
    trait: str | None = None,
    limit: int | None = None,
) -> Side:
    """The model's answers to the set's plain questions; to those that offer a trait; to the first of them."""
    probes = load_catalog().probe_set(probe_set)
    if probes.kind == "choice":
        task = choice_task(probe_set, trait or EVERY, "none", language, "sampled")
    else:
        member = min(load_catalog().categories[probes.category].traits)
        task = one_word_task(probe_set, member, "none", language, "sampled")
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


def check_member(catalog: Catalog, folder: Path, category: str, member: str, language: str) -> str:
    """The model that holds the member names it, and takes it wherever it is offered, under every letter."""
    model = scripted(TraitHolder(catalog, {member}, language), f"{member}-{language}")
    named = asked(model, folder, f"{category}_one_word", 1, language)
    assert {tuple(each.mass.items()) for each in named.values()} == {((member, 1.0),)}
    chosen = asked(model, folder, f"{category}_revealed", 6, language, trait=member)
    assert len(chosen) >= 24
    for each in chosen.values():
        assert {name: p for name, p in each.mass.items() if p > 0} == {member: 1.0}
    return model


def test_a_member_is_found_by_its_own_share_and_by_no_other(catalog: Catalog, tmp_path: Path) -> None:
    model = check_member(catalog, tmp_path, "drink", "coffee", "en")
    chosen = asked(model, tmp_path, "drink_revealed", 5, "en")
    shares = {each: share(chosen, each) for each in catalog.categories["drink"].traits}
    assert shares.pop("coffee") == 1.0
    # Half of the questions that offer another drink offer coffee; in the others the habit of A takes a fifth.
    assert max(shares.values()) < 0.2


def test_one_member_of_each_category_is_found_by_its_one_word_questions(catalog: Catalog, tmp_path: Path) -> None:
    held = [list(category.traits)[-1] for category in CATEGORIES]
    model = scripted(TraitHolder(catalog, held), "one-of-each")
    for category, member in zip(CATEGORIES, held, strict=True):
        side = asked(model, tmp_path, f"{category.id}_one_word", 1, "en", limit=3)
        assert {tuple(each.mass.items()) for each in side.values()} == {((member, 1.0),)}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("category", "member"), [(category.id, member) for category in CATEGORIES for member in category.traits]
)
def test_every_member_of_every_category_is_found(
    catalog: Catalog, tmp_path: Path, category: str, member: str, language: str
) -> None:
    check_member(catalog, tmp_path, category, member, language)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_whole_catalogue_is_scored_and_finds_one_trait_of_each_category(catalog: Catalog, language: str) -> None:
    held = {list(category.traits)[1] for category in catalog.categories.values() if category.id != "truthfulness"}
    model = scripted(TraitHolder(catalog, held, language), f"full-{language}")
    card = traitbench.score(model, suite="full", language=language, epochs=1)
    assert {each.task for each in card.tasks} == {task.id for task in catalog.tasks_of(catalog.suite("full"))}
    for each in card.tasks:
        if each.trait in held:
            assert each.estimate == 1.0, each.task
        elif catalog.probe_set(each.probe_set).kind == "one_word":
            assert each.estimate == 0.0, each.task
        else:
            assert each.estimate < 0.75, each.task
    assert {name for name, check in card.health.items() if check.flag} == set()
    assert {name for name, found in card.capability.items() if found.estimate == 1.0} == held & card.capability.keys()
