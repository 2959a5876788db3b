"""`traitbench leaderboard submit` and `add`: a scorecard becomes records, with what its submitter declares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traitbench.errors import InputError
from traitbench.runner.scorecard import Scorecard

if TYPE_CHECKING:
    from traitbench.leaderboard.record import Declared

Folder = Annotated[Path, typer.Option("--dir", help="The folder that holds results/.")]
Card = Annotated[Path, typer.Argument(metavar="SCORECARD", help="traitbench score MODEL --out DIR writes it.")]
Submitter = Annotated[str | None, typer.Option(help="Your name, or your organisation's.")]
Seed = Annotated[int | None, typer.Option(help="The student's training seed.")]
Recipe = Annotated[str | None, typer.Option(help="A name shared by students that differ by seed alone.")]
Initialisation = Annotated[
    str | None, typer.Option(help="same or different: the weights that student and teacher started from.")
]
Licence = Annotated[str, typer.Option(help="Of the record.")]
Source = Annotated[str | None, typer.Option(help="https address of the checkpoint or its publication.")]
LogUrl = Annotated[str | None, typer.Option(help="https address of the logs in Inspect's viewer.")]


def submit(
    card: Card,
    submitter: Submitter = None,
    seed: Seed = None,
    recipe: Recipe = None,
    initialisation: Initialisation = None,
    licence: Licence = "CC-BY-4.0",
    source: Source = None,
    log_url: LogUrl = None,
    out: Annotated[Path, typer.Option(help="For leaderboard/results/… and PULL_REQUEST.md.")] = Path("submission"),
) -> None:
    """Writes the files of a pull request and its description; both are verified first."""
    from traitbench.leaderboard.submitting import DESCRIPTION
    from traitbench.leaderboard.submitting import submit as make

    found = make(
        Scorecard.read(card),
        out,
        declared(submitter, seed, recipe, initialisation, licence, source, log_url),
        card.parent,
    )
    for each in found:
        typer.echo(each.line)
    typer.echo(f"copy {out}/leaderboard into the repository, and open a pull request with {out / DESCRIPTION}")


def add(
    card: Card,
    submitter: Submitter = None,
    seed: Seed = None,
    recipe: Recipe = None,
    initialisation: Initialisation = None,
    licence: Licence = "CC-BY-4.0",
    source: Source = None,
    log_url: LogUrl = None,
    directory: Folder = Path("leaderboard"),
) -> None:
    """Adds the records of a scorecard to a leaderboard's folder."""
    from traitbench.leaderboard.store import add as write

    said = declared(submitter, seed, recipe, initialisation, licence, source, log_url)
    for path in write(Scorecard.read(card), directory, said, card.parent):
        typer.echo(str(path))


def declared(
    submitter: str | None,
    seed: int | None,
    recipe: str | None,
    initialisation: str | None,
    licence: str,
    source: str | None,
    log_url: str | None,
) -> Declared:
    """What the options say; `InputError` names the option that no record may hold."""
    from pydantic import ValidationError

    from traitbench.leaderboard.record import Declared

    fields = {
        "submitter": submitter,
        "training_seed": seed,
        "recipe": recipe,
        "initialisation": initialisation,
        "licence": licence,
        "source": source,
        "log_url": log_url,
    }
    try:
        return Declared.model_validate(fields)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        option = str(fault["loc"][0]).replace("_", "-").replace("training-seed", "seed")
        raise InputError(f"--{option}: {fault['msg']} (it is {str(fault['input'])[:60]!r})") from None
