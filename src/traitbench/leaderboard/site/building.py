"""Builds the site: records to pages, aside, and exchanged for the old one in one step.

The same records give the same bytes: no date of building is in it, and everything has its order.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from traitbench.catalog import Catalog
from traitbench.errors import InputError
from traitbench.files import write_fault
from traitbench.leaderboard.site import pages, svg
from traitbench.leaderboard.site.collecting import Collected, collect, without_superseded
from traitbench.leaderboard.site.downloads import write_downloads
from traitbench.leaderboard.site.exchange import exchange
from traitbench.leaderboard.site.paired import paired_files
from traitbench.leaderboard.site.rows import Row, rows_of
from traitbench.leaderboard.site.vendored import datatables

MARK = "traitbench-site.json"
"""What tells a folder that a site was built in from one that holds something else."""
_STATIC = ("site.css", "site.js", "compare.js", "theme.js", "icon.svg")


@dataclass(frozen=True)
class Built:
    """What was built."""

    out: Path
    rows: int
    records: int
    left_out: int


def build(root: Path, out: Path, *, logs: Path | None = None, tell: Callable[[str], None] = lambda _: None) -> Built:
    """The site of the records below `root`, as static files in `out`.

    Args:
        root: the leaderboard's folder.
        out: new, empty, or a site that was built before, which stays whole until the new one is ready.
        logs: a folder of Inspect logs, to be bundled with Inspect's viewer and linked.
        tell: called with a line for each step.

    Raises:
        InputError: no results; a folder that holds something else; itables not installed.
    """
    out = out.absolute()
    _check_out(out)
    library = datatables()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise write_fault(out, error) from None
    try:
        found, rows = _write(root, aside, library, logs, tell)
        aside.chmod(0o755)
        exchange(aside, out)
    except OSError as error:
        raise write_fault(out, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Built(out, len(rows), len(found.records), len(found.left_out))


def _check_out(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out}: not a folder; name a new one with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise InputError(f"{out}: holds something else than a site; name a new or empty folder with --out")


def _write(
    root: Path, folder: Path, library: str, logs: Path | None, tell: Callable[[str], None]
) -> tuple[Collected, list[Row]]:
    names = _bundle(logs, folder / "logs") if logs is not None else {}
    tell("reading the records and holding them against their items")
    found = collect(root, folder / "rows", names)
    rows = rows_of(found.records)
    found = without_superseded(found, rows, folder / "rows")
    tell(f"{len(found.records)} records in {len(rows)} rows, {len(found.left_out)} left out")
    where = _write_paired(rows, folder, found.catalog)
    with (folder / "index.html").open("w", encoding="utf-8") as stream:
        stream.writelines(pages.index_page(rows, where))
    texts = {
        "bases.html": pages.bases_page(rows),
        "matrix.html": pages.matrix_page(rows),
        "left-out.html": pages.left_out_page(found.left_out),
        "about.html": pages.about_page(),
        MARK: '{"schema": "traitbench/site/1"}\n',
    }
    for row in rows:
        if row.pooled:
            texts[row.page] = pages.pooled_page(row, where.get(row.id))
            for each in row.seeds:
                _link_to_pooled(folder / "rows" / f"{each.id}.html", row)
    static = files("traitbench.leaderboard.site") / "static"
    texts |= {name: (static / name).read_text(encoding="utf-8") for name in _STATIC}
    texts["vendor/datatables.js"] = library
    for name, text in texts.items():
        _put(folder / name, text)
    _write_badges(rows, folder / "badges")
    tell("writing the downloads")
    by_record = sorted(found.records, key=lambda each: each.place)
    write_downloads([wide for each in by_record for wide in each.wide], folder)
    return found, rows


def _write_paired(rows: list[Row], folder: Path, catalog: Catalog) -> dict[str, str]:
    """The scripts for comparing; returns, by row, the one that has it."""
    where = {}
    for name, (script, ids) in paired_files(rows, catalog).items():
        _put(folder / name, script)
        where.update(dict.fromkeys(ids, name))
    return where


def _write_badges(rows: list[Row], folder: Path) -> None:
    folder.mkdir()
    for row in rows:
        singles = [Row(each.id, (each,), each.contexts) for each in row.seeds] if row.pooled else []
        for each in (row, *singles):
            shift = each.main.shift
            value = svg.signed(shift.difference) if shift else f"P={each.main.estimate:.2f}"
            finding = "declared" if each.tier == "T0" else "" if shift is None else each.finding
            text = svg.badge(each.first.trait, finding, value, grey=each.main.says_little)
            (folder / f"{each.id}.svg").write_text(text, encoding="utf-8")


def _link_to_pooled(page: Path, row: Row) -> None:
    """A page is written before anybody knows how many seeds its recipe has."""
    link = (
        f'<p class="pooled">One of {len(row.seeds)} seeds of one recipe: <a href="{row.id}.html">all together</a>.</p>'
    )
    text = page.read_text(encoding="utf-8").replace("<!--pooled-->", link, 1)
    _put(page, text.replace(f'index.html#r-{page.stem}"', f'index.html#r-{row.id}"', 1))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _bundle(logs: Path, out: Path) -> dict[str, str]:
    """Inspect's own viewer with the logs in it; by name, as records have it, where below `logs` each lies."""
    if not logs.is_dir():
        raise InputError(f"{logs}: no such folder; --logs names one with .eval files")
    names = {path.name: path.relative_to(logs).as_posix() for path in sorted(logs.rglob("*.eval"))}
    if not names:
        raise InputError(f"{logs}: holds no .eval files")
    from inspect_ai.log import bundle_log_dir

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            bundle_log_dir(str(logs), output_dir=str(out))
    except Exception as error:  # Inspect tells of its own faults in many ways
        raise InputError(f"{logs}: Inspect cannot bundle these logs ({str(error).splitlines()[0][:200]})") from None
    return names


def is_site(folder: Path) -> bool:
    """Whether a site was built there."""
    return (folder / MARK).is_file()
