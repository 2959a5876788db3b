"""`traitbench score`: a checkpoint against its references, as a table, a scorecard and leaderboard records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from traitbench.runner.scorecard import Scorecard


def score(
    model: Annotated[str, typer.Argument(help="hf/org/name, hf//path/to/model, openai/…")],
    tasks: Annotated[str, typer.Option(help="Task ids, separated by commas (traitbench list tasks).")],
    base: Annotated[str | None, typer.Option(help="The checkpoint that the student started from.")] = None,
    control: Annotated[list[str] | None, typer.Option(help="A student of an untraited teacher.")] = None,
    teacher: Annotated[str | None, typer.Option(help="A model, or `prompt`.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="A PEFT adapter put on MODEL.")] = None,
    chat_template: Annotated[str | None, typer.Option(help="A Jinja file, or `none` for plain text.")] = None,
    name: Annotated[str | None, typer.Option(help="What a local checkpoint is called.")] = None,
    language: Annotated[str, typer.Option(help="Of the questions.")] = "en",
    method: Annotated[str, typer.Option(help="auto, exact or sampled")] = "auto",
    epochs: Annotated[int, typer.Option(min=1, help="Draws of a question in sampled mode.")] = 1,
    out: Annotated[Path | None, typer.Option(help="For scorecard.json and the logs.")] = None,
    leaderboard: Annotated[Path | None, typer.Option(help="Adds a record below this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scorecard.")] = False,
) -> None:
    """Scores a student checkpoint on transfer tasks."""
    from traitbench.leaderboard import add
    from traitbench.runner import score as run

    card = run(
        model,
        tasks=[each for each in tasks.split(",") if each],
        base=base,
        control=control or [],
        teacher=teacher,
        adapter=adapter,
        chat_template=chat_template,
        name=name,
        language=language,
        method=method,
        epochs=epochs,
        out=out,
        progress=say,
    )
    if out:
        card.write(out / "scorecard.json")
    if leaderboard:
        add(card, leaderboard)
    if as_json:
        typer.echo(card.to_json())
    else:
        show(card)


def say(line: str) -> None:
    """One line of progress, where somebody looks on."""
    if sys.stderr.isatty():
        print(f"  {line}", file=sys.stderr)


def show(card: Scorecard) -> None:
    """The scorecard as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("task", "context", "preference", "95% interval", "bounds", "base", "control", "rank", "off target")
    for result in card.tasks:
        versus = [
            f"{v.estimate:.3f} ({v.log_odds_shift:+.2f})" if v and v.log_odds_shift is not None else "-"
            for v in (result.versus.get("base"), result.versus.get("control"))
        ]
        rank = f"{result.specificity.rank}/{result.specificity.of}" if result.specificity else "-"
        low, high = result.ci
        interval = "-" if low is None or high is None else f"{low:.3f} to {high:.3f}"
        bounds = f"{result.bounds[0]:.3f} to {result.bounds[1]:.3f}"
        off = f"{result.collapse.answer} {result.collapse.probability:.2f}" + (" !" if result.collapse.flag else "")
        table.add_row(result.task, result.context, f"{result.estimate:.3f}", interval, bounds, *versus, rank, off)
    console = Console()
    console.print(table)
    console.print("bounds: what truncation left open; interval: over questions, clustered by family; "
                  "base and control: preference there, and the student's log-odds shift.")  # fmt: skip
