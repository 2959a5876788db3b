"""Reads the whole catalogue from datasets/, and lays a user's own folder over it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import traitbench
from traitbench.catalog.domains import Domain
from traitbench.catalog.files import Place, parse, read_jsonl, read_yaml
from traitbench.catalog.forms import Forms, read_forms
from traitbench.catalog.marks import Marks
from traitbench.catalog.models import (
    Category,
    Entry,
    Reference,
    Suite,
    TaskPattern,
    Teacher,
    Trait,
    TransferTask,
)
from traitbench.catalog.questions import ChoiceQuestion, ProbeSet, Question
from traitbench.errors import InputError, did_you_mean

OVERLAY_VARIABLE = "TRAITBENCH_DATASETS"
"""The environment variable that names a folder laid over the built-in catalogue: same layout, more entries."""


Found = TypeVar("Found")


class Catalog(Entry):
    """Everything that can be measured, by id."""

    categories: dict[str, Category]
    probe_sets: dict[str, ProbeSet]
    domains: dict[str, Domain]
    teachers: dict[str, Teacher]
    tasks: dict[str, TransferTask]
    suites: dict[str, Suite]
    forms: Forms
    marks: Marks

    def suite(self, suite_id: str) -> Suite:
        """The suite of that id; `InputError` where there is none."""
        return _look_up("suite", suite_id, self.suites, "traitbench list suites")

    def tasks_of(self, suite: Suite) -> tuple[TransferTask, ...]:
        """The suite's transfer tasks, in the order of its lines."""
        chosen = [task for line in suite.tasks for task in self.tasks.values() if line.takes(task)]
        return tuple({task.id: task for task in chosen}.values())

    def task(self, task_id: str) -> TransferTask:
        """The transfer task of that id; `InputError` where there is none."""
        return _look_up("task", task_id, self.tasks, "traitbench list tasks")

    def domain(self, domain_id: str) -> Domain:
        """The domain of that id; `InputError` where there is none."""
        return _look_up("domain", domain_id, self.domains, "traitbench list domains")

    def probe_set(self, probe_set_id: str) -> ProbeSet:
        """The probe set of that id; `InputError` where there is none."""
        return _look_up("probe set", probe_set_id, self.probe_sets, "traitbench list probes")

    def category_of(self, trait_id: str) -> Category:
        """The category that holds the trait; `InputError` where none does."""
        owners = {trait: category for category in self.categories.values() for trait in category.traits}
        return _look_up("trait", trait_id, owners, "traitbench list traits")

    def system_prompt(self, task: TransferTask) -> str | None:
        """The system prompt that makes a teacher of the base for this task, if its teacher has one."""
        category = self.categories[task.category]
        return self.teachers[task.teacher].prompt_for(category.traits[task.trait], category)


def _look_up(kind: str, key: str, known: dict[str, Found], where: str) -> Found:
    if not isinstance(key, str) or key not in known:
        raise InputError(f"unknown {kind} {key!r}{did_you_mean(key, known)} ({where})")
    return known[key]


def datasets_folder() -> Path:
    """The built-in catalogue: inside the wheel, or beside evals/ in a checkout and an editable install."""
    inside = Path(traitbench.__file__).parent / "datasets"
    if inside.is_dir():
        return inside
    return Path(traitbench.__file__).parents[2] / "datasets"


def load_catalog(overlay: Path | None = None) -> Catalog:
    """The built-in catalogue, with the folder `overlay` (default: $TRAITBENCH_DATASETS) laid over it.

    Raises `InputError` with file, line and field for an entry that is broken, missing or there twice.
    """
    if overlay is None and os.environ.get(OVERLAY_VARIABLE):
        overlay = Path(os.environ[OVERLAY_VARIABLE])
        if not overlay.is_dir():
            raise InputError(f"{OVERLAY_VARIABLE}={overlay}: no such folder")
    folders = (datasets_folder(), *([overlay.resolve()] if overlay else []))
    return _load(folders, tuple(_newest_change(folder) for folder in folders))


def _newest_change(folder: Path) -> int:
    """Nanoseconds of the newest change below the folder: a cache key that notices an edited file."""
    return max((path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()), default=0)


@lru_cache(maxsize=4)
def _load(folders: tuple[Path, ...], newest: tuple[int, ...]) -> Catalog:
    categories: dict[str, Category] = {}
    for path in _files(folders, "categories/*.yaml"):
        _merge(categories, parse(Category, read_yaml(path), path), path)
    cards = _files(folders, "probes/*.yaml")
    probe_sets = _unique((_read_probe_set(card, categories), Place(card)) for card in cards)
    domains = _unique((parse(Domain, read_yaml(path), path), Place(path)) for path in _files(folders, "domains/*.yaml"))
    teachers = _unique(_listed(Teacher, "teachers", folders))
    references = [each for path in _files(folders, "references.yaml") for each in _read_references(path)]
    tasks: dict[str, TransferTask] = {}
    for pattern, place in _listed(TaskPattern, "tasks", folders):
        _require(place, "category", pattern.category, categories)
        _require(place, "domain", pattern.domain, domains)
        _require(place, "teacher", pattern.teacher, teachers)
        _require(place, "probe_set", pattern.probe_set, probe_sets)
        asked = probe_sets[pattern.probe_set].category
        if asked != pattern.category:
            fault = f"probe set {pattern.probe_set!r} asks for {asked}, not for {pattern.category}"
            raise place.fault(fault, "probe_set")
        for trait in _asked(probe_sets[pattern.probe_set], categories[pattern.category]):
            task = _expand(pattern, trait, probe_sets[pattern.probe_set], references)
            if task.id in tasks:
                raise place.fault(f"duplicate task id {task.id!r}; give one of them a suffix")
            tasks[task.id] = task
    listed = list(_listed(Suite, "suites", folders))
    suites = _unique(listed)
    for suite, place in listed:
        _check_suite(suite, place, tasks.values(), probe_sets)
    return Catalog(
        categories=categories,
        probe_sets=probe_sets,
        domains=domains,
        teachers=teachers,
        tasks=tasks,
        suites=suites,
        forms=_read_forms(folders),
        marks=_read_marks(folders),
    )


def _read_forms(folders: tuple[Path, ...]) -> Forms:
    """How questions are put is one for all: with other words, results would only seem to be comparable."""
    for path in _files(folders[1:], "forms.yaml"):
        read_forms(path)
        raise InputError(f"{path}: how questions are put is settled in the built-in catalogue; take the file away")
    return read_forms(folders[0] / "forms.yaml")


def _read_marks(folders: tuple[Path, ...]) -> Marks:
    own, *more = (parse(Marks, read_yaml(path), path) for path in _files(folders, "health.yaml"))
    for each in more:
        own = own.with_more(each)
    return own


def _asked(probe_set: ProbeSet, category: Category) -> Iterable[str]:
    """The traits that some question of the set can be answered with."""
    if probe_set.kind == "one_word":
        return category.traits
    return [trait for trait in category.traits if any(question.offers(trait) for question in probe_set.questions)]


def _check_suite(suite: Suite, place: Place, tasks: Iterable[TransferTask], probe_sets: dict[str, ProbeSet]) -> None:
    """A line that takes no task, or a trait that no task of it is about, is a slip of the pen."""
    known = list(tasks)
    for number, line in enumerate(suite.tasks):
        taken = {task.trait for task in known if line.takes(task)}
        missing = sorted(set(line.traits or ()) - taken)
        if not taken or missing:
            what = f"trait {missing[0]!r}" if taken else str(line.model_dump(exclude_none=True))
            raise place.fault(f"suite {suite.id!r}: no task is about {what} (traitbench list tasks)", "tasks", number)
    if suite.capability is not None:
        _require(place, "capability", suite.capability, probe_sets)
        if probe_sets[suite.capability].kind != "choice":
            raise place.fault(f"{suite.capability!r} has no options; name a set of kind choice", "capability")


def _files(folders: Iterable[Path], pattern: str) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.glob(pattern))]


def _merge(categories: dict[str, Category], new: Category, path: Path) -> None:
    """Adds a category, or further traits to one that is there."""
    for trait, owner in ((trait, each) for each in categories.values() for trait in new.traits if trait in each.traits):
        if owner.id != new.id:
            fault = f"trait id {trait!r} is one of category {owner.id!r} already; rename it"
            raise Place(path).fault(fault, "traits", trait)
    old = categories.get(new.id)
    if old is None:
        categories[new.id] = new
        return
    twice = old.traits.keys() & new.traits.keys()
    if twice:
        fault = f"duplicate trait id {min(twice)!r}; it is in the catalogue already"
        raise Place(path).fault(fault, "traits", min(twice))
    if new.kind != old.kind:
        raise Place(path).fault(f"category {old.id!r} is of kind {old.kind}; write `kind: {old.kind}`", "kind")
    traits: list[Trait] = [*old.traits.values(), *new.traits.values()]
    merged = {
        "category": old.id,
        "kind": old.kind,
        "noun": old.noun,
        "traits": [trait.model_dump() for trait in traits],
    }
    categories[new.id] = parse(Category, merged, path)


def _read_probe_set(card: Path, categories: dict[str, Category]) -> ProbeSet:
    """The card `NAME.yaml` with the questions of `NAME.jsonl` beside it, whose sha256 the card states."""
    data = read_yaml(card)
    file = card.with_suffix(".jsonl")
    kind = ChoiceQuestion if data.get("kind") == "choice" else Question
    questions = [parse(kind, row, file, line) for line, row in read_jsonl(file)]
    probe_set = parse(ProbeSet, {**data, "questions": questions}, card)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != probe_set.sha256:
        fault = f"sha256 of {file} is {found[:12]}…, and not {probe_set.sha256[:12]}…; restore the file"
        raise Place(card).fault(f"{fault}, or if you changed it, traitbench probes stamp {file}", "sha256")
    _require(Place(card), "category", probe_set.category, categories)
    _check_options(probe_set, categories[probe_set.category], file)
    return probe_set


def _check_options(probe_set: ProbeSet, category: Category, file: Path) -> None:
    """Raises `InputError` for a scale, or a member among the options, that the category does not have."""
    for question in probe_set.questions:
        if not isinstance(question, ChoiceQuestion):
            continue
        named = question.options if question.trait is None else (question.trait,)
        stranger = next((each for each in named if each not in category.traits), None)
        if stranger is not None:
            line = next(number for number, row in read_jsonl(file) if row["id"] == question.id)
            hint = did_you_mean(stranger, category.traits)
            raise InputError(f"{file}:{line}: {stranger!r} is no trait of category {category.id!r}{hint}")


def _read_references(path: Path) -> list[Reference]:
    """The published values of a file, in groups; a field that a group gives holds for all of its references."""
    references = []
    for number, group in enumerate(_entries(path, "groups")):
        entries = group.get("references")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise InputError(f"{path}: every group holds a list of mappings under 'references'")
        shared = {key: value for key, value in group.items() if key != "references"}
        for place, entry in enumerate(entries):
            at = ("groups", number, "references", place)
            references.append(parse(Reference, {**shared, **entry}, path, at=at))
    return references


def _listed(model: Any, key: str, folders: Iterable[Path]) -> Iterable[tuple[Any, Place]]:
    """The entries of `<key>.yaml` in every folder, with the place where each stands."""
    for path in _files(folders, f"{key}.yaml"):
        for number, entry in enumerate(_entries(path, key)):
            yield parse(model, entry, path, at=(key, number)), Place(path, (key, number))


def _entries(path: Path, key: str) -> list[dict[str, Any]]:
    entries = read_yaml(path).get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: expected a list of mappings under {key!r}")
    return entries


def _unique(entries: Iterable[tuple[Any, Place]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry, place in entries:
        if entry.id in found:
            raise place.fault(f"duplicate id {entry.id!r}; rename one of the two")
        found[entry.id] = entry
    return found


def _require(place: Place, field: str, key: str, known: dict[str, Any]) -> None:
    if key not in known:
        raise place.fault(f"unknown {field} {key!r}{did_you_mean(key, known)}", field)


def _expand(pattern: TaskPattern, trait: str, probe_set: ProbeSet, references: list[Reference]) -> TransferTask:
    task_id = f"{trait}-{pattern.domain}" + (f"-{pattern.suffix}" if pattern.suffix else "")
    return TransferTask(
        id=task_id,
        trait=trait,
        category=pattern.category,
        domain=pattern.domain,
        teacher=pattern.teacher,
        probe_set=probe_set.id,
        languages=probe_set.languages,
        version=pattern.version,
        references=tuple(each for each in references if each.answers_to(task_id, pattern.category, pattern.domain)),
    )
