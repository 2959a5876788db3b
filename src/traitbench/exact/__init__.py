"""Exact answer distributions of a local causal language model. Knows no Inspect and no catalogue.

`AnswerDistribution` needs no torch; the rest imports it at the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitbench.exact.distribution import AnswerDistribution, pool_draws

if TYPE_CHECKING:
    from traitbench.exact.closed import ClosedAnswers, closed_answers, score_candidates
    from traitbench.exact.completions import open_answers
    from traitbench.exact.precision import Asked, NoiseFloor, noise_floor
    from traitbench.exact.sampling import DrawnAnswer, draw_answers

__all__ = [
    "AnswerDistribution",
    "Asked",
    "ClosedAnswers",
    "DrawnAnswer",
    "NoiseFloor",
    "closed_answers",
    "draw_answers",
    "noise_floor",
    "open_answers",
    "pool_draws",
    "score_candidates",
]

_WHERE = {
    "Asked": "precision",
    "ClosedAnswers": "closed",
    "DrawnAnswer": "sampling",
    "NoiseFloor": "precision",
    "closed_answers": "closed",
    "draw_answers": "sampling",
    "noise_floor": "precision",
    "open_answers": "completions",
    "score_candidates": "closed",
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"traitbench.exact.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
