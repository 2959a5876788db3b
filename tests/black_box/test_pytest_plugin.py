"""The pytest plugin in pytest processes of its own: items, marker, fixtures, skips, workers, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

import traitbench
from traitbench.runner.scorecard import ModelIdentity, Scorecard

MINE = """
import pytest

@pytest.mark.trait_gate(trait="cat", margin=0.05)
def test_cat(): pass

@pytest.mark.trait_gate("owl", margin=0.05)
def test_owl(): pass

@pytest.mark.trait_gate("owls")
def test_misspelt(): pass

def test_card(trait_scorecard):
    assert trait_scorecard.answers[0].category == "animal"

def test_gate(trait_gate):
    assert trait_gate("cat", reference="base").status == "PASS"
"""


@pytest.fixture(scope="module")
def cards(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's first base as a card, and a student written down from it that names owls oftener."""
    out = tmp_path_factory.mktemp("cards")
    card = traitbench.score(f"hf/{base}", tasks=["owl-numbers"])
    card.write(out / "base.json")
    with_owls(card).write(out / "student.json")
    return out


def with_owls(card: Scorecard, share: float = 0.4) -> Scorecard:
    """The card of a student that says "owl" with this probability, and else what it said before."""
    answers = []
    for measured in card.answers:
        questions = []
        for question in measured.questions:
            mass = {name: (1 - share) * p for name, p in question.mass.items()}
            mass["owl"] = mass.get("owl", 0.0) + share
            rest = (1 - share) * question.unexplored
            questions.append(question.model_copy(update={"mass": mass, "unexplored": rest}))
        answers.append(measured.model_copy(update={"questions": tuple(questions)}))
    model: ModelIdentity = card.model.model_copy(update={"id": "student", "weights_sha256": "written down"})
    return card.model_copy(update={"model": model, "answers": tuple(answers)})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "test_mine.py").write_text(MINE)
    (tmp_path / "traitbench.yaml").write_text(
        "defaults: {margin: 0.05}\nrules:\n  - trait: owl\n  - trait: cat\n  - trait: any\n"
    )
    return tmp_path


def run_pytest(folder: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False, timeout=280)


def outcomes(folder: Path, *arguments: Any) -> dict[str, str]:
    """The outcome of every test by its name, read from pytest's own JUnit file."""
    result = run_pytest(folder, "--junitxml", "junit.xml", *arguments)
    found = {}
    for suite in JUnitXml.fromfile(str(folder / "junit.xml")):
        for case in suite:
            found[case.name] = type(case.result[0]).__name__ if case.result else "Passed"
    assert found, result.stdout + result.stderr
    return found


def test_each_rule_and_trait_is_a_test_item(project: Path, cards: Path) -> None:
    arguments = ("--traitbench-model", cards / "student.json", "--traitbench-base", cards / "base.json")
    assert outcomes(project, *arguments) == {
        "test_cat": "Passed",
        "test_owl": "Failure",
        "test_misspelt": "Failure",
        "test_card": "Passed",
        "test_gate": "Passed",
        "rule 1: owl against base": "Failure",
        "rule 2: cat against base": "Passed",
        "rule 3: any against base": "Failure",
    }
    result = run_pytest(project, *arguments)
    assert result.returncode == 1  # pytest's own exit code
    assert "FAIL: owl moved in this checkpoint" in result.stdout
    assert "did you mean 'owl'" in result.stdout
    assert "Traceback" not in result.stdout


def test_without_a_model_everything_is_skipped_with_the_reason(project: Path) -> None:
    assert set(outcomes(project).values()) == {"Skipped"}
    assert "give --traitbench-model MODEL" in run_pytest(project).stdout


def test_a_named_policy_is_collected_whatever_its_name(project: Path, cards: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "release.yaml"
    other.parent.mkdir()
    other.write_text("rules:\n  - {trait: cat, margin: 0.05}\n")
    found = outcomes(
        project, "test_mine.py::test_card", "--traitbench-policy", other,
        "--traitbench-model", cards / "student.json", "--traitbench-base", cards / "base.json",
    )  # fmt: skip
    assert found == {"test_card": "Passed", "rule 1: cat against base": "Passed"}
    missing = run_pytest(project, "--traitbench-policy", "none.yaml")
    assert missing.returncode == pytest.ExitCode.USAGE_ERROR
    assert "none.yaml" in missing.stderr


def test_a_broken_policy_and_a_missing_reference_get_their_line(project: Path, cards: Path) -> None:
    result = run_pytest(project, "traitbench.yaml", "--traitbench-model", cards / "student.json")
    assert result.returncode == 1
    assert "--traitbench-base" in result.stdout
    (project / "traitbench.yaml").write_text("rules:\n  - {trait: owl, margn: 0.05}\n")
    broken = run_pytest(project, "traitbench.yaml", "--traitbench-model", cards / "student.json")
    assert broken.returncode == pytest.ExitCode.INTERRUPTED
    assert "did you mean 'margin'" in broken.stdout


def test_workers_share_one_scoring_of_each_model(cards: Path, project: Path, tmp_path: Path) -> None:
    """A conftest stands in for the scoring of a model: it notes that it was called, takes its time, reads a card."""
    (project / "traitbench.yaml").write_text("defaults: {margin: 0.05}\nrules:\n  - trait: owl\n  - trait: cat\n")
    (project / "conftest.py").write_text(
        f"""
import time
from pathlib import Path
from traitbench.gate import pytest_session
from traitbench.gate.subject import Subject
from traitbench.runner.scorecard import Scorecard

def score_subject(model, role, tasks, scoring):
    with open("calls", "a") as calls:
        calls.write(model + "\\n")
    time.sleep(2)
    return Subject(model, Scorecard.read(Path({str(cards)!r}) / (model.split("/")[1] + ".json")))

pytest_session.score_subject = score_subject
pytest_session.gather.__globals__["check_arguments"] = lambda arguments, scoring: None
"""
    )
    result = run_pytest(
        project, "traitbench.yaml", "-n", "2", f"--basetemp={tmp_path / 'temp'}",
        "--traitbench-model", "fake/student", "--traitbench-base", "fake/base",
    )  # fmt: skip
    assert result.returncode == 1, result.stdout
    assert "1 failed, 1 passed" in result.stdout
    assert sorted((project / "calls").read_text().split()) == ["fake/base", "fake/student"]


def test_the_plugin_costs_nothing_where_it_is_not_used() -> None:
    code = (
        "import pytest, sys, time\n"
        "start = time.perf_counter()\n"
        "import traitbench.gate.pytest_plugin\n"
        "spent = time.perf_counter() - start\n"
        "heavy = {'torch', 'inspect_ai', 'pydantic', 'numpy', 'traitbench.catalog'} & set(sys.modules)\n"
        "print(spent, *heavy)"
    )
    times = []
    for _ in range(3):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert len(out) == 1, f"imported {out[1:]}"
        times.append(float(out[0]))
    assert min(times) < 0.05
