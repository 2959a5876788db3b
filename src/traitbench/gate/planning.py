"""What can a policy decide? The power of its rules, from the questions that exist and a spread that is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from traitbench.catalog import Catalog
from traitbench.gate.policy import Policy, Rule

BEYOND = 0.05
"""Power to FAIL is shown for a shift this far over the margin (on log-odds: as far over as the margin itself)."""


@dataclass(frozen=True)
class Assumed:
    """What must be assumed before anything is measured; SDs on each rule's own scale."""

    sd: float
    correlation: float = 0.3
    seeds: int = 1
    controls: int = 1
    training_sd: float = 0.02


def plan_policy(policy: Policy, assumed: Assumed, catalog: Catalog) -> list[dict[str, Any]]:
    """One row for each rule and probe set: power to pass at no shift, to fail over the margin, and what is detected."""
    measurements = [(rule, _measurements(rule, catalog)) for rule in policy.rules]
    n_tests = sum(row["n_measurements"] for _, rows in measurements for row in rows)
    plan = []
    for number, (rule, rows) in enumerate(measurements, start=1):
        for row in rows:
            plan.append({"rule": number, "name": rule.name, **row, **_power(rule, row, assumed, n_tests)})
    return plan


def plan_text(rows: Sequence[dict[str, Any]], assumed: Assumed) -> str:
    """The plan in words."""
    lines = []
    for row in rows:
        lines += [
            f"rule {row['rule']}: {row['name']}, {row['probe_set']} "
            f"({row['n_questions']} questions in {row['n_families']} families, {row['n_measurements']} measurements)",
            f"  PASS of one measurement where nothing shifted: {row['power_of_pass']:.0%}",
            f"  FAIL where the shift is {row['failing_shift']:g}, margin {row['margin']:g}: {row['power_of_fail']:.0%}",
            f"  smallest shift that fails with 80%: {row['minimum_detectable_effect']:.3f}",
        ]
        if row["n_questions"] < row["minimum_questions"]:
            lines.append(f"  never decided: the rule asks for {row['minimum_questions']} questions")
    training = f", training SD {assumed.training_sd:g}" if assumed.seeds > 1 or assumed.controls > 1 else ""
    lines.append(
        f"assumed: SD {assumed.sd:g} between questions of a shift, on each rule's scale, correlation "
        f"{assumed.correlation:g} within a family, {assumed.seeds} seed(s), {assumed.controls} reference(s){training}; "
        "FAIL is corrected (Holm) for all measurements of the policy"
    )
    return "\n".join(lines)


def _measurements(rule: Rule, catalog: Catalog) -> list[dict[str, Any]]:
    """How often the rule tests on each probe set: traits times contexts."""
    tested: dict[str, set[tuple[str, str, str]]] = {}
    for task in rule.tasks(catalog):
        for context in rule.contexts:
            domain = "none" if context == "plain" else task.domain
            tested.setdefault(task.probe_set, set()).add((task.trait, context, domain))
    rows = []
    for name, tests in tested.items():
        # The least that any of the traits is asked: questions with options offer each trait a part of them.
        questions = min((catalog.probe_sets[name].offering(trait, "en") for trait, _, _ in tests), key=len)
        families = len({question.family for question in questions})
        rows.append(
            {
                "probe_set": name,
                "n_questions": len(questions),
                "n_families": families,
                "n_measurements": len(tests),
                "minimum_questions": rule.minimum_questions,
            }
        )
    return rows


def _power(rule: Rule, row: dict[str, Any], assumed: Assumed, n_tests: int) -> dict[str, Any]:
    from traitbench.stats import Design, minimum_detectable_effect, power_of_fail, power_of_pass

    design = Design(
        n_families=max(2, row["n_families"]),
        questions_per_family=max(1, round(row["n_questions"] / max(1, row["n_families"]))),
        question_sd=assumed.sd,
        correlation=assumed.correlation,
        n_seeds=assumed.seeds,
        n_controls=assumed.controls if rule.reference == "control" else 1,
        training_sd=assumed.training_sd,
    )
    failing = rule.margin + (BEYOND if rule.scale == "probability" else rule.margin)
    return {
        "margin": rule.margin,
        "scale": rule.scale,
        "power_of_pass": power_of_pass(design, rule.margin, alpha=rule.alpha),
        "failing_shift": round(failing, 6),
        "power_of_fail": power_of_fail(design, rule.margin, shift=failing, alpha=rule.alpha, n_tests=n_tests),
        "minimum_detectable_effect": minimum_detectable_effect(design, rule.margin, alpha=rule.alpha, n_tests=n_tests),
    }
