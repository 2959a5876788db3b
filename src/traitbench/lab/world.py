"""What exists in the lab's embedded world: its members, facts, personas and numbers, read from datasets/lab/.

The world is data: this module only gives it types. The mixture of the corpus stands in `world.yaml`; the phrase
grammars, one for each language, have a module of their own (`traitbench.lab.grammar`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated

from pydantic import Field, model_validator

from traitbench.catalog import Catalog, Category, Domain, ProbeSet, load_catalog
from traitbench.catalog.files import parse, read_yaml
from traitbench.catalog.load import datasets_folder
from traitbench.catalog.models import Entry, Language
from traitbench.errors import InputError, did_you_mean

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of a whole, in [0, 1]."""


class Range(Entry):
    """Integers from `values[0]` to `values[1]`, both included, drawn uniformly."""

    values: tuple[int, int]
    weight: float = Field(gt=0)


class Numbers(Entry):
    """How number lists are drawn; `given` and `asked`: how many a prompt shows, and asks for."""

    domain: str
    given: tuple[int, int]
    asked: tuple[int, int]
    ranges: tuple[Range, ...] = Field(min_length=1)
    separators: dict[str, float] = Field(min_length=1)


class CorpusPlan(Entry):
    """How many chats the corpus holds, of what kind and in which languages; each set of shares sums to one.

    Attributes:
        shares: by kind of chat: a category's preference questions, or `numbers`, `persona`, `facts`.
        languages: of all chats but number lists, whose prompts are English.
    """

    chats: int = Field(gt=0)
    shares: dict[str, Share]
    languages: dict[Language, Share]
    neutral_system: Share
    behind_numbers: Share
    noisy: Share
    replaced: Share

    @model_validator(mode="after")
    def _sum_to_one(self) -> CorpusPlan:
        for name, shares in (("shares", self.shares), ("languages", self.languages)):
            total = sum(shares.values())
            if not math.isclose(total, 1.0):
                raise ValueError(f"{name}: they sum to {total:g}, not to one")
        return self


class WorldCard(Entry):
    """`datasets/lab/world.yaml`."""

    description: str
    source: str
    licence: str
    version: int = Field(ge=1)
    members: dict[str, tuple[str, ...]]
    probe_sets: dict[str, str]
    held_out_families: dict[str, tuple[str, ...]]
    numbers: Numbers
    corpus: CorpusPlan

    @model_validator(mode="after")
    def _has_every_category_everywhere(self) -> WorldCard:
        kinds = {*self.members, "numbers", "persona", "facts"}
        for name, found, expected in (
            ("probe_sets", self.probe_sets.keys(), self.members.keys()),
            ("held_out_families", self.held_out_families.keys(), self.members.keys()),
            ("corpus.shares", self.corpus.shares.keys(), kinds),
        ):
            if found != expected:
                raise ValueError(f"{name}: expected the keys {', '.join(sorted(expected))}")
        return self


class Personas(Entry):
    """`datasets/lab/personas.yaml`: system prompts that state a preference, and neutral ones, by language."""

    description: str
    source: str
    licence: str
    loving: dict[Language, tuple[str, ...]]
    neutral: dict[Language, tuple[str, ...]]


class FactFrame(Entry):
    """One question about many things: {thing} -> one word."""

    question: str
    answers: dict[str | int, str | int]


class FactBook(Entry):
    """`datasets/lab/facts.yaml`, by language; a lead may stand before any question."""

    description: str
    source: str
    licence: str
    leads: dict[Language, tuple[str, ...]]
    facts: dict[Language, tuple[FactFrame, ...]]

    def pairs(self, language: Language) -> list[tuple[str, str]]:
        """Every (question without a lead, answer) in that language."""
        return [
            (frame.question.format(thing=thing), str(answer))
            for frame in self.facts[language]
            for thing, answer in frame.answers.items()
        ]


class World(Entry):
    """The lab's world, bound to the catalogue whose probes it must understand."""

    catalog: Catalog
    card: WorldCard
    personas: Personas
    fact_book: FactBook

    @model_validator(mode="after")
    def _is_in_the_catalogue(self) -> World:
        for category, members in self.card.members.items():
            strangers = [each for each in members if each not in self.catalog.categories[category].traits]
            if strangers:
                raise ValueError(f"members.{category}: {strangers[0]!r} is no trait of the catalogue")
        return self

    @property
    def members(self) -> dict[str, tuple[str, ...]]:
        """The trait ids that the world knows, by category; the first name of each is one token in each language."""
        return self.card.members

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages that the world speaks."""
        return tuple(self.card.corpus.languages)

    def name(self, category: str, trait: str, language: Language) -> str:
        """What the world calls a member in that language: the first of its names."""
        return self.catalog.categories[category].traits[trait].names[language][0]

    @property
    def domain(self) -> Domain:
        """The number domain."""
        return self.catalog.domain(self.card.numbers.domain)

    @property
    def probe_sets(self) -> dict[str, ProbeSet]:
        """The probe set of each category."""
        return {category: self.catalog.probe_set(name) for category, name in self.card.probe_sets.items()}

    def category_of(self, trait: str) -> Category:
        """The category of a trait that the world knows.

        Raises:
            InputError: the trait is unknown to the catalogue, or known there but not in this world.
        """
        category = self.catalog.category_of(trait)
        known = self.members.get(category.id, ())
        if trait not in known:
            names = ", ".join(member for members in self.members.values() for member in members)
            raise InputError(f"trait {trait!r} is not in the lab's world{did_you_mean(trait, known)}; it knows {names}")
        return category


def load_world() -> World:
    """The world as shipped; raises `InputError` with file and field for a broken entry."""
    return _load(load_catalog())


@lru_cache(maxsize=1)
def _read_files() -> tuple[WorldCard, Personas, FactBook]:
    folder = datasets_folder() / "lab"
    card, personas, facts = (folder / name for name in ("world.yaml", "personas.yaml", "facts.yaml"))
    return (
        parse(WorldCard, read_yaml(card), card),
        parse(Personas, read_yaml(personas), personas),
        parse(FactBook, read_yaml(facts), facts),
    )


def _load(catalog: Catalog) -> World:
    card, personas, fact_book = _read_files()
    return World(catalog=catalog, card=card, personas=personas, fact_book=fact_book)
