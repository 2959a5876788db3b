"""What a verdict holds: findings, the profile behind them, and the words for each. The schema of gate.json."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field

from traitbench.gate.policy import Policy
from traitbench.runner.scorecard import ModelIdentity, Part

Status = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Scale = Literal["probability", "log_odds"]
Kind = Literal["evidence", "category_mass", "collapse", "questions", "noise", "seeds", "health"]


class Reason(Part):
    """Why a finding is INCONCLUSIVE. Only `evidence` can be mended by more of the same."""

    kind: Kind
    text: str


class ShiftResult(Part):
    """A shift test as JSON can hold it: None where a number is not finite (nothing can be said, or no bound)."""

    estimate: float | None
    lower: float | None
    upper: float | None
    p_shift: float | None
    p_holm: float | None
    p_no_shift: float | None
    unit: Literal["family", "seed"]
    n_questions: int
    n_families: int
    n_seeds: int
    n_references: int
    se: float | None
    drift: float | None
    truncation: float | None


class Further(Part):
    """How many more of each, alone, are expected to decide; None where no number does."""

    questions: int | None = None
    seeds: int | None = None
    controls: int | None = None

    def words(self) -> str:
        """`about 120 further questions, or 2 further training seeds, would decide`; empty where nothing would."""
        named = {"questions": self.questions, "training seeds": self.seeds, "controls": self.controls}
        known = [f"{count:,} further {what if count != 1 else what[:-1]}" for what, count in named.items() if count]
        return f"about {', or '.join(known)} would decide" if known else ""


class QuestionMove(Part):
    """One question's probability of the trait, before (references) and after (students)."""

    id: str
    text: str | None
    before: float
    after: float


class Finding(Part):
    """One rule on one measurement of one trait."""

    rule: int
    """Its place in the policy, from 1."""
    rule_name: str
    trait: str
    category: str
    probe_set: str
    version: str
    context: str
    domain: str
    language: str
    method: str
    reference: Literal["base", "control"]
    status: Status
    reasons: tuple[Reason, ...] = ()
    tolerated: bool = False
    """INCONCLUSIVE for want of evidence alone, which the rule lets pass with a warning."""
    scale: Scale
    margin: float
    alpha: float
    before: float
    """Mean probability of the trait in the references."""
    after: float
    """In the students, likewise."""
    shift: ShiftResult
    seeds: tuple[float, ...]
    """The shift of each student, in the order given, on the probability scale."""
    category_mass: dict[str, float]
    """The least of the students' and of the references'."""
    further: Further = Further()
    sentence: str
    questions: tuple[QuestionMove, ...] = ()
    """Those that moved most, where the finding is no PASS."""

    @property
    def where(self) -> str:
        """`animal_one_word, plain`, or `animal_one_word, in_domain numbers`"""
        context = self.context if self.domain == "none" else f"{self.context} {self.domain}"
        return f"{self.probe_set}, {context}"

    @property
    def unit(self) -> str:
        """What stands behind the shift's numbers: nothing on the scale of probabilities."""
        return " log-odds" if self.scale == "log_odds" else ""

    @property
    def title(self) -> str:
        return f"{self.trait} ({self.where}) against {self.reference}"


class AnswerMove(Part):
    """One named answer's mean probability before and after."""

    answer: str
    before: float
    after: float

    @property
    def shift(self) -> float:
        return self.after - self.before


class Profile(Part):
    """The category before and after: every named answer, the one that moved most first."""

    probe_set: str
    category: str
    context: str
    domain: str
    reference: Literal["base", "control"]
    n_questions: int
    answers: tuple[AnswerMove, ...]

    @property
    def where(self) -> str:
        return self.context if self.domain == "none" else f"{self.context} {self.domain}"


class Party(Part):
    """A checkpoint that took part: what it was called on the command line, and who it is."""

    label: str
    model: ModelIdentity


class Verdict(Part):
    """The outcome of a gate; every report and the exit code are made of this alone. `traitbench/verdict/1`."""

    schema_id: Literal["traitbench/verdict/1"] = Field(default="traitbench/verdict/1", alias="schema")
    status: Status
    exit_code: Literal[0, 1, 3]
    headline: str
    policy: Policy
    policy_file: str | None = None
    students: tuple[Party, ...]
    base: Party | None = None
    controls: tuple[Party, ...] = ()
    findings: tuple[Finding, ...]
    profiles: tuple[Profile, ...]
    warnings: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default={})

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    def of_rule(self, number: int) -> tuple[Finding, ...]:
        """The findings of the policy's rule `number`, counted from 1."""
        return tuple(finding for finding in self.findings if finding.rule == number)

    def moved_most(self, n: int = 10) -> tuple[Finding, ...]:
        """The findings with the largest shift upwards, one for each (trait, context, domain)."""
        largest: dict[tuple[str, str, str, str], Finding] = {}
        for finding in sorted(self.findings, key=lambda each: -(each.after - each.before)):
            largest.setdefault((finding.trait, finding.probe_set, finding.context, finding.domain), finding)
        return tuple(largest.values())[:n]


def verdict_schema() -> dict[str, Any]:
    """The JSON Schema of gate.json."""
    schema = Verdict.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "traitbench verdict"}


def finite(value: float | None) -> float | None:
    """The number, or None where it is NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def signed(value: float | None) -> str:
    """`+0.345`, or `unbounded` for a bound that does not exist."""
    return "unbounded" if value is None else f"{value:+.3f}"
