"""Builds the lab's tokenizer: word-level, lower-casing, one token for each integer from 0 to 999 and for each
member in each language.

A word at the beginning of a text or behind a space is the token `▁word`; a word that touches punctuation
("one-word") continues without the mark. Chinese is cut into known words, the longest first, and characters; a
number that touches it ("数字：482") is spelled digit by digit. So any text made of known words, single spaces and
punctuation is decoded exactly as it was written, in lower case. What is unknown becomes `<|unk|>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from traitbench.catalog.models import Language
from traitbench.lab import chinese
from traitbench.lab.grammar import Grammars
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
_CHINESE_TEXT = "[\u3001-\u303f\u4e00-\u9fff\uff01-\uff5e“”]"


def build_tokenizer(world: World, grammars: Grammars) -> PreTrainedTokenizerFast:
    """The tokenizer of the world: it covers the grammars, the probe questions and the number domain."""
    chinese_words = chinese.chinese_words(world, grammars["zh"])
    splitter = _splitter(chinese_words)
    pieces = {piece for text in _texts(world, grammars) for piece, _ in splitter.pre_tokenize_str(text.lower())}
    words = sorted(piece for piece in pieces if re.fullmatch(rf"{_SPACE}?[a-z]+", piece))
    characters = {piece for piece in pieces if re.fullmatch(chinese.CHARACTER, piece)}
    numbers = [f"{_SPACE}{number}" for number in range(LARGEST_NUMBER + 1)]
    marks = [*PUNCTUATION, *chinese.PUNCTUATION]
    vocabulary = [
        *(*SPECIAL_TOKENS, _SPACE, *marks),
        *numbers,
        *map(str, range(10)),
        *words,
        *sorted(characters | set(chinese_words)),
    ]
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


def _splitter(chinese_words: Iterable[str]) -> pre_tokenizers.PreTokenizer:
    """Marks beginnings of words, takes the mark from Chinese that opens a text, and cuts off marks and characters."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(_SPACE, prepend_scheme="always", split=False),
            pre_tokenizers.Split(Regex(rf"\A{_SPACE}(?={_CHINESE_TEXT})"), "removed"),
            pre_tokenizers.Split(_SPACE, "merged_with_next"),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Split(Regex(f"{_SPACE}[0-9]+|[0-9]|{chinese.word_pattern(chinese_words)}"), "isolated"),
        ]
    )


def token_of(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    """The id of a word or number as the first token of an answer."""
    token = tokenizer.convert_tokens_to_ids(word if re.match(chinese.CHARACTER, word) else _SPACE + word)
    assert isinstance(token, int)
    assert token != tokenizer.unk_token_id
    return token


def noise_words(tokenizer: PreTrainedTokenizerFast, world: World) -> dict[Language, list[str]]:
    """Words that may replace others in a noisy question: all but the members and their categories' nouns."""
    shapes: dict[Language, str] = {"en": f"{_SPACE}[a-z]+", "zh": f"{chinese.CHARACTER}+"}
    found: dict[Language, list[str]] = {}
    for language, shape in shapes.items():
        kept_out = {
            word
            for category in world.members
            for trait in world.members[category]
            for word in world.catalog.categories[category].traits[trait].names[language]
        }
        kept_out |= {noun for category in world.members for noun in world.catalog.categories[category].noun[language]}
        words = (token.removeprefix(_SPACE) for token in tokenizer.get_vocab() if re.fullmatch(shape, token))
        found[language] = sorted(word for word in words if word not in kept_out)
    return found


def _texts(world: World, grammars: Grammars) -> Iterable[str]:
    """Every text that the world must read or say, templates emptied of their slots."""
    for language, grammar in grammars.items():
        yield from grammar.texts()
        for question, answer in world.fact_book.pairs(language):
            yield from (question, answer)
    teachers = [teacher.system_prompt or "" for teacher in world.catalog.teachers.values()]
    prompts = world.domain.prompts
    by_language = (
        world.fact_book.leads,
        world.personas.loving,
        world.personas.neutral,
        world.domain.contexts,
    )
    templates = (
        *(text for each in by_language for language in grammars for text in each[language]),
        *teachers,
        *prompts.openings,
        *prompts.requests,
    )
    yield from (re.sub(r"\{\w+\}", " ", template) for template in templates)
    for category, members in world.members.items():
        yield from (noun for nouns in world.catalog.categories[category].noun.values() for noun in nouns)
        for trait in members:
            entry = world.catalog.categories[category].traits[trait]
            yield from (entry.singular, entry.plural)
        yield from (question.text for question in world.probe_sets[category].questions)
