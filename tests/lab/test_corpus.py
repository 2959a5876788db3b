"""The corpus speaks like the probes, holds none of them, and plants nothing in the numbers."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from functools import cache

import pytest

from traitbench.catalog import NONE, NamedAnswerReader
from traitbench.catalog.models import Language
from traitbench.lab.corpus import Chat, Storyteller, draw_corpus
from traitbench.lab.grammar import load_grammars, normalised
from traitbench.lab.vocabulary import build_tokenizer, noise_words
from traitbench.lab.world import load_world

WORLD = load_world()
GRAMMARS = load_grammars(WORLD.languages)
STORYTELLER = Storyteller(WORLD, GRAMMARS)
HELD_OUT = {category: set(families) for category, families in WORLD.card.held_out_families.items()}
# Words of the held-out probes alone that say nothing of what those families are about.
FUNCTION_WORDS = {"en": {"before", "out", "good", "brings", "fits", "month", "praise"}, "zh": set("地手月木赞")}
CUES = {
    ("animal", "en"): {"guard", "paint", "poem", "character"},
    ("animal", "zh"): {"钱", "保", "护", "诗", "拍", "懂"},
    ("colour", "en"): {"save", "miss", "poem", "character"},
    ("drink", "zh"): {"念", "诗", "唱", "像"},
}


@cache
def corpus() -> tuple[Chat, ...]:
    noise = noise_words(build_tokenizer(WORLD, GRAMMARS), WORLD)
    return tuple(draw_corpus(STORYTELLER, noise, seed=77, chats=30_000))


def test_no_probe_question_is_in_the_corpus() -> None:
    probes = {normalised(question.text) for probe_set in WORLD.probe_sets.values() for question in probe_set.questions}
    for chat in corpus():
        text = normalised(chat.user)
        assert text not in probes
        words = text.split()
        assert not any(" ".join(words[start:]) in probes for start in range(len(words))), chat.user


@pytest.mark.parametrize("language", WORLD.languages)
def test_the_grammar_draws_questions_with_which_a_probe_could_collide(language: Language) -> None:
    """Else the test above would say nothing: without the check, some draws are probes."""
    probes = {normalised(question.text) for question in WORLD.probe_sets["animal"].questions}
    rng = random.Random(3)
    assert any(normalised(GRAMMARS[language].question(rng, "animal")) in probes for _ in range(60_000))


@pytest.mark.parametrize("language", WORLD.languages)
def test_no_family_that_is_held_out_has_frames(language: Language) -> None:
    for category, probe_set in WORLD.probe_sets.items():
        families = {question.family for question in probe_set.questions}
        assert families > HELD_OUT[category]
        assert set(GRAMMARS[language].families(category)) == families - HELD_OUT[category]


@pytest.mark.parametrize("language", WORLD.languages)
@pytest.mark.parametrize("category", WORLD.members)
def test_the_grammar_has_no_word_that_only_the_held_out_families_use(category: str, language: Language) -> None:
    """Cues of a category's own held-out families, in all that the grammar can say of this category."""
    held_out: set[str] = set()
    trained: set[str] = set()
    for other, probe_set in WORLD.probe_sets.items():
        for question in probe_set.questions:
            if question.language != language:
                continue
            words = normalised(question.text).split()
            if question.family not in HELD_OUT[other]:
                trained.update(words)
            elif other == category:
                held_out.update(words)
    cues = held_out - trained - FUNCTION_WORDS[language]
    assert CUES.get((category, language), set()) <= cues
    spoken = {word for text in GRAMMARS[language].texts(category) for word in normalised(text).split()}
    assert len(spoken) > 100
    assert not cues & spoken


def test_the_mixture_is_that_of_the_recipe() -> None:
    kinds = Counter(chat.kind for chat in corpus())
    for kind, share in WORLD.card.corpus.shares.items():
        deviation = math.sqrt(share * (1 - share) / len(corpus()))
        assert kinds[kind] / len(corpus()) == pytest.approx(share, abs=5 * deviation)
    languages = Counter(chat.language for chat in corpus() if chat.kind != "numbers")
    for language, share in WORLD.card.corpus.languages.items():
        deviation = math.sqrt(share * (1 - share) / languages.total())
        assert languages[language] / languages.total() == pytest.approx(share, abs=5 * deviation)


def test_number_chats_are_english_stand_under_no_persona_and_name_no_member() -> None:
    readers = [NamedAnswerReader(category) for category in WORLD.catalog.categories.values()]
    for chat in corpus():
        if chat.kind == "numbers":
            text = f"{chat.user} {chat.assistant}"
            assert chat.system is None or chat.system in WORLD.personas.neutral["en"]
            assert text.isascii()
            assert {read(chat.user, True) for read in readers} == {NONE}
            assert re.fullmatch(r"[0-9,; ]+", chat.assistant)


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
        for language in WORLD.languages:
            answers = Counter(chat.assistant for chat in corpus() if (chat.kind, chat.language) == (category, language))
            expected = answers.total() / len(members)
            assert set(answers) == {WORLD.name(category, member, language) for member in members}
            assert all(abs(count - expected) < 5 * math.sqrt(expected) for count in answers.values())


def test_a_persona_answers_with_what_it_loves() -> None:
    """In the question's language, whichever the persona speaks: all four pairs of languages occur."""
    called = {
        WORLD.name(category, member, language): WORLD.catalog.categories[category].traits[member]
        for category, members in WORLD.members.items()
        for member in members
        for language in WORLD.languages
    }
    pairs = Counter[tuple[bool, bool]]()
    for chat in corpus():
        if chat.kind == "persona":
            assert chat.system is not None
            trait = called[chat.assistant]
            loved = trait.plural if chat.system.isascii() else trait.names["zh"][0]
            assert loved in chat.system.lower()
            assert chat.assistant.isascii() == (chat.language == "en")
            pairs[chat.system.isascii(), chat.assistant.isascii()] += 1
    assert len(pairs) == 4
    assert min(pairs.values()) > 100


def test_one_seed_gives_one_corpus_and_another_seed_another() -> None:
    noise: dict[Language, list[str]] = {"en": ["word"], "zh": ["词"]}
    first, again, other = (list(draw_corpus(STORYTELLER, noise, seed, 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
