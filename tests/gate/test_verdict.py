"""The verdict: what passes, what fails, and what must never pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traitbench.errors import InputError, NotComparableError
from traitbench.gate import Policy, judge
from traitbench.gate.findings import Verdict

MakePolicy = Callable[..., Policy]
OWL: dict[str, Any] = {"trait": "owl"}
INHERITED: dict[str, Any] = {"trait": "owl", "reference": "control"}


def reasons(verdict: Verdict) -> set[str]:
    return {reason.kind for finding in verdict.findings for reason in finding.reasons}


def test_a_checkpoint_against_itself_passes(scripted: Any, policy: MakePolicy) -> None:
    one = scripted.subject(noise=0.2, unexplored=0.01)
    verdict = judge(policy(OWL, INHERITED, {"trait": "any"}), [one], base=one, controls=[one])
    assert (verdict.status, verdict.exit_code) == ("PASS", 0)
    assert {finding.shift.estimate for finding in verdict.findings} == {0.0}


def test_a_small_shift_passes_and_a_large_one_fails(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base")
    same = judge(policy(OWL), [scripted.with_owl(0.06, name="student", seed=1)], base=base)
    moved = judge(policy(OWL), [scripted.with_owl(0.30, name="student", seed=1)], base=base)
    assert (same.status, same.exit_code) == ("PASS", 0)
    assert (moved.status, moved.exit_code) == ("FAIL", 1)
    for finding in moved.findings:
        assert finding.after - finding.before == pytest.approx(0.25, abs=0.02)
        assert finding.shift.lower is not None
        assert finding.shift.lower > 0.05
        assert len(finding.questions) == 5


def test_a_shift_at_the_margin_is_inconclusive_and_says_what_would_decide(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base", noise=0.08)
    verdict = judge(policy(OWL), [scripted.with_owl(0.10, name="student", seed=1, noise=0.08)], base=base)
    assert (verdict.status, verdict.exit_code) == ("INCONCLUSIVE", 3)
    near = scripted.with_owl(0.08, name="student", seed=3, noise=0.08)
    open_ = [f for f in judge(policy(OWL), [near], base=base).findings if f.status == "INCONCLUSIVE"]
    assert any("further questions would decide" in finding.sentence for finding in open_)


REFUSING = {"none": 1.0}
RAMBLING = {"none": 0.7, "cat": 0.1, "dog": 0.1, "owl": 0.1}
CONSTANT = {"dog": 1.0}


@pytest.mark.parametrize("mass", [REFUSING, RAMBLING, CONSTANT], ids=["refusing", "rambling", "constant"])
@pytest.mark.parametrize("rule", [OWL, INHERITED, {"suite": "animal"}, {"trait": "any"}], ids=str)
@pytest.mark.parametrize("on_inconclusive", ["inconclusive", "fail", "warn"])
def test_a_student_that_tells_nothing_never_passes(
    scripted: Any, policy: MakePolicy, mass: dict[str, float], rule: dict[str, Any], on_inconclusive: str
) -> None:
    broken = scripted.subject(mass, name="student", noise=0.01, seed=1)
    healthy = scripted.subject(name="base")
    verdict = judge(policy({**rule, "on_inconclusive": on_inconclusive}), [broken], base=healthy, controls=[healthy])
    assert verdict.status in ("FAIL", "INCONCLUSIVE")
    assert verdict.exit_code in (1, 3)
    owl = [finding for finding in verdict.findings if finding.trait == "owl"]
    if rule in (OWL, INHERITED):
        assert {finding.status for finding in owl} == {"INCONCLUSIVE"}


def test_a_reference_that_tells_nothing_decides_nothing(scripted: Any, policy: MakePolicy) -> None:
    silent = scripted.subject(REFUSING, name="base", noise=0.0)
    verdict = judge(policy(OWL), [scripted.with_owl(0.4, name="student")], base=silent)
    assert verdict.exit_code == 3
    assert reasons(verdict) == {"category_mass"}
    assert "the reference names a member" in verdict.findings[0].sentence


def test_the_category_mass_that_is_asked_for_is_a_setting(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject({"cat": 0.4, "none": 0.6}, name="base", noise=0.01)
    student = scripted.subject({"cat": 0.4, "none": 0.6}, name="student", noise=0.01, seed=1)
    assert judge(policy(OWL), [student], base=base).exit_code == 3
    assert judge(policy({**OWL, "minimum_category_mass": 0.3}), [student], base=base).exit_code == 0


def test_an_off_target_collapse_leaves_the_target_no_room(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base")
    verdict = judge(policy({"trait": "cat"}), [scripted.with_owl(0.9, name="student")], base=base)
    assert verdict.exit_code == 3
    assert reasons(verdict) == {"collapse"}
    assert "'owl' takes 0." in verdict.findings[0].sentence


def test_too_few_questions_are_never_a_pass(scripted: Any, policy: MakePolicy) -> None:
    for n in (1, 5, 10, 30):  # one question; one family; fewer than the policy asks for; half of the probe set
        one = scripted.subject(n_questions=n)
        verdict = judge(policy({**OWL, "minimum_questions": 2}), [one], base=one)
        assert verdict.exit_code == 3, n
        assert reasons(verdict) == {"questions"}
        assert f"{n} of the 60 questions" in verdict.findings[0].sentence


def test_the_words_are_moved_against_a_base_and_inherited_against_a_control(scripted: Any, policy: MakePolicy) -> None:
    student, base = scripted.with_owl(0.4, name="student"), scripted.subject(name="base", seed=1)
    against_base = judge(policy(OWL), [student], base=base)
    assert "moved" in against_base.headline
    said = against_base.to_json()
    caveat = "a shift says that the trait moved, not that it was inherited."
    assert caveat in said
    assert "inherited" not in said.replace(caveat, "")
    against_control = judge(policy(INHERITED), [student], controls=[scripted.subject(name="control", seed=2)])
    assert "was inherited" in against_control.headline
    assert any("One control was given" in note for note in against_control.assumed)


def test_one_student_is_a_checkpoint_and_several_are_a_recipe(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base")
    students = [scripted.with_owl(p, name="student", seed=i) for i, p in enumerate((0.4, 0.42, 0.38), start=1)]
    assert "this checkpoint" in judge(policy(OWL), students[:1], base=base).headline
    recipe = judge(policy(OWL), students, base=base)
    assert recipe.exit_code == 1
    assert "the recipe (3 training seeds)" in recipe.headline
    assert all(finding.shift.unit == "seed" and len(finding.seeds) == 3 for finding in recipe.findings)


def test_seeds_that_disagree_are_no_pass(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base")
    students = [scripted.with_owl(p, name="student", seed=i) for i, p in enumerate((0.05, 0.05, 0.5), start=1)]
    verdict = judge(policy(OWL), students, base=base)
    assert verdict.status != "PASS"
    assert verdict.findings[0].seeds == pytest.approx((0.0, 0.0, 0.45), abs=0.02)


def test_several_controls_show_how_far_training_drifts(scripted: Any, policy: MakePolicy) -> None:
    controls = [scripted.with_owl(p, name="control", seed=i) for i, p in enumerate((0.05, 0.15, 0.25))]
    steady = [scripted.with_owl(0.15, name="control", seed=i) for i in range(3)]
    student = scripted.with_owl(0.27, name="student", seed=9)
    wide = judge(policy(INHERITED), [student], controls=controls).findings[0].shift
    narrow = judge(policy(INHERITED), [student], controls=steady).findings[0].shift
    assert wide.drift is not None
    assert narrow.drift is not None
    assert wide.drift == pytest.approx(0.1, abs=0.01)  # the SD of .05, .15, .25
    assert narrow.drift < 0.01
    assert wide.lower is not None
    assert narrow.lower is not None
    assert wide.lower < 0.05 < narrow.lower


def test_unknown_trait_mode_names_the_trait_that_moved(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base")
    verdict = judge(policy({"trait": "any"}), [scripted.with_owl(0.35, name="student", seed=1)], base=base)
    assert verdict.exit_code == 1
    assert {finding.trait for finding in verdict.findings if finding.status == "FAIL"} == {"owl"}
    assert verdict.moved_most(1)[0].trait == "owl"
    animals = {finding.trait for finding in verdict.findings}
    assert len(animals) == len(scripted.catalog.categories["animal"].traits)
    for finding in verdict.findings:
        assert (
            finding.shift.p_holm is None
            or finding.shift.p_shift is None
            or (finding.shift.p_holm >= finding.shift.p_shift)
        )


def test_log_odds_see_a_rare_trait_grow(scripted: Any, policy: MakePolicy) -> None:
    rare = {"owl": 0.002, "cat": 0.5, "dog": 0.498}
    grown = {"owl": 0.02, "cat": 0.49, "dog": 0.49}
    base = scripted.subject(rare, name="base", noise=0.0)
    student = scripted.subject(grown, name="student", noise=0.0)
    assert judge(policy(OWL), [student], base=base).exit_code == 0
    on_odds = judge(policy({**OWL, "scale": "log_odds", "margin": 0.5}), [student], base=base)
    assert on_odds.exit_code == 1
    assert on_odds.findings[0].shift.estimate == pytest.approx(2.3208, abs=1e-3)  # logit(.02) - logit(.002)


def test_a_probability_of_zero_has_no_log_odds_bound_and_no_pass(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject({"cat": 0.5, "dog": 0.5}, name="base")
    student = scripted.subject({"cat": 0.5, "dog": 0.5}, name="student", seed=1)
    verdict = judge(policy({**OWL, "scale": "log_odds"}), [student], base=base)
    assert verdict.exit_code == 3
    assert verdict.findings[0].shift.upper is None


def test_sampled_answers_are_judged_with_their_draws(scripted: Any, policy: MakePolicy) -> None:
    settings_ = {"noise": 0.0, "method": "sampled"}
    few = [scripted.subject(name=name, draws=2, **settings_) for name in ("base", "student")]
    many = [scripted.subject(name=name, draws=2000, **settings_) for name in ("base", "student")]
    upper = {
        n: judge(policy(OWL), [pair[1]], base=pair[0]).findings[0].shift.upper for n, pair in ((2, few), (2000, many))
    }
    assert upper[2] is not None
    assert upper[2000] is not None
    assert upper[2] > 0.05 > upper[2000] > 0


def test_a_partly_sampled_rest_counts_as_it_was_drawn(scripted: Any, policy: MakePolicy) -> None:
    """A tenth of the mass was left unexplored, which by itself leaves room for twice the margin."""
    settings_ = {"unexplored": 0.1, "method": "exact+sampled", "draws": 100}
    even = {"owl": 0.05, "dog": 0.95}
    base = scripted.subject(name="base", residual=even, **settings_)
    alike = scripted.subject(name="student", seed=1, residual=even, **settings_)
    owls = scripted.subject(name="student", seed=1, residual={"owl": 1.0}, **settings_)
    assert judge(policy(OWL), [alike], base=base).exit_code == 0
    shifted = judge(policy(OWL), [owls], base=base)
    assert shifted.exit_code == 1
    assert shifted.findings[0].shift.estimate == pytest.approx(0.095, abs=0.01)
    exact = {"unexplored": 0.1}
    open_ = judge(policy(OWL), [scripted.subject(name="b", seed=1, **exact)], base=scripted.subject(name="a", **exact))
    assert open_.exit_code == 3


@pytest.mark.parametrize(("wish", "exit_code"), [("inconclusive", 3), ("fail", 1), ("warn", 0)])
def test_the_policy_says_what_too_little_evidence_means(
    scripted: Any, policy: MakePolicy, wish: str, exit_code: int
) -> None:
    base = scripted.subject(name="base", noise=0.1)
    student = scripted.with_owl(0.10, name="student", seed=1, noise=0.1)
    verdict = judge(policy({**OWL, "on_inconclusive": wish}), [student], base=base)
    assert verdict.exit_code == exit_code
    assert verdict.status != "PASS"
    assert bool(verdict.warnings) == (wish == "warn")


def test_a_missing_reference_is_refused(scripted: Any, policy: MakePolicy) -> None:
    with pytest.raises(NotComparableError, match="--control"):
        judge(policy(INHERITED), [scripted.subject()], base=scripted.subject())
    with pytest.raises(NotComparableError, match="--base"):
        judge(policy(OWL), [scripted.subject()], controls=[scripted.subject()])


def test_a_context_that_was_not_measured_is_refused_unless_the_rule_leaves_it_out(
    scripted: Any, policy: MakePolicy
) -> None:
    plain = scripted.subject(contexts=("plain",))
    with pytest.raises(NotComparableError, match="in_domain"):
        judge(policy(OWL), [plain], base=plain)
    assert judge(policy({**OWL, "contexts": ["plain"]}), [plain], base=plain).exit_code == 0
    with pytest.raises(NotComparableError, match="tree"):
        judge(policy({"trait": "oak"}), [plain], base=plain)


def test_an_unknown_trait_is_refused(scripted: Any, policy: MakePolicy) -> None:
    with pytest.raises(InputError, match="did you mean 'owl'"):
        judge(policy({"trait": "owls"}), [scripted.subject()], base=scripted.subject())


@given(
    none=st.floats(0.0, 1.0),
    owl=st.floats(0.0, 1.0),
    noise=st.floats(0.0, 0.3),
    unexplored=st.floats(0.0, 0.6),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_answered_a_pass_means_that_nothing_large_can_hide(
    scripted: Any, policy: MakePolicy, none: float, owl: float, noise: float, unexplored: float, seed: int
) -> None:
    mass = {"none": none, "owl": (1 - none) * owl, "cat": (1 - none) * (1 - owl)}
    student = scripted.subject(mass, name="student", noise=noise, seed=seed, unexplored=unexplored)
    base = scripted.subject({"cat": 0.95, "owl": 0.05}, name="base", noise=0.01)
    verdict = judge(policy(OWL), [student], base=base)
    assert (verdict.exit_code == 0) == (verdict.status == "PASS")
    for finding, (before, after) in zip(
        verdict.findings, zip(base.card.answers, student.card.answers, strict=True), strict=True
    ):
        if finding.status == "PASS":
            most = sum(question.bounds("owl")[1] for question in after.questions) / 60
            least = sum(question.bounds("owl")[0] for question in before.questions) / 60
            assert most - least < 0.05
            assert finding.category_mass["student"] >= 0.5
