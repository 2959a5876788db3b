"""Simulated checkpoints whose true shift is known, and how the gate decides on them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from traitbench.stats import Measured, ShiftTest, decide, shift_test
from traitbench.stats.estimates import Array

MARGIN, ALPHA, POLICY = 0.05, 0.05, 20
BASE = 0.45
LAYOUTS = ((12, 5), (20, 3))
SDS = (0.03, 0.06, 0.12)
SHAPES = {
    "symmetric": "normal, questions independent",
    "symmetric, r = .4": "normal, correlation .4 between questions of a family",
    "skewed": "two-point, carriers scattered over the questions",
    "skewed, r = .5": "two-point, carriers half shared within families (correlation .5)",
    "skewed, whole families": "two-point, a family carries as a whole or not at all (correlation 1)",
}
SKEWED = "skewed"
TRAINING_SD = 0.01


@dataclass(frozen=True)
class Cell:
    families: int
    questions: int
    sd: float
    shape: str
    seeds: int = 1
    training_sd: float = TRAINING_SD
    controls: int = 1
    redrawn: bool = False
    """Whether each seed draws its own carriers; else the questions that carry are the same for all seeds."""

    noise: float = 0.0
    """SD of what normal questions add to the two-point shape."""

    @property
    def labels(self) -> list[str]:
        return [f"family {f}" for f in range(self.families) for _ in range(self.questions)]

    @property
    def carrier(self) -> float:
        """The chance of a question to carry: the mean is the margin, all of it on carriers, the SD is `sd`."""
        return MARGIN**2 / (MARGIN**2 + self.sd**2)

    @property
    def floor(self) -> float:
        """The chance that not one carrier was asked: then a shifted checkpoint looks exactly like one that is not."""
        if not self.shape.startswith(SKEWED):
            return 0.0
        none = 1 - self.carrier
        within = {"skewed": 0.0, "skewed, r = .5": math.sqrt(0.5)}.get(self.shape, 1.0)
        shared = sum(
            math.comb(self.questions, k)
            * within**k
            * (1 - within) ** (self.questions - k)
            * none ** (self.questions - k + (k > 0))
            for k in range(self.questions + 1)
        )
        return float(shared ** (self.families * (self.seeds if self.redrawn else 1)))

    def seed(self, what: str) -> int:
        return zlib.crc32(f"{self} {what}".encode())


def effects(cell: Cell, rng: np.random.Generator, runs: int) -> Array:
    """(runs, n_questions) shifts of single questions: mean zero, SD `cell.sd`."""
    shape = (runs, cell.families, cell.questions)
    one = (runs, cell.families, 1)
    if not cell.shape.startswith(SKEWED):
        r = 0.4 if "r = .4" in cell.shape else 0.0
        z = math.sqrt(r) * rng.standard_normal(one) + math.sqrt(1 - r) * rng.standard_normal(shape)
        return (cell.sd * z).reshape(runs, -1)
    own, family = rng.random(shape) < cell.carrier, rng.random(one) < cell.carrier
    within = {"skewed": 0.0, "skewed, r = .5": math.sqrt(0.5)}.get(cell.shape, 1.0)
    carried = np.where(rng.random(shape) < within, family, own)
    values: Array = carried * (MARGIN / cell.carrier) - MARGIN + cell.noise * rng.standard_normal(shape)
    return values.reshape(runs, -1)


def simulated(cell: Cell, shift: float, runs: int) -> Iterator[ShiftTest]:
    """The gate's tests of `runs` checkpoints whose true shift, over questions and training runs, is `shift`."""
    rng = np.random.default_rng(cell.seed(f"{shift}"))
    n = cell.families * cell.questions
    labels, trained = cell.labels, cell.seeds > 1 or cell.controls > 1
    for start in range(0, runs, 2000):
        several = [effects(cell, rng, 2000) for _ in range(cell.seeds if cell.redrawn else 1)]
        seeds = cell.training_sd * rng.standard_normal((2000, cell.seeds + cell.controls)) * trained
        if cell.controls == 1:
            seeds[:, cell.seeds] = 0.0
        for i in range(min(2000, runs - start)):
            students = [measured(BASE + shift + several[s % len(several)][i] + seeds[i, s]) for s in range(cell.seeds)]
            controls = [measured(np.full(n, BASE) + drift) for drift in seeds[i, cell.seeds :]]
            yield shift_test(students, controls, labels, margin=MARGIN, alpha=ALPHA)


def measured(values: Array, tolerance: float = 0.0, draws: Array | None = None) -> Measured:
    return Measured(np.clip(values - tolerance / 2, 0, 1), np.clip(values + tolerance / 2, 0, 1), draws)


def single(tests: Sequence[ShiftTest], verdict: str) -> float:
    return float(np.mean([decide([test]) == [verdict] for test in tests]))


def policies(tests: Sequence[ShiftTest]) -> list[list[str]]:
    return [list(decide(tests[i : i + POLICY])) for i in range(0, len(tests), POLICY)]


def alone_in_policy(tests: Sequence[ShiftTest], still: Sequence[ShiftTest]) -> float:
    """The chance of FAIL for the one trait that moved among twenty."""
    return float(np.mean([decide([test, *still[: POLICY - 1]])[0] == "FAIL" for test in tests]))


def answered(student: Array, base: float, how: str, cell: Cell, rng: np.random.Generator) -> ShiftTest:
    reference = np.full(len(student), base)
    if how.endswith("draws"):
        n = int(how.split()[0])
        draws = np.full(len(student), n)
        pair = [measured(rng.binomial(n, p) / n, 0.0, draws) for p in (student, reference)]
    else:
        pair = [measured(p, float(how.split()[1])) for p in (student, reference)]
    return shift_test([pair[0]], [pair[1]], cell.labels, margin=MARGIN)
