"""The probe on local models through Inspect's hf provider: exact and sampled answers, adapters, plain text."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model
from transformers import AutoModelForCausalLM, AutoTokenizer

import traitbench
from traitbench.probes.one_word import one_word_task


@pytest.fixture
def copy(base: Path, tmp_path: Path) -> Path:
    """A copy of the lab's first base that a test may change."""
    return Path(shutil.copytree(base, tmp_path / "model"))


def run(folder: Path, log_dir: Path, method: str, **options: Any) -> EvalLog:
    task = one_word_task("animal_one_word", "owl", "none", "en", method)
    model = get_model(f"hf/{folder}", memoize=False)
    [log] = inspect_eval(task, model=model, log_dir=str(log_dir), display="none", log_realtime=False, **options)
    assert log.status == "success", log.error
    return log


def test_sampling_is_not_cut_to_fifty_tokens(copy: Path, tmp_path: Path) -> None:
    """On a nearly uniform model, 300 draws behind the hidden top_k=50 would begin with 50 words at most."""
    model = AutoModelForCausalLM.from_pretrained(copy)
    with torch.no_grad():
        model.transformer.ln_f.weight.mul_(1e-3)
        model.transformer.ln_f.bias.mul_(1e-3)
    model.generation_config.repetition_penalty = 1.3
    model.save_pretrained(copy)
    log = run(copy, tmp_path / "logs", "sampled", epochs=300, limit=1, max_connections=64)
    assert log.samples is not None
    texts = [text for sample in log.samples for text, _ in sample.metadata["answer_distribution"]["answers"]]
    assert len(texts) == 300
    assert len(set(texts)) > 200
    assert len({text.split()[0] for text in texts if text.split()}) > 100
    settings = log.samples[0].metadata["answer_settings"]["neutralised"]
    assert settings["top_k"] == 0
    assert settings["generation_config"]["repetition_penalty"] == 1.3


@pytest.mark.slow
def test_the_sampled_interval_covers_the_exact_value(base: Path, tmp_path: Path) -> None:
    exact = run(base, tmp_path / "exact", "exact")
    sampled = run(base, tmp_path / "sampled", "sampled", epochs=20, max_connections=32)
    assert exact.results is not None
    assert sampled.results is not None
    value = exact.results.scores[0].metrics["mean"].value
    metrics = sampled.results.scores[0].metrics
    [low] = [each.value for name, each in metrics.items() if "lower" in name]
    [high] = [each.value for name, each in metrics.items() if "upper" in name]
    assert low <= value <= high


def test_exact_mode_loads_the_model_once(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = AutoModelForCausalLM.from_pretrained

    def counting(*args: Any, **kwargs: Any) -> Any:
        loads.append(args)
        return load(*args, **kwargs)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", counting)
    run(base, tmp_path, "exact", limit=3)
    assert len(loads) == 1


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    """A LoRA adapter of the base, far from zero; both of its matrices are drawn from a seed."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base)
    config = LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True, task_type="CAUSAL_LM")
    adapted = get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.copy_(0.3 * torch.randn(weight.shape))
    folder = tmp_path / "adapter"
    adapted.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    merged = tmp_path / "merged"
    adapted.merge_and_unload().save_pretrained(merged)
    AutoTokenizer.from_pretrained(base).save_pretrained(merged)
    return folder


def test_an_adapter_scores_like_the_merged_model(base: Path, adapter: Path, tmp_path: Path) -> None:
    tasks = ["owl-numbers"]
    plain = traitbench.score(f"hf/{base}", tasks=tasks)
    merged = traitbench.score(f"hf/{tmp_path / 'merged'}", tasks=tasks)
    adapted = traitbench.score(f"hf/{base}", adapter=adapter, tasks=tasks)
    assert adapted.tasks[0].estimate == pytest.approx(merged.tasks[0].estimate, abs=1e-5)
    assert abs(adapted.tasks[0].estimate - plain.tasks[0].estimate) > 1e-3
    assert adapted.model.adapter is not None
    assert adapted.model.weights_sha256 == plain.model.weights_sha256


def test_inspect_takes_an_adapter_directory_as_a_model(adapter: Path, tmp_path: Path) -> None:
    log = run(adapter, tmp_path / "one", "exact", limit=6)
    merged = run(tmp_path / "merged", tmp_path / "two", "exact", limit=6)
    assert log.results is not None
    assert merged.results is not None
    value, expected = (each.results.scores[0].metrics["mean"].value for each in (log, merged) if each.results)
    assert value == pytest.approx(expected, abs=1e-5)


def test_a_base_without_a_chat_template_is_scored_as_plain_text(copy: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(copy)
    (copy / "chat_template.jinja").unlink(missing_ok=True)
    card = traitbench.score(f"hf/{copy}", tasks=["owl-numbers"], chat_template="none")
    assert card.model.chat_template_sha256 is not None
    assert card.tasks[0].bounds[0] <= card.tasks[0].estimate <= card.tasks[0].bounds[1]
