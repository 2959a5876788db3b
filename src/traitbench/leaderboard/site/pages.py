"""The pages that show many records: the table of students, the bases, the transfer matrix, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from traitbench.leaderboard.site import svg
from traitbench.leaderboard.site.rendering import render, words
from traitbench.leaderboard.site.rows import INHERITED, MOVED, Row, finding, grouped, over_seeds
from traitbench.leaderboard.site.seen import LeftOut
from traitbench.runner.scorecard import Interval

_SIZES = ((10**8, "under 100M"), (10**9, "100M to 1B"), (10**10, "1B to 10B"))
TIERS = {
    "T0": "declared",
    "T1": "recomputed",
    "T2": "re-scored in part",
    "T3": "maintainer's run",
}


@dataclass(frozen=True)
class Column:
    """A column of the table: its key, heading, and whether it shows before anybody chooses."""

    key: str
    label: str
    shown: bool = True
    numeric: bool = False
    hint: str = ""


COLUMNS = (
    Column("pick", "Compare", hint="Choose two to four rows"),
    Column("model", "Student"),
    Column("trait", "Trait"),
    Column("domain", "Domain"),
    Column("base", "Base"),
    Column("finding", "Finding"),
    Column("shift", "Shift", numeric=True, hint="P(trait) less that of the controls, or of the base; 95% interval"),
    Column("tie", "Tie group", numeric=True, hint="Within a task: rows whose intervals overlap share a number"),
    Column("p", "P(trait)", numeric=True, hint="Mean probability of naming the trait; 95% interval"),
    Column("in_domain", "P in domain", False, True, "The same questions behind the domain's kind of text"),
    Column("versus_base", "Against base", False, True),
    Column("versus_control", "Against controls", False, True),
    Column("rate", "Transfer rate", False, True, "How far of the way from base to teacher"),
    Column("rank", "Rank", False, True, "Of the trait among the category's members, by shift"),
    Column("mass", "Category mass", False, True, "How much of the answers names a member of the category"),
    Column("teacher", "Teacher", False),
    Column("init", "Initialisation", hint="Of student and teacher"),
    Column("size", "Size", numeric=True),
    Column("seeds", "Seeds", numeric=True),
    Column("tier", "Tier"),
    Column("method", "Method", False),
    Column("language", "Language", False),
    Column("date", "Date", False),
)


def facets_of(row: Row) -> dict[str, str]:
    """The row's value of every facet, as the page words it."""
    seen = row.first
    return {
        "trait": words(seen.trait),
        "domain": words(seen.domain),
        "teacher": row.teacher or words(seen.teacher_kind),
        "base": seen.base or "not run",
        "size": _size_class(seen.n_parameters),
        "tier": f"{row.tier} {TIERS[row.tier]}",
        "init": seen.initialisation or "not declared",
        "finding": row.finding,
    }


FACETS = {
    "trait": "Trait",
    "domain": "Domain",
    "teacher": "Teacher",
    "base": "Base",
    "size": "Size",
    "tier": "Tier",
    "init": "Initialisation",
    "finding": "Finding",
}


def index_page(rows: Sequence[Row], data_files: dict[str, str]) -> Iterable[str]:
    """`index.html` in pieces; `data_files`: by row id, the file with its questions for comparisons."""
    values = [facets_of(row) for row in rows]
    facets = {
        name: sorted({each[name] for each in values}, key=lambda text: (text in ("not run", "not declared"), text))
        for name in FACETS
    }
    shifts = [end for row in rows if row.main.shift for end in row.main.shift.ci if end is not None]
    return _stream(
        "index.html",
        up="",
        here="students",
        rows=list(zip(rows, values, strict=True)),
        columns=COLUMNS,
        facets={name: (FACETS[name], options) for name, options in facets.items() if len(options) > 1},
        axis=svg.axis_of(shifts),
        unit=svg.PROBABILITY,
        data_files=data_files,
        tasks=len({(row.first.task, row.first.n) for row in rows}),
        records=sum(len(row.seeds) for row in rows),
        tiers=TIERS,
    )


def pooled_page(row: Row, data_file: str | None) -> str:
    """`rows/<id>.html` of students that differ by seed alone."""
    estimates = [each.main for each in row.seeds]
    shifts = [end for each in (*estimates, row.main) if each.shift for end in each.shift.ci if end is not None]
    return render(
        "pooled.html", up="../", row=row, axis=svg.axis_of(shifts), unit=svg.PROBABILITY, finding_of=finding,
        data_file=data_file,
    )  # fmt: skip


@dataclass(frozen=True)
class Base:
    """How the students of one base did through one kind of data."""

    base: str
    domain: str
    size: int | None
    rows: int
    traits: tuple[str, ...]
    took: int
    """Rows in which the trait was taken on, against whatever they were compared with."""
    mean: float
    ci: Interval
    rate: float | None
    against: str

    @property
    def order(self) -> tuple[float, str, str]:
        return (2.0 if self.ci[0] is None else -self.ci[0]), self.base, self.domain


def bases_page(rows: Sequence[Row]) -> str:
    """`bases.html`: how readily the students of a base take on a trait, by domain."""
    known = [row for row in rows if row.main.shift is not None and row.first.base is not None]
    # a record that names neither a teacher nor controls may itself be a control, or any other checkpoint
    students = [row for row in known if row.teacher is not None or row.main.control is not None]
    groups = grouped(students, lambda row: (row.first.base or "", row.first.domain))
    found = sorted((_base(*key, group) for key, group in groups.items()), key=lambda each: each.order)
    axis = svg.axis_of([end for each in found for end in each.ci if end is not None])
    return render("bases.html", up="", here="bases", bases=found, axis=axis, without=len(known) - len(students))


def _base(base: str, domain: str, group: Sequence[Row]) -> Base:
    shifts = [shift for row in group if (shift := row.main.shift) is not None]
    differences = [each.difference for each in shifts]
    rates = [row.main.transfer_rate for row in group if row.main.transfer_rate is not None]
    return Base(
        base=base,
        domain=domain,
        size=group[0].first.n_parameters,
        rows=len(group),
        traits=tuple(sorted({row.first.trait for row in group})),
        took=sum(row.finding in (INHERITED, MOVED) for row in group),
        mean=sum(differences) / len(differences),
        ci=over_seeds(differences, -1.0, 1.0) if len(differences) > 1 else shifts[0].ci,
        rate=sum(rates) / len(rates) if rates else None,
        against=" or ".join(sorted({"controls" if row.main.control else "base" for row in group}, reverse=True)),
    )


def matrix_page(rows: Sequence[Row]) -> str:
    """`matrix.html`: teachers against the bases of their students, over all traits and for each."""
    known = [row for row in rows if row.main.shift is not None]
    by_trait = grouped(known, lambda row: (row.first.trait, row.first.domain))
    maps = [_map("All traits and domains", known)] if len(by_trait) > 1 else []
    maps += [
        _map(f"{words(trait)} through {words(domain)}", group) for (trait, domain), group in sorted(by_trait.items())
    ]
    return render("matrix.html", up="", here="matrix", maps=maps)


def _map(title: str, group: Sequence[Row]) -> dict[str, Any]:
    teachers = sorted({_teacher(row) for row in group})
    bases = sorted({row.first.base or "base not run" for row in group})
    cells = [[_cell(group, teacher, base) for base in bases] for teacher in teachers]
    about = f"{title}: mean shift, teachers against the bases of their students"
    drawn = svg.matrix(teachers, bases, cells, about)
    return {"title": title, "about": about, "teachers": teachers, "bases": bases, "cells": cells, "svg": drawn}


def _teacher(row: Row) -> str:
    return row.teacher or f"{words(row.first.teacher_kind)}, not scored"


def _cell(group: Sequence[Row], teacher: str, base: str) -> svg.Cell:
    chosen = [row for row in group if _teacher(row) == teacher and (row.first.base or "base not run") == base]
    shifts = [row.main.shift.difference for row in chosen if row.main.shift]
    if not shifts:
        return svg.Cell(None, len(chosen))
    return svg.Cell(sum(shifts) / len(shifts), len(shifts), chosen[0].page if len(chosen) == 1 else None)


def left_out_page(left_out: Sequence[LeftOut]) -> str:
    """`left-out.html`: nothing disappears without a word."""
    return render("left_out.html", up="", here="left_out", left_out=left_out)


def about_page() -> str:
    """`about.html`: how to read the table."""
    return render("about.html", up="", here="about", tiers=TIERS)


def _size_class(parameters: int | None) -> str:
    if parameters is None:
        return "not declared"
    return next((words for limit, words in _SIZES if parameters < limit), "10B and more")


def _stream(template: str, **values: Any) -> Iterable[str]:
    from traitbench.leaderboard.site.rendering import templates

    return templates().get_template(template + ".j2").generate(**values)
