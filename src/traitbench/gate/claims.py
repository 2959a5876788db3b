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
        found += [(each, _offered(number, tuple(by_category[category]), each, students[0])) for each in pairings]
    if not everywhere:
        _require_traits(number, rule, traits, found, students[0], catalog)
    if not any(tested for _, tested in found):
        raise NotComparableError(f"{students[0].label}: answers: there are none; score the checkpoint again")
    if rule.suite in catalog.suites:
        _require_suite(number, rule, [pairing for pairing, _ in found], students[0], catalog)
    return found


def _offered(number: int, traits: tuple[str, ...], pairing: Pairing, student: Subject) -> tuple[str, ...]:
    """The traits that can be answered with; one that the probe set asks for, and the answers lack, has told nothing."""
    known = pairing.n_offering if pairing.n_in_probe_set is not None else {}
    lost = next((each for each in traits if known.get(each) and not pairing.offers(each)), None)
    if lost is not None:
        raise NotComparableError(
            f"{student.label}: answers.{pairing.asked.probe_set}.{pairing.asked.context}: none of the "
            f"{pairing.n_offering[lost]} questions about {lost} was asked, as rule {number} asks; score it again"
        )
    return tuple(each for each in traits if pairing.offers(each))


def _require_traits(
    number: int,
    rule: Rule,
    traits: tuple[str, ...],
    found: list[tuple[Pairing, tuple[str, ...]]],
    student: Subject,
    catalog: Catalog,
) -> None:
    """A rule without a test would pass in silence."""
    asked = {task.trait for task in catalog.tasks.values()}
    for context in rule.contexts:
        tested = {trait for pairing, own in found if pairing.asked.context == context for trait in own}
        missing = next((each for each in traits if each not in tested and (each in asked or each == rule.trait)), None)
        if missing is not None:
            raise NotComparableError(
                f"{student.label}: answers: no question that was asked in context {context} offers {missing}, as rule "
                f"{number} asks; score one of its tasks (traitbench list tasks)"
            )


def _require_suite(number: int, rule: Rule, pairings: Sequence[Pairing], student: Subject, catalog: Catalog) -> None:
    """A suite is judged as a whole: each probe set, behind each of its domains that the rule does not leave out."""
    measured = {(each.asked.probe_set, each.asked.context, each.asked.domain) for each in pairings}
    for task in catalog.tasks_of(catalog.suites[str(rule.suite)]):
        for context in rule.contexts:
            domain = "none" if context == "plain" else task.domain
            if context == "in_domain" and rule.domains is not None and domain not in rule.domains:
                continue
            if (task.probe_set, context, domain) not in measured:
                where = context if domain == "none" else f"{context} {domain}"
                raise NotComparableError(
                    f"{student.label}: answers: {task.probe_set} ({where}) was not measured, as suite {rule.suite} of "
                    f"rule {number} asks; score it with --suite {rule.suite}"
                )


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
