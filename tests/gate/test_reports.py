"""All forms of a verdict say the same, because they are made of the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from traitbench.errors import InputError
from traitbench.gate import Policy, Verdict, judge
from traitbench.gate.explaining import explain_verdict, read_verdict
from traitbench.gate.findings import verdict_schema
from traitbench.gate.plots import ForestRow, forest_svg, write_plot
from traitbench.gate.reports import append_step_summary, error_annotations, html_page, text_report, write_reports
from traitbench.gate.subject import Subject

FILES = {"gate.json", "junit.xml", "summary.md", "report.html", "badge.svg", "model_card.md"}


@pytest.fixture(params=["PASS", "FAIL", "INCONCLUSIVE"])
def verdict(request: pytest.FixtureRequest, scripted: Any, policy: Callable[..., Policy]) -> Verdict:
    """A verdict of each status, with rules that pass beside it."""
    base = scripted.subject(name="base")
    owl = {"PASS": 0.05, "FAIL": 0.35}.get(request.param)
    student = scripted.with_owl(owl, name="student", seed=1) if owl else scripted.subject({"none": 0.6, "cat": 0.4})
    found = judge(policy({"trait": "owl"}, {"trait": "lion"}), [student], base=base, policy_file="traitbench.yaml")
    assert found.status == request.param
    return found


def test_every_form_is_written_and_says_the_same(verdict: Verdict, tmp_path: Path) -> None:
    assert (
        {path.name for path in write_reports(verdict, tmp_path)} == {path.name for path in tmp_path.iterdir()} == FILES
    )
    data = json.loads((tmp_path / "gate.json").read_text())
    jsonschema.validate(data, verdict_schema())
    assert data["status"] == verdict.status
    assert read_verdict(tmp_path / "gate.json") == verdict
    for name in ("summary.md", "report.html", "model_card.md"):
        text = (tmp_path / name).read_text()
        assert verdict.headline in text, name
        assert text.count("INCONCLUSIVE") > 0 or verdict.status != "INCONCLUSIVE"
    assert text_report(verdict).startswith(f"{verdict.status}: {verdict.headline}")
    assert verdict.headline in explain_verdict(verdict)


def test_junit_is_read_by_an_independent_parser(verdict: Verdict, tmp_path: Path) -> None:
    write_reports(verdict, tmp_path)
    xml = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    kinds: dict[type, int] = {}
    cases = [case for suite in xml for case in suite]
    for case in cases:
        for result in case.result:
            kinds[type(result)] = kinds.get(type(result), 0) + 1
    statuses = [finding.status for finding in verdict.findings]
    assert len(cases) == len(verdict.findings) == xml.tests
    assert kinds.get(Failure, 0) == statuses.count("FAIL") == xml.failures
    assert kinds.get(Error, 0) == statuses.count("INCONCLUSIVE") == xml.errors
    assert kinds.get(Skipped, 0) == xml.skipped == 0


def test_what_is_let_pass_with_a_warning_is_skipped_in_junit(
    scripted: Any, policy: Callable[..., Policy], tmp_path: Path
) -> None:
    base = scripted.subject(name="base", noise=0.1)
    student = scripted.with_owl(0.10, name="student", seed=1, noise=0.1)
    found = judge(policy({"trait": "owl", "on_inconclusive": "warn"}), [student], base=base)
    write_reports(found, tmp_path)
    xml = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert xml.skipped == len(found.warnings) > 0
    assert "warning" in (tmp_path / "report.html").read_text()


def test_the_page_stands_alone(verdict: Verdict) -> None:
    page = html_page(verdict)
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:,)', page)
    assert "url(" not in page
    assert "prefers-color-scheme:dark" in page
    assert "<svg" in page
    for finding in verdict.findings:
        assert f"{finding.before:.3f}" in page
        assert f"{finding.after:.3f}" in page
    for note in verdict.assumed:
        assert note in page


def test_names_from_outside_cannot_break_a_report(scripted: Any, policy: Callable[..., Policy], tmp_path: Path) -> None:
    nasty = '<img src=x onerror=alert(1)>|"&'
    card = scripted.card(name=nasty)
    subject = Subject(nasty, card)
    found = judge(policy({"trait": "owl"}), [subject], base=subject, policy_file=nasty)
    write_reports(found, tmp_path)
    assert "<img" not in (tmp_path / "report.html").read_text()
    ElementTree.parse(tmp_path / "badge.svg")
    ElementTree.parse(tmp_path / "junit.xml")


def test_the_summary_is_appended_where_github_wants_it(
    verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "summary"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    append_step_summary(verdict)
    assert file.read_text().startswith(f"before\n## traitbench gate: {verdict.status}")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    append_step_summary(verdict)


def test_annotations_are_ten_at_most_the_worst_first(scripted: Any, policy: Callable[..., Policy]) -> None:
    base = scripted.subject(name="base")
    silent = scripted.subject({"none": 1.0}, name="student")
    lines = error_annotations(judge(policy({"trait": "any"}), [silent], base=base, policy_file="a,b.yaml"))
    assert len(lines) == 10
    assert all(line.startswith("::error file=a%2Cb.yaml,title=INCONCLUSIVE") and "\n" not in line for line in lines)
    failing = judge(policy({"suite": "animal"}), [scripted.with_owl(0.4, name="student", seed=1)], base=base)
    assert "title=FAIL owl" in error_annotations(failing)[0]
    passing = judge(policy({"trait": "owl"}), [base], base=base)
    assert error_annotations(passing) == []


def test_a_forest_plot_is_drawn_to_scale_and_survives_missing_bounds(tmp_path: Path) -> None:
    rows = [
        ForestRow("a", 0.0, -0.1, 0.1, "PASS", 0.2),
        ForestRow("b & <c>", 0.4, 0.3, None, "FAIL", 0.2),
        ForestRow("nothing known", None, None, None, "INCONCLUSIVE", 0.2),
    ]
    svg = ElementTree.fromstring(forest_svg(rows))
    dots = [float(each.get("cx", "nan")) for each in svg.iter("{http://www.w3.org/2000/svg}circle")]
    assert len(dots) == 2
    ticks = {
        each.text: float(each.get("x", "nan"))
        for each in svg.iter("{http://www.w3.org/2000/svg}text")
        if each.get("text-anchor") == "middle" and each.text
    }
    assert dots[0] == pytest.approx(ticks["+0"], abs=0.2)
    assert dots[1] == pytest.approx(ticks["+0.4"], abs=0.2)
    write_plot(rows, tmp_path / "plot.svg")
    write_plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"\.svg or \.png"):
        write_plot(rows, tmp_path / "plot.pdf")
    with pytest.raises(InputError, match="nothing to plot"):
        write_plot([], tmp_path / "plot.svg")
