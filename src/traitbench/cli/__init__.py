"""The command `traitbench`: one file for each group of commands; errors become one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any


def main() -> None:
    """Runs the command line; exit codes as in the README."""
    import typer

    from traitbench.cli.app import app
    from traitbench.errors import TraitbenchError

    try:
        code = app(standalone_mode=False)
    except TraitbenchError as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except MemoryError:
        _say("out of memory; close other programs, or score a smaller model")
        sys.exit(4)
    except OSError as error:
        _say(f"{error.filename or 'input or output'}: {error.strerror or error}")
        sys.exit(4 if error.errno == 28 else 2)
    except Exception as error:
        if isinstance(error, _usage_errors()):
            _say(error.format_message())
            sys.exit(2)
        _say(f"internal error ({type(error).__name__}: {error}); please report it with the command you ran")
        sys.exit(70)
    if code == _INTERRUPTED:  # typer's own answer to ctrl-C as well
        _say("interrupted; nothing half-written was left; run the same command again")
        # Inspect's hf provider may leave a thread inside the network, on which an ordinary exit would abort.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


_INTERRUPTED = 130


def _usage_errors() -> tuple[type[Any], ...]:
    """What click raises for wrong usage: its own class, and that of the copy of click which newer typers bring."""
    import click
    import typer

    copied = [each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException"]
    return (click.ClickException, *copied)


def _say(message: str) -> None:
    print(f"traitbench: {' '.join(message.split())}", file=sys.stderr)
