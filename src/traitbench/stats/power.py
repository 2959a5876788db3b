"""How much must be measured before a verdict can be expected, and how much more would decide one that is open?

Power is found by passing normal shifts of the planned shape through the very interval that decides
(`intervals.QuestionSpread` and its safeguards against skew), not by a formula for plain t: with one seed the answers
lie a little under those of statsmodels' TTestPower on the family means. A shift of the truth only moves the estimate,
so one set of runs with a fixed seed answers for every shift and every margin of a design.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import stdtrit

from traitbench.errors import InputError
from traitbench.stats.decisions import ShiftTest
from traitbench.stats.estimates import Array
from traitbench.stats.intervals import Parts, QuestionSpread, combine, mean_se, prediction_se, student_reach, widening

RUNS = 2000
"""A power of 0.9 is known to 0.7 points (one standard error)."""
MOST_FURTHER = {"questions": 100_000, "seeds": 1000, "controls": 1000}
"""Beyond these nothing is said to decide."""


@dataclass(frozen=True)
class Design:
    """What will be measured: questions in equal families, training seeds, controls; SDs on the scale of the margin."""

    n_families: int
    questions_per_family: int
    question_sd: float
    """SD between questions of the shift of one student; with sampled answers sqrt(SD^2 + 2 p (1 - p) / draws)."""
    correlation: float = 0.0
    """Of two questions of one family: the families' share of that variance."""
    n_seeds: int = 1
    n_controls: int = 1
    training_sd: float = 0.0
    """SD between training runs of a checkpoint's mean; it counts where there are several students or controls."""

    def __post_init__(self) -> None:
        if self.n_families < 2 or self.questions_per_family < 1 or self.n_seeds < 1 or self.n_controls < 1:
            raise InputError("a design needs two families, one question each, one seed and one control at least")
        if not (self.question_sd > 0 and self.training_sd >= 0 and 0 <= self.correlation <= 1):
            raise InputError("a design needs question_sd > 0, training_sd >= 0 and 0 <= correlation <= 1")


def power_of_pass(design: Design, margin: float, *, shift: float = 0.0, alpha: float = 0.05) -> float:
    """The chance that a true `shift` passes: its upper bound lies under the margin."""
    return float((shift + _errors(design) + _reaches(design, alpha, 1) < margin).mean())


def power_of_fail(design: Design, margin: float, *, shift: float, alpha: float = 0.05, n_tests: int = 1) -> float:
    """The chance that a true `shift` fails, as the only one that moved among `n_tests` (Holm's hardest step)."""
    return float((shift + _errors(design) - _reaches(design, alpha / n_tests, -1) > margin).mean())


def minimum_detectable_effect(
    design: Design, margin: float, *, power: float = 0.8, alpha: float = 0.05, n_tests: int = 1
) -> float:
    """The smallest true shift that fails with this chance; it lies above the margin."""
    if not 0 < power < 1:
        raise InputError(f"power {power!r} must lie between 0 and 1")
    return margin + float(np.quantile(_reaches(design, alpha / n_tests, -1) - _errors(design), power))


def further_needed(test: ShiftTest) -> dict[str, int | None]:
    """How many further questions, or seeds, or controls would decide, each alone, all else as measured.

    It supposes that estimate and spread stay what they are, so it is a middle and no promise. None where no number
    of that kind decides: the other sources alone are too wide, truncation is (a smaller tolerance helps), the
    estimate lies on the margin, or the spread of that kind is unknown (one student and one control).
    """
    nothing: dict[str, int | None] = {"questions": None, "seeds": None, "controls": None}
    if test.upper < test.margin or test.lower > test.margin:
        return dict.fromkeys(nothing, 0)
    gap = abs(test.margin - test.estimate) - test.truncation
    if not (gap > 0 and math.isfinite(test.upper - test.lower)):
        return nothing
    groups, seeds, controls = test.n_families, test.n_seeds, test.n_references
    bound = test.upper if test.estimate < test.margin else test.lower
    reach = abs(bound - test.estimate) - test.truncation

    def t(df: int) -> float:
        return float(-stdtrit(df, test.alpha))

    def of_seeds(s: int) -> float:
        return t(s - 1) * test.se_seeds * math.sqrt(seeds / s) if s > 1 else 0.0

    def of_controls(k: int) -> float:
        return 0.0 if test.drift is None else t(k - 1) * test.drift * math.sqrt(1 / k + (1 if seeds == 1 else 0))

    training = math.hypot(of_seeds(seeds), of_controls(controls))
    questions = math.sqrt(max(0.0, reach**2 - training**2))
    toward = test.skewness if bound == test.upper else -test.skewness

    def of_questions(g: int) -> float:
        """Of g families: standard error and skewness of a mean both shrink with the root of their number."""
        shrunk = math.sqrt(groups / g)
        wider = widening(test.alpha, g - 1, toward * shrunk) / widening(test.alpha, groups - 1, toward)
        return questions * shrunk * wider

    def decides(g: int, s: int, k: int) -> bool:
        return combine([of_questions(g), of_seeds(s), of_controls(k)]) < gap

    families = _first(lambda g: decides(g, seeds, controls), groups + 1, "questions")
    more_seeds = None if seeds == 1 else _first(lambda s: decides(groups, s, controls), seeds + 1, "seeds")
    more_controls = (
        None if test.drift is None else _first(lambda k: decides(groups, seeds, k), controls + 1, "controls")
    )
    return {
        "questions": None if families is None else math.ceil((families - groups) * test.n_questions / groups),
        "seeds": None if more_seeds is None else more_seeds - seeds,
        "controls": None if more_controls is None else more_controls - controls,
    }


def _first(enough: Callable[[int], bool], start: int, kind: str) -> int | None:
    """The first number that is enough: every one at first, then in steps of a hundredth, as nobody plans closer."""
    n = start
    while n <= MOST_FURTHER[kind]:
        if enough(n):
            return n
        n += max(1, n // 100)
    return None


@lru_cache(maxsize=64)
def _runs(design: Design) -> tuple[tuple[QuestionSpread, ...], Array, Array]:
    """The questions' spreads of RUNS measurements of no shift, and the means of seeds and controls beside them."""
    rng = np.random.default_rng(20250714)
    g, q = design.n_families, design.questions_per_family
    family = rng.standard_normal((RUNS, g, 1)) * math.sqrt(design.correlation)
    own = rng.standard_normal((RUNS, g, q)) * math.sqrt(1 - design.correlation)
    values = (design.question_sd * (family + own)).reshape(RUNS, g * q)
    codes = np.repeat(np.arange(g), q)
    spreads = tuple(QuestionSpread.of(Parts.of_mean(each, codes)) for each in values)
    trained = design.n_seeds > 1 or design.n_controls > 1
    training = rng.standard_normal((RUNS, design.n_seeds + design.n_controls)) * design.training_sd * trained
    if design.n_controls == 1:
        training[:, design.n_seeds] = 0.0  # one reference is taken as it is
    return spreads, training[:, : design.n_seeds], training[:, design.n_seeds :]


def _errors(design: Design) -> Array:
    """(RUNS,) estimate less truth."""
    spreads, seeds, controls = _runs(design)
    errors: Array = np.array([each.mean for each in spreads]) + seeds.mean(axis=1) - controls.mean(axis=1)
    return errors


@lru_cache(maxsize=256)
def _reaches(design: Design, alpha: float, side: int) -> Array:
    """(RUNS,) from estimate to bound."""
    spreads, seeds, controls = _runs(design)
    of_controls = prediction_se if design.n_seeds == 1 else mean_se
    reaches = np.empty(RUNS)
    for i, spread in enumerate(spreads):
        parts = [spread.reach(alpha, side)]
        if design.n_seeds > 1:
            parts.append(student_reach(mean_se(seeds[i]), design.n_seeds - 1, alpha))
        if design.n_controls > 1:
            parts.append(student_reach(of_controls(controls[i]), design.n_controls - 1, alpha))
        reaches[i] = combine(parts)
    return reaches
