"""Can a card be believed, and is each one another checkpoint? What is broken or given twice is refused here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from traitbench.catalog import NONE, Catalog, ChoiceQuestion, NamedAnswerReader
from traitbench.catalog.forms import LETTERS
from traitbench.errors import InputError
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import MeasuredAnswers, QuestionAnswers

_SUM_ROUNDING = 1e-3
_MOST_DRAWS = 10**9
_MOST_OPTIONS = len(LETTERS)


def identity(subject: Subject) -> tuple[str | None, str | None]:
    """Which checkpoint it is: weights and adapter, or the label where no digest of the weights is known."""
    model = subject.card.model
    return (model.weights_sha256 or subject.label, model.adapter)


def check_whole(subject: Subject) -> None:
    """Raises `InputError`, naming the field, for a card that is broken in itself."""
    seen: set[tuple[str, str, str, str]] = set()
    for answers in subject.card.answers:
        where = f"{subject.label}: answers.{answers.probe_set}.{answers.context}"
        key = (answers.probe_set, answers.context, answers.domain, answers.language)
        if key in seen:
            raise InputError(f"{where}: there twice; delete one of them")
        seen.add(key)
        if not answers.questions:
            raise InputError(f"{where}.questions: there is none; score again")
        ids: set[str] = set()
        for question in answers.questions:
            if question.id in ids:
                raise InputError(f"{where}: question {question.id} is there twice; score again")
            ids.add(question.id)
            _check_question(f"{where}.{question.id}", answers, question)


def _check_question(where: str, answers: MeasuredAnswers, question: QuestionAnswers) -> None:
    total = math.fsum(question.mass.values()) + question.unexplored
    if not abs(total - 1.0) <= _SUM_ROUNDING:
        raise InputError(f"{where}.mass: mass and unexplored sum to {total:.4f}, not to 1")
    for field in ("draws", "residual_draws"):
        drawn = getattr(question, field)
        if drawn is not None and not 1 <= drawn <= _MOST_DRAWS:
            raise InputError(f"{where}.{field}: {drawn} is no number of answers")
    if (question.residual_draws is not None) != bool(question.residual):
        raise InputError(f"{where}.residual: draws of the rest and how they divide go together; score again")
    rest = math.fsum(question.residual.values())
    if question.residual and not abs(rest - 1.0) <= _SUM_ROUNDING:
        raise InputError(f"{where}.residual: the draws of its rest sum to {rest:.4f}, not to 1")
    if (question.draws is not None) != (answers.method == "sampled"):
        raise InputError(f"{where}.draws: {question.draws} under method {answers.method!r}; score again")
    if question.draws is not None and question.unexplored > 0:
        raise InputError(f"{where}.unexplored: sampled answers leave nothing unexplored; score again")
    if answers.kind == "choice" and answers.method == "exact" and question.top_answers:
        # The most probable labels share what is not outside: all of it, or their part of it at least.
        shown, told = math.fsum(p for _, p in question.top_answers), 1.0 - question.outside
        least = told * min(1.0, len(question.top_answers) / _MOST_OPTIONS)
        if not least - _SUM_ROUNDING <= shown <= told + _SUM_ROUNDING:
            raise InputError(f"{where}.outside: {question.outside:.4f}, but the options got {shown:.4f}; score again")
    if question.residual and answers.method != "exact+sampled":
        raise InputError(f"{where}.residual: a sampled rest under method {answers.method!r}; score again")


def check_known(subject: Subject, catalog: Catalog) -> None:
    """Raises `InputError` for questions, families or answers that the catalogue's probe set does not have."""
    for answers in subject.card.answers:
        probes = catalog.probe_sets.get(answers.probe_set)
        if probes is None or probes.version.split("-")[0] != answers.version.split("-")[0]:
            continue  # never a PASS: see obstacles
        where = f"{subject.label}: answers.{answers.probe_set}.{answers.context}"
        if probes.category != answers.category:
            raise InputError(f"{where}.category: {answers.category!r}, but the probe set asks for {probes.category}")
        if probes.kind != answers.kind:  # it says which questions a trait is judged by
            raise InputError(
                f"{where}.kind: {answers.kind!r}, but the probe set is of kind {probes.kind!r}; score again"
            )
        families = {each.id: each.family for each in probes.questions if each.language == answers.language}
        if not families:
            continue
        members = {*catalog.categories[probes.category].traits, NONE}
        read = NamedAnswerReader(catalog.categories[probes.category])
        options = {each.id: set(each.named) for each in probes.questions if isinstance(each, ChoiceQuestion)}
        for question in answers.questions:
            if families.get(question.id) != question.family:
                said = "no question of this probe set" if question.id not in families else "of another family"
                raise InputError(f"{where}.{question.id}: {said}; score again")
            if options and question.mass.keys() != options[question.id]:
                raise InputError(f"{where}.{question.id}: other answers than the question's options; score again")
            strangers = [] if options else sorted({*question.mass, *question.residual} - members)
            if strangers:
                raise InputError(
                    f"{where}.{question.id}: answer {strangers[0]!r} is no member of {probes.category}; "
                    "set TRAITBENCH_DATASETS as it was when the card was made"
                )
            if not options:
                _check_reading(f"{where}.{question.id}", question, read)


def _check_reading(where: str, question: QuestionAnswers, read: NamedAnswerReader) -> None:
    """A member that the catalogue has learnt since stands in the card as no member, and would seem never named."""
    known = question.mass.keys() | question.residual.keys()
    for text, _ in question.top_answers:
        named = read(text, True)
        if named not in (None, NONE) and named not in known:
            raise InputError(f"{where}: {text[:40]!r} names {named}, which the card was not read for; score again")


def check_distinct(students: Sequence[Subject], references: Sequence[Subject]) -> None:
    """A checkpoint given twice is no second seed or control, and a student among controls hides its own shift."""
    for role, side in (("student", students), ("reference", references)):
        for i, subject in enumerate(side):
            for first in side[:i]:
                if _same(subject, first):
                    raise InputError(f"{subject.label}: the same checkpoint as {first.label}; give each {role} once")
    if len(references) > 1:
        for subject in references:
            own = next((each for each in students if _same(each, subject)), None)
            if own is not None:
                raise InputError(f"{subject.label}: {own.label} is its own control; leave it out")


def _same(one: Subject, other: Subject) -> bool:
    """By identity, or by answers computed to the last digit."""
    if identity(one) == identity(other):
        return True
    exact = all(each.method != "sampled" for each in one.card.answers)
    return exact and bool(one.card.answers) and one.card.answers == other.card.answers
