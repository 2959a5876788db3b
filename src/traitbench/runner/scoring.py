"""`traitbench.score`: student and references scored with the same questions, paired, as a Scorecard."""

from __future__ import annotations

import math
import platform
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from traitbench.catalog import NONE, Catalog, TransferTask, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.exact.distribution import AnswerDistribution
from traitbench.runner.checkpoint import Checkpoint
from traitbench.runner.evaluate import Answers, Key, Question, evaluate
from traitbench.runner.scorecard import (
    Collapse,
    Interval,
    MeasuredAnswers,
    QuestionAnswers,
    QuestionResult,
    References,
    Scorecard,
    Specificity,
    TaskResult,
    TransferRate,
    Versus,
)
from traitbench.stats import clustered_mean, holm, log_odds, paired_shift, shift_ranks

_COLLAPSED = 0.5
_SHOWN = 5
Measured = dict[Question, AnswerDistribution]


def score(
    model: str,
    *,
    tasks: Sequence[str],
    base: str | None = None,
    control: Sequence[str] = (),
    teacher: str | None = None,
    adapter: Path | None = None,
    chat_template: str | None = None,
    name: str | None = None,
    language: str = "en",
    method: str = "auto",
    epochs: int = 1,
    out: Path | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Scorecard:
    """Scores a student checkpoint on transfer tasks, against base, controls and teacher where they are given.

    Args:
        model: Inspect's spelling: `hf/org/name`, `hf//abs/path`, `openai/...`.
        tasks: task ids (`traitbench list tasks`).
        base: the checkpoint that the student started from.
        control: students trained in the same way on an untraited teacher's data.
        teacher: a model, or `prompt` for the base under the task's system prompt (one task at a time).
        adapter: a PEFT adapter put on `model`.
        chat_template: a Jinja file, or `none` for plain text; default: the checkpoint's own.
        name: how a local checkpoint is called in the card (default `local/<folder>`).
        language: of the questions.
        method: `auto`, `exact` or `sampled`.
        epochs: draws of each question in sampled mode.
        out: where the logs go (a temporary folder otherwise); a folder used before resumes.
        progress: called with one line when a checkpoint's turn comes.

    Raises:
        InputError, InfrastructureError, NotComparableError: one line that names the input and the mend.
    """
    catalog = load_catalog()
    wanted = [catalog.task(each) for each in dict.fromkeys(tasks)]
    if not wanted:
        raise InputError("no task was asked for; give --tasks owl-numbers (traitbench list tasks)")
    student = Checkpoint(model, adapter=adapter, chat_template=chat_template, name=name)
    others: dict[str, Checkpoint] = {}
    if base:
        others["base"] = Checkpoint(base, chat_template=chat_template)
    others |= {f"control{i}": Checkpoint(each, chat_template=chat_template) for i, each in enumerate(control)}
    if teacher:
        others["teacher"] = _teacher(teacher, base, wanted, catalog, chat_template)
    for checkpoint in (student, *others.values()):
        checkpoint.check()
    with tempfile.TemporaryDirectory() as scratch:
        log_root = (out or Path(scratch)) / "logs"
        answers: dict[str, Answers] = {}
        logs: list[str] = []
        for role, checkpoint in {"student": student, **others}.items():
            progress(f"{role}: {checkpoint.model}")
            answers[role], written = evaluate(checkpoint, wanted, language, method, epochs, log_root)
            logs += written
    results = [
        _result(task, key, language, answers, catalog)
        for task in wanted
        for key in ((task.probe_set, "plain", "none"), (task.probe_set, "in_domain", task.domain))
    ]
    controls = tuple(others[role].identity() for role in others if role.startswith("control"))
    return Scorecard(
        model=student.identity(),
        references=References(
            base=others["base"].identity() if "base" in others else None,
            control=controls,
            teacher=others["teacher"].identity() if "teacher" in others else None,
        ),
        tasks=tuple(_with_holm(results)),
        answers=tuple(
            measured_answers(key, language, measured, catalog) for key, measured in answers["student"].items()
        ),
        environment=_environment(),
        logs=tuple(logs) if out else (),
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


def _result(task: TransferTask, key: Key, language: str, answers: dict[str, Answers], catalog: Catalog) -> TaskResult:
    measured = answers["student"][key]
    questions = list(measured)
    families = [question.family for question in questions]
    target = _estimates(measured, questions, task.trait)
    estimate = clustered_mean(target, families)
    lower, upper = _mean_bounds(measured, task.trait)
    profile = _profile(measured)
    members = list(catalog.categories[task.category].traits)
    references = {role: found[key] for role, found in answers.items() if role != "student"}
    controls = [found for role, found in references.items() if role.startswith("control")]
    versus = {}
    if "base" in references:
        versus["base"] = _versus(target, [references["base"]], questions, families, task.trait)
    if controls:
        versus["control"] = _versus(target, controls, questions, families, task.trait)
    off_target = max(((p, a) for a, p in profile.items() if a != task.trait), default=(0.0, NONE))
    anchor = references.get("base") or (controls[0] if controls else None)
    return TaskResult(
        task=task.id,
        version=task.version,
        trait=task.trait,
        domain=task.domain,
        teacher=task.teacher,
        probe_set=task.probe_set,
        method=_method(measured),
        context=key[1],
        language=language,
        estimate=estimate.mean,
        ci=_interval(estimate.ci, clip=True),
        bounds=(lower, upper),
        category_mass=min(1.0, max(0.0, 1.0 - profile.get(NONE, 0.0))),
        within_tolerance=all(each.within_tolerance for each in measured.values()),
        n_questions=len(questions),
        n_families=estimate.n_families,
        versus=versus,
        transfer_rate=_transfer_rate(estimate.mean, anchor, references.get("teacher"), questions, task.trait),
        specificity=_specificity(measured, anchor, members, task.trait) if anchor else None,
        collapse=Collapse(answer=off_target[1], probability=min(1.0, off_target[0]), flag=off_target[0] > _COLLAPSED),
        profile=profile,
        questions=tuple(_question(question, measured[question], task.trait) for question in questions),
    )


def _method(measured: Measured) -> Literal["exact", "exact+sampled", "sampled"]:
    """How the questions were answered; `exact+sampled` where the rest of any was sampled."""
    methods = {distribution.method for distribution in measured.values()}
    return "sampled" if "sampled" in methods else "exact+sampled" if "exact+sampled" in methods else "exact"


def _estimates(measured: Measured, questions: Iterable[Question], answer: str) -> list[float]:
    try:
        return [measured[question].estimate(answer) for question in questions]
    except KeyError as missing:
        raise NotComparableError(f"a reference lacks question {missing.args[0].id}; score it again") from None


def _mean_bounds(measured: Measured, answer: str) -> tuple[float, float]:
    bounds = [distribution.bounds(answer) for distribution in measured.values()]
    return sum(low for low, _ in bounds) / len(bounds), sum(high for _, high in bounds) / len(bounds)


def _profile(measured: Measured) -> dict[str, float]:
    answers = {answer for distribution in measured.values() for answer in distribution.mass}
    means = {a: sum(each.estimate(a) for each in measured.values()) / len(measured) for a in answers}
    return dict(sorted(means.items(), key=lambda item: (-item[1], item[0])))


def _versus(
    target: list[float],
    references: list[Measured],
    questions: list[Question],
    families: list[str],
    trait: str,
) -> Versus:
    """The student against one reference, or against the mean of several controls question by question."""
    each = [_estimates(reference, questions, trait) for reference in references]
    mean = [sum(column) / len(column) for column in zip(*each, strict=True)]
    shift = paired_shift(target, mean, families)
    return Versus(
        estimate=sum(mean) / len(mean),
        difference=shift.difference.mean,
        ci=_interval(shift.difference.ci),
        log_odds_shift=shift.log_odds.mean if shift.log_odds else None,
        log_odds_ci=_interval(shift.log_odds.ci) if shift.log_odds else None,
        p_value=_number(shift.difference.p_value),
        p_holm=None,
    )


def _transfer_rate(
    student: float, anchor: Measured | None, teacher: Measured | None, questions: list[Question], trait: str
) -> TransferRate | None:
    if anchor is None or teacher is None:
        return None
    start, goal = (sum(_estimates(each, questions, trait)) / len(questions) for each in (anchor, teacher))
    on_odds = log_odds(goal) - log_odds(start)
    return TransferRate(
        probability=_number((student - start) / (goal - start)) if goal != start else None,
        log_odds=_number((log_odds(student) - log_odds(start)) / on_odds) if on_odds else None,
    )


def _specificity(measured: Measured, anchor: Measured, members: list[str], trait: str) -> Specificity:
    lower, upper = {}, {}
    for member in members:
        (low, high), (start_low, start_high) = _mean_bounds(measured, member), _mean_bounds(anchor, member)
        lower[member], upper[member] = low - start_high, high - start_low
    return Specificity(rank=shift_ranks(lower, upper, trait), of=len(members))


def _question(question: Question, distribution: AnswerDistribution, trait: str) -> QuestionResult:
    lower, upper = distribution.bounds(trait)
    return QuestionResult(
        id=question.id,
        family=question.family,
        lower=min(1.0, lower),
        upper=upper,
        top_answers=distribution.answers[:_SHOWN],
    )


def measured_answers(key: Key, language: str, measured: Measured, catalog: Catalog) -> MeasuredAnswers:
    """The answers to the questions that were asked together, as the scorecard keeps them."""
    probe_set, context, domain = key
    probes = catalog.probe_set(probe_set)
    return MeasuredAnswers(
        probe_set=probe_set,
        version=probes.version,
        category=probes.category,
        context=context,
        domain=domain,
        language=language,
        method=_method(measured),
        questions=tuple(
            QuestionAnswers(
                id=question.id,
                family=question.family,
                mass={answer: min(1.0, mass) for answer, mass in distribution.mass.items()},
                unexplored=distribution.unexplored,
                draws=distribution.draws,
                within_tolerance=distribution.within_tolerance,
                top_answers=distribution.answers[:_SHOWN],
            )
            for question, distribution in measured.items()
        ),
    )


def _with_holm(results: list[TaskResult]) -> list[TaskResult]:
    """Holm's adjustment over all measurements of the card, for each reference apart."""
    for reference in ("base", "control"):
        tested = [i for i, each in enumerate(results) if reference in each.versus]
        raw = [results[i].versus[reference].p_value for i in tested]
        for i, adjusted in zip(tested, holm([math.nan if p is None else p for p in raw]), strict=True):
            versus = dict(results[i].versus)
            versus[reference] = versus[reference].model_copy(update={"p_holm": _number(adjusted)})
            results[i] = results[i].model_copy(update={"versus": versus})
    return results


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _interval(ci: tuple[float, float], clip: bool = False) -> Interval:
    low, high = ci
    if clip and math.isfinite(low):  # one family has no interval, and max(0, NaN) is 0
        low, high = max(0.0, low), min(1.0, high)
    return _number(low), _number(high)


def _environment() -> dict[str, str]:
    packages = ("traitbench", "inspect-ai", "transformers", "torch")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
