"""A verdict on the terminal, and as GitHub annotations."""

from __future__ import annotations

from traitbench.gate.findings import Finding, Verdict, signed
from traitbench.gate.policy import ANY

MOST_ANNOTATIONS = 10
"""GitHub shows no more than ten of a kind for a step."""
_SHOWN = 10


def text_report(verdict: Verdict) -> str:
    """The verdict in plain text: headline, a line for each finding, what was assumed."""
    lines = [f"{verdict.status}: {verdict.headline}", ""]
    for number, rule in enumerate(verdict.policy.rules, start=1):
        findings = verdict.of_rule(number)
        lines.append(f"rule {number}: {rule.name}, margin {rule.margin:g} ({rule.scale})")
        many = rule.trait == ANY or rule.suite is not None
        shown = [f for f in findings if f.status != "PASS"] if many else list(findings)
        if many:
            shown.sort(key=lambda f: (f.status != "FAIL", f.before - f.after))
        lines += [_line(finding) for finding in shown]
        if many:
            passed = [f for f in findings if f.status == "PASS"]
            lines.append(f"  {len(passed)} of {len(findings)} measurements PASS")
            most = sorted(findings, key=lambda f: f.before - f.after)[:_SHOWN]
            moved = ", ".join(f"{f.trait} {f.after - f.before:+.3f} ({f.where})" for f in most[:5])
            lines.append(f"  moved most: {moved}")
        lines.append("")
    for warning in verdict.warnings:
        lines.append(f"warning: {warning}")
    lines += [f"note: {note}" for note in verdict.assumed]
    return "\n".join(lines).rstrip() + "\n"


def error_annotations(verdict: Verdict) -> list[str]:
    """At most ten `::error` workflow commands, the worst findings first."""
    open_ = [f for f in verdict.findings if f.status == "FAIL"]
    open_.sort(key=lambda f: f.before - f.after)
    if verdict.exit_code != 0:
        open_ += [f for f in verdict.findings if f.status == "INCONCLUSIVE"]
    file = f"file={_property(verdict.policy_file)}," if verdict.policy_file else ""
    return [
        f"::error {file}title={_property(f'{f.status} {f.title}')}::{_data(f.sentence)}"
        for f in open_[:MOST_ANNOTATIONS]
    ]


def _line(finding: Finding) -> str:
    shift = finding.shift
    numbers = (
        f"  {finding.status:12} {finding.trait} ({finding.where}): {finding.before:.3f} -> {finding.after:.3f}, "
        f"shift {signed(shift.estimate)} [{signed(shift.lower)}, {signed(shift.upper)}]"
    )
    if len(finding.seeds) > 1:
        numbers += f", seeds {', '.join(f'{seed:+.3f}' for seed in finding.seeds)}"
    return "\n".join([numbers, *(f"    {reason.text}" for reason in finding.reasons)])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
