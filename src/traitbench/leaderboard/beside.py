"""The items beside a record: are they the ones that it names, and do they hold what it says they hold?"""

from __future__ import annotations

import hashlib
from pathlib import Path

from traitbench.catalog import Catalog
from traitbench.errors import InputError
from traitbench.leaderboard.items import MAX_ITEMS, decode_items, student_sha256
from traitbench.leaderboard.reading import read_bounded
from traitbench.leaderboard.record import Record
from traitbench.runner.recomputing import Roles


def items_of(path: Path, record: Record, catalog: Catalog) -> Roles:
    """The items beside a record, by role; none where it has none. `InputError` where they are not its own."""
    return unpacked(path, record, packed_items(path, record), catalog)


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


def unpacked(path: Path, record: Record, data: bytes, catalog: Catalog) -> Roles:
    """The roles' answers in those bytes: of the student and of every reference, in the contexts that were asked."""
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
