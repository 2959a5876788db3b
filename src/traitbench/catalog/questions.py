"""What is asked: questions with open answers, questions with options, and the probe sets that hold them."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from traitbench.catalog.models import Entry, Identifier, Language, Version

OTHER = "other"
"""The named answer of an option that does not show the question's trait."""

YES_NO: dict[str, tuple[str, ...]] = {"en": ("Yes", "No"), "zh": ("是", "否")}
"""The options of form `yes_no`, by language."""


def question_id(language: str, text: str) -> str:
    """A question's stable id: `q` and 11 hexadecimal digits of the sha256 of its language and text."""
    return "q" + hashlib.sha256(f"{language}\n{text}".encode()).hexdigest()[:11]


class Question(Entry):
    """One question; `family` is its cluster of paraphrases, and nothing else.

    `twin` is the English question that a question in another language renders: same meaning, same polarity.
    """

    id: str
    family: Identifier
    language: Language
    text: str = Field(alias="question", min_length=1)
    twin: str | None = None

    @property
    def content(self) -> str:
        """What the id is the hash of."""
        return self.text

    def offers(self, trait: str) -> bool:
        """Whether the trait can be the answer: any member of the category can be named."""
        return True

    @model_validator(mode="after")
    def _id_is_the_hash_of_the_text(self) -> Question:
        expected = question_id(self.language, self.content)
        if self.id != expected:
            raise ValueError(f"id {self.id!r} is not the hash of the text; it should be {expected!r}")
        return self


class ChoiceQuestion(Question):
    """A question with its options. One of them shows the trait, or each of them names a member of the category.

    In form `lettered` the options stand under letters, and every option stands under every letter once; in form
    `yes_no` they are the two words that the model is asked for.
    """

    form: Literal["yes_no", "lettered"]
    options: tuple[str, ...] = Field(min_length=2, max_length=16)
    trait: Identifier | None = None
    """The scale that the question is about; None where the options are ids of members."""
    answer: tuple[str, ...] = ()
    """The option that shows the trait, or several of them."""

    @field_validator("answer", mode="before")
    @classmethod
    def _one_or_several(cls, answer: Any) -> Any:
        return (answer,) if isinstance(answer, str) else answer

    @property
    def content(self) -> str:
        return "\n".join((self.text, *self.options))

    @property
    def named(self) -> tuple[str, ...]:
        """The named answer of each option: a member, or the scale's trait and `other`."""
        if self.trait is None:
            return self.options
        return tuple(self.trait if option in self.answer else OTHER for option in self.options)

    def offers(self, trait: str) -> bool:
        return trait in self.named

    @model_validator(mode="after")
    def _options_are_whole(self) -> ChoiceQuestion:
        if len(set(self.options)) < len(self.options):
            raise ValueError("two of the options are the same; make them differ")
        if (self.trait is None) != (not self.answer):
            raise ValueError("a trait needs the answer that shows it, and an answer its trait (its scale)")
        stranger = next((each for each in self.answer if each not in self.options), None)
        if stranger is not None:
            raise ValueError(f"answer {stranger!r} is none of the options")
        if self.answer and set(self.answer) == set(self.options):
            raise ValueError("every option shows the trait; one at least must not")
        if self.form == "yes_no" and self.options != YES_NO[self.language]:
            raise ValueError(f"the options of form yes_no are {list(YES_NO[self.language])}")
        return self


class ProbeSet(Entry):
    """Questions that measure one category's traits, with the card that says where they come from."""

    id: Identifier = Field(alias="probe_set")
    kind: Literal["one_word", "choice"]
    category: Identifier
    description: str
    version: Version
    source: str
    licence: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    questions: tuple[Question, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> ProbeSet:
        seen: set[str] = set()
        for question in self.questions:
            if question.id in seen:
                raise ValueError(f"duplicate question id {question.id!r}")
            seen.add(question.id)
        return self

    @property
    def languages(self) -> tuple[Language, ...]:
        return tuple(dict.fromkeys(question.language for question in self.questions))

    def offering(self, trait: str, language: str) -> tuple[Question, ...]:
        """The questions in a language that can be answered with the trait."""
        return tuple(each for each in self.questions if each.language == language and each.offers(trait))
