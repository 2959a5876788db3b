"""What a scorecard shows of a mean and of a shift: estimate, two-sided interval, p-value of no shift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from traitbench.stats.decisions import Measured, Scale, shift_test
from traitbench.stats.estimates import Estimate, clustered_mean
from traitbench.stats.intervals import effective_draws, sampling_bounds

_NO_SHIFT = 1e-300
"""A shift test wants a margin above zero; this one is lost beside the smallest standard error."""


@dataclass(frozen=True)
class ShiftInterval:
    """A shift with its interval; NaN and infinite where nothing can be said."""

    estimate: float
    ci: tuple[float, float]
    p_value: float
    """Two-sided, of no shift."""


def mean_preference(measured: Measured, families: Sequence[str], level: float = 0.95) -> Estimate:
    """The mean over questions, clustered by family; where answers were sampled, no narrower than their draws allow.

    The variance between questions holds that of the draws already, except where every sample came out alike: then
    Clopper-Pearson's bounds of the pooled draws are the floor.
    """
    found = clustered_mean(measured.estimate, families, level)
    if measured.draws is None or not math.isfinite(found.ci[0]):
        return found
    low, high = sampling_bounds(found.mean, effective_draws([measured.draws]), (1 - level) / 2)
    ci = (min(low, found.ci[0]), max(high, found.ci[1]))
    return Estimate(found.mean, found.se, ci, found.p_value, found.n, found.n_families)


def shift_interval(
    students: Sequence[Measured],
    references: Sequence[Measured],
    families: Sequence[str],
    *,
    scale: Scale = "probability",
    level: float = 0.95,
) -> ShiftInterval:
    """The bounds of `shift_test` on both sides; with truncation, draws and the drift of several controls in them."""
    test = shift_test(students, references, families, margin=_NO_SHIFT, scale=scale, alpha=(1 - level) / 2)
    p_value = min(1.0, 2 * min(test.p_shift, test.p_no_shift))
    if test.lower == test.upper == 0:  # a checkpoint against itself
        p_value = 1.0
    return ShiftInterval(test.estimate, (test.lower, test.upper), p_value)
