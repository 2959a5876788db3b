"""`traitbench.score`: students and references scored with the same questions, paired, as Scorecards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from traitbench.catalog import Catalog, TransferTask, load_catalog
from traitbench.errors import InputError, NotComparableError, TraitbenchError
from traitbench.files import write_fault
from traitbench.probes.one_word import TOLERANCE
from traitbench.runner.checkpoint import Checkpoint
from traitbench.runner.environment import environment
from traitbench.runner.evaluate import Answers, evaluate
from traitbench.runner.fitting import unreadable, what_fits
from traitbench.runner.health import health
from traitbench.runner.loading import Loader
from traitbench.runner.noise import measure_noise
from traitbench.runner.results import capability_results, measured_answers, method_of, task_result, with_holm
from traitbench.runner.scorecard import MeasuredAnswers, ModelIdentity, NoiseFloor, References, Scorecard
from traitbench.runner.students import Student, checkpoints_of


@dataclass(frozen=True)
class Outcome:
    """What became of one student of several: its card, or why there is none."""

    name: str
    """Distinct among the students, and fit for a folder."""
    card: Scorecard | None = None
    error: TraitbenchError | None = None


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
    [outcome] = score_many(
        [Student(model, None if adapter is None else Path(adapter), name)],
        tasks=tasks,
        suite=suite,
        base=base,
        control=control,
        teacher=teacher,
        chat_template=chat_template,
        language=language,
        method=method,
        epochs=epochs,
        tolerance=tolerance,
        out=out,
        progress=progress,
    )
    if outcome.error is not None:
        raise outcome.error
    assert outcome.card is not None
    return outcome.card


def score_many(
    students: Sequence[Student],
    *,
    tasks: Sequence[str] = (),
    suite: str | None = None,
    base: str | None = None,
    control: Sequence[str] = (),
    teacher: str | None = None,
    chat_template: str | None = None,
    language: str = "en",
    method: str = "auto",
    epochs: int | None = None,
    tolerance: float = TOLERANCE,
    out: Path | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Iterator[Outcome]:
    """Scores several students in one process, each as `score` does; yields each outcome as soon as it is known.

    The references are loaded and scored once for all. Students that are adapters of one model share its load, and so
    does a base that is this model; any other checkpoint is freed before the next is read. A student that cannot be
    scored is an outcome with its error, and the others go on.

    Args:
        students: distinct; the other arguments are those of `score`, and hold for all.

    Raises:
        InputError, InfrastructureError, NotComparableError: what concerns all students, a reference included.
    """
    catalog = load_catalog()
    wanted = _tasks(tasks, suite, language, catalog)
    capability = catalog.suite(suite).capability if suite else None
    named = checkpoints_of(students, chat_template)
    references = _references(base, control, teacher, wanted, catalog, chat_template)
    identities = {role: _checked(checkpoint) for role, checkpoint in references.items()}
    known = {name: _known(checkpoint, references, identities) for name, checkpoint in named.items()}
    left_out: tuple[str, ...] = ()
    if suite is not None:
        for checkpoint in references.values():
            if (fault := unreadable(checkpoint)) is not None:
                raise fault
        known.update({name: fault for name, each in named.items()
                      if isinstance(known[name], ModelIdentity) and (fault := unreadable(each))})  # fmt: skip
        readable = [each for name, each in named.items() if isinstance(known[name], ModelIdentity)]
        if readable:
            fitting = what_fits([*readable, *references.values()], wanted, capability, catalog, language)
            wanted, capability, left_out = list(fitting.tasks), fitting.capability, fitting.left_out
            for line in left_out:
                progress(line)
    if out is not None:
        check_writable(out)

    with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as folder, Loader() as loader:

        def answers_of(role: str, checkpoint: Checkpoint) -> _Answered:
            progress(f"{role}: {checkpoint.model}" + (f" + {checkpoint.adapter}" if checkpoint.adapter else ""))
            with loader.holding(checkpoint) as model:
                found, logs = evaluate(
                    model,
                    checkpoint,
                    wanted,
                    catalog,
                    language,
                    method,
                    epochs,
                    tolerance,
                    Path(folder) / "logs",
                    capability,
                )
                noise = measure_noise(model, found, catalog, language, tolerance) if role == "student" else None
            return _Answered(found, tuple(logs), noise)

        def kept(answers: Answers) -> tuple[MeasuredAnswers, ...]:
            return tuple(measured_answers(key, language, side, catalog) for key, side in answers.items())

        def card_of(checkpoint: Checkpoint, identity: ModelIdentity, sides: dict[str, _Answered]) -> Scorecard:
            student = answers_of("student", checkpoint)
            for role, side in sides.items():
                _check_methods(references[role], student.answers, side.answers)
            everyone = {"student": student, **sides}
            by_role = {role: side.answers for role, side in everyone.items()}
            results = [
                task_result(task, key, language, by_role, catalog)
                for task in wanted
                for key in ((task.probe_set, "plain", "none"), (task.probe_set, "in_domain", task.domain))
            ]
            return Scorecard(
                model=identity,
                references=References(
                    base=identities.get("base"),
                    control=tuple(each for role, each in identities.items() if role.startswith("control")),
                    teacher=identities.get("teacher"),
                ),
                tasks=tuple(with_holm(results)),
                answers=kept(student.answers),
                reference_answers={role: kept(side.answers) for role, side in sides.items()},
                capability=capability_results(capability, by_role, catalog) if capability else {},
                health=health(student.answers, catalog),
                left_out=left_out,
                environment=environment(),
                noise_floor=student.noise,
                logs=tuple(log for side in everyone.values() for log in side.logs) if out else (),
            )

        sides: dict[str, _Answered] = {}
        if any(isinstance(identity, ModelIdentity) for identity in known.values()):
            models = {checkpoint.model for checkpoint in named.values()}
            # What the first student stands on comes last, and stays in memory for it.
            order = sorted(references, key=lambda role: references[role].model in models)
            scored = {role: answers_of(role, references[role]) for role in order}
            sides = {role: scored[role] for role in references}
        for name, checkpoint in named.items():
            identity = known[name]
            if isinstance(identity, TraitbenchError):
                yield Outcome(name, error=identity)
                continue
            try:
                outcome = Outcome(name, card_of(checkpoint, identity, sides))
            except TraitbenchError as error:
                # A new one: the frames behind the old would keep the network in memory.
                outcome = Outcome(name, error=type(error)(error.message))
            yield outcome


@dataclass(frozen=True)
class _Answered:
    """What one checkpoint said."""

    answers: Answers
    logs: tuple[str, ...]
    noise: NoiseFloor | None


def _references(
    base: str | None,
    control: Sequence[str],
    teacher: str | None,
    wanted: list[TransferTask],
    catalog: Catalog,
    chat_template: str | None,
) -> dict[str, Checkpoint]:
    """The checkpoints by role: base, control0, control1 …, teacher."""
    found = {}
    if base:
        found["base"] = Checkpoint(base, chat_template=chat_template)
    for i, each in enumerate(control):
        found[f"control{i}"] = Checkpoint(each, chat_template=chat_template)
    if teacher:
        found["teacher"] = _teacher(teacher, base, wanted, catalog, chat_template)
    return found


def _checked(checkpoint: Checkpoint) -> ModelIdentity:
    checkpoint.check()
    return checkpoint.identity()


def _known(
    student: Checkpoint, references: dict[str, Checkpoint], identities: dict[str, ModelIdentity]
) -> ModelIdentity | TraitbenchError:
    """Who a student is, or why it cannot be scored beside the references."""
    try:
        identity = _checked(student)
        _check_templates({"student": student, **references}, {"student": identity, **identities})
    except TraitbenchError as error:
        return error
    return identity


def _tasks(tasks: Sequence[str], suite: str | None, language: str, catalog: Catalog) -> list[TransferTask]:
    if isinstance(tasks, str):
        raise InputError(f"tasks is a list of task ids; write tasks=[{tasks!r}]")
    wanted = [catalog.task(each) for each in tasks]
    if suite is not None:
        wanted += catalog.tasks_of(catalog.suite(suite))
    if not wanted:
        raise InputError("no task was asked for; give --tasks owl-numbers, or --suite core (traitbench list tasks)")
    for task in wanted:
        if not catalog.probe_set(task.probe_set).offering(task.trait, language):
            raise InputError(
                f"{task.id}: no question of {task.probe_set} asks for {task.trait} in language {language!r}"
            )
    return list({task.id: task for task in wanted}.values())


def check_writable(out: Path) -> None:
    """Raises before anything is scored where the results could not be written."""
    mark = next((each for each in "#?%" if each in str(out)), None)
    if mark is not None:  # Inspect takes a log folder for an address
        raise InputError(f"{out}: {mark!r} in a folder's name cannot be written to; choose another")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise write_fault(out, error) from None


def _check_templates(checkpoints: dict[str, Checkpoint], identities: dict[str, ModelIdentity]) -> None:
    """Raises where a local checkpoint would read its questions in another chat template than the student's."""
    mine = identities["student"].chat_template_sha256
    for role, identity in identities.items():
        digest = identity.chat_template_sha256
        if mine is not None and digest is not None and digest != mine:
            raise NotComparableError(
                f"{checkpoints[role].model}: its chat template ({digest[:12]}) is not the student's ({mine[:12]}); "
                "score both with one --chat-template FILE"
            )


def _check_methods(reference: Checkpoint, student: Answers, its: Answers) -> None:
    """Raises where one side was computed and the other sampled."""
    for key, side in its.items():
        own = student.get(key)
        if own is None or side.keys() != own.keys():
            raise NotComparableError(f"{reference.model}: other questions than the student's; score it again")
        if (method_of(own) == "sampled") != (method_of(side) == "sampled"):
            raise NotComparableError(
                f"{reference.model}: its answers are {method_of(side)}, the student's {method_of(own)}; "
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
