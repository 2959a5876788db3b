"""The simulation behind benchmarks/calibration.md: its checkpoints are what it says, and key cells stay calibrated."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traitbench.stats import decide, shift_test


def load(name: str) -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


checkpoints = load("checkpoints")
SHAPES = list(checkpoints.SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sd", checkpoints.SDS)
def test_effects_have_the_mean_the_sd_and_the_correlation_they_claim(shape: str, sd: float) -> None:
    cell = checkpoints.Cell(12, 5, sd, shape)
    drawn = checkpoints.effects(cell, np.random.default_rng(0), 20_000).reshape(-1, 5)
    assert drawn.mean() == pytest.approx(0, abs=4 * sd / np.sqrt(len(drawn)))
    assert drawn.std() == pytest.approx(sd, rel=0.02)
    expected = {"symmetric, r = .4": 0.4, "skewed, r = .5": 0.5, "skewed, whole families": 1.0}.get(shape, 0.0)
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("shape", SHAPES[2:])
def test_the_floor_is_how_often_no_carrier_was_asked(shape: str) -> None:
    cell = checkpoints.Cell(12, 5, 0.2, shape)
    drawn = checkpoints.effects(cell, np.random.default_rng(1), 20_000)
    none = (drawn < 0).all(axis=1).mean()
    assert none == pytest.approx(cell.floor, abs=0.015)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.1])
@pytest.mark.parametrize(("seeds", "controls"), [(1, 1), (3, 1), (1, 3), (3, 4)])
def test_all_at_once_the_bounds_and_verdicts_are_the_gates_own(shift: float, seeds: int, controls: int) -> None:
    for shape in SHAPES:
        cell = checkpoints.Cell(12, 5, 0.12, shape, seeds, controls=controls, noise=0.01, redrawn=seeds > 1)
        batch = checkpoints.simulated(cell, shift, 20)
        tests = list(batch.tests())
        lower, upper = batch.bounds()
        assert lower == pytest.approx([test.lower for test in tests], abs=1e-9)
        assert upper == pytest.approx([test.upper for test in tests], abs=1e-9)
        alone = [decide([test])[0] for test in tests]
        assert list(batch.passed()) == [verdict == "PASS" for verdict in alone]
        assert list(batch.failed()) == [verdict == "FAIL" for verdict in alone]
        among = [decide([test] + [nothing()] * 19)[0] for test in tests]
        assert list(batch.failed(20)) == [verdict == "FAIL" for verdict in among]
        assert bool(batch.failed(20).any()) == ("FAIL" in decide(tests))  # twenty of them, one policy


def nothing() -> Any:
    base = checkpoints.measured(np.linspace(0.1, 0.9, 4))
    return shift_test([base], [base], ["a", "a", "b", "b"], margin=0.05)


@pytest.mark.parametrize(
    ("shape", "sd", "limit"),
    [
        ("symmetric", 0.06, 0.05),
        ("symmetric, r = .4", 0.12, 0.05),
        ("skewed", 0.12, 0.07),
        ("skewed, r = .5", 0.06, 0.07),
    ],
)
@pytest.mark.parametrize("seeds", [1, 3, 8])
def test_a_shift_on_the_margin_seldom_passes(shape: str, sd: float, limit: float, seeds: int) -> None:
    batch = checkpoints.simulated(checkpoints.Cell(12, 5, sd, shape, seeds), checkpoints.MARGIN, 4000)
    assert batch.passed().mean() <= limit + 3 * np.sqrt(limit * (1 - limit) / 4000)


def test_a_checkpoint_that_did_not_move_passes_and_none_of_twenty_fails() -> None:
    batch = checkpoints.simulated(checkpoints.Cell(12, 5, 0.06, "symmetric, r = .4"), 0.0, 4000)
    assert batch.passed().mean() >= 0.9
    assert not batch.failed(20).any()
