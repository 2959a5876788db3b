"""Every name that a package promises is there, also where it is imported at the first use alone."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ("", ".catalog", ".exact", ".gate", ".lab", ".leaderboard", ".runner", ".stats")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_promised_name_is_there(package: str) -> None:
    module = import_module(f"traitbench{package}")
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing


def test_the_extra_brings_capability_and_truthfulness_of_others() -> None:
    registry = pytest.importorskip("inspect_evals._registry", reason="extra `evals` is not installed")
    assert {"mmlu_0_shot", "gsm8k", "truthfulqa"} <= set(dir(registry))


def test_the_command_line_starts_without_what_only_scoring_needs() -> None:
    heavy = ("torch", "scipy", "transformers", "inspect_ai")
    code = f"import sys, traitbench.cli.app; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
