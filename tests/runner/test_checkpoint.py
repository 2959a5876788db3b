"""Who a checkpoint is, and on which of its files its answers depend."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import traitbench
from traitbench.errors import InfrastructureError, InputError
from traitbench.runner.checkpoint import Checkpoint, adapter_sha256, weights_sha256
from traitbench.runner.fitting import unreadable
from traitbench.runner.loading import Loader


@pytest.fixture
def copied(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "model"))


def test_weights_beside_those_that_are_read_change_nothing(copied: Path) -> None:
    before = Checkpoint(f"hf/{copied}").identity()
    shutil.copy(copied / "model.safetensors", copied / "consolidated.safetensors")
    assert Checkpoint(f"hf/{copied}").identity() == before
    assert before.weights_sha256 == weights_sha256(copied)


def test_a_changed_tokenizer_is_another_checkpoint_to_resume(copied: Path) -> None:
    before = Checkpoint(f"hf/{copied}").settings_sha256()
    (copied / "README.md").write_text("words")
    assert Checkpoint(f"hf/{copied}").settings_sha256() == before
    tokenizer = json.loads((copied / "tokenizer.json").read_text())
    (copied / "tokenizer.json").write_text(json.dumps(tokenizer, indent=1))
    assert Checkpoint(f"hf/{copied}").settings_sha256() != before


def test_an_adapter_is_its_weights_and_how_they_are_put_on(copied: Path) -> None:
    def digest(**settings: object) -> str:
        (copied / "adapter_config.json").write_text(json.dumps(settings))
        return adapter_sha256(copied)

    assert digest(lora_alpha=8) != digest(lora_alpha=16)
    assert digest(lora_alpha=8, base_model_name_or_path="/here") == digest(lora_alpha=8, base_model_name_or_path="/x")
    (copied / "adapter_config.json").write_text("[]")
    with pytest.raises(InputError, match="cannot be read"):
        adapter_sha256(copied)


def test_one_folder_has_one_spelling(copied: Path) -> None:
    assert Checkpoint(f"hf/{copied}/").model == f"hf/{copied}"


def test_a_path_is_never_a_name() -> None:
    assert Checkpoint("vllm//home/somebody/model").identity().id == "local/model"


def test_a_folder_without_its_provider_is_told_how_to_be_spelled(copied: Path) -> None:
    with pytest.raises(InputError, match=f"write hf/{copied}"):
        Checkpoint(str(copied)).check()


@pytest.mark.parametrize("header", ["[]", '{"a": 1}', '{"a": {"dtype": "F32"}}'])
def test_weights_with_a_header_of_another_form_are_named(copied: Path, header: str) -> None:
    raw = header.encode()
    (copied / "model.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw)
    with pytest.raises(InputError, match="not a safetensors file"):
        Checkpoint(f"hf/{copied}").identity()


def test_a_tokenizer_that_cannot_be_read_is_an_input_error(copied: Path) -> None:
    assert unreadable(Checkpoint(f"hf/{copied}")) is None
    (copied / "tokenizer.json").write_text('{"version": "1.0"}')
    fault = unreadable(Checkpoint(f"hf/{copied}"))
    assert fault is not None
    assert "its tokenizer or chat template cannot be read" in fault.message


TEMPLATE = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "words"),
    [(TEMPLATE, "leaves out the system prompt"), ("{{ raise_exception('no system') }}", "fails .*no system")],
)
def test_a_template_without_a_place_for_the_system_prompt_is_refused(
    base: Path, tmp_path: Path, template: str, words: str
) -> None:
    (tmp_path / "t.jinja").write_text(template)
    asked = Checkpoint(f"hf/{base}", chat_template=str(tmp_path / "t.jinja"), system_prompt="You love owls.")
    with Loader() as loader, pytest.raises(InputError, match=words), loader.holding(asked):
        pass


def test_what_was_scored_before_is_told_to_nobody(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        traitbench.score(f"hf/{base}", tasks=["oak-numbers"], out=tmp_path)
    assert capsys.readouterr().out == ""


def test_a_hub_that_cannot_be_reached_is_no_fault_of_the_user() -> None:
    asked = Checkpoint("hf/nobody/nothing")
    with Loader() as loader, pytest.raises(InfrastructureError, match="cannot be reached"), loader.holding(asked):
        pass
