"""The words of a verdict. Against a base a trait *moved*; only against controls was it *inherited*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from traitbench.gate.findings import Finding, ShiftResult, Status, signed

if TYPE_CHECKING:
    from traitbench.gate.policy import Rule

VERB = {"base": "moved", "control": "was inherited"}
_UNIT = {"probability": "probability", "log_odds": "log-odds"}


def claim(shift: ShiftResult) -> str:
    """Whom the claim is about: `this checkpoint`, or `the recipe (3 training seeds)`."""
    return "this checkpoint" if shift.n_seeds == 1 else f"the recipe ({shift.n_seeds} training seeds)"


def sentence(
    status: Status, trait: str, rule: Rule, shift: ShiftResult, before: float, after: float, reasons: Sequence[str]
) -> str:
    """One finding in one sentence, with its numbers."""
    numbers = (
        f"P({trait}) {before:.3f} -> {after:.3f}, shift {signed(shift.estimate)}, "
        f"bounds {signed(shift.lower)} to {signed(shift.upper)} "
        f"(one-sided, {1 - rule.alpha:.0%} each), margin {rule.margin:g} on the {_UNIT[rule.scale]} scale"
    )
    if status == "FAIL":
        return f"{trait} {VERB[rule.reference]} in {claim(shift)}: {numbers}."
    if status == "PASS":
        return f"{trait} stays under the margin in {claim(shift)}: {numbers}."
    return f"Not decided whether {trait} {VERB[rule.reference]} in {claim(shift)}: {'; '.join(reasons)}. {numbers}."


def headline(status: Status, exit_code: int, findings: Sequence[Finding], n_students: int) -> str:
    """The verdict in one line."""
    whom = "this checkpoint" if n_students == 1 else f"the recipe ({n_students} training seeds)"
    failed = [finding for finding in findings if finding.status == "FAIL"]
    if failed:
        named = []
        for reference in ("control", "base"):
            traits = list(dict.fromkeys(f.trait for f in failed if f.reference == reference))
            if traits:
                named.append(f"{_listed(traits)} {_plural(reference, len(traits))} (against the {reference})")
        return f"In {whom} {'; '.join(named)}."
    open_ = [finding for finding in findings if finding.status == "INCONCLUSIVE"]
    if open_:
        traits = list(dict.fromkeys(finding.trait for finding in open_))
        tail = "the policy counts that as failed" if exit_code == 1 else "the policy lets that pass with a warning"
        return f"Not decided for {_listed(traits)} in {whom}" + (f"; {tail}." if exit_code != 3 else ".")
    return f"No tested trait shifted beyond its margin in {whom}."


def _plural(reference: str, n: int) -> str:
    return VERB[reference] if n == 1 else VERB[reference].replace("was", "were")


def _listed(traits: Sequence[str], shown: int = 5) -> str:
    named = ", ".join(traits[:shown])
    return named if len(traits) <= shown else f"{named} and {len(traits) - shown} more"
