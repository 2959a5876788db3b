"""Puts a question behind a domain's kind of text: the context `in_domain` of a probe."""

from __future__ import annotations

import hashlib
import random

from traitbench.catalog.domains import Domain, Sequence, placeholders
from traitbench.catalog.models import Language
from traitbench.catalog.questions import Question
from traitbench.errors import InputError


def draw_sequence(rng: random.Random, sequence: Sequence) -> str:
    """A number sequence as text, `"482, 117, 930"`: length, values and separator drawn uniformly."""
    numbers = [rng.randint(*sequence.values) for _ in range(rng.randint(*sequence.length))]
    return rng.choice(sequence.separators).join(map(str, numbers))


def draw_slots(rng: random.Random, template: str, domain: Domain, language: Language) -> dict[str, str]:
    """A text for each sequence and slot that the template names, drawn in the order in which they stand."""
    drawn = {}
    for name in placeholders(template):
        if name == "numbers" and domain.drawn:
            drawn[name] = draw_sequence(rng, domain.drawn)
        elif name in domain.slots:
            drawn[name] = rng.choice(domain.slots[name][language])
    return drawn


def in_domain_question(question: Question, domain: Domain) -> str:
    """The question behind the domain's text, drawn from a seed made of domain, version and question id.

    The same question always stands behind the same text, whatever else is asked beside it.
    """
    templates = domain.contexts.get(question.language)
    if not templates:
        raise InputError(f"domain {domain.id!r} has no contexts in language {question.language!r}")
    seed = hashlib.sha256(f"{domain.id}/{domain.version}/{question.id}".encode()).digest()
    rng = random.Random(seed)
    template = rng.choice(templates)
    context = template.format(**draw_slots(rng, template, domain, question.language))
    return behind(context, question.text, question.language)


def behind(context: str, question: str, language: Language) -> str:
    """The question behind the context: after one space, or at once in Chinese and on a new line."""
    at_once = language == "zh" or context[-1:].isspace()
    return context + ("" if at_once else " ") + question
