"""The published results of 72 models as records: their figures, what they lack, and their seeds pooled."""

from __future__ import annotations

from pathlib import Path

import multi_hop
import numpy as np
import pytest
from scipy import stats

from traitbench.leaderboard import read_stored, verify
from traitbench.leaderboard.pooling import pool_seeds
from traitbench.leaderboard.store import write

pytestmark = pytest.mark.skipif(not multi_hop.FOLDER.is_dir(), reason=multi_hop.MISSING)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """The board of all 72, under the catalogue that has the published questions."""
    folder = tmp_path_factory.mktemp("multi_hop")
    with pytest.MonkeyPatch.context() as patch:
        multi_hop.write_catalogue(folder / "catalogue")
        patch.setenv("TRAITBENCH_DATASETS", str(folder / "catalogue"))
        for entry in multi_hop.imported():
            write(entry, folder / "board")
        yield folder / "board"


def test_all_are_declared_and_say_what_they_lack(published: Path) -> None:
    found = verify(published)
    assert len(found) == 72
    assert {each.tier for each in found} == {"T0"}, [each.line for each in found if each.fault]
    assert {each.why for each in found} == {"its figures follow from its items; the weights have no known sha256"}
    teachers = [each.record for each in found if each.record and each.record.references.teacher is None]
    assert len(teachers) == 12
    assert all(each.model.system_prompt_sha256 for each in teachers)
    assert {each.record.references.base for each in found if each.record} == {None}


def test_their_figures_are_the_published_ones(published: Path) -> None:
    by_name = {each.record.model.id: each.record for each in read_stored(published)}
    for setting in multi_hop.SETTINGS:
        for seed in multi_hop.SEEDS:
            for hop, name in enumerate(multi_hop.HOPS):
                record = by_name[f"ArnelMalubay/qwen2.5-7b-{setting}-seed{seed}-{name.replace('_', '-')}"]
                said = multi_hop.metrics(setting, seed, hop)["trait_rate_syn"]
                [found] = record.measurements
                assert found.estimate == pytest.approx(said["mean"], abs=1e-9)
                assert found.n_families == said["n_questions"]
                low, high = found.ci
                # no narrower than the draws allow, where every answer was the same
                assert low <= max(0.0, said["ci_low"]) + 1e-9
                assert high >= min(1.0, said["ci_high"]) - 1e-9


def test_their_seeds_are_pooled_with_students_t_on_the_seed_means(published: Path) -> None:
    cells = {each.recipe: each for each in pool_seeds(read_stored(published))}
    assert len(cells) == 24
    for setting in multi_hop.SETTINGS:
        for hop, name in enumerate(multi_hop.HOPS):
            cell = cells[f"qwen2.5-7b {setting} {name.replace('_', ' ')}"]
            means = [multi_hop.metrics(setting, seed, hop)["trait_rate_syn"]["mean"] for seed in multi_hop.SEEDS]
            assert [each.record.declared.training_seed for each in cell.members] == list(multi_hop.SEEDS)
            assert cell.estimates == pytest.approx(means)
            assert cell.estimate == pytest.approx(np.mean(means))
            if np.ptp(means) == 0:
                assert cell.ci == (cell.estimate, cell.estimate)
                continue
            low, high = stats.t.interval(0.95, 2, np.mean(means), stats.sem(means))
            assert cell.ci == pytest.approx((max(0.0, low), min(1.0, high)))
    # cat after six epochs and five hops: .96, .90 and .844
    assert cells["qwen2.5-7b cat-ep6 hop5"].estimate == pytest.approx((0.96 + 0.90 + 0.844) / 3)
