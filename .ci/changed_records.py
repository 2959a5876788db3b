"""Which records does a pull request add? Prints their paths, each ended by a zero byte; fails where it does more.

python .ci/changed_records.py FILE, where FILE holds `git diff --raw -z --no-renames BASE HEAD`. A
submission adds ordinary files below leaderboard/results and touches nothing else; what a maintainer changes beside them
is reviewed in a pull request of its own. Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

RECORD = re.compile(r"leaderboard/results/[\w.-]+/[1-9]\d*/[\w.-]+/[\w.-]+/[0-9a-f]{16}\.(json|parquet)", re.ASCII)
MOST = 2000


def added(raw: bytes) -> list[str]:
    """The paths that are added; SystemExit names the first change that no submission makes."""
    fields = raw.decode("utf-8", "replace").split("\0")
    paths = []
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, _, status = about.lstrip(":").split(" ")
        shown = "".join(c if c.isprintable() else "?" for c in path)[:200]
        if status != "A":
            raise SystemExit(f"{shown}: changed or removed; a submission only adds records")
        if mode != "100644":
            raise SystemExit(f"{shown}: not an ordinary file (mode {mode})")
        if not RECORD.fullmatch(path) or ".." in path:
            raise SystemExit(f"{shown}: neither a record nor its items, below leaderboard/results")
        paths.append(path)
    if not paths:
        raise SystemExit("no record is added")
    if len(paths) > MOST:
        raise SystemExit(f"{len(paths)} files; at most {MOST} in one pull request")
    return paths


if __name__ == "__main__":
    sys.stdout.write("".join(f"{path}\0" for path in added(Path(sys.argv[1]).read_bytes())))
