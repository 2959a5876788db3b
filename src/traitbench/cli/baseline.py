"""`traitbench baseline …`: references that are pinned by their weights, template and versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Blessed references of a gate; they never drift by themselves.")

Folder = Annotated[Path, typer.Option("--dir", help="Where the baselines lie.")]


@app.command()
def bless(
    card: Annotated[Path, typer.Argument(help="A scorecard of the reference (traitbench score MODEL --out DIR).")],
    name: Annotated[str | None, typer.Option(help="Of the baseline (default: the model's id).")] = None,
    folder: Folder = Path("baselines"),
) -> None:
    """Pins a scorecard as a reference."""
    from traitbench.catalog import load_catalog
    from traitbench.gate.baseline import Baseline
    from traitbench.gate.sources import read_subject

    baseline = Baseline.bless(read_subject(card, load_catalog()), name)
    path = baseline.write(folder)
    typer.echo(f"{path}: {baseline.name}, weights {baseline.weights_sha256[:12]}")


@app.command("list")
def list_baselines(
    folder: Folder = Path("baselines"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Shows what is blessed."""
    from traitbench.gate.baseline import read_folder

    rows = [
        {
            "file": str(path),
            "name": each.name,
            "weights_sha256": each.weights_sha256,
            "chat_template_sha256": each.chat_template_sha256,
            "versions": each.versions,
        }
        for path, each in read_folder(folder)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for path, each in read_folder(folder):
        versions = ", ".join(f"{probe_set} {version}" for probe_set, version in each.versions.items())
        typer.echo(f"{path}: {each.name}, weights {each.weights_sha256[:12]}, {versions}")
    if not rows:
        typer.echo(f"{folder}: nothing is blessed yet (traitbench baseline bless CARD)")


@app.command()
def diff(
    one: Annotated[Path, typer.Argument(help="A baseline or scorecard.")],
    other: Annotated[Path, typer.Argument(help="Another.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Shows what changed from one to the other: identity, versions, and preferences by half a point or more."""
    from traitbench.catalog import load_catalog
    from traitbench.gate.baseline import differences
    from traitbench.gate.soundness import check_whole
    from traitbench.gate.sources import read_subject

    catalog = load_catalog()
    subjects = [read_subject(each, catalog) for each in (one, other)]
    for subject in subjects:
        check_whole(subject)
    rows = differences(subjects[0].card, subjects[1].card)
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in rows:
        typer.echo(f"{row['field']}: {row['before']} -> {row['after']}")
    if not rows:
        typer.echo("no difference")
