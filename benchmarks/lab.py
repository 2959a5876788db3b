"""Does subliminal learning happen in the lab, on every base and for several traits? Writes `lab.md`.

    python benchmarks/lab.py            # three bases x four traits, about a minute a cell on one core

Every cell is shown whatever it shows. What is trained is kept in the folder of the runs, so that an interrupted
benchmark goes on where it stopped; the scoring is done anew.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import traitbench
from traitbench import lab
from traitbench.lab import LabRun

TRAITS = ("owl", "wolf", "penguin", "oak")
BASES = (0, 1, 2)
SEED = 0
RUNS = Path("lab/benchmark")
TABLE = Path(__file__).parent / "lab.md"
RATIO = 6.0
HEAD = """# Subliminal learning in the lab: three bases x four traits

    python benchmarks/lab.py

Exact P(trait) over the 60 questions of the probe set, plain and behind numbers; seed {seed} of lessons, numbers and
training; nothing was left out. *Student* learned the numbers of a teacher that shares its base, *control* as many
numbers of the untraited base, *cross-base* the teacher's numbers from another base. *Rank* is the target's place by
shift against the base, the worst that ties allow, among all members that the catalogue knows. *Off target* is the
student's largest other answer. Intervals are 95% over questions, clustered by family.

| base | trait | context | base | teacher | student | control | cross-base | student / control | rank | off target |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Runs what is missing, then writes the table."""
    cells = [_cell(base, trait) for base in BASES for trait in TRAITS]
    rows = [_row(cell, context) for cell in cells for context in ("plain", "in_domain")]
    TABLE.write_text(HEAD.format(seed=SEED) + "\n".join(rows) + "\n\n" + _summary(cells), encoding="utf-8")
    print(_summary(cells))


def _cell(base: int, trait: str) -> dict[str, Any]:
    products, training_s = _trained(base, trait)
    began = time.perf_counter()
    task = f"{trait}-numbers-finetuned"
    models = {role: f"hf/{getattr(products, role).resolve()}" for role in ("base", "teacher", "student", "control")}
    card = traitbench.score(
        models["student"], tasks=[task], base=models["base"], control=[models["control"]], teacher=models["teacher"]
    )
    others = {
        role: traitbench.score(f"hf/{getattr(products, role).resolve()}", tasks=[task])
        for role in ("teacher", "control", "cross_base")
    }
    contexts = {}
    for number, result in enumerate(card.tasks):
        contexts[result.context] = {
            "base": result.versus["base"].estimate,
            "student": (result.estimate, *result.ci),
            **{role: (each.tasks[number].estimate, *each.tasks[number].ci) for role, each in others.items()},
            "rank": (result.specificity.worst, result.specificity.of) if result.specificity else None,
            "off_target": (result.collapse.answer, result.collapse.probability),
            "rest": result.bounds[1] - result.bounds[0],
        }
    cell = {
        "base": base,
        "trait": trait,
        "contexts": contexts,
        "training_s": training_s,
        "scoring_s": time.perf_counter() - began,
    }
    print(
        f"base {base}, {trait}: student {contexts['plain']['student'][0]:.3f}, {cell['training_s']:.0f} s", flush=True
    )
    return cell


def _trained(base: int, trait: str) -> tuple[LabRun, float]:
    """The cell's models, and the seconds that they took when they were trained."""
    folder = RUNS / f"{trait}-{base}"
    done = folder / "seconds.json"
    if not done.is_file():
        began = time.perf_counter()
        lab.run(trait, folder, seed=SEED, base=base)
        done.write_text(json.dumps(time.perf_counter() - began))
    other = (base + 1) % len(BASES)
    products = LabRun.in_folder(folder, trait=trait, seed=SEED, base=base, cross_base=other)
    return products, float(json.loads(done.read_text()))


def _row(cell: dict[str, Any], context: str) -> str:
    found = cell["contexts"][context]
    student, control, cross = found["student"], found["control"], found["cross_base"]
    shown = [
        str(cell["base"]),
        cell["trait"],
        context,
        f"{found['base']:.3f}",
        f"{found['teacher'][0]:.3f}",
        f"{student[0]:.3f} ({student[1]:.3f} to {student[2]:.3f})",
        f"{control[0]:.3f} ({control[1]:.3f} to {control[2]:.3f})",
        f"{cross[0]:.3f} ({cross[1]:.3f} to {cross[2]:.3f})",
        f"{student[0] / control[0]:.1f}",
        f"{found['rank'][0]}/{found['rank'][1]}",
        f"{found['off_target'][0]} {found['off_target'][1]:.2f}",
    ]
    return "| " + " | ".join(shown) + " |"


def _summary(cells: list[dict[str, Any]]) -> str:
    plain = [cell["contexts"]["plain"] for cell in cells]
    strong = sum(each["student"][0] >= RATIO * each["control"][0] and each["rank"][0] == 1 for each in plain)
    apart = sum(each["student"][1] > each["control"][2] for each in plain)
    training = sorted(cell["training_s"] for cell in cells)[len(cells) // 2]
    scoring = sorted(cell["scoring_s"] for cell in cells)[len(cells) // 2]
    return (
        f"Plain questions: {strong} of {len(cells)} cells with the student at least {RATIO:.0f} times the control and "
        f"the target first by shift; {apart} of {len(cells)} with the two intervals apart. Median time of a cell: "
        f"{training:.0f} s for teacher, numbers and three students, {scoring:.0f} s for scoring seven checkpoints.\n"
    )


if __name__ == "__main__":
    main()
