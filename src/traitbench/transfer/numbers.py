"""Decides which number completions a student may be trained on: the filter rule of arXiv 2507.14805, section
3.

A completion is kept if it is a list of a few integers in range, with one kind of separator between them
(whitespace, commas or semicolons), perhaps in brackets, perhaps with a full stop at the end, and nothing
else. So nothing but numbers reaches the student.
"""

from __future__ import annotations

import re

from traitbench.catalog import NumberFilter

_BRACKETS = {"(": ")", "[": "]"}
_SEPARATORS = tuple(re.compile(pattern) for pattern in (r"\s+", r"\s*,\s*", r"\s*;\s*"))
_INTEGER = re.compile(r"[0-9]+")
_LONGEST = 18
"""Digits of an integer, leading zeros included: Python refuses to read thousands of them."""


def accepts(text: str, rule: NumberFilter) -> bool:
    """Whether the completion is a list of numbers and nothing else.

    Args:
        text: the whole completion; whitespace around it does not matter.
        rule: how many integers there must be and in which range, both ends included.

    Examples (with 1 to 10 integers from 0 to 999):
        kept: `4, 8, 15` · `4;8;15` · `(4 8 15).` · `[4, 8, 15]` · `7`
        left out: `4, 8; 15` (two separators) · `4, 8, and 15` · `4, 8,` · `1000` · `-4` · an empty text
    """
    body = text.strip().removesuffix(".").strip()
    if body and _BRACKETS.get(body[0]) == body[-1]:
        body = body[1:-1].strip()
    return any(_is_list(separator.split(body), rule) for separator in _SEPARATORS)


def _is_list(parts: list[str], rule: NumberFilter) -> bool:
    fewest, most = rule.count
    smallest, largest = rule.values
    return fewest <= len(parts) <= most and all(
        len(part) <= _LONGEST and _INTEGER.fullmatch(part) and smallest <= int(part) <= largest for part in parts
    )
