"""A record's items as arrays, read in a millisecond: what each checkpoint said to each question, by named answer.

`decode_items` makes an object of every question and is what `verify` uses; a site of thousands of records needs the
same numbers at once. Both start from the same table and refuse the same forms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from traitbench.errors import InputError
from traitbench.leaderboard.items import read_table
from traitbench.stats import Measured

if TYPE_CHECKING:
    import pyarrow as pa

Array = npt.NDArray[np.float64]
_COMPUTED = 10**9
"""Draws of a computed answer that stands beside sampled ones, as `traitbench.runner.measuring` has it."""


@dataclass(frozen=True, eq=False)
class Answers:
    """One checkpoint's answers in one context; questions in the order of their ids."""

    ids: tuple[str, ...]
    families: tuple[str, ...]
    names: tuple[str, ...]
    """The named answers of the whole file, in the order of the columns."""
    offered: npt.NDArray[np.bool_]
    """(n_questions, n_names) whether a question's distribution has the answer at all."""
    lower: Array
    """(n_questions, n_names) certified lower bounds; the estimate itself where draws were made."""
    upper: Array
    point: Array
    draws: npt.NDArray[np.int64]
    """(n_questions,) 0 where the distribution was computed."""
    sampled_rest: bool
    mass: Array
    """(n_questions, n_names) what was explored of each answer; with `unexplored`, its certified bounds."""
    unexplored: Array
    """(n_questions,)"""
    outside: Array
    """(n_questions,) what is none of the options, where such were given."""

    def column(self, answer: str) -> int | None:
        return self.names.index(answer) if answer in self.names else None

    def measured(self, answer: str, rows: npt.NDArray[np.int64]) -> Measured:
        """The probability of `answer` in the questions `rows`, as `traitbench.runner.measuring.measured` has it."""
        column = self.column(answer)
        if column is None:
            nothing = np.zeros(len(rows))
            return Measured(nothing, self._open(rows), self._draws(rows), nothing)
        lower, upper, point = (each[rows, column] for each in (self.lower, self.upper, self.point))
        return Measured(lower, upper, self._draws(rows), np.clip(point, lower, upper))

    def means(self, *, where_offered: bool) -> dict[str, float]:
        """The mean probability of every named answer, over all questions or over those that offer it."""
        count = self.offered.sum(axis=0) if where_offered else np.full(len(self.names), len(self.ids))
        total = np.where(self.offered, self.point, 0).sum(axis=0) if where_offered else self.point.sum(axis=0)
        found = {name: float(s / n) for name, s, n in zip(self.names, total, count, strict=True) if n}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def certified(self, rows: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        """Of every named answer, shape (n_names,) each: the mean over the questions `rows` of its certified bounds."""
        mass = self.mass[rows]
        return mass.mean(axis=0), np.minimum(1.0, mass + self.unexplored[rows, None]).mean(axis=0)

    def same_as(self, other: Answers) -> bool:
        """Whether every number of the two is the same."""
        return self.names == other.names and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("lower", "upper", "point", "draws")
        )

    def _open(self, rows: npt.NDArray[np.int64]) -> Array:
        """Upper bounds of an answer that no distribution names: what was left unexplored."""
        return np.asarray((self.upper - self.lower)[rows].max(axis=1) if self.names else np.ones(len(rows)))

    def _draws(self, rows: npt.NDArray[np.int64]) -> Any:
        draws = self.draws[rows]
        return np.where(draws == 0, _COMPUTED, draws) if draws.any() else None


Place = tuple[str, str, str, str]
"""(probe set, context, domain, language)"""


def read_answers(data: bytes, path: Path) -> dict[str, dict[Place, Answers]]:
    """The answers in an items file, by role and place. `InputError` for another form, or what is no distribution."""
    table = read_table(data, path, (*_COLUMNS, *_PLACE))
    found: dict[str, dict[Place, Answers]] = {}
    mass, names, offered = _dense(table["mass"])
    residual, others, _ = _dense(table["residual"])
    unexplored, outside = _numbers(table["unexplored"]), _numbers(table["outside"])
    sampled = _numbers(table["draws"]).astype(np.int64)
    rest = _numbers(table["residual_draws"]).astype(np.int64)
    _check(mass, unexplored, path)
    union = tuple(sorted({*names, *others}))
    mass, listed = _spread(mass, names, union), np.asarray(_spread(offered, names, union), dtype=bool)
    point, lower, upper = _bounds(mass, _spread(residual, others, union), unexplored, sampled, rest)
    ids, families = table["id"].to_pylist(), table["family"].to_pylist()
    for start, end in _runs(table.select(_PLACE)):
        role, probe_set, context, domain, language = (table[name][start].as_py() for name in _PLACE)
        place, rows = (probe_set, context, domain, language), slice(start, end)
        by_place = found.setdefault(role, {})
        if place in by_place:
            raise InputError(f"{path}: {role}.{context}: rows are not in order")
        by_place[place] = Answers(
            tuple(ids[rows]),
            tuple(families[rows]),
            union,
            listed[rows],
            lower[rows],
            upper[rows],
            point[rows],
            np.maximum(sampled, rest)[rows],
            bool(rest[rows].any()),
            mass[rows],
            unexplored[rows],
            outside[rows],
        )
    return found


_PLACE = ("role", "probe_set", "context", "domain", "language")
_COLUMNS = ("id", "family", "mass", "residual", "unexplored", "outside", "draws", "residual_draws")


def _numbers(column: pa.ChunkedArray) -> Array:
    return np.asarray(column.to_numpy(), dtype=float)


def _dense(column: pa.ChunkedArray) -> tuple[Array, tuple[str, ...], Array]:
    """Lists of (answer, p) as a matrix with one column for each answer, and where one was listed."""
    lists = column.combine_chunks()
    shares = lists.flatten()
    answers = shares.field("answer").dictionary_encode()
    names = tuple(answers.dictionary.to_pylist())
    codes = answers.indices.to_numpy()
    rows = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))
    dense, listed = np.zeros((2, len(lists), len(names)))
    dense[rows, codes] = shares.field("p").to_numpy()
    listed[rows, codes] = 1.0
    return dense, names, listed


def _spread(matrix: Array, names: tuple[str, ...], union: tuple[str, ...]) -> Array:
    wide = np.zeros((len(matrix), len(union)))
    if names:
        wide[:, [union.index(name) for name in names]] = matrix
    return wide


def _check(mass: Array, unexplored: Array, path: Path) -> None:
    # the sum's tolerance is that of AnswerDistribution
    whole = mass.sum(axis=1) + unexplored
    if not (
        np.isfinite(whole).all() and (mass >= 0).all() and (unexplored >= 0).all() and (abs(whole - 1) < 1e-6).all()
    ):
        raise InputError(f"{path}: a question's probabilities do not sum to one")


def _bounds(
    mass: Array, residual: Array, unexplored: Array, sampled: npt.NDArray[np.int64], rest: npt.NDArray[np.int64]
) -> tuple[Array, Array, Array]:
    """Point, lower and upper, as `QuestionAnswers.estimate` and `.bounds` have them."""
    explored = 1.0 - unexplored[:, None]
    alone = np.divide(mass, explored, out=np.zeros_like(mass), where=explored > 0)
    with_rest = mass + unexplored[:, None] * residual
    point = np.minimum(1.0, np.where(residual.sum(axis=1, keepdims=True) > 0, with_rest, alone))
    drawn = np.maximum(sampled, rest)[:, None] > 0
    lower = np.where(drawn, point, np.minimum(mass, 1.0))
    upper = np.where(drawn, point, np.minimum(1.0, mass + unexplored[:, None]))
    return point, lower, upper


def _runs(table: pa.Table) -> Iterable[tuple[int, int]]:
    """Where equal rows stand together: (start, end)."""
    import pyarrow.compute as pc

    changed = np.zeros(len(table) - 1, dtype=bool)
    for column in table.itercolumns():
        texts = column.combine_chunks()
        changed |= pc.not_equal(texts[1:], texts[:-1]).to_numpy(zero_copy_only=False)
    starts = [0, *(np.flatnonzero(changed) + 1).tolist()]
    return zip(starts, [*starts[1:], len(table)], strict=True)
