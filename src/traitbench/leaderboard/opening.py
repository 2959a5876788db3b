"""Opens items in a process of its own first: a file made to hurt may end the process that reads it.

Not every broken file is an error that Parquet's library raises; at some it aborts. What the helper survives, the same
bytes cannot do to the process that asked. The helper holds no more than `MEMORY`, answers within `PATIENCE`, and is
started once.
"""

from __future__ import annotations

import select
import subprocess
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from traitbench.errors import InfrastructureError, InputError

MEMORY = 4 << 30
"""Bytes of address space, libraries included."""
PATIENCE = 60.0
"""Seconds for one file."""
_READY = b"ready\n"


def survives(data: bytes) -> bool:
    """Whether the bytes can be opened, or are refused, without ending the process that reads them.

    Raises `InfrastructureError` where no helper can be started.
    """
    helper = _helper()
    try:
        assert helper.stdin is not None
        helper.stdin.write(len(data).to_bytes(8, "big") + data)
        helper.stdin.flush()
        if _answers(helper):
            return True
    except OSError:  # it ended while the bytes were on their way
        pass
    helper.kill()
    helper.communicate()
    _helper.cache_clear()
    return False


def _answers(helper: subprocess.Popen[bytes]) -> bool:
    assert helper.stdout is not None
    waiting, _, _ = select.select([helper.stdout], [], [], PATIENCE)
    return bool(waiting) and helper.stdout.readline() == _READY


@lru_cache(maxsize=1)
def _helper() -> subprocess.Popen[bytes]:
    helper = subprocess.Popen(
        [sys.executable, "-c", "from traitbench.leaderboard.opening import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if not _answers(helper):
        helper.kill()
        raise InfrastructureError("no helper process could be started to open items; is the machine out of memory?")
    return helper


def serve() -> None:
    """The helper: opens what comes on standard input until it ends, and says after each file that it still lives."""
    from traitbench.leaderboard.items import read_table

    _limit_memory()
    said = sys.stdout.buffer
    said.write(_READY)
    said.flush()
    while len(head := sys.stdin.buffer.read(8)) == 8:
        with suppress(InputError, MemoryError):
            read_table(sys.stdin.buffer.read(int.from_bytes(head, "big")), Path("items"))
        said.write(_READY)
        said.flush()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
