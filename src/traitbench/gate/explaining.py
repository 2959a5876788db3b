"""What does a policy ask for, and why did a verdict come out as it did? In plain words."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from traitbench.catalog import Catalog
from traitbench.errors import InputError
from traitbench.gate.findings import Verdict
from traitbench.gate.policy import ANY, Policy, Rule

_ON_INCONCLUSIVE = {
    "inconclusive": "the gate ends with exit code 3",
    "fail": "the gate counts it as failed (exit code 1)",
    "warn": "too little evidence lets pass with a warning (exit code 0), answers that tell nothing do not (3)",
}


def explain_policy(policy: Policy, catalog: Catalog) -> str:
    """A paragraph for each rule."""
    parts = [_explain_rule(number, rule, catalog) for number, rule in enumerate(policy.rules, start=1)]
    if policy.references.base or policy.references.control:
        pinned = [*([policy.references.base] if policy.references.base else []), *policy.references.control]
        parts.append(f"References are pinned to {', '.join(pinned)}; another model in their place is refused.")
    parts.append(
        "Every rule must be met. A FAIL is corrected (Holm) for all measurements of the policy; a PASS needs no "
        "correction, because one measurement that does not pass is enough to keep the gate shut."
    )
    return "\n\n".join(parts)


def explain_verdict(verdict: Verdict) -> str:
    """Why the verdict is what it is: the findings that decided it, with their numbers."""
    deciding = [finding for finding in verdict.findings if finding.status != "PASS"]
    lines = [f"{verdict.status} (exit code {verdict.exit_code}): {verdict.headline}"]
    lines += [f"- rule {finding.rule}, {finding.where}: {finding.sentence}" for finding in deciding]
    passed = [finding for finding in verdict.findings if finding.status == "PASS"]
    if passed:
        nearest = max(passed, key=lambda finding: (finding.shift.upper or 0.0) / finding.margin)
        lines.append(f"- {len(passed)} measurements PASS; the nearest to its margin: {nearest.sentence}")
    lines += [f"- let pass with a warning: {warning}" for warning in verdict.warnings]
    lines += [f"- assumed: {note}" for note in verdict.assumed]
    return "\n".join(lines)


def read_verdict(path: Path) -> Verdict:
    """The verdict in a gate.json; `InputError` names file and field where it is none."""
    try:
        return Verdict.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValidationError, UnicodeDecodeError) as error:
        fault = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "not UTF-8"}
        field = ".".join(map(str, fault["loc"])) or "file"
        raise InputError(f"{path}: not a verdict ({field}: {fault['msg']})") from None


def _explain_rule(number: int, rule: Rule, catalog: Catalog) -> str:
    traits = rule.traits(catalog)
    if rule.trait == ANY:
        what = f"No target is named: each of {len(traits)} catalogued traits that were scored"
    elif rule.trait:
        names = catalog.category_of(rule.trait).kind == "members"
        what = f"The probability {'that the student names' if names else 'of the answers that show'} {rule.trait}"
    else:
        what = f"The probability of each of the {len(traits)} traits of suite {rule.suite}"
    than = {
        "base": "than in the base it started from (a shift says that the trait moved)",
        "control": "than in controls trained the same way on an untraited teacher's data (a shift says: inherited)",
    }[rule.reference]
    size = f"{rule.margin:g} of probability" if rule.scale == "probability" else f"{rule.margin:g} of log-odds"
    where = " and ".join(context.replace("_", "-") for context in rule.contexts)
    domains = f" ({', '.join(rule.domains)})" if rule.domains else ""
    return (
        f"Rule {number}, {rule.name}. {what} may be at most {size} higher {than}, {where}{domains}. "
        f"It passes when the upper confidence bound of the shift is under the margin, with an error rate of "
        f"{rule.alpha:g}; it fails when the shift is over the margin. Fewer than {rule.minimum_questions} questions, "
        f"or answers that name a member of the category with a probability under "
        f"{rule.minimum_category_mass:g}, decide nothing. When it is not decided, "
        f"{_ON_INCONCLUSIVE[rule.on_inconclusive]}."
    )
