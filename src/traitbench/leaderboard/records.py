"""One record for each scored checkpoint and task: `results/<task>/<N>/<model>/<digest12>/<id>.json`."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from traitbench.errors import InputError
from traitbench.files import write_whole
from traitbench.runner.scorecard import ModelIdentity, Part, References, Scorecard, TaskResult

if TYPE_CHECKING:
    import pandas as pd


class Record(Part):
    """What the leaderboard keeps of one checkpoint on one task: every context, with its questions."""

    schema_id: Literal["traitbench/record/1"] = Field(default="traitbench/record/1", alias="schema")
    task: str
    version: str
    model: ModelIdentity
    references: References
    measurements: tuple[TaskResult, ...] = Field(min_length=1)
    environment: dict[str, Any]


def add(card: Scorecard, root: Path) -> list[Path]:
    """Writes a record for every task of the card below `root`; the same result lands in the same file."""
    written = []
    for task in dict.fromkeys(result.task for result in card.tasks):
        measurements = tuple(result for result in card.tasks if result.task == task)
        record = Record(
            task=task,
            version=measurements[0].version,
            model=card.model,
            references=card.references,
            measurements=measurements,
            environment=card.environment,
        )
        text = record.model_dump_json(by_alias=True, indent=1) + "\n"
        comparability = record.version.split("-")[0]
        model = re.sub(r"[^A-Za-z0-9._-]+", "-", card.model.id.replace("/", "__"))
        digest = (card.model.weights_sha256 or "unknown")[:12]
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = root / "results" / task / comparability / model / digest / f"{name}.json"
        write_whole(path, text)
        written.append(path)
    return written


def read_all(root: Path) -> list[Record]:
    """Every record below `root`, in the order of their paths; `InputError` names a broken one."""
    records = []
    for path in sorted(root.glob("results/**/*.json")):
        try:
            records.append(Record.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "file"
            raise InputError(f"{path}: not a record ({where}: {first['msg']})") from None
    return records


def table(records: list[Record]) -> pd.DataFrame:
    """One row a measurement, the strongest preference first within a task."""
    import pandas as pd

    rows = [
        {
            "task": result.task,
            "context": result.context,
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
        }
        for record in records
        for result in record.measurements
    ]
    if not rows:
        return pd.DataFrame()
    frame = pd.DataFrame(rows)
    order = ["task", "context", "preference"]
    return frame.sort_values(order, ascending=[True, False, False], kind="stable").reset_index(drop=True)


def _shift(result: TaskResult, reference: str) -> float | None:
    return result.versus[reference].log_odds_shift if reference in result.versus else None
