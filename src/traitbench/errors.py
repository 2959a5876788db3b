"""What can go wrong, and the exit code that says so.

Every message is one line that names the input, what is wrong with it, and the mend. The command line prints it
without a traceback and leaves with the code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import IO, Any

from click import ClickException


class TraitbenchError(ClickException):
    """A failure that traitbench foresaw; `str(error)` is the one line shown to the user.

    It is click's exception because `inspect` is a click program as well: a wrong `-T trait=` is answered there with the
    same line and exit code as in `traitbench`.
    """

    exit_code = 70

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the line to standard error."""
        print(f"traitbench: {' '.join(self.message.split())}", file=file or sys.stderr)


class InputError(TraitbenchError):
    """Wrong usage or bad input, an unreadable model directory included."""

    exit_code = 2


class InfrastructureError(TraitbenchError):
    """Out of memory or disk, a hub that does not answer, a judge that fails."""

    exit_code = 4


class NotComparableError(TraitbenchError):
    """A reference is missing, or cannot be compared with the student."""

    exit_code = 5


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`"; did you mean 'owl'?"` for the nearest of the known words, or nothing."""
    near = get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
