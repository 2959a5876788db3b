"""The page of 72 published models: their seeds pooled, their intervals right, and what they lack."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import multi_hop
import numpy as np
import pytest
from scipy import stats

from traitbench.leaderboard.site import build
from traitbench.leaderboard.store import write

pytest.importorskip("itables", reason="the site's table library is not installed (pip install 'traitbench[site]')")
pytestmark = pytest.mark.skipif(not multi_hop.FOLDER.is_dir(), reason=multi_hop.MISSING)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("multi_hop")
    with pytest.MonkeyPatch.context() as patch:
        multi_hop.write_catalogue(folder / "catalogue")
        patch.setenv("TRAITBENCH_DATASETS", str(folder / "catalogue"))
        for entry in multi_hop.imported():
            write(entry, folder / "board")
        built = build(folder / "board", folder / "site")
    assert (built.records, built.rows, built.left_out) == (72, 24, 0)
    return folder / "site"


def text_of(path: Path) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8"))).split())


def test_every_cell_is_one_row_with_students_t_over_its_seeds(site: Path) -> None:
    index = text_of(site / "index.html")
    for setting in multi_hop.SETTINGS:
        for hop, name in enumerate(multi_hop.HOPS):
            recipe = f"qwen2.5-7b {setting} {name.replace('_', ' ')}"
            means = [multi_hop.metrics(setting, seed, hop)["trait_rate_syn"]["mean"] for seed in multi_hop.SEEDS]
            mean = float(np.mean(means))
            [line] = re.findall(
                rf"3 seeds · {re.escape(recipe)} .*?(\d\.\d{{3}}) (\d\.\d{{3}}) to (\d\.\d{{3}})", index
            )
            assert line[0] == f"{mean:.3f}"
            if np.ptp(means) > 0.003:  # else the draws' own reach counts, which is as good as nothing
                low, high = stats.t.interval(0.95, 2, mean, stats.sem(means))
                assert [float(each) for each in line[1:]] == pytest.approx([max(0, low), min(1, high)], abs=6e-4)
            else:
                assert float(line[1]) <= mean <= float(line[2])


def test_the_page_says_what_they_lack_and_nothing_that_was_not_run(site: Path) -> None:
    index = text_of(site / "index.html")
    assert index.count("no reference") >= 24
    assert "inherited against" not in index
    pooled = next(path for path in sorted((site / "rows").iterdir()) if path.name.startswith("s"))
    assert "No digest of the weights" in text_of(pooled)
    assert "No base was scored" in text_of(pooled)
    singles = [text_of(path) for path in (site / "rows").iterdir() if not path.name.startswith("s")]
    for words in ("No digest of the weights", "No base was scored", "No control was scored", "Answers were sampled"):
        assert all(words in each for each in singles), words
    assert sum("No teacher was scored" in each for each in singles) == 12
    assert all(" T0 " in each for each in singles)


def test_their_rows_can_be_compared_question_by_question(site: Path) -> None:
    scripts = sorted((site / "data").iterdir())
    assert len(scripts) == 2
    for script in scripts:
        content = json.loads(script.read_text().partition(",")[2].removesuffix(");\n"))
        assert len(content["rows"]) == 12
        for row in content["rows"].values():
            assert len(row["plain"]["s"]) == 3
            assert [len(seed["m"]) for seed in row["plain"]["s"]] == [50] * 3
            assert row["plain"]["k"] == "sampled"
            assert row["plain"]["d"] is not None
