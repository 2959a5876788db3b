"""Estimates against closed forms written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from traitbench.stats import clustered_mean, holm, paired_shift, shift_ranks


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


def test_a_checkpoint_against_itself_differs_by_exactly_nothing() -> None:
    values = [0.1, 0.2, 0.3, 0.4]
    shift = paired_shift(values, values, ["a", "a", "b", "b"])
    assert shift.difference.mean == 0.0
    assert shift.difference.ci == (0.0, 0.0)
    assert shift.difference.p_value == 1.0
    assert shift.log_odds is not None
    assert shift.log_odds.mean == pytest.approx(0.0)


def test_the_log_odds_shift_is_of_the_means() -> None:
    shift = paired_shift([0.5, 0.7], [0.1, 0.3], ["a", "b"])
    assert shift.log_odds is not None
    assert shift.log_odds.mean == pytest.approx(math.log(0.6 / 0.4) - math.log(0.2 / 0.8))
    assert paired_shift([0.0, 0.0], [0.1, 0.3], ["a", "b"]).log_odds is None


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


def test_overlapping_bounds_are_ties() -> None:
    lower = {"owl": 0.2, "cat": 0.25, "dog": 0.5}
    upper = {"owl": 0.3, "cat": 0.35, "dog": 0.6}
    assert shift_ranks(lower, upper, "owl") == 2
    assert shift_ranks(lower, upper, "dog") == 1
