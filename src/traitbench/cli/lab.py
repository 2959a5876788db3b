"""`traitbench lab …`: subliminal learning in the embedded world, and its measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from traitbench.cli.output import say
from traitbench.cli.score import show

app = typer.Typer(no_args_is_help=True, help="Subliminal learning on a CPU, in a tiny world.")


@app.command()
def run(
    out: Annotated[Path, typer.Option(help="For the model directories and scorecard.json.")],
    trait: Annotated[str, typer.Option(help="What the teacher prefers.")] = "owl",
    seed: Annotated[int, typer.Option(help="Of lessons, numbers and training.")] = 0,
    base: Annotated[int, typer.Option(help="Which shipped base.")] = 0,
    leaderboard: Annotated[Path | None, typer.Option(help="Adds a record for each of the five models.")] = None,
) -> None:
    """Teacher -> numbers -> filter -> student, control and cross-base student; then scores all of them."""
    from traitbench import lab
    from traitbench.lab.checkpoints import base_folder
    from traitbench.leaderboard import Declared, add
    from traitbench.runner import score

    products = lab.run(trait, out, seed=seed, base=base, progress=say)

    def model(folder: Path) -> str:
        return f"hf/{folder.resolve()}"

    task = f"{trait}-numbers-finetuned"
    base_model = model(products.base)
    control = [model(products.control)]
    card = score(
        model(products.student),
        tasks=[task],
        base=base_model,
        control=control,
        teacher=model(products.teacher),
        name=f"lab/{trait}-student-{base}-{seed}",
        out=out,
        progress=say,
    )
    card.write(out / "scorecard.json")
    show(card)
    if leaderboard is None:
        return
    add(card, leaderboard, Declared(training_seed=seed, initialisation="same"), out)
    for role in ("base", "teacher", "control", "cross_base"):
        name = f"lab/{trait}-{role.replace('_', '-')}-{base}-{seed}"
        folder = getattr(products, role)
        # a student is compared with the base that it started from, and the cross-base student started from another
        own = base_folder(products.cross_base_seed) if role == "cross_base" else products.base
        against = None if role == "base" else model(own)
        said = Declared(training_seed=seed, initialisation="different") if role == "cross_base" else Declared()
        other = score(model(folder), tasks=[task], base=against, name=name, out=out, progress=say)
        add(other, leaderboard, said, out)


@app.command()
def neutral(
    out: Annotated[Path, typer.Option(help="The new model directory.")],
    seed: Annotated[int, typer.Option(help="Of numbers and training.")] = 0,
    base: Annotated[int, typer.Option(help="Which shipped base.")] = 0,
) -> None:
    """Trains one more control: a student of the untraited base's own numbers."""
    from traitbench import lab

    lab.neutral(out, seed=seed, base=base)


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(help="The new model directory.")],
    seed: Annotated[int, typer.Option(help="Of the corpus and the weights.")] = 0,
) -> None:
    """Pre-trains a base of the world from a seed (minutes)."""
    from traitbench import lab

    lab.pretrain(seed, out, progress=say)
