"""What was it scored with: versions, hardware and the commit of traitbench itself. No path, no user, no host."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import traitbench

_PACKAGES = ("traitbench", "inspect-ai", "transformers", "torch")


def environment() -> dict[str, str]:
    """Of this process; `git_commit` only where traitbench runs from a checkout, with `+dirty` where it was changed."""
    found = {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
    found["system"] = platform.system()
    found["hardware"] = _hardware()
    commit = _commit()
    if commit is not None:
        found["git_commit"] = commit
    return found


def _hardware() -> str:
    from torch import cuda

    if cuda.is_available():
        return f"{cuda.device_count()} x {cuda.get_device_name(0)}, CUDA {_cuda()}"
    return f"CPU, {os.cpu_count()} x {platform.machine()}"


def _cuda() -> str:
    import torch

    return str(torch.version.cuda or torch.version.hip or "unknown")


def _commit() -> str | None:
    """The commit of the checkout that holds this package; None for an installed wheel."""
    root = Path(traitbench.__file__).parents[2]
    if not (root / "src" / "traitbench").is_dir() or not (root / ".git").exists():
        return None
    try:
        said = [
            subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True)
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    return said[0].stdout.strip() + ("+dirty" if said[1].stdout.strip() else "")
