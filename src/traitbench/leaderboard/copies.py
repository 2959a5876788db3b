"""Which record is a copy? Two checkpoints never give the same computed answers to the last digit."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from traitbench.leaderboard.record import Record


@dataclass(frozen=True)
class Header:
    """What tells a copy from its original."""

    id: str
    date: datetime.date
    task: tuple[str, int]
    student: str
    """The sha256 of the student's answers."""
    model: tuple[str | None, str | None]
    whole: str

    @classmethod
    def of(cls, record: Record, identifier: str) -> Header | None:
        """None for a record without items."""
        if record.items is None:
            return None
        model = (record.model.weights_sha256 or record.model.id, record.model.adapter)
        whole = f"{model} {record.references.model_dump_json()} {record.items.sha256}"
        task = (record.task, record.comparability)
        return cls(identifier, record.date, task, record.items.student_sha256, model, whole)


def faults_of_copies(judged: Iterable[Header], beside: Iterable[Header]) -> Mapping[str, str]:
    """By id, what is wrong with those of `judged` that are equal to one `beside`, or to an earlier one of their own.

    What lies beside was there first, whatever date is written in it: a date is only declared.
    """
    mine = list(judged)
    first: dict[tuple[tuple[str, int], str], Header] = {}
    for group in (beside, mine):
        for header in sorted(group, key=lambda each: (each.date, each.id)):
            first.setdefault((header.task, header.student), header)
    faults = {}
    for header in mine:
        original = first[header.task, header.student]
        if original.id == header.id:
            continue
        if original.model != header.model:
            faults[header.id] = f"a copy of {original.id}, under another model's name"
        elif original.whole == header.whole:
            faults[header.id] = f"the same as {original.id}; one of them is enough"
    return faults
