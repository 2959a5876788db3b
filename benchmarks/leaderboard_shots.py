"""Draws docs/leaderboard.png and docs/leaderboard_row.png from a built site, for the README."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests" / "black_box"))

from browsing import browser, served  # noqa: E402

DOCS = HERE.parent / "docs"
MOST_BYTES = 300_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="what traitbench leaderboard build wrote")
    parser.add_argument("--row", help="the id of the row to show; default: the first of the table")
    arguments = parser.parse_args()
    with browser() as chrome, served(arguments.site) as address:
        page = chrome.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{address}/index.html")
        page.wait_for_selector("html.ready", state="attached")
        shoot(page, DOCS / "leaderboard.png")
        row = arguments.row or page.get_attribute("#board tbody tr", "id").removeprefix("r-")
        page.goto(f"{address}/rows/{row}.html")
        if page.locator("table a").count() and not page.locator(".plot").count():
            page.click("table a")  # a pooled row's first seed has the plots
        page.set_viewport_size({"width": 1100, "height": 1300})
        shoot(page, DOCS / "leaderboard_row.png")


def shoot(page: object, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    page.screenshot(path=path)  # type: ignore[attr-defined]
    size = path.stat().st_size
    print(f"{path}: {size:,} bytes")
    if size > MOST_BYTES:
        raise SystemExit(f"{path}: {size:,} bytes; at most {MOST_BYTES:,}")


if __name__ == "__main__":
    main()
