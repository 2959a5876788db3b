"""From a scorecard to its records: one for each transfer task, with the items from which all in it can be computed."""

from __future__ import annotations

import datetime
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from traitbench.catalog import Catalog, TransferTask, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.leaderboard.agreement import disagreement
from traitbench.leaderboard.asked import asked_sha256
from traitbench.leaderboard.commands import command_of
from traitbench.leaderboard.items import encode_items, student_sha256
from traitbench.leaderboard.record import (
    Asked,
    Compared,
    Declared,
    Identity,
    Items,
    Log,
    Record,
    encode,
    place,
    record_id,
)
from traitbench.runner.recomputing import Roles, asked_for, task_results
from traitbench.runner.results import with_holm
from traitbench.runner.scorecard import MeasuredAnswers, Measurement, ModelIdentity, Scorecard, TaskResult


@dataclass(frozen=True)
class Entry:
    """A record with its items, as they are written."""

    record: Record
    items: bytes | None

    @cached_property
    def data(self) -> bytes:
        return encode(self.record)

    @property
    def id(self) -> str:
        return record_id(self.data)

    @property
    def place(self) -> PurePosixPath:
        """Of the record's file, below the leaderboard's folder; the items' has the suffix `.parquet`."""
        return place(self.record, self.id)


def entries(card: Scorecard, declared: Declared | None = None, logs: Path | None = None) -> list[Entry]:
    """A record for every task of the card.

    Args:
        card: with the answers of all that it names.
        declared: what the submitter says.
        logs: the folder that holds the card's logs, for their sha256.

    Raises:
        InputError: a card without the answers, or whose figures are not those of its answers; a name that no record
            may have.
        NotComparableError: a task of another version than the catalogue's.
    """
    catalog = load_catalog()
    said = declared or Declared()
    found = [Log(name=name, sha256=_log_sha256(name, logs)) for name in dict.fromkeys(card.logs)]
    names = dict.fromkeys(result.task for result in card.tasks)
    if not names:
        raise InputError("the scorecard has no tasks; make it with traitbench score MODEL --tasks … --out DIR")
    return [_entry(card, catalog.task(name), catalog, said, found) for name in names]


def today() -> datetime.date:
    """The date in UTC, or that of $SOURCE_DATE_EPOCH."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch and epoch.isdigit():
        return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).date()
    return datetime.datetime.now(datetime.UTC).date()


def measurement(result: TaskResult) -> Measurement:
    """A result as records keep it: without its questions, which are among the items."""
    return Measurement.model_validate({name: getattr(result, name) for name in Measurement.model_fields})


def _entry(card: Scorecard, task: TransferTask, catalog: Catalog, declared: Declared, logs: list[Log]) -> Entry:
    own = [result for result in card.tasks if result.task == task.id]
    if own[0].version.split("-")[0] != str(task.comparability):
        raise NotComparableError(f"{task.id}: scored at version {own[0].version}, now {task.version}; score it again")
    references = _compared(card)
    roles = _roles(card, task, references)
    try:
        results = task_results(task, roles, catalog)
    except (KeyError, ValueError) as error:
        raise InputError(f"{task.id}: the card's answers cannot be read ({error}); score it again") from None
    if not results:
        raise InputError(f"{task.id}: answers: none in the card; score it again")
    _check_figures(task, own, results)
    measured = [measurement(each) for each in with_holm(results)]
    items = encode_items(roles)
    environment = {name: str(value) for name, value in card.environment.items() if name != "git_commit"}
    record = _made(
        task=task.id,
        version=task.version,
        date=today(),
        model=_identity(card.model),
        references=references,
        declared=declared,
        probes=tuple(_asked(each, catalog) for each in roles["student"]),
        measurements=tuple(measured),
        published=task.references,
        command=command_of(card, task, measured),
        environment=environment,
        git_commit=card.environment.get("git_commit"),
        logs=tuple(logs),
        noise_floor=card.noise_floor,
        items=Items(
            sha256=hashlib.sha256(items).hexdigest(),
            size=len(items),
            rows=sum(len(each.questions) for measured in roles.values() for each in measured),
            student_sha256=student_sha256(roles),
        ),
    )
    return Entry(record, items)


def _made(**fields: object) -> Record:
    try:
        return Record.model_validate(fields)
    except ValidationError as error:
        raise InputError(_fault(error)) from None


def _fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    field = ".".join(map(str, fault["loc"])) or "record"
    given = "" if fault["loc"] == () else f" (it is {str(fault['input'])[:60]!r})"
    return f"{field}: {fault['msg'].removeprefix('Value error, ')}{given}; no record may say so"


def _compared(card: Scorecard) -> Compared:
    base, teacher = card.references.base, card.references.teacher
    return Compared(
        base=None if base is None else _identity(base),
        control=tuple(_identity(each) for each in card.references.control),
        teacher=None if teacher is None else _identity(teacher),
    )


def _identity(model: ModelIdentity) -> Identity:
    import re

    data = model.model_dump()
    if model.id.startswith("local/"):  # a folder's name, chosen by nobody for publication
        data["id"] = "local/" + (re.sub(r"[^\w.+-]+", "-", model.id.removeprefix("local/")).lstrip(".") or "model")
    try:
        return Identity.model_validate(data)
    except ValidationError as error:
        raise InputError(f"model.{_fault(error)}; name a local checkpoint with --name org/model") from None


def _roles(card: Scorecard, task: TransferTask, references: Compared) -> Roles:
    """The answers that the task measures; `InputError` where a reference's are missing."""
    roles: dict[str, tuple[MeasuredAnswers, ...]] = {"student": asked_for(task, card.answers)}
    for role in references.roles():
        roles[role] = asked_for(task, card.reference_answers.get(role, ()))
        if len(roles[role]) != len(roles["student"]):
            raise InputError(
                f"{task.id}: the card lacks the answers of its {role}, so that nobody could check its figures; "
                "score it again"
            )
    return roles


def _check_figures(task: TransferTask, own: list[TaskResult], results: list[TaskResult]) -> None:
    for mine, found in zip(own, results, strict=False):
        wrong = disagreement(measurement(mine), measurement(found))
        if wrong is not None:
            raise InputError(f"{task.id}: {mine.context}: {wrong}; the card was changed after scoring: score it again")
    if len(own) != len(results):
        raise InputError(f"{task.id}: {len(own)} results for {len(results)} contexts; score it again")


def _asked(answers: MeasuredAnswers, catalog: Catalog) -> Asked:
    return Asked(
        probe_set=answers.probe_set,
        version=answers.version,
        context=answers.context,
        domain=answers.domain,
        language=answers.language,
        n_questions=len(answers.questions),
        sha256=asked_sha256(catalog, answers.probe_set, answers.context, answers.domain, answers.language),
    )


def _log_sha256(name: str, folder: Path | None) -> str | None:
    """The digest of the log of that name below the folder, where it lies."""
    if folder is None or "/" in name:
        return None
    path = next((each for each in sorted(folder.rglob("*.eval")) if each.name == name), None)
    if path is None:
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
