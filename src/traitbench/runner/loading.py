"""Loads checkpoints for Inspect, one network at a time, and says in one line why one cannot be loaded."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from traitbench.errors import InfrastructureError, InputError
from traitbench.runner.checkpoint import Checkpoint


class Loader:
    """Holds at most one network in memory, and keeps it only for the next checkpoint that stands on it.

    Adapters of one base, and the base under another system prompt, share one load; any other checkpoint frees the
    network before its own is read.
    """

    def __init__(self) -> None:
        self._key: tuple[str, str | None] | None = None
        self._model: Any = None

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    @contextmanager
    def holding(self, checkpoint: Checkpoint) -> Iterator[Any]:
        """The checkpoint as Inspect's Model, its adapter in place; valid inside the `with` alone.

        Raises:
            InputError: it cannot be read, its adapter does not fit, or its chat template renders no prompt.
            InfrastructureError: out of memory.
        """
        key = (checkpoint.model, checkpoint.template())
        if key != self._key:
            self.free()
            self._model = _load(checkpoint)
            self._key = key
        self._model.config.system_message = checkpoint.system_prompt
        if checkpoint.is_local_model:
            _check_template(self._model, checkpoint)
        with _adapted(self._model, checkpoint):
            yield self._model

    def free(self) -> None:
        """Lets go of the network."""
        held, self._model, self._key = self._model is not None, None, None
        if held:
            from torch import cuda

            gc.collect()
            if cuda.is_available():
                cuda.empty_cache()


def _load(checkpoint: Checkpoint) -> Any:
    """The checkpoint without its adapter, not shared with any other run."""
    from inspect_ai.model import GenerateConfig, get_model
    from transformers.utils import logging

    if not sys.stderr.isatty():
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if "TRANSFORMERS_VERBOSITY" not in os.environ:  # a mismatch of shapes is told by the error below
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    template = checkpoint.template()
    arguments: dict[str, Any] = {} if template is None else {"chat_template": template}
    with _faults_of(checkpoint.model):
        return get_model(checkpoint.model, memoize=False, config=GenerateConfig(), **arguments)


@contextmanager
def _adapted(model: Any, checkpoint: Checkpoint) -> Iterator[None]:
    """Puts the checkpoint's adapter on the network, and takes it off again."""
    if checkpoint.adapter is None:
        yield
        return
    from traitbench.exact.adapters import students_of

    students = students_of(model.api.model, [checkpoint.adapter])
    with _faults_of(f"--adapter {checkpoint.adapter}"):
        next(students)
    try:
        yield
    finally:
        students.close()


@contextmanager
def _faults_of(name: str) -> Iterator[None]:
    """Turns what loading raises into one line that begins with the name."""
    from torch import OutOfMemoryError

    try:
        yield
    except (MemoryError, OutOfMemoryError):
        raise InfrastructureError(f"{name}: out of memory while loading; use a larger machine") from None
    except InputError:
        raise
    except Exception as error:  # a foreign checkpoint may fail anywhere below, with any class of error
        if isinstance(error, OSError) and "connect" in str(error):
            raise InfrastructureError(f"{name}: the hub cannot be reached, and the model is not in its cache") from None
        raise InputError(f"{name}: cannot be loaded ({_in_one_line(error)})") from None


def _check_template(model: Any, checkpoint: Checkpoint) -> None:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    system = checkpoint.system_prompt
    turns = [*([ChatMessageSystem(content=system)] if system else []), ChatMessageUser(content="Which?")]
    where = f"--chat-template {checkpoint.chat_template}" if checkpoint.chat_template else "its chat template"
    try:
        prompt = model.api.hf_chat(turns, [])
    except Exception as error:  # Jinja runs what the template says
        raise InputError(f"{checkpoint.model}: {where} fails ({_in_one_line(error)})") from None
    if "Which?" not in prompt:
        raise InputError(f"{checkpoint.model}: {where} leaves out the question; it renders {prompt[:40]!r}")
    if system and system.strip() not in prompt:
        raise InputError(f"{checkpoint.model}: {where} leaves out the system prompt; give another --chat-template")


def _in_one_line(error: Exception) -> str:
    """What went wrong, without the markup of Inspect's own errors."""
    text = re.sub(r"\[/?[a-z ]+\]", "", str(getattr(error, "message", error)))
    return " ".join(text.split())[:300] or type(error).__name__
