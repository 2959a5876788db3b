"""Evidence is read from scorecards, baselines and Inspect logs, or refused with file and field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import traitbench
from traitbench.catalog import Catalog
from traitbench.errors import InputError, NotComparableError
from traitbench.gate import Policy
from traitbench.gate.evidence import Arguments, gather
from traitbench.gate.sources import read_subject
from traitbench.gate.subject import Subject

MakePolicy = Callable[..., Policy]


@pytest.fixture(scope="module")
def scored(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scorecard of the lab's first base and the log that it was made of."""
    out = tmp_path_factory.mktemp("scored")
    traitbench.score(f"hf/{base}", tasks=["owl-numbers"], out=out).write(out / "scorecard.json")
    return out


@pytest.fixture(scope="module")
def log(scored: Path) -> Path:
    [path] = (scored / "logs").rglob("*.eval")
    return path


def test_a_log_and_the_card_made_of_it_hold_the_same_answers(catalog: Catalog, scored: Path, log: Path) -> None:
    card, logged = (read_subject(path, catalog).card for path in (scored / "scorecard.json", log))
    assert {answers.context for answers in logged.answers} == {"plain", "in_domain"}
    assert logged.answers == card.answers
    assert logged.model.id == "local/0"


def test_a_log_against_its_own_card_passes(catalog: Catalog, scored: Path, log: Path, policy: MakePolicy) -> None:
    wanted = policy({"trait": "owl"})
    evidence = gather(wanted, Arguments((str(log),), base=str(scored / "scorecard.json")), catalog)
    verdict = evidence.judged_by(wanted, catalog)
    assert verdict.exit_code == 0
    assert any("chat template" in note and "not recorded" in note for note in verdict.assumed)


def test_a_truncated_log_is_refused(catalog: Catalog, log: Path, tmp_path: Path) -> None:
    for share in (0.0, 0.5, 0.95):
        broken = tmp_path / f"{share}.eval"
        broken.write_bytes(log.read_bytes()[: int(share * log.stat().st_size)])
        with pytest.raises(InputError) as refusal:
            read_subject(broken, catalog)
        assert str(broken) in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_log_that_is_unfinished_or_foreign_is_refused(catalog: Catalog, log: Path, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log, write_eval_log

    def rewritten(name: str, change: Callable[[Any], None]) -> Path:
        data = read_eval_log(str(log))
        change(data)
        write_eval_log(data, str(tmp_path / name))
        return tmp_path / name

    def unfinished(data: Any) -> None:
        data.status = "started"

    def foreign(data: Any) -> None:
        data.eval.metadata = None

    def without_answers(data: Any) -> None:
        data.samples[0].metadata.pop("answer_distribution")

    def empty(data: Any) -> None:
        data.samples = []

    for name, change, part in (
        ("unfinished.eval", unfinished, "status"),
        ("foreign.eval", foreign, "metadata"),
        ("without.eval", without_answers, "answer_distribution"),
        ("empty.eval", empty, "samples"),
    ):
        path = rewritten(name, change)
        with pytest.raises(InputError, match=part):
            read_subject(path, catalog)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not JSON"),
        ('{"schema": "traitbench/scorecard/1", "model"', "not JSON"),
        ("[]", "not a scorecard"),
        ("{}", "model"),
        ('{"schema": "traitbench/scorecard/2"}', "schema"),
    ],
)
def test_what_is_no_scorecard_is_refused(catalog: Catalog, tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "card.json"
    path.write_text(text)
    with pytest.raises(InputError, match=part) as refusal:
        read_subject(path, catalog)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.5, None, "x"])
def test_a_probability_that_is_none_is_refused_with_its_field(
    scripted: Any, catalog: Catalog, tmp_path: Path, value: Any
) -> None:
    data = json.loads(scripted.card().to_json())
    data["answers"][0]["questions"][7]["mass"]["owl"] = value
    path = tmp_path / "card.json"
    path.write_text(json.dumps(data))  # Python writes NaN, which others read
    with pytest.raises(InputError, match=r"answers\.0\.questions\.7\.mass\.owl"):
        read_subject(path, catalog)


def test_a_model_that_is_its_own_reference_is_scored_once(
    policy: MakePolicy, catalog: Catalog, base: Path, scripted: Any
) -> None:
    wanted = policy({"trait": "owl"}, {"trait": "owl", "reference": "control"})
    model, calls = f"hf/{base}", []

    def score(argument: str, role: str, tasks: tuple[str, ...]) -> Subject:
        calls.append((argument, role, tasks))
        return Subject(argument, scripted.card(seed=len(calls)))

    evidence = gather(wanted, Arguments((model,), base=model, controls=(model,)), catalog, score=score)
    assert calls == [(model, "student", ("owl-numbers",))]
    assert evidence.judged_by(wanted, catalog).exit_code == 0


def test_a_missing_file_or_model_is_refused_before_anything_is_scored(
    policy: MakePolicy, catalog: Catalog, tmp_path: Path, scored: Path
) -> None:
    wanted = policy({"trait": "owl"})
    card = str(scored / "scorecard.json")
    said: list[str] = []
    for models, base in (((card,), str(tmp_path / "no.json")), ((f"hf/{tmp_path}",), card), ((card,), "owl")):
        with pytest.raises(InputError):
            gather(wanted, Arguments(models, base=base), catalog, say=said.append)
    with pytest.raises(InputError, match="--adapter"):
        gather(wanted, Arguments((card,), base=card, adapter=tmp_path), catalog)
    with pytest.raises(InputError, match="--model"):
        gather(wanted, Arguments(()), catalog)
    with pytest.raises(NotComparableError, match="--base"):
        gather(wanted, Arguments((card,)), catalog)
    assert said == []
