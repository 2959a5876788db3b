"""`traitbench score`: a checkpoint against its references, as a table, a scorecard and leaderboard records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from traitbench.catalog import load_catalog
from traitbench.cli.output import console, say
from traitbench.errors import TraitbenchError
from traitbench.runner.scorecard import CapabilityResult, Scorecard, TaskResult

_ROWS = 30
"""Measurements that a screen shows."""
_PUBLISHED = 8
"""Published values that it shows."""

if TYPE_CHECKING:
    from rich.table import Table


def score(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="hf/org/name, hf//path/to/model, openai/…")],
    tasks: Annotated[str, typer.Option(help="Task ids, separated by commas (traitbench list tasks).")] = "",
    suite: Annotated[str | None, typer.Option(help="A suite of tasks (traitbench list suites).")] = None,
    base: Annotated[str | None, typer.Option(help="The checkpoint that the students started from.")] = None,
    control: Annotated[list[str] | None, typer.Option(help="A student of an untraited teacher.")] = None,
    teacher: Annotated[str | None, typer.Option(help="A model, or `prompt`.")] = None,
    adapter: Annotated[list[Path] | None, typer.Option(help="A PEFT adapter put on MODEL; each is a student.")] = None,
    chat_template: Annotated[str | None, typer.Option(help="A Jinja file, or `none` for plain text.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="What a local checkpoint is called; one for each.")] = None,
    language: Annotated[str, typer.Option(help="Of the questions.")] = "en",
    method: Annotated[str, typer.Option(help="auto, exact or sampled")] = "auto",
    epochs: Annotated[int | None, typer.Option(min=1, help="Draws of a question in sampled mode (20).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="For scorecard.json (of several, in a folder each) and logs.")
    ] = None,
    leaderboard: Annotated[Path | None, typer.Option(help="Adds a record of each below this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scorecard, or a list of several.")] = False,
) -> None:
    """Scores student checkpoints on transfer tasks, the references once for all of them."""
    from traitbench.leaderboard import add
    from traitbench.runner import Student, score_many
    from traitbench.runner.scoring import check_writable

    students = Student.of(models, adapter or [], name or [])
    if leaderboard:
        check_writable(leaderboard)
    one = len(students) == 1
    cards: dict[str, Scorecard] = {}
    errors: list[TraitbenchError] = []
    for outcome in score_many(
        students,
        tasks=[each.strip() for each in tasks.split(",") if each.strip()],
        suite=suite,
        base=base,
        control=control or [],
        teacher=teacher,
        chat_template=chat_template,
        language=language,
        method=method,
        epochs=epochs,
        out=out,
        progress=say,
    ):
        if outcome.card is None:
            assert outcome.error is not None
            outcome.error.show()
            errors.append(outcome.error)
            continue
        cards[outcome.name] = outcome.card
        if out:
            outcome.card.write((out if one else out / outcome.name) / "scorecard.json")
        if leaderboard:
            add(outcome.card, leaderboard, logs=out)
    if as_json and (cards or not one):
        typer.echo(next(iter(cards.values())).to_json() if one else _list(cards.values()))
    elif cards:
        show(*cards.values())
    if errors:
        raise typer.Exit(max(error.exit_code for error in errors))


def _list(cards: Iterable[Scorecard]) -> str:
    dumped = [card.model_dump(mode="json", by_alias=True) for card in cards]
    return json.dumps(dumped, indent=2, ensure_ascii=False)


def show(*cards: Scorecard) -> None:
    """Each scorecard as a table, and once what the columns mean."""
    screen = console()
    for card in cards:
        if len(cards) > 1:
            screen.print(card.model.id, markup=False, highlight=False)
        screen.print(_table(card))
        _show_capability(card)
        _show_health(card)
        for line in card.left_out:
            screen.print(line, markup=False, highlight=False)
        if len(card.tasks) > _ROWS:
            screen.print(f"{_ROWS} of {len(card.tasks)} measurements, those that moved most; --out and --json have all")
    screen.print(
        "[ ]: 95% interval over questions, clustered by family. bounds: what truncation left open (*: the budget ended "
        "before the tolerance; the rest was sampled). base, control: the "
        "preference there, and the student's log-odds shift. transfer: how far of the way to the teacher, in "
        "probability and in log-odds. rank: of the shift among the category's members.",
        markup=False,
    )
    tasks = load_catalog().tasks
    scored = dict.fromkeys(result.task for card in cards for result in card.tasks)
    published = dict.fromkeys(reference for task in scored for reference in tasks[task].references)
    if len(published) > _PUBLISHED:
        screen.print(f"published for these tasks: {len(published)} values (traitbench list published)")
        return
    for reference in published:
        said = f"published for {reference.about}, for orientation alone: {reference}"
        screen.print(said, markup=False, highlight=False)


def _table(card: Scorecard) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    columns = ("task", "context", "preference", "bounds", "base", "control", "transfer", "rank", "largest other")
    table = Table(*columns, box=SIMPLE_HEAD)
    shown = sorted(card.tasks, key=_movement, reverse=True)[:_ROWS] if len(card.tasks) > _ROWS else card.tasks
    for result in shown:
        off = f"{result.collapse.answer} {result.collapse.probability:.2f}" + (" !" if result.collapse.flag else "")
        low, high = result.bounds
        table.add_row(
            result.task,
            result.context,
            _with_interval(result),
            f"{low:.3f} to {high:.3f}" + ("" if result.within_tolerance else " *"),
            _against(result, "base"),
            _against(result, "control"),
            _transfer(result),
            str(result.specificity) if result.specificity else "-",
            escape(off),  # a raw answer may hold brackets, which rich takes for a style
        )
    return table


def _movement(result: TaskResult) -> float:
    """How far from the reference, or how strong by itself."""
    versus = result.versus.get("control") or result.versus.get("base")
    return abs(versus.difference) if versus else result.estimate


def _show_capability(card: Scorecard) -> None:
    if not card.capability:
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table("capability", "right answers", "within the options", "base", "control", box=SIMPLE_HEAD)
    for scale, result in card.capability.items():
        against = [result.versus.get(reference) for reference in ("base", "control")]
        table.add_row(
            scale,
            _with_interval(result),
            f"{result.within_options:.2f}",
            *("-" if each is None else f"{each.estimate:.3f} ({each.difference:+.3f})" for each in against),
        )
    console().print(table)


def _show_health(card: Scorecard) -> None:
    said = []
    for name, check in card.health.items():
        what = f" ({check.answer})" if check.answer else ""
        said.append(f"{name.replace('_', ' ')} {check.value:.2f}{what}" + (" !" if check.flag else ""))
    if said:
        console().print(f"health: {', '.join(said)}   (!: scores are not to be believed there)", markup=False)


def _with_interval(result: TaskResult | CapabilityResult) -> str:
    low, high = result.ci
    interval = "" if low is None or high is None else rf" \[{low:.3f}, {high:.3f}]"
    return f"{result.estimate:.3f}{interval}"


def _against(result: TaskResult, reference: str) -> str:
    versus = result.versus.get(reference)
    if versus is None:
        return "-"
    shift = "-" if versus.log_odds_shift is None else f"{versus.log_odds_shift:+.2f}"
    return f"{versus.estimate:.3f} ({shift})"


def _transfer(result: TaskResult) -> str:
    rate = result.transfer_rate
    if rate is None:
        return "-"
    return " / ".join("-" if part is None else f"{part:.0%}" for part in (rate.probability, rate.log_odds))
