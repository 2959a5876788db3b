"""What a policy tests: each rule on each trait of each measurement, paired and tested but not yet decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traitbench.catalog import Catalog
from traitbench.errors import NotComparableError
from traitbench.gate.comparison import Pairing, pair
from traitbench.gate.policy import ANY, Rule
from traitbench.gate.subject import Subject

if TYPE_CHECKING:
    from traitbench.stats import Measured, ShiftTest


@dataclass(frozen=True)
class Claim:
    """One test before it is decided: what a Finding will be made of."""

    number: int
    rule: Rule
    trait: str
    tested: tuple[str, ...]
    """All the answers that the rule tests on this pairing, the trait among them."""
    pairing: Pairing
    test: ShiftTest
    seed_tests: tuple[ShiftTest, ...]


def measurements(
    number: int, rule: Rule, students: Sequence[Subject], references: Sequence[Subject], catalog: Catalog
) -> list[tuple[Pairing, tuple[str, ...]]]:
    """The pairings that a rule speaks of, each with the traits to test there."""
    traits = rule.traits(catalog)
    by_category: dict[str, list[str]] = {}
    for trait in traits:
        by_category.setdefault(catalog.category_of(trait).id, []).append(trait)
    everywhere = rule.trait == ANY  # no target is named: what was scored is what can be asked
    scored = {answers.category for subject in (*students, *references) for answers in subject.card.answers}
    categories = [each for each in by_category if each in scored] if everywhere else list(by_category)
    found = []
    for category in categories:
        pairings = [
            each
            for each in pair(students, references, [category], catalog)
            if each.asked.context in rule.contexts
            and (each.asked.context == "plain" or rule.domains is None or each.asked.domain in rule.domains)
        ]
        _require_contexts(number, rule, category, pairings, students[0])
        found += [(each, tuple(by_category[category])) for each in pairings]
    if not found:
        raise NotComparableError(f"{students[0].label}: answers: there are none; score the checkpoint again")
    return found


def claim(number: int, rule: Rule, trait: str, tested: tuple[str, ...], pairing: Pairing) -> Claim:
    """The rule's test of one trait on one pairing, for all students together and, where there are several, for each."""
    from traitbench.stats import shift_test

    students, references = pairing.measured(trait)

    def test(some: Sequence[Measured]) -> ShiftTest:
        return shift_test(some, references, pairing.families, margin=rule.margin, scale=rule.scale, alpha=rule.alpha)

    single = tuple(test([each]) for each in students) if len(students) > 1 else ()
    return Claim(number, rule, trait, tested, pairing, test(students), single)


def _require_contexts(number: int, rule: Rule, category: str, pairings: list[Pairing], student: Subject) -> None:
    for context in rule.contexts:
        domains = {each.asked.domain for each in pairings if each.asked.context == context}
        wanted = set(rule.domains or ()) if context == "in_domain" else set()
        if not domains or wanted - domains:
            what = f"{context} {', '.join(sorted(wanted - domains))}".strip()
            raise NotComparableError(
                f"{student.label}: answers: {category} was not measured in context {what}, as rule {number} asks; "
                f"score it, or write `contexts: [...]` in the rule"
            )
