"""How are many students of one base scored in one process: the base is loaded once, and adapters take turns on it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from traitbench.errors import InputError

_NAME = "student"


def students_of(base: Any, adapters: Sequence[Path]) -> Generator[tuple[Path, Any]]:
    """(folder, model) for each PEFT adapter put on the base, one after another.

    The model is the base itself with the adapter's layers in it, and valid until the next is asked for: an adapter
    is taken out before the next is put in, so memory holds the base and one adapter, and after the last (or a break)
    the base is as it was.

    Args:
        base: a causal language model of transformers, in evaluation mode.
        adapters: folders that PEFT's `save_pretrained` wrote for adapters of this base.

    Raises:
        InputError: a folder that holds no adapter, one that does not fit the base, or one that adds no layers to it
            but tokens to its prompt.
    """
    from peft import PeftConfig, PeftModel

    own = dict(base.named_modules(remove_duplicate=False))
    for folder in adapters:
        if not (folder / "adapter_config.json").is_file():
            raise InputError(f"adapter {folder}: no adapter_config.json; is this a PEFT adapter?")
        if PeftConfig.from_pretrained(str(folder)).is_prompt_learning:
            raise InputError(f"adapter {folder}: adds to the prompt, not to the model; only adapters like LoRA do")
        try:
            student = PeftModel.from_pretrained(base, str(folder), adapter_name=_NAME, low_cpu_mem_usage=True).eval()
        except (RuntimeError, ValueError) as error:
            _take_out(base, own)  # it may have put its layers in before it failed
            line = " ".join(str(error).split())[:200]
            raise InputError(f"adapter {folder}: does not fit {type(base).__name__} ({line})") from None
        try:
            yield folder, base
        finally:
            student.unload()
            _take_out(base, own)


def _take_out(base: Any, own: dict[str, Any]) -> None:
    """Gives the base its own modules again: PEFT's unload leaves the copies of `modules_to_save` in their place."""
    for name, module in own.items():
        if name and base.get_submodule(name) is not module:
            parent, _, last = name.rpartition(".")
            setattr(base.get_submodule(parent), last, module)
    if hasattr(base, "peft_config"):
        del base.peft_config
