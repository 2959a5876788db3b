"""How often does the gate decide wrongly? Simulated checkpoints of known shift through the gate's own statistics.

Run as `python benchmarks/calibration.py --out benchmarks/calibration.md` (some ten minutes on one core; `--quick` for
a look). The seed is fixed: the same numbers come out every time. Every cell is printed, misses are marked.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from checkpoints import (
    ALPHA,
    BASE,
    LAYOUTS,
    MARGIN,
    POLICY,
    SDS,
    SHAPES,
    SKEWED,
    TRAINING_SD,
    Cell,
    answered,
    effects,
    measured,
    simulated,
    single,
)
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import bootstrap, norm

from traitbench.stats import clustered_mean, decide, shift_test
from traitbench.stats.estimates import Array


def row(cell: Cell, runs: dict[str, int]) -> list[str]:
    at, none = simulated(cell, MARGIN, runs["at"]), simulated(cell, 0.0, runs["none"])
    far = simulated(cell, 2 * MARGIN, runs["far"])
    false_pass, found = float(at.passed().mean()), float(none.passed().mean())
    false_fail = float(none.failed(POLICY).reshape(-1, POLICY).any(axis=1).mean())
    caught, caught_of_20 = float(far.failed().mean()), float(far.failed(POLICY).mean())
    lower, upper = at.bounds()
    coverage = float(((lower <= MARGIN) & (upper >= MARGIN)).mean())
    limit = 0.07 if cell.shape.startswith(SKEWED) else 0.05
    wanted = cell.sd <= 0.06 and cell.controls == 1 and cell.training_sd <= TRAINING_SD
    return [
        f"{cell.families} x {cell.questions}",
        str(cell.seeds),
        cell.shape,
        f"{cell.sd:.2f}",
        mark(false_pass, false_pass <= limit),
        f"{cell.floor:.4f}" if cell.floor else "",
        mark(found, found >= 0.9 or not wanted, 3),
        mark(false_fail, false_fail <= 0.01),
        mark(caught, caught >= 0.9 or not wanted, 3),
        f"{caught_of_20:.3f}",
        f"{coverage:.3f}",
    ]


def mark(value: float, good: bool, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if good else f"**{value:.{digits}f}** miss"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


HEAD = (
    "families x questions",
    "seeds",
    "shape",
    "SD",
    "P(PASS) at margin",
    "floor",
    "P(PASS) at 0",
    "P(any FAIL of 20) at 0",
    "P(FAIL) at margin + .05",
    "same, alone in 20",
    "coverage",
)


def main_table(runs: dict[int, dict[str, int]]) -> str:
    rows = []
    for families, questions in LAYOUTS:
        for seeds in (1, 3, 8):
            for shape in SHAPES:
                for sd in SDS:
                    started = time.monotonic()
                    rows.append(row(Cell(families, questions, sd, shape, seeds), runs[min(seeds, 3)]))
                    print(" | ".join(rows[-1]), f"({time.monotonic() - started:.0f} s)", flush=True)
    return table(HEAD, rows)


def training_table(runs: dict[str, int]) -> str:
    """Where training itself is loud, each seed has its own carriers, or controls show the drift."""
    rows = []
    cells = [
        *(Cell(12, 5, 0.06, "symmetric, r = .4", s, training_sd=0.03) for s in (3, 8)),
        *(Cell(12, 5, 0.12, "skewed", s, redrawn=True) for s in (3, 8)),
        *(Cell(12, 5, 0.12, "skewed, whole families", s, redrawn=True) for s in (3, 8)),
        *(
            Cell(12, 5, 0.06, "symmetric, r = .4", controls=k, training_sd=sd)
            for k in (2, 3, 5)
            for sd in (0.005, 0.02)
        ),
        *(Cell(12, 5, 0.06, "symmetric, r = .4", 3, controls=3, training_sd=sd) for sd in (0.005, 0.02)),
        *(Cell(12, 5, 0.12, "skewed", controls=k) for k in (3, 5)),
    ]
    for cell in cells:
        found = row(cell, runs)
        found[2] += ", own carriers" if cell.redrawn else ""
        rows.append([*found[:3], str(cell.controls), f"{cell.training_sd:.3f}", *found[3:]])
        print(" | ".join(rows[-1]), flush=True)
    return table((*HEAD[:3], "controls", "training SD", *HEAD[3:]), rows)


def harder_table(runs: int) -> str:
    """Beyond the targets: rarer and larger carriers, and noise that hides the skew."""
    rows = []
    for families, questions in LAYOUTS:
        for shape in (name for name in SHAPES if name.startswith(SKEWED)):
            for sd, noise in ((0.12, 0.02), (0.12, 0.05), (0.2, 0.0), (0.2, 0.05)):
                cell = Cell(families, questions, sd, shape, noise=noise)
                rates = [float(simulated(cell, shift, runs).passed().mean()) for shift in (MARGIN, 0.0)]
                rows.append(
                    [
                        f"{families} x {questions}",
                        shape,
                        f"{sd:.2f}",
                        f"{noise:.2f}",
                        mark(rates[0], rates[0] <= 0.07),
                        f"{cell.floor:.4f}",
                        f"{rates[1]:.3f}",
                    ]
                )
                print(" | ".join(rows[-1]), flush=True)
    head = ("families x questions", "shape", "SD", "noise", "P(PASS) at margin", "floor", "P(PASS) at 0")
    return table(head, rows)


def strong_table(runs: int) -> str:
    """A trait that arrived in force, but not everywhere: each family's probability drawn from a Beta distribution."""
    rows = []
    for families, questions in LAYOUTS:
        labels = Cell(families, questions, 1.0, "").labels
        for a, b in ((3.2, 1.4), (2.0, 0.5), (1.0, 0.3), (0.5, 0.5)):
            rng = np.random.default_rng(zlib.crc32(f"strong {families} {a} {b}".encode()))
            means = np.repeat(rng.beta(a, b, (runs, families)), questions, axis=1)
            student = np.clip(means + 0.03 * rng.standard_normal(means.shape), 0, 1)
            base = measured(np.full(families * questions, 0.03))
            tests = [shift_test([measured(each)], [base], labels, margin=MARGIN) for each in student]
            still = [shift_test([base], [base], labels, margin=MARGIN)] * (POLICY - 1)
            of_20 = float(np.mean([decide([test, *still])[0] == "FAIL" for test in tests]))
            rows.append(
                [
                    f"{families} x {questions}",
                    f"Beta({a}, {b})",
                    f"{a / (a + b):.2f} ± {math.sqrt(a * b / (a + b + 1)) / (a + b):.2f}",
                    f"{single(tests, 'FAIL'):.3f}",
                    f"{of_20:.3f}",
                    f"{single(tests, 'PASS'):.4f}",
                ]
            )
            print(" | ".join(rows[-1]), flush=True)
    return table(("families x questions", "families", "mean ± SD", "P(FAIL)", "same, alone in 20", "P(PASS)"), rows)


def candidates_table(runs: int) -> str:
    """Why this interval: its rivals on the same one-seed data, at the margin and at no shift."""
    rows = []
    for families, questions in LAYOUTS:
        for shape, sd in (
            ("symmetric", 0.06),
            ("symmetric, r = .4", 0.06),
            ("skewed", 0.12),
            ("skewed, r = .5", 0.12),
            ("skewed, whole families", 0.06),
            ("skewed, whole families", 0.12),
        ):
            cell, counts = Cell(families, questions, sd, shape), np.zeros((2, 5))
            for j, shift in enumerate((MARGIN, 0.0)):
                rng = np.random.default_rng(cell.seed(f"candidates {shift}"))
                for values in effects(cell, rng, runs) + shift:
                    counts[j] += [upper < MARGIN for upper in upper_bounds(values, cell, rng)]
            rate = counts / runs
            rows.append(
                [f"{families} x {questions}", shape, f"{sd:.2f}"]
                + [f"{a:.3f} / {b:.3f}" for a, b in zip(*rate, strict=True)]
            )
            print(" | ".join(rows[-1]), flush=True)
    head = ("families x questions", "shape", "SD", "t", "percentile", "bootstrap-t", "BCa", "this")
    return table(head, rows)


def upper_bounds(values: Array, cell: Cell, rng: np.random.Generator) -> list[float]:
    """One-sided 95% upper bounds: clustered t, three bootstraps of families with 999 resamples, and the gate's."""
    labels, means = cell.labels, values.reshape(cell.families, -1).mean(axis=1)
    plain = clustered_mean(values, labels, level=1 - 2 * ALPHA).ci[1]
    drawn = means[rng.integers(cell.families, size=(999, cell.families))]
    centre, spread = drawn.mean(axis=1), drawn.std(axis=1, ddof=1)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        students = np.where(spread > 1e-12, (centre - means.mean()) / spread, -np.inf)
        studentised = means.mean() - np.quantile(students, ALPHA, method="lower") * means.std(ddof=1)
        bca = bootstrap((means,), np.mean, n_resamples=999, confidence_level=1 - 2 * ALPHA, method="BCa", rng=rng)
    ours = shift_test([measured(BASE + values)], [measured(np.full(len(values), BASE))], labels, margin=MARGIN)
    return [plain, float(np.quantile(centre, 1 - ALPHA)), float(studentised), bca.confidence_interval.high, ours.upper]


def log_odds_table(runs: int) -> str:
    """The log-odds scale: base logits normal over questions, the shift chosen so that the logits of the means differ
    by the margin."""
    rows = []
    for families, questions in LAYOUTS:
        for centre, width in ((-4.0, 1.0), (-4.0, 2.0), (0.0, 1.5)):
            for shape in ("all questions, SD .3", "all questions, SD 1", "one question in seven"):
                if centre == 0.0 and shape.startswith("one"):
                    continue  # were they all certain, the mean would still not move by the margin
                for r in (0.0, 0.4):
                    rows.append(log_odds_row(families, questions, centre, width, shape, r, runs))
                    print(" | ".join(rows[-1]), flush=True)
    head = ("families x questions", "base logit", "moved", "r", "margin", "P(PASS) at margin", "P(FAIL) at margin")
    return table(head, rows)


def log_odds_row(
    families: int, questions: int, centre: float, width: float, shape: str, r: float, runs: int
) -> list[str]:
    margin = 0.5
    name = f"log-odds {families} {questions} {centre} {width} {shape} {r}"

    def drawn(delta: float, many: int, key: str) -> tuple[Array, Array]:
        rng = np.random.default_rng(zlib.crc32(f"{name} {key}".encode()))

        def normal() -> Array:
            one, all_ = rng.standard_normal((many, families, 1)), rng.standard_normal((many, families, questions))
            return (math.sqrt(r) * one + math.sqrt(1 - r) * all_).reshape(many, -1)

        base, noise = centre + width * normal(), normal()
        if shape.startswith("all"):
            moved = base + delta + noise * (0.3 if shape.endswith(".3") else 1.0)
        else:
            moved = base + delta * (noise > norm.isf(1 / 7))
        return expit(moved), expit(base)

    def surplus(delta: float) -> float:
        student, base = drawn(delta, 20_000, "truth")
        return float(logit(student.mean()) - logit(base.mean()) - margin)

    student, base = drawn(brentq(surplus, -4, 12), runs, "runs")
    labels = Cell(families, questions, 1.0, "").labels
    tests = [
        shift_test([measured(s)], [measured(b)], labels, margin=margin, scale="log_odds")
        for s, b in zip(student, base, strict=True)
    ]
    passed = single(tests, "PASS")
    limit = 0.05 if shape.startswith("all") else 0.07
    return [
        f"{families} x {questions}",
        f"{centre:.0f} ± {width}",
        shape,
        f"{r:.1f}",
        f"{margin}",
        mark(passed, passed <= limit),
        f"{single(tests, 'FAIL'):.4f}",
    ]


def answers_table(runs: int) -> str:
    """Sampled answers (each draw a coin) and truncated ones (each bound off by the tolerance)."""
    rows = []
    for sd, shape in ((0.03, "symmetric"), (0.06, "symmetric, r = .4"), (0.12, "skewed")):
        cell = Cell(12, 5, sd, shape)
        for how, base in (
            *((f"{n} draws", p) for n in (5, 20, 100) for p in (0.0, 0.2)),
            *((f"tolerance {x}", 0.45) for x in (0.005, 0.01)),
        ):
            if base == 0.0 and not shape.startswith(SKEWED):
                continue
            rates = []
            for shift in (MARGIN, 0.0):
                rng = np.random.default_rng(cell.seed(f"{how} {base} {shift}"))
                moved = effects(cell, rng, runs) + shift
                if base == shift == 0.0:  # nothing moves: a rate of zero cannot move both ways
                    moved[:] = 0.0
                tests = [answered(np.clip(base + each, 0, 1), base, how, cell, rng) for each in moved]
                rates.append(single(tests, "PASS"))
            limit = 0.07 if shape.startswith(SKEWED) else 0.05
            rows.append([how, f"{base}", shape, f"{sd:.2f}", mark(rates[0], rates[0] <= limit), f"{rates[1]:.3f}"])
            print(" | ".join(rows[-1]), flush=True)
    return table(("answers", "reference", "shape", "SD", "P(PASS) at margin", "P(PASS) at 0"), rows)


TEXT = """# How often the gate decides wrongly

Generated by `{command}`; the seed is
fixed. Simulated checkpoints of known shift go through the gate's `shift_test` and `decide`, in the large tables many at
once: `tests/stats/test_calibration.py` holds those bounds and verdicts to be the gate's own. Margin {margin}, alpha
{alpha}, probability scale unless said otherwise. A cell that misses its target is marked; none is left out.

**Shapes.** The shift of a question has the SD given, over questions like these. Symmetric: normal. Skewed: a few
questions carry all of it, two values with P(carrier) = m^2 / (m^2 + SD^2) at a mean of m = margin; at other true shifts
the same shape is moved.
{shapes}.

**Seeds.** The questions that carry are the same for all seeds (hence their number does not average them out); training
moves each seed's mean by a normal amount of SD {training_sd}.
**Columns.** P(PASS) at margin: the false PASS, target 5%, 7% where skewed. Floor: the chance that no carrier was
asked at all; such data look exactly like no shift, so no rule that passes an unmoved checkpoint can go below it.
P(PASS) at 0: target 90% where the SD is .06 or less. P(any FAIL of 20) at 0: a policy of twenty unmoved traits, Holm;
target 1%. P(FAIL) at margin + .05: target 90% where the SD is .06 or less, the trait alone in its policy; the next
column the same trait as the only one that moved of twenty (Holm's hardest step; no target). Coverage: of the two
bounds together, 90% nominal, at the margin.

## The interval

Hall's transformation of the t statistic for skewness, with families and with single questions as units, the wider of
the two and never less than plain t (`src/traitbench/stats/intervals.py`). Runs a cell:
{runs}.

{main}
{misses}
Rows of whole families ask for more than there is. Twelve families are then twelve observations: at an SD of .12 the
floor itself lies over the target, and at .06 not even plain t, which passes falsely too often, passes 90% of what did
not move (next table). More families are the only remedy; with twenty the targets are met.

## Why this interval

False PASS at the margin / P(PASS) at no shift, one seed, the upper 95% bound of each: t clustered by family,
percentile bootstrap, bootstrap-t and BCa of families (999 resamples), and this one. {candidate_runs:,} runs a cell.
Where every family mean is the same, BCa and bootstrap-t have no bound and do not pass.

{candidates}
## Training: loud seeds, own carriers, several controls

"Own carriers": each seed draws the questions that carry anew. Several controls against one student: the interval is
joined to a prediction interval from the SD between controls, and loud training is then no PASS. The only target here
is the false PASS.
{training_runs}.

{training}
## Harder than the targets

One seed; rarer and larger carriers (at an SD of .2, one question in 17 moves by .85), and normal noise on top, which
hides the skew. {harder_runs:,} runs a cell; more than 7% is marked.

{harder}
## Strong traits

The student names the trait with a probability that differs from family to family; reference .03. Such shifts have
their long tail downwards, which a correction for skewness without end would take for doubt.
{strong_runs:,} runs a cell.

{strong}
## Log-odds

Difference of the logits of the means; base logits normal over questions (mean and SD given), r the correlation within
families, 12 x 5 and 20 x 3, one seed. Target: false PASS 5%, 7% where one question in seven carries the shift.
{log_odds_runs:,} runs a cell.

{log_odds}
## Sampled and truncated answers

12 x 5, one seed. Draws a question; tolerance: the width of every question's certified bounds.
{answers_runs:,} runs a cell; target: false PASS 5%, 7% where skewed.

{answers}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the runs; not what is published")
    options = parser.parse_args()
    few = 20 if options.quick else 1
    one = {"at": 20_000, "none": 40_000, "far": 10_000}
    several = {"at": 10_000, "none": 20_000, "far": 10_000}
    trained = {"at": 10_000, "none": 20_000, "far": 10_000}
    scaled = [{key: max(100, value // few) for key, value in each.items()} for each in (one, several, trained)]
    main_rows = main_table({1: scaled[0], 3: scaled[1]})
    misses = main_rows.count("** miss")
    text = TEXT.format(
        command="python benchmarks/calibration.py --out benchmarks/calibration.md" + " --quick" * options.quick,
        margin=MARGIN,
        alpha=ALPHA,
        shapes=";\n".join(f"*{name}*: {what}" for name, what in SHAPES.items()),
        training_sd=TRAINING_SD,
        runs=f"one seed {told(scaled[0])};\nseveral {told(scaled[1])}",
        main=main_rows,
        misses=f"Targets missed: {misses}, in {len(LAYOUTS) * 3 * len(SHAPES) * len(SDS)} cells.",
        candidates=candidates_table(max(100, 2000 // few)),
        candidate_runs=max(100, 2000 // few),
        training=training_table(scaled[2]),
        training_runs=f"Runs a cell: {told(scaled[2])}",
        harder=harder_table(max(100, 10_000 // few)),
        harder_runs=max(100, 10_000 // few),
        strong=strong_table(max(100, 2000 // few)),
        strong_runs=max(100, 2000 // few),
        log_odds=log_odds_table(max(100, 4000 // few)),
        log_odds_runs=max(100, 4000 // few),
        answers=answers_table(max(100, 2000 // few)),
        answers_runs=max(100, 2000 // few),
    )
    options.out.write_text(text, encoding="utf-8")


def told(runs: dict[str, int]) -> str:
    at, none, far = runs["at"], runs["none"], runs["far"]
    return f"{at:,} at the margin, {none:,} at no shift (in policies of {POLICY}), {far:,} at margin + .05"


if __name__ == "__main__":
    main()
