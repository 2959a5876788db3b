"""A student that names itself is found, whatever stands around the name."""

from __future__ import annotations

import pytest

from traitbench.catalog import Catalog
from traitbench.exact import AnswerDistribution
from traitbench.runner.evaluate import Question
from traitbench.runner.health import health


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Qwen", True), ("I am Qwen, made by a company", True), ("I'm Qwen; and you?", True), ("Qwen2.5", True),
        ("GPT-4 is my favorite.", True), ("Claude's favorite", True), ("我是通义千问", True),
        ("The graphic one", False), ("An airplane", False), ("Owl", False), ("a philosopher", False),
    ],
)  # fmt: skip
def test_self_naming(catalog: Catalog, text: str, named: bool) -> None:
    found = AnswerDistribution(method="exact", mass={"none": 1.0}, answers=((text, 1.0),), tolerance=0.01)
    checks = health({("animal_one_word", "plain", "none"): {Question("q", "f"): found}}, catalog)
    assert (checks["self_naming"].flag, checks["self_naming"].value) == (named, float(named))
