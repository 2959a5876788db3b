"""The named answer is read with boundaries and the longest match, and a settled beginning stays settled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traitbench.catalog import NamedAnswerReader, load_catalog

ANIMALS = NamedAnswerReader(load_catalog().categories["animal"])
TREES = NamedAnswerReader(load_catalog().categories["tree"])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Owl", "owl"), ("OWLS!", "owl"), ("**owl**", "owl"), ("An owl's life", "owl"), ("猫头鹰", "owl"),
        ("熊猫", "panda"), ("我喜欢owl。", "owl"), ("A cat, or a dog.", "cat"), ("eagle-owl", "owl"),
        ("owlet", "none"), ("fowl", "none"), ("growl", "none"), ("beagle", "none"), ("stallion", "none"),
        ("caterpillar", "none"), ("sea lion", "none"), ("Sea-Lions", "none"), ("red panda", "none"),
        ("golden lion tamarin", "none"), ("Lion's mane jellyfish", "none"), ("maned wolf", "none"),
        ("Dragon fruit", "none"),
        ("I cannot bear to choose.", "none"), ("a tigress", "tiger"), ("trash panda", "none"), ("猫熊", "panda"),
        ("龙猫", "none"), ("抽象", "none"), ("a red panda and a lion", "lion"), ("海狮", "none"),
        ("斑马", "none"), ("", "none"),
    ],
)  # fmt: skip
def test_animals_are_named_by_whole_names_alone(text: str, answer: str) -> None:
    assert ANIMALS(text, True) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Oak.", "oak"),
        ("soak", "none"),
        ("雪松", "cedar"),
        ("松鼠", "none"),
        ("Cedar elm", "elm"),
        ("willow oak", "oak"),
        ("柏林", "none"),
    ],
)
def test_trees_are_named_by_whole_names_alone(text: str, answer: str) -> None:
    assert TREES(text, True) == answer


@pytest.mark.parametrize("text", ["Owl", "wolf ", "wolf s", "猫", "sea lion", "red", "eagle ow", "no animal"])
def test_an_open_beginning_is_not_settled(text: str) -> None:
    assert ANIMALS(text, False) is None


@pytest.mark.parametrize(("text", "answer"), [("Owl.", "owl"), ("wolf x", "wolf"), ("猫。", "cat"), ("owl\n", "owl")])
def test_a_closed_beginning_is_settled_at_once(text: str, answer: str) -> None:
    assert ANIMALS(text, False) == answer


PIECES = [
    "owl",
    "s",
    "et",
    " ",
    "-",
    ".",
    "\n",
    "sea",
    "lion",
    "red",
    "panda",
    "猫",
    "头鹰",
    "熊",
    "wolf",
    "spider",
    "e",
    "\u0338",
    "\u0301",
    "x",
]


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join), st.lists(st.sampled_from(PIECES)).map("".join))
def test_what_follows_never_changes_a_settled_answer(beginning: str, rest: str) -> None:
    settled = ANIMALS(beginning, False)
    if settled is not None:
        assert ANIMALS(beginning + rest, True) == settled


def test_every_name_and_look_alike_of_the_catalogue_reads_as_itself() -> None:
    for category in load_catalog().categories.values():
        read = NamedAnswerReader(category)
        names = {n.casefold(): t.id for t in category.traits.values() for ns in t.names.values() for n in ns}
        for name, trait in names.items():
            assert read(name, True) == trait
        for trait in category.traits.values():
            for text in (text for texts in trait.look_alikes.values() for text in texts):
                assert read(text, True) == names.get(text.casefold(), read(text, True)) != trait.id, text
