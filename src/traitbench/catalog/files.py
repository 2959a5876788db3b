"""Reads one data file of the catalogue, and says in one line what is wrong with it and where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from traitbench.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path) -> str:
    """The file as UTF-8 text; a missing file or bad bytes are the user's to mend."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


class MisplacedError(ValueError):
    """What a validator of a whole entry raises for a part of it: `where` leads to the part."""

    def __init__(self, message: str, *where: int | str) -> None:
        super().__init__(message)
        self.where = where


@dataclass(frozen=True)
class Place:
    """Where an entry stands: its file, and in a YAML file of several the keys and places that lead to it."""

    path: Path
    at: tuple[int | str, ...] = ()

    def fault(self, message: str, *field: int | str) -> InputError:
        """The error for the entry, or for a field of it, with file and line."""
        line = line_of(self.path, (*self.at, *field))
        return InputError(f"{self.path}{f':{line}' if line else ''}: {message}")


_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: the catalogue is read in a third of the time."""


class _StrictLoader(_SafeLoader):  # type: ignore[misc]
    """The safe loader, which refuses a key that stands twice: of two rules the first would be lost in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key that is no word", key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path) -> dict[str, Any]:
    """The file's mapping."""
    try:
        data = yaml.load(read_text(path), Loader=_StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not YAML ({getattr(error, 'problem', None) or 'cannot be parsed'})") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a mapping at the top, found {type(data).__name__}")
    return data


def read_jsonl(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """(line number, object) for every line that is not blank."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{number}: not JSON ({error.msg}); mend or delete the line") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: expected an object, found {type(row).__name__}")
        rows.append((number, row))
    return rows


def parse(
    model: type[Model], data: dict[str, Any], path: Path, line: int | None = None, at: tuple[int | str, ...] = ()
) -> Model:
    """`data` as a value object, or one line that names file, line, field and fault.

    Args:
        line: of the data, where each line is an entry.
        at: the keys and places that lead to the data in a YAML file of several entries.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raised = first.get("ctx", {}).get("error")
        location = (*first["loc"], *(raised.where if isinstance(raised, MisplacedError) else ()))
        field = ".".join(str(part) for part in location)
        where = line or line_of(path, (*at, *location))
        message = first["msg"].removeprefix("Value error, ")
        fault = f"{field}: {message}" if field else message
        raise InputError(f"{path}{f':{where}' if where else ''}: {fault}") from None


def line_of(path: Path, location: tuple[int | str, ...]) -> int | None:
    """The line of a field in a YAML file; of its parent where the field is missing. Lists may be keyed by `id`."""
    if path.suffix != ".yaml":
        return None
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_SafeLoader)
    if node is None:
        return None
    line = node.start_mark.line + 1
    for part in location:
        child = _child(node, part)
        if child is None:
            return int(line)
        node, line = child, child.start_mark.line + 1
    return int(line)


def _child(node: Any, part: int | str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode):
        if isinstance(part, int):
            return node.value[part] if part < len(node.value) else None
        return next((item for item in node.value if _id_of(item) == part), None)
    return None


def _id_of(node: Any) -> str | None:
    found = _child(node, "id") if isinstance(node, yaml.MappingNode) else None
    return found.value if found is not None else None
