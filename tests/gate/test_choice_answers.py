"""Answers with options at the gate: each scale is judged by its own questions, and silence is never a pass."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from traitbench.catalog import OTHER, Catalog, ChoiceQuestion
from traitbench.errors import NotComparableError
from traitbench.gate import Policy, judge
from traitbench.gate.comparing import compare_subjects
from traitbench.gate.evidence import Evidence
from traitbench.gate.findings import Verdict
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import MeasuredAnswers, ModelIdentity, QuestionAnswers, References, Scorecard

MakePolicy = Callable[..., Policy]
MISALIGNMENT: dict[str, Any] = {"suite": "misalignment"}


class Cards:
    """Cards on which every scale has a share, and every category its members' masses."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def subject(
        self,
        shares: Mapping[str, float] | None = None,
        *,
        name: str,
        outside: float = 0.02,
        probe_sets: tuple[str, ...] = ("misalignment_choice",),
        noise: float = 0.02,
    ) -> Subject:
        """Half of every scale, and an equal part for every member, unless `shares` has a trait otherwise."""
        rng = random.Random(name)
        answers = []
        for probe_set in probe_sets:
            probes = self.catalog.probe_set(probe_set)
            for context, domain in (("plain", "none"), ("in_domain", "numbers")):
                questions = tuple(
                    QuestionAnswers(
                        id=question.id,
                        family=question.family,
                        mass=self._mass(question, probes.category, shares or {}, noise, rng),
                        unexplored=0.0,
                        draws=None,
                        within_tolerance=True,
                        top_answers=(),
                        outside=outside if probes.kind == "choice" else 0.0,
                    )
                    for question in probes.questions
                    if question.language == "en"
                )
                answers.append(
                    MeasuredAnswers(
                        probe_set=probe_set, version=probes.version, category=probes.category, context=context,
                        domain=domain, language="en", method="exact", kind=probes.kind, questions=questions,
                    )
                )  # fmt: skip
        model = ModelIdentity(id=name, weights_sha256=name, chat_template_sha256="one template")
        card = Scorecard(model=model, references=References(), tasks=(), answers=tuple(answers), environment={})
        return Subject(f"{name}.json", card)

    def _mass(
        self, question: Any, category: str, shares: Mapping[str, float], noise: float, rng: random.Random
    ) -> dict[str, float]:
        if isinstance(question, ChoiceQuestion) and question.trait is not None:
            p = min(1.0, max(0.0, shares.get(question.trait, 0.5) + rng.gauss(0, noise)))
            return {question.trait: p, OTHER: 1.0 - p}
        members = list(self.catalog.categories[category].traits)
        mass = {member: shares.get(member, 0.9 / len(members)) + rng.random() * noise / 10 for member in members}
        total = sum(mass.values())
        return {member: p / total for member, p in mass.items()}


@pytest.fixture(scope="module")
def cards(catalog: Catalog) -> Cards:
    return Cards(catalog)


def by_trait(verdict: Verdict) -> dict[tuple[str, str], str]:
    return {(finding.trait, finding.context): finding.status for finding in verdict.findings}


def test_scales_that_stay_pass(cards: Cards, catalog: Catalog, policy: MakePolicy) -> None:
    verdict = judge(policy(MISALIGNMENT), [cards.subject(name="student")], base=cards.subject(name="base"))
    assert (verdict.status, verdict.exit_code) == ("PASS", 0)
    scales = catalog.categories["misalignment"].traits
    assert by_trait(verdict) == {(scale, context): "PASS" for scale in scales for context in ("plain", "in_domain")}


def test_the_scale_that_moved_fails_and_no_other(cards: Cards, policy: MakePolicy) -> None:
    student = cards.subject({"deception": 0.75}, name="student")
    verdict = judge(policy(MISALIGNMENT), [student], base=cards.subject(name="base"))
    assert (verdict.status, verdict.exit_code) == ("FAIL", 1)
    assert {trait for (trait, _), status in by_trait(verdict).items() if status == "FAIL"} == {"deception"}
    assert set(by_trait(verdict).values()) == {"PASS", "FAIL"}
    [plain, _] = [finding for finding in verdict.findings if finding.trait == "deception"]
    assert plain.after - plain.before == pytest.approx(0.25, abs=0.01)
    assert len(plain.questions) == 5


@pytest.mark.parametrize("silent", ["student", "base"])
def test_who_keeps_to_no_option_has_told_nothing(cards: Cards, policy: MakePolicy, silent: str) -> None:
    sides = {name: cards.subject(name=name, outside=0.9 if name == silent else 0.02) for name in ("student", "base")}
    verdict = judge(policy(MISALIGNMENT), [sides["student"]], base=sides["base"])
    assert (verdict.status, verdict.exit_code) == ("INCONCLUSIVE", 3)
    for finding in verdict.findings:
        assert finding.status == "INCONCLUSIVE"
        assert [reason.kind for reason in finding.reasons] == ["category_mass"]
        assert f"the {silent if silent == 'student' else 'reference'} keeps to the options" in finding.sentence
        assert finding.category_mass["student" if silent == "student" else "reference"] == pytest.approx(0.1)


def test_not_to_show_a_trait_is_no_collapse(cards: Cards, policy: MakePolicy) -> None:
    """`other` rises from one half to nearly all of the answers: the best that can happen."""
    student = cards.subject(dict.fromkeys(cards.catalog.categories["misalignment"].traits, 0.03), name="student")
    for rule in ({"trait": "deception"}, MISALIGNMENT):
        verdict = judge(policy(rule), [student], base=cards.subject(name="base"))
        assert (verdict.status, verdict.exit_code) == ("PASS", 0)
        assert not any(finding.reasons for finding in verdict.findings)


def test_too_few_questions_of_a_scale_are_too_few_evidence(cards: Cards, policy: MakePolicy) -> None:
    rule = {"trait": "power", "minimum_questions": 200}  # of all questions there are more, about power fewer
    verdict = judge(policy(rule), [cards.subject(name="student")], base=cards.subject(name="base"))
    assert verdict.status == "INCONCLUSIVE"
    assert {reason.kind for finding in verdict.findings for reason in finding.reasons} == {"questions"}


def test_a_part_of_a_scale_is_not_the_scale(cards: Cards, policy: MakePolicy) -> None:
    def without_two(subject: Subject) -> Subject:
        answers = []
        for each in subject.card.answers:
            gone = {question.id for question in each.offering("power")[:2]}
            kept = tuple(question for question in each.questions if question.id not in gone)
            answers.append(each.model_copy(update={"questions": kept}))
        return Subject(subject.label, subject.card.model_copy(update={"answers": tuple(answers)}))

    student, base = (without_two(cards.subject(name=name)) for name in ("student", "base"))
    verdict = judge(policy(MISALIGNMENT), [student], base=base)
    assert {trait for (trait, _), status in by_trait(verdict).items() if status == "INCONCLUSIVE"} == {"power"}


def test_the_suite_core_asks_for_every_category(cards: Cards, catalog: Catalog, policy: MakePolicy) -> None:
    core = tuple(dict.fromkeys(task.probe_set for task in catalog.tasks_of(catalog.suite("core"))))
    base = cards.subject(name="base", probe_sets=core)
    student = cards.subject({"harm": 0.8}, name="student", probe_sets=core)
    verdict = judge(policy({"suite": "core"}), [student], base=base)
    assert verdict.status == "FAIL"
    assert {trait for (trait, _), status in by_trait(verdict).items() if status == "FAIL"} == {"harm"}
    assert {finding.trait for finding in verdict.findings} == {
        task.trait for task in catalog.tasks_of(catalog.suite("core"))
    }
    same = judge(policy({"suite": "core"}), [cards.subject(name="same", probe_sets=core)], base=base)
    assert (same.status, same.exit_code) == ("PASS", 0)
    with pytest.raises(NotComparableError, match="none of category"):
        judge(policy({"suite": "core"}), [cards.subject(name="student")], base=cards.subject(name="base"))


def test_a_comparison_has_a_row_for_each_scale_on_its_own_questions(cards: Cards, catalog: Catalog) -> None:
    student, base = cards.subject({"harm": 0.7, "power": 0.4}, name="student"), cards.subject(name="base")
    result = compare_subjects(Evidence((student,), base, ()), ["any"], catalog)
    assert len(result.rows) == 2 * len(catalog.categories["misalignment"].traits)
    assert {row.trait for row in result.rows[:2]} == {"harm"}
    assert {row.trait for row in result.rows[2:4]} == {"power"}
    for row in result.rows:
        own = [each for each in catalog.probe_set("misalignment_choice").questions if each.offers(row.trait)]
        assert row.n_questions == sum(each.language == "en" for each in own)
        assert row.n_families == len({each.family for each in own})
        expected = {"harm": 0.7, "power": 0.4}.get(row.trait, 0.5)
        assert (row.before, row.after) == (pytest.approx(0.5, abs=0.02), pytest.approx(expected, abs=0.02))
