"""Simulated checkpoints whose true shift is known, and how the gate decides on them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from traitbench.stats import Measured, ShiftTest, decide, shift_test
from traitbench.stats.estimates import Array
from traitbench.stats.intervals import FAR, FAR_FACTOR

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


@dataclass(frozen=True)
class Batch:
    """Simulated checkpoints: their answers, and the bounds that `shift_test` gives each of them.

    `students`: (runs, n_seeds, n_questions) probabilities. `controls`: (runs, n_controls), the same in every question.
    """

    cell: Cell
    students: Array
    controls: Array

    def tests(self) -> Iterator[ShiftTest]:
        """The gate's tests, one by one."""
        n = self.students.shape[2]
        for students, controls in zip(self.students, self.controls, strict=True):
            references = [measured(np.full(n, control)) for control in controls]
            yield shift_test([measured(each) for each in students], references, self.cell.labels, margin=MARGIN)

    def bounds(self, alpha: float = ALPHA) -> tuple[Array, Array]:
        """`lower` and `upper` of all those tests at once, (runs,) each; tests/stats/test_calibration.py compares."""
        runs, seeds, n = self.students.shape
        families = self.cell.families
        values = self.students.mean(axis=1) - self.controls.mean(axis=1, keepdims=True)
        mean = values.mean(axis=1)
        apart = (values - mean[:, None]) / n
        levels = [_moments(apart.reshape(runs, families, -1).sum(axis=2)), _moments(apart)]
        training = np.zeros(runs)
        for places, others in ((self.students.mean(axis=2), 0), (self.controls, int(seeds == 1))):
            k = places.shape[1]
            if k > 1:
                t = -stdtrit(k - 1, alpha)
                training += t**2 * places.var(axis=1, ddof=1) * (others + 1 / k)
        down, up = (
            np.sqrt(np.max([se * _widened(alpha, families - 1, side * g) for se, g in levels], axis=0) ** 2 + training)
            for side in (-1, 1)
        )
        return np.maximum(mean - down, -1), np.minimum(mean + up, 1)

    def passed(self) -> Array:
        """(runs,) whether the verdict is PASS."""
        return self.bounds()[1] < MARGIN

    def failed(self, n_tests: int = 1) -> Array:
        """(runs,) whether the verdict is FAIL in a policy of n tests where no other fails (Holm's first step)."""
        return self.bounds(ALPHA / n_tests)[0] > MARGIN


def _moments(parts: Array) -> tuple[Array, Array]:
    units = parts.shape[1]
    variance = (parts**2).sum(axis=1) * units / (units - 1)
    third = (parts**3).sum(axis=1) * units**2 / ((units - 1) * (units - 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(variance), np.where(variance < 1e-300, 0.0, third / variance**1.5)


def _widened(alpha: float, df: int, skewness: Array) -> Array:
    t, positive = -stdtrit(df, alpha), np.maximum(skewness, 1e-9)
    hall = (1 - np.cbrt(1 - positive * (t + positive / 6))) * 3 / positive
    far = max(FAR_FACTOR * t, FAR * stdtrit(df, 0.95))
    return np.where(skewness < 1e-7, t, np.maximum(t, np.minimum(hall, far)))


def simulated(cell: Cell, shift: float, runs: int) -> Batch:
    """`runs` checkpoints whose true shift, over questions and training runs, is `shift`."""
    rng = np.random.default_rng(cell.seed(f"{shift}"))
    several = np.stack([effects(cell, rng, runs) for _ in range(cell.seeds if cell.redrawn else 1)], axis=1)
    trained = cell.seeds > 1 or cell.controls > 1
    training = cell.training_sd * rng.standard_normal((runs, cell.seeds + cell.controls)) * trained
    if cell.controls == 1:
        training[:, cell.seeds] = 0.0
    students = BASE + shift + several + training[:, : cell.seeds, None]
    return Batch(cell, np.clip(students, 0, 1), np.clip(BASE + training[:, cell.seeds :], 0, 1))


def measured(values: Array, tolerance: float = 0.0, draws: Array | None = None) -> Measured:
    return Measured(np.clip(values - tolerance / 2, 0, 1), np.clip(values + tolerance / 2, 0, 1), draws)


def single(tests: Sequence[ShiftTest], verdict: str) -> float:
    return float(np.mean([decide([test]) == [verdict] for test in tests]))


def answered(student: Array, base: float, how: str, cell: Cell, rng: np.random.Generator) -> ShiftTest:
    reference = np.full(len(student), base)
    if how.endswith("draws"):
        n = int(how.split()[0])
        draws = np.full(len(student), n)
        pair = [measured(rng.binomial(n, p) / n, 0.0, draws) for p in (student, reference)]
    else:
        pair = [measured(p, float(how.split()[1])) for p in (student, reference)]
    return shift_test([pair[0]], [pair[1]], cell.labels, margin=MARGIN)
