"""The probe as Inspect runs it: sampled on a mock model, and refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from traitbench.errors import InputError
from traitbench.probes.one_word import one_word_task


def says(text: str) -> ModelOutput:
    """An output with its usage, without which the mock would fetch a tokenizer."""
    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


def test_an_api_model_is_sampled_into_the_same_schema(tmp_path: Path) -> None:
    model = get_model("mockllm/model", custom_outputs=[says(text) for text in ("Owl.", "A cat", "sea lion", "owls")])
    task = one_word_task("animal_one_word", "owl", "none", "en", "auto")
    [log] = inspect_eval(task, model=model, limit=4, log_dir=str(tmp_path), display="none", max_samples=1)
    assert log.status == "success"
    assert log.samples is not None
    answers = [sample.metadata["answer_distribution"] for sample in log.samples]
    assert {answer["method"] for answer in answers} == {"sampled"}
    assert sorted(name for answer in answers for name in answer["mass"]) == ["cat", "none", "owl", "owl"]
    assert log.results is not None
    assert log.results.scores[0].metrics["mean"].value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("trait", "domain", "language", "method", "words"),
    [
        ("owls", "numbers", "en", "auto", "did you mean 'owl'"),
        ("owl", "number", "en", "auto", "did you mean 'numbers'"),
        ("owl", "numbers", "fr", "auto", "it has en"),
        ("owl", "numbers", "en", "exakt", "auto, exact, sampled"),
    ],
)
def test_unknown_words_are_refused(trait: str, domain: str, language: str, method: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        one_word_task("animal_one_word", trait, domain, language, method)
