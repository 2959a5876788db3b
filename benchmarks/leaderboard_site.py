"""How long does a leaderboard's site take to build, and how soon does a reader see it?

2,000 records with their items, 20,000 without, on the cores that this machine has; memory is that of all processes
together. The records are synthetic and made once below --keep, which is not timed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "tests" / "leaderboard"), str(HERE.parent / "tests" / "black_box")]

from harness import Row, record  # noqa: E402

SCRIPT = "leaderboard_site.py"


class Memory:
    """The most that this process and its children held at once, in GiB (proportional set size: shared pages once)."""

    def __init__(self) -> None:
        self.most = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        mine = psutil.Process()
        while not self._ended.wait(0.2):
            total = 0
            for each in (mine, *mine.children(recursive=True)):
                try:
                    total += each.memory_full_info().pss
                except psutil.Error:
                    continue
            self.most = max(self.most, total / 2**30)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="where the synthetic records lie, or are to be made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        with_items = measure(folder / "with_items", Path(scratch), 2_000, items=True)
        measure(folder / "without_items", Path(scratch), 20_000, items=False)
        first_view(with_items)


def measure(board: Path, scratch: Path, n: int, *, items: bool) -> Path:
    """Builds the site of `n` records in a process of its own; the site's folder."""
    import synthetic_records

    if not board.is_dir():
        if items:
            synthetic_records.write_many(board, n)
        else:
            synthetic_records.write_without_items(board, n)
    out = scratch / f"site_{n}"
    bench(board, out, n, items=items)
    return out


def bench(board: Path, out: Path, n: int, *, items: bool) -> None:
    import subprocess

    words = [
        str(Path(sys.executable).with_name("traitbench")),
        "leaderboard",
        "build",
        "--dir",
        str(board),
        "--out",
        str(out),
    ]
    with Memory() as memory:
        start, used = time.perf_counter(), _cpu_of_children()
        result = subprocess.run(words, capture_output=True, text=True, check=True)
        seconds, used = time.perf_counter() - start, _cpu_of_children() - used
    print(result.stdout.strip())
    kind = "with items" if items else "without items"
    numbers: dict[str, Any] = {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "peak_gib": round(memory.most, 3),
        "records": n,
    }
    target = 10 if items else 60
    record(Row(f"site-{n}", f"the site of {n:,} records {kind}", seconds, "s", target, False, SCRIPT, numbers))
    work = f"the site of {n:,} records {kind}: memory of all processes"
    record(Row(f"site-{n}-memory", work, memory.most, "GiB", 1, False, SCRIPT, numbers))


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_view(site: Path) -> None:
    """First paint, and the table ready for sorting, in headless Chromium; the median of five fresh visits."""
    import statistics

    from browsing import browser, served

    paints, ready = [], []
    with browser() as chrome, served(site) as address:
        for _ in range(5):
            page = chrome.new_context().new_page()
            page.goto(f"{address}/index.html")
            page.wait_for_selector("html.ready", state="attached")
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000)
            ready.append(page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000)
            page.context.close()
    numbers = {
        "first_paint_s": [round(each, 3) for each in paints],
        "table_ready_s": [round(each, 3) for each in ready],
    }
    value = statistics.median(paints)
    record(Row("site-view", "first view of a page of 2,000 rows in Chromium", value, "s", 1, False, SCRIPT, numbers))


if __name__ == "__main__":
    main()
