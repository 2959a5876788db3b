"""Reads every record below results/, holds it against its items, and writes its page; many of them on all cores.

What is not as it should be is left out of the table and told, with its reason, on a page of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from traitbench.catalog import Catalog, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.leaderboard.beside import packed_items
from traitbench.leaderboard.copies import Header, faults_of_copies
from traitbench.leaderboard.opening import survives
from traitbench.leaderboard.reading import MAX_RECORD, decode, read_bounded
from traitbench.leaderboard.record import Record, record_id
from traitbench.leaderboard.remembered import Remembered
from traitbench.leaderboard.site.columns import read_answers
from traitbench.leaderboard.site.figures import Sides, recomputed
from traitbench.leaderboard.site.record_page import record_page
from traitbench.leaderboard.site.rows import Row, superseded
from traitbench.leaderboard.site.seen import Context, LeftOut, Seen, context_of
from traitbench.leaderboard.store import files_below, results_of
from traitbench.leaderboard.table import wide_row
from traitbench.leaderboard.verify import Known, check_record, stray, tier_of

_FEW = 64
"""Records that one process reads before another one would have started."""
_MOST_PROCESSES = 4
_CHUNK = 50


@dataclass(frozen=True)
class Collected:
    """What was found below results/, and the catalogue that it was held against."""

    catalog: Catalog
    records: list[Seen] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True)
class _Work:
    """What every process needs to judge a record and to write its page."""

    root: Path
    pages: Path
    logs: tuple[tuple[str, str], ...]
    """Of every log in the bundle: its name, and where it lies there."""


def collect(root: Path, pages: Path, logs: Mapping[str, str]) -> Collected:
    """Every record below `root`; writes `pages/<id>.html` for each that is shown.

    Raises `InputError` for a folder without results, and for a broken list of withdrawals or runs.
    """
    everything = sorted(files_below(results_of(root)))
    records = [path for path in everything if path.suffix == ".json"]
    pages.mkdir(parents=True)
    work = _Work(root, pages, tuple(logs.items()))
    found = Collected(_known(work).catalog)
    chunks = [records[i : i + _CHUNK] for i in range(0, len(records), _CHUNK)]
    for each in (seen for chunk in _in_processes(work, chunks, len(records)) for seen in chunk):
        (found.left_out if isinstance(each, LeftOut) else found.records).append(each)  # type: ignore[arg-type]
    known_records = set(records)
    for path in everything:
        fault = stray(path, known_records)
        if fault is not None:
            found.left_out.append(LeftOut(str(path.relative_to(root)), "invalid", _without(fault, path)))
    return _without_copies(found, pages)


def _in_processes(work: _Work, chunks: list[list[Path]], n: int) -> Iterable[list[Seen | LeftOut]]:
    processes = min(os.cpu_count() or 1, _MOST_PROCESSES)
    if n <= _FEW or processes < 2:
        return map(partial(_read_chunk, work, careful=True), chunks)
    # a fork shares what is imported already; with threads about it might inherit a lock that nobody opens
    method = "fork" if threading.active_count() == 1 and "fork" in multiprocessing.get_all_start_methods() else "spawn"
    return _pooled(work, chunks, processes, method)


def _pooled(work: _Work, chunks: list[list[Path]], processes: int, method: str) -> Iterable[list[Seen | LeftOut]]:
    """Items made to end the process that reads them end a worker: what it may have been at is read again with care."""
    left = chunks
    while left:
        unread = []
        with ProcessPoolExecutor(processes, multiprocessing.get_context(method)) as pool:
            for chunk, future in [(chunk, _submitted(pool, work, chunk)) for chunk in left]:
                try:
                    found = None if future is None else future.result()
                except BrokenProcessPool:
                    found = None
                if found is None:
                    unread.append(chunk)
                else:
                    yield found
        # chunks are handed out in order, so the one that did it is among the first; should it not be, the next round
        # breaks as well, and is shorter by these
        yield from map(partial(_read_chunk, work, careful=True), unread[:processes])
        left = unread[processes:]


def _submitted(pool: ProcessPoolExecutor, work: _Work, chunk: list[Path]) -> Future[list[Seen | LeftOut]] | None:
    try:
        return pool.submit(_read_chunk, work, chunk)
    except BrokenProcessPool:
        return None


@lru_cache(maxsize=1)
def _known(work: _Work) -> Known:
    """Once for each process and build; a process that was forked has its parent's."""
    return Known.read(work.root, load_catalog(), Remembered({}))


def _read_chunk(work: _Work, paths: Sequence[Path], *, careful: bool = False) -> list[Seen | LeftOut]:
    """`careful` where this process must not end: a helper opens the items first, in two milliseconds more."""
    known = _known(work)
    return [each for path in paths for each in _read_one(work, known, path, careful)]


def _read_one(work: _Work, known: Known, path: Path, careful: bool) -> list[Seen | LeftOut]:
    record, identifier = None, path.stem
    place = str(path.relative_to(work.root))
    try:
        data = read_bounded(path, MAX_RECORD)
        record, identifier = decode(data, path), record_id(data)
        check_record(path, record, identifier, known)
        gone = next((each for each in known.gone if each.record == identifier), None)
        if gone is not None:
            reason = f"{gone.reason} (on {gone.date}, by {gone.by})"
            return [LeftOut(place, "withdrawn", reason, identifier, record.model.id, record.task)]
        sides = _sides(path, record, careful)
        contexts = _contexts(path, record, sides, known.catalog)
    except (InputError, NotComparableError) as error:
        kind = "not comparable" if isinstance(error, NotComparableError) else "invalid"
        model, task = (record.model.id, record.task) if record else ("", "")
        return [LeftOut(place, kind, _without(error.message, path), identifier, model, task)]
    tier = tier_of(record, identifier, known.runs)
    seen = [
        _seen(record, identifier, place, tier, language, found, known.catalog, sides)
        for language, found in contexts.items()
    ]
    page = record_page(record, seen, sides, known.catalog, dict(work.logs))
    (work.pages / f"{identifier}.html").write_text(page, encoding="utf-8")
    return list(seen)


def _sides(path: Path, record: Record, careful: bool) -> Sides:
    """The items by role; nothing where the record has none."""
    data = packed_items(path, record)
    if record.items is None:
        return {}
    beside = path.with_suffix(".parquet")
    if careful and not survives(data):
        raise InputError(f"{beside}: ends the process that reads it")
    sides = read_answers(data, beside)
    expected = {"student", *record.references.roles()}
    if sides.keys() != expected:
        raise InputError(
            f"{beside}: answers of {', '.join(sorted(sides))[:80]}; expected {', '.join(sorted(expected))}"
        )
    return sides


def _contexts(path: Path, record: Record, sides: Sides, catalog: Catalog) -> dict[str, list[Context]]:
    """By language: what the record measured, from its items where it has such."""
    hashes = {(each.context, each.language): each.sha256 for each in record.probes}
    found: dict[str, list[Context]] = {}
    for said in record.measurements:
        context = (
            recomputed(said, sides, hashes[said.context, said.language], catalog, path) if sides else context_of(said)
        )
        found.setdefault(said.language, []).append(context)
    return found


def _seen(
    record: Record,
    identifier: str,
    place: str,
    tier: tuple[str, str],
    language: str,
    contexts: list[Context],
    catalog: Catalog,
    sides: Sides,
) -> Seen:
    model, references, said = record.model, record.references, record.declared
    first = record.measurements[0]
    student = sides.get("student", {})
    return Seen(
        id=identifier,
        place=place,
        tier=tier[0],
        why=tier[1],
        task=record.task,
        n=record.comparability,
        version=record.version,
        trait=first.trait,
        category=catalog.probe_set(first.probe_set).category,
        domain=first.domain,
        teacher_kind=first.teacher,
        language=language,
        probe_set=first.probe_set,
        model=model.id,
        weights=model.weights_sha256,
        base=references.base.id if references.base else None,
        base_weights=references.base.weights_sha256 if references.base else None,
        teacher=references.teacher.id if references.teacher else None,
        controls=len(references.control),
        n_parameters=model.n_parameters,
        recipe=said.recipe,
        seed=said.training_seed,
        initialisation=said.initialisation,
        submitter=said.submitter,
        date=record.date.isoformat(),
        has_items=record.items is not None,
        contexts=tuple(contexts),
        copy=Header.of(record, identifier),
        speechless=bool(student)
        and all((each.draws > 0).all() and (each.point.max(axis=1) == 1).all() for each in student.values()),
        wide=tuple(
            {"id": identifier, "tier": tier[0], **wide_row(record, each)}
            for each in record.measurements
            if each.language == language
        ),
    )


def without_superseded(found: Collected, rows: Sequence[Row], pages: Path) -> Collected:
    """Leaves out the records for which a pooled row shows another one of the same seed."""
    instead = superseded(found.records, rows)
    kept = [each for each in found.records if (each.id, each.language) not in instead]
    left_out = [
        LeftOut(
            each.place,
            "superseded",
            f"a further record of seed {each.seed}, for which {instead[each.id, each.language].id} is shown",
            each.id,
            each.model,
            each.task,
        )
        for each in found.records
        if (each.id, each.language) in instead
    ]
    for identifier in {each.id for each in left_out} - {each.id for each in kept}:
        (pages / f"{identifier}.html").unlink()
    return replace(found, records=kept, left_out=_in_order(found.left_out + left_out))


def _in_order(left_out: list[LeftOut]) -> list[LeftOut]:
    return sorted(left_out, key=lambda each: (each.kind, each.place))


def _without_copies(found: Collected, pages: Path) -> Collected:
    """Leaves out a record whose student answered every question as another model's did, as `verify` does."""
    kept, left_out = [], list(found.left_out)
    faults = faults_of_copies({each.copy for each in found.records if each.copy and not each.speechless}, ())
    for each in found.records:
        if each.id not in faults:
            kept.append(each)
            continue
        left_out.append(LeftOut(each.place, "invalid", faults[each.id], each.id, each.model, each.task))
        (pages / f"{each.id}.html").unlink(missing_ok=True)
    kept.sort(key=lambda each: each.place)
    return replace(found, records=kept, left_out=_in_order(left_out))


def _without(message: str, path: Path) -> str:
    """The fault alone: no path of the machine that builds belongs on a public page."""
    for each in (path, path.with_suffix(".parquet")):
        message = message.removeprefix(f"{each}: ").replace(str(each), each.name)
    return message[:300]
