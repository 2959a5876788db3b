"""The simulation behind benchmarks/calibration.md: its checkpoints are what it says, and key cells stay calibrated."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


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


@pytest.mark.parametrize(
    ("shape", "sd", "limit"),
    [
        ("symmetric", 0.06, 0.05),
        ("symmetric, r = .4", 0.12, 0.05),
        ("skewed", 0.12, 0.07),
        ("skewed, r = .5", 0.06, 0.07),
    ],
)
def test_a_shift_on_the_margin_seldom_passes(shape: str, sd: float, limit: float) -> None:
    tests = list(checkpoints.simulated(checkpoints.Cell(12, 5, sd, shape), checkpoints.MARGIN, 1500))
    noise = 3 * np.sqrt(limit * (1 - limit) / 1500)
    assert checkpoints.single(tests, "PASS") <= limit + noise


def test_a_checkpoint_that_did_not_move_passes() -> None:
    tests = list(checkpoints.simulated(checkpoints.Cell(12, 5, 0.06, "symmetric, r = .4"), 0.0, 1000))
    assert checkpoints.single(tests, "PASS") >= 0.93
    assert not any("FAIL" in verdicts for verdicts in checkpoints.policies(tests))
