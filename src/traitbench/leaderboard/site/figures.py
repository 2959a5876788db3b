"""Do the figures that the site shows follow from the items? Computed anew for every record of every build.

What is held against the items here: estimate, interval and bounds, the shift against base and controls with their
intervals, transfer rate, category mass, the numbers of questions and families, and the rank of a computed record.
`traitbench leaderboard verify` holds every other field against them too, by the runner's own code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from traitbench.catalog import NONE, Catalog
from traitbench.errors import InputError
from traitbench.leaderboard.agreement import TOLERANCE
from traitbench.leaderboard.site.columns import Answers, Place
from traitbench.leaderboard.site.seen import MILLION, Context, Paired, Shift, context_of
from traitbench.runner.scorecard import Interval, Measurement, Specificity
from traitbench.stats import Measured, mean_preference, shift_bounds
from traitbench.stats.estimates import family_codes
from traitbench.stats.intervals import Parts, QuestionSpread, effective_draws, student_reach

_EQUAL = 1e-9
"""Shifts that lie no further apart are equal."""
_NO_WAY = 1e-6
"""A teacher that lies no further from the reference: there is no way of which to go a part, as in runner.results."""
Sides = Mapping[str, Mapping[Place, Answers]]


def recomputed(said: Measurement, sides: Sides, asked: str, catalog: Catalog, path: Path) -> Context:
    """The measurement from the items; `InputError` where the record says otherwise, or the items lack a question."""
    place = (said.probe_set, said.context, "none" if said.context == "plain" else said.domain, said.language)
    where = f"{path}: measurements.{said.context}"
    if any(place not in by_place for by_place in sides.values()):
        raise InputError(f"{where}: no such context among the items")
    own = sides["student"][place]
    _check_questions(own, sides, place, catalog, where)
    probes = catalog.probe_set(said.probe_set)
    choice = probes.kind == "choice"
    rows = asked_rows(own, said.trait, choice=choice)
    families = [own.families[i] for i in rows]
    student = own.measured(said.trait, rows)
    mean = _mean(student, families)
    base = [sides["base"][place]] if "base" in sides else []
    controls = [by_place[place] for role, by_place in sides.items() if role.startswith("control")]
    found = replace(
        context_of(said),
        estimate=min(1.0, mean[0]),
        ci=_interval(mean[1], 0.0, 1.0),
        base=_shift(own, student, base, families, said.trait, rows),
        control=_shift(own, student, controls, families, said.trait, rows),
        bounds=_bounds(own, said.trait, rows),
        category_mass=_category_mass(own, rows, choice=choice),
        n_questions=len(rows),
        n_families=len(set(families)),
        method=_method(own, rows, said.method),
    )
    found = replace(
        found,
        transfer_rate=_rate(found, sides["teacher"][place].measured(said.trait, rows) if "teacher" in sides else None),
    )
    _check_agreement(context_of(said), found, where)
    if not choice:
        _check_rank(said, own, base or controls, catalog.categories[probes.category].traits, where)
    return replace(found, paired=paired(own, student, said.trait, rows, asked))


def asked_rows(answers: Answers, trait: str, *, choice: bool) -> npt.NDArray[np.int64]:
    """The questions that can be answered so: all of them, or those that have it among their options."""
    column = answers.column(trait)
    if not choice:
        return np.arange(len(answers.ids))
    return np.flatnonzero(answers.offered[:, column]) if column is not None else np.arange(0)


def paired(answers: Answers, measured: Measured, trait: str, rows: npt.NDArray[np.int64], asked: str) -> Paired:
    """The questions' probabilities in millionths."""
    lower, upper, point = (
        np.rint(each * MILLION).astype(int) for each in (measured.lower, measured.upper, measured.estimate)
    )
    open_ = upper - lower
    drawn = measured.draws is not None
    return Paired(
        asked=asked[:12],
        lower=tuple(lower.tolist()),
        point=tuple(point.tolist()),
        unexplored=tuple(open_.tolist()) if open_.any() else (),
        draws=effective_draws([measured.draws]) if drawn and measured.draws is not None else 0.0,
    )


def _mean(measured: Measured, families: list[str]) -> tuple[float, tuple[float, float]]:
    """`mean_preference`, without the regression that statsmodels fits: the same cluster-robust standard error."""
    values = measured.estimate
    codes = family_codes(families)
    if measured.draws is not None or len(values) == 0 or codes.max() == 0:
        found = mean_preference(measured, families)
        return found.mean, found.ci
    spread = QuestionSpread.of(Parts.of_mean(values, codes))
    reach = student_reach(spread.family.se, spread.df, 0.025)
    return spread.mean, (spread.mean - reach, spread.mean + reach)


def _check_questions(own: Answers, sides: Sides, place: Place, catalog: Catalog, where: str) -> None:
    expected = _questions(catalog, place[0], place[3])
    for role, by_place in sides.items():
        other = by_place[place]
        if (other.ids, other.families) != expected:
            raise InputError(f"{where}: {role}: other questions than the probe set has")
    members = catalog.categories[catalog.probe_set(place[0]).category].traits
    stranger = next((name for name in own.names if name not in members and name not in ("none", "other")), None)
    if stranger is not None:
        raise InputError(f"{where}: answer {stranger[:40]!r} is no member of its category")


_questions_of: dict[tuple[int, str, str], tuple[Catalog, tuple[tuple[str, ...], tuple[str, ...]]]] = {}


def _questions(catalog: Catalog, probe_set: str, language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids and families of the questions, in the order of the ids."""
    key = (id(catalog), probe_set, language)
    if key not in _questions_of:
        asked = [each for each in catalog.probe_set(probe_set).questions if each.language == language]
        asked.sort(key=lambda each: each.id)
        _questions_of[key] = (catalog, (tuple(each.id for each in asked), tuple(each.family for each in asked)))
    return _questions_of[key][1]


def _shift(
    own: Answers,
    student: Measured,
    references: list[Answers],
    families: list[str],
    trait: str,
    rows: npt.NDArray[np.int64],
) -> Shift | None:
    if not references:
        return None
    # equal answers of which a rest was sampled are one checkpoint's, as in `traitbench.runner.measuring`
    others = [student if own.sampled_rest and each.same_as(own) else each.measured(trait, rows) for each in references]
    difference, low, high = shift_bounds([student], others, families, alpha=0.025)
    mean = float(np.mean([each.estimate.mean() for each in others]))
    drawn = [each.draws for each in others if each.draws is not None]
    return Shift(min(1.0, mean), difference, _interval((low, high)), effective_draws(drawn) if drawn else 0.0)


def _bounds(own: Answers, trait: str, rows: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The certified ones, of the mean over questions."""
    column = own.column(trait)
    if column is None:
        return 0.0, float(own.unexplored[rows].mean())
    lower, upper = own.certified(rows)
    return float(lower[column]), float(upper[column])


def _method(own: Answers, rows: npt.NDArray[np.int64], said: str) -> str:
    """`said` where it may be so: whether answers were drawn whole or in their rest, `verify` alone looks up."""
    if not own.draws[rows].any():
        return "exact"
    return said if said != "exact" else "exact+sampled" if own.sampled_rest else "sampled"


def _category_mass(own: Answers, rows: npt.NDArray[np.int64], *, choice: bool) -> float:
    """How much of the answers names a member: `traitbench.runner.results` has it so."""
    column = own.column(NONE)
    of_none = np.zeros(0) if column is None else own.point[own.offered[:, column] if choice else slice(None), column]
    none = float(of_none.mean()) if len(of_none) else 0.0
    return min(1.0, max(0.0, 1.0 - none - float(own.outside[rows].mean())))


def _check_rank(said: Measurement, own: Answers, anchor: list[Answers], members: Iterable[str], where: str) -> None:
    """The rank by the members' certified shifts; of sampled answers `verify` alone computes it, which takes its time.

    Shifts that are equal but for rounding may stand in either order.
    """
    if (said.specificity is None) != (not anchor):
        raise InputError(f"{where}: specificity: {'missing' if anchor else 'nothing like it follows from the answers'}")
    if said.specificity is None or any(each.draws.any() for each in (own, *anchor)):
        return
    others = [each for each in members if each != said.trait]
    wanted = [said.trait, *others]
    low, high = _certified(own, wanted)
    starts = [_certified(each, wanted) for each in anchor]
    lower = low - np.mean([each[1] for each in starts], axis=0)
    upper = high - np.mean([each[0] for each in starts], axis=0)
    above, below = lower[1:] - upper[0], lower[0] - upper[1:]
    ranks = [1 + int((above > edge).sum()) for edge in (_EQUAL, -_EQUAL)]
    worst = [len(wanted) - int((below > edge).sum()) for edge in (-_EQUAL, _EQUAL)]
    rank = said.specificity
    if not (ranks[0] <= rank.rank <= ranks[1] and worst[0] <= rank.worst <= worst[1] and rank.of == len(wanted)):
        follows = Specificity(rank=ranks[0], worst=worst[1], of=len(wanted))
        raise InputError(f"{where}: specificity: {rank} is written, {follows} follows from the answers")


def _certified(answers: Answers, members: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(n_members,) each: a member that nobody named has what was left unexplored."""
    lower, upper = answers.certified(np.arange(len(answers.ids)))
    of = {name: i for i, name in enumerate(answers.names)}
    places = [of.get(each, -1) for each in members]
    return (
        np.append(lower, 0.0)[places],
        np.append(upper, answers.unexplored.mean())[places],
    )


def _rate(found: Context, teacher: Measured | None) -> float | None:
    anchor = found.base or found.control
    if anchor is None or teacher is None:
        return None
    way = min(1.0, float(teacher.estimate.mean())) - anchor.reference
    return None if abs(way) < _NO_WAY else (found.estimate - anchor.reference) / way


def _interval(ci: tuple[float, float], least: float = -math.inf, most: float = math.inf) -> Interval:
    if math.isnan(ci[0]):
        return None, None
    low, high = max(least, ci[0]), min(most, ci[1])
    return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)


_ALSO = ("category_mass", "n_questions", "n_families")


def _check_agreement(said: Context, found: Context, where: str) -> None:
    pairs = [("estimate", said.estimate, found.estimate), ("transfer_rate", said.transfer_rate, found.transfer_rate)]
    pairs += [(f"ci.{i}", said.ci[i], found.ci[i]) for i in (0, 1)]
    pairs += [(f"bounds.{i}", said.bounds[i], found.bounds[i]) for i in (0, 1)]
    pairs += [(name, getattr(said, name), getattr(found, name)) for name in _ALSO]
    for name in ("base", "control"):
        one, other = getattr(said, name), getattr(found, name)
        if (one is None) != (other is None):
            raise InputError(f"{where}: versus.{name}: {'missing' if one is None else 'nothing like it in the items'}")
        if one is not None:
            pairs += [
                (f"versus.{name}.estimate", one.reference, other.reference),
                (f"versus.{name}.difference", one.difference, other.difference),
            ]
            pairs += [(f"versus.{name}.ci.{i}", one.ci[i], other.ci[i]) for i in (0, 1)]
    if said.method != found.method:
        raise InputError(f"{where}: method: {said.method} is written, {found.method} follows from the answers")
    for name, a, b in pairs:
        wrong = a is not b if a is None or b is None else abs(a - b) > TOLERANCE * max(1.0, abs(b))
        if wrong:
            raise InputError(f"{where}: {name}: {_short(a)} is written, {_short(b)} follows from the answers")


def _short(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
