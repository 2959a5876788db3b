"""Reads and writes lab models as ordinary Hugging Face directories, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from traitbench.errors import InputError
from traitbench.files import write_fault

BASES = Path(__file__).parent / "bases"
"""The bases that ship with the package, one folder for each seed: 0, 1, 2."""


def shipped_bases() -> list[int]:
    """The numbers of the bases that ship with the package."""
    return sorted(int(folder.name) for folder in BASES.iterdir() if folder.name.isdigit())


def base_folder(base: int) -> Path:
    """The folder of a shipped base; `InputError` where there is none of that number."""
    if base not in shipped_bases():
        known = ", ".join(map(str, shipped_bases()))
        raise InputError(f"unknown base {base}; the lab ships {known} (traitbench lab pretrain makes another)")
    return BASES / str(base)


def load_checkpoint(folder: Path) -> tuple[GPT2LMHeadModel, PreTrainedTokenizerFast]:
    """The model, fp32 and in evaluation mode, and its tokenizer."""
    with _no_progress_bar():
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert isinstance(model, GPT2LMHeadModel)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    model.train(False)
    return model, tokenizer


def save_checkpoint(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes weights (safetensors), configuration, tokenizer and chat template; replaces what was there."""
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    with written_aside(folder) as aside, _no_progress_bar():
        model.save_pretrained(aside)
        tokenizer.save_pretrained(aside, save_jinja_files=False)


def copy_checkpoint(source: Path, folder: Path) -> None:
    """Copies a checkpoint's files; replaces what was there."""
    with written_aside(folder) as aside:
        for file in sorted(source.iterdir()):
            shutil.copyfile(file, aside / file.name)


def check_place(folder: Path) -> Path:
    """The folder, absolute; `InputError`, before hours of training, where something else than a model stands there."""
    folder = folder.resolve()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "config.json").is_file()):
        raise InputError(f"{folder}: holds something else than a model; name a new folder with --out")
    return folder


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Keeps transformers from drawing a progress bar over a model that is read in milliseconds."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def written_aside(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which takes its place when the block has ended well, and else disappears.

    Raises:
        InputError: the place cannot be written.
        InfrastructureError: the disk is full, or fails.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise write_fault(folder, error) from None
    try:
        yield aside
        # Temporary folders and safetensors files are private to their owner; a product is for everyone to
        # read.
        aside.chmod(0o755)
        for file in aside.iterdir():
            file.chmod(0o644)
        if folder.exists():
            old = aside.with_name(aside.name + ".old")
            os.replace(folder, old)
            os.replace(aside, folder)
            shutil.rmtree(old)
        else:
            os.replace(aside, folder)
    except OSError as error:
        raise write_fault(folder, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
