"""The records as a table: one row a measurement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from traitbench.leaderboard.record import Record
from traitbench.leaderboard.store import Stored
from traitbench.runner.scorecard import Measurement

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 12
"""Digits of an id, which find its record."""


def table(records: Iterable[Stored]) -> pd.DataFrame:
    """What a reader wants first; the strongest preference first within a task."""
    import pandas as pd

    rows = [
        {
            "task": result.task,
            "version": result.version,
            "context": result.context,
            "language": result.language,
            "model": record.model.id,
            "preference": result.estimate,
            "ci_low": result.ci[0],
            "ci_high": result.ci[1],
            "lower": result.bounds[0],
            "upper": result.bounds[1],
            "vs_base": _shift(result, "base"),
            "vs_control": _shift(result, "control"),
            "rank": str(result.specificity) if result.specificity else None,
            "category_mass": result.category_mass,
            "method": result.method,
            "within_tolerance": result.within_tolerance,
            "id": stored.id[:_SHOWN],
        }
        for stored in records
        for record in [stored.record]
        for result in record.measurements
    ]
    return pd.DataFrame(_in_order(rows))


def wide_rows(records: Iterable[Stored]) -> list[dict[str, Any]]:
    """Everything that is one number or word, for other programs; in the same order."""
    return _in_order(
        {"id": each.id, **wide_row(each.record, result)} for each in records for result in each.record.measurements
    )


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By task and N, the plain context first, the strongest preference first."""
    found = sorted(rows, key=lambda row: row["preference"], reverse=True)
    found.sort(key=lambda row: row["context"], reverse=True)
    return sorted(found, key=lambda row: (row["task"], row["version"], row["language"]))


def wide_row(record: Record, result: Measurement) -> dict[str, Any]:
    """One measurement of a record, without its id."""
    model, references, rate = record.model, record.references, result.transfer_rate
    row: dict[str, Any] = {
        "task": record.task,
        "version": record.version,
        "trait": result.trait,
        "domain": result.domain,
        "teacher_kind": result.teacher,
        "probe_set": result.probe_set,
        "context": result.context,
        "language": result.language,
        "model": model.id,
        "revision": model.revision,
        "weights_sha256": model.weights_sha256,
        "adapter": model.adapter,
        "n_parameters": model.n_parameters,
        "dtype": model.dtype,
        "chat_template_sha256": model.chat_template_sha256,
        "system_prompt_sha256": model.system_prompt_sha256,
        "base": references.base.id if references.base else None,
        "controls": len(references.control),
        "teacher": references.teacher.id if references.teacher else None,
        **record.declared.model_dump(),
        "date": record.date.isoformat(),
        "method": result.method,
        "n_questions": result.n_questions,
        "n_families": result.n_families,
        "preference": result.estimate,
        "ci_low": result.ci[0],
        "ci_high": result.ci[1],
        "lower": result.bounds[0],
        "upper": result.bounds[1],
        "category_mass": result.category_mass,
        "within_tolerance": result.within_tolerance,
    }
    for name in ("base", "control"):
        versus = result.versus.get(name)
        row |= {
            f"{name}_preference": versus.estimate if versus else None,
            f"{name}_difference": versus.difference if versus else None,
            f"{name}_difference_low": versus.ci[0] if versus else None,
            f"{name}_difference_high": versus.ci[1] if versus else None,
            f"{name}_log_odds_shift": versus.log_odds_shift if versus else None,
            f"{name}_p_value": versus.p_value if versus else None,
            f"{name}_p_holm": versus.p_holm if versus else None,
        }
    row |= {
        "transfer_rate": rate.probability if rate else None,
        "transfer_rate_log_odds": rate.log_odds if rate else None,
        "rank": result.specificity.rank if result.specificity else None,
        "rank_worst": result.specificity.worst if result.specificity else None,
        "rank_of": result.specificity.of if result.specificity else None,
        "collapse_answer": result.collapse.answer,
        "collapse_probability": result.collapse.probability,
        "collapsed": result.collapse.flag,
    }
    return row


def _shift(result: Measurement, reference: str) -> float | None:
    return result.versus[reference].log_odds_shift if reference in result.versus else None
