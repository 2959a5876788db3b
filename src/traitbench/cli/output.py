"""Where the commands print: tables on standard output, progress on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Standard output as rich writes to it.

    Where nobody looks on, the line length is free, and a wrapped table is hard to read in a log.
    """
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


def say(line: str) -> None:
    """One line of progress, where somebody looks on."""
    if sys.stderr.isatty():
        print(f"  {line}", file=sys.stderr)
