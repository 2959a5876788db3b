"""Records are added whole, by several at once, and withdrawn without being lost."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from traitbench.errors import InputError
from traitbench.leaderboard import Declared, add, read_all, read_stored, verify, withdraw
from traitbench.leaderboard.making import Entry, entries
from traitbench.leaderboard.store import _append, find, maintainer_runs, sign, withdrawals, write


def _write_all(root: Path, made: list[Entry]) -> None:
    for entry in made:
        write(entry, root)


def _append_lines(path: Path, word: str) -> None:
    for i in range(200):
        _append(path, json.dumps({"by": word, "line": i, "text": "x" * 300}))


def at_once(work: Callable[..., None], arguments: list[tuple[object, ...]]) -> None:
    start = multiprocessing.get_context("fork")
    programs = [start.Process(target=work, args=each) for each in arguments]
    for each in programs:
        each.start()
    for each in programs:
        each.join(60)
    assert [each.exitcode for each in programs] == [0] * len(programs)


def test_several_add_at_once_and_no_record_is_lost(cards, board: Path) -> None:  # type: ignore[no-untyped-def]
    mine = [entries(cards(f"org/mine-{i}", seed=i, references=False))[0] for i in range(4)]
    yours = [entries(cards(f"org/yours-{i}", seed=10 + i, references=False))[0] for i in range(4)]
    at_once(_write_all, [(board, [*mine, *yours[:2]]), (board, [*yours, *mine[:2]]), (board, mine)])
    assert {each.id for each in read_stored(board)} == {each.id for each in (*mine, *yours)}
    assert {each.tier for each in verify(board)} == {"T1"}
    assert not list(board.rglob(".*"))


def test_several_append_at_once_and_no_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    at_once(_append_lines, [(path, word) for word in ("one", "two", "three")])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 600
    assert {(row["by"], row["line"]) for row in rows} == {(w, i) for w in ("one", "two", "three") for i in range(200)}


def test_a_line_after_a_torn_one_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text('{"torn": tr')
    _append(path, '{"whole": true}')
    assert path.read_text().splitlines() == ['{"torn": tr', '{"whole": true}']


def test_adding_the_same_result_again_makes_one_record(cards, board: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1780000000")
    first = add(cards(), board)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    assert add(cards().model_copy(update={"logs": ("later.eval",)}), board) == first
    assert len(read_stored(board)) == 1
    add(cards(seed=2), board)
    assert len(read_stored(board)) == 2


def test_an_interrupted_addition_leaves_no_record(cards, board: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    [entry] = entries(cards())

    def cut(path: Path, data: bytes) -> None:
        from traitbench.files import write_whole

        if path.suffix == ".json":
            raise KeyboardInterrupt
        write_whole(path, data)

    monkeypatch.setattr("traitbench.leaderboard.store.write_whole", cut)
    with pytest.raises(KeyboardInterrupt):
        write(entry, board)
    assert read_stored(board) == []
    monkeypatch.undo()
    write(entry, board)
    assert [each.tier for each in verify(board)] == ["T1"]


def test_a_withdrawn_record_stays_and_is_shown_no_longer(added: Callable[..., Path], board: Path) -> None:
    path, other = added(), added("org/other", seed=2)
    line = withdraw(board, path.stem[:8], by="A. Tester", reason="wrong template")
    assert (line.record, line.model) == (path.stem, "org/student")
    assert path.exists()
    assert [each.model.id for each in read_all(board)] == ["org/other"]
    found = {each.path: each for each in verify(board)}
    assert found[path].line.startswith("withdrawn")
    assert found[path].tier == "T1"
    assert found[other].withdrawn is None
    with pytest.raises(InputError, match="withdrawn already"):
        withdraw(board, path.stem, by="B", reason="again")
    assert len(withdrawals(board)) == 1


def test_a_withdrawn_record_is_not_added_again(cards, board: Path) -> None:  # type: ignore[no-untyped-def]
    [path] = add(cards(), board)
    withdraw(board, path.stem, by="A. Tester", reason="wrong template")
    with pytest.raises(InputError, match=r"withdrawn on .* \(wrong template\); not added"):
        add(cards(), board)


def test_answers_that_stand_come_back_with_the_right_words(cards, board: Path) -> None:  # type: ignore[no-untyped-def]
    [wrong] = add(cards(), board, Declared(submitter="A", training_seed=1))
    withdraw(board, wrong.stem, by="A. Tester", reason="wrong seed", answers_stand=True)
    [right] = add(cards(), board, Declared(submitter="A", training_seed=2))
    assert {each.path: (each.tier, each.withdrawn is not None) for each in verify(board)} == {
        wrong: ("T1", True),
        right: ("T1", False),
    }


@pytest.mark.parametrize("reason", ["", "two\nlines", "<b>bold</b>", "x" * 400])
def test_a_reason_is_one_plain_line(added: Callable[..., Path], board: Path, reason: str) -> None:
    path = added()
    with pytest.raises(InputError, match="--reason"):
        withdraw(board, path.stem, by="A. Tester", reason=reason)
    assert withdrawals(board) == []


def test_an_id_is_found_by_its_beginning(added: Callable[..., Path], board: Path) -> None:
    path = added()
    assert find(board, path.stem[:6]).path == path
    for wrong in ("", "zzz"):
        with pytest.raises(InputError, match="no such record"):
            find(board, wrong)


def test_a_broken_list_is_named_with_its_line(added: Callable[..., Path], board: Path) -> None:
    added()
    (board / "withdrawn.jsonl").write_text('\n{"record": "x"}\n')
    with pytest.raises(InputError, match=r"withdrawn\.jsonl:2: record"):
        verify(board)


@pytest.mark.parametrize("tier", ["T2", "T3"])
def test_a_maintainers_run_raises_the_tier_of_its_record_alone(
    added: Callable[..., Path], board: Path, tier: str
) -> None:
    path, other = added(), added("org/other", seed=2)
    items = json.loads(path.read_text())["items"]["sha256"]
    sign(board, {"record": path.stem, "items_sha256": items, "tier": tier, "date": "2026-01-02", "by": "M"})
    assert {each.path: each.tier for each in verify(board)} == {path: tier, other: "T1"}
    assert [each.by for each in maintainer_runs(board)] == ["M"]


def test_a_maintainers_run_of_other_items_counts_for_nothing(added: Callable[..., Path], board: Path) -> None:
    path = added()
    sign(board, {"record": path.stem, "items_sha256": "0" * 64, "tier": "T3", "date": "2026-01-02", "by": "M"})
    assert [each.tier for each in verify(board)] == ["T1"]


def test_without_the_weights_digest_no_record_is_above_declared(added: Callable[..., Path], board: Path) -> None:
    path = added(weights=False)
    items = json.loads(path.read_text())["items"]["sha256"]
    sign(board, {"record": path.stem, "items_sha256": items, "tier": "T3", "date": "2026-01-02", "by": "M"})
    [found] = verify(board)
    assert (found.tier, found.path.parent.name) == ("T0", "unknown")
    assert "no known sha256" in found.why


def test_a_record_without_items_is_declared_and_no_more(cards, board: Path) -> None:  # type: ignore[no-untyped-def]
    [entry] = entries(cards(), Declared(submitter="A. Tester"))
    write(Entry(entry.record.model_copy(update={"items": None}), None), board)
    [found] = verify(board)
    assert found.tier == "T0"
    assert "no items" in found.why
