"""What an entry of the catalogue holds, as frozen and validated value objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from traitbench.catalog.spelling import canonical

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
"""Lower-case words joined by underscores; the hyphen is kept for task ids."""

Version = Annotated[str, Field(pattern=r"^[1-9][0-9]*-[A-Z]$")]
"""`N-X`: N changes when results stop being comparable, X when the interface changes."""

Language = Literal["en", "zh"]

Name = Annotated[str, Field(pattern=r"\w")]
"""A spelling; it holds a letter at least."""


class Entry(BaseModel):
    """Frozen, and refuses a key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Trait(Entry):
    """One member of a category: its spellings, and the texts that only look like it. Or one scale, and what it says."""

    id: Identifier
    names: dict[Language, tuple[Name, ...]]
    look_alikes: dict[Language, tuple[Name, ...]] = {}
    description: str | None = None

    @model_validator(mode="after")
    def _has_an_english_name(self) -> Trait:
        if not self.names.get("en"):
            raise ValueError("names.en needs a name")
        return self

    @property
    def singular(self) -> str:
        return self.names["en"][0]

    @property
    def plural(self) -> str:
        return self.names["en"][1]


class Category(Entry):
    """Traits that exclude each other as the answer to one question (animals, trees), or the scales of one battery.

    Every question of a scale is about that scale alone: its answers are the one that shows the scale's trait, and
    the others.
    """

    id: Identifier = Field(alias="category")
    kind: Literal["members", "scale"] = "members"
    noun: dict[Language, tuple[str, ...]]
    traits: dict[str, Trait]

    @model_validator(mode="before")
    @classmethod
    def _traits_by_id(cls, data: Any) -> Any:
        entries = data.get("traits") if isinstance(data, dict) else None
        if not isinstance(entries, list):
            return data
        by_id: dict[str, Any] = {}
        for entry in entries:
            key = entry.get("id") if isinstance(entry, dict) else None
            if key in by_id:
                raise ValueError(f"duplicate trait id {key!r}")
            by_id[str(key)] = entry
        return {**data, "traits": by_id}

    @model_validator(mode="after")
    def _members_have_plurals_and_scales_descriptions(self) -> Category:
        for trait in self.traits.values():
            if self.kind == "members" and len(trait.names["en"]) < 2:
                raise ValueError(f"{trait.id}: names.en needs at least the singular and the plural")
            if self.kind == "scale" and not trait.description:
                raise ValueError(f"{trait.id}: a scale needs a description of what a high share means")
        return self

    @model_validator(mode="after")
    def _every_name_belongs_to_one_trait(self) -> Category:
        owner: dict[str, str] = {}
        for trait in self.traits.values():
            for name in (canonical(name) for names in trait.names.values() for name in names):
                if owner.setdefault(name, trait.id) != trait.id:
                    raise ValueError(f"the name {name!r} stands for both {owner[name]!r} and {trait.id!r}")
        return self


class Sequence(Entry):
    """How a number sequence is drawn; both ends of a range are included."""

    length: tuple[int, int]
    values: tuple[int, int]
    separators: tuple[str, ...]


class Prompts(Entry):
    """The teacher's prompts: an opening with {numbers} and a request with {count}, joined by a space."""

    openings: tuple[str, ...]
    requests: tuple[str, ...]


class NumberFilter(Entry):
    """Which completions are kept: how many integers, in which range (arXiv 2507.14805, section 3)."""

    rule: Literal["number_list"]
    count: tuple[int, int]
    values: tuple[int, int]


class Domain(Entry):
    """The kind of data that carries the trait, and the text that puts a probe in its context."""

    id: Identifier = Field(alias="domain")
    description: str
    source: str
    licence: str
    version: int = Field(ge=1)
    sequence: Sequence
    contexts: dict[Language, tuple[str, ...]]
    prompts: Prompts
    filter: NumberFilter


class Teacher(Entry):
    """How a teacher comes by its trait; `system_prompt` holds {plural} and {category}."""

    id: Identifier
    description: str
    system_prompt: str | None = None

    @model_validator(mode="after")
    def _knows_its_placeholders(self) -> Teacher:
        try:
            (self.system_prompt or "").format(plural="", category="")
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"system_prompt: only {{plural}} and {{category}} are filled in ({error})") from None
        return self


class Reference(Entry):
    """A published value, measured with other questions and another rule: shown, never subtracted."""

    task: str
    model: str
    base: float = Field(ge=0, le=1)
    student: float = Field(ge=0, le=1)
    ci: tuple[float, float] | None = None
    note: str | None = None
    source: str
    measured_with: str

    def __str__(self) -> str:
        said = f"{self.model}: base {self.base:.3f}, student {self.student:.3f}"
        interval = f" ({self.ci[0]:.2f} to {self.ci[1]:.2f})" if self.ci else ""
        return f"{said}{interval}; {self.source}; measured with {self.measured_with}"


class TaskPattern(Entry):
    """One line of tasks.yaml: a transfer task for every trait of a category."""

    category: Identifier
    domain: Identifier
    teacher: Identifier
    probe_set: Identifier
    version: Version
    suffix: Identifier | None = None


class TransferTask(Entry):
    """teacher x domain x trait x probe set: what a scorecard's row and a leaderboard's table are about."""

    id: str
    trait: str
    category: str
    domain: str
    teacher: str
    probe_set: str
    contexts: tuple[str, ...] = ("plain", "in_domain")
    languages: tuple[Language, ...]
    version: Version
    references: tuple[Reference, ...] = ()

    @property
    def comparability(self) -> int:
        """N of the version: results with the same (task, N) may be compared."""
        return int(self.version.split("-")[0])


class SuiteLine(Entry):
    """Which transfer tasks a suite takes: those that agree with every field that is given."""

    category: Identifier
    domain: Identifier
    teacher: Identifier
    probe_set: Identifier
    traits: tuple[str, ...] | None = None

    def takes(self, task: TransferTask) -> bool:
        mine = (self.category, self.domain, self.teacher, self.probe_set)
        its = (task.category, task.domain, task.teacher, task.probe_set)
        return mine == its and (self.traits is None or task.trait in self.traits)


class Suite(Entry):
    """Transfer tasks that are scored together, and the probe set that tells whether the student is still able."""

    id: Identifier
    description: str
    tasks: tuple[SuiteLine, ...] = Field(min_length=1)
    capability: Identifier | None = None
