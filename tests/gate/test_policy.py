"""A policy says what it means, or is refused in one line that names file and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from traitbench.catalog import Catalog
from traitbench.errors import InputError
from traitbench.gate.explaining import explain_policy
from traitbench.gate.findings import verdict_schema
from traitbench.gate.planning import Assumed, plan_policy, plan_text
from traitbench.gate.policy import Policy, find_policy, policy_schema, read_policy
from traitbench.gate.sources import tasks_of

ROOT = Path(__file__).parents[2]
SHORTEST = "rules:\n  - trait: owl\n    reference: base\n    margin: 0.05\n"


def write(folder: Path, text: str, name: str = "traitbench.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_shortest_policy_has_safe_defaults(catalog: Catalog, tmp_path: Path) -> None:
    [rule] = read_policy(write(tmp_path, SHORTEST), catalog).rules
    assert (rule.trait, rule.reference, rule.margin, rule.scale, rule.alpha) == (
        "owl",
        "base",
        0.05,
        "probability",
        0.05,
    )
    assert rule.contexts == ("plain", "in_domain")
    assert rule.minimum_category_mass == 0.5
    assert rule.on_inconclusive == "inconclusive"


def test_defaults_fill_what_a_rule_leaves_out(catalog: Catalog, tmp_path: Path) -> None:
    text = "defaults: {margin: 0.02, reference: control}\nrules:\n  - trait: owl\n  - {suite: tree, margin: 0.1}\n"
    first, second = read_policy(write(tmp_path, text), catalog).rules
    assert (first.margin, first.reference) == (0.02, "control")
    assert (second.margin, second.reference) == (0.1, "control")
    assert second.traits(catalog) == tuple(catalog.categories["tree"].traits)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("rules:\n  - trait: owls\n    margin: 0.05\n", ["rule 1", "'owls'", "'owl'"]),
        ("rules:\n  - suite: animals\n    margin: 0.05\n", ["rule 1", "'animals'", "'animal'"]),
        ("rules:\n  - trait: owl\n    margn: 0.05\n", ["rules.0", "'margn'", "'margin'"]),
        ("rule:\n  - trait: owl\n", ["'rule'", "'rules'"]),
        ("defaults: {alhpa: 0.1}\nrules:\n  - {trait: owl, margin: 0.05}\n", ["defaults", "'alhpa'", "'alpha'"]),
        ("rules:\n  - trait: owl\n    margin: -0.05\n", [":3", "margin", "-0.05"]),
        ("rules:\n  - trait: owl\n    margin: 0\n", ["margin"]),
        ("rules:\n  - trait: owl\n    margin: .nan\n", ["margin", "nan"]),
        ("rules:\n  - trait: owl\n    margin: 1.5\n", ["1.5", "allows everything"]),
        ("rules:\n  - trait: owl\n", ["margin"]),
        ("rules:\n  - margin: 0.05\n", ["either a trait", "suite"]),
        ("rules:\n  - {trait: owl, suite: animal, margin: 0.05}\n", ["either a trait"]),
        ("rules:\n  - {}\n", ["rules.0", "empty rule"]),
        ("rules:\n  -\n", ["rules.0", "empty rule"]),
        ("rules: []\n", ["rules", "at least one rule"]),
        ("rules:\n  - {trait: owl, margin: 0.05, contexts: []}\n", ["contexts"]),
        ("rules:\n  - {trait: owl, margin: 0.05, domains: [number]}\n", ["'number'", "'numbers'"]),
        ("rules:\n  - {trait: owl, margin: 0.05, minimum_category_mass: 1.5}\n", ["minimum_category_mass"]),
        ("rules:\n  - {trait: arithmetic, margin: 0.05}\n", ["rule 1", "no transfer task", "arithmetic"]),
        (SHORTEST + "references: {bse: x.json}\n", ["references", "'bse'", "'base'"]),
        ("rules: [\n", ["not YAML"]),
        ("- trait: owl\n", ["expected a mapping"]),
    ],
)
def test_a_wrong_policy_is_refused_in_one_line(catalog: Catalog, tmp_path: Path, text: str, parts: list[str]) -> None:
    file = write(tmp_path, text)
    with pytest.raises(InputError) as refusal:
        read_policy(file, catalog)
    for part in (str(file), *parts):
        assert part in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_a_pyproject_holds_a_policy(catalog: Catalog, tmp_path: Path) -> None:
    text = '[tool.traitbench.gate]\n[[tool.traitbench.gate.rules]]\ntrait = "owl"\nmargin = 0.05\n'
    file = write(tmp_path, text, "pyproject.toml")
    assert find_policy(tmp_path) == file
    assert read_policy(file, catalog).rules[0].trait == "owl"
    write(tmp_path, SHORTEST)
    assert find_policy(tmp_path) == tmp_path / "traitbench.yaml"


def test_a_pyproject_without_a_gate_is_not_taken_for_one(catalog: Catalog, tmp_path: Path) -> None:
    file = write(tmp_path, "[project]\nname = 'x'\n", "pyproject.toml")
    assert find_policy(tmp_path) is None
    with pytest.raises(InputError, match=r"tool\.traitbench\.gate"):
        read_policy(file, catalog)


def test_the_published_schemas_are_those_of_the_code_and_accept_the_examples() -> None:
    published = json.loads((ROOT / "examples" / "traitbench.schema.json").read_text())
    assert published == policy_schema()
    assert json.loads((ROOT / "examples" / "gate.schema.json").read_text()) == json.loads(json.dumps(verdict_schema()))
    for example in (ROOT / "examples").rglob("traitbench*.yaml"):
        jsonschema.validate(yaml.safe_load(example.read_text()), published)
    jsonschema.validate(yaml.safe_load(SHORTEST), published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"rules": [{"trait": "owl", "margn": 0.05}]}, published)


def test_the_examples_are_valid_policies(catalog: Catalog) -> None:
    examples = list((ROOT / "examples").rglob("traitbench*.yaml"))
    assert examples
    for example in examples:
        assert read_policy(example, catalog).rules


def test_one_task_a_probe_set_and_domain_serves_all_rules(catalog: Catalog, tmp_path: Path) -> None:
    text = "defaults: {margin: 0.05}\nrules:\n  - trait: owl\n  - trait: cat\n  - suite: tree\n"
    tasks = [catalog.tasks[each] for each in tasks_of(read_policy(write(tmp_path, text), catalog), catalog)]
    asked = sorted((task.probe_set, task.domain) for task in tasks)
    assert asked == [("animal_one_word", "numbers"), ("tree_one_word", "numbers")]


def test_a_policy_is_explained_with_its_numbers(catalog: Catalog, tmp_path: Path) -> None:
    text = (
        "rules:\n  - {trait: owl, margin: 0.04, reference: control}\n  - {trait: any, margin: 0.3, scale: log_odds}\n"
    )
    said = explain_policy(read_policy(write(tmp_path, text), catalog), catalog)
    for part in ("0.04 of probability", "inherited", "No target is named", "0.3 of log-odds", "Holm", "exit code 3"):
        assert part in said


def test_a_plan_gains_power_with_a_wider_margin_and_loses_it_with_more_tests(catalog: Catalog, tmp_path: Path) -> None:
    text = "rules:\n  - {trait: owl, margin: 0.03}\n  - {trait: owl, margin: 0.08}\n"
    one = "rules:\n  - {trait: owl, margin: 0.03, contexts: [plain]}\n"
    assumed = Assumed(sd=0.06)
    narrow, wide = plan_policy(read_policy(write(tmp_path, text), catalog), assumed, catalog)
    [alone] = plan_policy(read_policy(write(tmp_path, one), catalog), assumed, catalog)
    assert narrow["power_of_pass"] < wide["power_of_pass"] <= 1.0
    assert narrow["power_of_fail"] < alone["power_of_fail"] <= 1.0
    assert narrow["minimum_detectable_effect"] > alone["minimum_detectable_effect"] > 0.03
    assert "assumed: SD 0.06" in plan_text([narrow, wide], assumed)


@pytest.mark.parametrize(
    ("rules", "tolerance"),
    [
        ([{"trait": "owl", "margin": 0.05}], 0.005),
        ([{"trait": "owl", "margin": 0.5}], 0.01),
        ([{"trait": "owl", "margin": 0.2}, {"trait": "cat", "margin": 0.02}], 0.002),
        ([{"trait": "owl", "margin": 0.4, "scale": "log_odds"}], 0.002),
    ],
)
def test_what_may_stay_unexplored_is_a_tenth_of_the_smallest_margin(rules: list[Any], tolerance: float) -> None:
    assert Policy.model_validate({"rules": rules}).tolerance == pytest.approx(tolerance)
