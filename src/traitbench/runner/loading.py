"""Loads a checkpoint for Inspect, and says in one line why one cannot be loaded."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

from traitbench.errors import InfrastructureError, InputError
from traitbench.runner.checkpoint import Checkpoint


def load(checkpoint: Checkpoint) -> Any:
    """The checkpoint as Inspect's Model, not shared with any other run.

    Raises:
        InputError: it cannot be read, or its chat template renders no prompt.
        InfrastructureError: out of memory.
    """
    from inspect_ai.model import GenerateConfig, get_model
    from torch import OutOfMemoryError
    from transformers.utils import logging

    if not sys.stderr.isatty():
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if "TRANSFORMERS_VERBOSITY" not in os.environ:  # a mismatch of shapes is told by the error below
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    template = checkpoint.template()
    arguments: dict[str, Any] = {} if template is None else {"chat_template": template}
    try:
        model = get_model(
            checkpoint.model,
            memoize=False,
            config=GenerateConfig(system_message=checkpoint.system_prompt),
            **arguments,
        )
        if checkpoint.adapter is not None:
            _adapt(model, checkpoint)
    except (MemoryError, OutOfMemoryError):
        raise InfrastructureError(f"{checkpoint.model}: out of memory while loading; use a larger machine") from None
    except Exception as error:  # a foreign checkpoint may fail anywhere below, with any class of error
        raise InputError(f"{checkpoint.model}: cannot be loaded ({_first_line(error)})") from None
    if checkpoint.is_local_model:
        _check_template(model, checkpoint)
    return model


def _adapt(model: Any, checkpoint: Checkpoint) -> None:
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(model.api.model, str(checkpoint.adapter))
    model.api.model = adapted.merge_and_unload()


def _check_template(model: Any, checkpoint: Checkpoint) -> None:
    from inspect_ai.model import ChatMessageUser

    where = f"--chat-template {checkpoint.chat_template}" if checkpoint.chat_template else "its chat template"
    try:
        prompt = model.api.hf_chat([ChatMessageUser(content="Which?")], [])
    except Exception as error:  # Jinja runs what the template says
        raise InputError(f"{checkpoint.model}: {where} fails ({_first_line(error)})") from None
    if "Which?" not in prompt:
        raise InputError(f"{checkpoint.model}: {where} leaves out the question; it renders {prompt[:40]!r}")


def _first_line(error: Exception) -> str:
    """What went wrong, without the markup of Inspect's own errors."""
    text = re.sub(r"\[/?[a-z ]+\]", "", str(getattr(error, "message", error))).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
