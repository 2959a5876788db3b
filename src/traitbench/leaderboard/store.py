"""Where records lie, and the two lists beside them: what was withdrawn, and what maintainers ran themselves.

Every file is written whole and named by its content, so that any number of people may add at once and nothing is
lost. The items are written before their record: whoever finds a record finds its items.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from traitbench.errors import InputError
from traitbench.files import write_fault, write_whole
from traitbench.leaderboard.making import Entry, entries, today
from traitbench.leaderboard.reading import MAX_RECORD, decode, read_bounded
from traitbench.leaderboard.record import RESULTS, Declared, Line, Record, Sha256, record_id
from traitbench.runner.scorecard import Part, Scorecard

WITHDRAWN = "withdrawn.jsonl"
MAINTAINER_RUNS = "maintainer_runs.jsonl"
MAX_LIST = 16 << 20
RecordId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Listed = TypeVar("Listed", bound=Part)


@dataclass(frozen=True)
class Stored:
    """A record and the file that it was read from."""

    path: Path
    id: str
    record: Record


class Withdrawal(Part):
    """One line of withdrawn.jsonl. The record stays where it is; the table no longer shows it."""

    record: RecordId
    task: Line
    model: Line
    items_sha256: Sha256 | None
    student_sha256: Sha256 | None
    """None where the answers stand, and may come back under another id."""
    date: datetime.date
    by: Line
    reason: Line


class MaintainerRun(Part):
    """One line of maintainer_runs.jsonl: what a maintainer ran, and found as the record says."""

    record: RecordId
    items_sha256: Sha256
    tier: Literal["T2", "T3"]
    """T2: some questions were scored again; T3: the whole record was."""
    questions: int | None = Field(default=None, ge=1)
    date: datetime.date
    by: Line


def add(card: Scorecard, root: Path, declared: Declared | None = None, logs: Path | None = None) -> list[Path]:
    """Writes the records of the card below `root`; a result that is there from another day is not added again.

    Raises `InputError` where one of them was withdrawn, before any is written.
    """
    made = entries(card, declared, logs)
    gone = {each.record: each for each in withdrawals(root)}
    for entry in made:
        if entry.id in gone:
            raise InputError(f"{entry.id}: withdrawn on {gone[entry.id].date} ({gone[entry.id].reason}); not added")
    return [_present(entry, root) or write(entry, root) for entry in made]


def _present(entry: Entry, root: Path) -> Path | None:
    """The record that says the same of the same answers."""
    same = (each.path for each in same_answers(entry, root) if each.record.declared == entry.record.declared)
    return next(same, None)


def same_answers(entry: Entry, root: Path) -> Iterator[Stored]:
    """The records below `root` of the same model with equal answers, compared with the same references."""
    mine = entry.record
    for path in sorted((root / entry.place).parent.glob("*.json")):
        try:
            data = read_bounded(path, MAX_RECORD)
            found = decode(data, path)
        except InputError:
            continue  # `verify` says what is wrong with it
        same = (found.task, found.model, found.references, found.items)
        if same == (mine.task, mine.model, mine.references, mine.items):
            yield Stored(path, record_id(data), found)


def write(entry: Entry, root: Path) -> Path:
    """Writes one record and its items; returns the record's path."""
    path = root / entry.place
    if entry.items is not None:
        write_whole(path.with_suffix(".parquet"), entry.items)
    write_whole(path, entry.data)
    return path


def read_stored(root: Path) -> list[Stored]:
    """Every record below `root`, in the order of their paths; `InputError` names a broken one.

    Nothing is verified but that each is a record: see `verify`.
    """
    found = []
    for path in record_paths(root):
        data = read_bounded(path, MAX_RECORD)
        found.append(Stored(path, record_id(data), decode(data, path)))
    return found


def read_standing(root: Path) -> list[Stored]:
    """What below `root` was not withdrawn, likewise."""
    gone = {each.record for each in withdrawals(root)}
    return [each for each in read_stored(root) if each.id not in gone]


def read_all(root: Path) -> list[Record]:
    """The records below `root` that were not withdrawn."""
    return [each.record for each in read_standing(root)]


def results_of(root: Path) -> Path:
    """The folder of the records; `InputError` where there is none."""
    if not (root / RESULTS).is_dir():
        raise InputError(f"{root}: holds no {RESULTS}/; name the leaderboard's folder with --dir")
    return root / RESULTS


def record_paths(root: Path) -> list[Path]:
    """Every `.json` below results/, sorted; folders that are links are not entered."""
    return sorted(path for path in files_below(root / RESULTS) if path.suffix == ".json")


def files_below(folder: Path) -> Iterator[Path]:
    """Everything below the folder that is no folder itself, links included."""
    for where, folders, names in os.walk(folder, followlinks=False):
        yield from (Path(where, name) for name in names)
        yield from (path for name in folders if (path := Path(where, name)).is_symlink())


def withdrawals(root: Path) -> list[Withdrawal]:
    """What was withdrawn, in the order of the list."""
    return _read_list(root / WITHDRAWN, Withdrawal)


def maintainer_runs(root: Path) -> list[MaintainerRun]:
    """What maintainers ran, in the order of the list."""
    return _read_list(root / MAINTAINER_RUNS, MaintainerRun)


def withdraw(root: Path, identifier: str, *, by: str, reason: str, answers_stand: bool = False) -> Withdrawal:
    """Adds a line to withdrawn.jsonl; `InputError` for an unknown record, or one that is withdrawn already.

    Where only what was declared was wrong, the answers stand, and a record with the right words may follow.
    """
    chosen = find(root, identifier)
    earlier = next((each for each in withdrawals(root) if each.record == chosen.id), None)
    if earlier is not None:
        raise InputError(f"{chosen.id}: withdrawn already on {earlier.date} ({earlier.reason})")
    items = chosen.record.items
    fields = {
        "record": chosen.id,
        "task": f"{chosen.record.task} {chosen.record.version}",
        "model": chosen.record.model.id,
        "items_sha256": items.sha256 if items else None,
        "student_sha256": items.student_sha256 if items and not answers_stand else None,
        "date": today(),
        "by": by,
        "reason": reason,
    }
    return _add_line(root / WITHDRAWN, Withdrawal, fields)


def sign(root: Path, fields: dict[str, Any]) -> MaintainerRun:
    """Adds a line to maintainer_runs.jsonl."""
    return _add_line(root / MAINTAINER_RUNS, MaintainerRun, fields)


def _add_line(path: Path, kind: type[Listed], fields: dict[str, Any]) -> Listed:
    try:
        line = kind.model_validate(fields)
    except ValidationError as error:
        fault = error.errors()[0]
        raise InputError(f"--{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    _append(path, line.model_dump_json())
    return line


def find(root: Path, identifier: str) -> Stored:
    """The record whose id begins with `identifier`; `InputError` for none or several."""
    paths = [path for path in record_paths(root) if identifier and path.stem.startswith(identifier)]
    if len(paths) != 1:
        found = f"{len(paths)} records begin so; write more of it" if paths else "no such record"
        raise InputError(f"{identifier!r}: {found} (traitbench leaderboard table shows ids)")
    data = read_bounded(paths[0], MAX_RECORD)
    return Stored(paths[0], record_id(data), decode(data, paths[0]))


def _read_list(path: Path, kind: type[Listed]) -> list[Listed]:
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(read_bounded(path, MAX_LIST).decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(kind.model_validate_json(line))
        except ValidationError as error:
            fault = error.errors()[0]
            raise InputError(f"{path}:{number}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    return found


def _append(path: Path, line: str) -> None:
    """Adds a line in one write, which the system appends whole, whoever else appends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            torn = stream.tell() > 0 and path.read_bytes()[-1:] != b"\n"
            stream.write((("\n" if torn else "") + json.dumps(json.loads(line), ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise write_fault(path, error) from None
