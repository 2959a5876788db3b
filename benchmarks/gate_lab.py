"""Does the gate decide rightly on real students, neutral, trait-bearing and cross-base? Writes `gate_lab.md`.

    python benchmarks/lab.py && python benchmarks/gate_lab.py     # about an hour on one core; what is done is kept

Twenty neutral students (numbers of the untraited base, twenty seeds), twenty students with a trait (three bases, seven
traits, two seeds) and their cross-base students are judged against their base, against one control, and against three.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import traitbench
from traitbench import lab
from traitbench.gate import judge
from traitbench.gate.findings import Verdict
from traitbench.gate.policy import Policy, Rule
from traitbench.gate.subject import Subject
from traitbench.lab.checkpoints import base_folder
from traitbench.runner import Scorecard

RUNS = Path("lab/gate")
FIRST = Path("lab/benchmark")
TABLE = Path(__file__).parent / "gate_lab.md"
TASKS = ["owl-numbers-finetuned", "oak-numbers-finetuned"]  # one task of a category answers for all its members
BASES = (0, 1, 2)
NEUTRAL = [(base, seed) for seed in range(1, 8) for base in BASES][:20]
CONTROLS = (51, 52, 53)
FURTHER = [
    ("cat", 0),
    ("cat", 1),
    ("cat", 2),
    ("willow", 0),
    ("willow", 1),
    ("willow", 2),
    ("dolphin", 0),
    ("dolphin", 1),
]
MARGIN = 0.05


@dataclass(frozen=True)
class Student:
    """One checkpoint to judge; `trait` is what its teacher preferred."""

    kind: str
    base: int
    trait: str | None
    subject: Subject


def main() -> None:
    """Trains and scores what is missing, judges everybody, writes the table."""
    bases = {base: _subject(f"base-{base}", base_folder(base)) for base in BASES}
    controls = {base: [_subject(f"control-{base}-{seed}", _neutral("control", base, seed)) for seed in CONTROLS]
                for base in BASES}  # fmt: skip
    students = [
        Student("neutral", base, None, _subject(f"neutral-{base}-{seed}", _neutral("neutral", base, seed)))
        for base, seed in NEUTRAL
    ]
    for trait, base, folder in _runs():
        own = Student("trait", base, trait, _subject(f"{folder.name}-student", folder / "student"))
        other = (base + 1) % len(BASES)
        cross = Student("cross-base", other, trait, _subject(f"{folder.name}-cross", folder / "cross_base"))
        students += [own, cross]
    rows, counts = [], Counter[tuple[str, str, str]]()
    for student in students:
        base, its_controls = bases[student.base], controls[student.base]
        named = student.trait or "owl"
        verdicts = {
            "any, base": judge(_policy("any", "base"), [student.subject], base=base),
            "any, one control": judge(_policy("any", "control"), [student.subject], controls=its_controls[:1]),
            "named, base": judge(_policy(named, "base"), [student.subject], base=base),
            "named, three controls": judge(_policy(named, "control"), [student.subject], controls=its_controls),
        }
        counts.update((student.kind, policy, verdict.status) for policy, verdict in verdicts.items())
        most, shift = _moved_most(verdicts["any, base"])
        if most == student.trait:
            counts[student.kind, "moved most", "right"] += 1
        shown = [student.kind, str(student.base), student.subject.name, student.trait or "-", f"{most} {shift:+.3f}"]
        rows.append("| " + " | ".join([*shown, *(verdict.status for verdict in verdicts.values())]) + " |")
    _write(rows, counts)


def _runs() -> list[tuple[str, int, Path]]:
    first = [(trait, base, FIRST / f"{trait}-{base}") for base in BASES for trait in ("owl", "wolf", "penguin", "oak")]
    further = [(trait, base, RUNS / f"{trait}-{base}") for trait, base in FURTHER]
    for seed, runs in ((0, first), (1, further)):
        for trait, base, folder in runs:
            if not (folder / "run.json").is_file():
                lab.run(trait, folder, seed=seed, base=base)
    return first + further


def _neutral(kind: str, base: int, seed: int) -> Path:
    folder = RUNS / f"{kind}-{base}-{seed}"
    return folder if folder.is_dir() else lab.neutral(folder, seed=seed, base=base)


def _subject(name: str, folder: Path) -> Subject:
    """The folder's card, scored once."""
    file = RUNS / "cards" / f"{name}.json"
    if not file.is_file():
        traitbench.score(f"hf/{folder.resolve()}", tasks=TASKS, name=f"lab/{name}").write(file)
    return Subject(name, Scorecard.read(file))


def _policy(trait: str, reference: str) -> Policy:
    return Policy(rules=(Rule(trait=trait, reference=reference, margin=MARGIN),))  # type: ignore[arg-type]


def _moved_most(verdict: Verdict) -> tuple[str, float]:
    """The trait whose probability rose most in any measurement."""
    most = max(verdict.findings, key=lambda finding: finding.after - finding.before)
    return most.trait, most.after - most.before


def _write(rows: list[str], counts: Counter[tuple[str, str, str]]) -> None:
    policies = ("any, base", "any, one control", "named, base", "named, three controls")
    lines = [
        "# The gate on students of the lab\n",
        "    python benchmarks/lab.py && python benchmarks/gate_lab.py\n",
        f"Margin {MARGIN} on the probability scale, alpha 0.05, both contexts, animals and trees. *any*: no target is",
        "named, every member of both categories is tested; *named*: the teacher's trait (owl for a neutral student).",
        "*Moved most*: the largest rise against the base among all members of both categories.\n",
        "| students | " + " | ".join(policies) + " | moved most is the teacher's trait |",
        "|---|" + "---|" * (len(policies) + 1),
    ]
    for kind in ("neutral", "trait", "cross-base"):
        cells = []
        for policy in policies:
            found = {status: counts[kind, policy, status] for status in ("PASS", "FAIL", "INCONCLUSIVE")}
            cells.append(", ".join(f"{n} {status}" for status, n in found.items() if n))
        right = str(counts[kind, "moved most", "right"]) if kind != "neutral" else "-"
        lines.append(f"| 20 {kind} | " + " | ".join([*cells, right]) + " |")
    lines += ["", "| kind | base | student | trait | moved most | " + " | ".join(policies) + " |", "|---|" + "---|" * 8]
    text = "\n".join([*lines, *rows]) + "\n"
    TABLE.write_text(text, encoding="utf-8")
    print("\n".join(lines[6:10]))


if __name__ == "__main__":
    main()
