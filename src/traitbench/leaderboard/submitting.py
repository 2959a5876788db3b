"""A scorecard becomes the files of a pull request, verified before anybody else sees them."""

from __future__ import annotations

from pathlib import Path

from traitbench.errors import InputError
from traitbench.files import write_whole
from traitbench.leaderboard.making import entries
from traitbench.leaderboard.markdown import render
from traitbench.leaderboard.record import Declared
from traitbench.leaderboard.store import same_answers, write
from traitbench.leaderboard.verify import Verified, verify
from traitbench.runner.scorecard import Scorecard

DESCRIPTION = "PULL_REQUEST.md"
FOLDER = "leaderboard"
"""The leaderboard's folder in the repository, as below the submission."""


def submit(card: Scorecard, out: Path, declared: Declared, logs: Path | None = None) -> list[Verified]:
    """Writes `out/leaderboard/results/…` and `out/PULL_REQUEST.md`; returns what `verify` says of each record.

    What an earlier run wrote of the same answers, with other options or on another day, is replaced.

    Raises `InputError` for a card of which no records can be made, and for one that does not stand verification.
    """
    if declared.submitter is None:
        raise InputError("a submission needs its submitter; give --submitter NAME")
    made = entries(card, declared, logs)
    root = out / FOLDER
    paths = [write(entry, root) for entry in made]
    for entry in made:
        for earlier in same_answers(entry, root):
            if earlier.id != entry.id:
                earlier.path.with_suffix(".parquet").unlink(missing_ok=True)
                earlier.path.unlink()
    found = verify(root, paths)
    broken = next((each for each in found if each.fault is not None), None)
    if broken is not None:
        raise InputError(f"{broken.fault}; nothing to submit")
    tiers = {each.id: each.tier for each in found}
    text = render(
        "pull_request.md",
        records=[entry.record for entry in made],
        ids=[entry.id for entry in made],
        tiers=[tiers[entry.id] for entry in made],
        outer={entry.record.task: number for number, entry in enumerate(made)},
    )
    write_whole(out / DESCRIPTION, text)
    return found
