"""The questions' probabilities that a browser compares rows with: one script for each trait and probe set.

A script and no JSON, because a page that was opened from a disk may load the one and not the other. The numbers are
millionths; the quantiles of Student's t come along, so that the browser computes with the same ones as Python.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from traitbench.catalog import Catalog
from traitbench.leaderboard.site.rows import Row, draws_bounds
from traitbench.leaderboard.site.seen import Paired, Seen


def paired_files(rows: Sequence[Row], catalog: Catalog) -> dict[str, tuple[str, list[str]]]:
    """By file name: the script, and the ids of the rows in it."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if all(context.paired for each in row.seeds for context in each.contexts):
            first = row.first
            found[f"data/{first.trait}-{first.probe_set}-{first.language}.js"].append(row)
    return {name: (_script(name, group, catalog), [row.id for row in group]) for name, group in sorted(found.items())}


def _script(name: str, rows: Sequence[Row], catalog: Catalog) -> str:
    asked: dict[str, dict[str, Any]] = {}
    content: dict[str, Any] = {"t": {}, "asked": asked, "rows": {}}
    freedoms = {len(row.seeds) - 1 for row in rows}
    for row in rows:
        about = content["rows"][row.id] = {}
        for context in row.contexts:
            several = [c.paired for each in row.seeds if (c := each.context(context.name)) is not None and c.paired]
            key = several[0].asked
            if any(each.asked != several[0].asked for each in several):
                continue
            if key not in asked:
                families = _families(row.first, several[0], catalog)
                if len(families) != len(several[0].point):
                    continue
                asked[key] = {"families": families}
                freedoms.add(len(set(asked[key]["families"])) - 1)
            kind = "sampled" if context.method == "sampled" else "exact"
            about[context.name] = {"a": key, "k": kind, "s": [_seed(each) for each in several], "d": _draws(several)}
    content["t"] = {df: quantiles(df) for df in sorted(freedoms) if df > 0}
    text = json.dumps(content, separators=(",", ":"))
    return f"window.traitbench.data({json.dumps(name)},{text});\n"


def quantiles(df: int) -> tuple[float, float]:
    """Student's t at 0.975 and at 0.95."""
    from scipy.special import stdtrit

    return round(float(stdtrit(df, 0.975)), 9), round(float(stdtrit(df, 0.95)), 9)


def _seed(paired: Paired) -> dict[str, Any]:
    seed: dict[str, Any] = {"m": paired.lower}
    if paired.unexplored:
        seed |= {"x": paired.unexplored, "p": paired.point}
    return seed


def _draws(several: Sequence[Paired]) -> list[float] | None:
    bounds = draws_bounds(several)
    return None if bounds is None else [round(each, 9) for each in bounds]


def _families(seen: Seen, paired: Paired, catalog: Catalog) -> list[int]:
    """The family of every question that the numbers are of, numbered in the order of the questions' ids."""
    probes = catalog.probe_set(seen.probe_set)
    questions = sorted((q for q in probes.questions if q.language == seen.language), key=lambda q: q.id)
    if len(questions) != len(paired.point):  # a choice among options: those that offer the trait
        questions = [q for q in questions if _offers(q, seen.trait)]
    known: dict[str, int] = {}
    return [known.setdefault(q.family, len(known)) for q in questions]


def _offers(question: Any, trait: str) -> bool:
    return question.trait == trait or (question.trait is None and trait in question.options)
