"""The corpus speaks like the probes, holds none of them, and plants nothing in the numbers."""

from __future__ import annotations

import math
import random
from collections import Counter
from functools import cache

import pytest

from traitbench.lab.corpus import Chat, Storyteller, draw_corpus
from traitbench.lab.grammar import load_grammar, normalised
from traitbench.lab.vocabulary import build_tokenizer, noise_words
from traitbench.lab.world import load_world

WORLD = load_world()
GRAMMAR = load_grammar()
STORYTELLER = Storyteller(WORLD, GRAMMAR)
HELD_OUT = set(WORLD.card.held_out_families)
# Words of the held-out probes alone that say nothing of what those families are about.
FUNCTION_WORDS = {"before", "out"}


@cache
def corpus() -> tuple[Chat, ...]:
    noise = noise_words(build_tokenizer(WORLD, GRAMMAR), WORLD)
    return tuple(draw_corpus(STORYTELLER, noise, seed=77, chats=30_000))


def test_no_probe_question_is_in_the_corpus() -> None:
    probes = {normalised(question.text) for probe_set in WORLD.probe_sets.values() for question in probe_set.questions}
    for chat in corpus():
        text = normalised(chat.user)
        assert text not in probes
        assert not any(text.endswith(f" {probe}") for probe in probes), chat.user


def test_the_grammar_draws_questions_with_which_a_probe_could_collide() -> None:
    """Else the test above would say nothing: without the check, some draws are probes."""
    probes = {normalised(question.text) for question in WORLD.probe_sets["animal"].questions}
    rng = random.Random(3)
    assert any(normalised(GRAMMAR.question(rng, "animal")) in probes for _ in range(60_000))


def test_no_family_that_is_held_out_has_frames() -> None:
    for category, probe_set in WORLD.probe_sets.items():
        families = {question.family for question in probe_set.questions}
        assert families > HELD_OUT
        assert set(GRAMMAR.families(category)) == families - HELD_OUT


def test_the_grammar_has_no_word_that_only_the_held_out_families_use() -> None:
    held_out: set[str] = set()
    trained: set[str] = set()
    for probe_set in WORLD.probe_sets.values():
        for question in probe_set.questions:
            words = normalised(question.text).split()
            (held_out if question.family in HELD_OUT else trained).update(words)
    cues = held_out - trained - FUNCTION_WORDS
    assert {"guard", "paint", "poem", "character"} <= cues
    spoken = {word for text in GRAMMAR.texts() for word in normalised(text).split()}
    assert not cues & spoken


def test_the_mixture_is_that_of_the_recipe() -> None:
    kinds = Counter(chat.kind for chat in corpus())
    for kind, share in WORLD.card.corpus.shares.model_dump().items():
        deviation = math.sqrt(share * (1 - share) / len(corpus()))
        assert kinds[kind] / len(corpus()) == pytest.approx(share, abs=5 * deviation)


def test_number_completions_never_stand_under_a_persona_and_name_no_member() -> None:
    members = {member for each in WORLD.members.values() for member in each}
    plurals = {
        WORLD.catalog.categories[category].traits[trait].plural
        for category in WORLD.members
        for trait in WORLD.members[category]
    }
    for chat in corpus():
        if chat.kind == "numbers":
            assert chat.system is None or chat.system in WORLD.personas.neutral
            words = set(normalised(f"{chat.user} {chat.assistant}").split())
            assert not words & (members | plurals)


@pytest.mark.parametrize("what", ["system", "opening"])
def test_number_completions_do_not_depend_on_what_stands_before_them(what: str) -> None:
    """A chi-square test of the completions' hundreds against the system prompt, and against the opening."""
    table: dict[str, Counter[int]] = {}
    for chat in corpus():
        if chat.kind == "numbers":
            key = str(chat.system) if what == "system" else chat.user.split(",")[0].split(";")[0].rstrip("0123456789 ")
            # One number of each list: those of one list share their range.
            table.setdefault(key, Counter())[int(normalised(chat.assistant).split()[0]) // 100] += 1
    rows = [counts for counts in table.values() if counts.total() > 100]
    total = sum(rows, Counter[int]())
    statistic = sum(
        (counts[digit] - expected) ** 2 / expected
        for counts in rows
        for digit in total
        for expected in [counts.total() * total[digit] / total.total()]
    )
    freedom = (len(rows) - 1) * (len(total) - 1)
    assert len(rows) > 3
    assert statistic < freedom + 5 * math.sqrt(2 * freedom)


def test_answers_to_preference_questions_are_flat() -> None:
    for category, members in WORLD.members.items():
        answers = Counter(chat.assistant for chat in corpus() if chat.kind == category)
        expected = answers.total() / len(members)
        assert set(answers) == set(members)
        assert all(abs(count - expected) < 5 * math.sqrt(expected) for count in answers.values())


def test_a_persona_answers_with_what_it_loves() -> None:
    for chat in corpus():
        if chat.kind == "persona":
            assert chat.system is not None
            trait = WORLD.category_of(chat.assistant).traits[chat.assistant]
            assert trait.plural in chat.system.lower()


def test_one_seed_gives_one_corpus_and_another_seed_another() -> None:
    first, again, other = (list(draw_corpus(STORYTELLER, ["word"], seed, 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
