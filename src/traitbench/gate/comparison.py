"""Which answers may be compared: pairs students and references question by question, and refuses what is unequal.

Shared by `traitbench compare` and `traitbench gate`. A refusal is a `NotComparableError` (exit code 5) that names both
files and the field; a card that is broken in itself is an `InputError` (exit code 2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from traitbench.catalog import NONE, Catalog, ChoiceQuestion
from traitbench.errors import NotComparableError
from traitbench.gate.soundness import check_distinct, check_known, check_whole, identity
from traitbench.gate.subject import Subject
from traitbench.runner.measuring import measured_alike
from traitbench.runner.scorecard import MeasuredAnswers, QuestionAnswers

if TYPE_CHECKING:
    from traitbench.stats import Measured

Key = tuple[str, str, str, str]
"""(probe set, context, domain, language): what was asked together."""

Answers = tuple[QuestionAnswers, ...]


@dataclass(frozen=True)
class Pairing:
    """The same questions in the same order, answered by students and by references."""

    asked: MeasuredAnswers
    """The first student's: names probe set, version, category, context, domain, language and method."""
    families: tuple[str, ...]
    students: tuple[Answers, ...]
    references: tuple[Answers, ...]
    n_in_probe_set: int | None
    """How many questions the catalogue's probe set holds; None where it does not know the set or this version."""
    n_offering: Mapping[str, int]
    """Where options are given: how many of those questions offer each answer."""
    noise: float | None = None
    """The largest noise floor of the mean among the cards; None where none was measured, or all answers are equal."""
    sick: tuple[str, ...] = ()
    """What is flagged in the health of a student and in that of no reference, in words."""

    @property
    def label(self) -> str:
        """`animal_one_word, in_domain numbers`"""
        where = self.asked.context if self.asked.domain == "none" else f"{self.asked.context} {self.asked.domain}"
        return f"{self.asked.probe_set}, {where}"

    @property
    def n_questions(self) -> int:
        return len(self.families)

    def answers(self) -> list[str]:
        """Every named answer that occurs anywhere, `none` included."""
        sides = (*self.students, *self.references)
        return sorted(
            {answer for side in sides for question in side for answer in (*question.mass, *question.residual)}
        )

    def offers(self, answer: str) -> bool:
        """Whether some question can be answered so."""
        return bool(self.asked.offering(answer))

    def offering(self, answer: str) -> Pairing:
        """The questions that can be answered so: all of them, or those that have it among their options."""
        if self.asked.kind == "one_word":
            return self
        rows = [i for i, question in enumerate(self.asked.questions) if answer in question.mass]

        def of(side: Answers) -> Answers:
            return tuple(side[i] for i in rows)

        return replace(
            self,
            asked=self.asked.model_copy(update={"questions": of(self.asked.questions)}),
            families=tuple(self.families[i] for i in rows),
            students=tuple(of(side) for side in self.students),
            references=tuple(of(side) for side in self.references),
            n_in_probe_set=None if self.n_in_probe_set is None else self.n_offering.get(answer, 0),
        )

    def measured(self, answer: str) -> tuple[list[Measured], list[Measured]]:
        """(students, references): each one's probability of `answer`, question by question, for a shift test."""
        made = measured_alike([*self.students, *self.references], answer)
        return made[: len(self.students)], made[len(self.students) :]


def mean_probability(answers: Answers, answer: str) -> float:
    """The mean over questions, the unexplored rest divided like the explored part."""
    return sum(question.estimate(answer) for question in answers) / len(answers)


def category_mass(answers: Answers) -> float:
    """The probability that was found to name some member of the category, or an option, averaged over questions.

    What was left unexplored and not sampled counts as naming none.
    """
    named = (
        (1.0 - question.outside)
        * (
            sum(mass for answer, mass in question.mass.items() if answer != NONE)
            + question.unexplored * sum(part for answer, part in question.residual.items() if answer != NONE)
        )
        for question in answers
    )
    return min(1.0, sum(named) / len(answers))


def pair(
    students: Sequence[Subject],
    references: Sequence[Subject],
    categories: Iterable[str],
    catalog: Catalog,
) -> list[Pairing]:
    """Everything that students and references have both measured of these categories.

    Raises:
        NotComparableError: chat templates, system prompts, versions, languages, methods, or questions differ; or one
            side lacks a measurement that another has.
        InputError: a card is broken in itself (masses that do not sum to one, a question twice, none at all), or a
            checkpoint is given twice.
    """
    subjects = [*students, *references]
    wanted = set(categories)
    check_distinct(students, references)
    for subject in subjects:
        check_whole(subject)
    first = students[0]
    for other in subjects[1:]:
        _check_prompts(first, other)
        _check_task_versions(first, other)
    tables = [{_key(each): each for each in subject.card.answers if each.category in wanted} for subject in subjects]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    if not keys:
        names = ", ".join(sorted(wanted))
        labels = ", ".join(dict.fromkeys(subject.label for subject in subjects))
        raise NotComparableError(f"{labels}: answers: none of category {names}; score one of its tasks")
    pairings = [_pairing(key, subjects, tables, len(students), catalog) for key in keys]
    for subject in subjects:
        check_known(subject, catalog)
    return pairings


def unknowns(students: Sequence[Subject], references: Sequence[Subject]) -> list[str]:
    """What cannot be checked and is therefore assumed, in words for the report."""
    subjects = [*students, *references]
    said = []
    templates = {subject.card.model.chat_template_sha256 for subject in subjects}
    if None in templates:
        missing = ", ".join(s.label for s in subjects if s.card.model.chat_template_sha256 is None)
        said.append(f"The chat template of {missing} is not recorded; it is assumed to be the same.")
    unpinned = [subject.label for subject in subjects if subject.card.model.weights_sha256 is None]
    if unpinned:
        said.append(f"The weights of {', '.join(unpinned)} are known by name only, not by digest.")
    dtypes = {subject.card.model.dtype for subject in subjects} - {None}
    if len(dtypes) > 1:
        said.append(f"Weights are stored in different precisions ({', '.join(sorted(map(str, dtypes)))}).")
    unmeasured = [
        subject.label
        for subject in subjects
        if subject.card.noise_floor is None and any(each.method != "sampled" for each in subject.card.answers)
    ]
    if unmeasured:
        said.append(f"The noise floor of {', '.join(unmeasured)} was not measured: rounding is taken for nothing.")
    known = {identity(subject) for subject in references}
    same = [subject.label for subject in students if identity(subject) in known]
    if same:
        said.append(f"{', '.join(same)} and a reference are the same weights: this compares a checkpoint with itself.")
    return said


def _pairing(
    key: Key, subjects: Sequence[Subject], tables: list[dict[Key, MeasuredAnswers]], n_students: int, catalog: Catalog
) -> Pairing:
    holder = next(i for i, table in enumerate(tables) if key in table)
    for subject, table in zip(subjects, tables, strict=True):
        if key not in table:
            raise NotComparableError(_lacks(subject, subjects[holder], key, table))
    sides = [table[key] for table in tables]
    asked, first = sides[0], subjects[0]
    for subject, side in zip(subjects[1:], sides[1:], strict=True):
        _check_measurement(first, asked, subject, side)
    order = {question.id: question for question in asked.questions}
    aligned = []
    for side in sides:
        by_id = {question.id: question for question in side.questions}
        aligned.append(tuple(by_id[each] for each in order))
    return Pairing(
        asked=asked,
        families=tuple(question.family for question in order.values()),
        students=tuple(aligned[:n_students]),
        references=tuple(aligned[n_students:]),
        n_in_probe_set=_n_in_probe_set(asked, catalog),
        n_offering=_n_offering(asked, catalog),
        noise=_noise(subjects, aligned),
        sick=_sick(subjects[:n_students], subjects[n_students:]),
    )


def _noise(subjects: Sequence[Subject], sides: Sequence[Answers]) -> float | None:
    """What rounding may have moved. A checkpoint against itself differs by exactly nothing, however it rounds."""
    if all(side == sides[0] for side in sides):
        return None
    return max((each.card.noise_floor.mean for each in subjects if each.card.noise_floor), default=None)


_SICKNESS = {"self_naming": "it names itself", "refusal": "it refuses", "collapse": "it gives one answer to everything"}


def _sick(students: Sequence[Subject], references: Sequence[Subject]) -> tuple[str, ...]:
    """The category's own mass is held against the rule's minimum, question by question; it is none of these."""
    found = []
    for name, words in _SICKNESS.items():
        flagged = [each.card.health[name] for each in students if _is_flagged(each, name)]
        if flagged and not any(_is_flagged(each, name) for each in references):
            found.append(f"{words} ({max(check.value for check in flagged):.2f} of its answers)")
    return tuple(found)


def _is_flagged(subject: Subject, name: str) -> bool:
    return name in subject.card.health and subject.card.health[name].flag


def _key(answers: MeasuredAnswers) -> Key:
    return answers.probe_set, answers.context, answers.domain, answers.language


def _n_in_probe_set(asked: MeasuredAnswers, catalog: Catalog) -> int | None:
    probes = catalog.probe_sets.get(asked.probe_set)
    if probes is None or _n(probes.version) != _n(asked.version):
        return None
    return sum(question.language == asked.language for question in probes.questions) or None


def _n_offering(asked: MeasuredAnswers, catalog: Catalog) -> dict[str, int]:
    probes = catalog.probe_sets.get(asked.probe_set)
    questions = probes.questions if probes else ()
    return dict(
        Counter(
            named
            for question in questions
            if isinstance(question, ChoiceQuestion) and question.language == asked.language
            for named in set(question.named)
        )
    )


def _lacks(subject: Subject, holder: Subject, key: Key, table: dict[Key, MeasuredAnswers]) -> str:
    probe_set, context, domain, language = key
    others = [k[3] for k in table if k[:3] == key[:3]]
    if others:
        return (
            f"{subject.label}: language: {others[0]!r}, but {holder.label} has {language!r}; score both in one language"
        )
    where = context if domain == "none" else f"{context} {domain}"
    return (
        f"{subject.label}: answers: {probe_set} ({where}) was not measured, but it was in {holder.label}; "
        "score both on the same tasks"
    )


def _check_prompts(one: Subject, other: Subject) -> None:
    a, b = one.card.model, other.card.model
    templates = (a.chat_template_sha256, b.chat_template_sha256)
    if None not in templates and templates[0] != templates[1]:
        raise _unequal(one, other, "model.chat_template_sha256", templates, "score both with one --chat-template FILE")
    prompts = (a.system_prompt_sha256, b.system_prompt_sha256)
    if prompts[0] != prompts[1]:
        raise _unequal(one, other, "model.system_prompt_sha256", prompts, "score both under the same system prompt")


def _check_task_versions(one: Subject, other: Subject) -> None:
    versions = {result.task: result.version for result in one.card.tasks}
    for result in other.card.tasks:
        mine = versions.get(result.task)
        if mine is not None and _n(mine) != _n(result.version):
            pair_of = (mine, result.version)
            raise _unequal(one, other, f"tasks.{result.task}.version", pair_of, "score both with one version")


def _check_measurement(one: Subject, mine: MeasuredAnswers, other: Subject, its: MeasuredAnswers) -> None:
    field = f"answers.{mine.probe_set}.{mine.context}"
    if _n(mine.version) != _n(its.version):
        raise _unequal(one, other, f"{field}.version", (mine.version, its.version), "score both with one version")
    if (mine.method == "sampled") != (its.method == "sampled"):
        raise _unequal(one, other, f"{field}.method", (mine.method, its.method), "score both with one --method")
    families = {question.id: question.family for question in mine.questions}
    others = {question.id: question.family for question in its.questions}
    missing = sorted(families.keys() - others.keys())
    extra = sorted(others.keys() - families.keys())
    if missing or extra:
        lacking, holder, ids = (other, one, missing) if missing else (one, other, extra)
        raise NotComparableError(
            f"{lacking.label}: {field}.questions: lacks {len(ids)} of the questions of {holder.label} "
            f"({ids[0]}…); score it again"
        )
    for question, family in families.items():
        if others[question] != family:
            raise _unequal(
                one, other, f"{field}.{question}.family", (family, others[question]), "score one of them again"
            )


def _unequal(one: Subject, other: Subject, field: str, values: tuple[object, object], mend: str) -> NotComparableError:
    mine, its = (str(value)[:12] if value is not None else "none" for value in values)
    return NotComparableError(f"{other.label}: {field}: {its}, but {one.label} has {mine}; {mend}")


def _n(version: str) -> str:
    return version.split("-")[0]
