"""From the answers of student and references to one TaskResult: estimates, shifts, transfer, specificity, collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence

from traitbench.catalog import NONE, Catalog, Category, NamedAnswerReader, TransferTask
from traitbench.catalog.spelling import canonical
from traitbench.exact.distribution import AnswerDistribution
from traitbench.runner.evaluate import Answers, Key, Question
from traitbench.runner.measuring import measured, measured_alike
from traitbench.runner.scorecard import (
    CapabilityResult,
    Collapse,
    Interval,
    MeasuredAnswers,
    QuestionAnswers,
    QuestionResult,
    Specificity,
    TaskResult,
    TransferRate,
    Versus,
)
from traitbench.stats import Scale, clustered_mean, holm, log_odds, mean_preference, shift_interval, shift_ranks

_COLLAPSED = 0.5
_SHOWN = 5
Side = dict[Question, AnswerDistribution]
"""One checkpoint's answers to the questions that were asked together."""


def task_result(
    task: TransferTask, key: Key, language: str, answers: dict[str, Answers], catalog: Catalog
) -> TaskResult:
    """What the roles of `answers` (`student`, `base`, `control0` …, `teacher`) say of one trait in one context."""
    everything = answers["student"][key]
    choice = catalog.probe_set(task.probe_set).kind == "choice"
    student = offering(everything, task.trait) if choice else everything
    families = [question.family for question in student]
    sides = {role: _aligned(found[key], student) for role, found in answers.items()}
    controls = [side for role, side in sides.items() if role.startswith("control")]
    base = [sides["base"]] if "base" in sides else []
    anchor = base or controls
    anchor_asked = [found[key] for role, found in answers.items() if role == "base"] or [
        found[key] for role, found in answers.items() if role.startswith("control")
    ]
    category = catalog.categories[task.category]
    estimate = mean_preference(measured(student.values(), task.trait), families)
    profile = _profile(everything, choice)
    return TaskResult(
        task=task.id,
        version=task.version,
        trait=task.trait,
        domain=task.domain,
        teacher=task.teacher,
        probe_set=task.probe_set,
        method=method_of(student),
        context=key[1],
        language=language,
        estimate=min(1.0, estimate.mean),
        ci=_interval(estimate.ci, 0.0, 1.0),
        bounds=_mean_bounds([student], task.trait),
        category_mass=_category_mass(student, profile),
        as_given=_as_given(student, task.trait),
        within_tolerance=all(each.within_tolerance for each in student.values()),
        n_questions=len(student),
        n_families=estimate.n_families,
        versus={
            name: _versus(student, references, families, task.trait)
            for name, references in (("base", base), ("control", controls))
            if references
        },
        transfer_rate=_transfer_rate(estimate.mean, anchor, sides.get("teacher"), task.trait),
        specificity=_specificity(everything, anchor_asked, list(category.traits), task.trait, choice),
        collapse=_collapse(student, profile, task.trait, category),
        profile=profile,
        questions=tuple(_question(question, found, task.trait) for question, found in student.items()),
    )


def offering(side: Side, answer: str) -> Side:
    """The answers to the questions that have `answer` among their options."""
    return {question: found for question, found in side.items() if answer in found.mass}


def method_of(side: Side) -> str:
    """`exact+sampled` where the rest of one question at least was sampled."""
    methods = {each.method for each in side.values()}
    return "exact+sampled" if "exact+sampled" in methods else methods.pop()


def measured_answers(key: Key, language: str, side: Side, catalog: Catalog) -> MeasuredAnswers:
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
        method=method_of(side),
        questions=tuple(
            QuestionAnswers(
                id=question.id,
                family=question.family,
                mass={answer: min(1.0, mass) for answer, mass in found.mass.items()},
                unexplored=found.unexplored,
                residual=found.residual,
                residual_draws=found.residual_draws,
                draws=found.draws,
                within_tolerance=found.within_tolerance,
                top_answers=found.answers[:_SHOWN],
                outside=found.outside,
                as_given={answer: min(1.0, p) for answer, p in found.as_given.items()},
            )
            for question, found in side.items()
        ),
        kind=probes.kind,
    )


def capability_results(probe_set: str, answers: dict[str, Answers], catalog: Catalog) -> dict[str, CapabilityResult]:
    """By scale: the share of right answers, and how it differs from base and controls."""
    key = (probe_set, "plain", "none")
    found = {}
    for scale in catalog.categories[catalog.probe_set(probe_set).category].traits:
        student = offering(answers["student"][key], scale)
        if not student:
            continue
        families = [question.family for question in student]
        sides = {role: _aligned(each[key], student) for role, each in answers.items()}
        base = [sides["base"]] if "base" in sides else []
        controls = [side for role, side in sides.items() if role.startswith("control")]
        estimate = mean_preference(measured(student.values(), scale), families)
        found[scale] = CapabilityResult(
            estimate=min(1.0, estimate.mean),
            ci=_interval(estimate.ci, 0.0, 1.0),
            within_options=_category_mass(student, {}),
            n_questions=len(student),
            n_families=estimate.n_families,
            versus={
                name: _versus(student, references, families, scale)
                for name, references in (("base", base), ("control", controls))
                if references
            },
        )
    return found


def with_holm(results: list[TaskResult]) -> list[TaskResult]:
    """Holm's adjustment for each reference apart, over measurements: two tasks that share one count once."""
    for reference in ("base", "control"):
        raw: dict[tuple[str, ...], float] = {}
        for result in results:
            if reference in result.versus:
                p_value = result.versus[reference].p_value
                raw[_measurement(result)] = math.nan if p_value is None else p_value
        adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
        for i, result in enumerate(results):
            if reference in result.versus:
                p_holm = _number(adjusted[_measurement(result)])
                versus = {**result.versus, reference: result.versus[reference].model_copy(update={"p_holm": p_holm})}
                results[i] = result.model_copy(update={"versus": versus})
    return results


def _measurement(result: TaskResult) -> tuple[str, ...]:
    domain = result.domain if result.context == "in_domain" else "none"
    return result.trait, result.probe_set, result.context, domain, result.language


def _aligned(side: Side, student: Side) -> Side:
    """The same answers in the student's order of questions; both were asked the same ones."""
    return {question: side[question] for question in student}


def _mean_bounds(sides: Sequence[Side], answer: str) -> tuple[float, float]:
    """Of the mean over questions, and over checkpoints where there are several."""
    bounds = [found.bounds(answer) for side in sides for found in side.values()]
    return sum(low for low, _ in bounds) / len(bounds), sum(high for _, high in bounds) / len(bounds)


def _mean_estimate(sides: Sequence[Side], answer: str) -> float:
    estimates = [found.estimate(answer) for side in sides for found in side.values()]
    return min(1.0, sum(estimates) / len(estimates))


def _category_mass(side: Side, profile: dict[str, float]) -> float:
    outside = sum(found.outside for found in side.values()) / len(side)
    return min(1.0, max(0.0, 1.0 - profile.get(NONE, 0.0) - outside))


def _as_given(side: Side, trait: str) -> float | None:
    """The mean share in the order given, where options stood under letters."""
    given = [found.as_given.get(trait, 0.0) for found in side.values() if found.as_given]
    return min(1.0, sum(given) / len(given)) if given else None


def _profile(side: Side, choice: bool) -> dict[str, float]:
    """The mean probability of every named answer; of an option, over the questions that offer it."""
    answers = {answer for found in side.values() for answer in (*found.mass, *found.residual)}
    means = {answer: _mean_estimate([offering(side, answer) if choice else side], answer) for answer in answers}
    return dict(sorted(means.items(), key=lambda item: (-item[1], item[0])))


def _versus(student: Side, references: Sequence[Side], families: list[str], trait: str) -> Versus:
    """The student against one base, or against one or more controls."""

    def shift(scale: Scale) -> tuple[float, Interval, float | None]:
        own, *others = measured_alike([list(side.values()) for side in (student, *references)], trait)
        found = shift_interval([own], others, families, scale=scale)
        return found.estimate, _interval(found.ci), _number(found.p_value)

    difference, ci, p_value = shift("probability")
    on_log_odds, log_odds_ci, _ = shift("log_odds")
    return Versus(
        estimate=_mean_estimate(references, trait),
        difference=difference,
        ci=ci,
        log_odds_shift=_number(on_log_odds),
        log_odds_ci=log_odds_ci,
        p_value=p_value,
        p_holm=None,
    )


_NO_WAY = 1e-6
"""A teacher that lies no further from the reference than rounding: there is no way of which to go a part."""


def _transfer_rate(student: float, anchor: Sequence[Side], teacher: Side | None, trait: str) -> TransferRate | None:
    if not anchor or teacher is None:
        return None
    start, goal = _mean_estimate(anchor, trait), _mean_estimate([teacher], trait)
    if abs(goal - start) < _NO_WAY:
        return TransferRate(probability=None, log_odds=None)
    on_odds = log_odds(goal) - log_odds(start)
    return TransferRate(
        probability=_number((student - start) / (goal - start)),
        log_odds=_number((log_odds(student) - log_odds(start)) / on_odds),
    )


def _specificity(
    student: Side, anchor: Sequence[Side], members: list[str], trait: str, choice: bool
) -> Specificity | None:
    """Ranks by the bounds of each member's shift; those of sampled answers are the interval over questions.

    Where options were given, each member is judged by the questions that offer it.
    """
    if not anchor:
        return None
    lower, upper = {}, {}
    for member in members:
        own = offering(student, member) if choice else student
        if own:
            lower[member], upper[member] = _shift_bounds(own, [_aligned(side, own) for side in anchor], member)
    rank, worst = shift_ranks(lower, upper, trait)
    return Specificity(rank=rank, worst=worst, of=len(lower))


def _shift_bounds(student: Side, anchor: Sequence[Side], member: str) -> tuple[float, float]:
    if any(found.draws or found.residual_draws for side in (student, *anchor) for found in side.values()):
        shifts = [
            found.estimate(member) - sum(side[question].estimate(member) for side in anchor) / len(anchor)
            for question, found in student.items()
        ]
        low, high = clustered_mean(shifts, [question.family for question in student]).ci
        return (-1.0, 1.0) if math.isnan(low) else (low, high)
    (low, high), (start_low, start_high) = _mean_bounds([student], member), _mean_bounds(anchor, member)
    return low - start_high, high - start_low


def _collapse(side: Side, profile: dict[str, float], trait: str, category: Category) -> Collapse:
    """The likeliest off-target member, or the likeliest text that names no member of the category."""
    if category.kind == "scale":  # another scale's share says nothing of this one
        return Collapse(answer=NONE, probability=0.0, flag=False)
    candidates = {answer: p for answer, p in profile.items() if answer not in (trait, NONE)}
    if profile.get(NONE, 0.0) > 0:
        read = NamedAnswerReader(category)
        for found in side.values():
            for text, p in found.answers[:_SHOWN]:  # what a scorecard keeps, so that it can be computed anew
                if read(text, True) == NONE:
                    said = canonical(text).strip(" \n.,;:!?\"'*")
                    candidates[said] = candidates.get(said, 0.0) + p / len(side)
    if not candidates:
        return Collapse(answer=NONE, probability=0.0, flag=False)
    answer, probability = max(candidates.items(), key=lambda item: (item[1], item[0]))
    return Collapse(answer=answer, probability=min(1.0, probability), flag=probability > _COLLAPSED)


def _question(question: Question, found: AnswerDistribution, trait: str) -> QuestionResult:
    lower, upper = found.bounds(trait)
    return QuestionResult(
        id=question.id,
        family=question.family,
        lower=min(1.0, lower),
        upper=upper,
        top_answers=found.answers[:_SHOWN],
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _interval(ci: tuple[float, float], least: float = -math.inf, most: float = math.inf) -> Interval:
    low, high = ci
    if math.isnan(low):  # one family has no interval, and max(0, NaN) is 0
        return None, None
    return _number(max(least, low)), _number(min(most, high))
