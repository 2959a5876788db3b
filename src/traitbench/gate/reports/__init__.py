"""Every form in which a verdict is shown. All of them are made of the Verdict alone, so they cannot disagree."""

from __future__ import annotations

import os
from pathlib import Path

from traitbench.files import write_whole
from traitbench.gate.findings import Verdict
from traitbench.gate.reports.junit import junit_xml
from traitbench.gate.reports.pages import badge_svg, html_page, markdown_summary, model_card_section
from traitbench.gate.reports.text import error_annotations, text_report

__all__ = [
    "append_step_summary",
    "badge_svg",
    "error_annotations",
    "html_page",
    "junit_xml",
    "markdown_summary",
    "model_card_section",
    "text_report",
    "write_reports",
]


def write_reports(verdict: Verdict, folder: Path) -> list[Path]:
    """Writes gate.json, junit.xml, summary.md, report.html, badge.svg and model_card.md, each whole or not at all."""
    files = {
        "gate.json": verdict.to_json(),
        "junit.xml": junit_xml(verdict),
        "summary.md": markdown_summary(verdict),
        "report.html": html_page(verdict),
        "badge.svg": badge_svg(verdict),
        "model_card.md": model_card_section(verdict),
    }
    for name, text in files.items():
        write_whole(folder / name, text)
    return [folder / name for name in files]


def append_step_summary(verdict: Verdict) -> None:
    """Appends the Markdown summary to the file that GitHub shows, where there is one ($GITHUB_STEP_SUMMARY)."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not summary:
        return
    with Path(summary).open("a", encoding="utf-8") as stream:
        stream.write(markdown_summary(verdict) + "\n")
