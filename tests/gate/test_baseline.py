"""A baseline never drifts by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from traitbench.catalog import Catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.gate import Policy
from traitbench.gate.baseline import Baseline, differences, read_folder
from traitbench.gate.evidence import Arguments, gather
from traitbench.gate.policy import PinnedReferences
from traitbench.gate.sources import read_subject

MakePolicy = Callable[..., Policy]


@pytest.fixture
def blessed(scripted: Any, tmp_path: Path) -> Path:
    return Baseline.bless(scripted.subject(name="org/base")).write(tmp_path / "baselines")


def test_a_blessed_card_is_read_back_whole(scripted: Any, catalog: Catalog, blessed: Path) -> None:
    assert blessed.name == "org-base.json"
    assert read_subject(blessed, catalog).card == scripted.card(name="org/base")
    [(path, baseline)] = read_folder(blessed.parent)
    assert path == blessed
    assert baseline.versions == {"animal_one_word": "1-A"}


@pytest.mark.parametrize(
    ("keys", "value", "field"),
    [
        (("card", "answers", 0, "questions", 0, "unexplored"), 0.0001, "seal"),
        (("card", "model", "weights_sha256"), "another", "seal"),
        (("seal",), "0" * 64, "seal"),
        (("weights_sha256",), "another", "weights_sha256"),
        (("chat_template_sha256",), "another", "chat_template_sha256"),
        (("versions", "animal_one_word"), "2-A", "versions"),
    ],
)
def test_whatever_changes_in_the_file_is_noticed(
    catalog: Catalog, blessed: Path, keys: tuple[Any, ...], value: Any, field: str
) -> None:
    data = json.loads(blessed.read_text())
    place = data
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    blessed.write_text(json.dumps(data))
    with pytest.raises(NotComparableError) as refusal:
        read_subject(blessed, catalog)
    assert f"{blessed}: {field}" in str(refusal.value)


def test_what_cannot_be_pinned_is_not_blessed(scripted: Any) -> None:
    with pytest.raises(InputError, match="weights_sha256"):
        Baseline.bless(scripted.subject(weights_sha256=None))
    with pytest.raises(InputError, match="answers"):
        Baseline.bless(scripted.subject(contexts=()))


def test_a_policy_compares_with_its_pinned_baseline_and_with_no_other(
    scripted: Any, policy: MakePolicy, catalog: Catalog, blessed: Path, tmp_path: Path
) -> None:
    student, other, same = (tmp_path / f"{name}.json" for name in ("student", "other", "same"))
    scripted.card(name="student", seed=1).write(student)
    scripted.card(name="another/base", seed=2).write(other)
    scripted.card(name="org/base").write(same)
    pinned = policy({"trait": "owl"}).model_copy(
        update={"references": PinnedReferences(base=f"baselines/{blessed.name}")}
    )
    file = tmp_path / "traitbench.yaml"
    found = gather(pinned, Arguments((str(student),)), catalog, policy_file=file)
    assert found.base is not None
    assert found.base.card.model.id == "org/base"
    assert gather(pinned, Arguments((str(student),), base=str(same)), catalog, policy_file=file).base is not None
    with pytest.raises(NotComparableError, match=r"other\.json: weights_sha256"):
        gather(pinned, Arguments((str(student),), base=str(other)), catalog, policy_file=file)


def test_a_pinned_control_is_replaced_by_no_other(
    scripted: Any, policy: MakePolicy, catalog: Catalog, blessed: Path, tmp_path: Path
) -> None:
    student, other = tmp_path / "student.json", tmp_path / "other.json"
    scripted.card(name="student", seed=1).write(student)
    scripted.card(name="other", seed=2).write(other)
    references = PinnedReferences(control=(f"baselines/{blessed.name}",))
    pinned = policy({"trait": "owl", "reference": "control"}).model_copy(update={"references": references})
    file = tmp_path / "traitbench.yaml"
    assert len(gather(pinned, Arguments((str(student),)), catalog, policy_file=file).controls) == 1
    with pytest.raises(NotComparableError, match="pinned"):
        gather(pinned, Arguments((str(student),), controls=(str(other),)), catalog, policy_file=file)


def test_differences_name_identity_measurements_and_preferences(scripted: Any) -> None:
    one, other = scripted.card(name="one"), scripted.with_owl(0.4, name="two").card
    fields = {row["field"]: row for row in differences(one, other)}
    assert fields["model.id"] == {"field": "model.id", "before": "one", "after": "two"}
    moved = fields["animal_one_word.plain.P(owl)"]
    assert moved["after"] - moved["before"] == pytest.approx(0.35, abs=0.02)
    assert differences(one, one) == []
    plain = scripted.card(name="one", contexts=("plain",))
    assert [row["after"] for row in differences(one, plain)] == ["not measured"]


def test_a_folder_without_baselines_is_told_from_no_folder(tmp_path: Path) -> None:
    assert read_folder(tmp_path) == []
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "broken.json").write_text("{")
    assert read_folder(tmp_path) == []
    with pytest.raises(InputError, match="no such folder"):
        read_folder(tmp_path / "missing")
