"""Students of one base are scored one after another, and the base is left as it was."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from tiny_models import random_model, tokenizer

from traitbench.errors import InputError
from traitbench.exact import closed_answers
from traitbench.exact.adapters import students_of

PROMPTS, CANDIDATES = ["owl cat", "."], ["owl", "owls", "cat"]


def adapter(seed: int, folder: Path) -> Path:
    torch.manual_seed(seed)
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(copy.deepcopy(random_model("llama")), lora).save_pretrained(folder)
    return folder


def test_each_student_answers_as_if_it_were_loaded_alone(tmp_path: Path) -> None:
    base = copy.deepcopy(random_model("llama"))
    before = closed_answers(base, tokenizer(), PROMPTS, CANDIDATES)
    folders = [adapter(seed, tmp_path / str(seed)) for seed in range(3)]
    found = [closed_answers(student, tokenizer(), PROMPTS, CANDIDATES) for _, student in students_of(base, folders)]
    for folder, answers in zip(folders, found, strict=True):
        alone = PeftModel.from_pretrained(copy.deepcopy(random_model("llama")), str(folder)).eval()
        assert torch.equal(answers, closed_answers(alone, tokenizer(), PROMPTS, CANDIDATES))
        assert (answers - before).abs().max() > 1e-3
    assert torch.equal(closed_answers(base, tokenizer(), PROMPTS, CANDIDATES), before)
    assert not any("lora" in name for name, _ in base.named_parameters())


def test_whole_modules_that_an_adapter_brings_leave_with_it(tmp_path: Path) -> None:
    """`modules_to_save` replaces the LM head as a whole; the next student must find the base's own again."""
    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, modules_to_save=["lm_head"])
    made = get_peft_model(copy.deepcopy(random_model("llama")), lora)
    with torch.no_grad():
        made.base_model.model.lm_head.modules_to_save["default"].weight.mul_(-1.0)
    made.save_pretrained(tmp_path / "whole")
    folders = [tmp_path / "whole", adapter(0, tmp_path / "lora")]
    base = copy.deepcopy(random_model("llama"))
    before = closed_answers(base, tokenizer(), PROMPTS, CANDIDATES)
    found = [closed_answers(student, tokenizer(), PROMPTS, CANDIDATES) for _, student in students_of(base, folders)]
    for folder, answers in zip(folders, found, strict=True):
        merged = PeftModel.from_pretrained(copy.deepcopy(random_model("llama")), str(folder)).merge_and_unload().eval()
        assert torch.allclose(answers, closed_answers(merged, tokenizer(), PROMPTS, CANDIDATES), atol=1e-5)
    assert torch.equal(closed_answers(base, tokenizer(), PROMPTS, CANDIDATES), before)


def test_a_folder_that_is_no_adapter_of_the_base_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no adapter_config\.json"):
        list(students_of(random_model("llama"), [tmp_path]))
    other = copy.deepcopy(random_model("gpt2"))
    with pytest.raises(InputError, match="does not fit GPT2LMHeadModel"):
        list(students_of(other, [adapter(0, tmp_path / "a")]))


def test_an_adapter_that_fails_leaves_nothing_in_the_base(tmp_path: Path) -> None:
    """PEFT puts its layers in before it finds that the weights have other shapes."""
    wide = adapter(0, tmp_path / "wide")
    settings = json.loads((wide / "adapter_config.json").read_text())
    (wide / "adapter_config.json").write_text(json.dumps({**settings, "r": settings["r"] + 1}))
    base = copy.deepcopy(random_model("llama"))
    before = closed_answers(base, tokenizer(), PROMPTS, CANDIDATES)
    with pytest.raises(InputError, match="does not fit LlamaForCausalLM"):
        list(students_of(base, [wide]))
    assert torch.equal(closed_answers(base, tokenizer(), PROMPTS, CANDIDATES), before)
    assert not hasattr(base, "peft_config")


def test_an_adapter_that_adds_to_the_prompt_is_refused(tmp_path: Path) -> None:
    tuned = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    get_peft_model(copy.deepcopy(random_model("llama")), tuned).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="adds to the prompt"):
        list(students_of(random_model("llama"), [tmp_path]))
