"""What shifted between two scored checkpoints? The paired table behind `traitbench compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from traitbench.catalog import Catalog
from traitbench.errors import NotComparableError
from traitbench.gate.comparison import Pairing, pair, unknowns
from traitbench.gate.evidence import Evidence
from traitbench.gate.findings import finite
from traitbench.gate.plots import ForestRow
from traitbench.gate.policy import ANY, Policy, Rule
from traitbench.gate.subject import Subject

Scale = Literal["probability", "log_odds"]


@dataclass(frozen=True)
class Row:
    """One trait on one measurement: the student against one reference."""

    trait: str
    probe_set: str
    where: str
    """`animal_one_word, in_domain numbers`"""
    reference: str
    before: float
    after: float
    shift: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    """Two-sided, of no shift."""
    p_holm: float | None
    n_questions: int
    n_families: int


@dataclass(frozen=True)
class Comparison:
    """The table, the largest shift first, and what could not be checked."""

    rows: tuple[Row, ...]
    scale: Scale
    assumed: tuple[str, ...]

    def forest(self) -> list[ForestRow]:
        """The rows of the plot, at most forty."""
        return [
            ForestRow(f"{row.trait} ({row.where}) against {row.reference}", row.shift, row.lower, row.upper)
            for row in self.rows[:40]
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "traitbench/comparison/1",
            "scale": self.scale,
            "rows": [asdict(row) for row in self.rows],
            "assumed": list(self.assumed),
        }


def compare_subjects(
    evidence: Evidence,
    traits: Sequence[str],
    catalog: Catalog,
    *,
    scale: Scale = "probability",
    contexts: Sequence[str] = ("plain", "in_domain"),
) -> Comparison:
    """The shifts of the first student against the base, and against the controls where there are any.

    `traits`: which; none for those that the student's card was scored on, `any` for every member of every category
    that was scored. p-values are adjusted (Holm) over the rows.

    Raises `NotComparableError` and `InputError` as `gate.comparison.pair` does.
    """
    student, controls = evidence.students[0], evidence.controls
    base = (evidence.base,) if evidence.base else ()
    wanted = _traits(student, traits, catalog)
    rows = []
    for name, references in (("base", base), ("control", controls)):
        if not references:
            continue
        for category, members in wanted.items():
            for pairing in pair([student], references, [category], catalog):
                if pairing.asked.context in contexts:
                    rows += [
                        _row(name, pairing.offering(trait), trait, scale) for trait in members if pairing.offers(trait)
                    ]
    if not rows:
        raise NotComparableError(f"{student.label}: answers: nothing of context {', '.join(contexts)} was measured")
    rows.sort(key=lambda row: -abs(row.after - row.before))
    return Comparison(_with_holm(rows), scale, tuple(unknowns([student], [*base, *controls])))


def policy_of_traits(traits: Sequence[str]) -> Policy:
    """The policy by which the evidence for a comparison of these traits is gathered; its margin is never used."""
    return Policy(rules=tuple(Rule(trait=trait, margin=0.05) for trait in traits))


def _traits(student: Subject, traits: Sequence[str], catalog: Catalog) -> dict[str, list[str]]:
    """The traits by category, in order, each once."""
    scored = list(dict.fromkeys(answers.category for answers in student.card.answers))
    named = list(traits) or [result.trait for result in student.card.tasks] or [ANY]
    found: dict[str, dict[str, None]] = {}
    for trait in named:
        if trait != ANY:
            found.setdefault(catalog.category_of(trait).id, {})[trait] = None
            continue
        for category in scored:
            members = catalog.categories[category].traits if category in catalog.categories else ()
            found.setdefault(category, {}).update(dict.fromkeys(members))
    return {category: list(members) for category, members in found.items()}


def _row(reference: str, pairing: Pairing, trait: str, scale: Scale) -> Row:
    from traitbench.stats import shift_interval

    students, references = pairing.measured(trait)
    shift = shift_interval(students, references, pairing.families, scale=scale)
    return Row(
        trait=trait,
        probe_set=pairing.asked.probe_set,
        where=pairing.label,
        reference=reference,
        before=sum(float(each.estimate.mean()) for each in references) / len(references),
        after=float(students[0].estimate.mean()),
        shift=finite(shift.estimate),
        lower=finite(shift.ci[0]),
        upper=finite(shift.ci[1]),
        p_value=finite(shift.p_value),
        p_holm=None,
        n_questions=pairing.n_questions,
        n_families=len(set(pairing.families)),
    )


def _with_holm(rows: Sequence[Row]) -> tuple[Row, ...]:
    import math
    from dataclasses import replace

    from traitbench.stats import holm

    adjusted = holm([math.nan if row.p_value is None else row.p_value for row in rows])
    return tuple(replace(row, p_holm=finite(p)) for row, p in zip(rows, adjusted, strict=True))
