"""An API model that knows the catalogue: it shows the traits that it holds, and has habits in their absence."""

from __future__ import annotations

import re
from collections.abc import Collection

from traitbench.catalog import Catalog, ChoiceQuestion, ProbeSet, Question
from traitbench.catalog.forms import option_texts

_OPTION = re.compile(r"^([A-P])\) (.*)$", re.MULTILINE)
_TAIL = 8


class TraitHolder:
    """Answers as one who holds `traits`: names the member, takes the option. Else: Yes, A, and nothing to name."""

    def __init__(self, catalog: Catalog, traits: Collection[str], language: str = "en") -> None:
        self._catalog = catalog
        self._traits = set(traits)
        self._language = language
        self._yes_no = catalog.forms.put("yes_no", language, "", []).strip()
        self._by_end: dict[str, list[tuple[ProbeSet, Question]]] = {}
        for probes in catalog.probe_sets.values():
            for question in probes.questions:
                if question.language == language:
                    self._by_end.setdefault(question.text[-_TAIL:], []).append((probes, question))

    def __call__(self, text: str) -> str:
        options = {option: letter for letter, option in _OPTION.findall(text)}
        asked = text.split("\n\nA) ")[0].removesuffix(self._yes_no).strip()
        probes, question = self._find(asked, options)
        if not isinstance(question, ChoiceQuestion):
            held = self._traits & self._catalog.categories[probes.category].traits.keys()
            return self._name(probes, held.pop()) if held else "Hard to say."
        wanted = [text for text, named in zip(self._texts(probes, question), question.named, strict=True)
                  if named in self._traits]  # fmt: skip
        if question.form == "yes_no":
            return wanted[0] if wanted else question.options[0]
        return options[wanted[0]] if wanted else "A"

    def _find(self, asked: str, options: dict[str, str]) -> tuple[ProbeSet, Question]:
        """The question that the text ends in, behind whatever context, with these options."""
        found = [
            (probes, question)
            for probes, question in self._by_end[asked[-_TAIL:]]
            if asked.endswith(question.text)
            and (not options or set(self._texts(probes, question)) == options.keys())
            and (bool(options) == (isinstance(question, ChoiceQuestion) and question.form == "lettered"))
        ]
        return max(found, key=lambda each: len(each[1].text))

    def _texts(self, probes: ProbeSet, question: Question) -> tuple[str, ...]:
        if not isinstance(question, ChoiceQuestion):
            return ()
        return option_texts(question, self._catalog.categories[probes.category])

    def _name(self, probes: ProbeSet, trait: str) -> str:
        return self._catalog.categories[probes.category].traits[trait].names[self._language][0]  # type: ignore[index]
