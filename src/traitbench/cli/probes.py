"""`traitbench probes …`: one's own questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from traitbench.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Probe sets of one's own.")


@app.callback()
def group() -> None:
    """Probe sets of one's own."""


@app.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help='JSON lines of {"id", "question"}; model-written evals; a TruthfulQA table or its targets.'
        ),
    ],
    category: Annotated[str, typer.Option(help="Whose members, or scales, are asked for: animal, misalignment …")],
    scale: Annotated[str | None, typer.Option(help="Of questions with options: what the answer shows.")] = None,
    targets: Annotated[str, typer.Option(help="Of TruthfulQA's multiple-choice targets: mc1 or mc2.")] = "mc1",
    name: Annotated[str | None, typer.Option(help="Of the probe set (default: the file's name).")] = None,
    out: Annotated[Path, typer.Option(help="The catalogue folder to add to.")] = Path("my_datasets"),
    language: Annotated[str, typer.Option(help="Of the questions: en or zh.")] = "en",
) -> None:
    """Turns a list of questions, open or with options, into a probe set that can be scored."""
    from traitbench.catalog.imports import import_probes

    if language not in ("en", "zh"):
        raise InputError(f"unknown language {language!r}; use en or zh")
    if targets not in ("mc1", "mc2"):
        raise InputError(f"unknown targets {targets!r}; use mc1 or mc2")
    made = import_probes(
        file,
        name=name or file.stem.lower().replace("-", "_"),
        category=category,
        folder=out,
        language=language,  # type: ignore[arg-type]
        scale=scale,
        targets=targets,  # type: ignore[arg-type]
    )
    families = len({question.family for question in made.questions})
    typer.echo(f"{made.id}: {len(made.questions)} questions in {families} families, in {out}")
    typer.echo(f"export TRAITBENCH_DATASETS={out}    # then: traitbench list tasks")


@app.command("stamp")
def stamp_file(
    file: Annotated[Path, typer.Argument(help="The questions, NAME.jsonl, with the card NAME.yaml beside them.")],
) -> None:
    """Fills in what follows from the text: ids of new questions, twins given by their text, the card's sha256."""
    from traitbench.catalog.stamping import stamp

    done = stamp(file)
    ids = f"{done.n_new_ids} new id{'' if done.n_new_ids == 1 else 's'}"
    card = "updated" if done.card_changed else "as it was"
    typer.echo(f"{file.stem}: {done.n_questions} questions, {ids}, card {card}")
    if done.card_changed:
        typer.echo("Were results of this set published? Then raise the N of its version: they stop being comparable.")
