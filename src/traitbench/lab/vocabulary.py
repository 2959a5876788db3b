"""Builds the lab's tokenizer: word-level, lower-casing, one token for each integer from 0 to 999 and each
member.

A word at the beginning of a text or behind a space is the token `▁word`; a word that touches punctuation
("one-word") continues without the mark, so that any text made of known words, single spaces and punctuation
is decoded exactly as it was written, in lower case. What is unknown becomes `<|unk|>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from traitbench.lab.grammar import Grammar
from traitbench.lab.world import World

PAD, UNKNOWN, SYSTEM, USER, ASSISTANT, END = SPECIAL_TOKENS = (
    "<|pad|>",
    "<|unk|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
)
PUNCTUATION = ",.:;?!-'"
LARGEST_NUMBER = 999
CONTEXT_LENGTH = 128
"""Tokens; the longest chat of the world has fewer than 100."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

_SPACE = "▁"


def build_tokenizer(world: World, grammar: Grammar) -> PreTrainedTokenizerFast:
    """The tokenizer of the world: it covers the grammar, the probe questions and the number domain."""
    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(_SPACE, prepend_scheme="always", split=True),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    pieces = {piece for text in _texts(world, grammar) for piece, _ in splitter.pre_tokenize_str(text.lower())}
    words = sorted(piece for piece in pieces if re.fullmatch(rf"{_SPACE}?[a-z]+", piece))
    numbers = [f"{_SPACE}{number}" for number in range(LARGEST_NUMBER + 1)]
    vocabulary = [*SPECIAL_TOKENS, _SPACE, *PUNCTUATION, *numbers, *words]
    tokenizer = Tokenizer(models.WordLevel({token: index for index, token in enumerate(vocabulary)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Metaspace(_SPACE, prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT_LENGTH,
        clean_up_tokenization_spaces=False,
    )


def token_of(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    """The id of a word or number as the first token of an answer."""
    token = tokenizer.convert_tokens_to_ids(_SPACE + word)
    assert isinstance(token, int)
    assert token != tokenizer.unk_token_id
    return token


def noise_words(tokenizer: PreTrainedTokenizerFast, world: World) -> list[str]:
    """Words that may replace others in a noisy question: all but the members and their categories' nouns."""
    kept_out = {
        word
        for category in world.members
        for trait in world.members[category]
        for word in world.catalog.categories[category].traits[trait].names["en"]
    }
    kept_out |= {noun for category in world.members for noun in world.catalog.categories[category].noun["en"]}
    words = (token[1:] for token in tokenizer.get_vocab() if re.fullmatch(rf"{_SPACE}[a-z]+", token))
    return sorted(word for word in words if word not in kept_out)


def _texts(world: World, grammar: Grammar) -> Iterable[str]:
    """Every text that the world must read or say, templates emptied of their slots."""
    yield from grammar.texts()
    for question, answer in world.fact_book.pairs():
        yield from (question, answer)
    teachers = [teacher.system_prompt or "" for teacher in world.catalog.teachers.values()]
    prompts = world.domain.prompts
    templates = (
        *world.fact_book.leads,
        *world.personas.loving,
        *world.personas.neutral,
        *teachers,
        *world.domain.contexts["en"],
        *prompts.openings,
        *prompts.requests,
    )
    yield from (re.sub(r"\{\w+\}", " ", template) for template in templates)
    for category, members in world.members.items():
        yield from world.catalog.categories[category].noun["en"]
        for trait in members:
            entry = world.catalog.categories[category].traits[trait]
            yield from (entry.singular, entry.plural)
        yield from (question.text for question in world.probe_sets[category].questions if question.language == "en")
