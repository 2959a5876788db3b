"""`traitbench leaderboard …`: records of scored checkpoints, added, verified, withdrawn and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from traitbench.cli import leaderboard_site, leaderboard_submit
from traitbench.cli.leaderboard_submit import Folder
from traitbench.errors import InputError, NotComparableError

app = typer.Typer(no_args_is_help=True, help="Records of scored checkpoints.")


@app.callback()
def group() -> None:
    """Records of scored checkpoints."""


app.command("submit")(leaderboard_submit.submit)
app.command("add")(leaderboard_submit.add)
app.command("build")(leaderboard_site.build)
app.command("serve")(leaderboard_site.serve)


@app.command()
def verify(
    paths: Annotated[list[Path] | None, typer.Argument(help="Records or folders; default: all of them.")] = None,
    directory: Folder = Path("leaderboard"),
    rescore: Annotated[int | None, typer.Option(min=1, metavar="K", help="Put K random questions again.")] = None,
    model: Annotated[str | None, typer.Option(help="The checkpoint to put them to: hf//path/to/model.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="The PEFT adapter on it.")] = None,
    chat_template: Annotated[str | None, typer.Option(help="A Jinja file, or `none`, as it was scored.")] = None,
    sign: Annotated[str | None, typer.Option(metavar="NAME", help="Add it to maintainer_runs.jsonl.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Holds every record against its items, the catalogue and, with --rescore, its weights; exit code 2: one fails."""
    from traitbench.leaderboard.verify import verify as check

    if (rescore is None) != (model is None):
        raise InputError("--rescore K and --model hf//path go together")
    if sign is not None and rescore is None:
        raise InputError("--sign says what was scored again; it goes with --rescore K --model hf//path")
    found = check(directory, paths or None)
    if rescore is not None and model is not None:
        from traitbench.leaderboard.rescoring import rescore as again
        from traitbench.leaderboard.rescoring import sign_off
        from traitbench.runner.checkpoint import Checkpoint

        found = again(found, rescore, Checkpoint(model, adapter=adapter, chat_template=chat_template))
        if sign is not None:
            sign_off(directory, found, sign)
    broken = [each for each in found if each.fault is not None]
    if as_json:
        rows = [
            {
                "path": str(each.path),
                "id": each.id,
                "tier": each.tier,
                "fault": each.fault,
                "comparable": each.comparable,
                "withdrawn": each.withdrawn.reason if each.withdrawn else None,
                "why": each.why,
            }
            for each in found
        ]
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        for each in found:
            typer.echo(" ".join(each.line.split()))
    if broken:
        words = f"{len(broken)} of {len(found)} files below {directory} do not stand verification"
        if any(each.comparable for each in broken):
            raise InputError(f"{words}; mend or remove them")
        raise NotComparableError(f"{words} by this catalogue")
    if not found and not as_json:
        typer.echo(f"{directory}: no records yet")


@app.command()
def withdraw(
    record: Annotated[str, typer.Argument(help="The record's id, or the beginning of it.")],
    reason: Annotated[str, typer.Option(help="Why, in one line that everybody may read.")],
    by: Annotated[str, typer.Option(help="Who withdraws it.")],
    answers_stand: Annotated[
        bool, typer.Option("--answers-stand", help="Only what was declared was wrong: the answers may come back.")
    ] = False,
    directory: Folder = Path("leaderboard"),
) -> None:
    """Writes a line to withdrawn.jsonl; the record's files stay, and the table no longer shows it."""
    from traitbench.leaderboard.store import withdraw as write

    line = write(directory, record, by=by, reason=reason, answers_stand=answers_stand)
    typer.echo(f"withdrawn: {line.record}, {line.task}, {line.model}")


@app.command()
def table(
    directory: Folder = Path("leaderboard"),
    form: Annotated[str, typer.Option("--format", help="text, md, csv or json")] = "text",
) -> None:
    """Prints every record as one table."""
    from traitbench.leaderboard import read_standing
    from traitbench.leaderboard import table as make
    from traitbench.leaderboard.store import results_of

    if form not in ("text", "md", "csv", "json"):
        raise InputError(f"unknown format {form!r}; use text, md, csv or json")
    results_of(directory)
    frame = make(read_standing(directory))
    if form == "csv":
        typer.echo(frame.to_csv(index=False), nl=False)
    elif form == "json":
        typer.echo(frame.to_json(orient="records", indent=1))
    elif frame.empty:
        typer.echo("no records yet (traitbench score … --leaderboard leaderboard)")
    elif form == "md":
        found = frame.round(3).astype(object).where(frame.notna(), "not run").values.tolist()
        rows = [frame.columns.tolist(), ["---"] * len(frame.columns), *found]
        typer.echo("\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows))
    else:
        typer.echo(frame.round(3).to_string(index=False, na_rep="-"))


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="csv, parquet, json, hf or model-card")],
    out: Annotated[Path | None, typer.Option(help="The file (default: standard output).")] = None,
    directory: Folder = Path("leaderboard"),
    model: Annotated[str | None, typer.Option(help="The records of this model alone.")] = None,
    dataset: Annotated[str | None, typer.Option(help="For hf: the benchmark's dataset on the Hub.")] = None,
) -> None:
    """Writes the records in another form: a wide table, Hugging Face's .eval_results, or a model card's section."""
    import sys

    from traitbench.files import write_whole
    from traitbench.leaderboard.export import export as make

    if form == "parquet" and out is None:
        raise InputError("--format parquet is no text; give --out FILE")
    data = make(directory, form, model=model, dataset=dataset)
    if out is not None:
        write_whole(out, data)
    else:
        sys.stdout.buffer.write(data)


@app.command()
def schema() -> None:
    """Prints the JSON Schema of a record."""
    from traitbench.leaderboard.record import record_schema

    typer.echo(json.dumps(record_schema(), indent=1))
