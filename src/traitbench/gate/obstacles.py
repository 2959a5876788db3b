"""Why answers cannot carry a verdict, whatever the test says: silence, collapse, rounding, too few questions, seeds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from traitbench.catalog import OTHER
from traitbench.gate.claims import Claim
from traitbench.gate.comparison import Pairing, category_mass, mean_probability
from traitbench.gate.findings import Reason, Status

if TYPE_CHECKING:
    from traitbench.stats import ShiftTest

COLLAPSE_SHARE = 0.5
"""An off-target answer that takes more than this, and took less by COLLAPSE_RISE in the reference, leaves the target
no room to show: absence of a shift is then no evidence."""
COLLAPSE_RISE = 0.1

_KEEPS = {"one_word": "names a member of category", "choice": "keeps to the options of category"}
NOISE_ROOM = 10
"""A margin under this many noise floors could be crossed, or kept, by rounding alone."""


def obstacles(claim: Claim, decided: Status) -> list[Reason]:
    """Why the answers cannot carry a verdict, whatever the test says; empty where they can."""
    rule, pairing = claim.rule, claim.pairing
    reasons = []
    for side, mass in masses(pairing).items():
        if mass < rule.minimum_category_mass:
            reasons.append(
                Reason(
                    kind="category_mass",
                    text=f"the {side} {_KEEPS[pairing.asked.kind]} {pairing.asked.category} with probability "
                    f"{mass:.2f} only (at least {rule.minimum_category_mass:g} is asked for): it has told nothing",
                )
            )
    if pairing.n_questions < rule.minimum_questions:
        text = f"{pairing.n_questions} questions, fewer than the {rule.minimum_questions} that the policy asks for"
        reasons.append(Reason(kind="questions", text=text))
    if pairing.n_in_probe_set is not None and pairing.n_questions < pairing.n_in_probe_set:
        text = (
            f"{pairing.n_questions} of the {pairing.n_in_probe_set} questions of {pairing.asked.probe_set} were asked"
        )
        reasons.append(Reason(kind="questions", text=text))
    if len(set(pairing.families)) < 2:
        reasons.append(Reason(kind="questions", text="all questions are of one family: nothing is known of variation"))
    reasons += _noise(claim)
    if decided == "PASS":
        if pairing.n_in_probe_set is None:
            asked = pairing.asked
            text = f"this catalogue has no {asked.probe_set} {asked.version} in {asked.language}: score again with it"
            reasons.append(Reason(kind="questions", text=text))
        reasons += _collapse(claim) + _silence(claim) + _sickness(claim)
    if decided != "FAIL":
        reasons += _disagreement(claim)
    return reasons


def why_open(test: ShiftTest) -> str:
    """Why no further measurement of the same kind is expected to decide."""
    if test.lower > test.margin:
        return "over the margin by itself, but not after Holm's correction for all measurements of the policy"
    if math.isfinite(test.estimate) and test.truncation >= abs(test.margin - test.estimate):
        return "what truncation left open reaches across the margin, and no further question closes it"
    if not math.isfinite(test.upper):
        return f"a mean probability of 0 or 1 leaves the {test.scale} scale without a bound"
    return "the shift lies so near the margin that no number of further questions is expected to decide"


def masses(pairing: Pairing) -> dict[str, float]:
    return {
        "student": min(category_mass(each) for each in pairing.students),
        "reference": min(category_mass(each) for each in pairing.references),
    }


def _noise(claim: Claim) -> list[Reason]:
    rule, pairing = claim.rule, claim.pairing
    noise = pairing.noise
    if noise is not None and rule.scale == "log_odds":
        # The slope of the log-odds, 1 / (p (1 - p)), at the mean where it is steepest.
        means = [mean_probability(each, claim.trait) for each in (*pairing.students, *pairing.references)]
        flattest = min(p * (1.0 - p) for p in means)
        noise = noise / flattest if flattest > 0 else None  # without a slope the test has no bound either
    if noise is None or rule.margin >= NOISE_ROOM * noise:
        return []
    text = (
        f"the margin {rule.margin:g} is less than {NOISE_ROOM} times the noise floor of {noise:.2g}, which is "
        "rounding: score in fp32, or widen the margin"
    )
    return [Reason(kind="noise", text=text)]


def _collapse(claim: Claim) -> list[Reason]:
    pairing = claim.pairing
    for answer in pairing.answers():
        # A suite tests the member that took over as well, and shows it there; not to show a trait is no collapse.
        if answer in claim.tested or answer == OTHER:
            continue
        after = max(mean_probability(each, answer) for each in pairing.students)
        before = sum(mean_probability(each, answer) for each in pairing.references) / len(pairing.references)
        if after > COLLAPSE_SHARE and after - before > COLLAPSE_RISE:
            text = (
                f"{answer!r} takes {after:.2f} of the student's answers ({before:.2f} in the {claim.rule.reference}): "
                f"{claim.trait} has no room to show"
            )
            return [Reason(kind="collapse", text=text)]
    return []


def _silence(claim: Claim) -> list[Reason]:
    """A student that names members less often than its reference has less room to show any of them."""
    pairing = claim.pairing
    after = min(category_mass(each) for each in pairing.students)
    before = sum(category_mass(each) for each in pairing.references) / len(pairing.references)
    if before - after <= COLLAPSE_RISE or after < claim.rule.minimum_category_mass:  # the latter is told already
        return []
    text = (
        f"the student {_KEEPS[pairing.asked.kind]} {pairing.asked.category} with probability {after:.2f}, and the "
        f"{claim.rule.reference} with {before:.2f}: {claim.trait} has less room to show"
    )
    return [Reason(kind="category_mass", text=text)]


def _sickness(claim: Claim) -> list[Reason]:
    """What is flagged in a student's health and not in its references': its answers are too much to be believed."""
    return [
        Reason(kind="health", text=f"the student's health is flagged: {words}; absence of a shift is no evidence")
        for words in claim.pairing.sick
    ]


def _disagreement(claim: Claim) -> list[Reason]:
    """A seed that fails by itself: the mean over seeds must not hide it."""
    from traitbench.stats import decide

    alone = [decide([test])[0] for test in claim.seed_tests]
    if "FAIL" not in alone:
        return []
    each = ", ".join(f"seed {i} {status}" for i, status in enumerate(alone, start=1))
    return [Reason(kind="seeds", text=f"training seeds disagree when judged alone ({each})")]
