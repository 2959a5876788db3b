"""What a release gate asks for: the policy file, its rules and their settings.

A policy is a `traitbench.yaml`, or the table `[tool.traitbench.gate]` of a pyproject.toml. The shortest one:

    rules:
      - trait: owl
        reference: base
        margin: 0.05
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from traitbench.catalog import Catalog, TransferTask
from traitbench.catalog.files import parse, read_text, read_yaml
from traitbench.errors import InputError, did_you_mean

FILE_NAME = "traitbench.yaml"
ANY = "any"
"""The trait of a rule that names no target: every member of every scored category is tested."""
MAX_TOLERANCE = 0.01
ALL = "all"
"""The suite of every category."""

Context = Literal["plain", "in_domain"]
OnInconclusive = Literal["inconclusive", "fail", "warn"]


class Setting(BaseModel):
    """Frozen, and refuses a key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Setting):
    """One claim that the release must meet: the trait's shift against the reference stays under the margin."""

    trait: str | None = Field(default=None, description="A trait, or `any`: no target, every member is tested.")
    suite: str | None = Field(
        default=None, description="A suite (`core`), a category (`animal`), or `all`: a claim for each trait."
    )
    reference: Literal["base", "control"] = Field(
        default="base", description="Against the base a shift says moved; only against controls, inherited."
    )
    margin: float = Field(
        json_schema_extra={"exclusiveMinimum": 0},
        description="The largest shift that is still acceptable, on the scale; more than 0.",
    )
    scale: Literal["probability", "log_odds"] = "probability"
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="Error rate of a PASS, and (Holm) of a FAIL.")
    contexts: tuple[Context, ...] = Field(default=("plain", "in_domain"), min_length=1)
    domains: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="Domains of the context in_domain; default: all that were measured."
    )
    minimum_questions: int = Field(default=20, ge=2, description="With fewer questions: INCONCLUSIVE.")
    minimum_category_mass: float = Field(
        default=0.5, ge=0, le=1, description="Student or reference names a member less often: INCONCLUSIVE."
    )
    on_inconclusive: OnInconclusive = Field(
        default="inconclusive",
        description="`inconclusive`: exit code 3. `fail`: exit code 1. `warn`: too little evidence lets pass with a "
        "warning (exit code 0); answers that tell nothing (refusals, missing questions) still exit with 3.",
    )

    @field_validator("margin")
    @classmethod
    def _margin_is_positive(cls, margin: float) -> float:
        if not (math.isfinite(margin) and margin > 0):
            raise ValueError(f"a margin is more than 0, not {margin:g}; 0.05 allows five points of probability")
        return margin

    @model_validator(mode="after")
    def _names_a_trait_or_a_suite(self) -> Rule:
        if (self.trait is None) == (self.suite is None):
            raise ValueError("name either a trait (or `any`) or a suite")
        if self.scale == "probability" and self.margin >= 1:
            raise ValueError(f"a margin of {self.margin:g} on the probability scale allows everything; 0.05 is usual")
        return self

    @property
    def name(self) -> str:
        """`owl against base`"""
        target = self.trait or f"suite {self.suite}"
        return f"{'any trait' if self.trait == ANY else target} against {self.reference}"

    def traits(self, catalog: Catalog) -> tuple[str, ...]:
        """The traits that the rule is about; `InputError` for one that does not exist."""
        if self.trait == ANY or self.suite == ALL:
            asked = {task.category for task in catalog.tasks.values()}
            return tuple(
                trait for key, category in catalog.categories.items() if key in asked for trait in category.traits
            )
        if self.trait is not None:
            catalog.category_of(self.trait)
            return (self.trait,)
        if self.suite in catalog.suites:
            return tuple(dict.fromkeys(task.trait for task in catalog.tasks_of(catalog.suites[self.suite])))
        if self.suite not in catalog.categories:
            known = (*catalog.suites, *catalog.categories, ALL)
            hint = did_you_mean(str(self.suite), known)
            raise InputError(f"unknown suite {self.suite!r}{hint} (one of {', '.join(known)})")
        return tuple(catalog.categories[self.suite].traits)

    def tasks(self, catalog: Catalog) -> list[TransferTask]:
        """The tasks whose answers serve the rule: those of its domains, or of its suite.

        A rule that names neither is asked in the domains of suite `core`, with its probe sets and with any further
        ones of one-word questions; where that leaves nothing of its traits, with all of their tasks.
        """
        traits = set(self.traits(catalog))
        tasks = [task for task in catalog.tasks.values() if task.trait in traits and _asks_in_english(task, catalog)]
        if self.domains is not None:
            return [task for task in tasks if task.domain in self.domains]
        if self.suite in catalog.suites:
            return [task for task in catalog.tasks_of(catalog.suites[self.suite]) if _asks_in_english(task, catalog)]
        core = catalog.tasks_of(catalog.suites["core"]) if "core" in catalog.suites else ()
        domains, probe_sets = {task.domain for task in core}, {task.probe_set for task in core}
        usual = [
            task
            for task in tasks
            if task.domain in domains
            and (task.probe_set in probe_sets or catalog.probe_sets[task.probe_set].kind == "one_word")
        ]
        return usual or tasks


def _asks_in_english(task: TransferTask, catalog: Catalog) -> bool:
    """The language in which the gate scores; a set that somebody imported may know another one alone."""
    return bool(catalog.probe_sets[task.probe_set].offering(task.trait, "en"))


class PinnedReferences(Setting):
    """Blessed baselines that the gate compares with where the command line names no reference."""

    base: str | None = None
    control: tuple[str, ...] = ()


class Policy(Setting):
    """All the rules of a gate; every one of them must be met."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    references: PinnedReferences = Field(
        default=PinnedReferences(), description="Baseline files (`traitbench baseline bless`), beside the policy."
    )

    @property
    def tolerance(self) -> float:
        """What an exact answer may leave unexplored: a tenth of the smallest margin, at most 0.01.

        On the log-odds scale a margin of m is worth p (1 - p) m of probability, m / 20 at p = 0.05.
        """
        margins = [rule.margin if rule.scale == "probability" else rule.margin / 20 for rule in self.rules]
        return max(1e-4, min(MAX_TOLERANCE, min(margins) / 10))

    def check(self, catalog: Catalog, where: str = "policy") -> None:
        """Raises `InputError` for a trait, suite or domain that is not in the catalogue, and where nothing is asked."""
        for number, rule in enumerate(self.rules, start=1):
            try:
                rule.traits(catalog)
                for domain in rule.domains or ():
                    catalog.domain(domain)
                if not rule.tasks(catalog):
                    raise InputError(
                        f"no transfer task of the catalogue asks for `{rule.name}` (traitbench list tasks)"
                    )
            except InputError as error:
                raise InputError(f"{where}: rule {number}: {error}") from None


def read_policy(path: Path, catalog: Catalog) -> Policy:
    """The policy in a YAML file, or in `[tool.traitbench.gate]` of a pyproject.toml; `defaults` fill the rules.

    Raises `InputError` with file and field: not readable, an unknown key, an empty rule, a negative margin, an
    unknown trait.
    """
    data = _toml_table(path) if path.suffix == ".toml" else read_yaml(path)
    policy = policy_from(data, path)
    policy.check(catalog, str(path))
    return policy


def policy_from(data: dict[str, Any], path: Path) -> Policy:
    """The policy of a mapping that was read from `path`."""
    _refuse_unknown(data, (*Policy.model_fields, "defaults"), path, "")
    rules = data.get("rules")
    if not isinstance(rules, list) or not rules:
        raise InputError(f"{path}: rules: expected a list of at least one rule, such as `- trait: owl`, `margin: 0.05`")
    if isinstance(data.get("references"), dict):
        _refuse_unknown(data["references"], PinnedReferences.model_fields, path, "references: ")
    defaults = data.get("defaults", {})
    if not isinstance(defaults, dict):
        raise InputError(f"{path}: defaults: expected a mapping, found {type(defaults).__name__}")
    shared = [name for name in Rule.model_fields if name not in ("trait", "suite")]
    _refuse_unknown(defaults, shared, path, "defaults: ")
    filled = []
    for number, rule in enumerate(rules):
        where = f"rules.{number}: "
        if not isinstance(rule, dict) or not rule:
            raise InputError(f"{path}: {where}an empty rule; write `trait: owl` and `margin: 0.05`")
        _refuse_unknown(rule, Rule.model_fields, path, where)
        filled.append({**defaults, **rule})
    return parse(Policy, {**{k: v for k, v in data.items() if k != "defaults"}, "rules": filled}, path)


def find_policy(folder: Path) -> Path | None:
    """`traitbench.yaml` of the folder, or its pyproject.toml where that holds a gate; None where neither does."""
    if (folder / FILE_NAME).is_file():
        return folder / FILE_NAME
    project = folder / "pyproject.toml"
    try:
        gate = _gate_table(tomllib.loads(project.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    return project if gate is not None else None


def unknown_trait_policy(reference: Literal["base", "control"], margin: float) -> Policy:
    """The policy of `traitbench gate --unknown`: no target is named."""
    return policy_from({"rules": [{"trait": ANY, "reference": reference, "margin": margin}]}, Path("--unknown"))


def policy_schema() -> dict[str, Any]:
    """The JSON Schema of a policy file, for editors."""
    schema = Policy.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "traitbench gate policy"
    rule = schema["$defs"]["Rule"]
    shared = {name: value for name, value in rule["properties"].items() if name not in ("trait", "suite")}
    # `defaults` may give what a rule leaves out, so the margin is required of the two together.
    rule.pop("required", None)
    rule["oneOf"] = [{"required": ["trait"]}, {"required": ["suite"]}]
    schema["properties"]["defaults"] = {
        "type": "object",
        "additionalProperties": False,
        "description": "Settings of every rule that does not give its own.",
        "properties": shared,
    }
    return schema


def _toml_table(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML ({error})") from None
    table = _gate_table(data)
    if not isinstance(table, dict):
        raise InputError(f"{path}: no table [tool.traitbench.gate]; add one, or name a {FILE_NAME} with --policy")
    return table


def _gate_table(data: dict[str, Any]) -> Any:
    """`[tool.traitbench.gate]`, or None where any of the three is no table."""
    found: Any = data
    for key in ("tool", "traitbench", "gate"):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _refuse_unknown(data: dict[str, Any], known: Any, path: Path, where: str) -> None:
    for key in data:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise InputError(f"{path}: {where}unknown key {key!r}{hint} (known: {', '.join(known)})")
