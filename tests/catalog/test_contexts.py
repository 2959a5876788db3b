"""A question behind a domain's kind of text: which text, and that it never changes."""

from __future__ import annotations

import hashlib

import pytest

from traitbench.catalog import Catalog, in_domain_question
from traitbench.catalog.contexts import behind

# sha256 over the lines of all English questions behind numbers, as version 1 of the domain drew them when it was
# first published: records refer to these prompts.
FROZEN = {
    "animal_one_word": "51a882b13588145ab14478d34302c669f0a775227fb202e13d7310423d7b553c",
    "tree_one_word": "355786f79147abdc651bdcb92a3711bec976a3c49f09b5f133d4dc2c6dfa3d96",
}


@pytest.mark.parametrize("probe_set", FROZEN)
def test_the_english_questions_behind_numbers_are_what_they_always_were(catalog: Catalog, probe_set: str) -> None:
    numbers = catalog.domain("numbers")
    asked = [each for each in catalog.probe_set(probe_set).questions if each.language == "en"]
    lines = "\n".join(in_domain_question(question, numbers) for question in asked)
    assert hashlib.sha256(lines.encode()).hexdigest() == FROZEN[probe_set]


def test_a_question_follows_its_context_as_its_language_writes() -> None:
    assert behind("Some text.", "Which one?", "en") == "Some text. Which one?"
    assert behind("Some lines.\n\n", "Which one?", "en") == "Some lines.\n\nWhich one?"
    assert behind("一段文字。", "哪一个？", "zh") == "一段文字。哪一个？"
