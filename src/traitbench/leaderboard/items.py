"""The items beside a record: every question's distribution, of student and references, in a Parquet file.

The file has one fixed form, so that what it unpacks to is bounded by its size: one row group, no dictionary, nothing
but Snappy (at most about twenty to one), no field that may be null without a value in the file. What does not have
this form is refused before a row is read. Equal answers give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from traitbench.catalog import NONE, OTHER, Catalog
from traitbench.errors import InputError
from traitbench.runner.recomputing import Roles, distribution, method_of_question
from traitbench.runner.scorecard import MeasuredAnswers, QuestionAnswers

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ITEMS = 8 << 20
"""Bytes of an items file; an ordinary one has a hundred thousand."""
MAX_ROWS = 50_000
MAX_UNPACKED = 16 << 20
"""Bytes that the file may say it unpacks to, and then does."""
_LONGEST_TEXT = 4_000
_PLACE = ("role", "probe_set", "context", "domain", "language")
_ROW = tuple(QuestionAnswers.model_fields)
_SHARES = ("mass", "residual", "as_given")


def _schema() -> pa.Schema:
    import pyarrow as pa

    share = pa.struct([pa.field("answer", pa.string(), nullable=False), pa.field("p", pa.float64(), nullable=False)])
    shares = pa.list_(pa.field("element", share, nullable=False))
    kinds = {"within_tolerance": pa.bool_(), "unexplored": pa.float64(), "outside": pa.float64()}
    kinds |= {name: pa.int64() for name in ("draws", "residual_draws")}
    kinds |= dict.fromkeys((*_SHARES, "top_answers"), shares)
    names = (*_PLACE, *_ROW)
    return pa.schema([pa.field(name, kinds.get(name, pa.string()), nullable=False) for name in names])


def encode_items(roles: Roles) -> bytes:
    """The Parquet file of the roles' answers; rows and named answers in alphabetical order."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = sorted(_rows(roles), key=lambda row: tuple(row[name] for name in (*_PLACE, "id")))
    out = BytesIO()
    parquet.write_table(
        pa.Table.from_pylist(rows, schema=_schema()),
        out,
        compression="snappy",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
        row_group_size=MAX_ROWS,
    )
    return out.getvalue()


def _rows(roles: Roles) -> list[dict[str, Any]]:
    return [
        _row((role, each.probe_set, each.context, each.domain, each.language), question)
        for role, measured in roles.items()
        for each in measured
        for question in each.questions
    ]


def _row(place: Sequence[str], question: QuestionAnswers) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(_PLACE, place, strict=True))
    row |= {name: getattr(question, name) for name in _ROW}
    for name in _SHARES:
        row[name] = [{"answer": answer, "p": p} for answer, p in sorted(row[name].items())]
    row["top_answers"] = [{"answer": text, "p": p} for text, p in row["top_answers"]]
    row["draws"] = row["draws"] or 0  # null needs no byte of the file, and a bound on what it unpacks to does
    row["residual_draws"] = row["residual_draws"] or 0
    return row


def student_sha256(roles: Roles) -> str:
    """Of the student's distributions, whatever file they stand in."""
    rows = [
        (
            each.probe_set,
            each.context,
            each.domain,
            each.language,
            question.model_dump(mode="json", exclude_defaults=True),
        )
        for each in roles["student"]
        for question in each.questions
    ]
    text = json.dumps(sorted(rows, key=lambda row: (*row[:4], row[4]["id"])), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def decode_items(data: bytes, path: Path, catalog: Catalog) -> Roles:
    """The roles' answers in the bytes of a file, questions in the catalogue's order.

    Raises `InputError` for another form, a row that is there twice, questions, families or answers that the probe set
    does not have, and for what is no distribution.
    """
    grouped: dict[tuple[str, ...], list[QuestionAnswers]] = defaultdict(list)
    for row in read_table(data, path).to_pylist():
        place = tuple(row[name] for name in _PLACE)
        grouped[place].append(_question(row, path))
    roles: dict[str, list[MeasuredAnswers]] = defaultdict(list)
    for place, questions in grouped.items():
        roles[place[0]].append(_measured(place, questions, path, catalog))
    return dict(roles)


def read_table(data: bytes, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a file as they stand in it; `InputError` for another form than the one that is written."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        about, schema = file.metadata, file.schema_arrow
    except Exception as error:  # a broken footer fails anywhere in Parquet's layers
        raise InputError(f"{path}: not a Parquet file ({_first_line(error)})") from None
    if not schema.equals(_schema()):
        raise InputError(f"{path}: columns: not those of items; write it with traitbench leaderboard submit")
    if about.num_row_groups != 1 or not 1 <= about.num_rows <= MAX_ROWS:
        raise InputError(f"{path}: {about.num_rows} rows in {about.num_row_groups} groups; at most {MAX_ROWS} in one")
    group = about.row_group(0)
    unpacked = 0
    for i in range(group.num_columns):
        column = group.column(i)
        unpacked += column.total_uncompressed_size
        if column.compression != "SNAPPY" or not set(column.encodings) <= {"PLAIN", "RLE"}:
            raise InputError(
                f"{path}: {column.path_in_schema}: packed by {column.compression}; only Snappy is unpacked"
            )
    if unpacked > MAX_UNPACKED:
        raise InputError(f"{path}: would unpack to {unpacked:,} bytes; at most {MAX_UNPACKED:,} are")
    try:
        table = file.read(None if columns is None else list(columns), use_threads=False)
    except Exception as error:
        raise InputError(f"{path}: not a Parquet file ({_first_line(error)})") from None
    if table.nbytes > 2 * MAX_UNPACKED:  # in memory a text has an offset beside its bytes
        raise InputError(f"{path}: unpacked to {table.nbytes:,} bytes, more than it said")
    try:
        table.validate(full=True)  # Parquet does not look whether its texts are text
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: not UTF-8 ({_first_line(error)})") from None
    return table


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def _question(row: Mapping[str, Any], path: Path) -> QuestionAnswers:
    where = f"{path}: {row['role'][:20]}.{row['context'][:20]}.{row['id'][:20]}"
    values = {name: row[name] for name in _ROW}
    for name in (*_SHARES, "top_answers"):
        pairs = [(each["answer"], each["p"]) for each in row[name]]
        for text, p in pairs:
            if len(text) > _LONGEST_TEXT or not 0 <= p <= 1:
                raise InputError(
                    f"{where}.{name}: {text[:40]!r} with probability {p:g}; it is none, or the text too long"
                )
        values[name] = pairs if name == "top_answers" else dict(pairs)
        if len(values[name]) != len(pairs):
            raise InputError(f"{where}.{name}: an answer is there twice")
    values |= {name: values[name] or None for name in ("draws", "residual_draws")}
    try:
        question = QuestionAnswers.model_validate(values)
        distribution(question)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        message = fault["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {'.'.join(map(str, fault['loc']))[:60]} {message[:160]}") from None
    if question.draws is not None and question.unexplored > 0:
        raise InputError(f"{where}.unexplored: sampled answers leave nothing unexplored")
    return question


def _measured(
    place: tuple[str, ...], questions: list[QuestionAnswers], path: Path, catalog: Catalog
) -> MeasuredAnswers:
    """The answers of one role in one context; as many as the probe set has questions, each once."""
    role, probe_set, context, domain, language = place
    where = f"{path}: {role[:20]}.{context[:20]}"
    probes = catalog.probe_sets.get(probe_set)
    if probes is None:
        raise InputError(f"{where}: unknown probe set {probe_set[:60]!r}")
    families = {each.id: each.family for each in probes.questions if each.language == language}
    members = {*catalog.categories[probes.category].traits, NONE, OTHER}
    found = {each.id: each for each in questions}
    if len(found) != len(questions):
        raise InputError(f"{where}: a question is there twice")
    for each in questions:
        if families.get(each.id) != each.family:
            said = "no question of the probe set" if each.id not in families else "of another family"
            raise InputError(f"{where}.{each.id[:20]}: {said}")
        stranger = next((name for name in (*each.mass, *each.residual) if name not in members), None)
        if stranger is not None:
            raise InputError(f"{where}.{each.id}: answer {stranger[:40]!r} is no member of {probes.category}")
    missing = next((identifier for identifier in families if identifier not in found), None)
    if missing is not None:
        raise InputError(f"{where}.{missing}: the question is missing")
    methods = {method_of_question(each) for each in questions}
    if "sampled" in methods and len(methods) > 1:
        raise InputError(f"{where}: some answers are sampled and some computed")
    return MeasuredAnswers(
        kind=probes.kind,
        probe_set=probe_set,
        version=probes.version,
        category=probes.category,
        context=context,
        domain=domain,
        language=language,
        method="exact+sampled" if "exact+sampled" in methods else methods.pop(),
        questions=tuple(found[identifier] for identifier in families),
    )
