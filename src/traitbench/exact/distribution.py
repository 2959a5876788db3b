"""The distribution of one question's answer: the schema that exact and sampled answers share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_ROUNDING = 1e-6
_SHOWN = 20


class AnswerDistribution(BaseModel):
    """How probable each named answer of one question is.

    `mass` maps a named answer to the probability that was explored and found to name it; it holds every answer that
    occurred. `mass` and `unexplored` sum to one. For exact answers `bounds` are certified: the probability under the
    model lies between them, whatever the unexplored rest holds. For sampled answers `mass` holds the fractions of
    `draws`, nothing is unexplored, and the bounds are the fraction itself (the sampling error belongs in an interval).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_id: Literal["traitbench/answer_distribution/1"] = Field(
        default="traitbench/answer_distribution/1", alias="schema"
    )
    method: Literal["exact", "sampled"]
    mass: dict[str, float]
    answers: tuple[tuple[str, float], ...] = ()
    """Raw texts and their probabilities, most probable first: beginnings that settled the answer, at most 20."""
    unexplored: float = Field(default=0.0, ge=0.0, le=1.0)
    tolerance: float | None = None
    """The unexplored mass that was asked for; None where the answers were sampled."""
    expansions: int = Field(default=0, ge=0)
    """How many beginnings passed through the network."""
    draws: int | None = None

    @model_validator(mode="after")
    def _sums_to_one(self) -> AnswerDistribution:
        total = sum(self.mass.values()) + self.unexplored
        if not abs(total - 1.0) < 1e-3 or min(self.mass.values(), default=0.0) < 0:
            raise ValueError(f"masses and the unexplored rest sum to {total:.6f}, not to 1")
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
        """The probability of `answer` if the unexplored rest divides like the explored part; within the bounds.

        With nothing explored it is 0: the bounds [0, 1] then say that nothing is known.
        """
        explored = 1.0 - self.unexplored
        return self.mass.get(answer, 0.0) / explored if explored > 0 else 0.0

    def top(self) -> str:
        """The most probable named answer that was found."""
        return max(self.mass, key=lambda answer: self.mass[answer], default="")


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
