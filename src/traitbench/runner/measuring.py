"""From answer distributions to what statistics work on: one named answer's probability, question by question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from traitbench.stats import Measured

_EXACT = 10**9
"""Draws of a computed answer that stands beside sampled ones: as good as any number of them."""


class Answered(Protocol):
    """One question's answers: an AnswerDistribution, or what a scorecard keeps of one."""

    @property
    def draws(self) -> int | None: ...

    @property
    def residual_draws(self) -> int | None: ...

    def bounds(self, answer: str) -> tuple[float, float]: ...

    def estimate(self, answer: str) -> float: ...


def measured_alike(sides: Sequence[Sequence[Answered]], answer: str) -> list[Measured]:
    """`measured` for every side. Equal sides of which a rest was sampled are one checkpoint's, and share one object.

    A shift test takes equal exact answers for the same checkpoint's by itself, and equal samples never.
    """
    made: list[Measured] = []
    for i, side in enumerate(sides):
        first = (
            next((j for j in range(i) if sides[j] == side), None) if any(each.residual_draws for each in side) else None
        )
        made.append(measured(side, answer) if first is None else made[first])
    return made


def measured(questions: Iterable[Answered], answer: str) -> Measured:
    """The probability of `answer`, question by question.

    Computed answers bring their certified bounds. Where the rest of one was sampled (`exact+sampled`), its unbiased
    estimate and its draws take the place of the bounds.
    """
    import numpy as np

    from traitbench.stats import Measured

    asked = list(questions)
    draws = [each.draws or each.residual_draws for each in asked]
    bounds = [
        each.bounds(answer) if drawn is None else (each.estimate(answer),) * 2
        for each, drawn in zip(asked, draws, strict=True)
    ]
    lower, upper = (np.array(side) for side in zip(*bounds, strict=True))
    return Measured(
        lower=lower,
        upper=upper,
        draws=np.array([drawn or _EXACT for drawn in draws]) if any(draws) else None,
        point=np.clip([each.estimate(answer) for each in asked], lower, upper),
    )
