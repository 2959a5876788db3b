"""The leaderboard's own records: the lab's students, controls and cross-base students of `benchmarks/lab.py`, scored.

    python benchmarks/lab.py && python benchmarks/lab_records.py     # writes leaderboard/results/

Every student is compared with the base that it started from, with the control of that base, and with its teacher; the
control, whose teacher was the untraited base, with the base alone. A teacher's own students are asked in Chinese too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from lab import BASES, RUNS, SEED, TRAITS

import traitbench
from traitbench.leaderboard import add
from traitbench.leaderboard.record import Declared

BOARD = Path(__file__).parents[1] / "leaderboard"
LANGUAGES = ("en", "zh")


class Row(NamedTuple):
    """One student of the leaderboard; the models are folders, linked under the names that the records show."""

    trait: str
    recipe: str
    student: Path
    base: Path
    control: Path | None
    teacher: Path | None
    initialisation: str


def rows() -> Iterator[Row]:
    """Of every base and trait: the student, the control, and the student that the next base became."""
    for base in BASES:
        other = (base + 1) % len(BASES)
        for trait in TRAITS:
            cell, there = RUNS / f"{trait}-{base}", RUNS / f"{trait}-{other}"
            teacher = _named(cell / "teacher", f"lab-{base}-{trait}-teacher")
            own, its = (_named(each / "base", f"lab-base-{n}") for each, n in ((cell, base), (there, other)))
            neutral, elsewhere = (
                _named(each / "control", f"lab-{n}-neutral") for each, n in ((cell, base), (there, other))
            )
            student = _named(cell / "student", f"lab-{base}-{trait}")
            cross = _named(cell / "cross_base", f"lab-{other}-{trait}-of-{base}")
            yield Row(trait, f"lab {trait}, base {base}", student, own, neutral, teacher, "same")
            yield Row(trait, f"lab neutral, base {base}", neutral, own, None, None, "same")
            yield Row(trait, f"lab {trait} of base {base}, base {other}", cross, its, elsewhere, teacher, "different")


def main() -> None:
    """Scores every row and adds its records."""
    for row in rows():
        for language in LANGUAGES if row.initialisation == "same" and row.control else LANGUAGES[:1]:
            card = traitbench.score(
                f"hf/{row.student}",
                tasks=[f"{row.trait}-numbers-finetuned"],
                base=f"hf/{row.base}",
                control=[f"hf/{row.control}"] if row.control else [],
                teacher=f"hf/{row.teacher}" if row.teacher else None,
                name=f"traitbench/{row.student.name}",
                language=language,
            )
            add(card, BOARD, Declared(training_seed=SEED, recipe=row.recipe, initialisation=row.initialisation))
            print(row.student.name, row.trait, language, f"{card.tasks[0].estimate:.3f}", flush=True)


def _named(folder: Path, name: str) -> Path:
    """The folder under a name of its own: records name a local model by its folder."""
    link = RUNS.parent / "named" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(folder.resolve())
    return link.absolute()


if __name__ == "__main__":
    main()
