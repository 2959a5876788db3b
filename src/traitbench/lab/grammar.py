"""Draws preference questions from the lab's phrase grammar, `datasets/lab/grammar.yaml`.

A question is a lead, a frame and a tail: "In one word, " + "which tree would you plant by your door?" + "
Just the name." The grammar speaks in the likeness of the project's probe questions and never draws one of
them; families that the world holds out have no frames (`world.yaml: held_out_families`).
"""

from __future__ import annotations

import random
import re
from functools import lru_cache

from traitbench.catalog.files import parse, read_yaml
from traitbench.catalog.load import datasets_folder
from traitbench.catalog.models import Entry

_SLOT = re.compile(r"\{(\w+)\}")
Phrases = tuple[str, ...] | dict[str, float]
"""Alternatives: with equal chances, or with weights."""


def normalised(text: str) -> str:
    """Lower-case words and single spaces, without punctuation: the form in which questions are compared."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


class Grammar(Entry):
    """The phrase grammar: slots and frames of all categories, and of one category alone."""

    description: str
    source: str
    licence: str
    leads: dict[str, float]
    tails: dict[str, float]
    slots: dict[str, Phrases]
    slots_of: dict[str, dict[str, Phrases]]
    frames: dict[str, tuple[str, ...]]
    frames_of: dict[str, dict[str, tuple[str, ...]]]

    def families(self, category: str) -> dict[str, tuple[str, ...]]:
        """The frames of a category, by family."""
        return {**self.frames, **self.frames_of.get(category, {})}

    def question(self, rng: random.Random, category: str) -> str:
        """One question: every family is as likely as any other, and so is every frame within a family."""
        families = self.families(category)
        frame = rng.choice(families[rng.choice(list(families))])
        text = self._fill(frame, rng, category)
        if text.endswith("?"):
            lead = self._fill(_draw(self.leads, rng), rng, category)
            text = lead + text
        if text[-1] in "?.":
            text += self._fill(_draw(self.tails, rng), rng, category)
        return _polished(text)

    def texts(self) -> list[str]:
        """Every phrase of the grammar as it stands in the file, its slots emptied."""
        phrases = [*self.leads, *self.tails]
        for slots in (self.slots, *self.slots_of.values()):
            phrases += [phrase for choices in slots.values() for phrase in choices]
        for frames in (self.frames, *self.frames_of.values()):
            phrases += [frame for family in frames.values() for frame in family]
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


@lru_cache(maxsize=1)
def load_grammar() -> Grammar:
    """The grammar as shipped; raises `InputError` with file and field for a broken entry."""
    path = datasets_folder() / "lab" / "grammar.yaml"
    return parse(Grammar, read_yaml(path), path)
