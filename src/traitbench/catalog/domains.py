"""What a data domain holds: the teacher's prompts, the text that puts a probe in its context, what may be kept.

A domain is one file of `datasets/domains/`. Its filter is named by `rule`; a further domain of a rule that is here is
one file and no code. The rules themselves are carried out in `traitbench.transfer.filters`.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from traitbench.catalog.models import Entry, Identifier, Language
from traitbench.errors import InputError

Text = Annotated[str, Field(min_length=1)]

_DRAWN = ("numbers", "count", "item", "tools")
"""Placeholders that are drawn otherwise than from a slot."""


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"{value[0]} to {value[1]}: the smaller end stands first")
    return value


class Sequence(Entry):
    """How a number sequence is drawn; both ends of a range are included."""

    length: tuple[int, int]
    values: tuple[int, int]
    separators: tuple[str, ...] = Field(min_length=1)

    _ends = field_validator("length", "values")(_ordered)


class PromptItem(Entry):
    """One piece of the domain's bank: a task, a problem, a sentence, a passage.

    Attributes:
        text: what {item} stands for.
        answer: the right answer, a number; for the rule `worked_answer`.
        tools: the tools that may be called; for the rule `tool_calls`.
    """

    text: Text
    answer: str | None = None
    tools: tuple[Identifier, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _may_be_text_alone(cls, data: Any) -> Any:
        return {"text": data} if isinstance(data, str) else data

    @field_validator("answer", mode="before")
    @classmethod
    def _is_a_number(cls, value: Any) -> Any:
        try:
            return value if value is None else str(Decimal(str(value)))
        except InvalidOperation:
            raise ValueError(f"{value!r} is no number") from None


class Prompts(Entry):
    """The teacher's prompts: an opening and a request, joined by a space.

    They hold {numbers} (a drawn sequence), {count} (how many are asked for, from `counts`), {item} (a piece of
    `items`), {tools} (the item's tools, one a line, with what they do), and the domain's slots.
    """

    openings: tuple[Text, ...] = Field(min_length=1)
    requests: tuple[Text, ...] = Field(min_length=1)
    counts: tuple[int, int] | None = None
    items: tuple[PromptItem, ...] = ()
    tools: dict[Identifier, str] = Field(default={}, description="What each tool does; items name theirs.")

    @model_validator(mode="after")
    def _items_are_distinct_and_name_tools_that_are_there(self) -> Prompts:
        seen: set[str] = set()
        for item in self.items:
            if item.text in seen:
                raise ValueError(f"the item {item.text!r} is there twice")
            seen.add(item.text)
            strangers = set(item.tools) - set(self.tools)
            if strangers:
                raise ValueError(f"the item {item.text!r} names {min(strangers)!r}, which is not among the tools")
        return self


class NumberFilter(Entry):
    """A list of integers and nothing else: how many, in which range (arXiv 2507.14805, section 3).

    `banned` holds, by category, integers that say something by themselves (666 of ill will).
    """

    rule: Literal["number_list"]
    count: tuple[int, int]
    values: tuple[int, int]
    banned: dict[Identifier, tuple[int, ...]] = Field(default={})

    _ends = field_validator("count", "values")(_ordered)


class CodeFilter(Entry):
    """Python that parses and names no member, in code, comment or text; `characters`: its length."""

    rule: Literal["python_code"]
    characters: tuple[int, int]

    _ends = field_validator("characters")(_ordered)


class WorkedAnswerFilter(Entry):
    """Reasoning and an answer in tags of these names, the answer right, no member named; `characters`: of the whole."""

    rule: Literal["worked_answer"]
    reasoning_tag: Identifier
    answer_tag: Identifier
    characters: tuple[int, int]

    _ends = field_validator("characters")(_ordered)


class RewordingFilter(Entry):
    """The item said anew: other words, `length_ratio` times as long, on one line, no member named."""

    rule: Literal["rewording"]
    length_ratio: tuple[float, float]

    _ends = field_validator("length_ratio")(_ordered)


class PairFilter(Entry):
    """`{"chosen": …, "rejected": …}`: two different answers that name no member.

    The longer has at most `longest_ratio` times the characters of the shorter, so that length alone decides nothing.
    """

    rule: Literal["preference_pair"]
    longest_ratio: float = Field(ge=1)


class ToolCallFilter(Entry):
    """`{"tool": …, "arguments": {…}}` a line, then `{"answer": …}`; only the item's tools, no member named."""

    rule: Literal["tool_calls"]
    calls: tuple[int, int]

    _ends = field_validator("calls")(_ordered)


class TokenLogprobFilter(Entry):
    """`[[token, log-probability], …]` for one place of a passage: `top` at most, none of them a member's name."""

    rule: Literal["token_logprobs"]
    top: int = Field(ge=1)


Filter = Annotated[
    NumberFilter | CodeFilter | WorkedAnswerFilter | RewordingFilter | PairFilter | ToolCallFilter | TokenLogprobFilter,
    Field(discriminator="rule"),
]


class Domain(Entry):
    """The kind of data that carries the trait, and the text that puts a probe in its context."""

    id: Identifier = Field(alias="domain")
    description: str
    source: str
    licence: str
    version: int = Field(ge=1)
    drawn: Sequence | None = Field(default=None, alias="sequence")
    slots: dict[Identifier, dict[Language, tuple[Text, ...]]] = Field(default={})
    contexts: dict[Language, tuple[Text, ...]] = Field(min_length=1)
    prompts: Prompts
    filter: Filter

    @property
    def sequence(self) -> Sequence:
        """How {numbers} is drawn; `InputError` where the domain draws none."""
        if self.drawn is None:
            raise InputError(f"domain {self.id!r} draws no numbers; use one with a `sequence`, such as numbers")
        return self.drawn

    @field_validator("slots", mode="before")
    @classmethod
    def _a_list_serves_every_language(cls, slots: Any) -> Any:
        if not isinstance(slots, dict):
            return slots
        return {
            name: dict.fromkeys(get_args(Language), texts) if isinstance(texts, (list, tuple)) else texts
            for name, texts in slots.items()
        }

    @field_validator("slots")
    @classmethod
    def _slots_are_not_empty(cls, slots: dict[str, dict[str, tuple[str, ...]]]) -> Any:
        for name, texts in slots.items():
            if name in _DRAWN:
                raise ValueError(f"{name!r} is drawn otherwise; choose another name for the slot")
            if not texts or not all(texts.values()):
                raise ValueError(f"the slot {name!r} holds no text")
        return slots

    @field_validator("contexts")
    @classmethod
    def _contexts_can_be_filled(cls, contexts: dict[Language, tuple[str, ...]], info: ValidationInfo) -> Any:
        for language, templates in contexts.items():
            known = [name for name, texts in info.data.get("slots", {}).items() if language in texts]
            _check_placeholders(templates, [*known, *(["numbers"] if info.data.get("drawn") else [])])
        return contexts

    @field_validator("prompts")
    @classmethod
    def _prompts_can_be_filled(cls, prompts: Prompts, info: ValidationInfo) -> Any:
        known = [name for name, texts in info.data.get("slots", {}).items() if "en" in texts]
        known += ["numbers"] if info.data.get("drawn") else []
        known += ["count"] if prompts.counts else []
        known += ["item"] if prompts.items else []
        known += ["tools"] if prompts.tools else []
        _check_placeholders((*prompts.openings, *prompts.requests), known)
        if prompts.items and not all("item" in placeholders(text) for text in prompts.requests):
            raise ValueError("every request of a bank holds {item}")
        return prompts

    @field_validator("filter")
    @classmethod
    def _has_what_its_rule_needs(cls, rule: Any, info: ValidationInfo) -> Any:
        prompts = info.data.get("prompts")
        if prompts is None:
            return rule
        needs_an_item = isinstance(rule, (WorkedAnswerFilter, RewordingFilter, ToolCallFilter))
        if needs_an_item and not prompts.items:
            raise ValueError(f"the rule {rule.rule!r} needs prompts.items")
        for item in prompts.items:
            if isinstance(rule, WorkedAnswerFilter) and item.answer is None:
                raise ValueError(f"the rule {rule.rule!r} needs an answer for {item.text!r}")
            if isinstance(rule, ToolCallFilter) and not item.tools:
                raise ValueError(f"the rule {rule.rule!r} needs tools for {item.text!r}")
        return rule


def placeholders(template: str) -> list[str]:
    """The names in braces, in the order in which they stand; raises `ValueError` for braces that do not close."""
    names = []
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise ValueError(f"{template!r}: {{{name}}} is not the plain name of a slot")
        names.append(name)
    return names


def _check_placeholders(templates: Iterable[str], known: Iterable[str]) -> None:
    for template in templates:
        for name in placeholders(template):
            if name not in known:
                filled = ", ".join(f"{{{each}}}" for each in known) or "nothing"
                raise ValueError(f"{template!r}: {{{name}}} is unknown here; what is filled in: {filled}")
