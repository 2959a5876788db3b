"""`traitbench compare A B`: what shifted between two scored checkpoints, question by question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from traitbench.cli.output import console, say
from traitbench.errors import InputError
from traitbench.gate.comparing import Comparison


def compare(
    one: Annotated[str, typer.Argument(metavar="A", help="The student: a model, scorecard, baseline or .eval log.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Its reference, such as the base.")],
    control: Annotated[list[str] | None, typer.Option(help="A student of an untraited teacher.")] = None,
    trait: Annotated[list[str] | None, typer.Option(help="A trait, or `any` for all that were scored.")] = None,
    context: Annotated[list[str] | None, typer.Option(help="plain or in_domain (default: both).")] = None,
    scale: Annotated[str, typer.Option(help="probability or log_odds")] = "probability",
    plot: Annotated[Path | None, typer.Option(help="A forest plot: FILE.svg or FILE.png.")] = None,
    chat_template: Annotated[str | None, typer.Option(help="A Jinja file, or `none` for plain text.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The paired shifts of A against B and the controls, with 95% intervals; refuses what is not comparable."""
    from traitbench.catalog import load_catalog
    from traitbench.gate.comparing import compare_subjects, policy_of_traits
    from traitbench.gate.evidence import Arguments, gather
    from traitbench.gate.policy import ANY
    from traitbench.gate.sources import is_file

    if scale not in ("probability", "log_odds"):
        raise InputError(f"unknown --scale {scale!r}; use probability or log_odds")
    for name in context or ():
        if name not in ("plain", "in_domain"):
            raise InputError(f"unknown --context {name!r}; use plain or in_domain")
    catalog = load_catalog()
    # Whom a model's card is scored for is an accident of the tasks chosen here; a card's own traits are a wish.
    traits = tuple(trait or ([] if is_file(one) else [ANY]))
    arguments = Arguments((one,), base=other, controls=tuple(control or ()), chat_template=chat_template)
    evidence = gather(policy_of_traits(traits or (ANY,)), arguments, catalog, say=say)
    chosen: Literal["probability", "log_odds"] = "probability" if scale == "probability" else "log_odds"
    contexts = tuple(context or ("plain", "in_domain"))
    result = compare_subjects(evidence, traits, catalog, scale=chosen, contexts=contexts)
    if plot is not None:
        from traitbench.gate.plots import write_plot

        write_plot(result.forest(), plot, scale)
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=1))
    else:
        _show(result)


def _show(result: Comparison) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        "trait", "where", "against", "B or controls", "A", "shift", "95% interval", "p (Holm)", box=SIMPLE_HEAD
    )
    for row in result.rows:
        number: Any = row.p_holm
        table.add_row(
            row.trait,
            row.where,
            row.reference,
            f"{row.before:.3f}",
            f"{row.after:.3f}",
            _signed(row.shift),
            rf"\[{_signed(row.lower)}, {_signed(row.upper)}]",
            "-" if number is None else f"{number:.3g}",
        )
    out = console()
    out.print(table)
    for note in result.assumed:
        out.print(f"note: {note}", markup=False, highlight=False)


def _signed(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:+.3f}"
