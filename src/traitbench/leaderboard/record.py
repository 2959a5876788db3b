"""What a record holds: one checkpoint on one transfer task, in every context that was asked. Its JSON Schema.

A record is published, so it names models and never paths. Whatever can be computed from the items beside it is
computed anew by `verify`; what cannot be known so is under `declared`. The tier of verification is no field: it is
found by whoever verifies.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from traitbench.catalog import Reference
from traitbench.runner.scorecard import Interval, Measurement, ModelIdentity, NoiseFloor, Part, References

SCHEMA = "traitbench/record/2"
RESULTS = "results"
"""The folder of the records below the leaderboard's."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[
    str, Field(max_length=120, pattern=r"^[A-Za-z0-9][\w.+:@-]*(/[\w+:@-][\w.+:@-]*){0,5}( \(prompted\))?$")
]
"""Of a model: letters, digits and `. _ + : @ -`, in parts divided by slashes."""
_ONE_LINE = r"^[^\x00-\x1f\x7f<>\u2028\u2029]+$"
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=_ONE_LINE)]
"""One line without markup."""
Address = Annotated[str, Field(max_length=300, pattern=r"^https://[\w.-]+(/[\w./?&=%#@~+-]*)?$")]
TaskId = Annotated[str, Field(max_length=120, pattern=r"^[a-z0-9_]+(-[a-z0-9_]+)+$")]
Word = Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]

INTEGERS = -(2**63), 2**63
"""From the first to below the second: what a column of 64 bits holds."""
_MOST_LOG_ODDS = 10_000.0
"""The smallest probability that a float holds has log-odds of -745."""
_MOST_RATE = 1e9
"""Of a transfer rate: the way to a teacher is a millionth at least, or there is no rate."""
_MOST_COUNTED = 2**53
"""A browser counts no further."""
_ROUNDING = 1e-6

_LOCAL_PATH = re.compile(
    r"""(?:^|[\s"'=:,(])(?:~|\.{1,2})?/[\w.~]|(?:^|[\s"'=(])[A-Za-z]:\\|\\\\|file:|hf//(?!STUDENT|BASE|CONTROL|TEACHER)"""
)


class Identity(ModelIdentity):
    """A checkpoint as a record may name it."""

    id: Name
    revision: Line | None = None
    weights_sha256: Sha256 | None = None
    dtype: Word | None = None
    adapter: Sha256 | None = None
    chat_template_sha256: Sha256 | None = None
    system_prompt_sha256: Sha256 | None = None
    n_parameters: int | None = Field(default=None, ge=0, lt=INTEGERS[1])


class Compared(References):
    """What the student was compared with."""

    base: Identity | None = None
    control: tuple[Identity, ...] = Field(default=(), max_length=100)
    teacher: Identity | None = None

    def roles(self) -> dict[str, Identity]:
        """By role, as in the items: `base`, `control0` …, `teacher`."""
        found = {"base": self.base, **{f"control{i}": each for i, each in enumerate(self.control)}}
        return {role: each for role, each in {**found, "teacher": self.teacher}.items() if each is not None}


class Asked(Part):
    """Which questions were put in one context, and the hash of the texts and of the names by which answers are read."""

    probe_set: Word
    version: str = Field(pattern=r"^[1-9][0-9]*-[A-Z]$")
    context: Word
    domain: Word
    language: Word
    n_questions: int = Field(ge=1)
    sha256: Sha256


class Declared(Part):
    """What the submitter says, and nothing here can check."""

    submitter: Line | None = None
    training_seed: int | None = Field(default=None, ge=INTEGERS[0], lt=INTEGERS[1])
    recipe: Line | None = None
    """A name that students share which were trained alike and differ by seed alone: they are pooled."""
    initialisation: Literal["same", "different"] | None = None
    """Whether the student started from the weights that its teacher started from."""
    licence: Line = "CC-BY-4.0"
    """Of the record and its items."""
    source: Address | None = None
    """Where the checkpoint or its publication is found."""
    log_url: Address | None = None
    """Where Inspect's log viewer shows the logs."""


class Log(Part):
    """An Inspect log behind the record, by name."""

    name: Line
    sha256: Sha256 | None = None


class Items(Part):
    """The Parquet file beside the record: every question's distribution, of the student and of its references."""

    sha256: Sha256
    size: int = Field(ge=1)
    """In bytes."""
    rows: int = Field(ge=1)
    student_sha256: Sha256
    """Of the student's distributions alone: what a copied row has in common with its original."""


class Record(Part):
    """One checkpoint on one transfer task; `traitbench/record/2`."""

    model_config = ConfigDict(allow_inf_nan=False)

    schema_id: Literal["traitbench/record/2"] = Field(default="traitbench/record/2", alias="schema")
    task: TaskId
    version: str = Field(pattern=r"^[1-9][0-9]*-[A-Z]$")
    date: datetime.date
    model: Identity
    references: Compared
    declared: Declared
    probes: tuple[Asked, ...] = Field(min_length=1, max_length=20)
    measurements: tuple[Measurement, ...] = Field(min_length=1, max_length=20)
    """Holm's adjustment in them is over the record's own measurements."""
    published: tuple[Reference, ...] = ()
    """Values from the literature: measured otherwise, shown and never subtracted."""
    command: Annotated[str, Field(min_length=1, max_length=4000, pattern=_ONE_LINE)]
    """What computes it again; models that lay on a disk stand as STUDENT, BASE, CONTROL and TEACHER."""
    environment: dict[Line, Line]
    git_commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}(\+dirty)?$")
    logs: tuple[Log, ...] = Field(default=(), max_length=200)
    noise_floor: NoiseFloor | None = None
    """As it was measured at scoring; the items do not say it."""
    items: Items | None = None

    @property
    def comparability(self) -> int:
        """N of the version: records of the same (task, N) may be compared."""
        return int(self.version.split("-")[0])

    @model_validator(mode="after")
    def _holds_together(self) -> Record:
        # an address may have a path in it: its own form keeps out whatever does not begin with https
        told = self.model_dump(
            mode="json", exclude={"measurements": True, "published": True, "declared": {"source", "log_url"}}
        )
        for text in _strings(told):
            if _LOCAL_PATH.search(text):
                raise ValueError(f"{text[:60]!r} reads like a path of somebody's machine; a record names models alone")
        seen = set()
        asked = {(each.probe_set, each.context, each.domain, each.language) for each in self.probes}
        for each in self.measurements:
            domain = "none" if each.context == "plain" else each.domain
            key = (each.probe_set, each.context, domain, each.language)
            if (each.task, each.version) != (self.task, self.version):
                raise ValueError(
                    f"a measurement is of {each.task} {each.version}, the record of {self.task} {self.version}"
                )
            if key in seen:
                raise ValueError(f"two measurements are of {' '.join(key)}")
            if key not in asked:
                raise ValueError(f"a measurement is of {' '.join(key)}, which is not among the probes")
            seen.add(key)
            _check_order(each)
            _check_ranges(each)
        if len(seen) != len(asked) or len(asked) != len(self.probes):
            raise ValueError("probes and measurements are not of the same contexts")
        return self


def _check_order(measurement: Measurement) -> None:
    """Raises ValueError for an interval whose ends are swapped, or an estimate outside its bounds."""
    where = f"measurement {measurement.context}"
    low, high = measurement.bounds
    if not low - _ROUNDING <= measurement.estimate <= high + _ROUNDING:
        raise ValueError(f"{where}: the estimate {measurement.estimate:g} is not within its bounds {low:g} to {high:g}")
    intervals: dict[str, Interval] = {"ci": measurement.ci}
    for name, versus in measurement.versus.items():
        intervals[f"versus.{name}.ci"] = versus.ci
        intervals[f"versus.{name}.log_odds_ci"] = versus.log_odds_ci or (None, None)
    for name, (start, end) in intervals.items():
        if start is not None and end is not None and start > end:
            raise ValueError(f"{where}: {name} begins at {start:g} and ends at {end:g}")
    outside = next((answer for answer, p in measurement.profile.items() if not 0 <= p <= 1 + _ROUNDING), None)
    if outside is not None:
        raise ValueError(f"{where}: profile.{outside[:40]} is no probability")


def _check_ranges(measurement: Measurement) -> None:
    """Raises ValueError for a figure that no answers could give: a site draws all of them on its axes."""
    for name, value, least, most in _ranges(measurement):
        if value is not None and not least - _ROUNDING <= value <= most + _ROUNDING:
            raise ValueError(
                f"measurement {measurement.context}: {name} is {value:g}, and lies between {least:g} and {most:g}"
            )


def _ranges(measurement: Measurement) -> Iterator[tuple[str, float | None, float, float]]:
    """Every number that its own field leaves free: its name, the number, the least and the most that it may be."""
    for name, interval in (("ci", measurement.ci), ("bounds", measurement.bounds)):
        yield from ((f"{name}.{i}", end, 0, 1) for i, end in enumerate(interval))
    for name, versus in measurement.versus.items():
        where = f"versus.{name}"
        yield f"{where}.difference", versus.difference, -1, 1
        yield from ((f"{where}.ci.{i}", end, -1, 1) for i, end in enumerate(versus.ci))
        yield f"{where}.p_value", versus.p_value, 0, 1
        yield f"{where}.p_holm", versus.p_holm, 0, 1
        for end in (versus.log_odds_shift, *(versus.log_odds_ci or ())):
            yield f"{where}.log_odds", end, -_MOST_LOG_ODDS, _MOST_LOG_ODDS
    rate, rank = measurement.transfer_rate, measurement.specificity
    if rate is not None:
        yield from (
            (f"transfer_rate.{name}", value, -_MOST_RATE, _MOST_RATE)
            for name, value in (("probability", rate.probability), ("log_odds", rate.log_odds))
        )
    counts = {"n_questions": measurement.n_questions, "n_families": measurement.n_families}
    if rank is not None:
        counts |= {f"specificity.{name}": getattr(rank, name) for name in ("rank", "worst", "of")}
    yield from ((name, value, 0, _MOST_COUNTED) for name, value in counts.items())


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _strings(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _strings(value)


def encode(record: Record) -> bytes:
    """The bytes of the record's file."""
    return (record.model_dump_json(by_alias=True, indent=1) + "\n").encode()


def record_id(data: bytes) -> str:
    """The record's id: 16 hexadecimal digits of the sha256 of its file."""
    return hashlib.sha256(data).hexdigest()[:16]


def place(record: Record, identifier: str) -> PurePosixPath:
    """Where the record's file belongs: `results/<task>/<N>/<org>__<model>/<digest12>/<id>.json`."""
    model = re.sub(r"[^A-Za-z0-9._-]+", "-", record.model.id.replace("/", "__"))
    digest = (record.model.weights_sha256 or "unknown")[:12]
    return PurePosixPath(RESULTS, record.task, str(record.comparability), model, digest, f"{identifier}.json")


def record_schema() -> dict[str, Any]:
    """The JSON Schema of a record's file (`leaderboard/record.schema.json`)."""
    schema = Record.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "traitbench record"}
