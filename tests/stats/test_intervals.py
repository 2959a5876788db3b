"""Each source of uncertainty against scipy, statsmodels, a published value or brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from traitbench.stats.intervals import (
    FAR,
    Parts,
    QuestionSpread,
    combine,
    effective_draws,
    mean_se,
    prediction_se,
    sampling_bounds,
    student_reach,
    widening,
)

UNEQUAL = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 4, 5, 5])
VALUES = np.random.default_rng(3).beta(1, 4, len(UNEQUAL))


def test_the_family_standard_error_is_statsmodels_clustered_one_for_unequal_families() -> None:
    fit = OLS(VALUES, np.ones(len(VALUES))).fit(cov_type="cluster", cov_kwds={"groups": UNEQUAL})
    spread = QuestionSpread.of(Parts.of_mean(VALUES, UNEQUAL))
    assert spread.family.se == pytest.approx(fit.bse[0])
    assert spread.mean == pytest.approx(VALUES.mean())
    assert spread.df == 5


def test_standard_error_and_skewness_of_single_questions_are_scipys() -> None:
    level = QuestionSpread.of(Parts.of_mean(VALUES, UNEQUAL)).question
    assert level.se == pytest.approx(stats.sem(VALUES))
    # the skewness of a mean is that of a value over the root of their number
    assert level.skewness == pytest.approx(stats.skew(VALUES, bias=False) / math.sqrt(len(VALUES)))


def test_family_skewness_of_equal_families_is_that_of_the_family_means() -> None:
    values = np.random.default_rng(4).exponential(size=(9, 4))
    level = QuestionSpread.of(Parts.of_mean(values.ravel(), np.repeat(np.arange(9), 4))).family
    means = values.mean(axis=1)
    assert level.se == pytest.approx(stats.sem(means))
    assert level.skewness == pytest.approx(stats.skew(means, bias=False) / 3)


def test_two_families_have_no_skewness() -> None:
    assert QuestionSpread.of(Parts.of_mean(np.array([0.1, 0.4]), np.array([0, 1]))).family.skewness == 0.0


@given(st.floats(0.001, 0.4), st.integers(2, 60), st.floats(-1, 1))
def test_the_bound_is_where_halls_polynomial_meets_the_quantile(alpha: float, df: int, skewness: float) -> None:
    reach = widening(alpha, df, skewness)
    plain = -stats.t.ppf(alpha, df)
    assert reach >= plain * (1 - 1e-12)
    if skewness <= 0:
        assert reach == pytest.approx(plain)
    elif plain * (1 + 1e-9) < reach < max(1.5 * plain, FAR * stats.t.ppf(0.95, df)) * (1 - 1e-9):
        # Hall 1992, eq. for g with a = 1/3, b = 1/6, in n and gamma: skewness = gamma / sqrt(n) with n = 25
        n, gamma, a, b = 25, skewness * 5, 1 / 3, 1 / 6
        x = -reach / math.sqrt(n)
        g = x + a * gamma * x**2 + a**2 * gamma**2 * x**3 / 3 + b * gamma / n
        assert math.sqrt(n) * g == pytest.approx(-plain, rel=1e-6, abs=1e-6)


def test_published_quantiles_of_student() -> None:
    assert widening(0.05, 11, 0.0) == pytest.approx(1.796, abs=5e-4)  # any table of t
    assert widening(0.025, 2, 0.0) == pytest.approx(4.303, abs=5e-4)


@given(st.integers(0, 10_000), st.sampled_from([-1, 1]), st.floats(0.001, 0.3))
def test_the_p_value_is_where_the_bound_touches(seed: int, side: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.exponential(size=24) * (rng.random(24) < 0.5)
    spread = QuestionSpread.of(Parts.of_mean(values, np.repeat(np.arange(8), 3)))
    reach = spread.reach(alpha, side)
    if reach == 0:
        return
    assert spread.p_value(reach * 1.0001, side) <= alpha * 1.001
    assert spread.p_value(reach * 0.9999, side) >= alpha * 0.999


def test_the_parts_of_a_logit_are_leave_one_out_differences() -> None:
    def logit(p: float) -> float:
        return math.log(p / (1 - p))

    parts = Parts.of_logit(VALUES, UNEQUAL)
    assert parts.place == pytest.approx(logit(VALUES.mean()))
    for units, found in ((UNEQUAL, parts.family), (np.arange(len(VALUES)), parts.question)):
        without = [logit(VALUES[units != unit].mean()) for unit in np.unique(units)]
        k = len(without)
        jackknife = math.sqrt((k - 1) / k * sum((each - np.mean(without)) ** 2 for each in without))
        assert math.sqrt((found**2).sum() * k / (k - 1)) == pytest.approx(jackknife)


def test_the_logits_standard_error_is_near_statsmodels_robust_logistic_regression() -> None:
    values = np.random.default_rng(5).beta(4, 6, 200)
    codes = np.repeat(np.arange(50), 4)
    fit = GLM(values, np.ones(200), family=Binomial()).fit(cov_type="cluster", cov_kwds={"groups": codes})
    spread = QuestionSpread.of(Parts.of_logit(values, codes))
    assert spread.mean == pytest.approx(fit.params[0])
    assert spread.family.se == pytest.approx(fit.bse[0], rel=0.01)


def test_a_family_that_holds_all_the_mass_leaves_the_logit_open() -> None:
    values = np.array([0.5, 0.5, 0, 0, 0, 0])
    assert not Parts.of_logit(values, np.array([0, 0, 1, 1, 2, 2])).finite
    assert not Parts.of_logit(np.zeros(4), np.array([0, 0, 1, 1])).finite


@pytest.mark.parametrize(("hits", "draws"), [(0, 60), (3, 60), (30, 60), (60, 60), (7, 2000)])
@pytest.mark.parametrize("alpha", [0.05, 0.0025])
def test_sampling_bounds_are_statsmodels_clopper_pearson(hits: int, draws: int, alpha: float) -> None:
    low, high = proportion_confint(hits, draws, alpha=2 * alpha, method="beta")
    assert sampling_bounds(hits / draws, draws, alpha) == pytest.approx((np.nan_to_num(low), high))


def test_sampling_bounds_hold_for_unequal_questions_by_enumeration() -> None:
    # five questions of two draws each: all 3^5 outcomes with their probabilities
    for chances in ([0.02, 0.02, 0.02, 0.02, 0.9], [0.0, 0.0, 0.5, 1.0, 1.0], [0.3] * 5):
        missed = 0.0
        for hits in itertools.product(range(3), repeat=5):
            weight = math.prod(stats.binom.pmf(h, 2, p) for h, p in zip(hits, chances, strict=True))
            missed += weight * (sampling_bounds(sum(hits) / 10, 10, 0.05)[1] < np.mean(chances))
        assert missed <= 0.05


def test_effective_draws_keep_the_variance_of_a_mean_of_equal_questions() -> None:
    assert effective_draws([np.full(10, 5), np.full(10, 5)]) == pytest.approx(100)
    counts = np.array([1, 4, 4])
    variance = (0.25 / counts).sum() / 9
    assert 0.25 / effective_draws([counts]) == pytest.approx(variance)


def test_seeds_reach_as_scipys_t_interval() -> None:
    seeds = np.array([0.08, 0.36, 0.0])
    high = stats.ttest_1samp(seeds, 0).confidence_interval(0.9).high
    assert student_reach(mean_se(seeds), 2, 0.05) == pytest.approx(high - seeds.mean())


def test_the_prediction_reach_is_statsmodels_and_the_published_factor() -> None:
    controls = np.array([0.01, 0.03, 0.02, 0.05, 0.02])
    fit = OLS(controls, np.ones(5)).fit()
    high = fit.get_prediction(np.ones((1, 1))).summary_frame(alpha=0.1)["obs_ci_upper"].iloc[0]
    assert student_reach(prediction_se(controls), 4, 0.05) == pytest.approx(high - controls.mean())
    # Hahn and Meeker 1991, two-sided 95% factor for one future observation, n = 5: 3.04
    assert student_reach(prediction_se(controls), 4, 0.025) / controls.std(ddof=1) == pytest.approx(3.04, abs=5e-3)


def test_sources_in_quadrature_cover_a_difference_of_two_small_samples() -> None:
    rng = np.random.default_rng(6)
    first, second = rng.normal(0, 1, (4000, 4)), rng.normal(0, 3, (4000, 6))
    covered = sum(
        a.mean() - b.mean() + combine([student_reach(mean_se(a), 3, 0.05), student_reach(mean_se(b), 5, 0.05)]) > 0
        for a, b in zip(first, second, strict=True)
    )
    assert covered / 4000 == pytest.approx(0.95, abs=0.012)
    assert combine([3.0, 4.0]) == 5.0
