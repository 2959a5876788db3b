"""What statistics get to see of computed, sampled and partly sampled answers."""

from __future__ import annotations

import pytest

from traitbench.exact import AnswerDistribution, pool_draws
from traitbench.runner.measuring import measured, measured_alike

EXACT = AnswerDistribution(method="exact", mass={"owl": 0.4, "cat": 0.59}, unexplored=0.01, tolerance=0.01)
PARTLY = AnswerDistribution(
    method="exact+sampled",
    mass={"owl": 0.3},
    unexplored=0.7,
    residual={"owl": 0.25, "none": 0.75},
    residual_draws=40,
    tolerance=0.01,
)
SAMPLED = pool_draws([("owl", "Owl"), ("cat", "Cat"), ("cat", "cat"), ("none", "?")])


def test_computed_answers_bring_their_certified_bounds() -> None:
    found = measured([EXACT, EXACT], "owl")
    assert found.lower.tolist() == pytest.approx([0.4, 0.4])
    assert found.upper.tolist() == pytest.approx([0.41, 0.41])
    assert found.draws is None


def test_a_sampled_rest_counts_by_its_unbiased_estimate_and_its_draws() -> None:
    found = measured([EXACT, PARTLY], "owl")
    assert found.lower.tolist() == pytest.approx([0.4, 0.3 + 0.7 * 0.25])
    assert found.upper.tolist() == pytest.approx([0.41, 0.3 + 0.7 * 0.25])
    assert found.draws is not None
    assert found.draws[1] == 40
    assert found.draws[0] > 10**6


def test_sampled_answers_are_fractions_of_their_draws() -> None:
    found = measured([SAMPLED], "cat")
    assert found.lower.tolist() == found.upper.tolist() == [0.5]
    assert found.draws is not None
    assert found.draws.tolist() == [4]


def test_equal_sides_share_an_object_only_where_a_rest_was_sampled() -> None:
    partly = measured_alike([[PARTLY], [PARTLY.model_copy()]], "owl")
    assert partly[0] is partly[1]
    sampled = measured_alike([[SAMPLED], [SAMPLED.model_copy()]], "owl")
    assert sampled[0] is not sampled[1]
