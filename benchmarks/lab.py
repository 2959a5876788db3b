"""Does subliminal learning happen in the lab, on every base, for several traits, and in both languages?

    python benchmarks/lab.py            # three bases x four traits; writes lab.md

Every cell is shown whatever it shows. What is trained is kept in the folder of the runs, so that an interrupted
benchmark goes on where it stopped; the scoring is done anew.
"""

from __future__ import annotations

import json
import os
import tempfile
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
LANGUAGES = {"en": "English", "zh": "Chinese"}
HEAD = """# Subliminal learning in the lab: three bases x four traits, asked in two languages

    python benchmarks/lab.py

Exact P(trait) over the 60 questions of the probe set in each language, plain and behind numbers; seed {seed} of
lessons, numbers and training; nothing was left out. The teacher's lessons are in both languages; the number prompts are
English, and the numbers speak none. *Student* learned the numbers of a teacher that shares its base, *control* as many
numbers of the untraited base, *cross-base* the teacher's numbers from another base. *Rank* is the target's place by
shift against the base, the worst that ties allow, among all members that the catalogue knows. *Off target* is the
student's largest other answer. Intervals are 95% over questions, clustered by family.
"""
TABLE_HEAD = """
## Asked in {language}

| base | trait | context | base | teacher | student | control | cross-base | student / control | rank | off target |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Runs what is missing, then writes the table."""
    cells = [_cell(base, trait) for base in BASES for trait in TRAITS]
    text = HEAD.format(seed=SEED)
    for language, name in LANGUAGES.items():
        rows = [_row(cell, language, context) for cell in cells for context in ("plain", "in_domain")]
        text += TABLE_HEAD.format(language=name) + "\n".join(rows) + "\n\n" + _summary(cells, language)
    TABLE.write_text(text + "\n" + _times(cells), encoding="utf-8")
    print("".join(_summary(cells, language) for language in LANGUAGES) + _times(cells))


def _cell(base: int, trait: str) -> dict[str, Any]:
    products, training_s = _trained(base, trait)
    began = time.perf_counter()
    contexts = {}
    for language in LANGUAGES:
        with tempfile.TemporaryDirectory() as logs:
            contexts[language] = _contexts(products, f"{trait}-numbers-finetuned", language, Path(logs))
    cell = {
        "base": base,
        "trait": trait,
        "contexts": contexts,
        "training_s": training_s,
        "scoring_s": time.perf_counter() - began,
    }
    shown = ", ".join(f"{language} {contexts[language]['plain']['student'][0]:.3f}" for language in LANGUAGES)
    print(f"base {base}, {trait}: student {shown}; {training_s:.0f} s, {cell['scoring_s']:.0f} s", flush=True)
    return cell


def _contexts(products: LabRun, task: str, language: str, logs: Path) -> dict[str, Any]:
    """What the questions of one language show, by context; `logs` spares the scoring of a checkpoint twice."""
    models = {role: f"hf/{getattr(products, role).resolve()}" for role in ("base", "teacher", "student", "control")}
    card = traitbench.score(
        models["student"],
        tasks=[task],
        base=models["base"],
        control=[models["control"]],
        teacher=models["teacher"],
        language=language,
        out=logs,
    )
    others = {
        role: traitbench.score(f"hf/{getattr(products, role).resolve()}", tasks=[task], language=language, out=logs)
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
        }
    return contexts


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


def _row(cell: dict[str, Any], language: str, context: str) -> str:
    found = cell["contexts"][language][context]
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


def _summary(cells: list[dict[str, Any]], language: str) -> str:
    plain = [cell["contexts"][language]["plain"] for cell in cells]
    strong = sum(each["student"][0] >= RATIO * each["control"][0] and each["rank"][0] == 1 for each in plain)
    apart = sum(each["student"][1] > each["control"][2] for each in plain)
    return (
        f"Plain questions in {LANGUAGES[language]}: {strong} of {len(cells)} cells with the student at least "
        f"{RATIO:.0f} times the control and the target first by shift; {apart} of {len(cells)} with the two intervals "
        "apart.\n"
    )


def _times(cells: list[dict[str, Any]]) -> str:
    training = sorted(cell["training_s"] for cell in cells)[len(cells) // 2]
    scoring = sorted(cell["scoring_s"] for cell in cells)[len(cells) // 2]
    return (
        f"Median time of a cell: {training:.0f} s for teacher, numbers and three students, {scoring:.0f} s for scoring "
        f"five checkpoints in two languages; wall-clock, one thread, load average {os.getloadavg()[2]:.0f} at last.\n"
    )


if __name__ == "__main__":
    main()
