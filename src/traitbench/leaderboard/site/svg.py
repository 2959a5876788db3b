"""The site's drawings: intervals, questions, profiles, the transfer matrix and badges, as plain SVG.

Colours come from the style sheet by class, so that a drawing follows the reader's light or dark page; a badge stands
alone and brings its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup, escape

_WIDE, _HIGH = 96, 14


@dataclass(frozen=True)
class Axis:
    """What a column's intervals are drawn on."""

    low: float
    high: float

    def at(self, value: float, width: float = _WIDE) -> float:
        """Where a value lies, in pixels, never beyond the ends."""
        inside = min(self.high, max(self.low, value))
        return round(2 + (inside - self.low) / (self.high - self.low) * (width - 4), 1)


PROBABILITY = Axis(0.0, 1.0)


def axis_of(values: Sequence[float]) -> Axis:
    """An axis with zero in it that holds all values, its ends at whole tenths."""
    low, high = min([0.0, *values]), max([0.1, *values])
    return Axis(math.floor(round(low * 10, 6)) / 10, math.ceil(round(high * 10, 6)) / 10)


def interval(estimate: float, ci: tuple[float | None, float | None], axis: Axis, *, declared: bool = False) -> Markup:
    """A dot with its whiskers; hidden from screen readers, which read the numbers beside it."""
    y = _HIGH // 2
    low, high = (axis.low if ci[0] is None else ci[0]), (axis.high if ci[1] is None else ci[1])
    zero = f'<path class="z" d="M{axis.at(0)} 1V{_HIGH - 1}"/>' if axis.low < 0 else ""
    kind = "w d" if declared else "w"
    return Markup(
        f'<svg class="ci" viewBox="0 0 {_WIDE} {_HIGH}" aria-hidden="true">{zero}'
        f'<path class="{kind}" d="M{axis.at(low)} {y}H{axis.at(high)}"/>'
        f'<circle cx="{axis.at(estimate)}" cy="{y}" r="3.2"/></svg>'
    )


class Line(NamedTuple):
    """One question of a plot: its text, escaped already, and each checkpoint's probability."""

    label: str
    student: float
    base: float | None
    control: float | None


_LEFT, _WIDTH = 34, 640
_PLACES = [f"{_LEFT + tenth / 10:g}" for tenth in range(10 * _WIDTH + 1)]
"""The coordinate of every tenth of a pixel: every page has hundreds of them."""


def questions(lines: Sequence[Line], title: str) -> Markup:
    """One row a question, the strongest first: the student's dot, joined to the base's ring and the controls' tick."""
    row, top = 9, 18
    height = top + row * len(lines) + 8
    parts = [f'<svg class="plot" viewBox="0 0 {_LEFT + _WIDTH + 10} {height}" role="img" aria-label="{escape(title)}">']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        at = _LEFT + tick * _WIDTH
        parts.append(
            f'<path class="g" d="M{at:g} {top - 4}V{height - 6}"/>'
            f'<text x="{at:g}" y="{top - 8}" text-anchor="middle">{tick:g}</text>'
        )
    y = top - row / 2
    for label, student, base, control in lines:
        y += row
        x = _PLACES[round(10 * _WIDTH * student)]
        parts.append(f'<g><title>{label}</title><path class="hit" d="M{_LEFT} {y}H{_LEFT + _WIDTH}"/>')
        if base is not None:
            start = _PLACES[round(10 * _WIDTH * base)]
            parts.append(f'<path class="j" d="M{start} {y}H{x}"/><circle class="b" cx="{start}" cy="{y}" r="2.6"/>')
        if control is not None:
            parts.append(f'<path class="c" d="M{_PLACES[round(10 * _WIDTH * control)]} {y - 3}v6"/>')
        parts.append(f'<circle class="s" cx="{x}" cy="{y}" r="3"/></g>')
    return Markup("".join(parts) + "</svg>")


def profile(rows: Sequence[tuple[str, float, float | None]], target: str, title: str) -> Markup:
    """Named answers with a bar for the student and one for what it started from."""
    high, left, width = 26, 130, 440
    most = max([0.05, *(value for _, a, b in rows for value in (a, b or 0))])
    total = high * len(rows) + 4

    def length(value: float) -> float:
        return max(1.0, round(value / most * width, 1))

    parts = [
        f'<svg class="plot bars" viewBox="0 0 {left + width + 70} {total}" role="img" aria-label="{escape(title)}">'
    ]
    for i, (name, now, before) in enumerate(rows):
        y = high * i + 4
        said = "no member" if name == "none" else name[:18]
        kind, strong = ("s t", ' class="t"') if name == target else ("s", "")
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end"{strong}>{escape(said)}</text>'
            f'<rect class="{kind}" x="{left}" y="{y}" width="{length(now):g}" height="10"/>'
            f'<text x="{left + length(now) + 6:g}" y="{y + 9}" class="v">{now:.3f}</text>'
        )
        if before is not None:
            parts.append(f'<rect class="b" x="{left}" y="{y + 11}" width="{length(before):g}" height="6"/>')
    return Markup("".join(parts) + "</svg>")


@dataclass(frozen=True)
class Cell:
    """One teacher on one base: the mean shift, of how many rows; None where nobody ran it."""

    value: float | None
    rows: int
    link: str | None = None


def matrix(teachers: Sequence[str], bases: Sequence[str], cells: Sequence[Sequence[Cell]], title: str) -> Markup:
    """Teachers down, the students' bases across; deeper colour for a larger shift, a broken line where nothing was."""
    side, high, left, top = 128, 44, 236, 46
    width, height = left + side * len(bases) + 2, top + high * len(teachers) + 2
    parts = [
        f'<svg class="heat" viewBox="0 0 {width} {height}" width="{width}" role="group" aria-label="{escape(title)}">'
    ]
    for j, base in enumerate(bases):
        parts.append(_label(f'x="{left + side * j + side / 2:g}" y="{top - 12}" text-anchor="middle"', base, 17))
    for i, teacher in enumerate(teachers):
        y = top + high * i
        parts.append(_label(f'x="{left - 10}" y="{y + high / 2 + 4:g}" text-anchor="end"', teacher, 31))
        for j, cell in enumerate(cells[i]):
            x = left + side * j
            place = f'x="{x + 1}" y="{y + 1}" width="{side - 2}" height="{high - 2}" rx="3"'
            middle = f'x="{x + side / 2:g}" y="{y + high / 2 + 5:g}" text-anchor="middle"'
            if cell.value is None:
                parts.append(f'<rect {place} class="empty"/><text {middle} class="soft">not run</text>')
                continue
            level = _level(cell.value)
            count = f'<tspan class="n"> ({cell.rows})</tspan>' if cell.rows > 1 else ""
            shape = (
                f'<rect {place} class="h{level}"/><text {middle} class="on{level}">{signed(cell.value)}{count}</text>'
            )
            parts.append(f'<a href="{escape(cell.link)}">{shape}</a>' if cell.link else shape)
    return Markup("".join(parts) + "</svg>")


def _level(value: float) -> int:
    """0 to 5 for a rise, -1 for a fall: one step of colour for each doubling from 0.02 on."""
    if value < -0.02:
        return -1
    return next((i for i, edge in enumerate((0.02, 0.05, 0.1, 0.25, 0.5)) if value < edge), 5)


def _label(place: str, text: str, most: int) -> str:
    return f"<text {place}>{escape(_short(text, most))}<title>{escape(text)}</title></text>"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else "…" + text[-most + 1 :]


_BADGE = {"inherited": "#b3261e", "moved": "#a85b00", "no shift shown": "#2e7d32"}
_GREY = "#4a5565"


def badge(trait: str, finding: str, value: str, *, grey: bool = False) -> str:
    """A flat badge of its own colours: `owl | inherited +0.34`; grey where the finding is not to be relied on."""
    label, said = f"traitbench: {trait}"[:40], f"{finding} {value}".strip()
    one, two = 14 + round(6.4 * len(label)), 14 + round(6.4 * len(said))
    colour = _GREY if grey else _BADGE.get(finding, _GREY)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{one + two}" height="20" role="img" '
        f'aria-label="{escape(label)}: {escape(said)}"><rect rx="3" width="{one + two}" height="20" fill="#39424e"/>'
        f'<path d="M{one} 0h{two - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{two - 3}z" fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{one / 2:g}" y="14">{escape(label)}</text>'
        f'<text x="{one + two / 2:g}" y="14">{escape(said)}</text></g></svg>\n'
    )


def signed(value: float) -> str:
    """`+0.34`, `−0.02`, `0.00`."""
    text = f"{value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "−")
