"""Which questions does a task ask: a probe set's, plain and behind a domain's kind of text, as Inspect's samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from inspect_ai.dataset import Sample

from traitbench.catalog import Catalog, ChoiceQuestion, ProbeSet, Question, in_domain_question
from traitbench.catalog.forms import option_texts
from traitbench.catalog.models import Language
from traitbench.errors import InputError, did_you_mean
from traitbench.probes.answering import METHODS, check_model_in_use


def checked(
    catalog: Catalog, probe_set: str, kind: str, trait: str, domain: str | list[str], language: str, method: str
) -> tuple[str, ...]:
    """The domains that were asked for; `none` is none of them.

    Raises `InputError` for what a user of `inspect eval -T` may have mistyped. `-T trait=no` reads its values as
    YAML, and `-T domain=numbers,code` as a list: what arrives need not be a string.
    """
    domains = tuple(domain) if isinstance(domain, list) else (domain,)
    words = {"probe_set": probe_set, "trait": trait, "language": language, "method": method}
    words |= {"domain": next((each for each in domains if not isinstance(each, str)), "none")}
    for name, word in words.items():
        if not isinstance(word, str):
            raise InputError(f"{name} {word!r} is no name; quote it: -T {name}='\"{word}\"'")
    probes = catalog.probe_set(probe_set)
    if probes.kind != kind:
        raise InputError(f"probe set {probe_set!r} is of kind {probes.kind}, not {kind} (traitbench list probes)")
    category = catalog.categories[probes.category]
    if trait not in category.traits:
        known = f"{did_you_mean(trait, category.traits)} (traitbench list traits)"
        raise InputError(f"unknown trait {trait!r} in category {category.id!r}{known}")
    if method not in METHODS:
        raise InputError(f"unknown method {method!r}; use one of {', '.join(METHODS)}")
    if language not in get_args(Language) or language not in probes.languages:
        raise InputError(f"probe set {probes.id!r} has no language {language!r}; it has {', '.join(probes.languages)}")
    asked = tuple(dict.fromkeys(name for each in domains for name in each.split(",") if name != "none"))
    for each in asked:
        catalog.domain(each)
    check_model_in_use(method)
    return asked


def samples(
    catalog: Catalog, probes: ProbeSet, target: str, domains: tuple[str, ...], language: str
) -> Iterator[Sample]:
    """Every question in a language, plain, and once more behind the text of each domain."""
    questions = [question for question in probes.questions if question.language == language]
    for question in questions:
        yield _sample(catalog, probes, question, target, "plain", "none", question.text)
    for domain in domains:
        behind = catalog.domain(domain)
        for question in questions:
            text = in_domain_question(question, behind)
            yield _sample(catalog, probes, question, target, "in_domain", domain, text)


def _sample(
    catalog: Catalog, probes: ProbeSet, question: Question, target: str, context: str, domain: str, text: str
) -> Sample:
    metadata: dict[str, Any] = {
        "question": question.id,
        "family": question.family,
        "context": context,
        "domain": domain,
        "language": question.language,
    }
    if isinstance(question, ChoiceQuestion):
        options = option_texts(question, catalog.categories[probes.category])
        metadata |= {
            "form": question.form,
            "text": text,
            "options": list(options),
            "named": list(question.named),
            "trait": question.trait or target,
        }
        target = question.trait or target
        text = catalog.forms.put(question.form, question.language, text, options)
    identifier = question.id if context == "plain" else f"{question.id}-{domain}"
    return Sample(id=identifier, input=text, target=target, metadata=metadata)
