"""What may be believed of the records in a folder? Every claim is held against the items, the catalogue and the lists.

Tiers, found and never read from a record:

- T0 declared: a record as it should be; its weights are not named, or it has no items.
- T1 recomputed: every figure in it follows from the items beside it.
- T2 re-scored: some of its questions, chosen at random, were put to the weights again, and the answers agree.
- T3 maintainer's run: a maintainer scored the whole of it and found the same.

Records are data. Nothing in them is executed, unpickled, followed or fetched, and what one of them does wrong is told
without a word lost about the others.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from traitbench.catalog import Catalog, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.leaderboard.agreement import disagreement
from traitbench.leaderboard.asked import asked_sha256
from traitbench.leaderboard.items import MAX_ITEMS, decode_items, student_sha256
from traitbench.leaderboard.making import measurement, today
from traitbench.leaderboard.reading import MAX_RECORD, decode, read_bounded
from traitbench.leaderboard.record import RESULTS, Record, place, record_id
from traitbench.leaderboard.remembered import Remembered
from traitbench.leaderboard.store import (
    MaintainerRun,
    Withdrawal,
    files_below,
    maintainer_runs,
    withdrawals,
)
from traitbench.runner.recomputing import Roles, task_results
from traitbench.runner.results import with_holm

Tier = Literal["T0", "T1", "T2", "T3"]
_KEPT = {".gitkeep"}


@dataclass(frozen=True)
class Verified:
    """What was found about one file below results/: a record with its items, or a stray."""

    path: Path
    id: str | None = None
    record: Record | None = None
    tier: Tier | None = None
    """None where the record is not what it should be."""
    fault: str | None = None
    comparable: bool = True
    """False where the fault is that the catalogue here no longer asks, or does not yet ask, what the record did."""
    withdrawn: Withdrawal | None = None
    why: str = ""
    """What keeps it from a higher tier."""
    rescored: tuple[int, int] | None = None
    """How many of how many questions were put to the weights again, and came out the same."""
    speechless: bool = False
    """Every answer drawn was the same: two collapsed models may well agree in that."""

    @property
    def line(self) -> str:
        """One line for a report."""
        if self.fault is not None:
            return f"{'not comparable' if not self.comparable else 'invalid'}: {self.fault}"
        said = f"{self.tier}: {self.path}"
        if self.withdrawn is not None:
            return f"withdrawn: {self.path}: on {self.withdrawn.date} ({self.withdrawn.reason})"
        return f"{said} ({self.why})" if self.why else said


def verify(root: Path, paths: Sequence[Path] | None = None, cache: Path | None = None) -> list[Verified]:
    """Every record below `root`, or those in `paths` alone (files or folders below it), and whatever else lies there.

    `cache` is a file of one's own that remembers which records' figures followed from which items, by the sha256 of
    both and the version of traitbench; all else is looked at every time. Never take one from somebody else.

    Raises `InputError` for a folder without results, a path outside it, and a broken list of withdrawals or runs.
    """
    if not (root / RESULTS).is_dir():
        raise InputError(f"{root}: holds no {RESULTS}/; name the leaderboard's folder with --dir")
    catalog = load_catalog()
    gone, runs = withdrawals(root), maintainer_runs(root)
    everything = sorted(files_below(root / RESULTS))
    chosen = everything if paths is None else _below(root, paths, everything)
    records = [path for path in everything if path.suffix == ".json"]
    remembered = Remembered.read(cache)
    found = [_verify_one(path, root, catalog, gone, runs, remembered) for path in chosen if path.suffix == ".json"]
    remembered.write(cache)
    found += [Verified(path, fault=fault) for path in chosen if (fault := stray(path, set(records)))]
    beside = [] if paths is None else [_header(path) for path in records if path not in set(chosen)]
    return sorted(_without_copies(found, [each for each in beside if each is not None]), key=lambda each: each.path)


def _below(root: Path, paths: Iterable[Path], everything: list[Path]) -> list[Path]:
    chosen = set()
    for path in paths:
        wanted = path if path.is_absolute() or path.is_relative_to(root) else root / path
        inside = [each for each in everything if each == wanted or each.is_relative_to(wanted)]
        if not inside:
            raise InputError(f"{path}: no record below {root / RESULTS}")
        chosen.update(inside)
        chosen.update(each for each in everything if each.with_suffix(".json") in inside)
    return sorted(chosen)


def stray(path: Path, records: set[Path]) -> str | None:
    """What is wrong with a file that is no record."""
    if path.suffix == ".json" or path.name in _KEPT:
        return None
    if path.suffix == ".parquet" and path.with_suffix(".json") in records:
        return None  # judged with its record
    if path.is_symlink():
        return f"{path}: a link, where a file belongs"
    if path.suffix == ".parquet":
        return f"{path}: items without a record"
    return f"{path}: neither a record (.json) nor its items (.parquet)"


def _verify_one(
    path: Path,
    root: Path,
    catalog: Catalog,
    gone: list[Withdrawal],
    runs: list[MaintainerRun],
    remembered: Remembered,
) -> Verified:
    result = Verified(path)
    try:
        data = read_bounded(path, MAX_RECORD)
        record = decode(data, path)
        result = replace(result, id=record_id(data), record=record)
        check_place(path, root, record, record_id(data))
        check_date(path, record)
        check_withdrawn(path, record, record_id(data), gone)
        check_catalogue(path, record, catalog)
        packed = packed_items(path, record)
        speechless = remembered.speechless(data, packed)
        if speechless is None:
            roles = _roles(path, record, packed, catalog)
            if roles:
                _check_figures(path, record, roles, catalog)
            speechless = _speechless(roles)
            remembered.add(data, packed, speechless)
    except NotComparableError as error:
        return replace(result, fault=error.message, comparable=False)
    except InputError as error:
        return replace(result, fault=error.message)
    tier, why = tier_of(record, record_id(data), runs)
    withdrawn = next((each for each in gone if each.record == result.id), None)
    return replace(result, tier=tier, why=why, withdrawn=withdrawn, speechless=speechless)


def check_place(path: Path, root: Path, record: Record, identifier: str) -> None:
    """The file lies where its content belongs."""
    if path.stem != identifier:
        raise InputError(f"{path}: its content has the id {identifier}: the file was changed, or renamed")
    proper = root / place(record, identifier)
    if path != proper:
        raise InputError(f"{path}: belongs to {proper.relative_to(root)}")


def check_date(path: Path, record: Record) -> None:
    """The record is not of a day to come."""
    if record.date > max(today(), datetime.datetime.now(datetime.UTC).date()) + datetime.timedelta(days=1):
        raise InputError(f"{path}: date: {record.date} is yet to come")


def check_withdrawn(path: Path, record: Record, identifier: str, gone: list[Withdrawal]) -> None:
    """A withdrawn record stays; its answers do not come back under another id."""
    if record.items is None or any(each.record == identifier for each in gone):
        return
    same = (record.task, record.items.student_sha256)
    for each in gone:
        if (each.task.split(" ")[0], each.student_sha256) == same:
            raise InputError(f"{path}: the answers of {each.record}, withdrawn on {each.date} ({each.reason})")


def check_catalogue(path: Path, record: Record, catalog: Catalog) -> None:
    """The catalogue here asks what the record asked."""
    task = catalog.tasks.get(record.task)
    if task is None:
        raise NotComparableError(f"{path}: task: {record.task!r} is not in the catalogue (traitbench list tasks)")
    if record.comparability != task.comparability:
        raise NotComparableError(
            f"{path}: version: {record.version}, and {task.id} is at {task.version} here; "
            "verify it with the traitbench that made it"
        )
    domains = {each.domain for each in record.probes} - {"none"}
    if domains - {task.domain} or {each.probe_set for each in record.probes} != {task.probe_set}:
        raise InputError(f"{path}: probes: not those of {task.id}")
    for each in record.measurements:
        said = (each.trait, each.domain, each.teacher, each.probe_set)
        if said != (task.trait, task.domain, task.teacher, task.probe_set):
            raise InputError(f"{path}: measurements: {' '.join(said)} is not {task.id}")
    for asked in record.probes:
        where = (asked.probe_set, asked.context, asked.domain, asked.language)
        if (asked.context == "plain") != (asked.domain == "none"):
            raise InputError(f"{path}: probes: context {asked.context} in domain {asked.domain}")
        if asked.sha256 != asked_sha256(catalog, *where):
            raise NotComparableError(f"{path}: probes: other questions or names than {' '.join(where)} has here")
    known = {(each.model, each.source) for each in task.references}
    stranger = next((each for each in record.published if (each.model, each.source) not in known), None)
    if stranger is not None:
        raise InputError(f"{path}: published: nothing of {stranger.model[:40]!r} is published in the catalogue")


def items_of(path: Path, record: Record, catalog: Catalog) -> Roles:
    """The items beside a record, by role; none where it has none. `InputError` where they are not its own."""
    return _roles(path, record, packed_items(path, record), catalog)


def packed_items(path: Path, record: Record) -> bytes:
    """The bytes of the file that the record names; none where it names none."""
    beside = path.with_suffix(".parquet")
    if record.items is None:
        if beside.exists() or beside.is_symlink():
            raise InputError(f"{beside}: the record knows of no items")
        return b""
    if not beside.exists() and not beside.is_symlink():
        raise InputError(f"{beside}: missing")
    data = read_bounded(beside, MAX_ITEMS)
    found = hashlib.sha256(data).hexdigest()
    if found != record.items.sha256 or len(data) != record.items.size:
        raise InputError(f"{beside}: sha256 {found[:12]}…, and the record says {record.items.sha256[:12]}…")
    return data


def _roles(path: Path, record: Record, data: bytes, catalog: Catalog) -> Roles:
    beside = path.with_suffix(".parquet")
    if record.items is None:
        return {}
    roles = decode_items(data, beside, catalog)
    expected = {"student", *record.references.roles()}
    if roles.keys() != expected:
        raise InputError(
            f"{beside}: answers of {', '.join(sorted(roles))[:80]}; expected {', '.join(sorted(expected))}"
        )
    asked = {(each.probe_set, each.context, each.domain, each.language) for each in record.probes}
    for role, measured in roles.items():
        if {(each.probe_set, each.context, each.domain, each.language) for each in measured} != asked:
            raise InputError(f"{beside}: {role}: other contexts than the record's probes")
    rows = sum(len(each.questions) for measured in roles.values() for each in measured)
    if (rows, student_sha256(roles)) != (record.items.rows, record.items.student_sha256):
        raise InputError(f"{beside}: rows or student_sha256: not those that the record says")
    return roles


def _check_figures(path: Path, record: Record, roles: Roles, catalog: Catalog) -> None:
    try:
        results = with_holm(task_results(catalog.tasks[record.task], roles, catalog))
    except (KeyError, ValueError, ArithmeticError) as error:
        raise InputError(f"{path}: nothing can be computed from its items ({str(error)[:80]})") from None
    found = {(each.context, each.language): measurement(each) for each in results}
    for said in record.measurements:
        other = found.get((said.context, said.language))
        wrong = "no such context among the items" if other is None else disagreement(said, other)
        if wrong is not None:
            raise InputError(f"{path}: measurements.{said.context}: {wrong}")
    sizes = {(each.context, each.language): each.n_questions for each in record.probes}
    asked = {(each.context, each.language): len(each.questions) for each in roles["student"]}
    if sizes != asked:
        raise InputError(f"{path}: probes: n_questions is not the number of the items' questions")


def tier_of(record: Record, identifier: str, runs: list[MaintainerRun]) -> tuple[Tier, str]:
    """The tier of a record that is as it should be, and what keeps it from a higher one."""
    if record.items is None:
        return "T0", "no items to compute its figures from"
    if record.model.weights_sha256 is None:
        return "T0", "its figures follow from its items; the weights have no known sha256"
    signed = {each.tier for each in runs if (each.record, each.items_sha256) == (identifier, record.items.sha256)}
    if "T3" in signed:
        return "T3", ""
    return ("T2", "") if "T2" in signed else ("T1", "")


@dataclass(frozen=True)
class Header:
    """What tells a copy from its original."""

    id: str
    date: datetime.date
    task: tuple[str, int]
    student: str
    model: tuple[str | None, str | None]
    whole: str

    @classmethod
    def of(cls, record: Record, identifier: str) -> Header | None:
        if record.items is None:
            return None
        model = (record.model.weights_sha256 or record.model.id, record.model.adapter)
        whole = f"{model} {record.references.model_dump_json()} {record.items.sha256}"
        task = (record.task, record.comparability)
        return cls(identifier, record.date, task, record.items.student_sha256, model, whole)


def _header(path: Path) -> Header | None:
    """Of a record that is not verified now; what is broken is nobody's original."""
    try:
        data = read_bounded(path, MAX_RECORD)
        return Header.of(decode(data, path), record_id(data))
    except InputError:
        return None


def _without_copies(found: list[Verified], beside: list[Header]) -> list[Verified]:
    """Marks a record whose student answered every question as another model did: computed answers never agree so."""
    headers = {
        each.id: header
        for each in found
        if each.record is not None and each.id is not None and each.tier is not None
        if (header := Header.of(each.record, each.id)) is not None
    }
    first: dict[tuple[tuple[str, int], str], Header] = {}
    for header in sorted([*beside, *headers.values()], key=lambda each: (each.date, each.id)):
        first.setdefault((header.task, header.student), header)
    marked = []
    for each in found:
        mine = headers.get(each.id or "")
        original = first.get((mine.task, mine.student)) if mine is not None else None
        if mine is not None and original is not None and original.id != mine.id and not each.speechless:
            if original.model != mine.model:
                each = replace(
                    each, tier=None, fault=f"{each.path}: a copy of {original.id}, under another model's name"
                )
            elif original.whole == mine.whole:
                each = replace(each, tier=None, fault=f"{each.path}: the same as {original.id}; one of them is enough")
        marked.append(each)
    return marked


def _speechless(roles: Roles) -> bool:
    """Whether every question has one answer, in all of its draws."""
    questions = [question for each in roles.get("student", ()) for question in each.questions]
    return bool(questions) and all(
        question.draws is not None and max(question.mass.values(), default=0) == 1 for question in questions
    )
