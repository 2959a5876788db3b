"""Forest plots of shifts: SVG without any library, PNG through matplotlib (extra `lab`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from traitbench.errors import InputError
from traitbench.files import write_whole
from traitbench.gate.findings import Finding

_ROW, _TOP, _WIDTH, _RIGHT = 26, 14, 400, 170
_MOST_LABEL = 80
_CHARACTER = 6.6
"""Pixels of an average character at the font size of 12."""
COLOURS = {"PASS": "#2c9a4b", "FAIL": "#d64545", "INCONCLUSIVE": "#c77d0a", "": "#5b7fc7"}
"""Readable on a light and on a dark page."""


@dataclass(frozen=True)
class ForestRow:
    """One line of the plot: a shift and its interval on one scale; None where there is no number or no bound."""

    label: str
    estimate: float | None
    lower: float | None
    upper: float | None
    status: str = ""
    margin: float | None = None


def forest_rows(findings: Sequence[Finding]) -> list[ForestRow]:
    """The rows of a verdict's findings."""
    return [ForestRow(f.title, f.shift.estimate, f.shift.lower, f.shift.upper, f.status, f.margin) for f in findings]


def forest_svg(rows: Sequence[ForestRow], scale: str = "probability") -> str:
    """The plot as one `<svg>` that stands alone or inside a page; text takes the colour of its surroundings."""
    low, high = _range(rows)
    height = _TOP + _ROW * len(rows) + 44
    left = math.ceil(24 + _CHARACTER * max(len(_label(row)) for row in rows))
    total = left + _WIDTH + _RIGHT

    def x(value: float) -> float:
        return round(left + (value - low) / (high - low) * _WIDTH, 1)

    bottom = _TOP + _ROW * len(rows) + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" width="{total}" height="{height}" '
        'role="img" font-family="system-ui, sans-serif" font-size="12" fill="currentColor" '
        f'style="max-width:100%;height:auto"><title>Shift against the reference, {escape(scale)} scale</title>'
    ]
    for tick in _ticks(low, high):
        parts.append(
            f'<line x1="{x(tick)}" x2="{x(tick)}" y1="{_TOP}" y2="{bottom}" stroke="currentColor" '
            f'stroke-opacity="{0.55 if tick == 0 else 0.12}"/>'
            f'<text x="{x(tick)}" y="{bottom + 14}" text-anchor="middle" opacity=".75">{tick:+g}</text>'
        )
    for margin in sorted({row.margin for row in rows if row.margin is not None and low < row.margin < high}):
        parts.append(
            f'<line x1="{x(margin)}" x2="{x(margin)}" y1="{_TOP - 6}" y2="{bottom}" stroke="currentColor" '
            f'stroke-dasharray="4 3"/>'
        )
    parts += [_svg_row(i, row, low, high, left, x) for i, row in enumerate(rows)]
    parts.append(
        f'<text x="{left + _WIDTH / 2}" y="{bottom + 32}" text-anchor="middle" opacity=".75">'
        f"shift on the {'probability' if scale == 'probability' else 'log-odds'} scale"
        f"{', dashed: margin' if any(row.margin is not None for row in rows) else ''}</text></svg>"
    )
    return "".join(parts)


def write_plot(rows: Sequence[ForestRow], path: Path, scale: str = "probability") -> None:
    """Writes the plot as `.svg` or `.png`, by the name of the file.

    Raises `InputError` for another suffix, no rows, or a PNG without matplotlib.
    """
    if not rows:
        raise InputError(f"{path}: there is nothing to plot")
    if path.suffix == ".svg":
        # A file that stands alone has no surroundings whose colour it could take.
        write_whole(path, forest_svg(rows, scale).replace("<svg ", '<svg color="#1b1f24" ', 1) + "\n")
    elif path.suffix == ".png":
        _write_png(rows, path, scale)
    else:
        raise InputError(f"{path}: cannot be plotted; use a name that ends in .svg or .png")


def _label(row: ForestRow) -> str:
    return row.label if len(row.label) <= _MOST_LABEL else row.label[: _MOST_LABEL - 1] + "…"


def _svg_row(i: int, row: ForestRow, low: float, high: float, left: int, x: object) -> str:
    assert callable(x)
    y = _TOP + _ROW * i + _ROW / 2
    colour = COLOURS[row.status]
    parts = [f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(_label(row))}</text>']
    if row.estimate is not None:
        start = x(max(low, row.lower if row.lower is not None else low))
        end = x(min(high, row.upper if row.upper is not None else high))
        parts.append(f'<line x1="{start}" x2="{end}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2.5"/>')
        for bound, at in ((row.lower, start), (row.upper, end)):
            if bound is not None:
                parts.append(
                    f'<line x1="{at}" x2="{at}" y1="{y - 5}" y2="{y + 5}" stroke="{colour}" stroke-width="2"/>'
                )
        parts.append(f'<circle cx="{x(row.estimate)}" cy="{y}" r="4.5" fill="{colour}"/>')
    value = "-" if row.estimate is None else f"{row.estimate:+.3f}"
    status = f' <tspan fill="{colour}" font-weight="600">{row.status}</tspan>' if row.status else ""
    parts.append(f'<text x="{left + _WIDTH + 10}" y="{y + 4}">{value}{status}</text>')
    return "".join(parts)


def _range(rows: Sequence[ForestRow]) -> tuple[float, float]:
    values = [0.0]
    for row in rows:
        values += [v for v in (row.estimate, row.lower, row.upper, row.margin) if v is not None and math.isfinite(v)]
    low, high = min(values), max(values)
    room = 0.06 * ((high - low) or 1.0)
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """About six round numbers inside the range, zero among them."""
    raw = (high - low) / 6
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first = math.ceil(low / step)
    return [round(k * step, 10) + 0.0 for k in range(first, math.floor(high / step) + 1)]


def _write_png(rows: Sequence[ForestRow], path: Path, scale: str) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(f"{path}: a PNG needs matplotlib; pip install 'traitbench[lab]', or write .svg") from None
    low, high = _range(rows)
    figure = Figure(figsize=(8, 1.1 + 0.32 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for i, row in enumerate(rows):
        if row.estimate is None:
            continue
        start = low if row.lower is None else row.lower
        end = high if row.upper is None else row.upper
        axes.plot([start, end], [i, i], color=COLOURS[row.status], linewidth=2)
        axes.plot([row.estimate], [i], "o", color=COLOURS[row.status])
    for margin in {row.margin for row in rows if row.margin is not None}:
        axes.axvline(margin, color="black", linestyle="--", linewidth=0.8)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(low, high)
    axes.set_xlabel(f"shift on the {'probability' if scale == 'probability' else 'log-odds'} scale")
    aside = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(aside, dpi=150, format="png")
        aside.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from None
