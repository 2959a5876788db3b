"""Students trained alike that differ by their seed: one cell of the table, with the interval that the seeds allow.

A recipe's result is the mean over its training seeds. Its interval is Student's t on one number for each seed: what
varies from training to training, not from question to question, is what another student of this recipe would show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from traitbench.leaderboard.store import Stored
from traitbench.runner.scorecard import Interval, Measurement
from traitbench.stats import clustered_mean


@dataclass(frozen=True)
class Pooled:
    """One recipe on one task in one context."""

    task: str
    comparability: int
    context: str
    language: str
    recipe: str
    members: tuple[Stored, ...]
    """By training seed; one record for each."""
    estimates: tuple[float, ...]
    """The preference of each."""
    estimate: float
    ci: Interval
    """95%, t on seed means; (None, None) for a single seed."""


def pool_seeds(records: Iterable[Stored]) -> list[Pooled]:
    """The cells of all records that declare a recipe and a seed.

    Records of one cell have the task, N, context, language, recipe and base in common. Of several with one seed the
    newest counts.
    """
    cells: dict[tuple[str | int, ...], dict[int, tuple[Stored, Measurement]]] = defaultdict(dict)
    for stored in sorted(records, key=lambda each: (each.record.date, each.id)):
        record, said = stored.record, stored.record.declared
        if said.recipe is None or said.training_seed is None:
            continue
        base = record.references.base.id if record.references.base else ""
        for each in record.measurements:
            key = (record.task, record.comparability, each.context, each.language, said.recipe, base)
            cells[key][said.training_seed] = (stored, each)
    return [_pooled(key, dict(sorted(cells[key].items()))) for key in sorted(cells, key=str)]


def _pooled(key: tuple[str | int, ...], seeds: dict[int, tuple[Stored, Measurement]]) -> Pooled:
    task, comparability, context, language, recipe, _ = key
    estimates = [each.estimate for _, each in seeds.values()]
    found = clustered_mean(estimates, [str(seed) for seed in seeds])
    low, high = found.ci
    return Pooled(
        task=str(task),
        comparability=int(comparability),
        context=str(context),
        language=str(language),
        recipe=str(recipe),
        members=tuple(stored for stored, _ in seeds.values()),
        estimates=tuple(estimates),
        estimate=found.mean,
        ci=(None, None) if len(seeds) < 2 else (max(0.0, low), min(1.0, high)),
    )
