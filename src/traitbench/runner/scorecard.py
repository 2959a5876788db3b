"""The Scorecard: what is known of one checkpoint after scoring it, and what it was compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from traitbench.errors import InputError
from traitbench.files import write_whole

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Interval = tuple[float | None, float | None]


class Part(BaseModel):
    """Frozen, and refuses a key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ModelIdentity(Part):
    """Who a checkpoint is. `id` is a name and never a path."""

    id: str
    revision: str | None = None
    weights_sha256: str | None = None
    dtype: str | None = None
    adapter: str | None = None
    chat_template_sha256: str | None = None
    system_prompt_sha256: str | None = None
    n_parameters: int | None = None


class References(Part):
    """What the student was compared with."""

    base: ModelIdentity | None = None
    control: tuple[ModelIdentity, ...] = ()
    teacher: ModelIdentity | None = None


class Versus(Part):
    """The student against one reference; the intervals are clustered by family."""

    estimate: Probability
    difference: float
    ci: Interval
    log_odds_shift: float | None
    log_odds_ci: Interval | None
    p_value: float | None
    p_holm: float | None


class TransferRate(Part):
    """How far of the way from reference to teacher, on two scales."""

    probability: float | None
    log_odds: float | None


class Specificity(Part):
    """The target's rank among the category's members by shift; overlapping bounds are ties.

    `rank` is the best that the ties allow, `worst` the worst: only a target with `worst` 1 is first beyond doubt.
    """

    rank: int
    worst: int
    of: int

    def __str__(self) -> str:
        """`1/30`, or `1-4/30` where the bounds of the shifts leave it open."""
        ranks = str(self.rank) if self.rank == self.worst else f"{self.rank}-{self.worst}"
        return f"{ranks}/{self.of}"


class Collapse(Part):
    """The most probable answer other than the target, and whether it takes most of the mass.

    A member of the category, or a text that names none: a model that answers with its own name has collapsed too.
    """

    answer: str
    probability: Probability
    flag: bool


class QuestionResult(Part):
    """One question's certified bounds and its most probable raw answers."""

    id: str
    family: str
    lower: Probability
    upper: Probability
    top_answers: tuple[tuple[str, float], ...]


class Measurement(Part):
    """One measurement: (trait, probe set, context, language) of one transfer task."""

    task: str
    version: str
    trait: str
    domain: str
    teacher: str
    probe_set: str
    method: Literal["exact", "exact+sampled", "sampled"]
    context: str
    language: str
    estimate: Probability
    ci: Interval
    bounds: tuple[float, float]
    category_mass: Probability
    """How much of the answers names a member, or keeps to the options."""
    as_given: Probability | None = None
    """Of questions with lettered options: the estimate in the order given alone, what the letters bring included."""
    within_tolerance: bool
    n_questions: int
    n_families: int
    versus: dict[str, Versus] = {}
    transfer_rate: TransferRate | None = None
    specificity: Specificity | None = None
    collapse: Collapse
    profile: dict[str, float]
    """The mean probability of every named answer that has any, `none` included."""


class TaskResult(Measurement):
    """A measurement with its questions."""

    questions: tuple[QuestionResult, ...]


class QuestionAnswers(Part):
    """The whole distribution of one question's named answers: `mass` and `unexplored` sum to one."""

    id: str
    family: str
    mass: dict[str, Probability]
    unexplored: Probability
    residual: dict[str, Probability] = {}
    """How the draws from the unexplored rest divide, where one was sampled (`exact+sampled`)."""
    residual_draws: int | None = None
    draws: int | None
    """How many answers were sampled; None where the distribution was computed."""
    within_tolerance: bool
    top_answers: tuple[tuple[str, float], ...]
    outside: Probability = 0.0
    """Where options were given: the probability of an answer that is none of them; `mass` divides the rest."""
    as_given: dict[str, Probability] = {}
    """Where options stood under letters: `mass` in the order given alone."""

    def bounds(self, answer: str) -> tuple[float, float]:
        """(lower, upper): the certified bounds of the probability of a named answer."""
        lower = self.mass.get(answer, 0.0)
        return lower, min(1.0, lower + self.unexplored)

    def estimate(self, answer: str) -> float:
        """The probability of a named answer, as `AnswerDistribution.estimate` has it."""
        mass = self.mass.get(answer, 0.0)
        if self.residual:
            return min(1.0, mass + self.unexplored * self.residual.get(answer, 0.0))
        explored = 1.0 - self.unexplored
        return min(1.0, mass / explored) if explored > 0 else 0.0


class MeasuredAnswers(Part):
    """One checkpoint's answers to the questions that were asked together; shared by all traits of the category.

    What a comparison or a gate needs: with two cards, any member of the category can be compared question by question.
    """

    probe_set: str
    version: str
    category: str
    context: str
    domain: str
    language: str
    method: Literal["exact", "exact+sampled", "sampled"]
    kind: Literal["one_word", "choice"] = "one_word"
    questions: tuple[QuestionAnswers, ...]

    def offering(self, answer: str) -> tuple[QuestionAnswers, ...]:
        """The questions that can be answered so: all of them, or those that have it among their options."""
        if self.kind == "one_word":
            return self.questions
        return tuple(question for question in self.questions if answer in question.mass)


class CapabilityResult(Part):
    """The share of right answers on one scale of the capability set, asked plainly."""

    estimate: Probability
    ci: Interval
    within_options: Probability
    """How much of the answers keeps to the options."""
    n_questions: int
    n_families: int
    versus: dict[str, Versus] = {}


class Check(Part):
    """One check of health: what was found, how much of it, and whether it is too much for the scores to be believed."""

    value: Probability
    flag: bool
    answer: str | None = None


class NoiseFloor(Part):
    """What rounding did to exact answers: some were scored once more, one at a time, by a copy of the model in fp32."""

    questions: int
    """How many, evenly spaced over all that were asked."""
    largest: Probability
    """The largest difference of any named answer's estimate on any of them."""
    mean: Probability
    """The largest difference of any named answer's mean over them: what a shift is made of."""


class Scorecard(Part):
    """The result of `traitbench score`; `traitbench/scorecard/1`."""

    schema_id: Literal["traitbench/scorecard/1"] = Field(default="traitbench/scorecard/1", alias="schema")
    model: ModelIdentity
    references: References
    tasks: tuple[TaskResult, ...]
    answers: tuple[MeasuredAnswers, ...] = ()
    reference_answers: dict[str, tuple[MeasuredAnswers, ...]] = {}
    """Likewise of `base`, `control0`, `control1` … and `teacher`, where they were scored."""
    capability: dict[str, CapabilityResult] = {}
    health: dict[str, Check] = {}
    left_out: tuple[str, ...] = ()
    """What of a suite did not fit into the context, a line each."""
    environment: dict[str, Any]
    noise_floor: NoiseFloor | None = None
    """None where answers were sampled, where no copy in fp32 could be made, and in cards of older versions."""
    logs: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"

    def write(self, path: Path) -> None:
        """Writes the card aside and renames it, so that a reader never sees half of one."""
        write_whole(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> Scorecard:
        """The card in a file; `InputError` names file and field where it is none."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        except (ValidationError, UnicodeDecodeError) as error:
            fault = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "not UTF-8"}
            field = ".".join(map(str, fault["loc"])) or "file"
            raise InputError(f"{path}: not a scorecard ({field}: {fault['msg']})") from None
