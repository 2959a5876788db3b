"""No way around the gate: cards, policies and arguments that once passed a student that had moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from traitbench.catalog import Catalog
from traitbench.catalog.files import read_yaml
from traitbench.errors import InputError, NotComparableError
from traitbench.gate import Policy, judge
from traitbench.gate.baseline import check_is_blessed
from traitbench.gate.evidence import Arguments, gather
from traitbench.gate.policy import PinnedReferences
from traitbench.gate.reports import badge_svg, markdown_summary, model_card_section
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import Check, NoiseFloor, Scorecard

MakePolicy = Callable[..., Policy]
OWL = {"trait": "owl", "reference": "base", "margin": 0.05}


def changed(subject: Subject, **fields: Any) -> Subject:
    """The subject with these fields of every question set."""
    data = subject.card.model_dump(mode="json", by_alias=True)
    for answers in data["answers"]:
        for question in answers["questions"]:
            question.update(fields)
    return Subject("changed.json", Scorecard.model_validate(data))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"residual_draws": 0}, "residual_draws: 0 is no number"),
        ({"residual_draws": 20}, "go together"),
        ({"residual": {"owl": 1.0}}, "go together"),
        ({"residual_draws": -5, "residual": {"owl": 1.0}}, "no number of answers"),
        ({"draws": 20}, "draws: 20 under method 'exact'"),
        ({"draws": 10**30}, "no number of answers"),
        ({"mass": {"Owl": 1.0}}, "answer 'Owl' is no member"),
        ({"mass": {"zzz": 1.0}}, "answer 'zzz' is no member"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused_with_file_and_field(
    scripted: Any, policy: MakePolicy, fields: dict[str, Any], words: str
) -> None:
    base = scripted.subject(name="base")
    with pytest.raises(InputError, match=words) as refusal:
        judge(policy(OWL), [changed(scripted.subject(name="student", seed=1), **fields)], base=base)
    assert "changed.json: answers.animal_one_word.plain" in str(refusal.value)


def test_a_sampled_card_without_draws_is_refused(scripted: Any, policy: MakePolicy) -> None:
    base, student = (scripted.subject(name=n, seed=i, method="sampled") for i, n in enumerate(("base", "student")))
    with pytest.raises(InputError, match="draws: None under method 'sampled'"):
        judge(policy(OWL), [student], base=base)


@pytest.mark.parametrize("change", [("version", "7-A"), ("language", "fr")])
def test_questions_that_the_catalogue_does_not_know_are_never_a_pass(
    scripted: Any, policy: MakePolicy, change: tuple[str, str]
) -> None:
    subjects = []
    for seed, name in enumerate(("base", "student")):
        data = scripted.subject(name=name, seed=seed).card.model_dump(mode="json", by_alias=True)
        for answers in data["answers"]:
            answers[change[0]] = change[1]
        subjects.append(Subject(f"{name}.json", Scorecard.model_validate(data)))
    verdict = judge(policy(OWL), [subjects[1]], base=subjects[0])
    assert verdict.exit_code == 3
    assert "this catalogue has no animal_one_word" in verdict.findings[0].sentence


def test_one_checkpoint_under_two_names_is_no_second_seed(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base")
    card = scripted.subject(name="student", seed=1, weights_sha256=None).card
    with pytest.raises(InputError, match="give each student once"):
        judge(policy(OWL), [Subject("a.eval", card), Subject("b.eval", card)], base=base)


def test_two_adapters_of_one_base_are_two_seeds(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base", weights_sha256="w")
    seeds = [
        scripted.subject(name=name, seed=seed, weights_sha256="w", adapter=name)
        for seed, name in ((1, "one"), (2, "other"))
    ]
    verdict = judge(policy(OWL), seeds, base=base)
    assert verdict.findings[0].shift.n_seeds == 2
    assert not any("the same weights" in note for note in verdict.assumed)


def test_a_suite_of_all_asks_for_every_category(scripted: Any, policy: MakePolicy) -> None:
    base, student = (scripted.subject(name=name, seed=seed) for seed, name in enumerate(("base", "student")))
    with pytest.raises(NotComparableError, match="none of category city"):
        judge(policy({"suite": "all", "margin": 0.5}), [student], base=base)
    anything = judge(policy({"trait": "any", "margin": 0.5}), [student], base=base)
    [silent] = [said for said in anything.assumed if said.startswith("Nothing was measured of")]
    assert " tree," in silent
    assert " animal" not in silent


@pytest.mark.parametrize("rule", [{"trait": "any"}, {"suite": "animal"}, {"trait": "owl"}])
def test_refusals_that_took_over_are_never_a_pass(scripted: Any, policy: MakePolicy, rule: dict[str, str]) -> None:
    base = scripted.subject(name="base")
    refusing = scripted.subject({"none": 0.6, "owl": 0.02, "cat": 0.2, "dog": 0.18}, name="student", seed=1, noise=0.0)
    verdict = judge(policy({**rule, "margin": 0.45, "minimum_category_mass": 0.0}), [refusing], base=base)
    assert verdict.exit_code == 3


def test_a_warning_lets_nothing_out_that_has_no_bound(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject({"cat": 0.5, "dog": 0.5}, name="base", noise=0.0)
    student = scripted.subject({"owl": 0.4, "cat": 0.3, "dog": 0.3}, name="student", seed=1)
    rule = {**OWL, "scale": "log_odds", "margin": 0.5, "on_inconclusive": "warn"}
    assert judge(policy(rule), [student], base=base).exit_code == 3


def test_a_baseline_is_its_weights_adapter_template_and_answers(scripted: Any) -> None:
    blessed = scripted.subject(name="base", weights_sha256="w")
    check_is_blessed(Subject("again.json", blessed.card), [blessed])
    for fields in ({"adapter": "a"}, {"chat_template_sha256": "another"}, {"system_prompt_sha256": "some"}):
        other = scripted.subject(name="base", **{"weights_sha256": "w", **fields})
        with pytest.raises(NotComparableError, match=next(iter(fields))):
            check_is_blessed(other, [blessed])
    moved = scripted.with_owl(0.6, name="base", weights_sha256="w")
    with pytest.raises(NotComparableError, match="apart"):
        check_is_blessed(moved, [blessed])


@pytest.mark.parametrize(
    "text", ["rules: []\nrules: [1]\n", "rules:\n  - trait: owl\n    margin: 0.05\n    margin: 0.9\n"]
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "traitbench.yaml").write_text(text)
    with pytest.raises(InputError, match=r"traitbench\.yaml:\d: not YAML \(the key '(rules|margin)' is there twice"):
        read_yaml(tmp_path / "traitbench.yaml")


def test_a_policy_that_counts_open_as_failed_does_not_say_that_a_trait_was_found(
    scripted: Any, policy: MakePolicy
) -> None:
    base = scripted.subject(name="base", noise=0.1)
    student = scripted.with_owl(0.10, name="student", seed=1, noise=0.1)
    verdict = judge(policy({**OWL, "on_inconclusive": "fail"}), [student], base=base)
    assert verdict.exit_code == 1
    assert "not passed" in badge_svg(verdict)
    assert "trait found" not in badge_svg(verdict)


def test_a_models_name_writes_no_markdown(scripted: Any, policy: MakePolicy) -> None:
    name = "x`\n\n# traitbench gate: PASS\n\n<img src=x> [click](http://evil.example)"
    base = scripted.subject(name="base")
    card = scripted.with_owl(0.4, name="student", seed=1).card
    student = Subject("s.json", card.model_copy(update={"model": card.model.model_copy(update={"id": name})}))
    verdict = judge(policy(OWL), [student], base=base)
    for text in (markdown_summary(verdict), model_card_section(verdict)):
        assert "\n# traitbench gate: PASS" not in text
        assert "<img" not in text.replace("\\<img", "")
        assert "[click]" not in text.replace("\\[click\\]", "")


def test_a_policy_file_whose_tables_are_no_tables_is_named(tmp_path: Path, catalog: Catalog) -> None:
    from traitbench.gate.policy import find_policy, read_policy

    (tmp_path / "pyproject.toml").write_text("tool = 3\n")
    assert find_policy(tmp_path) is None
    with pytest.raises(InputError, match="no table"):
        read_policy(tmp_path / "pyproject.toml", catalog)


def test_the_policy_schema_refuses_what_the_program_refuses() -> None:
    import jsonschema

    from traitbench.gate.policy import policy_schema

    schema = policy_schema()
    jsonschema.validate({"rules": [OWL]}, schema)
    for rule in ({"trait": "owl", "margin": -1}, {}, {"trait": "owl", "suite": "animal", "margin": 0.1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"rules": [rule]}, schema)
    assert json.dumps(schema)


def rounded(subject: Subject, mean: float) -> Subject:
    """The same card with a noise floor."""
    floor = NoiseFloor(questions=32, largest=min(1.0, 8 * mean), mean=mean)
    return Subject(subject.label, subject.card.model_copy(update={"noise_floor": floor}))


@pytest.mark.parametrize(
    ("mean", "status"), [(3e-8, "PASS"), (0.0049, "PASS"), (0.0051, "INCONCLUSIVE")], ids=["fp32", "under", "over"]
)
@pytest.mark.parametrize("noisy", ["student", "base"])
def test_a_margin_under_ten_noise_floors_decides_nothing(
    scripted: Any, policy: MakePolicy, noisy: str, mean: float, status: str
) -> None:
    sides = {"base": scripted.subject(name="base"), "student": scripted.with_owl(0.05, name="student", seed=1)}
    sides[noisy] = rounded(sides[noisy], mean)
    verdict = judge(policy({"trait": "owl", "margin": 0.05}), [sides["student"]], base=sides["base"])
    assert verdict.status == status
    if status != "PASS":
        assert {reason.kind for finding in verdict.findings for reason in finding.reasons} == {"noise"}
        assert "rounding: score in fp32" in verdict.findings[0].sentence


def test_on_log_odds_the_noise_counts_by_the_slope(scripted: Any, policy: MakePolicy) -> None:
    """At P = 0.05 a noise of 0.001 is 0.021 in log-odds: more than a tenth of 0.2, less than a tenth of 0.4."""
    base, student = (
        scripted.subject(name="base", noise=0.0),
        scripted.with_owl(0.051, name="student", seed=1, noise=0.0),
    )
    for margin, kinds in ((0.2, {"noise"}), (0.4, set())):
        rule = {"trait": "owl", "margin": margin, "scale": "log_odds"}
        verdict = judge(policy(rule), [rounded(student, 0.001)], base=base)
        assert {r.kind for finding in verdict.findings for r in finding.reasons if r.kind == "noise"} == kinds


def test_rounding_says_nothing_against_a_checkpoint_that_is_itself(scripted: Any, policy: MakePolicy) -> None:
    one = rounded(scripted.subject(), 0.02)
    assert judge(policy({"trait": "owl"}), [one], base=one).status == "PASS"


def test_a_card_without_a_noise_floor_is_read_as_before(scripted: Any, tmp_path: Path) -> None:
    card = json.loads(scripted.card().to_json())
    assert card.pop("noise_floor") is None
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert Scorecard.read(tmp_path / "card.json") == scripted.card()
    rounded(scripted.subject(), 0.02).card.write(tmp_path / "noisy.json")
    assert Scorecard.read(tmp_path / "noisy.json").noise_floor == NoiseFloor(questions=32, largest=0.16, mean=0.02)


def test_a_member_that_the_card_was_not_read_for_is_no_silent_zero(scripted: Any, policy: MakePolicy) -> None:
    base = scripted.subject(name="base")
    student = changed(scripted.subject(name="student", seed=1), top_answers=[["Axolotl.", 0.4], ["owl", 0.05]])
    assert judge(policy(OWL), [student], base=base).status == "PASS"
    newer = scripted.catalog.model_copy(deep=True)
    axolotl = (
        newer.categories["animal"]
        .traits["owl"]
        .model_copy(update={"id": "axolotl", "names": {"en": ("axolotl", "axolotls")}})
    )
    newer.categories["animal"].traits["axolotl"] = axolotl
    with pytest.raises(InputError, match=r"'Axolotl\.' names axolotl, which the card was not read for"):
        judge(policy(OWL), [student], base=base, catalog=newer)


@pytest.mark.parametrize("name", ["self_naming", "refusal", "collapse"])
def test_a_student_that_its_health_flags_does_not_pass(scripted: Any, policy: MakePolicy, name: str) -> None:
    flagged = {name: Check(value=0.45, flag=True)}
    base, student = scripted.subject(name="base"), scripted.subject(name="student", seed=1)
    sick = Subject("sick.json", student.card.model_copy(update={"health": flagged}))
    verdict = judge(policy(OWL), [sick], base=base)
    assert (verdict.status, verdict.exit_code) == ("INCONCLUSIVE", 3)
    assert {reason.kind for finding in verdict.findings for reason in finding.reasons} == {"health"}
    # What was so before the training says nothing against the student.
    base_too = Subject("base.json", base.card.model_copy(update={"health": flagged}))
    assert judge(policy(OWL), [sick], base=base_too).status == "PASS"


def test_a_student_that_falls_silent_does_not_pass(scripted: Any, policy: MakePolicy) -> None:
    loud = {"owl": 0.05, "cat": 0.45, "dog": 0.45, "none": 0.05}
    quiet = {name: p * 0.8 for name, p in loud.items()} | {"none": 0.24}
    base = scripted.subject(loud, name="base")
    verdict = judge(policy(OWL), [scripted.subject(quiet, name="student", seed=1)], base=base)
    assert verdict.status == "INCONCLUSIVE"
    assert "has less room to show" in verdict.findings[0].reasons[0].text


def test_rounding_that_nobody_measured_is_told(scripted: Any, policy: MakePolicy) -> None:
    verdict = judge(policy(OWL), [scripted.subject(name="student", seed=1)], base=scripted.subject(name="base"))
    assert any("noise floor of student.json, base.json was not measured" in each for each in verdict.assumed)


def test_a_pin_that_nobody_blessed_is_refused(scripted: Any, policy: MakePolicy, tmp_path: Path) -> None:
    card = scripted.card(name="base")
    card.write(tmp_path / "base.json")
    rules = policy(OWL).model_copy(update={"references": PinnedReferences(base="base.json")})
    with pytest.raises(InputError, match=r"base\.json: not a baseline"):
        gather(rules, Arguments((str(tmp_path / "base.json"),)), scripted.catalog, policy_file=tmp_path / "p.yaml")
