"""Did this checkpoint move, yes, no, or not enough evidence? A shift against references, and its verdict.

`shift_test` bounds the mean shift from both sides, `decide` turns one or several into PASS, FAIL or INCONCLUSIVE.
PASS is non-inferiority: the upper bound lies under the margin. All of several tests must pass for a release to pass,
so each is held at alpha without correction (intersection-union: Berger 1982, Technometrics 24, p. 295-300). FAIL
needs the lower bound over the margin, with Holm's correction over all the tests.

With one student the claim is about this checkpoint. With several the training seed is the top unit: the reach of the
seeds is joined to that of the questions, which all seeds share and which therefore no number of seeds averages out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from traitbench.errors import InputError
from traitbench.stats.estimates import Array, family_codes, holm, log_odds
from traitbench.stats.intervals import (
    Codes,
    Parts,
    QuestionSpread,
    combine,
    effective_draws,
    mean_se,
    prediction_se,
    sampling_bounds,
    student_reach,
)

Scale = Literal["probability", "log_odds"]
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True, eq=False)
class Measured:
    """One checkpoint's probability of one named answer, question by question (the same questions in the same order)."""

    lower: Array
    """(n_questions,) certified lower bounds in [0, 1]."""
    upper: Array
    """(n_questions,) certified upper bounds; equal to `lower` for sampled answers."""
    draws: Array | None = None
    """(n_questions,) how many answers were sampled of each question; None where the distribution is exact."""
    point: Array | None = None
    """(n_questions,) the best guess within the bounds; None for their middle."""

    def __post_init__(self) -> None:
        lower, upper = np.asarray(self.lower, dtype=float), np.asarray(self.upper, dtype=float)
        if lower.ndim != 1 or lower.shape != upper.shape or not len(lower):
            raise InputError(f"bounds of shapes {lower.shape} and {upper.shape}; give one lower and upper a question")
        if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
            raise InputError("a bound is not a finite number; leave out questions that were not measured")
        if (lower < 0).any() or (upper > 1).any() or (lower > upper).any():
            raise InputError("bounds must keep 0 <= lower <= upper <= 1; they are probabilities")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)
        if self.point is not None:
            point = np.asarray(self.point, dtype=float)
            if point.shape != lower.shape or not ((lower <= point) & (point <= upper)).all():
                raise InputError("the best guess of a question lies outside its bounds")
            object.__setattr__(self, "point", point)
        if self.draws is None:
            return
        draws = np.asarray(self.draws)
        if draws.shape != lower.shape or not np.issubdtype(draws.dtype, np.integer) or (draws < 1).any():
            raise InputError("draws must be one whole number of 1 or more a question")
        object.__setattr__(self, "draws", draws)

    @property
    def estimate(self) -> Array:
        """(n_questions,) the best guess, or the middle of the bounds."""
        return (self.lower + self.upper) / 2 if self.point is None else self.point

    def is_same(self, other: Measured) -> bool:
        """Whether this is certainly the same checkpoint's measurement.

        Equal samples are no proof, and neither are bounds of 0 and 1; equal numbers between them are.
        """
        if self is other:
            return True
        if self.draws is not None or other.draws is not None:
            return False
        equal = np.array_equal(self.lower, other.lower) and np.array_equal(self.upper, other.upper)
        return equal and bool((((self.lower > 0) & (self.lower < 1)) | ((self.upper > 0) & (self.upper < 1))).any())


@dataclass(frozen=True)
class ShiftTest:
    """A mean shift, student minus reference, with one-sided bounds and the p-values of both claims."""

    estimate: float
    """Mean over questions; on the log-odds scale the difference of the logits of the means."""
    lower: float
    upper: float
    """One-sided 1 - alpha confidence bounds each; the two together are a 1 - 2 alpha interval."""
    margin: float
    alpha: float
    scale: Scale
    p_shift: float
    """One-sided, of "the shift is at most the margin": small is evidence for FAIL. NaN where nothing can be said."""
    p_no_shift: float
    """One-sided, of "the shift is at least the margin": small is evidence for PASS. NaN where nothing can be said."""
    unit: Literal["family", "seed"]
    """What varies: question families (a claim about this checkpoint) or training seeds."""
    n_questions: int
    n_families: int
    n_seeds: int
    n_references: int
    se: float
    """Standard error of the estimate, all sources together; NaN where nothing can be said."""
    drift: float | None
    """SD between the controls' means where there are several: what training alone does."""
    truncation: float
    """How far the bounds of exact mode move the upper bound."""
    se_seeds: float = 0.0
    """The training seeds' part of `se`: SD of the students' means over the root of their number."""
    skewness: float = 0.0
    """Of the mean over questions (third cumulant over se cubed): positive where few questions carry a rise."""

    @property
    def equivalent(self) -> bool:
        """Whether the shift lies within the margin both ways (two one-sided tests: Schuirmann 1987)."""
        return -self.margin < self.lower and self.upper < self.margin


def shift_test(
    students: Sequence[Measured],
    references: Sequence[Measured],
    families: Sequence[str],
    *,
    margin: float,
    scale: Scale = "probability",
    alpha: float = 0.05,
) -> ShiftTest:
    """The shift of the students' mean against the references', with bounds.

    `students`: one, or one for each training seed. `references`: one base, or one or more controls; `families`:
    (n_questions,). One reference is taken as it is. Two or more are training runs: against one student their SD is
    the noise of its training too (`prediction_se`); several students show their own.

    Truncated answers count at their worst, the student's upper against the reference's lower bound for the upper
    bound. On the log-odds scale a bound is infinite where a mean of 0 or 1 leaves it open.
    """
    _check(students, references, families, margin, scale, alpha)
    n, codes = len(families), family_codes(families)
    contrast = _Contrast(students, references, codes, scale)
    groups, estimate = int(codes.max()) + 1, contrast.estimate
    lower, upper, p_shift, p_no_shift, se = -math.inf, math.inf, math.nan, math.nan, math.nan
    if groups > 1:
        if all(each.is_same(references[0]) for each in (*students, *references[1:])):
            estimate, lower, upper, p_shift, p_no_shift, se = 0.0, 0.0, 0.0, 1.0, 0.0, 0.0
        else:
            lower, upper = contrast.bound(alpha, -1), contrast.bound(alpha, 1)
            p_shift, p_no_shift, se = contrast.p_value(margin, -1), contrast.p_value(margin, 1), contrast.se
    drift = float(contrast.reference_places.std(ddof=1)) if len(references) > 1 else None
    return ShiftTest(
        estimate=estimate,
        lower=lower,
        upper=upper,
        margin=margin,
        alpha=alpha,
        scale=scale,
        p_shift=p_shift,
        p_no_shift=p_no_shift,
        unit="seed" if len(students) > 1 else "family",
        n_questions=n,
        n_families=groups,
        n_seeds=len(students),
        n_references=len(references),
        se=se,
        drift=drift,
        truncation=contrast.truncation(1) if upper != lower else 0.0,
        se_seeds=contrast.se_seeds,
        skewness=contrast.spreads[0].skewness if se > 0 else 0.0,
    )


def shift_bounds(
    students: Sequence[Measured], references: Sequence[Measured], families: Sequence[str], alpha: float
) -> tuple[float, float, float]:
    """Estimate, lower and upper of `shift_test` on the probability scale, without the p-values: half of its work."""
    _check(students, references, families, 0.5, "probability", alpha)
    codes = family_codes(families)
    if codes.max() == 0:
        return _Contrast(students, references, codes, "probability").estimate, -math.inf, math.inf
    if all(each.is_same(references[0]) for each in (*students, *references[1:])):
        return 0.0, 0.0, 0.0
    contrast = _Contrast(students, references, codes, "probability")
    return contrast.estimate, contrast.bound(alpha, -1), contrast.bound(alpha, 1)


def decide(tests: Sequence[ShiftTest]) -> list[Verdict]:
    """A verdict for each test of one policy, in order.

    PASS: the upper bound lies under the margin. FAIL: the p-value of a shift, Holm-adjusted over all of `tests`, is at
    most alpha. Where nothing can be said, INCONCLUSIVE.
    """
    verdicts: list[Verdict] = []
    for test, adjusted in zip(tests, holm([each.p_shift for each in tests]), strict=True):
        if test.upper < test.margin:
            verdicts.append("PASS")
        elif adjusted <= test.alpha:
            verdicts.append("FAIL")
        else:
            verdicts.append("INCONCLUSIVE")
    return verdicts


class _Contrast:
    """Students less references on one scale, with every source of uncertainty at hand."""

    def __init__(
        self, students: Sequence[Measured], references: Sequence[Measured], codes: Codes, scale: Scale
    ) -> None:
        self.students, self.references, self.scale = students, references, scale
        of = Parts.of_mean if scale == "probability" else Parts.of_logit

        def side(group: Sequence[Measured], which: str) -> list[Parts]:
            return [of(getattr(each, which), codes) for each in group]

        of_students, of_references = side(students, "estimate"), side(references, "estimate")
        self.seed_places = np.array([each.place for each in of_students])
        self.reference_places = np.array([each.place for each in of_references])
        middle = Parts.average(of_students) - Parts.average(of_references)
        profiles, self.extreme = [middle], {-1: middle.place, 1: middle.place}
        if any((each.lower != each.upper).any() for each in (*students, *references)):
            low = Parts.average(side(students, "lower")) - Parts.average(side(references, "upper"))
            high = Parts.average(side(students, "upper")) - Parts.average(side(references, "lower"))
            profiles, self.extreme = [middle, low, high], {-1: low.place, 1: high.place}
        self.estimate, self.finite = middle.place, middle.finite
        several = len(middle.family) > 1
        self.spreads = [QuestionSpread.of(each) for each in profiles if each.finite and several]

        seeds, controls = len(students), len(references)
        self.se_seeds = mean_se(self.seed_places) if seeds > 1 else 0.0
        # one student's own training noise is seen in the controls alone
        of_controls = prediction_se if seeds == 1 else mean_se
        self.se_controls = of_controls(self.reference_places) if controls > 1 else 0.0
        self.training = [(self.se_seeds, seeds - 1), (self.se_controls, controls - 1)]
        self.training = [(se, df) for se, df in self.training if df > 0]
        self.sampled = any(each.draws is not None for each in (*students, *references))

    @property
    def se(self) -> float:
        if not self.finite:
            return math.nan
        return math.hypot(max(each.se for each in self.spreads), self.se_seeds, self.se_controls)

    def truncation(self, side: int) -> float:
        return abs(self.extreme[side] - self.estimate) if self.finite else math.inf

    def bound(self, alpha: float, side: int) -> float:
        if not self.finite:
            return side * math.inf
        bound = self.extreme[side] + side * combine(self._reaches(alpha, side))
        return max(-1.0, min(1.0, bound)) if self.scale == "probability" else bound

    def p_value(self, margin: float, side: int) -> float:
        """The alpha at which the bound on this side touches the margin."""
        distance = side * (margin - self.extreme[side]) if self.finite else -math.inf
        if math.isinf(distance) or math.isnan(distance):
            return 1.0
        if not self.training and not self.sampled:
            return max(each.p_value(distance, side) for each in self.spreads)
        if distance <= 0:
            return 1.0

        from scipy.optimize import brentq

        def gap(log_alpha: float) -> float:
            # sampling alone may leave the log-odds open, and a root finder needs a number
            return min(combine(self._reaches(math.exp(log_alpha), side)), 1e6) - distance

        tiny, half = math.log(1e-15), math.log(0.5)
        if gap(half) >= 0:
            return 0.5
        return 1e-15 if gap(tiny) <= 0 else math.exp(brentq(gap, tiny, half, xtol=1e-8))

    def _reaches(self, alpha: float, side: int) -> list[float]:
        """Of the questions first, then of training where there are several students or controls."""
        questions = max(each.reach(alpha, side) for each in self.spreads)
        if self.sampled:
            questions = max(questions, self._draws(alpha, side))
        return [questions, *(student_reach(se, df, alpha) for se, df in self.training)]

    def _draws(self, alpha: float, side: int) -> float:
        """The reach of sampling alone, by each side's own bounds (Newcombe 1998, method 10, with Clopper-Pearson)."""
        reaches = [0.0]
        for group, towards in ((self.students, side), (self.references, -side)):
            draws = [each.draws for each in group if each.draws is not None]
            if not draws:
                continue
            mean = float(np.mean([each.estimate.mean() for each in group]))
            bound = sampling_bounds(mean, effective_draws(draws), alpha)[(towards + 1) // 2]
            reaches.append(abs(log_odds(bound) - log_odds(mean)) if self.scale == "log_odds" else abs(bound - mean))
        return math.hypot(*reaches)


def _check(
    students: Sequence[Measured],
    references: Sequence[Measured],
    families: Sequence[str],
    margin: float,
    scale: str,
    alpha: float,
) -> None:
    if not students or not references:
        raise InputError("a shift needs one student and one reference at least")
    for each in (*students, *references):
        if len(each.lower) != len(families):
            raise InputError(f"{len(each.lower)} questions measured for {len(families)} families; give the same ones")
    if not (math.isfinite(margin) and margin > 0):
        raise InputError(f"margin {margin!r} must be a positive number")
    if scale == "probability" and margin >= 1:
        raise InputError(f"margin {margin!r} must be under 1 on the probability scale; it is a difference of chances")
    if not 0 < alpha < 0.5:
        raise InputError(f"alpha {alpha!r} must lie between 0 and 0.5")
    if scale not in ("probability", "log_odds"):
        raise InputError(f"unknown scale {scale!r}; choose probability or log_odds")
