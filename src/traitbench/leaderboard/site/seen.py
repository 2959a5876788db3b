"""What the site keeps of one record: plain numbers and words, small enough that twenty thousand fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from traitbench.leaderboard.copies import Header
from traitbench.runner.health import TOO_LITTLE
from traitbench.runner.scorecard import Interval, Measurement

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Shift:
    """A checkpoint against base or controls."""

    reference: float
    """The references' mean preference probability."""
    difference: float
    ci: Interval
    draws: float = 0.0
    """Of the references: how many draws of one proportion tell as much as theirs; 0 where all was computed."""


@dataclass(frozen=True, slots=True)
class Paired:
    """What the browser needs to compare this checkpoint with another one, question by question."""

    asked: str
    """First digits of the hash of the questions: equal hashes, equal questions."""
    lower: tuple[int, ...]
    """(n_questions,) millionths; the estimate itself where draws were made."""
    point: tuple[int, ...]
    """(n_questions,) millionths."""
    unexplored: tuple[int, ...]
    """(n_questions,) millionths; empty where nothing was left open."""
    draws: float
    """How many draws of one proportion tell as much as these; 0 where all was computed."""


@dataclass(frozen=True, slots=True)
class Context:
    """One measurement of a record."""

    name: str
    estimate: float
    ci: Interval
    bounds: tuple[float, float]
    category_mass: float
    within_tolerance: bool
    base: Shift | None
    control: Shift | None
    transfer_rate: float | None
    rank: str | None
    collapse: tuple[str, float, bool]
    n_questions: int
    n_families: int
    method: str
    paired: Paired | None = None

    @property
    def shift(self) -> Shift | None:
        """Against the controls where there are such, else against the base."""
        return self.control or self.base

    @property
    def says_little(self) -> bool:
        """Whether most answers name nothing of the category: what the rest prefers is no verdict on the checkpoint."""
        return self.category_mass < TOO_LITTLE


@dataclass(frozen=True, slots=True)
class Seen:
    """One record in one language, as the site shows it."""

    id: str
    place: str
    tier: str
    why: str
    task: str
    n: int
    version: str
    trait: str
    category: str
    domain: str
    teacher_kind: str
    language: str
    probe_set: str
    model: str
    weights: str | None
    base: str | None
    base_weights: str | None
    teacher: str | None
    controls: int
    n_parameters: int | None
    recipe: str | None
    seed: int | None
    initialisation: str | None
    submitter: str | None
    date: str
    has_items: bool
    contexts: tuple[Context, ...]
    copy: Header | None = None
    """What tells a copy from its original; None without items."""
    speechless: bool = False
    wide: tuple[dict[str, Any], ...] = ()
    """The rows of the downloads."""

    def context(self, name: str) -> Context | None:
        return next((each for each in self.contexts if each.name == name), None)

    @property
    def main(self) -> Context:
        """The plain context where it was asked."""
        return self.context("plain") or self.contexts[0]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file below results/ that the table does not show, and why."""

    place: str
    kind: str
    """`withdrawn`, `invalid`, `not comparable` or `superseded`."""
    reason: str
    id: str = ""
    model: str = ""
    task: str = ""


def context_of(said: Measurement) -> Context:
    """A measurement as its record has it."""
    shifts = {name: Shift(each.estimate, each.difference, each.ci) for name, each in said.versus.items()}
    rate = said.transfer_rate
    return Context(
        name=said.context,
        estimate=said.estimate,
        ci=said.ci,
        bounds=said.bounds,
        category_mass=said.category_mass,
        within_tolerance=said.within_tolerance,
        base=shifts.get("base"),
        control=shifts.get("control"),
        transfer_rate=rate.probability if rate else None,
        rank=str(said.specificity) if said.specificity else None,
        collapse=(said.collapse.answer, said.collapse.probability, said.collapse.flag),
        n_questions=said.n_questions,
        n_families=said.n_families,
        method=said.method,
    )
