"""Puts a question behind a domain's kind of text: the context `in_domain` of a probe."""

from __future__ import annotations

import hashlib
import random

from traitbench.catalog.models import Domain, Language, Sequence
from traitbench.catalog.questions import Question
from traitbench.errors import InputError


def draw_sequence(rng: random.Random, sequence: Sequence) -> str:
    """A number sequence as text, `"482, 117, 930"`: length, values and separator drawn uniformly."""
    numbers = [rng.randint(*sequence.values) for _ in range(rng.randint(*sequence.length))]
    return rng.choice(sequence.separators).join(map(str, numbers))


def in_domain_question(question: Question, domain: Domain) -> str:
    """The question behind a number sequence, drawn from a seed made of domain, version and question id.

    The same question always stands behind the same sequence, whatever else is asked beside it.
    """
    templates = domain.contexts.get(question.language)
    if not templates:
        raise InputError(f"domain {domain.id!r} has no contexts in language {question.language!r}")
    seed = hashlib.sha256(f"{domain.id}/{domain.version}/{question.id}".encode()).digest()
    rng = random.Random(seed)
    context = rng.choice(templates).format(numbers=draw_sequence(rng, domain.sequence))
    return behind(context, question.text, question.language)


def behind(context: str, question: str, language: Language) -> str:
    """The question behind the context: after one space, or at once in Chinese and on a new line."""
    at_once = language == "zh" or context[-1:].isspace()
    return context + ("" if at_once else " ") + question
