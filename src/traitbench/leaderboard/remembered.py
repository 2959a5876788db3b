"""Which records' figures were found to follow from their items, so that the same bytes are not computed twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import traitbench
from traitbench.files import write_whole


class Remembered:
    """By the sha256 of a record's bytes, its items' bytes and the version of traitbench. What failed is forgotten."""

    def __init__(self, found: dict[str, bool]) -> None:
        self._found = found
        self._new: dict[str, bool] = {}

    @classmethod
    def read(cls, path: Path | None) -> Remembered:
        """What a file remembers; nothing where there is none, or it cannot be read."""
        try:
            found = json.loads(path.read_text(encoding="utf-8")) if path is not None else {}
        except (OSError, ValueError):
            found = {}
        return cls({key: bool(value) for key, value in found.items()} if isinstance(found, dict) else {})

    def speechless(self, record: bytes, items: bytes) -> bool | None:
        """None where these bytes were never computed."""
        return self._found.get(_key(record, items))

    def add(self, record: bytes, items: bytes, speechless: bool) -> None:
        self._new[_key(record, items)] = speechless

    def write(self, path: Path | None) -> None:
        """Writes what was added, if anything was."""
        if path is not None and self._new:
            write_whole(path, json.dumps({**self._found, **self._new}, sort_keys=True, indent=0) + "\n")


def _key(record: bytes, items: bytes) -> str:
    digests = [hashlib.sha256(each).hexdigest() for each in (record, items)]
    return hashlib.sha256(" ".join([*digests, traitbench.__version__]).encode()).hexdigest()
