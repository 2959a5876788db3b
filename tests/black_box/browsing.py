"""A headless Chromium for tests. Where none is installed they skip and say so; under CI they fail instead."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def chromium() -> str:
    """The browser's path."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        _missing("playwright is not installed (pip install 'traitbench[dev]')")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        _missing("no chromium or chrome on this machine")
    return found


def _missing(reason: str) -> Any:
    if os.environ.get("CI") or os.environ.get("TRAITBENCH_CI"):
        pytest.fail(f"{reason}, and under CI the pages must be opened")
    pytest.skip(reason)


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven by playwright."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The site's address on a server of its own."""
    import threading

    from traitbench.leaderboard.site import server

    with server(site, 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
