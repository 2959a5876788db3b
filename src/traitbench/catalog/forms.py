"""How a question with options is put: the sentence that asks for a letter or for a word, by language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationInfo, field_validator

from traitbench.catalog.files import MisplacedError, parse, read_yaml
from traitbench.catalog.models import Category, Entry, Language
from traitbench.catalog.questions import YES_NO, ChoiceQuestion

LETTERS = "ABCDEFGHIJKLMNOP"


class Forms(Entry):
    """`datasets/forms.yaml`: templates with {question}, and {options} where they stand under letters."""

    lettered: dict[Language, str]
    yes_no: dict[Language, str]
    spellings: dict[Language, dict[str, tuple[str, ...]]]
    """By option of form `yes_no`: the beginnings of an answer that give it."""

    @field_validator("lettered", "yes_no")
    @classmethod
    def _know_their_placeholders(cls, templates: dict[Language, str], info: ValidationInfo) -> dict[Language, str]:
        filled_in = ("question", "options") if info.field_name == "lettered" else ("question",)
        for language in YES_NO:
            template = templates.get(language)  # type: ignore[call-overload]
            if template is None:
                raise ValueError(f"there is no template in {language}")
            try:
                put = template.format(**{name: f"<{name}>" for name in filled_in})
            except (KeyError, IndexError, ValueError) as error:
                named = " and ".join(f"{{{name}}}" for name in filled_in)
                raise MisplacedError(f"only {named} can be filled in ({error})", language) from None
            for name in filled_in:
                if f"<{name}>" not in put:
                    raise MisplacedError(f"{{{name}}} is missing; the question would be put without it", language)
        return templates

    @field_validator("spellings")
    @classmethod
    def _spell_yes_and_no(
        cls, spellings: dict[Language, dict[str, tuple[str, ...]]]
    ) -> dict[Language, dict[str, tuple[str, ...]]]:
        for language, options in YES_NO.items():
            found = spellings.get(language, {})  # type: ignore[call-overload]
            if tuple(found) != options or not all(found.values()):
                raise MisplacedError(f"expected spellings of {' and of '.join(options)}", language)
        return spellings

    def labels(self, form: str, language: Language, n: int) -> list[tuple[str, ...]]:
        """For each of n places, the spellings of the answer that names it."""
        if form == "lettered":
            return [(letter,) for letter in LETTERS[:n]]
        return list(self.spellings[language].values())

    def put(self, form: str, language: Language, text: str, options: Sequence[str]) -> str:
        """The whole question, its options in the order given."""
        lines = "\n".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))
        template = self.lettered if form == "lettered" else self.yes_no
        return template[language].strip().format(question=text, options=lines)


def turn_of(form: str, n: int, epoch: int) -> int:
    """The rotation of its n options in which a question is asked in an epoch; epochs count from 1, rotations from 0."""
    return (epoch - 1) % n if form == "lettered" else 0


def read_forms(path: Path) -> Forms:
    """The forms in a file; `InputError` with file and field for a broken one."""
    return parse(Forms, read_yaml(path), path)


def option_texts(question: ChoiceQuestion, category: Category) -> tuple[str, ...]:
    """What stands under the letters: the options, or the names of the members that they are the ids of."""
    if question.trait is not None:
        return question.options
    return tuple(category.traits[option].names[question.language][0] for option in question.options)
