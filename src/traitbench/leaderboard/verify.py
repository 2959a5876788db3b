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
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from traitbench.catalog import Catalog, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.leaderboard.agreement import disagreement
from traitbench.leaderboard.asked import asked_sha256
from traitbench.leaderboard.beside import packed_items, unpacked
from traitbench.leaderboard.copies import Header, faults_of_copies
from traitbench.leaderboard.making import measurement, today
from traitbench.leaderboard.opening import survives
from traitbench.leaderboard.reading import MAX_RECORD, decode, read_bounded
from traitbench.leaderboard.record import RESULTS, Record, place, record_id
from traitbench.leaderboard.remembered import Remembered
from traitbench.leaderboard.store import (
    MaintainerRun,
    Withdrawal,
    files_below,
    maintainer_runs,
    results_of,
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
        """One line for a report, of what can be printed alone: a file's name may hold anything."""
        return "".join(c if c.isprintable() else "?" for c in self._said)

    @property
    def _said(self) -> str:
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
    everything = sorted(files_below(results_of(root)))
    known = Known.read(root, load_catalog(), Remembered.read(cache))
    chosen = everything if paths is None else _below(root, paths, everything)
    records = {path for path in everything if path.suffix == ".json"}
    found = [_verify_one(path, known) for path in chosen if path.suffix == ".json"]
    known.remembered.write(cache)
    found += [Verified(path, fault=fault) for path in chosen if (fault := stray(path, records))]
    gone = {each.record for each in known.gone}
    others = [] if paths is None else [_header(path) for path in sorted(records - set(chosen))]
    beside = [each for each in others if each is not None and each.id not in gone]
    return sorted(_without_copies(found, beside), key=lambda each: each.path)


def _below(root: Path, paths: Iterable[Path], everything: list[Path]) -> list[Path]:
    """The files among `everything` that the paths name, with the other half of each record."""
    chosen: set[Path] = set()
    for path in paths:
        wanted = Path(os.path.abspath(path if path.exists() or path.is_symlink() else root / path))
        inside = [each for each in everything if Path(os.path.abspath(each)).is_relative_to(wanted)]
        if not inside:
            raise InputError(f"{path}: no record below {root / RESULTS}")
        chosen.update(inside)
    halves = {each.with_suffix("") for each in chosen}
    return [each for each in everything if each in chosen or each.with_suffix("") in halves]


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


@dataclass(frozen=True)
class Known:
    """What every record is held against."""

    root: Path
    catalog: Catalog
    gone: list[Withdrawal]
    runs: list[MaintainerRun]
    remembered: Remembered
    asked: dict[tuple[str, ...], str]
    """The hashes of what was asked, as far as they were needed."""

    @classmethod
    def read(cls, root: Path, catalog: Catalog, remembered: Remembered) -> Known:
        """With the lists below `root`; `InputError` for a broken one."""
        return cls(root, catalog, withdrawals(root), maintainer_runs(root), remembered, {})

    def asked_sha256(self, *where: str) -> str:
        if where not in self.asked:
            self.asked[where] = asked_sha256(self.catalog, *where)
        return self.asked[where]


def _verify_one(path: Path, known: Known) -> Verified:
    result = Verified(path)
    try:
        data = read_bounded(path, MAX_RECORD)
        record = decode(data, path)
        result = replace(result, id=record_id(data), record=record)
        check_record(path, record, record_id(data), known)
        packed = packed_items(path, record)
        speechless = known.remembered.speechless(data, packed)
        if speechless is None:
            if packed and not survives(packed):
                raise InputError(f"{path.with_suffix('.parquet')}: ends the process that reads it")
            roles = unpacked(path, record, packed, known.catalog)
            if roles:
                _check_figures(path, record, roles, known.catalog)
            speechless = _speechless(roles)
            known.remembered.add(data, packed, speechless)
    except NotComparableError as error:
        return replace(result, fault=error.message, comparable=False)
    except InputError as error:
        return replace(result, fault=error.message)
    tier, why = tier_of(record, record_id(data), known.runs)
    withdrawn = next((each for each in known.gone if each.record == result.id), None)
    return replace(result, tier=tier, why=why, withdrawn=withdrawn, speechless=speechless)


def check_record(path: Path, record: Record, identifier: str, known: Known) -> None:
    """Holds a record against all but its items.

    Raises `InputError` where it is not what it should be, `NotComparableError` where the catalogue asks otherwise.
    """
    _check_place(path, known.root, record, identifier)
    _check_date(path, record)
    _check_withdrawn(path, record, identifier, known.gone)
    _check_catalogue(path, record, known)


def _check_place(path: Path, root: Path, record: Record, identifier: str) -> None:
    if path.stem != identifier:
        raise InputError(f"{path}: its content has the id {identifier}: the file was changed, or renamed")
    proper = root / place(record, identifier)
    if path != proper:
        raise InputError(f"{path}: belongs to {proper.relative_to(root)}")


def _check_date(path: Path, record: Record) -> None:
    if record.date > max(today(), datetime.datetime.now(datetime.UTC).date()) + datetime.timedelta(days=1):
        raise InputError(f"{path}: date: {record.date} is yet to come")


def _check_withdrawn(path: Path, record: Record, identifier: str, gone: list[Withdrawal]) -> None:
    """A withdrawn record stays; its answers do not come back under another id."""
    if record.items is None or any(each.record == identifier for each in gone):
        return
    same = (record.task, record.items.student_sha256)
    for each in gone:
        if (each.task.split(" ")[0], each.student_sha256) == same:
            raise InputError(f"{path}: the answers of {each.record}, withdrawn on {each.date} ({each.reason})")


def _check_catalogue(path: Path, record: Record, known: Known) -> None:
    task = known.catalog.tasks.get(record.task)
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
        if asked.sha256 != known.asked_sha256(*where):
            raise NotComparableError(f"{path}: probes: other questions or names than {' '.join(where)} has here")
    stranger = next((each for each in record.published if each not in task.references), None)
    if stranger is not None:
        raise InputError(f"{path}: published: the catalogue has no such value of {stranger.model[:40]!r}")


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


def _header(path: Path) -> Header | None:
    """Of a record that is not verified now; what is broken is nobody's original."""
    try:
        data = read_bounded(path, MAX_RECORD)
        return Header.of(decode(data, path), record_id(data))
    except InputError:
        return None


def _without_copies(found: list[Verified], beside: Iterable[Header]) -> list[Verified]:
    """Marks copies, but not of a student that said one thing to everything: two such may well agree."""
    headers = [
        Header.of(each.record, each.id)
        for each in found
        if each.record is not None and each.id is not None and each.tier is not None
        if not each.speechless and each.withdrawn is None
    ]
    faults = faults_of_copies(filter(None, headers), beside)
    said = [faults.get(each.id or "") if each.tier is not None else None for each in found]
    return [
        each if fault is None else replace(each, tier=None, fault=f"{each.path}: {fault}")
        for each, fault in zip(found, said, strict=True)
    ]


def _speechless(roles: Roles) -> bool:
    """Whether every question has one answer, in all of its draws."""
    questions = [question for each in roles.get("student", ()) for question in each.questions]
    return bool(questions) and all(
        question.draws is not None and max(question.mass.values(), default=0) == 1 for question in questions
    )
