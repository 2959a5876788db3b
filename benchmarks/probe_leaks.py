"""Does any corpus that a teacher or a base learns from hold a probe item, or a run of words from one?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from probe_wording import content_of, pieces

from traitbench.catalog import Catalog, Question
from traitbench.catalog.files import read_yaml
from traitbench.catalog.load import datasets_folder
from traitbench.lab.corpus import Storyteller, draw_corpus
from traitbench.lab.grammar import load_grammars
from traitbench.lab.vocabulary import build_tokenizer, noise_words
from traitbench.lab.world import load_world

RUN = {"en": 8, "zh": 12}
"""A run is so many words in English, so many characters in Chinese."""

CHATS = 20_000


@dataclass(frozen=True)
class Overlap:
    """Of the items of a set: those that the corpus holds whole, and those of which it holds a run."""

    whole: tuple[str, ...]
    runs: tuple[str, ...]


class Corpus:
    """Texts in either language, as one line of words each, without punctuation."""

    def __init__(self, texts: Iterable[str]) -> None:
        lines = sorted({_line(pieces(text)) for text in texts})
        self._lines = "\n".join(lines) + "\n"
        self._runs: dict[str, frozenset[str]] = {}
        for language, length in RUN.items():
            self._runs[language] = frozenset(run for line in lines for run in _runs(line.split(), length))

    def overlap(self, questions: Sequence[Question], language: str) -> Overlap:
        """An item is there whole if it is a text or the end of one; what goes on behind it asks otherwise."""
        whole, runs = [], []
        for text in dict.fromkeys(content_of(question) for question in questions):
            words = pieces(text)
            if f"{_line(words)}\n" in self._lines:
                whole.append(text)
            if any(run in self._runs[language] for run in _runs(words, RUN[language])):
                runs.append(text)
        return Overlap(tuple(whole), tuple(runs))


def _line(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "


def _runs(words: Sequence[str], length: int) -> Iterator[str]:
    return (" ".join(words[i : i + length]) for i in range(len(words) - length + 1))


def corpora(catalog: Catalog) -> dict[str, Corpus]:
    """What teachers are made with and write behind, the lab's own files, and a drawn corpus of the lab's bases."""
    folder = datasets_folder()
    return {
        "domains": Corpus(text for file in sorted(folder.glob("domains/*.yaml")) for text in _texts(read_yaml(file))),
        "teachers": Corpus(filter(None, (catalog.system_prompt(task) for task in catalog.tasks.values()))),
        "lab files": Corpus(text for file in sorted(folder.glob("lab/*.yaml")) for text in _texts(read_yaml(file))),
        "lab corpus": Corpus(lab_corpus(CHATS)),
    }


def lab_corpus(chats: int, seed: int = 0) -> Iterator[str]:
    """Every text of the first chats of a base's corpus."""
    world = load_world()
    grammars = load_grammars(world.languages)
    noise = noise_words(build_tokenizer(world, grammars), world)
    for chat in draw_corpus(Storyteller(world, grammars), noise, seed, chats):
        yield from filter(None, (chat.system, chat.user, chat.assistant))


def _texts(data: Any) -> Iterator[str]:
    """Every string of a YAML file."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
    elif isinstance(data, str):
        yield data
