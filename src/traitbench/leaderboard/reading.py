"""Reads a record's file as if its author were hostile: bounded, strict, and with one line on what is wrong."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from traitbench.errors import InputError
from traitbench.leaderboard.record import INTEGERS, SCHEMA, Record

MAX_RECORD = 1 << 20
"""Bytes of a record's file; an ordinary one has ten thousand."""


def read_bounded(path: Path, most: int) -> bytes:
    """The bytes of an ordinary file of at most `most` bytes; a link is not followed, nothing larger is opened."""
    try:
        found = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        what = "a link, where a file belongs" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise InputError(f"{path}: {what}") from None
    with os.fdopen(found, "rb") as stream:
        about = os.fstat(stream.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise InputError(f"{path}: not an ordinary file")
        if about.st_size > most:
            raise InputError(f"{path}: {about.st_size:,} bytes; at most {most:,} are read")
        return stream.read(most + 1)


def decode(data: bytes, path: Path) -> Record:
    """The record in a file's bytes; `InputError` names file, field and fault."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start})") from None
    try:
        found = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_number
        )
    except RecursionError:
        raise InputError(f"{path}: nested too deeply for a record") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({str(error)[:120]})") from None
    _check_schema(found, path)
    try:
        return Record.model_validate_json(text, strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part)[:40] for part in fault["loc"]) or "record"
        message = fault["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {field}: {message[:200]}") from None


def _check_schema(found: Any, path: Path) -> None:
    said = found.get("schema") if isinstance(found, dict) else None
    if said == SCHEMA:
        return
    kind, _, number = str(said)[:60].rpartition("/")
    newest = int(SCHEMA.rpartition("/")[2])
    if kind == SCHEMA.rpartition("/")[0] and number.isdigit():
        if int(number) > newest:
            mend = "made by a newer traitbench: pip install --upgrade traitbench"
        else:
            mend = "made by an older traitbench: make it anew from its scorecard (traitbench leaderboard submit)"
        raise InputError(f"{path}: schema {kind}/{number}, this is {SCHEMA}; {mend}")
    raise InputError(f"{path}: schema: {str(said)[:60]!r} is no record's; expected {SCHEMA}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} is there twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large for a number")
    return value


def _number(text: str) -> int:
    # by its length first: to read an integer of a million digits takes seconds
    if len(text) > len(str(INTEGERS[0])) or not INTEGERS[0] <= int(text) < INTEGERS[1]:
        raise ValueError(f"{text[:20]}… is too large for a number")
    return int(text)
