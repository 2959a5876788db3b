"""Changes to a record or its items, each caught by `verify`, named in one line, and the other record still verified.

Where a change would show by the file's name alone, the hand that made it is assumed to have renamed the files and
mended every digest as well: what is left to find it is what is tested.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tampering import CHANGES, Change, Victim, a_copied_row

from traitbench.errors import InputError
from traitbench.leaderboard import Declared, add, verify, withdraw
from traitbench.leaderboard.record import record_id


@pytest.fixture
def victim(cards, board: Path) -> Victim:  # type: ignore[no-untyped-def]
    [other] = add(cards("org/other", seed=2), board, Declared(submitter="Somebody Else"))
    [path] = add(cards("org/victim", seed=1), board, Declared(submitter="A. Tester"))
    assert [each.tier for each in verify(board)] == ["T1", "T1"]
    return Victim(path, board, other)


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_it_is_caught_and_named_and_nothing_else_is_lost(victim: Victim, change: Change, words: str) -> None:
    import re

    change(victim)
    found = verify(victim.root)
    broken = [each for each in found if each.fault is not None]
    assert len(broken) == 1, [each.line for each in found]
    [fault] = broken
    assert fault.tier is None
    assert fault.path.with_suffix("") == victim.path.with_suffix("")
    assert re.search(words, fault.line), fault.line
    assert len(" ".join(fault.line.split())) < 500
    other = next(each for each in found if each.path == victim.other)
    assert other.tier == "T1"
    assert not (victim.root / "executed").exists()


def test_there_are_thirty_kinds_and_more() -> None:
    assert len({change.__name__ for change, _ in CHANGES}) >= 30


def test_a_withdrawn_record_does_not_come_back_under_another_id(victim: Victim) -> None:
    withdraw(victim.root, victim.path.stem, by="A. Tester", reason="trained on the questions")
    gone = next(each for each in verify(victim.root) if each.path == victim.path)
    assert gone.withdrawn is not None
    data = victim.path.read_bytes().replace(b"A. Tester", b"B. Tester")
    twin = victim.path.with_name(record_id(data) + ".json")
    twin.write_bytes(data)
    twin.with_suffix(".parquet").write_bytes(victim.items.read_bytes())
    found = {each.path: each for each in verify(victim.root)}
    assert "withdrawn on" in found[twin].line
    assert "trained on the questions" in found[twin].line
    assert found[victim.other].tier == "T1"


def test_a_copy_is_found_where_it_alone_is_verified(victim: Victim) -> None:
    a_copied_row(victim)
    [found] = verify(victim.root, [victim.path])
    assert "under another model's name" in found.line


def test_an_early_date_makes_no_original_of_a_copy(victim: Victim) -> None:
    a_copied_row(victim)
    victim.edit(date="2020-01-01")
    [found] = verify(victim.root, [victim.path])
    assert "under another model's name" in found.line


def test_a_sibling_of_results_cannot_be_reached(victim: Victim) -> None:
    with pytest.raises(InputError, match="no record below"):
        verify(victim.root, [Path("/etc/passwd")])
