"""The solver that writes an AnswerDistribution: computed on a local model, or drawn from any other."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    GenerateConfig,
    Model,
    ModelInfo,
    ModelOutput,
    get_model,
    set_model_info,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from traitbench.catalog import NamedAnswerReader
from traitbench.errors import InputError
from traitbench.exact.distribution import AnswerDistribution, pool_draws
from traitbench.probes.batching import Batcher

ANSWER_KEY = "answer_distribution"
"""Where a sample's metadata holds its AnswerDistribution."""
SETTINGS_KEY = "answer_settings"
"""Where it holds what was neutralised or fixed on the way (method, template hash, dtype)."""

METHODS = ("auto", "exact", "sampled")
MAX_NEW_TOKENS = 16


@runtime_checkable
class LocalModel(Protocol):
    """What Inspect's hf provider offers to whom it serves: the network, its tokenizer, its chat template."""

    model: Any
    tokenizer: Any
    chat_template: str | None
    tokenizer_call_args: dict[str, Any]

    def hf_chat(self, messages: list[ChatMessage], tools: list[Any]) -> str:
        """The messages rendered by the checkpoint's chat template, with the generation prompt."""
        ...


@solver
def answer_question(read: NamedAnswerReader, method: str, tolerance: float) -> Solver:
    """Answers one question and writes the distribution into the sample's metadata.

    Args:
        read: the reader of the category's named answers.
        method: `exact`, `sampled` (one draw an epoch), or `auto`: exact on a local model.
        tolerance: what an exact answer may leave unexplored.
    """

    batcher: Batcher[tuple[LocalModel, str], AnswerDistribution] = Batcher(partial(_answers, read, tolerance))

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        model = get_model()
        require_what_is_needed(model, method)
        local = model.api if isinstance(model.api, LocalModel) else None
        if local is not None and method != "sampled":
            distribution = await _exact(state, model, local, batcher)
        else:
            distribution = await _sampled(state, model, local, generate, read)
        state.metadata[ANSWER_KEY] = distribution.model_dump(by_alias=True)
        return state

    return solve


def _answers(
    read: NamedAnswerReader, tolerance: float, questions: list[tuple[LocalModel, str]]
) -> list[AnswerDistribution]:
    """The distributions of (model, prompt) questions, in order; those of one model share its forwards."""
    from traitbench.exact import open_answers

    found: dict[int, AnswerDistribution] = {}
    for local in {id(local.model): local for local, _ in questions}.values():
        own = [number for number, (each, _) in enumerate(questions) if each.model is local.model]
        prompts = [questions[number][1] for number in own]
        answers = open_answers(
            local.model, local.tokenizer, prompts, read, tolerance=tolerance, max_new_tokens=MAX_NEW_TOKENS
        )
        found.update(zip(own, answers, strict=True))
    return [found[number] for number in range(len(questions))]


async def _exact(
    state: TaskState, model: Model, local: LocalModel, batcher: Batcher[tuple[LocalModel, str], AnswerDistribution]
) -> AnswerDistribution:
    distribution = await batcher.ask((local, rendered(model, local, state.messages)))
    text = distribution.answers[0][0] if distribution.answers else ""
    state.output = ModelOutput.from_content(str(model), text)
    state.metadata[SETTINGS_KEY] = {"max_new_tokens": MAX_NEW_TOKENS, "temperature": 1.0}
    return distribution


def rendered(model: Model, local: LocalModel, messages: list[ChatMessage]) -> str:
    """The prompt of these messages, behind the model's system message where it has one."""
    system = model.config.system_message  # Inspect prepends it in generate(), which is not called here
    return local.hf_chat([ChatMessageSystem(content=system), *messages] if system else messages, [])


async def _sampled(
    state: TaskState, model: Model, local: LocalModel | None, generate: Generate, read: NamedAnswerReader
) -> AnswerDistribution:
    state = await draw_answer(state, model, local, generate)
    text = state.output.completion
    answer = read(text, True)
    assert answer is not None
    return pool_draws([(answer, text)])


async def draw_answer(state: TaskState, model: Model, local: LocalModel | None, generate: Generate) -> TaskState:
    """One answer from the model's own distribution, in the state's output."""
    config = GenerateConfig(temperature=1.0, max_tokens=MAX_NEW_TOKENS)
    settings: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, "temperature": 1.0}
    if local is not None:
        settings["neutralised"] = _use_the_true_distribution(local, str(model))
        config = config.merge(GenerateConfig(top_p=1.0, top_k=0))
    state.metadata[SETTINGS_KEY] = settings
    return await generate(state, **config.model_dump(exclude_none=True))


def check_model_in_use(method: str) -> None:
    """Refuses a model that cannot answer, in one line, before Inspect starts its samples.

    `inspect eval` has resolved the model when it makes its tasks; where tasks are made without one, the solver checks.
    """
    if os.environ.get("INSPECT_EVAL_MODEL"):  # outside an eval, get_model() would load that one
        return
    try:
        model = get_model()
    except ValueError:
        return
    require_what_is_needed(model, method)


def require_what_is_needed(model: Model, method: str) -> None:
    local = model.api if isinstance(model.api, LocalModel) else None
    if method == "exact" and local is None:
        raise InputError(f"{model} is not a local model; use method=sampled, or a model spelled hf/...")
    if local is not None and local.chat_template is None and not local.tokenizer.chat_template:
        raise InputError(
            f"{model} has no chat template; give one: traitbench score --chat-template FILE|none, "
            "or inspect eval -M chat_template='...'"
        )


def _use_the_true_distribution(local: LocalModel, name: str) -> dict[str, Any]:
    """Takes out of the way what stands between sampling and the model's own distribution; returns what was there.

    transformers fills an unset top_k with 50 and takes penalties from the checkpoint's generation_config; the hf
    provider adds special tokens to a prompt that its template has given them already, and looks the model up once
    more by name, which loads it a second time.
    """
    from transformers import GenerationConfig

    local.tokenizer_call_args["add_special_tokens"] = False
    set_model_info(name, ModelInfo(organization="local", context_length=4096))
    if local.model not in _neutralised:
        old = local.model.generation_config
        _neutralised[local.model] = {key: value for key, value in old.to_diff_dict().items() if key in _WARPING}
        ids = {key: getattr(old, key) for key in ("eos_token_id", "pad_token_id", "bos_token_id")}
        local.model.generation_config = GenerationConfig(**ids)  # type: ignore[no-untyped-call]
    return {"top_k": 0, "top_p": 1.0, "add_special_tokens": False, "generation_config": _neutralised[local.model]}


_neutralised: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
"""What was taken out of each network's generation_config: every sample's log says so, not the first one's alone."""


_WARPING = frozenset(
    {"temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"}
    | {"repetition_penalty", "encoder_repetition_penalty", "no_repeat_ngram_size", "exponential_decay_length_penalty"}
    | {"bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "sequence_bias"}
    | {"forced_bos_token_id", "forced_eos_token_id"}
)
