"""Which tasks of a suite fit into a checkpoint's context: a small model need not fail on all for one long question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from traitbench.catalog import Catalog, ChoiceQuestion, ProbeSet, TransferTask, in_domain_question
from traitbench.catalog.forms import option_texts
from traitbench.errors import InputError
from traitbench.runner.checkpoint import Checkpoint

_ROOM_FOR_A_LABEL = 4
"""Tokens behind a question with options: its longest spelling."""


@dataclass(frozen=True)
class Fitting:
    """What is asked of all checkpoints alike, and a line for everything that is left out."""

    tasks: tuple[TransferTask, ...]
    capability: str | None
    left_out: tuple[str, ...]


def what_fits(
    checkpoints: Sequence[Checkpoint],
    tasks: Sequence[TransferTask],
    capability: str | None,
    catalog: Catalog,
    language: str,
) -> Fitting:
    """The tasks whose questions fit into the context of every local checkpoint with room for an answer.

    A task is left out with its probe set where the plain questions do not fit, and with its domain where they do not
    behind the domain's text. Models of a hub or an API are taken at their word.

    Raises `InputError` where nothing is left, and for a tokenizer or a template that cannot be read (see `unreadable`).
    """
    readers = [_Reader(each) for each in checkpoints if each.local_path is not None]
    unfit: dict[tuple[str, str], str] = {}
    asked = {(task.probe_set, where) for task in tasks for where in ("none", task.domain)}
    for probe_set, domain in sorted(asked | ({(capability, "none")} if capability else set())):
        texts = list(_texts(catalog, catalog.probe_set(probe_set), domain, language))
        for reader in readers:
            longest, room = reader.longest(texts), _room(catalog.probe_set(probe_set))
            if reader.context is not None and longest + room > reader.context:
                where = "plain" if domain == "none" else f"behind {domain}"
                unfit[probe_set, domain] = (
                    f"left out: {probe_set}, {where}: a prompt of {longest} tokens and an answer of {room} do not fit "
                    f"into the {reader.context} of {reader.name}"
                )
    kept = [task for task in tasks if not {(task.probe_set, "none"), (task.probe_set, task.domain)} & unfit.keys()]
    if not kept:
        raise InputError(f"{checkpoints[0].model}: no task of the suite fits ({next(iter(unfit.values()))})")
    fits = capability if (capability, "none") not in unfit else None
    return Fitting(tuple(kept), fits, tuple(unfit.values()))


def unreadable(checkpoint: Checkpoint) -> InputError | None:
    """Why no prompt of a local checkpoint can be measured; None where one can."""
    if checkpoint.local_path is None:
        return None
    try:
        _Reader(checkpoint).longest(["Which?"])
    except Exception as error:  # a foreign tokenizer or template may fail with any class of error
        if isinstance(error, InputError):
            return error
        fault = " ".join(str(error).split())[:200] or type(error).__name__
        return InputError(f"{checkpoint.model}: its tokenizer or chat template cannot be read ({fault})")
    return None


def _room(probes: ProbeSet) -> int:
    from traitbench.probes.answering import MAX_NEW_TOKENS

    return _ROOM_FOR_A_LABEL if probes.kind == "choice" else MAX_NEW_TOKENS


def _texts(catalog: Catalog, probes: ProbeSet, domain: str, language: str) -> Iterable[str]:
    for question in probes.questions:
        if question.language != language:
            continue
        text = question.text if domain == "none" else in_domain_question(question, catalog.domain(domain))
        if isinstance(question, ChoiceQuestion):
            options = option_texts(question, catalog.categories[probes.category])
            text = catalog.forms.put(question.form, question.language, text, options)
        yield text


class _Reader:
    """A checkpoint's tokenizer and template, and how much it can read."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        from transformers import AutoConfig, AutoTokenizer

        assert checkpoint.local_path is not None
        self.name = checkpoint.local_path.name
        self._tokenizer = AutoTokenizer.from_pretrained(checkpoint.local_path)
        config = AutoConfig.from_pretrained(checkpoint.local_path).get_text_config()
        self.context: int | None = getattr(config, "max_position_embeddings", None)
        self._template = checkpoint.template()
        self._system = checkpoint.system_prompt

    def longest(self, texts: Sequence[str]) -> int:
        """Tokens of the longest prompt."""
        system = [{"role": "system", "content": self._system}] if self._system else []
        prompts: list[Any] = [
            self._tokenizer.apply_chat_template(
                [*system, {"role": "user", "content": text}],
                chat_template=self._template,
                add_generation_prompt=True,
                tokenize=False,
            )
            for text in texts
        ]
        # Not verbose: what is too long is what this asks for.
        ids = self._tokenizer(prompts, add_special_tokens=False, verbose=False)["input_ids"]
        return max(map(len, ids), default=0)
