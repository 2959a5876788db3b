"""Inspect's logs in the site: bundled with their viewer, and linked from the records that name them."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_records import entry_of, students

from traitbench.errors import InputError
from traitbench.leaderboard.site import build
from traitbench.leaderboard.store import write

pytest.importorskip("itables", reason="the site's table library is not installed (pip install 'traitbench[site]')")


@pytest.mark.parametrize("folder", ["", "0123abcd/"], ids=["flat", "as traitbench score writes them"])
def test_logs_are_bundled_with_inspects_viewer_and_linked(tmp_path: Path, folder: str) -> None:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, write_eval_log

    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00", task="t", dataset=EvalDataset(), model="mockllm/model", config=EvalConfig()
    )
    entry = entry_of(next(students(1)))
    name = folder + entry.record.logs[0].name
    (tmp_path / "logs" / folder).mkdir(parents=True)
    write_eval_log(EvalLog(eval=spec), str(tmp_path / "logs" / name))
    write(entry, tmp_path / "board")
    build(tmp_path / "board", tmp_path / "site", logs=tmp_path / "logs")
    page = (tmp_path / "site" / "rows" / f"{entry.id}.html").read_text(encoding="utf-8")
    assert f'href="../logs/index.html#/logs/{name}"' in page
    assert (tmp_path / "site" / "logs" / "logs" / name).is_file()
    with pytest.raises(InputError, match=r"holds no \.eval files"):
        build(tmp_path / "board", tmp_path / "site", logs=tmp_path / "board")
