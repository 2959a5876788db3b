"""Estimates, paired differences and corrections. Knows no Inspect and no torch."""

from traitbench.stats.estimates import (
    Estimate,
    Shift,
    clustered_mean,
    holm,
    log_odds,
    paired_shift,
    shift_ranks,
)

__all__ = ["Estimate", "Shift", "clustered_mean", "holm", "log_odds", "paired_shift", "shift_ranks"]
