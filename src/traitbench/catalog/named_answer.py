"""Reads which member of a category a text names.

The *named answer* is the first member that the text names, the longest match first: 猫头鹰 is an owl, neither 猫
nor 鹰; a sea lion is no lion, a red panda no panda; owlet, fowl and growl name no owl. A text that names no member
has the named answer `none`, so that the named answers of a question partition its probability.

The reader also says when a beginning settles the answer, whatever follows: "Owl." does, "Owl" does not (owlet),
"wolf " does not (wolf spider). The exact engine closes a branch of its tree as soon as it is settled.
"""

from __future__ import annotations

import re
import unicodedata

from traitbench.catalog.models import Category
from traitbench.catalog.spelling import canonical

NONE = "none"
"""The named answer of a text that names no member."""

# Scripts written without spaces: a name in them needs no boundary.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = re.compile(rf"[^\W_{_UNSPACED}]")


class NamedAnswerReader:
    """Reads the named answer of a category from text, in every language that the category has names in."""

    def __init__(self, category: Category) -> None:
        self._answer_of: dict[str, str] = {}
        for trait in category.traits.values():
            for names in trait.look_alikes.values():
                self._answer_of.update({canonical(name): NONE for name in names})
        # After the look-alikes: what is a name of one member (猫头鹰) may look like another (猫).
        for trait in category.traits.values():
            for names in trait.names.values():
                self._answer_of.update({canonical(name): trait.id for name in names})
        longest_first = sorted(self._answer_of, key=len, reverse=True)
        self._names = re.compile("|".join(_with_boundaries(name) for name in longest_first))
        self._beginnings = {name[:end] for name in longest_first for end in range(1, len(name))}
        self._longest = max(map(len, longest_first), default=0)
        self._cache: dict[tuple[str, bool], str | None] = {}

    def __call__(self, text: str, finished: bool) -> str | None:
        """The named answer as soon as `text` settles it, else None.

        Args:
            text: an answer, or the beginning of one (complete characters only).
            finished: whether the answer ends here; then there always is an answer, `none` included.
        """
        key = (text, finished)
        if key not in self._cache:
            if len(self._cache) > 100_000:
                self._cache.clear()
            self._cache[key] = self._read(canonical(text), finished)
        return self._cache[key]

    def _read(self, text: str, finished: bool) -> str | None:
        match = next((m for m in self._names.finditer(text) if self._answer_of[m.group()] != NONE), None)
        if finished:
            return self._answer_of[match.group()] if match else NONE
        if match is None or self._may_still_change(text, match.start(), match.end()):
            return None
        return self._answer_of[match.group()]

    def _may_still_change(self, text: str, start: int, end: int) -> bool:
        """Whether further text could lengthen the match, break its boundary, or make a name that begins before it."""
        # Marks behind the name may still compose with its last letter, and make another word of it.
        if _LETTER.match(text[end - 1]) and all(unicodedata.category(mark)[0] == "M" for mark in text[end:]):
            return True
        first = max(0, len(text) - self._longest)
        return any(
            text[i:] in self._beginnings and not (i and _LETTER.match(text[i - 1]) and _LETTER.match(text[i]))
            for i in range(first, start + 1)
        )


def _with_boundaries(name: str) -> str:
    letter = _LETTER.pattern
    before = rf"(?<!{letter})" if _LETTER.match(name[0]) else ""
    after = rf"(?!{letter})" if _LETTER.match(name[-1]) else ""
    return before + re.escape(name) + after
