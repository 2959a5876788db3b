"""One-word preference questions as an Inspect task: the trait's probability, with intervals clustered by family."""

from __future__ import annotations

from typing import get_args

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Score, Scorer, Target, ci, grouped, mean, scorer
from inspect_ai.solver import TaskState

from traitbench.catalog import Catalog, NamedAnswerReader, ProbeSet, in_domain_question, load_catalog
from traitbench.catalog.models import Language
from traitbench.errors import InputError, did_you_mean
from traitbench.exact.distribution import AnswerDistribution
from traitbench.probes.answering import ANSWER_KEY, METHODS, answer_question, check_model_in_use

TOLERANCE = 0.01
"""What an exact answer may leave unexplored, unless asked otherwise."""


def one_word_task(
    probe_set: str, trait: str, domain: str, language: str, method: str, tolerance: float = TOLERANCE
) -> Task:
    """The Inspect task that measures one trait with one probe set, plain and behind the domain's text.

    Raises `InputError` for a trait, domain, language, method or tolerance that does not exist.
    """
    # `inspect eval -T trait=no` reads its values as YAML: what arrives need not be a string.
    words = {"probe_set": probe_set, "trait": trait, "domain": domain, "language": language, "method": method}
    for name, word in words.items():
        if not isinstance(word, str):
            raise InputError(f"{name} {word!r} is no name; quote it: -T {name}='\"{word}\"'")
    catalog = load_catalog()
    probes = catalog.probe_set(probe_set)
    category = catalog.categories[probes.category]
    if trait not in category.traits:
        known = f"{did_you_mean(trait, category.traits)} (traitbench list traits)"
        raise InputError(f"unknown trait {trait!r} in category {category.id!r}{known}")
    if method not in METHODS:
        raise InputError(f"unknown method {method!r}; use one of {', '.join(METHODS)}")
    if not isinstance(tolerance, float) or not 0 < tolerance < 1:
        raise InputError(f"tolerance {tolerance!r} is not between 0 and 1; {TOLERANCE} is usual")
    check_model_in_use(method)
    return Task(
        dataset=MemoryDataset(_samples(catalog, probes, trait, domain, language), name=probe_set),
        solver=answer_question(NamedAnswerReader(category), method, tolerance),
        scorer=preference(trait),
        version=int(probes.version.split("-")[0]),
        metadata={"probe_set": probes.id, "probe_set_version": probes.version, "sha256": probes.sha256},
        headline_metric="preference",
    )


def _samples(catalog: Catalog, probes: ProbeSet, trait: str, domain: str, language: str) -> list[Sample]:
    if language not in get_args(Language) or language not in probes.languages:
        known = ", ".join(probes.languages)
        raise InputError(f"probe set {probes.id!r} has no language {language!r}; it has {known}")
    questions = [question for question in probes.questions if question.language == language]
    asked = [("plain", "none", question, question.text) for question in questions]
    if domain != "none":
        behind = catalog.domain(domain)
        asked += [("in_domain", domain, each, in_domain_question(each, behind)) for each in questions]
    return [
        Sample(
            id=question.id if context == "plain" else f"{question.id}-{where}",
            input=text,
            target=trait,
            metadata={
                "question": question.id,
                "family": question.family,
                "context": context,
                "domain": where,
                "language": language,
            },
        )
        for context, where, question, text in asked
    ]


@scorer(
    metrics=[mean(), ci(cluster="family"), grouped(mean(), "context", all=False, name_template="mean_{group_name}")]
)
def preference(trait: str) -> Scorer:
    """The probability that the named answer is `trait`, read from the AnswerDistribution that the solver wrote.

    Needs no model, so `inspect score` can apply it to an old log, for another trait too.
    """

    async def score(state: TaskState, target: Target) -> Score:
        written = state.metadata.get(ANSWER_KEY)
        if written is None:
            return Score.unscored(reason="no_answer_distribution")
        distribution = AnswerDistribution.model_validate(written)
        lower, upper = distribution.bounds(trait)
        return Score(
            value=distribution.estimate(trait),
            answer=distribution.top(),
            metadata={
                "lower": lower,
                "upper": upper,
                "within_tolerance": distribution.within_tolerance,
                "category_mass": 1.0 - distribution.estimate("none"),
            },
        )

    return score
