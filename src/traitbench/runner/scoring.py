"""`traitbench.score`: student and references scored with the same questions, paired, as a Scorecard."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from traitbench.catalog import Catalog, TransferTask, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.files import write_fault
from traitbench.probes.one_word import TOLERANCE
from traitbench.runner.checkpoint import Checkpoint
from traitbench.runner.environment import environment
from traitbench.runner.evaluate import Answers, evaluate
from traitbench.runner.health import health
from traitbench.runner.results import capability_results, measured_answers, method_of, task_result, with_holm
from traitbench.runner.scorecard import References, Scorecard


def score(
    model: str,
    *,
    tasks: Sequence[str] = (),
    suite: str | None = None,
    base: str | None = None,
    control: Sequence[str] = (),
    teacher: str | None = None,
    adapter: Path | None = None,
    chat_template: str | None = None,
    name: str | None = None,
    language: str = "en",
    method: str = "auto",
    epochs: int | None = None,
    tolerance: float = TOLERANCE,
    out: Path | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Scorecard:
    """Scores a student checkpoint on transfer tasks, against base, controls and teacher where they are given.

    Args:
        model: Inspect's spelling: `hf/org/name`, `hf//abs/path`, `openai/...`.
        tasks: task ids (`traitbench list tasks`).
        suite: a suite of tasks (`traitbench list suites`), with the capability set where the suite has one.
        base: the checkpoint that the student started from.
        control: students trained in the same way on an untraited teacher's data.
        teacher: a model, or `prompt` for the base under the task's system prompt (one task at a time).
        adapter: a PEFT adapter put on `model`.
        chat_template: a Jinja file, or `none` for plain text; default: the checkpoint's own.
        name: how a local checkpoint is called in the card (default `local/<folder>`).
        language: of the questions.
        method: `auto`, `exact` or `sampled`.
        epochs: draws of each question in sampled mode (default 20).
        tolerance: what an exact answer may leave unexplored, in (0, 1).
        out: where the logs go (a temporary folder otherwise); a folder used before resumes.
        progress: called with one line when a checkpoint's turn comes.

    Raises:
        InputError, InfrastructureError, NotComparableError: one line that names the input and the mend.
    """
    catalog = load_catalog()
    wanted = _tasks(tasks, suite, catalog)
    capability = catalog.suite(suite).capability if suite else None
    checkpoints = {"student": Checkpoint(model, adapter=adapter, chat_template=chat_template, name=name)}
    if base:
        checkpoints["base"] = Checkpoint(base, chat_template=chat_template)
    for i, each in enumerate(control):
        checkpoints[f"control{i}"] = Checkpoint(each, chat_template=chat_template)
    if teacher:
        checkpoints["teacher"] = _teacher(teacher, base, wanted, catalog, chat_template)
    for checkpoint in checkpoints.values():
        checkpoint.check()
    identities = {role: checkpoint.identity() for role, checkpoint in checkpoints.items()}
    _check_templates(checkpoints)
    if out is not None:
        _check_folder(out)
    with tempfile.TemporaryDirectory() as scratch:
        log_root = (out or Path(scratch)) / "logs"
        answers: dict[str, Answers] = {}
        logs: list[str] = []
        for role, checkpoint in checkpoints.items():
            progress(f"{role}: {checkpoint.model}")
            answers[role], written = evaluate(
                checkpoint, wanted, catalog, language, method, epochs, tolerance, log_root, capability
            )
            _check_methods(role, checkpoints, answers)
            logs += written
    results = [
        task_result(task, key, language, answers, catalog)
        for task in wanted
        for key in ((task.probe_set, "plain", "none"), (task.probe_set, "in_domain", task.domain))
    ]
    return Scorecard(
        model=identities["student"],
        references=References(
            base=identities.get("base"),
            control=tuple(identity for role, identity in identities.items() if role.startswith("control")),
            teacher=identities.get("teacher"),
        ),
        tasks=tuple(with_holm(results)),
        answers=tuple(measured_answers(key, language, side, catalog) for key, side in answers["student"].items()),
        reference_answers={
            role: tuple(measured_answers(key, language, side, catalog) for key, side in found.items())
            for role, found in answers.items()
            if role != "student"
        },
        capability=capability_results(capability, answers, catalog) if capability else {},
        health=health(answers["student"], catalog),
        environment=environment(),
        logs=tuple(logs) if out else (),
    )


def _tasks(tasks: Sequence[str], suite: str | None, catalog: Catalog) -> list[TransferTask]:
    if isinstance(tasks, str):
        raise InputError(f"tasks is a list of task ids; write tasks=[{tasks!r}]")
    wanted = [catalog.task(each) for each in tasks]
    if suite is not None:
        wanted += catalog.tasks_of(catalog.suite(suite))
    if not wanted:
        raise InputError("no task was asked for; give --tasks owl-numbers, or --suite core (traitbench list tasks)")
    return list({task.id: task for task in wanted}.values())


def _check_folder(out: Path) -> None:
    """Raises before anything is scored where the results could not be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise write_fault(out, error) from None


def _check_templates(checkpoints: dict[str, Checkpoint]) -> None:
    """Raises where two local checkpoints would read their questions in different chat templates."""
    digests = {role: checkpoint.identity().chat_template_sha256 for role, checkpoint in checkpoints.items()}
    mine = digests["student"]
    for role, digest in digests.items():
        if mine is not None and digest is not None and digest != mine:
            raise NotComparableError(
                f"{checkpoints[role].model}: its chat template ({digest[:12]}) is not the student's ({mine[:12]}); "
                "score both with one --chat-template FILE"
            )


def _check_methods(role: str, checkpoints: dict[str, Checkpoint], answers: dict[str, Answers]) -> None:
    """Raises where one side was computed and the other sampled."""
    for key, side in answers[role].items():
        student = answers["student"].get(key)
        if student is None or side.keys() != student.keys():
            raise NotComparableError(f"{checkpoints[role].model}: other questions than the student's; score it again")
        mine, its = method_of(student), method_of(side)
        if (mine == "sampled") != (its == "sampled"):
            raise NotComparableError(
                f"{checkpoints[role].model}: its answers are {its}, the student's {mine}; "
                "score both with --method sampled"
            )


def _teacher(
    teacher: str, base: str | None, tasks: list[TransferTask], catalog: Catalog, chat_template: str | None
) -> Checkpoint:
    if teacher != "prompt":
        return Checkpoint(teacher, chat_template=chat_template)
    if base is None:
        raise NotComparableError("--teacher prompt is the base under a system prompt; give --base MODEL")
    prompts = {catalog.system_prompt(task) for task in tasks}
    if len(prompts) != 1 or None in prompts:
        raise InputError("--teacher prompt needs tasks that share one system prompt; score one trait at a time")
    name = f"{Checkpoint(base).identity().id} (prompted)"
    return Checkpoint(base, chat_template=chat_template, system_prompt=prompts.pop(), name=name)
