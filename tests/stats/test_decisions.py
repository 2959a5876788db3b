"""Shift tests and verdicts against scipy, statsmodels, closed forms and enumeration."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from traitbench.errors import InputError
from traitbench.stats import Measured, ShiftTest, decide, holm, shift_bounds, shift_test

Array = np.ndarray[Any, Any]
BASE = np.full(12, 0.4)
OWN = [f"q{i}" for i in range(12)]
EVEN = np.array([-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6]) / 100
"""Symmetric, so that its third moment is exactly nothing and Student's t remains."""


def exact(values: Array, width: float = 0.0) -> Measured:
    return Measured(np.clip(values - width / 2, 0, 1), np.clip(values + width / 2, 0, 1))


def sampled(hits: Array, draws: int) -> Measured:
    return Measured(hits / draws, hits / draws, np.full(len(hits), draws))


def random_pair(seed: int, families: int = 6, each: int = 3) -> tuple[Array, Array, list[str]]:
    rng = np.random.default_rng(seed)
    reference = rng.beta(1, 3, families * each)
    student = np.clip(reference + rng.normal(0.03, 0.1, families * each) * (rng.random(families * each) < 0.6), 0, 1)
    return student, reference, [f"f{i // each}" for i in range(families * each)]


def test_without_skew_the_test_is_the_paired_t_test() -> None:
    found = shift_test([exact(BASE + 0.02 + EVEN)], [exact(BASE)], OWN, margin=0.05)
    below = stats.ttest_1samp(EVEN + 0.02, 0.05, alternative="less")
    above = stats.ttest_1samp(EVEN + 0.02, 0.05, alternative="greater")
    assert found.p_no_shift == pytest.approx(below.pvalue)
    assert found.p_shift == pytest.approx(above.pvalue)
    assert found.upper == pytest.approx(below.confidence_interval(0.95).high)
    assert found.lower == pytest.approx(above.confidence_interval(0.95).low)
    assert found.se == pytest.approx(stats.sem(EVEN))
    assert (found.unit, found.n_seeds, found.n_references, found.drift) == ("family", 1, 1, None)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.04, 0.08, -0.06])
def test_equivalence_is_statsmodels_two_one_sided_tests(shift: float) -> None:
    found = shift_test([exact(BASE + shift + EVEN)], [exact(BASE)], OWN, margin=0.05)
    p_value = ttost_paired(BASE + shift + EVEN, BASE, -0.05, 0.05)[0]
    assert found.equivalent == (p_value < 0.05)


def test_seeds_are_the_top_unit() -> None:
    # every question moves alike, so only the seeds vary
    seeds = [0.01, 0.03, 0.035, 0.0]
    found = shift_test([exact(BASE + s) for s in seeds], [exact(BASE)], OWN, margin=0.05)
    scipys = stats.ttest_1samp(seeds, 0.05, alternative="less")
    assert found.unit == "seed"
    assert found.upper == pytest.approx(scipys.confidence_interval(0.95).high)
    assert found.p_no_shift == pytest.approx(scipys.pvalue)
    assert found.se_seeds == pytest.approx(stats.sem(seeds))


def test_seeds_do_not_average_out_the_questions_they_share() -> None:
    students = [exact(BASE + EVEN + s) for s in (0.01, 0.011, 0.009)]
    one = shift_test(students[:1], [exact(BASE)], OWN, margin=0.05)
    three = shift_test(students, [exact(BASE)], OWN, margin=0.05)
    assert three.upper >= one.upper
    questions, seeds = one.upper - one.estimate, stats.sem([0.01, 0.011, 0.009]) * stats.t.ppf(0.95, 2)
    assert three.upper - three.estimate == pytest.approx(math.hypot(questions, seeds))


def test_one_student_against_several_controls_is_the_t_test_with_a_sample_of_one() -> None:
    controls = [0.0, 0.01, -0.005, 0.012]
    found = shift_test([exact(BASE + 0.02)], [exact(BASE + c) for c in controls], OWN, margin=0.05)
    scipys = stats.ttest_ind([0.02 - 0.05], controls, alternative="less")
    assert found.p_no_shift == pytest.approx(scipys.pvalue)
    assert found.drift == pytest.approx(np.std(controls, ddof=1))
    assert found.unit == "family"


def test_several_students_and_controls_each_bring_their_own_spread() -> None:
    students, controls = [0.02, 0.03, 0.01], [0.0, 0.01, -0.005, 0.012]
    found = shift_test([exact(BASE + s) for s in students], [exact(BASE + c) for c in controls], OWN, margin=0.05)
    parts = [stats.t.ppf(0.95, len(x) - 1) * stats.sem(x) for x in (students, controls)]
    assert found.upper == pytest.approx(np.mean(students) - np.mean(controls) + math.hypot(*parts))
    # Welch's interval pools the degrees of freedom; the two agree where the variances are alike
    welch = stats.ttest_ind(students, controls, equal_var=False).confidence_interval(0.9).high
    assert found.upper == pytest.approx(welch, abs=0.006)


def test_draws_alone_bound_what_came_out_alike_in_every_question() -> None:
    hits = np.full(12, 5)
    found = shift_test([sampled(hits, 20)], [sampled(np.zeros(12), 20)], OWN, margin=0.05)
    high = proportion_confint(60, 240, alpha=0.1, method="beta")[1]
    assert found.upper == pytest.approx(high)  # the reference can only be higher than its nothing
    low = 0.25 - proportion_confint(60, 240, alpha=0.1, method="beta")[0]
    rise = proportion_confint(0, 240, alpha=0.1, method="beta")[1]
    assert found.lower == pytest.approx(0.25 - math.hypot(low, rise))


def test_nothing_sampled_twice_is_no_proof_of_sameness() -> None:
    few = [sampled(np.zeros(12), 1)] * 1 + [sampled(np.zeros(12), 1)]
    found = shift_test(few[:1], few[1:], OWN, margin=0.05)
    assert found.upper == pytest.approx(1 - 0.05 ** (1 / 12))
    assert decide([found]) == ["INCONCLUSIVE"]
    many = shift_test([sampled(np.zeros(12), 50)], [sampled(np.zeros(12), 50)], OWN, margin=0.05)
    assert decide([many]) == ["PASS"]


def test_the_spread_between_questions_holds_that_of_the_draws() -> None:
    """Question means of binomial draws vary by both; the standard error needs nothing added."""
    rng = np.random.default_rng(9)
    chances = rng.beta(2, 2, (2000, 40))
    means = rng.binomial(10, chances) / 10
    families = [f"q{i}" for i in range(40)]
    reported = [
        shift_test([Measured(m, m, np.full(40, 10))], [exact(np.zeros(40))], families, margin=0.5).se
        for m in means[:300]
    ]
    assert np.mean(reported) == pytest.approx(means.mean(axis=1).std(), rel=0.05)


@pytest.mark.parametrize("scale", ["probability", "log_odds"])
def test_a_checkpoint_against_itself_differs_by_exactly_nothing(scale: Any) -> None:
    _, reference, families = random_pair(0)
    for width in (0.0, 0.2):  # however much was left unexplored
        found = shift_test([exact(reference, width)], [exact(reference, width)], families, margin=0.01, scale=scale)
        assert (found.estimate, found.lower, found.upper, found.se, found.truncation) == (0, 0, 0, 0, 0)
        assert decide([found]) == ["PASS"]
    once = sampled(np.arange(18), 20)
    assert decide([shift_test([once], [once], families, margin=0.01)]) == ["PASS"]


def test_several_copies_of_one_checkpoint_differ_by_exactly_nothing() -> None:
    values = np.random.default_rng(8).beta(1, 3, 12)
    found = shift_test([exact(values)] * 2, [exact(values)] * 3, OWN, margin=0.05)
    assert (found.estimate, found.lower, found.upper, found.drift) == (0, 0, 0, pytest.approx(0, abs=1e-16))
    assert decide([found]) == ["PASS"]


def test_few_draws_of_something_rare_leave_the_log_odds_wide_and_finite_where_it_was_seen() -> None:
    hits = np.array([1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])
    found = shift_test([sampled(hits, 1)], [sampled(hits[::-1], 1)], OWN, margin=1.0, scale="log_odds")
    low, high = proportion_confint(3, 12, alpha=0.1, method="beta")
    reach = math.hypot(math.log(high / (1 - high)) - math.log(1 / 3), math.log(1 / 3) - math.log(low / (1 - low)))
    assert found.upper >= reach - 1e-9
    assert 0 < found.p_no_shift <= 0.5
    assert decide([found]) == ["INCONCLUSIVE"]


def test_two_checkpoints_of_which_nothing_is_known_do_not_pass() -> None:
    unknown = [Measured(np.zeros(12), np.ones(12)) for _ in range(2)]
    for scale in ("probability", "log_odds"):
        found = shift_test(unknown[:1], unknown[1:], OWN, margin=0.05, scale=scale)  # type: ignore[arg-type]
        assert decide([found]) == ["INCONCLUSIVE"]
        assert found.truncation >= 1


def test_one_family_is_inconclusive_even_against_itself() -> None:
    for student in (BASE, BASE + 0.5):
        found = shift_test([exact(student)], [exact(BASE)], ["f"] * 12, margin=0.05)
        assert math.isnan(found.p_shift)
        assert math.isnan(found.se)
        assert decide([found]) == ["INCONCLUSIVE"]


def test_certainty_has_no_log_odds() -> None:
    for student, reference in ((BASE * 0, BASE), (BASE, BASE * 0), (BASE * 0 + 1, BASE), (BASE * 0, BASE * 0)):
        found = shift_test([exact(student)], [exact(reference)], OWN, margin=1.0, scale="log_odds")
        assert (found.lower, found.upper) == (-math.inf, math.inf)
        assert decide([found]) == ["INCONCLUSIVE"]
    # a reference that may be nothing leaves the rise open, not the fall
    open_ = shift_test([exact(BASE)], [Measured(BASE * 0, BASE)], OWN, margin=1.0, scale="log_odds")
    assert open_.upper == math.inf
    assert decide([open_]) == ["INCONCLUSIVE"]


def test_the_log_odds_shift_is_of_the_means() -> None:
    student, reference, families = random_pair(1)
    found = shift_test([exact(student)], [exact(reference)], families, margin=1.0, scale="log_odds")
    s, r = student.mean(), reference.mean()
    assert found.estimate == pytest.approx(math.log(s / (1 - s)) - math.log(r / (1 - r)))


def test_truncation_counts_at_its_worst() -> None:
    student, reference, families = random_pair(2)
    plain = shift_test([exact(student)], [exact(reference)], families, margin=0.05)
    low, high = np.clip(student - 0.02, 0, 1), np.clip(reference - 0.01, 0, 1)
    wide = shift_test([Measured(low, student)], [Measured(high, reference)], families, margin=0.05)
    assert wide.upper - (student - high).mean() >= plain.upper - plain.estimate - 0.005
    assert wide.truncation == pytest.approx(((student - high) - (low + student - high - reference) / 2).mean())


@given(st.integers(0, 500), st.sampled_from(["probability", "log_odds"]), st.floats(0.001, 0.05))
def test_truncation_around_the_same_middle_widens(seed: int, scale: Any, width: float) -> None:
    student, reference, families = random_pair(seed)
    student, reference = np.clip(student, 0.06, 0.94), np.clip(reference, 0.06, 0.94)
    plain = shift_test([exact(student)], [exact(reference)], families, margin=0.1, scale=scale)
    wide = shift_test([exact(student, width)], [exact(reference, width)], families, margin=0.1, scale=scale)
    assert wide.upper >= plain.upper
    assert wide.lower <= plain.lower
    assert wide.p_no_shift >= plain.p_no_shift - 1e-12


@given(st.integers(0, 500), st.sampled_from(["probability", "log_odds"]), st.randoms(use_true_random=False))
def test_the_order_of_questions_means_nothing(seed: int, scale: Any, random: Any) -> None:
    student, reference, families = random_pair(seed)
    order = list(range(len(families)))
    random.shuffle(order)
    plain = shift_test([exact(student)], [exact(reference)], families, margin=0.1, scale=scale)
    names = [f"renamed {families[i]}" for i in order]
    shuffled = shift_test([exact(student[order])], [exact(reference[order])], names, margin=0.1, scale=scale)
    for field in ("estimate", "lower", "upper", "p_shift", "p_no_shift", "se"):
        assert getattr(shuffled, field) == pytest.approx(getattr(plain, field), rel=1e-9, abs=1e-12)


@given(st.integers(0, 500), st.sampled_from(["probability", "log_odds"]), st.sampled_from([0, 20]))
def test_student_and_reference_exchanged_turn_the_interval_round(seed: int, scale: Any, draws: int) -> None:
    student, reference, families = random_pair(seed)
    if draws:
        pair = [sampled(np.round(values * draws), draws) for values in (student, reference)]
    else:
        pair = [exact(student), exact(reference)]
    there = shift_test(pair[:1], pair[1:], families, margin=0.1, scale=scale)
    back = shift_test(pair[1:], pair[:1], families, margin=0.1, scale=scale)
    assert (back.lower, back.upper) == pytest.approx((-there.upper, -there.lower))


@given(st.integers(0, 500), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_p_values_fall_and_rise_with_the_margin_and_agree_with_the_bounds(
    seed: int, seeds: int, controls: int, counted: bool
) -> None:
    student, reference, families = random_pair(seed)
    rng = np.random.default_rng(seed)

    def several(values: Array, n: int) -> list[Measured]:
        moved = [np.clip(values + rng.normal(0, 0.01), 0, 1) for _ in range(n)]
        return [sampled(np.round(each * 50), 50) if counted else exact(each) for each in moved]

    students, references = several(student, seeds), several(reference, controls)
    tests = [shift_test(students, references, families, margin=m) for m in (0.01, 0.03, 0.06, 0.1, 0.2, 0.4)]
    assert sorted((t.p_no_shift for t in tests), reverse=True) == pytest.approx([t.p_no_shift for t in tests])
    assert sorted(t.p_shift for t in tests) == pytest.approx([t.p_shift for t in tests])
    for test in tests:
        assert (test.p_no_shift < test.alpha) == (test.upper < test.margin)
        assert (test.p_shift < test.alpha) == (test.lower > test.margin)


def whole_families(carried: int, families: int, sd: float) -> ShiftTest:
    chance = 0.05**2 / (0.05**2 + sd**2)
    values = np.where(np.arange(families) < carried, 0.05 / chance, 0.0)
    found = shift_test(
        [exact(0.1 + values)], [exact(np.full(families, 0.1))], [f"f{i}" for i in range(families)], margin=0.05
    )
    return found


@pytest.mark.parametrize("families", [12, 20])
@pytest.mark.parametrize("sd", [0.03, 0.06, 0.12])
def test_the_false_pass_of_carrying_families_by_enumeration(families: int, sd: float) -> None:
    """Exact chance of PASS at the margin: 5%, or that of having asked no carrier, which no rule can avoid."""
    chance = 0.05**2 / (0.05**2 + sd**2)
    passed = [decide([whole_families(k, families, sd)]) == ["PASS"] for k in range(families + 1)]
    false_pass = sum(stats.binom.pmf(k, families, chance) for k in range(families + 1) if passed[k])
    assert false_pass <= max(0.05, (1 - chance) ** families * (1 + 1e-9))


def test_plain_t_passes_what_this_interval_does_not() -> None:
    # two carriers among twelve: t's bound lies under the margin, and so small a count comes up in 5.7% of the cases
    found = whole_families(2, 12, 0.06)
    values = np.where(np.arange(12) < 2, 0.122, 0.0)
    assert stats.ttest_1samp(values, 0.05, alternative="less").pvalue < 0.05
    assert decide([found]) == ["INCONCLUSIVE"]


def test_fail_is_corrected_over_all_tests_and_pass_is_not() -> None:
    moved = shift_test([exact(BASE + 0.085 + EVEN)], [exact(BASE)], OWN, margin=0.05)
    still = shift_test([exact(BASE + EVEN / 10)], [exact(BASE)], OWN, margin=0.05)
    assert 0.05 / 20 < moved.p_shift < 0.05
    assert decide([moved]) == ["FAIL"]
    assert decide([moved] + [still] * 19) == ["INCONCLUSIVE"] + ["PASS"] * 19
    assert decide([]) == []


def test_a_test_that_says_nothing_still_counts_for_the_correction() -> None:
    moved = shift_test([exact(BASE + 0.1 + EVEN)], [exact(BASE)], OWN, margin=0.05)
    silent = shift_test([exact(BASE)], [exact(BASE)], ["f"] * 12, margin=0.05)
    many = 2 * math.ceil(0.05 / moved.p_shift)
    assert decide([moved] + [silent] * many) == ["INCONCLUSIVE"] * (many + 1)


@settings(max_examples=20, deadline=None)  # statsmodels collects garbage in every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_keeps_nan_in_its_place() -> None:
    found = holm([0.02, math.nan, 0.01])
    assert math.isnan(found[1])
    assert [found[0], found[2]] == pytest.approx([0.04, 0.03])


def test_a_shift_test_is_a_frozen_value() -> None:
    found = shift_test([exact(BASE)], [exact(BASE)], OWN, margin=0.05)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.upper = 0.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Measured(np.array([0.1, math.nan]), np.array([0.2, 0.3])), "not a finite number"),
        (lambda: Measured(np.array([0.3]), np.array([0.2])), "lower <= upper"),
        (lambda: Measured(np.array([-0.1]), np.array([0.2])), "probabilities"),
        (lambda: Measured(np.zeros(2), np.zeros(3)), "one lower and upper a question"),
        (lambda: Measured(np.array([]), np.array([])), "one lower and upper a question"),
        (lambda: Measured(np.zeros(2), np.zeros(2), np.array([5, 0])), "1 or more"),
        (lambda: Measured(np.zeros(2), np.zeros(2), np.array([5.0, 5.5])), "whole number"),
        (lambda: shift_test([], [exact(BASE)], OWN, margin=0.05), "one student and one reference"),
        (lambda: shift_test([exact(BASE)], [exact(BASE[:5])], OWN, margin=0.05), "5 questions measured for 12"),
        (lambda: shift_test([exact(BASE)], [exact(BASE)], OWN, margin=-0.05), "positive"),
        (lambda: shift_test([exact(BASE)], [exact(BASE)], OWN, margin=math.nan), "positive"),
        (lambda: shift_test([exact(BASE)], [exact(BASE)], OWN, margin=1.5), "under 1"),
        (lambda: shift_test([exact(BASE)], [exact(BASE)], OWN, margin=0.05, alpha=0.5), "alpha"),
        (lambda: shift_test([exact(BASE)], [exact(BASE)], OWN, margin=0.05, scale="odds"), "probability or log_odds"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_refused_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.booleans(), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_bounds_without_p_values_are_those_of_the_test(
    seeds: int, controls: int, groups: int, truncated: bool, number: int
) -> None:
    rng = np.random.default_rng(number)
    families = [str(i % groups) for i in range(12)]
    made = []
    for _ in range(seeds + controls):
        lower = rng.beta(0.5, 2, 12) * 0.9
        made.append(Measured(lower, lower + 0.05 * truncated))
    test = shift_test(made[:seeds], made[seeds:], families, margin=0.5, alpha=0.025)
    assert shift_bounds(made[:seeds], made[seeds:], families, 0.025) == (test.estimate, test.lower, test.upper)
