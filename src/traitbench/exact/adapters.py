"""How are many students of one base scored in one process: the base is loaded once, and adapters take turns on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from traitbench.errors import InputError

_NAME = "student"


def students_of(base: Any, adapters: Sequence[Path]) -> Iterator[tuple[Path, Any]]:
    """(folder, model) for each PEFT adapter put on the base, one after another.

    The model is valid until the next is asked for: an adapter is taken off before the next is put on, so memory
    holds the base and one adapter, and after the last (or a break) the base is as it was.

    Args:
        base: a causal language model of transformers, in evaluation mode.
        adapters: folders that PEFT's `save_pretrained` wrote for adapters of this base.

    Raises:
        InputError: a folder that holds no adapter, or one that does not fit the base.
    """
    from peft import PeftModel

    for folder in adapters:
        if not (folder / "adapter_config.json").is_file():
            raise InputError(f"adapter {folder}: no adapter_config.json; is this a PEFT adapter?")
        try:
            student = PeftModel.from_pretrained(base, str(folder), adapter_name=_NAME).eval()
        except (RuntimeError, ValueError) as error:
            line = str(error).strip().splitlines()[0]
            raise InputError(f"adapter {folder}: does not fit {type(base).__name__} ({line})") from None
        try:
            yield folder, student
        finally:
            student.unload()
            if hasattr(base, "peft_config"):
                del base.peft_config
