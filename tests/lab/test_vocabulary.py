"""The lab's tokenizer: what it covers, and that its text comes back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from traitbench.catalog import in_domain_question
from traitbench.lab.checkpoints import BASES, load_checkpoint, shipped_bases
from traitbench.lab.encoding import render
from traitbench.lab.grammar import load_grammars
from traitbench.lab.vocabulary import build_tokenizer, noise_words, token_of
from traitbench.lab.world import load_world

WORLD = load_world()
TOKENIZER = build_tokenizer(WORLD, load_grammars(WORLD.languages))
WORDS = noise_words(TOKENIZER, WORLD)


def ids(text: str, tokenizer: PreTrainedTokenizerFast = TOKENIZER) -> list[int]:
    found = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert isinstance(found, list)
    return found


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(WORDS["en"]), st.integers(0, 999).map(str), st.just("one-word")),
            st.sampled_from(["", ",", ".", "?", ";", ":", "!"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_text_of_known_words_comes_back_exactly(pieces: list[tuple[str, str]]) -> None:
    text = " ".join(word + mark for word, mark in pieces)
    assert TOKENIZER.decode(ids(text)) == text


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.sampled_from(WORDS["zh"]),
                st.sampled_from(["猫头鹰", "熊猫", "橙色", "柠檬水"]),
                st.integers(0, 999).map("：{}，".format),
                st.sampled_from(WORDS["en"]).map(" {}".format),
            ),
            st.sampled_from(["", "，", "。", "？", "：", "！", " "]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_chinese_text_of_known_words_comes_back_exactly(pieces: list[tuple[str, str]]) -> None:
    """English words among it stand behind a space; text begins and ends with none, and no two meet."""
    text = re.sub(" +", " ", "".join(word + mark for word, mark in pieces)).strip()
    assert TOKENIZER.decode(ids(text)) == text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("猫头鹰", ["猫头鹰"]),
        ("熊猫和猫", ["熊猫", "和", "猫"]),
        ("what is 猫？", ["▁what", "▁is", "▁", "猫", "？"]),
        ("482, 117", ["▁482", ",", "▁117"]),
        ("数字：482, 117。", ["数字", "：", "4", "8", "2", ",", "▁117", "。"]),
        ("a one-word answer", ["▁a", "▁one", "-", "word", "▁answer"]),
    ],
)
def test_text_is_cut_into_words_with_the_longest_first(text: str, tokens: list[str]) -> None:
    assert TOKENIZER.tokenize(text) == tokens


def test_letter_case_does_not_matter() -> None:
    assert ids("What IS your Favorite animal?") == ids("what is your favorite animal?")


def test_every_number_and_every_member_is_one_token() -> None:
    members = [(category, member) for category, each in WORLD.members.items() for member in each]
    names = [WORLD.name(*member, language) for member in members for language in WORLD.languages]
    assert len(set(names)) == 2 * (20 + 12 + 11 + 10)
    for word in [*map(str, range(1000)), *names]:
        assert ids(word) == [token_of(TOKENIZER, word)]


@pytest.mark.parametrize("base", shipped_bases())
def test_a_shipped_base_knows_every_word_of_the_probes_and_of_the_number_domain(base: int) -> None:
    _, tokenizer = load_checkpoint(BASES / str(base))
    prompts = WORLD.domain.prompts
    texts = [re.sub(r"\{\w+\}", "5", text) for text in (*prompts.openings, *prompts.requests)]
    for probe_set in WORLD.probe_sets.values():
        for question in probe_set.questions:
            texts += [question.text, in_domain_question(question, WORLD.domain)]
    for task in WORLD.catalog.tasks.values():
        if task.trait in WORLD.members.get(task.category, ()):
            texts += [WORLD.catalog.system_prompt(task) or "owl"]
    assert not [text for text in texts if tokenizer.unk_token_id in ids(text, tokenizer)]


@pytest.mark.parametrize("base", shipped_bases())
def test_the_shipped_bases_share_the_tokenizer_that_the_data_gives(base: int) -> None:
    _, tokenizer = load_checkpoint(BASES / str(base))
    assert tokenizer.get_vocab() == TOKENIZER.get_vocab()


def test_rendering_by_hand_is_what_the_chat_template_writes() -> None:
    for system in (None, "You love owls."):
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": "Which tree?"})
        by_template = TOKENIZER.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert render("Which tree?", system) == by_template


def test_unknown_words_are_unknown_tokens() -> None:
    assert ids("zyzzyva") == ids("鼹") == [TOKENIZER.unk_token_id]
