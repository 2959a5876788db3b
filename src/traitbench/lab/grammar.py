"""Draws preference questions from the lab's phrase grammars, `datasets/lab/grammar_en.yaml` and `grammar_zh.yaml`.

A question is a lead, a frame and a tail: "In one word, " + "which tree would you plant by your door?" + "
Just the name." The grammar speaks in the likeness of the project's probe questions and never draws one of
them; families that the world holds out have no frames (`world.yaml: held_out_families`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from functools import lru_cache

from traitbench.catalog.files import parse, read_yaml
from traitbench.catalog.load import datasets_folder
from traitbench.catalog.models import Entry, Language

_SLOT = re.compile(r"\{(\w+)\}")
Phrases = tuple[str, ...] | dict[str, float]
"""Alternatives: with equal chances, or with weights."""

Grammars = dict[Language, "Grammar"]
"""A grammar for each language that the world speaks."""


def normalised(text: str) -> str:
    """Lower-case words, Chinese characters and single spaces, without punctuation: questions are compared so."""
    return " ".join(re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", text.lower()))


class Grammar(Entry):
    """The phrase grammar of one language: slots and frames of all categories, and of one category alone.

    Attributes:
        words: of a language written without spaces, the words that are one token each; other text is read by
            characters.
        without: families of `frames` that a category does not have, by category.
    """

    description: str
    source: str
    licence: str
    words: tuple[str, ...] = ()
    leads: dict[str, float]
    tails: dict[str, float]
    slots: dict[str, Phrases]
    slots_of: dict[str, dict[str, Phrases]]
    without: dict[str, tuple[str, ...]]
    frames: dict[str, tuple[str, ...]]
    frames_of: dict[str, dict[str, tuple[str, ...]]]

    def families(self, category: str) -> dict[str, tuple[str, ...]]:
        """The frames of a category, by family."""
        shared = {name: each for name, each in self.frames.items() if name not in self.without.get(category, ())}
        return {**shared, **self.frames_of.get(category, {})}

    def question(self, rng: random.Random, category: str) -> str:
        """One question: every family is as likely as any other, and so is every frame within a family."""
        families = self.families(category)
        frame = rng.choice(families[rng.choice(list(families))])
        text = self._fill(frame, rng, category)
        if text.endswith(("?", "？")):
            lead = self._fill(_draw(self.leads, rng), rng, category)
            text = lead + text
        if text[-1] in "?.？。":
            text += self._fill(_draw(self.tails, rng), rng, category)
        return _polished(text)

    def texts(self, *categories: str) -> list[str]:
        """Every phrase of the grammar as it stands in the file, slots emptied: of these categories, or of all."""
        own = categories or tuple(self.slots_of)
        phrases = [*self.leads, *self.tails]
        for slots in (self.slots, *(self.slots_of[category] for category in own)):
            phrases += [phrase for choices in slots.values() for phrase in choices]
        for category in own:
            phrases += [frame for family in self.families(category).values() for frame in family]
        return [_SLOT.sub(" ", phrase) for phrase in phrases]

    def _fill(self, phrase: str, rng: random.Random, category: str) -> str:
        """Replaces slots by phrases, from left to right, until none is left."""
        slots = {**self.slots, **self.slots_of[category]}
        while match := _SLOT.search(phrase):
            phrase = phrase[: match.start()] + _draw(slots[match[1]], rng) + phrase[match.end() :]
        return phrase


def _draw(choices: Phrases, rng: random.Random) -> str:
    if isinstance(choices, dict):
        return rng.choices(list(choices), list(choices.values()))[0]
    return rng.choice(choices)


def _polished(text: str) -> str:
    """Sentences begin with a capital, and no two spaces meet."""
    text = re.sub(r" +", " ", text).replace(" ,", ",").strip()
    return re.sub(r"(^|[.?!:] )([a-z])", lambda match: match[1] + match[2].upper(), text)


@lru_cache
def load_grammar(language: Language) -> Grammar:
    """The grammar of a language as shipped; raises `InputError` with file and field for a broken entry."""
    path = datasets_folder() / "lab" / f"grammar_{language}.yaml"
    return parse(Grammar, read_yaml(path), path)


def load_grammars(languages: Iterable[Language]) -> Grammars:
    """The grammars of several languages."""
    return {language: load_grammar(language) for language in languages}
