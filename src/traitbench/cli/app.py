"""The commands of `traitbench`, gathered."""

from __future__ import annotations

import typer

from traitbench.cli import baseline, catalogue, compare, gate, lab, leaderboard, probes, score

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measures whether a student model has inherited a trait from its teacher.",
)
app.command("score")(score.score)
app.command("compare")(compare.compare)
app.add_typer(gate.app, name="gate")
app.add_typer(baseline.app, name="baseline")
app.command("list")(catalogue.list_entries)
app.command("doctor")(catalogue.doctor)
app.add_typer(leaderboard.app, name="leaderboard")
app.add_typer(lab.app, name="lab")
app.add_typer(probes.app, name="probes")
