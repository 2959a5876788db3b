"""The command that computes a record again, without the paths of the machine that it was computed on."""

from __future__ import annotations

from collections.abc import Sequence

from traitbench.catalog import TransferTask
from traitbench.runner.scorecard import Measurement, ModelIdentity, Scorecard

_PROMPTED = " (prompted)"


def command_of(card: Scorecard, task: TransferTask, measured: Sequence[Measurement]) -> str:
    """`traitbench score hf//STUDENT …`; capitals stand for the folder of a checkpoint that was read from a disk."""
    words = ["traitbench score", _model(card.model, "STUDENT")]
    references = card.references
    if references.base is not None:
        words += ["--base", _model(references.base, "BASE")]
    for each in references.control:
        words += ["--control", _model(each, "CONTROL")]
    if references.teacher is not None:
        prompted = references.teacher.id.endswith(_PROMPTED)
        words += ["--teacher", "prompt" if prompted else _model(references.teacher, "TEACHER")]
    words += ["--tasks", task.id]
    if card.model.adapter is not None:
        words += ["--adapter", "ADAPTER"]
    if measured[0].language != "en":
        words += ["--language", measured[0].language]
    if measured[0].method == "sampled":
        words += ["--method", "sampled"]
        words += ["--epochs", str(max(q.draws or 1 for each in card.answers for q in each.questions))]
    if card.model.weights_sha256 is not None:
        words += ["--name", f"'{card.model.id}'" if " " in card.model.id else card.model.id]
    return " ".join(words)


def _model(model: ModelIdentity, role: str) -> str:
    """A checkpoint whose weights were read is a folder; any other is found by its name, where PROVIDER serves it."""
    return f"hf//{role}" if model.weights_sha256 is not None else f"PROVIDER/{model.id}"
