"""Scores a checkpoint: plan -> inspect eval_set -> Scorecard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitbench.runner.scorecard import Scorecard

if TYPE_CHECKING:
    from traitbench.runner.scoring import score

__all__ = ["Scorecard", "score"]


def __getattr__(name: str) -> Any:
    if name == "score":
        from traitbench.runner.scoring import score

        return score
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
