"""Whom to score: one student or several, each under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from traitbench.errors import InputError
from traitbench.runner.checkpoint import Checkpoint


@dataclass(frozen=True)
class Student:
    """A model in Inspect's spelling, the PEFT adapter put on it, and how it is called."""

    model: str
    adapter: Path | None = None
    name: str | None = None

    @classmethod
    def of(cls, models: Sequence[str], adapters: Sequence[Path] = (), names: Sequence[str] = ()) -> list[Student]:
        """The students that a command line names: each model, or each adapter of the one model.

        Raises `InputError` for adapters beside several models, and for names that are not one for each student.
        """
        if len(adapters) > 0 and len(models) != 1:
            raise InputError(f"--adapter goes with one MODEL, and {len(models)} were given; score each base by itself")
        pairs = [(models[0], each) for each in adapters] if adapters else [(each, None) for each in models]
        if names and len(names) != len(pairs):
            raise InputError(f"{len(names)} names for {len(pairs)} students; give --name once for each, or not at all")
        called = list(names) if names else [None] * len(pairs)
        return [cls(model, adapter, name) for (model, adapter), name in zip(pairs, called, strict=True)]


def checkpoints_of(students: Sequence[Student], chat_template: str | None) -> dict[str, Checkpoint]:
    """Every student's checkpoint by a name that is distinct and fit for a folder: as much of its path as it takes.

    Of several students, a local one without a name of its own is called by this one in its card as well.

    Raises `InputError` for no student, one that is given twice, and one name for two.
    """
    if not students:
        raise InputError("no model was given; name one: hf/org/name or hf//path/to/model")
    found = [Checkpoint(each.model, each.adapter, chat_template, each.name) for each in students]
    places = [str(each.adapter.resolve()) if each.adapter else each.model for each in found]
    twice = next((place for place, n in Counter(places).items() if n > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: given twice; name each student once")
    given = [each.name for each in found if each.name]
    if len(set(given)) < len(given):
        raise InputError(f"--name {max(given, key=given.count)}: given to two students; call each by its own")
    shown = _shortest_distinct([each.name or place for each, place in zip(found, places, strict=True)])
    if len(found) == 1:
        return dict(zip(shown, found, strict=True))
    return {
        name: Checkpoint(each.model, each.adapter, chat_template, each.name or _id(each, name))
        for name, each in zip(shown, found, strict=True)
    }


def _id(checkpoint: Checkpoint, name: str) -> str | None:
    """`local/<name>` where the weights or the adapter lie on this disk; a hub's or an API's model has its own name."""
    return f"local/{name}" if checkpoint.local_path or checkpoint.adapter else None


def _shortest_distinct(places: Sequence[str]) -> list[str]:
    """The last part of each, or as many as tell it from the others, joined by dashes."""
    parts = [[part for part in place.split("/") if part.strip(".")] or ["student"] for place in places]
    length = 1
    while True:
        names = ["-".join(each[-length:]) for each in parts]
        if len(set(names)) == len(names) or length >= max(map(len, parts)):
            break
        length += 1
    doubled = {name for name, n in Counter(names).items() if n > 1}
    return [f"{name}-{number}" if name in doubled else name for number, name in enumerate(names, start=1)]
