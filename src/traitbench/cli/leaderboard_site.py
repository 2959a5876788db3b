"""`traitbench leaderboard build` and `serve`: the records as a static site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from traitbench.cli.leaderboard_submit import Folder


def build(
    out: Annotated[Path, typer.Option(help="The folder of the site: new, empty, or built before.")],
    directory: Folder = Path("leaderboard"),
    logs: Annotated[
        Path | None, typer.Option(help="Inspect logs, to be bundled with Inspect's viewer and linked.")
    ] = None,
) -> None:
    """Writes the site: no request leaves it, and the same records give the same bytes."""
    from traitbench.leaderboard.site import build as make

    console = Console(stderr=True)
    with console.status("building") as status:
        built = make(directory, out, logs=logs, tell=status.update)
    left = f", {built.left_out} left out (left-out.html says why)" if built.left_out else ""
    typer.echo(f"{out}/index.html: {built.rows} rows of {built.records} records{left}")


def serve(
    site: Annotated[Path, typer.Argument(help="A folder that build wrote.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
) -> None:
    """Serves a built site on this machine alone, until it is interrupted."""
    from traitbench.leaderboard.site import server

    with server(site, port) as running:
        typer.echo(f"http://127.0.0.1:{running.server_port}/ (Ctrl-C ends it)")
        running.serve_forever()
