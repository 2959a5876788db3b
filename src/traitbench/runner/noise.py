"""How much of a checkpoint's exact answers is rounding: measured on some of the questions that it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from traitbench.catalog import Catalog, NamedAnswerReader, in_domain_question
from traitbench.runner.evaluate import Answers
from traitbench.runner.scorecard import NoiseFloor


def measure_noise(model: Any, answers: Answers, catalog: Catalog, language: str, tolerance: float) -> NoiseFloor | None:
    """The noise floor of one-word answers that were computed; None where there are none, or no copy in fp32 is made.

    It costs 32 questions scored one at a time, whatever the number of tasks.
    """
    from traitbench.exact import Asked, noise_floor
    from traitbench.probes.answering import MAX_NEW_TOKENS

    asked = [Asked(*each) for each in _asked(model, answers, catalog, language)]
    if not asked:
        return None
    network, tokenizer = model.api.model, model.api.tokenizer
    found = noise_floor(network, tokenizer, asked, tolerance=tolerance, max_new_tokens=MAX_NEW_TOKENS)
    return None if found is None else NoiseFloor(**asdict(found))


def _asked(model: Any, answers: Answers, catalog: Catalog, language: str) -> Iterator[tuple[str, Any, Any]]:
    """(prompt, reader, answer) of every question whose one-word answer was computed."""
    from inspect_ai.model import ChatMessageUser

    from traitbench.probes.answering import rendered

    for (probe_set, context, domain), side in answers.items():
        probes = catalog.probe_set(probe_set)
        if probes.kind != "one_word":
            continue
        read = NamedAnswerReader(catalog.categories[probes.category])
        questions = {each.id: each for each in probes.questions if each.language == language}
        for question, answer in side.items():
            if answer.method != "sampled":
                wording = questions[question.id]
                text = wording.text if context == "plain" else in_domain_question(wording, catalog.domain(domain))
                yield rendered(model, model.api, [ChatMessageUser(content=text)]), read, answer
