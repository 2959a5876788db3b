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
from traitbench.stats.power import (
    Design,
    further_needed,
    minimum_detectable_effect,
    power_of_fail,
    power_of_pass,
)

__all__ = [
    "Design",
    "Estimate",
    "Measured",
    "Scale",
    "Shift",
    "ShiftTest",
    "Verdict",
    "clustered_mean",
    "decide",
    "further_needed",
    "holm",
    "log_odds",
    "minimum_detectable_effect",
    "paired_shift",
    "power_of_fail",
    "power_of_pass",
    "shift_ranks",
    "shift_test",
]
