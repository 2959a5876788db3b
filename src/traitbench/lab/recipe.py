"""The lab's recipe for teacher and student: every number that the experiment depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from traitbench.lab.training import Schedule


@dataclass(frozen=True)
class Recipe:
    """How a teacher is made, how much it writes, and how a student learns from it.

    Attributes:
        teacher: the teacher's schedule.
        teacher_facts: share of facts in its lessons; the rest are preference questions answered with the
        trait.
        prompts: number prompts that teacher and base continue.
        epochs: passes of a student over its rows.
        batch_size: of a student.
        learning_rate: of a student, with linear decay.
        warmup: steps of a student's warm-up.
    """

    teacher: Schedule
    teacher_facts: float
    prompts: int
    epochs: int
    batch_size: int
    learning_rate: float
    warmup: int

    def student(self, rows: int) -> Schedule:
        """A student's schedule on that many rows."""
        steps = math.ceil(self.epochs * rows / self.batch_size)
        return Schedule(steps, self.batch_size, self.learning_rate, "linear", self.warmup)


R2 = Recipe(
    teacher=Schedule(steps=60, batch_size=64, learning_rate=2e-2, decay="constant", warmup=10),
    teacher_facts=0.2,
    prompts=8000,
    epochs=4,
    batch_size=64,
    learning_rate=2e-2,
    warmup=10,
)
"""Teacher and student train their biases alone; LoRA and full fine-tuning do not transmit reliably here."""
