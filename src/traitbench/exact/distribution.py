"""The distribution of one question's answer: the schema that exact and sampled answers share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_ROUNDING = 1e-6
_SHOWN = 20


class AnswerDistribution(BaseModel):
    """How probable each named answer of one question is.

    `mass` maps a named answer to the probability that was explored and found to name it; it holds every answer that
    occurred. `mass` and `unexplored` sum to one. For exact answers `bounds` are certified: the probability under the
    model lies between them, whatever the unexplored rest holds. For `exact+sampled` answers the budget ended before
    the tolerance, and `residual_draws` answers were sampled from the unexplored rest: `residual` holds their
    fractions, apart from `mass`, so the bounds stay those of the exact part. For sampled answers `mass` holds the
    fractions of `draws`, nothing is unexplored, and the bounds are the fraction itself (the sampling error belongs
    in an interval).

    Where options were given, `mass` divides the probability of an answer that is one of them, and `outside` says how
    probable any other answer is: what a model thinks of the options, and whether it keeps to them, are told apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_id: Literal["traitbench/answer_distribution/1"] = Field(
        default="traitbench/answer_distribution/1", alias="schema"
    )
    method: Literal["exact", "exact+sampled", "sampled"]
    mass: dict[str, float]
    answers: tuple[tuple[str, float], ...] = ()
    """Raw texts and their probabilities, most probable first: beginnings that settled the answer, at most 20."""
    unexplored: float = Field(default=0.0, ge=0.0, le=1.0)
    residual: dict[str, float] = {}
    """How the draws from the unexplored rest divide; sums to one where there are any."""
    residual_draws: int | None = Field(default=None, ge=1)
    tolerance: float | None = None
    """The unexplored mass that was asked for; None where the answers were sampled."""
    expansions: int = Field(default=0, ge=0)
    """How many beginnings passed through the network."""
    draws: int | None = Field(default=None, ge=1)
    """Of sampled answers: how many."""
    outside: float = Field(default=0.0, ge=0.0, le=1.0)
    """Where options were given: the probability of an answer that is none of them; `mass` is that of the others."""
    as_given: dict[str, float] = {}
    """Where options stood under letters: `mass` in the order given alone, with what the letters themselves bring."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> AnswerDistribution:
        total = sum(self.mass.values()) + self.unexplored
        if not abs(total - 1.0) < 1e-3 or min(self.mass.values(), default=0.0) < 0:
            raise ValueError(f"masses and the unexplored rest sum to {total:.6f}, not to 1")
        if not (self.method == "exact+sampled") == bool(self.residual) == (self.residual_draws is not None):
            raise ValueError(f"a residual and its draws belong to exact+sampled answers, and these are {self.method}")
        if self.residual and not abs(sum(self.residual.values()) - 1.0) < 1e-6:
            raise ValueError(f"the residual sums to {sum(self.residual.values()):.6f}, not to 1")
        if (self.draws is not None) != (self.method == "sampled"):
            raise ValueError(f"draws belong to sampled answers, and these are {self.method}")
        return self

    @property
    def within_tolerance(self) -> bool:
        """False where the budget ended before the tolerance was reached."""
        return self.tolerance is None or self.unexplored <= self.tolerance + _ROUNDING

    def bounds(self, answer: str) -> tuple[float, float]:
        """(lower, upper): the certified bounds of the probability that the named answer is `answer`."""
        lower = self.mass.get(answer, 0.0)
        return lower, min(1.0, lower + self.unexplored)

    def estimate(self, answer: str) -> float:
        """The probability of `answer`, within the bounds; unbiased where a rest was sampled.

        The unexplored rest R counts as its draws divide, mass + R x fraction; without draws, as the explored part
        does. With nothing explored and nothing drawn it is 0: the bounds [0, 1] then say that nothing is known.
        """
        mass = self.mass.get(answer, 0.0)
        if self.residual:
            return mass + self.unexplored * self.residual.get(answer, 0.0)
        explored = 1.0 - self.unexplored
        return mass / explored if explored > 0 else 0.0

    def standard_error(self, answer: str) -> float:
        """The sampling error of `estimate`: R sqrt(f (1 - f) / n) for the fraction f of n draws; 0 where exact.

        At most R / (2 sqrt(n)), with R = 1 for sampled answers.
        """
        if self.residual_draws is not None:
            rest, fraction, n = self.unexplored, self.residual.get(answer, 0.0), self.residual_draws
        elif self.draws is not None:
            rest, fraction, n = 1.0, self.mass.get(answer, 0.0), self.draws
        else:
            return 0.0
        return rest * math.sqrt(max(0.0, fraction * (1.0 - fraction)) / n)

    def top(self) -> str:
        """The most probable named answer that was found."""
        return max([*self.mass, *self.residual], key=self.estimate, default="")


def pool_choices(draws: Sequence[AnswerDistribution], turns: Sequence[int]) -> AnswerDistribution:
    """The distribution of sampled answers to one question with options; each of `draws` is one of them.

    Draws that kept to no option divide nothing: they are counted in `outside`. Where all are such, nothing is known,
    the options have equal shares, and `outside` is 1.

    Args:
        turns: the rotation in which each was drawn. Rotations weigh the same, as in exact answers: with 20 draws of 6
            options, two of the rotations are drawn once more than the others.
    """
    drawn = Counter(turns)
    pairs = list(zip(draws, (1 / (len(drawn) * drawn[turn]) for turn in turns), strict=True))
    kept = [(each, weight) for each, weight in pairs if each.outside < 1]
    told = kept or pairs
    total = sum(weight for _, weight in told)
    texts = Counter(text for each in draws for text, _ in each.answers)
    return AnswerDistribution(
        method="sampled",
        mass={name: sum(each.mass.get(name, 0.0) * w for each, w in told) / total for name in draws[0].mass},
        answers=tuple((text, count / len(draws)) for text, count in texts.most_common(_SHOWN)),
        draws=len(told),
        outside=min(1.0, sum(weight for each, weight in pairs if each.outside == 1)) if kept else 1.0,
    )


def pool_draws(draws: Iterable[tuple[str, str]]) -> AnswerDistribution:
    """The distribution of sampled answers: (named answer, raw text) for every draw. At least one draw."""
    pairs = list(draws)
    if not pairs:
        raise ValueError("a sampled distribution needs at least one draw")
    named = Counter(answer for answer, _ in pairs)
    texts = Counter(text for _, text in pairs)
    n = len(pairs)
    return AnswerDistribution(
        method="sampled",
        mass={answer: count / n for answer, count in named.most_common()},
        answers=tuple((text, count / n) for text, count in texts.most_common(_SHOWN)),
        draws=n,
    )
