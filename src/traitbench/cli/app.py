"""The commands of `traitbench`, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

import traitbench
from traitbench.cli import baseline, catalogue, compare, gate, lab, leaderboard, probes, score

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"traitbench {traitbench.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Measures whether a student model has inherited a trait from its teacher."""


app.command("score")(score.score)
app.command("compare")(compare.compare)
app.add_typer(gate.app, name="gate")
app.add_typer(baseline.app, name="baseline")
app.command("list")(catalogue.list_entries)
app.command("validate")(catalogue.validate)
app.command("doctor")(catalogue.doctor)
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(lab.app, name="lab")
app.add_typer(probes.app, name="probes")
