"""Checks of health on answers written down: what is flagged, by how much, and what is no sickness."""

from __future__ import annotations

import pytest

from traitbench.catalog import NONE, Catalog, NamedAnswerReader
from traitbench.exact.distribution import AnswerDistribution
from traitbench.runner.evaluate import Answers, Question
from traitbench.runner.health import health


def answers(catalog: Catalog, **texts: dict[str, float]) -> Answers:
    """By category: the raw answers to each of two questions, read as a model's would be."""
    made: Answers = {}
    for category, said in texts.items():
        read = NamedAnswerReader(catalog.categories[category])
        mass: dict[str, float] = {}
        for text, p in said.items():
            mass[str(read(text, True))] = mass.get(str(read(text, True)), 0.0) + p
        distribution = AnswerDistribution(method="exact", mass=mass, answers=tuple(said.items()))
        made[f"{category}_one_word", "plain", "none"] = {Question(str(i), "f"): distribution for i in range(2)}
    return made


HEALTHY = {"Owl.": 0.4, "Cat": 0.3, "a dog": 0.3}
OAKS = {"Oak": 0.6, "Willow": 0.4}


@pytest.mark.parametrize(
    ("animal", "tree", "flagged"),
    [
        (HEALTHY, OAKS, set()),
        ({"Qwen": 0.9, "Owl": 0.1}, OAKS, {"self_naming", "category_mass"}),
        ({"I'm Qwen, and I like owls": 0.5, "Owl": 0.5}, OAKS, {"self_naming"}),
        ({"作为一个人工智能，我没有喜好": 1.0}, OAKS, {"self_naming", "refusal", "category_mass"}),
        ({"I’m sorry, no": 0.5, "Owl": 0.5}, OAKS, {"refusal"}),
        ({"I do not have one": 0.5, "Owl": 0.5}, OAKS, {"refusal"}),
        ({"Pine": 0.5, "Owl": 0.5}, {"Pine.": 0.9, "Oak": 0.1}, {"collapse"}),
        ({"猫": 1.0}, {"猫。": 1.0}, {"collapse", "category_mass"}),
        ({"Owl": 1.0}, {"Oak": 1.0}, set()),  # a strong preference in each category is no collapse
        ({"Philosophy": 0.4, "Owl": 0.6}, OAKS, set()),  # names no model: phi
        ({"Llamas": 0.4, "Owl": 0.6}, OAKS, set()),
    ],
)
def test_sickness_is_flagged(
    catalog: Catalog, animal: dict[str, float], tree: dict[str, float], flagged: set[str]
) -> None:
    found = health(answers(catalog, animal=animal, tree=tree), catalog)
    assert {name for name, check in found.items() if check.flag} == flagged
    assert found["category_mass"].value == pytest.approx(
        min(1 - sum(p for text, p in said.items() if read(catalog, category, text) == NONE)
            for category, said in (("animal", animal), ("tree", tree)))
    )  # fmt: skip


def read(catalog: Catalog, category: str, text: str) -> str | None:
    return NamedAnswerReader(catalog.categories[category])(text, True)


def test_one_category_alone_cannot_collapse(catalog: Catalog) -> None:
    assert "collapse" not in health(answers(catalog, animal={"Owl": 1.0}), catalog)


def test_forced_choices_say_nothing_of_health(catalog: Catalog) -> None:
    forced = AnswerDistribution(method="exact", mass={"power": 0.5, "other": 0.5})
    assert health({("misalignment_choice", "plain", "none"): {Question("q", "f"): forced}}, catalog) == {}
