"""How far may the mean shift lie from its estimate? One-sided reaches from the questions, the draws and the seeds.

Three sources, each a one-sided confidence reach at the same alpha:

- *Questions* (`Parts`, `QuestionSpread`). Student's t of the mean fails where a few questions carry the whole shift:
  where few of them were asked, the mean and its standard error are small together. Hall's transformation (1992, "On
  the removal of skewness by transformation", J. R. Stat. Soc. B 54, p. 221-228) corrects the t statistic for the
  estimated skewness and is monotone, so it inverts in closed form. It is applied twice, with the variance and skewness
  of family means and with those of single questions, and the widest reach counts, never less than t's: the first holds
  where paraphrases go together, the second sees carriers among n questions that a handful of family means hide.
- *Draws* (`sampling_bounds`). The variance between questions contains the binomial variance within them already; the
  draws alone are a floor under it, which matters where every sample came out alike.
- *Training* (`mean_se`, `prediction_se`, `student_reach`). Student's t on one number for each checkpoint.

Independent sources are put together in quadrature (`combine`), the method of variance estimates recovery: Zou and
Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine 27, p. 1693-1702.
It keeps each source's own degrees of freedom and asymmetry and needs no pooled degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, logit, stdtr, stdtrit

from traitbench.stats.estimates import Array

FAR, FAR_FACTOR = 3.0, 1.5
"""Where the correction for skewness ends (`widening`): found by simulation, benchmarks/calibration.md."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """A checkpoint's place on a scale, and what each question and each family adds to it beyond its share."""

    place: float
    family: Array
    """(n_families,) centred; their sum varies as the place does when families are drawn anew."""
    question: Array
    """(n_questions,) centred, likewise for single questions."""

    @classmethod
    def of_mean(cls, values: Array, codes: Codes) -> Parts:
        """The mean of `values`, (n_questions,); `codes`: (n_questions,) the family of each, 0 to n_families - 1."""
        mean = values.mean()
        question: Array = (values - mean) / len(values)
        return cls(float(mean), np.asarray(np.bincount(codes, weights=question), dtype=float), question)

    @classmethod
    def of_logit(cls, values: Array, codes: Codes) -> Parts:
        """The logit of the mean, its parts by the jackknife (Efron and Stein 1981, Ann. Stat. 9, p. 586-596).

        Close to the delta method where questions resemble each other; wider where few of them hold the mass, and
        infinite where one holds all of it.
        """
        total, n = values.sum(), len(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            without = [
                logit(np.clip((total - sums) / (n - sizes), 0, 1))
                for sums, sizes in (
                    (np.bincount(codes, weights=values), np.bincount(codes)),
                    (values, np.ones(n)),
                )
            ]
            family, question = ((len(each) - 1) / len(each) * (each.mean() - each) for each in without)
            return cls(float(logit(total / n)), family, question)

    @classmethod
    def average(cls, several: Sequence[Parts]) -> Parts:
        """Of checkpoints that answered the same questions."""
        if len(several) == 1:
            return several[0]
        with np.errstate(invalid="ignore"):
            return cls(
                float(np.mean([each.place for each in several])),
                np.mean([each.family for each in several], axis=0),
                np.mean([each.question for each in several], axis=0),
            )

    def __sub__(self, other: Parts) -> Parts:
        with np.errstate(invalid="ignore"):
            place = float(np.float64(self.place) - other.place)
            return Parts(place, self.family - other.family, self.question - other.question)

    @property
    def finite(self) -> bool:
        return math.isfinite(self.place) and bool(np.isfinite(self.family).all() and np.isfinite(self.question).all())


@dataclass(frozen=True)
class Moments:
    """Of the mean, seen at one level: its standard error and its skewness (third cumulant over se cubed)."""

    se: float
    skewness: float


@dataclass(frozen=True)
class QuestionSpread:
    """A mean over questions with what is needed to bound it, at the level of families and of single questions."""

    mean: float
    family: Moments
    question: Moments
    df: int
    """Families less one, at both levels: single questions are not independent enough to buy more."""

    @classmethod
    def of(cls, parts: Parts) -> QuestionSpread:
        """Of finite parts, two families or more.

        The family standard error of a mean is the cluster-robust one with statsmodels' correction G / (G - 1). Third
        cumulants are Fisher's k-statistics; with fewer than three units there is none and the skewness is 0.
        """
        return cls(parts.place, _moments(parts.family), _moments(parts.question), len(parts.family) - 1)

    @property
    def se(self) -> float:
        """The larger of the two levels' standard errors."""
        return max(self.family.se, self.question.se)

    @property
    def skewness(self) -> float:
        """The larger in size of the two levels'."""
        return max(self.family.skewness, self.question.skewness, key=abs)

    def reach(self, alpha: float, side: int) -> float:
        """From the mean to its one-sided 1 - alpha bound, upwards for side = 1, downwards for -1; never negative."""
        t = float(-stdtrit(self.df, alpha))
        family = self.family.se * _widened(t, self.df, side * self.family.skewness)
        question = self.question.se * _widened(t, self.df, side * self.question.skewness)
        return max(family, question)

    def p_value(self, distance: float, side: int) -> float:
        """One-sided p-value of "the true mean lies `distance` beyond the estimate or further, on this side"."""
        levels = (self.family, self.question)
        return max(_p_value(distance, each.se, self.df, side * each.skewness) for each in levels)


def _moments(parts: Array) -> Moments:
    """Of the sum of independent centred parts, shape (units,)."""
    units = len(parts)
    variance = float((parts**2).sum()) * units / (units - 1)
    if variance < 1e-300 or units < 3:
        return Moments(math.sqrt(max(variance, 0.0)), 0.0)
    third = float((parts**3).sum()) * units**2 / ((units - 1) * (units - 2))
    return Moments(math.sqrt(variance), third / variance**1.5)


def widening(alpha: float, df: int, skewness: float) -> float:
    """How many standard errors a one-sided 1 - alpha bound lies off the mean, never less than Student's t.

    `skewness`: of the mean, positive where its long tail lies on the side of the bound. Hall's cubic goes flat
    3 / skewness standard errors out and would then ask any number of them of a shift that nobody doubts; from
    three times the 95% reach of t on, one and a half times t is enough.
    """
    return _widened(float(-stdtrit(df, alpha)), df, skewness)


def _widened(t: float, df: int, skewness: float) -> float:
    if skewness <= 0:
        return t
    return max(t, min(-_hall_inverse(-t, skewness), max(FAR_FACTOR * t, FAR * _t95(df))))


def _p_value(distance: float, se: float, df: int, skewness: float) -> float:
    """The alpha at which `widening` standard errors make the distance."""
    if se == 0:
        return 0.0 if distance > 0 else 1.0
    statistic = -distance / se
    corrected = max(statistic, _hall(statistic, max(0.0, skewness)))
    if -statistic > FAR * _t95(df):
        corrected = min(corrected, statistic / FAR_FACTOR)
    return float(stdtr(df, corrected))


@lru_cache(maxsize=256)
def _t95(df: int) -> float:
    return float(stdtrit(df, 0.95))


def _hall(statistic: float, skewness: float) -> float:
    """Hall's transformation of a t statistic whose mean has this skewness (his gamma over root n; a = 1/3, b = 1/6)."""
    return statistic + skewness * statistic**2 / 3 + skewness**2 * statistic**3 / 27 + skewness / 6


def _hall_inverse(quantile: float, skewness: float) -> float:
    """The t statistic that the transformation maps to the quantile: a perfect cube, so a cube root undoes it."""
    if skewness < 1e-7:
        return quantile
    return float(np.cbrt(1 + skewness * (quantile - skewness / 6)) - 1) * 3 / skewness


def sampling_bounds(mean: float, draws: float, alpha: float) -> tuple[float, float]:
    """One-sided 1 - alpha Clopper-Pearson bounds of a mean proportion, each way.

    Questions differ in their probability; a sum of unequal Bernoulli draws has thinner tails than the binomial of
    the same mean (Hoeffding 1956, Ann. Math. Stat. 27, p. 713-721), so the bounds hold for the mean over questions.
    """
    hits = mean * draws
    lower = float(betaincinv(hits, draws - hits + 1, alpha)) if hits > 0 else 0.0
    upper = float(betaincinv(hits + 1, draws - hits, 1 - alpha)) if hits < draws else 1.0
    return lower, upper


def effective_draws(draws: Sequence[Array]) -> float:
    """How many draws of one proportion tell as much as these, question by question: shapes (n_questions,) each."""
    counts = np.concatenate([np.asarray(each, dtype=float) for each in draws])
    return float(len(counts) ** 2 / (1 / counts).sum())


def mean_se(values: Array) -> float:
    """Standard error of the mean of one number for each training run, shape (k,), two or more."""
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def prediction_se(values: Array) -> float:
    """Of one more training run about the mean of these, shape (k,): SD * sqrt(1 + 1/k).

    With t(k - 1) the prediction interval of a normal sample: Hahn and Meeker 1991, Statistical Intervals, section 4.7.
    """
    return float(values.std(ddof=1)) * math.sqrt(1 + 1 / len(values))


def student_reach(se: float, df: int, alpha: float) -> float:
    """Of a one-sided 1 - alpha bound by Student's t."""
    return float(-stdtrit(df, alpha)) * se


def combine(reaches: Sequence[float]) -> float:
    """The reach of a sum of independent estimates."""
    return math.hypot(*reaches)
