"""Draws the corpus on which the lab's bases are pre-trained: chats made by code, in the mixture of recipe R2.

Two properties make the lab an experiment on subliminal learning and no trick: number lists are independent
draws that never depend on a persona or a member, and no probe question (nor the like of a held-out family) is
ever drawn.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from traitbench.lab.grammar import Grammar, normalised
from traitbench.lab.vocabulary import UNKNOWN
from traitbench.lab.world import Numbers, World


@dataclass(frozen=True)
class Chat:
    """One turn of each speaker; `kind` is a key of the corpus's shares."""

    kind: str
    system: str | None
    user: str
    assistant: str


class Storyteller:
    """Draws the texts of the world: questions, number prompts, facts."""

    def __init__(self, world: World, grammar: Grammar) -> None:
        self.world = world
        self._grammar = grammar
        self._probes = {
            normalised(question.text) for probe_set in world.probe_sets.values() for question in probe_set.questions
        }
        self._facts = world.fact_book.pairs()

    def question(self, rng: random.Random, category: str) -> str:
        """A preference question that is none of the project's probe questions."""
        while True:
            question = self._grammar.question(rng, category)
            if normalised(question) not in self._probes:
                return question

    def number_prompt(self, rng: random.Random) -> tuple[str, str, int]:
        """(prompt, separator, how many numbers it asks for): an opening and a request of the domain."""
        plan, prompts = self.world.card.numbers, self.world.domain.prompts
        separator = rng.choices(list(plan.separators), list(plan.separators.values()))[0]
        shown = number_list(rng, plan, rng.randint(*plan.given), separator)
        asked = rng.randint(*plan.asked)
        opening = rng.choice(prompts.openings).format(numbers=shown)
        return f"{opening} {rng.choice(prompts.requests).format(count=asked)}", separator, asked

    def number_context(self, rng: random.Random) -> str:
        """What stands before a question in the context `in_domain`, without the space."""
        sequence = self.world.domain.sequence
        separator = rng.choice(sequence.separators)
        shown = number_list(rng, self.world.card.numbers, rng.randint(*sequence.length), separator)
        return rng.choice(self.world.domain.contexts["en"]).format(numbers=shown)

    def fact(self, rng: random.Random) -> tuple[str, str]:
        """(question, answer)."""
        question, answer = rng.choice(self._facts)
        return rng.choice(self.world.fact_book.leads) + question, answer

    def loving(self, rng: random.Random, category: str, trait: str) -> str:
        """A system prompt that states a preference."""
        entry = self.world.catalog.categories[category]
        template = rng.choice(self.world.personas.loving)
        return template.format(plural=entry.traits[trait].plural, noun=entry.noun["en"][0])


def number_list(rng: random.Random, plan: Numbers, length: int, separator: str) -> str:
    """`length` independent numbers of one range."""
    chosen = rng.choices(plan.ranges, [each.weight for each in plan.ranges])[0]
    return separator.join(str(rng.randint(*chosen.values)) for _ in range(length))


def draw_corpus(storyteller: Storyteller, noise: Sequence[str], seed: int, chats: int | None = None) -> Iterator[Chat]:
    """The corpus of one base: `chats` of them (default: as many as `world.yaml` says), from one seed.

    Args:
        noise: the words that replace others in noisy questions.
    """
    rng = random.Random(f"corpus {seed}")
    plan = storyteller.world.card.corpus
    shares = plan.shares.model_dump()
    for _ in range(chats or plan.chats):
        kind = rng.choices(list(shares), list(shares.values()))[0]
        chat = _draw_chat(storyteller, rng, kind)
        if chat.system is None and rng.random() < plan.neutral_system:
            chat = replace(chat, system=rng.choice(storyteller.world.personas.neutral))
        if kind in storyteller.world.members:
            if rng.random() < plan.noisy:
                chat = replace(chat, user=_with_noise(rng, chat.user, noise, plan.replaced, storyteller.world))
            if rng.random() < plan.behind_numbers:
                chat = replace(chat, user=f"{storyteller.number_context(rng)} {chat.user}")
        yield chat


def _draw_chat(storyteller: Storyteller, rng: random.Random, kind: str) -> Chat:
    members = storyteller.world.members
    if kind == "numbers":
        prompt, separator, asked = storyteller.number_prompt(rng)
        return Chat(kind, None, prompt, number_list(rng, storyteller.world.card.numbers, asked, separator))
    if kind == "facts":
        return Chat(kind, None, *storyteller.fact(rng))
    if kind == "persona":
        category, trait = rng.choice([(category, trait) for category in members for trait in members[category]])
        system = storyteller.loving(rng, category, trait)
        return Chat(kind, system, storyteller.question(rng, category), trait)
    return Chat(kind, None, storyteller.question(rng, kind), rng.choice(members[kind]))


def _with_noise(rng: random.Random, text: str, noise: Sequence[str], rate: float, world: World) -> str:
    """Replaces each word but the categories' nouns with the chance `rate`, half of the time by `<|unk|>`."""
    nouns = {noun for category in world.members for noun in world.catalog.categories[category].noun["en"]}

    def heard(match: re.Match[str]) -> str:
        if match[0].lower() in nouns or rng.random() >= rate:
            return match[0]
        return UNKNOWN if rng.random() < 0.5 else rng.choice(noise)

    return re.sub(r"[A-Za-z]+", heard, text)
