"""A scorecard's figures, computed anew from the answers that it keeps, by the functions that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from traitbench.catalog import Catalog, TransferTask
from traitbench.exact.distribution import AnswerDistribution
from traitbench.runner.evaluate import Answers, Key, Question
from traitbench.runner.results import task_result
from traitbench.runner.scorecard import MeasuredAnswers, QuestionAnswers, TaskResult

Roles = Mapping[str, Sequence[MeasuredAnswers]]
"""By role: `student`, and where there were such `base`, `control0`, `control1` … and `teacher`."""
_SHARED = tuple(name for name in QuestionAnswers.model_fields if name in AnswerDistribution.model_fields)


def asked_for(task: TransferTask, answers: Sequence[MeasuredAnswers]) -> tuple[MeasuredAnswers, ...]:
    """Those of the answers that a task measures: its probe set's, plain and in its own domain."""
    return tuple(each for each in answers if each.probe_set == task.probe_set and each.domain in ("none", task.domain))


def task_results(task: TransferTask, roles: Roles, catalog: Catalog) -> list[TaskResult]:
    """One result for every context that the student was asked in, without Holm's adjustment.

    Raises ValueError for a distribution that is none; KeyError where a reference lacks a question of the student.
    """
    answers: dict[str, Answers] = {
        role: {_key(each): _side(each) for each in asked_for(task, measured)} for role, measured in roles.items()
    }
    return [
        task_result(task, _key(each), each.language, answers, catalog) for each in asked_for(task, roles["student"])
    ]


def _key(answers: MeasuredAnswers) -> Key:
    return answers.probe_set, answers.context, answers.domain


def _side(answers: MeasuredAnswers) -> dict[Question, AnswerDistribution]:
    return {Question(each.id, each.family): distribution(each) for each in answers.questions}


def distribution(question: QuestionAnswers) -> AnswerDistribution:
    """The distribution behind a question's kept answers; its tolerance is only known to have been met or not."""
    shared = {name: getattr(question, name) for name in _SHARED}
    method = method_of_question(question)
    tolerance = None if method == "sampled" else 1.0 if question.within_tolerance else 0.0
    return AnswerDistribution(**shared, method=method, answers=question.top_answers, tolerance=tolerance)


def method_of_question(question: QuestionAnswers) -> Literal["exact", "exact+sampled", "sampled"]:
    """How one question was answered, by what was drawn for it."""
    if question.draws is not None:
        return "sampled"
    return "exact" if question.residual_draws is None else "exact+sampled"
