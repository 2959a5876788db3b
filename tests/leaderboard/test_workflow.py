"""The recipe for pull requests: what of a stranger's branch reaches the job, and with which rights it runs."""

from __future__ import annotations

import os
import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
SCRIPT = ROOT / ".ci" / "changed_records.py"
RECORD = "leaderboard/results/owl-numbers/1/org__student/0123456789ab/0123456789abcdef.json"


def workflow(name: str) -> Any:
    found = yaml.safe_load((WORKFLOWS / name).read_text())
    return {("on" if key is True else key): value for key, value in found.items()}  # YAML reads `on` as true


def test_what_validates_may_read_alone_and_what_comments_runs_nothing() -> None:
    validate, comment = workflow("leaderboard.yml"), workflow("leaderboard-comment.yml")
    assert list(validate["on"]) == ["pull_request"]
    assert validate["permissions"] == {"contents": "read"}
    text = (WORKFLOWS / "leaderboard.yml").read_text()
    assert "secrets." not in text
    assert "pull_request_target" not in text
    [checkout] = [step for step in validate["jobs"]["validate"]["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert checkout["with"]["persist-credentials"] is False
    for step in validate["jobs"]["validate"]["steps"]:
        assert "${{" not in step.get("run", "")  # values reach the shell as variables, never as text of the script
    assert list(comment["on"]) == ["workflow_run"]
    assert comment["permissions"] == {"actions": "read", "pull-requests": "write"}
    for step in comment["jobs"]["comment"]["steps"]:
        assert "run" not in step
        assert "checkout" not in step["uses"]


def git(folder: Path, *words: str) -> bytes:
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    named = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *named, *words], cwd=folder, check=True, capture_output=True, env={**os.environ, **quiet}
    ).stdout


@pytest.fixture
def changes(tmp_path: Path) -> Callable[[Callable[[Path], None]], list[str]]:
    """What the script makes of a branch that a function has changed."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    for path in ("README.md", RECORD.replace("student", "other")):
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text("old")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "base")

    def of(change: Callable[[Path], None]) -> list[str]:
        change(repository)
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "-m", "head")
        raw = git(repository, "diff", "--raw", "-z", "--no-renames", "HEAD~1", "HEAD")
        found: list[str] = runpy.run_path(str(SCRIPT))["added"](raw)
        return found

    return of


def put(path: str, text: str = "new") -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return write


def test_added_records_are_named(changes: Callable[..., list[str]]) -> None:
    def both(root: Path) -> None:
        put(RECORD)(root)
        put(RECORD.replace(".json", ".parquet"))(root)

    assert sorted(changes(both)) == [RECORD, RECORD.replace(".json", ".parquet")]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("README.md", "changed or removed"),
        ("src/traitbench/__init__.py", "neither a record"),
        ("leaderboard/withdrawn.jsonl", "neither a record"),
        ("leaderboard/maintainer_runs.jsonl", "neither a record"),
        ("leaderboard/results/conftest.py", "neither a record"),
        ("leaderboard/results/owl-numbers/1/a/b/\x1b[31m.json", "neither a record"),
        (RECORD.replace("student", "other"), "changed or removed"),
    ],
)
def test_whatever_else_a_branch_changes_is_refused(changes: Callable[..., list[str]], path: str, words: str) -> None:
    with pytest.raises(SystemExit) as refusal:
        changes(put(path))
    assert words in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_a_record_that_is_removed_is_refused(changes: Callable[..., list[str]]) -> None:
    with pytest.raises(SystemExit, match="changed or removed"):
        changes(lambda root: (root / RECORD.replace("student", "other")).unlink())


def test_a_link_or_a_program_is_refused(changes: Callable[..., list[str]]) -> None:
    def link(root: Path) -> None:
        (root / RECORD).parent.mkdir(parents=True)
        (root / RECORD).symlink_to("/etc/passwd")

    with pytest.raises(SystemExit, match=r"not an ordinary file \(mode 120000\)"):
        changes(link)
