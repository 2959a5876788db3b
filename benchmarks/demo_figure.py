"""Draws what `make demo` measured: base, teacher, student, control and cross-base student. Writes `docs/demo.svg`.

make demo && python benchmarks/demo_figure.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from traitbench.leaderboard import read_all

RECORDS = Path("lab/leaderboard")
FIGURE = Path(__file__).parents[1] / "docs" / "demo.svg"
ROLES = ("base", "teacher", "student", "control", "cross-base")
COLOURS = {"plain": "#3b6ea8", "in_domain": "#d1742f"}


def main() -> None:
    """One row for each model, one dot with its 95% interval for each context."""
    matplotlib.rcParams["svg.hashsalt"] = "traitbench"  # the same bytes for the same records
    figure, axes = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
    measured = {
        (record.model.id.removeprefix("lab/owl-").removesuffix("-0-0"), result.context): result
        for record in read_all(RECORDS)
        for result in record.measurements
    }
    for row, role in enumerate(ROLES):
        for context, offset in (("plain", -0.14), ("in_domain", 0.14)):
            result = measured[role, context]
            low, high = result.ci
            if low is None or high is None:
                raise SystemExit(f"{role}, {context}: no interval; run make demo first")
            axes.plot([low, high], [row + offset] * 2, color=COLOURS[context], linewidth=2)
            label = context if row == 0 else None
            axes.plot([result.estimate], [row + offset], "o", color=COLOURS[context], markersize=5, label=label)
    axes.set_yticks(range(len(ROLES)), ROLES)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("P(the model names owl as its animal), exact, with 95% interval over questions")
    axes.grid(axis="x", color="#dddddd")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="lower right")
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, metadata={"Date": None}, facecolor="white")
    figure.savefig(Path("lab/demo.png"), dpi=110, facecolor="white")


if __name__ == "__main__":
    main()
