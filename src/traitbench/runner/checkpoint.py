"""Which checkpoint is scored: its spelling, its identity, and whether it can be read at all."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from traitbench.errors import InputError
from traitbench.runner.scorecard import ModelIdentity

PLAIN_TEXT = "{% for m in messages %}{{ m['content'] + '\n' }}{% endfor %}"
"""The template behind `--chat-template none`: the text alone, and a line break."""


@dataclass(frozen=True)
class Checkpoint:
    """A model in Inspect's spelling (`hf/org/name`, `hf//abs/path`, `openai/...`), with what is put on it."""

    model: str
    adapter: Path | None = None
    chat_template: str | None = None
    name: str | None = None
    system_prompt: str | None = None

    def __post_init__(self) -> None:
        """Spells a folder of the working directory as the local checkpoint it is: `hf/student` as `hf//…/student`."""
        folder = Path(self.model.removeprefix("hf/"))
        if self.model.startswith("hf/") and not folder.is_absolute() and folder.is_dir():
            folder = folder.resolve()
        if self.model.startswith("hf/") and folder.is_absolute():
            object.__setattr__(self, "model", f"hf/{folder}")  # without a slash at its end

    @property
    def local_path(self) -> Path | None:
        """The directory of a local checkpoint, None for a hub or an API model."""
        return Path(self.model.removeprefix("hf/")) if self.model.startswith("hf//") else None

    @property
    def is_local_model(self) -> bool:
        return self.model.startswith("hf/")

    def template(self) -> str | None:
        """The chat template that was asked for, as text; None for the checkpoint's own."""
        if self.chat_template is None:
            return None
        if self.chat_template == "none":
            return PLAIN_TEXT
        try:
            return Path(self.chat_template).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--chat-template {self.chat_template}: cannot be read ({error})") from None

    def check(self) -> None:
        """Raises `InputError` for a local directory that cannot be scored."""
        if not self.model.startswith("hf/") and Path(self.model).is_dir():
            raise InputError(f"{self.model}: a folder; write hf/{self.model}")
        if "/" not in self.model:
            raise InputError(f"model {self.model!r} names no provider; write hf/org/name or hf//path/to/model")
        if self.adapter is not None and not (self.adapter / "adapter_config.json").is_file():
            raise InputError(f"--adapter {self.adapter}: no adapter_config.json; is this a PEFT adapter?")
        if self.adapter is not None and not self.is_local_model:
            raise InputError(
                f"--adapter {self.adapter}: goes on a local model alone, spelled hf/…, not on {self.model}"
            )
        folder = self.local_path
        if folder is None:
            return
        if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
            raise InputError(f"{folder}: a PEFT adapter; give its base as MODEL, and --adapter {folder}")
        if not (folder / "config.json").is_file():
            raise InputError(f"{folder}: no config.json; is this a model directory of transformers?")
        if not list(folder.glob("*.safetensors")):
            pickled = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")]
            what = f"only pickled weights ({pickled[0].name})" if pickled else "no weights"
            raise InputError(f"{folder}: {what}; save it with safetensors (save_pretrained does)")
        if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
            raise InputError(f"{folder}: no tokenizer; save the tokenizer beside the weights")
        if self.template() is None and not _has_chat_template(folder):
            raise InputError(f"{folder}: no chat template; give --chat-template FILE, or none for plain text")

    def identity(self) -> ModelIdentity:
        """Who the checkpoint is: the sha256 of its weights where they lie on this disk, never their path."""
        folder = self.local_path
        if folder is None:
            _, _, name = self.model.partition("/")
            known = f"local/{Path(name).name}" if name.startswith("/") else name
            return ModelIdentity(
                id=self.name or known,
                adapter=adapter_sha256(self.adapter) if self.adapter else None,
                chat_template_sha256=_sha256(self.template()),
                system_prompt_sha256=_sha256(self.system_prompt),
            )
        dtypes, parameters = _weights_summary(folder)
        template = self.template() or _own_template(folder)
        return ModelIdentity(
            id=self.name or f"local/{folder.name}",
            weights_sha256=weights_sha256(folder),
            dtype=dtypes,
            adapter=adapter_sha256(self.adapter) if self.adapter else None,
            chat_template_sha256=_sha256(template),
            system_prompt_sha256=_sha256(self.system_prompt),
            n_parameters=parameters,
        )

    def settings_sha256(self) -> str | None:
        """Of the files beside a local checkpoint's weights on which its answers depend; None for any other model."""
        folder = self.local_path
        if folder is None:
            return None
        files = [folder / name for name in sorted({*_SETTINGS, *_TOKENIZER_FILES})]
        return _sha256("\n".join(f"{file.name} {_file_sha256(file)}" for file in files if file.is_file()))


def _sha256(text: str | None) -> str | None:
    return hashlib.sha256(text.encode()).hexdigest() if text else None


_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_SETTINGS = ("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json",
             "added_tokens.json", "merges.txt", "chat_template.jinja")  # fmt: skip


def _weight_files(folder: Path) -> list[Path]:
    """The files that transformers reads: shards by their index, the one of its own name, or whatever there is."""
    everything = sorted(folder.glob("*.safetensors"))
    index, whole = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if whole.is_file():
        return [whole]
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return everything
    return [file for file in everything if file.name in named]


def adapter_sha256(folder: Path) -> str:
    """Of a PEFT adapter's weights and of how they are put on; where its base lay is no part of it."""
    try:
        settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        settings.pop("base_model_name_or_path", None)
    except (OSError, ValueError, AttributeError, TypeError):
        raise InputError(f"adapter {folder}: adapter_config.json cannot be read; save the adapter again") from None
    text = f"{weights_sha256(folder)} {json.dumps(settings, sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()


def weights_sha256(folder: Path) -> str:
    """The sha256 of the one safetensors file, or of the list of names and digests where there are several."""
    digests = [(file.name, _file_sha256(file)) for file in _weight_files(folder)]
    if not digests:
        raise InputError(f"{folder}: no safetensors weights")
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in digests).encode()).hexdigest()


def _file_sha256(file: Path) -> str:
    about = file.stat()
    return _digest_of(file, about.st_size, about.st_mtime_ns)


@cache
def _digest_of(file: Path, size: int, changed_ns: int) -> str:
    """The sha256 of a file; many students ask for their base's, and it is read once for as long as it is the same."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _weights_summary(folder: Path) -> tuple[str, int]:
    """(dtypes, number of parameters), from the headers of the safetensors files."""
    dtypes: set[str] = set()
    parameters = 0
    for file in _weight_files(folder):
        try:
            with file.open("rb") as stream:
                size = int.from_bytes(stream.read(8), "little")
                header: dict[str, Any] = json.loads(stream.read(size))
            ends = [8 + size]
            for name, tensor in header.items():
                if name != "__metadata__":
                    dtypes.add(str(tensor["dtype"]))
                    parameters += math.prod(tensor["shape"])
                    ends.append(8 + size + int(tensor["data_offsets"][1]))
        except (ValueError, MemoryError, OverflowError, LookupError, TypeError, AttributeError):
            raise InputError(f"{file}: not a safetensors file, or cut off; copy it again") from None
        if file.stat().st_size < max(ends):
            raise InputError(f"{file}: cut off at {file.stat().st_size} of {max(ends)} bytes; copy it again")
    return "+".join(sorted(dtypes)).lower(), parameters


def _own_template(folder: Path) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    template = config.get("chat_template") if isinstance(config, dict) else None
    return template if isinstance(template, str) else json.dumps(template) if template else None


def _has_chat_template(folder: Path) -> bool:
    return _own_template(folder) is not None
