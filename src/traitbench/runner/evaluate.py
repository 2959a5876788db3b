"""Runs Inspect over one checkpoint and reads the answer distributions back from its logs."""

from __future__ import annotations

import gc
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traitbench.catalog import TransferTask
from traitbench.errors import InfrastructureError, InputError
from traitbench.exact.distribution import AnswerDistribution, pool_draws
from traitbench.runner.checkpoint import Checkpoint

Key = tuple[str, str, str]
"""(probe set, context, domain): the questions that are measured together."""


@dataclass(frozen=True)
class Question:
    """What is known of a question when its answers are read."""

    id: str
    family: str


Answers = dict[Key, dict[Question, AnswerDistribution]]


def evaluate(
    checkpoint: Checkpoint,
    tasks: Iterable[TransferTask],
    language: str,
    method: str,
    epochs: int,
    log_root: Path,
) -> tuple[Answers, list[str]]:
    """Answers of every question that the tasks need, and the logs they stand in.

    Every category's questions pass through the model once for each domain, whatever the number of its traits. The
    log folder is named by what was asked of whom, so that running again resumes what was interrupted and never
    reads the log of other weights.
    """
    from inspect_ai import eval_set
    from inspect_ai.log import read_eval_log

    inspect_tasks = _inspect_tasks(tasks, language, method)
    folder = log_root / _digest(checkpoint, language, method, epochs)
    model = _load(checkpoint)
    try:
        success, logs = eval_set(
            inspect_tasks,
            log_dir=str(folder),
            model=model,
            epochs=epochs if epochs > 1 else None,
            display="none",
            log_realtime=False,
            log_dir_allow_dirty=True,
            retry_attempts=1,
        )
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from None
    finally:
        del model
        gc.collect()
    # Inspect keeps ctrl-C to itself: it saves what was answered and returns without the log of the interrupted task.
    if len(logs) < len(inspect_tasks) or any(log.status == "cancelled" for log in logs):
        raise KeyboardInterrupt
    if not success:
        fault = next((log.error.message for log in logs if log.error), "see the log")
        raise InfrastructureError(f"{checkpoint.model}: scoring did not finish ({fault}); run again to resume")
    answers: Answers = {}
    for log in logs:
        answers.update(answers_of_log(read_eval_log(log.location)))
    return answers, [Path(log.location).name for log in logs]


def _inspect_tasks(tasks: Iterable[TransferTask], language: str, method: str) -> list[Any]:
    from traitbench.evals.animal_pref import animal_pref
    from traitbench.evals.preference import preference
    from traitbench.evals.tree_pref import tree_pref

    by_set: dict[tuple[str, str], list[TransferTask]] = defaultdict(list)
    for task in tasks:
        by_set[task.probe_set, task.domain].append(task)
    own = {"animal_one_word": animal_pref, "tree_one_word": tree_pref}
    made = []
    for (probe_set, domain), group in sorted(by_set.items()):
        trait = min(task.trait for task in group)
        if probe_set in own:
            made.append(own[probe_set](trait=trait, domain=domain, language=language, method=method))
        else:
            made.append(preference(probe_set, trait, domain, language, method))
    return made


def _load(checkpoint: Checkpoint) -> Any:
    from inspect_ai.model import GenerateConfig, get_model
    from transformers.utils import logging

    if not sys.stderr.isatty():
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    arguments: dict[str, Any] = {}
    template = checkpoint.template()
    if template is not None:
        arguments["chat_template"] = template
    try:
        model = get_model(
            checkpoint.model,
            memoize=False,
            config=GenerateConfig(system_message=checkpoint.system_prompt),
            **arguments,
        )
    except (OSError, ValueError) as error:
        line = str(error).strip().splitlines()[0]
        raise InputError(f"{checkpoint.model}: cannot be loaded ({line})") from None
    if checkpoint.adapter is not None:
        from peft import PeftModel

        adapted = PeftModel.from_pretrained(model.api.model, str(checkpoint.adapter))  # type: ignore[attr-defined]
        model.api.model = adapted.merge_and_unload()  # type: ignore[attr-defined]
    return model


def _digest(checkpoint: Checkpoint, language: str, method: str, epochs: int) -> str:
    identity = checkpoint.identity()
    asked = [identity.model_dump_json(exclude={"id"}), checkpoint.model, checkpoint.system_prompt or ""]
    asked += [language, method, str(epochs)]
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:12]


def answers_of_log(log: Any) -> Answers:
    """What a finished log holds, draws of a question pooled; KeyError for a log that is none of ours."""
    probe_set = log.eval.metadata["probe_set"]
    drawn: dict[tuple[Key, Question], list[AnswerDistribution]] = defaultdict(list)
    for sample in log.samples or []:
        about = sample.metadata
        key = (probe_set, about["context"], about["domain"])
        question = Question(about["question"], about["family"])
        drawn[key, question].append(AnswerDistribution.model_validate(about["answer_distribution"]))
    answers: Answers = defaultdict(dict)
    for (key, question), distributions in drawn.items():
        answers[key][question] = _pooled(distributions)
    return dict(answers)


def _pooled(distributions: list[AnswerDistribution]) -> AnswerDistribution:
    """The one computed distribution, or all the draws of a sampled question together."""
    if distributions[0].method != "sampled":
        return distributions[0]
    return pool_draws((each.top(), each.answers[0][0]) for each in distributions)
