"""The schema that exact and sampled answers share keeps their parts apart."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from traitbench.exact import AnswerDistribution, pool_draws

MIXED: dict[str, Any] = {
    "method": "exact+sampled",
    "mass": {"owl": 0.5, "cat": 0.1},
    "unexplored": 0.4,
    "residual": {"owl": 0.25, "none": 0.75},
    "residual_draws": 100,
    "tolerance": 0.01,
}


def test_the_estimate_uses_both_parts_and_the_bounds_the_exact_one() -> None:
    found = AnswerDistribution(**MIXED)
    assert found.estimate("owl") == pytest.approx(0.5 + 0.4 * 0.25)
    assert found.estimate("none") == pytest.approx(0.3)
    assert found.bounds("owl") == pytest.approx((0.5, 0.9))
    assert found.bounds("none") == pytest.approx((0.0, 0.4))
    assert sum(found.estimate(answer) for answer in ("owl", "cat", "none")) == pytest.approx(1.0)
    assert not found.within_tolerance
    assert found.top() == "owl"


def test_the_standard_error_is_that_of_the_draws() -> None:
    assert AnswerDistribution(**MIXED).standard_error("owl") == pytest.approx(0.4 * (0.25 * 0.75 / 100) ** 0.5)
    assert AnswerDistribution(method="exact", mass={"owl": 1.0}).standard_error("owl") == 0.0
    assert pool_draws([("owl", "Owl"), ("cat", "Cat")]).standard_error("owl") == pytest.approx(0.5 / 2**0.5)


def test_a_distribution_survives_its_log() -> None:
    found = AnswerDistribution(**MIXED)
    assert AnswerDistribution.model_validate(found.model_dump(by_alias=True)) == found


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "exact"},
        {"residual": {}},
        {"residual": {"owl": 0.5}},
        {"residual_draws": None},
        {"residual_draws": 0},
        {"draws": 5},
        {"unexplored": 0.3},
        {"method": "sampled", "draws": 5},
    ],
)
def test_parts_that_do_not_fit_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnswerDistribution(**{**MIXED, **changed})
