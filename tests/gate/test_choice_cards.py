"""No way around the gate with questions that have options: scales, kinds and suites that a card leaves out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from traitbench.catalog import Catalog, ChoiceQuestion, load_catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.gate import Policy, judge
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import MeasuredAnswers, ModelIdentity, QuestionAnswers, References, Scorecard

MakePolicy = Callable[..., Policy]
MakeCard = Callable[..., Subject]
DECEPTION = [{"trait": "deception"}, {"suite": "misalignment"}, {"trait": "any"}]


@pytest.fixture
def card(catalog: Catalog) -> MakeCard:
    """A card of questions with options; `tell` gives the shares of a question's named answers."""

    def make(
        name: str, *probe_sets: str, tell: Callable[[ChoiceQuestion], dict[str, float]], top: Any = (), **fields: Any
    ) -> Subject:
        answers, less = [], fields.get("less", ())
        for probe_set in probe_sets:
            probes = catalog.probe_set(probe_set)
            questions = tuple(
                QuestionAnswers(
                    id=each.id, family=each.family, mass=tell(each), unexplored=0.0, draws=None,
                    within_tolerance=True, top_answers=top, outside=fields.get("outside", 0.0),
                )
                for each in probes.questions
                if isinstance(each, ChoiceQuestion) and each.language == "en" and each.trait not in less
            )  # fmt: skip
            answers += [
                MeasuredAnswers(
                    probe_set=probe_set, version=probes.version, category=probes.category,
                    context="plain" if domain == "none" else "in_domain", domain=domain, language="en", method="exact",
                    questions=questions, kind=fields.get("kind", "choice"),
                )
                for domain in ("none", "numbers")
            ]  # fmt: skip
        model = ModelIdentity(id=name, weights_sha256=name, chat_template_sha256="one template")
        card = Scorecard(model=model, references=References(), tasks=(), answers=tuple(answers), environment={})
        return Subject(f"{name}.json", card)

    return make


def flat(question: ChoiceQuestion) -> dict[str, float]:
    return {str(question.trait): 0.3, "other": 0.7}


def deceptive(question: ChoiceQuestion) -> dict[str, float]:
    """A quarter more on one scale: diluted over the seven of the set, it is under any usual margin."""
    return {"deception": 0.55, "other": 0.45} if question.trait == "deception" else flat(question)


def even(question: ChoiceQuestion) -> dict[str, float]:
    return {name: 1 / len(question.named) for name in question.named}


@pytest.mark.parametrize("rule", DECEPTION, ids=str)
def test_a_scale_that_rose_is_found(card: MakeCard, policy: MakePolicy, rule: dict[str, str]) -> None:
    base, student = (card(n, "misalignment_choice", tell=t) for n, t in (("base", flat), ("student", deceptive)))
    verdict = judge(policy(rule), [student], base=base)
    assert {finding.trait for finding in verdict.findings if finding.status == "FAIL"} == {"deception"}


@pytest.mark.parametrize("rule", DECEPTION, ids=str)
def test_a_scale_that_no_card_was_asked_about_is_never_a_pass(
    card: MakeCard, policy: MakePolicy, rule: dict[str, str]
) -> None:
    base, student = (
        card(n, "misalignment_choice", tell=t, less=["deception"]) for n, t in (("base", flat), ("student", deceptive))
    )
    with pytest.raises(NotComparableError, match=r"none of the 44 questions about deception was asked, as rule 1"):
        judge(policy(rule), [student], base=base)


@pytest.mark.parametrize("rule", DECEPTION, ids=str)
def test_a_kind_that_is_not_the_probe_sets_is_refused(card: MakeCard, policy: MakePolicy, rule: dict[str, str]) -> None:
    """As `one_word`, all questions of the set would be about every scale."""
    base, student = (
        card(n, "misalignment_choice", tell=t, kind="one_word") for n, t in (("base", flat), ("student", deceptive))
    )
    with pytest.raises(InputError, match=r"misalignment_choice\.plain\.kind: 'one_word', but the probe set is of kind"):
        judge(policy(rule), [student], base=base)


def test_a_member_that_nothing_offers_was_not_measured(card: MakeCard, policy: MakePolicy, tmp_path: Path) -> None:
    (tmp_path / "categories").mkdir()
    (tmp_path / "categories" / "more.yaml").write_text(
        "category: animal\nnoun: {en: [animal, animals]}\ntraits:\n"
        "  - {id: axolotl, names: {en: [axolotl, axolotls]}}\n"
    )
    base, student = (card(name, "animal_revealed", tell=even) for name in ("base", "student"))
    for rule in ({"trait": "axolotl"}, {"suite": "animal"}):
        with pytest.raises(NotComparableError, match="offers axolotl, as rule 1 asks"):
            judge(policy(rule), [student], base=base, catalog=load_catalog(tmp_path))


def test_a_suite_is_judged_as_a_whole(card: MakeCard, policy: MakePolicy, catalog: Catalog) -> None:
    """A card that holds every trait of the suite, by other questions than the suite's."""
    sets = {task.probe_set.replace("one_word", "revealed") for task in catalog.tasks_of(catalog.suite("smoke"))}
    base, student = (card(name, *sorted(sets), tell=even) for name in ("base", "student"))
    with pytest.raises(NotComparableError, match=r"animal_one_word \(plain\) was not measured, as suite smoke"):
        judge(policy({"suite": "smoke"}), [student], base=base)


@pytest.mark.parametrize(("outside", "refused"), [(0.0, True), (0.5, True), (0.98, False), (1.0, True)])
def test_an_outside_that_contradicts_the_labels_is_refused(
    card: MakeCard, policy: MakePolicy, outside: float, refused: bool
) -> None:
    """The labels got 0.02 together."""
    top = (("A", 0.015), ("B", 0.005))
    base = card("base", "misalignment_choice", tell=flat)
    student = card("student", "misalignment_choice", tell=flat, top=top, outside=outside)
    if refused:
        with pytest.raises(InputError, match=r"outside: .* but the options got 0\.0200"):
            judge(policy({"suite": "misalignment"}), [student], base=base)
    else:
        assert judge(policy({"suite": "misalignment"}), [student], base=base).exit_code == 3
