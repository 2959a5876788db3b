"""How a question with options is put: the sentence that asks for a letter or for a word, by language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import model_validator

from traitbench.catalog.files import parse, read_yaml
from traitbench.catalog.models import Category, Entry
from traitbench.catalog.questions import ChoiceQuestion

LETTERS = "ABCDEFGHIJKLMNOP"


class Forms(Entry):
    """`datasets/forms.yaml`: templates with {question}, and {options} where they stand under letters."""

    lettered: dict[str, str]
    yes_no: dict[str, str]
    spellings: dict[str, dict[str, tuple[str, ...]]]
    """By option of form `yes_no`: the beginnings of an answer that give it."""

    @model_validator(mode="after")
    def _know_their_placeholders(self) -> Forms:
        for template in (*self.lettered.values(), *self.yes_no.values()):
            try:
                template.format(question="", options="")
            except (KeyError, IndexError, ValueError) as error:
                raise ValueError(f"only {{question}} and {{options}} are filled in ({error})") from None
        return self

    def labels(self, form: str, language: str, n: int) -> list[tuple[str, ...]]:
        """For each of n places, the spellings of the answer that names it."""
        if form == "lettered":
            return [(letter,) for letter in LETTERS[:n]]
        return list(self.spellings[language].values())

    def put(self, form: str, language: str, text: str, options: Sequence[str]) -> str:
        """The whole question, its options in the order given."""
        lines = "\n".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))
        template = self.lettered if form == "lettered" else self.yes_no
        return template[language].strip().format(question=text, options=lines)


def read_forms(path: Path) -> Forms:
    """The forms in a file; `InputError` with file and field for a broken one."""
    return parse(Forms, read_yaml(path), path)


def option_texts(question: ChoiceQuestion, category: Category) -> tuple[str, ...]:
    """What stands under the letters: the options, or the names of the members that they are the ids of."""
    if question.trait is not None:
        return question.options
    return tuple(category.traits[option].names[question.language][0] for option in question.options)
