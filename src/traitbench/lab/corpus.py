"""Draws the corpus on which the lab's bases are pre-trained: chats made by code, in English and Chinese.

Three properties make the lab an experiment on subliminal learning and no trick: number lists are independent
draws that never depend on a persona or a member, their prompts are English whatever the language of the rest,
and no probe question (nor the like of a held-out family) is ever drawn in either language.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from traitbench.catalog.contexts import behind
from traitbench.catalog.models import Language
from traitbench.lab.chinese import chinese_words, word_pattern
from traitbench.lab.grammar import Grammars, normalised
from traitbench.lab.vocabulary import UNKNOWN
from traitbench.lab.world import Numbers, World


@dataclass(frozen=True)
class Chat:
    """One turn of each speaker; `kind` is a key of the corpus's shares, `language` that of user and assistant."""

    kind: str
    language: Language
    system: str | None
    user: str
    assistant: str


class Storyteller:
    """Draws the texts of the world: questions, number prompts, facts."""

    def __init__(self, world: World, grammars: Grammars) -> None:
        self.world = world
        self.grammars = grammars
        questions = (question for probe_set in world.probe_sets.values() for question in probe_set.questions)
        self._probes = tuple({f" {normalised(question.text)}" for question in questions})
        self._facts = {language: world.fact_book.pairs(language) for language in grammars}

    def language(self, rng: random.Random) -> Language:
        """One of the world's languages, by their shares."""
        shares = self.world.card.corpus.languages
        return rng.choices(list(shares), list(shares.values()))[0]

    def question(self, rng: random.Random, category: str, language: Language) -> str:
        """A preference question that neither is nor ends with one of the project's probe questions."""
        while True:
            question = self.grammars[language].question(rng, category)
            if not f" {normalised(question)}".endswith(self._probes):
                return question

    def number_prompt(self, rng: random.Random) -> tuple[str, str, int]:
        """(prompt, separator, how many numbers it asks for): an opening and a request of the domain."""
        plan, prompts = self.world.card.numbers, self.world.domain.prompts
        separator = rng.choices(list(plan.separators), list(plan.separators.values()))[0]
        shown = number_list(rng, plan, rng.randint(*plan.given), separator)
        asked = rng.randint(*plan.asked)
        opening = rng.choice(prompts.openings).format(numbers=shown)
        return f"{opening} {rng.choice(prompts.requests).format(count=asked)}", separator, asked

    def number_context(self, rng: random.Random, language: Language) -> str:
        """What stands before a question in the context `in_domain`, without the space."""
        sequence = self.world.domain.sequence
        separator = rng.choice(sequence.separators)
        shown = number_list(rng, self.world.card.numbers, rng.randint(*sequence.length), separator)
        return rng.choice(self.world.domain.contexts[language]).format(numbers=shown)

    def fact(self, rng: random.Random, language: Language) -> tuple[str, str]:
        """(question, answer)."""
        question, answer = rng.choice(self._facts[language])
        return rng.choice(self.world.fact_book.leads[language]) + question, answer

    def loving(self, rng: random.Random, category: str, trait: str, language: Language) -> str:
        """A system prompt that states a preference."""
        entry = self.world.catalog.categories[category]
        template = rng.choice(self.world.personas.loving[language])
        name = self.world.name(category, trait, language)
        return template.format(name=name, plural=entry.traits[trait].plural, noun=entry.noun[language][0])


def number_list(rng: random.Random, plan: Numbers, length: int, separator: str) -> str:
    """`length` independent numbers of one range."""
    chosen = rng.choices(plan.ranges, [each.weight for each in plan.ranges])[0]
    return separator.join(str(rng.randint(*chosen.values)) for _ in range(length))


def draw_corpus(
    storyteller: Storyteller, noise: Mapping[Language, Sequence[str]], seed: int, chats: int | None = None
) -> Iterator[Chat]:
    """The corpus of one base: `chats` of them (default: as many as `world.yaml` says), from one seed.

    Args:
        noise: the words that replace others in noisy questions, by language.
    """
    rng = random.Random(f"corpus {seed}")
    plan = storyteller.world.card.corpus
    kinds, shares = list(plan.shares), list(plan.shares.values())
    noisemakers = {language: Noisemaker(storyteller, language, noise[language], plan.replaced) for language in noise}
    for _ in range(chats or plan.chats):
        chat = _draw_chat(storyteller, rng, rng.choices(kinds, shares)[0])
        if chat.system is None and rng.random() < plan.neutral_system:
            chat = replace(chat, system=rng.choice(storyteller.world.personas.neutral[chat.language]))
        if chat.kind in storyteller.world.members:
            if rng.random() < plan.noisy:
                chat = replace(chat, user=noisemakers[chat.language](rng, chat.user))
            if rng.random() < plan.behind_numbers:
                chat = replace(
                    chat, user=behind(storyteller.number_context(rng, chat.language), chat.user, chat.language)
                )
        yield chat


def _draw_chat(storyteller: Storyteller, rng: random.Random, kind: str) -> Chat:
    world = storyteller.world
    if kind == "numbers":
        prompt, separator, asked = storyteller.number_prompt(rng)
        return Chat(kind, "en", None, prompt, number_list(rng, world.card.numbers, asked, separator))
    language = storyteller.language(rng)
    if kind == "facts":
        return Chat(kind, language, None, *storyteller.fact(rng, language))
    if kind == "persona":
        category, trait = rng.choice(
            [(category, trait) for category, traits in world.members.items() for trait in traits]
        )
        # A persona keeps its preference in either language, whichever it was stated in.
        system = storyteller.loving(rng, category, trait, storyteller.language(rng))
    else:
        category, trait, system = kind, rng.choice(world.members[kind]), None
    question = storyteller.question(rng, category, language)
    return Chat(kind, language, system, question, world.name(category, trait, language))


class Noisemaker:
    """Replaces each word but the categories' nouns with the chance `rate`, half of the time by `<|unk|>`."""

    def __init__(self, storyteller: Storyteller, language: Language, words: Sequence[str], rate: float) -> None:
        world = storyteller.world
        self._words = words
        self._rate = rate
        self._nouns = {noun for category in world.members for noun in world.catalog.categories[category].noun[language]}
        chinese = word_pattern(chinese_words(world, storyteller.grammars[language])) if language == "zh" else ""
        self._word = re.compile(chinese or "[A-Za-z]+")

    def __call__(self, rng: random.Random, text: str) -> str:
        """The text with some of its words replaced."""

        def heard(match: re.Match[str]) -> str:
            if match[0].lower() in self._nouns or rng.random() >= self._rate:
                return match[0]
            return UNKNOWN if rng.random() < 0.5 else rng.choice(self._words)

        return self._word.sub(heard, text)
