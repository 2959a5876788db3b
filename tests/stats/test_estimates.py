"""Estimates against closed forms written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from traitbench.stats import clustered_mean, holm, shift_ranks


def test_equal_families_give_the_t_interval_of_the_family_means() -> None:
    values = np.random.default_rng(0).beta(2, 5, (12, 5))
    families = [f"f{i}" for i in range(12) for _ in range(5)]
    found = clustered_mean(values.ravel(), families)
    means = values.mean(axis=1)
    # statsmodels' correction G/(G-1) * (n-1)/(n-k) with k = 1 makes it the standard error of the family means
    se = means.std(ddof=1) / math.sqrt(12)
    assert found.se == pytest.approx(se)
    reach = stats.t.ppf(0.975, 11) * se
    assert found.ci == pytest.approx((means.mean() - reach, means.mean() + reach))
    assert found.p_value == pytest.approx(stats.ttest_1samp(means, 0).pvalue)


def test_one_family_tells_nothing_of_variation() -> None:
    assert math.isnan(clustered_mean([0.1, 0.2], ["a", "a"]).se)


def test_nan_and_empty_input_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        clustered_mean([math.nan, 1.0], ["a", "b"])
    with pytest.raises(ValueError, match="0 values"):
        clustered_mean([], [])


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_overlapping_bounds_are_ties_both_ways() -> None:
    lower = {"owl": 0.2, "cat": 0.25, "dog": 0.5, "fox": 0.0}
    upper = {"owl": 0.3, "cat": 0.35, "dog": 0.6, "fox": 0.1}
    assert shift_ranks(lower, upper, "owl") == (2, 3)
    assert shift_ranks(lower, upper, "dog") == (1, 1)
    assert shift_ranks(lower, upper, "fox") == (4, 4)


def test_a_target_of_which_nothing_is_known_may_have_any_rank() -> None:
    names = ("owl", "cat", "dog")
    assert shift_ranks(dict.fromkeys(names, -1.0), dict.fromkeys(names, 1.0), "owl") == (1, 3)
