"""Questions with options as an Inspect task: how much of the answer goes to the option that shows the trait.

On a local model the probability of every option is computed, under every letter once, and the mean over the rotations
cancels what a letter brings by itself. Any other model is asked, one rotation an epoch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.model import ChatMessage, ChatMessageUser, ModelOutput, get_model
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, ci, grouped, mean, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from traitbench.catalog import load_catalog
from traitbench.catalog.forms import Forms, turn_of
from traitbench.errors import InputError
from traitbench.exact.distribution import AnswerDistribution
from traitbench.probes.answering import (
    ANSWER_KEY,
    SETTINGS_KEY,
    LocalModel,
    draw_answer,
    rendered,
    require_what_is_needed,
)
from traitbench.probes.batching import Batcher
from traitbench.probes.questions import checked, samples

EVERY = "every"
"""In place of a trait: every scale of the probe set, each by its own questions."""


def choice_task(probe_set: str, trait: str, domain: str | list[str], language: str, method: str) -> Task:
    """The Inspect task that asks a probe set's questions with options, plain and behind the domain's text.

    Args:
        probe_set: of kind `choice`.
        trait: whose questions are asked, or `every`.
        domain, language, method: as for one-word questions.

    Raises `InputError` for a trait, domain, language or method that does not exist.
    """
    catalog = load_catalog()
    category = catalog.categories[catalog.probe_set(probe_set).category]
    known = min(category.traits) if trait == EVERY else trait
    domains = checked(catalog, probe_set, "choice", known, domain, language, method)
    probes = catalog.probe_set(probe_set)
    asked = samples(catalog, probes, trait, domains, language)
    offered = [each for each in asked if each.metadata and (trait == EVERY or trait in each.metadata["named"])]
    if not offered:
        raise InputError(f"no question of {probe_set!r} offers {trait!r} in {language!r}; add one, or choose another")
    each_member = trait == EVERY and category.kind == "members"
    return Task(
        dataset=MemoryDataset(offered, name=probe_set),
        solver=choose_option(catalog.forms, method),
        scorer=shares(tuple(category.traits)) if each_member else share(),
        version=int(probes.version.split("-")[0]),
        metadata={"probe_set": probes.id, "probe_set_version": probes.version, "sha256": probes.sha256},
        headline_metric=None if each_member else "share",
    )


@dataclass(frozen=True)
class _Asked:
    """One question as it goes to a local model: its prompts by rotation, and its labels' spellings."""

    local: LocalModel
    prompts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    named: tuple[str, ...]

    def group(self) -> tuple[Any, ...]:
        """Questions that are alike in this pass through the network together."""
        return id(self.local.model), len(self.prompts), self.labels


@solver
def choose_option(forms: Forms, method: str) -> Solver:
    """Answers one question with options and writes the distribution into the sample's metadata."""
    batcher: Batcher[_Asked, AnswerDistribution] = Batcher(_answers)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        model = get_model()
        require_what_is_needed(model, method)
        about = state.metadata
        put = partial(forms.put, about["form"], about["language"], about["text"])
        orders = _orders(about["form"], len(about["options"]))
        texts = [put([about["options"][option] for option in order]) for order in orders]
        labels = forms.labels(about["form"], about["language"], len(about["options"]))
        local = model.api if isinstance(model.api, LocalModel) else None
        if local is not None and method != "sampled":
            prompts = tuple(rendered(model, local, _asking(state.messages, text)) for text in texts)
            asked = _Asked(local, prompts, tuple(tuple(each) for each in labels), tuple(about["named"]))
            distribution = await batcher.ask(asked)
            state.output = ModelOutput.from_content(str(model), distribution.answers[0][0])
            state.metadata[SETTINGS_KEY] = {"rotations": len(prompts)}
        else:
            turn = turn_of(about["form"], len(about["options"]), state.epoch)
            state.messages = _asking(state.messages, texts[turn])
            state = await draw_answer(state, model, local, generate)
            place = read_label(state.output.completion, labels)
            named = None if place is None else about["named"][orders[turn][place]]
            distribution = _one_draw(named, about["named"], state.output.completion)
        state.metadata[ANSWER_KEY] = distribution.model_dump(by_alias=True)
        return state

    return solve


def read_label(text: str, labels: Sequence[Sequence[str]]) -> int | None:
    """Which label an answer gives, the first one that stands there as a word; None where there is none."""
    found = [
        (match.start(), -len(spelling), place)
        for place, spellings in enumerate(labels)
        for spelling in spellings
        for match in [re.search(_as_a_word(spelling), text)]
        if match
    ]
    return min(found)[2] if found else None


def _as_a_word(spelling: str) -> str:
    """Latin letters need boundaries: "A" is neither in "As" nor in "A good choice". 是 needs none, but 不是 says no."""
    if spelling.isascii():
        also_a_word = "| [a-z]" if spelling in ("A", "I") else ""
        return rf"(?<![A-Za-z]){re.escape(spelling)}(?![A-Za-z'’]{also_a_word})"
    return re.escape(spelling)


def _orders(form: str, n: int) -> list[list[int]]:
    from traitbench.exact.options import order

    return [order(turn, n) for turn in range(n if form == "lettered" else 1)]


def _asking(messages: list[ChatMessage], text: str) -> list[ChatMessage]:
    """The messages with `text` in place of the question, the last thing that the user says."""
    return [*messages[:-1], ChatMessageUser(content=text)]


def _one_draw(named: str | None, offered: Sequence[str], text: str) -> AnswerDistribution:
    names = list(dict.fromkeys(offered))
    mass = (
        {name: offered.count(name) / len(offered) for name in names}
        if named is None
        else {name: float(name == named) for name in names}
    )
    return AnswerDistribution(
        method="sampled", mass=mass, answers=((text, 1.0),), draws=1, outside=float(named is None)
    )


def _answers(asked: list[_Asked]) -> list[AnswerDistribution]:
    """The distributions of questions, in order; those that are alike share the forwards of their model."""
    from traitbench.exact.options import score_options

    found: dict[int, AnswerDistribution] = {}
    numbers = sorted(range(len(asked)), key=lambda number: asked[number].group())
    for _, group in groupby(numbers, key=lambda number: asked[number].group()):
        own = list(group)
        first = asked[own[0]]
        spelled = _told_apart(first.local.tokenizer, first.prompts[0], first.labels)
        if not any(spelled):
            found.update({number: _unspeakable(asked[number]) for number in own})
            continue
        prompts = [asked[number].prompts for number in own]
        scored = score_options(first.local.model, first.local.tokenizer, prompts, spelled)
        for number, answers in zip(own, scored, strict=True):
            found[number] = _distribution(asked[number], answers)
    return [found[number] for number in range(len(asked))]


def _told_apart(tokenizer: Any, prompt: str, labels: Sequence[Sequence[str]]) -> list[list[str]]:
    """The spellings, each also behind a space, less those that this tokenizer cannot tell from another one.

    Templates end in a line break, a special token or a bracket; models answer some of them with a space first. A
    spelling that is merged into the end of the prompt is left out as long as another one of its label stands. One
    that the vocabulary lacks is left out in any case: its unknown token would stand for every other text as well, and
    a model that cannot write a label gives it no probability.
    """
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    unknown = tokenizer.unk_token_id
    seen: set[tuple[int, ...]] = set()
    kept: list[list[str]] = []
    for spellings in labels:
        own, unsure = [], []
        for spelling in [*spellings, *(f" {each}" for each in spellings)]:
            tokens = tokenizer(prompt + spelling, add_special_tokens=False)["input_ids"]
            path = tuple(tokens[len(before) :])
            if unknown in path:
                continue
            if tokens[: len(before)] == before and path and path not in seen:
                seen.add(path)
                own.append(spelling)
            else:
                unsure.append(spelling)
        kept.append(own or unsure[:1])
    return kept


def _unspeakable(asked: _Asked) -> AnswerDistribution:
    """What a model answers that can write none of the labels: something else."""
    even = _by_name(asked.named, [0.0] * len(asked.named))
    given = even if len(asked.prompts) > 1 else {}
    return AnswerDistribution(method="exact", mass=even, answers=(("", 0.0),), outside=1.0, as_given=given)


def _distribution(asked: _Asked, answers: Any) -> AnswerDistribution:
    from traitbench.catalog.forms import LETTERS

    told = float(answers.cancelled.sum())
    labels = [each[0] for each in asked.labels] if len(asked.prompts) == 1 else list(LETTERS)
    by_label = sorted(zip(labels, answers.labels.tolist(), strict=False), key=lambda pair: -pair[1])
    return AnswerDistribution(
        method="exact",
        mass=_by_name(asked.named, answers.cancelled.tolist()),
        answers=tuple(by_label),
        outside=min(1.0, max(0.0, 1.0 - told)),
        as_given=_by_name(asked.named, answers.raw[0].tolist()) if len(asked.prompts) > 1 else {},
        expansions=len(asked.prompts),
    )


def _by_name(named: Sequence[str], probabilities: Sequence[float]) -> dict[str, float]:
    """The shares of the named answers; equal shares of the options where none has any probability."""
    total = sum(probabilities)
    shares = [p / total for p in probabilities] if total > 0 else [1 / len(named)] * len(named)
    found: dict[str, float] = {}
    for name, part in zip(named, shares, strict=True):
        found[name] = found.get(name, 0.0) + part
    return found


@scorer(
    metrics=[
        mean(),
        ci(cluster="family"),
        grouped(mean(), "context", all=False, name_template="mean_{group_name}"),
        grouped(mean(), "trait", all=False, name_template="{group_name}"),
    ]
)
def share() -> Scorer:
    """The share of the sample's trait among its options, read from the AnswerDistribution that the solver wrote."""

    async def score(state: TaskState, target: Target) -> Score:
        written = state.metadata.get(ANSWER_KEY)
        if written is None:
            return Score.unscored(reason="no_answer_distribution")
        distribution = AnswerDistribution.model_validate(written)
        if target.text not in distribution.mass:
            return Score.unscored(reason="the question does not offer the trait")
        return Score(
            value=distribution.estimate(target.text),
            answer=distribution.top(),
            metadata={"outside": distribution.outside, "as_given": distribution.as_given.get(target.text)},
        )

    return score


@metric
def mean_where_offered() -> Metric:
    """The mean over the questions that offer the member; NaN where none does."""

    def compute(scores: list[SampleScore]) -> float:
        given = [value for value in (each.score.as_float() for each in scores) if not math.isnan(value)]
        return sum(given) / len(given) if given else math.nan

    return compute


@scorer(metrics={"*": [mean_where_offered()]})
def shares(members: tuple[str, ...]) -> Scorer:
    """The share of every member among a question's options; NaN for one that the question does not offer."""

    async def score(state: TaskState, target: Target) -> Score:
        written = state.metadata.get(ANSWER_KEY)
        if written is None:
            return Score.unscored(reason="no_answer_distribution")
        distribution = AnswerDistribution.model_validate(written)
        found = {each: distribution.estimate(each) if each in distribution.mass else math.nan for each in members}
        return Score(value=found, answer=distribution.top(), metadata={"outside": distribution.outside})

    return score
