"""`traitbench leaderboard …` as people call it: exit codes, what is printed, what is written."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pyarrow import parquet
from typer.testing import CliRunner

from traitbench.cli.app import app
from traitbench.errors import InputError, TraitbenchError
from traitbench.leaderboard import verify


def run(*words: object) -> str:
    """What the command prints; raises what it raised."""
    result = CliRunner().invoke(app, ["leaderboard", *map(str, words)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def code(*words: object) -> int:
    try:
        run(*words)
    except TraitbenchError as error:
        return error.exit_code
    return 0


@pytest.fixture
def card(cards, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    path = tmp_path / "out" / "scorecard.json"
    cards(tasks=("owl-numbers", "cat-numbers")).write(path)
    return path


def test_a_submission_is_files_and_a_description(card: Path, tmp_path: Path) -> None:
    log = card.parent / "logs" / "abc" / "2026-01-01_task.eval"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"a log")
    out = tmp_path / "submission"
    said = run("submit", card, "--submitter", "@someone *bold*", "--seed", 3, "--initialisation", "same", "--out", out,
               "--source", "https://huggingface.co/org/student")  # fmt: skip
    assert said.count("T1: ") == 2
    found = verify(out / "leaderboard")
    assert [each.tier for each in found] == ["T1", "T1"]
    text = (out / "PULL_REQUEST.md").read_text()
    for each in found:
        assert each.id is not None
        assert each.id in text
        assert each.record is not None
        assert each.record.declared.training_seed == 3
        assert each.record.logs[0].sha256 == hashlib.sha256(b"a log").hexdigest()
        assert each.record.command in text
    assert r"\@someone \*bold\*" in text
    assert str(tmp_path) not in text
    assert sorted(path.name for path in out.iterdir()) == ["PULL_REQUEST.md", "leaderboard"]


def test_a_submission_names_its_submitter(card: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--submitter"):
        run("submit", card, "--out", tmp_path / "s")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--initialisation", "unsure"),
        ("--source", "http://x"),
        ("--log-url", "javascript:1"),
        ("--recipe", "a\nb"),
        ("--seed", str(2**63)),
    ],
)
def test_an_option_that_no_record_may_hold_is_named(card: Path, tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(InputError, match=option):
        run("submit", card, "--submitter", "A", option, value, "--out", tmp_path / "s")


def test_verify_leaves_with_two_for_what_is_wrong_and_five_for_what_cannot_be_compared(card: Path, board: Path) -> None:
    first, second = run("add", card, "--dir", board).split()
    assert code("verify", "--dir", board) == 0
    Path(second).with_suffix(".parquet").unlink()
    assert code("verify", "--dir", board) == 2
    assert code("verify", first, "--dir", board) == 0
    assert code("verify", second, "--dir", board) == 2
    Path(second).unlink()
    record = Path(first).read_bytes().replace(b'"version": "1-A"', b'"version": "7-A"')
    from traitbench.leaderboard.record import record_id

    place = board / "results" / "cat-numbers" / "7" / Path(first).parts[-3] / Path(first).parts[-2]
    if "owl-numbers" in first:
        place = Path(str(place).replace("cat-numbers", "owl-numbers"))
    place.mkdir(parents=True)
    (place / f"{record_id(record)}.json").write_bytes(record)
    Path(first).with_suffix(".parquet").rename(place / f"{record_id(record)}.parquet")
    Path(first).unlink()
    assert code("verify", "--dir", board) == 5


def test_verify_prints_one_object_a_record(card: Path, board: Path) -> None:
    run("add", card, "--dir", board)
    rows = json.loads(run("verify", "--dir", board, "--json"))
    assert [row["tier"] for row in rows] == ["T1", "T1"]
    assert {row["fault"] for row in rows} == {None}


def test_verify_of_nothing_says_so(board: Path) -> None:
    assert code("verify", "--dir", board) == 2
    (board / "results").mkdir(parents=True)
    assert "no records yet" in run("verify", "--dir", board)


def test_a_withdrawal_is_one_command(card: Path, board: Path) -> None:
    first, _ = run("add", card, "--dir", board).split()
    run("withdraw", Path(first).stem[:10], "--reason", "wrong template", "--by", "A. Tester", "--dir", board)
    assert "withdrawn" in run("verify", "--dir", board)
    rows = json.loads(run("table", "--dir", board, "--format", "json"))
    assert len(rows) == 2  # two contexts of the one record that is left
    assert code("withdraw", "zzz", "--reason", "r", "--by", "b", "--dir", board) == 2


def test_a_submission_made_again_takes_the_place_of_the_first(card: Path, tmp_path: Path) -> None:
    out = tmp_path / "submission"
    for seed in (1, 2):
        assert run("submit", card, "--submitter", "A", "--seed", seed, "--out", out).count("T1: ") == 2
    found = verify(out / "leaderboard")
    assert [each.record.declared.training_seed for each in found if each.record] == [2, 2]
    assert len(list(out.rglob("*.parquet"))) == 2


def test_a_table_names_version_language_and_a_record_that_can_be_found(card: Path, board: Path) -> None:
    run("add", card, "--dir", board)
    rows = json.loads(run("table", "--dir", board, "--format", "json"))
    assert {(row["version"], row["language"]) for row in rows} == {("1-A", "en")}
    [first] = {row["id"] for row in rows if row["task"] == "owl-numbers"}
    assert len(first) == 12
    run("withdraw", first, "--reason", "wrong template", "--by", "A. Tester", "--dir", board)
    with pytest.raises(InputError, match=r"no such record \(traitbench leaderboard table shows ids\)"):
        run("withdraw", "zzz", "--reason", "r", "--by", "b", "--dir", board)


def test_what_was_not_run_is_no_number_in_a_table(cards, board: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cards(references=False).write(tmp_path / "c.json")
    run("add", tmp_path / "c.json", "--dir", board)
    said = run("table", "--dir", board, "--format", "md")
    assert "| not run |" in said
    assert "nan" not in said
    assert "None" not in said


def test_a_whole_number_stays_one_where_another_record_lacks_it(cards, board: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for name, words in (("org/a", ["--seed", 2**60 + 1]), ("org/b", [])):
        cards(name, seed=len(words)).write(tmp_path / "c.json")
        run("add", tmp_path / "c.json", *words, "--dir", board)
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv", "--dir", board))))
    assert {row["training_seed"] for row in rows} == {str(2**60 + 1), ""}
    run("export", "--format", "parquet", "--out", tmp_path / "t.parquet", "--dir", board)
    assert set(parquet.read_table(tmp_path / "t.parquet")["training_seed"].to_pylist()) == {2**60 + 1, None}


@pytest.mark.parametrize("words", [("table",), ("export", "--format", "csv"), ("verify",)])
def test_a_folder_that_is_no_leaderboard_is_said_to_be_none(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="holds no results/") as refusal:
        run(*words, "--dir", tmp_path)
    assert refusal.value.exit_code == 2


def test_all_exports_hold_the_same_numbers(card: Path, board: Path, tmp_path: Path) -> None:
    run("add", card, "--dir", board)
    records = json.loads(run("export", "--format", "json", "--dir", board))
    expected = sorted(m["estimate"] for record in records for m in record["measurements"])
    assert len(expected) == 4
    rows = list(csv.DictReader(io.StringIO(run("export", "--format", "csv", "--dir", board))))
    assert sorted(float(row["preference"]) for row in rows) == expected
    run("export", "--format", "parquet", "--out", tmp_path / "t.parquet", "--dir", board)
    assert sorted(parquet.read_table(tmp_path / "t.parquet")["preference"].to_pylist()) == expected
    hub = yaml.safe_load(
        run("export", "--format", "hf", "--model", "org/student", "--dataset", "org/traitbench", "--dir", board)
    )
    assert sorted(row["value"] for row in hub) == pytest.approx(expected, abs=1e-6)
    assert {row["dataset"]["id"] for row in hub} == {"org/traitbench"}
    section = run("export", "--format", "model-card", "--model", "org/student", "--dir", board)
    for number in expected:
        assert f"| {number:.3f} |" in section


def test_an_export_that_lacks_something_says_what(card: Path, board: Path) -> None:
    run("add", card, "--dir", board)
    for words, mend in [
        (["--format", "xlsx"], "csv, parquet"),
        (["--format", "parquet"], "--out"),
        (["--format", "hf"], "--model"),
        (["--format", "hf", "--model", "org/student"], "--dataset"),
        (["--format", "csv", "--model", "org/nobody"], "no record of model"),
    ]:
        with pytest.raises(InputError, match=mend):
            run("export", *words, "--dir", board)


def test_a_spreadsheet_is_given_no_formula(cards, board: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cards().write(tmp_path / "c.json")
    run("add", tmp_path / "c.json", "--submitter", "=1+1", "--dir", board)
    [row, _] = csv.DictReader(io.StringIO(run("export", "--format", "csv", "--dir", board)))
    assert row["submitter"] == "'=1+1"


def test_the_questions_are_put_to_the_weights_again(base: Path, board: Path, tmp_path: Path) -> None:
    """T2 for the weights that the record names, a fault where their answers are others', 5 for other weights."""
    import traitbench
    from traitbench.leaderboard import Declared, add
    from traitbench.leaderboard.making import Entry, entries
    from traitbench.leaderboard.store import write

    model = f"hf/{base}"
    card = traitbench.score(model, tasks=["owl-numbers"], name="lab/base-0")
    [path] = add(card, board, Declared(submitter="A. Tester"))
    assert [each.tier for each in verify(board)] == ["T1"]
    out = run("verify", "--dir", board, "--rescore", 3, "--model", model, "--sign", "M. Maintainer")
    assert "T2: " in out
    assert "3 of 120 questions" in out
    assert [each.tier for each in verify(board)] == ["T2"]
    other = base.parent / "1"
    assert code("verify", "--dir", board, "--rescore", 3, "--model", f"hf/{other}") == 5
    # The answers of other weights under this one's digest: all figures follow from the items, and the weights differ.
    others = traitbench.score(f"hf/{other}", tasks=["owl-numbers"], name="lab/base-1")
    [entry] = entries(others.model_copy(update={"model": card.model}), Declared(submitter="A. Cheat"))
    path.unlink()
    path.with_suffix(".parquet").unlink()
    assert isinstance(entry, Entry)
    write(entry, board)
    assert [each.tier for each in verify(board)] == ["T1"]
    with pytest.raises(InputError, match="1 of 1 files"):
        run("verify", "--dir", board, "--rescore", 40, "--model", model)


def test_rescoring_and_its_model_go_together(added: Callable[..., Path], board: Path, base: Path) -> None:
    added()
    assert code("verify", "--dir", board, "--rescore", 3) == 2
    assert code("verify", "--dir", board, "--model", f"hf/{base}") == 2
    assert code("verify", "--dir", board, "--sign", "M") == 2
    assert code("verify", "--dir", board, "--rescore", 3, "--model", "hf/org/on-the-hub") == 2
