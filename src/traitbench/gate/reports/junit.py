"""A verdict as JUnit XML: a test suite for each rule, a test case for each finding."""

from __future__ import annotations

from xml.etree import ElementTree

from traitbench.gate.findings import Finding, Verdict


def junit_xml(verdict: Verdict) -> str:
    """FAIL is a failure, INCONCLUSIVE an error; it is skipped only where the policy lets it pass with a warning."""
    root = ElementTree.Element("testsuites", name="traitbench gate")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for number, rule in enumerate(verdict.policy.rules, start=1):
        suite = ElementTree.SubElement(root, "testsuite", name=f"rule {number}: {rule.name}", time="0")
        counts = dict.fromkeys(totals, 0)
        for finding in verdict.of_rule(number):
            counts["tests"] += 1
            kind = _case(suite, finding)
            if kind:
                counts[kind] += 1
        for name, count in counts.items():
            suite.set(name, str(count))
            totals[name] += count
    for name, count in totals.items():
        root.set(name, str(count))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, finding: Finding) -> str | None:
    """Adds the test case; returns the counter that it belongs to."""
    classname = f"traitbench.{finding.category}.{finding.trait}"
    case = ElementTree.SubElement(suite, "testcase", classname=classname, name=finding.title, time="0")
    if finding.status == "FAIL":
        _child(case, "failure", finding)
        return "failures"
    if finding.status == "INCONCLUSIVE":
        _child(case, "skipped" if finding.tolerated else "error", finding)
        return "skipped" if finding.tolerated else "errors"
    ElementTree.SubElement(case, "system-out").text = finding.sentence
    return None


def _child(case: ElementTree.Element, tag: str, finding: Finding) -> None:
    short = finding.reasons[0].text if finding.reasons else f"shift over the margin {finding.margin:g}"
    child = ElementTree.SubElement(case, tag, message=f"{finding.status}: {short}")
    if tag != "skipped":
        child.set("type", finding.status)
    child.text = finding.sentence
