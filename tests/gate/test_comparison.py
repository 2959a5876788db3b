"""What cannot be compared is refused with the file and the field, and never judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from traitbench.catalog import Catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.gate.comparing import compare_subjects
from traitbench.gate.comparison import category_mass, mean_probability, pair, unknowns
from traitbench.gate.evidence import Evidence
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import Scorecard, TaskResult

Change = Callable[[dict[str, Any]], None]


def changed(subject: Subject, change: Change, label: str = "changed.json") -> Subject:
    """The subject with its card changed as JSON, as a hand or a program would."""
    data = subject.card.model_dump(mode="json", by_alias=True)
    change(data)
    return Subject(label, Scorecard.model_validate(data))


def each(field: str, value: Any) -> Change:
    def change(data: dict[str, Any]) -> None:
        for answers in data["answers"]:
            answers[field] = value

    return change


def sampled(data: dict[str, Any]) -> None:
    each("method", "sampled")(data)
    for answers in data["answers"]:
        for question in answers["questions"]:
            question["draws"] = 100


def identity(field: str, value: Any) -> Change:
    return lambda data: data["model"].__setitem__(field, value)


def drop_question(data: dict[str, Any]) -> None:
    data["answers"][0]["questions"].pop()


def drop_context(data: dict[str, Any]) -> None:
    data["answers"].pop()


def other_family(data: dict[str, Any]) -> None:
    data["answers"][0]["questions"][0]["family"] = "another"


def other_question(data: dict[str, Any]) -> None:
    data["answers"][0]["questions"][0]["id"] = "q00000000000"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (each("version", "2-A"), "version"),
        (sampled, "method"),
        (each("language", "zh"), "language"),
        (identity("chat_template_sha256", "another"), "chat_template_sha256"),
        (identity("system_prompt_sha256", "some"), "system_prompt_sha256"),
        (drop_question, "questions"),
        (other_question, "questions"),
        (drop_context, "in_domain numbers"),
        (other_family, "family"),
    ],
)
def test_unequal_measurements_are_refused(scripted: Any, catalog: Catalog, change: Change, field: str) -> None:
    student = scripted.subject(name="student")
    reference = changed(scripted.subject(name="base"), change, "base.json")
    for students, references in (([student], [reference]), ([reference], [student])):
        with pytest.raises(NotComparableError) as refusal:
            pair(students, references, ["animal"], catalog)
        assert field in str(refusal.value)
        assert "base.json" in str(refusal.value)
        assert refusal.value.exit_code == 5


def test_unequal_task_versions_are_refused(scripted: Any, catalog: Catalog) -> None:
    def with_version(version: str) -> Subject:
        made = scripted.subject(name="one")
        result = TaskResult.model_construct(task="owl-numbers", version=version)
        return Subject(f"{version}.json", made.card.model_copy(update={"tasks": (result,)}))

    pair([with_version("1-A")], [with_version("1-B")], ["animal"], catalog)
    with pytest.raises(NotComparableError, match=r"2-A\.json: tasks\.owl-numbers\.version"):
        pair([with_version("1-A")], [with_version("2-A")], ["animal"], catalog)


def test_exact_and_partly_sampled_answers_are_comparable(scripted: Any, catalog: Catalog) -> None:
    student = changed(scripted.subject(name="student"), each("method", "exact+sampled"))
    assert len(pair([student], [scripted.subject(name="base")], ["animal"], catalog)) == 2


def test_the_order_of_questions_does_not_matter(scripted: Any, catalog: Catalog) -> None:
    subject = scripted.subject(name="one")
    turned = changed(subject, lambda data: [answers["questions"].reverse() for answers in data["answers"]])
    for pairing in pair([subject], [turned], ["animal"], catalog):
        assert pairing.students == pairing.references


def twice(data: dict[str, Any]) -> None:
    data["answers"][0]["questions"].append(data["answers"][0]["questions"][0])


def measured_twice(data: dict[str, Any]) -> None:
    data["answers"].append(data["answers"][0])


def too_much(data: dict[str, Any]) -> None:
    data["answers"][0]["questions"][3]["mass"]["owl"] = 0.9


def no_questions(data: dict[str, Any]) -> None:
    data["answers"][0]["questions"] = []


def no_draws(data: dict[str, Any]) -> None:
    data["answers"][0]["questions"][0]["draws"] = 0


def draws_without_a_rest(data: dict[str, Any]) -> None:
    question = data["answers"][0]["questions"][0]
    question["mass"] = {"cat": 0.6}
    question["unexplored"] = 0.4
    question["draws"] = 100


@pytest.mark.parametrize("change", [twice, measured_twice, too_much, no_questions, no_draws, draws_without_a_rest])
def test_a_card_broken_in_itself_is_refused_as_bad_input(scripted: Any, catalog: Catalog, change: Change) -> None:
    broken = changed(scripted.subject(name="student"), change, "broken.json")
    with pytest.raises(InputError, match=r"broken\.json: answers\.animal_one_word\.plain"):
        pair([broken], [scripted.subject(name="base")], ["animal"], catalog)


def test_a_category_that_was_not_scored_is_refused(scripted: Any, catalog: Catalog) -> None:
    with pytest.raises(NotComparableError, match="tree"):
        pair([scripted.subject()], [scripted.subject()], ["tree"], catalog)


def test_a_checkpoint_given_twice_is_no_second_seed_or_control(scripted: Any, catalog: Catalog) -> None:
    one, other, base = (scripted.subject(name=name, seed=i) for i, name in enumerate(("one", "other", "base")))
    again = Subject("again.json", one.card)
    with pytest.raises(InputError, match=r"again\.json: the same checkpoint as one\.json; give each student once"):
        pair([one, again], [base], ["animal"], catalog)
    with pytest.raises(InputError, match=r"again\.json: the same checkpoint.*each reference once"):
        pair([base], [one, again], ["animal"], catalog)
    with pytest.raises(InputError, match="its own control"):
        pair([one], [again, other], ["animal"], catalog)
    assert pair([one], [again], ["animal"], catalog)


def test_what_cannot_be_checked_is_said(scripted: Any) -> None:
    hub = scripted.subject(name="hub", weights_sha256=None, chat_template_sha256=None, dtype="bf16")
    said = " ".join(unknowns([scripted.subject(name="student", dtype="f32")], [hub]))
    for part in ("chat template of hub.json is not recorded", "by name only", "bf16, f32"):
        assert part in said
    same = scripted.subject(name="same")
    assert any("compares a checkpoint with itself" in each for each in unknowns([same], [same]))


def test_masses_are_means_over_questions(scripted: Any) -> None:
    card = scripted.card({"owl": 0.25, "none": 0.75}, noise=0.0, unexplored=0.2)
    questions = card.answers[0].questions
    assert category_mass(questions) == pytest.approx(0.2)  # a quarter of the explored 0.8, and nothing else is certain
    assert mean_probability(questions, "owl") == pytest.approx(0.25)


def test_a_comparison_shows_what_moved_first(scripted: Any, catalog: Catalog) -> None:
    student, base = scripted.with_owl(0.35, name="student", seed=1), scripted.subject(name="base")
    result = compare_subjects(Evidence((student,), base, (scripted.subject(name="control", seed=2),)), ["any"], catalog)
    assert {row.trait for row in result.rows[:4]} == {"owl"}
    first = result.rows[0]
    assert first.lower is not None
    assert first.upper is not None
    assert first.lower < first.after - first.before < first.upper
    assert first.p_holm is not None
    assert first.p_holm < 0.001
    assert {row.reference for row in result.rows} == {"base", "control"}


def test_a_checkpoint_compared_with_itself_differs_by_nothing(scripted: Any, catalog: Catalog) -> None:
    one = scripted.subject(unexplored=0.01)
    for row in compare_subjects(Evidence((one,), one, ()), ["owl", "unicorn"], catalog).rows:
        assert (row.shift, row.lower, row.upper, row.p_value) == (0.0, 0.0, 0.0, 1.0)
