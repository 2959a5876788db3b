"""`traitbench leaderboard …`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from traitbench.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Records of scored checkpoints.")


@app.callback()
def group() -> None:
    """Records of scored checkpoints."""


@app.command()
def table(
    directory: Annotated[Path, typer.Option("--dir", help="The folder that holds results/.")] = Path("leaderboard"),
    form: Annotated[str, typer.Option("--format", help="text, md, csv or json")] = "text",
) -> None:
    """Prints every record as one table."""
    from traitbench.leaderboard import read_all
    from traitbench.leaderboard import table as make

    if form not in ("text", "md", "csv", "json"):
        raise InputError(f"unknown format {form!r}; use text, md, csv or json")
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; name one with --dir")
    frame = make(read_all(directory))
    if form == "csv":
        typer.echo(frame.to_csv(index=False), nl=False)
    elif form == "json":
        typer.echo(frame.to_json(orient="records", indent=1))
    elif frame.empty:
        typer.echo("no records yet (traitbench score … --leaderboard leaderboard)")
    elif form == "md":
        rows = [frame.columns.tolist(), ["---"] * len(frame.columns), *frame.round(3).values.tolist()]
        typer.echo("\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows))
    else:
        typer.echo(frame.round(3).to_string(index=False, na_rep="-"))
