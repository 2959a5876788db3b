"""The one function that decides: policy, students and references in, Verdict out. All reports are made of its result.

PASS: the upper confidence bound of every shift is under the margin (intersection-union: no correction needed).
FAIL: a shift is over the margin, Holm-adjusted over all tests of the policy.
INCONCLUSIVE: neither; or the answers tell nothing (refusals, collapse, too few questions), which never passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from traitbench.catalog import Catalog, load_catalog
from traitbench.errors import NotComparableError
from traitbench.gate.claims import Claim, claim, measurements
from traitbench.gate.comparison import Pairing, mean_probability, unknowns
from traitbench.gate.findings import (
    AnswerMove,
    Finding,
    Further,
    Party,
    Profile,
    QuestionMove,
    Reason,
    ShiftResult,
    Status,
    Verdict,
    finite,
)
from traitbench.gate.obstacles import masses, obstacles, why_open
from traitbench.gate.policy import ANY, Policy, Rule
from traitbench.gate.subject import Subject
from traitbench.gate.words import headline, sentence

if TYPE_CHECKING:
    from traitbench.stats import ShiftTest

_MOVED_QUESTIONS = 5


def judge(
    policy: Policy,
    students: Sequence[Subject],
    *,
    base: Subject | None = None,
    controls: Sequence[Subject] = (),
    catalog: Catalog | None = None,
    policy_file: str | None = None,
    assumed: Sequence[str] = (),
) -> Verdict:
    """Judges students against their references by the policy.

    Args:
        policy: every rule must be met.
        students: one checkpoint, or one for each training seed of the same recipe.
        base: the checkpoint that the students started from; for rules with `reference: base`.
        controls: students of an untraited teacher; for rules with `reference: control`.
        catalog: what is known of traits and probe sets (default: the built-in catalogue).
        policy_file: named in the reports.
        assumed: further sentences for the reports' list of assumptions.

    Raises:
        NotComparableError: a rule's reference is missing, or the cards cannot be compared.
        InputError: the policy names an unknown trait, or a card is broken in itself.
    """
    catalog = catalog or load_catalog()
    policy.check(catalog, policy_file or "policy")
    sides = {"base": [base] if base else [], "control": list(controls)}
    claims: list[Claim] = []
    profiles: dict[tuple[Any, ...], Profile] = {}
    for number, rule in enumerate(policy.rules, start=1):
        if not sides[rule.reference]:
            raise NotComparableError(
                f"rule {number} ({rule.name}): no {rule.reference} was given; name one with --{rule.reference} MODEL"
            )
        for pairing, traits in measurements(number, rule, students, sides[rule.reference], catalog):
            profiles.setdefault((rule.reference, pairing.label), _profile(pairing, rule, catalog))
            claims += [claim(number, rule, trait, traits, pairing.offering(trait)) for trait in traits]
    findings = _decided(claims, catalog)
    used = {rule.reference for rule in policy.rules}
    references = [subject for role, side in sides.items() if role in used for subject in side]
    status, exit_code, warnings = _overall(policy, findings)
    return Verdict(
        status=status,
        exit_code=exit_code,
        headline=headline(status, exit_code, findings, len(students)),
        policy=policy,
        policy_file=policy_file,
        students=tuple(_party(each) for each in students),
        base=_party(base) if base else None,
        controls=tuple(_party(each) for each in controls),
        findings=tuple(findings),
        profiles=tuple(profiles.values()),
        warnings=tuple(warnings),
        assumed=(
            *assumed,
            *unknowns(students, references),
            *_about_evidence(used, len(students), len(controls)),
            *_not_asked(policy, findings, catalog),
        ),
        environment=_environment(),
    )


def _decided(claims: Sequence[Claim], catalog: Catalog) -> list[Finding]:
    """Decides all claims together, because Holm's correction spans the policy."""
    from traitbench.stats import decide, holm

    tests = [claim.test for claim in claims]
    adjusted = holm([test.p_shift for test in tests])
    decided = decide(tests)
    return [
        _finding(claim, status, p_holm, catalog)
        for claim, status, p_holm in zip(claims, decided, adjusted, strict=True)
    ]


def _finding(claim: Claim, decided: Status, p_holm: float, catalog: Catalog) -> Finding:
    from traitbench.stats import further_needed

    rule, pairing, test, trait = claim.rule, claim.pairing, claim.test, claim.trait
    reasons = obstacles(claim, decided)
    status: Status = "INCONCLUSIVE" if reasons else decided
    further = Further()
    if decided == "INCONCLUSIVE" and all(reason.kind == "seeds" for reason in reasons):
        further = Further(**further_needed(test))
        reasons.append(Reason(kind="evidence", text=f"too little evidence; {further.words() or why_open(test)}"))
    students, references = pairing.measured(trait)
    before = _mean([float(each.estimate.mean()) for each in references])
    after = [float(each.estimate.mean()) for each in students]
    shift = _shift_result(test, p_holm)
    asked = pairing.asked
    return Finding(
        rule=claim.number,
        rule_name=rule.name,
        trait=trait,
        category=asked.category,
        probe_set=asked.probe_set,
        version=asked.version,
        context=asked.context,
        domain=asked.domain,
        language=asked.language,
        method=asked.method,
        reference=rule.reference,
        status=status,
        reasons=tuple(reasons),
        tolerated=_tolerated(rule, test, status, reasons),
        scale=rule.scale,
        margin=rule.margin,
        alpha=rule.alpha,
        before=before,
        after=_mean(after),
        shift=shift,
        seeds=tuple(each - before for each in after),
        category_mass=masses(pairing),
        further=further,
        sentence=sentence(status, trait, rule, shift, before, _mean(after), [reason.text for reason in reasons]),
        questions=() if status == "PASS" else _moved_questions(pairing, trait, catalog),
    )


def _tolerated(rule: Rule, test: ShiftTest, status: Status, reasons: Sequence[Reason]) -> bool:
    """Whether `warn` lets it out: for want of evidence alone, and never what lies over the margin or has no bound."""
    if test.lower > test.margin or not math.isfinite(test.upper):
        return False
    only_evidence = all(reason.kind == "evidence" for reason in reasons)
    return status == "INCONCLUSIVE" and rule.on_inconclusive == "warn" and only_evidence


def _overall(policy: Policy, findings: Sequence[Finding]) -> tuple[Status, Any, list[str]]:
    """(status, exit code, warnings): FAIL over INCONCLUSIVE over PASS, each rule's `on_inconclusive` minded."""
    warnings = [finding.sentence for finding in findings if finding.tolerated]
    statuses: set[Status] = set()
    for finding in findings:
        counted_as_failed = policy.rules[finding.rule - 1].on_inconclusive == "fail"
        if finding.status == "INCONCLUSIVE" and counted_as_failed:
            statuses.add("FAIL")
        elif not finding.tolerated:
            statuses.add(finding.status)
    if "FAIL" in statuses:
        return "FAIL", 1, warnings
    if "INCONCLUSIVE" in statuses:
        return "INCONCLUSIVE", 3, warnings
    return ("INCONCLUSIVE" if warnings else "PASS"), 0, warnings


def _profile(pairing: Pairing, rule: Rule, catalog: Catalog) -> Profile:
    members = catalog.categories[pairing.asked.category].traits if pairing.asked.category in catalog.categories else ()
    moves = [
        AnswerMove(
            answer=answer,
            before=_mean([mean_probability(each, answer) for each in asked.references]),
            after=_mean([mean_probability(each, answer) for each in asked.students]),
        )
        for answer in dict.fromkeys((*members, *pairing.answers()))
        if pairing.offers(answer)
        for asked in [pairing.offering(answer)]
    ]
    return Profile(
        probe_set=pairing.asked.probe_set,
        category=pairing.asked.category,
        context=pairing.asked.context,
        domain=pairing.asked.domain,
        reference=rule.reference,
        n_questions=pairing.n_questions,
        answers=tuple(sorted(moves, key=lambda move: -abs(move.shift))),
    )


def _moved_questions(pairing: Pairing, trait: str, catalog: Catalog) -> tuple[QuestionMove, ...]:
    probes = catalog.probe_sets.get(pairing.asked.probe_set)
    texts = {question.id: question.text for question in probes.questions} if probes else {}
    moves = []
    for i, question in enumerate(pairing.asked.questions):
        before = _mean([mean_probability((side[i],), trait) for side in pairing.references])
        after = _mean([mean_probability((side[i],), trait) for side in pairing.students])
        moves.append(QuestionMove(id=question.id, text=texts.get(question.id), before=before, after=after))
    return tuple(sorted(moves, key=lambda move: -abs(move.after - move.before))[:_MOVED_QUESTIONS])


def _shift_result(test: ShiftTest, p_holm: float) -> ShiftResult:
    return ShiftResult(
        estimate=finite(test.estimate),
        lower=finite(test.lower),
        upper=finite(test.upper),
        p_shift=finite(test.p_shift),
        p_holm=finite(p_holm),
        p_no_shift=finite(test.p_no_shift),
        unit=test.unit,
        n_questions=test.n_questions,
        n_families=test.n_families,
        n_seeds=test.n_seeds,
        n_references=test.n_references,
        se=finite(test.se),
        drift=finite(test.drift),
        truncation=finite(test.truncation),
    )


def _about_evidence(references: set[Any], n_students: int, n_controls: int) -> list[str]:
    said = []
    if n_students == 1:
        said.append("One student was given: the verdict is about this checkpoint, not about its training recipe.")
    else:
        said.append(f"The {n_students} students are taken as training seeds of one recipe.")
    if "control" not in references:
        said.append("No rule compares with a control: a shift says that the trait moved, not that it was inherited.")
    elif n_controls == 1:
        said.append("One control was given: how far training alone drifts is not known.")
    return said


def _not_asked(policy: Policy, findings: Sequence[Finding], catalog: Catalog) -> list[str]:
    """Which categories a rule without a target says nothing of."""
    if not any(rule.trait == ANY for rule in policy.rules):
        return []
    asked = {finding.category for finding in findings}
    missing = [category for category in catalog.categories if category not in asked]
    return [f"Nothing was measured of, and nothing is said of: {', '.join(missing)}."] if missing else []


def _party(subject: Subject) -> Party:
    return Party(label=subject.label, model=subject.card.model)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _environment() -> dict[str, str]:
    found = {}
    for package in ("traitbench", "scipy", "statsmodels"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
