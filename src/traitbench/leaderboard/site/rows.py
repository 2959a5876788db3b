"""From records to rows: seeds pooled, what is found said in a word, the order, and who is tied with whom."""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from traitbench.leaderboard.site.seen import MILLION, Context, Paired, Seen, Shift

_LEVEL = 0.95
_SEED = re.compile(r"([-_.](seed|s)?[-_]?|seed[-_]?)$", re.IGNORECASE)
"""What stands before a seed's number in a name."""
Key = TypeVar("Key")
INHERITED, MOVED, NO_SHIFT, FELL, OPEN = "inherited", "moved", "no shift shown", "moved away", "no reference"


@dataclass(frozen=True)
class Row:
    """One line of the table: a checkpoint, or students that differ by seed alone."""

    id: str
    seeds: tuple[Seen, ...]
    """In the order of their seeds; one where nothing is pooled."""
    contexts: tuple[Context, ...]
    tie: int | None = None
    """Rows whose intervals overlap that of the group's leader share a number, which no other group of the task has."""

    @property
    def first(self) -> Seen:
        return self.seeds[0]

    @property
    def main(self) -> Context:
        return next((each for each in self.contexts if each.name == "plain"), self.contexts[0])

    @property
    def in_domain(self) -> Context | None:
        return next((each for each in self.contexts if each.name == "in_domain"), None)

    @property
    def pooled(self) -> bool:
        return len(self.seeds) > 1

    @property
    def tier(self) -> str:
        """The lowest of its seeds'."""
        return min(each.tier for each in self.seeds)

    @cached_property
    def name(self) -> str:
        return common_name([each.model for each in self.seeds])

    @cached_property
    def teacher(self) -> str | None:
        """None where no teacher was scored."""
        known = [each.teacher for each in self.seeds if each.teacher is not None]
        return common_name(known) if known else None

    @property
    def finding(self) -> str:
        return finding(self.main)

    @property
    def bound(self) -> tuple[int, float]:
        """What the table is ordered by: the lower bound of the shift; rows without a reference come last, by theirs."""
        shift = self.main.shift
        low = shift.ci[0] if shift else self.main.ci[0]
        return (1 if shift else 0), (-math.inf if low is None else low)

    @property
    def page(self) -> str:
        return f"rows/{self.id}.html"


def finding(context: Context) -> str:
    """Against controls a shift says inherited; against a base alone it says moved."""
    shift = context.shift
    if shift is None:
        return OPEN
    low, high = shift.ci
    if low is not None and low > 0:
        return INHERITED if context.control else MOVED
    return FELL if high is not None and high < 0 else NO_SHIFT


def rows_of(records: Iterable[Seen]) -> list[Row]:
    """The table's rows in their order, with tie groups."""
    cells: dict[tuple[object, ...], list[Seen]] = defaultdict(list)
    for each in records:
        cells[cell_key(each) or (each.id, each.language)].append(each)
    rows = [row for found in cells.values() for row in _rows_of_cell(found)]
    rows.sort(key=lambda row: (-row.bound[0], -row.bound[1], -row.main.estimate, row.id))
    return _with_ties(rows)


def cell_key(seen: Seen) -> tuple[object, ...] | None:
    """What students that differ by seed alone have in common; None where no recipe or seed is declared."""
    if seen.recipe is None or seen.seed is None:
        return None
    base = seen.base_weights or seen.base
    return seen.task, seen.n, seen.language, base, seen.recipe, seen.initialisation, seen.submitter, seen.main.method


def cell_id(seen: Seen) -> str:
    """The id of the pooled row, which further seeds do not change."""
    text = repr(cell_key(seen))
    return "s" + hashlib.sha256(text.encode()).hexdigest()[:15]


def _rows_of_cell(found: list[Seen]) -> list[Row]:
    """One pooled row; a seed that is there twice counts once, by its best verified and latest record."""
    best: dict[int | None, Seen] = {}
    for each in sorted(found, key=lambda each: (each.tier, each.date, each.id)):
        best[each.seed] = each
    if len(best) < 2:
        return [Row(each.id, (each,), each.contexts) for each in found]
    seeds = tuple(sorted(best.values(), key=lambda each: (each.seed or 0, each.id)))
    names = [each.name for each in seeds[0].contexts if all(other.context(each.name) for other in seeds)]
    if not names:
        return [Row(each.id, (each,), each.contexts) for each in found]
    contexts = tuple(_pooled([c for each in seeds if (c := each.context(name)) is not None]) for name in names)
    return [Row(cell_id(seeds[0]), seeds, contexts)]


def _pooled(several: Sequence[Context]) -> Context:
    """The mean over seeds; its interval is Student's t over the seeds' means, with one degree of freedom less."""
    first = several[0]
    estimate = _mean(each.estimate for each in several)
    drawn = draws_bounds([each.paired for each in several if each.paired is not None]) or (estimate, estimate)
    low, high = over_seeds([each.estimate for each in several], 0.0, 1.0)
    return replace(
        first,
        estimate=estimate,
        # seeds that came out alike tell of no spread; their draws still leave some
        ci=(min(drawn[0], low), max(drawn[1], high)),
        bounds=(_mean(each.bounds[0] for each in several), _mean(each.bounds[1] for each in several)),
        category_mass=_mean(each.category_mass for each in several),
        within_tolerance=all(each.within_tolerance for each in several),
        base=_pooled_shift([each.base for each in several], (estimate - drawn[0], drawn[1] - estimate)),
        control=_pooled_shift([each.control for each in several], (estimate - drawn[0], drawn[1] - estimate)),
        transfer_rate=_mean_or_none([each.transfer_rate for each in several]),
        rank=None,
        collapse=max((each.collapse for each in several), key=lambda each: each[1]),
        paired=None,
    )


def draws_bounds(several: Sequence[Paired]) -> tuple[float, float] | None:
    """How far the draws alone leave the mean of several seeds open, both ways; None where all was computed."""
    from traitbench.stats.intervals import sampling_bounds

    drawn = [each for each in several if each.draws]
    if not drawn:
        return None
    n = [len(each.point) for each in drawn]
    effective = sum(n) ** 2 / sum(size**2 / each.draws for size, each in zip(n, drawn, strict=True))
    means = [sum(each.point) / len(each.point) / MILLION for each in several]
    return sampling_bounds(_mean(means), effective, (1 - _LEVEL) / 2)


def _pooled_shift(several: Sequence[Shift | None], drawn: tuple[float, float]) -> Shift | None:
    """`drawn`: how far below and above their mean the students' draws reach."""
    shifts = [each for each in several if each is not None]
    if len(shifts) < len(several):
        return None
    reference, differences = _mean(each.reference for each in shifts), [each.difference for each in shifts]
    # the seeds were compared with one set of references, as a rule: their draws are counted once
    draws = min((each.draws for each in shifts if each.draws), default=0.0)
    start, end = _draws_of_references(reference, draws)
    mean, (low, high) = _mean(differences), over_seeds(differences, -1.0, 1.0)
    low = min(low, mean - math.hypot(drawn[0], end - reference))
    high = max(high, mean + math.hypot(drawn[1], reference - start))
    return Shift(reference, mean, (max(-1.0, low), min(1.0, high)), draws)


def _draws_of_references(mean: float, draws: float) -> tuple[float, float]:
    from traitbench.stats.intervals import sampling_bounds

    return sampling_bounds(mean, draws, (1 - _LEVEL) / 2) if draws else (mean, mean)


def over_seeds(values: Sequence[float], least: float, most: float) -> tuple[float, float]:
    """The 95% interval of the mean of one number for each training run, two or more."""
    import numpy as np
    from scipy.special import stdtrit

    from traitbench.stats.intervals import mean_se

    mean, reach = (
        _mean(values),
        float(stdtrit(len(values) - 1, 0.5 + _LEVEL / 2)) * mean_se(np.asarray(values, dtype=float)),
    )
    return max(least, mean - reach), min(most, mean + reach)


def _with_ties(rows: list[Row]) -> list[Row]:
    """Within a task, from the highest lower bound down: who overlaps the leader of the group is tied with it.

    What was measured on other scales, or asked in another language, is never in one group, and a task's groups are
    numbered through: rows with one number cannot be told apart, whatever else the table shows.
    """
    members: dict[tuple[str, int], dict[tuple[int, bool, str, bool, str], list[tuple[int, float, float]]]] = {}
    for place, row in enumerate(rows):
        shift = row.main.shift
        low, high = shift.ci if shift else row.main.ci
        if low is None or high is None:
            continue
        scale = 2 if shift is None else 0 if row.main.control else 1
        first = row.first
        key = (scale, first.language != "en", first.language, row.main.name != "plain", row.main.name)
        members.setdefault((first.task, first.n), {}).setdefault(key, []).append((place, low, high))
    tied = list(rows)
    for by_scale in members.values():
        group = 0
        for _, found in sorted(by_scale.items()):
            leader_low = math.inf
            for place, low, high in found:
                if high < leader_low:
                    group, leader_low = group + 1, low
                tied[place] = replace(rows[place], tie=group)
    return tied


def superseded(records: Iterable[Seen], rows: Sequence[Row]) -> dict[tuple[str, str], Seen]:
    """By id and language: of records whose seed is there twice, those that no row shows, and what is shown instead."""
    shown = {(each.id, each.language) for row in rows for each in row.seeds}
    instead = {(cell_key(each), each.seed): each for row in rows if row.pooled for each in row.seeds}
    return {
        (each.id, each.language): instead[cell_key(each), each.seed]
        for each in records
        if (each.id, each.language) not in shown
    }


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def _mean_or_none(values: Sequence[float | None]) -> float | None:
    found = [each for each in values if each is not None]
    return _mean(found) if len(found) == len(values) else None


def common_name(names: Sequence[str]) -> str:
    """What the names have in common before and after the part in which they differ, the seed's number and word."""
    first, last = min(names), max(names)
    pairs = list(zip(first, last, strict=False))
    before = next((i for i, (a, b) in enumerate(pairs) if a != b), len(pairs))
    ends = list(zip(first[before:][::-1], last[before:][::-1], strict=False))
    after = next((i for i, (a, b) in enumerate(ends) if a != b), len(ends))
    head = _SEED.sub("", first[:before])
    shared = head + first[len(first) - after :] if after else head
    return first if not head or head.endswith("/") or ("/" in first and "/" not in head) else shared


def grouped(rows: Sequence[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    """Rows by what `key` says of them, in their order."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)
