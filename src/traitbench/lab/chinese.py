"""Cuts Chinese text into tokens: the words that the world knows, the longest first, and else single characters.

Chinese is written without spaces, so the tokenizer and the corpus's noise need one rule for where a word ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from traitbench.lab.grammar import Grammar
from traitbench.lab.world import World

CHARACTER = "[\u4e00-\u9fff]"
PUNCTUATION = "，。？！：；、“”《》（）"
"""What may stand in the world's Chinese; each mark is one token."""


def chinese_words(world: World, grammar: Grammar) -> list[str]:
    """The words that are one token each: members, nouns of categories, answers to facts, and the grammar's list."""
    words = set(grammar.words)
    words |= {answer for _, answer in world.fact_book.pairs("zh")}
    for category, members in world.members.items():
        words.update(world.catalog.categories[category].noun["zh"])
        words |= {world.name(category, trait, "zh") for trait in members}
    return sorted(word for word in words if re.fullmatch(f"{CHARACTER}+", word))


def word_pattern(words: Iterable[str]) -> str:
    """A regular expression that matches the word at a place, 猫头鹰 before 猫, or else one character."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return "|".join([*longest_first, CHARACTER])
