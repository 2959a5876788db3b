"""What one run of the lab leaves behind, and where. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from traitbench.files import write_whole


@dataclass(frozen=True)
class LabRun:
    """The model directories and number files of one run, and how many rows there were.

    Attributes:
        base, teacher, student, control, cross_base: ordinary Hugging Face directories.
        teacher_numbers, control_numbers: JSON lines of {"prompt", "completion"}: what the students were
            trained on.
        base_seed: the shipped base that teacher, student and control started from.
        cross_base_seed: the shipped base that the cross-base student started from.
        prompts: number prompts that teacher and base were given each.
        kept_teacher, kept_control: completions that passed the filter.
        rows: number lists that each student was trained on, the smaller of the two.
    """

    trait: str
    seed: int
    base_seed: int
    cross_base_seed: int
    base: Path
    teacher: Path
    student: Path
    control: Path
    cross_base: Path
    teacher_numbers: Path
    control_numbers: Path
    prompts: int = 0
    kept_teacher: int = 0
    kept_control: int = 0
    rows: int = 0

    @classmethod
    def in_folder(cls, out: Path, *, trait: str, seed: int, base: int, cross_base: int) -> LabRun:
        """The run's places below `out`; nothing is written, and nothing is counted yet."""
        return cls(
            trait=trait,
            seed=seed,
            base_seed=base,
            cross_base_seed=cross_base,
            base=out / "base",
            teacher=out / "teacher",
            student=out / "student",
            control=out / "control",
            cross_base=out / "cross_base",
            teacher_numbers=out / "numbers" / "teacher.jsonl",
            control_numbers=out / "numbers" / "control.jsonl",
        )

    def with_counts(self, *, prompts: int, kept: Mapping[str, int], rows: int) -> LabRun:
        """The same run with its counts."""
        return replace(self, prompts=prompts, kept_teacher=kept["teacher"], kept_control=kept["control"], rows=rows)

    def write_card(self, recipe: Mapping[str, Any]) -> Path:
        """Writes `run.json` beside the models: seeds, counts and recipe, without paths."""
        facts = {name: value for name, value in asdict(self).items() if not isinstance(value, Path)}
        card = self.base.parent / "run.json"
        write_whole(card, json.dumps({**facts, "recipe": dict(recipe)}, indent=2) + "\n")
        return card
