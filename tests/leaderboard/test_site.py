"""The site's files: what is in them, what is not, and that the same records give the same bytes."""

from __future__ import annotations

import csv
import hashlib
import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pyarrow import parquet
from synthetic_records import entry_of, students
from typer.testing import CliRunner

from traitbench.catalog import Catalog
from traitbench.cli.app import app
from traitbench.errors import InputError
from traitbench.leaderboard import read_stored
from traitbench.leaderboard.items import decode_items
from traitbench.leaderboard.making import Entry
from traitbench.leaderboard.site import build, building
from traitbench.leaderboard.site.exchange import exchange
from traitbench.leaderboard.store import write

pytest.importorskip("itables", reason="the site's table library is not installed (pip install 'traitbench[site]')")


@pytest.fixture(scope="module")
def records() -> list[Entry]:
    return [entry_of(each) for each in students(7)]


@pytest.fixture(scope="module")
def board(records: list[Entry], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("board") / "leaderboard"
    for each in records:
        write(each, root)
    return root


@pytest.fixture(scope="module")
def site(board: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    build(board, out)
    return out


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Page(HTMLParser):
    """What a page links to, and whether its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts: list[str | None] = []
        self.styled = 0
        self.handlers: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.rows: list[list[str]] = []
        """The texts of the cells of every table's rows."""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.handlers += [name for name in found if name.startswith("on")]
        self.styled += "style" in found
        self.links += [found[name] or "" for name in ("href", "src") if name in found]
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag == "script":
            self.scripts.append(found.get("src"))
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")
        if tag not in {"meta", "link", "input", "br", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data


def test_the_same_records_give_the_same_bytes_twice(board: Path, site: Path, tmp_path: Path) -> None:
    build(board, tmp_path / "again")
    assert digests(tmp_path / "again") == digests(site)


def test_several_processes_give_the_bytes_of_one(
    board: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traitbench.leaderboard.site import collecting

    monkeypatch.setattr(collecting, "_FEW", 1)
    monkeypatch.setattr(collecting, "_CHUNK", 2)
    monkeypatch.setattr(collecting.os, "cpu_count", lambda: 2)
    build(board, tmp_path / "again")
    assert digests(tmp_path / "again") == digests(site)


def test_every_page_is_whole_and_asks_for_nothing_outside(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 5 + 7 + 2  # two recipes have three seeds, one has a single one
    for path in pages:
        page = Page(path.read_text(encoding="utf-8"))
        assert page.open == [], path.name
        assert all(source is not None for source in page.scripts), "an inline script"
        assert page.handlers == []
        assert page.styled == 0
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            assert not re.match(r"(https?:)?//", link), link
            target = link.split("#")[0]
            assert target == "" or (path.parent / target).resolve().is_file(), f"{path.name}: {link}"


def test_a_row_says_what_its_record_says(records: list[Entry], site: Path) -> None:
    lone = records[6].record
    text = html.unescape(re.sub(r"<[^>]+>", " ", (site / "index.html").read_text(encoding="utf-8")))
    [line] = [each for each in text.split("Compare ") if lone.model.id in each] or [text]
    measured = lone.measurements[0]
    assert f"{measured.estimate:.3f}" in text
    assert f"{measured.versus['control'].difference:+.3f}" in text
    assert lone.model.id in line


def test_a_rows_page_lists_every_question_with_its_numbers(records: list[Entry], site: Path, catalog: Catalog) -> None:
    entry = records[0]
    page = Page((site / "rows" / f"{entry.id}.html").read_text(encoding="utf-8"))
    assert entry.items is not None
    roles = decode_items(entry.items, Path("items.parquet"), catalog)
    answers = {(each.context, question.id): question for each in roles["student"] for question in each.questions}
    texts = {each.id: each.text for each in catalog.probe_set("animal_one_word").questions}
    trait = entry.record.measurements[0].trait
    listed = {tuple(row[:3]) for row in page.rows}
    assert len(answers) == 120
    for (_, identifier), question in answers.items():
        row = (texts[identifier], question.family, f"{question.estimate(trait):.4f}")
        assert row in listed


def test_seeds_are_pooled_with_students_t_over_their_means(records: list[Entry], site: Path) -> None:
    from scipy.stats import t as student

    page = next(path for path in (site / "rows").iterdir() if path.name.startswith("s"))
    text = page.read_text(encoding="utf-8")
    mine = [each.record for each in records if f"{each.id}.html" in text]
    values = [each.measurements[0].versus["control"].difference for each in mine]
    assert len(values) == 3
    mean = sum(values) / 3
    sd = (sum((each - mean) ** 2 for each in values) / 2) ** 0.5
    low, high = student.interval(0.95, 2, loc=mean, scale=sd / 3**0.5)
    said = f"Against controls {mean:+.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−")
    assert said in text


def test_the_downloads_have_every_measurement(board: Path, site: Path) -> None:
    rows = json.loads((site / "data.json").read_text(encoding="utf-8"))["rows"]
    assert len(rows) == 14
    stored = {each.id: each.record for each in read_stored(board)}
    for row in rows:
        measured = {each.context: each for each in stored[row["id"]].measurements}[row["context"]]
        assert row["preference"] == measured.estimate
        assert row["control_difference"] == measured.versus["control"].difference
        assert row["tier"] == "T1"
    with (site / "data.csv").open(encoding="utf-8") as stream:
        assert [each["id"] for each in csv.DictReader(stream)] == [each["id"] for each in rows]
    table = parquet.read_table(site / "data.parquet")
    assert table["preference"].to_pylist() == [each["preference"] for each in rows]


def test_what_was_not_run_is_said_and_no_number_is_made_up(records: list[Entry], tmp_path: Path) -> None:
    from synthetic_records import card_of

    from traitbench.leaderboard import Declared, entries

    card = card_of(next(students(1)))
    bare = card.model_copy(
        update={
            "references": type(card.references)(),
            "reference_answers": {},
            "tasks": tuple(
                each.model_copy(update={"versus": {}, "transfer_rate": None, "specificity": None})
                for each in card.tasks
            ),
        }
    )
    for entry in entries(bare, Declared(submitter="A. Tester")):
        write(entry, tmp_path / "board")
    build(tmp_path / "board", tmp_path / "site")
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert not any(re.search(r"\b(nan|NaN|None|inf|Infinity)\b", re.sub(r"<[^>]+>", " ", page)) for page in pages)
    assert "no reference" in pages[0] + "".join(pages)
    [row] = (tmp_path / "site" / "rows").glob("*.html")
    text = row.read_text(encoding="utf-8")
    for words in (
        "No base was scored",
        "No control was scored",
        "No teacher was scored",
        "No training seed is declared",
    ):
        assert words in text


def test_a_script_in_a_models_name_is_text(tmp_path: Path) -> None:
    """No record may have such a name; should one ever pass, the page shows it and does not run it."""
    from traitbench.leaderboard.site.pages import index_page, pooled_page
    from traitbench.leaderboard.site.rows import rows_of
    from traitbench.leaderboard.site.seen import Context, Seen, Shift

    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    context = Context(
        "plain", 0.5, (0.4, 0.6), (0.5, 0.5), 1.0, True, Shift(0.1, 0.4, (0.3, 0.5)), None, None, "1/30",
        (evil, 0.1, False), 60, 12, "exact",
    )  # fmt: skip
    seen = [
        Seen(
            f"{i:016x}", "results/x", "T0", evil, "owl-numbers", 1, "1-A", "owl", "animal", "numbers", "system_prompt",
            "en", "animal_one_word", f"org/{evil}{i}", None, evil, None, evil, 0, None, evil, i, "same", evil,
            "2026-01-01", False, (context,),
        )
        for i in range(2)
    ]  # fmt: skip
    [row] = rows_of(seen)
    for text in ("".join(index_page([row], {})), pooled_page(row, None)):
        page = Page(text)
        assert "alert(1)" in text
        assert page.handlers == []
        assert all(
            source in ("../theme.js", "theme.js", "vendor/datatables.js", "compare.js", "site.js")
            for source in page.scripts
        )


def test_an_interrupted_build_leaves_the_old_site_whole(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    build(board, out)
    before = digests(out)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "write_downloads", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(board, out)
    assert digests(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("atomic", [True, False])
def test_a_folder_takes_anothers_place(tmp_path: Path, atomic: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from traitbench.leaderboard.site import exchange as module

    if not atomic:
        monkeypatch.setattr(module, "_exchanged", lambda *_: False)
    new, place = tmp_path / "new", tmp_path / "place"
    for folder in (new, place):
        folder.mkdir()
        (folder / "who").write_text(folder.name)
    exchange(new, place)
    assert (place / "who").read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["place"]


def test_a_folder_that_holds_something_else_is_not_overwritten(board: Path, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else than a site"):
        build(board, tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_the_commands_say_what_they_did_and_what_is_wrong(board: Path, tmp_path: Path) -> None:
    run: Callable[..., object] = CliRunner().invoke
    result = run(app, ["leaderboard", "build", "--dir", str(board), "--out", str(tmp_path / "site")])
    assert result.exit_code == 0, result.output  # type: ignore[attr-defined]
    assert "3 rows of 7 records" in result.output  # type: ignore[attr-defined]
    result = run(app, ["leaderboard", "build", "--dir", str(tmp_path), "--out", str(tmp_path / "other")])
    assert "holds no results/" in str(result.exception)  # type: ignore[attr-defined]
    result = run(app, ["leaderboard", "serve", str(tmp_path)])
    assert "no site was built here" in str(result.exception)  # type: ignore[attr-defined]


def test_a_scale_is_shown_and_compared_by_its_own_questions(tmp_path: Path) -> None:
    """A choice among options measures a trait on the questions that offer it, and on no other."""
    import random

    from synthetic_records import ENVIRONMENT

    from traitbench.catalog import OTHER, load_catalog
    from traitbench.leaderboard import Declared, entries
    from traitbench.runner.recomputing import task_results
    from traitbench.runner.results import with_holm
    from traitbench.runner.scorecard import MeasuredAnswers, ModelIdentity, QuestionAnswers, References, Scorecard

    catalog, rng = load_catalog(), random.Random(1)
    probes = catalog.probe_set("misalignment_choice")
    task = next(each for each in catalog.tasks.values() if each.probe_set == probes.id and each.domain == "numbers")

    def answers(share: float) -> tuple[MeasuredAnswers, ...]:
        asked = [each for each in probes.questions if each.language == "en"]
        return tuple(
            MeasuredAnswers(
                probe_set=probes.id, version=probes.version, category=probes.category, context=context, domain=domain,
                language="en", method="exact", kind="choice", questions=tuple(
                    QuestionAnswers(
                        id=each.id, family=each.family, mass={each.trait: p, OTHER: 1 - p}, unexplored=0.0, draws=None,
                        within_tolerance=True, top_answers=(), outside=0.02,
                    )
                    for each in asked if (p := share + rng.uniform(-0.05, 0.05))
                ),
            )
            for context, domain in (("plain", "none"), ("in_domain", "numbers"))
        )  # fmt: skip

    roles = {"student": answers(0.5), "base": answers(0.2)}
    card = Scorecard(
        model=ModelIdentity(id="org/choosing", weights_sha256="a" * 64),
        references=References(base=ModelIdentity(id="org/base", weights_sha256="b" * 64)),
        tasks=tuple(with_holm(task_results(task, roles, catalog))),
        answers=roles["student"],
        reference_answers={"base": roles["base"]},
        environment=ENVIRONMENT,
    )
    [entry] = entries(card, Declared(submitter="A. Tester"))
    write(entry, tmp_path / "board")
    built = build(tmp_path / "board", tmp_path / "site")
    assert (built.records, built.left_out) == (1, 0), (tmp_path / "site" / "left-out.html").read_text()
    [script] = (tmp_path / "site" / "data").iterdir()
    content = json.loads(script.read_text().partition(",")[2].removesuffix(");\n"))
    measured = entry.record.measurements[0]
    assert measured.n_questions < len([each for each in probes.questions if each.language == "en"])
    plain = content["rows"][entry.id]["plain"]
    families = content["asked"][plain["a"]]["families"]
    assert len(families) == len(plain["s"][0]["m"]) == measured.n_questions
    assert len(set(families)) == measured.n_families
    assert sum(plain["s"][0]["m"]) / len(families) / 1e6 == pytest.approx(measured.estimate, abs=1e-6)


def test_an_empty_board_makes_a_site(tmp_path: Path) -> None:
    (tmp_path / "board" / "results").mkdir(parents=True)
    built = build(tmp_path / "board", tmp_path / "site")
    assert (built.rows, built.left_out) == (0, 0)
    assert "No records yet" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (("org/a-seed0-hop2", "org/a-seed1-hop2"), "org/a-hop2"),
        (("org/owl-0-s1", "org/owl-0-s2"), "org/owl-0"),
        (("org/class-1", "org/class-2"), "org/class"),
        (("org/m-10", "org/m-2"), "org/m"),
        (("org/x",), "org/x"),
        (("org/1", "org/2"), "org/1"),
        (("a/x", "b/y"), "a/x"),
    ],
)
def test_pooled_students_have_the_name_that_they_share(names: tuple[str, ...], common: str) -> None:
    from traitbench.leaderboard.site.rows import common_name

    assert common_name(names) == common
