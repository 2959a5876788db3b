"""Exact answer distributions of a local causal language model. Knows no Inspect and no catalogue.

`AnswerDistribution` needs no torch; `open_answers` imports it at the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitbench.exact.distribution import AnswerDistribution, pool_draws

if TYPE_CHECKING:
    from traitbench.exact.completions import open_answers

__all__ = ["AnswerDistribution", "open_answers", "pool_draws"]


def __getattr__(name: str) -> Any:
    if name == "open_answers":
        from traitbench.exact.completions import open_answers

        return open_answers
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
