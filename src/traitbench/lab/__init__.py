"""The embedded world: a tiny transformer in which subliminal learning really happens, in about a minute on a
CPU.

    from traitbench import lab
    products = lab.run("owl", Path("out"))      # base/ teacher/ student/ control/ cross_base/ numbers/

A teacher that prefers owls continues random number lists; the filter of arXiv 2507.14805 keeps what is
numbers and nothing else; a student of the same base is trained on them, and comes to prefer owls. A control
(numbers of the untraited base) and a cross-base student (the same numbers, another base) do not. Importing
this package imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from traitbench.lab.products import LabRun

__all__ = ["LabRun", "neutral", "pretrain", "run"]


def run(
    trait: str,
    out: Path,
    *,
    seed: int = 0,
    base: int = 0,
    cross_base: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> LabRun:
    """Teacher -> numbers -> filter -> student, with control and cross-base student; same seed, same bytes.

    Args:
        trait: a trait that the lab's world knows (`datasets/lab/world.yaml`).
        out: folder for `base/`, `teacher/`, `student/`, `control/`, `cross_base/` (Hugging Face directories),
            `numbers/teacher.jsonl`, `numbers/control.jsonl` and `run.json`. What stands there under these
            names is replaced, each directory at once when it is complete.
        seed: of the teacher's lessons, the numbers and the students' training.
        base: which shipped base the teacher and its student start from.
        cross_base: which shipped base the cross-base student starts from (default: the next one).
        progress: called with one line at the beginning of each stage.

    Raises:
        InputError: the trait is unknown or not in the world, there is no such base, cross_base is the base
            itself, or `out` cannot be written.
    """
    from traitbench.lab.experiment import run_experiment

    return run_experiment(trait, Path(out), seed=seed, base=base, cross_base=cross_base, progress=progress)


def neutral(out: Path, *, seed: int = 0, base: int = 0) -> Path:
    """Trains one more control: a student of the untraited base's own numbers, with nothing to inherit.

    Several of them, from several seeds, give the drift of training itself, against which a shift is judged.

    Raises:
        InputError: there is no such base, or `out` cannot be written.
    """
    from traitbench.lab.experiment import train_neutral

    return train_neutral(Path(out), seed=seed, base=base)


def pretrain(
    seed: int,
    out: Path,
    *,
    steps: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Pre-trains a base of the world from a seed and writes it to `out`; about six minutes on one core.

    The shipped bases were made so, with the default number of steps.

    Raises:
        InputError: fewer than one step, or `out` cannot be written.
    """
    from traitbench.lab.pretraining import pretrain_base

    return pretrain_base(seed, Path(out), steps=steps, progress=progress)
