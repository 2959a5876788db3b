"""Power against statsmodels' t test and against simulations written out here; what would decide against doing it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from traitbench.errors import InputError
from traitbench.stats import (
    Design,
    Measured,
    decide,
    further_needed,
    minimum_detectable_effect,
    power_of_fail,
    power_of_pass,
    shift_test,
)

Array = np.ndarray[Any, Any]
DESIGNS = [Design(12, 5, 0.06), Design(12, 5, 0.12, 0.4), Design(20, 3, 0.12, 0.3), Design(50, 1, 0.12)]


def t_power(design: Design, distance: float, alpha: float) -> float:
    within = (1 + (design.questions_per_family - 1) * design.correlation) / design.questions_per_family
    effect = distance / (design.question_sd * math.sqrt(within))
    return float(TTestPower().power(effect, design.n_families, alpha, alternative="larger"))


@pytest.mark.parametrize("design", DESIGNS)
def test_power_of_pass_lies_a_little_under_that_of_the_t_test_on_family_means(design: Design) -> None:
    found, plain = power_of_pass(design, 0.05), t_power(design, 0.05, 0.05)
    noise = 3 * math.sqrt(plain * (1 - plain) / 2000)
    assert plain - 0.08 <= found <= plain + noise


@pytest.mark.parametrize("design", DESIGNS)
def test_power_of_fail_lies_a_little_under_that_of_the_t_test_on_family_means(design: Design) -> None:
    for alpha, tests in ((0.05, 1), (0.05, 4)):
        found = power_of_fail(design, 0.05, shift=0.1, alpha=alpha, n_tests=tests)
        plain = t_power(design, 0.05, alpha / tests)
        assert plain - 0.1 <= found <= plain + 3 * math.sqrt(plain * (1 - plain) / 2000)


@pytest.mark.parametrize(
    "design",
    [
        Design(12, 5, 0.1, 0.3),
        Design(12, 5, 0.06, 0.3, n_seeds=3, training_sd=0.02),
        Design(12, 5, 0.06, 0.3, n_controls=4, training_sd=0.01),
    ],
)
def test_power_is_how_often_simulated_checkpoints_pass_and_fail(design: Design) -> None:
    rng = np.random.default_rng(1)
    families = [f"f{g}" for g in range(12) for _ in range(5)]
    passed = failed = 0
    runs = 600
    for _ in range(runs):
        shared = np.repeat(rng.normal(0, math.sqrt(design.correlation), 12), 5)
        effect = design.question_sd * (shared + rng.normal(0, math.sqrt(1 - design.correlation), 60))
        loud = design.training_sd if design.n_seeds > 1 or design.n_controls > 1 else 0.0
        students = [0.45 + effect + rng.normal(0, loud) for _ in range(design.n_seeds)]
        fixed = design.n_controls == 1
        controls = [np.full(60, 0.45) + (0 if fixed else rng.normal(0, loud)) for _ in range(design.n_controls)]
        for shift, wanted in ((0.0, "PASS"), (0.1, "FAIL")):
            found = shift_test(
                [exact(s + shift) for s in students], [exact(c) for c in controls], families, margin=0.05
            )
            hit = decide([found]) == [wanted]
            passed, failed = passed + (hit and wanted == "PASS"), failed + (hit and wanted == "FAIL")
    for share, power in (
        (passed / runs, power_of_pass(design, 0.05)),
        (failed / runs, power_of_fail(design, 0.05, shift=0.1)),
    ):
        noise = math.sqrt(power * (1 - power) * (1 / runs + 1 / 2000))
        assert abs(share - power) < 4 * noise + 1e-9


def exact(values: Array) -> Measured:
    return Measured(np.clip(values, 0, 1), np.clip(values, 0, 1))


@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_the_minimum_detectable_effect_is_found_with_its_power(power: float) -> None:
    design = Design(12, 5, 0.06, 0.3)
    effect = minimum_detectable_effect(design, 0.05, power=power, n_tests=20)
    assert power_of_fail(design, 0.05, shift=effect, n_tests=20) == pytest.approx(power, abs=0.005)
    # statsmodels: the distance from the margin that a t test on family means finds; the safeguard asks for more
    sd = 0.06 * math.sqrt((1 + 4 * 0.3) / 5)
    plain = sd * TTestPower().solve_power(None, 12, 0.05 / 20, power, alternative="larger")
    assert plain * 0.95 < effect - 0.05 < plain * 1.5


def test_power_grows_with_questions_and_margin_and_falls_with_the_shift() -> None:
    few, many = Design(8, 3, 0.1, 0.3), Design(24, 3, 0.1, 0.3)
    assert power_of_pass(few, 0.05) < power_of_pass(many, 0.05)
    assert power_of_pass(few, 0.05) < power_of_pass(few, 0.1)
    assert power_of_pass(few, 0.05, shift=0.02) < power_of_pass(few, 0.05)
    assert minimum_detectable_effect(few, 0.05) > minimum_detectable_effect(many, 0.05) > 0.05


def skewless(sd: float, families: int, each: int) -> Array:
    half = np.linspace(0.2, 1.8, families // 2)
    means = np.concatenate([-half, half])
    return np.repeat(means * sd / means.std(ddof=1), each)


def open_test(families: int, seeds: list[float] | None = None, controls: list[float] | None = None) -> Any:
    effect = 0.45 + 0.02 + skewless(0.08, families, 4)
    students = [exact(effect + s) for s in seeds or [0.0]]
    references = [exact(np.full(families * 4, 0.45) + c) for c in controls or [0.0]]
    return shift_test(students, references, [f"f{i // 4}" for i in range(families * 4)], margin=0.05)


def test_the_further_questions_decide_when_they_are_like_those_asked() -> None:
    test = open_test(12)
    assert decide([test]) == ["INCONCLUSIVE"]
    further = further_needed(test)["questions"]
    assert further is not None
    families = 12 + further // 4
    assert decide([open_test(families + families % 2)]) == ["PASS"]
    assert decide([open_test(families - 4 - families % 2)]) == ["INCONCLUSIVE"]


def test_further_seeds_and_controls_decide_where_they_are_what_is_wide() -> None:
    test = open_test(60, seeds=[-0.03, 0.0, 0.03])
    further = further_needed(test)
    assert decide([test]) == ["INCONCLUSIVE"]
    assert (further["questions"], further["controls"]) == (None, None)
    total = 3 + (further["seeds"] or 0)
    spread = np.linspace(-1, 1, total)
    assert decide([open_test(60, seeds=list(0.03 * spread / spread.std(ddof=1)))]) == ["PASS"]

    drifting = open_test(60, controls=[-0.008, 0.008])
    more = further_needed(drifting)["controls"]
    assert decide([drifting]) == ["INCONCLUSIVE"]
    assert more is not None
    spread = np.linspace(-1, 1, 2 + more)
    assert decide([open_test(60, controls=list(0.0113 * spread / spread.std(ddof=1)))]) == ["PASS"]


def test_nothing_further_decides_a_shift_on_the_margin_or_a_distribution_left_unexplored() -> None:
    nothing = {"questions": None, "seeds": None, "controls": None}
    families = [f"f{i // 4}" for i in range(48)]
    base, effect = np.full(48, 0.45), skewless(0.08, 12, 4)
    on_margin = shift_test([exact(base + 0.05 + effect)], [exact(base)], families, margin=0.05)
    assert further_needed(on_margin)["questions"] is None
    unexplored = shift_test([Measured(base - 0.04, base + 0.04)], [exact(base)], families, margin=0.03)
    assert decide([unexplored]) == ["INCONCLUSIVE"]
    assert further_needed(unexplored) == nothing
    one_family = shift_test([exact(base)], [exact(base)], ["f"] * 48, margin=0.05)
    assert further_needed(one_family) == nothing


def test_a_decided_test_needs_nothing_further() -> None:
    families = [f"f{i // 4}" for i in range(48)]
    base = np.full(48, 0.45)
    for shift in (0.0, 0.4):
        test = shift_test([exact(base + shift + skewless(0.03, 12, 4))], [exact(base)], families, margin=0.05)
        assert further_needed(test) == {"questions": 0, "seeds": 0, "controls": 0}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Design(1, 5, 0.06),
        lambda: Design(12, 0, 0.06),
        lambda: Design(12, 5, 0.0),
        lambda: Design(12, 5, 0.06, correlation=1.5),
        lambda: Design(12, 5, 0.06, training_sd=-1.0),
        lambda: minimum_detectable_effect(Design(12, 5, 0.06), 0.05, power=1.0),
    ],
)
def test_an_impossible_design_is_refused(make: Any) -> None:
    with pytest.raises(InputError):
        make()
