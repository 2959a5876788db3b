"""Scores checkpoints: plan -> inspect eval_set -> Scorecard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitbench.runner.scorecard import Scorecard

if TYPE_CHECKING:
    from traitbench.runner.scoring import Outcome, score, score_many
    from traitbench.runner.students import Student

__all__ = ["Outcome", "Scorecard", "Student", "score", "score_many"]

_WHERE = {"Outcome": "scoring", "Student": "students", "score": "scoring", "score_many": "scoring"}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"traitbench.runner.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
