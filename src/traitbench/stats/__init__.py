"""Estimates, paired differences and corrections. Knows no Inspect and no torch."""

from traitbench.stats.decisions import Measured, Scale, ShiftTest, Verdict, decide, shift_bounds, shift_test
from traitbench.stats.estimates import (
    Estimate,
    clustered_mean,
    holm,
    log_odds,
    shift_ranks,
)
from traitbench.stats.power import (
    Design,
    further_needed,
    minimum_detectable_effect,
    power_of_fail,
    power_of_pass,
)
from traitbench.stats.summaries import ShiftInterval, mean_preference, shift_interval

__all__ = [
    "Design",
    "Estimate",
    "Measured",
    "Scale",
    "ShiftInterval",
    "ShiftTest",
    "Verdict",
    "clustered_mean",
    "decide",
    "further_needed",
    "holm",
    "log_odds",
    "mean_preference",
    "minimum_detectable_effect",
    "power_of_fail",
    "power_of_pass",
    "shift_bounds",
    "shift_interval",
    "shift_ranks",
    "shift_test",
]
