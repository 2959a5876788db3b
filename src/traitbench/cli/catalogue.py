"""`traitbench list` and `traitbench doctor`: what can be measured, and whether this machine can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from traitbench.catalog import Catalog, load_catalog
from traitbench.catalog.load import datasets_folder
from traitbench.cli.output import console
from traitbench.errors import InputError, did_you_mean


def list_entries(
    kind: Annotated[
        str, typer.Argument(help="tasks, suites, traits, domains, teachers, probes or published")
    ] = "tasks",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What the catalogue holds."""
    listings = {
        "tasks": _tasks,
        "suites": _suites,
        "traits": _traits,
        "domains": lambda c: [{"domain": d.id, "description": d.description} for d in c.domains.values()],
        "teachers": lambda c: [{"teacher": t.id, "description": t.description} for t in c.teachers.values()],
        "probes": _probes,
        "published": _published,
    }
    if kind not in listings:
        raise InputError(f"unknown kind {kind!r}{did_you_mean(kind, listings)} (one of {', '.join(listings)})")
    rows = listings[kind](load_catalog())
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(*rows[0], box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table)


def _cell(value: Any) -> str:
    from rich.markup import escape

    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else "" if value is None else str(value)
    return escape(text)  # else rich takes what stands in brackets for a style


def _tasks(catalog: Catalog) -> list[dict[str, Any]]:
    fields = ("trait", "category", "domain", "teacher", "probe_set", "contexts", "languages", "version")
    return [{"task": t.id, **{name: getattr(t, name) for name in fields}} for t in catalog.tasks.values()]


def _suites(catalog: Catalog) -> list[dict[str, Any]]:
    rows = []
    for suite in catalog.suites.values():
        tasks = catalog.tasks_of(suite)
        asked = {(task.probe_set, where) for task in tasks for where in ("none", task.domain)}
        capability = {(suite.capability, "none")} if suite.capability else set()
        rows.append(
            {
                "suite": suite.id,
                "description": suite.description,
                "tasks": len(tasks),
                "traits": len({task.trait for task in tasks}),
                "categories": len({task.category for task in tasks}),
                "domains": len({task.domain for task in tasks}),
                "capability": suite.capability,
                "questions": sum(_n_english(catalog, probe_set) for probe_set, _ in asked | capability),
            }
        )
    return rows


def _n_english(catalog: Catalog, probe_set: str) -> int:
    return sum(question.language == "en" for question in catalog.probe_sets[probe_set].questions)


def _published(catalog: Catalog) -> list[dict[str, Any]]:
    published = dict.fromkeys(reference for task in catalog.tasks.values() for reference in task.references)
    return [reference.model_dump() for reference in published]


def _traits(catalog: Catalog) -> list[dict[str, Any]]:
    return [
        {"trait": trait.id, "category": category.id, "names": list(trait.names["en"])}
        for category in catalog.categories.values()
        for trait in category.traits.values()
    ]


def _probes(catalog: Catalog) -> list[dict[str, Any]]:
    return [
        {
            "probe_set": probes.id,
            "category": probes.category,
            "questions": len(probes.questions),
            "families": len({question.family for question in probes.questions}),
            "version": probes.version,
        }
        for probes in catalog.probe_sets.values()
    ]


def validate(
    path: Annotated[Path | None, typer.Argument(help="A catalogue folder; default: the built-in one.")] = None,
) -> None:
    """Checks a catalogue folder: what is wrong, with file and line. Exit code 2 where something is."""
    from traitbench.catalog.validation import faults

    folder = path or datasets_folder()
    found = faults(folder)
    for fault in found:
        typer.echo(fault, err=True)
    if found:
        raise InputError(f"{folder}: {len(found)} fault{'s' if len(found) > 1 else ''}; mend the lines above")
    catalog = load_catalog(None if folder.resolve() == datasets_folder().resolve() else folder)
    typer.echo(f"whole: {len(catalog.categories)} categories, {len(catalog.probe_sets)} probe sets")


def doctor() -> None:
    """Says whether what traitbench needs is installed and whole."""
    from importlib.metadata import PackageNotFoundError, version

    for package in ("inspect-ai", "transformers", "torch", "accelerate", "datasets", "pandas", "peft"):
        try:
            typer.echo(f"{package:14} {version(package)}")
        except PackageNotFoundError:
            typer.echo(f"{package:14} not installed")
    catalog = load_catalog()
    typer.echo(f"catalogue      whole: {len(catalog.tasks)} tasks, {len(catalog.probe_sets)} probe sets")
    import torch

    typer.echo(f"device         {'cuda' if torch.cuda.is_available() else 'cpu'}")
