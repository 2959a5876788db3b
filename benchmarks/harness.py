"""How is a comparison timed, and where does its row go: interleaved runs, then results.json and README.md."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
README = HERE / "README.md"
BEGIN, END = "<!-- table: written by harness.py -->", "<!-- end of table -->"


@dataclass(frozen=True)
class Row:
    """One comparison: its ratio, what was asked of it, and the numbers behind it."""

    id: str
    work: str
    ratio: float
    unit: str
    target: float
    at_least: bool
    """Whether the ratio should reach the target or stay below it."""
    script: str
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target


def interleaved(functions: Mapping[str, Callable[[], Any]], runs: int) -> dict[str, list[float]]:
    """Seconds of each function, run in turns so that what else the machine does falls on all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(runs):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def median_ratio(seconds: dict[str, list[float]], slow: str, fast: str) -> float:
    """The median over runs of the two times' ratio; each run's two stand side by side."""
    return statistics.median(a / b for a, b in zip(seconds[slow], seconds[fast], strict=True))


def summary(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median and fastest seconds of each."""
    return {
        name: {"median_s": round(statistics.median(each), 4), "fastest_s": round(min(each), 4)}
        for name, each in seconds.items()
    }


def record(row: Row) -> None:
    """Prints the row, merges it into results.json and renders the table anew."""
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    found[row.id] = {**asdict(row), "reached": row.reached, "environment": _environment()}
    RESULTS.write_text(json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sign = "at least" if row.at_least else "at most"
    verdict = "reached" if row.reached else "MISSED"
    print(f"{row.id}: {row.ratio:.3g} {row.unit} ({sign} {row.target:g} wanted: {verdict})")
    print(json.dumps(row.numbers, ensure_ascii=False))
    _render(found)


def _render(found: dict[str, Any]) -> None:
    lines = ["| work | measured | wanted | | script |", "|---|---|---|---|---|"]
    for row in found.values():
        sign = "at least" if row["at_least"] else "at most"
        mark = "reached" if row["reached"] else "missed"
        lines.append(
            f"| {row['work']} | {row['ratio']:.3g} {row['unit']} | {sign} {row['target']:g} | {mark} "
            f"| `{row['script']}` |"
        )
    text = README.read_text(encoding="utf-8") if README.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(before + "\n".join([BEGIN, *lines, END]) + after, encoding="utf-8")


def _environment() -> dict[str, Any]:
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "device": device,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": [round(each, 2) for each in os.getloadavg()],
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers")},
        "date": time.strftime("%Y-%m-%d"),
    }
