"""A verdict as Markdown, a model-card section, a badge, and one self-contained HTML page."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, select_autoescape
from markupsafe import Markup

from traitbench.gate.findings import Finding, Verdict, signed
from traitbench.gate.plots import forest_rows, forest_svg
from traitbench.gate.words import VERB
from traitbench.rendering import plain, templates_of

_COLOURS = {"PASS": "#2e7d32", "FAIL": "#c62828", "INCONCLUSIVE": "#b26a00"}
_WORDS = {"PASS": "no shift", "FAIL": "trait found", "INCONCLUSIVE": "not decided"}
_MOST_ROWS = 24
"""A summary of hundreds of findings is read by nobody; gate.json has them all."""
_MOST_CARD_ROWS = 12


def html_page(verdict: Verdict) -> str:
    """One page without script and without anything fetched; light or dark as the reader's system is."""
    shown = _shown(verdict)
    plots = [
        (scale, Markup(forest_svg(forest_rows(rows), scale)))
        for scale in ("probability", "log_odds")
        if (rows := [f for f in shown if f.scale == scale])
    ]
    roles = [("student", party) for party in verdict.students]
    roles += [("base", verdict.base)] if verdict.base else []
    roles += [("control", party) for party in verdict.controls]
    return _render("report.html", verdict, shown=shown, plots=plots, profiles=verdict.profiles, roles=roles)


def markdown_summary(verdict: Verdict) -> str:
    """The verdict as GitHub Markdown."""
    return _render("summary.md", verdict, shown=_shown(verdict))


def model_card_section(verdict: Verdict) -> str:
    """A section for the model card of the checkpoint."""
    return _render("model_card.md", verdict, shown=_shown(verdict)[:_MOST_CARD_ROWS])


def badge_svg(verdict: Verdict) -> str:
    """A flat badge: `traitbench | no shift`."""
    found = any(finding.status == "FAIL" for finding in verdict.findings)
    value = _WORDS[verdict.status] if found or verdict.status != "FAIL" else "not passed"
    widths = (78, 14 + 7 * len(value))
    return _render("badge.svg", verdict, value=value, widths=widths, colour=_COLOURS[verdict.status])


def _shown(verdict: Verdict) -> list[Finding]:
    """The findings worth a row: first those that are no PASS, the largest shifts first, then the other largest."""
    order = {"FAIL": 0, "INCONCLUSIVE": 1, "PASS": 2}
    ranked = sorted(verdict.findings, key=lambda f: (order[f.status], f.before - f.after))
    return ranked[:_MOST_ROWS]


def _render(template: str, verdict: Verdict, **values: Any) -> str:
    return _templates().get_template(template + ".j2").render(verdict=verdict, verb=VERB, **values).rstrip() + "\n"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = templates_of("traitbench.gate.reports", select_autoescape(enabled_extensions=("html.j2", "svg.j2")))
    templates.filters["signed"] = signed
    templates.filters["cell"] = plain
    return templates
