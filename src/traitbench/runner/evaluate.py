"""Runs Inspect over one checkpoint and reads the answer distributions back from its logs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from contextlib import redirect_stdout
from contextvars import copy_context
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import traitbench
from traitbench.catalog import Catalog, TransferTask
from traitbench.catalog.forms import turn_of
from traitbench.errors import InfrastructureError, InputError, TraitbenchError
from traitbench.exact.distribution import AnswerDistribution, pool_choices, pool_draws
from traitbench.files import write_fault
from traitbench.runner.checkpoint import Checkpoint

Key = tuple[str, str, str]
"""(probe set, context, domain): the questions that are measured together."""


@dataclass(frozen=True)
class Question:
    """What is known of a question when its answers are read."""

    id: str
    family: str


Answers = dict[Key, dict[Question, AnswerDistribution]]

TOGETHER = 64
"""Questions of an exact run that are under way at once: they share a turn of the network, and are saved after it.

Inspect would begin with 20 and grow from there, as suits an API: 120 questions then take 15 turns instead of two.
"""

DRAWS = 20
"""Draws of a question in sampled mode, unless asked otherwise."""


def evaluate(
    model: Any,
    checkpoint: Checkpoint,
    tasks: Iterable[TransferTask],
    catalog: Catalog,
    language: str,
    method: str,
    epochs: int | None,
    tolerance: float,
    log_root: Path,
    capability: str | None = None,
) -> tuple[Answers, list[str]]:
    """Answers of every question that the tasks need, and of the probe set `capability`, and the logs they stand in.

    `model` is the checkpoint, loaded.

    Every question passes through the model once, and once more for each domain, whatever the number of traits. A log
    folder is named by what was asked of whom, so that running again resumes what was interrupted, and never reads the
    log of other weights, other questions or other names.

    Raises:
        InputError: the model cannot answer, or the folder cannot be written.
        InfrastructureError: out of memory or disk, or the model did not answer.
    """
    from inspect_ai.log import read_eval_log

    groups: dict[str, set[str]] = defaultdict(set)
    for task in tasks:
        groups[task.probe_set].add(task.domain)
    if capability is not None:
        groups[capability].add("none")
    sampled = method == "sampled" or not checkpoint.is_local_model
    repeats = (epochs or DRAWS) if sampled else 1
    answers: Answers = {}
    written: list[str] = []
    for probe_set, domains in sorted(groups.items()):
        asked = (probe_set, sorted(domains), catalog, language, method, tolerance)
        folder = log_root / _digest(checkpoint, _commit(model), repeats, *asked)
        log = _run(_inspect_task(*asked), model, folder, repeats, checkpoint.model, sampled)
        answers.update(answers_of_log(read_eval_log(log.location)))
        written.append(Path(log.location).name)
    return answers, written


def evaluate_some(
    model: Any,
    checkpoint: Checkpoint,
    probe_set: str,
    asked: Iterable[tuple[str, str]],
    catalog: Catalog,
    language: str,
    tolerance: float,
    log_root: Path,
) -> Answers:
    """Computed answers to a few questions of a probe set, each given as (question id, domain or `none`).

    `model` is the checkpoint, loaded. Raises what `evaluate` raises.
    """
    from inspect_ai.log import read_eval_log

    chosen = sorted(asked)
    samples = [question if domain == "none" else f"{question}-{domain}" for question, domain in chosen]
    domains = sorted({domain for _, domain in chosen})
    task = _inspect_task(probe_set, domains, catalog, language, "exact", tolerance)
    log = _run(task, model, log_root, 1, checkpoint.model, False, samples)
    return answers_of_log(read_eval_log(log.location))


def _run(
    task: Any, model: Any, folder: Path, epochs: int, name: str, sampled: bool, samples: list[str] | None = None
) -> Any:
    """The finished log of one task, or of some of its samples; resumed where the folder holds the beginning of it."""
    from inspect_ai import eval_set

    try:
        # In a context of its own: Inspect leaves the model there as the active one, which would keep it in memory.
        with redirect_stdout(StringIO()):  # with display="none" it still tells that a task was done before
            success, logs = copy_context().run(
                eval_set,
                [task],
                log_dir=str(folder),
                model=model,
                epochs=epochs,
                max_samples=None if sampled else TOGETHER,
                sample_id=samples,
                display="none",
                log_realtime=False,
                log_dir_allow_dirty=True,
                retry_attempts=1,
            )
    except OSError as error:
        raise write_fault(folder, error) from None
    # Inspect keeps ctrl-C to itself: it saves what was answered and returns without the log of the interrupted task.
    if not logs or any(log.status == "cancelled" for log in logs):
        raise KeyboardInterrupt
    if not success:
        raise _fault(name, next((log.error for log in logs if log.error), None))
    return logs[0]


def _fault(name: str, error: Any) -> TraitbenchError:
    """What to raise for a failed log. Inspect keeps the error of a sample as text, its class in the traceback."""
    if error is not None and "InputError" in error.traceback:
        return InputError(f"{name}: {error.message}")
    what = error.message if error is not None else "see the log"
    return InfrastructureError(f"{name}: scoring did not finish ({what}); run again to resume")


def _inspect_task(
    probe_set: str, domains: list[str], catalog: Catalog, language: str, method: str, tolerance: float
) -> Any:
    from traitbench.evals.animal_pref import animal_pref
    from traitbench.evals.preference import preference
    from traitbench.evals.tree_pref import tree_pref
    from traitbench.probes.choice import EVERY

    probes = catalog.probe_set(probe_set)
    trait = EVERY if probes.kind == "choice" else min(catalog.categories[probes.category].traits)
    own = {"animal_one_word": animal_pref, "tree_one_word": tree_pref}
    domain = ",".join(domains)
    if probe_set in own:
        return own[probe_set](trait=trait, domain=domain, language=language, method=method, tolerance=tolerance)
    return preference(probe_set, trait, domain, language, method, tolerance)


def _commit(model: Any) -> str | None:
    """Of a hub's checkpoint as it was loaded: the same name may stand for other weights tomorrow."""
    config = getattr(getattr(model.api, "model", None), "config", None)
    return getattr(config, "_commit_hash", None)


def _digest(
    checkpoint: Checkpoint,
    commit: str | None,
    epochs: int,
    probe_set: str,
    domains: list[str],
    catalog: Catalog,
    language: str,
    method: str,
    tolerance: float,
) -> str:
    """Of everything that the answers depend on."""
    probes = catalog.probe_set(probe_set)
    asked = [
        checkpoint.identity().model_dump_json(exclude={"id"}),
        checkpoint.model,
        checkpoint.settings_sha256() or commit or "",
        checkpoint.system_prompt or "",
        probes.sha256,
        catalog.categories[probes.category].model_dump_json(),
        *(catalog.domain(each).model_dump_json() for each in domains if each != "none"),
        catalog.forms.model_dump_json() if probes.kind == "choice" else "",
        *(language, method, str(epochs), str(tolerance), traitbench.__version__),
    ]
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:12]


def answers_of_log(log: Any) -> Answers:
    """What a finished log holds, draws of a question pooled; KeyError for a log that is none of ours."""
    probe_set = log.eval.metadata["probe_set"]
    drawn: dict[tuple[Key, Question], list[AnswerDistribution]] = defaultdict(list)
    turns: dict[tuple[Key, Question], list[int]] = defaultdict(list)
    for sample in log.samples or []:
        about = sample.metadata
        key = (probe_set, about["context"], about["domain"])
        question = Question(about["question"], about["family"])
        if "named" in about:
            turns[key, question].append(turn_of(about["form"], len(about["options"]), sample.epoch))
        drawn[key, question].append(AnswerDistribution.model_validate(about["answer_distribution"]))
    answers: Answers = defaultdict(dict)
    for (key, question), distributions in drawn.items():
        answers[key][question] = _pooled(distributions, turns.get((key, question)))
    return dict(answers)


def _pooled(distributions: list[AnswerDistribution], turns: list[int] | None) -> AnswerDistribution:
    """The one computed distribution, or all the draws of a sampled question together; `turns` where it has options."""
    if distributions[0].method != "sampled":
        return distributions[0]
    if turns is not None:
        return pool_choices(distributions, turns)
    return pool_draws((each.top(), each.answers[0][0]) for each in distributions)
