"""Means over questions with intervals clustered by question family, Holm's correction, ranks.

Questions of a family are paraphrases of one frame, so the family is the unit that varies. Standard errors are the
cluster-robust ones of an intercept-only regression (Liang and Zeger 1986, as in statsmodels), intervals use Student's
t with one degree of freedom less than there are families. They speak of questions like these, for this checkpoint;
the truncation of exact answers (`bounds`) is reported apart from them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval. `se` and `ci` are NaN where a single family tells nothing of variation."""

    mean: float
    se: float
    ci: tuple[float, float]
    p_value: float
    """Two-sided, of a mean of zero; 1 where every value is zero."""
    n: int
    n_families: int


def clustered_mean(values: Sequence[float] | Array, families: Sequence[str], level: float = 0.95) -> Estimate:
    """The mean of `values`, shape (n,), clustered by `families`, shape (n,).

    Raises ValueError for no values, unequal lengths or NaN.
    """
    from scipy.stats import t as student
    from statsmodels.regression.linear_model import OLS

    data = np.asarray(values, dtype=float)
    if len(data) == 0 or len(data) != len(families):
        raise ValueError(f"{len(data)} values for {len(families)} families")
    if not np.isfinite(data).all():
        raise ValueError("a value is not a finite number")
    mean, n, groups = float(data.mean()), len(data), len(set(families))
    if np.ptp(data) == 0 and groups > 1:  # nothing varies: a checkpoint against itself differs by exactly nothing
        return Estimate(mean, 0.0, (mean, mean), 1.0 if mean == 0 else 0.0, n, groups)
    if groups < 2:
        return Estimate(mean, math.nan, (math.nan, math.nan), math.nan, n, groups)
    codes = family_codes(families)
    fit = OLS(data, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    se, df = float(fit.bse[0]), groups - 1
    reach = float(student.ppf(0.5 + level / 2, df)) * se
    p_value = float(2 * student.sf(abs(mean) / se, df)) if se > 0 else float(mean == 0)
    return Estimate(mean, se, (mean - reach, mean + reach), p_value, n, groups)


def family_codes(families: Sequence[str]) -> npt.NDArray[np.int64]:
    """(n,) the number of each question's family, 0 to n_families - 1 in alphabetical order. Read-only."""
    return _codes(tuple(families))


@lru_cache(maxsize=256)
def _codes(families: tuple[str, ...]) -> npt.NDArray[np.int64]:
    # the same few lists come again and again: every measurement of a probe set has its families
    codes = np.unique(np.asarray(families), return_inverse=True)[1]
    codes.setflags(write=False)
    return codes


def log_odds(probability: float) -> float:
    """The logit; infinite at 0 and 1."""
    if probability <= 0:
        return -math.inf
    if probability >= 1:
        return math.inf
    return math.log(probability / (1 - probability))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of p-values (Holm 1979, Scand. J. Stat. 6, p. 65-70). NaN stays NaN and counts as a
    test.

    statsmodels' multipletests gives the same numbers, but runs the garbage collector in every call.
    """
    n, adjusted, so_far = len(p_values), [math.nan] * len(p_values), 0.0
    ranked = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    for rank, (p, i) in enumerate(ranked):
        so_far = max(so_far, min(1.0, (n - rank) * p))
        adjusted[i] = so_far
    return adjusted


def shift_ranks(lower: dict[str, float], upper: dict[str, float], target: str) -> tuple[int, int]:
    """The target's best and worst rank by shift, from 1: overlapping bounds are ties, in which either may lead.

    Best: one more than the members whose whole bounds lie above the target's. Worst: all members but those whose whole
    bounds lie below the target's. A target that is first beyond doubt has (1, 1), one of which nothing is known (1, n).
    """
    others = [member for member in lower if member != target]
    above = sum(lower[member] > upper[target] for member in others)
    below = sum(upper[member] < lower[target] for member in others)
    return 1 + above, 1 + len(others) - below
