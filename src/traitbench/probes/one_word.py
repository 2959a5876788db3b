"""One-word preference questions as an Inspect task: the trait's probability, with intervals clustered by family."""

from __future__ import annotations

import math

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.scorer import Score, Scorer, Target, ci, grouped, mean, scorer
from inspect_ai.solver import TaskState

from traitbench.catalog import NamedAnswerReader, load_catalog
from traitbench.errors import InputError
from traitbench.exact.distribution import AnswerDistribution
from traitbench.probes.answering import ANSWER_KEY, answer_question
from traitbench.probes.questions import checked, samples

TOLERANCE = 0.01
"""What an exact answer may leave unexplored, unless asked otherwise."""


def one_word_task(
    probe_set: str, trait: str, domain: str | list[str], language: str, method: str, tolerance: float = TOLERANCE
) -> Task:
    """The Inspect task that measures one trait with one probe set, plain and behind each domain's text.

    Raises `InputError` for a trait, domain, language, method or tolerance that does not exist.
    """
    catalog = load_catalog()
    domains = checked(catalog, probe_set, "one_word", trait, domain, language, method)
    try:
        tolerance = float(tolerance)  # `-T tolerance=1e-3` comes as a text: YAML 1.1 asks for 1.0e-3
    except (TypeError, ValueError):
        tolerance = math.nan
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance is not between 0 and 1; {TOLERANCE} is usual")
    probes = catalog.probe_set(probe_set)
    return Task(
        dataset=MemoryDataset(list(samples(catalog, probes, trait, domains, language)), name=probe_set),
        solver=answer_question(NamedAnswerReader(catalog.categories[probes.category]), method, tolerance),
        scorer=preference(trait),
        version=int(probes.version.split("-")[0]),
        metadata={"probe_set": probes.id, "probe_set_version": probes.version, "sha256": probes.sha256},
        headline_metric="preference",
    )


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
