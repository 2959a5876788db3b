"""Estimates, paired differences and corrections. Knows no Inspect and no torch."""

from traitbench.stats.decisions import Measured, Scale, ShiftTest, Verdict, decide, shift_test
from traitbench.stats.estimates import (
    Estimate,
    Shift,
    clustered_mean,
    holm,
    log_odds,
    paired_shift,
    shift_ranks,
)

__all__ = [
    "Estimate",
    "Measured",
    "Scale",
    "Shift",
    "ShiftTest",
    "Verdict",
    "clustered_mean",
    "decide",
    "holm",
    "log_odds",
    "paired_shift",
    "shift_ranks",
    "shift_test",
]
