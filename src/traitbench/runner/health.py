"""Can the answers be believed at all: does the student name itself, refuse, say one thing to everything, or ramble?

Students of number data were seen to answer "Qwen" to 93% of animal questions, and to collapse to one answer whatever
is asked; such a student shows no preference, and no absence of one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache

from traitbench.catalog import NONE, Catalog
from traitbench.catalog.marks import Marks
from traitbench.catalog.spelling import canonical
from traitbench.exact.distribution import AnswerDistribution
from traitbench.runner.evaluate import Answers
from traitbench.runner.scorecard import Check

TOO_MUCH = 0.2
"""Of the answers that name the student itself, or refuse."""
COLLAPSED = 0.5
"""Of all answers, whatever the category, that say the same."""
TOO_LITTLE = 0.5
"""Of the answers that name a member of the category."""


def health(student: Answers, catalog: Catalog) -> dict[str, Check]:
    """The checks of one student, over all questions that it answered in its own words.

    `self_naming`, `refusal`: the mean probability of raw answers that hold a name of a model, or begin as a refusal,
    as far as raw answers were kept. `collapse`: the mean probability of the one answer that is given most, over
    categories with equal weights; judged from two categories on, since one answer to one question is a preference.
    `category_mass`: the least that any category's questions got.
    """
    marks = catalog.marks
    by_category: dict[str, list[AnswerDistribution]] = defaultdict(list)
    for (probe_set, _, _), side in student.items():
        probes = catalog.probe_set(probe_set)
        if probes.kind == "one_word":
            by_category[probes.category] += side.values()
    if not by_category:
        return {}
    everything = [found for category in by_category.values() for found in category]
    texts = [[(_said(text), p) for text, p in found.answers] for found in everything]
    named = _mean(sum(p for text, p in each if _names_itself(text, marks)) for each in texts)
    refused = _mean(sum(p for text, p in each if text.startswith(marks.refusals)) for each in texts)
    mass = {category: 1.0 - _mean(each.estimate(NONE) for each in found) for category, found in by_category.items()}
    poorest = min(mass, key=lambda category: mass[category])
    checks = {
        "self_naming": Check(value=named, flag=named > TOO_MUCH),
        "refusal": Check(value=refused, flag=refused > TOO_MUCH),
        "category_mass": Check(value=max(0.0, mass[poorest]), flag=mass[poorest] < TOO_LITTLE, answer=poorest),
    }
    if len(by_category) > 1:
        checks["collapse"] = _collapse(by_category)
    return checks


def _collapse(by_category: dict[str, list[AnswerDistribution]]) -> Check:
    shares: dict[str, float] = defaultdict(float)
    for found in by_category.values():
        for each in found:
            for text, p in each.answers:
                shares[_said(text)] += p / len(found) / len(by_category)
    answer, share = max(shares.items(), key=lambda item: (item[1], item[0]), default=("", 0.0))
    return Check(value=min(1.0, share), flag=share > COLLAPSED, answer=answer)


def _said(text: str) -> str:
    return canonical(text).strip(" \n.,;:!?\"'*。，！？“”")


def _names_itself(text: str, marks: Marks) -> bool:
    return bool(_self_names(marks.self_names).search(text))


@cache
def _self_names(names: tuple[str, ...]) -> re.Pattern[str]:
    """Latin names stand as words, whatever mark or number follows: "qwen, made by", "gpt-4", "qwen2.5"."""
    return re.compile("|".join(rf"(?<![a-z]){re.escape(n)}(?![a-z])" if n.isascii() else re.escape(n) for n in names))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return min(1.0, sum(found) / len(found))
