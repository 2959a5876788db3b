"""What a scorecard shows, against closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from traitbench.stats import Measured, mean_preference, shift_interval

FAMILIES = [f"f{i}" for i in range(12) for _ in range(5)]


def exact(values: np.ndarray) -> Measured:
    return Measured(values, values)


def test_the_interval_of_one_reference_is_two_sided_and_holds_the_t_interval() -> None:
    rng = np.random.default_rng(1)
    student, reference = rng.uniform(0.3, 0.5, 60), rng.uniform(0.1, 0.2, 60)
    found = shift_interval([exact(student)], [exact(reference)], FAMILIES)
    means = (student - reference).reshape(12, 5).mean(axis=1)
    low, high = stats.t.interval(0.95, 11, means.mean(), means.std(ddof=1) / math.sqrt(12))
    assert found.estimate == pytest.approx(means.mean())
    assert found.ci[0] <= low + 1e-12
    assert high - 1e-12 <= found.ci[1]
    assert found.p_value < 0.001


def test_log_odds_are_of_the_means() -> None:
    found = shift_interval([exact(np.array([0.5, 0.7]))], [exact(np.array([0.1, 0.3]))], ["a", "b"], scale="log_odds")
    assert found.estimate == pytest.approx(math.log(0.6 / 0.4) - math.log(0.2 / 0.8))


def test_a_checkpoint_against_itself_differs_by_exactly_nothing() -> None:
    values = np.random.default_rng(2).uniform(0.1, 0.9, 60)
    found = shift_interval([exact(values)], [exact(values.copy())], FAMILIES)
    assert (found.estimate, found.ci, found.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_samples_that_came_out_alike_have_the_interval_of_their_draws() -> None:
    """60 of 60 draws: Clopper-Pearson gives (0.025 ** (1 / 60), 1)."""
    ones = Measured(np.ones(60), np.ones(60), np.ones(60, dtype=int))
    found = mean_preference(ones, FAMILIES)
    assert found.ci[0] == pytest.approx(0.025 ** (1 / 60))
    assert found.ci[1] == 1.0
    zeros = Measured(np.zeros(60), np.zeros(60), np.ones(60, dtype=int))
    assert shift_interval([ones], [zeros], FAMILIES).ci[0] < 1.0


@pytest.mark.parametrize(("p", "draws"), [(0.98, 1), (0.03, 1), (0.0002, 50)])
def test_sampled_intervals_cover_near_the_edges(p: float, draws: int) -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        values = rng.binomial(draws, p, 60) / draws
        low, high = mean_preference(Measured(values, values, np.full(60, draws)), FAMILIES).ci
        covered += low <= p <= high
    assert covered / 300 > 0.92


def test_two_checkpoints_that_differ_by_rounding_alone_have_no_small_p_value() -> None:
    values = np.full(60, 0.05)
    shaken = values + np.where(np.arange(60) % 2, 1e-17, -1e-17) * np.arange(60)
    shift = shift_interval([Measured(shaken, shaken)], [Measured(values, values)], [f"f{i % 12}" for i in range(60)])
    assert shift.ci[0] <= 0 <= shift.ci[1]
    assert shift.p_value > 0.05
