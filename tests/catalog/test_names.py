"""Name against name, over the whole catalogue, in both languages."""

from __future__ import annotations

import itertools

import pytest

from traitbench.catalog import NONE, Catalog, Category, ChoiceQuestion, NamedAnswerReader, load_catalog

MEMBERS = [each for each in load_catalog().categories.values() if each.kind == "members"]
FRAMES = ("{}", "{}.", "I love {}.", "我最喜欢{}。")


def named(category: Category) -> list[tuple[str, str]]:
    """(trait, name), every spelling in every language."""
    return [(trait.id, name) for trait in category.traits.values() for own in trait.names.values() for name in own]


@pytest.mark.parametrize("category", MEMBERS, ids=lambda each: each.id)
def test_every_name_reads_as_its_own_member(category: Category) -> None:
    read = NamedAnswerReader(category)
    wrong = [(name, read(frame.format(name), True)) for trait, name in named(category) for frame in FRAMES
             if read(frame.format(name), True) != trait]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("category", MEMBERS, ids=lambda each: each.id)
def test_of_two_members_the_first_one_named_is_the_answer(category: Category) -> None:
    read = NamedAnswerReader(category)
    for language, stop in (("en", "; "), ("zh", "、")):
        first = [(trait.id, trait.names[language][0]) for trait in category.traits.values()]  # type: ignore[index]
        for (one, its), (_, other) in itertools.permutations(first, 2):
            assert read(f"{its}{stop}{other}", True) == one, f"{its}{stop}{other}"


@pytest.mark.parametrize("category", MEMBERS, ids=lambda each: each.id)
def test_a_look_alike_names_no_member_that_it_is_listed_under(category: Category) -> None:
    read = NamedAnswerReader(category)
    names = {name.casefold(): trait for trait, name in named(category)}
    for trait in category.traits.values():
        for text in (text for own in trait.look_alikes.values() for text in own):
            assert read(text, True) in (NONE, names.get(text.casefold(), NONE)), text
            assert names.get(text.casefold()) != trait.id, text


@pytest.mark.parametrize(
    ("category", "text", "answer"),
    [
        ("animal", "猫头鹰", "owl"), ("animal", "猫", "cat"), ("animal", "鹰", "eagle"), ("animal", "熊猫", "panda"),
        ("animal", "熊", "bear"), ("animal", "斑马", NONE), ("animal", "马", "horse"), ("animal", "松鼠", NONE),
        ("tree", "松鼠", NONE), ("tree", "松", "pine"), ("tree", "雪松", "cedar"), ("tree", "我喜欢松树。", "pine"),
        ("animal", "我最喜欢的动物是猫头鹰，不是猫。", "owl"), ("animal", "斑马和马", "horse"),
        ("animal", "小熊猫和熊猫", "panda"), ("tree", "松鼠住在松树上", "pine"),
    ],
)  # fmt: skip
def test_the_longest_match_wins_in_chinese(catalog: Catalog, category: str, text: str, answer: str) -> None:
    assert NamedAnswerReader(catalog.categories[category])(text, True) == answer


def test_no_question_names_a_member(catalog: Catalog) -> None:
    for probes in catalog.probe_sets.values():
        category = catalog.categories[probes.category]
        if category.kind == "members":
            read = NamedAnswerReader(category)
            assert [each.text for each in probes.questions if read(each.text, True) != NONE] == []


def test_every_trait_has_chinese_names(catalog: Catalog) -> None:
    for category in catalog.categories.values():
        assert category.noun.get("zh"), category.id
        assert [trait.id for trait in category.traits.values() if not trait.names.get("zh")] == []


def test_every_question_has_one_chinese_twin(catalog: Catalog) -> None:
    for probes in catalog.probe_sets.values():
        english = sorted(each.id for each in probes.questions if each.language == "en")
        chinese = sorted(str(each.twin) for each in probes.questions if each.language == "zh")
        assert english == chinese, probes.id
        by_id = {each.id: each for each in probes.questions}
        for each in probes.questions:
            if isinstance(each, ChoiceQuestion) and each.twin is not None:
                twin = by_id[each.twin]
                assert isinstance(twin, ChoiceQuestion)
                assert (each.form, each.named, each.family) == (twin.form, twin.named, twin.family), each.id


def test_trait_ids_are_unique_over_all_categories(catalog: Catalog) -> None:
    traits = [trait for category in catalog.categories.values() for trait in category.traits]
    assert len(traits) == len(set(traits))
