"""A suite leaves out what does not fit into a checkpoint's context, and says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from traitbench.catalog import Catalog
from traitbench.errors import InputError
from traitbench.runner.checkpoint import Checkpoint
from traitbench.runner.fitting import Fitting, what_fits


def fit(folder: Path, catalog: Catalog, suite: str) -> Fitting:
    chosen = catalog.suite(suite)
    return what_fits([Checkpoint(f"hf/{folder}")], catalog.tasks_of(chosen), chosen.capability, catalog, "en")


def with_context(base: Path, folder: Path, tokens: int) -> Path:
    """The base, with another context in its configuration; nothing is computed with it."""
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    config["n_positions"] = tokens
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_what_is_too_long_is_left_out_with_a_line(base: Path, catalog: Catalog) -> None:
    found = fit(base, catalog, "full")
    kept = {(task.probe_set, task.domain) for task in found.tasks}
    assert ("animal_one_word", "numbers") in kept
    assert found.left_out
    assert all(line.endswith("do not fit into the 128 of 0") for line in found.left_out)
    gone = {line.removeprefix("left out: ").split(":")[0] for line in found.left_out}
    assert not gone & {f"{probe_set}, behind {domain}" for probe_set, domain in kept}


def test_a_long_context_leaves_nothing_out_and_a_tiny_one_is_refused(
    base: Path, catalog: Catalog, tmp_path: Path
) -> None:
    everything = catalog.tasks_of(catalog.suite("full"))
    found = fit(with_context(base, tmp_path / "long", 4096), catalog, "full")
    assert (found.tasks, found.capability, found.left_out) == (everything, "capability_choice", ())
    with pytest.raises(InputError, match="no task of the suite fits"):
        fit(with_context(base, tmp_path / "tiny", 16), catalog, "smoke")
