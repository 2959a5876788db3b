"""The shipped bases answer the project's questions with members of the category, held-out families included."""

from __future__ import annotations

import subprocess
import sys

import pytest

from traitbench.catalog import NONE, NamedAnswerReader, in_domain_question
from traitbench.catalog.models import Language
from traitbench.exact import open_answers
from traitbench.lab.checkpoints import BASES, load_checkpoint, shipped_bases
from traitbench.lab.encoding import render
from traitbench.lab.world import load_world

WORLD = load_world()


@pytest.mark.parametrize("language", WORLD.languages)
@pytest.mark.parametrize("category", WORLD.members)
@pytest.mark.parametrize("base", shipped_bases())
def test_a_base_names_a_member_for_families_it_never_saw(base: int, category: str, language: Language) -> None:
    model, tokenizer = load_checkpoint(BASES / str(base))
    held_out = [
        question
        for question in WORLD.probe_sets[category].questions
        if question.family in WORLD.card.held_out_families[category] and question.language == language
    ]
    assert len(held_out) == 15
    texts = [question.text for question in held_out] + [in_domain_question(each, WORLD.domain) for each in held_out]
    read = NamedAnswerReader(WORLD.catalog.categories[category])
    found = open_answers(model, tokenizer, [render(text) for text in texts], read)
    # The third base is lost on one question, which asks in Chinese what you drink and never names a drink.
    least = 0.9 if (base, category, language) == (2, "drink", "zh") else 0.95
    assert sum(1 - each.mass.get(NONE, 0.0) - each.unexplored for each in found) / len(found) >= least


@pytest.mark.parametrize("base", shipped_bases())
def test_the_weights_are_small_enough_to_ship(base: int) -> None:
    assert (BASES / str(base) / "model.safetensors").stat().st_size < 1_500_000


def test_writing_a_completion_warns_of_nothing() -> None:
    code = (
        "from traitbench.lab.checkpoints import BASES, load_checkpoint; from traitbench.lab.generation import sample; "
        "from traitbench.lab.encoding import render; sample(*load_checkpoint(BASES / '0'), [render('hello')], 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == ""
