"""What the site concludes from its records: pooled intervals, tie groups, order, and when a finding says little."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_records import entry_of, students

from traitbench.catalog import Catalog
from traitbench.exact import pool_draws
from traitbench.leaderboard import Declared, entries
from traitbench.leaderboard.asked import asked_sha256
from traitbench.leaderboard.making import Entry
from traitbench.leaderboard.site import build, figures
from traitbench.leaderboard.site.pages import COLUMNS, bases_page, index_page
from traitbench.leaderboard.site.rows import rows_of
from traitbench.leaderboard.site.seen import Context, Seen, Shift
from traitbench.leaderboard.store import write
from traitbench.runner.evaluate import Question
from traitbench.runner.results import measured_answers, task_result, with_holm
from traitbench.runner.scorecard import Scorecard
from traitbench.stats import Measured

pytest.importorskip("itables", reason="the site's table library is not installed (pip install 'traitbench[site]')")
SITE = Path(figures.__file__).parent


def context(shift: Shift | None, *, base: bool = False) -> Context:
    return Context(
        "plain", 0.5, (0.4, 0.6), (0.5, 0.5), 1.0, True, shift if base else None, None if base else shift, None, "1/30",
        ("cat", 0.1, False), 60, 12, "exact",
    )  # fmt: skip


def seen(number: int, shift: Shift | None, *, base: bool = False, language: str = "en") -> Seen:
    return Seen(
        f"{number:016x}", f"results/{number}", "T1", "", "owl-numbers", 1, "1-A", "owl", "animal", "numbers",
        "system_prompt", language, "animal_one_word", f"org/{number}", "a", "org/base", "b", None, 0 if base else 1,
        None, None, None, None, None, "2026-01-01", True, (context(shift, base=base),),
    )  # fmt: skip


def shift(low: float) -> Shift:
    return Shift(0.1, low + 0.05, (low, low + 0.1))


def test_a_number_of_a_tie_group_is_given_once_in_a_task() -> None:
    records = [seen(i, shift(0.2 * i)) for i in range(3)]
    records += [seen(10 + i, shift(0.2 * i), base=True) for i in range(2)]
    records += [seen(20, shift(0.3), language="zh"), seen(30, None)]
    ties = {int(row.id, 16): row.tie for row in rows_of(records)}
    assert ties == {2: 1, 1: 2, 0: 3, 20: 4, 11: 5, 10: 6, 30: 7}


def test_rows_that_overlap_share_a_tie_group() -> None:
    ties = [row.tie for row in rows_of([seen(0, shift(0.5)), seen(1, shift(0.45)), seen(2, shift(0.1))])]
    assert ties == [1, 1, 2]


def of_one_draw(card: Scorecard, catalog: Catalog, seed: int) -> Entry:
    """A student that named an owl once in all its draws; its references never did."""
    task = catalog.task("owl-numbers")
    asked = [each for each in catalog.probe_set(task.probe_set).questions if each.language == "en"]
    keys = ((task.probe_set, "plain", "none"), (task.probe_set, "in_domain", task.domain))

    def side(role: int, hit: int | None) -> dict[tuple[str, str, str], dict[Question, object]]:
        def told(i: int, k: int) -> str:
            return "owl" if i == hit and k == 0 else ("cat", "dog", "lion")[(i + k * (role + 1)) % 3]

        return {
            key: {
                Question(each.id, each.family): pool_draws((told(i, k), told(i, k).capitalize()) for k in range(20))
                for i, each in enumerate(asked)
            }
            for key in keys
        }

    roles = {"student": side(0, seed), "base": side(1, None), "control0": side(2, None), "control1": side(3, None)}
    kept = {
        role: tuple(measured_answers(key, "en", found[key], catalog) for key in keys) for role, found in roles.items()
    }
    [entry] = entries(
        card.model_copy(
            update={
                "references": card.references.model_copy(update={"teacher": None}),
                "tasks": tuple(with_holm([task_result(task, key, "en", roles, catalog) for key in keys])),
                "answers": kept.pop("student"),
                "reference_answers": kept,
            }
        ),
        Declared(submitter="A. Tester", training_seed=seed, recipe="drawn"),
    )
    return entry


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_seeds_of_which_none_shows_a_shift_are_not_inherited_together(cards, catalog, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Two students that named an owl once each vary by nothing; what they drew, and their references, leaves more."""
    for seed in (0, 1):
        write(of_one_draw(cards(f"org/student-seed{seed}", weights=False), catalog, seed), tmp_path / "board")
    assert build(tmp_path / "board", tmp_path / "site").rows == 1
    [pooled] = (tmp_path / "site" / "rows").glob("s*.html")
    text = html.unescape(re.sub(r"<[^>]+>", " ", pooled.read_text(encoding="utf-8")))
    assert "inherited" not in text
    [low] = re.findall(r"Against controls \S+ \((\S+) to", text)
    # no owl in 2,400 draws of the two controls: Clopper-Pearson's upper bound is 1 - 0.025^(1/2400)
    assert float(low.replace("−", "-")) <= 1 / 1200 - (1 - 0.025 ** (1 / 2400)) + 5e-4


def test_every_numeric_column_is_sorted_as_numbers() -> None:
    script = (SITE / "static" / "site.js").read_text(encoding="utf-8")
    sets = re.findall(r"(?:highest|lowest) = new Set\(\[([^\]]+)\]\)", script)
    assert {name for each in sets for name in re.findall(r'"(\w+)"', each)} == {c.key for c in COLUMNS if c.numeric}
    assert len(re.findall(r'targets: places\(\w+\), orderSequence: [^}]+, type: "num"', script)) == len(sets) == 2


def test_an_open_interval_is_sorted_last_and_by_a_number() -> None:
    rows = rows_of([seen(0, Shift(0.1, 0.3, (None, None))), seen(1, shift(0.2))])
    page = "".join(index_page(rows, {}))
    orders = re.findall(r'data-order="([^"]*)"', page)
    assert "-99" in orders
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", each) for each in orders), orders


def test_a_pooled_rows_rank_is_by_seed() -> None:
    pooled = [replace(seen(i, shift(0.2)), recipe="r", seed=i) for i in range(2)]
    assert "by seed" in "".join(index_page(rows_of(pooled), {}))


def test_what_names_neither_teacher_nor_control_is_no_student_of_a_base() -> None:
    student, control = replace(seen(0, shift(0.2), base=True), teacher="org/teacher"), seen(1, shift(0.0), base=True)
    page = bases_page(rows_of([student, control]))
    assert "1 of 1" in page
    assert "1 row with neither a teacher nor controls is not counted" in page


def test_a_verdict_on_few_answers_is_grey_and_says_so(cards, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    [entry] = entries(cards(), Declared(submitter="A. Tester"))
    thin = [each.model_copy(update={"category_mass": 0.4}) for each in entry.record.measurements]
    write(Entry(entry.record.model_copy(update={"measurements": tuple(thin), "items": None}), None), tmp_path / "board")
    build(tmp_path / "board", tmp_path / "site")
    [page] = (tmp_path / "site" / "rows").iterdir()
    for path in (page, tmp_path / "site" / "index.html"):
        text = path.read_text(encoding="utf-8")
        assert '<span class="chip">inherited</span>' in text
        assert "verdict inherited" not in text
    assert "Most of its answers name no member of the category" in page.read_text(encoding="utf-8")


def test_a_record_in_another_language_says_so_in_its_title(catalog: Catalog, tmp_path: Path) -> None:
    record = entry_of(next(students(1))).record
    probes = tuple(
        each.model_copy(
            update={
                "language": "zh",
                "sha256": asked_sha256(catalog, each.probe_set, each.context, each.domain, "zh"),
            }
        )
        for each in record.probes
    )
    measured = tuple(each.model_copy(update={"language": "zh"}) for each in record.measurements)
    chinese = record.model_copy(update={"items": None, "probes": probes, "measurements": measured})
    write(Entry(chinese, None), tmp_path / "board")
    assert build(tmp_path / "board", tmp_path / "site").records == 1
    [page] = (tmp_path / "site" / "rows").iterdir()
    text = page.read_text(encoding="utf-8")
    assert "asked in Chinese" in text.partition("</title>")[0]
    assert text.count("asked in Chinese") == 2


def test_a_teacher_as_far_as_its_reference_gives_no_rate() -> None:
    found = replace(context(None, base=True), base=Shift(0.1, 0.4, (0.3, 0.5)))
    teachers = [Measured(p, p, None, p) for p in (np.full(4, 0.1 + 5e-7), np.full(4, 0.9))]
    assert figures._rate(found, teachers[0]) is None
    assert figures._rate(found, teachers[1]) == pytest.approx(0.5)
