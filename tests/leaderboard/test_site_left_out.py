"""What the site does not show, and says why: withdrawn, false, copied, superseded, or made to hurt its reader."""

from __future__ import annotations

import faulthandler
import hashlib
import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from synthetic_records import entry_of, students
from tampering import with_other_codecs

from traitbench.leaderboard import verify, withdraw
from traitbench.leaderboard.making import Entry
from traitbench.leaderboard.opening import survives
from traitbench.leaderboard.site import build, collecting
from traitbench.leaderboard.store import write

pytest.importorskip("itables", reason="the site's table library is not installed (pip install 'traitbench[site]')")


@pytest.fixture(scope="module")
def records() -> list[Entry]:
    return [entry_of(each) for each in students(4)]


def test_what_is_withdrawn_or_changed_is_left_out_with_its_reason(records: list[Entry], tmp_path: Path) -> None:
    root = tmp_path / "board"
    paths = [write(each, root) for each in records[:4]]
    withdraw(root, records[0].id, by="A. Tester", reason="the wrong control")
    changed = paths[1].read_text().replace("A. Tester", "B. Tester", 1)
    paths[1].write_text(changed)
    paths[2].with_suffix(".parquet").write_bytes(b"PAR1 nothing PAR1")
    built = build(root, tmp_path / "site")
    assert (built.records, built.left_out) == (1, 3)
    text = html.unescape((tmp_path / "site" / "left-out.html").read_text(encoding="utf-8"))
    assert "the wrong control" in text
    assert "the file was changed" in text
    assert "and the record says" in text
    assert str(tmp_path) not in text
    assert {path.stem for path in (tmp_path / "site" / "rows").iterdir()} == {records[3].id}


def test_figures_that_do_not_follow_from_the_items_are_left_out(records: list[Entry], tmp_path: Path) -> None:
    record = records[0].record
    first = record.measurements[0]
    versus = first.versus["control"]
    moved = {**first.versus, "control": versus.model_copy(update={"difference": versus.difference + 0.001})}
    false = record.model_copy(
        update={"measurements": (first.model_copy(update={"versus": moved}), *record.measurements[1:])}
    )
    write(Entry(false, records[0].items), tmp_path / "board")
    assert build(tmp_path / "board", tmp_path / "site").left_out == 1
    text = (tmp_path / "site" / "left-out.html").read_text(encoding="utf-8")
    assert "measurements.plain: versus.control.difference" in text


def test_a_copy_under_another_name_is_left_out(records: list[Entry], tmp_path: Path) -> None:
    record = records[0].record
    other = record.model_copy(
        update={"model": record.model.model_copy(update={"id": "org/other", "weights_sha256": "0" * 64})}
    )
    for entry in (records[0], Entry(other, records[0].items)):
        write(entry, tmp_path / "board")
    built = build(tmp_path / "board", tmp_path / "site")
    assert (built.records, built.left_out) == (1, 1)
    assert "a copy of" in (tmp_path / "site" / "left-out.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hostile(records: list[Entry]) -> Entry:
    """A record whose items end the process that opens them."""
    record, items = records[0].record, records[0].items
    assert items is not None
    for data in with_other_codecs(items):
        if not survives(data):
            told = record.items.model_copy(update={"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)})
            return Entry(record.model_copy(update={"items": told}), data)
    pytest.skip("this version of pyarrow refuses every unknown codec without ending the process")


@pytest.fixture
def without_traces(request: pytest.FixtureRequest) -> Iterator[None]:
    """A worker that ends as it should leaves no trace on the screen."""
    faulthandler.disable()
    yield
    if fault_handler_stderr_fd_key in request.config.stash:
        faulthandler.enable(request.config.stash[fault_handler_stderr_fd_key])


@pytest.mark.usefixtures("without_traces")
@pytest.mark.parametrize("few", [64, 0], ids=["one process", "two processes"])
def test_items_that_end_their_reader_are_left_out(
    records: list[Entry], hostile: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(collecting, "_FEW", few)
    monkeypatch.setattr(collecting, "_CHUNK", 1)
    monkeypatch.setattr(collecting.os, "cpu_count", lambda: 2)
    for entry in (hostile, *records[1:]):
        write(entry, tmp_path / "board")
    built = build(tmp_path / "board", tmp_path / "site")
    assert (built.records, built.left_out) == (3, 1)
    text = (tmp_path / "site" / "left-out.html").read_text(encoding="utf-8")
    assert hostile.id in text
    assert "ends the process that reads it" in text
    assert {path.stem for path in (tmp_path / "site" / "rows").glob("[!s]*")} == {each.id for each in records[1:]}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("bounds.0", lambda said: {"bounds": (said.estimate, said.bounds[1])}),
        ("category_mass", lambda said: {"category_mass": said.category_mass - 0.01}),
        ("n_questions", lambda _: {"n_questions": 5000}),
        ("n_families", lambda _: {"n_families": 900}),
        ("method", lambda _: {"method": "sampled"}),
        ("specificity", lambda said: {"specificity": said.specificity.model_copy(update={"worst": 30})}),
        ("specificity", lambda _: {"specificity": None}),
    ],
)
def test_every_figure_of_the_table_follows_from_the_items(
    records: list[Entry], tmp_path: Path, field: str, change: Callable[[Any], dict[str, Any]]
) -> None:
    record = records[0].record
    first, *others = record.measurements
    false = record.model_copy(update={"measurements": (first.model_copy(update=change(first)), *others)})
    write(Entry(false, records[0].items), tmp_path / "board")
    assert build(tmp_path / "board", tmp_path / "site").left_out == 1
    assert f"measurements.plain: {field}" in (tmp_path / "site" / "left-out.html").read_text(encoding="utf-8")


def test_of_two_records_of_one_seed_the_other_is_named(records: list[Entry], tmp_path: Path) -> None:
    root, site = tmp_path / "board", tmp_path / "site"
    again = records[0].record
    assert again.references.base is not None
    base = again.references.base.model_copy(update={"revision": "main"})
    again = again.model_copy(update={"references": again.references.model_copy(update={"base": base})})
    made = [*records[:3], Entry(again, records[0].items)]
    for entry in made:
        write(entry, root)
    assert [each.fault for each in verify(root)] == [None] * 4
    built = build(root, site)
    assert (built.rows, built.records, built.left_out) == (1, 3, 1)
    gone = min(made[0].id, made[3].id)  # of two of one day
    text = (site / "left-out.html").read_text(encoding="utf-8")
    assert gone in text
    assert "superseded" in text
    assert f"a further record of seed 0, for which {max(made[0].id, made[3].id)} is shown" in text
    shown = {each.id for each in made} - {gone}
    assert {path.stem for path in (site / "rows").glob("[!s]*")} == shown
    assert {each["id"] for each in json.loads((site / "data.json").read_text())["rows"]} == shown


def test_a_pooled_seeds_page_leads_back_to_the_row_it_is_in(records: list[Entry], tmp_path: Path) -> None:
    for entry in records[:3]:
        write(entry, tmp_path / "board")
    build(tmp_path / "board", tmp_path / "site")
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    for entry in records[:3]:
        page = (tmp_path / "site" / "rows" / f"{entry.id}.html").read_text(encoding="utf-8")
        anchor = page.partition("index.html#")[2].partition('"')[0]
        assert f'id="{anchor}"' in index
