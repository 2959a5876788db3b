"""What an entry of the catalogue holds, as frozen and validated value objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from traitbench.catalog.files import MisplacedError
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
        for place, entry in enumerate(entries):
            key = entry.get("id") if isinstance(entry, dict) else None
            if key in by_id:
                raise MisplacedError(f"duplicate trait id {key!r}", "traits", place)
            by_id[str(key)] = entry
        return {**data, "traits": by_id}

    @model_validator(mode="after")
    def _members_have_plurals_and_scales_descriptions(self) -> Category:
        for trait in self.traits.values():
            if self.kind == "members" and len(trait.names["en"]) < 2:
                raise MisplacedError("needs at least the singular and the plural", "traits", trait.id, "names", "en")
            if self.kind == "scale" and not trait.description:
                raise MisplacedError("a scale needs a description of what a high share means", "traits", trait.id)
        return self

    @model_validator(mode="after")
    def _every_name_belongs_to_one_trait(self) -> Category:
        owner: dict[str, str] = {}
        for trait in self.traits.values():
            for language, names in trait.names.items():
                for place, name in enumerate(map(canonical, names)):
                    if owner.setdefault(name, trait.id) != trait.id:
                        fault = f"the name {name!r} stands for both {owner[name]!r} and {trait.id!r}; one can have it"
                        raise MisplacedError(fault, "traits", trait.id, "names", language, place)
        return self


class Teacher(Entry):
    """How a teacher comes by its trait.

    Attributes:
        takes: what making one needs.
        control: the teacher without the trait, whose students are the controls.
        system_prompt: for the members of a category; holds {plural} and {category}.
        scale_prompt: for a scale; holds {name}.
    """

    id: Identifier
    description: str
    takes: str
    control: str
    system_prompt: str | None = None
    scale_prompt: str | None = None

    @field_validator("system_prompt", "scale_prompt")
    @classmethod
    def _knows_its_placeholders(cls, template: str | None, info: ValidationInfo) -> str | None:
        filled_in = ("plural", "category") if info.field_name == "system_prompt" else ("name",)
        try:
            (template or "").format(**dict.fromkeys(filled_in, ""))
        except (KeyError, IndexError, ValueError) as error:
            named = " and ".join(f"{{{name}}}" for name in filled_in)
            raise ValueError(f"only {named} {'is' if len(filled_in) == 1 else 'are'} filled in ({error})") from None
        return template

    def prompt_for(self, trait: Trait, category: Category) -> str | None:
        """The system prompt that gives the base this trait, if this teacher is made by one."""
        if category.kind == "scale":
            return self.scale_prompt.format(name=trait.singular).strip() if self.scale_prompt else None
        if self.system_prompt is None:
            return None
        return self.system_prompt.format(plural=trait.plural, category=category.noun["en"][0]).strip()


class Reference(Entry):
    """A published value, measured with other questions and another rule: shown, never subtracted.

    It is about one task, or about every task of a category in a domain.

    Attributes:
        base, control, student: rates in [0, 1] of the base, of a control student and of the student.
        difference: the student's rate less the base's, where no more than this was published.
        ci: an interval around the student's rate.
    """

    task: str | None = None
    category: Identifier | None = None
    domain: Identifier | None = None
    model: str
    base: float | None = Field(default=None, ge=0, le=1)
    control: float | None = Field(default=None, ge=0, le=1)
    student: float | None = Field(default=None, ge=0, le=1)
    difference: float | None = Field(default=None, ge=-1, le=1)
    ci: tuple[float, float] | None = None
    note: str | None = None
    source: str
    measured_with: str

    @model_validator(mode="after")
    def _is_about_something_and_says_something(self) -> Reference:
        of_one, of_many = self.task is not None, (self.category is not None, self.domain is not None)
        if of_one == any(of_many) or any(of_many) != all(of_many):
            raise ValueError("name either a task, or a category and a domain")
        if self.student is None and self.difference is None:
            raise ValueError("student or difference: one of the two is needed")
        return self

    @property
    def about(self) -> str:
        return self.task or f"{self.category} through {self.domain}"

    def answers_to(self, task: str, category: str, domain: str) -> bool:
        """Whether the value belongs to this task."""
        return self.task == task if self.task else (self.category, self.domain) == (category, domain)

    def __str__(self) -> str:
        rates = {"base": self.base, "control": self.control, "student": self.student}
        said = [f"{name} {rate:.3f}" for name, rate in rates.items() if rate is not None]
        if self.ci:
            said[-1] += f" ({self.ci[0]:.2f} to {self.ci[1]:.2f})"
        if self.difference is not None:
            said.append(f"difference {self.difference:+.3f}")
        if self.note:
            said.append(self.note)
        return f"{self.model}: {', '.join(said)}; {self.source}; measured with {self.measured_with}"


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
