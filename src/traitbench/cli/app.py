"""The commands of `traitbench`, gathered."""

from __future__ import annotations

import typer

from traitbench.cli import catalogue, lab, leaderboard, probes, score

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measures whether a student model has inherited a trait from its teacher.",
)
app.command("score")(score.score)
app.command("list")(catalogue.list_entries)
app.command("doctor")(catalogue.doctor)
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(lab.app, name="lab")
app.add_typer(probes.app, name="probes")
